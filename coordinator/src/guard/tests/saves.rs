//! Saves: whole ones pass, torn ones do not, and what is not for an engine to say is put right.

mod breaches;

use bifrost_protocol::List;
use bifrost_protocol::inter::{
    BonusSave, BonusScript, Bonuses, CooldownSave, Counted, HomunculusSave, PetSave, QuestsSave, RegistrySave, Save,
    SkillCooldown, StatusChange, StatusSave, StorageKind, StorageSave,
};
use bifrost_protocol::layout::{CharacterStatus, Few, Item, Point, StorageImage};

use super::*;
use crate::guard::{AcceptedSave, Violation};

/// A save of the first player, to be changed.
struct Draft {
    statuses: StatusSave,
    cooldowns: CooldownSave,
    bonuses: BonusSave,
    storage: StorageSave,
    inventory: StorageSave,
    cart: StorageSave,
    registry: RegistrySave,
    state: Save,
    pet: PetSave,
    homunculus: HomunculusSave,
    quests: QuestsSave,
}

const POTION: Item = Item {
    id: 1,
    kind: 501,
    amount: 20,
    equip: 0,
    identified: 1,
    refine: 0,
    attribute: 0,
    cards: Few([0; 4]),
    options: Few([bifrost_protocol::layout::ItemOption { id: 0, value: 0, param: 0 }; 5]),
    expire_time: 0,
    favorite: 0,
    bound: 0,
    unique_id: 0,
    equip_switch: 0,
    enchant_grade: 0,
};

fn stored(kind: StorageKind, owner: u32, max: u16) -> StorageSave {
    let knife = Item { kind: 1_201, amount: 1, unique_id: 77, ..POTION };
    let image = StorageImage::filled(kind.0.into(), owner, max, &[POTION, knife]);
    StorageSave { kind, account: ONE.0, character: ONE.1, image }
}

impl Draft {
    fn new(world: &World) -> Self {
        let (account, character) = ONE;
        let status = StatusChange { kind: 10, val1: 3, tick: 5_000, ..status_change() };
        Self {
            statuses: StatusSave { account, character, changes: Counted(vec![status]) },
            cooldowns: CooldownSave {
                account,
                character,
                cooldowns: Counted(vec![SkillCooldown { skill: 5, tick: 500, ..SkillCooldown::default() }]),
            },
            bonuses: BonusSave { character, count: 0, scripts: List(Vec::new()) },
            storage: stored(StorageKind::STORAGE, account.0, 600),
            inventory: stored(StorageKind::INVENTORY, character.0, 200),
            cart: stored(StorageKind::CART, character.0, 100),
            registry: RegistrySave { account, character, ..recorded() },
            state: Save { account, character, last: 0, image: world.players[0].image.clone() },
            pet: recorded(),
            homunculus: recorded(),
            quests: QuestsSave { character, ..recorded() },
        }
    }

    fn parts(&self) -> Vec<Bytes> {
        vec![
            self.statuses.encode(),
            self.cooldowns.encode(),
            self.bonuses.encode(),
            self.storage.encode(),
            self.inventory.encode(),
            self.cart.encode(),
            self.registry.encode(),
            self.state.encode(),
            self.pet.encode(),
            self.homunculus.encode(),
            self.pet.encode(),
            self.quests.encode(),
        ]
    }

    fn state(&mut self, change: impl FnOnce(&mut CharacterStatus)) {
        let mut view = self.state.image.view();
        change(&mut view);
        self.state.image.update(&view);
    }
}

fn status_change() -> StatusChange {
    let padding = bifrost_protocol::layout::Padding::default();
    StatusChange { kind: 0, padding, val1: 0, val2: 0, val3: 0, val4: 0, tick: 0 }
}

fn judge(guard: &mut Guard, world: &World, parts: &[Bytes]) -> Result<AcceptedSave, Violation> {
    guard.save(ENGINE, ONE.1, &parts.concat().into(), world, NOW).map(|saved| saved.expect("is here"))
}

/// Both are in party and guild 1, as the char-server says and the engine knows.
fn stage() -> (Guard, World) {
    let (guard, mut world) = joined();
    for player in &mut world.players {
        player.image.set_party(1);
        player.image.set_guild(1);
    }
    (guard, world)
}

/// A save with one change.
fn changed(change: impl FnOnce(&mut Draft)) -> Result<AcceptedSave, Violation> {
    let (mut guard, world) = stage();
    let mut draft = Draft::new(&world);
    change(&mut draft);
    judge(&mut guard, &world, &draft.parts())
}

