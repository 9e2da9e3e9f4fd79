//! How much an engine may ask for: one bucket of tokens a kind.

use std::time::Duration;

/// A kind of packet with a limit of its own, beside [`FLOOD`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Rate {
    /// Only the limit over everything.
    Free,
    /// What players say to each other.
    Say,
    /// What everybody gets to read.
    Shout,
    /// Questions about other players.
    Lookup,
    /// Questions that cost the char-server's database something.
    Load,
}

/// How fast a bucket fills, and how much it holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    /// Tokens a second.
    per_second: u32,
    /// Tokens it holds.
    burst: u32,
}

/// All packets of an engine: a group of 500 players that comes back at once sends about 15 each.
pub(super) const FLOOD: Limit = Limit { per_second: 2_000, burst: 20_000 };

/// 100 players who all talk.
const SAY: Limit = Limit { per_second: 50, burst: 200 };

/// Drops worth announcing, and calls for a game master.
const SHOUT: Limit = Limit { per_second: 2, burst: 20 };

/// Names.
const LOOKUP: Limit = Limit { per_second: 10, burst: 100 };

/// Ten questions a player when 500 arrive together.
const LOAD: Limit = Limit { per_second: 500, burst: 10_000 };

impl Rate {
    /// The kind's limit and the place of its bucket.
    fn limit(self) -> Option<(usize, Limit)> {
        match self {
            Self::Free => None,
            Self::Say => Some((0, SAY)),
            Self::Shout => Some((1, SHOUT)),
            Self::Lookup => Some((2, LOOKUP)),
            Self::Load => Some((3, LOAD)),
        }
    }
}

/// The buckets of one engine.
#[derive(Clone, Debug, Default)]
pub(super) struct Buckets {
    all: Bucket,
    kinds: [Bucket; 4],
}

impl Buckets {
    /// Takes a token for one packet at `now`. `Err(true)` when the engine sends too much of everything.
    pub(super) fn spend(&mut self, rate: Rate, now: Duration) -> Result<(), bool> {
        if !self.all.take(FLOOD, now) {
            return Err(true);
        }
        match rate.limit() {
            Some((place, limit)) if !self.kinds[place].take(limit, now) => Err(false),
            Some(_) | None => Ok(()),
        }
    }
}

/// Tokens, as the time they would have taken to come.
#[derive(Clone, Debug, Default)]
struct Bucket {
    /// When the bucket was, or will be, full; tokens taken push it into the future.
    full_at: Duration,
}

impl Bucket {
    fn take(&mut self, limit: Limit, now: Duration) -> bool {
        let token = Duration::from_secs(1) / limit.per_second;
        let next = self.full_at.max(now) + token;
        if next > now + token * limit.burst {
            return false;
        }
        self.full_at = next;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_lets_a_burst_through_and_then_its_rate() {
        let (mut buckets, start) = (Buckets::default(), Duration::from_secs(100));
        let taken = |buckets: &mut Buckets, now| (0..1_000).filter(|_| buckets.spend(Rate::Shout, now).is_ok()).count();
        assert_eq!(taken(&mut buckets, start), 20);
        assert_eq!(buckets.spend(Rate::Shout, start), Err(false));
        assert_eq!(taken(&mut buckets, start + Duration::from_secs(3)), 6);
        assert!(buckets.spend(Rate::Free, start).is_ok(), "other kinds have their own");
    }

    #[test]
    fn a_flood_is_told_apart() {
        let mut buckets = Buckets::default();
        let sent = (0..30_000).take_while(|_| buckets.spend(Rate::Free, Duration::ZERO).is_ok()).count();
        assert_eq!((sent, buckets.spend(Rate::Free, Duration::ZERO)), (20_000, Err(true)));
    }
}
