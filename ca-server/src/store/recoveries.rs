//! Recoveries of accounts, and what officers said to them.
//!
//! Each step is one conditional statement or transaction: of all who would take a recovery further, one does.

use ca_core::log::event::What;
use ca_core::names::RecoveryId;
use ca_core::time::UnixSeconds;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::approvals::insert_vote;
use super::requests::{from_json, to_json};
use super::{Given, NewVote, Store, StoreError, User, signed, unsigned, users};

/// How far a recovery has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecoveryState {
    /// It waits for signatures.
    Open,
    /// It has them, and its waiting period runs or is over.
    Due,
    /// It is being recorded that the account is taken and given back.
    Finishing,
    /// The account is its owner's again, or waits for them.
    Finished,
    /// It has ended, which is still to be recorded.
    Closing,
    /// It has ended.
    Closed,
}

impl RecoveryState {
    const ALL: [Self; 6] =
        [Self::Open, Self::Due, Self::Finishing, Self::Finished, Self::Closing, Self::Closed];

    /// Gives its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Due => "due",
            Self::Finishing => "finishing",
            Self::Finished => "finished",
            Self::Closing => "closing",
            Self::Closed => "closed",
        }
    }
}

/// A recovery to be.
#[derive(Clone, Copy, Debug)]
pub struct NewRecovery<'a> {
    /// Its identity.
    pub id: RecoveryId,
    /// The account.
    pub user_id: &'a str,
    /// How many people have to sign.
    pub needed: u8,
    /// When it is too late to sign.
    pub expires_at: UnixSeconds,
}

/// A recovery as it is stored, with the account as it is now.
#[derive(Clone, Debug)]
pub struct RecoveryRow {
    /// Its identity.
    pub id: RecoveryId,
    /// The account.
    pub user: User,
    /// How far it has come.
    pub state: RecoveryState,
    /// How many people have to sign.
    pub needed: u8,
    /// When it was opened.
    pub opened_at: UnixSeconds,
    /// When it is too late for the next step.
    pub expires_at: UnixSeconds,
    /// When the waiting period began, and when it ends.
    pub due: Option<(UnixSeconds, UnixSeconds)>,
    /// Whether the owner was warned again before its end.
    pub reminded: bool,
    /// Until when the account can do less.
    pub reduced_until: Option<UnixSeconds>,
    /// Why it ended.
    pub outcome: Option<String>,
    /// What is to be recorded next.
    pub event: Option<What>,
}

const SELECT: &str =
    "SELECT r.id AS recovery_id, r.state, r.needed, r.opened_at, r.expires_at, r.due_since, r.due_until,
        r.reminded, r.reduced_until AS recovery_reduced_until, r.outcome, r.event,
        u.id, u.name, u.email, u.groups, u.disabled_at, u.person, u.reduced_until
    FROM recoveries r JOIN users u ON u.id = r.user_id";

