//! Fields on stock map-servers: real coordinator, real nodes, and the puppet where a map-server would be.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bifrost_tests::harness::{Group, Realm, ServerFolder, Settings, Status, eventually};
use bifrost_tests::player::{Event, Place, Player};

use crate::scenario::bare;

const SOUTH: &str = "prt_fild08";
const NORTH: &str = "prt_fild06";
const GROUPS: [(&str, &[&str]); 2] = [("south", &[SOUTH]), ("north", &[NORTH])];
/// From each field to the other.
const WARPS: [&str; 2] = ["warp: prt_fild08,9,9 prt_fild06,3,3", "warp: prt_fild06,9,9 prt_fild08,3,3"];
/// How long an engine may take to be there, or the fleet to put something right.
const REPAIR: Duration = Duration::from_secs(45);

fn folder(more: &[&str]) -> Result<ServerFolder> {
    ServerFolder::new(&[SOUTH, NORTH], &[&WARPS[..], more].concat())
}

async fn add_host(realm: &mut Realm, name: &str, server: &ServerFolder) -> Result<()> {
    realm.set_for_nodes("BIFROST_NODE__ENGINE__FOLDER", &server.path(""));
    realm.add_host(name).await
}

fn carried(status: &Status) -> bool {
    status.char_server && status.groups.iter().all(Group::is_live)
}

/// Whether the group of a map is live, and an engine ready to take it over.
fn covered(status: &Status, map: &str) -> bool {
    let group = status.group_of(map).filter(|group| group.is_live());
    group.is_some_and(|group| group.standbys.iter().any(|standby| standby.ready))
}

async fn count(realm: &Realm, metric: &str) -> Result<f64> {
    let text = realm.status.text("/metrics").await?;
    let lines = text.lines().filter_map(|line| line.strip_prefix(metric)?.rsplit_once(' '));
    Ok(lines.filter_map(|(_, value)| value.parse::<f64>().ok()).sum())
}

/// Waits until the coordinator has everything that players have done up to now.
async fn until_saved(realm: &Realm) -> Result<()> {
    let before = count(realm, "bifrost_save_bytes_count").await?;
    eventually("two more saves", REPAIR, async || {
        Ok((count(realm, "bifrost_save_bytes_count").await? >= before + 2.0).then_some(()))
    })
    .await
}

async fn carried_over(player: &mut Player) -> Result<Place> {
    player.wait_for("a redirect", |event| matches!(event, Event::Redirected(..))).await?;
    let place = player.until_in_play().await?;
    let record = player.record();
    ensure!(record.losses == 0 && record.relogins == 0, "{} was dropped", player.account().username);
    Ok(place)
}

#[tokio::test]
async fn a_killed_hosts_players_go_on_where_they_stood_on_an_engine_from_a_bundle() {
    let server = folder(&[]).expect("a folder");
    bare(server.settings(&GROUPS), async |realm| {
        let added = realm.command(&["bundle", "add", &server.path(""), "--abi", "linux-x86_64"], &[]).await?;
        ensure!(added.status.success());
        realm.add_host("host-1").await?;
        realm.status.until("every group carried", REPAIR, carried).await?;
        realm.add_host("host-2").await?;
        realm.add_fallback("fallback").await?;
        let mut anna = realm.join("anna").await?;
        realm.status.until("an engine that stands by", REPAIR, |status| covered(status, SOUTH)).await?;
        anna.walk_to(7, 6).await?;
        until_saved(realm).await?;
        anna.forget();

        let victim = realm.node_of(SOUTH).await?;
        let lost = victim.host_id().context("a host id")?;
        victim.process.kill()?;
        let place = carried_over(&mut anna).await?;
        ensure!(place == Place::new(SOUTH, 7, 6), "{place}");
        let over = |status: &Status| {
            status.failovers.iter().any(|over| over.host == lost && over.cause == "host_lost" && over.done)
        };
        let status = realm.status.until("the end of the failover", REPAIR, over).await?;
        let failover = status.failovers.iter().find(|over| over.cause == "host_lost").context("a failover")?;
        ensure!(failover.back_ms.len() == 1 && failover.missing.is_empty(), "{failover:?}");
        ensure!(count(realm, "bifrost_engine_start_seconds_count").await? >= 3.0, "engines started");
        anna.walk_to(8, 6).await
    })
    .await;
}

