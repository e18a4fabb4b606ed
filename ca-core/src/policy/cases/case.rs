//! One case, as it is written; everything that does not matter to it can be left out.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use serde::Deserialize;

use crate::names::{GroupName, Principal, ProfileName, Reason, UserName};
use crate::policy::FactorKind;
use crate::ssh::KeyKind;
use crate::time::Ttl;

/// Who asks for what, how, and what is to come of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows, for people.
    pub name: String,
    /// What is done; `request` when left out.
    #[serde(default)]
    pub action: Option<String>,
    /// The profile it is done to, where it is about one.
    #[serde(default)]
    pub profile: Option<ProfileName>,
    /// Who asks; `ann` when left out.
    #[serde(default)]
    pub user: Option<UserName>,
    /// The groups they are in; none when left out.
    #[serde(default)]
    pub groups: BTreeSet<GroupName>,
    /// Whether the account is switched off.
    #[serde(default)]
    pub disabled: bool,
    /// Where they ask from; 10.1.2.3 when left out.
    #[serde(default)]
    pub from: Option<IpAddr>,
    /// When, such as `2026-01-07T12:00:00Z`, a Wednesday, which it is when left out.
    #[serde(default)]
    pub at: Option<String>,
    /// What was shown after the password; `totp` when left out, `api-key` for a program.
    #[serde(default)]
    pub factor: Option<FactorKind>,
    /// How long ago; a minute when left out.
    #[serde(default)]
    pub login_age: Option<Ttl>,
    /// The lifetime asked for; the profile's default when left out.
    #[serde(default)]
    pub ttl: Option<Ttl>,
    /// The accounts asked for; all when left out.
    #[serde(default)]
    pub accounts: Option<Vec<Principal>>,
    /// The reason given; none when left out.
    #[serde(default)]
    pub reason: Option<Reason>,
    /// The kind of key; `ed25519` when left out.
    #[serde(default)]
    pub key: Option<KeyKind>,
    /// What is to come of it.
    pub expect: Expect,
    /// Words that the reason for it must hold, such as the name of the rule.
    #[serde(default)]
    pub because: Option<String>,
    /// The accounts that the certificate must be for, when it is granted.
    #[serde(default)]
    pub gets: Option<Vec<String>>,
}

/// What is to come of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expect {
    /// A yes.
    Granted,
    /// A yes, once enough people approve.
    NeedsApproval,
    /// A no.
    Denied,
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Granted => "granted",
            Self::NeedsApproval => "needs-approval",
            Self::Denied => "denied",
        })
    }
}
