//! Why sshd refuses a certificate.

use std::net::IpAddr;

use crate::cert::CertError;
use crate::krl::Why;
use crate::ssh::Fingerprint;

/// Why sshd refuses a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The CA's signature does not hold.
    #[error("its signature does not hold: {0}")]
    Signature(CertError),
    /// The CA signed with an algorithm that sshd does not take any more.
    #[error("its CA signed with {algorithm} (SHA-1), which sshd takes no more")]
    SignatureAlgorithm {
        /// The algorithm.
        algorithm: String,
    },
    /// The certified RSA key is too short.
    #[error("its RSA key has {bits} bits, and sshd wants {least} or more")]
    RsaBits {
        /// The size of the key.
        bits: u32,
        /// The least that sshd takes.
        least: u32,
    },
    /// It is revoked, or nobody can tell.
    #[error("{0}")]
    Revoked(Revoked),
    /// The host does not trust its CA.
    #[error("its CA {ca} is not among the {trusted} that the host trusts")]
    Authority {
        /// The CA's key.
        ca: Fingerprint,
        /// How many keys are trusted.
        trusted: usize,
    },
    /// It is a host's.
    #[error("it is a host certificate, and a login needs a user certificate")]
    Kind,
    /// Its time is over.
    #[error("it has expired")]
    Expired {
        /// Seconds since it ended.
        secs_ago: u64,
    },
    /// Its time has not come.
    #[error("it is not valid yet")]
    NotYet {
        /// Seconds until it begins.
        secs: u64,
    },
    /// It has no principals.
    #[error("it names no principal, and sshd takes no such certificate from a trusted CA")]
    NoPrincipals,
    /// It has more principals than sshd reads.
    #[error("it has {count} principals, and sshd reads no more than 256")]
    TooManyPrincipals {
        /// How many.
        count: usize,
    },
    /// It is for others.
    #[error("it is for {}, and {}", found.join(", "), wanted(account, *from_file))]
    Principal {
        /// The account that is logged in to.
        account: String,
        /// Whether a principals file of the host says who may.
        from_file: bool,
        /// Its principals.
        found: Vec<String>,
    },
    /// It has a critical option that sshd does not know.
    #[error("its critical option {name} is not one that sshd knows")]
    UnknownOption {
        /// The option's name.
        name: String,
    },
    /// An option's value is not what sshd reads there.
    #[error("the value of its option {name} cannot be read")]
    MalformedOption {
        /// The option's name.
        name: String,
    },
    /// It is good from elsewhere.
    #[error("it is for source {allowed} and you come from {from}")]
    Source {
        /// The networks, as the certificate lists them.
        allowed: String,
        /// Where the login comes from.
        from: IpAddr,
    },
}

/// What the host's `RevokedKeys` has against a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Revoked {
    /// The certified key is revoked.
    #[error("its key is revoked")]
    Key,
    /// The CA's key is revoked.
    #[error("the key of its CA is revoked")]
    CaKey,
    /// The key id is revoked.
    #[error("its key id is revoked")]
    KeyId,
    /// The serial is revoked.
    #[error("its serial is revoked")]
    Serial,
    /// sshd cannot read the file and refuses every key.
    #[error("the KRL cannot be read, and with such a one sshd refuses everybody")]
    Everybody,
}

impl From<Why> for Revoked {
    fn from(why: Why) -> Self {
        match why {
            Why::Key => Self::Key,
            Why::CaKey => Self::CaKey,
            Why::KeyId => Self::KeyId,
            Why::Serial => Self::Serial,
        }
    }
}

fn wanted(account: &str, from_file: bool) -> String {
    if from_file {
        format!("none of these is in the principals file of {account}")
    } else {
        format!("not for {account}")
    }
}
