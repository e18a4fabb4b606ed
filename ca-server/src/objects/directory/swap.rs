//! Replacing an object if nobody else has: a lock, a comparison and a rename.

use std::os::fd::OwnedFd;
use std::thread::sleep;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use rustix::fs::{fsync, renameat};
use rustix::io::Errno;

use super::fault::fault;
use super::folder::Folder;
use crate::objects::{Class, Etag, StoreError, Swap};

/// How long to wait for another process that is replacing. It needs a millisecond; one that was stopped while it
/// holds the lock must not hang this one as well.
const PATIENCE: Duration = Duration::from_secs(10);

/// Names a version by the SHA-256 of its bytes.
pub(super) fn etag(bytes: &[u8]) -> Etag {
    Etag(hex::encode(digest(&SHA256, bytes)))
}

/// Replaces an object if it is still `expected`; the new bytes survive a power cut.
pub(super) fn replace_if(
    folder: &Folder,
    key: &str,
    bytes: &[u8],
    expected: Option<&Etag>,
) -> Result<Swap, StoreError> {
    let place = folder.place(key, Class::Immutable)?;
    let _lock = lock(folder, key)?;
    let current = folder.read(key)?.map(|bytes| etag(&bytes));
    let wanted = etag(bytes);
    if current.as_ref() == Some(&wanted) {
        return Ok(Swap::Done(wanted));
    }
    if current.as_ref() != expected {
        return Ok(Swap::Lost);
    }
    let temp = folder.temps.write(key, bytes, Class::Immutable)?;
    renameat(&folder.temps.folder, &temp.name, &place.folder, place.name)
        .map_err(fault(key, "replace it"))?;
    fsync(&place.folder).map_err(fault(key, "flush its folder"))?;
    Ok(Swap::Done(wanted))
}

fn lock(folder: &Folder, key: &str) -> Result<OwnedFd, StoreError> {
    let begun = Instant::now();
    loop {
        match folder.temps.try_lock() {
            Ok(held) => return Ok(held),
            Err(Errno::WOULDBLOCK | Errno::INTR) if begun.elapsed() < PATIENCE => {
                sleep(Duration::from_millis(1));
            }
            Err(Errno::WOULDBLOCK) => {
                let cause = format!("another process has held the lock for {PATIENCE:?}; is it stopped?");
                return Err(StoreError::Unavailable { key: key.into(), cause });
            }
            Err(other) => return Err(fault(key, "lock the folder")(other)),
        }
    }
}
