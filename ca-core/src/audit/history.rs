//! What earlier entries say that later ones rest on: accounts, logins, request ids, certificates.
//!
//! The server records each of these before it takes effect, so whatever a decision rests on must be in the log ahead
//! of it. The log may say more than happened, never less.

use std::collections::{BTreeMap, VecDeque};

use super::{Flaw, RecoveryFlaw};
use crate::log::event::What;
use crate::names::{Email, RequestId, UserName};
use crate::policy::{FactorKind, Facts, KeyScope, Purpose, User};
use crate::request::FRESHNESS_SECS;
use crate::time::{Ttl, UnixMillis, UnixSeconds};

/// How far the clocks of nodes, or of one node before and after it was set, may differ, in seconds. For as long a node
/// may not have heard that an account was disabled.
pub(super) const CLOCK_SECS: u64 = 60;

/// The longest that a decision may wait for its entry, in seconds: longer than any store is waited for.
pub(super) const LAG_SECS: u64 = 600;

/// For how long a login is remembered: no policy lets one count for longer.
const LOGIN_MILLIS: u64 = (Ttl::MAX_SECS as u64 + LAG_SECS) * 1000;

/// For how long a request id is remembered: one that comes back later is stale, which is a finding by itself.
const REQUEST_MILLIS: u64 = 2 * (LAG_SECS + FRESHNESS_SECS) * 1000;

/// What the entries so far say.
#[derive(Debug, Default)]
pub(super) struct History {
    accounts: BTreeMap<UserName, Account>,
    logins: BTreeMap<String, Login>,
    keys: BTreeMap<String, ApiKey>,
    login_times: VecDeque<(UnixMillis, String)>,
    requests: BTreeMap<RequestId, u64>,
    certificates: VecDeque<(UnixMillis, u64)>,
}

/// One account; a name may have been added more than once, when making it failed after it was recorded.
#[derive(Debug, Default)]
struct Account {
    added: Vec<User>,
    /// The last time it was switched off, if it is off.
    disabled: Option<(u64, UnixSeconds)>,
    /// When it was recovered, and until when it can do less; the last is the latest.
    recovered: Vec<(UnixSeconds, UnixSeconds)>,
}

impl Account {
    /// Finds the entry that switched it off, if it is off. For a minute after it a node may not have heard.
    fn disabled(&self, decided: UnixSeconds) -> Option<u64> {
        self.disabled.filter(|(_, at)| decided > at.plus_secs(CLOCK_SECS)).map(|(by, _)| by)
    }

    /// Gives until when it can do less by its last recovery. For a minute after it a node may not have heard.
    fn reduced_until(&self, decided: UnixSeconds) -> Option<UnixSeconds> {
        let heard = self.recovered.iter().rev().find(|(at, _)| decided > at.plus_secs(CLOCK_SECS));
        heard.map(|(_, until)| *until)
    }

    /// Tells whether facts say what the log does of a recovery: that there was none, or until when the last one counts.
    fn is_reduced_as(&self, user: &User, decided: UnixSeconds) -> bool {
        let said = user.reduced_until.map(|said| self.recovered.iter().any(|(_, until)| *until == said));
        match self.reduced_until(decided) {
            Some(until) => user.reduced_until >= Some(until) && said == Some(true),
            None => said != Some(false),
        }
    }
}

#[derive(Debug)]
struct Login {
    user: UserName,
    email: Email,
    factors: Vec<FactorKind>,
}

/// An API key, which stands for a login; revoked ones are remembered, as they must not come back.
#[derive(Debug)]
struct ApiKey {
    user: UserName,
    scope: KeyScope,
    revoked: Option<UnixSeconds>,
}

impl History {
    /// Takes in an entry.
    pub(super) fn learn(&mut self, index: u64, time: UnixMillis, what: &What) {
        match what {
            What::UserAdded { user, email, groups, person, .. } => {
                let groups = groups.iter().cloned().collect();
                let (name, email, person) = (user.clone(), email.clone(), person.clone());
                let added = User { name, email, groups, enabled: true, person, reduced_until: None };
                self.accounts.entry(user.clone()).or_default().added.push(added);
            }
            What::UserEnabled { user, enabled, .. } => {
                let account = self.accounts.entry(user.clone()).or_default();
                account.disabled = (!enabled).then_some((index, time.seconds()));
            }
            What::AccountFrozen { user, .. } => {
                let account = self.accounts.entry(user.clone()).or_default();
                account.disabled = Some((index, time.seconds()));
            }
            What::RecoveryFinished(finished) => {
                let account = self.accounts.entry(finished.user.clone()).or_default();
                account.recovered.push((time.seconds(), finished.reduced_until));
                self.revoke_keys(&finished.user, time.seconds());
            }
            What::UserReset { user, .. } => self.revoke_keys(user, time.seconds()),
            // A session for changing the account is none to get certificates with.
            What::LoginSucceeded { user, email, session, factors, purpose: Purpose::Access, .. } => {
                let login = Login { user: user.clone(), email: email.clone(), factors: factors.clone() };
                self.logins.insert(session.clone(), login);
                self.login_times.push_back((time, session.clone()));
            }
            What::ApiKeyMade { user, key, scope, .. } => {
                let made = ApiKey { user: user.clone(), scope: scope.clone(), revoked: None };
                self.keys.insert(key.clone(), made);
            }
            What::ApiKeyRevoked { key, .. } => {
                if let Some(key) = self.keys.get_mut(key) {
                    key.revoked = Some(time.seconds());
                }
            }
            _ => {}
        }
        self.forget(time);
    }

