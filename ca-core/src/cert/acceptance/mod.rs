//! Whether sshd would take a certificate for a login: its own checks, in its own order.
//!
//! It follows OpenSSH 9.2 to 10.x with its default algorithms and `TrustedUserCAKeys` (`auth2-pubkey.c`, `sshkey.c`,
//! `auth-options.c`, `addrmatch.c`). What a host's configuration adds (`AllowUsers`, `PermitRootLogin`, a principals
//! command) and whether the account exists is not known here.
//!
//! Reading order: [`Login`], [`Verdict`], [`Check`], [`Refusal`].

mod files;
mod refusal;
mod source;

use std::net::IpAddr;

pub use files::{RevokedKeys, principals_in, trusted_keys};
pub use refusal::{Refusal, Revoked};
pub use source::{SourceList, SourceListError};

use super::{CertKind, Content, UnverifiedCertificate, Validity, value_text};
use crate::names::Principals;
use crate::ssh::{KeyKind, PublicKey};
use crate::time::UnixSeconds;

/// The smallest RSA key that sshd takes by default, in bits (`RequiredRSASize`).
const MIN_RSA_BITS: u32 = 1024;

/// The critical options that sshd knows (OpenSSH PROTOCOL.certkeys).
const KNOWN_CRITICAL: [&str; 3] = ["force-command", "source-address", "verify-required"];

/// The extensions that sshd knows, all of them without a value (OpenSSH PROTOCOL.certkeys).
const KNOWN_EXTENSIONS: [&str; 6] = [
    "no-touch-required",
    "permit-X11-forwarding",
    "permit-agent-forwarding",
    "permit-port-forwarding",
    "permit-pty",
    "permit-user-rc",
];

/// What is known of a login and of the host.
#[derive(Clone, Debug)]
pub struct Login<'a> {
    /// The account on the host.
    pub account: &'a str,
    /// Where it comes from, as the host sees it; `None` when that is not known.
    pub from: Option<IpAddr>,
    /// The time by the host's clock.
    pub now: UnixSeconds,
    /// The keys in its `TrustedUserCAKeys`.
    pub trusted: &'a [PublicKey],
    /// The principals in its `AuthorizedPrincipalsFile` for the account, which then take the place of the account's name.
    pub principals: Option<&'a [String]>,
    /// What its `RevokedKeys` says; `None` when that is not known.
    pub revoked: Option<&'a RevokedKeys>,
}

/// What a check is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The CA's signature.
    Signature,
    /// The algorithm the CA signed with.
    SignatureAlgorithm,
    /// The certified key's kind and size.
    Key,
    /// Whether anything of it is revoked.
    Revocation,
    /// Whether the host trusts the CA.
    Authority,
    /// Whether it is a user's.
    Kind,
    /// Its lifetime.
    Validity,
    /// The account among its principals.
    Principals,
    /// Critical options and extensions.
    Options,
    /// Where the login comes from.
    Source,
    /// The only command it runs.
    Command,
    /// What the security key will be asked for.
    SecurityKey,
}

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does not keep the login out.
    Holds,
    /// sshd refuses the certificate for it.
    Fails(Refusal),
    /// It decides, and what it needs is not known.
    Open,
    /// Nothing is refused for it, but it should be known.
    Told,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What it is about.
    pub subject: Subject,
    /// What was looked at, in a few words; it may hold text from the certificate.
    pub seen: String,
    /// What came of it.
    pub standing: Standing,
}

/// All checks, in the order in which sshd makes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The checks.
    pub checks: Vec<Check>,
}

impl Verdict {
    /// Judges a certificate as sshd would.
    pub fn of(certificate: &UnverifiedCertificate, login: &Login<'_>) -> Self {
        let content = certificate.unverified_content();
        let mut checks = vec![
            signature(certificate),
            signature_algorithm(certificate),
            key(content),
            revocation(content, login.revoked),
            authority(content, login.trusted),
            kind(content),
            validity(content, login.now),
            principals(content, login),
            options(content),
        ];
        checks.extend(source(content, login.from));
        checks.extend(command(content));
        checks.extend(security_key(content));
        Self { checks }
    }

    /// Gives the reason that sshd would refuse it for: the first, as sshd stops there.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.checks.iter().find_map(|check| match &check.standing {
            Standing::Fails(refusal) => Some(refusal),
            _ => None,
        })
    }

    /// Tells whether sshd would take it, as far as is known here; `None` when something that decides is not known.
    pub fn is_taken(&self) -> Option<bool> {
        let is_open = |check: &Check| check.standing == Standing::Open;
        match self.refusal() {
            Some(_) => Some(false),
            None if self.checks.iter().any(is_open) => None,
            None => Some(true),
        }
    }
}

impl Check {
    fn new(subject: Subject, seen: impl Into<String>, refusal: Option<Refusal>) -> Self {
        Self { subject, seen: seen.into(), standing: refusal.map_or(Standing::Holds, Standing::Fails) }
    }

    fn told(subject: Subject, seen: impl Into<String>) -> Self {
        Self { subject, seen: seen.into(), standing: Standing::Told }
    }
}

/// sshd verifies the signature when it reads the certificate, before anything else, also one with SHA-1.
fn signature(certificate: &UnverifiedCertificate) -> Check {
    let is_sha1 = certificate.signature_algorithm() == KeyKind::Rsa.algorithm();
    let refusal = certificate.clone().verify().err().filter(|_| !is_sha1).map(Refusal::Signature);
    let ca = &certificate.unverified_content().ca;
    Check::new(Subject::Signature, format!("by {} {}", ca.kind(), ca.fingerprint()), refusal)
}

