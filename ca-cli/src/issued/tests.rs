//! What a server may send, and what it may not.

use aws_lc_rs::signature::Ed25519KeyPair;
use ca_api::Trust;
use ca_core::cert::Content;
use ca_core::issuance::{Inclusion, LoggedPrecert, Precert, UserCa};
use ca_core::log::hash::{Hash, leaf_hash};
use ca_core::log::leaf::{EntryType, Leaf};
use ca_core::log::{Batch, Checkpoint, Frontier};
use ca_core::policy::{Decision, decide};
use ca_core::ssh::Signature;
use ca_core::time::{Ttl, UnixMillis};

use super::*;
use crate::test_log::{TestLog, facts, public_key};

/// An authority that signs whatever it is told.
struct Authority {
    log: TestLog,
    ca: Ed25519KeyPair,
}

impl Authority {
    fn new() -> Self {
        Self { log: TestLog::new(), ca: Ed25519KeyPair::from_seed_unchecked(&[2; 32]).unwrap() }
    }

    fn pins(&self) -> Pins {
        let trust = Trust {
            origin: self.log.origin.to_string(),
            log_key: self.log.key().to_string(),
            user_ca_keys: vec![self.log.ca.to_string()],
            host_ca_keys: vec![self.log.host_ca.to_string()],
        };
        Pins::new("https://ca.example.com", &trust, UnixSeconds(0), None).unwrap()
    }

    /// Says what a certificate for the request has to say, as entry 1 of a log.
    fn content(&self, request: &CertRequest) -> Content {
        let Decision::Grant(grant) = decide(&self.log.policy, request, &facts(), self.log.now()) else {
            panic!()
        };
        let serial = ca_core::names::Serial::at_index(1).unwrap();
        Precert::prepare(&grant, serial, &[9; 32], &UserCa::new(public_key(&self.ca))).content().clone()
    }

    fn logged(&self, content: &Content) -> LoggedPrecert {
        let precert = Precert::from_bytes(&content.to_be_signed(None)).unwrap();
        let (time, event_hash) = (UnixMillis(7), [7; 32]);
        let leaf = Leaf::new(EntryType::Certificate, time, Some(precert.bytes()), event_hash);
        let before: Frontier = [Hash([1; 32])].into_iter().collect();
        let tree = Batch::new(&before, &[leaf_hash(&leaf.to_bytes())]);
        let checkpoint = Checkpoint::new(self.log.origin.clone(), tree.size(), tree.root());
        let proof = tree.proof(0).unwrap();
        let at = Inclusion { index: 1, time, event_hash, proof: &proof };
        precert.logged(at, &checkpoint.sign(&self.log.signer).unwrap()).unwrap()
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        Signature::new("ssh-ed25519", self.ca.sign(bytes).as_ref())
    }

    /// Issues the certificate for a request, after `spoil` has changed what it says.
    fn issue(&self, request: &CertRequest, spoil: impl FnOnce(&mut Content)) -> String {
        let mut content = self.content(request);
        spoil(&mut content);
        let logged = self.logged(&content);
        let signature = self.sign(logged.to_be_signed());
        logged.finish(&signature).unwrap().to_openssh()
    }

    /// Signs a certificate behind the log's back.
    fn issue_unlogged(&self, request: &CertRequest) -> String {
        use base64::Engine as _;
        let mut bytes = self.content(request).to_be_signed(None);
        let signature = self.sign(&bytes).to_bytes();
        let mut field = ca_core::wire::Writer::default();
        field.string(&signature);
        bytes.extend(field.finish());
        let base64 = base64::engine::general_purpose::STANDARD.encode(bytes);
        format!("ssh-ed25519-cert-v01@openssh.com {base64}\n")
    }

    fn judge(&self, line: &str, request: &CertRequest) -> std::result::Result<Issued, String> {
        judge(line, request, &self.pins(), self.log.now())
    }
}

