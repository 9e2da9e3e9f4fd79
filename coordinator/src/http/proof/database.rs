//! By rAthena's `login` table (`sql-files/main.sql`; what is checked: `login.cpp`, `login_mmo_auth`).

use std::time::{Duration, SystemTime};

use bifrost_protocol::ids::AccountId;
use md5::{Digest, Md5};
use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlPoolOptions, MySqlRow};
use sqlx::{FromRow, Row as _};

use super::ProofError;
use crate::identity::{hex_text, same_secret};

/// Connections to rAthena's database for this: registrations are rare.
const MAX_CONNECTIONS: u32 = 2;
/// The longest a query may take, connecting included.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A column so long and of hex digits only is an MD5 (`use_MD5_passwords` in `login_athena.conf`).
const MD5_DIGITS: usize = 32;

/// rAthena's `login` table.
#[derive(Clone, Debug)]
pub struct AccountDatabase {
    pool: MySqlPool,
}

/// A row of the table.
struct Row {
    account_id: u32,
    user_pass: String,
    /// Not 0: the reason a login is refused, plus one.
    state: u32,
    /// Unix seconds.
    unban_time: u32,
    /// Unix seconds; 0 never.
    expiration_time: u32,
    /// `S`: a server's account.
    sex: String,
}

impl AccountDatabase {
    /// Connects when first asked.
    ///
    /// # Errors
    /// `url` is not one of MySQL.
    pub fn new(url: &str) -> Result<Self, sqlx::Error> {
        let options: MySqlConnectOptions = url.parse()?;
        let pool = MySqlPoolOptions::new().max_connections(MAX_CONNECTIONS).acquire_timeout(TIMEOUT);
        Ok(Self { pool: pool.connect_lazy_with(options) })
    }

    pub(super) async fn verify(&self, name: &str, password: &str) -> Result<Option<AccountId>, ProofError> {
        let query = sqlx::query_as::<_, Row>(
            "SELECT account_id, user_pass, state, unban_time, expiration_time, CAST(sex AS CHAR) AS sex \
             FROM login WHERE userid = ? LIMIT 1",
        );
        let found = tokio::time::timeout(TIMEOUT, query.bind(name).fetch_optional(&self.pool)).await;
        let row = found
            .map_err(|_| ProofError::Unavailable(format!("the login table did not answer within {TIMEOUT:?}")))?
            .map_err(|error| ProofError::Unavailable(format!("reading the login table: {error}")))?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Ok(row.filter(|row| row.admits(password, now)).map(|row| AccountId(row.account_id)))
    }
}

impl FromRow<'_, MySqlRow> for Row {
    fn from_row(row: &MySqlRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            account_id: row.try_get("account_id")?,
            user_pass: row.try_get("user_pass")?,
            state: row.try_get("state")?,
            unban_time: row.try_get("unban_time")?,
            expiration_time: row.try_get("expiration_time")?,
            sex: row.try_get("sex")?,
        })
    }
}

impl Row {
    /// Whether `password` may log in at `now` (Unix seconds).
    fn admits(&self, password: &str, now: u64) -> bool {
        let is_digest =
            self.user_pass.len() == MD5_DIGITS && self.user_pass.bytes().all(|byte| byte.is_ascii_hexdigit());
        // Never the digest itself: who has stolen the table must not get in with what stands in it.
        let same = if is_digest {
            let digest = hex_text(&Md5::digest(password.as_bytes()));
            same_secret(digest.as_bytes(), self.user_pass.to_ascii_lowercase().as_bytes())
        } else {
            same_secret(password.as_bytes(), self.user_pass.as_bytes())
        };
        let expired = self.expiration_time != 0 && u64::from(self.expiration_time) < now;
        same && self.state == 0 && u64::from(self.unban_time) <= now && !expired && self.sex != "S"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000;

    #[test]
    fn plain_and_md5_passwords_are_compared_as_what_they_are() {
        assert!(row("secret").admits("secret", NOW));
        assert!(!row("secret").admits("Secret", NOW));
        let digest = "5ebe2294ecd0e0f08eab7690d2a6ee69";
        assert!(row(digest).admits("secret", NOW));
        assert!(row(&digest.to_uppercase()).admits("secret", NOW));
        assert!(!row(digest).admits(digest, NOW), "the digest is not the password");
    }

    #[test]
    fn accounts_that_may_not_log_in_prove_nothing() {
        assert!(!Row { state: 5, ..row("x") }.admits("x", NOW), "blocked");
        assert!(!Row { unban_time: 1_700_000_001, ..row("x") }.admits("x", NOW), "banned for a while");
        assert!(Row { unban_time: 1_699_999_999, ..row("x") }.admits("x", NOW), "a ban that is over");
        assert!(!Row { expiration_time: 1_699_999_999, ..row("x") }.admits("x", NOW), "expired");
        assert!(!Row { sex: "S".into(), ..row("x") }.admits("x", NOW), "a server's account");
    }

    /// With `BIFROST_TEST_MYSQL`, on a real server.
    #[tokio::test]
    async fn a_real_login_table_is_read() {
        let Ok(server) = std::env::var("BIFROST_TEST_MYSQL") else { return };
        let database = format!("bifrost_proof_{:08x}", rand::random::<u32>());
        let admin = MySqlPool::connect(&server).await.expect("reaches BIFROST_TEST_MYSQL");
        let run = async |statement: String| {
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&admin).await.expect("runs");
        };
        run(format!("CREATE DATABASE {database}")).await;
        // As in rAthena's sql-files/main.sql, without the columns nobody reads.
        run(format!(
            "CREATE TABLE {database}.login (account_id int(11) unsigned NOT NULL auto_increment PRIMARY KEY, \
             userid varchar(23) NOT NULL, user_pass varchar(32) NOT NULL, sex enum('M','F','S') NOT NULL DEFAULT 'M', \
             group_id tinyint(3) NOT NULL DEFAULT 0, state int(11) unsigned NOT NULL DEFAULT 0, \
             unban_time int(11) unsigned NOT NULL DEFAULT 0, expiration_time int(11) unsigned NOT NULL DEFAULT 0) \
             AUTO_INCREMENT=2000000"
        ))
        .await;
        run(format!(
            "INSERT INTO {database}.login (userid, user_pass, sex) VALUES ('ann', 'pw', 'F'), ('s1', 'p1', 'S')"
        ))
        .await;
        let server_only = server.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        let url = format!("{server_only}/{database}");
        let accounts = AccountDatabase::new(&url).expect("url");
        assert_eq!(accounts.verify("ann", "pw").await.expect("answers"), Some(AccountId(2_000_000)));
        assert_eq!(accounts.verify("ann", "no").await.expect("answers"), None);
        assert_eq!(accounts.verify("' OR 1=1 -- ", "pw").await.expect("answers"), None);
        assert_eq!(accounts.verify("s1", "p1").await.expect("answers"), None);
        run(format!("DROP DATABASE {database}")).await;
    }

    fn row(user_pass: &str) -> Row {
        Row {
            account_id: 2_000_000,
            user_pass: user_pass.to_owned(),
            state: 0,
            unban_time: 0,
            expiration_time: 0,
            sex: "M".to_owned(),
        }
    }
}
