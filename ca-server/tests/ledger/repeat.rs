//! One request, one certificate (I8, A13), and nothing signed that is not logged (I1, A14).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::issuance::{Inclusion, LoggedPrecert, Precert};
use ca_core::log::journal;
use ca_core::ssh::Signature;
use ca_server::ledger::LedgerError;
use ca_server::objects::memory::{Fault, When};
use ca_server::signer::SignError;

use super::audit::audit;
use super::stores::{Gate, Gated};
use super::support::{Ask, NOON, Seen, World, ca, ca_key, event, sign};

#[tokio::test(start_paused = true)]
async fn i8_a13_a_request_sent_again_gets_the_very_same_certificate() {
    let world = World::new().await;
    let ask = Ask::new(1);
    let node = world.node("first").await;
    node.append(event(1)).await.unwrap();
    let answers = node.try_all([event(2), ask.draft(), Ask::new(2).draft()]).await;
    let first = sign(answers.into_iter().nth(1).unwrap().unwrap());

    let same_process = sign(node.ask(&ask).await.unwrap());
    let other = World { seen: Seen::default(), ..world.clone() }.node("other").await;
    let other_node = sign(other.ask(&ask).await.unwrap());
    node.append(event(3)).await.unwrap();
    node.stop().await;
    let restarted = world.node("first").await;
    let after_restart = sign(restarted.ask(&ask).await.unwrap());

    for again in [same_process, other_node, after_restart] {
        assert_eq!(again.to_openssh(), first.to_openssh());
    }
    restarted.stop().await;
    other.stop().await;
    assert_eq!(audit(&world.bucket).await.requests[&ask.id.to_string()], 3);
}

