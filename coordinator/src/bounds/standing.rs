//! What is remembered of hosts: the fourth layer of trust.
//!
//! An *audit* is one period of a group on a host that was judged as a whole. Ten clean ones in a row make a host *trusted*; a
//! violation starts the row anew and keeps groups away from it for a while, twice as long every time.

use std::time::Duration;

use bifrost_protocol::ids::HostId;

/// What the operator sets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Policy {
    /// How long a group has players on a host before that is audited as a whole.
    pub period: Duration,
    /// Clean audits in a row that make a host trusted.
    pub trusted_after: u32,
    /// The first quarantine.
    pub quarantine: Duration,
    /// The longest.
    pub longest: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            period: Duration::from_mins(10),
            trusted_after: 10,
            quarantine: Duration::from_mins(10),
            longest: Duration::from_hours(24),
        }
    }
}

/// A host's record.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Standing {
    /// Clean audits in a row.
    pub streak: u32,
    /// Violations, ever.
    pub violations: u32,
    /// Violations that count for the next quarantine: one is forgotten with every row of clean audits that makes a host
    /// trusted.
    pub strikes: u32,
    /// What the last one was.
    pub last_rule: String,
    /// Until when it carries nothing, in seconds since the Unix epoch; 0: it may.
    pub quarantined_until: u64,
}

/// What is kept of one host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HostStanding {
    /// Who.
    pub host: HostId,
    /// How it behaved.
    pub standing: Standing,
}

/// What is kept of a rule's name.
const MAX_RULE: usize = 64;

impl Standing {
    /// An audit found nothing.
    pub fn clean(&mut self, policy: &Policy) {
        self.streak = self.streak.saturating_add(1);
        if self.streak.is_multiple_of(policy.trusted_after.max(1)) {
            self.strikes = self.strikes.saturating_sub(1);
        }
    }

    /// It broke a rule. `now` in seconds since the Unix epoch. With `quarantine` it carries nothing for a while.
    pub fn violated(&mut self, rule: &str, quarantine: bool, policy: &Policy, now: u64) {
        self.streak = 0;
        self.violations = self.violations.saturating_add(1);
        self.last_rule = rule.chars().take(MAX_RULE).collect();
        if quarantine {
            let doubled = policy.quarantine.saturating_mul(2_u32.saturating_pow(self.strikes.min(31)));
            self.strikes = self.strikes.saturating_add(1);
            let until = now.saturating_add(doubled.min(policy.longest).as_secs());
            self.quarantined_until = self.quarantined_until.max(until);
        }
    }

    /// The operator takes it back. It has to earn trust as before.
    pub fn pardon(&mut self) {
        self.quarantined_until = 0;
    }

    /// Whether it may carry nothing at `now`.
    #[must_use]
    pub fn is_quarantined(&self, now: u64) -> bool {
        self.quarantined_until > now
    }

    /// Whether it has earned trust.
    #[must_use]
    pub fn is_trusted(&self, policy: &Policy) -> bool {
        self.streak >= policy.trusted_after
    }

    /// Whether the period that begins is audited: always while it is not trusted, then once in as many as there are in the row.
    /// `draw` is a number from 0 to below 1.
    #[must_use]
    pub fn is_audited(&self, policy: &Policy, draw: f64) -> bool {
        !self.is_trusted(policy) || draw * f64::from(self.streak) < 1.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLICY: Policy = Policy {
        period: Duration::from_mins(10),
        trusted_after: 10,
        quarantine: Duration::from_mins(10),
        longest: Duration::from_hours(24),
    };

    #[test]
    fn ten_clean_audits_make_a_host_trusted_and_one_violation_unmakes_it() {
        let mut standing = Standing::default();
        (0..9).for_each(|_| standing.clean(&POLICY));
        assert!(!standing.is_trusted(&POLICY));
        standing.clean(&POLICY);
        assert!(standing.is_trusted(&POLICY));
        standing.violated("zeny", true, &POLICY, 1_000);
        assert_eq!((standing.is_trusted(&POLICY), standing.streak, standing.violations), (false, 0, 1));
        assert_eq!(standing.last_rule, "zeny");
        assert!(standing.is_quarantined(1_000) && standing.is_quarantined(1_599) && !standing.is_quarantined(1_600));
    }

    #[test]
    fn each_quarantine_is_twice_as_long_up_to_a_day() {
        let mut standing = Standing::default();
        let mut now = 0;
        let lasts = [10, 20, 40, 80, 160, 320, 640, 1_280, 1_440, 1_440].map(|minutes: u64| minutes * 60);
        for expected in lasts {
            standing.violated("item", true, &POLICY, now);
            assert_eq!(standing.quarantined_until - now, expected);
            now = standing.quarantined_until;
        }
        (0..30).for_each(|_| standing.clean(&POLICY));
        assert_eq!(standing.strikes, 7, "good behaviour makes up for the past, slowly");
        standing.violated("item", true, &POLICY, now);
        standing.pardon();
        assert!(!standing.is_quarantined(now) && !standing.is_trusted(&POLICY));
    }

    #[test]
    fn where_nothing_is_enforced_a_violation_is_only_remembered() {
        let mut standing = Standing::default();
        standing.violated("zeny", false, &POLICY, 5);
        assert_eq!((standing.violations, standing.strikes, standing.is_quarantined(5)), (1, 0, false));
    }

    #[test]
    fn trusted_hosts_are_audited_less_and_less() {
        let of = |streak| Standing { streak, ..Standing::default() };
        assert!(of(9).is_audited(&POLICY, 0.999));
        let audited =
            |streak: u32| (0..1_000).filter(|draw| of(streak).is_audited(&POLICY, f64::from(*draw) / 1e3)).count();
        assert_eq!((audited(10), audited(50)), (100, 20));
    }

    proptest! {
        #[test]
        fn a_quarantine_never_ends_because_of_another(violations in prop::collection::vec(0_u64..100_000, 1..60)) {
            let mut standing = Standing::default();
            let (mut now, mut until) = (0_u64, 0);
            for pause in violations {
                now += pause;
                standing.violated("x", true, &POLICY, now);
                prop_assert!(standing.quarantined_until >= until && standing.quarantined_until > now);
                prop_assert!(standing.quarantined_until - now <= POLICY.longest.as_secs());
                until = standing.quarantined_until;
            }
        }
    }
}
