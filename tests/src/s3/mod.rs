//! An S3 server in memory: the real protocol over real sockets, exact about conditions, versions and locks.
//!
//! It answers as Amazon's documentation says, and on demand it fails ([`Faults`]) or breaks a promise ([`Lie`]). Real
//! servers are in [`real_s3`](crate::real_s3); this one is for what they cannot be made to do.

use std::sync::Arc;

use anyhow::Result;

use crate::background::Background;
use crate::bucket::Bucket;

mod bucket;
mod faults;
mod http;
mod listing;
mod lock;
mod object;
mod service;
mod shelf;
mod tamper;

pub use faults::{Fault, Faults, Lie, On};
pub use tamper::Stored;

use shelf::Shelf;

const KEY: &str = "TESTKEY";
const SECRET: &str = "test-secret-of-no-worth";
const REGION: &str = "eu-central-1";
/// The bucket every server starts with: versioned, with Object Lock.
pub const BUCKET: &str = "log";

/// A running server with one locked bucket; it ends when dropped.
#[derive(Debug)]
pub struct S3Server {
    background: Background,
    shelf: Arc<Shelf>,
    faults: Faults,
}

impl S3Server {
    /// Starts a server on a free port.
    pub fn start() -> Result<Self> {
        let faults = Faults::default();
        let shelf = Arc::new(Shelf::new(faults.clone()));
        shelf.create_bucket(BUCKET, true)?;
        let (service, served) = (service::service(Arc::clone(&shelf)), faults.clone());
        let background = Background::start("s3-server", |listener| http::serve(listener, service, served))?;
        Ok(Self { background, shelf, faults })
    }

    /// Gives the address, as a URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.background.address())
    }

    /// Gives the id of the access key.
    pub fn key(&self) -> &'static str {
        KEY
    }

    /// Gives the secret of the access key.
    pub fn secret(&self) -> &'static str {
        SECRET
    }

    /// Describes the bucket the server starts with.
    pub fn bucket(&self) -> Bucket {
        Bucket {
            endpoint: self.endpoint(),
            name: BUCKET.to_owned(),
            prefix: String::new(),
            region: REGION.to_owned(),
            key: KEY.to_owned(),
            secret: SECRET.to_owned(),
        }
    }

    /// Makes a bucket; one with lock is versioned as well.
    pub fn create_bucket(&self, name: &str, lock: bool) -> Result<()> {
        Ok(self.shelf.create_bucket(name, lock)?)
    }

    /// Gives the handle that makes it fail and lie.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }
}
