//! What happens to the controller.

use std::time::Duration;

use bifrost_node::Way;
use bifrost_node::gateway::GatewayState;
use bifrost_node::{NodeState, StopCode};
use bifrost_protocol::Secret;

use crate::doctor::Finding;
use crate::manners::Machine;
use crate::realm::Realm;
use crate::status::{RealmStatus, StatusProblem};
use crate::view::{GameEnd, PlayStep, Problem};

/// The time as the core gets it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Now {
    /// Since the launcher started; never goes back.
    pub since_start: Duration,
    /// Unix seconds; may be stepped.
    pub unix: u64,
    /// Minute of the local day, 0 to 1439.
    pub local_minute: u16,
}

/// Everything that happens, whoever it comes from.
#[derive(Clone, Debug)]
pub enum Event {
    /// A second or so has passed.
    Tick,
    /// What was kept from the last run.
    Started(Box<Kept>),
    /// Somebody looks at a window, or nobody does.
    Watched(bool),
    /// Proving the account has ended.
    SignedIn(Result<(), Problem>),
    /// The node says what it does.
    Node(NodeState),
    /// The node has ended.
    NodeEnded {
        /// Why, for programs.
        code: StopCode,
        /// Why, for people.
        why: String,
    },
    /// The realm's public status, or why there is none.
    Status(Result<RealmStatus, StatusProblem>),
    /// What the machine is busy with.
    Machine(Machine),
    /// The game.
    Game(GameEvent),
    /// How the node has reached the realm.
    Way(Way),
    /// The game's way to the realm.
    Gateway(GatewayState),
    /// The check of everything has ended.
    Doctor(Vec<Finding>, String),
    /// A newer version was found, and its signature holds.
    UpdateFound(String),
    /// How much of the new version is here.
    UpdateProgress(u8),
    /// The new version has taken this program's place.
    UpdateInstalled,
    /// The new version could not be installed.
    UpdateFailed,
    /// Something that was to be kept could not be.
    NotKept(String),
}

/// What was kept from the last run.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Settings; `reset` when they could not be read.
    pub settings: crate::settings::Settings,
    /// Whether the settings were unreadable and moved aside.
    pub settings_reset: bool,
    /// The realm file, or why it is not taken.
    pub realm: Option<Result<Realm, Problem>>,
    /// The account, or why it could not be read.
    pub account: Result<Option<Account>, Problem>,
    /// Contribution so far.
    pub ledger: crate::ledger::Ledger,
    /// Whether secrets lie in a file because there is no keyring.
    pub no_keyring: bool,
}

impl Default for Kept {
    /// A first run.
    fn default() -> Self {
        Self {
            settings: crate::settings::Settings::default(),
            settings_reset: false,
            realm: None,
            account: Ok(None),
            ledger: crate::ledger::Ledger::default(),
            no_keyring: false,
        }
    }
}

/// How this PC proves that it may register.
#[derive(Clone, Debug)]
pub enum Account {
    /// A game account.
    Game {
        /// Account name.
        username: String,
        /// Password.
        password: Secret<String>,
    },
    /// An operator's invitation; good for one registration.
    Invitation(Secret<String>),
}

impl Account {
    /// What the window calls it. An invitation has no name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Game { username, .. } => username,
            Self::Invitation(_) => "",
        }
    }
}

/// What the game does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum GameEvent {
    /// A step towards it.
    Step(PlayStep),
    /// It was patched, and may be started.
    Patched,
    /// It runs.
    Running,
    /// It has ended.
    Ended(GameEnd),
    /// It did not start.
    Failed(Problem),
}
