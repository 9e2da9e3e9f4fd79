//! What a player went through, in numbers.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Packet times kept; older ones are forgotten.
const MAX_PACKETS: usize = 100_000;

/// What a player went through.
#[derive(Clone, Debug)]
pub struct Record {
    started: Instant,
    packets: VecDeque<Instant>,
    /// Redirects followed (0x0ac7).
    pub redirects: u32,
    /// Logins after the first one.
    pub relogins: u32,
    /// Connections lost without a redirect.
    pub losses: u32,
    /// When the client connected to the map-server it is on.
    pub connected: Option<Instant>,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            packets: VecDeque::new(),
            redirects: 0,
            relogins: 0,
            losses: 0,
            connected: None,
        }
    }
}

/// The silence around a moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Gap {
    /// The last packet before the moment.
    pub last_before: Instant,
    /// The first packet after it that counts.
    pub first_after: Instant,
}

impl Gap {
    /// How long it was silent.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.first_after - self.last_before
    }
}

impl Record {
    pub(super) fn packet(&mut self, now: Instant) {
        if self.packets.len() == MAX_PACKETS {
            self.packets.pop_front();
        }
        self.packets.push_back(now);
    }

    /// The client's clock, in milliseconds, as it goes into packets.
    pub(super) fn clock(&self) -> u32 {
        u32::try_from(self.started.elapsed().as_millis() & 0xffff_ffff).unwrap_or(0)
    }

    /// Packets seen from the map-servers.
    #[must_use]
    pub fn packets(&self) -> usize {
        self.packets.len()
    }

    /// The longest silence that ends after `from` and begins before `until`.
    #[must_use]
    pub fn longest_gap(&self, from: Instant, until: Instant) -> Option<Gap> {
        let times = self.packets.iter().copied();
        times
            .clone()
            .zip(times.skip(1))
            .filter(|(before, after)| *after >= from && *before <= until)
            .map(|(last_before, first_after)| Gap { last_before, first_after })
            .max_by_key(Gap::length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gap_is_the_longest_silence_that_touches_the_window() {
        let mut record = Record::default();
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        [0, 500, 600, 900, 1_000].into_iter().for_each(|millis| record.packet(at(millis)));
        let gap = record.longest_gap(at(550), at(2_000)).expect("a gap");
        assert_eq!((gap.last_before, gap.length()), (at(600), Duration::from_millis(300)));
        assert_eq!(record.longest_gap(at(1_500), at(2_000)), None);
    }
}
