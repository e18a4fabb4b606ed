//! The same loads with the log in a bucket of our own S3 server, which answers at once or late.

use std::time::Duration;

use anyhow::Result;
use countersign_tests::s3::S3Server;
use countersign_tests::server::Server;
use tokio::runtime::Runtime;

use crate::report::Storage;
use crate::run::{crowd, storage};

/// Measures the loads with 0 and with 20 ms for every call to the bucket.
pub(crate) fn storages(runtime: &Runtime) -> Result<Vec<Storage>> {
    [0, 20].into_iter().map(|millis| late_by(runtime, Duration::from_millis(millis))).collect()
}

fn late_by(runtime: &Runtime, latency: Duration) -> Result<Storage> {
    let s3 = S3Server::start()?;
    let mut server = Server::start_with(Some(s3.bucket()), None)?;
    let people = crowd(&server, "client", 64)?;
    s3.faults().set_latency(latency);
    let name = format!("S3, {} ms a call", latency.as_millis());
    let measured = runtime.block_on(storage(&name, &server, &people))?;
    s3.faults().set_latency(Duration::ZERO);
    server.stop()?;
    Ok(measured)
}
