//! What a host may try.

use super::*;

fn field() -> Bounds {
    let mut bounds = Bounds::new(economy(), rules());
    bounds.opened(&group("field"), Duration::ZERO);
    bounds
}

fn rules_of(findings: &[Finding]) -> Vec<(&'static str, Grade)> {
    findings.iter().map(|finding| (finding.rule, finding.grade)).collect()
}

/// All findings until everything that is owed is due.
fn later(bounds: &mut Bounds, from: u64) -> Vec<Finding> {
    (from..from + 300).step_by(5).flat_map(|now| bounds.due(Duration::from_secs(now))).collect()
}

#[test]
fn zeny_printed_in_one_go_is_grave_at_once() {
    let mut bounds = field();
    let mut player = Sheet::new(1, 5_000);
    player.comes(&mut bounds, "field", 0);
    player.image.set_zeny(50_005_000);
    let findings = player.saved(&mut bounds, "field", 60);
    assert_eq!(rules_of(&findings), [("zeny", Grade::Grave)]);
    assert_eq!((findings[0].gained, findings[0].allowed, &findings[0].host), (50_000_000, 0, &host("field-host")));
    assert!(player.saved(&mut bounds, "field", 61).is_empty(), "it is told once");
}

#[test]
fn only_rogues_empty_purses() {
    let mut economy = economy();
    economy.groups.get_mut("field").expect("there").purses = Rate { at_once: 5_000.0, per_second: 500.0 };
    for (class, found) in [(0, 1), (17, 0)] {
        let mut bounds = Bounds::new(economy.clone(), rules());
        let mut player = Sheet::new(1, 0);
        player.image.set_class(class);
        player.comes(&mut bounds, "field", 0);
        player.image.set_zeny(4_000);
        assert_eq!(player.saved(&mut bounds, "field", 10).len(), found, "class {class}");
    }
}

#[test]
fn with_enforcement_nothing_is_remembered_of_a_grave_save() {
    let mut bounds = Bounds::new(economy(), Rules { enforce: true, ..rules() });
    let (mut player, mut other) = (Sheet::new(1, 5_000), Sheet::new(2, 0));
    player.has(FOREIGN_CARD, 3);
    player.comes(&mut bounds, "field", 0);
    other.comes(&mut bounds, "field", 0);
    player.has(FOREIGN_CARD, 0);
    player.image.set_zeny(50_005_000);
    for now in [60, 61] {
        assert_eq!(rules_of(&player.saved(&mut bounds, "field", now)), [("zeny", Grade::Grave)], "again and again");
    }
    other.has(FOREIGN_CARD, 3);
    assert!(other.saved(&mut bounds, "field", 62).is_empty(), "the one still has it, and may yet hand it over");
    assert_eq!(rules_of(&later(&mut bounds, 62)).len(), 1, "which it did not: the loss was refused as well");
}

#[test]
fn one_percent_a_save_adds_up() {
    let mut bounds = Bounds::new(economy(), rules());
    let mut player = Sheet::new(1, 1_000_000);
    player.comes(&mut bounds, "market", 0);
    let mut zeny = 1_000_000;
    let found = (1..600).find(|turn| {
        zeny += zeny / 100;
        player.image.set_zeny(zeny);
        !player.saved(&mut bounds, "market", turn * 5).is_empty()
    });
    assert!(found.is_some_and(|turn| turn < 120), "{found:?}: within ten minutes");
}

#[test]
fn a_card_from_nothing_is_found_and_one_that_drops_there_is_not() {
    let mut bounds = field();
    let mut player = Sheet::new(1, 0);
    player.comes(&mut bounds, "field", 0);
    player.has(CARD, 1);
    assert!(player.saved(&mut bounds, "field", 60).is_empty(), "luck");
    player.has(FOREIGN_CARD, 1);
    assert_eq!(rules_of(&player.saved(&mut bounds, "field", 120)), [("item", Grade::Grave)]);
    player.has(CARD, 41);
    assert_eq!(rules_of(&player.saved(&mut bounds, "field", 180)), [("item", Grade::Suspect)], "not that much luck");
}

#[test]
fn a_card_in_a_slot_is_a_card() {
    let mut bounds = field();
    let mut player = Sheet::new(1, 0);
    player.bag = vec![sword(0, [0; 4])];
    player.comes(&mut bounds, "field", 0);
    player.bag = vec![sword(0, [FOREIGN_CARD, 0, 0, 0])];
    assert_eq!(rules_of(&player.saved(&mut bounds, "field", 60)), [("item", Grade::Grave)]);
}

