//! How far it has come, for whoever watches at a terminal.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use owo_colors::OwoColorize as _;

use crate::render::text::grouped;

/// How often the line is written again.
const EVERY: Duration = Duration::from_millis(100);

/// How wide the bar is, in characters.
const WIDTH: u64 = 20;

/// A line that is written over until it is done.
pub(super) struct Progress {
    shown: bool,
    total: u64,
    started: Instant,
    written: Option<Instant>,
}

impl Progress {
    /// Starts; nothing is shown unless stderr is a terminal.
    pub(super) fn new(total: u64, quiet: bool) -> Self {
        let shown = !quiet && std::io::stderr().is_terminal();
        Self { shown, total, started: Instant::now(), written: None }
    }

    /// Shows that so many entries are done.
    pub(super) fn at(&mut self, done: u64) {
        if !self.shown || self.written.is_some_and(|at| at.elapsed() < EVERY) {
            return;
        }
        self.written = Some(Instant::now());
        let filled = (done * WIDTH).checked_div(self.total).unwrap_or(WIDTH).min(WIDTH);
        let bar: String = (0..WIDTH).map(|place| if place < filled { '█' } else { '░' }).collect();
        let (count, rate) = (grouped(done), self.rate(done));
        let _ = write!(anstream::stderr(), "\r\x1b[K {} {count} entries   {rate}", bar.cyan());
    }

    /// Takes the line away.
    pub(super) fn clear(&self) {
        if self.written.is_some() {
            let _ = write!(anstream::stderr(), "\r\x1b[K");
        }
    }

    /// Gives how long it has taken.
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Says how many per second.
    fn rate(&self, done: u64) -> String {
        rate(done, self.started.elapsed())
    }
}

/// Says how many per second, as `312 k/s`.
pub(crate) fn rate(count: u64, elapsed: Duration) -> String {
    let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    match count.saturating_mul(1000) / millis {
        rate @ 0..10_000 => format!("{}/s", grouped(rate)),
        rate => format!("{} k/s", grouped(rate / 1000)),
    }
}
