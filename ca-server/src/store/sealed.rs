//! Which columns hold seals, and how a seal is put in another's place when the sealing key changes.

use sqlx::Row;

use super::{Store, StoreError};
use crate::factors::sealing::Sealed;

/// A column of seals.
struct Column {
    table: &'static str,
    /// What finds a row again: an expression that gives text, each once.
    key: &'static str,
    sealed: &'static str,
    /// What its seals are bound to: an expression that gives text.
    purpose: &'static str,
}

/// Every column that holds seals. One that is not here cannot be opened any more once the sealing key has changed.
const COLUMNS: &[Column] = &[
    Column { table: "factors", key: "id", sealed: "sealed", purpose: "kind || '/' || id" },
    Column { table: "notices", key: "id", sealed: "sealed", purpose: "'notice/' || id" },
    Column {
        table: "ceremonies",
        key: "lower(hex(link_hash))",
        sealed: "sealed",
        purpose: "'ceremony/' || lower(hex(link_hash))",
    },
];

/// A place among all seals, in the order in which they are gone through.
#[derive(Clone, Debug, Default)]
pub struct SealPlace {
    column: usize,
    after: String,
}

/// A seal with where it is and what it is bound to.
#[derive(Clone, Debug)]
pub struct SealRow {
    /// The table.
    pub table: &'static str,
    /// What finds the row.
    pub key: String,
    /// What the seal is bound to.
    pub purpose: String,
    /// The seal.
    pub sealed: Sealed,
    column: usize,
}

/// The bytes of a seal that name its key: after one for the version.
const KEY_ID: &str = "2, 8";

impl Store {
    /// Gives up to `limit` seals of other keys from a place on, and moves the place behind them; none at the end.
    pub async fn seals_of_other_keys(
        &self,
        place: &mut SealPlace,
        key_id: &[u8],
        limit: u32,
    ) -> Result<Vec<SealRow>, StoreError> {
        while let Some(Column { table, key, sealed, purpose }) = COLUMNS.get(place.column) {
            let query = format!(
                "SELECT {key} AS key, {purpose} AS purpose, {sealed} AS seal FROM {table}
                 WHERE {key} > ? AND substr({sealed}, {KEY_ID}) <> ? ORDER BY {key} LIMIT ?"
            );
            let query = sqlx::query(sqlx::AssertSqlSafe(query)).bind(&place.after).bind(key_id).bind(limit);
            let mut rows = Vec::new();
            for row in query.fetch_all(&self.readers).await? {
                let sealed = Sealed(row.try_get("seal")?);
                let (key, purpose) = (row.try_get("key")?, row.try_get("purpose")?);
                rows.push(SealRow { table, key, purpose, sealed, column: place.column });
            }
            if let Some(last) = rows.last() {
                place.after.clone_from(&last.key);
                return Ok(rows);
            }
            *place = SealPlace { column: place.column + 1, after: String::new() };
        }
        Ok(Vec::new())
    }

    /// Puts seals in the place of others, all or none but those that were changed meanwhile; gives how many.
    pub async fn replace_seals(&self, seals: &[(SealRow, Sealed)]) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let mut replaced = 0;
        for (old, new) in seals {
            let Some(Column { table, key, sealed, .. }) = COLUMNS.get(old.column) else { continue };
            let query = format!("UPDATE {table} SET {sealed} = ? WHERE {key} = ? AND {sealed} = ?");
            let query = sqlx::query(sqlx::AssertSqlSafe(query));
            let done = query.bind(&new.0).bind(&old.key).bind(&old.sealed.0).execute(&mut *tx).await?;
            replaced += done.rows_affected();
        }
        tx.commit().await?;
        Ok(replaced)
    }

    /// Counts the seals of other keys.
    pub async fn count_seals_of_other_keys(&self, key_id: &[u8]) -> Result<u64, StoreError> {
        let mut count = 0;
        for Column { table, sealed, .. } in COLUMNS {
            let query = format!("SELECT COUNT(*) FROM {table} WHERE substr({sealed}, {KEY_ID}) <> ?");
            let query = sqlx::query_scalar(sqlx::AssertSqlSafe(query)).bind(key_id);
            count += super::unsigned(query.fetch_one(&self.writer).await?, "number of seals")?;
        }
        Ok(count)
    }

    /// Writes the file anew, so that nothing stays in it that was deleted or overwritten.
    ///
    /// False when something that reads kept the write-ahead log from being emptied, which happens with the next writes then.
    pub async fn scrub(&self) -> Result<bool, StoreError> {
        sqlx::query("VACUUM").execute(&self.writer).await?;
        let checkpoint = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&self.writer).await?;
        Ok(checkpoint.try_get::<i64, _>("busy")? == 0)
    }
}
