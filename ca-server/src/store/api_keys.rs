//! API keys, by the hash of their token.

use ca_core::names::Label;
use ca_core::policy::KeyScope;
use ca_core::time::UnixSeconds;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{Store, StoreError, User, signed, unsigned, users};
use crate::login::TokenHash;

/// An API key to be.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// Its ULID.
    pub id: String,
    /// The hash of its token.
    pub token: TokenHash,
    /// What its owner calls it; no two of an account are called the same.
    pub label: Label,
    /// What it may be used for.
    pub scope: KeyScope,
}

/// An API key as it is stored.
#[derive(Clone, Debug)]
pub struct ApiKeyRow {
    /// Its ULID.
    pub id: String,
    /// What its owner calls it.
    pub label: Label,
    /// What it may be used for.
    pub scope: KeyScope,
    /// When it was used last; up to a minute old.
    pub last_used_at: Option<UnixSeconds>,
}

impl Store {
    /// Adds an API key to an account.
    pub async fn add_api_key(
        &self,
        user_id: &str,
        key: &NewApiKey,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        let scope =
            serde_json::to_string(&key.scope).map_err(|_| StoreError::Corrupt { what: "scope of a key" })?;
        let added = sqlx::query(
            "INSERT INTO api_keys (id, token_hash, user_id, label, scope, created_at) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(&key.id)
        .bind(key.token.as_slice())
        .bind(user_id)
        .bind(key.label.as_str())
        .bind(scope)
        .bind(signed(now.0))
        .execute(&self.writer)
        .await;
        match added {
            Err(sqlx::Error::Database(cause)) if cause.is_unique_violation() => Err(StoreError::ApiKeyTaken),
            other => Ok(other.map(drop)?),
        }
    }

    /// Gives the API keys of an account, the oldest first.
    pub async fn api_keys(&self, user_id: &str) -> Result<Vec<ApiKeyRow>, StoreError> {
        let rows =
            sqlx::query("SELECT id, label, scope, last_used_at FROM api_keys WHERE user_id = ? ORDER BY id")
                .bind(user_id)
                .fetch_all(&self.readers)
                .await?;
        rows.iter().map(parse).collect()
    }

    /// Finds the key that a token is, and its account.
    pub async fn api_key(&self, token: TokenHash) -> Result<Option<(User, ApiKeyRow)>, StoreError> {
        let row = sqlx::query(
            "SELECT k.id AS key_id, k.label, k.scope, k.last_used_at,
                    u.id, u.name, u.email, u.groups, u.disabled_at, u.person, u.reduced_until
             FROM api_keys k JOIN users u ON u.id = k.user_id WHERE k.token_hash = ?",
        )
        .bind(token.as_slice())
        .fetch_optional(&self.readers)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let key = ApiKeyRow { id: row.try_get("key_id")?, ..parse(&row)? };
        Ok(Some((users::parse_user(&row)?, key)))
    }

    /// Notes that a key was used.
    pub async fn touch_api_key(&self, id: &str, now: UnixSeconds) -> Result<(), StoreError> {
        sqlx::query("UPDATE api_keys SET last_used_at = ? WHERE id = ?")
            .bind(signed(now.0))
            .bind(id)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Deletes a key of an account, with what it asked for that waits; false when it is not there any more.
    pub async fn remove_api_key(&self, user_id: &str, id: &str) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let removed = sqlx::query("DELETE FROM api_keys WHERE user_id = ? AND id = ?")
            .bind(user_id)
            .bind(id)
            .execute(&mut *tx)
            .await?;
        super::requests::close_all_of_key(&mut tx, id).await?;
        tx.commit().await?;
        Ok(removed.rows_affected() == 1)
    }
}

fn parse(row: &SqliteRow) -> Result<ApiKeyRow, StoreError> {
    let corrupt = |what| StoreError::Corrupt { what };
    let scope: String = row.try_get("scope")?;
    let used: Option<i64> = row.try_get("last_used_at")?;
    Ok(ApiKeyRow {
        id: row.try_get("id")?,
        label: row.try_get::<String, _>("label")?.try_into().map_err(|_| corrupt("label"))?,
        scope: serde_json::from_str(&scope).map_err(|_| corrupt("scope of a key"))?,
        last_used_at: used.map(|at| unsigned(at, "key time").map(UnixSeconds)).transpose()?,
    })
}
