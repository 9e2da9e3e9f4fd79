//! A small realm's economy, and a whole rAthena's.

use std::path::PathBuf;

use super::super::tests::tree::Tree;
use super::*;
use crate::bounds::facts::{ItemFacts, Rate, Yield};

fn maps(names: &[&str]) -> BTreeMap<String, BTreeSet<MapName>> {
    let map = |name: &&str| MapName::new(name).expect("legal");
    names.iter().map(|name| ((*name).to_owned(), BTreeSet::from([map(name)]))).collect()
}

fn database(kind: &str, version: u64, body: &str) -> String {
    format!("Header:\n  Type: {kind}\n  Version: {version}\nBody:\n{body}")
}

/// The small rAthena with databases and shops.
fn realm() -> Tree {
    let tree = Tree::new();
    for (file, kind, version, body) in [
        (
            "item_db.yml",
            "ITEM_DB",
            3,
            "  - {Id: 501, AegisName: Red, Type: Healing, Buy: 50}\n  - {Id: 909, AegisName: Jellopy, Buy: 6}\n  \
            - {Id: 4001, AegisName: Poring_Card, Type: Card, Buy: 20}\n  - {Id: 1201, AegisName: Knife, Type: Weapon, Slots: 3, \
            Refineable: true, Buy: 50}\n  - Id: 603\n    AegisName: Box\n    Type: Usable\n    Script: |\n      \
            getgroupitem(IG_BlueBox);\n  - Id: 604\n    AegisName: Branch\n    Type: Usable\n    Script: |\n      \
            monster \"this\",-1,-1,\"--ja--\",-1-MOBG_BRANCH,1,\"\";\n  - Id: 605\n    AegisName: Book\n    Script: getexp 10,20;\n  \
            - Id: 606\n    AegisName: Charm\n    Script: bonus3 bAddMonsterDropItem,501,RC_Plant,100;\n",
        ),
        (
            "mob_db.yml",
            "MOB_DB",
            5,
            "  - Id: 1002\n    AegisName: PORING\n    Level: 1\n    BaseExp: 2\n    JobExp: 1\n    Drops:\n      \
            - {Item: Jellopy, Rate: 7000}\n      - {Item: Poring_Card, Rate: 1}\n  - Id: 1086\n    AegisName: GOLDEN\n    Level: 64\n    \
            BaseExp: 100\n    Class: Boss\n    Drops:\n      - {Item: Knife, Rate: 500}\n  - {Id: 1015, AegisName: ZOMBIE, BaseExp: 50}\n",
        ),
        (
            "item_group_db.yml",
            "ITEM_GROUP_DB",
            5,
            "  - Group: BlueBox\n    SubGroups:\n      - SubGroup: 1\n        List:\n          - {Index: 0, Item: Knife, Rate: 1}\n",
        ),
        (
            "mob_summon.yml",
            "MOB_SUMMONABLE_DB",
            1,
            "  - Group: BRANCH\n    Default: PORING\n    Summon:\n      - {Mob: GOLDEN, Rate: 5}\n",
        ),
        (
            "create_arrow_db.yml",
            "CREATE_ARROW_DB",
            1,
            "  - Source: Jellopy\n    Make:\n      - {Item: Red, Amount: 4}\n",
        ),
        (
            "map_drops.yml",
            "MAP_DROP_DB",
            2,
            "  - Map: fd_fild01\n    GlobalDrops:\n      - {Index: 0, Item: Red, Rate: 10000}\n    SpecificDrops:\n      \
            - Monster: ZOMBIE\n        Drops:\n          - {Index: 0, Item: Knife, Rate: 1}\n",
        ),
        (
            "job_stats.yml",
            "JOB_STATS",
            4,
            "  - Jobs:\n      Novice: true\n    MaxBaseLevel: 3\n    BaseExp:\n      - {Level: 1, Exp: 9}\n      - {Level: 2, Exp: 16}\n",
        ),
        ("pet_db.yml", "PET_DB", 1, ""),
        ("item_combos.yml", "COMBO_DB", 1, ""),
        ("mob_item_ratio.yml", "MOB_ITEM_RATIO_DB", 1, ""),
    ] {
        tree.write(&format!("db/{file}"), &database(kind, version, body));
    }
    tree.write("db/pre-re/mob_skill_db.txt", "1086,G@S,idle,196,2,10000,0,9000,no,self,slavele,3,1015,,,,,,\n");
    tree.write("db/pre-re/produce_db.txt", "0,1201,1,98,1,909,10\n");
    tree.write("conf/battle_athena.conf", "base_exp_rate: 300\nitem_rate_card: 1000\n");
    tree.append(
        "npc/quests.txt",
        "town,1,1,4\tshop\tTool\t1,501:-1\nfd_dun01,1,1,4\tduplicate(Tool)\tTool#2\t1\n-\tshop\tSecret\t-1,no,909:5\n\
         fd_dun01,2,2,4\tscript\tSmith\t1,{ successrefitem 1; callfunc \"F_Pay\"; callshop \"Secret\",1; }\n\
         function\tscript\tF_Pay\t{ Zeny += 5; getitem 603,1; }\n-\tscript\tGreeter\t-1,{ OnPCLoginEvent: getitem 909,1; }\n",
    );
    tree.append(
        "npc/monsters.txt",
        "fd_dun02,0,0\tboss_monster\tGolden\t1086,1,60000,50000\nfd_dun02\tmapflag\tnojobexp\n",
    );
    tree
}

