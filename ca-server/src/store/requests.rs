//! Requests that wait for approval.
//!
//! Each step is one conditional statement: of all who would take a request further, one does (A5).

use ca_core::log::event::Closing;
use ca_core::names::{RequestId, VoucherId};
use ca_core::policy::{PolicyId, Session, Source};
use ca_core::time::{UnixMillis, UnixSeconds};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::sqlite::{SqliteQueryResult, SqliteRow};
use sqlx::{Row, SqliteConnection};

use super::{NewNotice, Store, StoreError, User, notices, signed, unsigned, users};

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestState {
    /// It waits for approvals.
    Pending,
    /// It has them, and its certificate is on its way into the log, or there.
    Issuing,
    /// It has its certificate.
    Issued,
    /// It gets none, which is still to be recorded.
    Closing,
    /// It gets none.
    Closed,
}

impl RequestState {
    /// Gives its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Issuing => "issuing",
            Self::Issued => "issued",
            Self::Closing => "closing",
            Self::Closed => "closed",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let all = [Self::Pending, Self::Issuing, Self::Issued, Self::Closing, Self::Closed];
        all.into_iter().find(|state| state.as_str() == text)
    }
}

/// A request as it is stored, with its requester as they are now.
#[derive(Clone, Debug)]
pub struct RequestRow {
    /// Its identity.
    pub id: RequestId,
    /// Who asked.
    pub user: User,
    /// How far it has come.
    pub state: RequestState,
    /// The policy it waits under.
    pub policy: PolicyId,
    /// The exact text.
    pub request: String,
    /// The proof of possession.
    pub signature: String,
    /// How the requester had logged in.
    pub session: Session,
    /// From where.
    pub source: Source,
    /// How many people have to approve.
    pub needed: u8,
    /// When it was asked.
    pub asked_at: UnixSeconds,
    /// When it is too late.
    pub expires_at: UnixSeconds,
    /// Since when it is issuing.
    pub claimed_at: Option<UnixMillis>,
    /// How it ended, without a certificate.
    pub closed: Option<Closed>,
    /// The certificate, as it was answered.
    pub issued: Option<String>,
    /// The voucher that was shown in place of waiting.
    pub voucher: Option<VoucherId>,
    /// When somebody looked into what was done with it.
    pub reviewed_at: Option<UnixSeconds>,
}

impl RequestRow {
    /// Tells whether a voucher was used for it and nobody has looked into that yet.
    pub fn is_to_review(&self) -> bool {
        self.state == RequestState::Issued && self.voucher.is_some() && self.reviewed_at.is_none()
    }
}

/// How a request ended that gets no certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Why.
    pub outcome: Closing,
    /// Who or what ended it.
    pub by: String,
    /// The reason that was given for it.
    pub reason: Option<String>,
}

impl Closed {
    /// An end that needs no words.
    pub fn by(outcome: Closing, by: &str) -> Self {
        Self { outcome, by: by.to_owned(), reason: None }
    }
}

/// How many requests may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitLimits {
    /// Of one account.
    pub each: u32,
    /// Altogether.
    pub all: u32,
}

impl WaitLimits {
    /// For what does not wait.
    pub(super) const NONE: Self = Self { each: u32::MAX, all: u32::MAX };
}

const SELECT: &str =
    "SELECT r.id AS request_id, r.state, r.policy, r.request, r.signature, r.session, r.source,
        r.needed, r.asked_at, r.expires_at, r.claimed_at_ms, r.outcome, r.closed_by, r.closed_reason, r.issued, r.voucher, r.reviewed_at,
        u.id, u.name, u.email, u.groups, u.disabled_at, u.person, u.reduced_until
    FROM requests r JOIN users u ON u.id = r.user_id";

impl Store {
    /// Keeps a request that waits, and with it the messages that say so; false when as many wait already as may. One that
    /// is there stays as it is, and nothing is said again.
    pub async fn add_request(
        &self,
        new: &RequestRow,
        limits: WaitLimits,
        notices: &[NewNotice],
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let added = insert_request(&mut tx, new, limits).await?;
        notices::commit_once(tx, added, notices, new.asked_at).await
    }

    /// Counts the requests that wait: of one account, and of all.
    pub async fn waiting_requests(&self, user_id: &str) -> Result<(u32, u32), StoreError> {
        let row = sqlx::query(
            "SELECT count(*) FILTER (WHERE user_id = ?) AS each, count(*) AS every
             FROM requests WHERE state = 'pending'",
        );
        let row = row.bind(user_id).fetch_one(&self.readers).await?;
        Ok((row.try_get("each")?, row.try_get("every")?))
    }

    /// Finds a request.
    pub async fn request(&self, id: RequestId) -> Result<Option<RequestRow>, StoreError> {
        let query = sqlx::query(sqlx::AssertSqlSafe(format!("{SELECT} WHERE r.id = ?")));
        // Asked right after it was changed, so of the connection that changes.
        query.bind(id.to_string()).fetch_optional(&self.writer).await?.as_ref().map(parse).transpose()
    }

