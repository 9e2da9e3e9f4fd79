//! The same without a database: what an engine keeps is in the coordinator's store.

use anyhow::{Result, ensure};
use bifrost_tests::harness::{Realm, ServerFolder, eventually};
use bifrost_tests::sql::{Endpoint, START};
use reqwest::Method;

use super::report;

const GOODS: &str = "SELECT name, nameid, amount FROM market";

#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_what_an_engine_keeps_goes_with_its_group_and_outlives_the_coordinator() -> Result<()> {
    let folder = ServerFolder::new(&["prt_fild08"], &[])?;
    let mut settings = folder.settings(&[("fields", &["prt_fild08"])]);
    settings.set("engine.standbys", 0);
    let mut realm = Realm::start(settings).await?;
    realm.set_for_nodes("BIFROST_NODE__ENGINE__FOLDER", &folder.path(""));
    realm.add_host("host-1").await?;
    let client = Endpoint::of(&realm, None).await?;
    ensure!(client.rows("SELECT * FROM mapreg").await?.is_empty());
    client.rows("INSERT INTO mapreg (varname, `index`, value) VALUES ('$tax', 0, 'it\\'s 5')").await?;
    client.rows("UPDATE mapreg SET value = 'it\\'s 6' WHERE varname = '$tax' AND `index` = 0 LIMIT 1").await?;
    client.rows("REPLACE INTO market (name, nameid, price, amount, flag) VALUES ('Trader', 501, 50, 7, 0)").await?;
    client.rows("INSERT DELAYED INTO zenylog (time, char_id, amount) VALUES (NOW(), '150000', '7')").await?;
    for refused in
        ["SELECT user_pass FROM login", "SELECT * FROM engine_rows", "SELECT * FROM zenylog", "DROP TABLE mapreg"]
    {
        let (succeeded, said) = client.ask(refused).await?;
        ensure!(!succeeded && said.contains("ERROR 1142"), "{refused}: {said}");
    }
    eventually("what was written", START, async || {
        Ok((client.rows(GOODS).await? == "Trader\t501\t7" && passed(&realm).await? >= 5).then_some(()))
    })
    .await?;

    // The host is gone, and so is the coordinator: whoever carries the group next finds what was kept.
    realm.add_host("host-2").await?;
    eventually("host-2 is connected", START, async || Ok((realm.status.get().await?.hosts.len() == 2).then_some(())))
        .await?;
    realm.node("host-1").process.kill()?;
    let other = Endpoint::of(&realm, Some(&client.host)).await?;
    ensure!(other.rows("SELECT varname, value FROM mapreg").await? == "$tax\tit's 6");
    ensure!(other.rows(GOODS).await? == "Trader\t501\t7");
    other.rows("DELETE FROM market WHERE name = 'Trader' AND nameid = 501 LIMIT 1").await?;
    eventually("the change", START, async || Ok(other.rows(GOODS).await?.is_empty().then_some(()))).await?;
    realm.coordinator.kill()?;
    realm.start_again().await?;
    let after = Endpoint::of(&realm, None).await?;
    let kept = "what was kept before the coordinator's end";
    eventually(kept, START, async || {
        Ok((after.rows("SELECT varname, value FROM mapreg").await.ok().as_deref() == Some("$tax\tit's 6"))
            .then_some(()))
    })
    .await?;
    ensure!(after.rows(GOODS).await?.is_empty());
    Ok(())
}

/// How many statements have been answered from the store.
async fn passed(realm: &Realm) -> Result<u64> {
    let (status, report) = report(realm, Method::GET, "/v1/database").await?;
    ensure!(status.is_success() && report["up"] == true && report["source"] == "store", "{report}");
    let hosts = report["hosts"].as_array().into_iter().flatten();
    Ok(hosts.filter_map(|host| host["passed"].as_u64()).sum())
}
