//! All players of the demo.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::task::JoinSet;

use super::stage::Stage;
use super::{Console, Ground};
use crate::bot::Bot;
use crate::harness::{PASSWORD, eventually};
use crate::player::{Account, Player, Watch};

/// How often players of the demo ask for the time. Real clients do every 10 s or more; here it is the yardstick of the gap.
const PING: Duration = Duration::from_millis(200);

/// Logins at once: as many as a busy evening has, not a stampede.
const LOGINS_AT_ONCE: usize = 8;

/// How long walking to the farthest home may take.
const TRAVEL_LIMIT: Duration = Duration::from_secs(120);

/// The players. Dropping it ends them.
pub(super) struct Crowd {
    pub(super) members: Vec<Member>,
    playing: JoinSet<()>,
}

/// One player, looked at from outside.
pub(super) struct Member {
    pub(super) watch: Watch,
    home: String,
}

impl Crowd {
    /// Makes the accounts and lets the players log in and begin to play.
    pub(super) async fn join(stage: &Stage, ground: &Ground, players: u16, console: &Console) -> Result<Self> {
        let names: Vec<String> = (1..=players).map(|number| format!("player{number}")).collect();
        for (done, name) in names.iter().enumerate() {
            console.progress(&format!("making accounts: {done} of {players}"));
            stage.realm.add_account(name, PASSWORD).await?;
        }
        let mut crowd = Self { members: Vec::new(), playing: JoinSet::new() };
        let mut logins: JoinSet<Result<Player>> = JoinSet::new();
        let mut waiting = names.iter();
        loop {
            while logins.len() < LOGINS_AT_ONCE
                && let Some(name) = waiting.next()
            {
                let account = Account { ping: PING, relogin: true, ..stage.realm.account(name) };
                logins.spawn(Player::join(account));
            }
            let Some(player) = logins.join_next().await else { break };
            crowd.welcome(player.context("a login")?.context("a player did not get in")?, ground);
            console.progress(&format!("logging in: {} of {players}", crowd.members.len()));
        }
        console.step(&format!("{players} players have logged in, each with a character of its own"));
        Ok(crowd)
    }

    fn welcome(&mut self, player: Player, ground: &Ground) {
        let number = self.members.len();
        let home = ground.homes[number % ground.homes.len()].clone();
        self.members.push(Member { watch: player.watch(), home: home.clone() });
        let seed = u64::try_from(number).unwrap_or_default();
        self.playing.spawn(Bot::new(player, Arc::clone(&ground.atlas), home, seed).play());
    }

    /// Waits until every player has walked to its map.
    pub(super) async fn spread_out(&self, console: &Console) -> Result<()> {
        let players = self.members.len();
        let arrived = || self.members.iter().filter(|member| member.is_home()).count();
        let all = eventually("everybody on its map", TRAVEL_LIMIT, async || {
            console.progress(&format!("walking to their maps: {} of {players}", arrived()));
            Ok((arrived() == players).then_some(()))
        });
        if all.await.is_err() {
            let lost = self.members.iter().filter(|member| !member.is_home());
            let lost: Vec<String> =
                lost.map(|member| format!("{:?} -> {}", member.watch.place(), member.home)).collect();
            bail!("not everybody arrived within {TRAVEL_LIMIT:?}: {}", lost.join("; "));
        }
        let crossings: u32 = self.members.iter().map(|member| member.watch.record().redirects).sum();
        console.step(&format!("they have walked to their maps, {crossings} times through a warp to another host"));
        Ok(())
    }

    /// Waits until every one of these players has a packet from a new connection and is in play. Returns when the last one
    /// was, after `killed`.
    pub(super) async fn until_recovered(&self, which: &[usize], killed: Instant, limit: Duration) -> Option<Duration> {
        let back = |index: &usize| {
            let member = &self.members[*index];
            let record = member.watch.record();
            let hop = record.hops_since(killed).last().copied();
            member.watch.is_in_play() && hop.is_some_and(|hop| hop.first_after.is_some())
        };
        let all = eventually("everybody back", limit, async || Ok(which.iter().all(back).then_some(())));
        all.await.ok().map(|()| killed.elapsed())
    }
}

impl Member {
    fn is_home(&self) -> bool {
        self.watch.is_in_play() && self.watch.place().is_some_and(|place| place.map == self.home)
    }
}
