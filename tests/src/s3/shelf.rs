//! The buckets, and the rules by which an object comes into one.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use s3s::dto::ETagCondition;
use s3s::{S3Result, s3_error};

use super::bucket::{Bucket, Retention, Version};
use super::faults::{Faults, Lie, lock};

/// How old an object is before a stale read or listing shows it.
const STALENESS: Duration = Duration::from_secs(30);

/// All buckets of a server.
#[derive(Debug)]
pub(super) struct Shelf {
    buckets: Mutex<BTreeMap<String, Bucket>>,
    pub(super) faults: Faults,
}

/// A PUT, taken apart.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) key: String,
    pub(super) bytes: Bytes,
    pub(super) if_match: Option<ETagCondition>,
    pub(super) if_none_match: Option<ETagCondition>,
    pub(super) retention: Option<Retention>,
}

impl Shelf {
    pub(super) fn new(faults: Faults) -> Self {
        Self { buckets: Mutex::default(), faults }
    }

    pub(super) fn create_bucket(&self, name: &str, locked: bool) -> S3Result<()> {
        let mut buckets = lock(&self.buckets);
        if buckets.contains_key(name) {
            return Err(s3_error!(BucketAlreadyOwnedByYou));
        }
        buckets.insert(name.to_owned(), Bucket::new(locked));
        Ok(())
    }

    /// Runs something on one bucket, alone.
    pub(super) fn with<T>(&self, bucket: &str, work: impl FnOnce(&mut Bucket) -> S3Result<T>) -> S3Result<T> {
        let mut buckets: MutexGuard<'_, _> = lock(&self.buckets);
        work(buckets.get_mut(bucket).ok_or_else(|| s3_error!(NoSuchBucket))?)
    }

    /// Stores an object if its conditions hold; gives the new version.
    pub(super) async fn put(&self, bucket: &str, write: Write) -> S3Result<Version> {
        if self.faults.lies(Lie::LooksThenWrites) {
            self.with(bucket, |bucket| self.check(bucket, &write))?;
            tokio::time::sleep(Duration::from_millis(5)).await;
            return self.with(bucket, |bucket| Ok(self.store(bucket, write)));
        }
        self.with(bucket, |bucket| {
            self.check(bucket, &write)?;
            Ok(self.store(bucket, write))
        })
    }

    fn check(&self, bucket: &Bucket, write: &Write) -> S3Result<()> {
        let current = bucket.current(&write.key);
        match &write.if_none_match {
            Some(ETagCondition::Any) if self.faults.lies(Lie::EveryCreatorWins) => {}
            Some(ETagCondition::Any) if current.is_some() => return Err(s3_error!(PreconditionFailed)),
            Some(ETagCondition::ETag(_)) => return Err(s3_error!(NotImplemented)),
            _ => {}
        }
        match (&write.if_match, current) {
            (None, _) => {}
            (Some(_), _) if self.faults.lies(Lie::SwapsBlindly) => {}
            (Some(_), None) => return Err(s3_error!(NoSuchKey)),
            (Some(ETagCondition::ETag(tag)), Some(current)) if tag.value() == current.etag() => {}
            (Some(_), Some(_)) => return Err(s3_error!(PreconditionFailed)),
        }
        match &write.retention {
            Some(_) if !bucket.locks => {
                Err(s3_error!(InvalidRequest, "Bucket is missing Object Lock Configuration"))
            }
            Some(retention) if retention.until <= SystemTime::now() => {
                Err(s3_error!(InvalidArgument, "The retain until date must be in the future!"))
            }
            _ => Ok(()),
        }
    }

    fn store(&self, bucket: &mut Bucket, write: Write) -> Version {
        let retention = write.retention.filter(|_| !self.faults.lies(Lie::LockForgotten));
        let versioned = bucket.versioned && !self.faults.lies(Lie::NotVersioned);
        bucket.add(&write.key, versioned, Some(write.bytes), retention)
    }

    /// Gives the object a reader sees.
    pub(super) fn read(&self, bucket: &str, key: &str, version: Option<&str>) -> S3Result<Version> {
        let stale = self.faults.lies(Lie::StaleReads);
        self.with(bucket, |bucket| {
            let found = bucket.find(key, version)?;
            if stale && version.is_none() && is_new(&found) {
                return Err(s3_error!(NoSuchKey));
            }
            Ok(found)
        })
    }

    /// Gives the keys a listing shows, and what they hold.
    pub(super) fn listed(
        &self,
        bucket: &str,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> S3Result<Vec<(String, Version)>> {
        let stale = self.faults.lies(Lie::StaleLists);
        self.with(bucket, |bucket| {
            let shown = bucket.live(prefix, after).filter(|(_, version)| !(stale && is_new(version)));
            Ok(shown.take(limit).map(|(key, version)| (key.clone(), version.clone())).collect())
        })
    }
}

fn is_new(version: &Version) -> bool {
    version.modified.elapsed().is_ok_and(|age| age < STALENESS)
}
