//! Memory of the coordinator per idle session, at 2,000 sessions.
//!
//! `./test bench`. The sessions are real players who log in, enter the map and stand there.
#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]

use std::time::Duration;

use anyhow::{Context, Result};
use bifrost_tests::harness::{PASSWORD, Realm, Settings, resident_kib};
use bifrost_tests::player::Player;
use tokio::task::JoinSet;

const SESSIONS: usize = 2_000;

/// Logins at once.
const AT_ONCE: usize = 16;

#[tokio::main]
async fn main() -> Result<()> {
    let mut settings = Settings::default();
    settings.set("relay.max_per_address", 2 * SESSIONS as i64).set("relay.max_connections", 2 * SESSIONS as i64);
    let realm = Realm::with_hosts(settings, 0).await?;
    for number in 0..SESSIONS {
        realm.add_account(&format!("idler{number}"), PASSWORD).await?;
    }
    let process = realm.coordinator.id().context("the coordinator has ended")?;
    // One login first, so that what every coordinator needs once is not counted for the sessions.
    let mut players = vec![Player::join(realm.account("idler0")).await?];
    let before = resident_kib(process)?;
    let mut logins = JoinSet::new();
    for number in 1..SESSIONS {
        if logins.len() == AT_ONCE {
            players.push(logins.join_next().await.context("a login")???);
        }
        logins.spawn(Player::join(realm.account(&format!("idler{number}"))));
    }
    while let Some(player) = logins.join_next().await {
        players.push(player??);
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let after = resident_kib(process)?;
    let in_play = players.iter().filter(|player| player.is_in_play()).count();
    let each = (after.saturating_sub(before)) as f64 / (SESSIONS - 1) as f64;
    println!("coordinator: {before} KiB with one session, {after} KiB with {in_play}: {each:.1} KiB each");
    Ok(())
}
