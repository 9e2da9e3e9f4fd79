//! What a player went through, in numbers.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Packet times kept; older ones are forgotten.
const MAX_PACKETS: usize = 100_000;

/// Changes of connection kept; older ones are forgotten.
const MAX_HOPS: usize = 1_000;

/// What a player went through.
#[derive(Clone, Debug)]
pub struct Record {
    started: Instant,
    packets: VecDeque<Instant>,
    hops: VecDeque<Hop>,
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
            hops: VecDeque::new(),
            redirects: 0,
            relogins: 0,
            losses: 0,
            connected: None,
        }
    }
}

/// A change of connections: the silence a player felt.
#[derive(Clone, Copy, Debug)]
pub struct Hop {
    /// How the connection ended.
    pub kind: HopKind,
    /// The last packet before the one that ended it.
    pub last_before: Instant,
    /// When the redirect came, or the connection broke.
    pub ended: Instant,
    /// The first packet of the next connection to a map-server.
    pub first_after: Option<Instant>,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HopKind {
    /// By 0x0ac7.
    Redirect,
    /// It broke, or the server closed it.
    Loss,
}

impl Hop {
    /// How long it was silent, once it is over.
    #[must_use]
    pub fn gap(&self) -> Option<Duration> {
        self.first_after.map(|first| first - self.last_before)
    }
}

impl Record {
    pub(super) fn packet(&mut self, now: Instant) {
        if self.packets.len() == MAX_PACKETS {
            self.packets.pop_front();
        }
        self.packets.push_back(now);
        if let Some(hop) = self.hops.back_mut() {
            hop.first_after.get_or_insert(now);
        }
    }

    /// The connection has ended. For a redirect, the packet that said so has not been counted.
    pub(super) fn hop(&mut self, kind: HopKind, now: Instant) {
        if self.hops.len() == MAX_HOPS {
            self.hops.pop_front();
        }
        // A connection on which nothing came at all belongs to the silence before it.
        if let Some(hop) = self.hops.back_mut().filter(|hop| hop.first_after.is_none()) {
            hop.kind = if kind == HopKind::Loss { kind } else { hop.kind };
            return;
        }
        let last_before = self.packets.back().copied().unwrap_or(self.started);
        self.hops.push_back(Hop { kind, last_before, ended: now, first_after: None });
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

    /// Changes of connection since a moment.
    pub fn hops_since(&self, since: Instant) -> impl Iterator<Item = &Hop> {
        self.hops.iter().filter(move |hop| hop.ended >= since)
    }

    /// When the last packet came.
    #[must_use]
    pub fn last_packet(&self) -> Option<Instant> {
        self.packets.back().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_reaches_from_the_last_packet_before_to_the_first_one_after() {
        let mut record = Record::default();
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        record.packet(at(100));
        record.hop(HopKind::Redirect, at(600));
        assert_eq!(record.hops_since(start).next().and_then(Hop::gap), None, "it is still silent");
        record.hop(HopKind::Loss, at(650));
        record.packet(at(700));
        record.packet(at(900));
        let hops: Vec<(HopKind, Option<Duration>)> =
            record.hops_since(at(200)).map(|hop| (hop.kind, hop.gap())).collect();
        assert_eq!(hops, [(HopKind::Loss, Some(Duration::from_millis(600)))]);
        assert_eq!(record.hops_since(at(601)).count(), 0);
    }
}
