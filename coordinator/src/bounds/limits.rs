//! The numbers of this layer that are not for the operator to set. `docs/bounds.md` explains them.

use std::time::Duration;

/// Two saves of one player are no further apart: nodes set `autosave_time` to one second and `minsave_time` to 10 ms, and the
/// main loop's grain is 20 ms (`pc_autosave`), so that 500 players take ten seconds, and a busy line some more.
const AUTOSAVE: Duration = Duration::from_secs(15);
/// How long a gain may wait for the save that shows where it came from.
pub(super) const GRACE: Duration = Duration::from_secs(2 * AUTOSAVE.as_secs());
/// The longest wait when somebody on the group is not saved at all.
pub(super) const LONGEST_GRACE: Duration = Duration::from_secs(4 * GRACE.as_secs());
/// How long what one loses may turn up at another: it lies on the ground for a minute (`flooritem_lifetime`), and may be
/// dropped again before any save tells who had it.
pub(super) const CREDIT: Duration = Duration::from_mins(10);
/// Losses within this time are kept as one.
pub(super) const CREDIT_GRAIN: Duration = Duration::from_secs(10);
/// How late a save may tell what was hunted.
pub(super) const REPORT: Duration = Duration::from_secs(60 + AUTOSAVE.as_secs());

/// Honest play exceeds what a meter allows on one day with less than this chance.
pub(super) const CHANCE: f64 = 1e-9;

/// The account group (`groups.yml`) from which players can make items by command.
pub(super) const MASTER_GROUP: u32 = 99;

/// What one of several may be made into, when several lie in one place and are next to worthless: arrows out of a quiver.
pub(super) const MADE_OF_CHEAP: f64 = 1_000.0;
/// What one may be made into, when several lie in one place: a box of potions.
pub(super) const MADE_OF: f64 = 50.0;
/// What an NPC pays at most for what is next to worthless, in zeny.
pub(super) const CHEAP: u32 = 10;

/// Items of each kind that scripts name, an hour and group.
pub(super) const SCRIPTED_ITEMS: f64 = 200.0;
/// Items that scripts give without naming them, an hour and group, all kinds together.
pub(super) const SCRIPTED_ANY: f64 = 100.0;
/// Zeny that scripts give, an hour and group.
pub(super) const SCRIPTED_ZENY: f64 = 1_000_000.0;
/// Levels' worth of experience that scripts give, an hour and group.
pub(super) const SCRIPTED_LEVELS: f64 = 20.0;
/// Points for skills and stats beyond those of levels, an hour and group: skills from quests.
pub(super) const QUEST_POINTS: f64 = 24.0;

/// Status points of a level, at most: three times those of rAthena's table (`statpoint.yml`: (level + 14) / 5).
pub(super) fn points_of_level(level: u32) -> u64 {
    3 * u64::from(level.saturating_add(14) / 5)
}

/// A grave finding is worth as much in zeny, or as much experience.
pub(super) const GRAVE_VALUE: f64 = 1_000_000.0;
/// And so many times what was possible.
pub(super) const GRAVE_TIMES: f64 = 10.0;
/// What a card counts.
pub(super) const CARD_VALUE: f64 = 1_000_000.0;
/// What one refinement counts.
pub(super) const REFINE_VALUE: f64 = 100_000.0;
/// What a point for stats or skills counts.
pub(super) const POINT_VALUE: f64 = 20_000.0;
/// Players pay more than NPCs do.
pub(super) const PLAYERS_PAY: f64 = 5.0;

/// Debts of one group that are waited for; further ones are findings at once.
pub(super) const MAX_DEBTS: usize = 1_024;
/// Commodities whose losses are remembered on one group; further losses pay for nothing.
pub(super) const MAX_CREDITS: usize = 8_192;
/// Commodities that one group has given lately.
pub(super) const MAX_METERS: usize = 8_192;
