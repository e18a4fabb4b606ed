//! The server's state in a database; every line of SQL is in this folder.
//!
//! `SQLite` for now. PostgreSQL comes later behind the same methods: each is one statement or one short transaction
//! that takes what it changes by a condition, and none relies on there being a single process.

mod api_keys;
mod approvals;
mod ceremonies;
mod challenges;
mod devices;
mod factors;
mod failures;
mod invitations;
mod meta;
mod notices;
mod recoveries;
mod recovery;
mod requests;
mod revocation;
mod sealed;
mod sessions;
mod signing_keys;
mod sms;
mod users;
mod vouchers;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Sqlite, Transaction};

pub use api_keys::{ApiKeyRow, NewApiKey};
pub use approvals::{Given, NewApproval, NewVote, SignedRow};
pub use ceremonies::{AssertedFactor, CeremonyKey, CeremonyRow};
pub use challenges::{ChallengeRow, LoginOutcome, PassedFactor, Proof};
pub use devices::{Device, NewDevice};
pub use factors::{NewFactor, Removal, StoredFactor, authenticator};
pub use failures::{Failures, TypedName};
pub use invitations::Acceptance;
pub use notices::{NewNotice, Notice};
pub use recoveries::{NewRecovery, RecoveryRow, RecoveryState};
pub use recovery::RecoveryHash;
pub use requests::{Closed, RequestRow, RequestState, WaitLimits};
pub use revocation::{IndexChange, IndexPlace, KrlRow, RevocationRow, Which};
pub use sealed::{SealPlace, SealRow};
pub use sessions::{NewSessionRow, SessionRow};
pub use signing_keys::SigningKeyRow;
pub use sms::{CodeTag, SentCode};
pub use users::{Credentials, NewUser, User};
pub use vouchers::{NewSeal, SealKept, VoucherRow};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations/sqlite");

/// How many connections read; they never wait for the one that writes.
const READERS: u32 = 4;

/// How long an operation waits for its connection, or for another process that writes.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why the state cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database does not do what it was asked.
    #[error("the database fails: {0}")]
    Database(#[from] sqlx::Error),
    /// The database cannot be brought to this version's schema.
    #[error("the database cannot be migrated: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A newer server has migrated the database.
    #[error(
        "the database has schema {found}, and this server knows {known}: run the newer server, or restore the backup made before the upgrade"
    )]
    SchemaTooNew {
        /// The schema found.
        found: i64,
        /// The newest schema this server knows.
        known: i64,
    },
    /// The file cannot be created.
    #[error("the database file cannot be opened: {0}")]
    File(#[from] std::io::Error),
    /// A row does not hold what the schema says.
    #[error("the database holds a {what} that cannot be read")]
    Corrupt {
        /// Which value.
        what: &'static str,
    },
    /// The account's name or address is taken.
    #[error("an account of that name or e-mail address exists")]
    Taken,
    /// The API key's label is taken.
    #[error("the account has an API key of that label")]
    ApiKeyTaken,
    /// The key is somebody's already, or its label is taken.
    #[error("this key is registered already, or the account has one of that label")]
    SigningKeyTaken,
    /// The factor's label is taken, or the token is another account's.
    #[error("the account has a factor of that label, or the token belongs to another account")]
    FactorTaken,
}

/// The database: one connection that writes, and a few that read.
///
/// With several writers `SQLite` makes each wait for the others by polling, and the slowest wait seconds; with one, they
/// queue in order.
#[derive(Clone, Debug)]
pub struct Store {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Store {
    /// Opens the database file, creates it for its owner alone if it is missing, and migrates it.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        // SQLite gives the -wal and -shm files the mode of this one.
        OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(PATIENCE)
            .foreign_keys(true);
        // Connections to a file need not be renewed. Without a lifetime the pool starts no task that renews them, which has
        // been seen to spin for ever while a pool that was just opened is closed (sqlx 0.9.0).
        let pool =
            || SqlitePoolOptions::new().acquire_timeout(PATIENCE).idle_timeout(None).max_lifetime(None);
        let writer = pool().max_connections(1).connect_with(options.clone()).await?;
        migrate(&writer).await?;
        let readers = pool().max_connections(READERS).connect_with(options.read_only(true)).await?;
        Ok(Self { writer, readers })
    }

    /// Closes the database, so that the file alone holds everything.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Begins a transaction that holds the write lock from the start: what it reads stays true until it commits.
    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }
}

/// Migrates forward only; a database of a newer server is refused before anything is touched.
async fn migrate(writer: &SqlitePool) -> Result<(), StoreError> {
    let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
    let migrated: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = '_sqlx_migrations')")
            .fetch_one(writer)
            .await?;
    if migrated {
        let found: i64 = sqlx::query_scalar("SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations")
            .fetch_one(writer)
            .await?;
        if found > known {
            return Err(StoreError::SchemaTooNew { found, known });
        }
    }
    Ok(MIGRATIONS.run(writer).await?)
}

/// Takes an unsigned number to the database, which has only signed ones; nothing we count or date comes near the limit.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Takes a number from the database; a negative one is none we stored.
fn unsigned(number: i64, what: &'static str) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| StoreError::Corrupt { what })
}
