//! The view: what of all this a window shows.

use std::time::Duration;

use bifrost_node::NodeState;
use bifrost_node::Way;

use super::{Controller, Membership, NodeSide};
use crate::effect::Tray;
use crate::view::{
    AfterDrain, BenchStep, Measured, MyPc, Numbers, Phase, PlayView, Problem, ProblemCode, Transport, Trouble,
    UpdateView, View,
};

/// How long a node may be without its link before that is trouble.
const LINK_PATIENCE: Duration = Duration::from_secs(8);

impl Controller {
    /// Everything a window shows.
    #[must_use]
    pub fn view(&self) -> View {
        View {
            version: env!("CARGO_PKG_VERSION").into(),
            phase: self.phase(),
            realm: self.realm.as_ref().map(crate::realm::Realm::to_view),
            account: match &self.membership {
                Membership::Member(account) | Membership::Proving(account) => Some(account.name().to_owned()),
                Membership::Nobody | Membership::Refused(_) => None,
            },
            host_wanted: self.settings.host,
            host_limit: self.settings.manners.players(),
            play: self.play_view(),
            numbers: self.numbers(),
            groups: if self.carries().0 > 0 { self.watch.groups() } else { Vec::new() },
            my_pc: self.my_pc(),
            contribution: self.ledger.to_view(&self.now),
            settings: self.settings.clone(),
            doctor: self.doctor.clone(),
            notes: self.notes.clone(),
            update: self.update.clone(),
        }
    }

    /// The one state. What somebody has to act on comes before what goes on by itself.
    pub(super) fn phase(&self) -> Phase {
        if let (Some(percent), UpdateView::Ready { version } | UpdateView::Waiting { version }) =
            (self.updating, &self.update)
        {
            return Phase::Updating { version: version.clone(), percent };
        }
        if self.realm.is_none() {
            return Phase::NoRealm { problem: self.realm_problem.clone() };
        }
        match &self.membership {
            Membership::Proving(_) => Phase::SigningIn,
            Membership::Nobody => self.offline().unwrap_or(Phase::SignedOut { problem: None }),
            Membership::Refused(problem) => Phase::SignedOut { problem: Some(problem.clone()) },
            Membership::Member(_) => self.member_phase(),
        }
    }

    fn member_phase(&self) -> Phase {
        match &self.node {
            NodeSide::Leaving { then, draining: true } => {
                return Phase::Draining { players: self.carries().1, then: *then };
            }
            NodeSide::On { state: NodeState::Draining, .. } => {
                return Phase::Draining { players: self.carries().1, then: AfterDrain::Stop };
            }
            NodeSide::Leaving { draining: false, .. } | NodeSide::On { .. } | NodeSide::Off { .. } => {}
        }
        if let Some(problem) = &self.failed {
            return Phase::Failed { problem: problem.clone() };
        }
        if self.settings.host && !self.pauses.is_empty() {
            return Phase::Paused { why: self.pauses.clone() };
        }
        match &self.node {
            NodeSide::On { state: NodeState::Hosting { groups, players }, .. } => {
                Phase::Hosting { groups: u32::try_from(*groups).unwrap_or(u32::MAX), players: *players }
            }
            NodeSide::On { state, since, .. } => self.offline().unwrap_or_else(|| self.node_phase(state, *since)),
            NodeSide::Off { .. } | NodeSide::Leaving { .. } => self.offline().unwrap_or(match self.settings.host {
                true => Phase::Connecting,
                false => Phase::Ready,
            }),
        }
    }

