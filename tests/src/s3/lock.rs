//! Object Lock retention and versioning.

use std::time::SystemTime;

use s3s::dto::{
    BucketVersioningStatus, GetBucketVersioningOutput, GetObjectRetentionInput, GetObjectRetentionOutput,
    ObjectLockRetention, ObjectLockRetentionMode, PutBucketVersioningInput, PutBucketVersioningOutput,
    PutObjectRetentionInput, PutObjectRetentionOutput,
};
use s3s::{S3Result, s3_error};

use super::bucket::Retention;
use super::faults::Lie;
use super::object::system_time;
use super::shelf::Shelf;

pub(super) fn get(shelf: &Shelf, input: &GetObjectRetentionInput) -> S3Result<GetObjectRetentionOutput> {
    let version = shelf.with(&input.bucket, |bucket| {
        if !bucket.locks {
            return Err(s3_error!(InvalidRequest, "Bucket is missing Object Lock Configuration"));
        }
        bucket.find(&input.key, input.version_id.as_deref())
    })?;
    let lock = version.retention.ok_or_else(|| s3_error!(NoSuchObjectLockConfiguration))?;
    let mode = if lock.compliance {
        ObjectLockRetentionMode::COMPLIANCE
    } else {
        ObjectLockRetentionMode::GOVERNANCE
    };
    let retention = ObjectLockRetention {
        mode: Some(ObjectLockRetentionMode::from_static(mode)),
        retain_until_date: Some(lock.until.into()),
    };
    Ok(GetObjectRetentionOutput { retention: Some(retention) })
}

/// Sets a retention: a compliance lock may only grow.
pub(super) fn put(shelf: &Shelf, input: PutObjectRetentionInput) -> S3Result<PutObjectRetentionOutput> {
    let wanted = input.retention.ok_or_else(|| s3_error!(MalformedXML))?;
    let until = wanted.retain_until_date.as_ref().ok_or_else(|| s3_error!(MalformedXML))?;
    let until = system_time(until);
    let compliance = wanted.mode.is_some_and(|mode| mode.as_str() == ObjectLockRetentionMode::COMPLIANCE);
    if until <= SystemTime::now() {
        return Err(s3_error!(InvalidArgument, "The retain until date must be in the future!"));
    }
    shelf.with(&input.bucket, |bucket| {
        let id = bucket.find(&input.key, input.version_id.as_deref())?.id;
        let version = bucket.find_mut(&input.key, &id).ok_or_else(|| s3_error!(NoSuchVersion))?;
        let weaker = version.is_locked()
            && version.retention.as_ref().is_some_and(|r| r.compliance && (until < r.until || !compliance));
        if weaker && !shelf.faults.lies(Lie::LockShortened) {
            return Err(s3_error!(AccessDenied, "Access Denied because object protected by object lock."));
        }
        version.retention = Some(Retention { compliance, until });
        Ok(PutObjectRetentionOutput::default())
    })
}

pub(super) fn versioning(shelf: &Shelf, bucket: &str) -> S3Result<GetBucketVersioningOutput> {
    let versioned = shelf.with(bucket, |bucket| Ok(bucket.versioned))?;
    let status = versioned.then(|| BucketVersioningStatus::from_static(BucketVersioningStatus::ENABLED));
    Ok(GetBucketVersioningOutput { status, mfa_delete: None })
}

pub(super) fn set_versioning(
    shelf: &Shelf,
    input: &PutBucketVersioningInput,
) -> S3Result<PutBucketVersioningOutput> {
    let status = input.versioning_configuration.status.as_ref();
    let on = status.is_some_and(|status| status.as_str() == BucketVersioningStatus::ENABLED);
    shelf.with(&input.bucket, |bucket| {
        if bucket.locks && !on {
            return Err(s3_error!(InvalidBucketState, "Object Lock needs versioning"));
        }
        bucket.versioned = on;
        Ok(PutBucketVersioningOutput::default())
    })
}
