//! `live --launcher`: the real realm with players, for one launcher that is tried on it (`./test story`). Where everything is
//! stands in one JSON line on standard output; then it does what it reads on standard input, a word a line, and answers each
//! with a line of its own, until `end` or the input's end.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use serde::Serialize;
use tokio::sync::mpsc;

use super::ground::Actor;
use super::options::Options;
use super::stage::{Folders, Stage};
use super::{gated, kore, number, tree};
use crate::demo::Console;
use crate::harness::{Cable, Status};

/// Past the numbers of all other players, and one of those who hunt at home.
const NUMBER: u16 = 202;

/// How long a host may take to move its players and end.
const LEAVE_LIMIT: Duration = Duration::from_secs(40);

/// What a launcher has to know.
#[derive(Serialize)]
struct Invitation {
    coordinator: String,
    ca: PathBuf,
    /// The coordinator's link by a cable that can be pulled.
    link: String,
    user: String,
    password: &'static str,
    game_folder: PathBuf,
    program: &'static str,
}

/// How the launcher and its player fare.
#[derive(Serialize)]
struct News {
    /// The map its player was last saved on.
    map: String,
    online: bool,
    logins: i64,
    /// Lines of its game that tell of fighting.
    hunts: usize,
    /// Lines of its game that tell of a lost connection.
    lost: usize,
    /// Players on the maps that launchers' PCs carry, groups of them, and the map-servers that stand by there.
    carried_players: usize,
    carried_groups: usize,
    standbys: usize,
    /// Everybody in game, and those without a map-server just now.
    players: usize,
    limbo: usize,
    /// Logins of the other players beyond one each.
    relogins: i64,
}

/// Sets the stage, lets the players in, and obeys.
///
/// # Errors
/// Something does not start, or an order cannot be carried out.
pub(super) async fn serve(options: &Options, folders: &Folders) -> Result<bool> {
    let console = Console::new();
    let mut stage = Stage::set(options, folders, &console).await?;
    stage.let_in(folders, &console).await?;
    let guest = Actor::new(NUMBER);
    kore::enrol(&stage.sql, std::slice::from_ref(&guest)).await?;
    let games = stage.realm.folder_path().join("games");
    let (game_folder, log) = kore::lay_out_game(&games, &folders.openkore, &guest, stage.servers.login)?;
    let cable = Cable::lay(stage.realm.addresses.link).await?;
    say(&Invitation {
        coordinator: stage.realm.status.base().to_owned(),
        ca: stage.realm.ca(),
        link: cable.address().to_string(),
        user: guest.user.clone(),
        password: Actor::password(),
        game_folder,
        program: kore::GAME,
    })?;
    console.step("a launcher may come");
    let mut orders = orders();
    while let Some(line) = orders.recv().await {
        match line.trim() {
            "pull" => cable.pull(),
            "plug" => cable.plug_in(),
            "leave" => leave(&mut stage, &console).await?,
            "kill" => kill_host_of(&mut stage, &guest, &console).await?,
            "news" => {}
            "end" => break,
            other => bail!("{other} is no order: pull, plug, leave, kill, news, end"),
        }
        say(&news(&stage, &guest, &log).await?)?;
    }
    let lingering = stage.send_home().await?;
    console.step(&format!("everybody goes home; still there: {lingering:?}"));
    Ok(lingering.is_empty())
}

/// What stands on standard input, a line each, until its end.
fn orders() -> mpsc::Receiver<String> {
    let (sender, orders) = mpsc::channel(1);
    // A thread of its own: reading cannot be given up, and ends with the program.
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    orders
}

fn say(what: &impl Serialize) -> Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "{}", serde_json::to_string(what)?)?;
    Ok(out.flush()?)
}

/// The owner of one of our hosts closes the program, and that host ends for good.
async fn leave(stage: &mut Stage, console: &Console) -> Result<()> {
    let hosts = stage.realm.nodes.iter_mut().filter(|node| node.name().starts_with("host-"));
    let mut running = hosts.filter_map(|node| node.process.is_running().then_some(node));
    let node = running.next().context("all hosts have left")?;
    console.step(&format!("{} leaves", node.name()));
    node.process.terminate()?;
    node.process.ended(LEAVE_LIMIT).await.map(drop)
}

/// Kills the host that carries the guest's map, unless that is the launcher itself, which is no process of ours.
async fn kill_host_of(stage: &mut Stage, guest: &Actor, console: &Console) -> Result<()> {
    let status = stage.status().await?;
    let host = status.host_of(guest.home.map).context("nobody carries the guest's map")?.to_owned();
    let ours = stage.realm.nodes.iter().find(|node| node.host_id().as_deref() == Some(&host));
    let Some(node) = ours else { bail!("the guest's map is on the launcher itself") };
    console.step(&format!("{} is killed (SIGKILL), the guest's map is on it", node.name()));
    tree::signal(&tree::families(node.process.id()), Signal::KILL);
    Ok(())
}

async fn news(stage: &Stage, guest: &Actor, log: &Path) -> Result<News> {
    let status = stage.status().await?;
    let Status { players, limbo, .. } = status;
    // Player hosts that none of our processes is: launchers.
    let ours: Vec<String> = stage.realm.nodes.iter().filter_map(crate::harness::Node::host_id).collect();
    let carried: Vec<_> =
        status.groups.iter().filter(|group| group.host.as_ref().is_some_and(|host| !ours.contains(host))).collect();
    let character = format!("select last_map, online from `char` where char_id = {}", guest.character);
    let rows = stage.sql.rows(&character).await?;
    let row = rows.first().context("the guest has no character")?;
    let logins = "select count(*) from loginlog where rcode = 100 and log = 'login ok' and user";
    let others = number(stage, &format!("{logins} like 'live0%'")).await?;
    let game = fs::read_to_string(log).unwrap_or_default();
    let count = |words: &[&str]| game.lines().filter(|line| words.iter().any(|word| line.contains(word))).count();
    Ok(News {
        map: row[0].clone(),
        online: row[1] != "0",
        logins: number(stage, &format!("{logins} = '{}'", guest.user)).await?,
        hunts: count(&gated::HUNTS),
        lost: count(&gated::LOST),
        carried_players: carried.iter().map(|group| group.players).sum(),
        carried_groups: carried.len(),
        standbys: status.groups.iter().flat_map(|group| &group.standbys).filter(|by| !ours.contains(&by.host)).count(),
        players,
        limbo,
        relogins: others - i64::try_from(stage.actors.len())?,
    })
}
