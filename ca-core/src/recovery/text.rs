//! The text that an officer signs about a recovery.

use std::fmt::Write as _;

use super::NAMESPACE;
use crate::approval::{ApprovalError, Verdict, check_fresh, verify_by};
use crate::lines::Lines;
use crate::log::checkpoint::Origin;
use crate::log::event::SignedApproval;
use crate::names::{ApprovalId, Reason, RecoveryId, UserName};
use crate::ssh::PublicKey;
use crate::time::UnixMillis;

const FIRST_LINE: &str = "countersign recovery v1";

/// What an officer says to one recovery, parsed; nobody has proven anything yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    /// The authority it is for, by the origin of its log.
    pub authority: Origin,
    /// Its identity and time.
    pub id: ApprovalId,
    /// The recovery.
    pub recovery: RecoveryId,
    /// The account that is to be given back.
    pub user: UserName,
    /// Who says it.
    pub officer: UserName,
    /// What they say.
    pub verdict: Verdict,
    /// Why: how the officer knows that it is the owner who asks, or why not.
    pub reason: Reason,
}

impl Vote {
    /// Writes the canonical text, which is what the officer's key signs.
    pub fn to_text(&self) -> String {
        let mut text = String::with_capacity(320);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{FIRST_LINE}");
        let _ = writeln!(text, "authority {}", self.authority);
        let _ = writeln!(text, "id {}", self.id);
        let _ = writeln!(text, "recovery {}", self.recovery);
        let _ = writeln!(text, "user {}", self.user);
        let _ = writeln!(text, "officer {}", self.officer);
        let _ = writeln!(text, "verdict {}", self.verdict);
        let _ = writeln!(text, "reason {}", self.reason.as_str());
        text
    }

    /// Parses canonical text and nothing else.
    pub fn from_text(text: &str) -> Result<Self, ApprovalError> {
        let mut lines = Lines::new(text, FIRST_LINE)?;
        let vote = Self {
            authority: lines.parse("authority")?,
            id: lines.value("id")?.parse()?,
            recovery: lines.value("recovery")?.parse()?,
            user: lines.value("user")?.parse()?,
            officer: lines.value("officer")?.parse()?,
            verdict: lines.parse("verdict")?,
            reason: lines.value("reason")?.parse()?,
        };
        if vote.verdict == Verdict::Review {
            return Err(ApprovalError::Line { expected: "verdict approve" });
        }
        if vote.to_text() == text { Ok(vote) } else { Err(ApprovalError::NotCanonical) }
    }

    /// Checks that it is about this recovery of this account, at this authority, in this officer's name.
    pub fn check_about(
        &self,
        authority: &Origin,
        (recovery, user): (RecoveryId, &UserName),
        officer: &UserName,
    ) -> Result<(), ApprovalError> {
        let rules = [
            (self.authority == *authority, ApprovalError::OtherAuthority),
            (self.recovery == recovery && self.user == *user, ApprovalError::OtherRecovery),
            (self.officer == *officer, ApprovalError::OtherApprover),
        ];
        rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, error)| Err(error))
    }

    /// Checks that it was made just now.
    pub fn check_fresh(&self, now: UnixMillis) -> Result<(), ApprovalError> {
        check_fresh(self.id, now)
    }
}

/// A vote that one of the officer's keys signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenVote {
    vote: Vote,
    signature: String,
}

impl ProvenVote {
    /// Verifies the armoured SSHSIG over the vote's text by one of the keys that are the officer's.
    pub fn verify(vote: Vote, signature: String, keys: &[PublicKey]) -> Result<Self, ApprovalError> {
        verify_by(keys, NAMESPACE, &vote.to_text(), &signature)?;
        Ok(Self { vote, signature })
    }

    /// Gives what was said.
    pub fn vote(&self) -> &Vote {
        &self.vote
    }
}

impl From<&ProvenVote> for SignedApproval {
    fn from(proven: &ProvenVote) -> Self {
        Self { text: proven.vote.to_text(), signature: proven.signature.clone() }
    }
}
