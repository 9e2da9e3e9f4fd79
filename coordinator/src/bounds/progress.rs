//! Levels, experience and points of a character, and what it gained of them from one state to the next.

use bifrost_protocol::layout::{CharacterImage, CharacterStatus};

use super::commodity::Commodity;
use super::facts::Economy;
use super::limits::points_of_level;

/// How far a character is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Progress {
    class: u16,
    base_level: u32,
    base_exp: u64,
    job_level: u32,
    job_exp: u64,
    /// Points for stats, those that were spent included.
    status_points: u64,
    /// Points for skills, those that were spent included.
    skill_points: u64,
}

/// Classes that differ by their player's sex only: a change between them keeps the job level.
const PAIRS: [(u16, u16); 3] = [(19, 20), (4_020, 4_021), (4_042, 4_043)];
/// Rogue, stalker, and the child's.
const ROGUES: [u16; 3] = [17, 4_018, 4_040];
/// What a level counts in a class that has no table: nobody gets one there.
const NO_TABLE: u64 = 1 << 40;

impl Progress {
    pub(super) fn of(image: &CharacterImage) -> Self {
        let status = image.view();
        let stats = [status.str, status.agi, status.vit, status.int, status.dex, status.luk];
        let spent: u64 = stats.into_iter().map(spent_on).sum();
        Self {
            class: u16::try_from(status.class).unwrap_or_default(),
            base_level: status.base_level,
            base_exp: status.base_exp,
            job_level: status.job_level,
            job_exp: status.job_exp,
            status_points: spent + u64::from(status.status_point),
            skill_points: learned(image) + u64::from(status.skill_point),
        }
    }

    /// Whether it can steal zeny (`RG_STEALCOIN`).
    pub(super) fn is_rogue(&self) -> bool {
        ROGUES.contains(&self.class)
    }

    /// What was gained since.
    pub(super) fn gained_since(&self, before: &Self, economy: &Economy) -> Vec<(Commodity, u64)> {
        let table = |tables: &std::collections::BTreeMap<u16, Vec<u64>>| tables.get(&self.class).cloned();
        let (base, job) = (table(&economy.base_levels), table(&economy.job_levels));
        let reborn = self.class != before.class && self.base_level < before.base_level;
        // Held against the table of the class it is now: a new class may need more for the same level.
        let base_before = if reborn { 0 } else { total(base.as_deref(), before.base_level, before.base_exp) };
        let base_gain = total(base.as_deref(), self.base_level, self.base_exp).saturating_sub(base_before);
        let pair = PAIRS.contains(&(self.class, before.class)) || PAIRS.contains(&(before.class, self.class));
        // A new class starts at job level 1.
        let afresh = self.class != before.class && !pair;
        let job_before = if afresh { 0 } else { total(job.as_deref(), before.job_level, before.job_exp) };
        let job_gain = total(job.as_deref(), self.job_level, self.job_exp).saturating_sub(job_before);
        let levels = before.base_level..self.base_level.min(before.base_level.saturating_add(MAX_LEVELS));
        let points = levels.map(points_of_level).sum::<u64>();
        let skills = if afresh {
            self.job_level - self.job_level.min(1)
        } else {
            self.job_level.saturating_sub(before.job_level)
        };
        let beyond = |now: u64, then: u64, due: u64| now.saturating_sub(then.saturating_add(due));
        let gained = [
            (Commodity::BaseExperience, base_gain),
            (Commodity::JobExperience, job_gain),
            (Commodity::StatusPoints, beyond(self.status_points, before.status_points, points)),
            (Commodity::SkillPoints, beyond(self.skill_points, before.skill_points, skills.into())),
        ];
        gained.into_iter().filter(|(_, amount)| *amount > 0).collect()
    }

    /// Experience of one level, where it is now.
    pub(super) fn of_a_level(&self, commodity: Commodity, economy: &Economy) -> u64 {
        let job = commodity == Commodity::JobExperience;
        let tables = if job { &economy.job_levels } else { &economy.base_levels };
        let level = if job { self.job_level } else { self.base_level };
        let table = tables.get(&self.class).map(Vec::as_slice);
        total(table, level, 0).saturating_sub(total(table, level.saturating_sub(1).max(1), 0)).max(1)
    }
}

/// Levels of one save for which points are counted.
const MAX_LEVELS: u32 = 255;

