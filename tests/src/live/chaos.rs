//! What happens to hosts: once a minute, the one with most players is killed, stopped or emptied.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::Signal;
use serde::Serialize;

use super::stage::Stage;
use super::{ground, tree};
use crate::demo::Console;
use crate::harness::Status;

/// What happens to a host.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Blow {
    /// SIGKILL for the node and its engines: the plug is pulled.
    Kill,
    /// SIGSTOP, and SIGCONT later: the machine sleeps, and wakes up with stale leases.
    Stop,
    /// SIGTERM: the owner closes the program.
    Drain,
}

/// In this order, again and again.
const BLOWS: [Blow; 3] = [Blow::Kill, Blow::Stop, Blow::Drain];

/// How long an asked node may take to end: its own drain limit, and then some.
const DRAIN_LIMIT: Duration = Duration::from_secs(40);

/// What happened to a host.
#[derive(Clone, Debug)]
pub(super) struct Strike {
    pub(super) blow: Blow,
    /// When, since the start of the run.
    pub(super) at: Duration,
    pub(super) host: String,
    /// The accounts of the players on it.
    pub(super) players: Vec<u32>,
}

impl Strike {
    /// Strikes the player host with most players; none when no player host has any.
    ///
    /// # Errors
    /// The coordinator does not answer, or the process cannot be signalled.
    pub(super) async fn deal(number: usize, stage: &Stage, console: &Console) -> Result<Option<Self>> {
        let blow = BLOWS[number % BLOWS.len()];
        let status = stage.status().await?;
        let under = players_by_host(stage, &status);
        let is_player = |host: &str| status.hosts.iter().any(|found| found.host == host && found.kind == "player");
        let ours = |host: &str| stage.realm.nodes.iter().any(|node| node.host_id().as_deref() == Some(host));
        let candidates = under.iter().filter(|(host, _)| is_player(host) && ours(host));
        let Some((id, players)) = candidates.max_by_key(|(_, players)| players.len()) else {
            console.step("no player host has players: nobody is struck");
            return Ok(None);
        };
        let host = stage.realm.host_name(id).to_owned();
        let node = stage.realm.nodes.iter().find(|node| node.name() == host).context("no such node")?;
        let family = tree::families(node.process.id());
        let what = match blow {
            Blow::Kill => "killed (SIGKILL)",
            Blow::Stop => "stopped (SIGSTOP)",
            Blow::Drain => "asked to end (SIGTERM)",
        };
        console.step(&format!("{host} is {what}, {} processes, {} players", family.len(), players.len()));
        let at = stage.courses.now();
        match blow {
            Blow::Kill => tree::signal(&family, Signal::KILL),
            Blow::Stop => tree::signal(&family, Signal::STOP),
            Blow::Drain => node.process.terminate()?,
        }
        if blow != Blow::Drain {
            for account in players {
                if let Some(mut course) = stage.courses.of(*account) {
                    course.struck();
                }
            }
        }
        Ok(Some(Self { blow, at, host, players: players.clone() }))
    }

    /// Brings the host back.
    ///
    /// # Errors
    /// It cannot be started, or does not end when asked to.
    pub(super) async fn mend(&self, stage: &mut Stage, console: &Console) -> Result<()> {
        let node = stage.realm.node(&self.host);
        match self.blow {
            Blow::Kill => node.start_again()?,
            Blow::Stop => {
                let family = tree::families(node.process.id());
                tree::signal(&family, Signal::CONT);
            }
            Blow::Drain => {
                let status = node.process.ended(DRAIN_LIMIT).await?;
                if !status.success() {
                    console.step(&format!("{} did not end in order: {status}", self.host));
                }
                node.start_again()?;
            }
        }
        console.step(&format!("{} is back", self.host));
        Ok(())
    }
}

/// The accounts of the players on each host's maps.
fn players_by_host(stage: &Stage, status: &Status) -> BTreeMap<String, Vec<u32>> {
    let mut under: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for (account, course) in stage.courses.all().filter(|(_, course)| course.is_in_play()) {
        if ground::group_of(course.map()).is_some()
            && let Some(host) = status.host_of(course.map())
        {
            under.entry(host.to_owned()).or_default().push(account);
        }
    }
    under
}
