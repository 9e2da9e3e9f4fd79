//! Experience that levels take, by class (`JobDatabase::parseBodyNode`, pc.cpp; `e_job`, mmo.hpp).

use std::collections::{BTreeMap, BTreeSet};

use super::super::problem::{Note, RathenaError};
use super::database::Source;
use super::yaml::Value;

/// The database starts here and imports `job_exp.yml` among others.
const FILE: &str = "job_stats.yml";
const KIND: (&str, u64) = ("JOB_STATS", 4);
/// `MAX_LEVEL` (map.hpp).
const MAX_LEVEL: usize = 275;
/// Classes by name, as constants call them without `JOB_`, from a number on.
const CLASSES: [(u16, &str); 16] = [
    (
        0,
        "novice swordman mage archer acolyte merchant thief knight priest wizard blacksmith hunter assassin \
        knight2 crusader monk sage rogue alchemist bard dancer crusader2 wedding super_novice gunslinger ninja \
        xmas summer hanbok oktoberfest summer2",
    ),
    (
        4_001,
        "novice_high swordman_high mage_high archer_high acolyte_high merchant_high thief_high lord_knight \
        high_priest high_wizard whitesmith sniper assassin_cross lord_knight2 paladin champion professor stalker \
        creator clown gypsy paladin2 baby baby_swordman baby_mage baby_archer baby_acolyte baby_merchant \
        baby_thief baby_knight baby_priest baby_wizard baby_blacksmith baby_hunter baby_assassin baby_knight2 \
        baby_crusader baby_monk baby_sage baby_rogue baby_alchemist baby_bard baby_dancer baby_crusader2 \
        super_baby taekwon star_gladiator star_gladiator2 soul_linker gangsi death_knight dark_collector",
    ),
    (
        4_054,
        "rune_knight warlock ranger arch_bishop mechanic guillotine_cross rune_knight_t warlock_t ranger_t \
        arch_bishop_t mechanic_t guillotine_cross_t royal_guard sorcerer minstrel wanderer sura genetic \
        shadow_chaser royal_guard_t sorcerer_t minstrel_t wanderer_t sura_t genetic_t shadow_chaser_t \
        rune_knight2 rune_knight_t2 royal_guard2 royal_guard_t2 ranger2 ranger_t2 mechanic2 mechanic_t2",
    ),
    (
        4_096,
        "baby_rune_knight baby_warlock baby_ranger baby_arch_bishop baby_mechanic baby_guillotine_cross \
        baby_royal_guard baby_sorcerer baby_minstrel baby_wanderer baby_sura baby_genetic baby_shadow_chaser \
        baby_rune_knight2 baby_royal_guard2 baby_ranger2 baby_mechanic2",
    ),
    (4_190, "super_novice_e super_baby_e"),
    (4_211, "kagerou oboro"),
    (4_215, "rebellion"),
    (4_218, "summoner"),
    (4_220, "baby_summoner"),
    (
        4_222,
        "baby_ninja baby_kagerou baby_oboro baby_taekwon baby_star_gladiator baby_soul_linker baby_gunslinger \
        baby_rebellion",
    ),
    (
        4_238,
        "baby_star_gladiator2 star_emperor soul_reaper baby_star_emperor baby_soul_reaper star_emperor2 \
        baby_star_emperor2",
    ),
    (
        4_252,
        "dragon_knight meister shadow_cross arch_mage cardinal windhawk imperial_guard biolo abyss_chaser \
        elemental_master inquisitor troubadour trouvere",
    ),
    (4_278, "windhawk2 meister2 dragon_knight2 imperial_guard2"),
    (4_302, "sky_emperor soul_ascetic shinkiro shiranui night_watch hyper_novice spirit_handler"),
    (4_316, "sky_emperor2"),
    (
        4_331,
        "- rune_knight_2nd mechanic_2nd guillotine_cross_2nd warlock_2nd archbishop_2nd ranger_2nd royal_guard_2nd \
        genetic_2nd shadow_chaser_2nd sorcerer_2nd sura_2nd minstrel_2nd wanderer_2nd",
    ),
];

/// A class's tables.
#[derive(Clone, Debug)]
struct Class {
    /// What each level takes to the next, from level 1.
    base: Vec<u64>,
    job: Vec<u64>,
    max_base: usize,
    max_job: usize,
}

/// Experience from level 1 to each level, by class.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Levels {
    /// Base levels; index: level - 1.
    pub(super) base: BTreeMap<u16, Vec<u64>>,
    /// Job levels likewise.
    pub(super) job: BTreeMap<u16, Vec<u64>>,
}

/// Reads the database.
pub(super) fn read(source: &Source<'_>, notes: &mut Vec<Note>) -> Result<Levels, RathenaError> {
    let entries = source.entries(FILE, KIND, notes)?;
    let mut unknown = BTreeSet::new();
    let levels = levels(&entries, &mut unknown);
    if let Some(name) = unknown.first() {
        let text = format!("{FILE}: no class is called {name} ({} such names): nothing is known of it", unknown.len());
        notes.push(Note::general(text));
    }
    Ok(levels)
}

