//! `mob_db`: what killing one gives, by the realm's rates (`MobDatabase::parseBodyNode`, `mob_drop_ratio_adjust`, `mob_dead`,
//! mob.cpp).

use std::collections::{BTreeMap, HashMap};

use super::super::problem::{Note, RathenaError};
use super::battle::Battle;
use super::database::Source;
use super::items::{Items, Sort};
use super::yaml::Value;
use crate::bounds::facts::ItemId;

const FILE: &str = "mob_db.yml";
const KIND: (&str, u64) = ("MOB_DB", 5);
/// `mob_item_ratio.yml`: rates of single items.
const RATIOS: (&str, (&str, u64)) = ("mob_item_ratio.yml", ("MOB_ITEM_RATIO_DB", 1));
/// Most drops of a monster, and of an MVP (`MAX_MOB_DROP`, `MAX_MVP_DROP`, mob.hpp).
const MAX_DROPS: [usize; 2] = [10, 3];
/// What a drop's chance is out of.
const CERTAIN: f64 = 10_000.0;
/// The most luck a killer may have, for realms where it matters (`drops_by_luk`): 130 of its own and 125 by clothes.
const MAX_LUCK: f64 = 255.0;
/// `MAX_EXP` is beyond every monster.
const MAX_EXPERIENCE: f64 = 1e15;

/// A monster's number in `mob_db`.
pub(super) type MonsterId = u32;

/// How long it takes to come back, next to its spawn's delay (`mob_setdelayspawn`, mob.cpp).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Temper {
    /// Immune to changes of its state: `boss_spawn_delay`.
    Boss,
    /// Plants: `plant_spawn_delay`.
    Plant,
    /// Everything else: `mob_spawn_delay`.
    Normal,
}

/// A monster as the database says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Monster {
    /// `AegisName`.
    pub(super) name: String,
    pub(super) level: u32,
    base: f64,
    job: f64,
    mvp: f64,
    /// `Class`, lower case.
    class: String,
    /// `Modes` that are set, lower case.
    modes: Vec<String>,
    /// In the race group of treasure chests.
    treasure: bool,
    drops: Vec<(ItemId, u32)>,
    mvp_drops: Vec<(ItemId, u32)>,
}

/// What one kill gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Kill {
    /// Base experience.
    pub(super) base: f64,
    /// Job experience.
    pub(super) job: f64,
    /// Zeny that falls.
    pub(super) zeny: f64,
    /// Zeny that a rogue may take from it.
    pub(super) purse: f64,
    /// Items: how many are to be expected.
    pub(super) items: Vec<(ItemId, f64)>,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Monsters {
    /// By number.
    pub(super) by_id: BTreeMap<MonsterId, Monster>,
    /// Numbers by name, lower case.
    names: HashMap<String, MonsterId>,
    /// Rates of single items: from all monsters, or from those listed.
    ratios: BTreeMap<ItemId, (u32, Vec<MonsterId>)>,
}

/// Reads the databases.
pub(super) fn read(source: &Source<'_>, items: &Items, notes: &mut Vec<Note>) -> Result<Monsters, RathenaError> {
    let mut monsters = Monsters::default();
    for entry in source.entries(FILE, KIND, notes)? {
        monsters.add(&entry, items);
    }
    for entry in source.entries(RATIOS.0, RATIOS.1, notes)? {
        monsters.add_ratio(&entry, items);
    }
    Ok(monsters)
}

impl Monsters {
    /// The number of a monster by its name, or by its number.
    pub(super) fn id(&self, name: &str) -> Option<MonsterId> {
        match name.trim().parse::<MonsterId>() {
            Ok(id) => Some(id).filter(|id| self.by_id.contains_key(id)),
            Err(_) => self.names.get(&name.trim().to_ascii_lowercase()).copied(),
        }
    }

    pub(super) fn add(&mut self, entry: &Value, items: &Items) {
        let Some(id) = entry.number("Id").and_then(|id| MonsterId::try_from(id).ok()) else { return };
        let name = entry.text("AegisName");
        if name.is_none() && !self.by_id.contains_key(&id) {
            return;
        }
        let monster = self.by_id.entry(id).or_insert_with(|| Monster { level: 1, ..Monster::default() });
        if let Some(name) = name {
            self.names.remove(&monster.name.to_ascii_lowercase());
            self.names.insert(name.to_ascii_lowercase(), id);
            name.clone_into(&mut monster.name);
        }
        monster.take(entry, items);
    }

    fn add_ratio(&mut self, entry: &Value, items: &Items) {
        let item = entry.text("Item").and_then(|name| items.id(name));
        let (Some(item), Some(ratio)) = (item, entry.number("Ratio").and_then(|ratio| u32::try_from(ratio).ok()))
        else {
            return;
        };
        let only = entry.flags("List").filter(|(_, set)| *set).filter_map(|(name, _)| self.id(name)).collect();
        self.ratios.insert(item, (ratio, only));
    }

