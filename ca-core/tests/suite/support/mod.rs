//! What the tests of requests, certificates and issuance share.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::missing_panics_doc)]

pub mod keygen;
pub mod keys;
pub mod ledger;

use std::net::IpAddr;

use ca_core::names::RequestId;
use ca_core::policy::{Factor, FactorKind, Facts, Policy, PolicyError, PolicyFiles, Session, Source, User};
use ca_core::request::CertRequest;
use ca_core::ssh::{CertifiableKey, KeyKind};
use ca_core::time::{UnixMillis, UnixSeconds};

/// The time of every test, in milliseconds; a second that ends in zeroes.
pub const NOW: UnixMillis = UnixMillis(1_790_000_000_000);

/// The log of every test.
pub const ORIGIN: &str = "ca.example.com/log";

/// Every kind of key that Countersign knows.
pub const KINDS: [KeyKind; 7] = [
    KeyKind::Ed25519,
    KeyKind::EcdsaP256,
    KeyKind::EcdsaP384,
    KeyKind::EcdsaP521,
    KeyKind::Rsa,
    KeyKind::SkEd25519,
    KeyKind::SkEcdsaP256,
];

pub fn certifiable(kind: KeyKind) -> CertifiableKey {
    CertifiableKey::try_from(keys::key(kind).public().clone()).unwrap()
}

pub fn request(kind: KeyKind) -> CertRequest {
    CertRequest {
        authority: ORIGIN.parse().unwrap(),
        id: RequestId::from_parts(NOW, 7),
        user: "ann".parse().unwrap(),
        profile: "dev".parse().unwrap(),
        ttl: Some("1h".parse().unwrap()),
        principals: None,
        key: certifiable(kind),
        reason: Some("INC-42: look at the logs".parse().unwrap()),
    }
}

pub fn facts() -> Facts {
    Facts {
        user: User {
            name: "ann".parse().unwrap(),
            email: "ann@example.com".parse().unwrap(),
            groups: ["engineers".parse().unwrap(), "others".parse().unwrap()].into(),
            enabled: true,
            person: None,
            reduced_until: None,
        },
        session: Session {
            id: "s1".to_owned(),
            factors: vec![Factor { kind: FactorKind::Totp, at: NOW.seconds().minus_secs(600) }],
            key: None,
        },
        source: Source { ip: IpAddr::from([192, 0, 2, 7]), user_agent: Some("ca/0.1".to_owned()) },
        key_revoked: false,
        waited: None,
    }
}

pub fn now() -> UnixSeconds {
    NOW.seconds()
}

/// The profiles of a policy: one, `dev`, with these lines instead of or besides the usual ones.
pub fn policy_text(lines: &[&str]) -> String {
    let usual = [
        "description = \"test\"",
        "principals = [\"{user}\", \"deploy\"]",
        "default_ttl = \"2h\"",
        "max_ttl = \"4h\"",
        "factors = [\"totp\", \"webauthn\"]",
        "login_max_age = \"1h\"",
    ];
    let key = |line: &str| line.split(' ').next().map(str::to_owned);
    let kept = usual.iter().filter(|line| !lines.iter().any(|l| key(l) == key(line)));
    let all: Vec<&str> = kept.chain(lines).copied().collect();
    format!("[profiles.dev]\n{}\n", all.join("\n"))
}

/// The rule of most tests.
pub const ENGINEERS: &str = "@id(\"engineers\") \
    permit (principal in Group::\"engineers\", action == Action::\"request\", resource);\n";

/// Reads a policy of these profiles and rules.
pub fn read(profiles: &str, rules: &str) -> Result<Policy, PolicyError> {
    Policy::read(&PolicyFiles { profiles: profiles.to_owned(), rules: rules.to_owned(), cases: None })
}

pub fn policy(lines: &[&str]) -> Policy {
    read(&policy_text(lines), ENGINEERS).unwrap()
}

/// A policy of the one usual profile and these rules.
pub fn ruled(rules: &str) -> Policy {
    read(&policy_text(&[]), rules).unwrap()
}
