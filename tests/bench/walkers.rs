//! CPU of one embedded map with 500 walking players.
//!
//! `./test bench`. All of them walk about in the built-in town, in sight of each other; the
//! CPU of node and coordinator is what they used over the time of the measurement, in parts of one core.
#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bifrost_tests::atlas::Atlas;
use bifrost_tests::bot::Bot;
use bifrost_tests::harness::{PASSWORD, Realm, Settings, cpu_time, resident_kib};
use bifrost_tests::player::Player;
use bifrost_world::builtin;
use tokio::task::JoinSet;

const WALKERS: usize = 500;

/// How long is measured.
const MEASURED: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> Result<()> {
    let realm = Realm::with_hosts(Settings::default(), 0).await?;
    let atlas = Arc::new(Atlas::builtin()?);
    let mut walking = JoinSet::new();
    let mut watches = Vec::new();
    for number in 0..WALKERS {
        let name = format!("walker{number}");
        realm.add_account(&name, PASSWORD).await?;
        let player = Player::join(realm.account(&name)).await?;
        watches.push(player.watch());
        let home = builtin::START.0.to_owned();
        walking.spawn(Bot::new(player, Arc::clone(&atlas), home, number as u64).restless().play());
    }
    let node = realm.nodes[0].process.id().context("the node has ended")?;
    let coordinator = realm.coordinator.id().context("the coordinator has ended")?;
    let packets = || watches.iter().map(|watch| watch.record().packets()).sum::<usize>();
    let before = (cpu_time(node)?, cpu_time(coordinator)?, packets());
    tokio::time::sleep(MEASURED).await;
    let after = (cpu_time(node)?, cpu_time(coordinator)?, packets());
    let share = |before: Duration, after: Duration| (after - before).as_secs_f64() / MEASURED.as_secs_f64() * 100.0;
    let in_play = watches.iter().filter(|watch| watch.is_in_play()).count();
    println!("{in_play} walking players on one map, {} s", MEASURED.as_secs());
    println!("node         {:>6.1} % of a core, {} KiB", share(before.0, after.0), resident_kib(node)?);
    println!("coordinator  {:>6.1} % of a core, {} KiB", share(before.1, after.1), resident_kib(coordinator)?);
    println!("packets to players: {:.0} a second", (after.2 - before.2) as f64 / MEASURED.as_secs_f64());
    Ok(())
}