#[test]
fn ten_times_the_experience_of_players_that_hunt_all_there_is_is_found() {
    let mut bounds = field();
    let mut player = Sheet::new(1, 0);
    player.image.set_base_level(50);
    player.comes(&mut bounds, "field", 0);
    let mut exp = 0;
    let found = (1..400).find(|turn| {
        // Ten monsters a second, 50 each, ten times that.
        exp += 10 * 10 * 50 * 10;
        player.image.set_base_exp(exp);
        !player.saved(&mut bounds, "field", turn * 10).is_empty()
    });
    assert!(found.is_some_and(|turn| turn < 30), "{found:?}");
}

#[test]
fn a_hundred_levels_at_once_are_grave() {
    let mut bounds = field();
    let mut player = Sheet::new(1, 0);
    player.comes(&mut bounds, "field", 0);
    player.image.set_base_level(99);
    player.image.set_status_point(1_200);
    let findings = rules_of(&player.saved(&mut bounds, "field", 60));
    assert!(findings.contains(&("base_experience", Grade::Grave)), "{findings:?}");
}

#[test]
fn points_without_levels_are_found() {
    let mut bounds = field();
    let mut player = Sheet::new(1, 0);
    player.comes(&mut bounds, "field", 0);
    player.image.set_str(99);
    assert_eq!(rules_of(&player.saved(&mut bounds, "field", 60)), [("status_points", Grade::Grave)]);
}

#[test]
fn a_sword_refined_to_ten_without_any_material_is_found() {
    let mut bounds = field();
    let mut player = Sheet::new(1, 0);
    player.bag = vec![sword(0, [0; 4])];
    player.comes(&mut bounds, "field", 0);
    player.bag = vec![sword(10, [0; 4])];
    assert_eq!(rules_of(&player.saved(&mut bounds, "field", 60)), [("refine", Grade::Grave)]);
}

#[test]
fn an_item_that_does_not_exist_is_grave_whatever_scripts_may_give() {
    let mut economy = economy();
    economy.groups.get_mut("field").expect("there").scripted.any_item = true;
    let mut bounds = Bounds::new(economy, rules());
    let mut player = Sheet::new(1, 0);
    player.comes(&mut bounds, "field", 0);
    player.has(59_999, 1);
    assert_eq!(rules_of(&player.saved(&mut bounds, "field", 60)), [("item", Grade::Grave)]);
}

#[test]
fn what_a_storage_holds_that_nobody_loaded_came_from_nowhere() {
    let mut bounds = field();
    let mut player = Sheet::new(1, 0);
    player.has(GOLD, 30);
    bounds.arrives(&player.image, 0, false);
    bounds.enters(player.id(), &group("field"), Duration::ZERO);
    assert_eq!(rules_of(&player.saved(&mut bounds, "field", 60)), [("item", Grade::Suspect)], "5 may be luck, 30 not");
    // After a restart of the coordinator nobody has seen it loaded.
    let mut bounds = field();
    bounds.arrives(&player.image, 0, true);
    bounds.enters(player.id(), &group("field"), Duration::ZERO);
    assert!(player.saved(&mut bounds, "field", 60).is_empty());
    player.has(GOLD, 60);
    assert_eq!(rules_of(&player.saved(&mut bounds, "field", 120)), [("item", Grade::Suspect)]);
}

#[test]
fn a_storage_that_is_asked_for_again_is_not_where_counting_starts() {
    let mut bounds = field();
    let (mut player, mut other) = (Sheet::new(1, 0), Sheet::new(2, 0));
    player.has(FOREIGN_CARD, 1);
    player.comes(&mut bounds, "field", 0);
    other.comes(&mut bounds, "field", 0);
    let before = player.inventory();
    player.has(FOREIGN_CARD, 0);
    assert!(player.saved(&mut bounds, "field", 10).is_empty());
    // The char-server has not heard of it yet: what it says is older.
    bounds.loaded(AccountId(1), StorageKind::INVENTORY, &before);
    other.has(FOREIGN_CARD, 1);
    assert!(other.saved(&mut bounds, "field", 11).is_empty(), "handed over");
    player.has(FOREIGN_CARD, 1);
    let findings = player.saved(&mut bounds, "field", 12);
    let all: Vec<_> = findings.into_iter().chain(later(&mut bounds, 12)).collect();
    assert_eq!(all.len(), 1, "{all:?}: two of one");
}

#[test]
fn what_was_bought_but_never_paid_for_is_found_as_zeny() {
    let mut bounds = Bounds::new(economy(), rules());
    let mut player = Sheet::new(1, 100_000_000);
    player.comes(&mut bounds, "market", 0);
    let mut found = Vec::new();
    for turn in 1..=200_u64 {
        player.has(POTION, i16::try_from(150 * turn).expect("a bag full"));
        found.extend(player.saved(&mut bounds, "market", turn));
    }
    assert!(!found.is_empty() && found.iter().all(|finding| finding.commodity == Commodity::Item(POTION)), "{found:?}");
}

