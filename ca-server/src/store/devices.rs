//! Devices that an account has logged in on, by the hash of their token.

use ca_core::time::UnixSeconds;
use sqlx::{Row, SqliteConnection};

use super::{Store, StoreError, signed};
use crate::login::TokenHash;

/// A device to be.
#[derive(Clone, Copy, Debug)]
pub struct NewDevice<'a> {
    /// Its ULID.
    pub id: &'a str,
    /// The hash of its token.
    pub token: TokenHash,
    /// Whose it is.
    pub user_id: &'a str,
    /// The session that the login on it began.
    pub session: &'a str,
    /// When the login on it was.
    pub created_at: UnixSeconds,
    /// When it is not known any more, unless it is used before.
    pub expires_at: UnixSeconds,
}

/// A device as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its ULID; it names its counter and opens nothing.
    pub id: String,
    /// Whose it is.
    pub user_id: String,
}

impl Store {
    /// Finds a device that has not expired.
    pub async fn device(&self, token: TokenHash, now: UnixSeconds) -> Result<Option<Device>, StoreError> {
        let row = sqlx::query("SELECT id, user_id FROM devices WHERE token_hash = ? AND expires_at > ?")
            .bind(token.as_slice())
            .bind(signed(now.0))
            .fetch_optional(&self.readers)
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Device { id: row.try_get("id")?, user_id: row.try_get("user_id")? }))
    }

    /// Adds a device to an account, unless its session has ended meanwhile; beyond `most`, those not used for longest go.
    pub async fn add_device(&self, new: &NewDevice<'_>, most: u32) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO devices (id, token_hash, user_id, created_at, last_used_at, expires_at)
             SELECT ?1, ?2, user_id, ?4, ?4, ?5 FROM sessions WHERE id = ?6 AND user_id = ?3",
        )
        .bind(new.id)
        .bind(new.token.as_slice())
        .bind(new.user_id)
        .bind(signed(new.created_at.0))
        .bind(signed(new.expires_at.0))
        .bind(new.session)
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "DELETE FROM devices WHERE user_id = ?1 AND id NOT IN
             (SELECT id FROM devices WHERE user_id = ?1 ORDER BY last_used_at DESC, id DESC LIMIT ?2)",
        )
        .bind(new.user_id)
        .bind(i64::from(most))
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Notes that a device was used; false when it is not known any more.
    pub async fn touch_device(
        &self,
        id: &str,
        now: UnixSeconds,
        expires_at: UnixSeconds,
    ) -> Result<bool, StoreError> {
        let touched = sqlx::query("UPDATE devices SET last_used_at = ?, expires_at = ? WHERE id = ?")
            .bind(signed(now.0))
            .bind(signed(expires_at.0))
            .bind(id)
            .execute(&self.writer)
            .await?;
        Ok(touched.rows_affected() == 1)
    }

    /// Forgets a device, and its failures with it.
    pub async fn remove_device(&self, id: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM devices WHERE id = ?").bind(id).execute(&self.writer).await?;
        Ok(())
    }

    /// Forgets devices that were not used for too long.
    pub async fn sweep_devices(&self, now: UnixSeconds) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM devices WHERE expires_at <= ?")
            .bind(signed(now.0))
            .execute(&self.writer)
            .await?;
        Ok(())
    }
}

/// Forgets all devices of an account.
pub(super) async fn forget_all(tx: &mut SqliteConnection, user_id: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM devices WHERE user_id = ?").bind(user_id).execute(tx).await?;
    Ok(())
}
