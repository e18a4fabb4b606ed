//! Objects as files in one folder: the store a single machine needs nothing else for.
//!
//! A file appears under its name by `link` from a temporary one, which the file system lets one caller do and
//! which shows readers all of the bytes or nothing. Every path is resolved from the folder that was opened, so a
//! volume unmounted underneath fails instead of showing an empty log.
//!
//! After a power cut a [`Class::Derived`] object may be found empty or in part: it was never flushed. Writing it
//! again mends it (see [`write`]).

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::{Class, Etag, Object, ObjectStore, Put, StoreError, Swap, key};

mod fault;
mod folder;
mod list;
mod swap;
mod sweep;
mod temp;
mod torn;
mod write;

use folder::Folder;

/// The store in one folder of the local file system.
#[derive(Clone, Debug)]
pub struct Directory {
    folder: Arc<Folder>,
}

impl Directory {
    /// Opens a folder that exists; blocks for as long as a few file operations take.
    ///
    /// A folder that is missing is refused, not made: a volume that failed to mount must not become a new log.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let folder = Arc::new(Folder::open(root)?);
        sweep::leftovers(root);
        Ok(Self { folder })
    }

    /// Makes the folder and its parents where they are missing, and opens it.
    pub fn create(root: &Path) -> Result<Self, StoreError> {
        Folder::make(root)?;
        Self::open(root)
    }

    /// Runs one whole operation on a thread that may block; a thread switch for each system call would cost more
    /// than the calls.
    async fn blocking<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce(&Folder, &str) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (folder, owned) = (Arc::clone(&self.folder), name.to_owned());
        tokio::task::spawn_blocking(move || work(&folder, &owned)).await.unwrap_or_else(|stopped| {
            Err(StoreError::Unavailable { key: name.to_owned(), cause: stopped.to_string() })
        })
    }
}

#[async_trait]
impl ObjectStore for Directory {
    async fn put_new(&self, key: &str, bytes: Bytes, class: Class) -> Result<Put, StoreError> {
        key::check(key)?;
        self.blocking(key, move |folder, key| write::put_new(folder, key, &bytes, class)).await
    }

    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        key::check(key)?;
        self.blocking(key, |folder, key| {
            let bytes = folder.read(key)?;
            Ok(bytes.map(|bytes| Object { etag: swap::etag(&bytes), bytes: bytes.into() }))
        })
        .await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, StoreError> {
        key::check_prefix(prefix)?;
        let after = after.unwrap_or_default().to_owned();
        self.blocking(prefix, move |folder, prefix| list::list(folder, prefix, &after, limit)).await
    }

    async fn replace_if(&self, key: &str, bytes: Bytes, expected: Option<&Etag>) -> Result<Swap, StoreError> {
        key::check(key)?;
        let expected = expected.cloned();
        self.blocking(key, move |folder, key| swap::replace_if(folder, key, &bytes, expected.as_ref())).await
    }
}
