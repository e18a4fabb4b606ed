//! How fast entries are committed; measured, not asserted.

use std::time::Instant;

use ca_server::ledger::Draft;

use super::support::{Ask, World};

const ENTRIES: u32 = 20_000;
const AT_ONCE: u32 = 64;

/// Run with `cargo test --release -p ca-server --test ledger -- --ignored --nocapture throughput`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it measures"]
async fn throughput_of_certificates_in_memory() {
    let world = World::new().await;
    let node = world.node("node").await;
    let mut drafts: Vec<Vec<Draft>> = (0..AT_ONCE).map(|_| Vec::new()).collect();
    for number in 0..ENTRIES {
        drafts[(number % AT_ONCE) as usize].push(Ask::new(number.into()).draft());
    }
    let (begun, cpu) = (Instant::now(), cpu_micros());
    let mut tasks = Vec::new();
    for mine in drafts {
        let ledger = node.ledger.clone();
        tasks.push(tokio::spawn(async move {
            for draft in mine {
                ledger.append(draft).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let (took, cpu) = (begun.elapsed(), cpu_micros() - cpu);
    let rounds = world.bucket.keys().iter().filter(|key| key.starts_with("journal/")).count();
    println!(
        "{ENTRIES} certificates, {AT_ONCE} at once: {:.0} a second, {} us of CPU each, {rounds} rounds",
        f64::from(ENTRIES) / took.as_secs_f64(),
        cpu / u64::from(ENTRIES),
    );
    node.stop().await;
}

/// The CPU time of this process, publisher and store included.
fn cpu_micros() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    ticks * 10_000
}