    fn node_phase(&self, state: &NodeState, since: Duration) -> Phase {
        match state {
            NodeState::Benchmarking => Phase::Benchmarking { step: BenchStep::Machine },
            NodeState::Connected { .. } => match self.watch.own() {
                None => Phase::Connecting,
                Some(host) if !host.is_measured() => Phase::Benchmarking { step: BenchStep::Network },
                Some(host) if !host.eligible => Phase::NotEligible {
                    unmet: host.criteria().into_iter().filter(|one| !one.met).map(|one| one.name).collect(),
                    ready_in_minutes: host.ready_in_minutes(),
                },
                Some(_) => Phase::Eligible,
            },
            NodeState::Offline | NodeState::Registering
                if self.now.since_start.saturating_sub(since) > LINK_PATIENCE && self.watch.has_answer() =>
            {
                Phase::Offline { trouble: Trouble::Network, retry_in_seconds: self.retry_in() }
            }
            NodeState::Offline
            | NodeState::Registering
            | NodeState::Hosting { .. }
            | NodeState::Draining
            | NodeState::Stopped { .. } => Phase::Connecting,
        }
    }

    fn offline(&self) -> Option<Phase> {
        let trouble = self.watch.trouble(self.now.since_start)?;
        Some(Phase::Offline { trouble, retry_in_seconds: self.retry_in() })
    }

    fn play_view(&self) -> PlayView {
        let has_folder = self.settings.client_folder.as_ref().is_some_and(|folder| !folder.is_empty());
        if matches!(self.game, PlayView::Ready { .. }) && !has_folder {
            return PlayView::NeedsFolder;
        }
        self.game.clone()
    }

    fn numbers(&self) -> Numbers {
        let now = self.now.since_start;
        let (Some(status), None) = (self.watch.status(), self.watch.trouble(now)) else { return Numbers::default() };
        let own = self.watch.own();
        let connected = match &self.node {
            NodeSide::On { state, .. } => matches!(state, NodeState::Connected { .. } | NodeState::Hosting { .. }),
            NodeSide::Leaving { draining, .. } => *draining,
            NodeSide::Off { .. } => false,
        };
        let gateway = self.gateway.as_ref().filter(|gateway| gateway.connected && gateway.round_trip_us > 0);
        let played = gateway.map(|gateway| f64::from(gateway.round_trip_us) / 1_000.0);
        let hosted = own.map(|host| host.round_trip_ms).filter(|ms| connected && *ms > 0.0);
        let measured = played.or(hosted);
        Numbers {
            players_online: Some(status.players),
            round_trip_ms: Some(tenths(measured.unwrap_or(status.answered_ms))),
            tick_ms: own.filter(|_| self.carries().0 > 0).map(|host| tenths(host.turn_ms)),
            transport: gateway.map(|gateway| gateway.transport).or(connected.then_some(self.way.name())).map(transport),
        }
    }

    fn my_pc(&self) -> MyPc {
        let own = self.watch.own();
        let criteria = own.map(crate::status::Host::criteria).unwrap_or_default();
        let measured = if let Phase::Benchmarking { step } = self.phase() {
            Measured::Measuring { step }
        } else if own.is_some_and(crate::status::Host::is_measured) {
            Measured::Done
        } else {
            Measured::NotYet
        };
        MyPc { measured, criteria }
    }

    pub(super) fn tray(&self) -> Tray {
        match self.phase() {
            Phase::Hosting { .. } | Phase::Draining { .. } => Tray::Hosting,
            Phase::Failed { .. } | Phase::SignedOut { problem: Some(_) } => Tray::Trouble,
            Phase::Offline { .. } | Phase::NoRealm { .. } | Phase::SignedOut { problem: None } | Phase::SigningIn => {
                Tray::Offline
            }
            Phase::Ready
            | Phase::Connecting
            | Phase::Benchmarking { .. }
            | Phase::NotEligible { .. }
            | Phase::Eligible
            | Phase::Paused { .. }
            | Phase::Updating { .. } => Tray::Connected,
        }
    }
}

/// Tenths are all that anybody reads.
fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

impl From<crate::secrets::VaultError> for Problem {
    fn from(error: crate::secrets::VaultError) -> Self {
        let code = match error {
            crate::secrets::VaultError::Locked(_) => ProblemCode::KeyringLocked,
            crate::secrets::VaultError::File(_) => ProblemCode::DiskFull,
        };
        Self::new(code, error.to_string())
    }
}

/// Of the way's name.
fn transport(way: &str) -> Transport {
    if way == Way::Udp.name() { Transport::Quic } else { Transport::Tcp }
}
