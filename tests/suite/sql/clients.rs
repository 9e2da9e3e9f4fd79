//! Stock clients at the endpoint of an engine: each does what it does with any MySQL server, within the policy, and is told
//! where that ends.

use std::path::PathBuf;
use std::process::Output;

use anyhow::{Result, ensure};
use bifrost_tests::harness::{Realm, ServerFolder};
use bifrost_tests::sql::{self, Endpoint, Schema, Server, realm, settings};
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlSslMode};
use sqlx::{Connection, Executor, Row};
use tokio::process::Command;

/// The table that sysbench reads, besides map variables.
const TABLES: &str = r#"
functions = ["COUNT", "NOW"]

[tables.sbtest1]
columns = ["id", "k", "c", "pad"]
select = "forward"
"#;

fn rules() -> String {
    format!("{TABLES}{}", sql::MAPREG)
}

/// sysbench's table as its own `prepare` makes it, with a hundred rows.
const SBTEST: &str = "
CREATE TABLE sbtest1 (id INT PRIMARY KEY, k INT, c CHAR(120), pad CHAR(60));
INSERT INTO sbtest1 SELECT seq, seq, REPEAT('c', 119), REPEAT('p', 59) FROM seq_1_to_100;
";

/// What PyMySQL is made to do; it prints the rows that are left.
const PYTHON: &str = r#"
import sys, pymysql
port, user, password, database = sys.argv[1:]
db = pymysql.connect(host="127.0.0.1", port=int(port), user=user, password=password, database=database, autocommit=True)
with db.cursor() as cursor:
    rows = [("$py", index, "it's \\ a \"v\u00e4lue\" %d" % index) for index in range(50)]
    cursor.executemany("INSERT INTO mapreg (varname, `index`, value) VALUES (%s, %s, %s)", rows)
    cursor.execute("SELECT varname, `index`, value FROM mapreg WHERE varname = %s ORDER BY `index`", ("$py",))
    assert list(cursor.fetchall()) == rows, "not what was written"
    for refused in ("SELECT user_pass FROM login", "SELECT SLEEP(1)", "SELECT * FROM mysql.user"):
        try:
            cursor.execute(refused)
        except pymysql.err.OperationalError as error:
            assert error.args[0] == 1142, error
        else:
            raise AssertionError(refused)
    cursor.execute("DELETE FROM mapreg WHERE varname = '$py'")
    cursor.execute("SELECT COUNT(*) FROM mapreg WHERE varname = '$py'")
    print(cursor.fetchall())
db.close()
"#;

/// A realm with an engine, and where that is.
struct Stage {
    schema: Schema,
    endpoint: Endpoint,
    _realm: Realm,
    _folder: ServerFolder,
}

