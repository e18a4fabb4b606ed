//! What a process uses, by `/proc`.

use std::fs;

use anyhow::{Context as _, Result};

/// The kernel counts processor time in hundredths of a second, on every Linux there is (`getconf CLK_TCK`).
const TICK_MILLIS: u64 = 10;

/// Gives the processor time a process has used, in milliseconds.
pub(crate) fn cpu_millis(pid: u32) -> Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name, in parentheses, may contain anything; user and system time are fields 14 and 15.
    let (_, fields) = stat.rsplit_once(')').context("not a stat line")?;
    let mut times = fields.split_whitespace().skip(11);
    let (user, system): (u64, u64) =
        (times.next().context("user")?.parse()?, times.next().context("system")?.parse()?);
    Ok((user + system) * TICK_MILLIS)
}

/// Lets the peak of resident memory (`VmHWM`) start again from here.
pub(crate) fn reset_peak(pid: u32) -> Result<()> {
    Ok(fs::write(format!("/proc/{pid}/clear_refs"), "5")?)
}
