//! The accounts: which are dormant, and how each is protected.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::audit::Statement;
use crate::audit::statement::CERTIFICATE;
use crate::time::UnixSeconds;

const DAY: u64 = 86_400;

/// How long an account has not been used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dormancy {
    /// It was used, or made, in the last 30 days; or it is switched off.
    None,
    /// Not for 30 days.
    #[serde(rename = "30-days")]
    Days30,
    /// Not for 90 days.
    #[serde(rename = "90-days")]
    Days90,
}

/// How well an account is protected, by the kinds of its factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protection {
    /// It has no factor yet.
    None,
    /// Its only factors are phones.
    SmsOnly,
    /// It has codes that can be phished.
    Codes,
    /// It has a factor that cannot be phished.
    PhishingResistant,
}

/// An account as it stood at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccountLine {
    /// Its name.
    pub user: String,
    /// Whether it is switched on.
    pub enabled: bool,
    /// When somebody last logged in or a program got a certificate; `null` for never.
    pub last_used: Option<UnixSeconds>,
    /// How long it has not been used, if it is switched on.
    pub dormant: Dormancy,
    /// Its factors: how many of which kind.
    pub factors: BTreeMap<String, u64>,
    /// What they amount to.
    pub protection: Protection,
}

#[derive(Debug, Default)]
pub(super) struct Accounts(BTreeMap<String, Account>);

#[derive(Debug)]
struct Account {
    enabled: bool,
    made: UnixSeconds,
    last_used: Option<UnixSeconds>,
    factors: BTreeMap<String, u64>,
}

impl Accounts {
    pub(super) fn take(&mut self, statement: &Statement) {
        let now = statement.time.seconds();
        let Some(user) = statement.user() else { return };
        if statement.kind == "user-added" {
            let account = Account { enabled: true, made: now, last_used: None, factors: factors(statement) };
            self.0.insert(user.to_owned(), account);
        }
        let Some(account) = self.0.get_mut(user) else { return };
        match statement.kind.as_str() {
            "user-enabled" => account.enabled = statement.fields.get("enabled") == Some(&true.into()),
            "account-frozen" => account.enabled = false,
            "login-succeeded" | CERTIFICATE => account.last_used = Some(now),
            "user-reset" | "recovery-finished" => account.factors = factors(statement),
            "invitation-accepted" | "factor-added" => {
                if let Some(kind) = statement.text("kind") {
                    *account.factors.entry(kind.to_owned()).or_default() += 1;
                }
            }
            "factor-removed" => account.remove(statement.text("kind").unwrap_or_default()),
            _ => {}
        }
    }

    pub(super) fn finish(self, end: UnixSeconds) -> Vec<AccountLine> {
        self.0.into_iter().map(|(user, account)| account.line(user, end)).collect()
    }
}

impl Account {
    fn remove(&mut self, kind: &str) {
        if let Some(count) = self.factors.get_mut(kind) {
            *count = count.saturating_sub(1);
        }
        self.factors.retain(|_, count| *count > 0);
    }

    fn line(self, user: String, end: UnixSeconds) -> AccountLine {
        let idle = end.0.saturating_sub(self.last_used.unwrap_or(self.made).0);
        let dormant = match idle {
            _ if !self.enabled => Dormancy::None,
            idle if idle >= 90 * DAY => Dormancy::Days90,
            idle if idle >= 30 * DAY => Dormancy::Days30,
            _ => Dormancy::None,
        };
        let protection = protection(&self.factors);
        let Self { enabled, last_used, factors, .. } = self;
        AccountLine { user, enabled, last_used, dormant, factors, protection }
    }
}

fn factors(statement: &Statement) -> BTreeMap<String, u64> {
    let mut factors = BTreeMap::new();
    for kind in statement.texts("factors") {
        *factors.entry(kind.to_owned()).or_default() += 1;
    }
    factors
}

fn protection(factors: &BTreeMap<String, u64>) -> Protection {
    if factors.contains_key("webauthn") {
        Protection::PhishingResistant
    } else if factors.keys().any(|kind| kind != "sms") {
        Protection::Codes
    } else if factors.is_empty() {
        Protection::None
    } else {
        Protection::SmsOnly
    }
}
