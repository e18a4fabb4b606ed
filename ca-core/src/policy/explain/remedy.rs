//! One thing that can be done about a denial, in words and as what is typed.

use std::fmt;

use ipnet::IpNet;

use crate::names::{GroupName, Principals, ProfileName, UserName};
use crate::policy::{FactorKind, TicketPattern};
use crate::ssh::KeyKind;
use crate::time::{Ttl, UnixSeconds};

/// One change of a request, of how it is asked, or of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// Ask in the name of who is logged in.
    AsUser(UserName),
    /// Ask for no longer than this.
    Ttl(Ttl),
    /// Ask for these accounts and no others.
    Accounts(Principals),
    /// Say why.
    Reason,
    /// Say why, with a word of this form.
    Ticket(TicketPattern),
    /// Certify another key.
    OtherKey,
    /// Certify a key of this kind.
    Key(KeyKind),
    /// Log in again, now, with this after the password; a session in place of an API key, if there was one.
    LogIn(FactorKind),
    /// Ask from an address in this network.
    From(IpNet),
    /// Ask at this time; the login as fresh then as it is now.
    At(UnixSeconds),
    /// Ask for this profile instead.
    Profile(ProfileName),
    /// Be in this group, which is up to those who look after accounts.
    Group(GroupName),
    /// Have the account switched on, which is up to them as well.
    Enable(UserName),
}

impl Remedy {
    /// Gives the word for this kind of remedy, which never changes once it is out.
    pub fn code(&self) -> &'static str {
        match self {
            Self::AsUser(_) => "as-user",
            Self::Ttl(_) => "ttl",
            Self::Accounts(_) => "accounts",
            Self::Reason => "reason",
            Self::Ticket(_) => "ticket",
            Self::OtherKey => "other-key",
            Self::Key(_) => "key-kind",
            Self::LogIn(_) => "log-in",
            Self::From(_) => "from",
            Self::At(_) => "at",
            Self::Profile(_) => "profile",
            Self::Group(_) => "group",
            Self::Enable(_) => "enable",
        }
    }

    /// Gives what is typed for it: a command, or an option of `ca request`; none when it is not done by typing.
    pub fn command(&self) -> Option<String> {
        Some(match self {
            Self::AsUser(user) => format!("--user {user}"),
            Self::Ttl(ttl) => format!("--ttl {ttl}"),
            Self::Accounts(accounts) => {
                accounts.iter().map(|account| format!("--principal {account}")).collect::<Vec<_>>().join(" ")
            }
            Self::Reason | Self::Ticket(_) => "--reason WHY".to_owned(),
            Self::OtherKey | Self::Key(_) => "--key FILE".to_owned(),
            Self::LogIn(kind) => format!("ca login --factor {kind}"),
            Self::Profile(profile) => format!("ca request {profile}"),
            Self::Enable(user) => format!("ca admin user enable {user}"),
            Self::From(_) | Self::At(_) | Self::Group(_) => return None,
        })
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AsUser(user) => write!(f, "ask as {user}, who is logged in"),
            Self::Ttl(ttl) => write!(f, "ask for {ttl} at most"),
            Self::Accounts(accounts) => write!(f, "ask for no other account than {}", list(accounts)),
            Self::Reason => f.write_str("give a reason"),
            Self::Ticket(pattern) => write!(f, "give a reason with a word like {pattern}"),
            Self::OtherKey => f.write_str("ask with a key that was not revoked"),
            Self::Key(kind) => write!(f, "ask with a key of type {}", kind.algorithm()),
            Self::LogIn(kind) => write!(f, "log in again with {kind}"),
            Self::From(network) => write!(f, "ask from an address in {network}"),
            Self::At(time) => write!(f, "ask at {time}, with a login as fresh"),
            Self::Profile(profile) => write!(f, "ask for {profile} instead"),
            Self::Group(group) => write!(f, "have an officer put you into the group {group}"),
            Self::Enable(user) => write!(f, "have an officer switch the account {user} on"),
        }
    }
}

fn list(accounts: &Principals) -> String {
    accounts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
