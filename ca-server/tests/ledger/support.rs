//! Nodes, keys and requests for the tests.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use ca_core::cert::Certificate;
use ca_core::issuance::{Cas, HostCa, UserCa};
use ca_core::log::event::What;
use ca_core::names::RequestId;
use ca_core::policy::{
    Decision, Factor, FactorKind, Facts, Policy, PolicyFiles, Session, Source, User, decide,
};
use ca_core::request::{CertRequest, NAMESPACE, ProvenRequest};
use ca_core::ssh::{CertifiableKey, HashedMessage, PublicKey, Signature};
use ca_core::time::UnixMillis;
use ca_server::clock::Clock;
use ca_server::ledger::{
    Approved, CertificateDraft, Committed, Draft, HighWater, Ledger, LedgerError, LogKeys, RecoverError,
    Setup, Tasks,
};
use ca_server::objects::ObjectStore;
use ca_server::objects::memory::Memory;
use ca_server::signer::CaKey;

pub(crate) const ORIGIN: &str = "ca.example.com/log";
pub(crate) const LOG_SEED: [u8; 32] = [7; 32];

/// When the tests take place, in milliseconds.
pub(crate) const NOON: u64 = 1_800_000_000_000;

const POLICY: &str = r#"
[profiles.dev]
description = "Your own account"
principals = ["{user}"]
default_ttl = "8h"
max_ttl = "12h"
factors = ["totp"]
login_max_age = "12h"
extensions = ["permit-pty"]
"#;

const RULES: &str = "@id(\"engineers\") \
    permit (principal in Group::\"engineers\", action == Action::\"request\", resource);";

static DECIDING: LazyLock<Policy> = LazyLock::new(|| {
    let (profiles, rules) = (POLICY.to_owned(), RULES.to_owned());
    Policy::read(&PolicyFiles { profiles, rules, cases: None }).unwrap()
});
static CLIENT: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[3; 32]).unwrap());
static CA: LazyLock<CaKey> = LazyLock::new(|| ca_key(9));

/// The CA key of the tests.
pub(crate) fn ca() -> &'static CaKey {
    &CA
}

/// The CA keys of the tests.
fn cas() -> Cas {
    Cas::new(UserCa::new(ca().public().clone()), HostCa::new(ca_key(10).public().clone())).unwrap()
}

/// Makes a CA key and loads it as the server does.
pub(crate) fn ca_key(seed: u8) -> CaKey {
    let pair = ssh_key::private::Ed25519Keypair::from_seed(&[seed; 32]);
    let text = ssh_key::PrivateKey::from(pair).to_openssh(ssh_key::LineEnding::LF).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca");
    ca_server::secret_file::create(&path, text.as_bytes()).unwrap();
    CaKey::load(&path, None).unwrap()
}

/// The log's keys.
pub(crate) fn log_keys() -> LogKeys {
    LogKeys::new(ORIGIN.parse().unwrap(), &LOG_SEED).unwrap()
}

/// The public key of the requests.
pub(crate) fn client_key() -> CertifiableKey {
    let mut blob = Vec::new();
    for part in [b"ssh-ed25519".as_slice(), CLIENT.public_key().as_ref()] {
        blob.extend_from_slice(&u32::try_from(part.len()).unwrap().to_be_bytes());
        blob.extend_from_slice(part);
    }
    CertifiableKey::try_from(PublicKey::from_blob(&blob).unwrap()).unwrap()
}

/// A request for a certificate, as a client would send it any number of times.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) id: RequestId,
    reason: String,
    proven: ProvenRequest,
}

impl Ask {
    /// A request made at a time; the number tells it from others.
    pub(crate) fn at(millis: u64, number: u128) -> Self {
        Self::with(RequestId::from_parts(UnixMillis(millis), number), &format!("work {number}"))
    }

    pub(crate) fn new(number: u128) -> Self {
        Self::at(NOON, number)
    }

    /// The same id with another text.
    pub(crate) fn other_text(&self) -> Self {
        Self::with(self.id, &format!("not {}", self.reason))
    }

