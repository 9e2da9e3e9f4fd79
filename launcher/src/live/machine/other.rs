//! Systems that are not asked yet.

use super::Front;

/// Nothing is known.
#[derive(Debug, Default)]
pub(super) struct Desktop;

impl Desktop {
    /// The window in front.
    pub(super) fn front(&mut self) -> Option<Front> {
        None
    }

    /// Whether the network is metered.
    pub(super) fn metered(&mut self) -> Option<bool> {
        None
    }

    /// Whether the PC runs on battery.
    pub(super) fn on_battery() -> Option<bool> {
        None
    }
}
