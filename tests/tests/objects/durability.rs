//! What is on disk when a call returns. Nothing short of a power cut shows it, so the system calls are looked at.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use bytes::Bytes;
use ca_server::objects::directory::Directory;
use ca_server::objects::{Class, ObjectStore};

/// Set for the process that is watched: the folder to write in.
const WATCHED: &str = "COUNTERSIGN_TEST_WATCHED_FOLDER";
const CALLS: &str = "trace=openat,mkdirat,linkat,renameat,fsync";

/// Writes one object of each kind where a watcher asks for it, and nothing otherwise.
#[tokio::test]
async fn watched() -> Result<()> {
    let Ok(folder) = std::env::var(WATCHED) else { return Ok(()) };
    let store = Directory::create(Path::new(&folder))?;
    store.put_new("journal/0", Bytes::from_static(b"x"), Class::Immutable).await?;
    store.put_new("journal/1", Bytes::from_static(b"x"), Class::Immutable).await?;
    store.put_new("journal/1", Bytes::from_static(b"x"), Class::Immutable).await?;
    store.put_new("tile/0/000", Bytes::from_static(b"x"), Class::Derived).await?;
    store.replace_if("checkpoint", Bytes::from_static(b"x"), None).await?;
    Ok(())
}

#[test]
fn what_commits_is_flushed_before_and_after_it_gets_its_name() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let trace = folder.path().join("trace");
    let mut command = Command::new("strace");
    command.args(["-f", "-e", CALLS, "-o"]).arg(&trace).arg(std::env::current_exe()?);
    command.args(["--exact", "durability::watched"]).env(WATCHED, folder.path().join("log"));
    let Ok(done) = command.output() else {
        eprintln!("left out: strace is not installed");
        return Ok(());
    };
    ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let calls = calls(&std::fs::read_to_string(trace)?);
    // The file, its name, its folder; the first time also the folder's own name, in the root.
    assert_eq!(
        calls,
        [
            "mkdir journal",
            "fsync .",
            "fsync TMP/*",
            "link journal/0",
            "fsync journal",
            "fsync TMP/*",
            "link journal/1",
            "fsync journal",
            // It was there: whoever wrote it may not have come to the flush.
            "fsync TMP/*",
            "link journal/1",
            "fsync journal/1",
            "fsync journal",
            "mkdir tile",
            "mkdir tile/0",
            "link tile/0/000",
            "fsync TMP/*",
            "rename checkpoint",
            "fsync .",
        ]
    );
    Ok(())
}

/// Tells the calls on the store's folder in words, with names for the numbers of open files.
fn calls(trace: &str) -> Vec<String> {
    let mut open = HashMap::<String, String>::new();
    let mut told = Vec::new();
    // Everything before the store's own folder is opened belongs to the program's start.
    for line in trace.lines().skip_while(|line| !line.contains("\"TMP\"")) {
        if let Some(call) = told_call(line, &mut open) {
            told.push(call);
        }
    }
    told
}

fn told_call(line: &str, open: &mut HashMap<String, String>) -> Option<String> {
    let (_, line) = line.split_once(' ')?;
    let (call, rest) = line.trim_start().split_once('(')?;
    let quoted: Vec<&str> = rest.split('"').skip(1).step_by(2).collect();
    let within = |folder: &str, name: &str| match open.get(folder).map_or("", String::as_str) {
        "" | "." => name.to_owned(),
        "TMP" => "TMP/*".to_owned(),
        folder => format!("{folder}/{name}"),
    };
    match call {
        "openat" => {
            let (name, number) = (quoted.first()?, rest.rsplit_once("= ")?.1.split(' ').next()?);
            let name = within(rest.split(',').next()?, name);
            open.insert(number.to_owned(), name);
            None
        }
        "mkdirat" => quoted.first().filter(|name| **name != "TMP").map(|name| format!("mkdir {name}")),
        // While it waits, another thread's call may cut the line after the number.
        "fsync" => Some(format!("fsync {}", open.get(rest.split([')', ' ']).next()?)?)),
        "linkat" | "renameat" => {
            let to = rest.split(", ").nth(2)?;
            Some(format!("{} {}", call.strip_suffix("at")?, within(to, quoted.get(1)?)))
        }
        _ => None,
    }
}
