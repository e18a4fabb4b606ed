//! What an engineer asks for: canonical text, signed by the key to be certified (proof of possession).
//!
//! The signed bytes are the request: the server parses the very text that was signed, and a text is accepted only
//! if writing what was parsed gives the same bytes again. Nothing can be added, dropped or spelled twice.

use std::fmt::Write as _;

use crate::lines::{Lines, Malformed};
use crate::log::checkpoint::Origin;
use crate::names::{NameError, Principals, ProfileName, Reason, RequestId, UserName};
use crate::ssh::{CertifiableKey, KeyError, SshSigError, UnverifiedSshSig};
use crate::time::{Ttl, TtlError, UnixMillis};

/// The SSHSIG namespace of a request; no other signature of the key can stand in for it.
pub const NAMESPACE: &str = "request@countersign.v1";

/// How far a request's id may be from the server's clock, in seconds, either way.
pub const FRESHNESS_SECS: u64 = 120;

const FIRST_LINE: &str = "countersign request v1";

/// Why a text is not a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// A line is missing, out of order or not known.
    #[error("the request's text is malformed: expected {expected:?}")]
    Line {
        /// What the line should have started with.
        expected: &'static str,
    },
    /// The text means something, but is not the one way to write it.
    #[error("the request's text is not in canonical form")]
    NotCanonical,
    /// It is signed for another log, and so for another authority.
    #[error("the request is for {found:?}, not for this authority ({wanted})")]
    OtherAuthority {
        /// The log's origin in the request.
        found: String,
        /// This authority's log origin.
        wanted: String,
    },
    /// Its id was made too long ago or too far ahead, by the server's clock.
    #[error("the request was made {} the server's time; {FRESHNESS_SECS} s are allowed", off_by(*.made, *.now))]
    Stale {
        /// When the client says it was made.
        made: UnixMillis,
        /// The server's time.
        now: UnixMillis,
    },
    /// A name is not allowed.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The lifetime is not allowed.
    #[error(transparent)]
    Ttl(#[from] TtlError),
    /// The key is not accepted.
    #[error(transparent)]
    Key(#[from] KeyError),
}

fn off_by(made: UnixMillis, now: UnixMillis) -> String {
    let secs = made.0.abs_diff(now.0) / 1000;
    if made < now { format!("{secs} s before") } else { format!("{secs} s after") }
}

/// A request for a certificate, parsed; nobody has proven anything yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertRequest {
    /// The authority it is for, by the origin of its log.
    pub authority: Origin,
    /// Its identity and time.
    pub id: RequestId,
    /// Who asks.
    pub user: UserName,
    /// The kind of access asked for.
    pub profile: ProfileName,
    /// The lifetime asked for; the profile's default when `None`.
    pub ttl: Option<Ttl>,
    /// The accounts asked for; all that the profile grants when `None`.
    pub principals: Option<Principals>,
    /// The key to be certified.
    pub key: CertifiableKey,
    /// Why.
    pub reason: Option<Reason>,
}

impl From<Malformed> for RequestError {
    fn from(malformed: Malformed) -> Self {
        Self::Line { expected: malformed.expected }
    }
}

impl CertRequest {
    /// Writes the canonical text, which is what the key signs.
    pub fn to_text(&self) -> String {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let mut text = String::with_capacity(512);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{FIRST_LINE}");
        let _ = writeln!(text, "authority {}", self.authority);
        let _ = writeln!(text, "id {}", self.id);
        let _ = writeln!(text, "user {}", self.user);
        let _ = writeln!(text, "profile {}", self.profile);
        let _ = writeln!(text, "ttl {}", or_dash(self.ttl.map(|t| t.to_string())));
        let _ = writeln!(text, "principals {}", or_dash(self.principals.as_ref().map(ToString::to_string)));
        let _ = writeln!(text, "key {}", self.key.key());
        let _ = writeln!(text, "reason {}", self.reason.as_ref().map_or("", Reason::as_str));
        text
    }

    /// Parses canonical text and nothing else.
    pub fn from_text(text: &str) -> Result<Self, RequestError> {
        let mut lines = Lines::new(text, FIRST_LINE)?;
        let request = Self {
            authority: lines.parse("authority")?,
            id: lines.value("id")?.parse()?,
            user: lines.value("user")?.parse()?,
            profile: lines.value("profile")?.parse()?,
            ttl: unless_dash(lines.value("ttl")?).map(str::parse).transpose()?,
            principals: unless_dash(lines.value("principals")?).map(parse_principals).transpose()?,
            key: lines.value("key")?.parse()?,
            reason: lines.given("reason")?.map(str::parse).transpose()?,
        };
        if request.to_text() == text { Ok(request) } else { Err(RequestError::NotCanonical) }
    }

    /// Checks that it was made just now: an old one cannot be used again, and its id need not be remembered (I8, A12).
    pub fn check_fresh(&self, now: UnixMillis) -> Result<(), RequestError> {
        check_fresh(self.id, now)
    }

    /// Checks that it is meant for this authority.
    pub fn check_authority(&self, own: &Origin) -> Result<(), RequestError> {
        check_authority(&self.authority, own)
    }
}

/// Checks that a request of any kind with this id was made just now.
pub(crate) fn check_fresh(id: RequestId, now: UnixMillis) -> Result<(), RequestError> {
    let made = id.time();
    if made.0.abs_diff(now.0) <= FRESHNESS_SECS * 1000 {
        return Ok(());
    }
    Err(RequestError::Stale { made, now })
}

/// Checks that a request of any kind is meant for this authority.
pub(crate) fn check_authority(named: &Origin, own: &Origin) -> Result<(), RequestError> {
    if named == own {
        return Ok(());
    }
    Err(RequestError::OtherAuthority { found: named.to_string(), wanted: own.to_string() })
}

/// Gives a field's text; `None` for the dash that stands for nothing asked for.
pub(crate) fn unless_dash(text: &str) -> Option<&str> {
    Some(text).filter(|t| *t != "-")
}

fn parse_principals(text: &str) -> Result<Principals, RequestError> {
    let names = text.split(',').map(str::parse).collect::<Result<Vec<_>, _>>()?;
    Ok(Principals::try_from(names)?)
}

/// A request whose key signed exactly its text: the sender holds the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenRequest {
    request: CertRequest,
    text: String,
    signature: String,
}

impl ProvenRequest {
    /// Verifies the armoured SSHSIG over the request's text by the request's own key.
    pub fn verify(request: CertRequest, signature: String) -> Result<Self, SshSigError> {
        let text = request.to_text();
        let parsed = UnverifiedSshSig::from_armoured(&signature)?;
        parsed.verify(request.key.key(), NAMESPACE, text.as_bytes())?;
        Ok(Self { request, text, signature })
    }

    /// Gives the request.
    pub fn request(&self) -> &CertRequest {
        &self.request
    }

    /// Gives the canonical text that was signed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Gives the armoured signature.
    pub fn signature(&self) -> &str {
        &self.signature
    }
}
