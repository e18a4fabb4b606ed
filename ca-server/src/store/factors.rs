//! TOTP factors: the sealed seed and the step accepted last.

use ca_core::time::UnixSeconds;
use sqlx::SqliteConnection;

use super::{Store, StoreError, signed};
use crate::factors::sealing::Sealed;

/// A TOTP factor to be.
#[derive(Clone, Debug)]
pub struct NewTotp {
    /// The ULID the seal is bound to.
    pub id: String,
    /// What its owner calls it.
    pub label: String,
    /// The seed, sealed.
    pub seed: Sealed,
}

/// A TOTP factor that works.
#[derive(Clone, Debug)]
pub struct TotpFactor {
    /// Its ULID.
    pub id: String,
    /// The seed, sealed.
    pub seed: Sealed,
}

impl Store {
    /// Gives the confirmed TOTP factors of an account, the oldest first.
    pub async fn totp_factors(&self, user_id: &str) -> Result<Vec<TotpFactor>, StoreError> {
        let rows: Vec<(String, Vec<u8>)> = sqlx::query_as(
            "SELECT id, sealed FROM totp_factors WHERE user_id = ? AND confirmed = 1 ORDER BY id",
        )
        .bind(user_id)
        .fetch_all(&self.readers)
        .await?;
        Ok(rows.into_iter().map(|(id, sealed)| TotpFactor { id, seed: Sealed(sealed) }).collect())
    }

    /// Forgets the failures of an account's password and factors, so that disabled ones work again.
    pub async fn forget_all_failures(&self, user_id: &str) -> Result<(), StoreError> {
        sqlx::query(
            "DELETE FROM failures WHERE authenticator = 'password/' || ?
             OR authenticator IN (SELECT 'totp/' || id FROM totp_factors WHERE user_id = ?)",
        )
        .bind(user_id)
        .bind(user_id)
        .execute(&self.writer)
        .await?;
        Ok(())
    }
}

/// Adds a factor that its owner, or the operator, has seen to work.
pub(super) async fn insert_totp(
    tx: &mut SqliteConnection,
    user_id: &str,
    totp: &NewTotp,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO totp_factors (id, user_id, label, sealed, confirmed, created_at) VALUES (?, ?, ?, ?, 1, ?)",
    )
    .bind(&totp.id)
    .bind(user_id)
    .bind(&totp.label)
    .bind(&totp.seed.0)
    .bind(signed(now.0))
    .execute(tx)
    .await?;
    Ok(())
}

/// Removes all factors of an account, with their failures.
pub(super) async fn remove_all(tx: &mut SqliteConnection, user_id: &str) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM failures WHERE authenticator IN (SELECT 'totp/' || id FROM totp_factors WHERE user_id = ?)",
    )
    .bind(user_id)
    .execute(&mut *tx)
    .await?;
    sqlx::query("DELETE FROM totp_factors WHERE user_id = ?").bind(user_id).execute(tx).await?;
    Ok(())
}

/// Takes a time step if it is later than every step taken before; of any number of takers one gets it (F1, F2, L8).
pub(super) async fn take_step(
    tx: &mut SqliteConnection,
    factor_id: &str,
    step: u64,
) -> Result<bool, StoreError> {
    let taken = sqlx::query("UPDATE totp_factors SET last_step = ? WHERE id = ? AND last_step < ?")
        .bind(signed(step))
        .bind(factor_id)
        .bind(signed(step))
        .execute(tx)
        .await?;
    Ok(taken.rows_affected() == 1)
}
