//! Single objects: put, get, head, delete.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use s3s::checksum::ChecksumHasher;
use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, ETag, GetObjectInput, GetObjectOutput, HeadObjectInput,
    HeadObjectOutput, ObjectLockMode, PutObjectInput, PutObjectOutput, StreamingBlob, Timestamp,
    TimestampFormat,
};
use s3s::stream::ByteStream;
use s3s::{Body, S3Error, S3ErrorCode, S3Result, StdError, s3_error};

use super::bucket::{Retention, Version};
use super::faults::Lie;
use super::shelf::{Shelf, Write};

pub(super) async fn put(shelf: &Shelf, mut input: PutObjectInput) -> S3Result<PutObjectOutput> {
    let bytes = match input.body.take() {
        Some(body) => read_all(body).await?,
        None => Bytes::new(),
    };
    if !shelf.faults.lies(Lie::SumIgnored) {
        check_sums(&input, &bytes)?;
    }
    let retention = retention(&input)?;
    let write = Write {
        key: input.key,
        bytes,
        if_match: input.if_match,
        if_none_match: input.if_none_match,
        retention,
    };
    let version = shelf.put(&input.bucket, write).await?;
    Ok(PutObjectOutput {
        e_tag: Some(ETag::Strong(version.etag().to_owned())),
        version_id: version.id_if_versioned(),
        checksum_sha256: input.checksum_sha256,
        ..Default::default()
    })
}

/// Reads a request's body. A type parameter, because the stream's own trait is in a crate we need for nothing else.
async fn read_all<S>(mut body: S) -> S3Result<Bytes>
where
    S: ByteStream<Item = Result<Bytes, StdError>> + Unpin,
{
    let mut bytes = BytesMut::new();
    while let Some(piece) = poll_fn(|context| Pin::new(&mut body).poll_next(context)).await {
        let piece = piece.map_err(|error| S3Error::with_source(S3ErrorCode::IncompleteBody, error))?;
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

fn check_sums(input: &PutObjectInput, bytes: &[u8]) -> S3Result<()> {
    let mut hasher = ChecksumHasher {
        crc32: input.checksum_crc32.is_some().then(Default::default),
        crc32c: input.checksum_crc32c.is_some().then(Default::default),
        sha1: input.checksum_sha1.is_some().then(Default::default),
        sha256: input.checksum_sha256.is_some().then(Default::default),
        crc64nvme: input.checksum_crc64nvme.is_some().then(Default::default),
    };
    hasher.update(bytes);
    let is = hasher.finalize();
    let same = is.checksum_crc32 == input.checksum_crc32
        && is.checksum_crc32c == input.checksum_crc32c
        && is.checksum_sha1 == input.checksum_sha1
        && is.checksum_sha256 == input.checksum_sha256
        && is.checksum_crc64nvme == input.checksum_crc64nvme;
    if same { Ok(()) } else { Err(s3_error!(BadDigest, "the checksum did not match")) }
}

/// Reads the lock headers, with S3's demand that a checksum come with them.
fn retention(input: &PutObjectInput) -> S3Result<Option<Retention>> {
    let (mode, until) = match (&input.object_lock_mode, &input.object_lock_retain_until_date) {
        (None, None) => return Ok(None),
        (Some(mode), Some(until)) => (mode, until),
        _ => return Err(s3_error!(InvalidArgument, "lock mode and date must come together")),
    };
    let summed = input.content_md5.is_some()
        || input.checksum_sha256.is_some()
        || input.checksum_sha1.is_some()
        || input.checksum_crc32.is_some()
        || input.checksum_crc32c.is_some()
        || input.checksum_crc64nvme.is_some();
    if !summed {
        return Err(s3_error!(InvalidRequest, "lock parameters need Content-MD5 or x-amz-checksum"));
    }
    let compliance = mode.as_str() == ObjectLockMode::COMPLIANCE;
    Ok(Some(Retention { compliance, until: system_time(until) }))
}

pub(super) fn get(shelf: &Shelf, input: &GetObjectInput) -> S3Result<GetObjectOutput> {
    let version = shelf.read(&input.bucket, &input.key, input.version_id.as_deref())?;
    let head = head_of(&version);
    Ok(GetObjectOutput {
        body: Some(StreamingBlob::from(Body::from(version.bytes.unwrap_or_default()))),
        content_length: head.content_length,
        e_tag: head.e_tag,
        last_modified: head.last_modified,
        object_lock_mode: head.object_lock_mode,
        object_lock_retain_until_date: head.object_lock_retain_until_date,
        version_id: head.version_id,
        ..Default::default()
    })
}

pub(super) fn head(shelf: &Shelf, input: &HeadObjectInput) -> S3Result<HeadObjectOutput> {
    Ok(head_of(&shelf.read(&input.bucket, &input.key, input.version_id.as_deref())?))
}

fn head_of(version: &Version) -> HeadObjectOutput {
    let lock = version.retention.as_ref();
    let mode = |lock: &Retention| {
        if lock.compliance { ObjectLockMode::COMPLIANCE } else { ObjectLockMode::GOVERNANCE }
    };
    HeadObjectOutput {
        content_length: version.bytes.as_ref().and_then(|bytes| i64::try_from(bytes.len()).ok()),
        e_tag: Some(ETag::Strong(version.etag().to_owned())),
        last_modified: Some(version.modified.into()),
        object_lock_mode: lock.map(|lock| ObjectLockMode::from_static(mode(lock))),
        object_lock_retain_until_date: lock.map(|lock| lock.until.into()),
        version_id: version.id_if_versioned(),
        ..Default::default()
    }
}

pub(super) fn delete(shelf: &Shelf, input: &DeleteObjectInput) -> S3Result<DeleteObjectOutput> {
    let bypass = input.bypass_governance_retention.unwrap_or_default();
    shelf.with(&input.bucket, |bucket| {
        let Some(id) = &input.version_id else {
            if !bucket.versioned {
                bucket.erase(&input.key);
                return Ok(DeleteObjectOutput::default());
            }
            let marker = bucket.add(&input.key, true, None, None);
            let version_id = marker.id_if_versioned();
            return Ok(DeleteObjectOutput { delete_marker: Some(true), version_id, ..Default::default() });
        };
        let keeps = |version: &Version| {
            version.is_locked() && !(bypass && version.retention.as_ref().is_some_and(|r| !r.compliance))
        };
        let locked = bucket.find_mut(&input.key, id).is_some_and(|version| keeps(version));
        if locked && !shelf.faults.lies(Lie::LockIgnored) {
            return Err(s3_error!(AccessDenied, "Access Denied because object protected by object lock."));
        }
        let taken = bucket.take(&input.key, id);
        let delete_marker = taken.is_some_and(|version| version.bytes.is_none()).then_some(true);
        Ok(DeleteObjectOutput { delete_marker, version_id: Some(id.clone()), ..Default::default() })
    })
}

/// Converts by way of text: the type underneath is of a crate we need for nothing else.
pub(super) fn system_time(timestamp: &Timestamp) -> SystemTime {
    let mut text = Vec::new();
    let written = timestamp.format(TimestampFormat::EpochSeconds, &mut text).ok();
    let secs = written.and_then(|()| std::str::from_utf8(&text).ok()?.parse().ok());
    let since = secs.and_then(|secs| Duration::try_from_secs_f64(secs).ok());
    SystemTime::UNIX_EPOCH + since.unwrap_or_default()
}