fn economy(tree: &Tree, names: &[&str]) -> (Economy, Vec<String>) {
    let mut notes = Vec::new();
    let economy = read(tree.path(), KnownBuild::default(), &maps(names), &mut notes).expect("a whole rAthena");
    (economy, notes.iter().map(ToString::to_string).collect())
}

fn near(left: Rate, right: (f64, f64)) {
    let close = |left: f64, right: f64| (left - right).abs() < 1e-9;
    assert!(close(left.at_once, right.0) && close(left.per_second, right.1), "{left:?} is not {right:?}");
}

#[test]
fn a_field_gives_what_its_monsters_give_by_the_realms_rates() {
    let (economy, notes) = economy(&realm(), &["fd_fild01"]);
    assert!(!notes.iter().any(|note| note.contains("nothing")), "{notes:?}");
    let field = &economy.groups["fd_fild01"];
    // Fifty porings that come back after five seconds.
    near(field.kills, (50.0, 10.0));
    near(field.base_experience, (300.0, 60.0));
    near(field.job_experience, (50.0, 10.0));
    near(field.items[&909], (35.0, 7.0));
    near(field.items[&4001], (0.05, 0.01));
    near(field.items[&501], (5.0, 1.0));
    assert!(!field.items.contains_key(&1201), "that is the zombies' here");
    near(field.purses, (500.0, 100.0));
    assert_eq!(field.zeny, Rate::default());
    assert_eq!(field.scripted.items, BTreeSet::from([909]), "who logs in gets one, wherever");
}

#[test]
fn a_boss_brings_its_slaves_and_flags_take_gain_away() {
    let (economy, _) = economy(&realm(), &["fd_dun02"]);
    let dungeon = &economy.groups["fd_dun02"];
    // One boss a minute, with two zombies as it comes and two more each nine seconds; and another from the small realm's
    // own line that says no delay, and sixty skeletons of which nothing is known.
    let bosses = 1.0 / 60.0 + 1.0 / 5.0;
    near(dungeon.items[&1201], (2.0 * 0.05, bosses * 0.05));
    near(dungeon.base_experience, (600.0 + 600.0, bosses * 300.0 + (bosses * 2.0 + 4.0 / 9.0) * 150.0));
    assert_eq!(dungeon.job_experience, Rate::default());
}

#[test]
fn shops_and_scripts_of_a_map_are_seen_with_all_they_call() {
    let (economy, _) = economy(&realm(), &["fd_dun01", "quest01", "spot01"]);
    let dungeon = &economy.groups["fd_dun01"];
    assert_eq!(dungeon.sold, BTreeMap::from([(501, 37), (909, 5)]));
    assert!(dungeon.buys && dungeon.works_on_items && dungeon.scripted.zeny && !dungeon.scripted.experience);
    assert_eq!(dungeon.scripted.items, BTreeSet::from([603, 909]));
    // A script of its own makes porings on one, a controller on the other.
    for map in ["quest01", "spot01"] {
        let made = &economy.groups[map].scripted;
        assert!(made.experience && made.items.contains(&4001) && !made.any_item, "{map}: {made:?}");
    }
}

