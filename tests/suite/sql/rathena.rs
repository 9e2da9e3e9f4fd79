//! The same with a stock map-server. Runs when `BIFROST_TEST_RATHENA` names a built rAthena (pre-renewal, PACKETVER 20211103),
//! in which nothing is changed.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use bifrost_tests::harness::{PASSWORD, Realm, Settings, eventually};
use bifrost_tests::player::{Event, Player};
use bifrost_tests::sql::{START, Schema, Server};
use tempfile::TempDir;
use toml::{Table, Value};

use crate::scenario::bare;

const MAP: &str = "prt_fild08";
/// Where characters begin; the trader stands two cells from there.
const AT: (u16, u16) = (170, 375);
const TRADER: (u16, u16) = (170, 373);
/// Where one stands who takes jellopies.
const BARTERER: (u16, u16) = (172, 375);
/// A potion, of which the trader has ten, and one of which there is no end.
const SCARCE: u32 = 501;
/// What the trader has of a thing that does not run out.
const ENDLESS: u32 = u32::MAX;

/// Five potions for a jellopy each.
const BARTER: &str = "Header:
  Type: BARTER_DB
  Version: 2
Body:
  - Name: Barterer#bifrost
    Map: prt_fild08
    X: 172
    Y: 375
    Sprite: 4_F_KAFRA1
    Items:
      - Index: 0
        Item: Red_Potion
        Stock: 5
        RequiredItems:
          - Index: 0
            Item: Jellopy
";

/// Whoever logs in is paid, counted and told.
const SCRIPT: &str = "prt_fild08,170,373,4\tmarketshop\tTrader#bifrost\t4_F_KAFRA1,501:60:10,502:250:-1
-\tscript\tCounter#bifrost\t-1,{
OnPCLoginEvent:
\tZeny = 10000;
\tgetitem 909, 5;
\t$bifrost_guests = $bifrost_guests + 1;
\tsetd \"$bifrost_guest_\" + strcharinfo(0) + \"$\", \"was here\";
\tdispbottom \"anna \" + getd(\"$bifrost_guest_anna$\") + \", guests \" + $bifrost_guests;
\tend;
}
";

/// rAthena as it is, but for one script.
fn folder(rathena: &Path) -> Result<TempDir> {
    let folder = TempDir::new()?;
    for name in ["conf", "db", "map-server"] {
        symlink(rathena.join(name), folder.path().join(name))?;
    }
    let npc = folder.path().join("npc");
    std::fs::create_dir(&npc)?;
    for entry in std::fs::read_dir(rathena.join("npc"))? {
        let name = entry?.file_name();
        if name != "scripts_custom.conf" && name != "barters.yml" {
            symlink(rathena.join("npc").join(&name), npc.join(&name))?;
        }
    }
    std::fs::write(npc.join("scripts_custom.conf"), "npc: npc/bifrost.txt\n")?;
    std::fs::write(npc.join("bifrost.txt"), SCRIPT)?;
    std::fs::write(npc.join("barters.yml"), BARTER)?;
    Ok(folder)
}

fn settings(rathena: &Path) -> Settings {
    let path = |name: &str| rathena.join(name).display().to_string();
    let mut settings = Settings::default();
    settings.set("maps.cache", vec![Value::from(path("db/map_cache.dat")), path("db/pre-re/map_cache.dat").into()]);
    settings.set("maps.index", path("db/map_index.txt"));
    let keys = [("name", Value::from("fields")), ("class", "eligible".into()), ("maps", vec![Value::from(MAP)].into())];
    let group = Value::Table(Table::from_iter(keys.map(|(key, value)| (key.to_owned(), value))));
    settings.set("groups", vec![group]);
    settings.set("engine.kind", "rathena").set("engine.standbys", 0);
    settings.set("realm.start.map", MAP);
    settings.set("realm.start.x", i64::from(AT.0)).set("realm.start.y", i64::from(AT.1));
    settings
}

/// A player that has come, the trader and the barterer it sees, and what the counter tells it. A stock map-server does not hear a client that asks
/// for the time before it has loaded, so that is not waited for.
async fn join(realm: &Realm, name: &str) -> Result<(Player, u32, u32, String)> {
    realm.add_account(name, PASSWORD).await?;
    let mut player = Player::start(realm.account(name));
    let mut seen = std::collections::BTreeMap::new();
    while !(seen.contains_key(&TRADER) && seen.contains_key(&BARTERER)) {
        let appeared = |event: &Event| if let Event::Appeared { id, at, .. } = event { Some((*at, *id)) } else { None };
        seen.extend([player.wait_map("the traders", START, appeared).await?]);
    }
    let told = |event: &Event| if let Event::Told(text) = event { Some(text.clone()) } else { None };
    let told = player.wait_map("the counter", START, told).await?;
    Ok((player, seen[&TRADER], seen[&BARTERER], told))
}

