//! One bucket: the versions of its objects, newest last.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderValue};
use s3s::{S3Error, S3Result, s3_error};

/// The id of the only version there is where versions are not kept.
const UNVERSIONED: &str = "null";

/// Until when a version is locked, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Retention {
    pub(super) compliance: bool,
    pub(super) until: SystemTime,
}

/// One version of an object, or a delete marker.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) id: String,
    /// `None` is a delete marker.
    pub(super) bytes: Option<Bytes>,
    pub(super) modified: SystemTime,
    pub(super) retention: Option<Retention>,
    etag: String,
}

impl Version {
    /// Gives the etag, without quotes.
    pub(super) fn etag(&self) -> &str {
        &self.etag
    }

    pub(super) fn is_locked(&self) -> bool {
        self.retention.as_ref().is_some_and(|retention| retention.until > SystemTime::now())
    }

    /// Gives the id to answer with: none where versions are not kept.
    pub(super) fn id_if_versioned(&self) -> Option<String> {
        (self.id != UNVERSIONED).then(|| self.id.clone())
    }
}

/// The objects of a bucket and its two switches.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) versioned: bool,
    pub(super) locks: bool,
    objects: BTreeMap<String, Vec<Version>>,
    written: u64,
}

impl Bucket {
    pub(super) fn new(locks: bool) -> Self {
        Self { versioned: locks, locks, objects: BTreeMap::new(), written: 0 }
    }

    /// Gives the current version, unless it is a delete marker.
    pub(super) fn current(&self, key: &str) -> Option<&Version> {
        self.objects.get(key)?.last().filter(|version| version.bytes.is_some())
    }

    /// Finds the current version or the one asked for, with S3's different ways of saying no.
    pub(super) fn find(&self, key: &str, id: Option<&str>) -> S3Result<Version> {
        let versions = self.objects.get(key).map(Vec::as_slice).unwrap_or_default();
        let found = match id {
            None => versions.last().ok_or_else(|| s3_error!(NoSuchKey))?,
            Some(id) => {
                versions.iter().find(|version| version.id == id).ok_or_else(|| s3_error!(NoSuchVersion))?
            }
        };
        match (&found.bytes, id) {
            (Some(_), _) => Ok(found.clone()),
            (None, None) => Err(marked(s3_error!(NoSuchKey))),
            (None, Some(_)) => Err(marked(s3_error!(MethodNotAllowed))),
        }
    }

    pub(super) fn find_mut(&mut self, key: &str, id: &str) -> Option<&mut Version> {
        self.objects.get_mut(key)?.iter_mut().find(|version| version.id == id)
    }

    /// Puts a version on top, or in the place of the only one.
    pub(super) fn add(
        &mut self,
        key: &str,
        versioned: bool,
        bytes: Option<Bytes>,
        retention: Option<Retention>,
    ) -> Version {
        self.written += 1;
        let id = if versioned { format!("version-{:08}", self.written) } else { UNVERSIONED.to_owned() };
        let etag = hex::encode(&digest(&SHA256, bytes.as_deref().unwrap_or_default()).as_ref()[..16]);
        let version = Version { id, bytes, modified: SystemTime::now(), retention, etag };
        let versions = self.objects.entry(key.to_owned()).or_default();
        if !versioned {
            versions.retain(|version| version.id != UNVERSIONED);
        }
        versions.push(version.clone());
        version
    }

    /// Takes one version away, asking nobody.
    pub(super) fn take(&mut self, key: &str, id: &str) -> Option<Version> {
        let versions = self.objects.get_mut(key)?;
        let at = versions.iter().position(|version| version.id == id)?;
        let taken = versions.remove(at);
        if versions.is_empty() {
            self.objects.remove(key);
        }
        Some(taken)
    }

    /// Takes an object away with all of its versions, asking nobody.
    pub(super) fn erase(&mut self, key: &str) -> bool {
        self.objects.remove(key).is_some()
    }

    /// Walks the objects that are not deleted, in byte order.
    pub(super) fn live(&self, prefix: &str, after: &str) -> impl Iterator<Item = (&String, &Version)> {
        let all = self.all(prefix, after).filter_map(|(key, versions)| Some((key, versions.last()?)));
        all.filter(|(_, version)| version.bytes.is_some())
    }

    /// Walks all objects with their versions, oldest first.
    pub(super) fn all(&self, prefix: &str, after: &str) -> impl Iterator<Item = (&String, &Vec<Version>)> {
        let start = if after < prefix { Bound::Included(prefix) } else { Bound::Excluded(after) };
        self.objects
            .range::<str, _>((start, Bound::Unbounded))
            .take_while(move |(key, _)| key.starts_with(prefix))
    }
}

fn marked(mut error: S3Error) -> S3Error {
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-delete-marker", HeaderValue::from_static("true"));
    error.set_headers(headers);
    error
}
