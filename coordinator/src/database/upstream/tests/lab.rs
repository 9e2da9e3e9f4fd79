//! A database of its own on the server of `BIFROST_TEST_MYSQL`, with rAthena's tables in small, and a relay's user.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bifrost_protocol::Secret;
use bifrost_protocol::mysql::sql::Literal;
use bifrost_protocol::mysql::{Value, take_text};
use bytes::Bytes;
use tokio::sync::Mutex;

use crate::database::policy::{DEFAULT_POLICY, Judge, Plan, Policy, schema, user_grants};
use crate::database::upstream::connection::{Connection, messages};
use crate::database::upstream::{Answered, Request, Tls, Upstream, UpstreamConfig, UpstreamError};

pub(in crate::database) struct Lab {
    pub(in crate::database) config: UpstreamConfig,
    pub(in crate::database) upstream: Upstream,
    judge: Judge,
    admin: Mutex<Connection>,
}

/// rAthena's tables as far as the tests write to them; the others only have to be there.
const TABLES: &[(&str, &str)] = &[
    ("mapreg", "varname VARCHAR(32) BINARY, `index` INT UNSIGNED, value VARCHAR(255), PRIMARY KEY (varname, `index`)"),
    (
        "market",
        "name VARCHAR(50), nameid INT UNSIGNED, price INT UNSIGNED, amount INT, flag TINYINT UNSIGNED, PRIMARY KEY (name, nameid)",
    ),
    ("barter", "name VARCHAR(50), `index` SMALLINT UNSIGNED, amount SMALLINT UNSIGNED, PRIMARY KEY (name, `index`)"),
    ("sales", "nameid INT UNSIGNED, start DATETIME, end DATETIME, amount INT, PRIMARY KEY (nameid)"),
    (
        "db_roulette",
        "`index` INT, level SMALLINT UNSIGNED, item_id INT UNSIGNED, amount SMALLINT UNSIGNED, flag SMALLINT UNSIGNED",
    ),
    (
        "zenylog",
        "id INT AUTO_INCREMENT PRIMARY KEY, time DATETIME, char_id INT, src_id INT, type CHAR(1), amount INT, map VARCHAR(11)",
    ),
    (
        "chatlog",
        "id INT AUTO_INCREMENT PRIMARY KEY, time DATETIME, type CHAR(1), type_id INT, src_charid INT, src_accountid INT, \
         src_map VARCHAR(11), src_map_x INT, src_map_y INT, dst_charname VARCHAR(25), message VARCHAR(150)",
    ),
    ("picklog", "id INT AUTO_INCREMENT PRIMARY KEY, time DATETIME, char_id INT"),
    ("mvplog", "id INT"),
    ("cashlog", "id INT"),
    ("feedinglog", "id INT"),
    ("branchlog", "id INT"),
    ("atcommandlog", "id INT"),
    ("npclog", "id INT"),
];

impl Lab {
    /// `None` when there is no server to test with.
    pub(in crate::database) async fn start(connections: usize) -> Option<Self> {
        let url = std::env::var("BIFROST_TEST_MYSQL").ok()?;
        let (user, rest) = url.strip_prefix("mysql://")?.split_once(':')?;
        let (password, rest) = rest.split_once('@')?;
        let (address, database) = rest.split_once('/')?;
        let config = |user: &str, password: &str, database: &str| UpstreamConfig {
            address: address.to_owned(),
            user: user.to_owned(),
            password: Secret::new(password.to_owned()),
            database: database.to_owned(),
            connections,
            tls: Tls::Off,
            statement_timeout: Duration::from_secs(1),
        };
        let mut root = Connection::open(&config(user, password, database)).await.expect("reaches BIFROST_TEST_MYSQL");
        static LABS: AtomicU32 = AtomicU32::new(0);
        let name = format!("relay_{}_{}", std::process::id(), LABS.fetch_add(1, Ordering::Relaxed));
        do_all(&mut root, &format!("CREATE DATABASE {name}; CREATE USER {name} IDENTIFIED BY 'relay'")).await;
        let mut own = config(user, password, &name);
        own.statement_timeout = Duration::from_secs(30);
        let mut admin = Connection::open(&own).await.expect("let in");
        for (table, columns) in TABLES {
            do_all(&mut admin, &format!("CREATE TABLE {table} ({columns})")).await;
        }
        let policy = Policy::read(DEFAULT_POLICY).expect("the policy that ships");
        do_all(&mut admin, &schema(&policy)).await;
        let grants: Vec<_> = user_grants(&policy, &name, &name).lines().map(str::to_owned).collect();
        do_all(&mut admin, &grants.concat()).await;
        do_all(
            &mut admin,
            "INSERT INTO mapreg VALUES ('$a', 0, 'the operator\\'s'); INSERT INTO db_roulette VALUES (1, 2, 675, 1, 1)",
        )
        .await;
        let config = config(&name, "relay", &name);
        let upstream = Upstream::new(config.clone());
        Some(Self { config, upstream, judge: Judge::new(policy), admin: Mutex::new(admin) })
    }

