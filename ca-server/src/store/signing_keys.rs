//! The keys that officers approve with.

use ca_core::names::Label;
use ca_core::ssh::PublicKey;
use ca_core::time::UnixSeconds;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{Store, StoreError, signed, unsigned};

/// A key as it is stored.
#[derive(Clone, Debug)]
pub struct SigningKeyRow {
    /// The key.
    pub key: PublicKey,
    /// What its owner calls it; no two of an account are called the same.
    pub label: Label,
    /// When it was registered.
    pub created_at: UnixSeconds,
}

impl SigningKeyRow {
    /// Gives its identity: its SHA-256 in hexadecimal.
    pub fn id(&self) -> String {
        hex::encode(self.key.fingerprint().0)
    }
}

impl Store {
    /// Adds a key to an account; fails when it is anybody's already, or its label is taken.
    pub async fn add_signing_key(&self, user_id: &str, new: &SigningKeyRow) -> Result<(), StoreError> {
        let added = sqlx::query(
            "INSERT INTO signing_keys (fingerprint, user_id, key, label, created_at) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(new.key.fingerprint().to_string())
        .bind(user_id)
        .bind(new.key.to_string())
        .bind(new.label.as_str())
        .bind(signed(new.created_at.0))
        .execute(&self.writer)
        .await;
        match added {
            Err(sqlx::Error::Database(cause)) if cause.is_unique_violation() => {
                Err(StoreError::SigningKeyTaken)
            }
            other => Ok(other.map(drop)?),
        }
    }

    /// Tells whether a key is anybody's.
    pub async fn has_signing_key(&self, key: &PublicKey) -> Result<bool, StoreError> {
        let found = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM signing_keys WHERE fingerprint = ?)");
        Ok(found.bind(key.fingerprint().to_string()).fetch_one(&self.readers).await?)
    }

    /// Gives the keys of an account, the oldest first.
    pub async fn signing_keys(&self, user_id: &str) -> Result<Vec<SigningKeyRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT key, label, created_at FROM signing_keys WHERE user_id = ? ORDER BY created_at, label",
        )
        .bind(user_id)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(parse).collect()
    }

    /// Deletes a key of an account; false when it is not there any more.
    pub async fn remove_signing_key(&self, user_id: &str, key: &PublicKey) -> Result<bool, StoreError> {
        let removed = sqlx::query("DELETE FROM signing_keys WHERE user_id = ? AND fingerprint = ?")
            .bind(user_id)
            .bind(key.fingerprint().to_string())
            .execute(&self.writer)
            .await?;
        Ok(removed.rows_affected() == 1)
    }
}

fn parse(row: &SqliteRow) -> Result<SigningKeyRow, StoreError> {
    let corrupt = |what| StoreError::Corrupt { what };
    Ok(SigningKeyRow {
        key: row.try_get::<String, _>("key")?.parse().map_err(|_| corrupt("signing key"))?,
        label: row.try_get::<String, _>("label")?.try_into().map_err(|_| corrupt("label"))?,
        created_at: UnixSeconds(unsigned(row.try_get("created_at")?, "key time")?),
    })
}
