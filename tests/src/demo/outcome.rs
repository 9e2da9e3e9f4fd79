//! What happened, in numbers.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;

use super::crowd::Crowd;
use super::stage::Stage;
use crate::harness::{Failover, Status, Step, eventually};
use crate::percentiles::Percentiles;
use crate::player::{HopKind, Record};

/// How long the coordinator may take to write down the last step after everybody is back.
const BOOKS_LIMIT: Duration = Duration::from_secs(5);

/// What the demo found. Serialised as `--json` prints it.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// Players that played.
    pub players: usize,
    /// Players that lost their connection, or are not in play at the end.
    pub dropped: usize,
    /// Times a player had to log in again.
    pub relogins: u32,
    /// From detection to the redirect sent, over the players of the lost host.
    pub redirect_ms: Percentiles,
    /// The silence each of them felt: last packet before to first packet after.
    pub gap_ms: Percentiles,
    /// The six steps.
    pub steps: Vec<Step>,
    /// Who carried what.
    pub groups: Vec<GroupOutcome>,
    /// What only the report for people tells.
    #[serde(skip)]
    pub story: Story,
}

/// Who carried a map group.
#[derive(Debug, Serialize)]
pub struct GroupOutcome {
    /// Its maps.
    pub maps: Vec<String>,
    /// Host before the kill.
    pub before: String,
    /// Host after it.
    pub after: String,
    /// Its name.
    #[serde(skip)]
    pub name: String,
}

/// What only the report for people tells.
#[derive(Debug)]
pub struct Story {
    /// The host that was killed.
    pub victim: String,
    /// Players on its maps.
    pub affected: usize,
    /// Times a player walked through a warp to another host.
    pub crossings: u32,
    /// From the kill to the first packet of the new host.
    pub kill_to_packet_ms: Percentiles,
    /// Why players were dropped.
    pub missing: Vec<String>,
}

/// Who carried what, and who was where, before the kill.
#[derive(Debug)]
pub(super) struct Before {
    hosts: BTreeMap<String, String>,
    kinds: BTreeMap<String, bool>,
    /// The host under each player, by position in the crowd.
    under: Vec<Option<String>>,
    redirects: u32,
}

impl Before {
    pub(super) async fn look(stage: &Stage, crowd: &Crowd) -> Result<Self> {
        let status = stage.realm.status.get().await?;
        let name = |host: &str| stage.realm.host_name(host).to_owned();
        let under =
            crowd.members.iter().map(|member| Some(name(status.host_of(&member.watch.place()?.map)?))).collect();
        Ok(Self {
            hosts: hosts(stage, &status),
            kinds: status.hosts.iter().map(|host| (name(&host.host), host.kind == "player")).collect(),
            under,
            redirects: crowd.members.iter().map(|member| member.watch.record().redirects).sum(),
        })
    }

    /// The player host with the most players.
    pub(super) fn victim(&self) -> Option<&str> {
        let players = self.kinds.iter().filter(|(_, player)| **player).map(|(host, _)| host.as_str());
        players.max_by_key(|host| self.players_on(host)).filter(|host| self.players_on(host) > 0)
    }

    pub(super) fn players_on(&self, host: &str) -> usize {
        self.affected(host).len()
    }

    /// The players on a host's maps, by position in the crowd.
    pub(super) fn affected(&self, host: &str) -> Vec<usize> {
        let under = self.under.iter().enumerate();
        under.filter(|(_, under)| under.as_deref() == Some(host)).map(|(index, _)| index).collect()
    }
}

impl Outcome {
    /// Whether nobody was dropped and the fleet finished what it began.
    #[must_use]
    pub fn held(&self) -> bool {
        self.dropped == 0
            && self.relogins == 0
            && !self.steps.is_empty()
            && self.steps.iter().all(|step| step.ms.is_some())
    }

    pub(super) async fn measure(
        stage: &Stage,
        crowd: &Crowd,
        before: &Before,
        victim: &str,
        killed: Instant,
    ) -> Result<Self> {
        let failover = failover(stage, victim).await?;
        let after = hosts(stage, &stage.realm.status.get().await?);
        let affected = before.affected(victim);
        let records: Vec<Record> = crowd.members.iter().map(|member| member.watch.record()).collect();
        let hops: Vec<_> = affected.iter().filter_map(|index| records[*index].hops_since(killed).next()).collect();
        let lost = |index: usize, record: &Record| {
            let broken = record.hops_since(killed).any(|hop| hop.kind == HopKind::Loss);
            broken || record.losses > 0 || !crowd.members[index].watch.is_in_play()
        };
        let dropped = records.iter().enumerate().filter(|(index, record)| lost(*index, record)).count();
        let groups = stage.realm.status.get().await?.groups.into_iter().map(|group| GroupOutcome {
            before: before.hosts.get(&group.name).cloned().unwrap_or_default(),
            after: after.get(&group.name).cloned().unwrap_or_default(),
            maps: group.maps,
            name: group.name,
        });
        Ok(Self {
            players: crowd.members.len(),
            dropped,
            relogins: records.iter().map(|record| record.relogins).sum(),
            redirect_ms: Percentiles::of(failover.redirect_ms),
            gap_ms: Percentiles::of(hops.iter().filter_map(|hop| hop.gap()).map(millis)),
            steps: failover.steps,
            groups: groups.collect(),
            story: Story {
                victim: victim.to_owned(),
                affected: affected.len(),
                crossings: before.redirects,
                kill_to_packet_ms: Percentiles::of(
                    hops.iter().filter_map(|hop| hop.first_after).map(|first| millis(first - killed)),
                ),
                missing: failover.missing,
            },
        })
    }
}

/// The failover of the killed host, once it is over.
async fn failover(stage: &Stage, victim: &str) -> Result<Failover> {
    let mut last = None;
    let over = eventually("the end of the failover", BOOKS_LIMIT, async || {
        let failovers = stage.realm.status.get().await?.failovers;
        last = failovers.into_iter().rev().find(|failover| stage.realm.host_name(&failover.host) == victim);
        Ok(last.clone().filter(|failover| failover.done))
    });
    let over = over.await.ok();
    over.or(last).context("the coordinator tells of no failover")
}

fn hosts(stage: &Stage, status: &Status) -> BTreeMap<String, String> {
    let name = |host: Option<&str>| host.map_or("nobody", |host| stage.realm.host_name(host)).to_owned();
    status.groups.iter().map(|group| (group.name.clone(), name(group.host.as_deref()))).collect()
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
