//! A15: a serial is used once, whatever becomes of the database.

use std::collections::HashSet;
use std::fs;

use anyhow::{Result, ensure};
use ca_api::IssuedCertificate;
use countersign_tests::client::Client;
use countersign_tests::http::trust;
use countersign_tests::log_folder::LogFolder;
use countersign_tests::person::Person;
use countersign_tests::requests::signed_request;
use countersign_tests::server::{ORIGIN, Server};
use tokio::task::JoinSet;

/// How many ask at once, and how often each.
const CLIENTS: usize = 20;
const EACH: usize = 5;

/// What SQLite keeps a database in.
const FILES: [&str; 3] = ["state.db", "state.db-wal", "state.db-shm"];

/// Copies the database of a server that does not run.
fn backup(server: &Server) -> Result<Vec<Option<Vec<u8>>>> {
    let files: Vec<_> = FILES.iter().map(|name| fs::read(server.folder().join(name)).ok()).collect();
    ensure!(files[0].is_some(), "there is no database");
    Ok(files)
}

async fn certificates(server: &Server, token: &str) -> Result<Vec<IssuedCertificate>> {
    let tls = trust(&server.tls_certificate())?;
    let mut asking = JoinSet::new();
    for _ in 0..CLIENTS {
        let (url, tls, token) = (server.url().to_owned(), tls.clone(), token.to_owned());
        asking.spawn(async move {
            let mut client = Client::open(&url, &tls).await?;
            client.token = Some(token);
            let mut issued = Vec::new();
            for _ in 0..EACH {
                issued.push(client.certify(&signed_request(ORIGIN, "ann", "dev")?).await?);
            }
            anyhow::Ok(issued)
        });
    }
    let mut all = Vec::new();
    while let Some(issued) = asking.join_next().await {
        all.extend(issued??);
    }
    Ok(all)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a15_serials_are_never_used_twice_whatever_becomes_of_the_database() -> Result<()> {
    let mut server = Server::start()?;
    let ann = Person::new(&server, "ann", &["engineers"])?;
    let token = crate::session(&server, &ann).await?;
    server.stop()?;
    let backup = backup(&server)?;
    server.serve()?;
    let mut issued = certificates(&server, &token).await?;
    server.stop()?;
    server.serve()?;
    issued.extend(certificates(&server, &token).await?);
    server.kill()?;
    // The database of an hour ago, restored from a backup.
    for (name, bytes) in FILES.iter().zip(backup) {
        let path = server.folder().join(name);
        match bytes {
            Some(bytes) => fs::write(path, bytes)?,
            None => drop(fs::remove_file(path)),
        }
    }
    server.serve()?;
    issued.extend(certificates(&server, &token).await?);
    server.stop()?;
    let log = LogFolder::read(&server.log_folder(), &server.log_key())?;
    let mut serials = HashSet::new();
    for certificate in &issued {
        // Checks as well that the serial is the index of the entry.
        let content = log.check(&certificate.certificate)?.content().clone();
        ensure!(content.serial == certificate.serial && content.serial != 0, "serial {}", content.serial);
        ensure!(serials.insert(content.serial), "serial {} twice", content.serial);
    }
    ensure!(serials.len() == 3 * CLIENTS * EACH, "{} serials", serials.len());
    Ok(())
}
