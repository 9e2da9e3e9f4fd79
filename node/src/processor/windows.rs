//! Windows: times of all cores together since the system's start.

use windows_sys::Win32::Foundation::FILETIME;
use windows_sys::Win32::System::Threading::GetSystemTimes;

/// The times of the last look, in 100 ns.
#[derive(Debug, Default)]
pub(super) struct Look(Option<Times>);

#[derive(Clone, Copy, Debug)]
struct Times {
    idle: u64,
    all: u64,
}

impl Look {
    pub(super) fn busy(&mut self) -> Option<f32> {
        let now = times()?;
        let before = self.0.replace(now)?;
        let (idle, all) = (now.idle.checked_sub(before.idle)?, now.all.checked_sub(before.all)?);
        #[expect(clippy::cast_precision_loss, reason = "a share of the time between two looks")]
        (all > 0).then(|| 1.0 - idle as f32 / all as f32)
    }
}

/// What the system calls kernel time includes the idle time.
#[expect(unsafe_code, reason = "the system's call has no safe interface")]
fn times() -> Option<Times> {
    let [mut idle, mut kernel, mut user] = [FILETIME::default(); 3];
    // SAFETY: the three pointers are those of live values.
    let told = unsafe { GetSystemTimes(&raw mut idle, &raw mut kernel, &raw mut user) };
    let number = |time: FILETIME| u64::from(time.dwHighDateTime) << 32 | u64::from(time.dwLowDateTime);
    (told != 0).then(|| Times { idle: number(idle), all: number(kernel).saturating_add(number(user)) })
}
