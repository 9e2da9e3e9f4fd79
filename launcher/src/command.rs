//! What a window asks for. Commands change something and answer only whether they were taken; what they led to comes with
//! the next [`View`](crate::view::View). Questions change nothing.

use bifrost_protocol::Secret;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::log::LogLine;
use crate::settings::Settings;

/// The one list of commands.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Takes a realm file.
    OpenRealm {
        /// Its whole text.
        text: String,
    },
    /// Forgets the realm, its account and everything that was made for it.
    ForgetRealm,
    /// Proves a game account.
    SignIn {
        /// Account name.
        username: String,
        /// Password.
        #[serde(deserialize_with = "secret")]
        #[cfg_attr(test, ts(type = "string"))]
        password: Secret<String>,
    },
    /// Uses an operator's invitation.
    SignInInvited {
        /// The code.
        #[serde(deserialize_with = "secret")]
        #[cfg_attr(test, ts(type = "string"))]
        code: Secret<String>,
    },
    /// Forgets the account.
    SignOut,
    /// Moves the Host switch.
    SetHost {
        /// Where to.
        on: bool,
    },
    /// Starts the game.
    Play,
    /// Patches the game.
    PatchClient,
    /// Replaces the settings.
    ChangeSettings {
        /// All of them.
        settings: Settings,
    },
    /// Tries again now what would be tried later.
    Retry,
    /// Checks everything.
    RunDoctor,
    /// Takes the notes off the screen.
    DismissNotes,
    /// Installs the update that is ready.
    InstallUpdate,
    /// Ends the launcher; players on this PC's maps are moved first.
    Quit,
}

/// The one list of questions.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "question", rename_all = "snake_case", deny_unknown_fields)]
pub enum Question {
    /// Log lines after this number.
    Log {
        /// 0 for all that are kept.
        after: u32,
    },
    /// The log as text, without anything personal.
    LogExport,
}

/// Answers to [`Question`]s.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// Log lines, oldest first.
    Log {
        /// The lines.
        lines: Vec<LogLine>,
    },
    /// Text to copy or save.
    Text {
        /// The text.
        text: String,
    },
}

/// A command that was not taken.
#[derive(Clone, Debug, Error, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[error("{message} ({code:?})")]
pub struct CommandError {
    /// Which.
    pub code: CommandCode,
    /// English, for logs.
    pub message: String,
}

/// Why a command was not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum CommandCode {
    /// It makes no sense in this state; the view says which one it is.
    NotNow,
    /// Something in it cannot be.
    BadInput,
    /// The launcher is stopping.
    Stopping,
    /// Too many commands at once.
    Busy,
}

impl CommandError {
    /// A command that makes no sense now.
    #[must_use]
    pub fn not_now(message: &str) -> Self {
        Self { code: CommandCode::NotNow, message: message.into() }
    }

    /// A command with something in it that cannot be.
    #[must_use]
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self { code: CommandCode::BadInput, message: message.into() }
    }
}

fn secret<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Secret<String>, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}
