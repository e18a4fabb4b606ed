//! Recovery of an account whose owner has lost everything: opened and signed by officers, waited for, finished.
//!
//! ```text
//! open ── recorded, owner warned ─▶ open ── votes, each verified and recorded ─▶ enough? ─▶ recorded ─▶ due
//! due ── owner warned, and again ── the wait is over ─▶ finishing ─▶ recorded ─▶ account taken ─▶ finished, invitation
//! open, due ── denied, vetoed, account switched off, expired ─▶ closing ─▶ recorded ─▶ closed
//! ```
//!
//! [`advance`] is the one way on, for a call, the sweep and a start after a crash alike (I7).

mod advance;
mod error;
mod finish;
mod tell;
mod vote;

pub use advance::{advance, sweep};
pub use error::RecoveryProblem;
pub use finish::{Handed, finish};
pub use vote::{open, say, veto};

use std::sync::Arc;

use ca_core::policy::{Action, Approver, Facts, Policy, Source};

use crate::app::App;
use crate::login::Session;
use crate::store::{Store, User};

/// How long a recovery may wait for signatures, and then for whoever finishes it, in seconds: a week each.
const STEP_SECS: u64 = 7 * 86_400;

fn store(app: &App) -> &Store {
    &app.login.setup().store
}

/// Tells whether an officer may see and decide recoveries at all.
pub fn may_decide(app: &App, (session, source): (&Session, &Source)) -> bool {
    session.login.key.is_none() && app.permits(Action::Administer, None, session, source.clone())
}

/// Gives the officer as the log knows them, and the policy that lets them decide about this account.
fn officer(
    app: &App,
    (session, source): (&Session, &Source),
    owner: &User,
) -> Result<(Approver, Arc<Policy>), RecoveryProblem> {
    let (policy, at) = (app.policy(), app.clock.now().seconds());
    let (user, login) = (session.user.clone(), session.login.clone());
    if user.is_same_person_as(&owner.clone().into()) {
        return Err(RecoveryProblem::Own);
    }
    let facts = Facts::new(user.clone(), login.clone(), source.clone());
    if login.key.is_some() || !policy.permits(Action::Administer, None, &facts, at) {
        return Err(RecoveryProblem::NotYours);
    }
    Ok((Approver { user, session: login, source: source.clone(), at }, policy))
}
