//! Listing keys in byte order without reading more folders than the answer needs.

use std::collections::BTreeSet;

use rustix::fs::{AtFlags, Dir, DirEntry, FileType, statat};
use rustix::io::Errno;

use super::fault::fault;
use super::folder::Folder;
use crate::objects::{StoreError, key};

/// Lists up to `limit` keys that start with `prefix` and sort after `after`.
pub(super) fn list(
    folder: &Folder,
    prefix: &str,
    after: &str,
    limit: usize,
) -> Result<Vec<String>, StoreError> {
    let mut walk = Walk { folder, prefix, after, limit, found: Vec::new() };
    let (start, _) = key::split(prefix);
    let start = if start.is_empty() { String::new() } else { format!("{start}/") };
    walk.folder(&start)?;
    Ok(walk.found)
}

struct Walk<'a> {
    folder: &'a Folder,
    prefix: &'a str,
    after: &'a str,
    limit: usize,
    found: Vec<String>,
}

impl Walk<'_> {
    /// Adds what is below `path` (empty, or ending in a slash).
    ///
    /// A folder sorts as its name with the slash, which is how its keys sort among its neighbours': `a-b` comes
    /// before `a/b`, though the name `a` comes before `a-b`.
    fn folder(&mut self, path: &str) -> Result<(), StoreError> {
        for entry in self.entries(path)? {
            if self.found.len() >= self.limit {
                break;
            }
            if entry.ends_with('/') { self.folder(&entry)? } else { self.found.push(entry) }
        }
        Ok(())
    }

    /// Reads one folder: its keys, at most as many as are still wanted, and the folders worth going into.
    fn entries(&self, path: &str) -> Result<BTreeSet<String>, StoreError> {
        let opened = match self.folder.open_folder(path) {
            Ok(opened) => opened,
            Err(Errno::NOENT) if !path.is_empty() => return Ok(BTreeSet::new()),
            Err(other) => return Err(fault(self.prefix, "list it")(other)),
        };
        let (mut keys, mut folders) = (BTreeSet::new(), BTreeSet::new());
        let mut dir = Dir::new(opened).map_err(fault(self.prefix, "list it"))?;
        while let Some(entry) = dir.read() {
            let entry = entry.map_err(fault(self.prefix, "list it"))?;
            let Some(name) = entry.file_name().to_str().ok().filter(|name| key::is_segment(name)) else {
                continue;
            };
            let is_folder = is_folder(&dir, &entry).map_err(fault(self.prefix, "list it"))?;
            let full = format!("{path}{name}{}", if is_folder { "/" } else { "" });
            if is_folder {
                if self.may_hold(&full) {
                    folders.insert(full);
                }
            } else if full.starts_with(self.prefix) && full.as_str() > self.after {
                keys.insert(full);
                if keys.len() > self.limit - self.found.len() {
                    keys.pop_last();
                }
            }
        }
        keys.append(&mut folders);
        Ok(keys)
    }

    fn may_hold(&self, folder: &str) -> bool {
        let on_the_way = folder.starts_with(self.prefix) || self.prefix.starts_with(folder);
        on_the_way && (folder > self.after || self.after.starts_with(folder))
    }
}

fn is_folder(dir: &Dir, entry: &DirEntry) -> Result<bool, Errno> {
    match entry.file_type() {
        FileType::Directory => Ok(true),
        // Some file systems do not say in the listing.
        FileType::Unknown => {
            let stat = statat(dir.fd()?, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)?;
            Ok(FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
        }
        _ => Ok(false),
    }
}
