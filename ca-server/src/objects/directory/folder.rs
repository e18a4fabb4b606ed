//! The open folder: finding the place of an object in it, and reading what is there.

use std::collections::HashSet;
use std::fs::{DirBuilder, File};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rustix::fs::{CWD, Mode, OFlags, fsync, mkdirat, openat};
use rustix::io::Errno;

use super::fault::fault;
use super::temp::Temps;
use crate::objects::{Class, StoreError, key};

/// Readable by the owner's group, so that auditors need no account of the server's.
const FOLDER_MODE: u32 = 0o750;
const OPEN_FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// An opened store folder.
#[derive(Debug)]
pub(super) struct Folder {
    root: OwnedFd,
    pub(super) temps: Temps,
    /// Folders whose own names are known to be on disk, so that a put flushes its parents once, not every time.
    durable: Mutex<HashSet<String>>,
}

/// Where one object is or will be: an open folder and the name in it.
pub(super) struct Place<'key> {
    pub(super) folder: OwnedFd,
    pub(super) name: &'key str,
}

impl Folder {
    pub(super) fn make(root: &Path) -> Result<(), StoreError> {
        let shown = root.display().to_string();
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(FOLDER_MODE).create(root).map_err(fault(&shown, "make the folder"))
    }

    pub(super) fn open(root: &Path) -> Result<Self, StoreError> {
        let shown = root.display().to_string();
        let opened = openat(CWD, root, OPEN_FOLDER, Mode::empty()).map_err(|error| match error {
            Errno::NOENT => StoreError::Refused {
                key: shown.clone(),
                cause: "there is no such folder; is it mounted?".into(),
            },
            other => fault(&shown, "open the folder")(other),
        })?;
        let temps = Temps::open(&opened)?;
        Ok(Self { root: opened, temps, durable: Mutex::default() })
    }

    /// Finds the folder an object is written to, making it first where it is missing.
    ///
    /// For [`Class::Immutable`] the folder's own name is on disk when this returns: an object flushed into a folder
    /// that a power cut takes away is lost with it.
    pub(super) fn place<'key>(&self, object: &'key str, class: Class) -> Result<Place<'key>, StoreError> {
        let (path, name) = key::split(object);
        let folder = match self.open_folder(path) {
            Err(Errno::NOENT) => self.make_folders(object, path)?,
            other => other.map_err(fault(object, "open its folder"))?,
        };
        if class == Class::Immutable && !self.durable().contains(path) {
            self.flush_parents(object, path)?;
            self.durable().insert(path.to_owned());
        }
        Ok(Place { folder, name })
    }

    /// Reads an object whole, or `None` where there is none.
    pub(super) fn read(&self, object: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let mut file = match openat(&self.root, object, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(other) => return Err(fault(object, "open it")(other)),
        };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(fault(object, "read it"))?;
        Ok(Some(bytes))
    }

    /// Opens a folder below the root (the root itself for the empty path).
    pub(super) fn open_folder(&self, path: &str) -> Result<OwnedFd, Errno> {
        openat(&self.root, if path.is_empty() { "." } else { path }, OPEN_FOLDER, Mode::empty())
    }

    fn make_folders(&self, object: &str, path: &str) -> Result<OwnedFd, StoreError> {
        for parent in ancestors(path) {
            self.durable().remove(parent);
            match mkdirat(&self.root, parent, Mode::from_raw_mode(FOLDER_MODE)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(other) => return Err(fault(object, "make its folder")(other)),
            }
        }
        self.open_folder(path).map_err(fault(object, "open its folder"))
    }

    /// Flushes the name of every folder on the way to `path`, also of those another process made and may not have
    /// flushed yet.
    fn flush_parents(&self, object: &str, path: &str) -> Result<(), StoreError> {
        for parent in ancestors(path) {
            let (above, _) = key::split(parent);
            let above = self.open_folder(above).map_err(fault(object, "open its folder"))?;
            fsync(above).map_err(fault(object, "flush its folder"))?;
        }
        Ok(())
    }

    fn durable(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Yields `a`, `a/b`, `a/b/c` for `a/b/c`; nothing for the root.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    let slashes = path.match_indices('/').map(|(at, _)| at);
    let whole = (!path.is_empty()).then_some(path.len());
    slashes.chain(whole).map(move |end| &path[..end])
}

#[cfg(test)]
mod tests {
    use super::ancestors;

    #[test]
    fn ancestors_run_from_the_top_down() {
        assert_eq!(ancestors("").count(), 0);
        assert_eq!(ancestors("a").collect::<Vec<_>>(), ["a"]);
        assert_eq!(ancestors("a/b/c").collect::<Vec<_>>(), ["a", "a/b", "a/b/c"]);
    }
}
