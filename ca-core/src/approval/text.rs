//! The text that an officer signs.

use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ApprovalError;
use crate::lines::Lines;
use crate::log::checkpoint::Origin;
use crate::log::hash::sha256;
use crate::names::{ApprovalId, Reason, RequestId, UserName};
use crate::policy::PolicyId;
use crate::time::UnixSeconds;

const FIRST_LINE: &str = "countersign approval v1";

/// What an officer says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Yes.
    Approve,
    /// No, whatever others say.
    Deny,
    /// It was an emergency, and has been looked into; said after a break-glass certificate, never before.
    Review,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Approve => "approve",
            Self::Deny => "deny",
            Self::Review => "review",
        })
    }
}

impl FromStr for Verdict {
    type Err = ApprovalError;

    fn from_str(text: &str) -> Result<Self, ApprovalError> {
        let verdict =
            [Self::Approve, Self::Deny, Self::Review].into_iter().find(|verdict| verdict.to_string() == text);
        verdict.ok_or(ApprovalError::Line { expected: "verdict approve" })
    }
}

/// The SHA-256 of a request's exact text, in lower-case hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestHash([u8; 32]);

impl RequestHash {
    /// Hashes a request's text.
    pub fn of(text: &str) -> Self {
        Self(sha256(text.as_bytes()))
    }
}

impl fmt::Display for RequestHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for RequestHash {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(Self(bytes))
    }
}

/// What an officer says to one request, parsed; nobody has proven anything yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The authority it is for, by the origin of its log.
    pub authority: Origin,
    /// Its identity and time.
    pub id: ApprovalId,
    /// The hash of the request's exact text.
    pub request_hash: RequestHash,
    /// The request.
    pub request: RequestId,
    /// The policy it is given under.
    pub policy: PolicyId,
    /// Who says it.
    pub approver: UserName,
    /// What they say.
    pub verdict: Verdict,
    /// When the request's wait ends.
    pub expires_at: UnixSeconds,
    /// What else they have to say.
    pub note: Option<Reason>,
}

impl Approval {
    /// Writes the canonical text, which is what the officer's key signs.
    pub fn to_text(&self) -> String {
        let mut text = String::with_capacity(512);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{FIRST_LINE}");
        let _ = writeln!(text, "authority {}", self.authority);
        let _ = writeln!(text, "id {}", self.id);
        let _ = writeln!(text, "request-sha256 {}", self.request_hash);
        let _ = writeln!(text, "request {}", self.request);
        let _ = writeln!(text, "policy {}", self.policy);
        let _ = writeln!(text, "approver {}", self.approver);
        let _ = writeln!(text, "verdict {}", self.verdict);
        let _ = writeln!(text, "expires {}", self.expires_at.0);
        let _ = writeln!(text, "note {}", self.note.as_ref().map_or("", Reason::as_str));
        text
    }

    /// Parses canonical text and nothing else.
    pub fn from_text(text: &str) -> Result<Self, ApprovalError> {
        let mut lines = Lines::new(text, FIRST_LINE)?;
        let approval = Self {
            authority: lines.parse("authority")?,
            id: lines.value("id")?.parse()?,
            request_hash: lines.parse("request-sha256")?,
            request: lines.value("request")?.parse()?,
            policy: PolicyId::try_from(lines.value("policy")?.to_owned())
                .map_err(|_| ApprovalError::Line { expected: "policy" })?,
            approver: lines.value("approver")?.parse()?,
            verdict: lines.parse("verdict")?,
            expires_at: UnixSeconds(lines.parse("expires")?),
            note: lines.given("note")?.map(str::parse).transpose()?,
        };
        if approval.to_text() == text { Ok(approval) } else { Err(ApprovalError::NotCanonical) }
    }
}
