//! `live --gateways`: real clients play through gateways of their own while a host is killed, their cables are pulled for ten
//! seconds, and the coordinator is killed and started again. What counts is that they go on hunting without a login.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;

use super::ground::Actor;
use super::options::Options;
use super::stage::{Folders, Stage};
use super::{kore, number, tree};
use crate::demo::Console;
use crate::harness::{Cable, Gateway, Process, eventually};

/// How long the cables are out.
const CUT: Duration = Duration::from_secs(10);
/// How long all may take to get in, and to hunt again after a fault: OpenKore loads maps and thinks about its way.
const LIMIT: Duration = Duration::from_secs(120);
/// How long they hunt before and after each fault.
const HUNT: Duration = Duration::from_secs(15);
/// What OpenKore writes when it hunts.
pub(super) const HUNTS: [&str; 2] = ["You attack", "You use"];
/// What it writes when it has to begin anew.
pub(super) const LOST: [&str; 3] = ["Disconnected from", "Timeout on", "connecting to Account Server"];

/// A player, its gateway and the gateway's cable.
struct Gated {
    client: Process,
    gateway: Gateway,
    cable: Cable,
}

impl Gated {
    fn count(&self, words: &[&str]) -> usize {
        self.client.log_text().lines().filter(|line| words.iter().any(|word| line.contains(word))).count()
    }
}

/// Runs it. Returns whether nobody was dropped.
pub(super) async fn play(options: &Options, folders: &Folders) -> Result<bool> {
    let console = Console::new();
    let mut stage = Stage::set(options, folders, &console).await?;
    let mut players = let_in(&stage, folders).await?;
    console.step(&format!("{} OpenKore players hunt, each through a gateway", players.len()));
    let mut held = hunts_on(&stage, &players, "at first", &console).await?;

    let victim = stage.busiest_host().await?;
    tree::signal(&tree::families(stage.realm.node(&victim).process.id()), Signal::KILL);
    console.step(&format!("{victim} is killed (SIGKILL)"));
    held &= hunts_on(&stage, &players, "after the host was killed", &console).await?;
    stage.realm.node(&victim).start_again()?;

    players.iter().for_each(|player| player.cable.pull());
    console.step("all cables are pulled");
    tokio::time::sleep(CUT).await;
    players.iter().for_each(|player| player.cable.plug_in());
    let plugged = Instant::now();
    for player in &players {
        player.gateway.until("connected again", |status| status.connected && status.reconnects > 0).await?;
    }
    console.step(&format!("plugged in after {CUT:?}; all gateways are connected {:.1?} later", plugged.elapsed()));
    held &= hunts_on(&stage, &players, "after ten seconds without network", &console).await?;

    stage.realm.coordinator.kill()?;
    let killed = Instant::now();
    stage.realm.start_again().await?;
    console.step(&format!("the coordinator was killed and listens again {:.1?} later", killed.elapsed()));
    held &= hunts_on(&stage, &players, "after the restart of the coordinator", &console).await?;
    for player in &mut players {
        player.client.terminate()?;
        player.client.ended(LIMIT).await?;
    }
    Ok(held)
}

/// Starts a gateway and a client for everybody who hunts at home, and waits until all hunt.
async fn let_in(stage: &Stage, folders: &Folders) -> Result<Vec<Gated>> {
    let path = stage.realm.folder_path().join("players");
    std::fs::create_dir_all(&path)?;
    let mut players = Vec::new();
    // A player in the operator's own city is the city's map-server's, which a restart of the coordinator cuts off.
    for actor in stage.actors.iter().filter(|actor| actor.tour.len() == 1) {
        let cable = Cable::lay(stage.realm.addresses.link).await?;
        let gateway = stage.realm.gateway_of(&actor.user, Actor::password(), Some(cable.address())).await?;
        let client = kore::start(&path, &folders.openkore, actor, gateway.addresses.login)?;
        players.push(Gated { client, gateway, cable });
    }
    ensure!(!players.is_empty(), "nobody hunts at home: take more players");
    Ok(players)
}

/// Waits until every client hunts, lets it hunt for a while, and says how it went.
async fn hunts_on(stage: &Stage, players: &[Gated], when: &str, console: &Console) -> Result<bool> {
    let begun = Instant::now();
    let hunted: Vec<_> = players.iter().map(|player| player.count(&HUNTS)).collect();
    let all = eventually("everybody hunting", LIMIT, async || {
        let on = players.iter().zip(&hunted).all(|(player, before)| player.count(&HUNTS) > *before);
        Ok(on.then_some(()))
    });
    all.await.with_context(|| ends(players))?;
    let took = begun.elapsed();
    tokio::time::sleep(HUNT).await;
    let lost: usize = players.iter().map(|player| player.count(&LOST)).sum();
    let logins = number(stage, "select count(*) from loginlog where rcode = 100 and user like 'live%'").await?;
    let relogins = logins - i64::try_from(players.len())?;
    let online = number(stage, "select count(*) from `char` where online <> 0").await?;
    console.step(&format!(
        "{when}: all hunt within {took:.1?}; {online} of {} online, {relogins} relogins, {lost} lost connections",
        players.len()
    ));
    Ok(lost == 0 && relogins == 0 && usize::try_from(online) == Ok(players.len()))
}

fn ends(players: &[Gated]) -> String {
    let end = |player: &Gated| {
        format!("-- {}\n{}\n{}\n", player.client.name(), player.client.log_end(), player.gateway.process.log_end())
    };
    players.iter().map(end).collect()
}
