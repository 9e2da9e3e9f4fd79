//! Linux and its relatives.

use rustix::process::{Resource, Rlimit, nice, setrlimit};
use tokio::process::{Child, Command};
use tracing::debug;

use super::Limits;

/// What holds a running engine: its control group, if it has one.
#[cfg(target_os = "linux")]
pub(super) type Held = Option<super::cgroup::Group>;
/// What holds a running engine: nothing here.
#[cfg(not(target_os = "linux"))]
pub(super) type Held = ();

/// Between fork and exec: dies with its parent, gives way to others, has a bounded heap.
pub(super) fn prepare(command: &mut Command, limits: Limits) {
    // A Ctrl+C in the node's terminal is the node's to hear.
    command.process_group(0);
    let parent = rustix::process::getpid();
    let before_exec = move || {
        die_with(parent)?;
        // Refused only by limits that are tighter already.
        let _tighter = setrlimit(Resource::Data, both(limits.memory_bytes()));
        let _lowest = nice(limits.nice.into());
        Ok(())
    };
    #[expect(
        unsafe_code,
        reason = "the closure makes system calls only: no allocation, no lock, nothing after a failure"
    )]
    // SAFETY: the functions above are plain system calls, which are allowed between fork and exec.
    unsafe {
        command.pre_exec(before_exec);
    }
}

/// The kernel kills the child when the thread that started it ends; see `process::start`.
#[cfg(target_os = "linux")]
fn die_with(parent: rustix::process::Pid) -> std::io::Result<()> {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // The parent may have died before that; then somebody else is the parent by now.
    if getppid() == Some(parent) {
        Ok(())
    } else {
        Err(std::io::Error::from_raw_os_error(rustix::io::Errno::CHILD.raw_os_error()))
    }
}

#[cfg(not(target_os = "linux"))]
fn die_with(_: rustix::process::Pid) -> std::io::Result<()> {
    Ok(())
}

fn both(limit: u64) -> Rlimit {
    Rlimit { current: Some(limit), maximum: Some(limit) }
}

/// Puts the engine into a control group of its own, where that is possible.
#[cfg(target_os = "linux")]
pub(super) fn hold(child: &Child, limits: Limits) -> Held {
    let name = format!("engine-{:016x}", rand::random::<u64>());
    let group = super::cgroup::Group::make(&super::cgroup::own()?, &name, limits);
    match group.and_then(|group| group.take(child.id()?).then_some(group)) {
        Some(group) => Some(group),
        None => {
            debug!("no control group may be made here: the CPU share of engines is not limited");
            None
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn hold(_: &Child, _: Limits) -> Held {
    debug!("the CPU share of engines is not limited here");
}
