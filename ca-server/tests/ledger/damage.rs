//! Objects lost, damaged, swapped or put back (L5, L6): found at the start, rebuilt from the journal or refused by name.

use std::sync::Arc;

use ca_core::log::Checkpoint;
use ca_core::log::hash::Hash;
use ca_core::log::journal::{self, Round};
use ca_core::log::key::NoteSigner;
use ca_server::ledger::{Ledger, LogKeys, RecoverError, Setup};
use ca_server::objects::memory::Memory;

use super::audit::audit;
use super::support::{Ask, LOG_SEED, Node, ORIGIN, Seen, World, event, soon, until};

/// A log of three rounds with certificates, over a tile boundary: 1 + 2 + 260 + 3 entries.
async fn log() -> World {
    let world = World::new().await;
    let node = world.node("builder").await;
    node.append_all([event(1), Ask::new(1).draft()]).await;
    node.append_all((0..260).map(event)).await;
    node.append_all([Ask::new(2).draft(), event(2), Ask::new(3).draft()]).await;
    node.stop().await;
    world
}

const SIZE: u64 = 266;
const STARTS: [u64; 4] = [0, 1, 3, 263];

/// Opens, does nothing, stops: what was rebuilt is right.
async fn mends_itself(world: &World) {
    world.open().await.unwrap().stop().await;
    assert_eq!(audit(&world.bucket).await.size(), SIZE);
    let node = world.open().await.unwrap();
    assert_eq!(node.ask(&Ask::new(3)).await.unwrap().index, SIZE - 1, "I8 holds");
    node.append(event(9)).await.unwrap();
    node.stop().await;
    assert_eq!(audit(&world.bucket).await.size(), SIZE + 1);
}

/// The error that a start ends with.
async fn refused(world: &World) -> String {
    let error = world.open().await.unwrap_err();
    let other = World { seen: Seen::default(), ..world.clone() };
    let created = Ledger::create(other.setup("other"), Arc::new(other.seen.clone())).await;
    assert!(created.is_err(), "and nothing is made over it");
    error.to_string()
}

fn cut_back(error: &str, seen: u64) {
    assert!(error.contains(&format!("entry {seen} was seen")), "{error}");
    assert!(error.contains("cut back"), "{error}");
}

fn signer(seed: u8) -> NoteSigner {
    NoteSigner::from_seed(ORIGIN, &[seed; 32]).unwrap()
}

#[tokio::test(start_paused = true)]
async fn l5_a_lost_older_foreign_or_broken_checkpoint_is_rebuilt() {
    let old = |world: &World| world.bytes("checkpoints/00000000000000000003");
    let foreign = Checkpoint::new(ORIGIN.parse().unwrap(), 500, Hash([1; 32])).sign(&signer(66)).unwrap();
    for case in ["lost", "older", "first", "foreign", "garbage", "empty"] {
        for forgotten in [false, true] {
            let world = log().await;
            let bytes = match case {
                "lost" => None,
                "older" => Some(old(&world)),
                "first" => Some(world.bytes("checkpoints/00000000000000000001")),
                "foreign" => Some(foreign.note().as_bytes().to_vec()),
                "garbage" => Some(b"\xff\0garbage\n\n".to_vec()),
                _ => Some(Vec::new()),
            };
            world.bucket.remove("checkpoint");
            if let Some(bytes) = bytes {
                world.bucket.overwrite("checkpoint", bytes.into());
            }
            let seen = if forgotten { Seen::default() } else { world.seen.clone() };
            mends_itself(&World { seen, ..world }).await;
        }
    }
}

/// Somebody puts back an old checkpoint, or takes it away, while a node runs.
#[tokio::test(start_paused = true)]
async fn l5_a_checkpoint_moved_back_under_a_running_node_comes_forward_again() {
    for lost in [false, true] {
        let world = log().await;
        let node = world.open().await.unwrap();
        let old = world.bytes("checkpoints/00000000000000000003");
        world.bucket.remove("checkpoint");
        if !lost {
            world.bucket.overwrite("checkpoint", old.into());
        }
        node.append(event(1)).await.unwrap();
        node.stop().await;
        assert_eq!(audit(&world.bucket).await.size(), SIZE + 1);
    }
}

