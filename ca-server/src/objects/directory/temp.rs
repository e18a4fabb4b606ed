//! Temporary files: where bytes are complete before they get a name.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, fsync, mkdirat, openat, unlinkat};
use rustix::io::Errno;

use super::fault::fault;
use crate::objects::{Class, StoreError};

/// The folder of temporary files. In capitals, which no key can have: nothing in it is ever an object.
pub(super) const NAME: &str = "TMP";
/// The lock file in it that serialises [`super::swap`] between processes.
pub(super) const LOCK: &str = "LOCK";
const FILE_MODE: u32 = 0o640;

/// The opened folder of temporary files and the supply of names in it.
#[derive(Debug)]
pub(super) struct Temps {
    pub(super) folder: OwnedFd,
    /// Random for each open, as two containers on one volume can both be process 1.
    mine: u64,
    next: AtomicU64,
}

/// A temporary file; its name goes when this is dropped, whatever became of the bytes.
pub(super) struct Temp<'temps> {
    folder: &'temps OwnedFd,
    pub(super) name: String,
}

impl Temps {
    pub(super) fn open(root: &OwnedFd) -> Result<Self, StoreError> {
        match mkdirat(root, NAME, Mode::from_raw_mode(0o750)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(other) => return Err(fault(NAME, "make the folder")(other)),
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = openat(root, NAME, flags, Mode::empty()).map_err(fault(NAME, "open the folder"))?;
        let mine = getrandom::u64()
            .map_err(|error| StoreError::Unavailable { key: NAME.into(), cause: error.to_string() })?;
        Ok(Self { folder, mine, next: AtomicU64::new(0) })
    }

    /// Writes a temporary file, flushed if the object it becomes has to survive a power cut.
    ///
    /// Flushing comes before naming: the other way round, a cut between the two leaves a named object with a hole.
    pub(super) fn write(&self, object: &str, bytes: &[u8], class: Class) -> Result<Temp<'_>, StoreError> {
        let name = format!("{:016x}-{}", self.mine, self.next.fetch_add(1, Ordering::Relaxed));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = openat(&self.folder, &name, flags, Mode::from_raw_mode(FILE_MODE))
            .map_err(fault(object, "create a temporary file"))?;
        let temp = Temp { folder: &self.folder, name };
        let mut file = File::from(file);
        file.write_all(bytes).map_err(fault(object, "write it"))?;
        if class == Class::Immutable {
            fsync(&file).map_err(fault(object, "flush it"))?;
        }
        Ok(temp)
    }

    /// Opens the lock file anew: a lock belongs to the opening, so this excludes threads as well as processes.
    pub(super) fn try_lock(&self) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC;
        let file = openat(&self.folder, LOCK, flags, Mode::from_raw_mode(FILE_MODE))?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(file)
    }
}

impl Drop for Temp<'_> {
    fn drop(&mut self) {
        // Renamed away, or left for `sweep` to find: nothing depends on it.
        let _ = unlinkat(self.folder, &self.name, AtFlags::empty());
    }
}
