//! How much may have come into being by now, chance included.
//!
//! What lives on a map is a hard bound: within any time no more can be killed than lived at its start plus what came back
//! ([`Rate`]). What a kill drops is chance. A meter allows so much that honest play stays below it with a probability of all
//! but [`CHANCE`] a day: for each of a few exponents `t`, `exp(t * gained)` is compared with what it is expected
//! to be at most, `exp(expected * (e^t - 1))` (Chernoff's bound for sums of rare events, held at every moment at once by
//! Ville's inequality). As a bucket: it fills at `expected * (e^t - 1) / t`, and holds `ln(1 / chance) / t` beyond what may
//! be alive. Small exponents are tight for what is common, large ones for what is rare: of a card that is to be expected
//! once in a thousand days, two a day are possible, and ten are not.

use std::time::Duration;

use super::facts::Rate;
use super::limits::{CHANCE, REPORT};

/// The exponents: `t`.
const EXPONENTS: [f64; 9] = [0.05, 0.15, 0.4, 1.0, 2.0, 3.5, 6.0, 9.0, 12.0];
const BUCKETS: usize = EXPONENTS.len();
const DAY: f64 = 86_400.0;

/// One way in which a commodity comes: so often, so much at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flow {
    /// How often, to be expected.
    pub(super) rate: Rate,
    /// How much each time.
    pub(super) size: f64,
}

/// What a group may still have given of one commodity.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    fills: [f64; BUCKETS],
    at_once: [f64; BUCKETS],
    holds: [f64; BUCKETS],
    levels: [f64; BUCKETS],
    /// What comes while reports are on their way.
    reports: f64,
    at: Duration,
}

impl Meter {
    /// Full, as it is when nothing was gained for long. `None` when nothing comes at all. What comes without measure has no
    /// bound.
    pub(super) fn new(flows: &[Flow], slack: f64, now: Duration) -> Option<Self> {
        let living = |flow: &&Flow| flow.size > 0.0 && (flow.rate.at_once > 0.0 || flow.rate.per_second > 0.0);
        let flows: Vec<Flow> = flows.iter().filter(living).copied().collect();
        let unit = flows.iter().map(|flow| flow.size).fold(0.0, f64::max);
        if unit <= 0.0 {
            return None;
        }
        let times_a_day: f64 = flows.iter().map(|flow| slack * (flow.rate.at_once + DAY * flow.rate.per_second)).sum();
        // Every time something comes, a run of luck may begin.
        #[expect(clippy::cast_precision_loss, reason = "nine")]
        let luck = (times_a_day.max(1.0) * BUCKETS as f64 / CHANCE).ln();
        let mut meter = Self {
            fills: [0.0; BUCKETS],
            at_once: [0.0; BUCKETS],
            holds: [0.0; BUCKETS],
            levels: [0.0; BUCKETS],
            reports: flows.iter().map(|flow| slack * flow.rate.per_second * flow.size).sum::<f64>()
                * REPORT.as_secs_f64(),
            at: now,
        };
        if unit.is_infinite() {
            (meter.holds, meter.levels) = ([f64::INFINITY; BUCKETS], [f64::INFINITY; BUCKETS]);
            return Some(meter);
        }
        for (place, exponent) in EXPONENTS.iter().enumerate() {
            for flow in &flows {
                let weight = slack * (exponent * flow.size / unit).exp_m1() * unit / exponent;
                meter.fills[place] += flow.rate.per_second * weight;
                meter.at_once[place] += flow.rate.at_once * weight;
            }
            meter.holds[place] =
                luck * unit / exponent + meter.at_once[place] + REPORT.as_secs_f64() * meter.fills[place];
        }
        meter.levels = meter.holds;
        Some(meter)
    }

    /// Everything lives again, whatever was killed before.
    pub(super) fn open(&mut self, now: Duration) {
        self.pass(now);
        for place in 0..BUCKETS {
            let most = 2.0 * self.holds[place];
            self.levels[place] = (self.levels[place] + self.at_once[place]).min(most);
        }
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = self.at.max(now);
        for place in 0..BUCKETS {
            let filled = self.levels[place] + passed * self.fills[place];
            // What opening put on top stays until it is spent.
            self.levels[place] = filled.min(self.holds[place].max(self.levels[place]));
        }
    }

    /// What may be gained now.
    pub(super) fn free(&self) -> f64 {
        self.levels.iter().copied().fold(f64::INFINITY, f64::min).max(0.0)
    }

    /// What would be lost if it was not spent soon: the meter is nearly full.
    pub(super) fn surplus(&mut self, now: Duration) -> f64 {
        self.pass(now);
        if self.reports.is_finite() { (self.free() - (self.most() - self.reports)).max(0.0) } else { f64::INFINITY }
    }

