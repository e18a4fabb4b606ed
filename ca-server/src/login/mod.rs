//! Logging in: a password, then a factor, then a session.
//!
//! ```text
//! start  ── place in the hash pool ─▶ account ─▶ device, or source ─▶ attempt counted ─▶ Argon2id ─▶ challenge
//! finish ── challenge ─▶ attempt counted ─▶ factor ─▶ proof and challenge taken ─▶ event recorded ─▶ session
//! ```
//!
//! Every attempt is counted before it is checked, every failure ends in `Login::fail`, and nobody gets a session
//! whose event is not in the log (I10). An unknown name, a wrong password and a disabled account take the same way and
//! get the same answer (F9). Who shows a known device is not held up by what others try ([`device`], [`source`]).

mod api_key;
pub mod audit;
pub mod device;
mod error;
mod first_step;
mod name;
mod second_step;
mod session;
mod shown;
pub mod sms;
pub mod source;
mod tally;
pub mod throttle;
mod token;
mod webauthn;

use std::sync::Arc;

use ca_core::names::Email;
use ca_core::policy::{FactorKind, Purpose, Source};
use ca_core::time::UnixSeconds;
use tokio::sync::{Semaphore, SemaphorePermit};

pub use audit::{Audit, AuditUnavailable, FailureReason};
pub use error::LoginError;
pub(crate) use name::Typed;
pub use name::{AccountName, canonical};
pub use session::{MAX_AGE_MILLIS, Session, SessionCache};
use tally::Failed;
pub use tally::{EVERYTHING_ELSE, MAX_WINDOWS, WINDOW_SECS};
pub use token::TokenHash;
pub(crate) use token::{API_KEY, DISAVOWAL, INVITATION, generate as generate_token};

use crate::ceremony::Ceremonies;
use crate::clock::Clock;
use crate::factors::hash_pool::{HashPool, Place};
use crate::factors::sealing::Sealer;
use crate::providers::Providers;
use crate::secret::Secret;
use crate::store::Store;

/// What logins and accounts are made of.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The state.
    pub store: Store,
    /// The threads that hash passwords.
    pub hashes: Arc<HashPool>,
    /// The key of the seeds.
    pub sealer: Arc<Sealer>,
    /// The audit trail.
    pub audit: Arc<dyn Audit>,
    /// The clock.
    pub clock: Clock,
    /// The sessions asked for lately.
    pub sessions: Arc<SessionCache>,
    /// What is asked and sent outside.
    pub providers: Arc<Providers>,
    /// What apps and messages call this authority.
    pub issuer: String,
    /// Where people reach this server, for links in messages; without it there are none.
    pub public_url: Option<String>,
    /// Who hears of what looks like an attack.
    pub alerts: Vec<Email>,
    /// Where security keys are shown; none when the server has no page for them.
    pub ceremonies: Option<Arc<Ceremonies>>,
}

/// How long things last, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginConfig {
    /// A session, at the most.
    pub session_secs: u64,
    /// A session that is not used.
    pub idle_secs: u64,
    /// A session for changing the account.
    pub account_secs: u64,
    /// The time from the password to the factor.
    pub challenge_secs: u64,
}

impl Default for LoginConfig {
    /// 12 hours, 1 hour idle (OWASP ASVS 7), 10 minutes for a change, and 5 minutes to find the phone.
    fn default() -> Self {
        Self { session_secs: 12 * 3600, idle_secs: 3600, account_secs: 600, challenge_secs: 300 }
    }
}

impl LoginConfig {
    /// Gives how long a session lasts, in seconds.
    fn session_secs(&self, purpose: Purpose) -> u64 {
        match purpose {
            Purpose::Access => self.session_secs,
            Purpose::Account => self.account_secs,
        }
    }
}

/// The answer to a right password.
#[derive(Debug)]
pub struct Challenge {
    /// To be sent back with the factor, from the same address.
    pub token: Secret,
    /// The kinds of factor the account has.
    pub factors: Vec<FactorKind>,
    /// When it is too late.
    pub expires_at: UnixSeconds,
}

