//! Clients that ask for certificates as fast as they get them.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use ca_api::{IssuedCertificate, Trust};
use ca_core::cert::UnverifiedCertificate;
use ca_core::issuance::LogEvidence;
use ca_core::log::VerifierKey;
use countersign_tests::client::Client;
use countersign_tests::http::{Connection, get, post};
use countersign_tests::person::Person;
use countersign_tests::requests::signed_request;
use countersign_tests::server::ORIGIN;
use tokio_rustls::TlsConnector;

/// Every how many answers one is verified after the measurement.
const SAMPLE: usize = 64;

/// One person with a session, and the requests they are going to send.
pub(crate) struct Asker {
    /// The name of the account.
    pub(crate) user: String,
    /// The connection, logged in.
    pub(crate) client: Client,
    url: String,
    tls: TlsConnector,
    requests: Vec<Vec<u8>>,
}

/// What was measured.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct Outcome {
    /// How many clients there were.
    pub(crate) clients: usize,
    /// How many certificates were issued while all clients were busy.
    pub(crate) certificates: usize,
    /// Certificates per second.
    pub(crate) per_sec: f64,
    /// The median of the answers' times, in milliseconds.
    pub(crate) p50_ms: f64,
    /// Ninety-nine of a hundred answers took at most this long, in milliseconds.
    pub(crate) p99_ms: f64,
}

/// What was measured, and what it cost the server.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct Measured {
    /// What the clients saw.
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
    /// The processor time of the server for one certificate, in microseconds.
    pub(crate) server_cpu_us: f64,
}

/// When an answer came, how long it took, and which serial it gave.
struct Answered {
    at: Instant,
    took: Duration,
    serial: u64,
}

impl Asker {
    /// Connects and logs in.
    pub(crate) async fn log_in(url: &str, tls: &TlsConnector, person: &Person) -> Result<Self> {
        let mut client = Client::open(url, tls).await?;
        client.login(person).await?;
        let (user, url, tls) = (person.name.clone(), url.to_owned(), tls.clone());
        Ok(Self { user, client, url, tls, requests: Vec::new() })
    }

    /// Connects anew: the server closes connections on which nothing comes for a while.
    async fn reconnect(&mut self) -> Result<()> {
        self.client.connection = Connection::open(&self.url, &self.tls).await?;
        Ok(())
    }

    /// Prepares requests, each with a key and an id of its own; they are good for two minutes.
    pub(crate) fn prepare(&mut self, count: usize) -> Result<()> {
        let token = self.client.token.as_deref();
        let one = |_| post("/v1/certificates", token, &signed_request(ORIGIN, &self.user, "dev")?);
        self.requests = (0..count).map(one).collect::<Result<_>>()?;
        Ok(())
    }

    /// Sends all requests, one after the other, and keeps a sample of the answers.
    async fn ask(&mut self) -> Result<(Vec<Answered>, Vec<Vec<u8>>)> {
        let mut answered = Vec::with_capacity(self.requests.len());
        let mut sample = Vec::new();
        for (i, request) in self.requests.drain(..).enumerate() {
            let sent = Instant::now();
            let answer = self.client.connection.send(&request).await?;
            let at = Instant::now();
            if answer.status != 200 && answer.status != 201 {
                bail!("status {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
            }
            answered.push(Answered { at, took: at - sent, serial: serial_in(&answer.body)? });
            if i % SAMPLE == 0 {
                sample.push(answer.body);
            }
        }
        Ok((answered, sample))
    }
}

/// Lets everybody ask at once until the first has nothing left to ask, then verifies a sample of the answers.
pub(crate) async fn measure(askers: Vec<Asker>, each: usize, trust: &Trust) -> Result<(Vec<Asker>, Outcome)> {
    let mut ready = askers;
    ready.iter_mut().try_for_each(|asker| asker.prepare(each))?;
    for asker in &mut ready {
        asker.reconnect().await?;
    }
    let start = Instant::now();
    let asking: Vec<_> = ready
        .into_iter()
        .map(|mut asker| {
            tokio::spawn(async move {
                let answers = asker.ask().await;
                (asker, answers)
            })
        })
        .collect();
    let (mut askers, mut answered, mut sample, mut ends) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for task in asking {
        let (asker, answers) = task.await?;
        let (mine, kept) = answers?;
        ends.extend(mine.last().map(|a: &Answered| a.at));
        askers.push(asker);
        answered.extend(mine);
        sample.extend(kept);
    }
    let window = ends.into_iter().min().context("nobody asked")? - start;
    verify(trust, &sample)?;
    let outcome = outcome(askers.len(), start, window, &answered)?;
    Ok((askers, outcome))
}

/// Counts what was answered while everybody was busy; the time of every answer counts for the percentiles.
fn outcome(clients: usize, start: Instant, window: Duration, all: &[Answered]) -> Result<Outcome> {
    let serials: HashSet<u64> = all.iter().map(|a| a.serial).collect();
    ensure!(serials.len() == all.len() && !serials.contains(&0), "a serial was zero or given twice");
    let certificates = all.iter().filter(|a| a.at <= start + window).count();
    let mut times: Vec<Duration> = all.iter().map(|a| a.took).collect();
    times.sort_unstable();
    Ok(Outcome {
        clients,
        certificates,
        per_sec: certificates as f64 / window.as_secs_f64(),
        p50_ms: percentile(&times, 50),
        p99_ms: percentile(&times, 99),
    })
}

fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(0.0, |d| d.as_secs_f64() * 1000.0)
}

/// Checks that sampled answers are certificates of this authority with a proof that holds.
fn verify(trust: &Trust, sample: &[Vec<u8>]) -> Result<()> {
    let key: VerifierKey = trust.log_key.parse()?;
    for body in sample {
        let issued: IssuedCertificate = serde_json::from_slice(body)?;
        let certificate = UnverifiedCertificate::from_openssh(&issued.certificate)?.verify()?;
        let ca = certificate.ca().to_string();
        ensure!(trust.user_ca_keys.iter().any(|k| k.starts_with(&ca)), "signed by another CA: {ca}");
        let evidence = LogEvidence::of(certificate.content())?.context("no proof in the certificate")?;
        ensure!(
            evidence.verify(certificate.content(), &key)?.index == issued.serial,
            "another entry's proof"
        );
    }
    Ok(())
}

/// Reads the serial without parsing the rest, which would be measured too.
fn serial_in(body: &[u8]) -> Result<u64> {
    const NAME: &[u8] = b"\"serial\":";
    let start = body.windows(NAME.len()).rposition(|w| w == NAME).context("no serial")? + NAME.len();
    let digits: Vec<u8> = body[start..].iter().copied().take_while(u8::is_ascii_digit).collect();
    Ok(std::str::from_utf8(&digits)?.parse()?)
}

/// Asks the server what to trust.
pub(crate) async fn trust(client: &mut Client) -> Result<Trust> {
    client.connection.send(&get("/v1/trust")).await?.json()
}
