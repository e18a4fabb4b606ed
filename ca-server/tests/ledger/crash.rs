//! A fault at every single write.

use std::sync::{Arc, Mutex};

use ca_core::log::journal;
use ca_server::ledger::{Committed, LedgerError};
use ca_server::objects::memory::{Fault, Memory, When};

use super::audit::{audit, readable};
use super::support::{Ask, Node, Seen, Time, World, event, open_or_create, setup, soon};

const FAULTS: [Fault; 4] =
    [Fault::NotStored, Fault::StoredButErrored, Fault::KilledBefore, Fault::KilledAfter];

/// Something to be appended.
#[derive(Clone, Debug)]
enum Work {
    Event(u64),
    Ask(Box<Ask>),
}

impl Work {
    fn draft(&self) -> ca_server::ledger::Draft {
        match self {
            Self::Event(number) => event(*number),
            Self::Ask(ask) => ask.draft(),
        }
    }
}

/// The rounds of one life of a node; what is in one is appended at once.
type Script = Vec<Vec<Work>>;

/// Some rounds of every kind: one entry, several, the same request twice, only certificates, only events.
fn script(life: u64, filler: u64) -> Script {
    let ask = |number: u64| Work::Ask(Box::new(Ask::new(u128::from(life * 1000 + number))));
    let events = |count: u64| (0..count).map(move |n| Work::Event(life * 1000 + n));
    vec![
        vec![ask(1)],
        events(filler).collect(),
        vec![Work::Event(1), ask(2), ask(3), Work::Event(2)],
        vec![ask(1), ask(4), ask(4), ask(3)],
        vec![Work::Event(3)],
        vec![ask(5), ask(6), ask(2)],
    ]
}

/// What a life left behind.
#[derive(Debug, Default)]
struct Diary {
    answered: Mutex<Vec<(Work, Committed)>>,
    refused: Mutex<Vec<Work>>,
}

impl Diary {
    async fn live(&self, node: &Node, time: &Time, script: &Script) {
        for round in script {
            time.pass(700);
            // Refused until the answer says otherwise: a killed node gives none.
            let first = {
                let mut refused = self.refused.lock().unwrap();
                refused.extend(round.iter().cloned());
                refused.len() - round.len()
            };
            let answers = node.try_all(round.iter().map(Work::draft)).await;
            let mut refused = self.refused.lock().unwrap();
            let tried = refused.split_off(first);
            for (work, answer) in tried.into_iter().zip(answers) {
                match answer {
                    Ok(committed) => self.answered.lock().unwrap().push((work, committed)),
                    Err(LedgerError::Unavailable(_)) => refused.push(work),
                    Err(other) => panic!("{other}"),
                }
            }
        }
    }
}

/// Runs a node on this connection until its script is done or a fault kills it; gives the writes it began.
fn life(bucket: &Memory, seen: &Seen, time: &Time, diary: &Diary, script: &Script) -> u64 {
    // Time is paused: it jumps ahead when nothing can run, so no life waits for a pause between two tries.
    let builder = &mut tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).build().unwrap();
    let store = Arc::new(bucket.clone());
    let run = async {
        let opened = open_or_create(setup(store.clone(), "node", time), seen).await;
        // The fault may meet the first entry: then the process ends, and its supervisor starts it again.
        let Ok((ledger, tasks)) = opened else { return };
        let node = Node::of(ledger, tasks);
        diary.live(&node, time, script).await;
        node.stop().await;
    };
    runtime.block_on(soon("the node lives or dies", async {
        tokio::select! {
            () = run => {}
            () = bucket.killed() => {}
        }
    }));
    runtime.shutdown_background();
    bucket.writes()
}

/// One cell of the table: a fault at one write, another life after it, and the audit.
fn cell(filler: u64, write: u64, fault: Fault) -> u64 {
    let (bucket, seen, time, diary) = (Memory::new(), Seen::default(), Time::default(), Diary::default());
    bucket.fail(When::Write(write), fault);
    let writes = life(&bucket, &seen, &time, &diary, &script(1, filler));
    wait(readable(&bucket.reopen()));

    // Whoever got no answer asks again, whoever got one does so too, and life goes on.
    let unanswered = std::mem::take(&mut *diary.refused.lock().unwrap());
    let asked: Vec<(Work, Committed)> = diary.answered.lock().unwrap().clone();
    let again = asked.iter().map(|(work, _)| work.clone()).filter(|work| matches!(work, Work::Ask(_)));
    let again: Vec<Work> = again.collect();
    let mut second = vec![unanswered, again.clone()];
    second.extend(script(2, 3));
    second.retain(|round| !round.is_empty());
    life(&bucket.reopen(), &seen, &time, &diary, &second);

    check(&bucket, &diary);
    writes
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn check(bucket: &Memory, diary: &Diary) {
    let log = wait(audit(&bucket.reopen()));
    assert!(diary.refused.lock().unwrap().is_empty(), "the second life answers everything");
    let mut certificates = std::collections::HashMap::new();
    for (work, committed) in diary.answered.lock().unwrap().iter() {
        log.holds(committed);
        let Work::Ask(ask) = work else { continue };
        let bytes = super::support::sign(committed.clone()).bytes().to_vec();
        let first = certificates.entry(ask.id).or_insert_with(|| bytes.clone());
        assert!(*first == bytes, "A13: {} has two certificates", ask.id);
        assert_eq!(log.requests[&ask.id.to_string()], committed.index);
    }
}

fn table(filler: u64) {
    let clean = cell(filler, u64::MAX, Fault::NotStored);
    for write in 1..=clean {
        for fault in FAULTS {
            let told = std::panic::catch_unwind(|| cell(filler, write, fault));
            assert!(told.is_ok(), "write {write} of {clean}, {fault:?}");
        }
    }
}

#[test]
fn l4_i2_i7_a_fault_at_every_write_of_a_short_log() {
    table(5);
}

#[test]
fn l4_i2_i7_a_fault_at_every_write_over_a_tile_boundary() {
    table(254);
}

#[tokio::test(start_paused = true)]
async fn l4_a_node_killed_twice_in_the_same_place_recovers() {
    for fault in [Fault::KilledBefore, Fault::KilledAfter] {
        let world = World::new().await;
        for prefix in [journal::PREFIX, "tile/", "checkpoints/", "checkpoint"] {
            for number in 0..2 {
                let connection = World { bucket: world.bucket.reopen(), ..world.clone() };
                connection.bucket.fail(When::prefix(prefix), fault);
                let node = connection.node_here("mortal").await;
                let ask = Ask::new(number);
                tokio::select! {
                    _ = node.ask(&ask) => soon("it dies publishing", connection.bucket.killed()).await,
                    () = connection.bucket.killed() => {}
                }
            }
        }
        world.node("heir").await.stop().await;
        audit(&world.bucket).await;
    }
}
