//! Recovery codes, by their hash.

use ca_core::time::UnixSeconds;
use sqlx::SqliteConnection;

use super::{Store, StoreError, signed, unsigned};

/// What is stored of a recovery code: the SHA-256 of its 128 random bits.
pub type RecoveryHash = [u8; 32];

impl Store {
    /// Gives an account new codes in place of all before, and ends every session but `session`.
    pub async fn replace_recovery_codes(
        &self,
        user_id: &str,
        codes: &[RecoveryHash],
        session: &str,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        replace(&mut tx, user_id, codes).await?;
        super::sessions::end_others(&mut tx, user_id, session).await?;
        Ok(tx.commit().await?)
    }

    /// Counts the codes of an account that were not used yet.
    pub async fn recovery_codes_left(&self, user_id: &str) -> Result<u64, StoreError> {
        let left: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM recovery_codes WHERE user_id = ? AND used_at IS NULL")
                .bind(user_id)
                .fetch_one(&self.readers)
                .await?;
        unsigned(left, "number of recovery codes")
    }

    /// Tells whether a code is or was one of an account's.
    pub async fn is_recovery_code(&self, user_id: &str, hash: &RecoveryHash) -> Result<bool, StoreError> {
        let known =
            sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM recovery_codes WHERE user_id = ? AND hash = ?)");
        Ok(known.bind(user_id).bind(hash.as_slice()).fetch_one(&self.readers).await?)
    }
}

/// Gives an account new codes in place of all before.
pub(super) async fn replace(
    tx: &mut SqliteConnection,
    user_id: &str,
    codes: &[RecoveryHash],
) -> Result<(), StoreError> {
    remove_all(tx, user_id).await?;
    for hash in codes {
        let query = sqlx::query("INSERT INTO recovery_codes (hash, user_id) VALUES (?, ?)");
        query.bind(hash.as_slice()).bind(user_id).execute(&mut *tx).await?;
    }
    Ok(())
}

/// Uses a code up; of any number of takers one gets it (F12).
pub(super) async fn take(
    tx: &mut SqliteConnection,
    user_id: &str,
    hash: &RecoveryHash,
    now: UnixSeconds,
) -> Result<bool, StoreError> {
    let taken = sqlx::query(
        "UPDATE recovery_codes SET used_at = ? WHERE hash = ? AND user_id = ? AND used_at IS NULL",
    )
    .bind(signed(now.0))
    .bind(hash.as_slice())
    .bind(user_id)
    .execute(tx)
    .await?;
    Ok(taken.rows_affected() == 1)
}

/// Removes all codes of an account.
pub(super) async fn remove_all(tx: &mut SqliteConnection, user_id: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM recovery_codes WHERE user_id = ?").bind(user_id).execute(tx).await?;
    Ok(())
}
