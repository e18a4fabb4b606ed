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

/// How a conditional write was answered.
enum Answer {
    Stored(Etag),
    /// The condition did not hold.
    NotMet,
}

impl S3 {
    pub(super) async fn create(&self, key: &str, bytes: &Bytes, class: Class) -> Result<Put, StoreError> {
        let request = || self.put(key, bytes, class).if_none_match("*");
        for attempt in 0..CONFLICTS {
            match self.conditional(key, attempt, request()).await? {
                Some(Answer::Stored(_)) => return Ok(Put::Created),
                Some(Answer::NotMet) => {
                    if let Some(there) = self.read(key).await? {
                        return Ok(if there.bytes == bytes { Put::Created } else { Put::Exists });
                    }
                    // Taken and yet not there: deleted in between. Ask again.
                }
                None => {}
            }
        }
        Err(conflict(key))
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
        for attempt in 0..CONFLICTS {
            match self.conditional(key, attempt, request()).await? {
                Some(Answer::Stored(etag)) => return Ok(Swap::Done(etag)),
                Some(Answer::NotMet) => {
                    let there = self.read(key).await?.filter(|there| there.bytes == bytes);
                    return Ok(there.map_or(Swap::Lost, |there| Swap::Done(there.etag)));
                }
                None => {}
            }
        }
        Err(conflict(key))
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

    /// Sends a conditional PUT; `None` is a conflict that has been waited out and may be tried again.
    async fn conditional(
        &self,
        key: &str,
        attempt: u32,
        request: PutObjectFluentBuilder,
    ) -> Result<Option<Answer>, StoreError> {
        match Box::pin(request.send()).await {
            Ok(stored) => Ok(Some(Answer::Stored(Etag(stored.e_tag.unwrap_or_default())))),
            Err(error) => match (status(&error), error.code()) {
                (Some(412), _) | (Some(404), Some("NoSuchKey")) => Ok(Some(Answer::NotMet)),
                (Some(409), _) => {
                    tokio::time::sleep(CONFLICT_BACKOFF * (1 << attempt)).await;
                    Ok(None)
                }
                _ => Err(fault(key, &error)),
            },
        }
    }
}

fn conflict(key: &str) -> StoreError {
    StoreError::Unavailable { key: key.to_owned(), cause: format!("{CONFLICTS} conflicts in a row (409)") }
}
