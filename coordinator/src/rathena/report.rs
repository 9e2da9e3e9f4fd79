//! The proposal in short, for whoever ran the command.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bifrost_protocol::ids::MapName;

use super::{MAX_CELLS, MAX_MAPS, MAX_MONSTERS, Proposal, REASONS, Verdict};

/// Most notes that are shown one by one.
const MAX_NOTES: usize = 20;

impl Proposal {
    /// How many maps of each class and why, the groups, and what the operator should know.
    #[must_use]
    pub fn report(&self) -> String {
        let mut out = format!("{}: {} maps\n\n", self.root.display(), self.verdicts.len());
        let _ = write!(out, "{}", table(&self.verdicts));
        let (maps, monsters) =
            self.groups.iter().fold((0, 0), |sum, group| (sum.0 + group.maps.len(), sum.1 + group.load.monsters));
        let _ = writeln!(
            out,
            "\n{} groups with {maps} maps and {monsters} monsters; at most {MAX_MAPS} maps, {MAX_CELLS} cells and \
             {MAX_MONSTERS} monsters each",
            self.groups.len()
        );
        for group in self.groups.iter().filter(|group| group.is_too_large()) {
            let _ = writeln!(out, "{}: larger than that, but it cannot be cut", group.name);
        }
        if !self.notes.is_empty() {
            out.push('\n');
        }
        for note in self.notes.iter().take(MAX_NOTES) {
            let _ = writeln!(out, "note: {note}");
        }
        if self.notes.len() > MAX_NOTES {
            let _ = writeln!(out, "and {} more notes", self.notes.len() - MAX_NOTES);
        }
        out
    }
}

fn table(verdicts: &BTreeMap<MapName, Verdict>) -> String {
    let mut out = "maps  class     why\n".to_owned();
    for reason in REASONS {
        let count = verdicts.values().filter(|verdict| verdict.reason == reason).count();
        if count > 0 {
            let class = if reason.may_leave() { "eligible" } else { "critical" };
            let _ = writeln!(out, "{count:>4}  {class}  {}", reason.text());
        }
    }
    out
}

/// The table in one line.
pub(super) fn counts(verdicts: &BTreeMap<MapName, Verdict>) -> String {
    if verdicts.is_empty() {
        return "its map-server loads none".to_owned();
    }
    let count = |reason| verdicts.values().filter(|verdict| verdict.reason == reason).count();
    let counts: Vec<_> = REASONS
        .into_iter()
        .filter(|reason| count(*reason) > 0)
        .map(|reason| format!("{} {}", count(reason), reason.text()))
        .collect();
    counts.join("; ")
}
