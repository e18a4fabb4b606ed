//! The folder: disks that fail (L9), power cuts, and what crashes leave behind.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use ca_server::objects::directory::Directory;
use ca_server::objects::{Class, ObjectStore, Put, StoreError, probe::probe};
use tempfile::TempDir;

fn store() -> Result<(TempDir, PathBuf, Directory)> {
    let folder = tempfile::tempdir()?;
    let root = folder.path().join("log");
    let store = Directory::create(&root)?;
    Ok((folder, root, store))
}

async fn put(store: &Directory, key: &str, bytes: impl Into<Bytes>, class: Class) -> Result<Put, StoreError> {
    store.put_new(key, bytes.into(), class).await
}

fn age(path: &Path, by: Duration) -> Result<()> {
    Ok(File::open(path)?.set_modified(SystemTime::now() - by)?)
}

#[tokio::test]
async fn a_missing_folder_is_refused_and_not_made() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let root = folder.path().join("not-mounted");
    let opened = Directory::open(&root);
    assert!(matches!(opened, Err(StoreError::Refused { .. })), "{opened:?}");
    assert!(!root.exists());
    Ok(())
}

#[tokio::test]
async fn a_folder_that_goes_away_is_an_error_and_not_an_empty_log() -> Result<()> {
    let (_folder, root, store) = store()?;
    put(&store, "journal/0", "x", Class::Immutable).await?;
    fs::remove_dir_all(&root)?;
    let written = put(&store, "journal/1", "x", Class::Immutable).await;
    assert!(written.is_err(), "{written:?}");
    assert!(!root.exists());
    Ok(())
}

#[tokio::test]
async fn l9_a_file_in_the_way_is_refused_until_it_is_gone() -> Result<()> {
    let (_folder, root, store) = store()?;
    fs::write(root.join("journal"), "in the way")?;
    let written = put(&store, "journal/0", "x", Class::Immutable).await;
    let said = written.as_ref().err().map(ToString::to_string).unwrap_or_default();
    assert!(
        matches!(written, Err(StoreError::Refused { .. })) && said.contains("a file stands"),
        "{written:?}"
    );
    // A log that cannot be looked at must not look empty.
    assert!(store.get("journal/0").await.is_err());
    assert!(store.list("journal/", None, 10).await.is_err());
    fs::remove_file(root.join("journal"))?;
    assert_eq!(put(&store, "journal/0", "x", Class::Immutable).await?, Put::Created);
    Ok(())
}

/// A small file system of its own, unmounted when dropped.
struct Disk(PathBuf);

impl Disk {
    /// Mounts it, or gives `None` and a line that says so where that is not allowed.
    fn mount(at: &Path) -> Option<Self> {
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(at);
        if command.output().is_ok_and(|done| done.status.success()) {
            return Some(Self(at.to_owned()));
        }
        eprintln!("left out: only root can mount a disk that is full or read-only");
        None
    }

    fn remount(&self, option: &str) -> Result<()> {
        let mut command = Command::new("mount");
        let done = command.arg("-o").arg(format!("remount,{option}")).arg(&self.0).output()?;
        anyhow::ensure!(done.status.success(), "mount: {}", String::from_utf8_lossy(&done.stderr));
        Ok(())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, as the store may have files open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[tokio::test]
async fn l9_a_full_disk_is_unavailable_until_there_is_room() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(disk) = Disk::mount(folder.path()) else { return Ok(()) };
    let store = Directory::open(&disk.0)?;
    put(&store, "journal/0", "x", Class::Immutable).await?;
    fs::write(disk.0.join("ballast"), vec![0; 40_000])?;
    let big = vec![b'x'; 40_000];
    let written = put(&store, "journal/1", big.clone(), Class::Immutable).await;
    let said = written.as_ref().err().map(ToString::to_string).unwrap_or_default();
    assert!(
        matches!(written, Err(StoreError::Unavailable { .. })) && said.contains("disk is full"),
        "{written:?}"
    );
    assert_eq!(store.get("journal/1").await?, None);
    assert_eq!(fs::read_dir(disk.0.join("TMP"))?.count(), 0, "the half-written file takes up room");
    assert!(store.get("journal/0").await?.is_some());
    fs::remove_file(disk.0.join("ballast"))?;
    assert_eq!(put(&store, "journal/1", big, Class::Immutable).await?, Put::Created);
    Ok(())
}

#[tokio::test]
async fn l9_a_read_only_disk_is_refused_until_it_is_writable() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(disk) = Disk::mount(folder.path()) else { return Ok(()) };
    let store = Directory::open(&disk.0)?;
    put(&store, "journal/0", "x", Class::Immutable).await?;
    disk.remount("ro")?;
    for result in [
        put(&store, "journal/1", "x", Class::Immutable).await.err(),
        store.replace_if("checkpoint", Bytes::from_static(b"x"), None).await.err(),
    ] {
        let said = result.as_ref().map(ToString::to_string).unwrap_or_default();
        assert!(
            matches!(result, Some(StoreError::Refused { .. })) && said.contains("read-only"),
            "{result:?}"
        );
    }
    assert!(store.get("journal/0").await?.is_some());
    disk.remount("rw")?;
    assert_eq!(put(&store, "journal/1", "x", Class::Immutable).await?, Put::Created);
    Ok(())
}

