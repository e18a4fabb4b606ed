//! What officers said to requests.

use ca_core::log::event::SignedApproval;
use ca_core::names::{ApprovalId, RequestId};
use ca_core::policy::{Approver, Session, Source};
use ca_core::time::UnixSeconds;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::requests::{from_json, to_json};
use super::{Store, StoreError, signed, unsigned, users};

/// An approval to be kept.
#[derive(Clone, Debug)]
pub struct NewApproval<'a> {
    /// Its identity.
    pub id: ApprovalId,
    /// The request.
    pub request: RequestId,
    /// The account that gives it.
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

/// What became of an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// It is kept.
    Kept,
    /// The officer has approved already, or with this very signature elsewhere (A3).
    Again,
    /// The request does not wait any more (A5).
    TooLate,
}

impl Store {
    /// Keeps an approval while its request waits.
    pub async fn add_approval(&self, new: &NewApproval<'_>) -> Result<Given, StoreError> {
        let kept = sqlx::query(
            "INSERT INTO approvals (id, request_id, user_id, text, signature, session, source, at)
             SELECT ?, id, ?, ?, ?, ?, ?, ? FROM requests
             WHERE id = ? AND state = 'pending' AND expires_at >= ?",
        )
        .bind(new.id.to_string())
        .bind(new.user_id)
        .bind(&new.signed.text)
        .bind(&new.signed.signature)
        .bind(to_json(new.session)?)
        .bind(to_json(new.source)?)
        .bind(signed(new.at.0))
        .bind(new.request.to_string())
        .bind(signed(new.at.0))
        .execute(&self.writer)
        .await;
        match kept {
            Ok(kept) if kept.rows_affected() == 1 => Ok(Given::Kept),
            Ok(_) => Ok(Given::TooLate),
            Err(sqlx::Error::Database(cause)) if cause.is_unique_violation() => Ok(Given::Again),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives the approvals of a request in the order they were given, with the officers as they are now (A4).
    pub async fn approvals(&self, id: RequestId) -> Result<Vec<(SignedApproval, Approver)>, StoreError> {
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
}

pub(super) fn parse(row: &SqliteRow) -> Result<(SignedApproval, Approver), StoreError> {
    let signed = SignedApproval { text: row.try_get("text")?, signature: row.try_get("signature")? };
    let approver = Approver {
        user: users::parse_user(row)?.into(),
        session: from_json(row, "session")?,
        source: from_json(row, "source")?,
        at: UnixSeconds(unsigned(row.try_get("at")?, "approval time")?),
    };
    Ok((signed, approver))
}
