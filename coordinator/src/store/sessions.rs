//! The fleet's journal: who is in game, and the newest state of each that was acknowledged.

use bifrost_protocol::Secret;
use bifrost_protocol::ids::{AccountId, CharacterId, Epoch, GroupName};
use sqlx::any::AnyRow;
use sqlx::query;

use super::row::{Columns, signed};
use super::{Store, StoreError};

/// A player in game.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SessionRow {
    /// The character.
    pub character: CharacterId,
    /// Its account.
    pub account: AccountId,
    /// The map group it is on.
    pub group: GroupName,
    /// First session secret of the account.
    pub login_id1: Secret<u32>,
    /// Second session secret of the account.
    pub login_id2: Secret<u32>,
    /// 0 female, 1 male.
    pub sex: u8,
    /// The account's group (0 player, 99 administrator).
    pub group_id: u32,
    /// `mmo_charstatus` as the char-server sent it.
    pub image: Vec<u8>,
    /// What the engine reported or saved since: an encoded `fleet::kept::Kept`.
    pub update: Option<Vec<u8>>,
    /// The lease epoch under which `update` came.
    pub epoch: Epoch,
    /// The sync sequence with which `update` came.
    pub sequence: u64,
}

/// New state of one character: who, under which lease epoch, with which sync sequence, and the encoded `Kept`.
pub type JournalEntry = (CharacterId, Epoch, u64, Vec<u8>);

impl Store {
    /// Keeps a session; an older one of the same character or account is replaced: a player has at most one.
    ///
    /// # Errors
    /// As every call.
    pub async fn begin_session(&self, session: &SessionRow) -> Result<(), StoreError> {
        let statement = query(
            "REPLACE INTO sessions (character_id, account_id, group_name, login_id1, login_id2, sex, group_id, image, \
             player_update, epoch, sequence) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(i64::from(session.character.0))
        .bind(i64::from(session.account.0))
        .bind(session.group.0.as_bytes())
        .bind(i64::from(*session.login_id1.expose()))
        .bind(i64::from(*session.login_id2.expose()))
        .bind(i64::from(session.sex))
        .bind(i64::from(session.group_id))
        .bind(session.image.as_slice())
        .bind(session.update.as_deref())
        .bind(signed(session.epoch.0))
        .bind(signed(session.sequence));
        self.run("beginning a session", async { statement.execute(&self.pool).await.map(drop) }).await
    }

    /// Keeps new states, all or none. Entries that are not newer (by epoch, then sequence) than what is kept, and entries
    /// of characters without session, change nothing. Durable when it returns.
    ///
    /// # Errors
    /// As every call.
    pub async fn journal(&self, entries: &[JournalEntry]) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        self.run("journaling", async {
            let mut transaction = self.begin().await?;
            for (character, epoch, sequence, update) in entries {
                let (epoch, sequence) = (signed(epoch.0), signed(*sequence));
                query(
                    "UPDATE sessions SET player_update = ?, epoch = ?, sequence = ? \
                     WHERE character_id = ? AND (epoch < ? OR (epoch = ? AND sequence < ?))",
                )
                .bind(update.as_slice())
                .bind(epoch)
                .bind(sequence)
                .bind(i64::from(character.0))
                .bind(epoch)
                .bind(epoch)
                .bind(sequence)
                .execute(&mut *transaction)
                .await?;
            }
            transaction.commit().await
        })
        .await
    }

    /// Forgets a session: the char-server has the final state.
    ///
    /// # Errors
    /// As every call.
    pub async fn end_session(&self, character: CharacterId) -> Result<(), StoreError> {
        let statement = query("DELETE FROM sessions WHERE character_id = ?").bind(i64::from(character.0));
        self.run("ending a session", async { statement.execute(&self.pool).await.map(drop) }).await
    }

    /// All sessions, by character.
    ///
    /// # Errors
    /// As every call.
    pub async fn load_sessions(&self) -> Result<Vec<SessionRow>, StoreError> {
        self.run("loading sessions", async {
            let rows = query("SELECT * FROM sessions ORDER BY character_id").fetch_all(&self.pool).await?;
            rows.iter().map(session_row).collect()
        })
        .await
    }
}

fn session_row(row: &AnyRow) -> Result<SessionRow, sqlx::Error> {
    Ok(SessionRow {
        character: CharacterId(row.number("character_id")?),
        account: AccountId(row.number("account_id")?),
        group: GroupName(row.utf8("group_name")?),
        login_id1: Secret::new(row.number("login_id1")?),
        login_id2: Secret::new(row.number("login_id2")?),
        sex: row.number("sex")?,
        group_id: row.number("group_id")?,
        image: row.bytes("image")?,
        update: row.bytes_or_none("player_update")?,
        epoch: Epoch(row.number("epoch")?),
        sequence: row.number("sequence")?,
    })
}
