//! One function for each promise.

use bytes::Bytes;

use super::together::together;
use super::{FOLDER, ProbeError};
use crate::objects::{Class, LockProof, ObjectStore, Put, StoreError, Swap};

/// Enough creators that a store which looks before it writes is caught.
const CREATORS: u8 = 16;
const SWAPPERS: u8 = 8;

const OTHER_STORE: &str = "use another store, or on Ceph a bucket without versioning";

/// The keys of one probe, which no other probe has.
pub(super) struct Keys(String);

impl Keys {
    pub(super) fn random() -> Result<Self, StoreError> {
        let random = getrandom::u64().map_err(|error| StoreError::Unavailable {
            key: FOLDER.to_owned(),
            cause: format!("no randomness for its name: {error}"),
        })?;
        Ok(Self(format!("{FOLDER}/{random:016x}")))
    }

    fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.0)
    }
}

/// An object stays what it was created as, whoever creates it again.
pub(super) async fn create_only(store: &dyn ObjectStore, keys: &Keys) -> Result<(), ProbeError> {
    let broken = |seen: &str| broken("create-only", seen, OTHER_STORE);
    let key = keys.key("create");
    if store.get(&key).await?.is_some() {
        return Err(broken("a key of 64 random bits was taken"));
    }
    let (first, second) = (Bytes::from_static(b"first"), Bytes::from_static(b"second"));
    if store.put_new(&key, first.clone(), Class::Immutable).await? != Put::Created {
        return Err(broken("a new object was said to exist"));
    }
    if store.put_new(&key, second, Class::Immutable).await? != Put::Exists {
        return Err(broken("a second creator of the same object won"));
    }
    if store.put_new(&key, first.clone(), Class::Immutable).await? != Put::Created {
        return Err(broken("a repeated creation was not recognised"));
    }
    match store.get(&key).await? {
        Some(there) if there.bytes == first => Ok(()),
        Some(_) => Err(broken("a second creator changed the object")),
        None => Err(read_after_write("an object just created is not there")),
    }
}

/// Of many creators at once one wins, and its bytes stay.
pub(super) async fn race(store: &dyn ObjectStore, keys: &Keys) -> Result<(), ProbeError> {
    let key = keys.key("race");
    let results = together((0..CREATORS).map(|n| store.put_new(&key, contestant(n), Class::Derived))).await;
    let mut winners = Vec::new();
    for (number, result) in (0..CREATORS).zip(results) {
        if result? == Put::Created {
            winners.push(number);
        }
    }
    let [winner] = winners[..] else {
        let seen = format!("{} of {CREATORS} creators at once won", winners.len());
        return Err(broken("the race for a key", &seen, OTHER_STORE));
    };
    holds(store, &key, &contestant(winner), "the race for a key").await
}

/// Of many that replace the same version one wins; a version that is gone replaces nothing.
pub(super) async fn swap(store: &dyn ObjectStore, keys: &Keys) -> Result<(), ProbeError> {
    const PROMISE: &str = "compare-and-swap";
    let broken = |seen: &str| broken(PROMISE, seen, OTHER_STORE);
    let key = keys.key("swap");
    let Swap::Done(old) = store.replace_if(&key, Bytes::from_static(b"old"), None).await? else {
        return Err(broken("an object that did not exist could not be made"));
    };
    if store.replace_if(&key, Bytes::from_static(b"another"), None).await? != Swap::Lost {
        return Err(broken("an object that exists was made anew"));
    }
    let results = together((0..SWAPPERS).map(|n| store.replace_if(&key, contestant(n), Some(&old)))).await;
    let mut winners = Vec::new();
    for (number, result) in (0..SWAPPERS).zip(results) {
        if result? != Swap::Lost {
            winners.push(number);
        }
    }
    let [winner] = winners[..] else {
        return Err(broken(&format!("{} of {SWAPPERS} at once replaced the same version", winners.len())));
    };
    if store.replace_if(&key, Bytes::from_static(b"late"), Some(&old)).await? != Swap::Lost {
        return Err(broken("a version that was replaced before was replaced again"));
    }
    holds(store, &key, &contestant(winner), PROMISE).await
}

/// A listing shows what was just written, in order, and goes on where it is told to.
pub(super) async fn listing(store: &dyn ObjectStore, keys: &Keys) -> Result<(), ProbeError> {
    let names = ["list/1", "list/2", "list/3/4"].map(|name| keys.key(name));
    // Written backwards, so that the order of writing is not taken for sorting.
    let written =
        together(names.iter().rev().map(|key| store.put_new(key, contestant(0), Class::Derived))).await;
    for result in written {
        result?;
    }
    let prefix = keys.key("list/");
    let whole = store.list(&prefix, None, 10).await?;
    let middle = store.list(&prefix, Some(&names[0]), 1).await?;
    if whole == names && middle == names[1..2] {
        return Ok(());
    }
    Err(read_after_write(&format!(
        "of three new keys a listing shows {}, of one {}",
        whole.len(),
        middle.len()
    )))
}

/// What is locked cannot be deleted, where a lock is configured.
pub(super) async fn lock(store: &dyn ObjectStore, keys: &Keys) -> Result<LockProof, ProbeError> {
    let proof = store.prove_lock(&keys.key("lock")).await?;
    match &proof.broken {
        Some(seen) => {
            let remedy = "make the bucket with Object Lock (it cannot be added everywhere), \
                          or configure no retention and accept that the log can be rewritten";
            Err(broken("the configured lock", seen, remedy))
        }
        None => Ok(proof),
    }
}

async fn holds(
    store: &dyn ObjectStore,
    key: &str,
    winner: &Bytes,
    promise: &'static str,
) -> Result<(), ProbeError> {
    match store.get(key).await? {
        Some(there) if there.bytes == winner => Ok(()),
        Some(_) => {
            Err(broken(promise, "one was told that it won, and another's bytes are there", OTHER_STORE))
        }
        None => Err(read_after_write("an object just written is not there")),
    }
}

fn contestant(number: u8) -> Bytes {
    Bytes::from(format!("contestant {number}"))
}

fn read_after_write(seen: &str) -> ProbeError {
    broken(
        "reading after writing",
        seen,
        "use a store that is strongly consistent, without a cache in between",
    )
}

fn broken(promise: &'static str, seen: &str, remedy: &'static str) -> ProbeError {
    ProbeError::Broken { promise, seen: seen.to_owned(), remedy }
}
