//! An inventory, cart or storage (`s_storage`, mmo.hpp).

use super::descriptor::layout;
use super::{Item, StorageImage};
use crate::{Reader, WireRead, WireWrite, Writer};

layout! {
    /// The header in front of the items.
    pub struct StorageHeader of StorageImage, "s_storage";
    fields {
        /// 1 when it has to be saved. Of use to the map-server only.
        dirty, set_dirty: u8 = "dirty" @ 0;
        /// 1 when open. Of use to the map-server only.
        status, set_status: u8 = "status" @ 1;
        /// How many items there were when it was loaded. Lags behind: go through the places instead.
        amount, set_amount: u16 = "amount" @ 2;
        lock, set_lock: u8 = "lock" @ 4;
        /// Character of an inventory or cart, account of a storage.
        owner, set_owner: u32 = "id" @ 8;
        /// 1 inventory, 2 cart, 3 storage.
        kind, set_kind: u32 = "type" @ 12;
        /// How many items it takes.
        max_amount, set_max_amount: u16 = "max_amount" @ 16;
        /// Which of the account's storages.
        storage, set_storage: u8 = "stor_id" @ 18;
        /// Bit 0: items may be taken out, bit 1: put in.
        state, set_state: u32 = "state" @ 20;
    }
    blocks { "u" @ 24 [46_200]; }
}

/// Where the items start.
const ITEMS: usize = 24;

impl StorageImage {
    /// `MAX_STORAGE`: places in every image. An inventory uses 200 of them, a cart 100.
    pub const PLACES: usize = 600;

    /// The item in a place; `None` when it is empty or there is no such place.
    #[must_use]
    pub fn item(&self, place: usize) -> Option<Item> {
        let bytes = self.stretch(offset(place), Item::SIZE)?;
        let item = Item::read(&mut Reader::new(bytes), "item").ok()?;
        (item.kind != 0).then_some(item)
    }

    /// All items with their places.
    pub fn items(&self) -> impl Iterator<Item = (usize, Item)> + '_ {
        (0..Self::PLACES).filter_map(|place| self.item(place).map(|item| (place, item)))
    }

    /// Writes a place; `None` empties it. False when there is no such place.
    pub fn set_item(&mut self, place: usize, item: Option<&Item>) -> bool {
        let Some(bytes) = self.stretch_mut(offset(place), Item::SIZE) else { return false };
        let mut writer = Writer::default();
        item.unwrap_or(&Item::default()).write(&mut writer);
        bytes.copy_from_slice(&writer.finish());
        true
    }

    /// Fills an empty image with `items`, as `char_memitemdata_from_sql` does. Items beyond `max_amount` are left out.
    #[must_use]
    pub fn filled(kind: u32, owner: u32, max_amount: u16, items: &[Item]) -> Self {
        let mut image = Self::zeroed();
        let places = Self::PLACES.min(usize::from(max_amount));
        for (place, item) in items.iter().take(places).enumerate() {
            image.set_item(place, Some(item));
        }
        image.set_amount(u16::try_from(items.len().min(places)).unwrap_or(u16::MAX));
        image.set_kind(kind);
        image.set_owner(owner);
        image.set_max_amount(max_amount);
        image
    }
}

/// Where a place starts, far outside when there is no such place.
fn offset(place: usize) -> usize {
    place.saturating_mul(Item::SIZE).saturating_add(ITEMS)
}
