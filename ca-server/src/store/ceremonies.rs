//! Ceremonies: open for minutes, answered once, taken once.

use ca_core::time::UnixSeconds;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::{Store, StoreError, signed, unsigned};
use crate::factors::sealing::Sealed;
use crate::login::TokenHash;

/// A ceremony that has not expired.
#[derive(Clone, Debug)]
pub struct CeremonyRow {
    /// The hash of the link's secret, which the seal is bound to.
    pub link: TokenHash,
    /// What it is about or what came of it, sealed.
    pub sealed: Sealed,
    /// When it is too late.
    pub expires_at: UnixSeconds,
    /// Whether somebody has answered.
    pub answered: bool,
}

/// What a browser finds a ceremony by.
#[derive(Clone, Debug)]
pub enum CeremonyKey {
    /// The link's secret.
    Link(TokenHash),
    /// The short code, by its keyed hash.
    Code([u8; 32]),
}

/// An assertion, as its factor takes it over.
#[derive(Clone, Debug)]
pub struct AssertedFactor {
    /// The ceremony, by the hash of its poll secret.
    pub poll: TokenHash,
    /// The passkey with what it has learnt, sealed.
    pub passkey: Sealed,
    /// The factor's counter.
    pub counter: u64,
}

const COLUMNS: &str =
    "SELECT link_hash, sealed, expires_at, answered_at FROM ceremonies WHERE expires_at > ?";

impl Store {
    /// Opens a ceremony, in place of the one that `begun_by` had.
    pub async fn open_ceremony(
        &self,
        ceremony: &CeremonyRow,
        code_tag: [u8; 32],
        poll: TokenHash,
        user_id: &str,
        begun_by: &str,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM ceremonies WHERE begun_by = ?").bind(begun_by).execute(&mut *tx).await?;
        sqlx::query(
            "INSERT INTO ceremonies (link_hash, code_tag, poll_hash, user_id, begun_by, sealed, expires_at)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(ceremony.link.as_slice())
        .bind(code_tag.to_vec())
        .bind(poll.as_slice())
        .bind(user_id)
        .bind(begun_by)
        .bind(&ceremony.sealed.0)
        .bind(signed(ceremony.expires_at.0))
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Finds a ceremony that nobody has answered.
    pub async fn ceremony(
        &self,
        key: &CeremonyKey,
        now: UnixSeconds,
    ) -> Result<Option<CeremonyRow>, StoreError> {
        let (column, value) = match key {
            CeremonyKey::Link(hash) => ("link_hash", hash.as_slice()),
            CeremonyKey::Code(tag) => ("code_tag", tag.as_slice()),
        };
        let query = format!("{COLUMNS} AND {column} = ? AND answered_at IS NULL");
        let query = sqlx::query(sqlx::AssertSqlSafe(query)).bind(signed(now.0)).bind(value);
        query.fetch_optional(&self.readers).await?.as_ref().map(parse).transpose()
    }

    /// Finds a ceremony for the program that waits for it, answered or not.
    pub async fn polled_ceremony(
        &self,
        poll: TokenHash,
        begun_by: &str,
        now: UnixSeconds,
    ) -> Result<Option<CeremonyRow>, StoreError> {
        let query = format!("{COLUMNS} AND poll_hash = ? AND begun_by = ?");
        let query = sqlx::query(sqlx::AssertSqlSafe(query)).bind(signed(now.0));
        let row = query.bind(poll.as_slice()).bind(begun_by).fetch_optional(&self.readers).await?;
        row.as_ref().map(parse).transpose()
    }

    /// Keeps what came of a ceremony; false when somebody was first, or it is too late.
    pub async fn answer_ceremony(
        &self,
        link: TokenHash,
        outcome: &Sealed,
        now: UnixSeconds,
    ) -> Result<bool, StoreError> {
        let answered = sqlx::query(
            "UPDATE ceremonies SET answered_at = ?1, sealed = ?2
             WHERE link_hash = ?3 AND answered_at IS NULL AND expires_at > ?1",
        )
        .bind(signed(now.0))
        .bind(&outcome.0)
        .bind(link.as_slice())
        .execute(&self.writer)
        .await?;
        Ok(answered.rows_affected() == 1)
    }

    /// Takes an answered ceremony; of any number of takers one gets it.
    pub async fn take_ceremony(&self, poll: TokenHash, now: UnixSeconds) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let taken = take(&mut tx, poll, now).await?;
        tx.commit().await?;
        Ok(taken)
    }

    /// Deletes ceremonies that expired.
    pub async fn sweep_ceremonies(&self, now: UnixSeconds) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM ceremonies WHERE expires_at <= ?")
            .bind(signed(now.0))
            .execute(&self.writer)
            .await?;
        Ok(())
    }
}

/// Takes an assertion: the ceremony, once, and the counter, if it rises or the authenticator has none (F13).
pub(super) async fn take_assertion(
    tx: &mut SqliteConnection,
    factor_id: &str,
    asserted: &AssertedFactor,
    now: UnixSeconds,
) -> Result<bool, StoreError> {
    if !take(tx, asserted.poll, now).await? {
        return Ok(false);
    }
    // 1 is the signature counter 0: an authenticator that does not count.
    let updated = sqlx::query(
        "UPDATE factors SET sealed = ?1, counter = ?2, last_used_at = ?3
         WHERE id = ?4 AND confirmed_at IS NOT NULL AND (counter < ?2 OR (counter = 1 AND ?2 = 1))",
    )
    .bind(&asserted.passkey.0)
    .bind(signed(asserted.counter))
    .bind(signed(now.0))
    .bind(factor_id)
    .execute(tx)
    .await?;
    Ok(updated.rows_affected() == 1)
}

async fn take(tx: &mut SqliteConnection, poll: TokenHash, now: UnixSeconds) -> Result<bool, StoreError> {
    let taken = sqlx::query(
        "DELETE FROM ceremonies WHERE poll_hash = ? AND answered_at IS NOT NULL AND expires_at > ?",
    )
    .bind(poll.as_slice())
    .bind(signed(now.0))
    .execute(tx)
    .await?;
    Ok(taken.rows_affected() == 1)
}

fn parse(row: &SqliteRow) -> Result<CeremonyRow, StoreError> {
    let hash: Vec<u8> = row.try_get("link_hash")?;
    let link = hash.try_into().map_err(|_| StoreError::Corrupt { what: "link of a ceremony" })?;
    let answered_at: Option<i64> = row.try_get("answered_at")?;
    Ok(CeremonyRow {
        link: TokenHash::from_bytes(link),
        sealed: Sealed(row.try_get("sealed")?),
        expires_at: UnixSeconds(unsigned(row.try_get("expires_at")?, "end of a ceremony")?),
        answered: answered_at.is_some(),
    })
}