#[test]
fn a_debt_that_nobody_pays_is_found_when_all_others_were_saved() {
    let mut bounds = field();
    let (mut player, rich) = (Sheet::new(1, 0), Sheet::new(2, 2_000_000));
    player.comes(&mut bounds, "field", 0);
    rich.comes(&mut bounds, "field", 0);
    player.image.set_zeny(1_500_000);
    assert!(player.saved(&mut bounds, "field", 10).is_empty(), "the other may have given it");
    assert!(rich.saved(&mut bounds, "field", 11).is_empty());
    assert!(bounds.due(Duration::from_secs(20)).is_empty(), "there is time");
    let findings = later(&mut bounds, 20);
    assert_eq!(rules_of(&findings), [("zeny", Grade::Grave)]);
    assert_eq!(findings[0].player, Some(player.id()));
}

#[test]
fn a_host_that_stops_saving_the_giver_gains_nothing_by_it() {
    let mut bounds = field();
    let (mut player, rich) = (Sheet::new(1, 0), Sheet::new(2, 2_000_000));
    player.comes(&mut bounds, "field", 0);
    rich.comes(&mut bounds, "field", 0);
    player.image.set_zeny(1_500_000);
    assert!(player.saved(&mut bounds, "field", 10).is_empty());
    assert_eq!(later(&mut bounds, 10).len(), 1);
}

#[test]
fn more_than_all_of_them_have_cannot_be_owed() {
    let mut bounds = field();
    let mut players: Vec<_> = (1..=3).map(|number| Sheet::new(number, 0)).collect();
    players[0].image.set_zeny(2_000_000);
    players.iter().for_each(|player| player.comes(&mut bounds, "field", 0));
    players[1].image.set_zeny(1_500_000);
    players[2].image.set_zeny(2_100_000);
    assert!(players[1].saved(&mut bounds, "field", 10).is_empty());
    assert_eq!(rules_of(&players[2].saved(&mut bounds, "field", 10)), [("zeny", Grade::Grave)]);
}

#[test]
fn laundering_through_two_groups_is_found_at_the_one_that_printed() {
    let mut bounds = field();
    let (mut mule, mut rich) = (Sheet::new(1, 0), Sheet::new(2, 5_000_000));
    mule.comes(&mut bounds, "field", 0);
    rich.comes(&mut bounds, "field", 0);
    mule.image.set_zeny(5_000_000);
    let mut findings = mule.saved(&mut bounds, "field", 10);
    // Both go on to an honest host, where the one hands it to the other.
    mule.comes(&mut bounds, "market", 12);
    rich.comes(&mut bounds, "market", 12);
    mule.image.set_zeny(0);
    rich.image.set_zeny(10_000_000);
    findings.extend(rich.saved(&mut bounds, "market", 20));
    findings.extend(mule.saved(&mut bounds, "market", 21));
    findings.extend(later(&mut bounds, 21));
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!((&findings[0].host, findings[0].gained), (&host("field-host"), 5_000_000));
}

#[test]
fn mail_that_nobody_had_the_zeny_for_is_found() {
    let mut bounds = field();
    let mut player = Sheet::new(1, 2_000_000);
    player.comes(&mut bounds, "field", 0);
    let send = |bounds: &mut Bounds, zeny, now| {
        bounds.sends(&group("field"), &host("pc"), CharacterId(1), (zeny, &[]), Duration::from_secs(now))
    };
    assert!(send(&mut bounds, 1_500_000, 5).is_empty(), "it has that much");
    player.image.set_zeny(500_000);
    assert!(player.saved(&mut bounds, "field", 6).is_empty());
    assert!(later(&mut bounds, 6).is_empty(), "the save says that it is gone");
    assert_eq!(rules_of(&send(&mut bounds, 1_500_000, 400)), [("zeny", Grade::Grave)]);
    bounds.received(&group("field"), 700_000, &[], Duration::from_secs(500));
    player.image.set_zeny(1_200_000);
    assert!(player.saved(&mut bounds, "field", 501).is_empty(), "an attachment came");
}

#[test]
fn memory_is_bounded_by_what_players_hold() {
    let mut bounds = field();
    let mut player = Sheet::new(1, 0);
    player.comes(&mut bounds, "field", 0);
    let mut largest = 0;
    for turn in 0..400_u32 {
        player.bag =
            (0..100).map(|place| Item { kind: 20_000 + turn * 100 + place, amount: 1, ..Item::default() }).collect();
        player.saved(&mut bounds, "field", u64::from(turn));
        bounds.due(Duration::from_secs(turn.into()));
        largest = largest.max(bounds.size().1);
    }
    assert!(largest < limits::MAX_CREDITS + 2_000, "{largest}");
    bounds.due(Duration::from_secs(10_000));
    assert!(bounds.size().1 < 10, "and forgotten: {:?}", bounds.size());
    bounds.forget(player.id());
    assert_eq!(bounds.size().0, 0);
}