#[test]
fn what_becomes_of_items_is_known() {
    let (economy, _) = economy(&realm(), &[]);
    let made = |item: ItemId| economy.made_of[&item].iter().copied().collect::<Vec<_>>();
    assert_eq!(made(1201), [603, 604, 909], "from a box, a branch's monster, or by a smith");
    assert_eq!(made(501), [909]);
    assert_eq!(made(4001), [604]);
    let branch = economy.used[&604];
    assert_eq!((branch.base_experience, branch.job_experience), (300.0, 1.0));
    assert_eq!(economy.used[&605].job_experience, 20.0);
    assert_eq!(economy.any_kill, BTreeMap::from([(501, 0.02)]));
    assert_eq!(economy.base_levels[&0], [0, 9, 25]);
    assert!((economy.shared - 2.75).abs() < 1e-9, "twelve attackers");
    let knife =
        ItemFacts { name: "Knife".to_owned(), stacks: false, sells_for: 31, slots: 3, refinable: true, card: false };
    assert_eq!(economy.items[&1201], knife);
}

/// The pre-renewal rAthena that `BIFROST_TEST_RATHENA` names, all of it. Numbers are from its own databases.
#[test]
fn a_whole_rathena_is_read() {
    let Some(rathena) = std::env::var_os("BIFROST_TEST_RATHENA").map(PathBuf::from) else { return };
    let names = ["prt_fild08", "gef_fild10", "moc_fild17", "gl_knt01", "prt_in"];
    let mut notes = Vec::new();
    let economy = read(&rathena, KnownBuild::default(), &maps(&names), &mut notes).expect("a whole rAthena");
    let wrong: Vec<_> = notes.iter().map(ToString::to_string).filter(|note| note.contains("counts")).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(economy.items.len() > 5_000 && economy.made_of.len() > 500, "{}", economy.items.len());
    assert_eq!(economy.items[&4001].name, "Poring_Card");
    assert_eq!((economy.base_levels[&0].len(), economy.base_levels[&4_008].len()), (99, 99));
    assert_eq!((economy.job_levels[&0].len(), economy.job_levels[&4_008].len()), (10, 70));
    let levels = economy.base_levels.values().chain(economy.job_levels.values());
    assert!(levels.flatten().all(|needed| *needed < u64::MAX));
    for (map, found) in &economy.groups {
        let rates = found.items.values().chain([&found.kills, &found.base_experience, &found.job_experience]);
        for rate in rates {
            assert!(rate.at_once.is_finite() && rate.per_second.is_finite() && rate.at_once >= 0.0, "{map}: {rate:?}");
        }
    }
    let city: &Yield = &economy.groups["prt_in"];
    assert!(city.kills == Rate::default() && city.buys && city.sold.contains_key(&1_201), "{:?}", city.sold);
    // Seventy porings, forty lunatics, twenty pupas and ten drops; a pupa in a thousand is a creamy by then.
    let field = &economy.groups["prt_fild08"];
    let job = field.job_experience.at_once - (70.0 + 40.0 * 2.0 + 20.0 * 4.0 + 10.0 * 3.0);
    assert!((job - 20.0 / 1_000.0 * 70.0).abs() < 1e-9, "{job}");
    let porings_cards = field.items[&4_001].per_hour();
    assert!((porings_cards - 70.0 / 5.0 * 3_600.0 / 10_000.0).abs() < 1e-9, "{porings_cards}");
}

/// Scripts that name what they give can be judged by; those of most proposed groups do.
#[test]
fn most_groups_of_a_whole_rathena_name_what_they_give() {
    let Some(rathena) = std::env::var_os("BIFROST_TEST_RATHENA").map(PathBuf::from) else { return };
    let proposal = super::super::propose(&rathena, &super::super::Options::default()).expect("a proposal");
    let groups: BTreeMap<_, _> = proposal.groups.into_iter().map(|group| (group.name, group.maps)).collect();
    let economy = read(&rathena, KnownBuild::default(), &groups, &mut Vec::new()).expect("a whole rAthena");
    let unclear: Vec<_> =
        economy.groups.iter().filter(|(_, found)| found.scripted.any_item).map(|(name, _)| name).collect();
    assert!(unclear.len() * 2 < economy.groups.len(), "{unclear:?}");
}
