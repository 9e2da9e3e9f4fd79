//! Game accounts of the embedded realm.

use bifrost_protocol::ids::AccountId;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, query};

use super::row::Columns;
use super::{Store, StoreError};

/// A game account.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "holds a password hash")]
pub struct AccountRow {
    /// Its id.
    pub id: AccountId,
    /// Its name, in lower case.
    pub name: String,
    /// Password hash in PHC form.
    pub password: String,
    /// 0 female, 1 male.
    pub sex: u8,
    /// 0 player, 99 administrator.
    pub group_id: u32,
    /// Whether it may not log in.
    pub banned: bool,
    /// Seconds since the Unix epoch; 0 never.
    pub last_login: i64,
}

/// A game account to be.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "holds a password hash")]
pub struct NewAccount<'a> {
    /// Its name, in lower case.
    pub name: &'a str,
    /// Password hash in PHC form.
    pub password: &'a str,
    /// 0 female, 1 male.
    pub sex: u8,
    /// 0 player, 99 administrator.
    pub group_id: u32,
    /// Seconds since the Unix epoch.
    pub created_at: i64,
}

impl Store {
    /// Creates an account.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the name is taken.
    pub async fn create_account(&self, account: &NewAccount<'_>) -> Result<AccountId, StoreError> {
        self.run("creating an account", async {
            let mut transaction = self.begin().await?;
            let id = next(&mut transaction, "account").await?;
            query(
                "INSERT INTO accounts (account_id, name, password, sex, group_id, banned, created_at, last_login) \
                 VALUES (?, ?, ?, ?, ?, 0, ?, 0)",
            )
            .bind(i64::from(id))
            .bind(account.name)
            .bind(account.password)
            .bind(i64::from(account.sex))
            .bind(i64::from(account.group_id))
            .bind(account.created_at)
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
            Ok(AccountId(id))
        })
        .await
    }

    /// The account of that name (in lower case).
    ///
    /// # Errors
    /// As every call.
    pub async fn account_by_name(&self, name: &str) -> Result<Option<AccountRow>, StoreError> {
        self.run("reading an account by name", async {
            let row = query("SELECT * FROM accounts WHERE name = ?").bind(name).fetch_optional(&self.pool).await?;
            row.as_ref().map(account_row).transpose()
        })
        .await
    }

    /// The account of that id.
    ///
    /// # Errors
    /// As every call.
    pub async fn account(&self, id: AccountId) -> Result<Option<AccountRow>, StoreError> {
        self.run("reading an account", async {
            let statement = query("SELECT * FROM accounts WHERE account_id = ?").bind(i64::from(id.0));
            statement.fetch_optional(&self.pool).await?.as_ref().map(account_row).transpose()
        })
        .await
    }

    /// All accounts, by id.
    ///
    /// # Errors
    /// As every call.
    pub async fn accounts(&self) -> Result<Vec<AccountRow>, StoreError> {
        self.run("listing accounts", async {
            let rows = query("SELECT * FROM accounts ORDER BY account_id").fetch_all(&self.pool).await?;
            rows.iter().map(account_row).collect()
        })
        .await
    }

    /// Bans an account or takes it back; `false` when there is no such account.
    ///
    /// # Errors
    /// As every call.
    pub async fn set_account_banned(&self, id: AccountId, banned: bool) -> Result<bool, StoreError> {
        let statement =
            query("UPDATE accounts SET banned = ? WHERE account_id = ?").bind(i64::from(banned)).bind(i64::from(id.0));
        self.run("banning an account", async { Ok(statement.execute(&self.pool).await?.rows_affected() > 0) }).await
    }

    /// Notes a login at `now` (seconds since the Unix epoch).
    ///
    /// # Errors
    /// As every call.
    pub async fn touch_account(&self, id: AccountId, now: i64) -> Result<(), StoreError> {
        let statement =
            query("UPDATE accounts SET last_login = ? WHERE account_id = ?").bind(now).bind(i64::from(id.0));
        self.run("touching an account", async { statement.execute(&self.pool).await.map(drop) }).await
    }
}

/// Takes the next number of a counter. Part of the caller's transaction: nobody else gets it, and it is given back when
/// the transaction fails.
pub(super) async fn next(connection: &mut AnyConnection, counter: &'static str) -> Result<u32, sqlx::Error> {
    query("UPDATE counters SET value = value + 1 WHERE name = ?").bind(counter).execute(&mut *connection).await?;
    query("SELECT value FROM counters WHERE name = ?").bind(counter).fetch_one(connection).await?.number("value")
}

fn account_row(row: &AnyRow) -> Result<AccountRow, sqlx::Error> {
    Ok(AccountRow {
        id: AccountId(row.number("account_id")?),
        name: row.text("name")?,
        password: row.text("password")?,
        sex: row.number("sex")?,
        group_id: row.number("group_id")?,
        banned: row.flag("banned")?,
        last_login: row.number("last_login")?,
    })
}
