//! The one state of everything.

use serde::Serialize;

use super::{BenchStep, CriterionName, Problem};

/// What is going on. Exactly one holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// First run: no realm file was opened yet.
    NoRealm {
        /// Why the last file was refused.
        problem: Option<Problem>,
    },
    /// Nobody is signed in.
    SignedOut {
        /// Why the last try failed, or why it has to be done again.
        problem: Option<Problem>,
    },
    /// The account is being proved.
    SigningIn,
    /// The realm cannot be reached.
    Offline {
        /// Where it breaks.
        trouble: Trouble,
        /// When it is tried again.
        retry_in_seconds: u32,
    },
    /// Signed in and connected; this PC does not host.
    Ready,
    /// Hosting was switched on and is on its way to the realm.
    Connecting,
    /// The PC is being measured.
    Benchmarking {
        /// What is measured now.
        step: BenchStep,
    },
    /// The PC may not host now.
    NotEligible {
        /// What is missing.
        unmet: Vec<CriterionName>,
        /// When it may, if only time is missing.
        ready_in_minutes: Option<u32>,
    },
    /// The PC may host and waits for maps.
    Eligible,
    /// The PC carries maps.
    Hosting {
        /// Map groups.
        groups: u32,
        /// Players on them.
        players: u32,
    },
    /// Players are being moved to other hosts.
    Draining {
        /// How many are left.
        players: u32,
        /// What follows.
        then: AfterDrain,
    },
    /// Hosting is on, but the owner's own rules say not now.
    Paused {
        /// The rules; never empty.
        why: Vec<PauseReason>,
    },
    /// A new version is being installed.
    Updating {
        /// Which.
        version: String,
        /// How much of it is here.
        percent: Option<u8>,
    },
    /// Hosting has ended for a reason that somebody has to look at.
    Failed {
        /// Which.
        problem: Problem,
    },
}

/// Where the way to the realm is broken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// This PC has no network.
    Me,
    /// Between here and there.
    Network,
    /// The realm is there and does not serve.
    Realm,
    /// The realm shows a certificate that its file does not name.
    Certificate,
}

/// What happens when the last player has left.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum AfterDrain {
    /// Hosting is off.
    Stop,
    /// Hosting waits until the rules allow it again.
    Pause,
    /// The launcher ends.
    Quit,
    /// The account is signed out.
    SignOut,
}

/// A rule of the owner's that says not now.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum PauseReason {
    /// Not within the hours.
    OutsideHours {
        /// Minute of the day at which they begin.
        from_minute: u16,
    },
    /// The PC runs on battery.
    OnBattery,
    /// A full-screen program that is not this realm's game.
    FullScreen,
    /// Other programs use the processor.
    BusyCpu,
    /// Memory is short.
    LowMemory,
    /// The month's upload is used up.
    MonthlyCap,
    /// The network is metered.
    Metered,
}
