//! Sessions, by the hash of their token.

use std::net::IpAddr;

use ca_core::policy::{Factor, Purpose, Source};
use ca_core::time::UnixSeconds;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::{Store, StoreError, User, signed, unsigned, users};
use crate::login::TokenHash;

/// A session to be.
#[derive(Clone, Debug)]
pub struct NewSessionRow<'a> {
    /// The name that opens nothing.
    pub id: &'a str,
    /// Whose it is.
    pub user_id: &'a str,
    /// What it can do.
    pub purpose: Purpose,
    /// What was presented after the password.
    pub factors: &'a [Factor],
    /// Where the login came from.
    pub source: &'a Source,
    /// When it began.
    pub created_at: UnixSeconds,
    /// When it ends at the latest.
    pub expires_at: UnixSeconds,
}

/// A session as it is stored.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// The name that opens nothing.
    pub id: String,
    /// Whose it is.
    pub user: User,
    /// What it can do.
    pub purpose: Purpose,
    /// What was presented after the password.
    pub factors: Vec<Factor>,
    /// Where the login came from.
    pub source: IpAddr,
    /// When it was used last; up to a minute old.
    pub last_used_at: UnixSeconds,
    /// When it ends at the latest.
    pub expires_at: UnixSeconds,
}

impl Store {
    /// Begins the session that a used challenge has earned; tells whether it did.
    ///
    /// A challenge that is gone was ended together with its account's sessions, a moment ago: what it earned ends with it.
    pub async fn add_session(
        &self,
        token: TokenHash,
        challenge: TokenHash,
        new: &NewSessionRow<'_>,
    ) -> Result<bool, StoreError> {
        let factors = serde_json::to_string(new.factors)
            .map_err(|_| StoreError::Corrupt { what: "list of factors" })?;
        let added = sqlx::query(
            "INSERT INTO sessions
             (token_hash, id, user_id, purpose, factors, source, user_agent, created_at, last_used_at, expires_at)
             SELECT ?, ?, user_id, ?, ?, ?, ?, ?, ?, ?
             FROM challenges WHERE token_hash = ? AND user_id = ? AND used_at IS NOT NULL",
        )
        .bind(token.as_slice())
        .bind(new.id)
        .bind(new.purpose.to_string())
        .bind(factors)
        .bind(new.source.ip.to_string())
        .bind(new.source.user_agent.as_deref())
        .bind(signed(new.created_at.0))
        .bind(signed(new.created_at.0))
        .bind(signed(new.expires_at.0))
        .bind(challenge.as_slice())
        .bind(new.user_id)
        .execute(&self.writer)
        .await?;
        Ok(added.rows_affected() == 1)
    }

    /// Finds a session by its token's hash, whether or not it is still good.
    pub async fn session(&self, token: TokenHash) -> Result<Option<SessionRow>, StoreError> {
        let row = sqlx::query(
            "SELECT u.id, u.name, u.email, u.groups, u.disabled_at, u.person, u.reduced_until,
                    s.id AS session_id, s.purpose, s.factors, s.source, s.last_used_at, s.expires_at
             FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.token_hash = ?",
        )
        .bind(token.as_slice())
        .fetch_optional(&self.readers)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let corrupt = |what| StoreError::Corrupt { what };
        let factors: String = row.try_get("factors")?;
        let source: String = row.try_get("source")?;
        Ok(Some(SessionRow {
            id: row.try_get("session_id")?,
            user: users::parse_user(&row)?,
            purpose: parse_purpose(&row)?,
            factors: serde_json::from_str(&factors).map_err(|_| corrupt("list of factors"))?,
            source: source.parse().map_err(|_| corrupt("source address"))?,
            last_used_at: UnixSeconds(unsigned(row.try_get("last_used_at")?, "session time")?),
            expires_at: UnixSeconds(unsigned(row.try_get("expires_at")?, "session time")?),
        }))
    }

    /// Notes that a session was used.
    pub async fn touch_session(&self, token: TokenHash, now: UnixSeconds) -> Result<(), StoreError> {
        sqlx::query("UPDATE sessions SET last_used_at = ? WHERE token_hash = ? AND last_used_at < ?")
            .bind(signed(now.0))
            .bind(token.as_slice())
            .bind(signed(now.0))
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Ends a session.
    pub async fn end_session(&self, token: TokenHash) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM sessions WHERE token_hash = ?")
            .bind(token.as_slice())
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Deletes sessions that expired, or were not used since `idle_since`.
    pub async fn sweep_sessions(&self, now: UnixSeconds, idle_since: UnixSeconds) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM sessions WHERE expires_at <= ? OR last_used_at < ?")
            .bind(signed(now.0))
            .bind(signed(idle_since.0))
            .execute(&self.writer)
            .await?;
        Ok(())
    }
}

/// Ends all sessions of an account, and its logins under way.
pub(super) async fn end_all(tx: &mut SqliteConnection, user_id: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sessions WHERE user_id = ?").bind(user_id).execute(&mut *tx).await?;
    sqlx::query("DELETE FROM challenges WHERE user_id = ?").bind(user_id).execute(tx).await?;
    Ok(())
}

/// Ends all sessions of an account but one, with what they asked for that waits, and its logins under way.
pub(super) async fn end_others(
    tx: &mut SqliteConnection,
    user_id: &str,
    session: &str,
) -> Result<(), StoreError> {
    let others = sqlx::query("DELETE FROM sessions WHERE user_id = ? AND id <> ?");
    others.bind(user_id).bind(session).execute(&mut *tx).await?;
    super::requests::close_all_but_of_session(tx, user_id, session).await?;
    sqlx::query("DELETE FROM challenges WHERE user_id = ?").bind(user_id).execute(tx).await?;
    Ok(())
}

/// Reads the column `purpose`.
pub(super) fn parse_purpose(row: &SqliteRow) -> Result<Purpose, StoreError> {
    let text: String = row.try_get("purpose")?;
    let known = [Purpose::Access, Purpose::Account].into_iter().find(|purpose| purpose.to_string() == text);
    known.ok_or(StoreError::Corrupt { what: "session purpose" })
}
