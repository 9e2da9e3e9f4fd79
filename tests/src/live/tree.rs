//! A process and all that came out of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use rustix::process::{Pid, Signal, kill_process};

/// These processes and everything they started, and what those started; themselves first. One that is gone is itself.
pub(super) fn families(roots: impl IntoIterator<Item = u32>) -> Vec<u32> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (process, parent) in all() {
        children.entry(parent).or_default().push(process);
    }
    let mut found: Vec<u32> = roots.into_iter().collect();
    let mut seen: BTreeSet<u32> = found.iter().copied().collect();
    let mut next = 0;
    while let Some(process) = found.get(next) {
        let of = children.get(process).cloned().unwrap_or_default();
        found.extend(of.into_iter().filter(|child| seen.insert(*child)));
        next += 1;
    }
    found
}

/// Sends a signal to each of these that still is there.
pub(super) fn signal(processes: &[u32], signal: Signal) {
    for process in processes {
        if let Some(process) = i32::try_from(*process).ok().and_then(Pid::from_raw) {
            // Gone already is as good.
            let _ = kill_process(process, signal);
        }
    }
}

/// The name of a program that runs (`comm`).
pub(super) fn name(process: u32) -> Option<String> {
    Some(fs::read_to_string(format!("/proc/{process}/comm")).ok()?.trim().to_owned())
}

/// Every process with its parent.
fn all() -> Vec<(u32, u32)> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let parent = |process: u32| -> Option<u32> {
        let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The second field is a name in brackets that may hold anything; after it come state and parent.
        text.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
    };
    let processes = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    processes.filter_map(|process| Some((process, parent(process)?))).collect()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn grandchildren_belong_to_the_family() {
        let mut shell =
            Command::new("sh").args(["-c", "sleep 60 & echo; wait"]).stdout(Stdio::piped()).spawn().expect("starts");
        let mut line = [0];
        std::io::Read::read_exact(shell.stdout.as_mut().expect("piped"), &mut line).expect("the child runs");
        let family = families([shell.id()]);
        assert_eq!(family.len(), 2, "{family:?}");
        assert_eq!(families([std::process::id()])[0], std::process::id());
        signal(&family, Signal::KILL);
        shell.wait().expect("killed");
    }
}
