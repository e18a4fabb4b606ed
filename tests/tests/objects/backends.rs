//! The stores under test, each new and empty.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use ca_server::objects::ObjectStore;
use ca_server::objects::directory::Directory;
use ca_server::objects::memory::Memory;
use ca_server::objects::s3::{S3, S3Config};
use countersign_tests::bucket::Bucket;
use countersign_tests::real_s3;
use countersign_tests::s3::S3Server;

/// A store, a way to open it again, and what it is expected to show to a probe.
pub(crate) struct Backend {
    pub(crate) store: Arc<dyn ObjectStore>,
    open: Box<dyn Fn() -> Result<Arc<dyn ObjectStore>> + Send + Sync>,
    pub(crate) locked: bool,
    /// The folder or server, which goes when this is dropped.
    _keep: Box<dyn Any + Send + Sync>,
}

impl Backend {
    fn new(
        open: impl Fn() -> Result<Arc<dyn ObjectStore>> + Send + Sync + 'static,
        locked: bool,
        keep: impl Any + Send + Sync,
    ) -> Result<Option<Self>> {
        Ok(Some(Self { store: open()?, open: Box::new(open), locked, _keep: Box::new(keep) }))
    }

    /// Opens the same store as another node would.
    pub(crate) fn open(&self) -> Result<Arc<dyn ObjectStore>> {
        (self.open)()
    }
}

pub(crate) fn directory() -> Result<Option<Backend>> {
    let folder = tempfile::tempdir()?;
    let root = folder.path().join("log");
    Backend::new(move || Ok(Arc::new(Directory::create(&root)?)), false, folder)
}

pub(crate) fn memory() -> Result<Option<Backend>> {
    let bucket = Memory::new();
    Backend::new(move || Ok(Arc::new(bucket.reopen())), false, ())
}

pub(crate) fn own_s3() -> Result<Option<Backend>> {
    let server = S3Server::start()?;
    in_bucket(server.bucket(), true, server)
}

pub(crate) fn own_s3_without_lock() -> Result<Option<Backend>> {
    let server = S3Server::start()?;
    server.create_bucket("plain", false)?;
    in_bucket(Bucket { name: "plain".to_owned(), ..server.bucket() }, false, server)
}

pub(crate) fn own_s3_with_prefix() -> Result<Option<Backend>> {
    let server = S3Server::start()?;
    in_bucket(Bucket { prefix: "ca/prod/".to_owned(), ..server.bucket() }, true, server)
}

pub(crate) fn moto() -> Result<Option<Backend>> {
    let server = real_s3::moto()?;
    in_bucket(server.new_bucket(true)?, true, server)
}

pub(crate) fn moto_without_lock() -> Result<Option<Backend>> {
    let server = real_s3::moto()?;
    in_bucket(server.new_bucket(false)?, false, server)
}

pub(crate) fn localstack() -> Result<Option<Backend>> {
    match real_s3::localstack()? {
        Some(server) => in_bucket(server.new_bucket(true)?, true, server),
        None => Ok(None),
    }
}

pub(crate) fn configured() -> Result<Option<Backend>> {
    match real_s3::configured()? {
        Some(server) => in_bucket(server.new_bucket(true)?, true, server),
        None => Ok(None),
    }
}

fn in_bucket(bucket: Bucket, lock: bool, keep: impl Any + Send + Sync) -> Result<Option<Backend>> {
    // Short, because a server that keeps its word keeps these objects for as long.
    let retention = lock.then(|| Duration::from_mins(2));
    Backend::new(move || Ok(Arc::new(s3(&bucket, retention, Duration::from_secs(20)))), lock, keep)
}

/// Connects to a bucket.
pub(crate) fn s3(bucket: &Bucket, retention: Option<Duration>, deadline: Duration) -> S3 {
    let config = S3Config {
        bucket: bucket.name.clone(),
        prefix: bucket.prefix.clone(),
        region: bucket.region.clone(),
        endpoint: Some(bucket.endpoint.clone()),
        path_style: true,
        retention,
        deadline,
    };
    S3::connect_as(config, &bucket.key, &bucket.secret)
}