    /// What may be gained at once at most.
    pub(super) fn most(&self) -> f64 {
        self.holds.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// Takes as much of `amount` as is free; returns the rest.
    pub(super) fn spend(&mut self, amount: f64, now: Duration) -> f64 {
        self.pass(now);
        let spent = amount.min(self.free());
        self.levels.iter_mut().for_each(|level| *level -= spent);
        amount - spent
    }

    /// Whether it is as if nothing had been gained.
    pub(super) fn is_full(&self) -> bool {
        self.levels.iter().zip(&self.holds).all(|(level, holds)| level >= holds)
    }
}

/// So many an hour, and as many at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cap {
    level: f64,
    at: Duration,
}

impl Cap {
    /// Nothing was taken yet.
    pub(super) fn full(per_hour: f64, now: Duration) -> Self {
        Self { level: per_hour, at: now }
    }

    /// Takes as much of `amount` as is free; returns the rest.
    pub(super) fn spend(&mut self, amount: f64, per_hour: f64, now: Duration) -> f64 {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.level = (self.level + passed * per_hour / 3_600.0).min(per_hour);
        let spent = amount.min(self.level);
        self.level -= spent;
        amount - spent
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn meter(at_once: f64, per_second: f64) -> Meter {
        let flow = Flow { rate: Rate { at_once, per_second }, size: 1.0 };
        Meter::new(&[flow], 1.0, Duration::ZERO).expect("something comes")
    }

    #[test]
    fn what_comes_once_in_a_thousand_days_may_come_twice_and_not_every_hour() {
        let mut rare = meter(0.0, 1e-3 / DAY);
        let hour = |hours: u64| Duration::from_secs(hours * 3_600);
        assert!(rare.free() >= 1.0 && rare.free() < 2.0, "one at once: {}", rare.free());
        assert!([1, 20].into_iter().all(|at| rare.spend(1.0, hour(at)) <= 0.0), "and one in the evening");
        let more: f64 = (21..45).map(|at| 1.0 - rare.spend(1.0, hour(at))).sum();
        assert!(more < 3.0, "but not one an hour: {more}");
    }

    #[test]
    fn what_is_common_may_come_little_more_often_than_expected() {
        let mut common = meter(0.0, 1.0);
        common.spend(1e9, Duration::ZERO);
        let day = Duration::from_secs(86_400);
        common.pass(Duration::from_secs(1));
        let rest = common.spend(1e9, day);
        assert!(1e9 - rest < 3_000.0, "what was not hunted does not pile up: {}", 1e9 - rest);
        let mut steady = meter(0.0, 1.0);
        let taken: f64 = (0..8_640).map(|turn| 20.0 - steady.spend(20.0, Duration::from_secs(turn * 10))).sum();
        assert!(taken > DAY && taken < 1.1 * DAY, "{taken}");
    }

    #[test]
    fn nothing_comes_from_where_nothing_is() {
        assert!(Meter::new(&[], 2.0, Duration::ZERO).is_none());
        let nothing = Flow { rate: Rate::default(), size: 1.0 };
        assert!(Meter::new(&[nothing], 2.0, Duration::ZERO).is_none());
    }

    #[test]
    fn what_nobody_can_measure_has_no_bound() {
        let rate = Rate { at_once: 0.0, per_second: 1e-9 };
        let mut meter = Meter::new(&[Flow { rate, size: f64::INFINITY }], 1.0, Duration::ZERO).expect("comes");
        assert!(meter.spend(1e15, Duration::from_secs(1)) <= 0.0 && meter.free().is_infinite());
    }

    #[test]
    fn a_map_that_is_loaded_again_has_everything_alive_again() {
        let mut meter = meter(100.0, 0.0);
        meter.spend(1e9, Duration::ZERO);
        meter.open(Duration::ZERO);
        assert!(meter.free() >= 100.0);
        (0..50).for_each(|_| meter.open(Duration::ZERO));
        assert!(meter.free() <= 2.0 * meter.most());
    }

    proptest! {
        #[test]
        fn a_meter_never_gives_more_than_it_holds_and_what_came(
            at_once in 0.0..1e4_f64, per_second in 1e-9..10.0_f64, spends in prop::collection::vec((0.0..1e5_f64, 0_u64..10_000), 1..40),
        ) {
            let mut meter = meter(at_once, per_second);
            let (most, largest) = (meter.most(), EXPONENTS[0].exp_m1() / EXPONENTS[0]);
            let loosest = meter.holds[0];
            let (mut now, mut taken) = (0, 0.0);
            for (amount, pause) in spends {
                now += pause;
                let before = meter.free();
                let rest = meter.spend(amount, Duration::from_secs(now));
                prop_assert!(rest >= 0.0 && rest <= amount && before <= most + 1e-6);
                taken += amount - rest;
                #[expect(clippy::cast_precision_loss, reason = "a test")]
                let came = per_second * now as f64 * largest;
                prop_assert!(taken <= loosest + came + 1e-6 * (1.0 + taken));
            }
        }
    }
}
