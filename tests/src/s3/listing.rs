//! Listings of objects and of versions.

use s3s::S3Result;
use s3s::dto::{
    DeleteMarkerEntry, ETag, ListObjectVersionsInput, ListObjectVersionsOutput, ListObjectsV2Input,
    ListObjectsV2Output, Object, ObjectVersion,
};

use super::bucket::Version;
use super::shelf::Shelf;

/// What S3 gives at most in one answer.
const PAGE: i32 = 1000;

pub(super) fn objects(shelf: &Shelf, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
    let prefix = input.prefix.clone().unwrap_or_default();
    // A token of ours is the last key of the page before.
    let after = input.continuation_token.clone().or(input.start_after.clone()).unwrap_or_default();
    let size = input.max_keys.unwrap_or(PAGE).clamp(0, PAGE);
    let limit = usize::try_from(size).unwrap_or_default();
    let mut found = shelf.listed(&input.bucket, &prefix, &after, limit + 1)?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|(key, _)| key.clone());
    let contents: Vec<Object> = found.into_iter().map(|(key, version)| object(key, &version)).collect();
    Ok(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: input.prefix,
        max_keys: Some(size),
        key_count: i32::try_from(contents.len()).ok(),
        is_truncated: Some(more),
        next_continuation_token: next,
        continuation_token: input.continuation_token,
        start_after: input.start_after,
        contents: Some(contents),
        ..Default::default()
    })
}

fn object(key: String, version: &Version) -> Object {
    Object {
        key: Some(key),
        e_tag: Some(ETag::Strong(version.etag().to_owned())),
        size: size(version),
        last_modified: Some(version.modified.into()),
        ..Default::default()
    }
}

/// Lists versions newest first, a page being a number of keys with all they have.
pub(super) fn versions(shelf: &Shelf, input: ListObjectVersionsInput) -> S3Result<ListObjectVersionsOutput> {
    let prefix = input.prefix.clone().unwrap_or_default();
    let after = input.key_marker.clone().unwrap_or_default();
    let limit = usize::try_from(input.max_keys.unwrap_or(PAGE).clamp(0, PAGE)).unwrap_or_default();
    let mut found = shelf.with(&input.bucket, |bucket| {
        let all = bucket.all(&prefix, &after).take(limit + 1);
        Ok(all.map(|(key, versions)| (key.clone(), versions.clone())).collect::<Vec<_>>())
    })?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|(key, _)| key.clone());
    let (mut versions, mut markers) = (Vec::new(), Vec::new());
    for (key, all) in found {
        for (place, version) in all.iter().rev().enumerate() {
            let (key, version_id) = (Some(key.clone()), Some(version.id.clone()));
            let (is_latest, last_modified) = (Some(place == 0), Some(version.modified.into()));
            if version.bytes.is_none() {
                markers.push(DeleteMarkerEntry { key, version_id, is_latest, last_modified, owner: None });
                continue;
            }
            let e_tag = Some(ETag::Strong(version.etag().to_owned()));
            let size = size(version);
            versions.push(ObjectVersion {
                key,
                version_id,
                is_latest,
                last_modified,
                e_tag,
                size,
                ..Default::default()
            });
        }
    }
    Ok(ListObjectVersionsOutput {
        name: Some(input.bucket),
        prefix: input.prefix,
        key_marker: input.key_marker,
        is_truncated: Some(more),
        next_key_marker: next,
        versions: Some(versions),
        delete_markers: Some(markers),
        ..Default::default()
    })
}

fn size(version: &Version) -> Option<i64> {
    version.bytes.as_ref().and_then(|bytes| i64::try_from(bytes.len()).ok())
}