    /// What killing one gives.
    pub(super) fn kill(&self, id: MonsterId, items: &Items, battle: &Battle) -> Kill {
        let Some(monster) = self.by_id.get(&id) else { return Kill::default() };
        // A large one may count twice (`mob_size_influence`).
        let size = if battle.is_on("mob_size_influence") { 2.0 } else { 1.0 };
        let experience = |of: f64, rate: &str| (of * battle.factor(rate)).floor().min(MAX_EXPERIENCE) * size;
        let mvp = if monster.is_mvp() { experience(monster.mvp, "mvp_exp_rate") / size } else { 0.0 };
        let mut found = BTreeMap::<ItemId, f64>::new();
        for (item, rate) in &monster.drops {
            *found.entry(*item).or_default() += self.dropped(id, monster, *item, *rate, items, battle);
        }
        for (item, chance) in self.mvp_drops(id, monster, battle) {
            *found.entry(item).or_default() += chance;
        }
        let level = f64::from(monster.level);
        let robbed = monster.temper() == Temper::Boss || monster.treasure;
        Kill {
            base: experience(monster.base, "base_exp_rate") + mvp,
            job: experience(monster.job, "job_exp_rate"),
            zeny: if battle.is_on("zeny_from_mobs") { monster.zeny() } else { 0.0 },
            // `pc_steal_coin` (pc.cpp): eight times its level and up to twice more, once from each.
            purse: if robbed { 0.0 } else { 10.0 * level },
            items: found.into_iter().filter(|(_, chance)| *chance > 0.0).collect(),
        }
    }

    /// How many of a drop are to be expected: 0 to 1.
    fn dropped(
        &self,
        id: MonsterId,
        monster: &Monster,
        item: ItemId,
        rate: u32,
        items: &Items,
        battle: &Battle,
    ) -> f64 {
        if rate == 0 {
            return 0.0;
        }
        let raised = battle.is_on("drop_rateincrease") && rate < 5_000;
        let sort = items.by_id.get(&item).map_or(Sort::Common, |item| item.sort);
        let word = match sort {
            Sort::Heal => "heal",
            Sort::Use => "use",
            Sort::Equip => "equip",
            Sort::Card => "card",
            Sort::Common => "common",
        };
        let (key, bounds) = if monster.treasure {
            ("item_rate_treasure".to_owned(), "treasure")
        } else if monster.is_mvp() {
            (format!("item_rate_{word}_mvp"), word)
        } else if monster.class == "boss" {
            (format!("item_rate_{word}_boss"), word)
        } else {
            (format!("item_rate_{word}"), word)
        };
        let adjust = self.ratio(id, item).unwrap_or_else(|| battle.real(&key));
        if adjust == 0.0 {
            return 0.0;
        }
        let rate = adjusted(f64::from(rate) + f64::from(u8::from(raised)), adjust, bounds, battle);
        let least = if battle.is_on("drop_rate0item") { 0.0 } else { 1.0 };
        (with_luck(rate, battle).clamp(least, CERTAIN) / CERTAIN).min(1.0)
    }

    /// What is given to who did most; one item at most, unless the realm gives all (`mob_dead`).
    fn mvp_drops(&self, id: MonsterId, monster: &Monster, battle: &Battle) -> Vec<(ItemId, f64)> {
        if !monster.is_mvp() {
            return Vec::new();
        }
        let least = if battle.is_on("drop_rate0item") { 0.0 } else { 1.0 };
        let chance = |(item, rate): &(ItemId, u32)| {
            let adjust = self.ratio(id, *item).unwrap_or_else(|| battle.real("item_rate_mvp"));
            if *rate == 0 || adjust == 0.0 {
                return (*item, 0.0);
            }
            (*item, adjusted(f64::from(*rate), adjust, "mvp", battle).max(least) / CERTAIN)
        };
        let mut drops: Vec<_> = monster.mvp_drops.iter().map(chance).collect();
        // In turn, and what comes first leaves nothing for the rest. In random order each is as likely as it says, at most.
        if battle.get("item_drop_mvp_mode") == 0 {
            let mut left = 1.0;
            for (_, chance) in &mut drops {
                let taken = left * *chance;
                left -= taken;
                *chance = taken;
            }
        }
        drops
    }

    fn ratio(&self, monster: MonsterId, item: ItemId) -> Option<f64> {
        let (ratio, only) = self.ratios.get(&item)?;
        (only.is_empty() || only.contains(&monster)).then(|| f64::from(*ratio))
    }
}

