//! Where a bucket is, what opens it, and what is in it.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};

use crate::real_s3::client;

/// A bucket on some S3 API.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// The API's address.
    pub endpoint: String,
    /// The bucket's name.
    pub name: String,
    /// What the names of the log's objects start with.
    pub prefix: String,
    /// The region that requests are signed for.
    pub region: String,
    /// The access key's id.
    pub key: String,
    /// The access key's secret.
    pub secret: String,
}

impl Bucket {
    /// Gives the options of `ca-server init` that put the log here.
    pub fn init_options(&self) -> Vec<&str> {
        let all = [
            ("--s3-bucket", &self.name),
            ("--s3-endpoint", &self.endpoint),
            ("--s3-prefix", &self.prefix),
            ("--s3-region", &self.region),
        ];
        let given = all.into_iter().filter(|(_, value)| !value.is_empty());
        given.flat_map(|(option, value)| [option, value.as_str()]).collect()
    }

    /// Copies every object into a folder, as an auditor would who has a copy of the bucket and nothing else.
    pub fn copy_to(&self, folder: &Path) -> Result<()> {
        // A runtime cannot be blocked on from within another, but a thread can.
        let copied = std::thread::scope(|scope| {
            let copied = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(self.copy(folder))
            });
            copied.join().map_err(|_| anyhow!("the thread that copies the bucket failed"))
        });
        copied?.with_context(|| format!("no copy of {}", self.name))
    }

    async fn copy(&self, folder: &Path) -> Result<()> {
        let client = client(self);
        let mut pages =
            client.list_objects_v2().bucket(&self.name).prefix(&self.prefix).into_paginator().send();
        while let Some(page) = pages.next().await {
            for object in page?.contents() {
                let key = object.key().context("an object without a key")?;
                let name = key.strip_prefix(&self.prefix).unwrap_or(key);
                // What is left of proving the store is no part of the log, and some of it is wrong on purpose.
                if name.starts_with("probe/") {
                    continue;
                }
                let bytes =
                    client.get_object().bucket(&self.name).key(key).send().await?.body.collect().await?;
                let path = folder.join(name);
                fs::create_dir_all(path.parent().unwrap_or(folder))?;
                fs::write(path, bytes.into_bytes())?;
            }
        }
        Ok(())
    }
}
