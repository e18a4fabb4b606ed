//! The numbers, as a table for people and as JSON for machines.

use std::path::Path;

use anyhow::Result;

use crate::decisions::Decisions;
use crate::flood::Flooded;
use crate::load::Measured;
use crate::logins::Logins;
use crate::offline::{Audit, Inspection};
use crate::strangers::Strangers;

/// Everything that was measured.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Report {
    pub(crate) threads: usize,
    pub(crate) storages: Vec<Storage>,
    pub(crate) ssh_keygen_per_sec: f64,
    pub(crate) decisions: Decisions,
    pub(crate) logins: Logins,
    pub(crate) logins_peak_mib: f64,
    pub(crate) strangers: Strangers,
    pub(crate) flooded: Flooded,
    pub(crate) first_certificate_ms: f64,
    /// The same after the loads, whose requests the start reads again.
    pub(crate) first_after_loads_ms: f64,
    pub(crate) audit: Audit,
    pub(crate) inspection: Inspection,
}

/// The loads on one kind of storage.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Storage {
    pub(crate) name: String,
    pub(crate) loads: Vec<Measured>,
    pub(crate) idle_mib: f64,
    pub(crate) peak_mib: f64,
}

impl Report {
    /// Prints the table and writes the JSON.
    pub(crate) fn publish(&self, json: &Path) -> Result<()> {
        println!("\ncountersign on {} threads, load generator included\n", self.threads);
        println!(
            "  {:<22}{:>8}{:>16}{:>10}{:>10}{:>18}",
            "log in", "clients", "certificates/s", "p50 ms", "p99 ms", "server CPU µs"
        );
        for storage in &self.storages {
            storage.print();
        }
        self.print_rest();
        std::fs::write(json, serde_json::to_vec_pretty(self)?)?;
        println!("\n  the same as JSON: {}", json.display());
        Ok(())
    }

    fn print_rest(&self) {
        let (logins, audit, look) = (&self.logins, &self.audit, &self.inspection);
        let best = self.storages.iter().flat_map(|s| &s.loads).map(|l| l.outcome.per_sec).fold(0.0, f64::max);
        println!();
        line("ssh-keygen -s, in bulk", &format!("{:.0} certificates/s", self.ssh_keygen_per_sec));
        line("ours, at best", &format!("{:.1} times as many", best / self.ssh_keygen_per_sec));
        line("a decision, 500 rules", &self.decisions.in_words());
        line("logins with certificate", &format!("{:.0}/s", logins.per_sec));
        line(
            "bare Argon2",
            &format!(
                "{:.0}/s, so logins reach {:.0} %",
                logins.argon2_per_sec,
                100.0 * logins.per_sec / logins.argon2_per_sec
            ),
        );
        line("a refusal (F9)", &self.strangers.in_words());
        line(
            "first certificate",
            &format!(
                "{:.0} ms after the start of the server; {:.0} ms right after the loads",
                self.first_certificate_ms, self.first_after_loads_ms
            ),
        );
        let per_sec = audit.entries as f64 / audit.seconds;
        line(
            "ca audit verify",
            &format!("{per_sec:.0} entries/s ({} entries in {:.1} s)", audit.entries, audit.seconds),
        );
        line("ca inspect", &format!("{:.1} ms; ssh-keygen -L {:.1} ms", look.ca_ms, look.ssh_keygen_ms));
        for storage in &self.storages {
            let figures = format!("{:.0} MiB idle, {:.0} MiB at most", storage.idle_mib, storage.peak_mib);
            line(&format!("memory, {}", storage.name), &figures);
        }
        line("memory, logins", &format!("{:.0} MiB at most", self.logins_peak_mib));
        self.flooded.print();
    }
}

impl Storage {
    fn print(&self) {
        for Measured { outcome, server_cpu_us } in &self.loads {
            println!(
                "  {:<22}{:>8}{:>16.0}{:>10.2}{:>10.2}{:>18.0}",
                self.name, outcome.clients, outcome.per_sec, outcome.p50_ms, outcome.p99_ms, server_cpu_us
            );
        }
    }
}

/// Prints one figure.
pub(crate) fn line(what: &str, figure: &str) {
    println!("  {what:<30}{figure}");
}
