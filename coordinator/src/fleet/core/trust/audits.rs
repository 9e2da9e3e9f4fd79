//! Periods of groups on hosts, each audited as a whole.

use std::collections::BTreeMap;
use std::time::Duration;

use bifrost_protocol::ids::{GroupName, HostId};
use rand::RngExt;

use super::LOOK;
use crate::config::EngineKind;
use crate::fleet::core::Fleet;
use crate::fleet::session::Phase;

/// A group on a host, until it is audited as a whole. One that ends early counts when it had half its time.
#[derive(Debug)]
pub(super) struct Period {
    pub(super) host: HostId,
    /// How long it had players.
    played: Duration,
    pub(super) audited: bool,
    findings: u32,
    rule: &'static str,
}

impl Period {
    pub(super) fn finds(&mut self, rule: &'static str) {
        if self.findings == 0 {
            self.rule = rule;
        }
        self.findings += 1;
    }
}

impl Fleet {
    /// Looks at what is owed for too long, and closes periods.
    pub(in crate::fleet::core) fn audit(&mut self) {
        let now = self.now;
        let passed = now.saturating_sub(self.trust.looked);
        if self.trust.bounds.is_none() || passed < LOOK {
            return;
        }
        self.trust.looked = now;
        let due = self.trust.bounds.as_mut().map(|bounds| bounds.due(now)).unwrap_or_default();
        self.found(due);
        for (group, host) in self.played() {
            self.play(group, host, passed);
        }
        let over = |(group, period): (&GroupName, &Period)| {
            let holder = self.leases.get(group).and_then(|lease| lease.state.holder());
            let gone = holder.is_none_or(|(host, _)| *host != period.host);
            (gone || period.played >= self.trust.policy.period).then(|| group.clone())
        };
        for group in self.trust.periods.iter().filter_map(over).collect::<Vec<_>>() {
            self.close_period(&group);
        }
    }

    /// Groups that players are on, at hosts that are judged.
    fn played(&self) -> Vec<(GroupName, HostId)> {
        let mut played = BTreeMap::new();
        for session in self.sessions.values() {
            if let Phase::Playing(link) = session.phase
                && self.engine_of(&session.group) == EngineKind::Rathena
                && let Some((host, true)) = self.judged(link)
            {
                played.insert(session.group.clone(), host);
            }
        }
        played.into_iter().collect()
    }

    fn play(&mut self, group: GroupName, host: HostId, passed: Duration) {
        if self.trust.periods.get(&group).is_some_and(|period| period.host != host) {
            self.close_period(&group);
        }
        let trust = &mut self.trust;
        let period = trust.periods.entry(group).or_insert_with(|| {
            let standing = trust.standings.entry(host.clone()).or_default();
            let audited = standing.is_audited(&trust.policy, trust.rng.random());
            Period { host, played: Duration::ZERO, audited, findings: 0, rule: "" }
        });
        period.played += passed;
    }

    /// One period of a group on a host, as a whole.
    fn close_period(&mut self, group: &GroupName) {
        let Some(period) = self.trust.periods.remove(group) else { return };
        if period.findings > 0 {
            self.violated(&period.host, period.rule);
            return self.leave_if_quarantined(&period.host);
        }
        if period.audited && period.played >= self.trust.policy.period / 2 {
            let trust = &mut self.trust;
            trust.standings.entry(period.host.clone()).or_default().clean(&trust.policy);
            self.remember(&period.host);
        }
    }
}
