//! Waiting between attempts: exponential, capped, jittered. The one helper every retry uses.

use std::time::Duration;

/// How long to wait before the next attempt.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    attempts: u32,
}

impl Backoff {
    /// Starts at about `first`, doubles each time, never waits longer than `most`.
    #[must_use]
    pub const fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, attempts: 0 }
    }

    /// How many waits were handed out since the last success.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The next wait, between half and all of the exponential step, so that many clients do not come back at once.
    pub fn next_wait(&mut self) -> Duration {
        let step = self.step();
        self.attempts = self.attempts.saturating_add(1);
        step.mul_f64(rand::random_range(0.5..=1.0))
    }

    /// The attempt worked: the next failure starts over.
    pub const fn succeeded(&mut self) {
        self.attempts = 0;
    }

    fn step(&self) -> Duration {
        let factor = 1_u32.checked_shl(self.attempts).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_cap_and_start_over_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        let waits: Vec<_> = (0..40).map(|_| backoff.next_wait()).collect();
        assert!(waits[0] >= Duration::from_millis(50) && waits[0] <= Duration::from_millis(100));
        assert!(waits[10..].iter().all(|wait| *wait >= Duration::from_millis(500) && *wait <= Duration::from_secs(1)));
        backoff.succeeded();
        assert!(backoff.next_wait() <= Duration::from_millis(100));
    }
}
