//! What of an event bears on revocation, read without reading all of it.

use serde::Deserialize;

use crate::krl::KrlVersion;
use crate::log::event::{CertificateIntent, Event, EventError, HostCertificateIntent, Revoked, What};
use crate::names::{ProfileName, RequestId, UserName};
use crate::policy::Session;
use crate::ssh::Fingerprint;
use crate::time::UnixSeconds;

/// A certificate, by what it can be revoked by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveCertificate {
    /// The request it answers.
    pub request_id: RequestId,
    /// Whose it is; nobody's, when it is a host's: that is not taken away with whoever had it certified.
    pub user: Option<UserName>,
    /// The certified key.
    pub key: Fingerprint,
    /// The profile.
    pub profile: ProfileName,
    /// The CA's key.
    pub ca: Fingerprint,
    /// The first second after its validity.
    pub valid_before: UnixSeconds,
    /// When the last factor of its login was presented; none for an API key, which is no login.
    pub login: Option<UnixSeconds>,
}

/// What of an event bears on revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trace {
    /// A certificate, whose serial is the entry's index.
    Certificate(Box<LiveCertificate>),
    /// A revocation by an officer.
    Revoked(Box<Revoked>),
    /// An account was switched off or on.
    Switched {
        /// The account.
        user: UserName,
        /// What it is now.
        enabled: bool,
        /// Who did it.
        by: String,
    },
    /// An account was given back to its owner; whatever it had got before is none of theirs to trust.
    Recovered {
        /// The account.
        user: UserName,
        /// Who did it.
        by: String,
    },
    /// A KRL was published.
    Published(KrlVersion),
}

/// The members of a certificate's line that matter here.
#[derive(Deserialize)]
struct Line {
    facts: LineFacts,
    request_id: RequestId,
    profile: ProfileName,
    key: Fingerprint,
    ca: Fingerprint,
    valid_before: UnixSeconds,
}

#[derive(Deserialize)]
struct LineFacts {
    user: LineUser,
    session: Session,
}

#[derive(Deserialize)]
struct LineUser {
    name: UserName,
}

/// The member of a line that says what it is.
#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
}

impl Trace {
    /// Reads it from a line of the log; `None` when the event does not bear on revocation.
    pub fn from_line(line: &str) -> Result<Option<Self>, EventError> {
        match serde_json::from_str::<Kind<'_>>(line)?.kind {
            "certificate" => Ok(Some(serde_json::from_str::<Line>(line)?.trace(Whose::User))),
            "host-certificate" => Ok(Some(serde_json::from_str::<Line>(line)?.trace(Whose::Host))),
            "revoked" | "user-enabled" | "account-frozen" | "recovery-finished" | "krl-published" => {
                Ok(Self::of(&Event::from_line(line)?.what))
            }
            _ => Ok(None),
        }
    }

    /// Takes it from an event; `None` when that does not bear on revocation, or its fingerprints are none.
    pub fn of(what: &What) -> Option<Self> {
        Some(match what {
            What::Certificate(intent) => Self::Certificate(Box::new(LiveCertificate::of(intent)?)),
            What::HostCertificate(intent) => Self::Certificate(Box::new(LiveCertificate::of_host(intent)?)),
            What::Revoked(revoked) => Self::Revoked(revoked.clone()),
            What::UserEnabled { user, enabled, by } => {
                Self::Switched { user: user.clone(), enabled: *enabled, by: by.clone() }
            }
            What::AccountFrozen { user, .. } => {
                Self::Switched { user: user.clone(), enabled: false, by: format!("owner {user}") }
            }
            What::RecoveryFinished(finished) => Self::Recovered {
                user: finished.user.clone(),
                by: format!("officer {}", finished.officer.user.name),
            },
            What::KrlPublished(krl) => Self::Published(krl.version),
            _ => return None,
        })
    }
}

impl LiveCertificate {
    fn of(intent: &CertificateIntent) -> Option<Self> {
        let session = &intent.facts.session;
        Some(Self {
            request_id: intent.request_id,
            user: Some(intent.facts.user.name.clone()),
            key: intent.key.parse().ok()?,
            profile: intent.profile.clone(),
            ca: intent.ca.parse().ok()?,
            valid_before: intent.valid_before,
            login: session.login(),
        })
    }

    fn of_host(intent: &HostCertificateIntent) -> Option<Self> {
        Some(Self {
            request_id: intent.request_id,
            user: None,
            key: intent.key.parse().ok()?,
            profile: intent.profile.clone(),
            ca: intent.ca.parse().ok()?,
            valid_before: intent.valid_before,
            login: intent.facts.session.login(),
        })
    }
}

/// What a certificate is of.
#[derive(Clone, Copy)]
enum Whose {
    User,
    Host,
}

impl Line {
    fn trace(self, whose: Whose) -> Trace {
        let Self { facts: LineFacts { user, session }, request_id, profile, key, ca, valid_before } = self;
        let login = session.login();
        let user = match whose {
            Whose::User => Some(user.name),
            Whose::Host => None,
        };
        Trace::Certificate(Box::new(LiveCertificate {
            request_id,
            user,
            key,
            profile,
            ca,
            valid_before,
            login,
        }))
    }
}
