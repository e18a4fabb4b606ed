//! Whole logins as fast as they are taken: password, code, certificate.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use countersign_tests::client::Client;
use countersign_tests::http::trust;
use countersign_tests::person::Person;
use countersign_tests::requests::signed_request;
use countersign_tests::server::{ORIGIN, Server};
use countersign_tests::totp::Phone;

/// How many people log in at the same time.
const CLIENTS: usize = 8;

/// What was measured.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Logins {
    /// How many logins there were.
    pub(crate) count: usize,
    /// Logins per second, each ending with a certificate.
    pub(crate) per_sec: f64,
    /// Bare Argon2 hashes per second on as many threads.
    pub(crate) argon2_per_sec: f64,
}

/// Lets everybody log in twice, with the code of the last step and then with that of this one, as the server takes them.
pub(crate) async fn measure(
    server: &Server,
    people: &Arc<Vec<Person>>,
    argon2_per_sec: f64,
) -> Result<Logins> {
    let step = settled_step().await;
    let start = Instant::now();
    for step in [step - 1, step] {
        everybody(server, people, step).await?;
    }
    let count = people.len() * 2;
    Ok(Logins { count, per_sec: count as f64 / start.elapsed().as_secs_f64(), argon2_per_sec })
}

/// Waits until a step has just begun, so that the codes last for the measurement.
async fn settled_step() -> u64 {
    let before = Phone::step();
    while Phone::step() == before {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    before + 1
}

async fn everybody(server: &Server, people: &Arc<Vec<Person>>, step: u64) -> Result<()> {
    let tls = trust(&server.tls_certificate())?;
    let next = Arc::new(AtomicUsize::new(0));
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = Client::open(server.url(), &tls).await?;
        let (people, next) = (Arc::clone(people), Arc::clone(&next));
        clients.push(tokio::spawn(async move {
            while let Some(person) = people.get(next.fetch_add(1, Ordering::Relaxed)) {
                client.token = None;
                client.login_with(&person.name, &person.password, &person.phone.code_at(step)).await?;
                client.certify(&signed_request(ORIGIN, &person.name, "dev")?).await?;
            }
            Ok::<_, anyhow::Error>(())
        }));
    }
    for client in clients {
        client.await??;
    }
    Ok(())
}
