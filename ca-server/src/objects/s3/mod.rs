//! Objects in an S3 bucket: Amazon's, or one that keeps the same promises.
//!
//! Create-only is `If-None-Match: *`, compare-and-swap is `If-Match`, and an immutable object carries its own
//! Object Lock retention, in compliance mode, from the moment it exists. Clones differ exactly here, so
//! [`super::probe`] comes before use.

use std::future::Future;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_sdk_s3::Client;
use bytes::Bytes;

use super::{Class, Etag, LockProof, Object, ObjectStore, Put, StoreError, Swap, key, probe};

mod client;
mod fault;
mod hidden;
mod list;
mod lock;
mod read;
mod write;

/// How long one operation may take with all of its retries, unless configured otherwise.
pub const DEADLINE: Duration = Duration::from_secs(10);
/// How long objects of a probe are locked: long enough to be refused a deletion, and then gone with a lifecycle rule.
const PROBE_RETENTION: Duration = Duration::from_mins(1);

/// Which bucket, and how to speak to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Config {
    /// The bucket's name.
    pub bucket: String,
    /// Put before every key, as it is: `ca/prod/`, or empty.
    pub prefix: String,
    /// The region requests are signed for.
    pub region: String,
    /// Another address than the region's own, as a URL.
    pub endpoint: Option<String>,
    /// Whether the bucket is named in the path instead of the host name, as most clones want.
    pub path_style: bool,
    /// How long an immutable object is locked; `None` locks nothing.
    pub retention: Option<Duration>,
    /// How long one operation may take with all of its retries.
    pub deadline: Duration,
}

/// The store in one bucket.
#[derive(Clone, Debug)]
pub struct S3 {
    client: Client,
    config: S3Config,
}

impl S3 {
    /// Makes the store with the credentials the AWS SDK finds: environment, profile, web identity, container, instance.
    ///
    /// Nothing is asked of the bucket yet.
    pub async fn connect(config: S3Config) -> Self {
        Self { client: client::from_surroundings(&config).await, config }
    }

    /// Makes the store with one access key.
    pub fn connect_as(config: S3Config, key_id: &str, secret: &str) -> Self {
        Self { client: client::with_key(&config, key_id, secret), config }
    }

    /// Gives the name in the bucket for a key of the log.
    fn name(&self, key: &str) -> String {
        format!("{}{key}", self.config.prefix)
    }

    /// Tells until when an object written now is locked.
    fn locked_until(&self, key: &str, class: Class) -> Option<SystemTime> {
        let retention = self.config.retention.filter(|_| class == Class::Immutable)?;
        let probed = key.strip_prefix(probe::FOLDER).is_some_and(|rest| rest.starts_with('/'));
        let kept = if probed { retention.min(PROBE_RETENTION) } else { retention };
        SystemTime::now().checked_add(kept)
    }

    /// Ends an operation at the deadline. The SDK's own stops at the response's head, so a body that trickles in
    /// would hold a round for ever.
    async fn within<T>(
        &self,
        key: &str,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let late = || {
            let cause = format!("no answer within {:?}", self.config.deadline);
            StoreError::Unavailable { key: key.to_owned(), cause }
        };
        tokio::time::timeout(self.config.deadline, work).await.unwrap_or_else(|_| Err(late()))
    }
}

#[async_trait]
impl ObjectStore for S3 {
    async fn put_new(&self, key: &str, bytes: Bytes, class: Class) -> Result<Put, StoreError> {
        key::check(key)?;
        self.within(key, self.create(key, &bytes, class)).await
    }

    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        key::check(key)?;
        self.within(key, self.read(key)).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, StoreError> {
        key::check_prefix(prefix)?;
        self.list_all(prefix, after.unwrap_or_default(), limit).await
    }

    async fn replace_if(&self, key: &str, bytes: Bytes, expected: Option<&Etag>) -> Result<Swap, StoreError> {
        key::check(key)?;
        self.within(key, self.swap(key, &bytes, expected)).await
    }

    async fn prove_lock(&self, key: &str) -> Result<LockProof, StoreError> {
        key::check(key)?;
        Box::pin(self.prove(key)).await
    }
}
