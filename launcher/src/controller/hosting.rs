//! The node: started when the owner wants to host and may, moved empty and ended when not, looked after in between.

use std::time::Duration;

use bifrost_node::{NodeState, StopCode};

use super::{Controller, Membership, NodeSide};
use crate::effect::{Effect, Notice};
use crate::view::{AfterDrain, Problem, ProblemCode};

/// How often the machine is looked at while hosting is on.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(5);
/// The wait after the first failure of the node; doubled with each, up to [`MAX_FAILURES`].
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// Failures in a row after which somebody has to look.
const MAX_FAILURES: u32 = 5;

impl Controller {
    /// Whether the node should run, and if not, what follows its end.
    fn wanted(&self) -> Result<(), AfterDrain> {
        if self.quitting {
            return Err(AfterDrain::Quit);
        }
        let may = self.settings.host && self.failed.is_none() && self.updating.is_none();
        if !may || !matches!(self.membership, Membership::Member(_)) {
            return Err(AfterDrain::Stop);
        }
        if self.pauses.is_empty() { Ok(()) } else { Err(AfterDrain::Pause) }
    }

    /// Brings the node nearer to what is wanted.
    pub(super) fn settle_node(&mut self, effects: &mut Vec<Effect>) {
        let wanted = self.wanted();
        match (&mut self.node, wanted) {
            (NodeSide::Off { not_before }, Ok(())) => {
                if *not_before <= self.now.since_start {
                    self.start_node(effects);
                }
            }
            (NodeSide::Off { .. }, Err(AfterDrain::Quit)) => effects.push(Effect::Quit),
            (NodeSide::Off { .. }, Err(AfterDrain::Stop | AfterDrain::Pause | AfterDrain::SignOut)) => {}
            // A lower limit has to hold, and a node keeps the one it was started with. A higher one can wait.
            (NodeSide::On { limit, .. }, Ok(())) if self.settings.manners.players() < *limit => {
                self.leave(AfterDrain::Pause, effects);
            }
            (NodeSide::On { .. }, Ok(())) => {}
            (NodeSide::On { .. }, Err(then)) => self.leave(then, effects),
            // Quitting does not wait for the reason of an earlier drain.
            (NodeSide::Leaving { then, .. }, Err(AfterDrain::Quit)) => *then = AfterDrain::Quit,
            (NodeSide::Leaving { .. }, _) => {}
        }
    }

    fn start_node(&mut self, effects: &mut Vec<Effect>) {
        let (Some(realm), Membership::Member(account)) = (&self.realm, &self.membership) else { return };
        let players = self.settings.manners.players();
        let engine_mib = self.settings.manners.engine_mib(&self.machine);
        let (realm, account) = (Box::new(realm.clone()), account.clone());
        effects.push(Effect::StartNode { realm, account, players, engine_mib });
        self.node = NodeSide::On { state: NodeState::Offline, since: self.now.since_start, limit: players };
        self.watch.hurry();
    }

    /// Players are moved first; a node without any ends at once.
    fn leave(&mut self, then: AfterDrain, effects: &mut Vec<Effect>) {
        let draining = self.carries().0 > 0;
        effects.push(if draining { Effect::DrainNode } else { Effect::StopNode });
        self.node = NodeSide::Leaving { then, draining };
        self.watch.hurry();
    }

    pub(super) fn begin_sign_out(&mut self, effects: &mut Vec<Effect>) {
        match self.node {
            NodeSide::Off { .. } => self.finish_sign_out(effects),
            NodeSide::On { .. } => self.leave(AfterDrain::SignOut, effects),
            NodeSide::Leaving { draining, .. } => {
                self.node = NodeSide::Leaving { then: AfterDrain::SignOut, draining };
            }
        }
    }

    fn finish_sign_out(&mut self, effects: &mut Vec<Effect>) {
        self.membership = Membership::Nobody;
        self.failed = None;
        effects.push(Effect::ForgetAccount);
    }

