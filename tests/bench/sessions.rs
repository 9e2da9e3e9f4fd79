//! Memory of the coordinator per idle session, at 2,000 sessions.
//!
//! `./test bench`. The sessions are real players who log in, walk off into the town, and stand there.
#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bifrost_tests::atlas::Atlas;
use bifrost_tests::bot::Bot;
use bifrost_tests::harness::{PASSWORD, Realm, Settings, resident_kib};
use bifrost_tests::player::{Account, Player};
use bifrost_world::builtin;
use tokio::task::JoinSet;

const SESSIONS: usize = 2_000;

/// Players logging in and walking off at once.
const AT_ONCE: usize = 64;

/// How long they walk: at the start point everybody would see everybody.
const WALK: Duration = Duration::from_secs(10);

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
    let atlas = Arc::new(Atlas::builtin()?);
    let mut logins = JoinSet::new();
    for number in 1..SESSIONS {
        if logins.len() == AT_ONCE {
            players.push(logins.join_next().await.context("a login")???);
        }
        logins.spawn(settle(realm.account(&format!("idler{number}")), Arc::clone(&atlas), number as u64));
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

async fn settle(account: Account, atlas: Arc<Atlas>, seed: u64) -> Result<Player> {
    let player = Player::join(account).await?;
    Ok(Bot::new(player, atlas, builtin::START.0.to_owned(), seed).restless().play_for(WALK).await)
}
