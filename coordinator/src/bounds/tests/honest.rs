//! Honest things that look odd.

use super::*;

#[test]
fn a_trade_is_none_whoever_is_saved_first() {
    for giver_first in [true, false] {
        let mut bounds = Bounds::new(economy(), rules());
        let (mut giver, mut taker) = (Sheet::new(1, 5_000_000), Sheet::new(2, 0));
        giver.bag = vec![sword(9, [FOREIGN_CARD, 0, 0, 0])];
        giver.comes(&mut bounds, "field", 0);
        taker.comes(&mut bounds, "field", 0);
        giver.image.set_zeny(0);
        taker.image.set_zeny(5_000_000);
        std::mem::swap(&mut giver.bag, &mut taker.bag);
        let order = if giver_first { [&giver, &taker] } else { [&taker, &giver] };
        for (player, now) in order.into_iter().zip([10, 24]) {
            assert_eq!(player.saved(&mut bounds, "field", now), []);
        }
        assert!((30..600).all(|now| bounds.due(Duration::from_secs(now)).is_empty()), "{giver_first}");
    }
}

#[test]
fn a_save_without_the_bags_is_explained_by_the_next_one() {
    let mut bounds = Bounds::new(economy(), rules());
    let mut player = Sheet::new(1, 0);
    player.has(GOLD, 20);
    player.comes(&mut bounds, "market", 0);
    player.has(GOLD, 0);
    player.image.set_zeny(20 * 124_000);
    let save = Saved { character: player.id(), image: &player.image, storages: &[], guild: None };
    assert_eq!(bounds.saved(&group("market"), &host("pc"), &save, Duration::from_secs(5)), []);
    assert_eq!(player.saved(&mut bounds, "market", 6), []);
    assert!((6..600).all(|now| bounds.due(Duration::from_secs(now)).is_empty()));
}

#[test]
fn a_storage_is_emptied_into_a_bag() {
    let mut bounds = Bounds::new(economy(), rules());
    let mut player = Sheet::new(1, 0);
    player.comes(&mut bounds, "field", 0);
    let held = [sword(7, [FOREIGN_CARD, FOREIGN_CARD, 0, 0])];
    let storage = |items: &[Item]| StorageImage::filled(3, 1, 600, items);
    bounds.loaded(AccountId(1), StorageKind::STORAGE, &storage(&held));
    player.bag = held.to_vec();
    let save = |kind, image| StorageSave { kind, account: AccountId(1), character: CharacterId(1), image };
    let storages = [save(StorageKind::STORAGE, storage(&[])), save(StorageKind::INVENTORY, player.inventory())];
    let saved = Saved { character: player.id(), image: &player.image, storages: &storages, guild: None };
    assert_eq!(bounds.saved(&group("field"), &host("pc"), &saved, Duration::from_secs(9)), []);
}

#[test]
fn a_guilds_storage_is_shared() {
    let mut bounds = Bounds::new(economy(), rules());
    let (mut one, mut other) = (Sheet::new(1, 0), Sheet::new(2, 0));
    one.bag = vec![sword(4, [CARD, FOREIGN_CARD, 0, 0])];
    one.comes(&mut bounds, "field", 0);
    other.comes(&mut bounds, "field", 0);
    let storage = |items: &[Item]| StorageImage::filled(4, 7, 600, items);
    bounds.guild_loaded(7, &storage(&[]));
    let mut save = |player: &Sheet, image: &StorageImage, now| {
        let (account, character) = (AccountId(player.id().0), player.id());
        let bag = StorageSave { kind: StorageKind::INVENTORY, account, character, image: player.inventory() };
        let saved = Saved { character, image: &player.image, storages: &[bag], guild: Some((7, image)) };
        bounds.saved(&group("field"), &host("pc"), &saved, Duration::from_secs(now))
    };
    std::mem::swap(&mut one.bag, &mut other.bag);
    assert_eq!(save(&one, &storage(&other.bag), 5), [], "put in");
    assert_eq!(save(&other, &storage(&[]), 400), [], "taken out much later");
    other.bag = vec![sword(4, [CARD, FOREIGN_CARD, 0, 0]), sword(0, [FOREIGN_CARD, 0, 0, 0])];
    assert!(!save(&other, &storage(&[]), 500).is_empty());
}

#[test]
fn an_administrator_hands_out_what_it_likes() {
    let mut bounds = Bounds::new(economy(), rules());
    let (master, mut player) = (Sheet::new(1, 0), Sheet::new(2, 0));
    player.comes(&mut bounds, "field", 0);
    bounds.arrives(&master.image, 99, false);
    bounds.enters(master.id(), &group("field"), Duration::ZERO);
    player.image.set_zeny(100_000_000);
    assert_eq!(player.saved(&mut bounds, "field", 60), []);
    bounds.leaves(master.id());
    player.image.set_zeny(200_000_000);
    assert_eq!(player.saved(&mut bounds, "field", 120).len(), 1);
}

#[test]
fn a_group_of_which_nobody_knows_what_it_gives_is_not_judged() {
    let mut bounds = Bounds::new(economy(), rules());
    let mut player = Sheet::new(1, 0);
    player.comes(&mut bounds, "elsewhere", 0);
    player.image.set_zeny(100_000_000);
    assert_eq!(player.saved(&mut bounds, "elsewhere", 60), []);
}
