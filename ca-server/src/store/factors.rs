//! Factors: the sealed secret, and the counter accepted last.

use ca_core::names::Label;
use ca_core::policy::FactorKind;
use ca_core::time::UnixSeconds;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::{Store, StoreError, TypedName, signed, unsigned};
use crate::factors::sealing::Sealed;

/// A factor to be.
#[derive(Clone, Debug)]
pub struct NewFactor {
    /// The ULID the seal is bound to.
    pub id: String,
    /// Its kind.
    pub kind: FactorKind,
    /// What its owner calls it; no two of an account are called the same.
    pub label: Label,
    /// The seed, number or public id, sealed for [`authenticator`].
    pub secret: Sealed,
    /// A keyed hash of what the token is; no two accounts have the same.
    pub tag: Option<[u8; 32]>,
    /// The counter accepted last.
    pub counter: u64,
}

/// A factor as it is stored.
#[derive(Clone, Debug)]
pub struct StoredFactor {
    /// Its ULID.
    pub id: String,
    /// Its kind.
    pub kind: FactorKind,
    /// What its owner calls it.
    pub label: Label,
    /// The seed, number or public id, sealed.
    pub secret: Sealed,
    /// When its owner showed that it works; it is no factor before.
    pub confirmed_at: Option<UnixSeconds>,
    /// When it was accepted last.
    pub last_used_at: Option<UnixSeconds>,
}

impl StoredFactor {
    /// Names the factor where failures are counted, and where its seal is bound to it.
    pub fn authenticator(&self) -> String {
        authenticator(self.kind, &self.id)
    }
}

/// Names a factor where failures are counted, and where its seal is bound to it.
pub fn authenticator(kind: FactorKind, id: &str) -> String {
    format!("{kind}/{id}")
}

/// What became of a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It is gone, and every other session with it.
    Removed,
    /// It is the last factor of its account (F15).
    Last,
    /// There is no such factor any more.
    Gone,
}

const COLUMNS: &str =
    "SELECT id, kind, label, sealed, confirmed_at, last_used_at FROM factors WHERE user_id = ?";

impl Store {
    /// Gives the confirmed factors of an account, the oldest first.
    pub async fn factors(&self, user_id: &str) -> Result<Vec<StoredFactor>, StoreError> {
        let query = format!("{COLUMNS} AND confirmed_at IS NOT NULL ORDER BY id");
        let rows = sqlx::query(sqlx::AssertSqlSafe(query)).bind(user_id).fetch_all(&self.readers).await?;
        rows.iter().map(parse).collect()
    }

    /// Finds a factor of an account by its identity, confirmed or not.
    pub async fn factor(&self, user_id: &str, id: &str) -> Result<Option<StoredFactor>, StoreError> {
        let query = sqlx::query(sqlx::AssertSqlSafe(format!("{COLUMNS} AND id = ?")));
        let row = query.bind(user_id).bind(id).fetch_optional(&self.readers).await?;
        row.as_ref().map(parse).transpose()
    }

    /// Keeps a factor until its owner shows that it works; one that was begun before and never shown goes.
    pub async fn begin_factor(
        &self,
        user_id: &str,
        factor: &NewFactor,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "DELETE FROM failures WHERE authenticator IN
             (SELECT kind || '/' || id FROM factors WHERE user_id = ? AND confirmed_at IS NULL)",
        )
        .bind(user_id)
        .execute(&mut *tx)
        .await?;
        sqlx::query("DELETE FROM factors WHERE user_id = ? AND confirmed_at IS NULL")
            .bind(user_id)
            .execute(&mut *tx)
            .await?;
        insert(&mut tx, user_id, factor, None, now).await?;
        Ok(tx.commit().await?)
    }

    /// Makes a factor one, with the counter that its owner has shown; forgets what was shown wrong before, and ends every
    /// session but `session`.
    ///
    /// False when it is not there, is one already, or the counter was used.
    pub async fn confirm_factor(
        &self,
        user_id: &str,
        id: &str,
        counter: u64,
        session: &str,
        now: UnixSeconds,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let confirmed = sqlx::query(
            "UPDATE factors SET confirmed_at = ?, counter = ?
             WHERE id = ? AND user_id = ? AND confirmed_at IS NULL AND counter < ?",
        )
        .bind(signed(now.0))
        .bind(signed(counter))
        .bind(id)
        .bind(user_id)
        .bind(signed(counter))
        .execute(&mut *tx)
        .await?;
        if confirmed.rows_affected() != 1 {
            return Ok(false);
        }
        sqlx::query(
            "DELETE FROM failures WHERE authenticator = (SELECT kind || '/' || id FROM factors WHERE id = ?)",
        )
        .bind(id)
        .execute(&mut *tx)
        .await?;
        super::sessions::end_others(&mut tx, user_id, session).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Removes a factor, unless it is the last, and ends every session but `session`.
    pub async fn remove_factor(
        &self,
        user_id: &str,
        factor: &StoredFactor,
        session: &str,
    ) -> Result<Removal, StoreError> {
        let mut tx = self.begin().await?;
        let others: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM factors WHERE user_id = ? AND confirmed_at IS NOT NULL AND id <> ?",
        )
        .bind(user_id)
        .bind(&factor.id)
        .fetch_one(&mut *tx)
        .await?;
        if others == 0 {
            return Ok(Removal::Last);
        }
        let removed = sqlx::query("DELETE FROM factors WHERE user_id = ? AND id = ?")
            .bind(user_id)
            .bind(&factor.id)
            .execute(&mut *tx)
            .await?;
        if removed.rows_affected() == 0 {
            return Ok(Removal::Gone);
        }
        super::failures::forget(&mut tx, &factor.authenticator()).await?;
        super::sessions::end_others(&mut tx, user_id, session).await?;
        tx.commit().await?;
        Ok(Removal::Removed)
    }

    /// Forgets the failures of an account's password and factors, and of its names, so that disabled ones work again.
    pub async fn forget_all_failures(&self, user_id: &str, names: &[TypedName]) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for name in names {
            super::failures::forget(&mut tx, &name.key()).await?;
        }
        sqlx::query(
            "DELETE FROM failures WHERE authenticator IN ('password/' || ?1, 'recovery/' || ?1)
             OR authenticator IN (SELECT kind || '/' || id FROM factors WHERE user_id = ?1)
             OR authenticator IN (SELECT 'password/' || user_id || '/' || id FROM devices WHERE user_id = ?1)",
        )
        .bind(user_id)
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }
}

