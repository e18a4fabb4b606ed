//! Making the bucket show that a locked object stays.

use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{ObjectLockMode, ObjectLockRetention, ObjectLockRetentionMode};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;

use super::S3;
use super::fault::{fault, status};
use crate::objects::{Class, LockProof, Put, StoreError};

const BYTES: Bytes = Bytes::from_static(b"a locked object of a start-up probe");

/// Either the store is broken in words for the operator, or it could not be asked.
enum Failed {
    Broken(String),
    Store(StoreError),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl S3 {
    pub(super) async fn prove(&self, key: &str) -> Result<LockProof, StoreError> {
        let mut proof = LockProof::default();
        let (sums, lock) = tokio::join!(self.within(key, self.refuses_wrong_sum(key)), self.prove_kept(key));
        if !sums? {
            proof
                .warnings
                .push("takes bytes that differ from their SHA-256: damage on the way is not noticed".into());
        }
        match lock {
            Ok(warnings) => {
                proof.locked = self.config.retention.is_some();
                proof.warnings.extend(warnings);
            }
            Err(Failed::Broken(seen)) => proof.broken = Some(seen),
            Err(Failed::Store(error)) => return Err(error),
        }
        Ok(proof)
    }

    /// Shows that a version written as the journal's objects are cannot be deleted; gives what is weaker than it
    /// should be.
    async fn prove_kept(&self, key: &str) -> Result<Vec<String>, Failed> {
        if self.config.retention.is_none() {
            return Ok(Vec::new());
        }
        let version = self.within(key, self.write_locked(key)).await.map_err(|error| match error {
            StoreError::Refused { cause, .. } => {
                Failed::Broken(format!("a locked object is refused ({cause})"))
            }
            other => Failed::Store(other),
        })?;
        let version = version.filter(|id| id != "null").ok_or_else(|| {
            Failed::Broken("the bucket is not versioned: a locked object could be replaced".to_owned())
        })?;
        let until = self.within(key, self.retention(key, &version)).await?;
        if until.is_none_or(|until| until <= DateTime::from(SystemTime::now())) {
            return Err(Failed::Broken(
                "an object written with a lock shows none in compliance mode (seeing it needs s3:GetObjectRetention)".to_owned(),
            ));
        }
        self.refuses_another(key).await?;
        self.refuses_deletion(key, &version).await?;
        let shortened = self.within(key, self.shortens(key, &version)).await?;
        let weak = "lets a compliance lock be shortened: whoever holds the bucket's keys can unlock the log";
        Ok(if shortened { vec![weak.to_owned()] } else { Vec::new() })
    }

    /// Writes the object and gives its version. This is the very request of [`create`](S3::create), sent once: a
    /// probe key is new, so nothing but our own retry could have taken it.
    async fn write_locked(&self, key: &str) -> Result<Option<String>, StoreError> {
        let stored = self.put(key, &BYTES, Class::Immutable).if_none_match("*");
        let stored = Box::pin(stored.send()).await;
        if let Some(412) = stored.as_ref().err().and_then(status) {
            let request = self.client.head_object().bucket(&self.config.bucket).key(self.name(key));
            return Ok(request.send().await.map_err(|error| fault(key, &error))?.version_id);
        }
        Ok(stored.map_err(|error| fault(key, &error))?.version_id)
    }

    /// Gives the date until which a version is locked in compliance mode.
    async fn retention(&self, key: &str, version: &str) -> Result<Option<DateTime>, StoreError> {
        // Not GetObjectRetention: some clones answer it with the object.
        let request = self.client.head_object().bucket(&self.config.bucket).key(self.name(key));
        let head = request.version_id(version).send().await.map_err(|error| fault(key, &error))?;
        let compliant = head.object_lock_mode == Some(ObjectLockMode::Compliance);
        Ok(head.object_lock_retain_until_date.filter(|_| compliant))
    }

    /// A clone may forget create-only as soon as lock headers come with it.
    async fn refuses_another(&self, key: &str) -> Result<(), Failed> {
        let other = Bytes::from_static(b"another object of a start-up probe");
        match self.within(key, self.create(key, &other, Class::Immutable)).await? {
            Put::Exists => Ok(()),
            Put::Created => Err(Failed::Broken("a second object was created over a locked one".to_owned())),
        }
    }

    async fn refuses_deletion(&self, key: &str, version: &str) -> Result<(), Failed> {
        let request = self.client.delete_object().bucket(&self.config.bucket).key(self.name(key));
        let gone = || Failed::Broken("a locked version could be deleted".to_owned());
        let deletion = async {
            match request.version_id(version).send().await {
                Ok(_) => Ok(true),
                Err(error) if status(&error).is_some_and(|status| status < 500) => Ok(false),
                Err(error) => Err(fault(key, &error)),
            }
        };
        if self.within(key, deletion).await? {
            return Err(gone());
        }
        // A store may refuse in words and delete all the same.
        let there = self.within(key, self.read(key)).await?;
        if there.is_some_and(|there| there.bytes == BYTES) { Ok(()) } else { Err(gone()) }
    }

    async fn shortens(&self, key: &str, version: &str) -> Result<bool, StoreError> {
        let sooner = DateTime::from(SystemTime::now() + Duration::from_secs(5)).secs();
        let shorter = ObjectLockRetention::builder()
            .mode(ObjectLockRetentionMode::Compliance)
            .retain_until_date(DateTime::from_secs(sooner))
            .build();
        let request = self.client.put_object_retention().bucket(&self.config.bucket).key(self.name(key));
        match request.version_id(version).retention(shorter).send().await {
            Ok(_) => Ok(true),
            Err(error) if status(&error).is_some_and(|status| status < 500) => Ok(false),
            Err(error) => Err(fault(key, &error)),
        }
    }

    async fn refuses_wrong_sum(&self, key: &str) -> Result<bool, StoreError> {
        let key = format!("{key}.sum");
        let other = BASE64_STANDARD.encode(digest(&SHA256, b"other bytes"));
        match Box::pin(self.put(&key, &BYTES, Class::Derived).checksum_sha256(other).send()).await {
            Ok(_) => Ok(false),
            Err(error) if status(&error).is_some_and(|status| status < 500) => Ok(true),
            Err(error) => Err(fault(&key, &error)),
        }
    }
}
