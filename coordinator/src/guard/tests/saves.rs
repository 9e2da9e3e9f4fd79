//! Saves: whole ones pass, and every attack on one of their packets is refused with the whole.

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
            state.save_point = Point { map: FixedText::new("izlude"), x: 90, y: 90 };
            (state.pet, state.homunculus) = (1, 1);
        });
    });
    let saved = saved.expect("passes");
    let state = saved.image.view();
    assert!(saved.last);
    assert_eq!((state.zeny, state.class, state.last_point.x, state.pet), (i32::MAX, 1, 20, 1));
}

/// A change, and the rule it breaks.
type Breach = (&'static str, fn(&mut Draft), &'static str, bool);

fn breaches(list: &[Breach]) {
    for (what, change, rule, grave) in list {
        let violation = changed(change).err().unwrap_or_else(|| panic!("{what}: let through"));
        assert_eq!(
            (violation.rule, violation.grave, violation.packet),
            (*rule, *grave, "save"),
            "{what}: {}",
            violation.detail
        );
    }
}

#[test]
fn nobody_becomes_somebody_else() {
    breaches(&[
        ("header of another account", |draft| draft.state.account = TWO.0, "identity", true),
        ("header of another character", |draft| draft.state.character = TWO.1, "identity", true),
        ("state of another account", |draft| draft.state(|state| state.account = TWO.0), "identity", true),
        ("state of another character", |draft| draft.state(|state| state.character = TWO.1), "identity", true),
        ("another name", |draft| draft.state(|state| state.name = FixedText::new("Bot0009")), "identity", true),
        ("another slot", |draft| draft.state(|state| state.slot += 1), "identity", true),
        ("another sex", |draft| draft.state(|state| state.sex ^= 1), "identity", true),
        ("a flag there is not", |draft| draft.state.last = 2, "save_flag", true),
        ("effects of another", |draft| draft.statuses.account = TWO.0, "identity", true),
        ("cooldowns of another", |draft| draft.cooldowns.character = TWO.1, "identity", true),
        ("scripts of another", |draft| draft.bonuses.character = TWO.1, "identity", true),
        ("variables of another", |draft| draft.registry.account = TWO.0, "identity", true),
        ("an inventory of another", |draft| draft.inventory.character = TWO.1, "identity", true),
        ("an inventory that is another's", |draft| draft.inventory.image.set_owner(TWO.1.0), "identity", true),
        ("a storage that is another's", |draft| draft.storage.image.set_owner(TWO.0.0), "identity", true),
        ("quests of another", |draft| draft.quests.character = TWO.1, "identity", false),
        ("a pet of another", |draft| draft.pet.pet.id = 7, "companion", false),
        ("a pet for another", |draft| draft.pet.account = TWO.0, "companion", false),
        ("a homunculus of another", |draft| draft.homunculus.homunculus.id = 7, "companion", false),
    ]);
}

#[test]
fn what_only_the_char_server_changes_stays() {
    breaches(&[
        ("inventory slots", |draft| draft.state(|state| state.inventory_slots = 200), "fixed_field", false),
        ("deletion", |draft| draft.state(|state| state.delete_date = 1), "fixed_field", false),
        ("the end of a ban", |draft| draft.state(|state| state.unban_time = 1), "fixed_field", false),
        ("renaming", |draft| draft.state(|state| state.renames += 1), "fixed_field", false),
        ("moves", |draft| draft.state(|state| state.moves += 1), "fixed_field", false),
        ("father", |draft| draft.state(|state| state.father = TWO.1), "fixed_field", false),
        ("mother", |draft| draft.state(|state| state.mother = TWO.1), "fixed_field", false),
        ("clan", |draft| draft.state(|state| state.clan = 1), "fixed_field", false),
        ("partner", |draft| draft.state(|state| state.partner = TWO.1), "partner", false),
        ("child", |draft| draft.state(|state| state.child = TWO.1), "child", false),
        ("party", |draft| draft.state(|state| state.party = 9), "party", false),
        ("guild", |draft| draft.state(|state| state.guild = 9), "guild", false),
        ("somebody's pet", |draft| draft.state(|state| state.pet = 9), "companion", false),
        ("somebody's homunculus", |draft| draft.state(|state| state.homunculus = 9), "companion", false),
        ("somebody's mercenary", |draft| draft.state(|state| state.mercenary = 9), "companion", false),
        ("somebody's elemental", |draft| draft.state(|state| state.elemental = 8), "companion", false),
    ]);
}

