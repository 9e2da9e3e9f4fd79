//! Script variables that outlive a login, of accounts and characters of the embedded realm.

use sqlx::any::AnyRow;
use sqlx::query;

use super::row::{Columns, decode};
use super::{Store, StoreError};

/// Most variables of one owner and scope that are read back; a script that keeps more loses some.
const MAX_VARIABLES: i64 = 10_000;

/// Whose variables (`inter.cpp`, `inter_accreg_tosql`: the name's prefix tells).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum RegistryScope {
    /// `##name`: the account, over all realms of a login-server.
    Global = 1,
    /// `#name`: the account.
    Account = 2,
    /// Any other name: the character.
    Character = 3,
}

/// A variable's value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RegistryValue {
    /// A number.
    Number(i64),
    /// Text in the client's code page, at most 254 bytes.
    Text(Vec<u8>),
}

/// A variable. `value` is none where it is to be removed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RegistryEntry {
    /// Its name with prefix, at most 32 bytes.
    pub name: Vec<u8>,
    /// Its place in the array of that name.
    pub index: u32,
    /// Its value.
    pub value: Option<RegistryValue>,
}

impl Store {
    /// The variables of `owner` (account or character id, by scope), by name and index.
    ///
    /// # Errors
    /// As every call.
    pub async fn registry(&self, scope: RegistryScope, owner: u32) -> Result<Vec<RegistryEntry>, StoreError> {
        self.run("reading a registry", async {
            let statement = query("SELECT * FROM registry WHERE scope = ? AND owner = ? ORDER BY name, slot LIMIT ?");
            let statement = statement.bind(scope as i64).bind(i64::from(owner)).bind(MAX_VARIABLES);
            let rows = statement.fetch_all(&self.pool).await?;
            rows.iter().map(registry_entry).collect()
        })
        .await
    }

    /// Sets and removes variables, all or none.
    ///
    /// # Errors
    /// As every call.
    pub async fn save_registry(&self, changes: &[(RegistryScope, u32, RegistryEntry)]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        self.run("saving a registry", async {
            let mut transaction = self.begin().await?;
            for (scope, owner, entry) in changes {
                let (number, text) = match &entry.value {
                    Some(RegistryValue::Number(number)) => (Some(*number), None),
                    Some(RegistryValue::Text(text)) => (None, Some(text.as_slice())),
                    None => (None, None),
                };
                let statement = if entry.value.is_some() {
                    query("REPLACE INTO registry (number, string, scope, owner, name, slot) VALUES (?, ?, ?, ?, ?, ?)")
                        .bind(number)
                        .bind(text)
                } else {
                    query("DELETE FROM registry WHERE scope = ? AND owner = ? AND name = ? AND slot = ?")
                };
                statement
                    .bind(*scope as i64)
                    .bind(i64::from(*owner))
                    .bind(entry.name.as_slice())
                    .bind(i64::from(entry.index))
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await
        })
        .await
    }
}

fn registry_entry(row: &AnyRow) -> Result<RegistryEntry, sqlx::Error> {
    let value = match (row.number_or_none("number")?, row.bytes_or_none("string")?) {
        (Some(number), None) => RegistryValue::Number(number),
        (None, Some(text)) => RegistryValue::Text(text),
        _ => return Err(decode("number", "is neither a number nor text")),
    };
    Ok(RegistryEntry { name: row.bytes("name")?, index: row.number("slot")?, value: Some(value) })
}
