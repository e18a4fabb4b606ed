//! What is measured without a server: verifying the log, inspecting a certificate.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;
use countersign_tests::log_folder::LogFolder;
use countersign_tests::person::Person;
use countersign_tests::process::run;
use countersign_tests::server::Server;

/// What `ca audit verify` does with a log.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Audit {
    /// How many entries the log has.
    pub(crate) entries: u64,
    /// How long the verification took, in seconds, from start to end of the program.
    pub(crate) seconds: f64,
}

/// How long a program takes from start to end, in milliseconds, the median of many runs.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Inspection {
    /// `ca inspect`, which verifies the signature and the proof.
    pub(crate) ca_ms: f64,
    /// `ssh-keygen -L`, which verifies the signature.
    pub(crate) ssh_keygen_ms: f64,
}

/// Verifies a whole log.
pub(crate) fn audit(server: &Server, person: &Person) -> Result<Audit> {
    let entries = LogFolder::read(&server.log_folder(), &server.log_key())?.size();
    let log = server.log_folder().display().to_string();
    let mut command = person.ca(&["audit", "verify", &log, "--key"])?;
    let start = Instant::now();
    run(command.arg(server.log_key()))?;
    Ok(Audit { entries, seconds: start.elapsed().as_secs_f64() })
}

/// Runs both programs in turn, many times.
pub(crate) fn inspect(person: &Person, certificate: &Path) -> Result<Inspection> {
    const RUNS: usize = 60;
    let (mut ca, mut keygen) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        ca.push(timed(person.ca(&["inspect"])?.arg(certificate))?);
        keygen.push(timed(Command::new("ssh-keygen").args(["-L", "-f"]).arg(certificate))?);
    }
    Ok(Inspection { ca_ms: median_ms(ca), ssh_keygen_ms: median_ms(keygen) })
}

fn timed(command: &mut Command) -> Result<Duration> {
    let start = Instant::now();
    run(command)?;
    Ok(start.elapsed())
}

fn median_ms(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0.0, |d| d.as_secs_f64() * 1000.0)
}
