//! Revoking, from what an officer says to a KRL that is served.

use ca_core::krl::KrlVersion;
use ca_core::log::event::{RevocationTarget, Revoked, What};
use ca_core::names::Reason;
use ca_core::policy::{Action, Facts, Source};

use crate::app::App;
use crate::error::ApiError;
use crate::ledger::Draft;
use crate::login::Session;
use crate::store::Which;

/// A revocation that is recorded.
#[derive(Clone, Debug)]
pub struct Done {
    /// Its entry in the log.
    pub entry: u64,
    /// How many live certificates it took; `None` when the index has not come so far.
    pub certificates: Option<u64>,
    /// The KRL that is served and has it; `None` when none does yet.
    pub krl: Option<KrlVersion>,
}

/// Records a revocation, ends the sessions of a person whose it is, and waits for the KRL.
pub async fn revoke(
    app: &App,
    officer: &Session,
    source: Source,
    target: RevocationTarget,
    reason: Reason,
) -> Result<Done, ApiError> {
    let (policy, decided_at) = (app.policy(), app.clock.now().seconds());
    let (user, session) = (officer.user.clone(), officer.login.clone());
    let facts = Facts::new(user, session, source);
    if !policy.permits(Action::Revoke, None, &facts, decided_at) {
        return Err(ApiError::NotAllowed);
    }
    let target = check(app, target).await?;
    let person = match &target {
        RevocationTarget::User(user) => Some(app.accounts.user(user.as_str()).await?),
        _ => None,
    };
    let revoked = Revoked { target, reason, facts, policy: policy.id(), decided_at };
    let entry = app.ledger.append(Draft::Event(What::Revoked(Box::new(revoked)))).await?.index;
    if let Some(person) = person {
        app.accounts.end_sessions(&person).await?;
    }
    let served = app.revocations.is_served(entry + 1).await;
    let row = app.login.setup().store.revocation(entry).await.map_err(ApiError::internal)?;
    let krl = app.revocations.krl().filter(|_| served).map(|krl| krl.version);
    Ok(Done { entry, certificates: row.map(|row| row.certificates), krl })
}

/// Refuses to revoke what is not there, which is most often a slip of the hand.
async fn check(app: &App, target: RevocationTarget) -> Result<RevocationTarget, ApiError> {
    let which = match &target {
        RevocationTarget::User(_) | RevocationTarget::Key(_) => return Ok(target),
        RevocationTarget::CaKey(key) if app.ca.public().has(*key) => return Ok(target),
        RevocationTarget::CaKey(key) => Which::CaKey(*key),
        RevocationTarget::Serial(serial) => Which::Serial(*serial),
        RevocationTarget::Certificate(id) => Which::Certificate(*id),
    };
    // What was answered a moment ago may be about to be revoked.
    let (committed, _) = app.ledger.health().sizes();
    if !app.revocations.has_read(committed).await {
        return Err(ApiError::Unready("the index of certificates is behind the log"));
    }
    let now = app.clock.now().seconds();
    let found = app.login.setup().store.count_live(&which, now).await.map_err(ApiError::internal)?;
    if found == 0 {
        return Err(ApiError::NotFound(format!("live certificate for {target} that is not revoked")));
    }
    Ok(target)
}

impl App {
    /// Waits until the KRL has what was recorded so far, as far as it comes in time.
    pub async fn krl_follows(&self) {
        let (committed, _) = self.ledger.health().sizes();
        if !self.revocations.is_served(committed).await {
            tracing::warn!(committed, "the KRL does not follow yet");
        }
    }
}
