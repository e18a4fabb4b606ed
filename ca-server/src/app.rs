//! What every call works with.

use std::net::Ipv4Addr;
use std::sync::Arc;

use ca_core::names::ProfileName;
use ca_core::policy::{self, Action, Factor, FactorKind, Facts, Policy, Source};
use ca_core::ssh::PublicKey;

use crate::accounts::Accounts;
use crate::ca_keys::CaKeys;
use crate::ceremony::Ceremonies;
use crate::clock::Clock;
use crate::config::Recovery;
use crate::error::ApiError;
use crate::ledger::{Ledger, LogKeys};
use crate::login::{Login, Session};
use crate::objects::ObjectStore;
use crate::policy::InForce;
use crate::revocation::Revocations;
use crate::store::User;

/// The parts of a running server.
#[derive(Debug)]
pub struct App {
    /// The clock.
    pub clock: Clock,
    /// The policy in force; see [`App::policy`].
    pub(crate) in_force: InForce,
    /// Where everything is recorded.
    pub ledger: Ledger,
    /// The log's name and keys.
    pub keys: Arc<LogKeys>,
    /// The log's objects, for reading.
    pub objects: Arc<dyn ObjectStore>,
    /// The CA keys.
    pub ca: CaKeys,
    /// Accounts, as their owners change them.
    pub accounts: Accounts,
    /// Where security keys are shown, if there is a page for them.
    pub ceremonies: Option<Arc<Ceremonies>>,
    /// What is revoked.
    pub revocations: Arc<Revocations>,
    /// What the recovery of an account takes.
    pub recovery: Recovery,
    /// Logins and sessions.
    pub login: Login,
}

/// The parts, shared by all calls.
pub type SharedApp = Arc<App>;

impl App {
    /// Gives the policy in force, for one decision and all that follows from it.
    pub fn policy(&self) -> Arc<Policy> {
        self.in_force.policy()
    }

    /// Tells whether the policy permits somebody behind a session to do something now, on one profile where it is about one.
    pub fn permits(
        &self,
        action: Action,
        on: Option<&ProfileName>,
        session: &Session,
        source: Source,
    ) -> bool {
        let facts = Facts::new(session.user.clone(), session.login.clone(), source);
        self.policy().permits(action, on, &facts, self.clock.now().seconds())
    }

    /// Tells whether the policy would let somebody administer who logged in now on this machine; for choosing who hears of
    /// something: whoever hears of it in vain loses nothing, and most rules ask for a group alone.
    pub(crate) fn may_administer(&self, user: &User) -> bool {
        let now = self.clock.now().seconds();
        let factors = vec![Factor { kind: FactorKind::Webauthn, at: now }];
        let session = policy::Session { id: String::new(), factors, key: None };
        let source = Source { ip: Ipv4Addr::LOCALHOST.into(), user_agent: None };
        let facts = Facts::new(user.clone().into(), session, source);
        self.policy().permits(Action::Administer, None, &facts, now)
    }

    /// Refuses to issue by a CA key that was revoked: no host would take what it signs.
    pub(crate) fn check_ca(&self, ca: &PublicKey) -> Result<(), ApiError> {
        if self.revocations.is_revoked(ca.fingerprint()) { Err(ApiError::CaRevoked) } else { Ok(()) }
    }
}
