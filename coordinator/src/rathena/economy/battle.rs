//! The realm's rates: what `conf/battle/*.conf` and the operator's own say (`battle_config_read`, `battle_data`,
//! battle.cpp).

use std::path::Path;

use super::super::conf::{self, Dialect};
use super::super::problem::{Note, RathenaError};

const FILE: &str = "conf/battle_athena.conf";
/// What a map-server knows of these, with its default, least and greatest value (`battle_data`, battle.cpp).
const SETTINGS: [(&str, i64, i64, i64); 51] = [
    ("base_exp_rate", 100, 0, MOST),
    ("boss_spawn_delay", 100, 0, MOST),
    ("drop_rate0item", 0, 0, 1),
    ("drop_rateincrease", 0, 0, 1),
    ("drops_by_luk", 0, 0, MOST),
    ("drops_by_luk2", 0, 0, MOST),
    ("exp_bonus_attacker", 25, 0, MOST),
    ("exp_bonus_max_attacker", 12, 2, MOST),
    ("item_drop_add_max", 10_000, 1, 10_000),
    ("item_drop_add_min", 1, 0, 10_000),
    ("item_drop_card_max", 10_000, 1, 10_000),
    ("item_drop_card_min", 1, 0, 10_000),
    ("item_drop_common_max", 10_000, 1, 10_000),
    ("item_drop_common_min", 1, 0, 10_000),
    ("item_drop_equip_max", 10_000, 1, 10_000),
    ("item_drop_equip_min", 1, 0, 10_000),
    ("item_drop_heal_max", 10_000, 1, 10_000),
    ("item_drop_heal_min", 1, 0, 10_000),
    ("item_drop_mvp_max", 10_000, 1, 10_000),
    ("item_drop_mvp_min", 1, 0, 10_000),
    ("item_drop_mvp_mode", 0, 0, 2),
    ("item_drop_treasure_max", 10_000, 1, 10_000),
    ("item_drop_treasure_min", 1, 0, 10_000),
    ("item_drop_use_max", 10_000, 1, 10_000),
    ("item_drop_use_min", 1, 0, 10_000),
    ("item_group_drop_max", 10_000, 1, 10_000),
    ("item_group_drop_min", 1, 0, 10_000),
    ("item_group_rate", 100, 0, 1_000_000),
    ("item_logarithmic_drops", 0, 0, 1),
    ("item_rate_adddrop", 100, 0, 1_000_000),
    ("item_rate_card", 100, 0, 1_000_000),
    ("item_rate_card_boss", 100, 0, 1_000_000),
    ("item_rate_card_mvp", 100, 0, 1_000_000),
    ("item_rate_common", 100, 0, 1_000_000),
    ("item_rate_common_boss", 100, 0, 1_000_000),
    ("item_rate_common_mvp", 100, 0, 1_000_000),
    ("item_rate_equip", 100, 0, 1_000_000),
    ("item_rate_equip_boss", 100, 0, 1_000_000),
    ("item_rate_equip_mvp", 100, 0, 1_000_000),
    ("item_rate_heal", 100, 0, 1_000_000),
    ("item_rate_heal_boss", 100, 0, 1_000_000),
    ("item_rate_heal_mvp", 100, 0, 1_000_000),
    ("item_rate_mvp", 100, 0, 1_000_000),
    ("item_rate_treasure", 100, 0, 1_000_000),
    ("item_rate_use", 100, 0, 1_000_000),
    ("item_rate_use_boss", 100, 0, 1_000_000),
    ("item_rate_use_mvp", 100, 0, 1_000_000),
    ("job_exp_rate", 100, 0, MOST),
    ("min_shop_buy", 1, 0, MOST),
    ("min_shop_sell", 0, 0, MOST),
    ("mob_count_rate", 100, 0, MOST),
];
/// The same, for monsters' ways.
const MORE: [(&str, i64, i64, i64); 12] = [
    ("mob_respawn_time", 1_000, 1_000, MOST),
    ("mob_size_influence", 0, 0, 1),
    ("mob_skill_delay", 100, 0, MOST),
    ("mob_skill_rate", 100, 0, MOST),
    ("mob_spawn_delay", 100, 0, MOST),
    ("mobs_level_up", 0, 0, 1),
    ("mobs_level_up_exp_rate", 1, 1, MOST),
    ("mvp_exp_rate", 100, 0, MOST),
    ("party_even_share_bonus", 0, 0, MOST),
    ("plant_spawn_delay", 100, 0, MOST),
    ("quest_exp_rate", 100, 0, MOST),
    ("zeny_from_mobs", 0, 0, 1),
];
/// `INT_MAX`.
const MOST: i64 = 2_147_483_647;

/// What is set.
#[derive(Clone, Debug)]
pub(super) struct Battle {
    values: Vec<(&'static str, i64)>,
}

impl Battle {
    /// What a server without a file has.
    pub(super) fn defaults() -> Self {
        Self { values: SETTINGS.iter().chain(&MORE).map(|(key, value, ..)| (*key, *value)).collect() }
    }

