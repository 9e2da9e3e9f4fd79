//! The scripted shell: answers effects as a realm and a node would.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bifrost_node::{NodeState, StopCode};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Scenario, cast};
use crate::app::Inbox;
use crate::doctor::{Check, Finding, Fix, report};
use crate::effect::{Effect, Shell};
use crate::event::{Account, Event, GameEvent};
use crate::manners::Machine;
use crate::view::{GameEnd, PlayStep, Problem, ProblemCode};

/// Players on this PC's groups.
type Groups = Vec<(&'static str, u32)>;

/// The shell.
#[derive(Debug)]
pub struct ScriptedShell {
    scenario: Scenario,
    inbox: Inbox,
    stop: CancellationToken,
    tasks: TaskTracker,
    groups: Arc<Mutex<Groups>>,
    begun: bool,
}

impl ScriptedShell {
    pub(super) fn new(scenario: Scenario, inbox: Inbox, stop: CancellationToken) -> Self {
        Self { scenario, inbox, stop, tasks: TaskTracker::new(), groups: Arc::default(), begun: false }
    }

    /// What waits for scripts to end.
    #[must_use]
    pub fn tasks(&self) -> TaskTracker {
        self.tasks.clone()
    }

    /// Tells events one after the other, each after its wait.
    fn script(&self, events: Vec<(u64, Event)>) {
        let (inbox, stop) = (self.inbox.clone(), self.stop.clone());
        self.tasks.spawn(stop.run_until_cancelled_owned(async move {
            for (millis, event) in events {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                inbox.tell(event).await;
            }
        }));
    }

    fn set_groups(&self, groups: Groups) {
        *self.groups.lock().unwrap_or_else(PoisonError::into_inner) = groups;
    }

    fn groups(&self) -> Groups {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What happens on its own, once the launcher has started.
    fn begin(&mut self) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let game = |event| self.script(vec![(0, Event::Game(event))]);
        if self.scenario == Scenario::Playing {
            game(GameEvent::Running);
        } else if self.scenario == Scenario::Crashed {
            game(GameEvent::Ended(GameEnd::Crashed { code: Some(-1_073_741_819) }));
        } else if self.scenario == Scenario::Unpatched {
            game(GameEvent::Failed(Problem::new(ProblemCode::ClientUnpatched, "scripted")));
        } else if self.scenario == Scenario::Updating {
            self.script(vec![(0, Event::UpdateFound("0.2.0".into()))]);
            let inbox = self.inbox.clone();
            self.tasks.spawn(self.stop.clone().run_until_cancelled_owned(async move {
                tokio::time::sleep(Duration::from_millis(100)).await;
                drop(inbox.command(crate::command::Command::InstallUpdate).await);
            }));
        }
    }

    fn sign_in(&self, account: &Account) {
        let refused = |code| Err(Problem::new(code, "scripted"));
        let outcome = match account.name() {
            "wrong" => refused(ProblemCode::WrongPassword),
            "ingame" => refused(ProblemCode::AccountInGame),
            "lost" => refused(ProblemCode::Unreachable),
            _ => Ok(()),
        };
        self.script(vec![(700, Event::SignedIn(outcome))]);
    }

    fn start_node(&self) {
        let connected = || NodeState::Connected { not_eligible: Vec::new() };
        let hosting = |groups: &Groups| NodeState::Hosting {
            groups: groups.len(),
            players: groups.iter().map(|(_, players)| players).sum(),
        };
        let node = |millis, state| (millis, Event::Node(state));
        let two: Groups = vec![("prontera_fields", 5), ("payon_cave", 2)];
        let many: Groups = vec![("prontera_fields", 31), ("payon_cave", 14), ("orc_dungeon", 9), ("geffen_fields", 6)];
        let events = match self.scenario {
            Scenario::OfflineNetwork | Scenario::Connecting => vec![],
            Scenario::Benchmarking | Scenario::NotEligible | Scenario::AlmostEligible | Scenario::Eligible => {
                vec![node(10, connected())]
            }
            Scenario::Failed => vec![(
                10,
                Event::NodeEnded { code: StopCode::Revoked, why: "this host is revoked: behaviour (revoked)".into() },
            )],
            Scenario::HostingMany => {
                self.set_groups(many.clone());
                vec![node(10, connected()), node(10, hosting(&many))]
            }
            Scenario::Hosting | Scenario::Playing | Scenario::Draining | Scenario::Paused => {
                self.set_groups(two.clone());
                vec![node(10, connected()), node(10, hosting(&two))]
            }
            Scenario::FirstRun
            | Scenario::SignIn
            | Scenario::Ready
            | Scenario::OfflineMe
            | Scenario::OfflineRealm
            | Scenario::Certificate
            | Scenario::Updating
            | Scenario::Crashed
            | Scenario::Unpatched
            | Scenario::Sick => {
                self.set_groups(two.clone());
                vec![node(300, NodeState::Benchmarking), node(900, connected()), node(1_200, hosting(&two))]
            }
        };
        self.script(events);
        if matches!(self.scenario, Scenario::Draining) {
            let inbox = self.inbox.clone();
            self.tasks.spawn(self.stop.clone().run_until_cancelled_owned(async move {
                tokio::time::sleep(Duration::from_millis(400)).await;
                drop(inbox.command(crate::command::Command::SetHost { on: false }).await);
            }));
        }
    }

    /// Players leave one by one; in the scenario that is about it, never to the last.
    fn drain(&self) {
        if matches!(self.scenario, Scenario::Draining) {
            return;
        }
        let (inbox, groups, scenario) = (self.inbox.clone(), Arc::clone(&self.groups), self.scenario);
        self.tasks.spawn(self.stop.clone().run_until_cancelled_owned(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(250)).await;
                let left = {
                    let mut groups = groups.lock().unwrap_or_else(PoisonError::into_inner);
                    match groups.iter_mut().find(|(_, players)| *players > 0) {
                        Some((_, players)) => *players -= 1,
                        None => break,
                    }
                    groups.clone()
                };
                inbox.tell(Event::Status(cast::status(scenario, &left))).await;
            }
            inbox.tell(Event::NodeEnded { code: StopCode::Asked, why: "drained".into() }).await;
        }));
    }

    fn findings(&self) -> Vec<Finding> {
        let good = Finding::good;
        if !matches!(self.scenario, Scenario::Sick) {
            return vec![
                good(Check::RealmFile, "Midgard Lanterns, signed by 3b6a 27bc ceb6"),
                good(Check::Realm, "answered in 24 ms"),
                good(Check::Udp, "answered in 31 ms"),
                good(Check::Clock, "0 s ahead"),
                good(Check::Keyring, ""),
                good(Check::Client, "ragexe.exe"),
                good(Check::Engine, "the built-in engine needs no files"),
                good(Check::Disk, "48210 MB free"),
            ];
        }
        vec![
            Finding::warning(Check::RealmFile, Fix::OpenRealmFile, "Midgard Lanterns, 9 days left"),
            good(Check::Realm, "answered in 24 ms"),
            Finding::broken(Check::Udp, Fix::AllowUdp, "nothing came back over UDP"),
            Finding::warning(Check::Clock, Fix::SetClock, "72 s behind"),
            Finding::warning(Check::Keyring, Fix::UnlockKeyring, "a private file is used instead"),
            Finding::broken(Check::Client, Fix::InstallWine, "wine is not installed"),
            good(Check::Engine, "the built-in engine needs no files"),
            Finding::warning(Check::Disk, Fix::FreeDisk, "1204 MB free"),
        ]
    }
}