#[tokio::test]
async fn a_derived_object_that_a_power_cut_tore_is_mended() -> Result<()> {
    let whole = "0123456789";
    for torn in ["", "0123", "0123\0\0\0\0\0\0", "\0\0\0\x00456789"] {
        let (_folder, root, store) = store()?;
        for class in [Class::Derived, Class::Immutable] {
            let key = format!("tile/{class:?}").to_lowercase();
            put(&store, &key, torn, class).await?;
            // A machine that runs makes nothing torn: this is another writer's.
            assert_eq!(put(&store, &key, whole, class).await?, Put::Exists, "{torn:?}");
            age(&root.join(&key), Duration::from_hours(24 * 365 * 20))?;
            let mended = put(&store, &key, whole, class).await?;
            let expected = if class == Class::Derived { Put::Created } else { Put::Exists };
            assert_eq!(mended, expected, "{torn:?} {class:?}");
        }
        assert_eq!(store.get("tile/derived").await?.context("gone")?.bytes, whole);
    }
    let (_folder, root, store) = store()?;
    put(&store, "tile/0", "other", Class::Derived).await?;
    age(&root.join("tile/0"), Duration::from_hours(24 * 365 * 20))?;
    assert_eq!(put(&store, "tile/0", whole, Class::Derived).await?, Put::Exists);
    Ok(())
}

#[tokio::test]
async fn old_leftovers_go_at_the_next_start_and_nothing_else_does() -> Result<()> {
    let (_folder, root, store) = store()?;
    put(&store, "journal/0", "x", Class::Immutable).await?;
    store.replace_if("checkpoint", Bytes::from_static(b"x"), None).await?;
    probe(&store).await?;
    fs::write(root.join("TMP/00-1"), "of a crash")?;
    fs::write(root.join("TMP/00-2"), "being written")?;
    let old = Duration::from_hours(1);
    for path in ["TMP/00-1", "TMP/LOCK", "journal/0", "journal", "checkpoint"] {
        age(&root.join(path), old)?;
    }
    let probed = fs::read_dir(root.join("probe"))?.next().context("no probe")??.path();
    age(&probed, old)?;
    let store = Directory::open(&root)?;
    assert!(!root.join("TMP/00-1").exists() && !probed.exists());
    assert!(root.join("TMP/00-2").exists() && root.join("TMP/LOCK").exists());
    assert_eq!(store.list("", None, 10).await?, ["checkpoint", "journal/0"]);
    Ok(())
}

#[tokio::test]
async fn others_have_no_access() -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, root, store) = store()?;
    put(&store, "journal/0", "x", Class::Immutable).await?;
    for path in ["", "journal", "journal/0", "TMP"] {
        let mode = fs::metadata(root.join(path))?.permissions().mode();
        assert_eq!(mode & 0o027, 0, "{path:?} has mode {mode:o}");
    }
    Ok(())
}

#[tokio::test]
async fn a_probe_is_quick() -> Result<()> {
    let (_folder, _root, store) = store()?;
    let mut fastest = Duration::MAX;
    for _ in 0..5 {
        let begun = Instant::now();
        probe(&store).await?;
        fastest = fastest.min(begun.elapsed());
    }
    // The first certificate is due 300 ms after the start; other tests share this machine.
    assert!(fastest < Duration::from_millis(150), "{fastest:?}");
    eprintln!("a probe of a folder takes {fastest:?}");
    Ok(())
}
