//! What officers signed: approvals of requests, and votes for recoveries.

use ca_core::log::event::SignedApproval;
use ca_core::names::{ApprovalId, RecoveryId, RequestId};
use ca_core::policy::{Approver, Session, Source};
use ca_core::time::UnixSeconds;
use sqlx::Row;
use sqlx::sqlite::{SqliteExecutor, SqliteRow};

use super::requests::{from_json, to_json};
use super::{Store, StoreError, signed, unsigned, users};

/// Something that an officer signed, to be kept.
#[derive(Clone, Copy, Debug)]
pub struct NewSigned<'a, About> {
    /// Its identity.
    pub id: ApprovalId,
    /// What it is about.
    pub about: About,
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

/// An approval of a request.
pub type NewApproval<'a> = NewSigned<'a, RequestId>;

/// A vote for a recovery.
pub type NewVote<'a> = NewSigned<'a, RecoveryId>;

/// What is kept: what was signed, and the officer as they are now (A4).
pub type SignedRow = (SignedApproval, Approver);

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// It is kept.
    Kept,
    /// The officer has signed already, or with this very signature elsewhere (A3).
    Again,
    /// Nothing waits for it any more (A5).
    TooLate,
}

impl Store {
    /// Keeps an approval while its request waits.
    pub async fn add_approval(&self, new: NewApproval<'_>) -> Result<Given, StoreError> {
        let sql = "INSERT INTO approvals (id, request_id, user_id, text, signature, session, source, at)
                   SELECT ?, id, ?, ?, ?, ?, ?, ? FROM requests
                   WHERE id = ? AND state = 'pending' AND expires_at >= ?";
        keep(&self.writer, sql, new).await
    }

    /// Gives the approvals of a request in the order they were given.
    pub async fn approvals(&self, id: RequestId) -> Result<Vec<SignedRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT a.text, a.signature, a.session, a.source, a.at,
                    u.id, u.name, u.email, u.groups, u.disabled_at, u.person, u.reduced_until
             FROM approvals a JOIN users u ON u.id = a.user_id WHERE a.request_id = ? ORDER BY a.rowid",
        )
        .bind(id.to_string())
        .fetch_all(&self.writer)
        .await?;
        rows.iter().map(parse).collect()
    }

    /// Keeps a vote while the recovery waits for signatures.
    pub async fn add_vote(&self, new: NewVote<'_>) -> Result<Given, StoreError> {
        insert_vote(&self.writer, new).await
    }

    /// Gives what officers said in favour of a recovery, in order.
    pub async fn votes(&self, id: RecoveryId) -> Result<Vec<SignedRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT v.text, v.signature, v.session, v.source, v.at,
                    u.id, u.name, u.email, u.groups, u.disabled_at, u.person, u.reduced_until
             FROM recovery_votes v JOIN users u ON u.id = v.user_id WHERE v.recovery_id = ? ORDER BY v.rowid",
        )
        .bind(id.to_string())
        .fetch_all(&self.writer)
        .await?;
        rows.iter().map(parse).collect()
    }
}

/// Keeps a vote if the recovery waits for it.
pub(super) async fn insert_vote(db: impl SqliteExecutor<'_>, new: NewVote<'_>) -> Result<Given, StoreError> {
    let sql = "INSERT INTO recovery_votes (id, recovery_id, user_id, text, signature, session, source, at)
               SELECT ?, id, ?, ?, ?, ?, ?, ? FROM recoveries WHERE id = ? AND state = 'open' AND expires_at >= ?";
    keep(db, sql, new).await
}

async fn keep<About: ToString>(
    db: impl SqliteExecutor<'_>,
    sql: &'static str,
    new: NewSigned<'_, About>,
) -> Result<Given, StoreError> {
    let kept = sqlx::query(sql)
        .bind(new.id.to_string())
        .bind(new.user_id)
        .bind(&new.signed.text)
        .bind(&new.signed.signature)
        .bind(to_json(new.session)?)
        .bind(to_json(new.source)?)
        .bind(signed(new.at.0))
        .bind(new.about.to_string())
        .bind(signed(new.at.0))
        .execute(db)
        .await;
    match kept {
        Ok(kept) if kept.rows_affected() == 1 => Ok(Given::Kept),
        Ok(_) => Ok(Given::TooLate),
        Err(sqlx::Error::Database(cause)) if cause.is_unique_violation() => Ok(Given::Again),
        Err(error) => Err(error.into()),
    }
}

/// Reads what was signed, and who signed it.
pub(super) fn parse(row: &SqliteRow) -> Result<SignedRow, StoreError> {
    let signed = SignedApproval { text: row.try_get("text")?, signature: row.try_get("signature")? };
    let approver = Approver {
        user: users::parse_user(row)?.into(),
        session: from_json(row, "session")?,
        source: from_json(row, "source")?,
        at: UnixSeconds(unsigned(row.try_get("at")?, "approval time")?),
    };
    Ok((signed, approver))
}
