//! Quests and achievements: the char-server puts whatever comes in the place of what there was, and deletes the rest.

use std::collections::BTreeSet;

use bifrost_protocol::inter::{AchievementsSave, QuestsSave};

use super::asked::Asked;
use super::ruling::{Verdict, demand};

/// 0x3061, in a save. What may be in it, only the realm's quests could tell.
pub(super) fn quests(asked: &mut Asked<'_>) -> Verdict {
    let said: QuestsSave = asked.read()?;
    asked.character(said.character)?;
    let ids: BTreeSet<i32> = said.quests.0.iter().map(|quest| quest.id).collect();
    demand(ids.len() == said.quests.0.len(), "quest_twice", || "a quest stands twice".to_owned())?;
    for quest in &said.quests.0 {
        let legal = quest.id > 0 && quest.state <= 2 && quest.counts.0.iter().all(|count| *count >= 0);
        demand(legal, "quest", || format!("quest {} state {} counts {:?}", quest.id, quest.state, quest.counts.0))?;
    }
    asked.forward()
}

/// 0x3063, alone or in a save. A reward is what the char-server writes (0x3064), and only after completion.
pub(super) fn achievements(asked: &mut Asked<'_>) -> Verdict {
    let said: AchievementsSave = asked.read()?;
    asked.character(said.character)?;
    let ids: BTreeSet<i32> = said.achievements.0.iter().map(|found| found.id).collect();
    demand(ids.len() == said.achievements.0.len(), "achievement_twice", || "an achievement stands twice".to_owned())?;
    for found in &said.achievements.0 {
        let times = found.completed >= 0 && found.rewarded >= 0 && (found.rewarded == 0 || found.completed > 0);
        let legal = found.id > 0 && times && found.counts.0.iter().all(|count| *count >= 0);
        demand(legal, "achievement", || {
            format!("achievement {} completed {} rewarded {}", found.id, found.completed, found.rewarded)
        })?;
    }
    asked.forward()
}
