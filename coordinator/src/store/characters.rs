//! Characters of the embedded realm, each kept as the `mmo_charstatus` that map-servers save.

use bifrost_protocol::ids::{AccountId, CharacterId};
use sqlx::any::AnyRow;
use sqlx::query;

use super::accounts::next;
use super::row::Columns;
use super::{Store, StoreError};

/// A character.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CharacterRow {
    /// Its id.
    pub id: CharacterId,
    /// Its account.
    pub account: AccountId,
    /// Its place in the character list.
    pub slot: u8,
    /// Its name, in the client's code page.
    pub name: Vec<u8>,
    /// `mmo_charstatus`.
    pub image: Vec<u8>,
}

/// A character to be.
#[derive(Clone, Copy, Debug)]
pub struct NewCharacter<'a> {
    /// Its account.
    pub account: AccountId,
    /// Its place in the character list.
    pub slot: u8,
    /// Its name, in the client's code page, at most 23 bytes.
    pub name: &'a [u8],
}

impl Store {
    /// Creates a character; `image` makes its `mmo_charstatus` from the id it gets.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the name (whatever its case) or the slot is taken.
    pub async fn create_character(
        &self,
        new: NewCharacter<'_>,
        image: impl FnOnce(CharacterId) -> Vec<u8> + Send,
    ) -> Result<CharacterRow, StoreError> {
        self.run("creating a character", async {
            let mut transaction = self.begin().await?;
            let id = CharacterId(next(&mut transaction, "character").await?);
            let image = image(id);
            query(
                "INSERT INTO characters (character_id, account_id, slot, name, name_key, image, online) \
                 VALUES (?, ?, ?, ?, ?, ?, 0)",
            )
            .bind(i64::from(id.0))
            .bind(i64::from(new.account.0))
            .bind(i64::from(new.slot))
            .bind(new.name)
            .bind(new.name.to_ascii_lowercase())
            .bind(image.as_slice())
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
            Ok(CharacterRow { id, account: new.account, slot: new.slot, name: new.name.to_vec(), image })
        })
        .await
    }

    /// An account's characters, by slot.
    ///
    /// # Errors
    /// As every call.
    pub async fn characters(&self, account: AccountId) -> Result<Vec<CharacterRow>, StoreError> {
        self.run("listing characters", async {
            let statement = query("SELECT * FROM characters WHERE account_id = ? ORDER BY slot");
            let rows = statement.bind(i64::from(account.0)).fetch_all(&self.pool).await?;
            rows.iter().map(character_row).collect()
        })
        .await
    }

    /// The character of that id.
    ///
    /// # Errors
    /// As every call.
    pub async fn character(&self, id: CharacterId) -> Result<Option<CharacterRow>, StoreError> {
        self.run("reading a character", async {
            let statement = query("SELECT * FROM characters WHERE character_id = ?").bind(i64::from(id.0));
            statement.fetch_optional(&self.pool).await?.as_ref().map(character_row).transpose()
        })
        .await
    }

    /// Whether a name is taken, whatever its case.
    ///
    /// # Errors
    /// As every call.
    pub async fn character_name_taken(&self, name: &[u8]) -> Result<bool, StoreError> {
        self.run("looking up a name", async {
            let statement = query("SELECT character_id FROM characters WHERE name_key = ?");
            Ok(statement.bind(name.to_ascii_lowercase()).fetch_optional(&self.pool).await?.is_some())
        })
        .await
    }

    /// Keeps a character's state; `false` when there is no such character on that account. Durable when it returns.
    ///
    /// # Errors
    /// As every call.
    pub async fn save_character(&self, account: AccountId, id: CharacterId, image: &[u8]) -> Result<bool, StoreError> {
        let statement = query("UPDATE characters SET image = ? WHERE character_id = ? AND account_id = ?")
            .bind(image)
            .bind(i64::from(id.0))
            .bind(i64::from(account.0));
        self.run("saving a character", async { Ok(statement.execute(&self.pool).await?.rows_affected() > 0) }).await
    }

    /// Notes whether a character is in game.
    ///
    /// # Errors
    /// As every call.
    pub async fn set_character_online(&self, id: CharacterId, online: bool) -> Result<(), StoreError> {
        let statement = query("UPDATE characters SET online = ? WHERE character_id = ?")
            .bind(i64::from(online))
            .bind(i64::from(id.0));
        self.run("setting a character online", async { statement.execute(&self.pool).await.map(drop) }).await
    }

    /// Nobody is in game: the realm starts.
    ///
    /// # Errors
    /// As every call.
    pub async fn set_all_characters_offline(&self) -> Result<(), StoreError> {
        self.run("setting all characters offline", async {
            query("UPDATE characters SET online = 0 WHERE online <> 0").execute(&self.pool).await.map(drop)
        })
        .await
    }
}

fn character_row(row: &AnyRow) -> Result<CharacterRow, sqlx::Error> {
    Ok(CharacterRow {
        id: CharacterId(row.number("character_id")?),
        account: AccountId(row.number("account_id")?),
        slot: row.number("slot")?,
        name: row.bytes("name")?,
        image: row.bytes("image")?,
    })
}