/// Every kind of key that we know signs with an algorithm that sshd takes from a CA, but for RSA with SHA-1.
fn signature_algorithm(certificate: &UnverifiedCertificate) -> Check {
    let algorithm = certificate.signature_algorithm();
    let refused = algorithm == KeyKind::Rsa.algorithm();
    let refusal = refused.then(|| Refusal::SignatureAlgorithm { algorithm: algorithm.to_owned() });
    Check::new(Subject::SignatureAlgorithm, algorithm, refusal)
}

fn key(content: &Content) -> Check {
    let (kind, bits) = (content.key.kind(), content.key.bits());
    let refusal = (kind == KeyKind::Rsa && bits < MIN_RSA_BITS)
        .then_some(Refusal::RsaBits { bits, least: MIN_RSA_BITS });
    Check::new(Subject::Key, format!("{kind} {bits} {}", content.key.fingerprint()), refusal)
}

fn revocation(content: &Content, revoked: Option<&RevokedKeys>) -> Check {
    let Some(revoked) = revoked else {
        return Check::told(Subject::Revocation, "not looked at: no KRL is given");
    };
    Check::new(Subject::Revocation, revoked.to_string(), revoked.refuses(content).map(Refusal::Revoked))
}

fn authority(content: &Content, trusted: &[PublicKey]) -> Check {
    let ca = content.ca.fingerprint();
    let refusal =
        (!trusted.contains(&content.ca)).then_some(Refusal::Authority { ca, trusted: trusted.len() });
    Check::new(Subject::Authority, ca.to_string(), refusal)
}

fn kind(content: &Content) -> Check {
    let (seen, refusal) = match content.kind {
        CertKind::User => ("user", None),
        CertKind::Host => ("host", Some(Refusal::Kind)),
    };
    Check::new(Subject::Kind, seen, refusal)
}

fn validity(content: &Content, now: UnixSeconds) -> Check {
    let refusal = match Validity::of(content, now) {
        Validity::Valid { .. } => None,
        Validity::Expired { secs_ago } => Some(Refusal::Expired { secs_ago }),
        Validity::NotYet { secs } => Some(Refusal::NotYet { secs }),
    };
    let seen = format!("{} to {}, now {now}", content.valid_after, content.valid_before);
    Check::new(Subject::Validity, seen, refusal)
}

/// A principals file asks for any of its names; without one the account's own name is asked for.
fn principals(content: &Content, login: &Login<'_>) -> Check {
    let found = &content.principals;
    let account = std::slice::from_ref(&login.account);
    let wanted: Vec<&str> = match login.principals {
        Some(listed) => listed.iter().map(String::as_str).collect(),
        None => account.to_vec(),
    };
    let refusal = if found.len() > Principals::MAX {
        Some(Refusal::TooManyPrincipals { count: found.len() })
    } else if found.is_empty() {
        Some(Refusal::NoPrincipals)
    } else if found.iter().any(|name| wanted.contains(&name.as_str())) {
        None
    } else {
        let (account, from_file) = (login.account.to_owned(), login.principals.is_some());
        Some(Refusal::Principal { account, from_file, found: found.clone() })
    };
    Check::new(Subject::Principals, found.join(", "), refusal)
}

fn options(content: &Content) -> Check {
    let unknown = content.critical_options.keys().find(|name| !KNOWN_CRITICAL.contains(&name.as_str()));
    let refusal = match unknown {
        Some(name) => Some(Refusal::UnknownOption { name: name.clone() }),
        None => malformed_option(content).map(|name| Refusal::MalformedOption { name }),
    };
    let mut names: Vec<&str> = content.critical_options.keys().map(String::as_str).collect();
    if names.is_empty() {
        names.push("none");
    }
    Check::new(Subject::Options, names.join(", "), refusal)
}

/// Finds a known option whose value is not what sshd reads there; unknown extensions are passed over.
fn malformed_option(content: &Content) -> Option<String> {
    let is_good = |name: &str, data: &[u8]| match name {
        "force-command" => value_text(data).is_some(),
        "source-address" => value_text(data).is_some_and(|text| text.parse::<SourceList>().is_ok()),
        _ => data.is_empty(),
    };
    let extensions = content.extensions.iter().filter(|(name, _)| KNOWN_EXTENSIONS.contains(&name.as_str()));
    let mut options = content.critical_options.iter().chain(extensions);
    options.find(|(name, data)| !is_good(name, data)).map(|(name, _)| name.clone())
}

fn source(content: &Content, from: Option<IpAddr>) -> Option<Check> {
    let text = value_text(content.critical_options.get("source-address")?)?;
    // A list that cannot be read is refused with the options.
    let list: SourceList = text.parse().ok()?;
    Some(match from {
        None => Check { subject: Subject::Source, seen: text.to_owned(), standing: Standing::Open },
        Some(from) => {
            let allowed = text.to_owned();
            let refusal = (!list.contains(from)).then_some(Refusal::Source { allowed, from });
            Check::new(Subject::Source, format!("{text}, from {from}"), refusal)
        }
    })
}

fn command(content: &Content) -> Option<Check> {
    let command = value_text(content.critical_options.get("force-command")?)?;
    Some(Check::told(Subject::Command, format!("whatever is asked for, this runs: {command}")))
}

/// What a security key is asked for shows at the login only; sshd asks other keys for nothing.
fn security_key(content: &Content) -> Option<Check> {
    let verify = content.critical_options.contains_key("verify-required");
    let no_touch = content.extensions.contains_key("no-touch-required");
    let seen = match (content.key.kind().is_security_key(), verify) {
        (true, true) => "the security key must ask for its PIN or fingerprint",
        (true, false) if no_touch => "the security key need not be touched",
        (true, false) => "the security key must be touched",
        (false, true) => "verify-required says nothing of a key that is in no security key",
        (false, false) => return None,
    };
    Some(Check::told(Subject::SecurityKey, seen))
}
