//! One change to a save that passes, and the whole is refused.

use super::*;

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

/// A change that is put back, and the label it is told under.
type Change = (&'static str, fn(&mut Draft), &'static str);

#[test]
fn what_is_not_for_an_engine_to_change_is_put_back_and_told() {
    let changes: &[Change] = &[
        ("inventory slots", |draft| draft.state(|state| state.inventory_slots = 200), "fixed_field"),
        ("deletion", |draft| draft.state(|state| state.delete_date = 1), "fixed_field"),
        ("the end of a ban", |draft| draft.state(|state| state.unban_time = 1), "fixed_field"),
        ("renaming", |draft| draft.state(|state| state.renames += 1), "fixed_field"),
        ("moves", |draft| draft.state(|state| state.moves += 1), "fixed_field"),
        ("father", |draft| draft.state(|state| state.father = TWO.1), "fixed_field"),
        ("mother", |draft| draft.state(|state| state.mother = TWO.1), "fixed_field"),
        ("clan", |draft| draft.state(|state| state.clan = 1), "fixed_field"),
        ("partner", |draft| draft.state(|state| state.partner = TWO.1), "partner"),
        ("child", |draft| draft.state(|state| state.child = TWO.1), "child"),
        ("party", |draft| draft.state(|state| state.party = 9), "party"),
        ("guild", |draft| draft.state(|state| state.guild = 9), "guild"),
        ("somebody's pet", |draft| draft.state(|state| state.pet = 9), "companion"),
        ("somebody's homunculus", |draft| draft.state(|state| state.homunculus = 9), "companion"),
        ("somebody's mercenary", |draft| draft.state(|state| state.mercenary = 9), "companion"),
        ("somebody's elemental", |draft| draft.state(|state| state.elemental = 8), "companion"),
        (
            "a map there is not",
            |draft| draft.state(|state| state.last_point.map = FixedText::new("nowhere")),
            "position",
        ),
        ("off the map", |draft| draft.state(|state| state.last_point.x = 9_999), "position"),
        ("a wall to return to", |draft| draft.state(|state| state.save_point = wall()), "save_point"),
    ];
    for (what, change, label) in changes {
        let (mut guard, world) = stage();
        let mut draft = Draft::new(&world);
        change(&mut draft);
        let saved =
            judge(&mut guard, &world, &draft.parts()).unwrap_or_else(|violation| panic!("{what}: {violation:?}"));
        assert_eq!(saved.image, world.players[0].image, "{what}");
        let cut: Vec<_> = guard.take_cut().into_iter().map(|(_, breach)| (breach.packet, breach.rule)).collect();
        assert_eq!(cut, [("save", *label)], "{what}");
    }
}

fn wall() -> Point {
    Point { map: FixedText::new("prt_fild08"), x: 9_999, y: 0 }
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
    ]);
}

/// Writes into the arrays of a state.
pub(super) fn poke(draft: &mut Draft, offset: usize, bytes: &[u8]) {
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
