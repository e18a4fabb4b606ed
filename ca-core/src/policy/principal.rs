//! The accounts that a profile logs in to, as the policy writes them.

use serde::Deserialize;

use super::facts::User;
use crate::names::{GroupName, NameError, Principal};

/// An account for everybody who has the profile, or for the members of one group.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "an account is \"name\", \"{user}\" or { group = \"name\", account = \"name\" }"
)]
pub enum PrincipalTemplate {
    /// This account, for everybody.
    Everybody(Account),
    /// This account, for the members of a group.
    Members(Mapped),
}

/// An account that comes with a group.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapped {
    /// Whose members get it.
    pub group: GroupName,
    /// The account.
    pub account: Account,
}

/// An account: fixed, or `{user}` for the name of whoever asks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Account {
    /// This account.
    Fixed(Principal),
    /// The account named like the user.
    User,
}

impl PrincipalTemplate {
    /// Gives the account for a user; `None` when it comes with a group that they are not in.
    pub fn resolve(&self, user: &User) -> Option<Principal> {
        let account = match self {
            Self::Everybody(account) => account,
            Self::Members(mapped) => user.groups.contains(&mapped.group).then_some(&mapped.account)?,
        };
        Some(match account {
            Account::Fixed(principal) => principal.clone(),
            Account::User => (&user.name).into(),
        })
    }
}

impl TryFrom<String> for Account {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        if text == "{user}" { Ok(Self::User) } else { Principal::try_from(text).map(Self::Fixed) }
    }
}
