//! S1: bogus logins from many addresses, as fast as the machine can, while people log in.

use std::time::Duration;

use anyhow::{Result, ensure};
use countersign_tests::flood::{self, Plan};
use countersign_tests::person::Person;
use countersign_tests::server::Server;

/// More sources than there are places in the hash pool, and more bogus logins than a server takes that is built for
/// tests: `cargo xtask bench` has the number of one that is built for use.
const PLAN: Plan = Plan { sources: 150, per_sec: 10_000, under_way: 1_000 };

/// How many people log in meanwhile, half of them on devices that are known.
const PEOPLE: usize = 14;

/// What the server may have in memory at its peak, in KiB: 150 MiB.
const MEMORY_KIB: u64 = 150 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn s1_people_log_in_within_2_s_through_a_flood_of_bogus_logins_and_memory_is_bounded() -> Result<()> {
    let server = Server::start()?;
    let people = (0..PEOPLE).map(|number| Person::new(&server, &format!("s1-{number}"), &["engineers"]));
    let people = people.collect::<Result<Vec<_>>>()?;
    let outcome = flood::measure(&server, PLAN, &people).await?;
    let memory = server.process()?.memory_kib("VmHWM")?;
    println!("{outcome:?}; {memory} KiB");
    for mut took in [outcome.known, outcome.new] {
        took.sort_unstable();
        let median = took[took.len() / 2];
        ensure!(median < Duration::from_secs(2), "half of the logins took longer than {median:?}: {took:?}");
    }
    ensure!(outcome.turned_away > 0, "the flood never filled the hash pool");
    ensure!(memory < MEMORY_KIB, "{memory} KiB in memory");
    ensure!(!server.output().contains("panicked"), "the server panicked");
    Ok(())
}
