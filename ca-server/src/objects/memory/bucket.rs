//! What is stored, and the exact rules for changing it.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;

use crate::objects::{Etag, Object, Put, Swap};

/// The objects of one bucket.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    objects: BTreeMap<String, Object>,
    versions: u64,
}

impl Bucket {
    pub(super) fn put_new(&mut self, key: &str, bytes: Bytes) -> Put {
        match self.objects.get(key) {
            None => {
                self.overwrite(key, bytes);
                Put::Created
            }
            Some(there) if there.bytes == bytes => Put::Created,
            Some(_) => Put::Exists,
        }
    }

    pub(super) fn replace_if(&mut self, key: &str, bytes: Bytes, expected: Option<&Etag>) -> Swap {
        let current = self.objects.get(key);
        if let Some(there) = current.filter(|there| there.bytes == bytes) {
            return Swap::Done(there.etag.clone());
        }
        if current.map(|there| &there.etag) != expected {
            return Swap::Lost;
        }
        Swap::Done(self.overwrite(key, bytes))
    }

    pub(super) fn get(&self, key: &str) -> Option<Object> {
        self.objects.get(key).cloned()
    }

    pub(super) fn list(&self, prefix: &str, after: &str, limit: usize) -> Vec<String> {
        // Starts at the later of the two, so that a long log is not walked from its beginning.
        let start = if after < prefix { Bound::Included(prefix) } else { Bound::Excluded(after) };
        let from = self.objects.range::<str, _>((start, Bound::Unbounded));
        from.map(|(key, _)| key).take_while(|key| key.starts_with(prefix)).take(limit).cloned().collect()
    }

    pub(super) fn keys(&self) -> Vec<String> {
        self.objects.keys().cloned().collect()
    }

    /// Stores under a version never used before, so that going back to old bytes is still a change.
    pub(super) fn overwrite(&mut self, key: &str, bytes: Bytes) -> Etag {
        self.versions += 1;
        let etag = Etag(format!("v{}", self.versions));
        self.objects.insert(key.to_owned(), Object { bytes, etag: etag.clone() });
        etag
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<Bytes> {
        self.objects.remove(key).map(|object| object.bytes)
    }
}
