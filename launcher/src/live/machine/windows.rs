//! Windows: the shell knows what fills the screen, and the network list what it costs.

use windows::Networking::Connectivity::{NetworkCostType, NetworkInformation};
use windows::Win32::System::Power::{GetSystemPowerStatus, SYSTEM_POWER_STATUS};
use windows::Win32::UI::Shell::{
    QUNS_BUSY, QUNS_PRESENTATION_MODE, QUNS_RUNNING_D3D_FULL_SCREEN, SHQueryUserNotificationState,
};
use windows::Win32::UI::WindowsAndMessaging::{GetForegroundWindow, GetWindowThreadProcessId};

use super::Front;

/// Nothing is kept.
#[derive(Debug, Default)]
pub(super) struct Desktop;

impl Desktop {
    /// The window in front. `QUNS_BUSY` is any window that fills the screen.
    #[expect(unsafe_code, reason = "the system's calls have no safe interface")]
    pub(super) fn front(&mut self) -> Option<Front> {
        let mut process = 0;
        // SAFETY: none of them has preconditions; no window at all is a null one, which sets no process.
        let state = unsafe {
            GetWindowThreadProcessId(GetForegroundWindow(), Some(&raw mut process));
            SHQueryUserNotificationState()
        };
        let full_screen = [QUNS_BUSY, QUNS_PRESENTATION_MODE, QUNS_RUNNING_D3D_FULL_SCREEN].contains(&state.ok()?);
        Some(Front { full_screen, process: (process != 0).then_some(process) })
    }

    /// Whether the way to the internet costs by what it carries.
    pub(super) fn metered(&mut self) -> Option<bool> {
        let cost = NetworkInformation::GetInternetConnectionProfile().ok()?.GetConnectionCost().ok()?;
        match cost.NetworkCostType().ok()? {
            NetworkCostType::Fixed | NetworkCostType::Variable => Some(true),
            NetworkCostType::Unrestricted => Some(false),
            _ => None,
        }
    }

    /// `ACLineStatus`: 0 is battery, 1 mains, 255 unknown.
    #[expect(unsafe_code, reason = "the system's call has no safe interface")]
    pub(super) fn on_battery() -> Option<bool> {
        let mut status = SYSTEM_POWER_STATUS::default();
        // SAFETY: the pointer is that of a live value.
        unsafe { GetSystemPowerStatus(&raw mut status) }.ok()?;
        match status.ACLineStatus {
            0 => Some(true),
            1 => Some(false),
            _ => None,
        }
    }
}