    fn with(id: RequestId, reason: &str) -> Self {
        let request = CertRequest {
            authority: ORIGIN.parse().unwrap(),
            id,
            user: "alice".parse().unwrap(),
            profile: "dev".parse().unwrap(),
            ttl: None,
            principals: None,
            key: client_key(),
            reason: Some(reason.parse().unwrap()),
        };
        let hashed = HashedMessage::new(NAMESPACE, request.to_text().as_bytes());
        let signature = Signature::new("ssh-ed25519", CLIENT.sign(&hashed.to_be_signed()).as_ref());
        let armoured = hashed.armour(request.key.key(), &signature);
        Self { id, reason: reason.to_owned(), proven: ProvenRequest::verify(request, armoured).unwrap() }
    }

    /// What the server makes of it when it had to be approved, and was claimed for issuing at a time.
    pub(crate) fn approved(&self, claimed_at: u64) -> Draft {
        let Draft::Certificate(mut draft) = self.draft() else { panic!("a certificate") };
        let claimed_at = UnixMillis(claimed_at);
        draft.approved = Some(Approved { claimed_at, signed: Vec::new(), approvers: Vec::new() });
        Draft::Certificate(draft)
    }

    /// What the server makes of it; every time with another nonce, as the server does.
    pub(crate) fn draft(&self) -> Draft {
        let now = self.id.time().seconds();
        let facts = Facts {
            user: User {
                name: "alice".parse().unwrap(),
                email: "alice@example.com".parse().unwrap(),
                groups: ["engineers".parse().unwrap()].into(),
                enabled: true,
                person: None,
                reduced_until: None,
            },
            session: Session {
                id: "s1".to_owned(),
                factors: vec![Factor { kind: FactorKind::Totp, at: now }],
                key: None,
            },
            source: Source { ip: [192, 0, 2, 7].into(), user_agent: None },
            key_revoked: false,
            waited: None,
        };
        let Decision::Grant(grant) = decide(&DECIDING, self.proven.request(), &facts, now) else {
            panic!("the policy of the tests grants")
        };
        let mut nonce = [0; 32];
        getrandom::fill(&mut nonce).unwrap();
        Draft::Certificate(Box::new(CertificateDraft {
            request: self.proven.clone(),
            facts,
            policy: DECIDING.id(),
            decided_at: now,
            grant: *grant,
            nonce,
            approved: None,
        }))
    }
}

/// An event with a number in it.
pub(crate) fn event(number: u64) -> Draft {
    Draft::Event(What::SigningFailed { index: number, cause: "a test".to_owned() })
}

/// Makes the certificate of a committed request.
pub(crate) fn sign(committed: Committed) -> Certificate {
    ca().sign(committed.into_logged().unwrap().unwrap()).unwrap()
}

/// What a node remembers outside of the log: the tests' database.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(pub(crate) Arc<Mutex<Option<String>>>);

impl Seen {
    pub(crate) fn note(&self) -> Option<String> {
        self.0.lock().unwrap().clone()
    }

    /// A database of its own with the same content: a backup.
    pub(crate) fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.note())))
    }
}

#[async_trait]
impl HighWater for Seen {
    async fn load(&self) -> Result<Option<String>, String> {
        Ok(self.note())
    }

    async fn store(&self, note: &str) -> Result<(), String> {
        let size = |note: &str| note.lines().nth(1).unwrap().parse::<u64>().unwrap();
        let mut seen = self.0.lock().unwrap();
        assert!(seen.as_deref().is_none_or(|seen| size(seen) < size(note)), "what was seen never shrinks");
        *seen = Some(note.to_owned());
        Ok(())
    }
}

/// A clock that all nodes of a test share.
#[derive(Clone, Debug)]
pub(crate) struct Time(pub(crate) Arc<AtomicU64>);

impl Default for Time {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(NOON)))
    }
}

impl Time {
    pub(crate) fn pass(&self, millis: u64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }

    pub(crate) fn set(&self, millis: u64) {
        self.0.store(millis, Ordering::SeqCst);
    }
}

/// Gives what a node with this name needs to run on a store.
pub(crate) fn setup(store: Arc<dyn ObjectStore>, name: &str, time: &Time) -> Setup {
    Setup {
        store,
        keys: Arc::new(log_keys()),
        cas: cas(),
        node: name.to_owned(),
        clock: Clock::fixed(Arc::clone(&time.0)),
    }
}

