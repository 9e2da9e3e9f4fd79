//! What the fleet shows of itself: hosts, groups, players, transfers.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use super::core::Fleet;
use super::session::Phase;
use crate::failover::{LeaseState, Transfer};

/// The fleet at one moment.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FleetStatus {
    /// Whether the char-server has taken the fleet in.
    pub char_server: bool,
    /// Players in game.
    pub players: usize,
    /// Players held without an engine.
    pub limbo: usize,
    /// Connected hosts.
    pub hosts: Vec<HostStatus>,
    /// Map groups.
    pub groups: Vec<GroupStatus>,
    /// The last changes of hosts, oldest first.
    pub failovers: Vec<TransferStatus>,
}

/// A connected host.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HostStatus {
    /// Host id.
    pub host: String,
    /// `player` or `fallback`.
    pub kind: String,
    /// Version of its program.
    pub version: String,
    /// Whether it may carry groups.
    pub eligible: bool,
    /// Whether it is being emptied.
    pub draining: bool,
    /// Players on its engines.
    pub players: usize,
    /// Groups it carries.
    pub groups: usize,
    /// Round trip in milliseconds.
    pub round_trip_ms: f64,
    /// CPU of the machine, 0 to 1.
    pub cpu: f64,
    /// Longest engine turn of the last beat, in milliseconds.
    pub turn_ms: f64,
    /// Suspicion: the accrual detector's phi.
    pub suspicion: f64,
    /// Errors it counted since it started.
    pub errors: u64,
    /// Rules it broke since it connected.
    pub violations: u64,
    /// Whether it has earned trust.
    pub trusted: bool,
    /// Clean audits in a row.
    pub clean_audits: u32,
    /// Seconds until its quarantine ends; 0: there is none.
    pub quarantine_seconds: u64,
    /// Its criteria, each with value and threshold.
    #[schema(value_type = Vec<Object>)]
    pub criteria: Vec<crate::placement::Criterion>,
}

/// A map group.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GroupStatus {
    /// Its name.
    pub name: String,
    /// `critical` or `eligible`.
    pub class: String,
    /// Its maps.
    pub maps: Vec<String>,
    /// Who carries it.
    pub host: Option<String>,
    /// `vacant`, `awaited`, `starting`, `live`, `emptying`.
    pub state: &'static str,
    /// The lease's epoch.
    pub epoch: u64,
    /// Players on it.
    pub players: usize,
    /// Why this host.
    pub why: String,
    /// `embedded` or `rathena`.
    pub engine: String,
    /// Hosts whose engine stands by, and whether it is ready.
    pub standbys: Vec<StandbyStatus>,
    /// Why an engine of it could not start or go on, last; with the last lines it wrote.
    pub problem: Option<String>,
}

/// An engine that stands by.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StandbyStatus {
    /// Where.
    pub host: String,
    /// Whether it could take the group at once.
    pub ready: bool,
}

/// A change of hosts.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TransferStatus {
    /// `host_lost`, `drain`, `rebalance`, `revoked`, `engine_lost`, `quarantined`.
    #[schema(value_type = String)]
    pub cause: crate::failover::Cause,
    /// Who lost the groups.
    pub host: String,
    /// Which groups.
    pub groups: Vec<String>,
    /// Players it carried over.
    pub players: usize,
    /// Whether every player is accounted for.
    pub done: bool,
    /// The six steps: `detect` is the silence before suspicion, all others count from there.
    pub steps: Vec<StepStatus>,
    /// From detection to each player's redirect, in milliseconds.
    pub redirect_ms: Vec<f64>,
    /// From detection to each player in play again, in milliseconds.
    pub back_ms: Vec<f64>,
    /// Players that did not come back, and why.
    pub missing: Vec<String>,
}

/// One step.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StepStatus {
    /// `detect`, `transition`, `notify`, `redirect`, `sync`, `verify`.
    pub name: &'static str,
    /// Milliseconds; none while it is under way.
    pub ms: Option<f64>,
}

impl Fleet {
    /// The fleet at this moment.
    #[must_use]
    pub fn status(&self) -> FleetStatus {
        let limbo = self.sessions().filter(|session| matches!(session.phase, Phase::Limbo { .. })).count();
        FleetStatus {
            char_server: self.char_server_is_up(),
            players: self.sessions().count(),
            limbo,
            hosts: self.host_status(),
            groups: self.group_status(),
            failovers: self.all_transfers().map(transfer_status).collect(),
        }
    }

    fn host_status(&self) -> Vec<HostStatus> {
        let views = self.views();
        let status = |(host, view): (&super::core::Host, &crate::placement::HostView)| HostStatus {
            host: host.host.0.clone(),
            kind: format!("{:?}", host.kind).to_lowercase(),
            version: host.version.clone(),
            eligible: host.kind == super::HostKind::Fallback || view.eligible,
            draining: host.draining,
            players: view.players,
            groups: view.groups,
            round_trip_ms: ms(host.round_trip),
            cpu: f64::from(host.beat.cpu_permille) / 1e3,
            turn_ms: f64::from(host.beat.turn_us) / 1e3,
            suspicion: (host.detector.phi(self.now()) * 1e2).round() / 1e2,
            errors: host.beat.errors,
            violations: host.violations,
            trusted: self.trusts(&host.host),
            clean_audits: self.standing(&host.host).streak,
            quarantine_seconds: self.quarantine_left(&host.host),
            criteria: self.criteria_of(host),
        };
        self.hosts().zip(&views).map(status).collect()
    }

    fn group_status(&self) -> Vec<GroupStatus> {
        let status = |(name, facts): (&bifrost_protocol::ids::GroupName, &super::command::GroupFacts)| {
            let lease = self.lease(name)?;
            Some(GroupStatus {
                name: name.0.clone(),
                class: format!("{:?}", facts.class).to_lowercase(),
                maps: facts.maps.iter().map(ToString::to_string).collect(),
                host: lease.state.holder().map(|(host, _)| host.0.clone()),
                state: match lease.state {
                    LeaseState::Vacant => "vacant",
                    LeaseState::Awaited(_) => "awaited",
                    LeaseState::Starting(..) => "starting",
                    LeaseState::Live(..) => "live",
                    LeaseState::Emptying(..) => "emptying",
                },
                epoch: lease.epoch.0,
                players: self.sessions().filter(|session| session.group == *name).count(),
                why: lease.why.clone(),
                engine: format!("{:?}", facts.engine).to_lowercase(),
                standbys: self
                    .standbys_of(name)
                    .map(|standby| StandbyStatus { host: standby.host.0.clone(), ready: standby.ready })
                    .collect(),
                problem: self.problem_of(name).map(str::to_owned),
            })
        };
        self.groups().filter_map(status).collect()
    }
}

fn transfer_status(transfer: &Transfer) -> TransferStatus {
    TransferStatus {
        cause: transfer.cause,
        host: transfer.from.0.clone(),
        groups: transfer.groups.iter().map(|group| group.0.clone()).collect(),
        players: transfer.players,
        done: transfer.is_over(),
        steps: transfer.steps().map(|(name, at)| StepStatus { name, ms: at.map(ms) }).collect(),
        redirect_ms: transfer.redirects.iter().copied().map(ms).collect(),
        back_ms: transfer.returns.iter().copied().map(ms).collect(),
        missing: transfer.missing.clone(),
    }
}

/// Milliseconds with microseconds behind the point.
fn ms(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
