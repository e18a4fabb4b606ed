//! The whole audit over a folder in which one thing at a time is wrong.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use ca_api::Problem;
use ca_core::audit::checkpoint_key;
use ca_core::log::tile::TilePath;

use super::directory::Directory;
use super::{Earlier, Objects, Outcome, Place, verify};
use crate::failure::Result;
use crate::test_log::{TestLog, login};

/// Keeps a log in a folder.
fn write(log: &TestLog, folder: &Path) {
    for (name, bytes) in &log.objects {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

fn audit(log: &TestLog, folder: &Path, earlier: &[Earlier]) -> Outcome {
    let objects = Box::new(Directory(folder.to_owned()));
    let place = Place { name: "test".to_owned(), objects, key: log.key().clone() };
    verify(&place, earlier, true).unwrap()
}

/// Gives the objects that have findings after `change` was made to the folder of a log.
fn blamed(log: &TestLog, change: impl FnOnce(&Path)) -> BTreeSet<String> {
    let folder = tempfile::tempdir().unwrap();
    write(log, folder.path());
    change(folder.path());
    audit(log, folder.path(), &[]).findings.into_iter().map(|finding| finding.object).collect()
}

/// A log with more than one bundle.
fn long() -> TestLog {
    let mut log = TestLog::busy();
    for _ in 0..2 {
        let logins: Vec<_> = (0..130).map(|_| login()).collect();
        log.round(&logins);
    }
    log
}

#[test]
fn an_honest_log_is_clean() {
    for log in [TestLog::busy(), long()] {
        let folder = tempfile::tempdir().unwrap();
        write(&log, folder.path());
        let outcome = audit(&log, folder.path(), &[]);
        assert_eq!(outcome.findings, []);
        assert!(outcome.events_checked && outcome.is_clean());
        assert_eq!(
            (outcome.entries, outcome.counts.certificates, outcome.counts.denials),
            (log.size(), 2, 1)
        );
    }
}

#[test]
fn whatever_is_changed_is_named_and_nothing_else() {
    let (short, long) = (TestLog::busy(), long());
    let check = |log: &TestLog, name: &String, spoilt: &[u8]| {
        let blamed = blamed(log, |folder| fs::write(folder.join(name), spoilt).unwrap());
        assert_eq!(blamed, BTreeSet::from([name.clone()]));
    };
    let flip = |bytes: &Vec<u8>| {
        let mut flipped = bytes.clone();
        flipped[bytes.len() / 2] ^= 0x10;
        flipped
    };
    for (name, bytes) in &short.objects {
        let longer = [bytes, &b"\n"[..]].concat();
        for spoilt in [&flip(bytes), &longer, &bytes[..bytes.len() - 1].to_vec(), &Vec::new()] {
            check(&short, name, spoilt);
        }
    }
    for (name, bytes) in long.objects.iter().filter(|(name, _)| !name.starts_with("checkpoint")) {
        check(&long, name, &flip(bytes));
    }
}

#[test]
fn whatever_is_missing_is_named() {
    let log = long();
    let size = log.size();
    let superseded = |name: &str| {
        name.contains(".p/") && !name.ends_with(&format!("/{}", size % 256)) && !name.contains("tile/1")
    };
    for name in log.objects.keys().filter(|name| !superseded(name)) {
        let blamed = blamed(&log, |folder| fs::remove_file(folder.join(name)).unwrap());
        assert_eq!(blamed, BTreeSet::from([name.clone()]));
    }
    // Partial tiles from before may go.
    for name in log.objects.keys().filter(|name| superseded(name)) {
        assert_eq!(
            blamed(&log, |folder| fs::remove_file(folder.join(name)).unwrap()),
            BTreeSet::new(),
            "{name}"
        );
    }
}

#[test]
fn whatever_does_not_belong_is_named() {
    let log = TestLog::busy();
    for name in [
        "checkpoint.bak",
        "checkpoints/00000000000000000099",
        "journal/00000000000000000001",
        "journal/note",
        "tile/0/001",
        "tile/entries/000",
        "tile/2/000.p/1",
    ] {
        let add = |folder: &Path| {
            fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
            fs::write(folder.join(name), "x").unwrap();
        };
        assert_eq!(blamed(&log, add), BTreeSet::from([name.to_owned()]));
    }
    let probe = |folder: &Path| {
        fs::create_dir_all(folder.join("probe/1")).unwrap();
        fs::write(folder.join("probe/1/race"), "x").unwrap();
    };
    assert_eq!(blamed(&log, probe), BTreeSet::new());
}

#[test]
fn i2_a_log_that_lost_entries_is_found_by_what_was_verified_before() {
    let (mut log, folder) = (TestLog::busy(), tempfile::tempdir().unwrap());
    let short = TestLog::new();
    let note = String::from_utf8(log.objects["checkpoint"].clone()).unwrap();
    let checkpoint = ca_core::log::SignedCheckpoint::parse(&note, log.key()).unwrap();
    let earlier = [Earlier { name: "earlier".to_owned(), checkpoint }];
    write(&short, folder.path());
    let findings = audit(&short, folder.path(), &earlier).findings;
    assert!(
        matches!(&findings[..], [finding] if finding.to_string() == "earlier: the log has 4 entries, and had 7 before")
    );

    // It grew on: that is how it should be.
    log.round(&[login()]);
    write(&log, folder.path());
    let outcome = audit(&log, folder.path(), &earlier);
    assert_eq!((outcome.findings, outcome.continues), (Vec::new(), vec![("earlier".to_owned(), 7)]));

    // Another history of the same length, properly signed.
    let (mut forked, folder) = (TestLog::new(), tempfile::tempdir().unwrap());
    while forked.size() < 8 {
        forked.round(&[login()]);
    }
    write(&forked, folder.path());
    let findings = audit(&forked, folder.path(), &earlier).findings;
    assert!(
        matches!(&findings[..], [finding] if finding.object == "earlier" && finding.to_string().contains("root"))
    );
}

#[test]
fn entries_that_are_not_published_yet_are_no_finding() {
    let (mut log, folder) = (TestLog::busy(), tempfile::tempdir().unwrap());
    let published = log.objects.clone();
    log.round(&[login()]);
    let ahead: Vec<String> =
        log.objects.keys().filter(|name| !name.starts_with("journal/")).cloned().collect();
    for name in ahead {
        log.objects.remove(&name);
    }
    log.objects.extend(published);
    write(&log, folder.path());
    let outcome = audit(&log, folder.path(), &[]);
    assert_eq!(outcome.findings, []);
    assert_eq!((outcome.entries, outcome.latest.unwrap().size()), (8, 7));
}

/// A log as a server shows it to those who may not read events.
struct Public(Directory);

impl Objects for Public {
    fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        assert!(!name.starts_with("journal/"));
        self.0.get(name)
    }

    fn list(&self, folder: &str) -> Result<Vec<String>> {
        let title = "no".to_owned();
        let (kind, status) = (format!("{}denied", Problem::PREFIX), 403);
        let no =
            Problem { kind, title, status, detail: None, hint: None, retry_after_secs: None, instance: None };
        if folder == "journal/" { Err(no.into()) } else { self.0.list(folder) }
    }

    fn partials(&self, _full: &TilePath) -> Result<Vec<TilePath>> {
        Ok(Vec::new())
    }

    fn walk(&self, _visit: &mut dyn FnMut(&str)) -> Result<bool> {
        Ok(false)
    }

    fn threads(&self) -> usize {
        3
    }
}

/// A public log that grows while it is looked at: its latest checkpoint is an older one for the first `old` reads.
struct Growing {
    public: Public,
    older: Vec<u8>,
    old: std::sync::atomic::AtomicU32,
}

impl Objects for Growing {
    fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        use std::sync::atomic::Ordering::SeqCst;
        let is_old =
            name == "checkpoint" && self.old.fetch_update(SeqCst, SeqCst, |old| old.checked_sub(1)).is_ok();
        if is_old { Ok(Some(self.older.clone())) } else { self.public.get(name) }
    }

    fn list(&self, folder: &str) -> Result<Vec<String>> {
        self.public.list(folder)
    }

    fn partials(&self, full: &TilePath) -> Result<Vec<TilePath>> {
        self.public.partials(full)
    }

    fn walk(&self, visit: &mut dyn FnMut(&str)) -> Result<bool> {
        self.public.walk(visit)
    }

    fn threads(&self) -> usize {
        self.public.threads()
    }
}

