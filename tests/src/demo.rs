//! The demo: a realm, hosts, players; then one host is gone, and what the players felt of it.
//!
//! [`run`] is the whole show. `ground` says which maps are played on, `stage` starts the processes, `crowd` the players,
//! `outcome` measures, `report` tells people, `console` says what is going on meanwhile.

mod console;
mod crowd;
mod ground;
mod options;
mod outcome;
mod report;
mod stage;

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

pub(crate) use console::Console;
use crowd::Crowd;
use ground::Ground;
pub use options::Options;
use outcome::Before;
pub use outcome::Outcome;
use stage::Stage;

/// How long players play before and after the kill, so that there is something to interrupt, and to come back to.
const PLAY: Duration = Duration::from_secs(5);

/// How long the fleet has to bring everybody back. Longer than every timeout in it: what is not back then is lost.
const RECOVERY_LIMIT: Duration = Duration::from_secs(30);

/// Plays the demo. Returns whether it held: nobody was dropped.
///
/// # Errors
/// Something could not be started; what was kept for reading is named.
pub async fn run(options: Options) -> Result<bool> {
    let console = Console::new();
    let ground = Ground::choose(&options)?;
    let mut stage = Stage::set(&options, &ground, &console).await?;
    let played = play(&options, &ground, &mut stage, &console).await;
    let held = match &played {
        Ok(outcome) => outcome.held(),
        Err(_) => false,
    };
    if !held {
        stage.keep_logs(&console);
    }
    played.map(|_| held)
}

async fn play(options: &Options, ground: &Ground, stage: &mut Stage, console: &Console) -> Result<Outcome> {
    let crowd = Crowd::join(stage, ground, options.players, console).await?;
    crowd.spread_out(console).await?;
    console.step(&format!("everybody plays for {} s", PLAY.as_secs()));
    tokio::time::sleep(PLAY).await;

    let before = Before::look(stage, &crowd).await?;
    let victim = before.victim().context("no player host carries a player")?.to_owned();
    console.step(&format!("{} is killed (SIGKILL), with {} players on its maps", victim, before.players_on(&victim)));
    let killed = Instant::now();
    stage.kill(&victim)?;
    let recovered = crowd.until_recovered(&before.affected(&victim), killed, RECOVERY_LIMIT).await;
    match recovered {
        Some(time) => console.step(&format!("everybody is back in play {:.1} s after the kill", time.as_secs_f64())),
        None => console.step("not everybody came back"),
    }
    tokio::time::sleep(PLAY).await;

    let outcome = Outcome::measure(stage, &crowd, &before, &victim, killed).await?;
    if options.json {
        report::print_json(&outcome)?;
    } else {
        report::print(&outcome);
    }
    if options.keep {
        stage.stay(&victim, console).await?;
    }
    Ok(outcome)
}
