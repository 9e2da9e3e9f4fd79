//! What the realm says of itself: when it is asked, and what is made of the answers.

use std::time::Duration;

use super::{Controller, Membership, NodeSide};
use crate::effect::Effect;
use crate::status::{Host, RealmStatus, StatusProblem};
use crate::view::{GroupView, Trouble};

/// Between questions while somebody looks or this PC hosts.
const BUSY_INTERVAL: Duration = Duration::from_secs(2);
/// Between questions otherwise.
const IDLE_INTERVAL: Duration = Duration::from_secs(120);
/// A question without an answer for this long is asked again.
const LOST: Duration = Duration::from_secs(30);
/// How long the last good answer counts while later ones fail.
const FRESH: Duration = Duration::from_secs(6);

/// The answers.
#[derive(Debug, Default)]
pub(super) struct Watch {
    status: Option<(Duration, RealmStatus)>,
    problem: Option<StatusProblem>,
    asked: Option<Duration>,
    waiting: bool,
}

impl Watch {
    /// Asks again at the next chance.
    pub(super) fn hurry(&mut self) {
        if !self.waiting {
            self.asked = None;
        }
    }

    pub(super) fn answered(&mut self, answer: Result<RealmStatus, StatusProblem>, now: Duration) {
        self.waiting = false;
        match answer {
            Ok(status) => {
                self.status = Some((now, status));
                self.problem = None;
            }
            Err(problem) => {
                if self.problem.is_none() {
                    tracing::warn!(problem = problem.detail, "the realm does not answer");
                }
                self.problem = Some(problem);
            }
        }
    }

    /// The last answer, if it still counts.
    pub(super) fn status(&self) -> Option<&RealmStatus> {
        self.status.as_ref().map(|(_, status)| status)
    }

    /// What the realm says of this PC.
    pub(super) fn own(&self) -> Option<&Host> {
        self.status().and_then(RealmStatus::own_host)
    }

    /// The groups this PC carries, as the realm sees it.
    pub(super) fn groups(&self) -> Vec<GroupView> {
        self.status().map(RealmStatus::own_groups).unwrap_or_default()
    }

    /// Where the way is broken, if it is for longer than a moment.
    pub(super) fn trouble(&self, now: Duration) -> Option<Trouble> {
        let problem = self.problem.as_ref()?;
        let fresh = self.status.as_ref().is_some_and(|(at, _)| now.saturating_sub(*at) < FRESH);
        (!fresh).then_some(problem.trouble)
    }

    /// Whether the realm has answered at all.
    pub(super) fn has_answer(&self) -> bool {
        self.status.is_some()
    }

    fn due(&self, every: Duration, now: Duration) -> Duration {
        let every = if self.waiting { LOST } else { every };
        self.asked.map_or(Duration::ZERO, |asked| (asked + every).saturating_sub(now))
    }
}

impl Controller {
    /// Asks the realm, when it is time.
    pub(super) fn poll(&mut self, effects: &mut Vec<Effect>) {
        let Some(realm) = &self.realm else { return };
        let now = self.now.since_start;
        if !self.watch.due(self.poll_interval(), now).is_zero() {
            return;
        }
        self.watch.asked = Some(now);
        self.watch.waiting = true;
        effects.push(Effect::PollStatus { realm: Box::new(realm.clone()) });
    }

    /// Seconds until the realm is asked again.
    pub(super) fn retry_in(&self) -> u32 {
        let due = self.watch.due(self.poll_interval(), self.now.since_start);
        u32::try_from(due.as_secs()).unwrap_or(u32::MAX)
    }

    fn poll_interval(&self) -> Duration {
        let member = matches!(self.membership, Membership::Member(_));
        let hosts = !matches!(self.node, NodeSide::Off { .. });
        if self.watched || (member && hosts) { BUSY_INTERVAL } else { IDLE_INTERVAL }
    }
}
