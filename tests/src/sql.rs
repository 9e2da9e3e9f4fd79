//! Engines' SQL: a database for it, a realm that relays it, and where a client finds an engine's endpoint.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use crate::harness::{Realm, ServerFolder, Settings, eventually};

/// How long an engine may take to be there.
pub const START: Duration = Duration::from_secs(60);

/// The policy's file in the folder.
const POLICY: &str = "policy.toml";

/// What a policy says of a map-server's permanent variables.
pub const MAPREG: &str = r#"
[tables.mapreg]
columns = ["varname", "index", "value"]
key = ["varname", "index"]
kept_in = "fleet_mapreg"
stamp = "map_group"
all = "scope"
"#;

/// rAthena's tables, as far as the policies of tests know them, and one that nobody is to see.
const TABLES: &str = "
CREATE TABLE mapreg (varname VARCHAR(32) BINARY, `index` INT UNSIGNED, value VARCHAR(255), PRIMARY KEY (varname, `index`));
CREATE TABLE zenylog (id INT AUTO_INCREMENT PRIMARY KEY, time DATETIME, char_id INT, amount INT);
CREATE TABLE login (userid VARCHAR(24), user_pass VARCHAR(32));
INSERT INTO mapreg VALUES ('$tax', 0, 'the operator''s'); INSERT INTO login VALUES ('admin', 'hunter2');
";

/// A database server that tests may use: `BIFROST_TEST_MYSQL`, a `mysql://USER:PASSWORD@ADDRESS/...`.
#[derive(Debug)]
pub struct Server {
    /// Its administrator.
    pub user: String,
    /// The administrator's password.
    pub password: String,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// The server the environment names, if it names one.
    #[must_use]
    pub fn from_environment() -> Option<Self> {
        let url = std::env::var("BIFROST_TEST_MYSQL").ok()?;
        let (login, rest) = url.strip_prefix("mysql://")?.split_once('@')?;
        let (user, password) = login.split_once(':')?;
        let address = rest.split(['/', '?']).next()?.parse().ok()?;
        Some(Self { user: user.into(), password: password.into(), address })
    }

    /// The URL of one of its databases, reached at `address`.
    #[must_use]
    pub fn url(&self, address: SocketAddr, database: &str) -> String {
        format!("mysql://{}:{}@{address}/{database}", self.user, self.password)
    }

    /// Carries out statements.
    ///
    /// # Errors
    /// One fails; the error has what the client says.
    pub async fn run(&self, statement: &str) -> Result<()> {
        self.rows(statement).await.map(drop)
    }

    /// What a statement gives: lines of columns with tabs between them.
    ///
    /// # Errors
    /// It fails; the error has what the client says.
    pub async fn rows(&self, statement: &str) -> Result<String> {
        let output = Command::new("mariadb")
            .args([
                "--no-defaults",
                "--batch",
                "--skip-column-names",
                "--protocol=TCP",
                "-h",
                &self.address.ip().to_string(),
            ])
            .args(["-P", &self.address.port().to_string(), "-u", &self.user, "-e", statement])
            .env("MYSQL_PWD", &self.password)
            .output()
            .await
            .context("the mariadb client")?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

/// A database of a test's own, with a user for the coordinator.
#[derive(Debug)]
pub struct Schema {
    /// Where it is.
    pub server: Server,
    /// Its name, and the user's.
    pub name: String,
}

impl Schema {
    /// Makes it, with rAthena's tables in small.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn new(server: Server, name: &str) -> Result<Self> {
        let schema = Self::empty(server, name).await?;
        schema.run(TABLES).await?;
        Ok(schema)
    }

    /// Makes it, without tables.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn empty(server: Server, name: &str) -> Result<Self> {
        let schema = Self { name: format!("{name}_{}", std::process::id()), server };
        let name = &schema.name;
        let made = format!("CREATE OR REPLACE DATABASE {name}; CREATE OR REPLACE USER {name} IDENTIFIED BY 'relay'");
        schema.server.run(&made).await?;
        Ok(schema)
    }

    /// Carries out statements in it.
    ///
    /// # Errors
    /// One fails.
    pub async fn run(&self, statements: &str) -> Result<()> {
        self.server.run(&format!("USE {}; {statements}", self.name)).await
    }

    /// What a statement gives.
    ///
    /// # Errors
    /// It fails.
    pub async fn rows(&self, query: &str) -> Result<String> {
        self.server.rows(&format!("USE {}; {query}", self.name)).await
    }

    /// What the coordinator is told.
    #[must_use]
    pub fn relay_url(&self) -> String {
        format!("mysql://{0}:relay@{1}/{0}", self.name, self.server.address)
    }

