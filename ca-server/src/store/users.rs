//! Accounts and their passwords.

use std::collections::BTreeSet;

use ca_core::names::{Email, GroupName, PersonName, UserName};
use ca_core::time::UnixSeconds;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{NewFactor, Store, StoreError, signed, unsigned};
use crate::factors::password::PasswordHash;
use crate::login::AccountName;

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The ULID that rows refer to; it never changes.
    pub id: String,
    /// The canonical name.
    pub name: UserName,
    /// The canonical address.
    pub email: Email,
    /// The groups the policy speaks of.
    pub groups: BTreeSet<GroupName>,
    /// Whether the account works.
    pub enabled: bool,
    /// Whose account it is, when that is not somebody of its own name (A1).
    pub person: Option<PersonName>,
    /// Until when it can do less after it was recovered, past or not.
    pub reduced_until: Option<UnixSeconds>,
}

/// An account with what checks its password.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The account.
    pub user: User,
    /// The hash of its password.
    pub password: PasswordHash,
}

/// An account to be.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Who.
    pub user: User,
    /// The hash of the password.
    pub password: PasswordHash,
    /// The first factor.
    pub factor: NewFactor,
}

const USER: &str = "SELECT u.id, u.name, u.email, u.groups, u.disabled_at, u.person, u.reduced_until, p.phc
                    FROM users u JOIN passwords p ON p.user_id = u.id WHERE u.name = ?";
const USER_BY_EMAIL: &str =
    "SELECT u.id, u.name, u.email, u.groups, u.disabled_at, u.person, u.reduced_until, p.phc
                             FROM users u JOIN passwords p ON p.user_id = u.id WHERE u.email = ?";

impl Store {
    /// Finds an account by its name or address.
    pub async fn credentials(&self, name: &AccountName) -> Result<Option<Credentials>, StoreError> {
        let query = match name {
            AccountName::User(name) => sqlx::query(USER).bind(name.as_str().to_owned()),
            AccountName::Email(email) => sqlx::query(USER_BY_EMAIL).bind(email.as_str().to_owned()),
        };
        let Some(row) = query.fetch_optional(&self.readers).await? else { return Ok(None) };
        let password = PasswordHash::from_phc(row.try_get("phc")?)
            .map_err(|_| StoreError::Corrupt { what: "password hash" })?;
        Ok(Some(Credentials { user: parse_user(&row)?, password }))
    }