impl Shell for ScriptedShell {
    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::SignIn { account, .. } => self.sign_in(&account),
            Effect::StartNode { .. } => self.start_node(),
            Effect::DrainNode => self.drain(),
            Effect::StopNode => {
                self.script(vec![(100, Event::NodeEnded { code: StopCode::Asked, why: "asked".into() })]);
            }
            Effect::PollStatus { .. } => {
                let status = cast::status(self.scenario, &self.groups());
                self.script(vec![(10, Event::Status(status))]);
            }
            Effect::SampleMachine => {
                let machine = Machine { on_battery: Some(false), free_memory_mib: Some(9_000), ..Machine::default() };
                self.script(vec![(0, Event::Machine(machine))]);
            }
            Effect::StartGame { .. } => self.script(vec![
                (300, Event::Game(GameEvent::Step(PlayStep::Launch))),
                (600, Event::Game(GameEvent::Running)),
            ]),
            Effect::PatchClient { .. } => self.script(vec![(400, Event::Game(GameEvent::Patched))]),
            Effect::RunDoctor { .. } => {
                let findings = self.findings();
                let report = report(&findings, "0.1.0", "linux x86_64");
                self.script(vec![(400, Event::Doctor(findings, report))]);
            }
            Effect::InstallUpdate => self.script(vec![(100, Event::UpdateProgress(38))]),
            Effect::SetTray(_) => self.begin(),
            Effect::ForgetAccount
            | Effect::SaveSettings(_)
            | Effect::SaveLedger(_)
            | Effect::SaveRealm(_)
            | Effect::ForgetRealm
            | Effect::SetAutostart(_)
            | Effect::Notify(_)
            | Effect::FindUpdate { .. }
            | Effect::Restart
            | Effect::Quit => {}
        }
    }
}