#[test]
fn a_whole_save_passes_as_it_is() {
    let (mut guard, world) = stage();
    let draft = Draft::new(&world);
    let saved = judge(&mut guard, &world, &draft.parts()).expect("passes");
    assert_eq!(saved.parts, draft.parts());
    assert_eq!((saved.image, saved.last, saved.heading), (draft.state.image.clone(), false, None));
    assert_eq!(saved.storages, [draft.storage, draft.inventory, draft.cart]);
    let answers: Vec<(u8, u8)> = saved.answers.iter().map(|answer| (answer[6], answer[7])).collect();
    assert_eq!(answers, [(1, 3), (1, 1), (1, 2)], "saved: storage, inventory, cart");
}

#[test]
fn what_a_save_may_change_it_changes() {
    let saved = changed(|draft| {
        draft.state.last = 1;
        draft.state(|state| {
            (state.base_level, state.base_exp, state.zeny, state.hp) = (state.base_level + 1, 500, i32::MAX, 1);
            (state.class, state.job_level) = (1, 1);
            state.last_point = Point { map: FixedText::new("prt_fild05"), x: 20, y: 30 };
            state.save_point = Point { map: FixedText::new("prt_fild08"), x: 90, y: 90 };
            (state.pet, state.homunculus) = (1, 1);
        });
    });
    let saved = saved.expect("passes");
    let state = saved.image.view();
    assert!(saved.last);
    assert_eq!((state.zeny, state.class, state.last_point.x, state.pet), (i32::MAX, 1, 20, 1));
}

#[test]
fn a_torn_or_shuffled_save_is_refused() {
    let (mut guard, world) = stage();
    let parts = Draft::new(&world).parts();
    let mut broken = |what: &str, parts: Vec<Bytes>, rule: &str| {
        let violation = judge(&mut guard, &world, &parts).err().unwrap_or_else(|| panic!("{what}: let through"));
        assert_eq!((violation.rule, violation.grave), (rule, true), "{what}: {}", violation.detail);
    };
    let without = |gone: usize| [&parts[..gone], &parts[gone + 1..]].concat();
    broken("without a state", without(7), "save_incomplete");
    broken("without its start", without(2), "save_incomplete");
    broken("nothing", Vec::new(), "save_incomplete");
    broken("a state twice", [&parts[..8], &parts[7..8]].concat(), "save_order");
    broken("an inventory twice", [&parts[..5], &parts[4..]].concat(), "save_order");
    broken("effects at the end", [&parts[1..], &parts[..1]].concat(), "save_order");
    let stray = Bytes::from(fixture("Ping"));
    broken("something else in it", [&parts[..3], &[stray], &parts[3..]].concat(), "save_order");
    broken("cut off", [&parts[..11], &[parts[11].slice(..10)]].concat(), "frame");
    let pets = vec![parts[8].clone(); 80];
    broken("80 pets", [parts.as_slice(), &pets].concat(), "save_order");
    broken("longer than any save", vec![Bytes::from(vec![0; (1 << 20) + 1])], "length");
}

#[test]
fn a_save_of_a_player_of_another_host_is_refused() {
    let (mut guard, world) = stage();
    let packets: Bytes = Draft::new(&world).parts().concat().into();
    let violation = guard.save(ENGINE, STRANGER.1, &packets, &world, NOW).expect_err("not here");
    assert_eq!(violation.rule, "not_hosted");
    let violation = guard.save(ENGINE, TWO.1, &packets, &world, NOW).expect_err("another's packets");
    assert_eq!((violation.rule, violation.grave), ("identity", true));
}

#[test]
fn a_save_of_a_player_that_has_just_left_changes_nothing() {
    let (mut guard, mut world) = stage();
    let packets: Bytes = Draft::new(&world).parts().concat().into();
    world.players.clear();
    world.left.insert(ONE.0);
    assert_eq!(guard.save(ENGINE, ONE.1, &packets, &world, NOW), Ok(None));
}

#[test]
fn an_engine_that_lags_behind_the_char_server_loses_no_save() {
    let (mut guard, world) = stage();
    let mut left = fixture("PartyLeft");
    put(&mut left, 2, &1_u32.to_le_bytes());
    put(&mut left, 6, &ONE.0.0.to_le_bytes());
    put(&mut left, 10, &ONE.1.0.to_le_bytes());
    guard.down(&left.into()).expect("is taken");
    let saved = judge(&mut guard, &world, &Draft::new(&world).parts()).expect("the engine does not know yet");
    assert_eq!((saved.image.view().party, saved.image.view().guild), (0, 1));
}