    /// The node says what it does.
    pub(super) fn node_says(&mut self, new: NodeState, effects: &mut Vec<Effect>) {
        let NodeSide::On { state, since, .. } = &mut self.node else { return };
        if *state == new {
            return;
        }
        let hosted = matches!(state, NodeState::Hosting { .. });
        let hosts = matches!(new, NodeState::Hosting { .. });
        let kind = std::mem::discriminant(state) != std::mem::discriminant(&new);
        if kind {
            *since = self.now.since_start;
        }
        *state = new;
        if hosts {
            self.failures = 0;
        }
        if kind {
            self.watch.hurry();
        }
        if hosts && !hosted {
            self.notify(Notice::HostingStarted, effects);
        }
    }

    /// The node has ended, as asked or not.
    pub(super) fn node_ended(&mut self, code: StopCode, why: String, effects: &mut Vec<Effect>) {
        let was = std::mem::take(&mut self.node);
        self.node = NodeSide::Off { not_before: self.now.since_start };
        self.watch.hurry();
        effects.push(Effect::SaveLedger(Box::new(self.ledger.clone())));
        match code {
            StopCode::Asked | StopCode::DrainTimeout => {}
            StopCode::NotRegistered => return self.has_to_sign_in(&why),
            StopCode::Revoked => self.fail(Problem::new(ProblemCode::Revoked, why), effects),
            StopCode::Replaced => self.fail(Problem::new(ProblemCode::Replaced, why), effects),
            StopCode::Failed => self.try_again_later(why, effects),
        }
        if let NodeSide::Leaving { then: AfterDrain::SignOut, .. } = was {
            self.finish_sign_out(effects);
        }
    }

    /// The realm does not take the account any more. The switch stays where it is, for when it does again.
    fn has_to_sign_in(&mut self, why: &str) {
        let problem = Problem::new(refusal(why), why);
        self.membership = Membership::Refused(problem);
    }

    fn try_again_later(&mut self, why: String, effects: &mut Vec<Effect>) {
        self.failures += 1;
        if self.failures >= MAX_FAILURES {
            return self.fail(Problem::new(ProblemCode::Internal, why), effects);
        }
        let wait = FIRST_WAIT * 2_u32.pow(self.failures.min(MAX_FAILURES));
        self.node = NodeSide::Off { not_before: self.now.since_start + wait };
    }

    fn fail(&mut self, problem: Problem, effects: &mut Vec<Effect>) {
        self.failed = Some(problem);
        self.notify(Notice::HostingFailed, effects);
    }

    /// Looks at the machine, and what the owner's rules say of it.
    pub(super) fn judge_manners(&mut self, effects: &mut Vec<Effect>) {
        if !self.settings.host {
            self.pauses.clear();
            self.sampled = None;
            return;
        }
        let now = self.now.since_start;
        if self.sampled.is_none_or(|at| now.saturating_sub(at) >= SAMPLE_INTERVAL) {
            self.sampled = Some(now);
            effects.push(Effect::SampleMachine);
        }
        let month = self.ledger.month_mb();
        self.pauses = self.policy.judge(&self.settings.manners, &self.machine, month, &self.now);
    }

    /// Map groups and players that this PC carries now.
    pub(super) fn carries(&self) -> (u32, u32) {
        match &self.node {
            NodeSide::On { state: NodeState::Hosting { groups, players }, .. } => {
                (u32::try_from(*groups).unwrap_or(u32::MAX), *players)
            }
            NodeSide::On { state: NodeState::Draining, .. } | NodeSide::Leaving { draining: true, .. } => {
                let groups = self.watch.groups();
                let players = groups.iter().map(|group| group.players).sum();
                (u32::try_from(groups.len()).unwrap_or(u32::MAX), players)
            }
            NodeSide::On { .. } | NodeSide::Off { .. } | NodeSide::Leaving { draining: false, .. } => (0, 0),
        }
    }
}

/// The node puts the coordinator's stable code in brackets behind its words (`agent::api::ApiError`).
pub(crate) fn refusal(why: &str) -> ProblemCode {
    let has = |code: &str| why.contains(&format!("({code})"));
    if has("wrong_credentials") {
        ProblemCode::WrongPassword
    } else if has("invalid_invitation") {
        ProblemCode::InvalidInvitation
    } else if has("too_many_hosts") {
        ProblemCode::TooManyPcs
    } else if has("revoked") || why.contains("is revoked") {
        ProblemCode::Revoked
    } else if why.contains("No space left") {
        ProblemCode::DiskFull
    } else {
        ProblemCode::SignInAgain
    }
}
