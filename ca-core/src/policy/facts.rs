//! The facts a decision rests on; they go into the log as they are, so that the decision can be replayed (I6).

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::names::{Email, GroupName, PersonName, ProfileName, UserName};
use crate::time::UnixSeconds;
use crate::voucher::Voucher;

/// All that is known when a decision is made, apart from the request, the policy and the time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Who is logged in.
    pub user: User,
    /// How they logged in.
    pub session: Session,
    /// Where the request came from.
    pub source: Source,
    /// Whether the key to be certified was revoked before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub key_revoked: bool,
    /// What was waited for, once a request had to be approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waited: Option<Waited>,
}

/// The time that a request waited, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waited {
    /// When it was asked; the login and the request are judged as of then.
    pub since: UnixSeconds,
    /// Who approved, in order; with a voucher, who sealed that.
    pub approvals: Vec<Approver>,
    /// The voucher that was shown in place of waiting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voucher: Option<Voucher>,
}

/// Somebody who approved a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approver {
    /// Who, as they are when the approvals are counted (A4).
    pub user: User,
    /// How they had logged in.
    pub session: Session,
    /// Where they were.
    pub source: Source,
    /// When they approved.
    pub at: UnixSeconds,
}

impl Approver {
    /// Gives the facts that tell whether the policy lets them approve.
    pub fn facts(&self) -> Facts {
        let Self { user, session, source, .. } = self.clone();
        Facts::new(user, session, source)
    }
}

impl Facts {
    /// Takes what is known of whoever asks; nothing is revoked, and nothing has waited.
    pub fn new(user: User, session: Session, source: Source) -> Self {
        Self { user, session, source, key_revoked: false, waited: None }
    }
}

/// The person or machine that is logged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The short name.
    pub name: UserName,
    /// The address, which opens the key id.
    pub email: Email,
    /// The groups they are in.
    pub groups: BTreeSet<GroupName>,
    /// Whether the account is enabled.
    pub enabled: bool,
    /// Whose account it is, when that is not somebody of the account's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonName>,
    /// Until when the account can do less, because its owner was given it back after everything was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reduced_until: Option<UnixSeconds>,
}

impl User {
    /// Tells until when the account can do less, if it does still.
    pub fn reduced(&self, now: UnixSeconds) -> Option<UnixSeconds> {
        self.reduced_until.filter(|until| now < *until)
    }

    /// Tells whether two accounts are one person's: by who stands behind them, or by their address but for a `+tag` (A1).
    pub fn is_same_person_as(&self, other: &User) -> bool {
        self.behind() == other.behind() || mailbox(&self.email) == mailbox(&other.email)
    }

    fn behind(&self) -> &str {
        self.person.as_ref().map_or(self.name.as_str(), PersonName::as_str)
    }
}

/// Splits an address and cuts the tag off its first part (RFC 5233 calls it detail).
fn mailbox(email: &Email) -> (&str, &str) {
    let (local, domain) = email.as_str().split_once('@').unwrap_or((email.as_str(), ""));
    (local.split_once('+').map_or(local, |(local, _)| local), domain)
}

/// A login, by what was presented and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// A name for the session that opens nothing.
    pub id: String,
    /// The factors presented after the password.
    pub factors: Vec<Factor>,
    /// What the login is limited to, when an API key takes its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyScope>,
}

impl Session {
    /// Gives when the login was complete; `None` for an API key, which is no login.
    pub fn login(&self) -> Option<UnixSeconds> {
        if self.key.is_some() { None } else { self.factors.iter().map(|factor| factor.at).max() }
    }
}

/// What an API key may be used for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyScope {
    /// The only profiles it can ask for.
    pub profiles: BTreeSet<ProfileName>,
    /// The only networks it can come from.
    pub networks: Vec<IpNet>,
    /// When it is none any more.
    pub expires_at: UnixSeconds,
}

impl KeyScope {
    /// Tells whether the key is one that may come from this address, and one still.
    pub fn is_good(&self, from: IpAddr, now: UnixSeconds) -> bool {
        self.is_from(from) && now < self.expires_at
    }

    /// Tells whether the key may come from this address.
    pub(super) fn is_from(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address.to_canonical()))
    }
}

/// One factor that was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Factor {
    /// Which.
    pub kind: FactorKind,
    /// When it was accepted.
    pub at: UnixSeconds,
}

/// What can be presented after the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FactorKind {
    /// A time-based one-time password (RFC 6238).
    Totp,
    /// A code sent to a phone.
    Sms,
    /// A Yubico one-time password.
    Yubikey,
    /// A WebAuthn assertion.
    Webauthn,
    /// A one-time recovery code.
    Recovery,
    /// The API key of a program, which takes the place of password and factor.
    ApiKey,
}

impl fmt::Display for FactorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Totp => "totp",
            Self::Sms => "sms",
            Self::Yubikey => "yubikey",
            Self::Webauthn => "webauthn",
            Self::Recovery => "recovery",
            Self::ApiKey => "api-key",
        })
    }
}

impl FromStr for FactorKind {
    type Err = UnknownFactor;

    fn from_str(text: &str) -> Result<Self, UnknownFactor> {
        let all = [Self::Totp, Self::Sms, Self::Yubikey, Self::Webauthn, Self::Recovery];
        all.into_iter().find(|kind| kind.to_string() == text).ok_or(UnknownFactor)
    }
}

/// A name that no kind of factor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such kind of factor: there are totp, sms, yubikey, webauthn and recovery")]
pub struct UnknownFactor;

/// What a login is for, which is all that its session can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Certificates.
    #[default]
    Access,
    /// A change of the account's own factors or password, in the minutes after password and factor were shown.
    Account,
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Access => "access",
            Self::Account => "account",
        })
    }
}

/// Where a request came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The address of the peer.
    pub ip: IpAddr,
    /// What the client calls itself; whatever it likes, cut to 200 characters.
    pub user_agent: Option<String>,
}
