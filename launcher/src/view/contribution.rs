//! What this PC has given.

use serde::Serialize;

/// Sums and the last day.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Contribution {
    /// Hours with at least one map group, ever.
    pub hours: f64,
    /// In the last seven days.
    pub hours_this_week: f64,
    /// Players times hours, ever: what was played here.
    pub player_hours: f64,
    /// Most players at once.
    pub most_players: u32,
    /// Megabytes sent this month, as estimated from players.
    pub month_mb: f64,
    /// The last 24 hours, oldest first; always 24.
    pub day: Vec<HourOfDay>,
}

/// One hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct HourOfDay {
    /// Unix seconds of its start.
    pub start: u32,
    /// Minutes of it in which maps were carried.
    pub minutes: f64,
    /// Players, on average over the hour.
    pub players: f64,
}
