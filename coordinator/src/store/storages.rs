//! Inventories, carts and storages of the embedded realm, each kept as the `s_storage` that map-servers save.

use sqlx::query;

use super::row::Columns;
use super::{Store, StoreError};

/// What an `s_storage` holds (`mmo.hpp`, `storage_type`).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum StorageKind {
    /// A character's inventory.
    Inventory = 1,
    /// A character's cart.
    Cart = 2,
    /// An account's storage.
    Storage = 3,
}

impl StorageKind {
    /// The kind of that number on the wire.
    #[must_use]
    pub const fn from_wire(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Inventory),
            2 => Some(Self::Cart),
            3 => Some(Self::Storage),
            _ => None,
        }
    }
}

/// Which storage.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct StorageKey {
    /// What it holds.
    pub kind: StorageKind,
    /// Character id of inventories and carts, account id of storages.
    pub owner: u32,
    /// Which of the account's storages; 0 for the others.
    pub number: u8,
}

impl Store {
    /// The storage's bytes; none when nothing was ever put into it.
    ///
    /// # Errors
    /// As every call.
    pub async fn storage(&self, key: StorageKey) -> Result<Option<Vec<u8>>, StoreError> {
        let statement = query("SELECT body FROM storages WHERE kind = ? AND owner = ? AND number = ?")
            .bind(key.kind as i64)
            .bind(i64::from(key.owner))
            .bind(i64::from(key.number));
        self.run("reading a storage", async {
            statement.fetch_optional(&self.pool).await?.map(|row| row.bytes("body")).transpose()
        })
        .await
    }

    /// Keeps the storage's bytes. Durable when it returns.
    ///
    /// # Errors
    /// As every call.
    pub async fn save_storage(&self, key: StorageKey, body: &[u8]) -> Result<(), StoreError> {
        let statement = query("REPLACE INTO storages (kind, owner, number, body) VALUES (?, ?, ?, ?)")
            .bind(key.kind as i64)
            .bind(i64::from(key.owner))
            .bind(i64::from(key.number))
            .bind(body);
        self.run("saving a storage", async { statement.execute(&self.pool).await.map(drop) }).await
    }
}
