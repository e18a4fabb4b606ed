//! Programs that run beside a test and end with it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// A program that runs in the background; it is killed, by its id, when this is dropped.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts a program, all of whose output is appended to the file `log`.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let file = File::options().create(true).append(true).open(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("{name} does not start: {}", line_of(command)))?;
        Ok(Self { name: name.to_owned(), child, log: log.to_owned() })
    }

    /// Gives the process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Gives all that was written to the log file so far.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Kills it as a power cut would, and waits until it is gone.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end, and fails if it has not after `patience`.
    pub fn stop(&mut self, patience: Duration) -> Result<ExitStatus> {
        self.signal_stop()?;
        self.wait(patience)
    }

    /// Asks it to end.
    pub fn signal_stop(&self) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), Signal::TERM)?)
    }

    /// Waits for its end, and fails if it has not come after `patience`.
    pub fn wait(&mut self, patience: Duration) -> Result<ExitStatus> {
        wait_until(&format!("the end of {}", self.name), patience, || Ok(self.child.try_wait()?))
    }

    /// Waits until `ready` gives something; fails with the output when the program ends before.
    pub fn wait_for<T>(
        &mut self,
        what: &str,
        patience: Duration,
        ready: impl Fn(&str) -> Option<T>,
    ) -> Result<T> {
        let log = self.log.clone();
        wait_until(what, patience, || {
            let output = String::from_utf8_lossy(&std::fs::read(&log)?).into_owned();
            if let Some(found) = ready(&output) {
                return Ok(Some(found));
            }
            match self.child.try_wait()? {
                Some(status) => bail!("{} ended with {status}:\n{output}", self.name),
                None => Ok(None),
            }
        })
    }

    /// Gives a figure in KiB from `/proc/<id>/status`, such as `VmRSS` or `VmHWM`.
    pub fn memory_kib(&self, figure: &str) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let line = status.lines().find_map(|l| l.strip_prefix(figure)?.strip_prefix(':'));
        let number = line.and_then(|l| l.split_whitespace().next()).context("no such figure")?;
        Ok(number.parse()?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already; there is nothing to do about a failure here.
        let _ = self.kill();
    }
}

/// Runs a program to its end and gives its standard output; fails, with all it said, when it fails.
pub fn run(command: &mut Command) -> Result<String> {
    let output = output(command)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    bail!(
        "{} ended with {}\n{}{}",
        line_of(command),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Runs a program to its end and gives what it said, however it ended.
pub fn output(command: &mut Command) -> Result<Output> {
    let done = command.stdin(Stdio::null()).output();
    done.with_context(|| format!("{} does not start", line_of(command)))
}

/// Writes a command as one would type it, with the program's bare name.
pub fn line_of(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy();
    let args = command.get_args().map(|a| quoted(&a.to_string_lossy()));
    std::iter::once(program.into_owned()).chain(args).collect::<Vec<_>>().join(" ")
}

fn quoted(arg: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%[]".contains(c);
    if !arg.is_empty() && arg.chars().all(plain) { arg.to_owned() } else { format!("'{arg}'") }
}

/// Asks again and again until there is an answer or `patience` ends.
pub fn wait_until<T>(
    what: &str,
    patience: Duration,
    mut ask: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = ask()? {
            return Ok(found);
        }
        if start.elapsed() > patience {
            bail!("waited {patience:?} in vain for {what}");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