/// Adds a factor; without `confirmed_at` it is none yet.
pub(super) async fn insert(
    tx: &mut SqliteConnection,
    user_id: &str,
    factor: &NewFactor,
    confirmed_at: Option<UnixSeconds>,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO factors (id, user_id, kind, label, sealed, tag, counter, confirmed_at, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&factor.id)
    .bind(user_id)
    .bind(factor.kind.to_string())
    .bind(factor.label.as_str())
    .bind(&factor.secret.0)
    .bind(factor.tag.map(|tag| tag.to_vec()))
    .bind(signed(factor.counter))
    .bind(confirmed_at.map(|at| signed(at.0)))
    .bind(signed(now.0))
    .execute(tx)
    .await
    .map_err(taken)?;
    Ok(())
}

/// Removes all factors and recovery codes of an account, with their failures.
pub(super) async fn remove_all(tx: &mut SqliteConnection, user_id: &str) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM failures WHERE authenticator = 'recovery/' || ?1
         OR authenticator IN (SELECT kind || '/' || id FROM factors WHERE user_id = ?1)",
    )
    .bind(user_id)
    .execute(&mut *tx)
    .await?;
    sqlx::query("DELETE FROM factors WHERE user_id = ?").bind(user_id).execute(&mut *tx).await?;
    super::recovery::remove_all(tx, user_id).await
}

/// Takes a counter if it is above every one taken before; of any number of takers one gets it (F1, F2, F4, L8).
pub(super) async fn take_counter(
    tx: &mut SqliteConnection,
    factor_id: &str,
    counter: u64,
    now: UnixSeconds,
) -> Result<bool, StoreError> {
    let taken = sqlx::query(
        "UPDATE factors SET counter = ?1, last_used_at = ?3
         WHERE id = ?2 AND counter < ?1 AND confirmed_at IS NOT NULL",
    )
    .bind(signed(counter))
    .bind(factor_id)
    .bind(signed(now.0))
    .execute(tx)
    .await?;
    Ok(taken.rows_affected() == 1)
}

fn taken(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(cause) if cause.is_unique_violation() => StoreError::FactorTaken,
        other => other.into(),
    }
}

fn parse(row: &SqliteRow) -> Result<StoredFactor, StoreError> {
    let kind: String = row.try_get("kind")?;
    let time = |column| -> Result<Option<UnixSeconds>, StoreError> {
        let seconds: Option<i64> = row.try_get(column)?;
        seconds.map(|seconds| unsigned(seconds, "factor time").map(UnixSeconds)).transpose()
    };
    Ok(StoredFactor {
        id: row.try_get("id")?,
        kind: kind.parse().map_err(|_| StoreError::Corrupt { what: "kind of factor" })?,
        label: row
            .try_get::<String, _>("label")?
            .try_into()
            .map_err(|_| StoreError::Corrupt { what: "label" })?,
        secret: Sealed(row.try_get("sealed")?),
        confirmed_at: time("confirmed_at")?,
        last_used_at: time("last_used_at")?,
    })
}
