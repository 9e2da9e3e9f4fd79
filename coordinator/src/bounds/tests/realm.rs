//! A realm's own files, where `BIFROST_TEST_RATHENA` names them: players that hunt all there is, by what the files say.

use std::collections::BTreeMap;
use std::path::Path;

use bifrost_protocol::ids::MapName;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::bounds::facts::{BONUS, ITEM_BONUS};
use crate::rathena::{KnownBuild, economy};

/// A hunting ground with common, rare and valuable things.
const MAP: &str = "prt_fild08";
/// Seconds between two saves.
const PAUSE: u64 = 5;

fn bounds(economy: &Economy) -> Bounds {
    let rules = Rules { slack: 1.25, experience: BONUS, items: ITEM_BONUS, enforce: false };
    let mut bounds = Bounds::new(economy.clone(), rules);
    bounds.opened(&group(MAP), Duration::ZERO);
    bounds
}

fn read() -> Option<Economy> {
    let root = std::env::var_os("BIFROST_TEST_RATHENA")?;
    let maps = BTreeMap::from([(MAP.to_owned(), [MapName::new(MAP).expect("legal")].into())]);
    let mut notes = Vec::new();
    Some(economy::read(Path::new(&root), KnownBuild::default(), &maps, &mut notes).expect("is read"))
}

#[test]
fn an_honest_evening_on_a_real_map_has_no_finding_and_forgery_has() {
    let Some(economy) = read() else { return };
    let yields = economy.groups[MAP].clone();
    for seed in 0..3 {
        let mut bounds = bounds(&economy);
        let mut rng = StdRng::seed_from_u64(seed);
        let mut player = Sheet::new(1, 0);
        player.image.set_base_level(60);
        player.comes(&mut bounds, MAP, 0);
        let (mut bag, mut exp): (BTreeMap<ItemId, i16>, f64) = (BTreeMap::new(), 0.0);
        for turn in 1..=1_440_u64 {
            let seconds = if turn == 1 { 0.0 } else { PAUSE as f64 };
            let of = |rate: Rate| rate.per_second * seconds + if turn == 1 { rate.at_once } else { 0.0 };
            exp += of(yields.base_experience) * 2.0;
            for (item, rate) in yields.items.iter().take(90) {
                let mut expected = of(*rate);
                let have = bag.entry(*item).or_default();
                while expected > 0.0 {
                    *have += i16::from(rng.random_bool(expected.min(1.0)));
                    expected -= 1.0;
                }
                // What fills a bag is dropped.
                *have = if *have > 20_000 { 0 } else { *have };
            }
            player.image.set_base_exp(exp as u64);
            player.bag = bag
                .iter()
                .filter(|(_, amount)| **amount > 0)
                .map(|(kind, amount)| Item { kind: *kind, amount: *amount, ..Item::default() })
                .collect();
            assert_eq!(player.saved(&mut bounds, MAP, turn * PAUSE), [], "seed {seed} turn {turn}");
        }
        player.has(4_147, 1);
        let found = player.saved(&mut bounds, MAP, 8_000);
        assert_eq!(found.iter().map(|finding| finding.grade).collect::<Vec<_>>(), [Grade::Grave], "Baphomet's card");
        player.image.set_zeny(50_000_000);
        let found = player.saved(&mut bounds, MAP, 8_005);
        assert_eq!(found.iter().map(|finding| finding.rule).collect::<Vec<_>>(), ["zeny"]);
        player.image.set_base_level(99);
        let found = player.saved(&mut bounds, MAP, 8_010);
        assert!(found.iter().any(|finding| finding.rule == "base_experience"), "{found:?}");
    }
}
