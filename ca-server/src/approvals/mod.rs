//! Requests that wait for people: asked, approved or denied, and at last issued or closed (I5).
//!
//! ```text
//! ask ── recorded ─▶ pending ── approvals, each verified and recorded ─▶ enough? ─▶ claimed ─▶ recorded, signed ─▶ issued
//!                       └── cancelled, denied, expired, policy changed, requester disabled ─▶ closing ─▶ recorded ─▶ closed
//! ```
//!
//! What a request waits for is asked anew of the policy whenever something happens to it: [`advance`] is the one
//! function that takes it further, for an approval, a poll, the sweep and a start after a crash alike (I7).

mod advance;
mod ask;
mod decide;
mod error;
mod notices;
mod recover;

pub use advance::{advance, sweep};
pub use ask::{Asked, ask};
pub(crate) use ask::{record_pending, same};
pub use decide::{cancel, is_own, say, visible};
pub use error::RequestProblem;
pub use recover::recover;

use ca_core::approval::{RequestHash, Subject};
use ca_core::names::Principal;
use ca_core::policy::{Profile, User};
use ca_core::request::CertRequest;
use ca_core::time::Ttl;

use crate::app::App;
use crate::store::{RequestRow, WaitLimits};

/// How many requests may wait.
pub const LIMITS: WaitLimits = WaitLimits { each: 20, all: 1000 };

/// Gives what a request comes to: the accounts and the time it names, or those of its profile where it names none.
pub fn asked_for(request: &CertRequest, profile: &Profile, user: &User) -> (Vec<Principal>, Ttl) {
    let accounts = match &request.principals {
        Some(principals) => principals.iter().cloned().collect(),
        None => profile.accounts_of(user),
    };
    (accounts, profile.ttl_of(request))
}

/// Gives what an approval of a request has to be about.
pub(crate) fn subject(app: &App, row: &RequestRow) -> Subject {
    Subject {
        authority: app.keys.origin().clone(),
        request: row.id,
        request_hash: RequestHash::of(&row.request),
        policy: row.policy,
        expires_at: row.expires_at,
    }
}