    /// Gives the requests whose voucher nobody has looked into yet, the oldest first.
    pub async fn open_reviews(&self) -> Result<Vec<RequestRow>, StoreError> {
        let query = format!(
            "{SELECT} WHERE r.voucher IS NOT NULL AND r.state = 'issued' AND r.reviewed_at IS NULL ORDER BY r.id"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(query)).fetch_all(&self.readers).await?;
        rows.iter().map(parse).collect()
    }

    /// Gives the requests that are not over, the oldest first.
    pub async fn open_requests(&self) -> Result<Vec<RequestRow>, StoreError> {
        let query = format!("{SELECT} WHERE r.state IN ('pending', 'issuing', 'closing') ORDER BY r.id");
        let rows = sqlx::query(sqlx::AssertSqlSafe(query)).fetch_all(&self.readers).await?;
        rows.iter().map(parse).collect()
    }

    /// Gives the requests of an account, over or not, the newest first.
    pub async fn requests_of(&self, user_id: &str) -> Result<Vec<RequestRow>, StoreError> {
        let query = format!("{SELECT} WHERE r.user_id = ? ORDER BY r.id DESC LIMIT 50");
        let rows = sqlx::query(sqlx::AssertSqlSafe(query)).bind(user_id).fetch_all(&self.readers).await?;
        rows.iter().map(parse).collect()
    }

    /// Takes a request that waits for issuing; one taker gets it, in time and while the requester's account works (A16).
    pub async fn claim_request(&self, id: RequestId, now: UnixMillis) -> Result<bool, StoreError> {
        let claimed = sqlx::query(
            "UPDATE requests SET state = 'issuing', claimed_at_ms = ?
             WHERE id = ? AND state = 'pending' AND expires_at >= ?
               AND EXISTS (SELECT 1 FROM users u WHERE u.id = user_id AND u.disabled_at IS NULL)",
        )
        .bind(signed(now.0))
        .bind(id.to_string())
        .bind(signed(now.seconds().0))
        .execute(&self.writer)
        .await?;
        Ok(claimed.rows_affected() == 1)
    }

    /// Keeps the certificate of a request that was claimed, and the messages that say so; the first one stays. Tells whether
    /// this is it.
    pub async fn finish_request(
        &self,
        id: RequestId,
        issued: &str,
        (notices, now): (&[NewNotice], UnixSeconds),
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let query = sqlx::query(
            "UPDATE requests SET state = 'issued', issued = ? WHERE id = ? AND state = 'issuing'",
        );
        let finished = query.bind(issued).bind(id.to_string()).execute(&mut *tx).await?;
        notices::commit_once(tx, finished, notices, now).await
    }

    /// Ends a request that is in a state; one who would end it does.
    pub async fn close_request(
        &self,
        id: RequestId,
        from: RequestState,
        closed: &Closed,
    ) -> Result<bool, StoreError> {
        let closed = sqlx::query(
            "UPDATE requests SET state = 'closing', outcome = ?, closed_by = ?, closed_reason = ? WHERE id = ? AND state = ?",
        )
        .bind(closed.outcome.as_str())
        .bind(&closed.by)
        .bind(&closed.reason)
        .bind(id.to_string())
        .bind(from.as_str())
        .execute(&self.writer)
        .await?;
        Ok(closed.rows_affected() == 1)
    }

    /// Notes that the end of a request is recorded, and keeps the messages that say so; tells whether nobody had noted it.
    pub async fn closing_recorded(
        &self,
        id: RequestId,
        (notices, now): (&[NewNotice], UnixSeconds),
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let closed = sqlx::query("UPDATE requests SET state = 'closed' WHERE id = ? AND state = 'closing'")
            .bind(id.to_string())
            .execute(&mut *tx)
            .await?;
        notices::commit_once(tx, closed, notices, now).await
    }

    /// Notes that the log has the certificate of a request, whatever the database remembers of it.
    pub async fn request_is_in_log(&self, id: RequestId, now: UnixMillis) -> Result<bool, StoreError> {
        let found = sqlx::query(
            "UPDATE requests SET state = 'issuing', claimed_at_ms = ? WHERE id = ? AND state = 'pending'",
        );
        let found = found.bind(signed(now.0)).bind(id.to_string()).execute(&self.writer).await?;
        Ok(found.rows_affected() == 1)
    }

    /// Ends every request that is not over; tells how many there were.
    pub async fn void_requests(&self) -> Result<u64, StoreError> {
        let voided = sqlx::query(
            "UPDATE requests SET state = 'closing', outcome = 'void', closed_by = 'recovery'
             WHERE state IN ('pending', 'issuing')",
        );
        Ok(voided.execute(&self.writer).await?.rows_affected())
    }

    /// Deletes requests that ended before a time, but for emergencies that nobody has looked into.
    pub async fn sweep_requests(&self, before: UnixSeconds) -> Result<(), StoreError> {
        let query = sqlx::query(
            "DELETE FROM requests WHERE state IN ('issued', 'closed') AND expires_at < ?
                 AND (voucher IS NULL OR state = 'closed' OR reviewed_at IS NOT NULL)",
        );
        query.bind(signed(before.0)).execute(&self.writer).await?;
        Ok(())
    }
}

