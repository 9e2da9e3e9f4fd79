//! Turns silence into suspicion, per host (phi accrual, Hayashibara et al. 2004).

use std::collections::VecDeque;
use std::time::Duration;

/// Watches one host's beats.
#[derive(Clone, Debug)]
pub struct Detector {
    last: Duration,
    intervals: VecDeque<f64>,
}

impl Detector {
    /// Starts watching at `now`, expecting beats every `interval`.
    #[must_use]
    pub fn new(now: Duration, interval: Duration) -> Self {
        Self { last: now, intervals: VecDeque::from([interval.as_secs_f64()]) }
    }

    /// A beat arrived.
    pub fn beat(&mut self, now: Duration) {
        let interval = now.saturating_sub(self.last).as_secs_f64();
        self.last = now;
        // A gap that long was a stall that is over, not the host's rhythm.
        if interval < LONGEST_LEARNED.as_secs_f64() {
            if self.intervals.len() == WINDOW {
                self.intervals.pop_front();
            }
            self.intervals.push_back(interval);
        }
    }

    /// The watcher itself was not there for so long: that is not the host's silence.
    pub fn forgive(&mut self, absence: Duration, now: Duration) {
        self.last = self.last.saturating_add(absence).min(now);
    }

    /// When the last beat arrived.
    #[must_use]
    pub fn last(&self) -> Duration {
        self.last
    }

    /// Suspicion: at `phi`, one in `10^phi` silences this long would be a host that is still there.
    #[must_use]
    pub fn phi(&self, now: Duration) -> f64 {
        let silence = now.saturating_sub(self.last).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "at most WINDOW")]
        let count = self.intervals.len() as f64;
        let mean = self.intervals.iter().sum::<f64>() / count;
        let variance = self.intervals.iter().map(|interval| (interval - mean).powi(2)).sum::<f64>() / count;
        let deviation = variance.sqrt().max(LEAST_DEVIATION.as_secs_f64());
        let y = (silence - mean) / deviation;
        // The normal distribution's tail by its logistic approximation (Bowling et al. 2009).
        let e = (-y * (1.5976 + 0.070_566 * y * y)).exp();
        if y > 0.0 { -(e / (1.0 + e)).log10() } else { -(1.0 - 1.0 / (1.0 + e)).log10() }
    }

    /// Whether the host is to be taken for lost.
    #[must_use]
    pub fn suspects(&self, now: Duration) -> bool {
        self.phi(now) >= SUSPECT
    }
}

/// With beats every 250 ms and the least deviation this is 650 ms of silence.
const SUSPECT: f64 = 8.0;
/// No host is taken to be more regular than this: schedulers and home networks stall for that long.
const LEAST_DEVIATION: Duration = Duration::from_millis(70);
/// How many intervals are remembered.
const WINDOW: usize = 40;
/// Longer intervals are not learned.
const LONGEST_LEARNED: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    const BEAT: Duration = Duration::from_millis(250);

    fn suspected_after(mut detector: Detector, start: Duration) -> Duration {
        detector.beat(start);
        (0..10_000).map(|ms| start + Duration::from_millis(ms)).find(|now| detector.suspects(*now)).expect("in 10 s")
            - start
    }

    #[test]
    fn a_regular_host_is_suspected_well_within_a_second_but_not_for_two_lost_beats() {
        let mut detector = Detector::new(Duration::ZERO, BEAT);
        for beat in 1..40 {
            detector.beat(BEAT * beat);
        }
        let silence = suspected_after(detector, BEAT * 40);
        assert!(silence > BEAT * 2 && silence < Duration::from_millis(750), "{silence:?}");
    }

    #[test]
    fn an_irregular_host_is_given_more_time() {
        let mut detector = Detector::new(Duration::ZERO, BEAT);
        let mut now = Duration::ZERO;
        for beat in 0..40 {
            now += Duration::from_millis(if beat % 2 == 0 { 60 } else { 440 });
            detector.beat(now);
        }
        let silence = suspected_after(detector, now + BEAT);
        assert!(silence > Duration::from_millis(1_000), "{silence:?}");
    }

    #[test]
    fn a_beat_clears_all_suspicion() {
        let mut detector = Detector::new(Duration::ZERO, BEAT);
        assert!(detector.suspects(Duration::from_secs(5)));
        detector.beat(Duration::from_secs(5));
        assert!(!detector.suspects(Duration::from_secs(5) + BEAT));
    }
}
