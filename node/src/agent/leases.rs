//! What this node may serve and until when: events with their time in, commands out. No IO, no clock.
//!
//! A lease is a promise with an expiry. Every answered beat renews all of them, counted from the moment the beat was
//! *sent*: the coordinator counts from when it received it, so this side always ends first. When the time passes, players
//! are held; when the connection stays away too long, engines stop.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bifrost_protocol::ids::{Epoch, GroupName};

/// How many unanswered beats are remembered. At four a second this is more than any lease lasts.
const BEATS_IN_FLIGHT: usize = 256;

/// The leases of this node.
#[derive(Debug)]
pub(crate) struct Leases {
    held: BTreeMap<GroupName, Epoch>,
    terms: Terms,
    unanswered: VecDeque<(u64, Instant)>,
    renewed: Instant,
    lost: Option<Instant>,
    holding: bool,
}

/// How long things last, as the coordinator said in its Welcome.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Terms {
    /// A lease without an answered beat.
    pub(crate) lease: Duration,
    /// Engines without a connection.
    pub(crate) reconnect: Duration,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub(crate) enum LeaseEvent {
    /// The coordinator took the node in.
    Welcomed {
        /// Its terms.
        terms: Terms,
        /// When the Hello was sent that it answers.
        hello_sent: Instant,
        /// The leases that go on.
        resumed: Vec<(GroupName, Epoch)>,
    },
    /// A beat was sent.
    BeatSent(u64),
    /// A beat was answered.
    BeatAnswered(u64),
    /// The connection is gone.
    Lost,
    /// [`Leases::deadline`] has come.
    Tick,
}

/// What has to be done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum LeaseCommand {
    /// Hold the players of all engines.
    Hold,
    /// Let them go on.
    Resume,
    /// Stop an engine: its lease is over.
    Stop {
        /// Its group.
        group: GroupName,
        /// Its epoch.
        epoch: Epoch,
        /// Why.
        why: &'static str,
    },
}

/// What an assignment means next to what is held.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Assignment {
    /// A group that is not held: start its engine.
    New,
    /// The group under a later epoch: stop the engine of this one, then start.
    Replaces(Epoch),
    /// Held already under this epoch.
    Known,
    /// Older than what is held.
    Stale,
}

impl Leases {
    /// No leases yet.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            held: BTreeMap::new(),
            terms: Terms::default(),
            unanswered: VecDeque::new(),
            renewed: now,
            lost: Some(now),
            holding: false,
        }
    }

    /// Takes in what happened at `now`.
    pub(crate) fn handle(&mut self, event: LeaseEvent, now: Instant) -> Vec<LeaseCommand> {
        match event {
            LeaseEvent::Welcomed { terms, hello_sent, resumed } => self.welcomed(terms, hello_sent, &resumed, now),
            LeaseEvent::BeatSent(sequence) => {
                if self.unanswered.len() == BEATS_IN_FLIGHT {
                    self.unanswered.pop_front();
                }
                self.unanswered.push_back((sequence, now));
                self.expire(now)
            }
            LeaseEvent::BeatAnswered(sequence) => {
                if let Some((_, sent)) = self.unanswered.iter().find(|(known, _)| *known == sequence) {
                    self.renewed = self.renewed.max(*sent);
                    self.unanswered.retain(|(known, _)| *known > sequence);
                }
                self.expire(now)
            }
            LeaseEvent::Lost => {
                self.lost.get_or_insert(now);
                self.unanswered.clear();
                self.expire(now)
            }
            LeaseEvent::Tick => self.expire(now),
        }
    }

    /// When [`LeaseEvent::Tick`] is due next.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        if self.held.is_empty() {
            return None;
        }
        let hold = (!self.holding).then(|| self.renewed + self.terms.lease);
        let stop = self.lost.map(|lost| lost + self.terms.reconnect);
        hold.into_iter().chain(stop).min()
    }

    /// Takes a lease in. The caller starts the engine unless it is [`Assignment::Known`] or [`Assignment::Stale`].
    pub(crate) fn assign(&mut self, group: &GroupName, epoch: Epoch) -> Assignment {
        match self.held.get(group).copied() {
            Some(held) if held == epoch => Assignment::Known,
            Some(held) if held > epoch => Assignment::Stale,
            Some(held) => {
                self.held.insert(group.clone(), epoch);
                Assignment::Replaces(held)
            }
            None => {
                self.held.insert(group.clone(), epoch);
                Assignment::New
            }
        }
    }

    /// Gives a lease up. `false` when it is not held under this epoch.
    pub(crate) fn give_up(&mut self, group: &GroupName, epoch: Epoch) -> bool {
        let held = self.held.get(group) == Some(&epoch);
        if held {
            self.held.remove(group);
        }
        held
    }

    /// What is held, by group.
    pub(crate) fn held(&self) -> impl Iterator<Item = (&GroupName, Epoch)> {
        self.held.iter().map(|(group, epoch)| (group, *epoch))
    }

    /// How long engines are kept without a connection.
    pub(crate) fn reconnect(&self) -> Duration {
        self.terms.reconnect
    }

    /// How many groups are held.
    pub(crate) fn count(&self) -> usize {
        self.held.len()
    }

    fn welcomed(
        &mut self,
        terms: Terms,
        hello_sent: Instant,
        resumed: &[(GroupName, Epoch)],
        now: Instant,
    ) -> Vec<LeaseCommand> {
        let ended: Vec<_> = self
            .held
            .iter()
            .filter(|(group, epoch)| !resumed.iter().any(|(name, again)| name == *group && again == *epoch))
            .map(|(group, epoch)| (group.clone(), *epoch))
            .collect();
        let mut commands = self.stop(ended, "the coordinator has given it to another host");
        self.terms = terms;
        self.lost = None;
        self.renewed = hello_sent;
        commands.extend(self.expire(now));
        commands
    }

    /// Compares the clock with what was promised.
    fn expire(&mut self, now: Instant) -> Vec<LeaseCommand> {
        if self.lost.is_some_and(|lost| now >= lost + self.terms.reconnect) {
            let all = self.held.iter().map(|(group, epoch)| (group.clone(), *epoch)).collect();
            return self.stop(all, "the coordinator could not be reached in time");
        }
        let lapsed = !self.held.is_empty() && now >= self.renewed + self.terms.lease;
        match (self.holding, lapsed) {
            (false, true) => {
                self.holding = true;
                vec![LeaseCommand::Hold]
            }
            (true, false) => {
                self.holding = false;
                vec![LeaseCommand::Resume]
            }
            (true, true) | (false, false) => Vec::new(),
        }
    }

    fn stop(&mut self, leases: Vec<(GroupName, Epoch)>, why: &'static str) -> Vec<LeaseCommand> {
        leases
            .into_iter()
            .map(|(group, epoch)| {
                self.held.remove(&group);
                LeaseCommand::Stop { group, epoch, why }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