/// Signed by this log, and not of this journal: whatever happened, to write on would be a fork.
#[tokio::test(start_paused = true)]
async fn l5_i2_a_checkpoint_of_another_tree_is_refused() {
    for (size, key) in [
        (SIZE, "checkpoint"),
        (3, "checkpoint"),
        (2, "checkpoint"),
        (SIZE + 5, "checkpoint"),
        (SIZE + 5, "checkpoints/00000000000000000271"),
    ] {
        let world = log().await;
        let fork = Checkpoint::new(ORIGIN.parse().unwrap(), size, Hash([1; 32])).sign(&signer(7)).unwrap();
        world.bucket.overwrite(key, fork.note().as_bytes().to_vec().into());
        cut_back(&refused(&world).await, size);
    }
}

#[tokio::test(start_paused = true)]
async fn l5_a_lost_checkpoint_of_the_past_stops_nobody() {
    let world = log().await;
    let key = "checkpoints/00000000000000000003";
    let bytes = world.bucket.remove(key).unwrap();
    let node = world.open().await.unwrap();
    node.append(event(1)).await.unwrap();
    node.stop().await;
    world.bucket.overwrite(key, bytes);
    assert_eq!(audit(&world.bucket).await.size(), SIZE + 1);
}

#[tokio::test(start_paused = true)]
async fn l5_a_foreign_object_among_the_checkpoints_stops_nobody() {
    let world = log().await;
    world.bucket.overwrite("checkpoints/00000000000000000300", b"garbage"[..].into());
    world.open().await.unwrap().stop().await;
    world.bucket.remove("checkpoints/00000000000000000300");
    assert_eq!(audit(&world.bucket).await.size(), SIZE);
}

const EDGE: [&str; 3] = ["tile/0/001.p/10", "tile/1/000.p/1", "tile/entries/001.p/10"];

#[tokio::test(start_paused = true)]
async fn l5_a_tile_that_is_gone_is_rebuilt() {
    for tile in EDGE {
        let world = log().await;
        assert!(world.bucket.remove(tile).is_some(), "{tile}");
        mends_itself(&world).await;
    }
    let world = log().await;
    for key in world.bucket.keys().iter().filter(|key| key.starts_with("tile/")) {
        world.bucket.remove(key);
    }
    mends_itself(&world).await;
}

/// Nothing is overwritten; the alarm stays until somebody has looked, and then it heals without a restart.
#[tokio::test(start_paused = true)]
async fn l5_l6_a_tile_that_was_changed_is_an_alarm_until_it_is_removed() {
    for tile in EDGE {
        let world = log().await;
        let mut bytes = world.bytes(tile);
        bytes[7] ^= 1;
        world.bucket.overwrite(tile, bytes.clone().into());
        let node = world.open().await.unwrap();
        let health = Arc::clone(node.ledger.health());
        until("it is not ready", || !health.is_good()).await;
        assert_eq!(world.bytes(tile), bytes, "it is kept as evidence");
        world.bucket.remove(tile);
        until("it is ready", || health.is_good() && health.sizes() == (SIZE, SIZE)).await;
        node.stop().await;
        assert_eq!(audit(&world.bucket).await.size(), SIZE);
    }
}

#[tokio::test(start_paused = true)]
async fn l5_i2_a_journal_that_was_cut_back_is_refused() {
    let key = journal::object_key(STARTS[3]);
    // What is left to know of the end: this node's memory, `checkpoint`, and `checkpoints/`.
    for left in ["seen", "checkpoint", "checkpoints/00000000000000000266"] {
        let world = log().await;
        world.bucket.remove(&key);
        for other in ["checkpoint", "checkpoints/00000000000000000266"] {
            if other != left {
                world.bucket.remove(other);
            }
        }
        let seen = if left == "seen" { world.seen.clone() } else { Seen::default() };
        cut_back(&refused(&World { seen, ..world }).await, SIZE);
    }
}

