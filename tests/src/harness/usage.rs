//! What a process costs, from /proc.

use std::time::Duration;

use anyhow::{Context, Result};

/// Ticks per second of /proc (`USER_HZ`, 100 on every Linux that matters here).
const TICKS_PER_SECOND: u64 = 100;

/// Memory a process holds, in KiB (`VmRSS`).
///
/// # Errors
/// It has ended.
pub fn resident_kib(process: u32) -> Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).context("the process has ended")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

/// CPU time a process has used, in user and kernel.
///
/// # Errors
/// It has ended.
pub fn cpu_time(process: u32) -> Result<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).context("the process has ended")?;
    // The second field is a name in brackets that may hold anything; state is the first after it.
    let (_, fields) = text.rsplit_once(')').context("no name")?;
    let ticks =
        |index: usize| -> Result<u64> { Ok(fields.split_whitespace().nth(index).context("too short")?.parse()?) };
    Ok(Duration::from_millis((ticks(11)? + ticks(12)?) * 1_000 / TICKS_PER_SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_costs_something() {
        assert!(resident_kib(std::process::id()).expect("running") > 1_000);
        cpu_time(std::process::id()).expect("running");
    }
}
