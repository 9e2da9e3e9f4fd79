//! What a map-server hands in when a character leaves and asks for when it comes back, kept whole.

use bifrost_protocol::ids::CharacterId;
use sqlx::query;

use super::row::Columns;
use super::{Store, StoreError};

/// What is kept: always the list of structs as it stood in the packet.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Belonging {
    /// `status_change_data` (0x2b1c).
    StatusChanges,
    /// `s_skill_cooldown_data` (0x2b15).
    Cooldowns,
    /// `bonus_script_data` (0x2b2e).
    BonusScripts,
    /// `quest` (0x3061).
    Quests,
    /// `achievement` (0x3063).
    Achievements,
}

impl Belonging {
    const fn name(self) -> &'static str {
        match self {
            Self::StatusChanges => "status",
            Self::Cooldowns => "cooldown",
            Self::BonusScripts => "bonus-script",
            Self::Quests => "quest",
            Self::Achievements => "achievement",
        }
    }
}

impl Store {
    /// What is kept of that kind; empty when there is nothing.
    ///
    /// # Errors
    /// As every call.
    pub async fn belonging(&self, kind: Belonging, character: CharacterId) -> Result<Vec<u8>, StoreError> {
        self.run("reading belongings", async {
            let statement = query("SELECT body FROM belongings WHERE kind = ? AND character_id = ?");
            let row = statement.bind(kind.name()).bind(i64::from(character.0)).fetch_optional(&self.pool).await?;
            Ok(row.map(|row| row.bytes("body")).transpose()?.unwrap_or_default())
        })
        .await
    }

    /// Keeps `body`; an empty one removes what is there. Durable when it returns.
    ///
    /// # Errors
    /// As every call.
    pub async fn save_belonging(&self, kind: Belonging, character: CharacterId, body: &[u8]) -> Result<(), StoreError> {
        let statement = if body.is_empty() {
            query("DELETE FROM belongings WHERE kind = ? AND character_id = ?")
                .bind(kind.name())
                .bind(i64::from(character.0))
        } else {
            query("REPLACE INTO belongings (kind, character_id, body) VALUES (?, ?, ?)")
                .bind(kind.name())
                .bind(i64::from(character.0))
                .bind(body)
        };
        self.run("saving belongings", async { statement.execute(&self.pool).await.map(drop) }).await
    }
}
