//! What the coordinator says on the control stream, and what engines make of it.

use std::time::Duration;

use bifrost_protocol::control::{Assign, Assigned, CoordinatorSays, Drain, NodeSays, Revoke, Revoked, Welcome};
use bifrost_protocol::ids::{Epoch, GroupName};
use tracing::{info, warn};

use super::attempt::Connected;
use super::leases::{Assignment, LeaseEvent, Terms};
use super::link::{LinkError, Welcomed};
use super::{Agent, Stop, beats};
use crate::engine::{EngineEvent, Lease};

/// The least and most that a coordinator may ask for between beats.
const BEAT_RANGE: std::ops::RangeInclusive<u32> = 20..=10_000;

impl Agent {
    /// The coordinator has taken this node in.
    pub(super) fn connected(&mut self, connected: Connected) {
        let Connected { welcomed: Welcomed { link, welcome, hello_sent }, machine } = connected;
        let Welcome { host, beat_ms, lease_ms, resumed, reconnect_ms, not_eligible } = welcome;
        if self.machine.is_none() {
            // Once: a span keeps every value a field ever had.
            tracing::Span::current().record("node.id", &host);
        }
        info!(
            coordinator = %link.connection().remote_address(),
            resumed = resumed.len(),
            held = self.leases.count(),
            ?not_eligible,
            "connected"
        );
        self.machine = Some(machine);
        self.replace = false;
        self.not_eligible = not_eligible;
        self.beats = beats(Duration::from_millis(u64::from(beat_ms.clamp(*BEAT_RANGE.start(), *BEAT_RANGE.end()))));
        let millis = |millis: u32| Duration::from_millis(millis.into());
        let terms = Terms { lease: millis(lease_ms), reconnect: millis(reconnect_ms) };
        let resumed = resumed.into_iter().map(|lease| (GroupName(lease.group), Epoch(lease.epoch))).collect();
        self.on_lease(LeaseEvent::Welcomed { terms, hello_sent, resumed });
        self.engines.set_link(Some(link.connection().clone()));
        self.link = Some(link);
        if self.drain.is_some() {
            self.tell(NodeSays::Drain(Drain { reason: "draining".into() }));
        }
        self.measure();
    }

    /// A control message.
    pub(super) fn hear(&mut self, says: CoordinatorSays) -> Option<Stop> {
        match says {
            CoordinatorSays::Assign(assign) => self.assign(assign),
            CoordinatorSays::Revoke(revoke) => self.revoke(revoke),
            CoordinatorSays::Notice(notice) => info!(group = notice.group, text = notice.text, "notice"),
            CoordinatorSays::Welcome(_) => warn!("a second Welcome passed over"),
            CoordinatorSays::Farewell(farewell) => return self.lost(LinkError::from(farewell)),
        }
        None
    }

    fn assign(&mut self, assign: Assign) {
        let lease = (GroupName(assign.group.clone()), Epoch(assign.epoch));
        let known = self.leases.held().any(|(group, _)| *group == lease.0);
        if self.drain.is_some() {
            return self.answer(lease, "is draining");
        }
        if !known && self.leases.count() >= self.config.limits.groups {
            return self.answer(lease, "carries as many groups as it may");
        }
        info!(group = %lease.0, epoch = lease.1.0, maps = assign.maps.len(), "assigned");
        match self.leases.assign(&lease.0, lease.1) {
            Assignment::New => self.engines.build(assign),
            Assignment::Replaces(old) => {
                self.engines.stop(&(lease.0, old));
                self.engines.build(assign);
            }
            Assignment::Known if self.engines.runs(&lease) => self.answer(lease, ""),
            // Its answer follows when the maps are read.
            Assignment::Known => {}
            Assignment::Stale => self.answer(lease, "holds the group under a later epoch"),
        }
    }

    fn revoke(&mut self, revoke: Revoke) {
        let lease = (GroupName(revoke.group), Epoch(revoke.epoch));
        info!(group = %lease.0, epoch = lease.1.0, reason = revoke.reason, "revoked");
        self.leases.give_up(&lease.0, lease.1);
        if self.engines.stop(&lease) {
            self.revoking.insert(lease);
        } else {
            self.tell(NodeSays::Revoked(Revoked { group: lease.0.0, epoch: lease.1.0 }));
        }
    }

    /// An engine was built, or has ended.
    pub(super) fn on_engine(&mut self, event: EngineEvent) {
        match event {
            EngineEvent::Built(lease, built) => {
                if !self.holds(&lease) {
                    return;
                }
                match built {
                    Ok(world) => {
                        self.engines.launch(lease.clone(), *world);
                        self.answer(lease, "");
                    }
                    Err(problem) => self.broke(lease, &problem),
                }
            }
            EngineEvent::Ended(lease) if self.revoking.remove(&lease) => {
                self.tell(NodeSays::Revoked(Revoked { group: lease.0.0, epoch: lease.1.0 }));
            }
            EngineEvent::Ended(lease) if self.holds(&lease) => {
                self.broke(lease, "the engine has ended although nobody stopped it");
            }
            EngineEvent::Ended(_) => {}
        }
    }

    /// An engine that cannot serve its group: the lease goes back.
    fn broke(&mut self, lease: Lease, problem: &str) {
        warn!(group = %lease.0, epoch = lease.1.0, problem, "group cannot be served");
        self.directory.count_error();
        self.leases.give_up(&lease.0, lease.1);
        self.answer(lease, problem);
    }

    fn holds(&self, lease: &Lease) -> bool {
        self.leases.held().any(|(group, epoch)| *group == lease.0 && epoch == lease.1)
    }

    fn answer(&self, lease: Lease, problem: &str) {
        self.tell(NodeSays::Assigned(Assigned {
            group: lease.0.0,
            epoch: lease.1.0,
            problem: problem.into(),
            standby: false,
        }));
    }
}
