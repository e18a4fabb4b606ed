//! Conditional writes, and what to make of their answers.
//!
//! A "412 precondition failed" says that the key is taken, not by whom: the SDK repeats a PUT whose reply was lost,
//! and the repetition meets the first one's object. So every 412 is followed by a look.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{ChecksumAlgorithm, ObjectLockMode};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;

use super::S3;
use super::fault::{fault, status};
use crate::objects::{Class, Etag, Put, StoreError, Swap};

/// How often a write meets "409 conflict" (another one to the same key is under way) before we give up.
const CONFLICTS: u32 = 7;
const CONFLICT_BACKOFF: Duration = Duration::from_millis(10);

impl S3 {
    pub(super) async fn create(&self, key: &str, bytes: &Bytes, class: Class) -> Result<Put, StoreError> {
        let request = || self.put(key, bytes, class).if_none_match("*");
        if self.conditional(key, request).await?.is_some() {
            return Ok(Put::Created);
        }
        match self.read(key).await? {
            Some(there) if there.bytes == bytes => Ok(Put::Created),
            Some(_) => Ok(Put::Exists),
            None => Err(unavailable(key, "the key is taken (412) and there is nothing to read".to_owned())),
        }
    }

    pub(super) async fn swap(
        &self,
        key: &str,
        bytes: &Bytes,
        expected: Option<&Etag>,
    ) -> Result<Swap, StoreError> {
        let request = || match expected {
            Some(etag) => self.put(key, bytes, Class::Derived).if_match(&etag.0),
            None => self.put(key, bytes, Class::Derived).if_none_match("*"),
        };
        if let Some(etag) = self.conditional(key, request).await? {
            return Ok(Swap::Done(etag));
        }
        let ours = self.read(key).await?.filter(|there| there.bytes == bytes);
        Ok(ours.map_or(Swap::Lost, |there| Swap::Done(there.etag)))
    }

    /// Begins a PUT: the bytes, their checksum and the lock the class asks for.
    pub(super) fn put(&self, key: &str, bytes: &Bytes, class: Class) -> PutObjectFluentBuilder {
        let request = self.client.put_object().bucket(&self.config.bucket).key(self.name(key));
        let request = request
            // Naming it as well is for servers that look for the name before they take a lock.
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_sha256(BASE64_STANDARD.encode(digest(&SHA256, bytes)))
            .body(ByteStream::from(bytes.clone()));
        let Some(until) = self.locked_until(key, class) else { return request };
        // Whole seconds: not every clone reads a fraction.
        let until = DateTime::from_secs(DateTime::from(until).secs() + 1);
        request.object_lock_mode(ObjectLockMode::Compliance).object_lock_retain_until_date(until)
    }

    /// Sends a conditional PUT; `None` when its condition does not hold.
    async fn conditional(
        &self,
        key: &str,
        request: impl Fn() -> PutObjectFluentBuilder,
    ) -> Result<Option<Etag>, StoreError> {
        for attempt in 0..CONFLICTS {
            let error = match Box::pin(request().send()).await {
                Ok(stored) => return Ok(Some(Etag(stored.e_tag.unwrap_or_default()))),
                Err(error) => error,
            };
            match (status(&error), error.code()) {
                (Some(412), _) | (Some(404), Some("NoSuchKey")) => return Ok(None),
                (Some(409), _) => tokio::time::sleep(CONFLICT_BACKOFF * (1 << attempt)).await,
                _ => return Err(fault(key, &error)),
            }
        }
        Err(unavailable(key, format!("{CONFLICTS} conflicts in a row (409)")))
    }
}

fn unavailable(key: &str, cause: String) -> StoreError {
    StoreError::Unavailable { key: key.to_owned(), cause }
}
