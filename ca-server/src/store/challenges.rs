//! Logins between the password and the factor, and their one commit.

use std::net::IpAddr;

use ca_core::policy::Purpose;
use ca_core::time::UnixSeconds;
use sqlx::{Row, SqliteConnection};

use super::ceremonies::{self, AssertedFactor};
use super::recovery::{self, RecoveryHash};
use super::sms::{self, CodeTag};
use super::{Store, StoreError, User, factors, sessions, signed, users};
use crate::login::TokenHash;

/// A login whose password was right.
#[derive(Clone, Debug)]
pub struct ChallengeRow {
    /// Whose login it is.
    pub user: User,
    /// What the session is to be for.
    pub purpose: Purpose,
    /// The only address the factor may come from.
    pub source: IpAddr,
    /// The known device it was begun on.
    pub device: Option<String>,
}

/// A factor that was shown, as the database needs to know it.
#[derive(Clone, Debug)]
pub struct PassedFactor<'a> {
    /// What is used up with it.
    pub proof: Proof<'a>,
    /// The authenticator whose failures are over.
    pub authenticator: &'a str,
    /// Authenticators that were tried with the same code in vain.
    pub refunds: &'a [String],
}

/// What a shown factor uses up, so that it is good once.
#[derive(Clone, Copy, Debug)]
pub enum Proof<'a> {
    /// A time step or counter, above all before.
    Counter {
        /// The factor's ULID.
        factor: &'a str,
        /// The step or counter.
        counter: u64,
    },
    /// A code that was sent.
    Sms {
        /// What it was sent for.
        purpose: &'a str,
        /// Its keyed hash.
        tag: &'a CodeTag,
    },
    /// An assertion, with what came of its ceremony.
    Assertion {
        /// The factor's ULID.
        factor: &'a str,
        /// What is taken over.
        asserted: &'a AssertedFactor,
    },
    /// A recovery code.
    Recovery {
        /// Whose it is.
        user_id: &'a str,
        /// Its hash.
        hash: &'a RecoveryHash,
    },
}

/// What became of a right code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginOutcome {
    /// The proof and the challenge were taken.
    Accepted,
    /// The proof, or a later one, was taken before; the challenge is untouched.
    ProofUsed,
    /// The challenge was used or has expired; the proof is taken all the same.
    ChallengeUsed,
}

impl Store {
    /// Ends the failures of a password, and of the name it was shown with, and opens a challenge for the factor.
    pub async fn open_challenge(
        &self,
        counters: &[String],
        token: TokenHash,
        challenge: &ChallengeRow,
        expires_at: UnixSeconds,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for counter in counters {
            super::failures::forget(&mut tx, counter).await?;
        }
        sqlx::query("INSERT INTO challenges (token_hash, user_id, purpose, source, device, expires_at) VALUES (?, ?, ?, ?, ?, ?)")
            .bind(token.as_slice())
            .bind(&challenge.user.id)
            .bind(challenge.purpose.to_string())
            .bind(challenge.source.to_string())
            .bind(challenge.device.as_deref())
            .bind(signed(expires_at.0))
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Finds a challenge that is neither used nor expired.
    pub async fn challenge(
        &self,
        token: TokenHash,
        now: UnixSeconds,
    ) -> Result<Option<ChallengeRow>, StoreError> {
        let row = sqlx::query(
            "SELECT u.id, u.name, u.email, u.groups, u.disabled_at, u.person, u.reduced_until, c.purpose, c.source, c.device
             FROM challenges c JOIN users u ON u.id = c.user_id
             WHERE c.token_hash = ? AND c.used_at IS NULL AND c.expires_at > ?",
        )
        .bind(token.as_slice())
        .bind(signed(now.0))
        .fetch_optional(&self.readers)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let source: String = row.try_get("source")?;
        let source = source.parse().map_err(|_| StoreError::Corrupt { what: "source address" })?;
        Ok(Some(ChallengeRow {
            user: users::parse_user(&row)?,
            purpose: sessions::parse_purpose(&row)?,
            source,
            device: row.try_get("device")?,
        }))
    }

    /// Takes the proof, then the challenge, and ends the factor's failures, in one transaction.
    ///
    /// A proof is taken even when the challenge is not: a code that was right once is never right again.
    pub async fn pass_challenge(
        &self,
        token: TokenHash,
        factor: &PassedFactor<'_>,
        now: UnixSeconds,
    ) -> Result<LoginOutcome, StoreError> {
        let mut tx = self.begin().await?;
        if !take(&mut tx, factor.proof, now).await? {
            return Ok(LoginOutcome::ProofUsed);
        }
        let used = sqlx::query(
            "UPDATE challenges SET used_at = ? WHERE token_hash = ? AND used_at IS NULL AND expires_at > ?",
        )
        .bind(signed(now.0))
        .bind(token.as_slice())
        .bind(signed(now.0))
        .execute(&mut *tx)
        .await?;
        sqlx::query("DELETE FROM failures WHERE authenticator = ?")
            .bind(factor.authenticator)
            .execute(&mut *tx)
            .await?;
        for authenticator in factor.refunds {
            sqlx::query("UPDATE failures SET count = count - 1 WHERE authenticator = ? AND count > 0")
                .bind(authenticator)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(if used.rows_affected() == 1 { LoginOutcome::Accepted } else { LoginOutcome::ChallengeUsed })
    }

    /// Deletes challenges that expired.
    pub async fn sweep_challenges(&self, now: UnixSeconds) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM challenges WHERE expires_at <= ?")
            .bind(signed(now.0))
            .execute(&self.writer)
            .await?;
        Ok(())
    }
}

async fn take(tx: &mut SqliteConnection, proof: Proof<'_>, now: UnixSeconds) -> Result<bool, StoreError> {
    match proof {
        Proof::Counter { factor, counter } => factors::take_counter(tx, factor, counter, now).await,
        Proof::Sms { purpose, tag } => sms::take(tx, purpose, tag, now).await,
        Proof::Assertion { factor, asserted } => ceremonies::take_assertion(tx, factor, asserted, now).await,
        Proof::Recovery { user_id, hash } => recovery::take(tx, user_id, hash, now).await,
    }
}
