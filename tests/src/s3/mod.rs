//! An S3 server in memory: the real protocol over real sockets, exact about conditions, versions and locks.
//!
//! It answers as Amazon's documentation says, and on demand it fails ([`Faults`]) or breaks a promise ([`Lie`]). Real
//! servers are in [`real_s3`](crate::real_s3); this one is for what they cannot be made to do.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::Result;
use tokio::sync::oneshot;

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
    address: SocketAddr,
    shelf: Arc<Shelf>,
    faults: Faults,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl S3Server {
    /// Starts a server on a free port, in a thread with a runtime of its own, so that neither a blocking test nor a
    /// busy one slows it down.
    pub fn start() -> Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, crate::ports::free()?))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let faults = Faults::default();
        let shelf = Arc::new(Shelf::new(faults.clone()));
        shelf.create_bucket(BUCKET, true)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let serving = http::serve(listener, service::service(Arc::clone(&shelf)), faults.clone());
        let thread = std::thread::Builder::new().name("s3-server".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serving => {}
                    _ = stopped => {}
                }
            });
            // Open connections end here, as those of a server that was killed.
            runtime.shutdown_background();
        })?;
        Ok(Self { address, shelf, faults, stop: Some(stop), thread: Some(thread) })
    }

    /// Gives the address, as a URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
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

impl Drop for S3Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The thread may have ended already.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
