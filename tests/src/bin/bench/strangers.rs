//! F9: whether the time that a refusal takes tells an account that exists from one that does not.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use ca_api::{LoginRequest, Secret};
use countersign_tests::http::{Connection, post, trust};
use countersign_tests::person::Person;
use countersign_tests::server::Server;

/// How often everybody tries; the third failure of an account would be the first that has to wait.
const ROUNDS: usize = 2;

/// How many pairs of failures come from one address, which may have a hundred.
const PAIRS: usize = 25;

/// What was measured.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Strangers {
    /// How many refusals of each kind there were.
    pub(crate) each: usize,
    /// The median for accounts that exist, with a wrong password, in milliseconds.
    pub(crate) wrong_ms: f64,
    /// The median for names that nobody has, in milliseconds.
    pub(crate) unknown_ms: f64,
    /// Of all pairs of one of each kind, in how many the one with the account takes longer; a half when nothing can be told.
    pub(crate) longer: f64,
}

impl Strangers {
    /// Writes them in one line; the error is that of a rank sum, twice.
    pub(crate) fn in_words(&self) -> String {
        let error = 2.0 * (1.0 / (6.0 * self.each as f64)).sqrt();
        format!(
            "{:.2} ms with an account, {:.2} ms without; with one longer in {:.1} % (50 ± {:.1} if nothing can be told), {} each",
            self.wrong_ms,
            self.unknown_ms,
            100.0 * self.longer,
            100.0 * error,
            self.each
        )
    }
}

/// Has everybody's password guessed wrongly, and as often that of nobody, in turn.
pub(crate) async fn measure(server: &Server, people: &[Person]) -> Result<Strangers> {
    let tls = trust(&server.tls_certificate())?;
    let (mut wrong, mut unknown) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        for (block, people) in people.chunks(PAIRS).enumerate() {
            let source = Ipv4Addr::new(127, 9, u8::try_from(round)?, u8::try_from(block + 1)?);
            let mut connection = Connection::open_from(IpAddr::V4(source), server.url(), &tls).await?;
            for (n, person) in people.iter().enumerate() {
                let nobody = format!("stranger{block}-{n}");
                if (n + round) % 2 == 0 {
                    wrong.push(refusal(&mut connection, &person.name).await?);
                    unknown.push(refusal(&mut connection, &nobody).await?);
                } else {
                    unknown.push(refusal(&mut connection, &nobody).await?);
                    wrong.push(refusal(&mut connection, &person.name).await?);
                }
            }
        }
    }
    let longer = longer(&wrong, &unknown);
    let each = wrong.len();
    Ok(Strangers { each, wrong_ms: median(&mut wrong), unknown_ms: median(&mut unknown), longer })
}

async fn refusal(connection: &mut Connection, user: &str) -> Result<Duration> {
    let request = LoginRequest {
        user: user.to_owned(),
        password: Secret("certainly not the password".to_owned()),
        purpose: None,
        device: None,
    };
    let request = post("/v1/login", None, &request)?;
    let start = Instant::now();
    let answer = connection.send(&request).await?;
    ensure!(answer.status == 401, "status {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
    Ok(start.elapsed())
}

/// Counts pairs as Mann and Whitney do.
fn longer(wrong: &[Duration], unknown: &[Duration]) -> f64 {
    let pairs = wrong.iter().flat_map(|a| unknown.iter().map(move |b| a > b));
    pairs.filter(|longer| *longer).count() as f64 / (wrong.len() * unknown.len()) as f64
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}
