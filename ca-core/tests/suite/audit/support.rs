//! A small log with real keys, made the way a server makes one, or not quite.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::audit::checkpoint_key;
use ca_core::issuance::{Precert, UserCa};
use ca_core::log::edge::Edge;
use ca_core::log::event::{CertificateIntent, Event, RequestDenied, What};
use ca_core::log::hash::leaf_hash;
use ca_core::log::journal::{Round, object_key};
use ca_core::log::leaf::Leaf;
use ca_core::log::{Checkpoint, Frontier, NoteSigner, Origin, VerifierKey};
use ca_core::names::{RequestId, Serial};
use ca_core::policy::{
    Decision, Factor, FactorKind, Facts, Policy, PolicyFiles, Purpose, Session, Source, User, decide,
};
use ca_core::request::{CertRequest, NAMESPACE};
use ca_core::ssh::{HashedMessage, PublicKey, Signature};
use ca_core::time::{UnixMillis, UnixSeconds};
use ca_core::wire::Writer;

/// When every log begins.
pub(crate) const START: u64 = 1_767_324_000;

pub(crate) const PROFILES: &str = r#"
[profiles.dev]
description = "Your own account"
principals = ["{user}", "deploy"]
default_ttl = "1h"
max_ttl = "2h"
factors = ["totp"]
login_max_age = "12h"
extensions = ["permit-pty"]
source_address = "requester"

[host_profiles.db]
description = "Databases"
names = ["*.example.com"]
default_ttl = "168h"
max_ttl = "168h"
factors = ["totp"]
login_max_age = "12h"
require_possession = true
"#;

pub(crate) const RULES: &str = r#"
@id("engineers")
permit (principal in Group::"engineers", action == Action::"request", resource);

@id("officers")
permit (
  principal in Group::"officers",
  action in [Action::"approve", Action::"revoke", Action::"certify-host"],
  resource
);
"#;

/// Reads a policy of these profiles and the rules of every log.
pub(crate) fn policy(profiles: &str) -> Policy {
    ruled(profiles, RULES)
}

/// Reads a policy of these profiles and rules.
pub(crate) fn ruled(profiles: &str, rules: &str) -> Policy {
    let (profiles, rules) = (profiles.to_owned(), rules.to_owned());
    Policy::read(&PolicyFiles { profiles, rules, cases: None }).unwrap()
}

/// A log being written.
pub(crate) struct TestLog {
    pub(crate) origin: Origin,
    pub(crate) signer: NoteSigner,
    pub(crate) policy: Policy,
    pub(crate) ca: PublicKey,
    pub(crate) host_ca: PublicKey,
    pub(crate) objects: BTreeMap<String, Vec<u8>>,
    pub(crate) frontier: Frontier,
    pub(crate) time: UnixMillis,
    edge: Edge,
    holder: Ed25519KeyPair,
    ids: u64,
}

/// The facts of alice's session.
pub(crate) fn facts() -> Facts {
    Facts {
        user: User {
            name: "alice".parse().unwrap(),
            email: "alice@example.com".parse().unwrap(),
            groups: ["engineers".parse().unwrap()].into(),
            enabled: true,
            person: None,
            reduced_until: None,
        },
        session: Session {
            id: "session-1".to_owned(),
            factors: vec![Factor { kind: FactorKind::Totp, at: UnixSeconds(START) }],
            key: None,
        },
        source: Source { ip: "10.1.2.3".parse().unwrap(), user_agent: None },
        key_revoked: false,
        waited: None,
    }
}

pub(crate) fn user_added() -> What {
    added(facts().user)
}

pub(crate) fn added(user: User) -> What {
    let User { name, email, groups, person, .. } = user;
    What::UserAdded {
        user: name,
        email,
        groups: groups.into_iter().collect(),
        person,
        factors: vec![FactorKind::Totp],
        by: "console".to_owned(),
    }
}

pub(crate) fn login() -> What {
    logged_in(facts())
}

