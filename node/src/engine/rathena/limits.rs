//! What keeps an engine from taking the machine away from its owner, and from outliving the node.
//!
//! * Linux: the kernel kills the process when the node dies; `nice`; memory and CPU by a control group where the node may make
//!   one (`Delegate=yes` and `DelegateSubgroup=` of systemd), else memory by `RLIMIT_DATA` and CPU not at all.
//!   `RLIMIT_AS` would count what is mapped and never touched.
//! * Windows: a job object, which also ends the process with the node; a priority class.

#[cfg(target_os = "linux")]
mod cgroup;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use tokio::process::{Child, Command};

use crate::config::EngineConfig;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

/// What one engine may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Limits {
    memory_mib: u64,
    cpu_percent: u32,
    nice: u8,
}

impl From<&EngineConfig> for Limits {
    fn from(config: &EngineConfig) -> Self {
        Self { memory_mib: config.memory_mib, cpu_percent: config.cpu_percent, nice: config.nice }
    }
}

impl Limits {
    fn memory_bytes(self) -> u64 {
        self.memory_mib.saturating_mul(1024 * 1024)
    }
}

/// What holds a running engine. Kept as long as it runs.
#[derive(Debug)]
pub(super) struct Cage {
    #[expect(dead_code, reason = "it is held, never read")]
    held: system::Held,
}

/// Settings that a process has to be started with.
pub(super) fn prepare(command: &mut Command, limits: Limits) {
    system::prepare(command, limits);
}

/// Limits that are laid on a process that runs.
pub(super) fn cage(child: &Child, limits: Limits) -> Cage {
    Cage { held: system::hold(child, limits) }
}
