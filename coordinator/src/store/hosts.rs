//! Registered hosts and the invitations that fallback hosts register with.

use bifrost_protocol::ids::HostId;
use sqlx::any::AnyRow;
use sqlx::query;

use super::row::{Columns, decode};
use super::{Store, StoreError};
use crate::fleet::HostKind;

/// A registered host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HostRow {
    /// Its id.
    pub id: HostId,
    /// Whose machine it is.
    pub kind: HostKind,
    /// What the operator reads in lists.
    pub name: String,
    /// The game account that proved it; none for fallback hosts.
    pub account: Option<u32>,
    /// SHA-256 of the registered key (subject public key info), hex.
    pub key_hash: String,
    /// `linux-x86_64` or `windows-x86_64`.
    pub abi: String,
    /// Whether the operator has thrown it out.
    pub revoked: bool,
    /// Tokens of another epoch are refused.
    pub epoch: i64,
    /// Seconds since the Unix epoch.
    pub created_at: i64,
    /// Seconds since the Unix epoch.
    pub last_seen: i64,
}

impl Store {
    /// Keeps a new host.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when its id or key is registered already.
    pub async fn insert_host(&self, host: &HostRow) -> Result<(), StoreError> {
        let statement = query(
            "INSERT INTO hosts (id, kind, name, account_id, key_hash, abi, revoked, token_epoch, created_at, last_seen) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(host.id.0.as_str())
        .bind(kind_name(host.kind))
        .bind(host.name.as_bytes())
        .bind(host.account.map(i64::from))
        .bind(host.key_hash.as_str())
        .bind(host.abi.as_str())
        .bind(i64::from(host.revoked))
        .bind(host.epoch)
        .bind(host.created_at)
        .bind(host.last_seen);
        self.run("inserting a host", async { statement.execute(&self.pool).await.map(drop) }).await
    }

    /// The host of that id.
    ///
    /// # Errors
    /// As every call.
    pub async fn host(&self, id: &HostId) -> Result<Option<HostRow>, StoreError> {
        self.run("reading a host", async {
            let row = query("SELECT * FROM hosts WHERE id = ?").bind(id.0.as_str()).fetch_optional(&self.pool).await?;
            row.as_ref().map(host_row).transpose()
        })
        .await
    }

    /// The host that registered this key.
    ///
    /// # Errors
    /// As every call.
    pub async fn host_by_key(&self, key_hash: &str) -> Result<Option<HostRow>, StoreError> {
        self.run("reading a host by key", async {
            let row = query("SELECT * FROM hosts WHERE key_hash = ?").bind(key_hash).fetch_optional(&self.pool).await?;
            row.as_ref().map(host_row).transpose()
        })
        .await
    }

    /// How many hosts a game account has registered, and how many of them are revoked.
    ///
    /// # Errors
    /// As every call.
    pub async fn hosts_of_account(&self, account: u32) -> Result<(i64, i64), StoreError> {
        self.run("counting an account's hosts", async {
            let statement = query("SELECT revoked FROM hosts WHERE account_id = ?").bind(i64::from(account));
            let rows = statement.fetch_all(&self.pool).await?;
            let revoked = rows.iter().map(|row| row.flag("revoked").map(i64::from)).sum::<Result<i64, _>>()?;
            Ok((i64::try_from(rows.len()).unwrap_or(i64::MAX), revoked))
        })
        .await
    }

    /// All hosts, oldest first.
    ///
    /// # Errors
    /// As every call.
    pub async fn hosts(&self) -> Result<Vec<HostRow>, StoreError> {
        self.run("listing hosts", async {
            let rows = query("SELECT * FROM hosts ORDER BY created_at, id").fetch_all(&self.pool).await?;
            rows.iter().map(host_row).collect()
        })
        .await
    }

    /// Throws a host out or takes it back; `false` when there is no such host.
    ///
    /// # Errors
    /// As every call.
    pub async fn set_host_revoked(&self, id: &HostId, revoked: bool) -> Result<bool, StoreError> {
        let statement = query("UPDATE hosts SET revoked = ? WHERE id = ?").bind(i64::from(revoked)).bind(id.0.as_str());
        self.run("revoking a host", async { Ok(statement.execute(&self.pool).await?.rows_affected() > 0) }).await
    }

    /// Sets a host's token epoch: tokens of any other are refused from now on.
    ///
    /// # Errors
    /// As every call.
    pub async fn set_host_epoch(&self, id: &HostId, epoch: i64) -> Result<bool, StoreError> {
        let statement = query("UPDATE hosts SET token_epoch = ? WHERE id = ?").bind(epoch).bind(id.0.as_str());
        self.run("setting a token epoch", async { Ok(statement.execute(&self.pool).await?.rows_affected() > 0) }).await
    }

    /// Notes that a host was seen at `now` (seconds since the Unix epoch).
    ///
    /// # Errors
    /// As every call.
    pub async fn touch_host(&self, id: &HostId, now: i64) -> Result<(), StoreError> {
        let statement = query("UPDATE hosts SET last_seen = ? WHERE id = ?").bind(now).bind(id.0.as_str());
        self.run("touching a host", async { statement.execute(&self.pool).await.map(drop) }).await
    }

    /// Keeps an invitation: hash of its code, what it makes of a host, when it ends (seconds since the Unix epoch).
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when there is one with that code.
    pub async fn create_invitation(&self, code_hash: &str, kind: HostKind, expires_at: i64) -> Result<(), StoreError> {
        let statement = query("INSERT INTO invitations (code_hash, kind, expires_at) VALUES (?, ?, ?)")
            .bind(code_hash)
            .bind(kind_name(kind))
            .bind(expires_at);
        self.run("creating an invitation", async { statement.execute(&self.pool).await.map(drop) }).await
    }

    /// Uses an invitation for `host`, at most once. `None` when it is unknown, used by another host or expired at `now`.
    ///
    /// # Errors
    /// As every call. A host whose call timed out may ask again.
    pub async fn redeem_invitation(
        &self,
        code_hash: &str,
        host: &HostId,
        now: i64,
    ) -> Result<Option<HostKind>, StoreError> {
        let taken = query(
            "UPDATE invitations SET used_by = ? \
             WHERE code_hash = ? AND (used_by IS NULL OR used_by = ?) AND expires_at > ?",
        )
        .bind(host.0.as_str())
        .bind(code_hash)
        .bind(host.0.as_str())
        .bind(now);
        self.run("redeeming an invitation", async {
            if taken.execute(&self.pool).await?.rows_affected() == 0 {
                return Ok(None);
            }
            let row = query("SELECT kind FROM invitations WHERE code_hash = ?").bind(code_hash);
            kind(&row.fetch_one(&self.pool).await?).map(Some)
        })
        .await
    }
}

fn host_row(row: &AnyRow) -> Result<HostRow, sqlx::Error> {
    Ok(HostRow {
        id: HostId(row.text("id")?),
        kind: kind(row)?,
        name: row.utf8("name")?,
        account: row.number_or_none("account_id")?,
        key_hash: row.text("key_hash")?,
        abi: row.text("abi")?,
        revoked: row.flag("revoked")?,
        epoch: row.number("token_epoch")?,
        created_at: row.number("created_at")?,
        last_seen: row.number("last_seen")?,
    })
}

const fn kind_name(kind: HostKind) -> &'static str {
    match kind {
        HostKind::Player => "player",
        HostKind::Fallback => "fallback",
    }
}

fn kind(row: &AnyRow) -> Result<HostKind, sqlx::Error> {
    match row.text("kind")?.as_str() {
        "player" => Ok(HostKind::Player),
        "fallback" => Ok(HostKind::Fallback),
        other => Err(decode("kind", format!("{other} is no kind of host"))),
    }
}