    /// Gives all accounts, by name.
    pub async fn users(&self) -> Result<Vec<User>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, name, email, groups, disabled_at, person, reduced_until FROM users ORDER BY name",
        )
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(parse_user).collect()
    }

    /// Creates an account with its password and first factor, all or nothing.
    pub async fn add_user(&self, new: &NewUser, now: UnixSeconds) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        insert(&mut tx, &new.user, now).await?;
        set_password(&mut tx, &new.user.id, &new.password, now).await?;
        super::factors::insert(&mut tx, &new.user.id, &new.factor, Some(now), now).await?;
        Ok(tx.commit().await?)
    }

    /// Disables or enables an account; disabling ends its sessions, logins under way, requests that wait and its recovery.
    pub async fn set_enabled(
        &self,
        user_id: &str,
        enabled: bool,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE users SET disabled_at = ? WHERE id = ?")
            .bind((!enabled).then_some(signed(now.0)))
            .bind(user_id)
            .execute(&mut *tx)
            .await?;
        if !enabled {
            super::sessions::end_all(&mut tx, user_id).await?;
            super::devices::forget_all(&mut tx, user_id).await?;
            super::requests::close_all_of(&mut tx, user_id).await?;
            super::recoveries::close_all_of(&mut tx, user_id).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Gives an account a new password and a new factor in place of everything that opened it.
    pub async fn replace_credentials(
        &self,
        user_id: &str,
        password: &PasswordHash,
        factor: &NewFactor,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        take_away(&mut tx, user_id).await?;
        super::recoveries::close_all_of(&mut tx, user_id).await?;
        super::factors::insert(&mut tx, user_id, factor, Some(now), now).await?;
        set_password(&mut tx, user_id, password, now).await?;
        Ok(tx.commit().await?)
    }

    /// Gives an account a new password, and ends every session but `session`.
    pub async fn change_password(
        &self,
        user_id: &str,
        password: &PasswordHash,
        session: &str,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        set_password(&mut tx, user_id, password, now).await?;
        super::sessions::end_others(&mut tx, user_id, session).await?;
        Ok(tx.commit().await?)
    }

    /// Stores the same password hashed with newer parameters, unless it was changed in the meantime.
    pub async fn rehash_password(
        &self,
        user_id: &str,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE passwords SET phc = ? WHERE user_id = ? AND phc = ?")
            .bind(new.as_str())
            .bind(user_id)
            .bind(old.as_str())
            .execute(&self.writer)
            .await?;
        Ok(())
    }
}

/// Takes everything from an account that opens it, or that somebody who had opened it left behind.
pub(super) async fn take_away(tx: &mut sqlx::SqliteConnection, user_id: &str) -> Result<(), StoreError> {
    super::factors::remove_all(tx, user_id).await?;
    super::sessions::end_all(tx, user_id).await?;
    super::devices::forget_all(tx, user_id).await?;
    super::requests::close_all_of(tx, user_id).await?;
    for table in ["passwords", "api_keys", "signing_keys", "invitations"] {
        let query = format!("DELETE FROM {table} WHERE user_id = ?");
        sqlx::query(sqlx::AssertSqlSafe(query)).bind(user_id).execute(&mut *tx).await?;
    }
    Ok(())
}

/// Adds the row of an account.
pub(super) async fn insert(
    tx: &mut sqlx::SqliteConnection,
    user: &User,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    let groups =
        serde_json::to_string(&user.groups).map_err(|_| StoreError::Corrupt { what: "list of groups" })?;
    sqlx::query("INSERT INTO users (id, name, email, groups, person, created_at) VALUES (?, ?, ?, ?, ?, ?)")
        .bind(&user.id)
        .bind(user.name.as_str())
        .bind(user.email.as_str())
        .bind(groups)
        .bind(user.person.as_ref().map(PersonName::as_str))
        .bind(signed(now.0))
        .execute(tx)
        .await
        .map_err(taken)?;
    Ok(())
}

/// Stores a password; forgets the failures of the one before, and the devices it was typed on.
pub(super) async fn set_password(
    tx: &mut sqlx::SqliteConnection,
    user_id: &str,
    password: &PasswordHash,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO passwords (user_id, phc, changed_at) VALUES (?, ?, ?)
         ON CONFLICT (user_id) DO UPDATE SET phc = excluded.phc, changed_at = excluded.changed_at",
    )
    .bind(user_id)
    .bind(password.as_str())
    .bind(signed(now.0))
    .execute(&mut *tx)
    .await?;
    sqlx::query("DELETE FROM failures WHERE authenticator = 'password/' || ?")
        .bind(user_id)
        .execute(&mut *tx)
        .await?;
    super::devices::forget_all(tx, user_id).await
}

/// Reads the columns `id`, `name`, `email`, `groups`, `disabled_at`, `person` and `reduced_until`.
pub(super) fn parse_user(row: &SqliteRow) -> Result<User, StoreError> {
    let corrupt = |what| StoreError::Corrupt { what };
    let groups: String = row.try_get("groups")?;
    let person: Option<String> = row.try_get("person")?;
    let reduced: Option<i64> = row.try_get("reduced_until")?;
    Ok(User {
        id: row.try_get("id")?,
        name: row.try_get::<String, _>("name")?.try_into().map_err(|_| corrupt("user name"))?,
        email: row.try_get::<String, _>("email")?.try_into().map_err(|_| corrupt("e-mail address"))?,
        groups: serde_json::from_str(&groups).map_err(|_| corrupt("list of groups"))?,
        enabled: row.try_get::<Option<i64>, _>("disabled_at")?.is_none(),
        person: person.map(PersonName::try_from).transpose().map_err(|_| corrupt("person"))?,
        reduced_until: reduced.map(|at| unsigned(at, "time").map(UnixSeconds)).transpose()?,
    })
}

fn taken(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(cause) if cause.is_unique_violation() => StoreError::Taken,
        other => other.into(),
    }
}
