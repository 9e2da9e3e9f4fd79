//! What this PC has given, by the hour. Kept for the last weeks, summed for ever.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::manners::PLAYER_KBPS;
use crate::view::{Contribution, HourOfDay};

/// Seconds of an hour.
const HOUR: u64 = 3_600;
/// Hours that are kept one by one.
const KEPT_HOURS: u64 = 24 * 14;
/// The longest time between two records that counts: longer ones are sleep.
const MAX_GAP: Duration = Duration::from_secs(30);

/// The ledger. Everything in it is an estimate of this PC's own; the realm keeps its own books.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Ledger {
    /// Seconds with at least one map group, ever.
    seconds: f64,
    /// Players times seconds, ever.
    player_seconds: f64,
    most_players: u32,
    /// The month the sum below is of, as days since 1970 of its first day.
    month: u64,
    month_player_seconds: f64,
    /// By start of the hour, in hours since 1970.
    hours: BTreeMap<u64, Hour>,
    #[serde(skip)]
    last: Option<(Duration, bool, u32)>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Hour {
    seconds: f64,
    player_seconds: f64,
}

impl Ledger {
    /// The file's name in the state folder.
    pub const FILE: &'static str = "contribution.json";

    /// Counts the time since the last record as what the last record said, and remembers this one.
    pub fn record(&mut self, carries: bool, players: u32, now: &crate::event::Now) {
        let last = self.last.replace((now.since_start, carries, players));
        self.enter_month(now.unix);
        self.most_players = self.most_players.max(players);
        let Some((at, true, players)) = last else { return };
        let seconds = now.since_start.saturating_sub(at).min(MAX_GAP).as_secs_f64();
        let player_seconds = seconds * f64::from(players);
        self.seconds += seconds;
        self.player_seconds += player_seconds;
        self.month_player_seconds += player_seconds;
        let this_hour = now.unix / HOUR;
        let hour = self.hours.entry(this_hour).or_default();
        hour.seconds += seconds;
        hour.player_seconds += player_seconds;
        self.hours.retain(|hour, _| *hour <= this_hour && hour + KEPT_HOURS > this_hour);
    }

    /// Megabytes sent this month, as estimated from players.
    #[must_use]
    pub fn month_mb(&self) -> f64 {
        self.month_player_seconds * f64::from(PLAYER_KBPS) / 8_000.0
    }

    /// What the window shows.
    #[must_use]
    pub fn to_view(&self, now: &crate::event::Now) -> Contribution {
        let this_hour = now.unix / HOUR;
        let of = |hour: u64| self.hours.get(&hour).copied().unwrap_or_default();
        let day = (0..24).rev().map(|back| {
            let start = this_hour.saturating_sub(back);
            let hour = of(start);
            HourOfDay {
                start: u32::try_from(start * HOUR).unwrap_or(u32::MAX),
                minutes: round(hour.seconds / 60.0),
                players: round(hour.player_seconds / 3_600.0),
            }
        });
        let week: f64 =
            self.hours.iter().filter(|(hour, _)| *hour + 24 * 7 > this_hour).map(|(_, hour)| hour.seconds).sum();
        Contribution {
            hours: round(self.seconds / 3_600.0),
            hours_this_week: round(week / 3_600.0),
            player_hours: round(self.player_seconds / 3_600.0),
            most_players: self.most_players,
            month_mb: round(self.month_mb()),
            day: day.collect(),
        }
    }

    fn enter_month(&mut self, unix: u64) {
        let month = month_of(unix);
        if self.month != month {
            (self.month, self.month_player_seconds) = (month, 0.0);
        }
    }
}

/// A number for a month that no other month has. UTC is near enough for a cap.
fn month_of(unix: u64) -> u64 {
    use chrono::{DateTime, Datelike};
    let date = i64::try_from(unix).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0)).unwrap_or_default();
    u64::try_from(date.year()).unwrap_or(0) * 12 + u64::from(date.month0())
}

/// Hundredths are all that anybody reads, and they keep the view from changing every second.
fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Now;

    /// 2026-11-24 18:00 UTC.
    const START: u64 = 1_795_543_200;

    fn at(seconds: u64) -> Now {
        Now { since_start: Duration::from_secs(seconds), unix: START + seconds, local_minute: 0 }
    }

    fn hosted(seconds: u64, players: u32) -> Ledger {
        let mut ledger = Ledger::default();
        for second in (0..=seconds).step_by(10) {
            ledger.record(true, players, &at(second));
        }
        ledger
    }

    #[test]
    fn hours_players_and_upload_add_up() {
        let view = hosted(7_200, 10).to_view(&at(7_200));
        assert_eq!((view.hours, view.player_hours, view.most_players), (2.0, 20.0, 10));
        assert_eq!(view.month_mb, 180.0, "10 players at 20 kbit/s for two hours");
        assert_eq!(view.day.len(), 24);
        assert_eq!((view.day[22].minutes, view.day[22].players), (60.0, 10.0));
    }

    #[test]
    fn time_that_the_computer_slept_does_not_count() {
        let mut ledger = hosted(600, 1);
        ledger.record(true, 1, &at(30_000));
        assert!(ledger.to_view(&at(30_000)).hours < 0.2);
    }

    #[test]
    fn time_without_maps_does_not_count() {
        let mut ledger = Ledger::default();
        ledger.record(false, 0, &at(0));
        ledger.record(true, 5, &at(10));
        ledger.record(false, 0, &at(20));
        ledger.record(false, 0, &at(30));
        assert_eq!(ledger.seconds, 10.0);
    }

    #[test]
    fn a_new_month_starts_at_zero_and_old_hours_go() {
        let mut ledger = hosted(3_600, 50);
        assert!(ledger.month_mb() > 400.0);
        ledger.record(true, 50, &at(40 * 86_400));
        ledger.record(true, 50, &at(40 * 86_400 + 10));
        assert!(ledger.month_mb() < 10.0);
        assert_eq!(ledger.hours.len(), 1);
        assert!(ledger.seconds > 3_600.0, "the sum stays");
    }
}