    /// Takes in that an account lost everything that opened it.
    fn revoke_keys(&mut self, user: &UserName, at: UnixSeconds) {
        for key in self.keys.values_mut().filter(|key| key.user == *user) {
            key.revoked.get_or_insert(at);
        }
    }

    /// Takes in a certificate; finds the entry that has its request id already.
    pub(super) fn certificate(&mut self, index: u64, time: UnixMillis, id: RequestId) -> Result<(), Flaw> {
        self.certificates.push_back((time, index));
        match self.requests.insert(id, index) {
            None => Ok(()),
            Some(first) => Err(Flaw::RequestIdTwice { id, first }),
        }
    }

    /// Tells whether an entry not long ago is a certificate.
    pub(super) fn is_recent_certificate(&self, index: u64) -> bool {
        self.certificates.binary_search_by_key(&index, |(_, index)| *index).is_ok()
    }

    /// Holds the facts of a decision against what the log says.
    ///
    /// Of what waited, the logins are not looked for again: they are those of entries that were held against the log.
    pub(super) fn check(&self, facts: &Facts, decided: UnixSeconds) -> Vec<Flaw> {
        let mut flaws = self.check_account(&facts.user, decided);
        match &facts.waited {
            Some(waited) => {
                let approvers = waited.approvals.iter().map(|approver| &approver.user);
                flaws.extend(approvers.flat_map(|user| self.check_account(user, decided)));
            }
            None if !self.stands_on_a_login(facts, decided) => {
                let session = facts.session.id.clone();
                flaws.push(Flaw::NoLogin { user: facts.user.name.clone(), session });
            }
            None => {}
        }
        flaws
    }

    fn check_account(&self, user: &User, decided: UnixSeconds) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        let account = self.accounts.get(&user.name);
        let now =
            |added: &User| User { enabled: user.enabled, reduced_until: user.reduced_until, ..added.clone() };
        let fits = |added: &User| now(added) == *user;
        if !account.is_some_and(|account| account.added.iter().any(fits)) {
            flaws.push(Flaw::NoAccount { user: user.name.clone() });
        }
        if let Some(by) = account.and_then(|account| account.disabled(decided))
            && user.enabled
        {
            flaws.push(Flaw::AccountDisabled { user: user.name.clone(), by });
        }
        if !account.is_none_or(|account| account.is_reduced_as(user, decided)) {
            flaws.push(Flaw::Recovery(RecoveryFlaw::ReducedRights { user: user.name.clone() }));
        }
        flaws
    }

    /// Gives somebody as they are at a later time: whether they are switched off by then, and until when they can do less.
    pub(super) fn later(&self, user: &User, now: UnixSeconds) -> User {
        let account = self.accounts.get(&user.name);
        let reduced_until = account.and_then(|account| account.reduced_until(now));
        User {
            enabled: user.enabled && account.is_none_or(|account| account.disabled(now).is_none()),
            reduced_until: reduced_until.or(user.reduced_until),
            ..user.clone()
        }
    }

    /// Tells whether somebody is the person behind an account, as far as the log says whose it is.
    pub(super) fn is_one_person(&self, user: &User, account: &UserName) -> bool {
        let account = self.accounts.get(account);
        account.is_some_and(|account| account.added.iter().any(|added| added.is_same_person_as(user)))
    }

    /// Tells whether the log has the login that facts speak of, or the API key that stands for one.
    fn stands_on_a_login(&self, facts: &Facts, decided: UnixSeconds) -> bool {
        let (user, session) = (&facts.user, &facts.session);
        let kinds: Vec<FactorKind> = session.factors.iter().map(|factor| factor.kind).collect();
        if let Some(scope) = &session.key {
            let good = |key: &ApiKey| {
                let revoked = key.revoked.is_some_and(|at| decided > at.plus_secs(CLOCK_SECS));
                key.user == user.name && key.scope == *scope && !revoked
            };
            return kinds == [FactorKind::ApiKey] && self.keys.get(&session.id).is_some_and(good);
        }
        let began =
            |login: &Login| login.user == user.name && login.email == user.email && login.factors == kinds;
        self.logins.get(&session.id).is_some_and(began)
    }

    /// Forgets what no later entry can refer to, so that memory does not grow with the log.
    fn forget(&mut self, now: UnixMillis) {
        let before = |span: u64| UnixMillis(now.0.saturating_sub(span));
        while self.login_times.front().is_some_and(|(time, _)| *time < before(LOGIN_MILLIS)) {
            if let Some((_, session)) = self.login_times.pop_front() {
                self.logins.remove(&session);
            }
        }
        while self.certificates.front().is_some_and(|(time, _)| *time < before(REQUEST_MILLIS)) {
            self.certificates.pop_front();
        }
        let oldest = RequestId::from_parts(before(REQUEST_MILLIS), 0);
        while self.requests.first_key_value().is_some_and(|(id, _)| *id < oldest) {
            self.requests.pop_first();
        }
    }
}

/// Holds the time that something says it was decided against that of its entry. What is dated back may rest on what was not
/// so any more.
pub(super) fn lag(decided: UnixSeconds, entered: UnixSeconds) -> Option<Flaw> {
    let late = entered > decided.plus_secs(LAG_SECS);
    ahead(decided, entered).or_else(|| late.then_some(Flaw::Lag { decided, entered }))
}

/// The same for what an honest server may enter however late.
pub(super) fn ahead(decided: UnixSeconds, entered: UnixSeconds) -> Option<Flaw> {
    (decided > entered.plus_secs(CLOCK_SECS)).then_some(Flaw::Lag { decided, entered })
}
