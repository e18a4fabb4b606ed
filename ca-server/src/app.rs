//! What every call works with.

use std::sync::Arc;

use ca_core::policy::Policy;

use crate::accounts::Accounts;
use crate::ceremony::Ceremonies;
use crate::clock::Clock;
use crate::ledger::{Ledger, LogKeys};
use crate::login::Login;
use crate::objects::ObjectStore;
use crate::signer::CaKey;

/// The parts of a running server.
#[derive(Debug)]
pub struct App {
    /// The clock.
    pub clock: Clock,
    /// The policy in force.
    pub policy: Arc<Policy>,
    /// Where everything is recorded.
    pub ledger: Ledger,
    /// The log's name and keys.
    pub keys: Arc<LogKeys>,
    /// The log's objects, for reading.
    pub objects: Arc<dyn ObjectStore>,
    /// The CA key.
    pub ca: CaKey,
    /// Accounts, as their owners change them.
    pub accounts: Accounts,
    /// Where security keys are shown, if there is a page for them.
    pub ceremonies: Option<Arc<Ceremonies>>,
    /// Logins and sessions.
    pub login: Login,
}

/// The parts, shared by all calls.
pub type SharedApp = Arc<App>;