    pub(in crate::database) async fn ask(&self, group: &str, statement: &str) -> Answered {
        self.try_ask(group, statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"))
    }

    pub(in crate::database) async fn try_ask(&self, group: &str, statement: &str) -> Result<Answered, UpstreamError> {
        self.send(group, &Bytes::copy_from_slice(statement.as_bytes()), None, "utf8mb4").await.expect("passed on")
    }

    pub(in crate::database) async fn ask_bytes(&self, group: &str, statement: &Bytes, charset: &str) -> Answered {
        self.send(group, statement, None, charset).await.expect("passed on").expect("answered")
    }

    /// Runs a prepared statement.
    pub(in crate::database) async fn run(&self, group: &str, statement: &str, values: &[Value]) -> Answered {
        let statement = Bytes::copy_from_slice(statement.as_bytes());
        self.send(group, &statement, Some(values), "utf8mb4").await.expect("passed on").expect("answered")
    }

    async fn send(
        &self,
        group: &str,
        statement: &Bytes,
        parameters: Option<&[Value]>,
        charset: &str,
    ) -> Option<Result<Answered, UpstreamError>> {
        let judgement = self.judge.judge(statement);
        let Plan::Passed(passed) = &*judgement.plan else { return None };
        let scope = Literal::Text(Bytes::copy_from_slice(group.as_bytes()));
        let host = Literal::Text(Bytes::from_static(b"host-1"));
        let request = Request {
            passed,
            statement,
            literals: &judgement.literals,
            parameters,
            scope: &scope,
            host: &host,
            charset,
        };
        Some(self.upstream.ask(&request).await)
    }

    /// Asks as the operator.
    pub(in crate::database) async fn admin(&self, statement: &str) -> Vec<Vec<String>> {
        let answer = self.admin.lock().await.query(statement.to_owned().into()).await.expect("answered");
        assert_eq!(answer.error, None, "{statement}: {:?}", answer.bytes);
        rows(&answer)
    }

    /// Ends every connection of the relay's user.
    pub(in crate::database) async fn kill_relay(&self) {
        for id in self
            .admin(&format!("SELECT id FROM information_schema.processlist WHERE user = '{}'", self.config.user))
            .await
        {
            // One that has just ended by itself cannot be killed.
            let kill = format!("KILL {}", id[0]);
            let _gone = self.admin.lock().await.query(kill.into()).await.expect("answered");
        }
    }

    /// From now on the server logs what it is asked, in its table.
    pub(in crate::database) async fn log(&self) {
        self.admin("SET GLOBAL log_output = 'TABLE'").await;
        self.admin("SET GLOBAL general_log = 1").await;
    }

    /// What the relay's user asked since: command and text.
    pub(in crate::database) async fn logged(&self) -> Vec<(String, String)> {
        self.admin("SET GLOBAL general_log = 0").await;
        let mut logged = Vec::new();
        loop {
            let select = format!(
                "SELECT command_type, argument FROM mysql.general_log WHERE user_host LIKE '{}[%' LIMIT {}, 2000",
                self.config.user,
                logged.len()
            );
            let page = self.admin(&select).await;
            if page.is_empty() {
                return logged;
            }
            logged.extend(page.into_iter().map(|row| (row[0].clone(), row[1].clone())));
        }
    }

    pub(in crate::database) async fn end(self) {
        let mut admin = self.admin.into_inner();
        do_all(&mut admin, &format!("DROP USER {0}; DROP DATABASE {0}", self.config.user)).await;
    }
}

/// Carries out statements with `;` between them.
async fn do_all(connection: &mut Connection, statements: &str) {
    for statement in statements.split(';').filter(|statement| !statement.trim().is_empty()) {
        let answer = connection.query(statement.to_owned().into()).await.expect("answered");
        assert_eq!(answer.error, None, "{statement}: {:?}", answer.bytes);
    }
}

/// The rows of a text answer.
pub(in crate::database) fn rows(answer: &Answered) -> Vec<Vec<String>> {
    let messages = messages(&answer.bytes);
    let Some(columns @ 1..) = messages.first().and_then(|first| first.first()).copied() else { return Vec::new() };
    let columns = usize::from(columns);
    let rows = messages.get(columns + 2..messages.len() - 1).expect("an answer with rows");
    let text = |row: &Bytes| {
        let mut reader = bifrost_protocol::Reader::new(row);
        (0..columns)
            .map(|_| String::from_utf8_lossy(take_text(&mut reader, "value").expect("text")).into_owned())
            .collect()
    };
    rows.iter().map(text).collect()
}