/// `mob_drop_adjust` (mob.cpp): the realm's rate over the database's, out of 10,000.
fn adjusted(rate: f64, adjust: f64, bounds: &str, battle: &Battle) -> f64 {
    let adjusted = if battle.is_on("item_logarithmic_drops") && (adjust - 100.0).abs() > f64::EPSILON {
        rate * (5.0 - rate.log10()).powf((adjust / 100.0).ln() / 5.0_f64.ln()) + 0.5
    } else {
        rate * adjust / 100.0
    };
    let bound = |end: &str| battle.real(&format!("item_drop_{bounds}_{end}"));
    let (least, greatest) = (bound("min"), bound("max"));
    // In the order of the macro `cap_value`.
    if adjusted >= greatest { greatest } else { adjusted.max(least).floor() }
}

/// What luck adds (`mob_getdroprate`).
fn with_luck(rate: f64, battle: &Battle) -> f64 {
    let fixed = rate + (MAX_LUCK * battle.real("drops_by_luk") / 100.0).floor();
    fixed + (fixed * MAX_LUCK * battle.real("drops_by_luk2") / CERTAIN + 0.5).floor()
}

impl Monster {
    fn take(&mut self, entry: &Value, items: &Items) {
        if let Some(level) = entry.number("Level").and_then(|level| u32::try_from(level).ok()) {
            self.level = level.max(1);
        }
        let experience = [("BaseExp", &mut self.base), ("JobExp", &mut self.job), ("MvpExp", &mut self.mvp)];
        for (key, value) in experience {
            if let Some(found) = entry.number(key) {
                *value = f64::from(u32::try_from(found).unwrap_or(u32::MAX));
            }
        }
        if let Some(class) = entry.text("Class") {
            self.class = class.to_ascii_lowercase();
        }
        for (mode, on) in entry.flags("Modes") {
            let mode = mode.to_ascii_lowercase();
            self.modes.retain(|known| *known != mode);
            if on {
                self.modes.push(mode);
            }
        }
        if let Some((_, treasure)) = entry.flags("RaceGroups").find(|(group, _)| group.eq_ignore_ascii_case("treasure"))
        {
            self.treasure = treasure;
        }
        take_drops(&mut self.drops, entry, "Drops", MAX_DROPS[0], items);
        take_drops(&mut self.mvp_drops, entry, "MvpDrops", MAX_DROPS[1], items);
    }

    /// `BOSSTYPE_MVP`.
    pub(super) fn is_mvp(&self) -> bool {
        self.has("mvp")
    }

    fn has(&self, mode: &str) -> bool {
        self.modes.iter().any(|known| known == mode)
    }

    /// `MobDatabase::loadingFinished`: some classes are immune.
    pub(super) fn temper(&self) -> Temper {
        if self.has("statusimmune") || ["boss", "guardian", "battlefield"].contains(&self.class.as_str()) {
            return Temper::Boss;
        }
        let plant = ["ignoremelee", "ignoremagic", "ignoreranged", "ignoremisc"].iter().any(|mode| self.has(mode));
        if plant { Temper::Plant } else { Temper::Normal }
    }

    /// `zeny_from_mobs`: its level and as much again, and an MVP's up to 249 times.
    fn zeny(&self) -> f64 {
        let most = f64::from(self.level) * 2.0 - 1.0;
        if self.is_mvp() { most * 249.0 } else { most }
    }
}

