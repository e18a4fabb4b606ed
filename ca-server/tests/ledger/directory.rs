//! The same on the store that ships: a folder, and nodes that are dropped at random moments.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ca_server::ledger::{Committed, LedgerError, RecoverError};
use ca_server::objects::StoreError;
use ca_server::objects::directory::Directory;

use super::audit::audit;
use super::support::{Ask, Node, Seen, Time, event, open_or_create, setup, sign, soon};

type Answers = Mutex<Vec<(u128, Committed)>>;

/// Works until it is dropped: requests of this life, and some of the lives before.
async fn work(folder: &std::path::Path, seen: &Seen, time: &Time, life: u128, answers: &Answers) {
    let store = Arc::new(Directory::open(folder).unwrap());
    let (ledger, tasks) = match open_or_create(setup(store, "node", time), seen).await {
        Ok(opened) => opened,
        // Dropped while it was starting.
        Err(RecoverError::Store(StoreError::Unavailable { cause, .. })) if cause.contains("cancelled") => {
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let node = Node::of(ledger, tasks);
    for turn in 0..40 {
        let numbers = [life * 100 + turn, life * 100 + turn + 50, (life * 100 + turn) / 3];
        let drafts = numbers.iter().map(|number| Ask::new(*number).draft()).chain([event(1)]);
        for (number, answer) in numbers.iter().zip(node.try_all(drafts.collect::<Vec<_>>()).await) {
            match answer {
                Ok(committed) => answers.lock().unwrap().push((*number, committed)),
                Err(error) => assert!(matches!(error, LedgerError::Unavailable(_)), "{error}"),
            }
        }
    }
    node.stop().await;
}

#[test]
fn l4_i2_a_folder_survives_nodes_dropped_at_random_moments() {
    let folder = tempfile::tempdir().unwrap();
    let (seen, time, answers) = (Seen::default(), Time::default(), Arc::new(Answers::default()));
    for life in 0..12 {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.unwrap();
        let random = getrandom::u32().unwrap();
        let (enough, pause) = (random as usize % 100, Duration::from_micros(u64::from(random % 5000)));
        let before = answers.lock().unwrap().len();
        let (path, mine, clock) = (folder.path().to_owned(), seen.clone(), time.clone());
        let diary = Arc::clone(&answers);
        let task = runtime.spawn(async move { work(&path, &mine, &clock, life, &diary).await });
        while answers.lock().unwrap().len() < before + enough && !task.is_finished() {
            std::thread::sleep(Duration::from_micros(200));
        }
        std::thread::sleep(pause);
        // A task that failed has panicked; one that is cut off has not.
        let failed = task.is_finished().then(|| runtime.block_on(task));
        assert!(failed.is_none_or(|ended| ended.is_ok()));
        // A write that is under way goes on behind the back of the next node, as it may over a network.
        runtime.shutdown_background();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(soon("the last life", work(folder.path(), &seen, &time, 99, &answers)));
    let log = runtime.block_on(audit(&Directory::open(folder.path()).unwrap()));
    let mut certificates = std::collections::HashMap::new();
    for (number, committed) in answers.lock().unwrap().drain(..) {
        log.holds(&committed);
        let bytes = sign(committed).bytes().to_vec();
        let first = certificates.entry(number).or_insert_with(|| bytes.clone());
        assert!(*first == bytes, "I8: request {number} has two certificates");
    }
    assert!(log.size() > 500, "{}", log.size());
}