impl Store {
    /// Keeps a recovery with its first vote; false when the account has one, or the id was used.
    pub async fn add_recovery(&self, new: NewRecovery<'_>, vote: NewVote<'_>) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let added = sqlx::query(
            "INSERT INTO recoveries (id, user_id, state, needed, opened_at, expires_at)
             VALUES (?, ?, 'open', ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(new.id.to_string())
        .bind(new.user_id)
        .bind(new.needed)
        .bind(signed(vote.at.0))
        .bind(signed(new.expires_at.0))
        .execute(&mut *tx)
        .await?;
        if added.rows_affected() != 1 || insert_vote(&mut *tx, vote).await? != Given::Kept {
            return Ok(false);
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Finds a recovery.
    pub async fn recovery(&self, id: RecoveryId) -> Result<Option<RecoveryRow>, StoreError> {
        let query = sqlx::query(sqlx::AssertSqlSafe(format!("{SELECT} WHERE r.id = ?")));
        // Asked right after it was changed, so of the connection that changes.
        query.bind(id.to_string()).fetch_optional(&self.writer).await?.as_ref().map(parse).transpose()
    }

    /// Gives the last recoveries, the newest first.
    pub async fn recoveries(&self) -> Result<Vec<RecoveryRow>, StoreError> {
        self.select_recoveries("ORDER BY r.id DESC LIMIT 100").await
    }

    /// Gives the recoveries that are not over, the oldest first.
    pub async fn open_recoveries(&self) -> Result<Vec<RecoveryRow>, StoreError> {
        self.select_recoveries("WHERE r.state IN ('open', 'due', 'finishing', 'closing') ORDER BY r.id").await
    }

    async fn select_recoveries(&self, which: &str) -> Result<Vec<RecoveryRow>, StoreError> {
        let query = format!("{SELECT} {which}");
        let rows = sqlx::query(sqlx::AssertSqlSafe(query)).fetch_all(&self.readers).await?;
        rows.iter().map(parse).collect()
    }

    /// Begins the waiting period of a recovery that waits for signatures.
    pub async fn begin_wait(
        &self,
        id: RecoveryId,
        (since, until): (UnixSeconds, UnixSeconds),
        expires_at: UnixSeconds,
    ) -> Result<bool, StoreError> {
        let begun = sqlx::query(
            "UPDATE recoveries SET state = 'due', due_since = ?, due_until = ?, expires_at = ?
             WHERE id = ? AND state = 'open'",
        )
        .bind(signed(since.0))
        .bind(signed(until.0))
        .bind(signed(expires_at.0))
        .bind(id.to_string())
        .execute(&self.writer)
        .await?;
        Ok(begun.rows_affected() == 1)
    }

    /// Notes that the owner was warned again.
    pub async fn reminded(&self, id: RecoveryId) -> Result<(), StoreError> {
        let query = sqlx::query("UPDATE recoveries SET reminded = 1 WHERE id = ?");
        query.bind(id.to_string()).execute(&self.writer).await?;
        Ok(())
    }

    /// Takes a recovery whose waiting period is over to be finished; one taker gets it.
    pub async fn claim_recovery(
        &self,
        id: RecoveryId,
        reduced_until: UnixSeconds,
        event: &What,
        now: UnixSeconds,
    ) -> Result<bool, StoreError> {
        let claimed = sqlx::query(
            "UPDATE recoveries SET state = 'finishing', reduced_until = ?, event = ?
             WHERE id = ? AND state = 'due' AND due_until <= ?
               AND EXISTS (SELECT 1 FROM users u WHERE u.id = user_id AND u.disabled_at IS NULL)",
        )
        .bind(signed(reduced_until.0))
        .bind(to_json(event)?)
        .bind(id.to_string())
        .bind(signed(now.0))
        .execute(&self.writer)
        .await?;
        Ok(claimed.rows_affected() == 1)
    }

    /// Takes everything that opens an account away from it, once it is recorded that it was recovered.
    pub async fn take_account(&self, id: RecoveryId) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let taken: Option<(String, i64)> = sqlx::query_as(
            "UPDATE recoveries SET state = 'finished', event = NULL WHERE id = ? AND state = 'finishing'
             RETURNING user_id, reduced_until",
        )
        .bind(id.to_string())
        .fetch_optional(&mut *tx)
        .await?;
        let Some((user_id, reduced_until)) = taken else { return Ok(false) };
        super::users::take_away(&mut tx, &user_id).await?;
        let query = sqlx::query("UPDATE users SET reduced_until = ? WHERE id = ?");
        query.bind(reduced_until).bind(&user_id).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Ends a recovery that is in a state; `event` is what is to be recorded of it.
    pub async fn end_recovery(
        &self,
        id: RecoveryId,
        from: RecoveryState,
        (outcome, event): (&str, &What),
    ) -> Result<bool, StoreError> {
        let ended = sqlx::query(
            "UPDATE recoveries SET state = 'closing', outcome = ?, event = ? WHERE id = ? AND state = ?",
        )
        .bind(outcome)
        .bind(to_json(event)?)
        .bind(id.to_string())
        .bind(from.as_str())
        .execute(&self.writer)
        .await?;
        Ok(ended.rows_affected() == 1)
    }

    /// Ends every recovery that is not finished; tells how many there were.
    pub async fn void_recoveries(&self) -> Result<u64, StoreError> {
        let query = sqlx::query(
            "UPDATE recoveries SET state = 'closing', outcome = 'void' WHERE state IN ('open', 'due')",
        );
        Ok(query.execute(&self.writer).await?.rows_affected())
    }

    /// Notes that the end of a recovery is recorded.
    pub async fn recovery_end_recorded(&self, id: RecoveryId) -> Result<(), StoreError> {
        let query = sqlx::query(
            "UPDATE recoveries SET state = 'closed', event = NULL WHERE id = ? AND state = 'closing'",
        );
        query.bind(id.to_string()).execute(&self.writer).await?;
        Ok(())
    }
}

/// Ends the recovery of an account, with the account.
pub(super) async fn close_all_of(tx: &mut SqliteConnection, user_id: &str) -> Result<(), StoreError> {
    let query = sqlx::query(
        "UPDATE recoveries SET state = 'closing', outcome = 'user-disabled'
         WHERE user_id = ? AND state IN ('open', 'due')",
    );
    query.bind(user_id).execute(tx).await?;
    Ok(())
}

fn parse(row: &SqliteRow) -> Result<RecoveryRow, StoreError> {
    let corrupt = |what| StoreError::Corrupt { what };
    let time = |at: i64| unsigned(at, "recovery time").map(UnixSeconds);
    let optional = |column| row.try_get::<Option<i64>, _>(column)?.map(time).transpose();
    let state: String = row.try_get("state")?;
    let event: Option<String> = row.try_get("event")?;
    Ok(RecoveryRow {
        id: row.try_get::<String, _>("recovery_id")?.parse().map_err(|_| corrupt("recovery id"))?,
        user: users::parse_user(row)?,
        state: RecoveryState::ALL
            .into_iter()
            .find(|known| known.as_str() == state)
            .ok_or(corrupt("recovery state"))?,
        needed: row.try_get("needed")?,
        opened_at: time(row.try_get("opened_at")?)?,
        expires_at: time(row.try_get("expires_at")?)?,
        due: optional("due_since")?.zip(optional("due_until")?),
        reminded: row.try_get("reminded")?,
        reduced_until: optional("recovery_reduced_until")?,
        outcome: row.try_get("outcome")?,
        event: event.map(|_| from_json(row, "event")).transpose()?,
    })
}