#[tokio::test(start_paused = true)]
async fn i8_a13_l2_a_request_whose_answer_was_lost_gets_one_certificate() {
    for restart in [false, true] {
        let world = World::new().await;
        let ask = Ask::new(1);
        world.bucket.fail(When::prefix(journal::PREFIX), Fault::StoredButErrored);
        let mut node = world.node_here("node").await;
        assert!(matches!(node.ask(&ask).await, Err(LedgerError::Unavailable(_))));
        if restart {
            node.stop().await;
            node = world.node("node").await;
        }
        let committed = node.ask(&ask).await.unwrap();
        assert_eq!(committed.index, 1, "the first precert is the one");
        let again = node.ask(&ask).await.unwrap();
        assert_eq!(sign(committed).bytes(), sign(again).bytes());
        node.stop().await;
        assert_eq!(audit(&world.bucket).await.size(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn i8_a13_the_same_id_with_another_text_is_refused() {
    let world = World::new().await;
    let ask = Ask::new(1);
    let node = world.node("node").await;
    let conflict = |answer| matches!(answer, Err(LedgerError::Conflict));

    let both = node.try_all([ask.draft(), ask.other_text().draft()]).await;
    assert!(both[0].is_ok(), "{both:?}");
    assert!(conflict(both.into_iter().nth(1).unwrap()), "within one round");
    assert!(conflict(node.ask(&ask.other_text()).await), "in the same process");
    node.stop().await;
    let node = world.node("node").await;
    assert!(conflict(node.ask(&ask.other_text()).await), "after a restart");
    node.stop().await;
    assert_eq!(audit(&world.bucket).await.size(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn i8_a13_fifty_at_once_get_one_certificate() {
    let world = World::new().await;
    let nodes = [world.node("one").await, World { seen: Seen::default(), ..world.clone() }.node("two").await];
    let ask = Ask::new(1);
    let drafts = || (0..25).map(|_| ask.draft());
    let (one, two) = tokio::join!(nodes[0].try_all(drafts()), nodes[1].try_all(drafts()));
    let mut certificates: Vec<_> =
        one.into_iter().chain(two).map(|answer| sign(answer.unwrap()).to_openssh()).collect();
    assert_eq!(certificates.len(), 50);
    certificates.dedup();
    assert_eq!(certificates.len(), 1);
    for node in nodes {
        node.stop().await;
    }
    assert_eq!(audit(&world.bucket).await.size(), 2);
}

/// An id may be two minutes ahead and is then fresh for four: a node that starts at the very end has to know it.
#[tokio::test(start_paused = true)]
async fn i8_an_id_is_known_as_long_as_it_can_be_sent_again() {
    let world = World::new().await;
    let node = world.node("node").await;
    let ahead = Ask::at(NOON + 120_000, 1);
    let first = node.ask(&ahead).await.unwrap();
    // The last entry but one is what the header of the last round knows.
    for pass in [60_000, 60_000, 60_000, 60_000, 59_000, 0] {
        world.time.pass(pass);
        node.append(event(1)).await.unwrap();
    }
    let again = node.ask(&ahead).await.unwrap();
    assert_eq!(again.index, first.index);
    node.stop().await;
    let node = world.node("node").await;
    assert_eq!(node.ask(&ahead).await.unwrap().index, first.index, "after a restart");
    node.stop().await;
    audit(&world.bucket).await;
}

/// A request that was fresh when it came in and then waited must not meet a log that has forgotten it.
#[tokio::test(start_paused = true)]
async fn i8_an_id_that_may_have_been_forgotten_is_refused() {
    let world = World::new().await;
    let node = world.node("node").await;
    let ask = Ask::new(1);
    node.ask(&ask).await.unwrap();
    for _ in 0..2 {
        world.time.pass(301_000);
        node.append(event(1)).await.unwrap();
    }
    assert!(matches!(node.ask(&ask).await, Err(LedgerError::Stale)));
    let ahead = Ask::at(NOON + 602_000 + 121_000, 2);
    assert!(matches!(node.ask(&ahead).await, Err(LedgerError::Stale)), "too far ahead to be remembered");
    node.stop().await;
    let node = world.node("node").await;
    assert!(matches!(node.ask(&ask).await, Err(LedgerError::Stale)), "after a restart");
    node.stop().await;
    assert_eq!(audit(&world.bucket).await.size(), 4);
}

#[tokio::test(start_paused = true)]
async fn i8_repetitions_do_not_grow_beside_the_queue() {
    let world = World::new().await;
    let node = world.node("node").await;
    let ask = Ask::new(1);
    node.ask(&ask).await.unwrap();
    let answers = node.try_all((0..500).map(|_| ask.draft())).await;
    let answered = answers.iter().flatten().inspect(|committed| assert_eq!(committed.index, 1)).count();
    let busy = answers.iter().filter(|answer| matches!(answer, Err(LedgerError::Busy))).count();
    assert_eq!(answered + busy, 500);
    assert!(answered > 0 && busy > 0, "{answered} {busy}");
    node.stop().await;
    assert_eq!(audit(&world.bucket).await.size(), 2);
}

#[tokio::test(start_paused = true)]
async fn i1_the_journal_holds_exactly_the_bytes_that_were_signed() {
    let world = World::new().await;
    let node = world.node("node").await;
    let certificate = sign(node.ask(&Ask::new(1)).await.unwrap());
    node.stop().await;
    let log = audit(&world.bucket).await;
    let index = usize::try_from(certificate.content().serial).unwrap();
    let event: serde_json::Value = serde_json::from_str(&log.lines[index]).unwrap();
    let logged = STANDARD.decode(event["precert"].as_str().unwrap()).unwrap();
    let mut content = certificate.content().clone();
    assert!(content.extensions.remove("tlog-proof-v1@ca.example.com").is_some());
    assert_eq!(content.to_be_signed(None), logged);
}

/// While the commit is under way there is nothing to sign, and without it there never is.
#[tokio::test(start_paused = true)]
async fn i1_nothing_can_be_signed_before_the_commit() {
    let world = World::new().await;
    let store = Gated::new(world.bucket.reopen(), journal::PREFIX);
    let node = world.node_on(Arc::new(store.clone()), "node").await;
    store.set(Gate::Shut);
    let ask = Ask::new(1);
    let mut asking = Box::pin(node.ask(&ask));
    tokio::select! {
        answer = &mut asking => panic!("answered before it was stored: {answer:?}"),
        () = store.holds_one() => {}
    }
    assert!(!world.bucket.keys().contains(&journal::object_key(1)));
    store.set(Gate::Open);
    assert_eq!(asking.await.unwrap().index, 1);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn i1_a_proof_of_another_entry_or_other_bytes_makes_nothing_to_sign() {
    let world = World::new().await;
    let node = world.node("node").await;
    let one = node.ask(&Ask::new(1)).await.unwrap();
    let two = node.ask(&Ask::new(2)).await.unwrap();
    node.stop().await;
    let try_with = |precert: &Precert, index, committed: &ca_server::ledger::Committed, proof| {
        let at = Inclusion { index, time: committed.time, event_hash: committed.event_hash, proof };
        precert.clone().logged(at, &committed.checkpoint).map(drop)
    };
    let precert = one.precert.as_ref().unwrap();
    assert!(try_with(precert, one.index, &one, &one.proof).is_ok());
    assert!(try_with(precert, two.index, &one, &one.proof).is_err(), "another index");
    assert!(try_with(precert, one.index, &two, &two.proof).is_err(), "the proof of another entry");
    assert!(try_with(precert, one.index, &one, &[]).is_err(), "no proof");
    let mut bytes = precert.bytes().to_vec();
    let at = bytes.len() / 3;
    bytes[at] ^= 1;
    if let Ok(other) = Precert::from_bytes(&bytes) {
        assert!(try_with(&other, one.index, &one, &one.proof).is_err(), "other bytes");
    }
}

async fn logged(number: u128) -> LoggedPrecert {
    let world = World::new().await;
    let node = world.node("node").await;
    let committed = node.ask(&Ask::new(number)).await.unwrap();
    node.stop().await;
    committed.into_logged().unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a14_a_wrong_signature_never_leaves() {
    let raw = |seed: u8, bytes: &[u8]| {
        let pair = aws_lc_rs::signature::Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        pair.sign(bytes).as_ref().to_vec()
    };
    let precert = logged(1).await;
    let good = raw(9, precert.to_be_signed());
    assert!(precert.finish(&Signature::new("ssh-ed25519", &good)).is_ok(), "the test's own signing");

    let precert = logged(1).await;
    let others = raw(10, precert.to_be_signed());
    assert!(precert.finish(&Signature::new("ssh-ed25519", &others)).is_err(), "another key's");
    let precert = logged(1).await;
    let elsewhere = raw(9, &precert.to_be_signed()[1..]);
    assert!(precert.finish(&Signature::new("ssh-ed25519", &elsewhere)).is_err(), "over other bytes");
    for at in [0, 31, 63] {
        let precert = logged(1).await;
        let mut flipped = raw(9, precert.to_be_signed());
        flipped[at] ^= 1;
        assert!(precert.finish(&Signature::new("ssh-ed25519", &flipped)).is_err(), "byte {at}");
    }
    for (algorithm, value) in [("ssh-ed25519", vec![]), ("ssh-rsa", vec![0; 64]), ("", vec![0; 64])] {
        assert!(logged(1).await.finish(&Signature::new(algorithm, &value)).is_err(), "{algorithm:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a14_another_ca_key_does_not_sign() {
    assert!(matches!(ca_key(10).sign(logged(1).await), Err(SignError::OtherCa)));
    assert!(ca().sign(logged(1).await).is_ok());
}

/// The id of a request that waited for approval is long stale; it is known by when its certificate was entered.
#[tokio::test(start_paused = true)]
async fn i8_a_request_that_waited_gets_one_certificate_too() {
    let world = World::new().await;
    let node = world.node("node").await;
    let ask = Ask::new(1);
    world.time.pass(3_600_000);
    node.append(event(0)).await.unwrap();
    assert!(matches!(node.ask(&ask).await, Err(LedgerError::Stale)), "it did not wait, so it is too old");
    let claimed = NOON + 3_600_000;
    let first = node.append(ask.approved(claimed)).await.unwrap();
    // As long as the claim is young enough to go on with, the entry is known: here and to a node that starts.
    for pass in [0, 100_000, 79_000] {
        world.time.pass(pass);
        node.append(event(1)).await.unwrap();
        assert_eq!(node.append(ask.approved(claimed)).await.unwrap().index, first.index);
    }
    node.stop().await;
    let node = world.node("node").await;
    assert!(node.ledger.taken_up().requests.contains(&ask.id), "a start knows it");
    assert_eq!(node.append(ask.approved(claimed)).await.unwrap().index, first.index);
    // A database that forgot it and claims it anew is answered the same while the log remembers, and then refused.
    world.time.pass(100_000);
    node.append(event(2)).await.unwrap();
    let again = node.append(ask.approved(claimed + 250_000)).await.unwrap();
    assert_eq!(sign(again).bytes(), sign(first).bytes());
    world.time.pass(60_000);
    node.append(event(3)).await.unwrap();
    assert!(matches!(node.append(ask.approved(claimed)).await, Err(LedgerError::Stale)));
    node.stop().await;
    assert_eq!(audit(&world.bucket).await.requests.len(), 1);
}
