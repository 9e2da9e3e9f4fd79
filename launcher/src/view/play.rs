//! The game.

use serde::Serialize;

use super::Problem;

/// What the Play button does now.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "play", rename_all = "snake_case")]
pub enum PlayView {
    /// The owner has to say where the game is.
    NeedsFolder,
    /// It can be started.
    Ready {
        /// How the last game ended, when it is worth saying.
        ended: Option<GameEnd>,
    },
    /// It is being started.
    Starting {
        /// What is done now.
        step: PlayStep,
    },
    /// It runs.
    Running {
        /// Unix seconds.
        since: u32,
        /// Whether its way to the realm is cut, and its session held meanwhile.
        held: bool,
    },
    /// It could not be started.
    Failed {
        /// Why.
        problem: Problem,
    },
}

/// The steps from the button to the game.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum PlayStep {
    /// The client's files are looked at.
    Verify,
    /// The client is patched.
    Patch,
    /// The way to the realm is opened.
    Gateway,
    /// The program is started.
    Launch,
}

/// How a game ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum GameEnd {
    /// The player closed it.
    Closed,
    /// It ended with an error.
    Crashed {
        /// The exit code, where there is one.
        code: Option<i32>,
    },
    /// Somebody ended its process.
    Killed,
}
