//! The values something had, as its owner saw them, and which of them came back.

use std::time::Duration;

/// The values something had, oldest first, each with the time since when.
#[derive(Clone, Debug)]
pub(super) struct History<T> {
    values: Vec<(Duration, T)>,
}

/// What a restored value is to the ones seen before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Restored {
    /// The last one seen, or the first that is seen at all.
    Same,
    /// An earlier one: what changed at `since` is gone.
    Earlier {
        /// When the oldest lost change was seen.
        since: Duration,
    },
    /// None that was ever seen.
    Strange,
}

impl<T> Default for History<T> {
    fn default() -> Self {
        Self { values: Vec::new() }
    }
}

impl<T: PartialEq> History<T> {
    /// The value is this from now on.
    pub(super) fn set(&mut self, value: T, now: Duration) {
        if self.last() != Some(&value) {
            self.values.push((now, value));
        }
    }

    /// The value now.
    pub(super) fn last(&self) -> Option<&T> {
        self.values.last().map(|(_, value)| value)
    }

    /// The value was restored from what somebody had saved: it is the latest one that `is` it. Later ones are forgotten.
    pub(super) fn restore(&mut self, value: T, now: Duration, is: impl Fn(&T, &T) -> bool) -> Restored {
        let found = self.values.iter().rposition(|(_, seen)| is(seen, &value));
        let restored = match found.map(|index| self.values.get(index + 1)) {
            Some(None) => Restored::Same,
            Some(Some((since, _))) => Restored::Earlier { since: *since },
            None if self.values.is_empty() => Restored::Same,
            None => Restored::Strange,
        };
        if let Some(index) = found {
            self.values.truncate(index + 1);
        }
        self.set(value, now);
        restored
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_oldest_lost_change_counts() {
        let mut history = History::default();
        let same = |seen: &i64, value: &i64| seen == value;
        assert_eq!(history.restore(5, at(0), same), Restored::Same, "nothing was seen before");
        history.set(7, at(10));
        history.set(7, at(11));
        history.set(9, at(12));
        assert_eq!(history.restore(9, at(20), same), Restored::Same);
        assert_eq!(history.restore(5, at(21), same), Restored::Earlier { since: at(10) });
        assert_eq!(history.restore(9, at(22), same), Restored::Strange, "what was lost does not come back");
        assert_eq!(history.last(), Some(&9));
    }

    #[test]
    fn experience_may_have_grown_by_what_the_client_was_not_told() {
        let mut history = History::default();
        let grown = |seen: &i64, value: &i64| seen <= value;
        history.set(100, at(1));
        history.set(120, at(2));
        assert_eq!(history.restore(125, at(3), grown), Restored::Same);
        assert_eq!(history.restore(110, at(4), grown), Restored::Earlier { since: at(2) });
        assert_eq!(history.restore(90, at(5), grown), Restored::Strange);
    }
}
