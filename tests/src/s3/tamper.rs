//! What a test sees and does behind the protocol's back.

use std::time::SystemTime;

use anyhow::{Context as _, Result};
use bytes::Bytes;

use super::{BUCKET, S3Server};

/// One version of an object as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The version's id.
    pub version: String,
    /// The bytes; `None` is a delete marker.
    pub bytes: Option<Bytes>,
    /// Until when a compliance lock holds it.
    pub locked_until: Option<SystemTime>,
}

impl S3Server {
    /// Lists the keys of the log's bucket that are not deleted, in byte order.
    pub fn keys(&self) -> Vec<String> {
        let keys =
            self.shelf.with(BUCKET, |bucket| Ok(bucket.live("", "").map(|(key, _)| key.clone()).collect()));
        keys.unwrap_or_default()
    }

    /// Gives all versions of an object of the log's bucket, oldest first.
    pub fn versions(&self, key: &str) -> Vec<Stored> {
        let versions = self.shelf.with(BUCKET, |bucket| {
            let found = bucket.all(key, "").find(|(name, _)| *name == key);
            Ok(found.map(|(_, versions)| versions.clone()).unwrap_or_default())
        });
        let stored = versions.unwrap_or_default().into_iter().map(|version| Stored {
            locked_until: version.retention.filter(|lock| lock.compliance).map(|lock| lock.until),
            version: version.id,
            bytes: version.bytes,
        });
        stored.collect()
    }

    /// Puts another version over an object, without lock.
    pub fn overwrite(&self, key: &str, bytes: Bytes) {
        // The bucket is there as long as the server is.
        let _ = self.shelf.with(BUCKET, |bucket| Ok(bucket.add(key, true, Some(bytes), None)));
    }

    /// Changes the bytes of the current version, which no lock could allow.
    pub fn corrupt(&self, key: &str, change: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        let changed = self.shelf.with(BUCKET, |bucket| {
            let mut bytes = bucket.find(key, None)?.bytes.unwrap_or_default().to_vec();
            change(&mut bytes);
            bucket.erase(key);
            Ok(bucket.add(key, true, Some(Bytes::from(bytes)), None))
        });
        changed.map(drop).with_context(|| format!("no object {key}"))
    }

    /// Puts a delete marker over an object, as `aws s3 rm` does.
    pub fn delete(&self, key: &str) {
        // As above.
        let _ = self.shelf.with(BUCKET, |bucket| Ok(bucket.add(key, true, None, None)));
    }

    /// Takes an object away with all of its versions, which no lock could allow.
    pub fn erase(&self, key: &str) -> bool {
        self.shelf.with(BUCKET, |bucket| Ok(bucket.erase(key))).unwrap_or_default()
    }
}
