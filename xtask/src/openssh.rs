//! A current OpenSSH beside the system's, so that certificates are shown to both.
//!
//! Debian's packages of it are fetched by apt with a configuration of its own and unpacked into the target folder;
//! nothing is installed, and each program runs on the C library it came with.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::cargo::target;

/// The programs, and where Debian puts them.
const PROGRAMS: [(&str, &str); 5] = [
    ("ssh", "usr/bin/ssh"),
    ("ssh-keygen", "usr/bin/ssh-keygen"),
    ("sshd", "usr/sbin/sshd"),
    ("sshd-session", "usr/lib/openssh/sshd-session"),
    ("sshd-auth", "usr/lib/openssh/sshd-auth"),
];

/// Gives the folder with the programs, fetched once; `None`, after saying so, when they cannot be had.
pub(crate) fn newer() -> Option<PathBuf> {
    let folder = target().join("tools/openssh");
    let programs = folder.join("bin");
    if version(&programs).is_none()
        && let Err(error) = fetch(&folder)
    {
        println!("a current OpenSSH cannot be had ({error:#}); only the system's is tried");
        return None;
    }
    println!("{}", version(&programs)?);
    Some(programs)
}

/// Gives what its `ssh -V` says, if it runs.
pub(crate) fn version(programs: &Path) -> Option<String> {
    let done = Command::new(programs.join("ssh")).arg("-V").output().ok().filter(|o| o.status.success())?;
    Some(String::from_utf8_lossy(&done.stderr).trim().to_owned())
}

fn fetch(folder: &Path) -> Result<()> {
    println!(
        "fetching a current OpenSSH from Debian's development branch, some 20 MB, not to be installed …"
    );
    let _ = fs::remove_dir_all(folder);
    for part in ["lists/partial", "cache/archives/partial", "root", "bin"] {
        fs::create_dir_all(folder.join(part))?;
    }
    let apt = apt_configuration(folder)?;
    run(Command::new("apt-get").env("APT_CONFIG", &apt).args(["--quiet", "--quiet", "update"]))?;
    let download = ["--quiet", "--quiet", "--yes", "--no-install-recommends", "--download-only", "install"];
    run(Command::new("apt-get")
        .env("APT_CONFIG", &apt)
        .args(download)
        .args(["openssh-server", "openssh-client"]))?;
    for package in fs::read_dir(folder.join("cache/archives"))? {
        let package = package?.path();
        if package.extension().is_some_and(|e| e == "deb") {
            run(Command::new("dpkg-deb").arg("--extract").arg(package).arg(folder.join("root")))?;
        }
    }
    fs::remove_dir_all(folder.join("cache"))?;
    fs::remove_dir_all(folder.join("lists"))?;
    PROGRAMS.iter().try_for_each(|(name, path)| wrap(folder, name, path))
}

/// Tells apt to know only Debian's development branch, and to believe that nothing is installed.
fn apt_configuration(folder: &Path) -> Result<PathBuf> {
    const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
    let sources = folder.join("sources.list");
    fs::write(&sources, format!("deb [signed-by={KEYS}] http://deb.debian.org/debian sid main\n"))?;
    fs::write(folder.join("status"), "")?;
    let settings = [
        ("Dir::Etc::sourcelist", "sources.list"),
        ("Dir::State::lists", "lists"),
        ("Dir::State::status", "status"),
        ("Dir::Cache", "cache"),
    ];
    let mut text = "Dir::Etc::sourceparts \"/dev/null\";\nDebug::NoLocking \"true\";\n".to_owned();
    for (setting, path) in settings {
        let _ = writeln!(text, "{setting} \"{}\";", folder.join(path).display());
    }
    if let Some(user) = std::env::var_os("USER") {
        let _ = writeln!(text, "APT::Sandbox::User \"{}\";", user.display());
    }
    let path = folder.join("apt.conf");
    fs::write(&path, text)?;
    Ok(path)
}

/// Writes a script that runs a program on the libraries it came with.
fn wrap(folder: &Path, name: &str, path: &str) -> Result<()> {
    let root = folder.join("root");
    let loader = loader(&root.join("usr/lib"))?;
    let libraries = loader.parent().context("the loader lies in a folder")?.display().to_string();
    let script = format!(
        "#!/bin/sh\nexec {} --library-path {libraries}:{libraries}/systemd {} \"$@\"\n",
        loader.display(),
        root.join(path).display()
    );
    let program = folder.join("bin").join(name);
    fs::write(&program, script)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// Finds the program that loads programs, whatever the machine's architecture.
fn loader(libraries: &Path) -> Result<PathBuf> {
    for folder in fs::read_dir(libraries)? {
        let folder = folder?.path();
        let Ok(files) = fs::read_dir(&folder) else { continue };
        let mut names = files.filter_map(|f| Some(f.ok()?.path()));
        let is_loader =
            |path: &PathBuf| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("ld-linux"));
        if let Some(loader) = names.find(is_loader) {
            return Ok(loader);
        }
    }
    bail!("no loader in {}", libraries.display())
}

fn run(command: &mut Command) -> Result<()> {
    let done = command.stdin(Stdio::null()).output()?;
    if done.status.success() {
        return Ok(());
    }
    let name = command.get_program().display().to_string();
    bail!("{name}: {}", String::from_utf8_lossy(&done.stderr).trim())
}
