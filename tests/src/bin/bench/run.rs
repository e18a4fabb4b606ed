//! The order in which everything is measured.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use ca_api::Trust;
use countersign_tests::client::Client;
use countersign_tests::http::trust;
use countersign_tests::person::Person;
use countersign_tests::requests::signed_request;
use countersign_tests::server::{ORIGIN, Server};

use crate::load::{self, Asker};
use crate::report::{Report, Storage};
use crate::{baseline, decisions, flood, logins, offline, resources, strangers};

/// How many clients ask at once, in turn.
const CLIENTS: [usize; 3] = [1, 8, 64];
/// How long each load is to last, in seconds.
const SECONDS: f64 = 5.0;
/// How many people log in twice each.
const LOGINS: usize = 500;

/// Measures everything.
pub(crate) fn run() -> Result<Report> {
    let threads = std::thread::available_parallelism()?.get();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    say("what the machine can do: Argon2, ssh-keygen");
    let argon2_per_sec = baseline::argon2_per_sec(threads)?;
    let folder = tempfile::tempdir()?;
    let ssh_keygen_per_sec = baseline::ssh_keygen_per_sec(folder.path())?;

    say("decisions: 10,000 users, 50 profiles, 500 rules");
    let decisions = decisions::measure()?;

    let mut server = Server::start()?;
    let people = crowd(&server, "client", CLIENTS[2])?;
    let first_certificate_ms = runtime.block_on(first_certificate(&mut server, &people[0]))?;
    let directory = runtime.block_on(storage("directory", &server, &people))?;
    // Every request of the last minutes is read again at a start: here those of the loads.
    let first_after_loads_ms = runtime.block_on(first_certificate(&mut server, &people[1]))?;
    say("logins");
    let newcomers = Arc::new(crowd(&server, "newcomer", LOGINS)?);
    resources::reset_peak(server.process()?.id())?;
    let logins = runtime.block_on(logins::measure(&server, &newcomers, argon2_per_sec))?;
    let logins_peak_mib = peak_mib(&server)?;
    say("how long refusals take, with and without an account");
    let strangers = runtime.block_on(strangers::measure(&server, &newcomers))?;
    say("the log, verified offline; one certificate, inspected");
    let certificate = certificate_file(&people[0])?;
    server.stop()?;
    let audit = offline::audit(&server, &people[0])?;
    let inspection = offline::inspect(&people[0], &certificate)?;

    let mut storages = vec![directory];
    storages.extend(crate::s3::storages(&runtime)?);
    let flooded = flood::measure(&runtime)?;
    Ok(Report {
        threads,
        storages,
        ssh_keygen_per_sec,
        decisions,
        logins,
        logins_peak_mib,
        strangers,
        flooded,
        first_certificate_ms,
        first_after_loads_ms,
        audit,
        inspection,
    })
}

/// Measures the flood alone.
pub(crate) fn flood() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    flood::measure(&runtime)?.print();
    Ok(())
}

/// Says what is going on; the numbers come at the end.
pub(crate) fn say(what: &str) {
    println!("measuring {what} …");
}

/// Adds accounts, two at a time.
pub(crate) fn crowd(server: &Server, name: &str, count: usize) -> Result<Vec<Person>> {
    let half = |odd: usize| {
        let numbers = (0..count).filter(move |n| n % 2 == odd);
        numbers
            .map(|n| Person::new(server, &format!("{name}{n}"), &["engineers"]))
            .collect::<Result<Vec<_>>>()
    };
    let (even, odd) = std::thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        (half(0), other.join())
    });
    let mut people = even?;
    people.extend(odd.map_err(|_| anyhow::anyhow!("a thread panicked"))??);
    Ok(people)
}

/// Measures the loads on one server.
pub(crate) async fn storage(name: &str, server: &Server, people: &[Person]) -> Result<Storage> {
    let pid = server.process()?.id();
    let idle_mib = mib(server.process()?.memory_kib("VmRSS")?);
    let mut askers = log_in(server, people).await?;
    let pinned = load::trust(&mut askers[0].client).await?;
    let mut loads = Vec::new();
    resources::reset_peak(pid)?;
    for clients in CLIENTS {
        say(&format!("{name}, {clients} clients"));
        let busy = askers.split_off(askers.len() - clients);
        let (busy, outcome) = one_load(server, busy, &pinned).await?;
        println!("  {:.0} certificates/s", outcome.outcome.per_sec);
        askers.extend(busy);
        loads.push(outcome);
    }
    Ok(Storage { name: name.to_owned(), loads, idle_mib, peak_mib: peak_mib(server)? })
}

/// Finds out how many requests last for the wanted time, then measures that many.
async fn one_load(
    server: &Server,
    askers: Vec<Asker>,
    pinned: &Trust,
) -> Result<(Vec<Asker>, load::Measured)> {
    let clients = askers.len();
    let (askers, trial) = load::measure(askers, 30, pinned).await?;
    let each = (trial.per_sec * SECONDS / clients as f64).clamp(30.0, 60_000.0 / clients as f64);
    let before = resources::cpu_millis(server.process()?.id())?;
    let (askers, outcome) = load::measure(askers, each as usize, pinned).await?;
    let used = resources::cpu_millis(server.process()?.id())? - before;
    let asked = clients * each as usize;
    Ok((askers, load::Measured { outcome, server_cpu_us: used as f64 * 1000.0 / asked as f64 }))
}

async fn log_in(server: &Server, people: &[Person]) -> Result<Vec<Asker>> {
    let tls = trust(&server.tls_certificate())?;
    let mut askers = Vec::new();
    for person in people {
        askers.push(Asker::log_in(server.url(), &tls, person).await?);
    }
    Ok(askers)
}

/// Starts the server anew and takes the time until somebody with a session has a certificate.
async fn first_certificate(server: &mut Server, person: &Person) -> Result<f64> {
    say("the first certificate after a start");
    let mut client = Client::connect(server).await?;
    client.login(person).await?;
    let token = client.token.take();
    server.stop()?;
    let start = Instant::now();
    server.serve()?;
    let mut client = Client::connect(server).await?;
    client.token = token;
    client.certify(&signed_request(ORIGIN, &person.name, "dev")?).await?;
    Ok(start.elapsed().as_secs_f64() * 1000.0)
}

fn certificate_file(person: &Person) -> Result<PathBuf> {
    person.login()?;
    let key = person.new_key("id_ed25519", &["ed25519"])?;
    person.request("dev", &key, &[]).context("a certificate to inspect")
}

/// Gives the most that the server had in memory, in MiB.
pub(crate) fn peak_mib(server: &Server) -> Result<f64> {
    Ok(mib(server.process()?.memory_kib("VmHWM")?))
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
