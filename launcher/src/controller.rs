//! The launcher's mind: everything it knows, and what follows from what happens. No IO, no clock.
//!
//! [`Controller::handle`] and [`Controller::command`] take what happened and the time; they end in `settle`, which looks
//! at the whole and asks for whatever brings it nearer to what the owner wants: polling, sampling, the node, the tray.

mod commands;
mod hosting;
pub(crate) use hosting::refusal;
mod show;
mod update;
mod watch;

use std::time::Duration;

use bifrost_node::NodeState;
use bifrost_node::Way;
use bifrost_node::gateway::GatewayState;

use crate::doctor::DoctorView;
use crate::effect::{Effect, Notice, Tray};
use crate::event::{Account, Event, GameEvent, Kept, Now};
use crate::ledger::Ledger;
use crate::manners::{Machine, Policy};
use crate::realm::Realm;
use crate::settings::Settings;
use crate::status::{RealmStatus, StatusProblem};
use crate::view::{AfterDrain, Note, PauseReason, Phase, PlayView, Problem, UpdateView};

/// How often the contribution is kept while it grows.
const LEDGER_INTERVAL: Duration = Duration::from_secs(60);
/// Seconds by which the wall clock has to run ahead of ours to mean that the computer slept.
const SLEEP_SECONDS: u64 = 60;

/// All the launcher knows.
#[derive(Debug, Default)]
pub struct Controller {
    now: Now,
    started: bool,
    settings: Settings,
    ledger: Ledger,
    ledger_kept: Duration,
    realm: Option<Realm>,
    realm_problem: Option<Problem>,
    membership: Membership,
    node: NodeSide,
    /// Why hosting does not go on until somebody looks.
    failed: Option<Problem>,
    /// Failures of the node in a row, for longer and longer waits.
    failures: u32,
    watch: watch::Watch,
    watched: bool,
    machine: Machine,
    sampled: Option<Duration>,
    policy: Policy,
    pauses: Vec<PauseReason>,
    game: PlayView,
    /// The game's way to the realm, while it plays.
    gateway: Option<GatewayState>,
    way: Way,
    doctor: DoctorView,
    notes: Vec<Note>,
    update: UpdateView,
    updating: Option<Option<u8>>,
    updates: update::Updates,
    tray: Option<Tray>,
    quitting: bool,
}

/// Whether somebody is signed in.
#[derive(Debug, Default)]
enum Membership {
    /// Nobody; perhaps because something went wrong.
    #[default]
    Nobody,
    /// Nobody, and this is why.
    Refused(Problem),
    /// Being proved.
    Proving(Account),
    /// Signed in.
    Member(Account),
}

/// The node, as far as this side knows.
#[derive(Debug)]
enum NodeSide {
    /// Not running; not to be started before this.
    Off { not_before: Duration },
    /// Running, with at most this many players.
    On { state: NodeState, since: Duration, limit: u32 },
    /// Asked to end.
    Leaving { then: AfterDrain, draining: bool },
}

impl Default for NodeSide {
    fn default() -> Self {
        Self::Off { not_before: Duration::ZERO }
    }
}

