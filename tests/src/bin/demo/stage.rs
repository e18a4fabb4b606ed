//! Tells what happens, shows the commands as one would type them and what they say, and takes the times.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use countersign_tests::process::{line_of, output};

/// The demo's output, scene by scene.
pub(crate) struct Stage {
    scenes: Vec<(String, Duration)>,
    since: Instant,
}

impl Stage {
    /// Opens the curtain.
    pub(crate) fn new() -> Self {
        Self { scenes: Vec::new(), since: Instant::now() }
    }

    /// Begins a scene with a heading and some plain words.
    pub(crate) fn scene(&mut self, heading: &str, words: &str) {
        self.end_scene();
        let number = self.scenes.len() + 1;
        println!("\n{number}. {heading}\n");
        for line in words.lines() {
            println!("   {line}");
        }
        self.scenes.push((heading.to_owned(), Duration::ZERO));
        self.since = Instant::now();
    }

    fn end_scene(&mut self) {
        if let Some((_, took)) = self.scenes.last_mut() {
            *took = self.since.elapsed();
            println!("\n   ({})", in_words(*took));
        }
    }

    /// Shows a command, runs it, shows what it says and gives what it wrote to standard output; fails when it fails.
    pub(crate) fn run(command: &mut Command) -> Result<String> {
        Self::prompt(&line_of(command));
        let done = output(command)?;
        let stdout = String::from_utf8_lossy(&done.stdout).into_owned();
        Self::say(&String::from_utf8_lossy(&done.stderr));
        Self::say(&stdout);
        if done.status.success() {
            Ok(stdout)
        } else {
            bail!("{} ended with {}", line_of(command), done.status)
        }
    }

    /// Shows a command line.
    pub(crate) fn prompt(line: &str) {
        println!("\n   $ {line}");
    }

    /// Shows what a program says.
    pub(crate) fn say(text: &str) {
        for line in text.lines() {
            println!("   │ {line}");
        }
    }

    /// Ends with the times.
    pub(crate) fn finish(mut self) {
        self.end_scene();
        println!("\nHow long each step took:\n");
        for (heading, took) in &self.scenes {
            println!("   {:>9}  {heading}", in_words(*took));
        }
        let total = self.scenes.iter().map(|(_, took)| *took).sum();
        println!("   {:>9}  in all", in_words(total));
    }
}

fn in_words(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}