#[tokio::test(start_paused = true)]
async fn l5_i2_a_bucket_that_was_emptied_is_refused_by_who_has_seen_it() {
    let world = log().await;
    for key in world.bucket.keys() {
        world.bucket.remove(&key);
    }
    cut_back(&world.open().await.unwrap_err().to_string(), SIZE);
    let created = Ledger::create(world.setup("again"), Arc::new(world.seen.clone())).await;
    cut_back(&created.unwrap_err().to_string(), SIZE);
    assert_eq!(world.bucket.keys(), Vec::<String>::new(), "nothing was written");

    let world = log().await;
    for key in world.bucket.keys().iter().filter(|key| key.starts_with("journal/")) {
        world.bucket.remove(key);
    }
    let stranger = World { seen: Seen::default(), ..world };
    cut_back(&refused(&stranger).await, SIZE);
}

/// A copy of the bucket that was restored and written on, with rounds that end elsewhere or at the same places.
#[tokio::test(start_paused = true)]
async fn l5_i2_a_restored_copy_that_went_on_is_refused_by_who_has_seen_the_original() {
    for rounds in [vec![2, 3], vec![5], vec![4, 4], vec![1, 30]] {
        let world = log().await;
        let restored = World { bucket: copy(&world), seen: Seen::default(), time: world.time.clone() };
        world.grow(5).await;
        for events in rounds {
            restored.grow(events).await;
        }
        audit(&restored.bucket).await;
        let node = World { seen: world.seen.clone(), ..restored.clone() };
        cut_back(&node.open().await.unwrap_err().to_string(), SIZE + 5);
    }
}

fn copy(world: &World) -> Memory {
    let bucket = Memory::new();
    for key in world.bucket.keys() {
        bucket.overwrite(&key, world.bytes(&key).into());
    }
    bucket
}

#[tokio::test(start_paused = true)]
async fn l5_a_database_rolled_back_does_no_harm() {
    let world = log().await;
    let old = world.seen.copy();
    world.grow(20).await;
    world.grow(20).await;
    for seen in [old, Seen::default()] {
        let restored = World { seen, ..world.clone() };
        restored.grow(1).await;
        assert_eq!(
            restored.seen.note(),
            Some(String::from_utf8(world.bytes("checkpoint")).unwrap()),
            "it catches up"
        );
    }
    assert_eq!(audit(&world.bucket).await.size(), SIZE + 42);
}

/// Every kind of damage to every object that a start reads.
#[tokio::test(start_paused = true)]
async fn l6_a_damaged_journal_object_is_refused_by_name() {
    let sound = log().await;
    for first in STARTS {
        let key = journal::object_key(first);
        let good = sound.bytes(&key);
        let mut damaged = vec![
            good[..good.len() - 1].to_vec(),
            good[..good.len() / 2].to_vec(),
            Vec::new(),
            [good.as_slice(), b"{}\n"].concat(),
            sound.bytes(&journal::object_key(STARTS[usize::from(first == 0)])),
            resigned(&good, &signer(66)),
        ];
        for part in 0..16 {
            let mut flipped = good.clone();
            let at = (good.len() - 1) * part / 15;
            flipped[at] ^= 1;
            damaged.push(flipped);
        }
        for (kind, bytes) in damaged.into_iter().enumerate() {
            let world = World { bucket: copy(&sound), seen: sound.seen.copy(), time: sound.time.clone() };
            world.bucket.overwrite(&key, bytes.into());
            let error = refused(&world).await;
            assert!(error.contains(&key), "{key}, damage {kind}: {error}");
        }
    }
}

/// The same round signed by another key: whoever can write to the bucket can do this.
fn resigned(object: &[u8], signer: &NoteSigner) -> Vec<u8> {
    let keys = LogKeys::new(ORIGIN.parse().unwrap(), &LOG_SEED).unwrap();
    Round::verify(object, keys.origin(), keys.verifier()).unwrap().sign(keys.origin(), signer).unwrap()
}

