//! A case as the request and the facts that a server would have.

use std::net::IpAddr;

use super::Case;
use crate::log::Origin;
use crate::names::{Email, RequestId, UserName};
use crate::policy::{Action, Factor, FactorKind, Facts, KeyScope, Session, Source, User};
use crate::request::CertRequest;
use crate::ssh::{CertifiableKey, KeyKind};
use crate::time::{UnixMillis, UnixSeconds};

/// A key of every kind, whose private keys nobody has.
const KEYS: &str = include_str!("keys.txt");

/// A Wednesday.
const NOON: &str = "2026-01-07T12:00:00Z";

impl Case {
    /// Gives what is done.
    pub(super) fn action(&self) -> Result<Action, String> {
        self.action
            .as_ref()
            .map_or(Ok(Action::Request), |name| name.parse().map_err(|error| format!("{error}")))
    }

    /// Gives when it is done.
    pub(super) fn now(&self) -> Result<UnixSeconds, String> {
        let text = self.at.as_deref().unwrap_or(NOON);
        let at: jiff::Timestamp = text.parse().map_err(|error| format!("at = {text:?}: {error}"))?;
        u64::try_from(at.as_second()).map(UnixSeconds).map_err(|_| format!("at = {text:?} is before 1970"))
    }

    /// Gives the facts.
    pub(super) fn facts(&self) -> Result<Facts, String> {
        let now = self.now()?;
        let name = self.user_name()?;
        let email: Email = format!("{name}@example.com").parse().map_err(|error| format!("{error}"))?;
        let kind = self.factor.unwrap_or(FactorKind::Totp);
        let at = now.minus_secs(self.login_age.map_or(60, crate::time::Ttl::secs));
        let key = (kind == FactorKind::ApiKey).then(|| self.key_scope(now)).transpose()?;
        let ip = self.from.unwrap_or(IpAddr::from([10, 1, 2, 3]));
        let user = User {
            name,
            email,
            groups: self.groups.clone(),
            enabled: !self.disabled,
            person: None,
            reduced_until: None,
        };
        let session = Session { id: "case".to_owned(), factors: vec![Factor { kind, at }], key };
        Ok(Facts::new(user, session, Source { ip, user_agent: None }))
    }

    /// Gives the request for a certificate; `None` when something else is done.
    pub(super) fn request(&self, now: UnixSeconds) -> Result<Option<CertRequest>, String> {
        if self.action()? != Action::Request {
            return Ok(None);
        }
        let accounts = self.accounts.clone().map(TryInto::try_into).transpose();
        Ok(Some(CertRequest {
            authority: Origin::new("cases.example.com/log").map_err(|error| error.to_string())?,
            id: RequestId::from_parts(UnixMillis(now.0.saturating_mul(1000)), 0),
            user: self.user_name()?,
            profile: self.profile.clone().ok_or("it names no profile")?,
            ttl: self.ttl,
            principals: accounts.map_err(|error| format!("accounts: {error}"))?,
            key: sample_key(self.key.unwrap_or(KeyKind::Ed25519))?,
            reason: self.reason.clone(),
        }))
    }

    fn user_name(&self) -> Result<UserName, String> {
        self.user.clone().map_or_else(|| "ann".parse().map_err(|error| format!("{error}")), Ok)
    }

    /// A key that is good for what is asked, from anywhere: what is tried is the policy, not the key.
    fn key_scope(&self, now: UnixSeconds) -> Result<KeyScope, String> {
        let everywhere = ["0.0.0.0/0", "::/0"].map(str::parse).into_iter().collect::<Result<Vec<_>, _>>();
        Ok(KeyScope {
            profiles: self.profile.iter().cloned().collect(),
            networks: everywhere.map_err(|error: ipnet::AddrParseError| error.to_string())?,
            expires_at: now.plus_secs(3600),
        })
    }
}

/// Gives a key of a kind whose private half nobody has.
pub(in crate::policy) fn sample_key(kind: KeyKind) -> Result<CertifiableKey, String> {
    let line = KEYS.lines().find(|line| line.starts_with(&format!("{} ", kind.algorithm())));
    line.ok_or("no such key")?.parse().map_err(|error| format!("{error}"))
}
