//! S1: bogus logins from many addresses at a given rate, and people who log in meanwhile.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use ca_api::{LoginRequest, Secret};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval_at};
use tokio_rustls::TlsConnector;

use crate::client::Client;
use crate::http::{Connection, post, trust};
use crate::person::Person;
use crate::requests::signed_request;
use crate::server::{ORIGIN, Server};

/// How many different bogus logins every source has, half of them for people who exist.
const KINDS: usize = 16;

/// A flood to be.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many addresses it comes from, with a connection each.
    pub sources: u16,
    /// How many bogus logins are sent in a second, if the server takes as many.
    pub per_sec: u32,
    /// How many are answered before the first of the people comes.
    pub under_way: u64,
}

/// What came of it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Outcome {
    /// How many bogus logins were answered from the first to the last of the people, and how long that was.
    pub meanwhile: (u64, Duration),
    /// How many were answered in all.
    pub answered: u64,
    /// How many of these were turned away because too many wait.
    pub turned_away: u64,
    /// How long each of those took, from connecting to the certificate, who had logged in on their device before.
    pub known: Vec<Duration>,
    /// How long those took who had not.
    pub new: Vec<Duration>,
}

#[derive(Debug, Default)]
struct Counts {
    answered: AtomicU64,
    turned_away: AtomicU64,
    over: AtomicBool,
}

/// Floods the server, and has one of the people after the other get a certificate, each from an address of their own:
/// first one half, who have logged in before and whose passwords the flood guesses at, then the other, who never did.
pub async fn measure(server: &Server, plan: Plan, people: &[Person]) -> Result<Outcome> {
    let (regulars, newcomers) = people.split_at(people.len() / 2);
    let mut devices = Vec::new();
    for person in regulars {
        let mut client = Client::connect(server).await?;
        client.login(person).await?;
        devices.push(client.device.context("the device is known")?);
    }
    let counts = Arc::new(Counts::default());
    let names: Vec<_> = regulars.iter().map(|person| person.name.clone()).collect();
    let mut flood = pour(server, plan, &names, &counts).await?;
    counts.reach(plan.under_way).await?;

    let (begun, before) = (Instant::now(), counts.answered.load(Ordering::SeqCst));
    let mut took = Vec::new();
    let devices = devices.into_iter().map(Some).chain(newcomers.iter().map(|_| None));
    for (number, (person, device)) in (1..=u8::MAX).zip(people.iter().zip(devices)) {
        let from = Ipv4Addr::new(127, 8, 0, number).into();
        took.push(certificate(server, person, from, device).await?);
    }
    let new = took.split_off(regulars.len());
    let meanwhile = (counts.answered.load(Ordering::SeqCst) - before, begun.elapsed());

    counts.over.store(true, Ordering::SeqCst);
    while let Some(ended) = flood.join_next().await {
        ended??;
    }
    let (answered, turned_away) =
        (counts.answered.load(Ordering::SeqCst), counts.turned_away.load(Ordering::SeqCst));
    Ok(Outcome { meanwhile, answered, turned_away, known: took, new })
}

/// Connects from every source, then lets them all begin.
async fn pour(
    server: &Server,
    plan: Plan,
    names: &[String],
    counts: &Arc<Counts>,
) -> Result<JoinSet<Result<()>>> {
    let tls = trust(&server.tls_certificate())?;
    let mut ready = Vec::new();
    for number in 0..plan.sources {
        let [high, low] = number.to_be_bytes();
        let connection =
            Connection::open_from(Ipv4Addr::new(127, 9, high, low).into(), server.url(), &tls).await?;
        ready.push((connection, bogus_logins(number, names)?));
    }
    let every = Duration::from_secs(plan.sources.into()) / plan.per_sec;
    let start = tokio::time::Instant::now();
    let mut flood = JoinSet::new();
    for (number, (connection, logins)) in (0..).zip(ready) {
        let first = start + every * number / u32::from(plan.sources);
        flood.spawn(send(connection, logins, first, every, Arc::clone(counts)));
    }
    Ok(flood)
}

/// Sends what is due, late when the answer before was, until it is over.
async fn send(
    mut connection: Connection,
    logins: Vec<Vec<u8>>,
    first: tokio::time::Instant,
    every: Duration,
    counts: Arc<Counts>,
) -> Result<()> {
    let mut due = interval_at(first, every);
    due.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for login in logins.iter().cycle() {
        due.tick().await;
        if counts.over.load(Ordering::SeqCst) {
            break;
        }
        let answer = connection.send(login).await?;
        ensure!([401, 429, 503].contains(&answer.status), "a bogus login is answered {}", answer.status);
        counts.answered.fetch_add(1, Ordering::SeqCst);
        counts.turned_away.fetch_add(u64::from(answer.status == 503), Ordering::SeqCst);
    }
    Ok(())
}

/// Writes bogus logins, in turn for somebody who exists and for nobody.
fn bogus_logins(source: u16, names: &[String]) -> Result<Vec<Vec<u8>>> {
    let login = |kind: usize| {
        let somebody =
            names.get((usize::from(source) + kind) % names.len()).filter(|_| kind.is_multiple_of(2));
        let user = somebody.map_or_else(|| format!("nobody-{source}-{kind}"), Clone::clone);
        let password = Secret("not the password".to_owned());
        post("/v1/login", None, &LoginRequest { user, password, purpose: None, device: None })
    };
    (0..KINDS).map(login).collect()
}

impl Counts {
    async fn reach(&self, answered: u64) -> Result<()> {
        let waiting = async {
            while self.answered.load(Ordering::SeqCst) < answered {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(90), waiting).await.context("the flood is no flood")
    }
}

/// Connects, logs in with password and code, and gets a certificate; gives how long that took.
async fn certificate(
    server: &Server,
    person: &Person,
    from: IpAddr,
    device: Option<Secret>,
) -> Result<Duration> {
    let tls: TlsConnector = trust(&server.tls_certificate())?;
    let code = person.phone.code();
    let request = signed_request(ORIGIN, &person.name, "dev")?;
    let begun = Instant::now();
    let connection = Connection::open_from(from, server.url(), &tls).await?;
    let mut client = Client { connection, token: None, device };
    client.login_with(&person.name, &person.password, &code).await.context("somebody real logs in")?;
    client.certify(&request).await.context("somebody real gets a certificate")?;
    Ok(begun.elapsed())
}
