//! Monsters that monsters make: slaves, and what they turn into (`mob_skill_db.txt`; `mobskill_use`, `mob_summonslave`,
//! `mob_class_change`, mob.cpp); monsters that branches make (`mob_summon.yml`).
//!
//! A bound, not an estimate: a master is taken to live as long as it can, to make slaves as often as its skills let it, and
//! all of them are killed. It is loose where nobody lets a master live, and for a monster that makes others however many it
//! has. What a slave's slaves make is followed [`MAX_STEPS`] deep.

use std::collections::{BTreeMap, BTreeSet};

use super::super::problem::{Note, RathenaError};
use super::battle::Battle;
use super::database::Source;
use super::monsters::{MonsterId, Monsters};
use crate::bounds::facts::Rate;

const SKILLS: &str = "mob_skill_db.txt";
const GROUPS: (&str, (&str, u64)) = ("mob_summon.yml", ("MOB_SUMMONABLE_DB", 1));
/// How deep what slaves make is followed.
const MAX_STEPS: usize = 3;
/// Most lines of the list. rAthena's has 5,400.
const MAX_LINES: usize = 1_000_000;
/// A monster looks at its skills once a second while it has nothing to do, else at each of its thoughts
/// (`MIN_MOBTHINKTIME`), in seconds.
const LOOKS: [f64; 2] = [1.0, 0.1];

/// What a skill does (e_skill, skill.hpp).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Does {
    /// `NPC_SUMMONSLAVE`, `NPC_SUMMONMONSTER`, `NPC_DEATHSUMMON`: makes as many as its level says.
    Makes,
    /// `NPC_METAMORPHOSIS`, `NPC_TRANSFORMATION`: turns into one, and makes the rest.
    Turns,
}

/// When.
#[derive(Clone, Copy, Debug, PartialEq)]
enum When {
    /// As it appears.
    Appears,
    /// As it dies.
    Dies,
    /// Again and again: seconds between two times, at least.
    Every(f64),
}

/// A skill that makes monsters.
#[derive(Clone, Debug, PartialEq)]
struct Skill {
    does: Does,
    when: When,
    /// Chance that it is used when it may be: 0 to 1.
    chance: f64,
    /// How many monsters.
    count: f64,
    /// Most slaves with which more are made; none: however many.
    limit: Option<f64>,
    /// Which, in turn.
    which: Vec<MonsterId>,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Summons {
    skills: BTreeMap<MonsterId, Vec<Skill>>,
    /// Monsters by the group they are drawn from, lower case.
    groups: BTreeMap<String, BTreeSet<MonsterId>>,
}

/// Reads the lists.
pub(super) fn read(
    source: &Source<'_>,
    monsters: &Monsters,
    battle: &Battle,
    notes: &mut Vec<Note>,
) -> Result<Summons, RathenaError> {
    let mut summons = Summons::default();
    for (path, text) in source.texts(SKILLS, notes)? {
        if text.lines().count() > MAX_LINES {
            return Err(RathenaError::TooMuch { path: source.root.join(path), max: MAX_LINES, what: "lines" });
        }
        text.lines().for_each(|line| summons.add_line(line, battle));
    }
    for entry in source.entries(GROUPS.0, GROUPS.1, notes)? {
        let Some(name) = entry.text("Group") else { continue };
        let group = summons.groups.entry(name.to_ascii_lowercase()).or_default();
        let drawn = entry.list("Summon").filter(|row| row.number("Rate") != Some(0)).filter_map(|row| row.text("Mob"));
        group.extend(drawn.chain(entry.text("Default")).filter_map(|name| monsters.id(name)));
    }
    Ok(summons)
}

impl Summons {
    /// Monsters that a group's draw may make.
    pub(super) fn group(&self, name: &str) -> impl Iterator<Item = MonsterId> {
        self.groups.get(name).into_iter().flatten().copied()
    }

    /// Every monster that is killed when `alive` of one kind come and go as `kills` says, itself first.
    pub(super) fn follow(&self, monster: MonsterId, kills: Rate, alive: f64) -> BTreeMap<MonsterId, Rate> {
        let mut found = BTreeMap::new();
        self.follow_to(monster, kills, alive, MAX_STEPS, &mut found);
        found
    }

    fn follow_to(
        &self,
        monster: MonsterId,
        kills: Rate,
        alive: f64,
        steps: usize,
        found: &mut BTreeMap<MonsterId, Rate>,
    ) {
        *found.entry(monster).or_default() += kills;
        let Some(steps) = steps.checked_sub(1) else { return };
        for skill in self.skills.get(&monster).into_iter().flatten() {
            let times = match skill.when {
                When::Appears | When::Dies => {
                    Rate { at_once: kills.at_once * skill.chance, per_second: kills.per_second * skill.chance }
                }
                // Each that comes may use it at once.
                When::Every(seconds) => Rate {
                    at_once: kills.at_once * skill.chance,
                    per_second: kills.per_second * skill.chance + alive / seconds,
                },
            };
            for (which, count) in skill.each() {
                let made = Rate { at_once: times.at_once * count, per_second: times.per_second * count };
                // As many slaves as it may have at once; without a limit, as many as it makes at a time.
                let slaves = alive * skill.limit.map_or(count, |limit| limit + count);
                self.follow_to(which, made, slaves, steps, found);
            }
        }
    }