    /// The value of a setting.
    pub(super) fn get(&self, key: &str) -> i64 {
        let found = self.values.iter().find(|(known, _)| *known == key);
        debug_assert!(found.is_some(), "{key} is in no table");
        found.map_or(0, |(_, value)| *value)
    }

    /// A setting as a factor: 100 is one.
    pub(super) fn factor(&self, key: &str) -> f64 {
        self.real(key) / 100.0
    }

    /// A setting as a real number.
    pub(super) fn real(&self, key: &str) -> f64 {
        i32::try_from(self.get(key)).map_or(0.0, f64::from)
    }

    /// Whether a switch is on.
    pub(super) fn is_on(&self, key: &str) -> bool {
        self.get(key) != 0
    }

    /// Sets a value as a server takes it: one outside the bounds is the default again.
    fn set(&mut self, key: &str, value: i64) -> Result<(), i64> {
        let known = SETTINGS.iter().chain(&MORE).find(|(known, ..)| *known == key);
        let Some((_, default, least, greatest)) = known else { return Ok(()) };
        let fits = (*least..=*greatest).contains(&value);
        if let Some((_, old)) = self.values.iter_mut().find(|(known, _)| *known == key) {
            *old = if fits { value } else { *default };
        }
        if fits { Ok(()) } else { Err(*default) }
    }

    #[cfg(test)]
    pub(super) fn with(settings: &[(&str, i64)]) -> Self {
        let mut battle = Self::defaults();
        for (key, value) in settings {
            battle.set(key, *value).expect("legal");
        }
        battle
    }
}

/// Reads what the servers read.
///
/// # Errors
/// The first file cannot be read, or an import is a circle.
pub(super) fn read(root: &Path, notes: &mut Vec<Note>) -> Result<Battle, RathenaError> {
    let mut battle = Battle::defaults();
    if !root.join(FILE).is_file() {
        notes.push(Note::general(format!("there is no {FILE}: rates are taken to be rAthena's own")));
        return Ok(battle);
    }
    for setting in conf::read(root, FILE, Dialect::Plain, notes)?.settings {
        // `%1023[^:]:%1023s`: the first word of the value.
        let Some(word) = setting.value.split_whitespace().next() else { continue };
        if let Err(default) = battle.set(&setting.key, number_or_switch(word)) {
            notes.push(Note::at(
                &setting.place,
                format!("{}: {word} is out of bounds; servers take {default}", setting.key),
            ));
        }
    }
    Ok(battle)
}

/// `config_switch` (utils.cpp): words for yes and no, else the number a text starts with.
fn number_or_switch(word: &str) -> i64 {
    let lower = word.to_ascii_lowercase();
    if ["on", "yes", "oui", "ja", "si"].contains(&lower.as_str()) {
        return 1;
    }
    let (digits, radix) = lower.strip_prefix("0x").map_or((lower.as_str(), 10), |digits| (digits, 16));
    let (sign, digits) = digits.strip_prefix('-').map_or((1, digits), |digits| (-1, digits));
    let end = digits.find(|letter: char| !letter.is_digit(radix)).unwrap_or(digits.len());
    i64::from_str_radix(digits.get(..end).unwrap_or_default(), radix).map_or(0, |number| sign * number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rathena::tests::tree::folder;

    #[test]
    fn what_is_read_last_counts_and_nonsense_is_the_default() {
        let folder = folder(&[
            (FILE, "import: conf/battle/exp.conf\nimport: conf/import/battle_conf.txt\n"),
            (
                "conf/battle/exp.conf",
                "base_exp_rate: 300\njob_exp_rate: 0x64 // hex\nzeny_from_mobs: yes\nunknown: 1\n",
            ),
            ("conf/import/battle_conf.txt", "BASE_EXP_RATE: 500 // mine\nitem_drop_mvp_mode: 9\n"),
        ]);
        let mut notes = Vec::new();
        let battle = read(folder.path(), &mut notes).expect("readable");
        let found =
            ["base_exp_rate", "job_exp_rate", "zeny_from_mobs", "item_drop_mvp_mode"].map(|key| battle.get(key));
        assert_eq!(found, [500, 100, 1, 0]);
        assert_eq!(notes.len(), 1);
        assert_eq!(
            notes[0].to_string(),
            "conf/import/battle_conf.txt:2: item_drop_mvp_mode: 9 is out of bounds; servers take 0"
        );
    }

    #[test]
    fn words_and_numbers_are_read_as_servers_read_them() {
        for (word, value) in
            [("Yes", 1), ("off", 0), ("no", 0), ("250", 250), ("-3", -3), ("0x1F", 31), ("12a", 12), ("", 0)]
        {
            assert_eq!(number_or_switch(word), value, "{word}");
        }
    }
}
