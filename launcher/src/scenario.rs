//! Scripted realms and nodes behind the real controller, for tests of the UI: the same effects come in, the same events go
//! out, only that nothing is real. Clocks start at a fixed moment, so that pictures are the same every day.

mod cast;
mod play;
mod props;

use std::time::{Duration, Instant};

use clap::ValueEnum;
use tokio_util::sync::CancellationToken;

use crate::app::{Clock, Inbox};
use crate::event::{Kept, Now};

pub use play::ScriptedShell;

/// What is played.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Scenario {
    /// No realm file.
    FirstRun,
    /// A realm file, nobody signed in.
    SignIn,
    /// Signed in, hosting off.
    Ready,
    /// This PC has no network.
    OfflineMe,
    /// The way is broken.
    OfflineNetwork,
    /// The realm does not serve.
    OfflineRealm,
    /// The realm shows another certificate.
    Certificate,
    /// Hosting on, not connected yet.
    Connecting,
    /// The machine is measured, for ever.
    Benchmarking,
    /// Upload and memory are not enough.
    NotEligible,
    /// Only time is missing.
    AlmostEligible,
    /// May host, and has no maps.
    Eligible,
    /// Carries two groups.
    Hosting,
    /// Carries a full house.
    HostingMany,
    /// Players are being moved, for ever.
    Draining,
    /// The owner's rules say not now.
    Paused,
    /// A new version is being installed.
    Updating,
    /// The operator has thrown this PC out.
    Failed,
    /// The game runs, and this PC hosts.
    Playing,
    /// The game has crashed.
    Crashed,
    /// The game is not patched yet.
    Unpatched,
    /// The doctor finds things.
    Sick,
}

/// 2026-11-24 18:40 UTC.
const START_UNIX: u64 = 1_795_545_600;

impl Scenario {
    /// What plays it: shell, what was kept, clock.
    #[must_use]
    pub fn set(self, inbox: Inbox, stop: &CancellationToken) -> (ScriptedShell, Kept, Clock) {
        let shell = ScriptedShell::new(self, inbox, stop.clone());
        (shell, cast::kept(self, START_UNIX), clock())
    }
}

fn clock() -> Clock {
    let started = Instant::now();
    Box::new(move || {
        let since_start = started.elapsed();
        let unix = START_UNIX + since_start.as_secs();
        Now { since_start, unix, local_minute: minute(unix) }
    })
}

fn minute(unix: u64) -> u16 {
    u16::try_from(unix / 60 % (24 * 60)).unwrap_or(0)
}

/// The moment that many seconds before the start.
fn before(seconds: u64) -> Now {
    let unix = START_UNIX - seconds;
    Now { since_start: Duration::from_secs(100_000_000 - seconds), unix, local_minute: minute(unix) }
}