#[tokio::test]
async fn players_walk_between_engines_of_different_hosts_and_a_drained_host_hands_over() {
    let server = folder(&[]).expect("a folder");
    bare(server.settings(&GROUPS), async |realm| {
        add_host(realm, "host-1", &server).await?;
        add_host(realm, "host-2", &server).await?;
        realm.until_balanced(2).await?;
        let mut anna = realm.join("anna").await?;
        for (map, way) in [(NORTH, SOUTH), (SOUTH, NORTH)] {
            anna.forget();
            anna.walk(9, 9);
            let place = carried_over(&mut anna).await.with_context(|| format!("from {way}"))?;
            ensure!(place == Place::new(map, 3, 3), "{place}");
        }
        realm.status.until("an engine that stands by", REPAIR, |status| covered(status, SOUTH)).await?;
        anna.walk_to(4, 12).await?;
        anna.forget();
        // Nothing was waited for: it saves her before it lets her go.
        let victim = realm.node_of(SOUTH).await?;
        let name = victim.name().to_owned();
        victim.process.terminate()?;
        let place = carried_over(&mut anna).await?;
        ensure!(place == Place::new(SOUTH, 4, 12), "{place}");
        let ended = realm.node(&name).process.ended(REPAIR).await?;
        ensure!(ended.success(), "it ended with {ended}");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_was_saved_outlives_the_coordinator() {
    let server = folder(&[]).expect("a folder");
    bare(server.settings(&GROUPS), async |realm| {
        add_host(realm, "host-1", &server).await?;
        realm.status.until("every group carried", REPAIR, carried).await?;
        let mut anna = realm.join("anna").await?;
        anna.walk_to(6, 14).await?;
        until_saved(realm).await?;
        realm.coordinator.kill()?;
        realm.start_again().await?;
        realm.status.until("every group carried", REPAIR, carried).await?;
        drop(anna);
        // The character is still in game, as far as the realm knows: the first try puts it out.
        let again = async || Ok(Player::join(realm.account("anna")).await.ok());
        let anna = eventually("anna in game again", REPAIR, again).await?;
        ensure!(anna.place() == Some(Place::new(SOUTH, 6, 14)), "{:?}", anna.place());
        Ok(())
    })
    .await;
}

/// What an engine does wrong, and what becomes of it.
struct Wrong {
    /// A line of `conf/puppet.conf`.
    fault: &'static str,
    /// What the operator reads about the group.
    problem: &'static str,
    /// Whether it can be seen only with a player on it.
    with_player: bool,
}

/// A host with an engine that does something wrong has a group, then a good one comes: what is wrong is told, the group goes
/// there, and whoever is on it plays on.
async fn wrong(Wrong { fault, problem, with_player }: Wrong) {
    let (bad, good) = (folder(&[&format!("fault: {fault}")]).expect("a folder"), folder(&[]).expect("a folder"));
    let mut settings: Settings = good.settings(&GROUPS[..1]);
    settings.set("engine.standbys", 0);
    bare(settings, async |realm| {
        add_host(realm, "host-bad", &bad).await?;
        let mut player = None;
        if with_player {
            realm.status.until("every group carried", REPAIR, carried).await?;
            player = Some(realm.join("anna").await?);
        }
        let told = |status: &Status| {
            status.group_of(SOUTH).and_then(|group| group.problem.as_ref()).is_some_and(|text| text.contains(problem))
        };
        let status = realm.status.until("the problem", REPAIR, told).await?;
        let bad = realm.node("host-bad").host_id().context("a host id")?;
        ensure!(
            status.group_of(SOUTH).is_some_and(|group| group.problem.as_ref().is_some_and(|text| text.contains(&bad)))
        );
        add_host(realm, "host-good", &good).await?;
        let good = |status: &Status| status.host_of(SOUTH).is_some_and(|host| host != bad);
        realm.status.until("the group with the good host", REPAIR, good).await?;
        match &mut player {
            Some(anna) => {
                anna.until_in_play().await?;
                ensure!(anna.record().losses == 0 && anna.record().relogins == 0, "she was dropped");
            }
            None => drop(realm.join("anna").await?),
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_engine_that_dies_at_its_start_says_why() {
    let problem = "this is what the puppet was told to say";
    wrong(Wrong { fault: "die-at-start", problem, with_player: false }).await;
}

#[tokio::test]
async fn an_engine_without_a_map_is_told() {
    wrong(Wrong { fault: "missing-map", problem: SOUTH, with_player: false }).await;
}

#[tokio::test]
async fn an_engine_that_claims_a_foreign_map_is_cut_off() {
    wrong(Wrong { fault: "foreign-map", problem: "prontera is not of the engine's group", with_player: false }).await;
}

#[tokio::test]
async fn an_engine_that_sends_garbage_is_cut_off() {
    wrong(Wrong { fault: "garbage", problem: "0xffff", with_player: false }).await;
}

#[tokio::test]
async fn an_engine_that_floods_is_cut_off() {
    wrong(Wrong { fault: "flood", problem: "broke a rule", with_player: false }).await;
}

#[tokio::test]
async fn an_engine_that_crashes_loses_its_group_and_its_player_plays_on() {
    wrong(Wrong { fault: "die-after=4000", problem: "told to crash", with_player: true }).await;
}

#[tokio::test]
async fn an_engine_that_hangs_loses_its_group_and_its_player_plays_on() {
    wrong(Wrong { fault: "hang-after=4000", problem: "", with_player: true }).await;
}

#[tokio::test]
async fn an_engine_of_another_layout_is_cut_off() {
    wrong(Wrong { fault: "wrong-layout", problem: "not the build it says", with_player: true }).await;
}