#[test]
fn what_was_asked_for_is_taken() {
    let mut authority = Authority::new();
    let request = authority.log.request();
    let issued = authority.judge(&authority.issue(&request, |_| {}), &request).unwrap();
    assert_eq!(issued.evidence.index, 1);
    assert_eq!(issued.certificate.content().principals, ["alice", "deploy"]);
}

#[test]
fn anything_else_is_refused() {
    type Spoil = fn(&mut Content);
    let spoils: [(&str, Spoil); 6] = [
        ("another key", |content| content.key = content.ca.clone()),
        ("another request", |content| content.key_id.push('X')),
        ("begins in", |content| content.valid_after = content.valid_after.plus_secs(120)),
        ("ended", |content| content.valid_before = content.valid_after.plus_secs(10)),
        ("lasts", |content| content.valid_before = content.valid_before.plus_secs(1)),
        ("lasts", |content| content.valid_before = UnixSeconds(u64::MAX)),
    ];
    for (said, spoil) in spoils {
        let mut authority = Authority::new();
        let request = authority.log.request();
        let error = authority.judge(&authority.issue(&request, spoil), &request).unwrap_err();
        assert!(error.contains(said), "{said}: {error}");
    }
}

#[test]
fn only_accounts_that_were_asked_for_are_taken() {
    let mut authority = Authority::new();
    let only = |name: &str| Some(Principals::try_from(vec![name.parse().unwrap()]).unwrap());
    let request = CertRequest { principals: only("deploy"), ..authority.log.request() };
    let more = authority.issue(&request, |content| content.principals.push("root".to_owned()));
    assert!(authority.judge(&more, &request).unwrap_err().contains("only deploy was asked for"));
    let right = authority.issue(&request, |_| {});
    authority.judge(&right, &request).unwrap();
}

#[test]
fn without_a_wish_any_lifetime_up_to_31_days_is_taken() {
    let mut authority = Authority::new();
    let request = CertRequest { ttl: None, ..authority.log.request() };
    let long = |secs| move |content: &mut Content| content.valid_before = content.valid_after.plus_secs(secs);
    let most = u64::from(Ttl::MAX_SECS) + BACKDATE_SECS;
    authority.judge(&authority.issue(&request, long(most)), &request).unwrap();
    assert!(authority.judge(&authority.issue(&request, long(most + 1)), &request).is_err());
}

#[test]
fn a_certificate_that_is_not_in_the_pinned_log_is_refused() {
    let mut authority = Authority::new();
    let request = authority.log.request();
    let error = authority.judge(&authority.issue_unlogged(&request), &request).unwrap_err();
    assert!(error.contains("no proof"), "{error}");

    // The same authority, with another key for its log.
    let line = authority.issue(&request, |_| {});
    let mut pins = authority.pins();
    pins.log_key = ca_core::log::VerifierKey::new(authority.log.origin.as_str(), [8; 32]).unwrap();
    let error = judge(&line, &request, &pins, authority.log.now()).unwrap_err();
    assert!(error.contains("the proof"), "{error}");
}

#[test]
fn a_certificate_by_another_ca_is_refused() {
    let mut authority = Authority::new();
    let request = authority.log.request();
    let line = authority.issue(&request, |_| {});
    let mut pins = authority.pins();
    pins.user_ca_keys = vec![request.key.key().clone()];
    let error = judge(&line, &request, &pins, authority.log.now()).unwrap_err();
    assert!(error.contains("not pinned"), "{error}");
}

#[test]
fn every_flipped_byte_is_refused() {
    use base64::Engine as _;
    let engine = base64::engine::general_purpose::STANDARD;
    let mut authority = Authority::new();
    let request = authority.log.request();
    let line = authority.issue(&request, |_| {});
    let bytes = engine.decode(line.split(' ').nth(1).unwrap()).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        let line = format!("ssh-ed25519-cert-v01@openssh.com {}", engine.encode(&changed));
        assert!(authority.judge(&line, &request).is_err(), "byte {at}");
    }
}
