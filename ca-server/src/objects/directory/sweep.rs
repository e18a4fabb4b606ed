//! Removing what earlier runs left: temporary files of a crash, and the objects of start-up probes.

use std::fs::{self, DirEntry};
use std::path::Path;
use std::time::Duration;

use super::temp;
use crate::objects::probe;

/// Younger ones may belong to another process that is writing or probing now.
const OLD: Duration = Duration::from_mins(15);

/// Removes old leftovers; one that cannot be removed costs a few bytes and is tried again at the next start.
pub(super) fn leftovers(root: &Path) {
    for file in old(&root.join(temp::NAME)) {
        // Without its name the lock would be two locks: one for who has the file open, one for who comes later.
        if file.file_name() != temp::LOCK {
            let _ = fs::remove_file(file.path());
        }
    }
    for folder in old(&root.join(probe::FOLDER)) {
        let _ = fs::remove_dir_all(folder.path());
    }
}

fn old(folder: &Path) -> Vec<DirEntry> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(is_old).collect()
}

fn is_old(entry: &DirEntry) -> bool {
    let age =
        entry.metadata().and_then(|about| about.modified()).map(|when| when.elapsed().unwrap_or_default());
    age.is_ok_and(|age| age > OLD)
}