pub(crate) fn logged_in(facts: Facts) -> What {
    let Facts { user, session, source, .. } = facts;
    let factors = vec![FactorKind::Totp];
    What::LoginSucceeded {
        user: user.name,
        email: user.email,
        session: session.id,
        purpose: Purpose::Access,
        factors,
        source,
    }
}

/// The public key of a pair in SSH's terms.
pub(crate) fn public_key(pair: &Ed25519KeyPair) -> PublicKey {
    let mut blob = Writer::default();
    blob.string(b"ssh-ed25519").string(pair.public_key().as_ref());
    PublicKey::from_blob(&blob.finish()).unwrap()
}

impl TestLog {
    /// Makes a log without entries.
    pub(crate) fn empty() -> Self {
        let pair = |seed| Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        Self {
            origin: Origin::new("ca.example.com/log").unwrap(),
            signer: NoteSigner::from_seed("ca.example.com/log", &[1; 32]).unwrap(),
            policy: policy(PROFILES),
            ca: public_key(&pair(2)),
            host_ca: public_key(&pair(4)),
            objects: BTreeMap::new(),
            frontier: Frontier::empty(),
            time: UnixMillis(START * 1000),
            edge: Edge::empty(),
            holder: pair(3),
            ids: 0,
        }
    }

    /// Makes a log that has been created, has a policy, a user, and a login of hers.
    pub(crate) fn new() -> Self {
        let mut log = Self::empty();
        log.round(&[log.created(), log.adopted()]);
        log.round(&[user_added()]);
        log.round(&[login()]);
        log
    }

    /// Makes a log with certificates and a denial.
    pub(crate) fn busy() -> Self {
        let mut log = Self::new();
        let certificate = log.certificate(|_| {});
        log.round(&[certificate]);
        let denied = log.denial(|_| {});
        log.round(&[denied]);
        let certificate = log.certificate(|_| {});
        log.round(&[certificate]);
        log
    }

    pub(crate) fn key(&self) -> &VerifierKey {
        self.signer.verifier_key()
    }

    pub(crate) fn size(&self) -> u64 {
        self.frontier.size()
    }

    pub(crate) fn now(&self) -> UnixSeconds {
        self.time.seconds()
    }

    pub(crate) fn created(&self) -> What {
        let fingerprint = |key: &PublicKey| vec![key.fingerprint().to_string()];
        let (ca, host_ca) = (fingerprint(&self.ca), fingerprint(&self.host_ca));
        What::LogCreated { origin: self.origin.clone(), ca, host_ca }
    }

    pub(crate) fn adopted(&self) -> What {
        What::PolicyAdopted { policy: self.policy.id(), text: self.policy.text().to_owned() }
    }

    pub(crate) fn request(&mut self) -> CertRequest {
        self.ids += 1;
        CertRequest {
            authority: self.origin.clone(),
            id: RequestId::from_parts(self.time, u128::from(self.ids)),
            user: "alice".parse().unwrap(),
            profile: "dev".parse().unwrap(),
            ttl: Some("30m".parse().unwrap()),
            principals: None,
            key: public_key(&self.holder).try_into().unwrap(),
            reason: Some("INC-42".parse().unwrap()),
        }
    }

    /// Signs as whoever holds the key in every request.
    pub(crate) fn prove(&self, text: &str) -> String {
        self.prove_as(NAMESPACE, text)
    }

    /// The same under another namespace.
    pub(crate) fn prove_as(&self, namespace: &'static str, text: &str) -> String {
        let message = HashedMessage::new(namespace, text.as_bytes());
        let signature = Signature::new("ssh-ed25519", self.holder.sign(&message.to_be_signed()).as_ref());
        message.armour(&public_key(&self.holder), &signature)
    }

    /// Makes a certificate for the next entry, as it should be, and lets `spoil` change it.
    pub(crate) fn certificate(&mut self, spoil: impl FnOnce(&mut CertificateIntent)) -> What {
        let request = self.request();
        let mut intent = self.intent(&request, facts());
        spoil(&mut intent);
        What::Certificate(Box::new(intent))
    }

