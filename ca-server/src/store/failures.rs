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

/// Names that are typed have this many places for their failures, so that they cannot fill the database.
const PLACES: u32 = 1 << 18;

/// A name as it was typed to log in, by its keyed hash: nobody can choose whose place to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypedName([u8; 12]);

impl TypedName {
    /// Takes it from a keyed hash.
    pub fn from_tag(tag: &[u8; 32]) -> Self {
        let mut start = [0; 12];
        start.copy_from_slice(&tag[..12]);
        Self(start)
    }

    /// Names where its failures are counted.
    pub fn key(&self) -> String {
        format!("{}/{}", self.place(), hex::encode(&self.0[4..]))
    }

    /// Names the place that it shares with other names, one at a time.
    fn place(&self) -> String {
        let [a, b, c, d, ..] = self.0;
        format!("typed/{:05x}", u32::from_be_bytes([a, b, c, d]) % PLACES)
    }
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
    pub async fn charge(
        &self,
        authenticator: &str,
        next: impl Fn(Failures) -> Option<Failures> + Send,
    ) -> Result<Failures, StoreError> {
        let mut tx = self.begin().await?;
        let before = read(&mut tx, authenticator).await?;
        if let Some(after) = next(before) {
            write(&mut tx, authenticator, after).await?;
            tx.commit().await?;
        }
        Ok(before)
    }

    /// Counts an attempt for the name that was typed and for the authenticator it stands for, as [`Store::charge`] does for one.
    ///
    /// A name takes its place from whichever name had it, and begins anew.
    pub async fn charge_named(
        &self,
        name: &TypedName,
        authenticator: &str,
        next: impl Fn(Failures, Failures) -> Option<(Failures, Failures)> + Send,
    ) -> Result<(Failures, Failures), StoreError> {
        let mut tx = self.begin().await?;
        let counter = name.key();
        let before = (read(&mut tx, &counter).await?, read(&mut tx, authenticator).await?);
        if let Some((named, other)) = next(before.0, before.1) {
            sqlx::query(
                "DELETE FROM failures WHERE authenticator >= ?1 || '/' AND authenticator < ?1 || '0'",
            )
            .bind(name.place())
            .execute(&mut *tx)
            .await?;
            write(&mut tx, &counter, named).await?;
            write(&mut tx, authenticator, other).await?;
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

async fn read(tx: &mut SqliteConnection, authenticator: &str) -> Result<Failures, StoreError> {
    let query = sqlx::query_as("SELECT count, last_at_ms FROM failures WHERE authenticator = ?");
    parse(query.bind(authenticator).fetch_optional(tx).await?)
}

async fn write(tx: &mut SqliteConnection, authenticator: &str, after: Failures) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO failures (authenticator, count, last_at_ms) VALUES (?, ?, ?)
         ON CONFLICT (authenticator) DO UPDATE SET count = excluded.count, last_at_ms = excluded.last_at_ms",
    )
    .bind(authenticator)
    .bind(signed(after.count))
    .bind(signed(after.last_at.0))
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