    /// A line of the list (`mob_parse_row_mobskilldb`).
    fn add_line(&mut self, line: &str, battle: &Battle) {
        if line.starts_with("//") {
            return;
        }
        let columns: Vec<_> = line.split(',').map(str::trim).collect();
        // Negative numbers are for all monsters of a kind; rAthena has none that makes others.
        let Some(monster) = columns.first().and_then(|id| id.parse::<MonsterId>().ok()) else { return };
        if columns.get(1) == Some(&"clear") {
            self.skills.remove(&monster);
            return;
        }
        if let Some(skill) = skill(&columns, battle) {
            self.skills.entry(monster).or_default().push(skill);
        }
    }
}

fn skill(columns: &[&str], battle: &Battle) -> Option<Skill> {
    let number = |at: usize| columns.get(at).and_then(|text| text.parse::<u32>().ok());
    let does = match number(3)? {
        196 | 209 | 718 => Does::Makes,
        193 | 198 => Does::Turns,
        _ => return None,
    };
    let rate = f64::from(number(5)?) * battle.factor("mob_skill_rate");
    let chance = (rate.floor().max(1.0) / 10_000.0).min(1.0);
    let (casting, delay) = (f64::from(number(6).unwrap_or(0)), f64::from(number(7).unwrap_or(0)));
    let delay = delay * battle.factor("mob_skill_delay");
    let idle = ["idle", "walk"].contains(columns.get(2)?);
    let look = if idle { LOOKS[0] } else { LOOKS[1] };
    let when = match (*columns.get(2)?, *columns.get(10)?) {
        ("dead", _) => When::Dies,
        (_, "onspawn") => When::Appears,
        // Until it looks, and luck will have it, after the time it must wait.
        _ => When::Every(((casting + delay) / 1_000.0 + (1.0 / chance - 1.0) * look).max(look)),
    };
    let limit = match *columns.get(10)? {
        "slavele" => number(11).map(f64::from),
        "slavelt" => number(11).map(|limit| f64::from(limit) - 1.0),
        _ => None,
    };
    let which: Vec<_> = (12..17).map_while(|at| number(at).filter(|id| *id > 0)).collect();
    let count = f64::from(number(4).unwrap_or(1).max(1));
    (!which.is_empty()).then_some(Skill { does, when, chance, count, limit, which })
}

impl Skill {
    /// How many of each monster it makes at a time, at most or as is to be expected.
    fn each(&self) -> impl Iterator<Item = (MonsterId, f64)> + '_ {
        let kinds = u32::try_from(self.which.len()).map_or(1.0, f64::from);
        // One that turns is there already, and killed as what it is then; it is not made.
        let turned = if self.does == Does::Turns { 1.0 / kinds } else { 0.0 };
        let rest = if self.does == Does::Turns { self.count - 1.0 } else { self.count };
        // In turn from the first, when there are enough; else some of them.
        let made = if rest >= kinds { (rest / kinds).ceil() } else { rest / kinds };
        self.which.iter().map(move |which| (*which, made + turned))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summons(lines: &[&str]) -> Summons {
        let mut summons = Summons::default();
        lines.iter().for_each(|line| summons.add_line(line, &Battle::defaults()));
        summons
    }

    const KILLS: Rate = Rate { at_once: 2.0, per_second: 0.5 };

    #[test]
    fn a_master_makes_slaves_as_often_as_it_may() {
        let summons = summons(&["1,M@S,attack,196,5,10000,700,9300,no,self,slavele,3,7,,,,,,"]);
        let found = summons.follow(1, KILLS, 2.0);
        assert_eq!(found[&1], KILLS);
        assert_eq!(found[&7], Rate { at_once: 10.0, per_second: 2.5 + 2.0 * 5.0 / 10.0 });
    }

    #[test]
    fn some_slaves_come_with_each_master_or_after_it() {
        let summons = summons(&[
            "1,M@S,idle,196,4,10000,0,0,no,self,onspawn,0,7,8,,,,,",
            "1,M@S,dead,196,1,5000,0,0,no,self,always,0,9,,,,,,",
            "//1,M@S,dead,196,9,5000,0,0,no,self,always,0,9,,,,,,",
        ]);
        let found = summons.follow(1, KILLS, 2.0);
        assert_eq!(found[&7], Rate { at_once: 4.0, per_second: 1.0 });
        assert_eq!(found[&8], found[&7]);
        assert_eq!(found[&9], Rate { at_once: 1.0, per_second: 0.25 });
    }

    #[test]
    fn what_turns_into_another_is_killed_as_that() {
        let found = summons(&["1,M@T,idle,193,1,10,2000,5000,no,self,always,0,7,8,,,,,"]).follow(1, KILLS, 4.0);
        let seconds = 7.0 + 999.0;
        assert!((found[&7].per_second - (0.5 * 0.001 + 4.0 / seconds) / 2.0).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn slaves_of_slaves_end_somewhere() {
        let circle = summons(&["1,M@S,idle,196,2,10000,0,1000,no,self,always,0,1,,,,,,"]);
        let found = circle.follow(1, KILLS, 2.0);
        assert!(found[&1].at_once > 2.0 && found[&1].at_once.is_finite());
    }

    #[test]
    fn a_list_may_clear_what_was_before_and_other_skills_make_nothing() {
        let slaves = "1,M@S,idle,196,4,10000,0,0,no,self,onspawn,0,7,,,,,,";
        assert!(summons(&[slaves, "1,clear"]).skills.is_empty());
        assert!(summons(&["1,M@B,attack,28,4,10000,0,0,no,self,always,0,7,,,,,,", "x", "", "1,2"]).skills.is_empty());
    }
}
