//! The text that officers sign.

use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::MAX_LIFE_SECS;
use crate::approval::ApprovalError;
use crate::lines::Lines;
use crate::log::checkpoint::Origin;
use crate::names::{ProfileName, Reason, UserName, VoucherId};
use crate::request::FRESHNESS_SECS;
use crate::time::{UnixMillis, UnixSeconds};

const FIRST_LINE: &str = "countersign voucher v1";

/// A SHA-256, in lower-case hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(Self(bytes))
    }
}

/// What officers say in advance, parsed; nobody has proven anything yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Voucher {
    /// The authority it is for, by the origin of its log.
    pub authority: Origin,
    /// Its identity and time.
    pub id: VoucherId,
    /// The profile it opens.
    pub profile: ProfileName,
    /// The hash of how that profile is written ([`crate::policy::Policy::profile_digest`]).
    pub profile_digest: Digest,
    /// The only account that may use it; whomever the rules permit the profile when there is none.
    pub holder: Option<UserName>,
    /// The hash of the secret that is shown ([`super::VoucherSecret::digest`]).
    pub secret: Digest,
    /// The last second it is good.
    pub expires_at: UnixSeconds,
    /// What else there is to say, such as which safe it is in.
    pub note: Option<Reason>,
}

impl Voucher {
    /// Writes the canonical text, which is what the officers' keys sign.
    pub fn to_text(&self) -> String {
        let mut text = String::with_capacity(512);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{FIRST_LINE}");
        let _ = writeln!(text, "authority {}", self.authority);
        let _ = writeln!(text, "id {}", self.id);
        let _ = writeln!(text, "profile {}", self.profile);
        let _ = writeln!(text, "profile-sha256 {}", self.profile_digest);
        let _ = writeln!(text, "holder {}", self.holder.as_ref().map_or("", UserName::as_str));
        let _ = writeln!(text, "secret-sha256 {}", self.secret);
        let _ = writeln!(text, "expires {}", self.expires_at.0);
        let _ = writeln!(text, "note {}", self.note.as_ref().map_or("", Reason::as_str));
        text
    }

    /// Parses canonical text and nothing else.
    pub fn from_text(text: &str) -> Result<Self, ApprovalError> {
        let mut lines = Lines::new(text, FIRST_LINE)?;
        let voucher = Self {
            authority: lines.parse("authority")?,
            id: lines.value("id")?.parse()?,
            profile: lines.value("profile")?.parse()?,
            profile_digest: lines.parse("profile-sha256")?,
            holder: lines.given("holder")?.map(str::parse).transpose()?,
            secret: lines.parse("secret-sha256")?,
            expires_at: UnixSeconds(lines.parse("expires")?),
            note: lines.given("note")?.map(str::parse).transpose()?,
        };
        if voucher.to_text() == text { Ok(voucher) } else { Err(ApprovalError::NotCanonical) }
    }

    /// Checks a new one: for this authority, made just now, and not for ever.
    pub fn check_new(&self, authority: &Origin, now: UnixMillis) -> Result<(), ApprovalError> {
        let (made, last) = (self.id.time(), now.seconds().plus_secs(MAX_LIFE_SECS));
        let rules = [
            (self.authority == *authority, ApprovalError::OtherAuthority),
            (made.0.abs_diff(now.0) <= FRESHNESS_SECS * 1000, ApprovalError::Stale),
            (self.expires_at > now.seconds() && self.expires_at <= last, ApprovalError::Life),
        ];
        rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, error)| Err(error))
    }
}

impl From<Voucher> for String {
    fn from(voucher: Voucher) -> Self {
        voucher.to_text()
    }
}

impl TryFrom<String> for Voucher {
    type Error = ApprovalError;

    fn try_from(text: String) -> Result<Self, ApprovalError> {
        Self::from_text(&text)
    }
}
