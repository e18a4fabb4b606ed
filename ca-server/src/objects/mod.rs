//! The storage the log lives on: a small set of promises over named objects.
//!
//! Two backends ship, [`directory`] and [`s3`]; [`memory`] is the double the crash tests drive. All three pass
//! the suite in `tests/tests/objects`, one test for each MUST below. A store's word is not enough:
//! [`probe`] makes it prove these promises before a log is created on it and at every start.

use async_trait::async_trait;
use bytes::Bytes;

pub mod directory;
mod key;
pub mod memory;
pub mod probe;
pub mod s3;

/// What an object is to the log, and so how a store has to keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Commits events or carries a signature (`journal/`, `checkpoints/`): durable before the call returns, and
    /// under Object Lock where the store has it.
    Immutable,
    /// Can be rebuilt from the journal (`tile/`): need not be durable when the call returns, never locked.
    Derived,
}

/// How a create-only write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// The object is there and holds exactly the bytes given (by this call or, byte for byte, by an earlier one).
    Created,
    /// The object was there already and holds other bytes.
    Exists,
}

/// How a compare-and-swap ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Swap {
    /// The object holds the new bytes (by this call or, byte for byte, by an earlier one).
    Done(Etag),
    /// The object is no longer what the caller saw; nothing was changed.
    Lost,
}

/// A store's name for one version of an object's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Etag(pub String);

/// An object's bytes and the version they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// The bytes, whole.
    pub bytes: Bytes,
    /// Their version, for [`ObjectStore::replace_if`].
    pub etag: Etag,
}

/// What a store showed about Object Lock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockProof {
    /// Whether immutable objects are locked, shown by a version that could not be deleted.
    pub locked: bool,
    /// Set when a lock is configured and does not hold: what was seen. The store must not be used.
    pub broken: Option<String>,
    /// What the store does not enforce, though the log can live without it; to be shown to the operator.
    pub warnings: Vec<String>,
}

/// Why a store could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store did not answer, or answered that it cannot now; whether a write took place is unknown.
    #[error("the store is unavailable for {key}: {cause}")]
    Unavailable {
        /// The object asked for.
        key: String,
        /// What the store said.
        cause: String,
    },
    /// The store refused for a reason that asking again will not change (permission, configuration).
    #[error("the store refused {key}: {cause}")]
    Refused {
        /// The object asked for.
        key: String,
        /// What the store said.
        cause: String,
    },
}

/// Named objects, some of which can never change.
///
/// Keys are relative, `/`-separated, of `[a-z0-9._/-]`, without empty, `.` or `..` segments.
#[async_trait]
pub trait ObjectStore: Send + Sync + std::fmt::Debug + 'static {
    /// Creates an object that did not exist.
    ///
    /// MUST store all of the bytes or nothing; MUST let exactly one of any number of concurrent creators of
    /// different bytes win; MUST answer `Created` when the object already holds these very bytes (a retry after a
    /// lost reply is a success); MUST be durable on return for [`Class::Immutable`].
    async fn put_new(&self, key: &str, bytes: Bytes, class: Class) -> Result<Put, StoreError>;

    /// Reads an object, or `None` where there is none.
    ///
    /// MUST see every write that was answered before the call (read after write).
    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError>;

    /// Lists up to `limit` keys that start with `prefix` and sort after `after`, in byte order.
    ///
    /// MUST see every write that was answered before the call.
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, StoreError>;

    /// Replaces an object if it is still the version `expected` (`None`: if it does not exist).
    ///
    /// MUST let exactly one of any number of concurrent callers with the same `expected` win. Only the log's
    /// `checkpoint` is written so.
    async fn replace_if(&self, key: &str, bytes: Bytes, expected: Option<&Etag>) -> Result<Swap, StoreError>;

    /// Proves, on the probe key given, what this store promises beyond this trait: that a locked object stays.
    ///
    /// A store without lock promises nothing, which is the default.
    async fn prove_lock(&self, key: &str) -> Result<LockProof, StoreError> {
        let _ = key;
        Ok(LockProof::default())
    }
}
