//! Files that hold keys: read only when nobody else can read them (S3), written so that nobody else ever could.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// No key file is longer than this, in bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretFileError {
    /// It cannot be opened, read or written.
    #[error("{path}: {cause}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// Others can read it.
    #[error(
        "{path} can be read by others (mode {mode:04o}): run `chmod 600 {path}`, and replace the key if somebody may have read it"
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to another user of the system.
    #[error(
        "{path} belongs to user {owner}, not to the user the server runs as ({own}): run `chown {own} {path}`"
    )]
    Owner {
        /// The file.
        path: PathBuf,
        /// The owner's number.
        owner: u32,
        /// The number of the user this process runs as.
        own: u32,
    },
    /// It does not hold what it should.
    #[error("{path}: {expected}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
}

/// Reads a key file; refuses one that others can read or that is another user's.
pub fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, SecretFileError> {
    let io = |cause| SecretFileError::Io { path: path.to_owned(), cause };
    let file = File::open(path).map_err(io)?;
    // The opened file is judged, not the name: it cannot be swapped in between.
    let metadata = file.metadata().map_err(io)?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(SecretFileError::Exposed { path: path.to_owned(), mode });
    }
    let own = rustix::process::geteuid().as_raw();
    if metadata.uid() != own {
        return Err(SecretFileError::Owner { path: path.to_owned(), owner: metadata.uid(), own });
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

/// Reads a key file that holds text.
pub fn read_text(path: &Path) -> Result<Zeroizing<String>, SecretFileError> {
    let bytes = read(path)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| content(path, "it should hold text"))?;
    Ok(Zeroizing::new(text.trim().to_owned()))
}

/// Creates a key file for its owner alone; fails when it exists.
pub fn create(path: &Path, bytes: &[u8]) -> Result<(), SecretFileError> {
    let io = |cause| SecretFileError::Io { path: path.to_owned(), cause };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io)
}

/// Puts a key file for its owner alone in the place of the one there is: readers see one or the other, whole.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), SecretFileError> {
    let io = |cause| SecretFileError::Io { path: path.to_owned(), cause };
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    // One that was left by a process that died is nobody's.
    match std::fs::remove_file(&new) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => return Err(io(cause)),
        _ => create(&new, bytes)?,
    }
    std::fs::rename(&new, path).map_err(io)?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)
}

/// Says that a file does not hold what it should.
pub fn content(path: &Path, expected: &'static str) -> SecretFileError {
    SecretFileError::Content { path: path.to_owned(), expected }
}