/// Experience from level 1 on.
fn total(table: Option<&[u64]>, level: u32, over: u64) -> u64 {
    let place = usize::try_from(level.saturating_sub(1)).unwrap_or(usize::MAX);
    let reached = match table {
        Some(table) => table.get(place).or(table.last()).copied().unwrap_or_default(),
        None => u64::from(level.saturating_sub(1)).saturating_mul(NO_TABLE),
    };
    reached.saturating_add(over)
}

/// Status points a stat has cost (`PC_STATUS_POINT_COST`, pc.cpp, pre-renewal: 1 + (stat + 9) / 10 for the next one).
fn spent_on(stat: u16) -> u64 {
    (1..u64::from(stat)).map(|stat| 1 + stat.div_ceil(10)).sum()
}

/// Levels of the skills that were learned: neither lent by an item, nor copied, nor granted by a script. The flag of one that
/// is lent at a higher level holds the learned one (`SKILL_FLAG_REPLACED_LV_0`, mmo.hpp).
fn learned(image: &CharacterImage) -> u64 {
    const REPLACED: u8 = 10;
    let skills = CharacterStatus::DESCRIPTOR.slice(image.as_bytes(), "skill").unwrap_or_default();
    let (skills, _) = skills.as_chunks::<4>();
    let level = |[low, high, level, flag]: &[u8; 4]| match (u16::from_le_bytes([*low, *high]), *flag) {
        (0, _) => 0,
        (_, 0) => u64::from(*level),
        (_, flag) => u64::from(flag.saturating_sub(REPLACED)),
    };
    skills.iter().map(level).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn economy() -> Economy {
        let table = vec![0, 100, 300, 600];
        let tables = || [(0, table.clone()), (1, table.clone()), (19, table.clone()), (20, table.clone())].into();
        Economy { base_levels: tables(), job_levels: tables(), ..Economy::default() }
    }

    fn at(class: u16, base: (u32, u64), job: (u32, u64)) -> Progress {
        Progress {
            class,
            base_level: base.0,
            base_exp: base.1,
            job_level: job.0,
            job_exp: job.1,
            ..Progress::default()
        }
    }

    #[test]
    fn a_level_counts_as_the_experience_it_takes() {
        let before = at(0, (1, 90), (1, 0));
        let gained = at(0, (3, 5), (1, 0)).gained_since(&before, &economy());
        assert_eq!(gained, [(Commodity::BaseExperience, 300 + 5 - 90)]);
        assert!(at(0, (1, 0), (1, 0)).gained_since(&before, &economy()).is_empty(), "who dies loses some");
    }

    #[test]
    fn a_new_class_starts_with_nothing_and_a_change_of_sex_with_what_there_was() {
        let before = at(0, (3, 0), (4, 0));
        assert!(at(1, (3, 0), (1, 0)).gained_since(&before, &economy()).is_empty());
        let gained = at(1, (3, 0), (4, 0)).gained_since(&before, &economy());
        assert_eq!(gained, [(Commodity::JobExperience, 600)]);
        assert!(at(20, (3, 0), (4, 0)).gained_since(&at(19, (3, 0), (4, 0)), &economy()).is_empty());
    }

    #[test]
    fn a_level_in_a_class_without_a_table_is_beyond_everything() {
        let gained = at(4_008, (2, 0), (1, 0)).gained_since(&at(4_008, (1, 0), (1, 0)), &economy());
        assert_eq!(gained, [(Commodity::BaseExperience, NO_TABLE)]);
    }

    #[test]
    fn points_come_with_levels_and_spending_them_changes_nothing() {
        let before = Progress { status_points: 48, skill_points: 3, ..at(0, (1, 0), (1, 0)) };
        let levelled = Progress { status_points: 51, skill_points: 4, ..at(0, (2, 0), (2, 0)) };
        let points = |gained: Vec<(Commodity, u64)>| {
            gained
                .into_iter()
                .filter(|(of, _)| matches!(of, Commodity::StatusPoints | Commodity::SkillPoints))
                .collect::<Vec<_>>()
        };
        assert!(points(levelled.gained_since(&before, &economy())).is_empty());
        let forged = Progress { status_points: 1_273, skill_points: 53, ..before };
        let gained = points(forged.gained_since(&before, &economy()));
        assert_eq!(gained, [(Commodity::StatusPoints, 1_225), (Commodity::SkillPoints, 50)]);
        assert_eq!(
            (spent_on(1), spent_on(2), spent_on(11), spent_on(12)),
            (0, 2, 20, 23),
            "as the game's table has it"
        );
    }
}