    /// Drops it.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn end(self) -> Result<()> {
        self.server.run(&format!("DROP DATABASE {0}; DROP USER {0}", self.name)).await
    }
}

/// A folder with the puppet, a map, and a policy.
///
/// # Errors
/// It cannot be written, or the puppet has not been built.
pub fn server(policy: &str) -> Result<ServerFolder> {
    let folder = ServerFolder::new(&["prt_fild08"], &[])?;
    folder.put(POLICY, policy)?;
    Ok(folder)
}

/// The settings of a realm whose one group runs on the puppet of `server` and whose SQL goes to `schema`.
#[must_use]
pub fn settings(schema: &Schema, server: &ServerFolder) -> Settings {
    let mut settings = server.settings(&[("fields", &["prt_fild08"])]);
    settings.set("engine.standbys", 0);
    settings.set("database.url", schema.relay_url()).set("database.policy", server.path(POLICY));
    settings
}

/// Starts such a realm with one host, after the policy's tables and rights have been made.
///
/// # Errors
/// Something does not start.
pub async fn realm(schema: &Schema, server: &ServerFolder, settings: Settings) -> Result<Realm> {
    let mut realm = Realm::start(settings).await?;
    let policy = server.path(POLICY);
    let arguments = ["sql", "tables", "--policy", &policy, "--database", &schema.name, "--user", &schema.name];
    let tables = realm.command(&arguments, &[]).await?;
    schema.run(&String::from_utf8_lossy(&tables.stdout)).await?;
    realm.set_for_nodes("BIFROST_NODE__ENGINE__FOLDER", &server.path(""));
    realm.add_host("host-1").await?;
    Ok(realm)
}

/// The SQL endpoint of the engine that carries the group.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The host it is on.
    pub host: String,
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// The user made for this run of the engine.
    pub user: String,
    /// Its password.
    pub password: String,
    /// The name of the database.
    pub database: String,
}

impl Endpoint {
    /// Waits for an engine, on a host other than `not`, and reads where it was told to look for its database.
    ///
    /// # Errors
    /// There is none in time.
    pub async fn of(realm: &Realm, not: Option<&str>) -> Result<Self> {
        let mut host = String::new();
        eventually("the group is carried", START, async || {
            let status = realm.status.get().await?;
            let live = status.groups.iter().find(|group| group.state == "live").and_then(|group| group.host.clone());
            host = live.filter(|host| Some(host.as_str()) != not).unwrap_or_default();
            Ok((!host.is_empty()).then_some(()))
        })
        .await?;
        let node = realm.nodes.iter().find(|node| node.host_id().as_deref() == Some(&host)).context("a node")?;
        let engines = std::fs::read_dir(node.state_dir().join("engines"))?.flatten();
        let settings =
            engines.map(|entry| entry.path().join("conf/import/inter_conf.txt")).filter(|path| path.exists());
        let newest = settings.max_by_key(|path| path.metadata().and_then(|about| about.modified()).ok());
        let text = std::fs::read_to_string(newest.context("an engine")?)?;
        let value = |key: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once(": "));
            let last = lines.rfind(|(name, _)| *name == key);
            last.map(|(_, value)| value.to_owned()).context("a setting")
        };
        Ok(Self {
            host,
            port: value("map_server_port")?.parse()?,
            user: value("map_server_id")?,
            password: value("map_server_pw")?,
            database: value("map_server_db")?,
        })
    }

    /// How MariaDB's own programs are told.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        vec![
            "--no-defaults".to_owned(),
            "--host=127.0.0.1".to_owned(),
            format!("--port={}", self.port),
            format!("--user={}", self.user),
            format!("--password={}", self.password),
        ]
    }

    /// What the stock client prints about a statement, or else complains about.
    ///
    /// # Errors
    /// There is no such client.
    pub async fn ask(&self, statement: &str) -> Result<(bool, String)> {
        let mut client = Command::new("mariadb");
        client.args(self.arguments()).args(["--batch", "--skip-column-names", &self.database, "-e", statement]);
        let output = client.output().await?;
        let said = if output.status.success() { output.stdout } else { output.stderr };
        Ok((output.status.success(), String::from_utf8_lossy(&said).trim().to_owned()))
    }

    /// As [`ask`](Self::ask), for what has to succeed.
    ///
    /// # Errors
    /// It does not; the error has what the client says.
    pub async fn rows(&self, statement: &str) -> Result<String> {
        let (succeeded, said) = self.ask(statement).await?;
        ensure!(succeeded, "{statement}: {said}");
        Ok(said)
    }
}
