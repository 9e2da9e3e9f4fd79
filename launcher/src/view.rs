//! What a window shows: one value, whole, made anew after every event. The TypeScript side is generated from these types
//! (`bindings.rs`), so nothing here is shown that the UI does not know.

mod contribution;
mod my_pc;
mod phase;
mod play;

use serde::Serialize;

pub use contribution::{Contribution, HourOfDay};
pub use my_pc::{BenchStep, Criterion, CriterionName, Help, Measured, MyPc};
pub use phase::{AfterDrain, PauseReason, Phase, Trouble};
pub use play::{GameEnd, PlayStep, PlayView};

use crate::doctor::DoctorView;
use crate::settings::Settings;

/// Everything the UI knows.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct View {
    /// Of this program.
    pub version: String,
    /// The one state that decides what Home shows.
    pub phase: Phase,
    /// The operator's realm; none before a realm file was opened.
    pub realm: Option<RealmView>,
    /// The account that is signed in.
    pub account: Option<String>,
    /// Whether the Host switch is on, whatever hosting does now.
    pub host_wanted: bool,
    /// What hosting is limited to now, in players.
    pub host_limit: u32,
    /// The game.
    pub play: PlayView,
    /// The numbers people feel.
    pub numbers: Numbers,
    /// Map groups this PC carries.
    pub groups: Vec<GroupView>,
    /// The benchmark against what the realm asks for.
    pub my_pc: MyPc,
    /// What this PC has given.
    pub contribution: Contribution,
    /// What the owner set.
    pub settings: Settings,
    /// The last check of everything.
    pub doctor: DoctorView,
    /// Things to know that stop nothing.
    pub notes: Vec<Note>,
    /// A newer program.
    pub update: UpdateView,
}

/// The realm as its signed file describes it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RealmView {
    /// The operator's name for it.
    pub name: String,
    /// `#rrggbb`.
    pub accent: String,
    /// A `data:` URI of a picture.
    pub emblem: Option<String>,
    /// Unix seconds after which the file is not taken any more.
    pub expires_at: u32,
    /// The first digits of the operator's key, for comparing by eye.
    pub key: String,
    /// The game's program within its folder.
    pub program: String,
}

/// Numbers of the realm and of this PC's part in it. None: not known now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Numbers {
    /// Players in game.
    pub players_online: Option<u32>,
    /// Round trip to the realm in milliseconds.
    pub round_trip_ms: Option<f64>,
    /// The longest turn of this PC's engines, in milliseconds.
    pub tick_ms: Option<f64>,
    /// How the PC is connected.
    pub transport: Option<Transport>,
}

/// How bytes travel.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// QUIC over UDP.
    Quic,
    /// TLS over TCP, where UDP is blocked.
    Tcp,
}

/// A map group this PC carries.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct GroupView {
    /// The operator's name for it.
    pub name: String,
    /// Its maps.
    pub maps: Vec<String>,
    /// Players on it.
    pub players: u32,
    /// Whether it is ready for players.
    pub live: bool,
}

/// Something to know, with what can be done.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "note", rename_all = "snake_case")]
pub enum Note {
    /// There is no OS keyring: secrets lie in a file that only this user can read.
    NoKeyring,
    /// The settings could not be read; they were moved aside and the usual ones are in force.
    SettingsReset,
    /// The realm file is taken for this many days more.
    RealmExpires {
        /// Days.
        days: u32,
    },
    /// The computer slept; hosting started anew.
    Slept,
    /// Something could not be written to the disk.
    NotKept,
}

/// A newer program, if there is one.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "update", rename_all = "snake_case")]
pub enum UpdateView {
    /// This is the newest, or nobody has looked.
    #[default]
    None,
    /// It waits until the game and hosting have ended.
    Waiting {
        /// Its version.
        version: String,
    },
    /// It can be installed now.
    Ready {
        /// Its version.
        version: String,
    },
}

/// Something went wrong. The UI has text for every code: what happened, what it means, what to do.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Problem {
    /// Which.
    pub code: ProblemCode,
    /// For reports; English, may be empty.
    pub detail: String,
}

impl Problem {
    /// A problem with its detail.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

/// What can go wrong, as far as the UI tells it apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ProblemCode {
    /// Account name or password.
    WrongPassword,
    /// An operator's invitation that is used, expired or unknown.
    InvalidInvitation,
    /// The account has as many PCs as it may have.
    TooManyPcs,
    /// The account is in game: it cannot be checked while it is.
    AccountInGame,
    /// The realm has too much to do, or answers nothing useful.
    RealmBusy,
    /// Nobody answers.
    Unreachable,
    /// The realm shows another certificate than its file says.
    CertificateChanged,
    /// The operator has thrown this PC out.
    Revoked,
    /// The same account hosts from another copy of this folder.
    Replaced,
    /// The account has to be proved again.
    SignInAgain,
    /// Players could not be moved away in time.
    DrainTimeout,
    /// The realm file is no realm file.
    RealmUnreadable,
    /// The realm file was changed after it was signed.
    RealmTampered,
    /// The realm file is too old.
    RealmExpired,
    /// The realm file is signed by somebody else than the one opened before.
    RealmOtherKey,
    /// A newer realm file was opened before.
    RealmOlder,
    /// No folder of the game was chosen.
    ClientMissing,
    /// The folder has no game in it.
    ClientProgramMissing,
    /// The game's program is the right build, and not patched yet.
    ClientUnpatched,
    /// The DLL beside the game is missing or another one.
    ClientLibrary,
    /// The game's program is another build than the operator's.
    ClientOtherBuild,
    /// The game could not be patched, because its folder cannot be written to.
    ClientNotWritten,
    /// Wine is needed and not there.
    WineMissing,
    /// The game could not be started.
    GameNotStarted,
    /// The keyring is there, and does not open.
    KeyringLocked,
    /// Nothing can be written to the disk.
    DiskFull,
    /// A fault of this program.
    Internal,
}