/// What a trader has, as it tells a player.
async fn goods(player: &mut Player, trader: u32) -> Result<Vec<(u32, u32)>> {
    player.contact(trader);
    let opened = |event: &Event| if let Event::Shop(goods) = event { Some(goods.clone()) } else { None };
    player.wait_map("the shop", START, opened).await
}

async fn on_a_live_host(realm: &Realm, not: Option<&str>) -> Result<String> {
    let mut host = None;
    eventually("the group is carried", START, async || {
        let status = realm.status.get().await?;
        let group = status.group_of(MAP).filter(|group| group.is_live());
        host = group.and_then(|group| group.host.clone()).filter(|host| Some(host.as_str()) != not);
        Ok((status.char_server && host.is_some()).then_some(()))
    })
    .await?;
    host.context("a host")
}

/// A player buys of both traders, its host is killed, and another player looks what is left on the next. Returns the first host.
async fn shops_move(realm: &mut Realm, folder: &TempDir) -> Result<String> {
    realm.set_for_nodes("BIFROST_NODE__ENGINE__FOLDER", &folder.path().display().to_string());
    realm.add_host("host-1").await?;
    let first = on_a_live_host(realm, None).await?;
    let (mut anna, trader, barterer, told) = join(realm, "anna").await?;
    ensure!(told == "anna was here, guests 1", "{told}");
    let before = goods(&mut anna, trader).await?;
    ensure!(before == [(SCARCE, 10), (502, ENDLESS)], "{before:?}");
    anna.buy(SCARCE, 3);
    anna.wait_for("the potions", |event| *event == Event::Sold(0)).await?;
    anna.leave_market();
    ensure!(goods(&mut anna, barterer).await? == [(SCARCE, 5)]);
    anna.barter(SCARCE, 2);
    ensure!(goods(&mut anna, barterer).await? == [(SCARCE, 3)], "two are taken");
    anna.quit();
    anna.wait_for("leave to go", |event| *event == Event::QuitAnswer(0)).await?;
    drop(anna);

    realm.add_host("host-2").await?;
    eventually("host-2 is connected", START, async || Ok((realm.status.get().await?.hosts.len() == 2).then_some(())))
        .await?;
    realm.node("host-1").process.kill()?;
    on_a_live_host(realm, Some(&first)).await?;
    let (mut bert, trader, barterer, told) = join(realm, "bert").await?;
    // Both variables were new then, and so written at once.
    ensure!(told == "anna was here, guests 2", "{told}");
    let after = goods(&mut bert, trader).await?;
    ensure!(after == [(SCARCE, 7), (502, ENDLESS)], "{after:?}");
    bert.leave_market();
    ensure!(goods(&mut bert, barterer).await? == [(SCARCE, 3)]);
    Ok(first)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stock_map_servers_shops_and_variables_move_with_its_group_and_need_no_database() {
    let Some(rathena) = std::env::var_os("BIFROST_TEST_RATHENA").map(PathBuf::from) else { return };
    let folder = folder(&rathena).expect("a folder");
    bare(settings(&rathena), async |realm| shops_move(realm, &folder).await.map(drop)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_database_they_stand_beside_the_operators_own_and_logs_have_their_host() {
    let Some(rathena) = std::env::var_os("BIFROST_TEST_RATHENA").map(PathBuf::from) else { return };
    let Some(server) = Server::from_environment() else { return };
    let (folder, schema) =
        (folder(&rathena).expect("a folder"), Schema::empty(server, "suite_rathena").await.expect("a schema"));
    for file in ["sql-files/main.sql", "sql-files/logs.sql"] {
        let tables = std::fs::read_to_string(rathena.join(file)).expect("rAthena's own tables");
        schema.run(&tables).await.expect("made");
    }
    let shop = "INSERT INTO vendings (id, account_id, char_id, sex, map, x, y, title, body_direction, head_direction, sit, \
                autotrade) VALUES (1, 1, 1, 'M', 'prontera', 1, 1, 'the operator''s', '4', '0', '1', 1)";
    schema.run(shop).await.expect("somebody's shop");
    let mut settings = settings(&rathena);
    settings.set("database.url", schema.relay_url());
    bare(settings, async |realm| {
        let arguments = ["sql", "tables", "--database", &schema.name, "--user", &schema.name];
        let tables = realm.command(&arguments, &[]).await?;
        schema.run(&String::from_utf8_lossy(&tables.stdout)).await?;
        let first = shops_move(realm, &folder).await?;
        let bought = format!("SELECT SUM(amount) FROM fleet_picklog WHERE host = '{first}' AND nameid = {SCARCE}");
        let bought = schema.rows(&bought).await?;
        ensure!(bought == "5", "three bought and two taken, not {bought}");
        ensure!(schema.rows("SELECT title FROM vendings").await? == "the operator's");
        ensure!(schema.rows("SELECT COUNT(*) FROM market, barter, mapreg").await? == "0");
        Ok(())
    })
    .await;
    schema.end().await.expect("dropped");
}
