//! Delete markers over locked objects.
//!
//! Object Lock keeps a version from being deleted; it does not keep a delete marker from being put on top, after
//! which the bucket says "no such key" and lets the key be created anew. To the log that would be a committed round
//! that never was, so it is an error and never an absence.

use aws_sdk_s3::types::ObjectVersion;

use super::S3;
use super::fault::fault;
use crate::objects::StoreError;

impl S3 {
    /// Fails when the newest version below a delete marker is still locked.
    pub(super) async fn refuse_if_hidden(&self, key: &str) -> Result<(), StoreError> {
        // Without retention of ours nothing is promised about deletions.
        if self.config.retention.is_none() {
            return Ok(());
        }
        let Some(version) = self.newest_version(key).await? else { return Ok(()) };
        let request = self.client.head_object().bucket(&self.config.bucket).key(self.name(key));
        let head = request.set_version_id(version).send().await.map_err(|error| fault(key, &error))?;
        if head.object_lock_mode.is_none() {
            return Ok(());
        }
        let cause =
            "a delete marker hides a locked version: somebody deleted it; remove the marker, find out who";
        Err(StoreError::Refused { key: key.to_owned(), cause: cause.to_owned() })
    }

    /// Gives the id of the newest real version of an object, or `None` where only markers are left.
    async fn newest_version(&self, key: &str) -> Result<Option<Option<String>>, StoreError> {
        let name = self.name(key);
        let request = self.client.list_object_versions().bucket(&self.config.bucket).prefix(&name);
        let page = request.send().await.map_err(|error| fault(key, &error))?;
        // Versions come newest first, and the exact name before longer ones that start with it.
        let ours = |version: &ObjectVersion| version.key.as_ref() == Some(&name);
        Ok(page.versions.unwrap_or_default().into_iter().find(ours).map(|version| version.version_id))
    }
}
