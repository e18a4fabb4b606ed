//! Putting a KRL in its place: checked by the host's own OpenSSH, and then whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use ca_core::ssh::PublicKey;

use crate::failure::{Failure, Result};
use crate::output;
use crate::state::io_failure;

/// A file that is gone when this is dropped, if it was not moved away.
struct Beside(PathBuf);

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Writes the KRL beside its place, asks `ssh-keygen` to read it, and moves it there. `any_key` is a public key to ask
/// about; what the answer is does not matter.
pub(super) fn install(bytes: &[u8], file: &Path, any_key: &PublicKey) -> Result<()> {
    let krl = write_beside(file, "new", bytes)?;
    let key = write_beside(file, "pub", format!("{any_key}\n").as_bytes())?;
    ask_openssh(&krl.0, &key.0)?;
    drop(key);
    fs::rename(&krl.0, file).map_err(|error| io_failure("write", file, &error))?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| io_failure("sync", folder, &error))
}

fn write_beside(file: &Path, what: &str, bytes: &[u8]) -> Result<Beside> {
    let name = file.file_name().ok_or_else(|| Failure::new("usage", "name a file, not a folder"))?;
    let mut beside = OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}.{what}", std::process::id()));
    let path = file.with_file_name(beside);
    let _ = fs::remove_file(&path);
    let opened = OpenOptions::new().write(true).create_new(true).open(&path);
    let mut opened = opened.map_err(|error| io_failure("write", &path, &error))?;
    let beside = Beside(path);
    let written = opened
        .write_all(bytes)
        .and_then(|()| opened.set_permissions(Permissions::from_mode(0o644)))
        .and_then(|()| opened.sync_all());
    written.map_err(|error| io_failure("write", &beside.0, &error))?;
    Ok(beside)
}

/// Has the host's own OpenSSH read it: whether it knows the key as revoked or not, it must say so in its words.
fn ask_openssh(krl: &Path, key: &Path) -> Result<()> {
    let mut command = Command::new("ssh-keygen");
    let asked = match command.arg("-Q").arg("-f").arg(krl).arg(key).output() {
        Ok(asked) => asked,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            output::note("There is no ssh-keygen here, so only `ca` has read the KRL.");
            return Ok(());
        }
        Err(error) => return Err(Failure::new("ssh-keygen", format!("cannot run ssh-keygen: {error}"))),
    };
    let said = String::from_utf8_lossy(&asked.stdout);
    let line = said.trim_end();
    let understood = (asked.status.code() == Some(0) && line.ends_with(": ok"))
        || (asked.status.code() == Some(1) && line.ends_with(": REVOKED"));
    if understood {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&asked.stderr);
    let complaint = complaint.lines().next().unwrap_or("it says nothing").to_owned();
    Err(Failure::new("bad-krl", format!("this host's OpenSSH does not read the KRL: {complaint}")))
}