/// Adds a request if fewer wait than may, and there is none of that id.
pub(super) async fn insert_request(
    connection: &mut SqliteConnection,
    new: &RequestRow,
    limits: WaitLimits,
) -> Result<SqliteQueryResult, StoreError> {
    let added = sqlx::query(
        "INSERT INTO requests (id, user_id, state, policy, request, signature, session, source, needed,
                               asked_at, expires_at, voucher)
         SELECT ?, ?, 'pending', ?, ?, ?, ?, ?, ?, ?, ?, ?
         WHERE (SELECT count(*) FROM requests WHERE state = 'pending' AND user_id = ?) < ?
           AND (SELECT count(*) FROM requests WHERE state = 'pending') < ?
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(new.id.to_string())
    .bind(&new.user.id)
    .bind(new.policy.to_string())
    .bind(&new.request)
    .bind(&new.signature)
    .bind(to_json(&new.session)?)
    .bind(to_json(&new.source)?)
    .bind(new.needed)
    .bind(signed(new.asked_at.0))
    .bind(signed(new.expires_at.0))
    .bind(new.voucher.map(|id| id.to_string()))
    .bind(&new.user.id)
    .bind(limits.each)
    .bind(limits.all)
    .execute(connection)
    .await?;
    Ok(added)
}

/// Ends what an account has waiting, with the account (A16).
pub(super) async fn close_all_of(tx: &mut SqliteConnection, user_id: &str) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE requests SET state = 'closing', outcome = 'user-disabled', closed_by = 'policy'
         WHERE user_id = ? AND state = 'pending'",
    )
    .bind(user_id)
    .execute(tx)
    .await?;
    Ok(())
}

/// Ends what waits that was asked by other sessions of an account than this one (A16): they have ended.
pub(super) async fn close_all_but_of_session(
    tx: &mut SqliteConnection,
    user_id: &str,
    session: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE requests SET state = 'closing', outcome = 'user-disabled', closed_by = 'policy'
         WHERE user_id = ? AND state = 'pending' AND json_extract(session, '$.id') <> ?",
    )
    .bind(user_id)
    .bind(session)
    .execute(tx)
    .await?;
    Ok(())
}

/// Ends what waits that was asked by an API key (A16).
pub(super) async fn close_all_of_key(tx: &mut SqliteConnection, key: &str) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE requests SET state = 'closing', outcome = 'user-disabled', closed_by = 'policy'
         WHERE state = 'pending' AND json_extract(session, '$.id') = ?",
    )
    .bind(key)
    .execute(tx)
    .await?;
    Ok(())
}

pub(super) fn to_json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::Corrupt { what: "request" })
}

pub(super) fn from_json<T: DeserializeOwned>(row: &SqliteRow, column: &'static str) -> Result<T, StoreError> {
    let text: String = row.try_get(column)?;
    serde_json::from_str(&text).map_err(|_| StoreError::Corrupt { what: column })
}

fn parse(row: &SqliteRow) -> Result<RequestRow, StoreError> {
    let corrupt = |what| StoreError::Corrupt { what };
    let time = |column| Ok::<_, StoreError>(UnixSeconds(unsigned(row.try_get(column)?, "request time")?));
    let claimed: Option<i64> = row.try_get("claimed_at_ms")?;
    let outcome: Option<String> = row.try_get("outcome")?;
    let voucher: Option<String> = row.try_get("voucher")?;
    let reviewed: Option<i64> = row.try_get("reviewed_at")?;
    let by: Option<String> = row.try_get("closed_by")?;
    let reason = row.try_get("closed_reason")?;
    let outcome = outcome.and_then(|word| Closing::ALL.into_iter().find(|closing| closing.as_str() == word));
    Ok(RequestRow {
        id: row.try_get::<String, _>("request_id")?.parse().map_err(|_| corrupt("request id"))?,
        user: users::parse_user(row)?,
        state: RequestState::parse(row.try_get("state")?).ok_or(corrupt("request state"))?,
        policy: row.try_get::<String, _>("policy")?.try_into().map_err(|_| corrupt("policy id"))?,
        request: row.try_get("request")?,
        signature: row.try_get("signature")?,
        session: from_json(row, "session")?,
        source: from_json(row, "source")?,
        needed: row.try_get("needed")?,
        asked_at: time("asked_at")?,
        expires_at: time("expires_at")?,
        claimed_at: claimed.map(|at| unsigned(at, "claim time").map(UnixMillis)).transpose()?,
        closed: outcome.zip(by).map(|(outcome, by)| Closed { outcome, by, reason }),
        issued: row.try_get("issued")?,
        voucher: voucher.map(|id| id.parse().map_err(|_| corrupt("voucher id"))).transpose()?,
        reviewed_at: reviewed.map(|at| unsigned(at, "review time").map(UnixSeconds)).transpose()?,
    })
}
