//! An engine's SQL, from a stock client through the node and the coordinator to MariaDB. Runs when `BIFROST_TEST_MYSQL` names
//! a server, as `./test` makes it.

mod clients;

use anyhow::{Result, ensure};
use bifrost_tests::harness::eventually;
use bifrost_tests::sql::{Endpoint, START, Schema, Server, bundle, realm, settings};

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

#[tokio::test(flavor = "multi_thread")]
async fn an_engines_sql_stays_within_the_policy_and_what_it_keeps_goes_with_its_group() -> Result<()> {
    let Some(server) = Server::from_environment() else { return Ok(()) };
    let (schema, bundle) = (Schema::new(server, "suite_sql").await?, bundle(POLICY)?);
    let mut realm = realm(&schema, bundle.path(), settings(&schema, bundle.path())).await?;
    let client = Endpoint::of(&realm, None).await?;

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
    let other = Endpoint::of(&realm, Some(&client.host)).await?;
    assert_eq!(other.rows("SELECT varname, value FROM mapreg").await?, "$tax\tit's 5");
    other.rows("UPDATE mapreg SET value = '6' WHERE varname = '$tax'").await?;
    eventually("the change", START, async || {
        Ok((schema.rows("SELECT map_group, value FROM fleet_mapreg").await? == "fields\t6").then_some(()))
    })
    .await?;
    assert_eq!(schema.rows("SELECT value FROM mapreg").await?, "the operator's");
    schema.end().await
}
