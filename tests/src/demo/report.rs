//! The outcome, told to people or to programs.

use std::fmt::Write;
use std::io::{IsTerminal, Write as _, stdout};

use anyhow::Result;

use super::Outcome;
use crate::percentiles::Percentiles;

/// Columns of the longest bar of the timeline.
const BAR: f64 = 40.0;

/// What issue and README promise; shown beside what was measured.
const TARGETS: &str = "targets: kill to first packet p50 <= 1000, p99 <= 2000; detection to redirect <= 20; dropped 0";

/// One JSON object and a line end.
pub(super) fn print_json(outcome: &Outcome) -> Result<()> {
    writeln!(stdout(), "{}", serde_json::to_string(outcome)?)?;
    Ok(())
}

/// The report.
pub(super) fn print(outcome: &Outcome) {
    // A reader who went away does not change the verdict.
    let _ = stdout().write_all(text(outcome, stdout().is_terminal()).as_bytes());
}

fn text(outcome: &Outcome, colour: bool) -> String {
    let mut out = String::from("\n");
    groups(&mut out, outcome);
    timeline(&mut out, outcome);
    felt(&mut out, outcome);
    let (code, verdict) = if outcome.held() {
        (32, "HELD: nobody was dropped, nobody had to log in again.")
    } else {
        (31, "DID NOT HOLD: see above.")
    };
    let _ = if colour { writeln!(out, "\x1b[1;{code}m{verdict}\x1b[0m") } else { writeln!(out, "{verdict}") };
    out
}

fn groups(out: &mut String, outcome: &Outcome) {
    let maps = |maps: &[String]| maps.join(", ");
    let rows = outcome.groups.iter();
    let wide = |min: usize, lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0).max(min);
    let name = wide(9, &mut rows.clone().map(|group| group.name.len()));
    let map = wide(4, &mut rows.clone().map(|group| maps(&group.maps).len()));
    let host = wide(8, &mut rows.clone().flat_map(|group| [group.before.len(), group.after.len()]));
    let _ = writeln!(out, "{:<name$}  {:<map$}  {:<host$}  after", "map group", "maps", "before");
    for group in rows {
        let moved = if group.before == group.after { "" } else { "  <- moved" };
        let (maps, before, after) = (maps(&group.maps), &group.before, &group.after);
        let line = format!("{:<name$}  {maps:<map$}  {before:<host$}  {after:<host$}{moved}", group.name);
        let _ = writeln!(out, "{}", line.trim_end());
    }
}

fn timeline(out: &mut String, outcome: &Outcome) {
    let story = &outcome.story;
    let players = if story.affected == 1 { "player" } else { "players" };
    let _ = writeln!(out, "\n{} was killed with {} {players} on its maps.", story.victim, story.affected);
    let _ = writeln!(out, "Silence until it was noticed, then each step since that moment, in ms:");
    let longest = outcome.steps.iter().filter_map(|step| step.ms).fold(1.0, f64::max);
    for step in &outcome.steps {
        let Some(ms) = step.ms else {
            let _ = writeln!(out, "  {:<10}  did not end", step.name);
            continue;
        };
        let columns = (ms / longest * BAR).ceil();
        let bar: String = std::iter::successors(Some(1.0), |at| Some(at + 1.0))
            .take_while(|at| *at <= columns)
            .map(|_| '=')
            .collect();
        let line = format!("  {:<10} {ms:>9.1}  {bar}", step.name);
        let _ = writeln!(out, "{}", line.trim_end());
    }
}

fn felt(out: &mut String, outcome: &Outcome) {
    let story = &outcome.story;
    let _ = writeln!(out, "\nWhat these players felt, in ms:           p50       p99       max");
    let mut row = |what: &str, of: &Percentiles| {
        let _ = writeln!(out, "  {what:<32} {:>9.1} {:>9.1} {:>9.1}", of.p50, of.p99, of.max);
    };
    row("silence, last to first packet", &outcome.gap_ms);
    row("kill to first packet", &story.kill_to_packet_ms);
    row("detection to redirect sent", &outcome.redirect_ms);
    let _ = writeln!(out, "  ({TARGETS})");
    let _ = writeln!(
        out,
        "\n{} players, {} walks through a warp to another host before the kill, {} dropped, {} logins repeated.",
        outcome.players, story.crossings, outcome.dropped, outcome.relogins
    );
    for missing in &story.missing {
        let _ = writeln!(out, "  not back: {missing}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::outcome::{GroupOutcome, Story};
    use crate::harness::Step;

    fn outcome(dropped: usize) -> Outcome {
        let step = |name: &str, ms| Step { name: name.into(), ms };
        let steps = vec![step("detect", Some(400.0)), step("redirect", Some(2.5)), step("verify", Some(31.0))];
        let group = |name: &str, before: &str, after: &str| GroupOutcome {
            maps: vec![format!("bf_{name}")],
            before: before.into(),
            after: after.into(),
            name: name.into(),
        };
        let gap_ms = Percentiles::of([410.0, 480.25]);
        Outcome {
            players: 20,
            dropped,
            relogins: 0,
            redirect_ms: Percentiles::of([2.5]),
            gap_ms,
            steps,
            groups: vec![group("town", "fallback", "fallback"), group("meadow", "host-1", "host-2")],
            story: Story {
                victim: "host-1".into(),
                affected: 8,
                crossings: 30,
                kill_to_packet_ms: gap_ms,
                missing: vec![],
            },
        }
    }

    #[test]
    fn the_report_says_who_moved_and_whether_it_held() {
        let text = text(&outcome(0), false);
        assert!(text.contains("meadow     bf_meadow  host-1    host-2    <- moved\n"), "{text}");
        assert!(text.contains("  detect         400.0  ========================================\n"), "{text}");
        assert!(text.ends_with("HELD: nobody was dropped, nobody had to log in again.\n"), "{text}");
        assert!(!text.contains('\x1b'), "no colour outside of terminals");
        assert!(super::text(&outcome(1), true).contains("\x1b[1;31mDID NOT HOLD"));
    }

    #[test]
    fn programs_get_exactly_the_promised_keys() {
        let value = serde_json::to_value(outcome(0)).expect("serialisable");
        let keys: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(keys, ["dropped", "gap_ms", "groups", "players", "redirect_ms", "relogins", "steps"]);
        assert_eq!(
            value["groups"][1],
            serde_json::json!({"maps": ["bf_meadow"], "before": "host-1", "after": "host-2"})
        );
        assert_eq!(value["steps"][0], serde_json::json!({"name": "detect", "ms": 400.0}));
        assert_eq!(value["gap_ms"], serde_json::json!({"p50": 410.0, "p99": 480.25, "max": 480.25}));
    }
}
