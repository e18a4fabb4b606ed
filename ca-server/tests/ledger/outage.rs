//! Stores that are down, full or slow, and clocks that are wrong.

use std::sync::Arc;

use ca_core::log::journal;
use ca_server::ledger::LedgerError;
use ca_server::objects::memory::{Fault, When};

use super::audit::audit;
use super::stores::{Gate, Gated};
use super::support::{Ask, NOON, World, event, sign, until};

#[tokio::test(start_paused = true)]
async fn l1_i10_nothing_is_granted_while_the_store_is_down_and_it_comes_back_by_itself() {
    let world = World::new().await;
    let node = world.node_here("node").await;
    let health = Arc::clone(node.ledger.health());
    let ask = Ask::new(1);
    world.bucket.set_down(true);
    for _ in 0..3 {
        assert!(matches!(node.ask(&ask).await, Err(LedgerError::Unavailable(_))));
        assert!(matches!(node.append(event(1)).await, Err(LedgerError::Unavailable(_))));
        assert!(!health.is_good());
    }
    world.bucket.set_down(false);
    until("it is ready again without being asked", || health.is_good()).await;
    let committed = node.ask(&ask).await.unwrap();
    assert_eq!(committed.index, 1, "nothing of the outage was recorded");
    node.stop().await;
    audit(&world.bucket).await.holds(&committed);
}