/// Opens the log, or creates it when there is none.
pub(crate) async fn open_or_create(setup: Setup, seen: &Seen) -> Result<(Ledger, Tasks), RecoverError> {
    match Ledger::open(setup.clone(), Arc::new(seen.clone())).await {
        Err(RecoverError::NoLog) => Ledger::create(setup, Arc::new(seen.clone())).await,
        other => other,
    }
}

/// A bucket with a log, a clock, and what is remembered outside.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) bucket: Memory,
    pub(crate) seen: Seen,
    pub(crate) time: Time,
}

impl World {
    /// A new log whose first entry is published.
    pub(crate) async fn new() -> Self {
        let world = Self::default();
        let node = world.node("first").await;
        node.stop().await;
        world
    }

    pub(crate) fn setup(&self, name: &str) -> Setup {
        setup(Arc::new(self.bucket.reopen()), name, &self.time)
    }

    /// Tries to take up the log.
    pub(crate) async fn open(&self) -> Result<Node, RecoverError> {
        Node::open(self.setup("opened"), &self.seen).await
    }

    /// Starts a node with a connection of its own.
    pub(crate) async fn node(&self, name: &str) -> Node {
        self.node_on(Arc::new(self.bucket.reopen()), name).await
    }

    /// Starts a node on a store.
    pub(crate) async fn node_on(&self, store: Arc<dyn ObjectStore>, name: &str) -> Node {
        let (ledger, tasks) = open_or_create(setup(store, name, &self.time), &self.seen).await.unwrap();
        Node { ledger, tasks }
    }

    /// Starts a node on this very connection, whose faults then meet it.
    pub(crate) async fn node_here(&self, name: &str) -> Node {
        self.node_on(Arc::new(self.bucket.clone()), name).await
    }

    /// Commits events in one round, and stops when they are published.
    pub(crate) async fn grow(&self, events: u64) {
        let node = self.node("grower").await;
        node.append_all((0..events).map(event)).await;
        node.stop().await;
    }

    pub(crate) fn bytes(&self, key: &str) -> Vec<u8> {
        let bytes = self.bucket.remove(key).unwrap_or_else(|| panic!("{key} is not there"));
        self.bucket.overwrite(key, bytes.clone());
        bytes.to_vec()
    }
}

/// A running node.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) ledger: Ledger,
    tasks: Tasks,
}

impl Node {
    pub(crate) fn of(ledger: Ledger, tasks: Tasks) -> Self {
        Self { ledger, tasks }
    }

    pub(crate) async fn open(setup: Setup, seen: &Seen) -> Result<Self, RecoverError> {
        let (ledger, tasks) = Ledger::open(setup, Arc::new(seen.clone())).await?;
        Ok(Self { ledger, tasks })
    }

    pub(crate) async fn append(&self, draft: Draft) -> Result<Committed, LedgerError> {
        self.ledger.append(draft).await
    }

    pub(crate) async fn ask(&self, ask: &Ask) -> Result<Committed, LedgerError> {
        self.ledger.append(ask.draft()).await
    }

    /// Appends at once, so that what fits goes into one round; gives the answers in order.
    pub(crate) async fn try_all(
        &self,
        drafts: impl IntoIterator<Item = Draft>,
    ) -> Vec<Result<Committed, LedgerError>> {
        let mut appends = Vec::new();
        for draft in drafts {
            let ledger = self.ledger.clone();
            appends.push(tokio::spawn(async move { ledger.append(draft).await }));
        }
        let mut answers = Vec::new();
        for append in appends {
            answers.push(append.await.unwrap());
        }
        answers
    }

    pub(crate) async fn append_all(&self, drafts: impl IntoIterator<Item = Draft>) -> Vec<Committed> {
        self.try_all(drafts).await.into_iter().map(|answer| answer.unwrap()).collect()
    }

    /// Finishes what is queued, and publishes it.
    pub(crate) async fn stop(self) {
        self.ledger.close();
        soon("the node stops", self.tasks.finished()).await;
    }
}

/// Waits for something that has to happen; the limit only turns a hang into a failure.
pub(crate) async fn soon<T>(what: &str, event: impl Future<Output = T>) -> T {
    let limit = Duration::from_mins(2);
    tokio::time::timeout(limit, event).await.unwrap_or_else(|_| panic!("in two minutes: {what}"))
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    soon(what, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}
