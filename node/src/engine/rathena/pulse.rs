//! Whether an engine's game loop turns, and how fast: a question every 100 ms, answered from that loop. No IO, no clock.
//!
//! A stock map-server answers 0x2b00 (how many players there are) at once with 0x2b23 (`chrif_parse`). It also sends
//! 0x2b23 on its own when it has heard nothing for a minute, which cannot happen while it is asked.

use std::time::{Duration, Instant};

/// Time between questions.
const ASK_INTERVAL: Duration = Duration::from_millis(100);
/// From this silence on it is worth a line in the log: players notice.
const SLOW: Duration = Duration::from_millis(500);
/// A loop that has not turned for so long is not coming back. The longest honest turns, saving or reloading everything,
/// stay far below a second.
pub(super) const HUNG: Duration = Duration::from_secs(2);

/// The questions to one engine.
#[derive(Debug)]
pub(super) struct Pulse {
    asked: Option<Instant>,
    next: Instant,
    warned: bool,
}

/// What [`Pulse::tick`] finds due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Due {
    /// Nothing yet.
    Nothing,
    /// Ask.
    Ask,
    /// It has been silent for a while; said once a question.
    Slow(Duration),
    /// It is to be given up.
    Hung(Duration),
}

impl Pulse {
    /// The first question is due at once.
    pub(super) fn new(now: Instant) -> Self {
        Self { asked: None, next: now, warned: false }
    }

    /// When [`tick`](Self::tick) has something to say.
    pub(super) fn deadline(&self) -> Instant {
        match self.asked {
            None => self.next,
            Some(asked) if self.warned => asked + HUNG,
            Some(asked) => asked + SLOW,
        }
    }

    /// What is due.
    pub(super) fn tick(&mut self, now: Instant) -> Due {
        match self.asked {
            None if now >= self.next => {
                (self.asked, self.warned) = (Some(now), false);
                Due::Ask
            }
            Some(asked) if now >= asked + HUNG => Due::Hung(now - asked),
            Some(asked) if now >= asked + SLOW && !self.warned => {
                self.warned = true;
                Due::Slow(now - asked)
            }
            None | Some(_) => Due::Nothing,
        }
    }

    /// The engine has sent 0x2b23. How long its loop took to answer; `None` when it was not asked and wants an answer itself.
    pub(super) fn answered(&mut self, now: Instant) -> Option<Duration> {
        let asked = self.asked.take()?;
        self.next = now.max(asked + ASK_INTERVAL);
        Some(now.saturating_duration_since(asked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn an_engine_is_asked_ten_times_a_second_and_timed() {
        let start = Instant::now();
        let mut pulse = Pulse::new(start);
        assert_eq!(pulse.tick(start), Due::Ask);
        assert_eq!(pulse.tick(start + ms(1)), Due::Nothing, "one question at a time");
        assert_eq!(pulse.answered(start + ms(3)), Some(ms(3)));
        assert_eq!(pulse.deadline(), start + ms(100));
        assert_eq!(pulse.tick(start + ms(99)), Due::Nothing);
        assert_eq!(pulse.tick(start + ms(100)), Due::Ask);
        assert_eq!(pulse.answered(start + ms(350)), Some(ms(250)));
        assert_eq!(pulse.tick(start + ms(350)), Due::Ask, "late answers do not make questions pile up");
    }

    #[test]
    fn a_question_of_the_engine_is_told_from_an_answer() {
        let start = Instant::now();
        let mut pulse = Pulse::new(start);
        assert_eq!(pulse.answered(start), None);
        pulse.tick(start);
        assert!(pulse.answered(start).is_some());
        assert_eq!(pulse.answered(start), None);
    }

    #[test]
    fn silence_is_told_once_and_then_ends_it() {
        let start = Instant::now();
        let mut pulse = Pulse::new(start);
        pulse.tick(start);
        assert_eq!(pulse.deadline(), start + SLOW);
        assert_eq!(pulse.tick(start + SLOW), Due::Slow(SLOW));
        assert_eq!((pulse.tick(start + ms(1_000)), pulse.deadline()), (Due::Nothing, start + HUNG));
        assert_eq!(pulse.tick(start + HUNG), Due::Hung(HUNG));
    }
}