impl Controller {
    /// Takes what happened, and says what is to be done.
    pub fn handle(&mut self, event: Event, now: Now) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.advance(now);
        match event {
            Event::Tick => {}
            Event::Started(kept) => self.start(*kept),
            Event::Watched(watched) => {
                self.watched = watched;
                self.watch.hurry();
            }
            Event::SignedIn(outcome) => self.signed_in(outcome),
            Event::Node(state) => self.node_says(state, &mut effects),
            Event::NodeEnded { code, why } => self.node_ended(code, why, &mut effects),
            Event::Status(answer) => self.realm_says(answer, &mut effects),
            Event::Machine(machine) => self.machine = machine,
            Event::Game(event) => self.game_says(event),
            Event::Way(way) => self.way = way,
            Event::Gateway(state) => self.gateway_is(state),
            Event::Doctor(findings, report) => {
                let checked_at = Some(u32::try_from(now.unix).unwrap_or(u32::MAX));
                self.doctor = DoctorView { running: false, checked_at, findings, report };
            }
            Event::UpdateFound(version) => self.update_found(version),
            Event::UpdateProgress(percent) => self.updating = self.updating.map(|_| Some(percent.min(100))),
            Event::UpdateInstalled => effects.push(Effect::Restart),
            Event::UpdateFailed => self.update_failed(),
            Event::NotKept(what) => self.not_kept(&what),
        }
        self.settle(&mut effects);
        effects
    }

    /// What follows from the whole. Called after everything that happens.
    fn settle(&mut self, effects: &mut Vec<Effect>) {
        if !self.started {
            return;
        }
        self.keep_ledger(effects);
        self.judge_manners(effects);
        self.settle_node(effects);
        self.poll(effects);
        self.settle_update(effects);
        let tray = self.tray();
        if self.tray.replace(tray) != Some(tray) {
            effects.push(Effect::SetTray(tray));
        }
    }

    fn advance(&mut self, now: Now) {
        let ours = now.since_start.saturating_sub(self.now.since_start).as_secs();
        let theirs = now.unix.saturating_sub(self.now.unix);
        if self.started && theirs > ours.saturating_add(SLEEP_SECONDS) {
            tracing::info!(seconds = theirs, "the computer slept");
            self.watch.hurry();
            self.sampled = None;
            if self.settings.host && !self.notes.contains(&Note::Slept) {
                self.notes.push(Note::Slept);
            }
        }
        self.now = now;
    }

    fn start(&mut self, kept: Kept) {
        self.started = true;
        self.settings = kept.settings;
        self.ledger = kept.ledger;
        match kept.realm {
            Some(Ok(realm)) => self.realm = Some(realm),
            Some(Err(problem)) => self.realm_problem = Some(problem),
            None => {}
        }
        self.membership = match kept.account {
            Ok(account) => account.map_or(Membership::Nobody, Membership::Member),
            Err(problem) => Membership::Refused(problem),
        };
        if kept.settings_reset {
            self.notes.push(Note::SettingsReset);
        }
        if kept.no_keyring {
            self.notes.push(Note::NoKeyring);
        }
        if let Some(days) = self.realm.as_ref().and_then(|realm| realm.expires_in_days(self.now.unix)) {
            self.notes.push(Note::RealmExpires { days });
        }
    }

    fn signed_in(&mut self, outcome: Result<(), Problem>) {
        let Membership::Proving(account) = std::mem::take(&mut self.membership) else { return };
        self.membership = match outcome {
            Ok(()) => Membership::Member(account),
            Err(problem) => Membership::Refused(problem),
        };
        self.failed = None;
    }

    fn realm_says(&mut self, answer: Result<RealmStatus, StatusProblem>, effects: &mut Vec<Effect>) {
        let waited = matches!(self.phase(), Phase::NotEligible { .. });
        self.watch.answered(answer, self.now.since_start);
        if waited && matches!(self.phase(), Phase::Eligible) {
            self.notify(Notice::BecameEligible, effects);
        }
    }

    fn not_kept(&mut self, what: &str) {
        tracing::error!(what, "could not be kept");
        if !self.notes.contains(&Note::NotKept) {
            self.notes.push(Note::NotKept);
        }
    }

    fn game_says(&mut self, event: GameEvent) {
        if matches!(event, GameEvent::Ended(_) | GameEvent::Failed(_)) {
            self.gateway = None;
        }
        self.game = match event {
            GameEvent::Step(step) => PlayView::Starting { step },
            GameEvent::Running => {
                PlayView::Running { since: u32::try_from(self.now.unix).unwrap_or(u32::MAX), held: false }
            }
            GameEvent::Patched => PlayView::Ready { ended: None },
            GameEvent::Ended(end) => PlayView::Ready { ended: Some(end) },
            GameEvent::Failed(problem) => PlayView::Failed { problem },
        };
    }

    fn gateway_is(&mut self, state: GatewayState) {
        if let PlayView::Running { held, .. } = &mut self.game {
            *held = !state.connected;
        }
        self.gateway = Some(state);
    }

    fn keep_ledger(&mut self, effects: &mut Vec<Effect>) {
        let (groups, players) = self.carries();
        self.ledger.record(groups > 0, players, &self.now);
        let due = self.now.since_start.saturating_sub(self.ledger_kept) >= LEDGER_INTERVAL;
        if groups > 0 && due {
            self.ledger_kept = self.now.since_start;
            effects.push(Effect::SaveLedger(Box::new(self.ledger.clone())));
        }
    }

    fn notify(&self, notice: Notice, effects: &mut Vec<Effect>) {
        if self.settings.notifications {
            effects.push(Effect::Notify(notice));
        }
    }
}

impl Default for PlayView {
    fn default() -> Self {
        Self::Ready { ended: None }
    }
}

#[cfg(test)]
mod tests;
