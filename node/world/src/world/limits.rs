//! What one session may ask for. Named, so that a client cannot cost more than it should.

use std::time::Duration;

/// Most players of a world.
pub const MAX_PLAYERS: usize = 2_000;
/// Packets a client may send each second, on average.
pub const PACKETS_PER_SECOND: u32 = 250;
/// Packets a client may send at once.
pub const PACKET_BURST: u32 = 500;
/// Messages a player may say or whisper each second, on average. More are not passed on.
pub const MESSAGES_PER_SECOND: u32 = 5;
/// Messages a player may say or whisper at once.
pub const MESSAGE_BURST: u32 = 20;
/// Longest message in bytes (`CHAT_SIZE_MAX` less its NUL and one, `clif_process_message`).
pub const MAX_MESSAGE: usize = 254;
/// Time between two emotions (`clif_parse_Emotion`).
pub const EMOTION_INTERVAL: Duration = Duration::from_secs(1);
/// Warps in a row that lead onto a warp before one is not taken (`count_rewarp`, `npc_touch_areanpc`).
pub const MAX_REWARPS: u8 = 10;
/// Event log entries kept until somebody takes them; older ones are dropped first.
pub const MAX_LOGS: usize = 10_000;

/// A bucket of permits that fills over time.
#[derive(Clone, Debug)]
pub(super) struct Allowance {
    per_second: u32,
    burst: u32,
    /// Permits left, in thousandths.
    left: u64,
    filled: Duration,
}

impl Allowance {
    pub(super) fn new(per_second: u32, burst: u32, now: Duration) -> Self {
        Self { per_second, burst, left: u64::from(burst) * 1_000, filled: now }
    }

    /// Takes a permit, if there is one.
    pub(super) fn take(&mut self, now: Duration) -> bool {
        let elapsed = u64::try_from(now.saturating_sub(self.filled).as_millis()).unwrap_or(u64::MAX);
        self.filled = self.filled.saturating_add(Duration::from_millis(elapsed));
        let gained = elapsed.saturating_mul(self.per_second.into());
        self.left = self.left.saturating_add(gained).min(u64::from(self.burst) * 1_000);
        let may = self.left >= 1_000;
        self.left -= if may { 1_000 } else { 0 };
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_come_back_with_time_but_never_beyond_the_burst() {
        let at = Duration::from_millis;
        let mut allowance = Allowance::new(10, 2, at(0));
        assert_eq!([allowance.take(at(0)), allowance.take(at(0)), allowance.take(at(0))], [true, true, false]);
        assert_eq!([allowance.take(at(100)), allowance.take(at(100))], [true, false]);
        let later = at(60_000);
        assert_eq!([allowance.take(later), allowance.take(later), allowance.take(later)], [true, true, false]);
    }
}
