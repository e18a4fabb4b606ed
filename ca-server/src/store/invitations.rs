//! Accounts that wait for their owner.

use ca_core::time::UnixSeconds;
use sqlx::Row;

use super::{RecoveryHash, Store, StoreError, User, signed, users};
use crate::factors::password::PasswordHash;
use crate::login::{AccountName, TokenHash};

/// What the owner of a new account brings.
#[derive(Clone, Debug)]
pub struct Acceptance<'a> {
    /// The hash of the password.
    pub password: &'a PasswordHash,
    /// The factor that was shown to work.
    pub factor: &'a str,
    /// The counter it showed.
    pub counter: u64,
    /// The hashes of the recovery codes.
    pub recovery: &'a [RecoveryHash],
}

impl Store {
    /// Makes an account without password or factor, or finds one that still waits, and keeps a new invitation to it.
    pub async fn invite(
        &self,
        user: &User,
        token: TokenHash,
        expires_at: UnixSeconds,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        users::insert(&mut tx, user, now).await?;
        sqlx::query("INSERT INTO invitations (token_hash, user_id, expires_at) VALUES (?, ?, ?)")
            .bind(token.as_slice())
            .bind(&user.id)
            .bind(signed(expires_at.0))
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Keeps an invitation to an account that waits for its owner, in place of all before; false when it does not wait.
    pub async fn invite_again(
        &self,
        user_id: &str,
        token: TokenHash,
        expires_at: UnixSeconds,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let delete = sqlx::query("DELETE FROM invitations WHERE user_id = ?");
        delete.bind(user_id).execute(&mut *tx).await?;
        let kept = sqlx::query(
            "INSERT INTO invitations (token_hash, user_id, expires_at)
             SELECT ?1, ?2, ?3 WHERE NOT EXISTS (SELECT 1 FROM passwords WHERE user_id = ?2)",
        )
        .bind(token.as_slice())
        .bind(user_id)
        .bind(signed(expires_at.0))
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(kept.rows_affected() == 1)
    }

    /// Finds who an invitation is for, if it is good still.
    pub async fn invited(&self, token: TokenHash, now: UnixSeconds) -> Result<Option<User>, StoreError> {
        let row = sqlx::query(
            "SELECT u.id, u.name, u.email, u.groups, u.disabled_at, u.person, u.reduced_until FROM invitations i
             JOIN users u ON u.id = i.user_id WHERE i.token_hash = ? AND i.expires_at > ?",
        )
        .bind(token.as_slice())
        .bind(signed(now.0))
        .fetch_optional(&self.readers)
        .await?;
        row.as_ref().map(users::parse_user).transpose()
    }

    /// Uses an invitation up and gives the account what its owner brings; of any number of takers one gets it.
    pub async fn accept_invitation(
        &self,
        token: TokenHash,
        user_id: &str,
        brought: &Acceptance<'_>,
        now: UnixSeconds,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let used =
            sqlx::query("DELETE FROM invitations WHERE token_hash = ? AND user_id = ? AND expires_at > ?")
                .bind(token.as_slice())
                .bind(user_id)
                .bind(signed(now.0))
                .execute(&mut *tx)
                .await?;
        let confirmed = sqlx::query(
            "UPDATE factors SET confirmed_at = ?, counter = ?
             WHERE id = ? AND user_id = ? AND confirmed_at IS NULL AND counter < ?",
        )
        .bind(signed(now.0))
        .bind(signed(brought.counter))
        .bind(brought.factor)
        .bind(user_id)
        .bind(signed(brought.counter))
        .execute(&mut *tx)
        .await?;
        if used.rows_affected() != 1 || confirmed.rows_affected() != 1 {
            return Ok(false);
        }
        users::set_password(&mut tx, user_id, brought.password, now).await?;
        super::recovery::replace(&mut tx, user_id, brought.recovery).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Finds an account by name or address, whether its owner has taken it over or not.
    pub async fn user(&self, name: &AccountName) -> Result<Option<User>, StoreError> {
        const QUERY: &str = "SELECT id, name, email, groups, disabled_at, person, reduced_until FROM users";
        let query = match name {
            AccountName::User(name) => sqlx::query(sqlx::AssertSqlSafe(format!("{QUERY} WHERE name = ?")))
                .bind(name.as_str().to_owned()),
            AccountName::Email(email) => sqlx::query(sqlx::AssertSqlSafe(format!("{QUERY} WHERE email = ?")))
                .bind(email.as_str().to_owned()),
        };
        query.fetch_optional(&self.readers).await?.as_ref().map(users::parse_user).transpose()
    }

    /// Tells whether an account waits for its owner still.
    pub async fn is_waiting(&self, user_id: &str) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT NOT EXISTS (SELECT 1 FROM passwords WHERE user_id = ?) AS waits");
        Ok(row.bind(user_id).fetch_one(&self.readers).await?.try_get("waits")?)
    }

    /// Deletes invitations that are over.
    pub async fn sweep_invitations(&self, now: UnixSeconds) -> Result<(), StoreError> {
        let query = sqlx::query("DELETE FROM invitations WHERE expires_at <= ?");
        query.bind(signed(now.0)).execute(&self.writer).await?;
        Ok(())
    }
}
