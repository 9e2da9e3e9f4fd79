//! Honest economies that must never be accused, and attacks that must be found.

mod attacks;
mod honest;
mod market;
mod realm;

use std::time::Duration;

use bifrost_protocol::FixedText;
use bifrost_protocol::ids::{AccountId, CharacterId, GroupName, HostId};
use bifrost_protocol::inter::{StorageKind, StorageSave};
use bifrost_protocol::layout::{CharacterImage, Few, Item, NewCharacter, Point, StorageImage};

use super::facts::{Economy, ItemFacts, ItemId, Rate, Yield};
use super::*;

pub(super) const JELLOPY: ItemId = 909;
pub(super) const POTION: ItemId = 501;
pub(super) const APPLE: ItemId = 512;
pub(super) const BOX: ItemId = 603;
pub(super) const ARROW: ItemId = 1_750;
pub(super) const SWORD: ItemId = 1_101;
pub(super) const ORIDECON: ItemId = 984;
pub(super) const CARD: ItemId = 4_001;
pub(super) const FOREIGN_CARD: ItemId = 4_147;
pub(super) const GOLD: ItemId = 969;

pub(super) fn group(name: &str) -> GroupName {
    GroupName(name.into())
}

pub(super) fn host(name: &str) -> HostId {
    HostId(name.into())
}

pub(super) fn rules() -> Rules {
    Rules { slack: 1.25, experience: 1.0, items: 1.0, enforce: false }
}

fn item(name: &str, sells_for: u32) -> ItemFacts {
    ItemFacts { name: name.into(), stacks: true, sells_for, ..ItemFacts::default() }
}

/// A field of 100 monsters that come back after ten seconds, and one like it with a shop that buys and sells.
pub(super) fn economy() -> Economy {
    let kills = Rate { at_once: 100.0, per_second: 10.0 };
    let of = |each: f64| Rate { at_once: each * kills.at_once, per_second: each * kills.per_second };
    let field = Yield {
        kills,
        base_experience: of(50.0),
        job_experience: of(20.0),
        zeny: Rate::default(),
        items: [(JELLOPY, of(0.7)), (APPLE, of(0.1)), (BOX, of(2e-3)), (CARD, of(1e-4)), (GOLD, of(1e-5))].into(),
        ..Yield::default()
    };
    let mut with_shop = Yield { sold: [(POTION, 38)].into(), buys: true, works_on_items: true, ..field.clone() };
    with_shop.items.insert(ORIDECON, of(1e-3));
    let card = ItemFacts { card: true, ..item("Card", 10) };
    let sword = ItemFacts { stacks: false, slots: 3, refinable: true, ..item("Sword", 50) };
    let table: Vec<u64> = (0..99).map(|level| level * level * 1_000).collect();
    Economy {
        items: [
            (JELLOPY, item("Jellopy", 3)),
            (POTION, item("Red_Potion", 31)),
            (APPLE, item("Apple", 9)),
            (BOX, item("Old_Blue_Box", 5_000)),
            (ARROW, item("Arrow", 1)),
            (SWORD, sword),
            (ORIDECON, item("Oridecon", 550)),
            (GOLD, item("Gold", 124_000)),
            (CARD, card.clone()),
            (FOREIGN_CARD, card),
        ]
        .into(),
        made_of: [(ARROW, [JELLOPY].into()), (SWORD, [BOX].into())].into(),
        base_levels: [(0, table.clone()), (1, table.clone())].into(),
        job_levels: [(0, table.clone()), (1, table)].into(),
        groups: [("field".to_owned(), field), ("market".to_owned(), with_shop)].into(),
        ..Economy::default()
    }
}

/// A character with its bags, as a map-server saves it.
pub(super) struct Sheet {
    pub(super) image: CharacterImage,
    pub(super) bag: Vec<Item>,
}

impl Sheet {
    pub(super) fn new(number: u32, zeny: i32) -> Self {
        let image = CharacterImage::fresh(&NewCharacter {
            account: AccountId(number),
            character: CharacterId(number),
            name: FixedText::new(format!("p{number}")),
            slot: 0,
            sex: 1,
            class: 0,
            hair: 1,
            hair_color: 0,
            start: Point::default(),
            status_point: 48,
            zeny,
        });
        Self { image, bag: Vec::new() }
    }

    pub(super) fn id(&self) -> CharacterId {
        self.image.view().character
    }

    pub(super) fn has(&mut self, kind: ItemId, amount: i16) {
        self.bag.retain(|item| item.kind != kind);
        if amount > 0 {
            self.bag.push(Item { kind, amount, ..Item::default() });
        }
    }

    pub(super) fn inventory(&self) -> StorageImage {
        StorageImage::filled(1, self.id().0, 100, &self.bag)
    }

    /// It comes to a group, with its inventory loaded.
    pub(super) fn comes(&self, bounds: &mut Bounds, to: &str, now: u64) {
        let now = Duration::from_secs(now);
        bounds.arrives(&self.image, 0, false);
        bounds.loaded(AccountId(self.id().0), StorageKind::INVENTORY, &self.inventory());
        bounds.enters(self.id(), &group(to), now);
    }

    pub(super) fn saved(&self, bounds: &mut Bounds, at: &str, now: u64) -> Vec<Finding> {
        let (account, character) = (AccountId(self.id().0), self.id());
        let storage = StorageSave { kind: StorageKind::INVENTORY, account, character, image: self.inventory() };
        let save = Saved { character, image: &self.image, storages: &[storage], guild: None };
        bounds.saved(&group(at), &host(&format!("{at}-host")), &save, Duration::from_secs(now))
    }
}

/// A slotted item.
pub(super) fn sword(refine: u8, cards: [u32; 4]) -> Item {
    Item { kind: SWORD, amount: 1, refine, cards: Few(cards), ..Item::default() }
}
