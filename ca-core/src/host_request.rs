//! What is asked for on behalf of a host: canonical text, signed by the host's key where that is at hand.
//!
//! The form is that of [`crate::request`]. A host's key is on the host, and whoever asks may have only its public half:
//! so the proof of possession is optional, recorded when it is given, and a profile may demand it.

use std::fmt::Write as _;

use crate::lines::Lines;
use crate::log::checkpoint::Origin;
use crate::names::{HostNames, ProfileName, Reason, RequestId, UserName};
use crate::request::{RequestError, check_authority, check_fresh, unless_dash};
use crate::ssh::{CertifiableKey, SshSigError, UnverifiedSshSig};
use crate::time::{Ttl, UnixMillis};

/// The SSHSIG namespace of a request for a host; no other signature of the key can stand in for it.
pub const NAMESPACE: &str = "host-request@countersign.v1";

const FIRST_LINE: &str = "countersign host request v1";

/// A request for a host's certificate, parsed; nobody has proven anything yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRequest {
    /// The authority it is for, by the origin of its log.
    pub authority: Origin,
    /// Its identity and time.
    pub id: RequestId,
    /// Who asks.
    pub user: UserName,
    /// The host profile.
    pub profile: ProfileName,
    /// The lifetime asked for; the profile's default when `None`.
    pub ttl: Option<Ttl>,
    /// What the host is called.
    pub names: HostNames,
    /// The host's key.
    pub key: CertifiableKey,
    /// Why.
    pub reason: Option<Reason>,
}

impl HostRequest {
    /// Writes the canonical text, which is what the host's key signs.
    pub fn to_text(&self) -> String {
        let mut text = String::with_capacity(512);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{FIRST_LINE}");
        let _ = writeln!(text, "authority {}", self.authority);
        let _ = writeln!(text, "id {}", self.id);
        let _ = writeln!(text, "user {}", self.user);
        let _ = writeln!(text, "profile {}", self.profile);
        let _ = writeln!(text, "ttl {}", self.ttl.map_or_else(|| "-".to_owned(), |ttl| ttl.to_string()));
        let _ = writeln!(text, "names {}", self.names);
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
            names: lines.value("names")?.parse()?,
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

/// A request for a host with its proof of possession, which holds if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedHostRequest {
    request: HostRequest,
    text: String,
    signature: Option<String>,
}

impl CheckedHostRequest {
    /// Verifies the armoured SSHSIG over the request's text by the host's key; one that does not hold is an error, and
    /// never the same as none.
    pub fn verify(request: HostRequest, signature: Option<String>) -> Result<Self, SshSigError> {
        let text = request.to_text();
        if let Some(signature) = &signature {
            let parsed = UnverifiedSshSig::from_armoured(signature)?;
            parsed.verify(request.key.key(), NAMESPACE, text.as_bytes())?;
        }
        Ok(Self { request, text, signature })
    }

    /// Gives the request.
    pub fn request(&self) -> &HostRequest {
        &self.request
    }

    /// Gives the canonical text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Gives the armoured signature, if the host's key made one.
    pub fn signature(&self) -> Option<&str> {
        self.signature.as_deref()
    }

    /// Tells whether the host's key signed it.
    pub fn is_proven(&self) -> bool {
        self.signature.is_some()
    }
}