#[test]
fn numbers_of_unique_items_are_not_given_twice() {
    let (mut guard, mut world) = stage();
    world.players[0].image.set_unique_items(10);
    let mut draft = Draft::new(&world);
    draft.state(|state| state.unique_items = 9);
    let violation = judge(&mut guard, &world, &draft.parts()).expect_err("counts backwards");
    assert_eq!(violation.rule, "unique_items");
}

#[test]
fn a_state_that_cannot_be_is_refused() {
    breaches(&[
        ("a class out of reach", |draft| draft.state(|state| state.class = 4_008), "class", false),
        ("level 0", |draft| draft.state(|state| state.base_level = 0), "level", false),
        ("level 256", |draft| draft.state(|state| state.base_level = 256), "level", false),
        ("a level lost", |draft| draft.state(|state| state.base_level -= 1), "level", false),
        ("a job level lost", |draft| draft.state(|state| state.job_level -= 1), "level", false),
        ("job level 300", |draft| draft.state(|state| state.job_level = 300), "level", false),
        ("negative zeny", |draft| draft.state(|state| state.zeny = -1), "zeny", false),
        ("negative health", |draft| draft.state(|state| state.hp = -1), "health", false),
        ("health past all effects", |draft| draft.state(|state| state.hp = state.max_hp * 5), "health", false),
        ("no health at all", |draft| draft.state(|state| (state.hp, state.max_hp) = (0, 0)), "health", false),
        ("spirit past all effects", |draft| draft.state(|state| state.sp = state.max_sp * 5 + 1), "health", false),
        ("no strength", |draft| draft.state(|state| state.str = 0), "stats", false),
        ("too much luck", |draft| draft.state(|state| state.luk = 1_000), "stats", false),
        ("too much fame", |draft| draft.state(|state| state.fame = i32::MAX), "fame", false),
        ("negative fame", |draft| draft.state(|state| state.fame = -1), "fame", false),
        (
            "SQL for a place",
            |draft| draft.state(|state| state.last_point.map = FixedText::new("x',zeny=9;--")),
            "map_name",
            true,
        ),
        (
            "SQL to return to",
            |draft| draft.state(|state| state.save_point.map = FixedText::new("x',zeny=9;--")),
            "map_name",
            true,
        ),
        (
            "a place without end",
            |draft| draft.state(|state| state.last_point.map = FixedText::from([b'a'; 16])),
            "map_name",
            true,
        ),
        (
            "a map there is not",
            |draft| draft.state(|state| state.last_point.map = FixedText::new("nowhere")),
            "map_unknown",
            false,
        ),
        ("off the map", |draft| draft.state(|state| state.last_point.x = 9_999), "position", false),
        (
            "to return into a wall",
            |draft| {
                draft.state(|state| state.save_point = Point { map: FixedText::new("prt_fild08"), x: 9_999, y: 0 });
            },
            "position",
            false,
        ),
    ]);
}

/// Writes into the arrays of a state.
fn poke(draft: &mut Draft, offset: usize, bytes: &[u8]) {
    let mut image = draft.state.image.as_bytes().to_vec();
    image[offset..offset + bytes.len()].copy_from_slice(bytes);
    draft.state.image = CharacterImage::from_bytes(&image).expect("as long as before");
}

