//! Messages on their way to people, and the links in them.

use ca_core::time::UnixSeconds;
use sqlx::sqlite::SqliteQueryResult;
use sqlx::{Sqlite, SqliteConnection, Transaction};

use super::{Store, StoreError, User, signed, unsigned, users};
use crate::factors::sealing::Sealed;
use crate::login::TokenHash;

/// A message to be kept: its ULID, and where it goes and what it says, sealed for that ULID.
pub type NewNotice = (String, Sealed);

/// A message to be sent now.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Its ULID.
    pub id: String,
    /// Where it goes and what it says, sealed.
    pub sealed: Sealed,
    /// How often it was tried, this time included.
    pub attempts: u64,
}

impl Store {
    /// Keeps messages until they are sent.
    pub async fn queue_notices(&self, notices: &[NewNotice], now: UnixSeconds) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        queue(&mut tx, notices, now).await?;
        Ok(tx.commit().await?)
    }

    /// Takes a message that is due; nobody else gets it before `again_at`.
    pub async fn take_notice(
        &self,
        now: UnixSeconds,
        again_at: UnixSeconds,
    ) -> Result<Option<Notice>, StoreError> {
        // Asked every second and hardly ever answered: reading does not wait for the connection that writes.
        let due = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM notices WHERE next_try_at <= ?)");
        if !due.bind(signed(now.0)).fetch_one(&self.readers).await? {
            return Ok(None);
        }
        let row: Option<(String, Vec<u8>, i64)> = sqlx::query_as(
            "UPDATE notices SET attempts = attempts + 1, next_try_at = ?2
             WHERE id = (SELECT id FROM notices WHERE next_try_at <= ?1 ORDER BY next_try_at LIMIT 1)
             RETURNING id, sealed, attempts",
        )
        .bind(signed(now.0))
        .bind(signed(again_at.0))
        .fetch_optional(&self.writer)
        .await?;
        let Some((id, sealed, attempts)) = row else { return Ok(None) };
        let attempts = unsigned(attempts, "number of attempts")?;
        Ok(Some(Notice { id, sealed: Sealed(sealed), attempts }))
    }

    /// Puts a message off.
    pub async fn put_off_notice(&self, id: &str, until: UnixSeconds) -> Result<(), StoreError> {
        let query = sqlx::query("UPDATE notices SET next_try_at = ? WHERE id = ?");
        query.bind(signed(until.0)).bind(id).execute(&self.writer).await?;
        Ok(())
    }

    /// Deletes a message that was sent, or never will be.
    pub async fn drop_notice(&self, id: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM notices WHERE id = ?").bind(id).execute(&self.writer).await?;
        Ok(())
    }

    /// Keeps the hash of a link by which an account can be frozen.
    pub async fn add_disavowal(
        &self,
        token: TokenHash,
        user_id: &str,
        expires_at: UnixSeconds,
    ) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO disavowals (token_hash, user_id, expires_at) VALUES (?, ?, ?)")
            .bind(token.as_slice())
            .bind(user_id)
            .bind(signed(expires_at.0))
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Finds whose account a link freezes, if it was not used and is not over.
    pub async fn disavowal(&self, token: TokenHash, now: UnixSeconds) -> Result<Option<User>, StoreError> {
        let row = sqlx::query(
            "SELECT u.id, u.name, u.email, u.groups, u.disabled_at, u.person, u.reduced_until FROM disavowals d
             JOIN users u ON u.id = d.user_id
             WHERE d.token_hash = ? AND d.used_at IS NULL AND d.expires_at > ?",
        )
        .bind(token.as_slice())
        .bind(signed(now.0))
        .fetch_optional(&self.readers)
        .await?;
        row.as_ref().map(users::parse_user).transpose()
    }

    /// Uses a link up; of any number of takers one gets it.
    pub async fn take_disavowal(&self, token: TokenHash, now: UnixSeconds) -> Result<bool, StoreError> {
        let used = sqlx::query(
            "UPDATE disavowals SET used_at = ?1 WHERE token_hash = ?2 AND used_at IS NULL AND expires_at > ?1",
        )
        .bind(signed(now.0))
        .bind(token.as_slice())
        .execute(&self.writer)
        .await?;
        Ok(used.rows_affected() == 1)
    }

    /// Deletes links that are over.
    pub async fn sweep_disavowals(&self, now: UnixSeconds) -> Result<(), StoreError> {
        let query = sqlx::query("DELETE FROM disavowals WHERE expires_at <= ?");
        query.bind(signed(now.0)).execute(&self.writer).await?;
        Ok(())
    }
}

async fn queue(tx: &mut SqliteConnection, notices: &[NewNotice], now: UnixSeconds) -> Result<(), StoreError> {
    for (id, sealed) in notices {
        sqlx::query("INSERT INTO notices (id, sealed, next_try_at) VALUES (?, ?, ?)")
            .bind(id)
            .bind(&sealed.0)
            .bind(signed(now.0))
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// Commits a step and the messages about it, if it was taken just now: who comes second says nothing again.
pub(super) async fn commit_once(
    mut tx: Transaction<'static, Sqlite>,
    step: SqliteQueryResult,
    notices: &[NewNotice],
    now: UnixSeconds,
) -> Result<bool, StoreError> {
    if step.rows_affected() != 1 {
        return Ok(false);
    }
    queue(&mut tx, notices, now).await?;
    tx.commit().await?;
    Ok(true)
}
