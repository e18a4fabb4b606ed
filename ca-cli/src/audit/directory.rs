//! A log in a folder: the server's own, or a copy of a bucket.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ca_core::log::tile::TilePath;

use super::Objects;
use crate::failure::Result;
use crate::state::io_failure;

/// A folder with the objects of a log under their names.
#[derive(Debug)]
pub(crate) struct Directory(pub(super) PathBuf);

impl Objects for Directory {
    fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.0.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            // `tile/0/000` is asked for as a file; `tile/0/000.p` is a folder.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(io_failure("read", &path, &error)),
        }
    }

    fn list(&self, folder: &str) -> Result<Vec<String>> {
        let names = names(&self.0.join(folder))?;
        Ok(names.into_iter().map(|(name, _)| format!("{folder}{name}")).collect())
    }

    fn partials(&self, full: &TilePath) -> Result<Vec<TilePath>> {
        let folder = format!("{full}.p/");
        Ok(self.list(&folder)?.iter().filter_map(|name| name.parse().ok()).collect())
    }

    fn walk(&self, visit: &mut dyn FnMut(&str)) -> Result<bool> {
        walk(&self.0, "", visit)?;
        Ok(true)
    }

    fn threads(&self) -> usize {
        std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
    }
}

fn walk(folder: &Path, prefix: &str, visit: &mut dyn FnMut(&str)) -> Result<()> {
    for (name, is_folder) in names(folder)? {
        let name = format!("{prefix}{name}");
        if is_folder {
            walk(&folder.join(name.rsplit('/').next().unwrap_or_default()), &format!("{name}/"), visit)?;
        } else {
            visit(&name);
        }
    }
    Ok(())
}

/// Lists a folder in order: names, and whether each is a folder itself. A folder that is not there is empty.
fn names(folder: &Path) -> Result<Vec<(String, bool)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| io_failure("list", folder, &error))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| io_failure("list", folder, &error))?;
        let kind = entry.file_type().map_err(|error| io_failure("list", folder, &error))?;
        // A name that is not text is none of a log's; what stands for it is neither, and is reported.
        names.push((entry.file_name().to_string_lossy().into_owned(), kind.is_dir()));
    }
    names.sort_unstable();
    Ok(names)
}
