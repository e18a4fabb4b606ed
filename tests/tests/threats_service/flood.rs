//! S1: bogus logins from many addresses, as fast as the machine can, while people log in on devices that are known.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use ca_api::{LoginRequest, Secret};
use countersign_tests::client::Client;
use countersign_tests::http::{Connection, post, trust};
use countersign_tests::person::Person;
use countersign_tests::requests::signed_request;
use countersign_tests::server::{ORIGIN, Server};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// How many addresses the flood comes from, with a connection each: more than there are places in the hash pool.
const SOURCES: u16 = 150;

/// How many people log in meanwhile, one after the other.
const PEOPLE: usize = 7;

/// How many bogus logins are answered before the first of them does.
const UNDER_WAY: u64 = 1_000;

/// What the server may have in memory at its peak, in KiB: 150 MiB.
const MEMORY_KIB: u64 = 150 * 1024;

/// The bogus logins.
#[derive(Default)]
struct Flood {
    answered: AtomicU64,
    overloaded: AtomicU64,
    over: AtomicBool,
}

impl Flood {
    /// Sends bogus logins for people who exist and for people who do not, until it is over.
    async fn run(&self, number: u16, url: &str, tls: &TlsConnector) -> Result<()> {
        let [high, low] = number.to_be_bytes();
        let source = Ipv4Addr::new(127, 9, high, low).into();
        let mut connection = Connection::open_from(source, url, tls).await?;
        for round in 0_u64.. {
            if self.over.load(Ordering::SeqCst) {
                break;
            }
            let user = match round % 2 {
                0 => format!("s1-{}", usize::from(number) % PEOPLE),
                _ => format!("nobody-{number}-{round}"),
            };
            let password = Secret("not the password".to_owned());
            let body = LoginRequest { user, password, purpose: None, device: None };
            let answer = connection.send(&post("/v1/login", None, &body)?).await?;
            ensure!([401, 429, 503].contains(&answer.status), "a bogus login is answered {}", answer.status);
            self.answered.fetch_add(1, Ordering::SeqCst);
            self.overloaded.fetch_add(u64::from(answer.status == 503), Ordering::SeqCst);
        }
        Ok(())
    }

    async fn is_under_way(&self) -> Result<()> {
        let waiting = async {
            while self.answered.load(Ordering::SeqCst) < UNDER_WAY {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(90), waiting).await.context("the flood is no flood")
    }
}

/// Somebody who has logged in on this device before.
async fn regular(server: &Server, name: &str) -> Result<(Person, Option<Secret>)> {
    let person = Person::new(server, name, &["engineers"])?;
    let mut client = Client::connect(server).await?;
    client.login(&person).await?;
    ensure!(client.device.is_some(), "the device is known");
    Ok((person, client.device))
}

/// Connects, logs in with password and code, and gets a certificate; gives how long that took.
async fn certificate(server: &Server, person: &Person, device: Option<Secret>) -> Result<Duration> {
    let code = person.phone.code();
    let request = signed_request(ORIGIN, &person.name, "dev")?;
    let begun = Instant::now();
    let mut client = Client::connect(server).await?;
    client.device = device;
    client.login_with(&person.name, &person.password, &code).await.context("the owner logs in")?;
    client.certify(&request).await.context("the owner gets a certificate")?;
    Ok(begun.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn s1_people_log_in_within_2_s_through_a_flood_of_bogus_logins_and_memory_is_bounded() -> Result<()> {
    let server = Server::start()?;
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        people.push(regular(&server, &format!("s1-{number}")).await?);
    }
    let flood = Arc::new(Flood::default());
    let tls = trust(&server.tls_certificate())?;
    let mut bogus = JoinSet::new();
    for number in 0..SOURCES {
        let (flood, url, tls) = (Arc::clone(&flood), server.url().to_owned(), tls.clone());
        bogus.spawn(async move { flood.run(number, &url, &tls).await });
    }
    flood.is_under_way().await?;
    let mut took = Vec::new();
    for (person, device) in people {
        took.push(certificate(&server, &person, device).await?);
    }
    flood.over.store(true, Ordering::SeqCst);
    while let Some(ended) = bogus.join_next().await {
        ended??;
    }
    took.sort_unstable();
    let median = took[PEOPLE / 2];
    let (answered, overloaded) =
        (flood.answered.load(Ordering::SeqCst), flood.overloaded.load(Ordering::SeqCst));
    let memory = server.process()?.memory_kib("VmHWM")?;
    println!("{answered} bogus logins, {overloaded} turned away; {took:?}; {memory} KiB");
    ensure!(median < Duration::from_secs(2), "half of the logins took longer than {median:?}: {took:?}");
    ensure!(overloaded > 0, "the flood never filled the hash pool");
    ensure!(memory < MEMORY_KIB, "{memory} KiB in memory");
    ensure!(!server.output().contains("panicked"), "the server panicked");
    Ok(())
}
