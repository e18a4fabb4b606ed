//! Codes sent by SMS, and how much was sent.

use ca_core::time::UnixSeconds;
use sqlx::SqliteConnection;

use super::{Store, StoreError, signed, unsigned};
use crate::messages::limits::Bucket;

/// A keyed hash of a code.
pub type CodeTag = [u8; 32];

/// A code that was sent.
#[derive(Clone, Debug)]
pub struct SentCode {
    /// The factor it was sent to.
    pub factor_id: String,
    /// Its keyed hash.
    pub tag: CodeTag,
}

impl Store {
    /// Takes from every send limit, or from none; gives the limit that is reached (F10).
    pub async fn take_sends(&self, buckets: &[Bucket]) -> Result<Option<Bucket>, StoreError> {
        let mut tx = self.begin().await?;
        for bucket in buckets {
            let taken: Option<i64> =
                sqlx::query_scalar("SELECT taken FROM sends WHERE scope = ? AND starts_at = ?")
                    .bind(&bucket.scope)
                    .bind(signed(bucket.start.0))
                    .fetch_optional(&mut *tx)
                    .await?;
            if !bucket.fits(unsigned(taken.unwrap_or_default(), "number of messages")?) {
                return Ok(Some(bucket.clone()));
            }
            sqlx::query(
                "INSERT INTO sends (scope, starts_at, ends_at, taken) VALUES (?, ?, ?, ?)
                 ON CONFLICT (scope, starts_at) DO UPDATE SET taken = taken + excluded.taken",
            )
            .bind(&bucket.scope)
            .bind(signed(bucket.start.0))
            .bind(signed(bucket.start.plus_secs(bucket.secs).0))
            .bind(signed(bucket.amount))
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(None)
    }

    /// Keeps the code of a purpose; one sent for it before is good no more.
    pub async fn keep_code(
        &self,
        purpose: &str,
        code: &SentCode,
        expires_at: UnixSeconds,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO sms_codes (purpose, factor_id, tag, expires_at) VALUES (?, ?, ?, ?)
             ON CONFLICT (purpose) DO UPDATE
             SET factor_id = excluded.factor_id, tag = excluded.tag, expires_at = excluded.expires_at",
        )
        .bind(purpose)
        .bind(&code.factor_id)
        .bind(code.tag.as_slice())
        .bind(signed(expires_at.0))
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// Finds the code that was sent for a purpose and is good still.
    pub async fn sent_code(&self, purpose: &str, now: UnixSeconds) -> Result<Option<SentCode>, StoreError> {
        let row: Option<(String, Vec<u8>)> =
            sqlx::query_as("SELECT factor_id, tag FROM sms_codes WHERE purpose = ? AND expires_at > ?")
                .bind(purpose)
                .bind(signed(now.0))
                .fetch_optional(&self.readers)
                .await?;
        let Some((factor_id, tag)) = row else { return Ok(None) };
        let tag = tag.try_into().map_err(|_| StoreError::Corrupt { what: "code" })?;
        Ok(Some(SentCode { factor_id, tag }))
    }

    /// Deletes codes and send counts that are over.
    pub async fn sweep_sms(&self, now: UnixSeconds) -> Result<(), StoreError> {
        for query in ["DELETE FROM sms_codes WHERE expires_at <= ?", "DELETE FROM sends WHERE ends_at <= ?"] {
            sqlx::query(query).bind(signed(now.0)).execute(&self.writer).await?;
        }
        Ok(())
    }
}

/// Uses a code up; of any number of takers one gets it (F11).
pub(super) async fn take(
    tx: &mut SqliteConnection,
    purpose: &str,
    tag: &CodeTag,
    now: UnixSeconds,
) -> Result<bool, StoreError> {
    let factor: Option<String> = sqlx::query_scalar(
        "DELETE FROM sms_codes WHERE purpose = ? AND tag = ? AND expires_at > ? RETURNING factor_id",
    )
    .bind(purpose)
    .bind(tag.as_slice())
    .bind(signed(now.0))
    .fetch_optional(&mut *tx)
    .await?;
    let Some(factor) = factor else { return Ok(false) };
    let used = sqlx::query("UPDATE factors SET last_used_at = ? WHERE id = ? AND confirmed_at IS NOT NULL");
    let used = used.bind(signed(now.0)).bind(factor).execute(tx).await?;
    Ok(used.rows_affected() == 1)
}