/// The answer to a right factor.
#[derive(Debug)]
pub struct NewSession {
    /// The bearer token; the only copy there is.
    pub token: Secret,
    /// What this device shows from its next login on; none when what it showed is still good.
    pub device: Option<Secret>,
    /// Whose session it is, how they logged in and when it ends.
    pub session: Session,
    /// How long it may idle, in seconds.
    pub idle_secs: u64,
}

/// How many attempts without a known device count themselves in the database at once; as many besides that come from
/// sources in good standing.
///
/// It commits one after the other, so whoever is known waits for no more than these, however many there are.
const STRANGERS_WRITING: usize = 2;

/// Logs people in and knows their sessions.
#[derive(Debug)]
pub struct Login {
    setup: Setup,
    config: LoginConfig,
    tally: tally::Tally,
    strangers: Semaphore,
    newcomers: Semaphore,
}

impl Login {
    /// Puts the parts together.
    pub fn new(setup: Setup, config: LoginConfig) -> Self {
        let [strangers, newcomers] = [(); 2].map(|()| Semaphore::new(STRANGERS_WRITING));
        Self { setup, config, tally: tally::Tally::default(), strangers, newcomers }
    }

    /// Gives the times in force.
    pub fn config(&self) -> LoginConfig {
        self.config
    }

    /// Records the failures of windows that are over, deletes what has expired, and sends what waits; to be called every
    /// few seconds.
    pub async fn housekeeping(&self) -> Result<(), LoginError> {
        self.record_failures(false).await;
        let now = self.setup.clock.now().seconds();
        self.setup.store.sweep_challenges(now).await?;
        self.setup.store.sweep_sms(now).await?;
        self.setup.store.sweep_disavowals(now).await?;
        self.setup.store.sweep_invitations(now).await?;
        self.setup.store.sweep_devices(now).await?;
        self.sweep_sources().await?;
        self.setup.store.sweep_ceremonies(now).await?;
        self.setup.store.sweep_sessions(now, now.minus_secs(self.config.idle_secs)).await?;
        Ok(())
    }

    /// Gives what logins are made of, to those who warn about them.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Records all failures that are in no event yet; to be called before the server stops.
    pub async fn flush(&self) {
        self.record_failures(true).await;
    }

    /// Closes the database; nothing can be asked afterwards.
    pub async fn close(&self) {
        self.setup.store.close().await;
    }

    /// Waits for the turn of an attempt without a known device to write to the database.
    async fn turn(&self, place: &Place) -> Option<SemaphorePermit<'_>> {
        let line = if place.is_in_good_standing() { &self.newcomers } else { &self.strangers };
        // Nobody closes the semaphore; if somebody did, all would write at once, which is slower and no less right.
        line.acquire().await.ok()
    }

    /// Counts a failed login, records it if it is the first in a while, and gives `error` back.
    async fn fail(
        &self,
        account: &str,
        source: &Source,
        reason: FailureReason,
        error: LoginError,
    ) -> LoginError {
        let now = self.setup.clock.now();
        if let Some(event) = self.tally.count(account, source.ip, reason, now) {
            self.record_failure(event).await;
        }
        error
    }

    /// Records a failure; when that fails, it is counted again: the login has failed anyway, and nothing gets lost.
    async fn record_failure(&self, failed: Failed) {
        if let Err(error) = self.setup.audit.record(failed.clone().into()).await {
            tracing::warn!(%error, "a failed login could not be recorded; it is kept for the next event");
            self.tally.put_back(failed, self.setup.clock.now());
        }
    }

    /// Records closed windows side by side: the log commits them in one round.
    async fn record_failures(&self, all: bool) {
        let mut records = tokio::task::JoinSet::new();
        for failed in self.tally.close(self.setup.clock.now(), all) {
            let audit = self.setup.audit.clone();
            records.spawn(async move {
                audit.record(failed.clone().into()).await.err().map(|error| (failed, error))
            });
        }
        while let Some(result) = records.join_next().await {
            if let Ok(Some((failed, error))) = result {
                tracing::warn!(%error, "failed logins could not be recorded; they are kept for the next event");
                self.tally.put_back(failed, self.setup.clock.now());
            }
        }
    }
}
