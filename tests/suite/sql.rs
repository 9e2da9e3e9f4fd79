//! An engine's SQL, from a stock client through the node and the coordinator to MariaDB. Runs when `BIFROST_TEST_MYSQL` names
//! a server, as `./test` makes it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bifrost_tests::harness::{Realm, Settings, eventually};
use tokio::process::Command;

use crate::database::Server;
use crate::engine::ServerFolder;

/// How long an engine may take to be there.
const START: Duration = Duration::from_secs(60);

/// A policy of two tables.
const POLICY: &str = r#"
functions = ["NOW", "COUNT"]

[tables.mapreg]
columns = ["varname", "index", "value"]
key = ["varname", "index"]
kept_in = "fleet_mapreg"
stamp = "map_group"
all = "scope"

[tables.zenylog]
columns = ["time", "char_id", "amount"]
kept_in = "fleet_zenylog"
stamp = "host"
insert = "append"
"#;

/// rAthena's tables, as far as the policy knows them, and one that nobody is to see.
const TABLES: &str = "
CREATE TABLE mapreg (varname VARCHAR(32) BINARY, `index` INT UNSIGNED, value VARCHAR(255), PRIMARY KEY (varname, `index`));
CREATE TABLE zenylog (id INT AUTO_INCREMENT PRIMARY KEY, time DATETIME, char_id INT, amount INT);
CREATE TABLE login (userid VARCHAR(24), user_pass VARCHAR(32));
INSERT INTO mapreg VALUES ('$tax', 0, 'the operator''s'); INSERT INTO login VALUES ('admin', 'hunter2');
";

/// A database of the test's own.
struct Schema {
    server: Server,
    name: String,
}

impl Schema {
    async fn new(server: Server) -> Result<Self> {
        let schema = Self { name: format!("suite_sql_{}", std::process::id()), server };
        let name = &schema.name;
        let made = format!("CREATE OR REPLACE DATABASE {name}; CREATE OR REPLACE USER {name} IDENTIFIED BY 'relay'");
        schema.server.run(&made).await?;
        schema.run(TABLES).await?;
        Ok(schema)
    }

    async fn run(&self, statements: &str) -> Result<()> {
        self.server.run(&format!("USE {}; {statements}", self.name)).await
    }

    async fn rows(&self, query: &str) -> Result<String> {
        self.server.rows(&format!("USE {}; {query}", self.name)).await
    }

    fn relay_url(&self) -> String {
        format!("mysql://{0}:relay@{1}/{0}", self.name, self.server.address)
    }

    async fn end(self) -> Result<()> {
        self.server.run(&format!("DROP DATABASE {0}; DROP USER {0}", self.name)).await
    }
}

fn settings(schema: &Schema, server: &ServerFolder) -> Settings {
    let mut settings = server.settings(&[("fields", &["prt_fild08"])]);
    settings.set("engine.standbys", 0);
    settings.set("database.url", schema.relay_url()).set("database.policy", server.path("policy.toml"));
    settings
}

/// A stock client at the endpoint of the engine that carries the group.
struct Client {
    host: String,
    arguments: Vec<String>,
}

impl Client {
    async fn at(realm: &Realm, not: Option<&str>) -> Result<Self> {
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
        let arguments = vec![
            "--no-defaults".to_owned(),
            "--batch".to_owned(),
            "--skip-column-names".to_owned(),
            "--host=127.0.0.1".to_owned(),
            format!("--port={}", value("map_server_port")?),
            format!("--user={}", value("map_server_id")?),
            format!("--password={}", value("map_server_pw")?),
            value("map_server_db")?,
        ];
        Ok(Self { host, arguments })
    }

    /// What it prints, or else complains about.
    async fn ask(&self, statement: &str) -> Result<(bool, String)> {
        let output = Command::new("mariadb").args(&self.arguments).args(["-e", statement]).output().await?;
        let said = if output.status.success() { output.stdout } else { output.stderr };
        Ok((output.status.success(), String::from_utf8_lossy(&said).trim().to_owned()))
    }

    async fn rows(&self, statement: &str) -> Result<String> {
        let (succeeded, said) = self.ask(statement).await?;
        ensure!(succeeded, "{statement}: {said}");
        Ok(said)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engines_sql_stays_within_the_policy_and_what_it_keeps_goes_with_its_group() -> Result<()> {
    let Some(server) = Server::from_environment() else { return Ok(()) };
    let (schema, folder) = (Schema::new(server).await?, ServerFolder::new(&["prt_fild08"], &[])?);
    folder.put("policy.toml", POLICY)?;
    let mut realm = Realm::start(settings(&schema, &folder)).await?;
    let policy = folder.path("policy.toml");
    let arguments = ["sql", "tables", "--policy", &policy, "--database", &schema.name, "--user", &schema.name];
    let tables = realm.command(&arguments, &[]).await?;
    schema.run(&String::from_utf8_lossy(&tables.stdout)).await?;
    realm.set_for_nodes("BIFROST_NODE__ENGINE__FOLDER", &folder.path(""));
    realm.add_host("host-1").await?;
    let client = Client::at(&realm, None).await?;

    assert_eq!(client.rows("SELECT * FROM mapreg").await?, "", "the operator's own are not seen");
    client.rows("INSERT INTO mapreg (varname, `index`, value) VALUES ('$tax', 0, 'it\\'s 5')").await?;
    client.rows("INSERT DELAYED INTO zenylog (time, char_id, amount) VALUES (NOW(), '150000', '7')").await?;
    let kept = "the map variable and the log line";
    eventually(kept, START, async || {
        let variable = client.rows("SELECT varname, value FROM mapreg").await? == "$tax\tit's 5";
        let line = schema.rows("SELECT host, amount FROM fleet_zenylog").await? == format!("{}\t7", client.host);
        Ok((variable && line).then_some(()))
    })
    .await?;
    for refused in [
        "SELECT user_pass FROM login",
        "SELECT * FROM fleet_mapreg",
        "SELECT * FROM mysql.user",
        "SELECT * FROM zenylog",
        "DROP TABLE mapreg",
        "SELECT SLEEP(5)",
        "SELECT value FROM mapreg UNION SELECT user_pass FROM login",
    ] {
        let (succeeded, said) = client.ask(refused).await?;
        ensure!(!succeeded && said.contains("ERROR 1142"), "{refused}: {said}");
    }

    // The host is gone; whoever carries the group next finds what was kept.
    realm.add_host("host-2").await?;
    eventually("host-2 is connected", START, async || Ok((realm.status.get().await?.hosts.len() == 2).then_some(())))
        .await?;
    realm.node("host-1").process.kill()?;
    let other = Client::at(&realm, Some(&client.host)).await?;
    assert_eq!(other.rows("SELECT varname, value FROM mapreg").await?, "$tax\tit's 5");
    other.rows("UPDATE mapreg SET value = '6' WHERE varname = '$tax'").await?;
    eventually("the change", START, async || {
        Ok((schema.rows("SELECT map_group, value FROM fleet_mapreg").await? == "fields\t6").then_some(()))
    })
    .await?;
    assert_eq!(schema.rows("SELECT value FROM mapreg").await?, "the operator's");
    schema.end().await
}
