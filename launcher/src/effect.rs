//! What the controller wants done, and who does it.

use bifrost_client_patch::Manifest;

use crate::event::Account;
use crate::ledger::Ledger;
use crate::realm::Realm;
use crate::settings::Settings;

/// Something to do. Results come back as events.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Prove the account at the realm, and keep it when it is good.
    SignIn {
        /// Whose realm.
        realm: Box<Realm>,
        /// Who.
        account: Account,
    },
    /// Forget account, key and credentials.
    ForgetAccount,
    /// Start the node.
    StartNode {
        /// Whose realm.
        realm: Box<Realm>,
        /// Who.
        account: Account,
        /// Most players it takes.
        players: u32,
        /// Memory for each stock map-server, in MiB.
        engine_mib: u32,
    },
    /// Have the node's players moved away, then let it end.
    DrainNode,
    /// End the node now; it carries nothing.
    StopNode,
    /// Look whether the operator has a newer launcher.
    FindUpdate {
        /// Whose realm.
        realm: Box<Realm>,
    },
    /// Ask the realm for its public status.
    PollStatus {
        /// Whose realm.
        realm: Box<Realm>,
    },
    /// Look what the machine is busy with.
    SampleMachine,
    /// Keep the settings.
    SaveSettings(Box<Settings>),
    /// Keep the contribution.
    SaveLedger(Box<Ledger>),
    /// Keep the realm file.
    SaveRealm(Box<Realm>),
    /// Forget the realm file.
    ForgetRealm,
    /// Start the game.
    StartGame {
        /// Where to play.
        realm: Box<Realm>,
        /// Who plays.
        account: Account,
        /// Where it is.
        folder: String,
        /// What to start in it.
        program: String,
        /// The files that the operator names, if any.
        client: Option<Manifest>,
        /// What the game is told of hosting.
        hosting: Hosting,
    },
    /// Patch the game's program and put the DLL beside it.
    PatchClient {
        /// Where it is.
        folder: String,
        /// What to patch in it.
        program: String,
        /// The files that the operator names, if any.
        client: Option<Manifest>,
    },
    /// Check everything.
    RunDoctor {
        /// Whose realm, if any.
        realm: Option<Box<Realm>>,
        /// Where the game is, if anybody has said so.
        client_folder: Option<String>,
    },
    /// Start with the session, or not.
    SetAutostart(bool),
    /// The tray icon.
    SetTray(Tray),
    /// A notification of the OS.
    Notify(Notice),
    /// Install the update that was found last.
    InstallUpdate,
    /// Start the program anew: it was replaced.
    Restart,
    /// End the program.
    Quit,
}

/// What the game is told of hosting, when it starts.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Hosting {
    /// Whether this PC hosts.
    pub enabled: bool,
    /// The most players it takes.
    pub players: u32,
}

/// The states of the tray icon.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tray {
    /// Not connected.
    Offline,
    /// Connected.
    Connected,
    /// Carries maps.
    Hosting,
    /// Somebody has to look.
    Trouble,
}

/// What is worth a notification.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Notice {
    /// The first map group came.
    HostingStarted,
    /// Hosting ended for a reason that somebody has to look at.
    HostingFailed,
    /// The PC may host now.
    BecameEligible,
}

/// Carries effects out. Never waits: what takes time goes on behind it and reports by events.
pub trait Shell {
    /// Does it, or starts doing it.
    fn perform(&mut self, effect: Effect);
}
