//! Random lives of two nodes on one bucket.

use std::cell::RefCell;
use std::collections::HashMap;

use ca_server::ledger::{Committed, LedgerError};
use ca_server::objects::memory::{Fault, When};
use proptest::prelude::*;

use super::audit::{audit, readable};
use super::support::{Ask, Node, Seen, World, event, sign, soon};

/// What happens next at one node; the other does its own at the same time.
#[derive(Clone, Debug)]
enum Step {
    /// Append these at once: certificates by number, or an event.
    Append(Vec<Option<u8>>),
    /// The write that many writes from now goes wrong.
    Fault(u64, Fault),
    /// The node is dropped as it stands, and started anew.
    Crash,
    /// The node finishes, and is started anew.
    Restart,
    /// Time passes, in milliseconds.
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    // Few numbers, so that requests meet each other again: in one round, on both nodes, after a crash.
    let work = proptest::option::weighted(0.7, 0_u8..12);
    let fault = prop_oneof![
        Just(Fault::NotStored),
        Just(Fault::StoredButErrored),
        Just(Fault::KilledBefore),
        Just(Fault::KilledAfter)
    ];
    prop_oneof![
        8 => proptest::collection::vec(work, 1..5).prop_map(Step::Append),
        1 => Just(Step::Append(vec![None; 200])),
        4 => (1_u64..8, fault).prop_map(|(write, fault)| Step::Fault(write, fault)),
        1 => Just(Step::Crash),
        1 => Just(Step::Restart),
        1 => (0_u64..3000).prop_map(Step::Pass),
    ]
}

/// One of the two, over all of its lives.
struct Mortal {
    world: World,
    node: Option<Node>,
}

type Answers = RefCell<Vec<(Option<u8>, Committed)>>;

impl Mortal {
    fn new(world: &World) -> Self {
        let bucket = world.bucket.reopen();
        Self { world: World { bucket, seen: Seen::default(), time: world.time.clone() }, node: None }
    }

    /// Starts on its own connection, whose faults then meet it; starting writes nothing, so none strikes here.
    async fn node(&mut self) -> &Node {
        if self.node.is_none() {
            self.node = Some(self.world.node_here("mortal").await);
        }
        self.node.as_ref().unwrap()
    }

    /// Drops the node as it stands. What it was writing may still be written, as over a network; what it would
    /// remember then is lost.
    fn die(&mut self) {
        self.node = None;
        self.world.bucket = self.world.bucket.reopen();
        self.world.seen = self.world.seen.copy();
    }

    async fn take(&mut self, step: &Step, answers: &Answers) {
        let bucket = self.world.bucket.clone();
        let killed = {
            tokio::select! {
                biased;
                () = bucket.killed() => true,
                () = self.live(step, answers) => false,
            }
        };
        if killed {
            self.die();
        }
    }

    async fn live(&mut self, step: &Step, answers: &Answers) {
        match step {
            Step::Pass(millis) => self.world.time.pass(*millis),
            Step::Fault(write, fault) => {
                let next = self.world.bucket.writes() + write;
                self.world.bucket.fail(When::Write(next), *fault);
            }
            Step::Crash => self.die(),
            Step::Restart => {
                if let Some(node) = self.node.take() {
                    node.stop().await;
                }
                self.die();
            }
            Step::Append(works) => {
                let drafts: Vec<_> = works.iter().copied().map(draft).collect();
                let given = self.node().await.try_all(drafts).await;
                for (work, answer) in works.iter().zip(given) {
                    match answer {
                        Ok(committed) => answers.borrow_mut().push((*work, committed)),
                        Err(LedgerError::Unavailable(_)) => {}
                        Err(other) => panic!("{other}"),
                    }
                }
            }
        }
    }
}

fn draft(work: Option<u8>) -> ca_server::ledger::Draft {
    work.map_or_else(|| event(1), |number| Ask::new(number.into()).draft())
}

async fn lives(one: &[Step], two: &[Step]) {
    let world = World::new().await;
    let mut mortals = [Mortal::new(&world), Mortal::new(&world)];
    let answers = Answers::default();
    for turn in 0..one.len().max(two.len()) {
        let [a, b] = &mut mortals;
        let idle = Step::Pass(0);
        let (a, b) = (
            a.take(one.get(turn).unwrap_or(&idle), &answers),
            b.take(two.get(turn).unwrap_or(&idle), &answers),
        );
        tokio::join!(a, b);
        readable(&world.bucket).await;
    }
    drop(mortals);

    // The last node asks for everything once more.
    let last = World { seen: Seen::default(), ..world.clone() }.node("last").await;
    for number in 0..12 {
        let committed = last.append(draft(Some(number))).await.unwrap();
        answers.borrow_mut().push((Some(number), committed));
    }
    last.stop().await;
    check(&world, answers.into_inner()).await;
}

async fn check(world: &World, answers: Vec<(Option<u8>, Committed)>) {
    let log = audit(&world.bucket.reopen()).await;
    let mut certificates: HashMap<u8, Vec<u8>> = HashMap::new();
    for (work, committed) in answers {
        log.holds(&committed);
        let Some(number) = work else { continue };
        let bytes = sign(committed).bytes().to_vec();
        let first = certificates.entry(number).or_insert_with(|| bytes.clone());
        assert!(*first == bytes, "I8: request {number} has two certificates");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn i2_i8_l3_l4_two_nodes_that_fail_at_random_keep_one_log(
        one in proptest::collection::vec(step(), 1..14),
        two in proptest::collection::vec(step(), 1..14),
    ) {
        let builder = &mut tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().start_paused(true).build().unwrap();
        runtime.block_on(soon("the lives end", lives(&one, &two)));
        runtime.shutdown_background();
    }
}
