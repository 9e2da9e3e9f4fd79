//! Inventories, carts and storages (`int_storage.cpp`).

use bifrost_protocol::ids::{AccountId, CharacterId};
use bifrost_protocol::inter as wire;
use bifrost_protocol::layout::{Item, StorageImage};

use super::{Answers, Link, Trouble};
use crate::store::{StorageKey, StorageKind};

/// Bits of [`wire::StorageRequest::mode`] that are handed back in the storage (`STOR_MODE_GET`, `STOR_MODE_PUT`).
const MODE: u8 = 0b11;

impl Link<'_> {
    /// 0x308a (`mapif_parse_StorageLoad`).
    pub(super) async fn storage(&mut self, request: &wire::StorageRequest) -> Result<Answers, Trouble> {
        let (account, kind) = (request.account, request.kind);
        let known = key(kind, account, request.character, request.storage);
        let key = match known {
            Some(key) if self.belongs(account, request.character).await? => key,
            _ => {
                return Ok(vec![wire::Storage { kind, account, loaded: 0, image: StorageImage::zeroed() }.into()]);
            }
        };
        let store = &self.context.store;
        let kept = self.insist(|| store.storage(key)).await?.flatten();
        let items = kept.map_or_else(Vec::new, |kept| items(key, &kept));
        let mut image = StorageImage::filled(u32::from(kind.0), key.owner, max_items(key.kind), &items);
        image.set_storage(request.storage);
        image.set_state(u32::from(request.mode & MODE));
        Ok(vec![wire::Storage { kind, account, loaded: 1, image }.into()])
    }

    /// 0x308b (`mapif_parse_StorageSave`). The answer says whether it is durable.
    pub(super) async fn save_storage(&mut self, save: wire::StorageSave) -> Result<Answers, Trouble> {
        let storage = save.image.view().storage;
        let key = key(save.kind, save.account, save.character, storage);
        let saved = match key {
            Some(key) if self.belongs(save.account, save.character).await? => {
                let store = &self.context.store;
                self.insist(|| store.save_storage(key, save.image.as_bytes())).await?.is_some()
            }
            _ => false,
        };
        Ok(vec![wire::StorageSaved { account: save.account, saved: u8::from(saved), kind: save.kind, storage }.into()])
    }
}

fn key(kind: wire::StorageKind, account: AccountId, character: CharacterId, number: u8) -> Option<StorageKey> {
    let kind = StorageKind::from_wire(kind.0)?;
    Some(match kind {
        StorageKind::Inventory | StorageKind::Cart => StorageKey { kind, owner: character.0, number: 0 },
        StorageKind::Storage => StorageKey { kind, owner: account.0, number },
    })
}

/// `MAX_INVENTORY`, `MAX_CART`, `MAX_STORAGE`.
const fn max_items(kind: StorageKind) -> u16 {
    match kind {
        StorageKind::Inventory => 200,
        StorageKind::Cart => 100,
        StorageKind::Storage => 600,
    }
}

/// The items without the gaps between them, as if they came from a table.
fn items(key: StorageKey, kept: &[u8]) -> Vec<Item> {
    match StorageImage::from_bytes(kept) {
        Ok(image) => image.items().map(|(_, item)| item).collect(),
        Err(error) => {
            tracing::error!(owner = key.owner, kind = ?key.kind, %error, "stored items are damaged");
            Vec::new()
        }
    }
}
