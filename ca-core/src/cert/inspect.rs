//! What there is to say about a certificate: is it signed, by whom, is it valid now, is it in the log.

use super::{CertError, CertKind, Content, UnverifiedCertificate};
use crate::issuance::{LogEvidence, NotLogged, VerifiedEvidence};
use crate::log::key::VerifierKey;
use crate::ssh::PublicKey;
use crate::time::UnixSeconds;

/// Whether a certificate is within its lifetime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// It is valid for this many seconds more.
    Valid {
        /// Seconds until it ends.
        secs_left: u64,
    },
    /// It ended this many seconds ago.
    Expired {
        /// Seconds since it ended.
        secs_ago: u64,
    },
    /// It begins in this many seconds.
    NotYet {
        /// Seconds until it begins.
        secs: u64,
    },
}

impl Validity {
    /// Places `now` in the lifetime of a certificate; the end is exclusive, as in sshd.
    pub fn of(content: &Content, now: UnixSeconds) -> Self {
        if now < content.valid_after {
            Self::NotYet { secs: content.valid_after.0 - now.0 }
        } else if now >= content.valid_before {
            Self::Expired { secs_ago: now.0 - content.valid_before.0 }
        } else {
            Self::Valid { secs_left: content.valid_before.0 - now.0 }
        }
    }
}

/// What an inspector trusts: CA keys and a log key, pinned earlier.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// The keys of the CAs that are trusted with certificates for users.
    pub ca_keys: Vec<PublicKey>,
    /// The keys of the CAs that are trusted with certificates for hosts.
    pub host_ca_keys: Vec<PublicKey>,
    /// The key of the log that certificates have to be in.
    pub log_key: Option<VerifierKey>,
}

/// All that can be said about a certificate without asking anybody.
#[derive(Clone, Debug)]
pub struct Report {
    /// What it says.
    pub content: Content,
    /// The algorithm the CA signed with.
    pub signature_algorithm: String,
    /// Whether the CA's signature holds.
    pub signature: Result<(), CertError>,
    /// Whether the CA's key is one that was pinned for this kind of certificate; `None` when none was for any.
    pub ca_pinned: Option<bool>,
    /// Where it stands in its lifetime.
    pub validity: Validity,
    /// The proof it carries, verified when a log key was pinned.
    pub log: LogStanding,
}

/// Whether a certificate is in the log.
#[derive(Clone, Debug)]
pub enum LogStanding {
    /// It carries no proof.
    NoProof,
    /// It carries a proof for this index, but no log key is pinned to check it with.
    Unchecked {
        /// The claimed index.
        index: u64,
    },
    /// The proof holds.
    Proven(VerifiedEvidence),
    /// The proof does not hold.
    Refuted(NotLogged),
}

impl Report {
    /// Looks a certificate over at a point in time.
    pub fn new(certificate: &UnverifiedCertificate, trust: &Trust, now: UnixSeconds) -> Self {
        let content = certificate.unverified_content().clone();
        let pinned = match content.kind {
            CertKind::User => &trust.ca_keys,
            CertKind::Host => &trust.host_ca_keys,
        };
        let any = !trust.ca_keys.is_empty() || !trust.host_ca_keys.is_empty();
        let ca_pinned = any.then(|| pinned.contains(&content.ca));
        Self {
            signature_algorithm: certificate.signature_algorithm().to_owned(),
            signature: certificate.clone().verify().map(drop),
            ca_pinned,
            validity: Validity::of(&content, now),
            log: log_standing(&content, trust.log_key.as_ref()),
            content,
        }
    }
}

fn log_standing(content: &Content, log_key: Option<&VerifierKey>) -> LogStanding {
    match (LogEvidence::of(content), log_key) {
        (Ok(None), _) => LogStanding::NoProof,
        (Err(error), _) => LogStanding::Refuted(error),
        (Ok(Some(_)), None) => LogStanding::Unchecked { index: content.serial },
        (Ok(Some(evidence)), Some(key)) => match evidence.verify(content, key) {
            Ok(verified) => LogStanding::Proven(verified),
            Err(error) => LogStanding::Refuted(error),
        },
    }
}
