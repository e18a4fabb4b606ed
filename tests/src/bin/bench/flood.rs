//! S1: ten thousand bogus logins a second, and how long it takes somebody real to get a certificate meanwhile.

use std::time::Duration;

use anyhow::Result;
use countersign_tests::flood::{self, Outcome, Plan};
use countersign_tests::server::Server;

use crate::report::line;
use crate::{resources, run};

const PLAN: Plan = Plan { sources: 1_000, per_sec: 12_000, under_way: 50_000 };

/// How many people log in meanwhile, half of them on devices that are known.
const PEOPLE: usize = 40;

/// What was measured.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Flooded {
    #[serde(flatten)]
    outcome: Outcome,
    server_cpu_us: f64,
    peak_mib: f64,
}

/// Floods a server of its own.
pub(crate) fn measure(runtime: &tokio::runtime::Runtime) -> Result<Flooded> {
    run::say("a flood of bogus logins");
    let server = Server::start()?;
    let people = run::crowd(&server, "flooded", PEOPLE)?;
    let pid = server.process()?.id();
    resources::reset_peak(pid)?;
    let before = resources::cpu_millis(pid)?;
    let outcome = runtime.block_on(flood::measure(&server, PLAN, &people))?;
    let used = resources::cpu_millis(pid)? - before;
    let server_cpu_us = used as f64 * 1000.0 / outcome.answered as f64;
    Ok(Flooded { outcome, server_cpu_us, peak_mib: run::peak_mib(&server)? })
}

impl Flooded {
    /// Prints what was asked for, what came of it and what it took.
    pub(crate) fn print(&self) {
        let Outcome { meanwhile: (count, lasted), answered, turned_away, known, new } = &self.outcome;
        let per_sec = *count as f64 / lasted.as_secs_f64();
        let share = 100.0 * *turned_away as f64 / *answered as f64;
        let flood = format!(
            "{per_sec:.0}/s answered of {}/s from {} sources, {share:.0} % turned away; {:.0} µs of the server each",
            PLAN.per_sec, PLAN.sources, self.server_cpu_us
        );
        line("bogus logins (S1)", &flood);
        let people = format!("{} on a known device; {} on a new one", in_words(known), in_words(new));
        line("meanwhile, a certificate", &people);
        line("memory, bogus logins", &format!("{:.0} MiB at most", self.peak_mib));
    }
}

fn in_words(times: &[Duration]) -> String {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let ms = |time: Option<&Duration>| time.map_or(0, Duration::as_millis);
    format!("{} ms, {} at most", ms(sorted.get(sorted.len() / 2)), ms(sorted.last()))
}
