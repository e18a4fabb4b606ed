//! `/log/…`: what everyone may read, what only auditors may, and what nobody may.

use anyhow::{Result, ensure};
use countersign_tests::client::Client;
use countersign_tests::person::Person;
use countersign_tests::server::Server;
use countersign_tests::wire::Wire;

use crate::server;
use crate::witness::Witness;

/// Logs somebody in and gives the session's token.
async fn session(server: &Server, name: &str, group: &str) -> Result<Option<String>> {
    let person = Person::new(server, name, &[group])?;
    let mut client = Client::connect(server).await?;
    client.login(&person).await?;
    Ok(client.token)
}

#[tokio::test]
async fn checkpoints_tiles_and_entries_are_for_everyone() -> Result<()> {
    let server = server()?;
    Witness::new(&server, "everyone").await?.certificate().await?;
    let wire = Wire::to(&server)?;
    let checkpoint = wire.get("/log/checkpoint", None).await?;
    let text = "text/plain; charset=utf-8";
    ensure!(checkpoint.status == 200 && checkpoint.header("content-type") == Some(text), "{checkpoint:?}");
    let size: u64 = checkpoint.text().lines().nth(1).unwrap_or_default().parse()?;
    let width = if size < 256 { format!(".p/{size}") } else { String::new() };
    for (path, kind) in [
        (format!("checkpoints/{size:020}"), text),
        (format!("tile/0/000{width}"), "application/octet-stream"),
        (format!("tile/entries/000{width}"), "application/octet-stream"),
    ] {
        let path = format!("/log/{path}");
        let found = wire.get(&path, None).await?;
        ensure!(found.status == 200 && found.header("content-type") == Some(kind), "{path}: {found:?}");
        ensure!(found.header("cache-control").is_some_and(|cache| cache.contains("immutable")), "{found:?}");
        let head = wire.call("HEAD", &path, &[], b"").await?;
        ensure!(head.status == 200 && head.body.is_empty(), "{head:?}");
        ensure!(head.header("content-length") == Some(found.body.len().to_string().as_str()), "{head:?}");
        ensure!(head.header("content-type") == Some(kind), "{head:?}");
    }
    Ok(())
}

#[tokio::test]
async fn the_journal_is_for_auditors_and_officers() -> Result<()> {
    let server = server()?;
    let wire = Wire::to(&server)?;
    let (object, listing) = ("/log/journal/00000000000000000000", "/log/journal/");
    let engineer = session(&server, "reader-e", "engineers").await?;
    for path in [object, listing] {
        wire.get(path, None).await?.expect(401, "no-session")?;
        wire.get(path, Some("cs_s_nobodys")).await?.expect(401, "no-session")?;
        wire.get(path, engineer.as_deref()).await?.expect(403, "not-allowed")?;
    }
    for group in ["auditors", "security-officers"] {
        let token = session(&server, &format!("reader-{group}"), group).await?;
        let journal = wire.get(object, token.as_deref()).await?;
        ensure!(
            journal.status == 200 && journal.text().starts_with("countersign journal v1\n"),
            "{journal:?}"
        );
        ensure!(
            wire.get(listing, token.as_deref()).await?.text().starts_with("journal/00000000000000000000")
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_listing_goes_on_where_it_stopped() -> Result<()> {
    let server = server()?;
    let witness = Witness::new(&server, "lister").await?;
    let wire = Wire::to(&server)?;
    let mut serial = 0;
    for _ in 0..3 {
        serial = witness.certificate().await?;
    }
    let names = wire.get("/log/checkpoints/", None).await?.text();
    let names: Vec<&str> = names.lines().collect();
    ensure!(names.len() >= 3 && names.is_sorted(), "{names:?}");
    let rest = wire.get(&format!("/log/checkpoints/?after={}", names[1]), None).await?.text();
    ensure!(rest.lines().next() == Some(names[2]), "after {}: {rest}", names[1]);
    let beyond = wire.get(&format!("/log/checkpoints/?after=checkpoints/{:020}", u64::MAX), None).await?;
    ensure!(beyond.status == 200 && beyond.body.is_empty(), "after the end: {beyond:?}");
    ensure!(serial > 0);
    wire.get("/log/checkpoints/?before=x", None).await?.expect(400, "malformed").map(drop)
}

#[tokio::test]
async fn nothing_else_of_the_store_can_be_read() -> Result<()> {
    let server = server()?;
    let auditor = session(&server, "prober", "auditors").await?;
    let wire = Wire::to(&server)?;
    // It is there, but not an object of the log.
    std::fs::write(server.log_folder().join("probe/seen"), "a probe")?;
    for path in [
        "probe/seen",
        "probe/",
        "tmp/",
        "tile/",
        "tile/0/",
        "",
        "..",
        "../ca_key",
        "%2e%2e/ca_key",
        "..%2fca_key",
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2fetc%2fpasswd",
        "/etc/passwd",
        "//etc/passwd",
        "checkpoint%00",
        "checkpoint%00.txt",
        "checkpoint/",
        "checkpoint/..",
        "./checkpoint",
        "checkpoints/..%2fcheckpoint",
        "checkpoints/1",
        "checkpoints/0000000000000000000a",
        "checkpoints/%2000000000000000000001",
        "checkpoints/99999999999999999999",
        "journal/..%2f..%2fca_key",
        "journal/99999999999999999999",
        "journal/000000000000000000001",
        "journal",
        "JOURNAL/00000000000000000000",
        "tile/0/000.p/0",
        "tile/0/000.p/257",
        "tile/0/0",
        "tile/9999/000",
        "tile/-1/000",
        "tile/0/x000/000",
        "tile/0/000.p/1/..",
        "tile%2f0%2f..%2f..%2fcheckpoint",
        "config.toml",
        "..\\ca_key",
        "checkpoint.tmp",
    ] {
        for token in [None, auditor.as_deref()] {
            let reply = wire.get(&format!("/log/{path}"), token).await?;
            let status = if path.starts_with("journal/") && token.is_none() { 401 } else { 404 };
            ensure!(reply.status == status, "{path:?} with {token:?}: {} {}", reply.status, reply.text());
            reply.problem()?;
        }
    }
    let mut outside = wire.get("/log/../v1/trust", None).await?;
    ensure!(outside.status == 404, "{outside:?}");
    outside = wire.call("POST", "/log/checkpoint", &[], b"mine").await?;
    outside.expect(405, "method-not-allowed").map(drop)
}
