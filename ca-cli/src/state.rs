//! The files `ca` keeps, under `$XDG_STATE_HOME/countersign` (`~/.local/state/countersign`), readable by their owner only.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;

use crate::failure::{Failure, Result};

/// The folder of all state.
#[derive(Clone, Debug)]
pub(crate) struct StateDir(PathBuf);

impl StateDir {
    /// Finds the folder; it is made when something is first written.
    pub(crate) fn find() -> Result<Self> {
        let no_home =
            || Failure::new("no-home", "there is no home directory").hint("Set HOME or XDG_STATE_HOME.");
        let strategy = etcetera::base_strategy::Xdg::new().map_err(|_| no_home())?;
        Ok(Self(strategy.state_dir().ok_or_else(no_home)?.join("countersign")))
    }

    /// Gives the path of a file in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Reads a file; `None` when there is none.
    pub(crate) fn read(&self, name: &str) -> Result<Option<String>> {
        let path = self.path(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_failure("read", &path, &error)),
        }
    }

    /// Writes a file that only its owner can read, whole or not at all.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path(name);
        let folder = path.parent().unwrap_or(&self.0);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| io_failure("make", folder, &error))?;
        write_atomic(&path, text.as_bytes(), 0o600)
    }

    /// Removes a file; it is no error when there is none.
    pub(crate) fn remove(&self, name: &str) -> Result<()> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(io_failure("remove", &path, &error))
            }
            _ => Ok(()),
        }
    }

    /// Lists the folders in a folder by name.
    pub(crate) fn folders(&self, name: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(name)) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort_unstable();
        names
    }
}

/// Writes a file beside its place and moves it there, so that a reader finds the old one or the new one, whole.
pub(crate) fn write_atomic(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let _ = fs::remove_file(&beside);
    let written = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&beside)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&beside);
        io_failure("write", path, &error)
    })
}

/// Says that a file or folder cannot be dealt with.
pub(crate) fn io_failure(verb: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::new("file", format!("cannot {verb} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_kept_is_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir(folder.path().join("countersign"));
        assert_eq!(state.read("a/b.json").unwrap(), None);
        state.write("a/b.json", "{}").unwrap();
        state.write("a/b.json", "{\"a\":1}").unwrap();
        assert_eq!(state.read("a/b.json").unwrap().unwrap(), "{\"a\":1}");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&state.path("a/b.json")), 0o600);
        assert_eq!(mode(&state.path("a")), 0o700);
        assert_eq!(mode(&state.path("")), 0o700);
        assert_eq!(fs::read_dir(state.path("a")).unwrap().count(), 1, "nothing is left beside it");
        state.remove("a/b.json").unwrap();
        state.remove("a/b.json").unwrap();
    }
}
