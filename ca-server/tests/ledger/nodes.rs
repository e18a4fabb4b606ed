//! Several nodes on one bucket.

use std::collections::HashSet;
use std::sync::Arc;

use ca_core::cert::{LogStanding, Report, Trust, UnverifiedCertificate, Validity};
use ca_core::log::journal;
use ca_server::ledger::{Committed, Ledger};
use ca_server::objects::memory::{Fault, When};

use super::audit::audit;
use super::stores::{Gate, Gated};
use super::support::{Ask, NOON, Node, Seen, World, ca, event, log_keys, sign, soon, until};

/// The world as another node sees it: the same bucket and clock, a database of its own.
fn apart(world: &World) -> World {
    World { seen: Seen::default(), ..world.clone() }
}

/// Appends from several tasks, one after the other in each.
async fn chatter(node: Arc<Node>, number: u64) -> Vec<Committed> {
    let mut answers = Vec::new();
    for turn in 0..20 {
        let first = number * 1000 + turn * 10;
        let ask = Ask::new(u128::from(first));
        answers.extend(node.append_all([event(first), ask.draft(), event(first + 1)]).await);
        if turn % 4 == 0 {
            tokio::task::yield_now().await;
        }
    }
    answers
}

async fn race(nodes: u64) {
    let world = World::new().await;
    let mut running = Vec::new();
    for _ in 0..nodes {
        running.push(Arc::new(apart(&world).node("racer").await));
    }
    let tasks: Vec<_> = (0..).zip(&running).map(|(n, node)| tokio::spawn(chatter(node.clone(), n))).collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.extend(task.await.unwrap());
    }
    for node in running {
        Arc::into_inner(node).unwrap().stop().await;
    }
    let log = audit(&world.bucket).await;
    assert_eq!(log.size(), 1 + nodes * 60, "everything once, and nothing else");
    let places: HashSet<u64> = answers.iter().map(|committed| committed.index).collect();
    assert_eq!(places.len(), answers.len(), "two answers for one place");
    for committed in answers {
        log.holds(&committed);
        if committed.precert.is_some() {
            verifies(committed);
        }
    }
}

/// Looks a certificate over as a host would.
fn verifies(committed: Committed) {
    let certificate = sign(committed);
    let parsed = UnverifiedCertificate::from_bytes(certificate.bytes()).unwrap();
    let (ca_keys, log_key) = (vec![ca().public().clone()], Some(log_keys().verifier().clone()));
    let trust = Trust { ca_keys, log_key, ..Trust::default() };
    let report = Report::new(&parsed, &trust, ca_core::time::UnixMillis(NOON).seconds());
    assert!(report.signature.is_ok() && report.ca_pinned == Some(true), "{report:?}");
    assert!(matches!(report.validity, Validity::Valid { .. }), "{report:?}");
    assert!(matches!(report.log, LogStanding::Proven(_)), "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn l3_two_sequencers_make_one_chain() {
    race(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn l3_three_sequencers_make_one_chain() {
    race(3).await;
}

#[tokio::test(start_paused = true)]
async fn l3_a_node_that_slept_goes_on_where_the_others_are() {
    let world = World::new().await;
    let sleeper = apart(&world).node("sleeper").await;
    let busy = world.node("busy").await;
    let known = Ask::new(1);
    let first = busy.ask(&known).await.unwrap();
    for number in 0..30 {
        busy.append(event(number)).await.unwrap();
    }
    let late = sleeper.append(event(99)).await.unwrap();
    assert_eq!(late.index, 32);
    let again = sleeper.ask(&known).await.unwrap();
    assert_eq!(sign(again).bytes(), sign(first).bytes());
    busy.append(event(100)).await.unwrap();
    busy.stop().await;
    sleeper.stop().await;
    assert_eq!(audit(&world.bucket).await.size(), 34);
}

/// The round is under way when the other node commits the same request at the same place.
#[tokio::test(start_paused = true)]
async fn l3_i8_the_loser_of_a_race_finds_its_own_request_in_the_winning_round() {
    let world = World::new().await;
    let store = Gated::new(world.bucket.reopen(), journal::PREFIX);
    let loser = apart(&world).node_on(Arc::new(store.clone()), "loser").await;
    let winner = world.node("winner").await;
    let (same, own) = (Ask::new(1), Ask::new(2));

    store.set(Gate::Shut);
    let racing = loser.try_all([same.draft(), own.draft(), event(1)]);
    let winning = async {
        store.holds_one().await;
        let won = winner.ask(&same).await.unwrap();
        store.set(Gate::Open);
        won
    };
    let (lost, won) = tokio::join!(racing, winning);
    let [same, own, event] = lost.try_into().unwrap();
    assert_eq!(sign(same.unwrap()).bytes(), sign(won).bytes(), "one request, two certificates");
    assert_eq!((own.unwrap().index, event.unwrap().index), (2, 3), "the rest goes on behind the winner");
    loser.stop().await;
    winner.stop().await;
    assert_eq!(audit(&world.bucket).await.size(), 4);
}

#[tokio::test(start_paused = true)]
async fn l3_what_a_dead_node_left_is_published_by_one_that_is_idle() {
    let world = World::new().await;
    let idle = apart(&world).node("idle").await;
    let mortal = World { bucket: world.bucket.reopen(), ..apart(&world) };
    mortal.bucket.fail(When::prefix("tile/"), Fault::KilledBefore);
    let node = mortal.node_here("mortal").await;
    let answered = node.ask(&Ask::new(1)).await.unwrap();
    soon("it dies publishing", mortal.bucket.killed()).await;

    until("the idle node publishes it", || idle.ledger.health().sizes() == (2, 2)).await;
    audit(&world.bucket).await.holds(&answered);
    idle.stop().await;
}

#[tokio::test(start_paused = true)]
async fn l3_of_two_nodes_that_create_the_log_one_does() {
    let world = World::default();
    let other = apart(&world);
    let (one, two) = tokio::join!(
        Ledger::create(world.setup("one"), Arc::new(world.seen.clone())),
        Ledger::create(other.setup("two"), Arc::new(other.seen.clone())),
    );
    assert_eq!(u8::from(one.is_ok()) + u8::from(two.is_ok()), 1, "{one:?} {two:?}");
    for (ledger, tasks) in [one, two].into_iter().flatten() {
        Node::of(ledger, tasks).stop().await;
    }
    assert_eq!(audit(&world.bucket).await.size(), 1);
}

/// The slow node learns the version of the further checkpoint with its first round, and must not use it for the second.
#[tokio::test(start_paused = true)]
async fn l3_l5_a_slow_publisher_never_moves_the_checkpoint_back() {
    let world = World::new().await;
    let store = Gated::new(world.bucket.reopen(), "tile/");
    let slow = apart(&world).node_on(Arc::new(store.clone()), "slow").await;
    store.set(Gate::Shut);
    slow.append(event(1)).await.unwrap();
    store.holds_one().await;
    slow.append(event(2)).await.unwrap();
    let fast = world.node("fast").await;
    fast.append(event(3)).await.unwrap();
    fast.stop().await;
    store.set(Gate::Open);
    slow.stop().await;
    assert_eq!(audit(&world.bucket).await.size(), 4);
}