#[test]
fn lists_that_cannot_be_are_refused() {
    breaches(&[
        ("a skill of level 101", |draft| poke(draft, 344, &[5, 0, 101, 0]), "skill", false),
        ("a skill twice", |draft| poke(draft, 344, &[5, 0, 1, 0, 5, 0, 1, 0]), "skill", false),
        ("a friend without end", |draft| poke(draft, 6_908 + 8, &[b'a'; 24]), "unterminated", true),
        ("SQL remembered", |draft| poke(draft, 284, b"x';--\0"), "map_name", true),
        (
            "300 effects",
            |draft| {
                draft.statuses.changes =
                    Counted((0..300).map(|kind| StatusChange { kind, ..status_change() }).collect());
            },
            "count",
            true,
        ),
        ("an effect there is not", |draft| draft.statuses.changes.0[0].kind = 60_000, "status", false),
        (
            "an effect twice",
            |draft| draft.statuses.changes.0.push(draft.statuses.changes.0[0].clone()),
            "status_twice",
            false,
        ),
        ("an effect for years", |draft| draft.statuses.changes.0[0].tick = i64::MAX, "status", false),
        ("an effect past 32 bits", |draft| draft.statuses.changes.0[0].val2 = i64::MAX, "status", false),
        (
            "21 cooldowns",
            |draft| {
                let one = draft.cooldowns.cooldowns.0[0];
                draft.cooldowns.cooldowns = Counted(vec![one; 21]);
            },
            "count",
            true,
        ),
        ("a cooldown for years", |draft| draft.cooldowns.cooldowns.0[0].tick = i64::MAX, "cooldown", false),
        ("more scripts than there are", |draft| draft.bonuses.count = 3, "count", true),
        ("a quest twice", |draft| draft.quests.quests.0.push(draft.quests.quests.0[0]), "quest_twice", false),
    ]);
}

#[test]
fn storages_that_cannot_be_are_refused() {
    fn item(draft: &mut Draft, change: impl FnOnce(&mut Item)) {
        let mut item = draft.inventory.image.item(1).expect("a knife");
        change(&mut item);
        draft.inventory.image.set_item(1, Some(&item));
    }
    breaches(&[
        ("a kind there is not", |draft| draft.inventory.kind = StorageKind(9), "save_order", true),
        ("another kind inside", |draft| draft.inventory.image.set_kind(2), "storage_kind", true),
        ("a second inventory", |draft| draft.inventory.image.set_storage(1), "storage_kind", true),
        (
            "item 201 of an inventory",
            |draft| {
                draft.inventory.image.set_item(200, Some(&POTION));
            },
            "storage_places",
            true,
        ),
        (
            "item 101 of a cart",
            |draft| {
                draft.cart.image.set_item(100, Some(&POTION));
            },
            "storage_places",
            true,
        ),
        ("more than a stack", |draft| item(draft, |item| item.amount = 30_001), "item_amount", false),
        ("less than nothing", |draft| item(draft, |item| item.amount = -5), "item_amount", false),
        ("refined past the limit", |draft| item(draft, |item| item.refine = 11), "item_refine", false),
        (
            "two refined ones on a stack",
            |draft| item(draft, |item| (item.refine, item.amount) = (5, 2)),
            "item_stack",
            false,
        ),
        ("worn where there is no place", |draft| item(draft, |item| item.equip = 1 << 30), "item_equip", false),
        (
            "one number twice",
            |draft| {
                let twin = draft.inventory.image.item(1).expect("a knife");
                draft.inventory.image.set_item(2, Some(&twin));
            },
            "item_twice",
            false,
        ),
        (
            "worn in a cart",
            |draft| {
                draft.cart.image.set_item(0, Some(&Item { equip: 2, amount: 1, ..POTION }));
            },
            "item_equip",
            false,
        ),
    ]);
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
        let at = Point { map: FixedText::new(map), x: 10, y: 20 };
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
    assert_eq!(heading("izlude", true), (None, "izlude".to_owned()));
    assert_eq!(heading("prt_fild05", false), (None, "prt_fild05".to_owned()));
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