/// Before, a checkpoint that was published between two reads of a server was called one of entries that are not there.
#[test]
fn a_log_that_grows_while_its_tree_is_verified_is_no_finding() {
    let log = TestLog::busy();
    let sizes = log.objects.keys().filter_map(|name| name.strip_prefix("checkpoints/")?.parse::<u64>().ok());
    let older = checkpoint_key(sizes.filter(|size| *size < log.size()).max().unwrap());
    let folder = tempfile::tempdir().unwrap();
    write(&log, folder.path());
    let audit = |old: u32| {
        let public = Public(Directory(folder.path().to_owned()));
        let objects = Growing { public, older: log.objects[&older].clone(), old: old.into() };
        let place = Place { name: "test".to_owned(), objects: Box::new(objects), key: log.key().clone() };
        verify(&place, &[], true).unwrap()
    };
    let grown = audit(2);
    assert!(grown.is_clean(), "{:?}", grown.findings);
    assert!(grown.entries < log.size());
    let stuck = audit(u32::MAX);
    assert!(stuck.findings.iter().any(|finding| finding.object == checkpoint_key(log.size())));
}

#[test]
fn without_events_the_tree_is_verified_all_the_same() {
    let log = long();
    let audit = |change: &dyn Fn(&Path)| {
        let folder = tempfile::tempdir().unwrap();
        write(&log, folder.path());
        change(folder.path());
        let objects = Box::new(Public(Directory(folder.path().to_owned())));
        verify(&Place { name: "test".to_owned(), objects, key: log.key().clone() }, &[], true).unwrap()
    };
    let outcome = audit(&|_| {});
    assert!(outcome.is_clean() && !outcome.events_checked && !outcome.all_listed);
    assert_eq!(outcome.entries, log.size());

    let partial = format!(".p/{}", log.size() % 256);
    let read = |name: &&String| name.contains("tile/1") || name.ends_with(&partial) || !name.contains(".p/");
    for (name, bytes) in
        log.objects.iter().filter(|(name, _)| !name.starts_with("journal/")).filter(|(name, _)| read(name))
    {
        for at in [0, bytes.len() / 2, bytes.len() - 1] {
            let flip = |folder: &Path| {
                let mut flipped = bytes.clone();
                flipped[at] ^= 0x10;
                fs::write(folder.join(name), flipped).unwrap();
            };
            let outcome = audit(&flip);
            assert!(
                outcome.findings.iter().any(|finding| finding.object == *name),
                "{name}: {:?}",
                outcome.findings
            );
        }
        if name.starts_with("checkpoints/") && *name != checkpoint_key(log.size()) {
            // Where rounds ended, and so where checkpoints must be, only the journal tells.
            continue;
        }
        let outcome = audit(&|folder| fs::remove_file(folder.join(name)).unwrap());
        assert!(
            outcome.findings.iter().any(|finding| finding.object == *name),
            "{name}: {:?}",
            outcome.findings
        );
    }
}

/// Measures: `COUNTERSIGN_BIG_LOG=DIR cargo test -p ca-cli big_log -- --ignored`, then `ca audit verify DIR --key DIR.vkey`.
#[test]
#[ignore = "writes a log of 100 000 certificates to measure with"]
fn big_log() {
    let folder = std::path::PathBuf::from(std::env::var("COUNTERSIGN_BIG_LOG").unwrap());
    let mut log = TestLog::new();
    for _ in 0..400 {
        let first = log.size();
        let certificates: Vec<_> = (first..first + 250).map(|index| log.certificate_at(index)).collect();
        log.round(&certificates);
    }
    write(&log, &folder);
    fs::write(folder.with_extension("vkey"), log.key().to_string()).unwrap();
}
