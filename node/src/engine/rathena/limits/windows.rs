//! Windows: a job object.

use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};

use tokio::process::{Child, Command};
use tracing::warn;
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_CPU_RATE_CONTROL_ENABLE,
    JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP, JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION,
    JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE, JOB_OBJECT_LIMIT_PROCESS_MEMORY, JOBOBJECT_CPU_RATE_CONTROL_INFORMATION,
    JOBOBJECT_CPU_RATE_CONTROL_INFORMATION_0, JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JOBOBJECTINFOCLASS,
    JobObjectCpuRateControlInformation, JobObjectExtendedLimitInformation, SetInformationJobObject,
};
use windows_sys::Win32::System::Threading::{BELOW_NORMAL_PRIORITY_CLASS, CREATE_NO_WINDOW, NORMAL_PRIORITY_CLASS};

use super::Limits;

/// What holds a running engine: its job. Closing it, or dying with it open, ends the process.
pub(super) type Held = Option<OwnedHandle>;

/// No window; below the player's own programs unless told otherwise.
pub(super) fn prepare(command: &mut Command, limits: Limits) {
    let priority = if limits.nice == 0 { NORMAL_PRIORITY_CLASS } else { BELOW_NORMAL_PRIORITY_CLASS };
    command.creation_flags(CREATE_NO_WINDOW | priority);
}

/// Puts the engine into a job of its own.
pub(super) fn hold(child: &Child, limits: Limits) -> Held {
    let job = job(child, limits);
    if job.is_none() {
        warn!(error = %std::io::Error::last_os_error(), "an engine runs without limits");
    }
    job
}

#[expect(unsafe_code, reason = "job objects have no safe interface")]
fn job(child: &Child, limits: Limits) -> Option<OwnedHandle> {
    let process = child.raw_handle()?;
    // SAFETY: no security attributes and no name are legal; the handle is owned from here on, if there is one.
    let job = unsafe {
        let job = CreateJobObjectW(std::ptr::null(), std::ptr::null());
        (!job.is_null()).then(|| OwnedHandle::from_raw_handle(job))
    }?;
    let mut memory = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
    // An engine that crashes ends; it does not wait behind a window that asks the player what to do.
    memory.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
        | JOB_OBJECT_LIMIT_PROCESS_MEMORY
        | JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION;
    memory.ProcessMemoryLimit = usize::try_from(limits.memory_bytes()).unwrap_or(usize::MAX);
    set(&job, JobObjectExtendedLimitInformation, &memory)?;
    let cpu = JOBOBJECT_CPU_RATE_CONTROL_INFORMATION {
        ControlFlags: JOB_OBJECT_CPU_RATE_CONTROL_ENABLE | JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP,
        Anonymous: JOBOBJECT_CPU_RATE_CONTROL_INFORMATION_0 { CpuRate: rate(limits) },
    };
    // Not every edition has it; the rest still holds.
    let _limited = set(&job, JobObjectCpuRateControlInformation, &cpu);
    // SAFETY: both handles are open.
    let assigned = unsafe { AssignProcessToJobObject(job.as_raw_handle(), process) };
    (assigned != 0).then_some(job)
}

/// Of all cores together, in hundredths of a percent.
fn rate(limits: Limits) -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cores = u32::try_from(cores).unwrap_or(u32::MAX);
    (limits.cpu_percent.saturating_mul(100) / cores).clamp(1, 10_000)
}

#[expect(unsafe_code, reason = "job objects have no safe interface")]
fn set<T>(job: &OwnedHandle, class: JOBOBJECTINFOCLASS, value: &T) -> Option<()> {
    let size = u32::try_from(size_of::<T>()).ok()?;
    // SAFETY: the job is open; the pointer and size are those of a live value of the class's own type.
    let done = unsafe { SetInformationJobObject(job.as_raw_handle(), class, std::ptr::from_ref(value).cast(), size) };
    (done != 0).then_some(())
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;
    use std::time::Duration;

    use super::*;
    use crate::config::EngineConfig;

    #[tokio::test]
    async fn an_engine_ends_with_its_job() {
        let limits = Limits::from(&EngineConfig::default());
        let mut command = Command::new("cmd.exe");
        // It waits for a key that never comes.
        command.args(["/c", "pause"]).stdin(Stdio::piped()).stdout(Stdio::null());
        prepare(&mut command, limits);
        let mut child = command.spawn().expect("started");
        let held = hold(&child, limits);
        assert!(held.is_some(), "it runs without limits: {}", std::io::Error::last_os_error());
        assert!(child.try_wait().expect("asked").is_none(), "it runs");
        drop(held);
        let ended = tokio::time::timeout(Duration::from_secs(20), child.wait()).await;
        ended.expect("it ends with its job").expect("waited for");
    }

    #[test]
    fn the_share_of_the_processor_is_one_of_all_cores() {
        let cores = u32::try_from(std::thread::available_parallelism().map_or(1, usize::from)).expect("few");
        let rate = |cpu_percent| rate(Limits { memory_mib: 1, cpu_percent, nice: 0 });
        assert_eq!(rate(100), 10_000 / cores);
        assert_eq!((rate(0), rate(u32::MAX)), (1, 10_000));
    }
}