impl Stage {
    async fn new(name: &str) -> Result<Option<Self>> {
        let Some(server) = Server::from_environment() else { return Ok(None) };
        let (schema, folder) = (Schema::new(server, name).await?, sql::server(&rules())?);
        schema.run(SBTEST).await?;
        let mut settings = settings(&schema, &folder);
        settings.set("database.limits.statements", 100_000).set("database.limits.bytes", 100_000_000);
        let realm = realm(&schema, &folder, settings).await?;
        let endpoint = Endpoint::of(&realm, None).await?;
        Ok(Some(Self { schema, endpoint, _realm: realm, _folder: folder }))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mysqlslap_hammers_within_the_policy() -> Result<()> {
    let Some(slap) = program("mysqlslap") else { return Ok(()) };
    let Some(stage) = Stage::new("suite_slap").await? else { return Ok(()) };
    stage.endpoint.rows("INSERT INTO mapreg VALUES ('$a', 1, 'x'), ('$a', 2, 'y')").await?;
    let statements = "SELECT value FROM mapreg WHERE varname = '$a' AND `index` = 2;\
                      UPDATE mapreg SET value = 'z' WHERE varname = '$a' AND `index` = 1;SELECT c FROM sbtest1 WHERE id = 7";
    let output = Command::new(slap)
        .args(stage.endpoint.arguments())
        .args(["--concurrency=8", "--number-of-queries=1200", "--delimiter=;", "--no-drop"])
        .args([format!("--create-schema={}", stage.endpoint.database), format!("--query={statements}")])
        .output()
        .await?;
    let said = succeeded(&output)?;
    ensure!(said.contains("Number of clients running queries: 8"), "{said}");
    ensure!(stage.schema.rows("SELECT value FROM fleet_mapreg ORDER BY `index`").await? == "z\ny");
    stage.schema.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlx_reads_and_writes_and_is_told_where_it_ends() -> Result<()> {
    let Some(stage) = Stage::new("suite_sqlx").await? else { return Ok(()) };
    let endpoint = &stage.endpoint;
    let options = MySqlConnectOptions::new()
        .host("127.0.0.1")
        .port(endpoint.port)
        .username(&endpoint.user)
        .password(&endpoint.password)
        .database(&endpoint.database)
        .ssl_mode(MySqlSslMode::Disabled);
    let mut client = MySqlConnection::connect_with(&options).await?;
    let value = "it's \\ a \"välue\"; -- \0";
    for index in 0..20 {
        let insert = sqlx::query("INSERT INTO mapreg (varname, `index`, value) VALUES (?, ?, ?)");
        insert.bind("$x").bind(index).bind(value).execute(&mut client).await?;
    }
    let select = sqlx::query("SELECT `index`, value FROM mapreg WHERE varname = ? AND `index` > ? ORDER BY `index`");
    let rows = select.bind("$x").bind(9).fetch_all(&mut client).await?;
    ensure!(rows.len() == 10 && rows[0].try_get::<u32, _>(0)? == 10, "{} rows", rows.len());
    ensure!(rows.iter().all(|row| row.try_get::<&str, _>(1).is_ok_and(|found| found == value)));
    // Writes are answered before they are carried out, so how many rows they change is not known; the next read comes after.
    client.execute("UPDATE mapreg SET value = 'new' WHERE varname = '$x'").await?;
    let changed = client.fetch_all("SELECT `index` FROM mapreg WHERE value = 'new'").await?;
    ensure!(changed.len() == 20, "{} rows changed", changed.len());
    for refused in ["SELECT user_pass FROM login", "DROP TABLE mapreg", "SELECT value FROM mapreg, login"] {
        for prepared in [false, true] {
            let done =
                if prepared { sqlx::query(refused).execute(&mut client).await } else { client.execute(refused).await };
            let said = done.err().and_then(|error| error.as_database_error().map(ToString::to_string));
            ensure!(said.as_ref().is_some_and(|said| said.contains("1142")), "{refused}: {said:?}");
        }
    }
    client.ping().await?;
    client.close().await?;
    stage.schema.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn sysbench_selects_points() -> Result<()> {
    let Some(sysbench) = program("sysbench") else { return Ok(()) };
    let Some(stage) = Stage::new("suite_sysbench").await? else { return Ok(()) };
    let endpoint = &stage.endpoint;
    for mode in ["auto", "disable"] {
        let output = Command::new(&sysbench)
            .args(["oltp_point_select", "--mysql-host=127.0.0.1", "--mysql-ssl=off", "--tables=1", "--table-size=100"])
            .args(["--threads=4", "--events=2000", "--time=30", &format!("--db-ps-mode={mode}")])
            .args([format!("--mysql-port={}", endpoint.port), format!("--mysql-user={}", endpoint.user)])
            .args([format!("--mysql-password={}", endpoint.password), format!("--mysql-db={}", endpoint.database)])
            .arg("run")
            .output()
            .await?;
        let said = succeeded(&output)?;
        let events = |line: &str| line.trim().strip_prefix("read:").map(|count| count.trim().to_owned());
        ensure!(said.lines().find_map(events).as_deref() == Some("2000"), "{mode}: {said}");
    }
    stage.schema.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn pymysql_reads_and_writes_and_is_told_where_it_ends() -> Result<()> {
    let Some(python) = python().await else { return Ok(()) };
    let Some(stage) = Stage::new("suite_pymysql").await? else { return Ok(()) };
    let endpoint = &stage.endpoint;
    let output = Command::new(python)
        .args(["-c", PYTHON, &endpoint.port.to_string(), &endpoint.user, &endpoint.password, &endpoint.database])
        .output()
        .await?;
    ensure!(succeeded(&output)?.trim() == "((0,),)");
    stage.schema.end().await
}

/// A program of the path; that it is not there is said.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file());
    if found.is_none() {
        skipped(name);
    }
    found
}

/// A Python that has PyMySQL: the one of `./test clients`, or the system's.
async fn python() -> Option<PathBuf> {
    let python = std::env::var_os("BIFROST_TEST_PYTHON").map_or_else(|| PathBuf::from("python3"), PathBuf::from);
    let has = Command::new(&python).args(["-c", "import pymysql"]).output().await;
    if has.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    skipped("PyMySQL");
    None
}

#[expect(clippy::print_stderr, reason = "who runs the tests is to know what was not tried")]
fn skipped(what: &str) {
    eprintln!("skipped: {what} is not installed; `./test clients` installs it");
}

fn succeeded(output: &Output) -> Result<String> {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{}: {said}{}", output.status, String::from_utf8_lossy(&output.stderr));
    Ok(said)
}
