//! Consecutive failures per authenticator: exact under concurrency, and still there after a restart (F7).

use ca_core::time::UnixMillis;
use sqlx::SqliteConnection;

use super::{Store, StoreError, signed, unsigned};

/// The failures of one authenticator since its last success.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// How many, counting attempts that are being checked right now.
    pub count: u64,
    /// When the last attempt began.
    pub last_at: UnixMillis,
}

impl Store {
    /// Gives the failures of an authenticator.
    pub async fn failures(&self, authenticator: &str) -> Result<Failures, StoreError> {
        let row: Option<(i64, i64)> =
            sqlx::query_as("SELECT count, last_at_ms FROM failures WHERE authenticator = ?")
                .bind(authenticator)
                .fetch_optional(&self.readers)
                .await?;
        parse(row)
    }

    /// Counts an attempt as failed before it is checked, if `next` gives the failures it leads to; commits before it returns.
    ///
    /// Gives the failures there were before. No attempt is checked that is not counted, however many come at once.
    /// An authenticator of the form `unknown/PLACE/NAME` takes its place from whichever had it, and begins anew.
    pub async fn charge(
        &self,
        authenticator: &str,
        next: impl Fn(Failures) -> Option<Failures> + Send,
    ) -> Result<Failures, StoreError> {
        let mut tx = self.begin().await?;
        let row: Option<(i64, i64)> =
            sqlx::query_as("SELECT count, last_at_ms FROM failures WHERE authenticator = ?")
                .bind(authenticator)
                .fetch_optional(&mut *tx)
                .await?;
        let before = parse(row)?;
        if let Some(after) = next(before) {
            if let Some(place) = shared_place(authenticator) {
                clear(&mut tx, place).await?;
            }
            sqlx::query(
                "INSERT INTO failures (authenticator, count, last_at_ms) VALUES (?, ?, ?)
                 ON CONFLICT (authenticator) DO UPDATE SET count = excluded.count, last_at_ms = excluded.last_at_ms",
            )
            .bind(authenticator)
            .bind(signed(after.count))
            .bind(signed(after.last_at.0))
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
        }
        Ok(before)
    }

    /// Deletes the counters of sources that did not change since `before`.
    pub async fn sweep_sources(&self, before: UnixMillis) -> Result<(), StoreError> {
        sqlx::query(
            "DELETE FROM failures WHERE authenticator >= 'source/' AND authenticator < 'source0' AND last_at_ms < ?",
        )
        .bind(signed(before.0))
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// Takes back the count of an attempt that was not checked after all.
    pub async fn refund(&self, authenticator: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE failures SET count = count - 1 WHERE authenticator = ? AND count > 0")
            .bind(authenticator)
            .execute(&self.writer)
            .await?;
        Ok(())
    }
}

/// Gives the place that an authenticator shares with others, `unknown/PLACE` of `unknown/PLACE/NAME`; `None` when it has its own.
fn shared_place(authenticator: &str) -> Option<&str> {
    authenticator.strip_prefix("unknown/")?;
    authenticator.rsplit_once('/').map(|(place, _)| place)
}

/// Deletes whatever is counted at a shared place.
async fn clear(tx: &mut SqliteConnection, place: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM failures WHERE authenticator >= ?1 AND authenticator < ?1 || '0'")
        .bind(place)
        .execute(tx)
        .await?;
    Ok(())
}

/// Forgets the failures of an authenticator.
pub(super) async fn forget(tx: &mut SqliteConnection, authenticator: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM failures WHERE authenticator = ?").bind(authenticator).execute(tx).await?;
    Ok(())
}

fn parse(row: Option<(i64, i64)>) -> Result<Failures, StoreError> {
    let Some((count, last_at_ms)) = row else { return Ok(Failures::default()) };
    Ok(Failures {
        count: unsigned(count, "failure count")?,
        last_at: UnixMillis(unsigned(last_at_ms, "failure time")?),
    })
}