fn levels(entries: &[Value], unknown: &mut BTreeSet<String>) -> Levels {
    let mut classes = BTreeMap::<u16, Class>::new();
    for entry in entries {
        for (name, _) in entry.flags("Jobs") {
            match number(name) {
                Some(id) => classes.entry(id).or_default().take(entry),
                None => {
                    unknown.insert(name.to_owned());
                }
            }
        }
    }
    let mut levels = Levels::default();
    for (id, class) in classes {
        // Classes without a table, as the wedding dress, have no levels.
        if class.base.iter().any(|needed| *needed > 0) {
            levels.base.insert(id, sums(&class.base, class.max_base));
        }
        if class.job.iter().any(|needed| *needed > 0) {
            levels.job.insert(id, sums(&class.job, class.max_job));
        }
    }
    levels
}

/// The number of a class.
fn number(name: &str) -> Option<u16> {
    let mut known = CLASSES.into_iter().flat_map(|(first, names)| (first..).zip(names.split_whitespace()));
    // One has an older name, too (`Job_SuperNovice`, script_constants.hpp).
    let name = if name.eq_ignore_ascii_case("supernovice") { "super_novice" } else { name };
    known.find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(id, _)| id)
}

impl Default for Class {
    fn default() -> Self {
        Self { base: Vec::new(), job: Vec::new(), max_base: MAX_LEVEL, max_job: MAX_LEVEL }
    }
}

impl Class {
    fn take(&mut self, entry: &Value) {
        let max = |key: &str| {
            let found = usize::try_from(entry.number(key)?).unwrap_or(MAX_LEVEL);
            Some(if (1..=MAX_LEVEL).contains(&found) { found } else { MAX_LEVEL })
        };
        self.max_base = max("MaxBaseLevel").unwrap_or(self.max_base);
        self.max_job = max("MaxJobLevel").unwrap_or(self.max_job);
        for (key, table, max) in [("BaseExp", &mut self.base, self.max_base), ("JobExp", &mut self.job, self.max_job)] {
            for row in entry.list(key) {
                let level = row.number("Level").and_then(|level| usize::try_from(level).ok());
                let (Some(level), Some(needed)) = (level, row.number("Exp")) else { continue };
                if (1..=max).contains(&level) {
                    if table.len() < level {
                        table.resize(level, 0);
                    }
                    if let Some(place) = table.get_mut(level - 1) {
                        *place = needed;
                    }
                }
            }
        }
    }
}

/// From level 1 to each level: what all levels before take.
fn sums(table: &[u64], levels: usize) -> Vec<u64> {
    let mut sum = 0_u64;
    let mut sums = vec![0];
    for level in 1..levels {
        sum = sum.saturating_add(table.get(level - 1).copied().unwrap_or(0));
        sums.push(sum);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::super::yaml;
    use super::*;

    fn of(body: &str) -> (Levels, BTreeSet<String>) {
        let document = yaml::parse(&format!("Body:\n{body}")).expect("legal");
        let mut unknown = BTreeSet::new();
        let entries: Vec<_> = document.list("Body").cloned().collect();
        (levels(&entries, &mut unknown), unknown)
    }

    #[test]
    fn classes_are_told_by_name() {
        for (name, id) in [
            ("Novice", 0),
            ("Knight2", 13),
            ("Supernovice", 23),
            ("Super_Novice", 23),
            ("Summer2", 30),
            ("Novice_High", 4_001),
            ("Soul_Linker", 4_049),
            ("Rune_Knight", 4_054),
            ("Baby_Soul_Linker", 4_227),
            ("Windhawk", 4_257),
            ("Rune_Knight_2nd", 4_332),
        ] {
            assert_eq!(number(name), Some(id), "{name}");
        }
        assert_eq!(number("Gardener"), None);
    }

    #[test]
    fn levels_cost_what_those_before_them_take() {
        let (levels, unknown) = of(
            "  - Jobs:\n      Novice: true\n      Gardener: true\n    MaxBaseLevel: 4\n    BaseExp:\n      - {Level: 1, Exp: 10}\n      \
            - {Level: 2, Exp: 20}\n      - {Level: 3, Exp: 30}\n      - {Level: 4, Exp: 99}\n      - {Level: 5, Exp: 99}\n  \
            - Jobs:\n      Novice: true\n    MaxJobLevel: 2\n    JobExp:\n      - {Level: 1, Exp: 5}\n",
        );
        assert_eq!(levels.base, BTreeMap::from([(0, vec![0, 10, 30, 60])]));
        assert_eq!(levels.job, BTreeMap::from([(0, vec![0, 5])]));
        assert_eq!(unknown, BTreeSet::from(["Gardener".to_owned()]));
    }

    #[test]
    fn a_later_entry_changes_single_levels_and_the_end() {
        let (levels, _) = of(
            "  - Jobs:\n      Mage: true\n    MaxBaseLevel: 3\n    BaseExp:\n      - {Level: 1, Exp: 10}\n      - {Level: 2, Exp: 20}\n  \
            - Jobs:\n      Mage: true\n    MaxBaseLevel: 4\n    BaseExp:\n      - {Level: 1, Exp: 1}\n      - {Level: 3, Exp: 3}\n",
        );
        assert_eq!(levels.base[&2], [0, 1, 21, 24]);
        assert!(levels.job.is_empty());
    }
}
