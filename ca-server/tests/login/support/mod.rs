//! A server's login with a clock that can be set and an audit trail that can fail; no network.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ca_core::log::event::What;
use ca_core::policy::{FactorKind, Purpose, Source};
use ca_core::time::UnixSeconds;
use ca_server::accounts::{Accounts, Enrolment, NewAccount};
use ca_server::clock::Clock;
use ca_server::factors::hash_pool::HashPool;
use ca_server::factors::pepper::Pepper;
use ca_server::factors::sealing::Sealer;
use ca_server::factors::totp::Seed;
use ca_server::login::{
    Audit, AuditUnavailable, Challenge, Login, LoginConfig, LoginError, NewSession, SessionCache, Setup,
};
use ca_server::secret::Secret;
use ca_server::secret_file;
use ca_server::store::Store;
use tempfile::TempDir;
use zeroize::Zeroizing;

/// A Friday, at the beginning of a TOTP step.
pub const START_SECS: u64 = 1_800_000_000;
pub const PEPPER_BYTE: u8 = 5;
pub const PASSWORD: &str = "correct horse battery";

/// Keeps events in memory; records nothing while `broken`.
#[derive(Debug, Default)]
pub struct Recorder {
    pub events: Mutex<Vec<What>>,
    pub broken: AtomicBool,
}

#[async_trait]
impl Audit for Recorder {
    async fn record(&self, event: What) -> Result<(), AuditUnavailable> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(AuditUnavailable { cause: "the store does not answer".to_owned() });
        }
        self.events.lock().unwrap().push(event);
        Ok(())
    }
}

impl Recorder {
    pub fn all(&self) -> Vec<What> {
        self.events.lock().unwrap().clone()
    }

    pub fn count(&self, matches: impl Fn(&What) -> bool) -> usize {
        self.all().iter().filter(|event| matches(event)).count()
    }

    pub fn logins(&self) -> usize {
        self.count(|event| matches!(event, What::LoginSucceeded { .. }))
    }
}

/// One server process.
pub struct Node {
    pub setup: Setup,
    pub login: Arc<Login>,
    pub accounts: Accounts,
}

pub struct World {
    pub folder: TempDir,
    pub millis: Arc<AtomicU64>,
    pub audit: Arc<Recorder>,
    pub node: Node,
}

impl World {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        secret_file::create(&folder.path().join("sealing_key"), &[7; 32]).unwrap();
        let millis = Arc::new(AtomicU64::new(START_SECS * 1000));
        let audit = Arc::new(Recorder::default());
        let node = Node::open(folder.path().join("state.db"), &millis, &audit).await;
        Self { folder, millis, audit, node }
    }

    pub fn database(&self) -> PathBuf {
        self.folder.path().join("state.db")
    }

    /// Starts another process over the same state.
    pub async fn second_node(&self) -> Node {
        Node::open(self.database(), &self.millis, &self.audit).await
    }

    /// Stops the process and starts it again.
    pub async fn restart(&mut self) {
        self.node.setup.store.close().await;
        self.node = self.second_node().await;
    }

    /// Stops the process and starts it again with another pepper.
    pub async fn restart_with(&mut self, pepper: Pepper) {
        self.node.setup.store.close().await;
        self.node = Node::with_pepper(self.database(), &self.millis, &self.audit, pepper).await;
    }

    pub fn now(&self) -> UnixSeconds {
        UnixSeconds(self.millis.load(Ordering::SeqCst) / 1000)
    }

    pub fn pass_secs(&self, secs: u64) {
        self.pass_millis(secs * 1000);
    }

    pub fn pass_millis(&self, millis: u64) {
        self.millis.fetch_add(millis, Ordering::SeqCst);
    }

    pub fn set_secs(&self, secs: u64) {
        self.millis.store(secs * 1000, Ordering::SeqCst);
    }

    pub async fn add_alice(&self) -> Alice {
        let new = NewAccount {
            name: "alice".into(),
            email: "alice@example.com".into(),
            groups: vec!["developers".into()],
            person: None,
            password: PASSWORD.into(),
        };
        Alice::new(self.node.accounts.add(&new, "operator").await.unwrap())
    }

    pub async fn start(&self) -> Result<Challenge, LoginError> {
        self.node.login.start("alice", &PASSWORD.into(), Purpose::Access, &home()).await
    }

    pub async fn finish(&self, challenge: &Challenge, code: &Secret) -> Result<NewSession, LoginError> {
        self.node.login.finish(&challenge.token, FactorKind::Totp, code, &home()).await
    }

    /// Logs in with the code the app shows now.
    pub async fn log_in(&self, alice: &Alice) -> Result<NewSession, LoginError> {
        let challenge = self.start().await?;
        self.finish(&challenge, &alice.code(self.now())).await
    }
}

pub fn pepper() -> Pepper {
    Pepper::new(Zeroizing::new([PEPPER_BYTE; 32]))
}

impl Node {
    pub async fn open(database: PathBuf, millis: &Arc<AtomicU64>, audit: &Arc<Recorder>) -> Self {
        Self::with_pepper(database, millis, audit, pepper()).await
    }

    pub async fn with_pepper(
        database: PathBuf,
        millis: &Arc<AtomicU64>,
        audit: &Arc<Recorder>,
        pepper: Pepper,
    ) -> Self {
        let setup = Setup {
            store: Store::open(&database).await.unwrap(),
            hashes: Arc::new(HashPool::with_threads(2, &Arc::new(pepper)).unwrap()),
            sealer: Arc::new(Sealer::load(&database.with_file_name("sealing_key")).unwrap()),
            audit: audit.clone(),
            clock: Clock::fixed(millis.clone()),
            sessions: Arc::new(SessionCache::default()),
            providers: Arc::default(),
            issuer: "ca.example.com/log".to_owned(),
            public_url: None,
            alerts: Vec::new(),
            ceremonies: None,
        };
        let login = Arc::new(Login::new(setup.clone(), LoginConfig::default()));
        let accounts = Accounts::new(setup.clone());
        Self { setup, login, accounts }
    }

    pub async fn failures(&self, authenticator: &str) -> u64 {
        self.setup.store.failures(authenticator).await.unwrap().count
    }
}

/// The account with its authenticator app.
pub struct Alice {
    pub enrolment: Enrolment,
    pub seed: Seed,
}

impl Alice {
    pub fn new(enrolment: Enrolment) -> Self {
        let seed = totp_rs::Secret::try_from_base32(enrolment.base32.expose()).unwrap();
        let seed = Seed::from_bytes(Zeroizing::new(seed.as_bytes().to_vec())).unwrap();
        Self { enrolment, seed }
    }

    pub fn code(&self, now: UnixSeconds) -> Secret {
        self.seed.code(now).unwrap()
    }

    /// A code that is wrong now.
    pub fn wrong_code(&self, now: UnixSeconds) -> Secret {
        let right = [self.code(now), self.code(now.minus_secs(30))];
        let wrong = ["000000", "000001", "000002"].map(Secret::from);
        wrong.into_iter().find(|code| right.iter().all(|good| good.expose() != code.expose())).unwrap()
    }

    pub fn password(&self) -> String {
        format!("password/{}", self.enrolment.user.id)
    }

    pub async fn totp(&self, node: &Node) -> String {
        let factors = node.setup.store.factors(&self.enrolment.user.id).await.unwrap();
        factors[0].authenticator()
    }
}

pub fn home() -> Source {
    from("192.0.2.7")
}

pub fn from(ip: &str) -> Source {
    Source { ip: ip.parse::<IpAddr>().unwrap(), user_agent: Some("ca/0.1".to_owned()) }
}
