//! What stock map-servers write where their realm has no database for them: rows that go with a map group, and logs.

use sqlx::query;

use super::row::Columns;
use super::{Store, StoreError};

/// One table of one map group.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EngineTable<'a> {
    /// The map group; empty: the whole realm's.
    pub group: &'a [u8],
    /// The table, as map-servers name it.
    pub name: &'a str,
}

/// A row.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EngineRow {
    /// Its key.
    pub key: Vec<u8>,
    /// All of it.
    pub body: Vec<u8>,
}

/// A line of a log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EngineLine {
    /// When it came, in microseconds since the Unix epoch; no two lines have the same.
    pub id: i64,
    /// The host that says so.
    pub host: String,
    /// Which log.
    pub name: String,
    /// What it says, as a JSON object.
    pub line: String,
}

impl Store {
    /// The rows of a table, or the one with this key.
    ///
    /// # Errors
    /// As every call.
    pub async fn engine_rows(&self, of: EngineTable<'_>, key: Option<&[u8]>) -> Result<Vec<EngineRow>, StoreError> {
        let statement = match key {
            None => query("SELECT row_key, body FROM engine_rows WHERE map_group = ? AND name = ?"),
            Some(_) => query("SELECT row_key, body FROM engine_rows WHERE map_group = ? AND name = ? AND row_key = ?"),
        };
        let statement = statement.bind(of.group).bind(of.name);
        let statement = if let Some(key) = key { statement.bind(key) } else { statement };
        self.run("reading engines' rows", async {
            let rows = statement.fetch_all(&self.pool).await?;
            rows.iter().map(|row| Ok(EngineRow { key: row.bytes("row_key")?, body: row.bytes("body")? })).collect()
        })
        .await
    }

    /// How many rows a table has.
    ///
    /// # Errors
    /// As every call.
    pub async fn count_engine_rows(&self, of: EngineTable<'_>) -> Result<usize, StoreError> {
        let statement = query("SELECT COUNT(*) AS number FROM engine_rows WHERE map_group = ? AND name = ?");
        self.run("counting engines' rows", async {
            statement.bind(of.group).bind(of.name).fetch_one(&self.pool).await?.number("number")
        })
        .await
    }

    /// Writes rows, in place of those with the same keys, and removes others: all of it or nothing. Durable when it returns.
    ///
    /// # Errors
    /// As every call.
    pub async fn change_engine_rows(
        &self,
        of: EngineTable<'_>,
        written: &[EngineRow],
        removed: &[Vec<u8>],
    ) -> Result<(), StoreError> {
        self.run("changing engines' rows", async {
            let mut transaction = self.begin().await?;
            for EngineRow { key, body } in written {
                query("REPLACE INTO engine_rows (map_group, name, row_key, body) VALUES (?, ?, ?, ?)")
                    .bind(of.group)
                    .bind(of.name)
                    .bind(key.as_slice())
                    .bind(body.as_slice())
                    .execute(&mut *transaction)
                    .await?;
            }
            for key in removed {
                query("DELETE FROM engine_rows WHERE map_group = ? AND name = ? AND row_key = ?")
                    .bind(of.group)
                    .bind(of.name)
                    .bind(key.as_slice())
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await
        })
        .await
    }

    /// Adds lines to logs; a line that is there already, by its id, is left as it is.
    ///
    /// # Errors
    /// As every call.
    pub async fn append_engine_lines(&self, lines: &[EngineLine]) -> Result<(), StoreError> {
        self.run("writing engines' logs", async {
            let mut transaction = self.begin().await?;
            for EngineLine { id, host, name, line } in lines {
                query("REPLACE INTO engine_logs (id, host, name, line) VALUES (?, ?, ?, ?)")
                    .bind(id)
                    .bind(host.as_str())
                    .bind(name.as_str())
                    .bind(line.as_bytes())
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await
        })
        .await
    }

    /// Removes all lines from before `oldest`, and of a host's all but the last `most`.
    ///
    /// # Errors
    /// As every call.
    pub async fn prune_engine_lines(&self, host: &str, most: u32, oldest: i64) -> Result<(), StoreError> {
        // MariaDB reads no table it deletes from, but for a table made of it.
        let beyond = "DELETE FROM engine_logs WHERE host = ? AND id <= (SELECT id FROM (SELECT id FROM engine_logs \
                      WHERE host = ? ORDER BY id DESC LIMIT 1 OFFSET ?) AS beyond)";
        self.run("pruning engines' logs", async {
            query("DELETE FROM engine_logs WHERE id < ?").bind(oldest).execute(&self.pool).await?;
            query(beyond).bind(host).bind(host).bind(i64::from(most)).execute(&self.pool).await.map(drop)
        })
        .await
    }

    /// The last lines of a host, oldest first.
    ///
    /// # Errors
    /// As every call.
    pub async fn engine_lines(&self, host: &str, most: u32) -> Result<Vec<EngineLine>, StoreError> {
        let statement = query("SELECT id, name, line FROM engine_logs WHERE host = ? ORDER BY id DESC LIMIT ?");
        self.run("reading engines' logs", async {
            let rows = statement.bind(host).bind(i64::from(most)).fetch_all(&self.pool).await?;
            let line = |row: &sqlx::any::AnyRow| {
                let (id, name, line) = (row.number("id")?, row.text("name")?, row.utf8("line")?);
                Ok(EngineLine { id, host: host.to_owned(), name, line })
            };
            rows.iter().rev().map(line).collect()
        })
        .await
    }
}