    /// Makes a certificate for a later entry of the same round.
    pub(crate) fn certificate_at(&mut self, index: u64) -> What {
        let request = self.request();
        What::Certificate(Box::new(self.intent_at(index, &request, facts())))
    }

    /// Makes the certificate for a request at the next entry.
    pub(crate) fn intent(&self, request: &CertRequest, facts: Facts) -> CertificateIntent {
        self.intent_at(self.size(), request, facts)
    }

    fn intent_at(&self, index: u64, request: &CertRequest, facts: Facts) -> CertificateIntent {
        let Decision::Grant(grant) = decide(&self.policy, request, &facts, self.now()) else {
            panic!("denied")
        };
        let serial = Serial::at_index(index).unwrap();
        let precert = Precert::prepare(&grant, serial, &[9; 32], &UserCa::new(self.ca.clone()));
        let text = request.to_text();
        CertificateIntent {
            signature: self.prove(&text),
            request: text,
            facts,
            policy: self.policy.id(),
            decided_at: self.now(),
            precert: STANDARD.encode(precert.bytes()),
            request_id: request.id,
            profile: request.profile.clone(),
            principals: grant.principals.iter().map(ToString::to_string).collect(),
            ttl: grant.ttl,
            reason: request.reason.clone(),
            approvals: Vec::new(),
            approvers: Vec::new(),
            key: request.key.key().fingerprint().to_string(),
            key_id: grant.key_id.as_str().to_owned(),
            serial: serial.get(),
            ca: self.ca.fingerprint().to_string(),
            valid_after: grant.valid_after,
            valid_before: grant.valid_before,
        }
    }

    /// Makes a denial, as it should be, and lets `spoil` change it.
    pub(crate) fn denial(&mut self, spoil: impl FnOnce(&mut RequestDenied)) -> What {
        let request = CertRequest { ttl: Some("3h".parse().unwrap()), ..self.request() };
        let text = request.to_text();
        let mut denied = RequestDenied {
            signature: self.prove(&text),
            request: text,
            facts: facts(),
            policy: self.policy.id(),
            decided_at: self.now(),
            reasons: vec!["dev lasts at most 2h, not 3h".to_owned()],
        };
        spoil(&mut denied);
        What::RequestDenied(Box::new(denied))
    }

    /// Writes a round, two seconds after the one before, and everything that follows from it.
    pub(crate) fn round(&mut self, events: &[What]) {
        let lines = events.iter().map(|what| self.event(what).to_line().unwrap()).collect();
        self.round_of_lines(lines);
    }

    pub(crate) fn event(&self, what: &What) -> Event {
        Event::new(what.clone(), [5; 16], self.time, "node-1")
    }

    pub(crate) fn round_of_lines(&mut self, lines: Vec<String>) {
        let events: Vec<_> = lines.iter().map(|line| (Event::from_line(line).unwrap(), line)).collect();
        let leaves: Vec<Leaf> = events.iter().map(|(event, line)| event.leaf(line).unwrap()).collect();
        let leaves: Vec<_> = leaves.iter().map(Leaf::to_bytes).collect();
        let round = Round::new(self.frontier.clone(), 0, lines).unwrap();
        let object = round.sign(&self.origin, &self.signer).unwrap();
        self.objects.insert(object_key(self.size()), object);
        for leaf in &leaves {
            self.frontier.push(leaf_hash(leaf));
        }
        for (path, bytes) in self.edge.append(&leaves).unwrap() {
            self.objects.insert(path.to_string(), bytes);
        }
        let checkpoint = Checkpoint::new(self.origin.clone(), self.size(), self.frontier.root());
        let note = checkpoint.sign(&self.signer).unwrap().note().as_bytes().to_vec();
        self.objects.insert(checkpoint_key(self.size()), note.clone());
        self.objects.insert("checkpoint".to_owned(), note);
        self.time = UnixMillis(self.time.0 + 2000);
    }
}