#[tokio::test(start_paused = true)]
async fn l5_a_gap_in_the_journal_is_refused() {
    for first in &STARTS[..3] {
        let world = log().await;
        let key = journal::object_key(*first);
        world.bucket.remove(&key);
        world.bucket.remove("checkpoint");
        let error = refused(&world).await;
        let next = STARTS[STARTS.iter().position(|start| start == first).unwrap() + 1];
        assert!(error.contains(&journal::object_key(next)), "{first}: {error}");
    }
}

/// An object that only somebody with access to the bucket could have put at the next place.
#[tokio::test(start_paused = true)]
async fn l5_a_foreign_object_at_the_next_place_stops_commits_and_readiness_until_it_is_gone() {
    let world = log().await;
    let node = world.open().await.unwrap();
    let health = Arc::clone(node.ledger.health());
    let key = journal::object_key(SIZE);
    world.bucket.overwrite(&key, resigned(&world.bytes(&journal::object_key(0)), &signer(66)).into());
    let error = node.append(event(1)).await.unwrap_err().to_string();
    assert!(error.contains(&key), "{error}");
    assert!(!health.is_good());
    assert!(refused(&world).await.contains(&key));
    world.bucket.remove(&key);
    until("it is ready", || health.is_good()).await;
    node.append(event(2)).await.unwrap();
    node.stop().await;
    assert_eq!(audit(&world.bucket).await.size(), SIZE + 1);
}

/// A round that this log has signed, but not on this tree: what a fork looks like from within.
#[tokio::test(start_paused = true)]
async fn l5_i2_a_round_of_another_tree_is_never_taken_up() {
    let world = log().await;
    let node = world.open().await.unwrap();
    let sound = world.bytes(&journal::object_key(0));
    let keys = LogKeys::new(ORIGIN.parse().unwrap(), &LOG_SEED).unwrap();
    let lines = Round::verify(&sound, keys.origin(), keys.verifier()).unwrap().lines().to_vec();
    let other = (0..SIZE).map(|_| Hash([1; 32])).collect();
    let fork = Round::new(other, 0, lines).unwrap().sign(keys.origin(), &signer(7)).unwrap();
    let key = journal::object_key(SIZE);
    world.bucket.overwrite(&key, fork.into());
    for _ in 0..2 {
        let error = node.append(event(1)).await.unwrap_err().to_string();
        assert!(error.contains(&key), "{error}");
    }
    assert!(refused(&world).await.contains(&key));
    world.bucket.remove(&key);
    node.append(event(2)).await.unwrap();
    node.stop().await;
    assert_eq!(audit(&world.bucket).await.size(), SIZE + 1);
}

#[tokio::test(start_paused = true)]
async fn l5_the_log_of_another_authority_is_refused() {
    let world = log().await;
    for (origin, seed) in [("other.example.com/log", LOG_SEED), (ORIGIN, [66; 32])] {
        let keys = Arc::new(LogKeys::new(origin.parse().unwrap(), &seed).unwrap());
        let setup = Setup { keys, ..world.setup("stranger") };
        let seen = Seen::default();
        let opened = Node::open(setup.clone(), &seen).await.unwrap_err();
        assert!(
            matches!(&opened, RecoverError::Object { key, .. } if key.starts_with("journal/")),
            "{opened}"
        );
        let created = Ledger::create(setup, Arc::new(seen)).await.unwrap_err();
        assert!(matches!(created, RecoverError::LogExists), "{created}");
    }
    assert_eq!(audit(&world.bucket).await.size(), SIZE);
}

/// More rounds than one listing gives, and more than are published at once.
#[tokio::test(start_paused = true)]
async fn l5_a_log_of_many_rounds_is_rebuilt_from_its_beginning() {
    let world = World::new().await;
    let node = world.node("builder").await;
    soon("all is appended", async {
        for number in 0..1100 {
            node.append(event(number)).await.unwrap();
        }
    })
    .await;
    node.stop().await;
    for key in world.bucket.keys().iter().filter(|key| !key.starts_with("journal/")) {
        world.bucket.remove(key);
    }
    let node = world.open().await.unwrap();
    node.append(event(0)).await.unwrap();
    node.stop().await;
    let log = audit(&world.bucket).await;
    assert_eq!((log.size(), log.rounds.len()), (1102, 1102));
}
