//! One change of hosts, planned or not: the six steps, each timed, and how far every player on it is.

use std::collections::BTreeMap;
use std::time::Duration;

use bifrost_protocol::ids::{AccountId, GroupName, HostId};

/// Why groups change hosts.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The host fell silent or its connection broke.
    HostLost,
    /// The host asked to be emptied.
    Drain,
    /// Another host is the better place.
    Rebalance,
    /// The operator revoked the host.
    Revoked,
    /// Its engine gave the group up.
    EngineLost,
    /// What it gave its players cannot have come from its maps.
    Quarantined,
}

/// The six steps, in order.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Step {
    /// Noticing. Its time is the silence before; all others count from there.
    Detect,
    /// Lease revoked, epoch raised, target chosen and told.
    Transition,
    /// Nodes and launchers told.
    Notify,
    /// Every player sent to the new host (0x2b05, 0x0ac7).
    Redirect,
    /// Every player's last state handed to the new engine.
    Sync,
    /// Every player in play again, or accounted for.
    Verify,
}

/// The steps' names in logs, API and reports.
pub const STEP_NAMES: [&str; 6] = ["detect", "transition", "notify", "redirect", "sync", "verify"];

/// How far a player is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Progress {
    Waiting,
    Redirected,
    Synced,
    Done,
}

/// One change of hosts.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// Why.
    pub cause: Cause,
    /// Who lost the groups.
    pub from: HostId,
    /// Which groups.
    pub groups: Vec<GroupName>,
    /// When it was noticed or ordered.
    pub detected: Duration,
    /// Players it began with.
    pub players: usize,
    /// From detection to each redirect sent.
    pub redirects: Vec<Duration>,
    /// From detection to each player in play again.
    pub returns: Vec<Duration>,
    /// Players that are not back, and why.
    pub missing: Vec<String>,
    steps: [Option<Duration>; 6],
    progress: BTreeMap<AccountId, Progress>,
}

impl Transfer {
    /// Notices at `now` that `from` has been silent since `last_sign`.
    #[must_use]
    pub fn new(cause: Cause, from: HostId, groups: Vec<GroupName>, last_sign: Duration, now: Duration) -> Self {
        let silence = now.saturating_sub(last_sign);
        let mut steps = [None; 6];
        steps[0] = Some(silence);
        let (redirects, returns, missing, progress) = (Vec::new(), Vec::new(), Vec::new(), BTreeMap::new());
        Self { cause, from, groups, detected: now, players: 0, redirects, returns, missing, steps, progress }
    }

    /// A player has to be carried over.
    pub fn carry(&mut self, account: AccountId) {
        self.players += usize::from(self.progress.insert(account, Progress::Waiting).is_none());
    }

    /// Whether it carries this player and the player is not back yet.
    #[must_use]
    pub fn carries(&self, account: AccountId) -> bool {
        self.progress.get(&account).is_some_and(|progress| *progress < Progress::Done)
    }

    /// Transition or notification is done.
    pub fn passed(&mut self, step: Step, now: Duration) {
        self.steps[step as usize].get_or_insert(now.saturating_sub(self.detected));
    }

    /// The redirect of a player was sent.
    pub fn redirected(&mut self, account: AccountId, now: Duration) {
        if self.advance(account, Progress::Redirected) {
            self.redirects.push(now.saturating_sub(self.detected));
        }
        self.settle(now);
    }

    /// The player's state was handed to the new engine.
    pub fn synced(&mut self, account: AccountId, now: Duration) {
        self.advance(account, Progress::Synced);
        self.settle(now);
    }

    /// The player is in play again.
    pub fn verified(&mut self, account: AccountId, now: Duration) {
        if self.advance(account, Progress::Done) {
            self.returns.push(now.saturating_sub(self.detected));
        }
        self.settle(now);
    }

    /// The player will not come back, for this reason.
    pub fn lost(&mut self, account: AccountId, reason: &str, now: Duration) {
        if self.advance(account, Progress::Done) {
            self.missing.push(format!("account {account}: {reason}"));
        }
        self.settle(now);
    }

    /// Gives up waiting.
    pub fn expire(&mut self, now: Duration) {
        self.passed(Step::Transition, now);
        self.passed(Step::Notify, now);
        let waiting: Vec<_> = self.progress.iter().filter(|(_, at)| **at < Progress::Done).map(|(id, _)| *id).collect();
        waiting.into_iter().for_each(|account| self.lost(account, "did not come back in time", now));
        self.settle(now);
    }

    /// Whether all steps are done.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.steps.iter().all(Option::is_some)
    }

    /// The steps with their times: the silence for `detect`, for all others the time from detection to their end.
    pub fn steps(&self) -> impl Iterator<Item = (&'static str, Option<Duration>)> + '_ {
        STEP_NAMES.into_iter().zip(self.steps)
    }

    /// Closes the steps that every player has passed.
    pub fn settle(&mut self, now: Duration) {
        let slowest = self.progress.values().copied().min().unwrap_or(Progress::Done);
        for (step, needs) in
            [(Step::Redirect, Progress::Redirected), (Step::Sync, Progress::Synced), (Step::Verify, Progress::Done)]
        {
            if slowest >= needs {
                self.passed(step, now);
            }
        }
    }

    /// `false` when the player is not carried or was that far already.
    fn advance(&mut self, account: AccountId, to: Progress) -> bool {
        match self.progress.get_mut(&account) {
            Some(progress) if *progress < to => {
                *progress = to;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn steps_close_when_the_slowest_player_has_passed_them() {
        let mut transfer = Transfer::new(Cause::HostLost, HostId("h".into()), Vec::new(), ms(400), ms(1_000));
        (1..=2).for_each(|account| transfer.carry(AccountId(account)));
        transfer.passed(Step::Transition, ms(1_001));
        transfer.passed(Step::Notify, ms(1_002));
        transfer.redirected(AccountId(1), ms(1_003));
        transfer.verified(AccountId(1), ms(1_020));
        assert!(!transfer.is_over());
        transfer.redirected(AccountId(2), ms(1_005));
        transfer.synced(AccountId(2), ms(1_030));
        transfer.lost(AccountId(2), "closed its client", ms(1_040));
        let steps: Vec<_> = transfer.steps().map(|(_, at)| at.expect("done").as_millis()).collect();
        assert_eq!(steps, [600, 1, 2, 5, 30, 40]);
        assert_eq!((transfer.redirects.len(), transfer.missing.len()), (2, 1));
        assert_eq!(transfer.returns, [ms(20)]);
    }

    #[test]
    fn without_players_it_is_over_after_the_notice() {
        let mut transfer = Transfer::new(Cause::Drain, HostId("h".into()), Vec::new(), ms(0), ms(0));
        transfer.passed(Step::Transition, ms(1));
        transfer.passed(Step::Notify, ms(1));
        transfer.settle(ms(1));
        assert!(transfer.is_over());
    }
}
