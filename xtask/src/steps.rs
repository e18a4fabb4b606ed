//! Steps that say what they do, how long they took, and at the end how it all went.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// What one run consists of.
pub(crate) struct Steps {
    start: Instant,
    done: Vec<(String, Duration, String)>,
}

impl Steps {
    /// Starts the clock.
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), done: Vec::new() }
    }

    /// Does one step, which may end with a remark; the first that fails ends the run.
    pub(crate) fn step(&mut self, name: &str, work: impl FnOnce() -> Result<String>) -> Result<()> {
        println!("\n── {name}");
        let start = Instant::now();
        let remark = work().with_context(|| format!("{name}: failed after {}", seconds(start.elapsed())))?;
        self.done.push((name.to_owned(), start.elapsed(), remark));
        Ok(())
    }

    /// Prints a line for each step, and that all is well.
    pub(crate) fn finish(self) {
        println!();
        for (name, took, remark) in &self.done {
            println!(
                "  ok  {:>8}  {name}{}{remark}",
                seconds(*took),
                if remark.is_empty() { "" } else { ": " }
            );
        }
        println!("\nOK: everything passed in {}.", seconds(self.start.elapsed()));
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
