//! The outcome, told to people.

use std::fmt::Write;
use std::io::{Write as _, stdout};

use super::Outcome;
use super::outcome::BlowOutcome;

/// Notes shown; the rest is in `--json`.
const MAX_NOTES: usize = 20;

/// Writes the table to stdout.
pub(super) fn print(outcome: &Outcome) {
    // A reader who went away does not change the verdict.
    let _ = stdout().write_all(text(outcome).as_bytes());
}

fn text(outcome: &Outcome) -> String {
    let mut out = String::from("\n");
    let mut row = |name: &str, value: String| {
        let _ = writeln!(out, "{name:<22} {value}");
    };
    let lost = &outcome.lost_s;
    let gap = &outcome.gap_ms;
    row("players", outcome.players.to_string());
    row("deaths", format!("{} of hosts, in {} minutes", outcome.deaths, outcome.minutes));
    row("relogins", outcome.relogins.to_string());
    row("lost_s", format!("p50 {}  max {}", lost.p50, lost.max));
    row("gap_ms", format!("p50 {}  p99 {}  max {}", gap.p50, gap.p99, gap.max));
    row("zeny_unexplained", outcome.zeny_unexplained.to_string());
    row("items_unexplained", outcome.items_unexplained.to_string());
    row("bounds_findings", outcome.bounds_findings.to_string());
    row("foreign_connections", foreign(outcome));
    row("save_bytes_mean", outcome.save_bytes_mean.map_or_else(|| "not counted".to_owned(), |mean| mean.to_string()));
    let detect = &outcome.detect_ms;
    row("detect_ms", format!("p50 {}  p99 {}  max {}", detect.p50, detect.p99, detect.max));
    let redirect = &outcome.redirect_ms;
    row("redirect_ms", format!("p50 {}  p99 {}  max {}", redirect.p50, redirect.p99, redirect.max));
    let back = &outcome.back_ms;
    row("back_ms", format!("p50 {}  p99 {}  max {}", back.p50, back.p99, back.max));
    if let Some(start) = outcome.engine_start_ms {
        row("engine_start_ms", format!("mean {start}"));
    }
    let (fleet, city) = (&outcome.enter_ms, &outcome.enter_direct_ms);
    row(
        "enter_ms",
        format!("p50 {}  p99 {}, the city's server: p50 {}  p99 {}", fleet.p50, fleet.p99, city.p50, city.p99),
    );
    if let Some(percent) = outcome.coordinator_cpu_per_100 {
        row("coordinator CPU", format!("{percent} % of a core for 100 players"));
    }
    row("walks", format!("{} between map-servers, {} of them to or from the city", outcome.walks, outcome.city_walks));
    row("character deaths", outcome.character_deaths.to_string());
    row("longest silence", format!("{} ms on one connection", outcome.silence_ms));
    blows(&mut out, outcome);
    for note in outcome.notes.iter().take(MAX_NOTES) {
        let _ = writeln!(out, "  {note}");
    }
    if outcome.notes.len() > MAX_NOTES {
        let _ = writeln!(out, "  and {} more", outcome.notes.len() - MAX_NOTES);
    }
    let _ = match outcome.failures().as_slice() {
        [] => writeln!(out, "HELD: nobody at the login screen, at most two seconds lost, everything accounted for."),
        failures => writeln!(out, "DID NOT HOLD: {}.", failures.join("; ")),
    };
    out
}

fn foreign(outcome: &Outcome) -> String {
    let how = if outcome.isolated { "counted by the kernel" } else { "sampled" };
    format!("{} ({how})", outcome.foreign_connections)
}

fn blows(out: &mut String, outcome: &Outcome) {
    let _ = writeln!(out, "\nhosts      times  players  gap_ms p50       p99       max  lost_s p50       max");
    let mut row = |name: &str, of: &BlowOutcome| {
        let (gap, lost) = (&of.gap_ms, &of.lost_s);
        let _ = writeln!(
            out,
            "{name:<10} {:>5}  {:>7}  {:>10.1} {:>9.1} {:>9.1}  {:>10.2} {:>9.2}",
            of.count, of.players, gap.p50, gap.p99, gap.max, lost.p50, lost.max
        );
    };
    for (name, of) in &outcome.blows {
        row(name, of);
    }
    row("moved", &outcome.moves);
    let _ = writeln!(out);
}
