//! What officers said in favour of recoveries.

use ca_core::log::event::SignedApproval;
use ca_core::names::{ApprovalId, RecoveryId};
use ca_core::policy::{Approver, Session, Source};
use ca_core::time::UnixSeconds;
use sqlx::SqliteConnection;

use super::requests::to_json;
use super::{Store, StoreError, signed};

/// What an officer said, to be kept.
#[derive(Clone, Copy, Debug)]
pub struct NewVote<'a> {
    /// Its identity.
    pub id: ApprovalId,
    /// The recovery.
    pub recovery: RecoveryId,
    /// The officer's account.
    pub user_id: &'a str,
    /// What was signed.
    pub signed: &'a SignedApproval,
    /// How the officer had logged in.
    pub session: &'a Session,
    /// From where.
    pub source: &'a Source,
    /// When.
    pub at: UnixSeconds,
}

/// A vote that is kept: what was signed, and the officer as they are now.
pub type VoteRow = (SignedApproval, Approver);

/// What became of a vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoteGiven {
    /// It is kept.
    Kept,
    /// The officer has signed already.
    Again,
    /// The recovery does not wait for it.
    TooLate,
}

impl Store {
    /// Keeps a vote while the recovery waits for signatures.
    pub async fn add_vote(&self, vote: NewVote<'_>) -> Result<VoteGiven, StoreError> {
        let mut tx = self.begin().await?;
        let given = insert_vote(&mut tx, vote).await?;
        tx.commit().await?;
        Ok(given)
    }

    /// Gives what officers said in favour, in order, with the officers as they are now (A4).
    pub async fn votes(&self, id: RecoveryId) -> Result<Vec<VoteRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT v.text, v.signature, v.session, v.source, v.at,
                    u.id, u.name, u.email, u.groups, u.disabled_at, u.person, u.reduced_until
             FROM recovery_votes v JOIN users u ON u.id = v.user_id WHERE v.recovery_id = ? ORDER BY v.rowid",
        )
        .bind(id.to_string())
        .fetch_all(&self.writer)
        .await?;
        rows.iter().map(super::approvals::parse).collect()
    }
}

/// Keeps a vote if the recovery waits for it.
pub(super) async fn insert_vote(
    tx: &mut SqliteConnection,
    vote: NewVote<'_>,
) -> Result<VoteGiven, StoreError> {
    let kept = sqlx::query(
        "INSERT INTO recovery_votes (id, recovery_id, user_id, text, signature, session, source, at)
         SELECT ?, id, ?, ?, ?, ?, ?, ? FROM recoveries WHERE id = ? AND state = 'open' AND expires_at >= ?",
    )
    .bind(vote.id.to_string())
    .bind(vote.user_id)
    .bind(&vote.signed.text)
    .bind(&vote.signed.signature)
    .bind(to_json(vote.session)?)
    .bind(to_json(vote.source)?)
    .bind(signed(vote.at.0))
    .bind(vote.recovery.to_string())
    .bind(signed(vote.at.0))
    .execute(tx)
    .await;
    match kept {
        Ok(kept) if kept.rows_affected() == 1 => Ok(VoteGiven::Kept),
        Ok(_) => Ok(VoteGiven::TooLate),
        Err(sqlx::Error::Database(cause)) if cause.is_unique_violation() => Ok(VoteGiven::Again),
        Err(error) => Err(error.into()),
    }
}