#[test]
fn one_on_its_way_is_saved_where_it_was_and_one_that_is_dead_where_it_returns() {
    let heading = |map: &str, save: bool| {
        let at = Point { map: FixedText::new(map), x: 156, y: 180 };
        let saved = changed(|draft| {
            draft.state(|state| {
                state.last_point = at;
                if save {
                    state.save_point = at;
                }
            });
        });
        let saved = saved.expect("passes");
        (saved.heading.map(|to| to.map.as_str().to_owned()), saved.image.view().last_point.map.to_text())
    };
    assert_eq!(heading("izlude", false), (Some("izlude".to_owned()), "prt_fild08".to_owned()));
    assert_eq!(heading("prt_fild05", true), (None, "prt_fild05".to_owned()));
    assert_eq!(heading("prontera", false), (None, "prontera".to_owned()), "where it returns to");
    assert_eq!(heading("prt_fild05", false), (None, "prt_fild05".to_owned()));
}

#[test]
fn nobody_returns_to_a_map_of_somebody_else() {
    let (mut guard, world) = stage();
    let mut draft = Draft::new(&world);
    let before = draft.state.image.view().save_point;
    draft.state(|state| state.save_point = Point { map: FixedText::new("izlude"), x: 10, y: 20 });
    breaches::poke(&mut draft, 284, b"izlude\0\0\0\0\0\0\0\0\0\0\x0a\0\x0a\0");
    let saved = judge(&mut guard, &world, &draft.parts()).expect("passes without it");
    assert_eq!(saved.image.view().save_point, before);
    assert_eq!(saved.image.as_bytes()[284..344], world.players[0].image.as_bytes()[284..344]);
    let cut: Vec<_> = guard.take_cut().into_iter().map(|(_, breach)| breach.rule).collect();
    assert_eq!(cut, ["save_point", "memo_point"]);
    breaches::poke(&mut draft, 284, b"prt_fild05\0\0\0\0\0\0\x0a\0\x0a\0");
    draft.state(|state| state.save_point = before);
    let saved = judge(&mut guard, &world, &draft.parts()).expect("its own map");
    assert_eq!(saved.parts, draft.parts());
}

fn script(text: &str, tick: i64) -> BonusScript {
    let padding = bifrost_protocol::layout::Padding::default();
    BonusScript { script: FixedText::new(text), tick, flag: 1, icon: 2, kind: 0, padding }
}

#[test]
fn a_script_is_saved_again_and_no_other_is_put_in_its_place() {
    let (mut guard, world) = stage();
    let known = Bonuses { character: ONE.1, count: 1, scripts: List(vec![script("bonus bStr,1;", 60_000)]) };
    guard.down(&known.encode()).expect("is taken");
    let mut draft = Draft::new(&world);
    let forged = script("callfunc \"F_GiveAll\";", 60_000);
    let longer = script("bonus bStr,1;", 90_000);
    draft.bonuses.scripts = List(vec![script("bonus bStr,1;", 40_000), forged, longer]);
    draft.bonuses.count = 3;
    let saved = judge(&mut guard, &world, &draft.parts()).expect("passes without them");
    let kept = BonusSave { character: ONE.1, count: 1, scripts: List(vec![script("bonus bStr,1;", 40_000)]) };
    assert_eq!(saved.parts[2], kept.encode());
    assert_eq!(guard.take_cut().iter().map(|(_, breach)| breach.rule).collect::<Vec<_>>(), ["bonus_script"]);
}

#[test]
fn an_egg_goes_with_its_item_and_not_with_a_claim() {
    let (mut guard, world) = stage();
    let egg = |pet: u32| Item { kind: 9_001, amount: 1, cards: Few([0x100, pet, 0, 0]), ..POTION };
    let mut draft = Draft::new(&world);
    draft.inventory.image.set_item(5, Some(&egg(7)));
    judge(&mut guard, &world, &draft.parts()).expect("an item it may have");
    let mut load = fixture("PetRequest");
    put(&mut load, 10, &7_u32.to_le_bytes());
    let load = Bytes::from(load);
    assert_eq!(guard.up(ENGINE, &load, &world, NOW).map_err(|breach| breach.rule), Err("companion"));
    // The second really has that egg, and gives it away.
    let mut bag = recorded::<bifrost_protocol::inter::Storage>();
    bag.account = TWO.0;
    bag.image.set_item(0, Some(&egg(7)));
    guard.down(&bag.encode()).expect("is taken");
    judge(&mut guard, &world, &draft.parts()).expect("as before");
    assert!(guard.up(ENGINE, &load, &world, NOW).is_ok());
}

#[test]
fn a_changed_sex_is_believed_after_the_char_server_said_so() {
    let (mut guard, world) = stage();
    let mut draft = Draft::new(&world);
    draft.state(|state| state.sex ^= 1);
    assert!(judge(&mut guard, &world, &draft.parts()).is_err());
    let mut packet = vec![0x0d, 0x2b];
    put(&mut packet, 2, &ONE.0.0.to_le_bytes());
    packet.push(0);
    guard.down(&packet.into()).expect("is taken");
    assert!(judge(&mut guard, &world, &draft.parts()).is_ok());
}