#[tokio::test(start_paused = true)]
async fn l1_an_idle_node_notices_that_the_store_is_down() {
    let world = World::new().await;
    let node = world.node_here("node").await;
    let health = Arc::clone(node.ledger.health());
    assert!(health.is_good());
    world.bucket.set_down(true);
    until("it is not ready", || !health.is_good()).await;
    world.bucket.set_down(false);
    until("it is ready", || health.is_good()).await;
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn l9_a_store_that_can_only_be_read_is_not_ready() {
    let world = World::new().await;
    let store = Gated::new(world.bucket.reopen(), "");
    let node = world.node_on(Arc::new(store.clone()), "node").await;
    let health = Arc::clone(node.ledger.health());
    store.set(Gate::Refuse);
    assert!(matches!(node.append(event(1)).await, Err(LedgerError::Unavailable(_))));
    store.holds_one().await;
    // Two tries of its own, found by what comes to the gate: reads alone must not make it ready.
    for _ in 0..2 {
        store.holds_one().await;
        assert!(!health.is_good());
    }
    store.set(Gate::Open);
    until("it is ready", || health.is_good()).await;
    assert_eq!(node.append(event(2)).await.unwrap().index, 1);
    node.stop().await;
    audit(&world.bucket).await;
}

/// Nobody asks again: the round of the lost reply is in the log, so it has to be published all the same.
#[tokio::test(start_paused = true)]
async fn l2_a_round_whose_reply_was_lost_is_published_without_new_traffic() {
    let world = World::new().await;
    let node = world.node_here("node").await;
    let health = Arc::clone(node.ledger.health());
    world.bucket.fail(When::prefix(journal::PREFIX), Fault::StoredButErrored);
    assert!(node.ask(&Ask::new(1)).await.is_err());
    until("it is published", || health.sizes() == (2, 2) && health.is_good()).await;
    node.stop().await;
    assert_eq!(audit(&world.bucket).await.size(), 2);
}

#[tokio::test(start_paused = true)]
async fn l1_a_publication_that_fails_is_tried_again_and_overtaken_by_nothing() {
    for (prefix, fault) in [
        ("tile/", Fault::NotStored),
        ("tile/", Fault::StoredButErrored),
        ("checkpoints/", Fault::NotStored),
        ("checkpoints/", Fault::StoredButErrored),
        ("checkpoint", Fault::NotStored),
        ("checkpoint", Fault::StoredButErrored),
    ] {
        let world = World::new().await;
        let node = world.node_here("node").await;
        world.bucket.fail(When::prefix(prefix), fault);
        for number in 0..3 {
            node.append(event(number)).await.unwrap();
        }
        let health = Arc::clone(node.ledger.health());
        node.stop().await;
        assert!(health.is_good());
        assert_eq!(audit(&world.bucket).await.size(), 4);
    }
}

/// The deadline passes at once, as the time is paused.
#[tokio::test(start_paused = true)]
async fn l1_l2_a_store_that_does_not_answer_is_given_up_and_its_late_write_is_found() {
    let world = World::new().await;
    let store = Gated::new(world.bucket.reopen(), journal::PREFIX);
    let node = world.node_on(Arc::new(store.clone()), "node").await;
    let health = Arc::clone(node.ledger.health());
    store.set(Gate::Shut);
    let ask = Ask::new(1);
    let refused = node.ask(&ask).await;
    assert!(matches!(refused, Err(LedgerError::Unavailable(_))), "{refused:?}");
    assert!(!health.is_good());
    store.set(Gate::Open);
    let key = journal::object_key(1);
    until("the write that was given up arrives after all", || world.bucket.keys().contains(&key)).await;
    let committed = node.ask(&ask).await.unwrap();
    assert_eq!(committed.index, 1);
    node.stop().await;
    audit(&world.bucket).await.holds(&committed);
}

#[tokio::test(start_paused = true)]
async fn l1_commits_are_refused_while_too_much_is_unpublished() {
    let world = World::new().await;
    let store = Gated::new(world.bucket.reopen(), "tile/");
    let node = world.node_on(Arc::new(store.clone()), "node").await;
    let health = Arc::clone(node.ledger.health());
    store.set(Gate::Shut);
    let mut committed = 0;
    let refused = loop {
        match node.append(event(committed)).await {
            Ok(_) => committed += 1,
            Err(error) => break error,
        }
        assert!(committed < 1000, "the publisher's queue has an end");
    };
    assert!(matches!(refused, LedgerError::Unavailable(_)), "{refused:?}");
    assert!(!health.is_good());
    store.set(Gate::Open);
    until("it is ready", || health.is_good()).await;
    let next = node.append(event(committed)).await.unwrap();
    assert_eq!(next.index, 1 + committed, "what was refused was not committed");
    node.stop().await;
    audit(&world.bucket).await.holds(&next);
}

#[tokio::test(start_paused = true)]
async fn l8_a_clock_an_hour_back_records_nothing() {
    let world = World::new().await;
    let node = world.node("node").await;
    node.append(event(1)).await.unwrap();
    world.time.set(NOON - 3_600_000);
    let ask = Ask::at(NOON - 3_600_000, 1);
    let refused = node.ask(&ask).await;
    // Its id is an hour behind the log, which is said first; an event has none, and meets the clock.
    assert!(matches!(refused, Err(LedgerError::Stale)), "{refused:?}");
    let refused = node.append(event(2)).await;
    assert!(matches!(refused, Err(LedgerError::ClockBehind { behind_secs: 3600 })), "{refused:?}");
    assert!(!node.ledger.health().is_good());
    node.stop().await;
    let node = world.open().await.unwrap();
    assert!(matches!(node.append(event(3)).await, Err(LedgerError::ClockBehind { .. })), "after a restart");
    let health = Arc::clone(node.ledger.health());
    world.time.set(NOON);
    until("it is ready when the clock is right again", || health.is_good()).await;
    node.append(event(4)).await.unwrap();
    node.stop().await;
    assert_eq!(audit(&world.bucket).await.size(), 3);
}

#[tokio::test(start_paused = true)]
async fn l8_a_clock_some_seconds_back_never_makes_times_fall() {
    let world = World::new().await;
    let node = world.node("node").await;
    let first = node.append(event(1)).await.unwrap();
    world.time.set(NOON - 60_000);
    let second = node.append(event(2)).await.unwrap();
    assert_eq!(second.time, first.time);
    world.time.set(NOON - 60_001);
    assert!(matches!(node.append(event(3)).await, Err(LedgerError::ClockBehind { .. })));
    world.time.set(NOON + 5);
    assert_eq!(node.append(event(4)).await.unwrap().time.0, NOON + 5);
    node.stop().await;
    assert_eq!(audit(&world.bucket).await.size(), 4);
}

#[tokio::test(start_paused = true)]
async fn backpressure_a_full_queue_refuses_and_the_rest_is_answered() {
    let world = World::new().await;
    let store = Gated::new(world.bucket.reopen(), journal::PREFIX);
    let node = world.node_on(Arc::new(store.clone()), "node").await;
    store.set(Gate::Shut);
    let drafts = (0..5000).map(event);
    let opening = async {
        store.holds_one().await;
        // Everybody else has come by now or comes to the same queue; refusals need no store.
        store.set(Gate::Open);
    };
    let (answers, ()) = tokio::join!(node.try_all(drafts), opening);
    let busy = answers.iter().filter(|answer| matches!(answer, Err(LedgerError::Busy))).count();
    let answered: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
    assert_eq!(busy + answered.len(), 5000, "an answer for each");
    assert!(busy > 0, "the queue has an end");
    node.stop().await;
    let log = audit(&world.bucket).await;
    assert_eq!(log.size(), 1 + answered.len() as u64, "what was refused is not in the log");
    for committed in answered {
        log.holds(committed);
    }
}

/// The publisher hangs: commits go on for a while, then wait, and nothing that was committed waits for its answer.
#[tokio::test(start_paused = true)]
async fn backpressure_commits_wait_for_a_publisher_that_is_far_behind() {
    let world = World::new().await;
    let store = Gated::new(world.bucket.reopen(), "tile/");
    let node = world.node_on(Arc::new(store.clone()), "node").await;
    let health = Arc::clone(node.ledger.health());
    store.set(Gate::Shut);
    let appending = async {
        let mut answered = Vec::new();
        for number in 0..700 {
            answered.push(node.append(event(number)).await.unwrap());
            assert_eq!(answered.len() as u64, number + 1);
        }
        answered
    };
    let opening = async {
        // The first entry of the log, at least one round in the publisher's hands, and its queue.
        until("the queue is full", || health.sizes().0 > 1 + 256).await;
        let mut last = 0;
        while last != health.sizes().0 {
            last = health.sizes().0;
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        assert!(last < 701, "commits wait for the publisher");
        assert_eq!(health.sizes().1, 1, "nothing more is published");
        store.set(Gate::Open);
    };
    let (answered, ()) = tokio::join!(appending, opening);
    node.stop().await;
    let log = audit(&world.bucket).await;
    assert_eq!(log.size(), 701);
    for committed in &answered {
        log.holds(committed);
    }
}

#[tokio::test(start_paused = true)]
async fn closing_commits_and_publishes_what_is_queued() {
    // Several times, as the closing and the queue may be looked at in either order.
    for _ in 0..10 {
        close_with_a_full_queue().await;
    }
}

async fn close_with_a_full_queue() {
    let world = World::new().await;
    let store = Gated::new(world.bucket.reopen(), journal::PREFIX);
    let node = world.node_on(Arc::new(store.clone()), "node").await;
    store.set(Gate::Shut);
    let ask = Ask::new(7);
    let handle = node.ledger.clone();
    let first = node.try_all([event(0)]);
    let rest = async {
        store.holds_one().await;
        let queued = node.try_all((1..100).map(event).chain([ask.draft(), ask.draft()]));
        let closing = async {
            // Every task that can run runs: the rest waits in the queue behind the round that is held up.
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            handle.close();
            store.set(Gate::Open);
        };
        tokio::join!(queued, closing).0
    };
    let (mut answers, queued) = tokio::join!(first, rest);
    answers.extend(queued);
    node.stop().await;
    assert!(matches!(handle.append(event(1)).await, Err(LedgerError::Closed)));
    let log = audit(&world.bucket).await;
    assert_eq!(log.size(), 102);
    let mut certificates = Vec::new();
    for committed in answers.into_iter().map(Result::unwrap) {
        log.holds(&committed);
        certificates.extend(committed.precert.is_some().then(|| sign(committed).to_openssh()));
    }
    assert_eq!(certificates.len(), 2);
    assert_eq!(certificates[0], certificates[1]);
}
