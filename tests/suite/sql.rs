//! An engine's SQL, from a stock client through the node and the coordinator to MariaDB. Runs when `BIFROST_TEST_MYSQL` names
//! a server, as `./test` makes it.

mod clients;
mod embedded;
mod rathena;

use anyhow::{Context, Result, ensure};
use bifrost_tests::harness::{Realm, eventually};
use bifrost_tests::sql::{self, Endpoint, START, Schema, Server, realm, settings};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio::process::Command;

/// What the policy says besides map variables.
const TABLES: &str = r#"
functions = ["NOW", "COUNT"]

[tables.zenylog]
columns = ["time", "char_id", "amount"]
kept_in = "fleet_zenylog"
stamp = "host"
insert = "append"
"#;

fn rules() -> String {
    format!("{TABLES}{}", sql::MAPREG)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engines_sql_stays_within_the_policy_and_what_it_keeps_goes_with_its_group() -> Result<()> {
    let Some(server) = Server::from_environment() else { return Ok(()) };
    let (schema, folder) = (Schema::new(server, "suite_sql").await?, sql::server(&rules())?);
    let mut realm = realm(&schema, &folder, settings(&schema, &folder)).await?;
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

/// What the operator's API says about hosts' SQL.
async fn report(realm: &Realm, method: Method, path: &str) -> Result<(StatusCode, Value)> {
    let token = std::fs::read_to_string(realm.data_dir().join("admin.token"))?;
    let url = format!("{}{path}", realm.status.base());
    let answer = realm.status.http().request(method, url).bearer_auth(token.trim()).send().await?;
    Ok((answer.status(), answer.json().await?))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_read_again_while_hosts_ask_and_a_host_that_attacks_loses_its_standing() -> Result<()> {
    let Some(server) = Server::from_environment() else { return Ok(()) };
    let (schema, folder) = (Schema::new(server, "suite_standing").await?, sql::server(&rules())?);
    let realm = realm(&schema, &folder, settings(&schema, &folder)).await?;
    let client = Endpoint::of(&realm, None).await?;
    client.rows("INSERT INTO mapreg VALUES ('$tax', 0, '5')").await?;
    ensure!(realm.status.text("/readyz").await.is_ok());

    let policy = folder.path("policy.toml");
    std::fs::write(&policy, "[tables.mapreg]\nall = \"everything\"\n")?;
    let coordinator = realm.coordinator.id().context("a coordinator")?.to_string();
    ensure!(Command::new("kill").args(["-HUP", &coordinator]).status().await?.success());
    eventually("the problem", START, async || {
        let (_, report) = report(&realm, Method::GET, "/v1/database").await?;
        let problem = report["policy"]["problem"].as_str().unwrap_or_default();
        Ok(problem.contains("policy.toml:2:7: `everything` is not one of").then_some(()))
    })
    .await?;
    ensure!(client.rows("SELECT value FROM mapreg").await? == "5", "the old policy is in force");
    std::fs::write(&policy, rules().replace("all = \"scope\"", "select = \"scope\""))?;
    let (status, read) = report(&realm, Method::POST, "/v1/database/policy").await?;
    ensure!(status.is_success() && read["problem"].is_null(), "{read}");
    ensure!(client.rows("SELECT value FROM mapreg").await? == "5");

    eventually("ten attacks", START, async || {
        let (succeeded, said) = client.ask("SELECT user_pass FROM login WHERE userid = 'admin'").await?;
        ensure!(!succeeded && said.contains("ERROR 1142"), "{said}");
        let status = realm.status.get().await?;
        let host = status.hosts.iter().find(|host| host.host == client.host).context("a host")?;
        Ok((host.violations >= 10 && !host.eligible).then_some(()))
    })
    .await?;
    let (_, report) = report(&realm, Method::GET, "/v1/database").await?;
    let host = report["hosts"].as_array().and_then(|hosts| hosts.first()).context("a host")?;
    ensure!(host["host"] == client.host.as_str() && host["refused"].as_u64() >= Some(10), "{host}");
    let last = host["last_refused"].as_array().and_then(|list| list.last()).context("a statement")?;
    ensure!(last["statement"] == "SELECT user_pass FROM login WHERE userid = ?", "{last}");
    let metrics = realm.status.text("/metrics").await?;
    let counted = format!("bifrost_database_statements_total{{host=\"{}\",action=\"refused\"}}", client.host);
    ensure!(metrics.contains(&counted) && metrics.contains("rule=\"sql_attack\""), "{metrics}");
    schema.end().await
}