/// `MobDatabase::parseDropNode`: drops are added, or take the place that is named.
fn take_drops(drops: &mut Vec<(ItemId, u32)>, entry: &Value, key: &str, max: usize, items: &Items) {
    for drop in entry.list(key) {
        let index = drop.number("Index").and_then(|index| usize::try_from(index).ok());
        let item = drop.text("Item").and_then(|name| items.id(name));
        let rate = drop.number("Rate").and_then(|rate| u32::try_from(rate).ok());
        let (Some(item), Some(rate)) = (item, rate.filter(|rate| *rate <= 10_000)) else { continue };
        let at = index.unwrap_or(drops.len());
        if at == drops.len() && at < max {
            drops.push((item, rate));
        } else if let Some(old) = drops.get_mut(at) {
            *old = (item, rate);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::items::tests::items;
    use super::super::yaml;
    use super::*;

    const ITEMS: &str = "  - {Id: 1, AegisName: Apple, Type: Healing}\n  - {Id: 2, AegisName: Card, Type: Card}\n  \
        - {Id: 3, AegisName: Bone, Type: Etc}\n  - {Id: 4, AegisName: Blade, Type: Weapon}\n";

    /// Monsters from the entries of a body.
    pub(in super::super) fn monsters(body: &str, items: &Items) -> Monsters {
        let document = yaml::parse(&format!("Body:\n{body}")).expect("legal");
        let mut monsters = Monsters::default();
        document.list("Body").for_each(|entry| monsters.add(entry, items));
        monsters
    }

    fn kill(body: &str, battle: &Battle) -> Kill {
        let items = items(ITEMS);
        monsters(&format!("  - Id: 9\n    AegisName: M\n{body}"), &items).kill(9, &items, battle)
    }

    fn chances(body: &str, settings: &[(&str, i64)]) -> Vec<(ItemId, f64)> {
        kill(body, &Battle::with(settings)).items
    }

    #[test]
    fn experience_follows_the_rates_and_an_mvps_own_is_base_experience() {
        let body = "    BaseExp: 105\n    JobExp: 21\n    MvpExp: 1000\n";
        let rates = Battle::with(&[("base_exp_rate", 150), ("job_exp_rate", 200), ("mvp_exp_rate", 300)]);
        let plain = kill(body, &rates);
        assert_eq!((plain.base, plain.job), (157.0, 42.0));
        let mvp = kill(&format!("{body}    Modes:\n      Mvp: true\n"), &rates);
        assert_eq!((mvp.base, mvp.job), (157.0 + 3_000.0, 42.0));
    }

    #[test]
    fn each_kind_of_item_has_its_rate_and_bounds() {
        let drops = "    Drops:\n      - {Item: Apple, Rate: 5500}\n      - {Item: card, Rate: 1}\n      - {Item: Bone, Rate: 7}\n      \
            - {Item: Gone, Rate: 7}\n";
        let rates = [("item_rate_heal", 300), ("item_rate_card", 0), ("item_drop_common_min", 50)];
        assert_eq!(chances(drops, &rates), [(1, 1.0), (3, 0.005)]);
        let boss = format!("{drops}    Class: Boss\n");
        assert_eq!(chances(&boss, &rates), [(1, 0.55), (2, 0.0001), (3, 0.005)], "a boss has rates of its own");
        let chest = format!("{drops}    RaceGroups:\n      Treasure: true\n");
        assert_eq!(chances(&chest, &[("item_rate_treasure", 1_000)])[2], (3, 0.007));
    }

    #[test]
    fn the_rate_may_be_logarithmic() {
        let settings = [("item_logarithmic_drops", 1), ("item_rate_common", 500)];
        // 10 * (5 - 1) ^ (ln 5 / ln 5) + 0.5
        assert_eq!(chances("    Drops:\n      - {Item: Bone, Rate: 10}\n", &settings), [(3, 0.004)]);
    }

    #[test]
    fn an_mvp_gives_one_of_its_prizes() {
        let body = "    Modes:\n      Mvp: true\n    MvpDrops:\n      - {Item: Bone, Rate: 5000}\n      - {Item: Blade, Rate: 5000}\n";
        assert_eq!(chances(body, &[]), [(3, 0.5), (4, 0.25)]);
        assert_eq!(chances(body, &[("item_drop_mvp_mode", 2)]), [(3, 0.5), (4, 0.5)]);
        assert!(chances(&body.replace("true", "false"), &[]).is_empty(), "no MVP, no prizes");
    }

    #[test]
    fn drops_of_a_later_entry_are_added_or_take_a_place() {
        let items = items(ITEMS);
        let body = "  - Id: 9\n    AegisName: M\n    Drops:\n      - {Item: Apple, Rate: 1}\n  - Id: 9\n    Drops:\n      \
            - {Item: Bone, Rate: 2}\n      - {Index: 0, Item: Blade, Rate: 3}\n      - {Index: 7, Item: Card, Rate: 4}\n";
        assert_eq!(monsters(body, &items).by_id[&9].drops, [(4, 3), (3, 2)]);
    }

    #[test]
    fn who_is_immune_waits_like_a_boss_and_has_no_purse() {
        let items = items(ITEMS);
        let temper = |body: &str| monsters(&format!("  - Id: 9\n    AegisName: M\n{body}"), &items).by_id[&9].temper();
        assert_eq!(temper("    Class: Guardian\n"), Temper::Boss);
        assert_eq!(temper("    Modes:\n      StatusImmune: true\n"), Temper::Boss);
        assert_eq!(temper("    Modes:\n      IgnoreMelee: true\n"), Temper::Plant);
        assert_eq!(temper(""), Temper::Normal);
        assert_eq!(kill("    Level: 30\n", &Battle::defaults()).purse, 300.0);
        assert_eq!(kill("    Level: 30\n    Class: Boss\n", &Battle::defaults()).purse, 0.0);
    }

    #[test]
    fn zeny_falls_where_the_realm_says_so() {
        assert_eq!(kill("    Level: 30\n", &Battle::defaults()).zeny, 0.0);
        assert_eq!(kill("    Level: 30\n", &Battle::with(&[("zeny_from_mobs", 1)])).zeny, 59.0);
    }
}
