//! What the coordinator says on the control stream, and what engines make of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bifrost_protocol::control::{self, Assign, CoordinatorSays, Drain, NodeSays, Revoke, Revoked, Welcome};
use bifrost_protocol::ids::{Epoch, GroupName};
use tracing::{info, warn};

use super::attempt::Connected;
use super::leases::{Assignment, LeaseEvent, Terms};
use super::link::{LinkError, Welcomed};
use super::{Agent, Stop, beats};
use crate::engine::{Assigned, EngineEvent, Lease, Taken, embedded, rathena};

/// The least and most that a coordinator may ask for between beats.
const BEAT_RANGE: std::ops::RangeInclusive<u32> = 20..=10_000;

impl Agent {
    /// The coordinator has taken this node in.
    pub(super) fn connected(&mut self, connected: Connected) {
        let Connected { welcomed: Welcomed { link, welcome, hello_sent, way }, machine, held } = connected;
        let Welcome { host, beat_ms, lease_ms, resumed, reconnect_ms, not_eligible } = welcome;
        if self.machine.is_none() {
            // Once: a span keeps every value a field ever had.
            tracing::Span::current().record("node.id", &host);
        }
        info!(
            coordinator = %link.connection().remote_address(),
            way = way.name(),
            resumed = resumed.len(),
            held = self.leases.count(),
            ?not_eligible,
            "connected"
        );
        self.way.send_replace(way);
        self.machine = Some(machine);
        self.replace = false;
        self.not_eligible = not_eligible;
        self.beats = beats(Duration::from_millis(u64::from(beat_ms.clamp(*BEAT_RANGE.start(), *BEAT_RANGE.end()))));
        let millis = |millis: u32| Duration::from_millis(millis.into());
        let terms = Terms { lease: millis(lease_ms), reconnect: millis(reconnect_ms) };
        let resumed = resumed.into_iter().map(|lease| (GroupName(lease.group), Epoch(lease.epoch))).collect();
        self.on_lease(LeaseEvent::Welcomed { terms, hello_sent, resumed });
        self.standbys.welcomed(Instant::now());
        self.engines.set_link(Some(link.connection().clone()));
        self.link = Some(link);
        if self.drain.is_some() {
            self.tell(NodeSays::Drain(Drain { reason: "draining".into() }));
        }
        if self.credentials.borrow().as_ref().is_some_and(|now| !Arc::ptr_eq(now, &held)) {
            // They were renewed while this connection was being made.
            self.renewed();
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
        let standby = assign.standby;
        if let Some(problem) = self.refuses(&assign, &lease.0) {
            return self.answer(lease, standby, problem);
        }
        info!(group = %lease.0, epoch = lease.1.0, maps = assign.maps.len(), engine = assign.engine, standby, "assigned");
        let stock = assign.engine == rathena::NAME;
        if standby {
            return self.stand_by(&lease, &assign);
        }
        match self.leases.assign(&lease.0, lease.1) {
            Assignment::New => self.start(stock, assign),
            Assignment::Replaces(old) => {
                self.engines.stop(&(lease.0, old));
                self.start(stock, assign);
            }
            Assignment::Known if self.engines.serves(&lease) => self.answer(lease, false, ""),
            // Its answer follows when the engine is ready.
            Assignment::Known => {}
            Assignment::Stale => self.answer(lease, false, "holds the group under a later epoch"),
        }
    }

    /// Why an assignment cannot be taken.
    fn refuses(&self, assign: &Assign, group: &GroupName) -> Option<&'static str> {
        let held = self.leases.held().any(|(held, _)| held == group);
        let known = held || self.standbys.stands_by(group);
        let known_engine = matches!(assign.engine.as_str(), "" | embedded::NAME | rathena::NAME);
        if self.drain.is_some() {
            Some("is draining")
        } else if !known && self.carried(assign.standby) >= self.config.limits.groups {
            Some("carries as many groups as it may")
        } else if !known_engine {
            Some("has no such engine")
        } else if assign.standby && held {
            Some("carries the group already")
        } else if assign.standby && assign.engine != rathena::NAME {
            // An embedded engine is there in milliseconds.
            Some("only stock map-servers stand by")
        } else {
            None
        }
    }

    fn stand_by(&mut self, lease: &Lease, assign: &Assign) {
        self.standbys.assigned(&lease.0, lease.1);
        match self.engines.assign_stock(assign) {
            Taken::Ready => self.answer(lease.clone(), true, ""),
            Taken::Starting => {}
        }
    }

    /// Starts the engine of a lease, or promotes the one that stands by.
    fn start(&mut self, stock: bool, assign: Assign) {
        let lease = (GroupName(assign.group.clone()), Epoch(assign.epoch));
        let stood_by = self.standbys.remove(&lease.0);
        if stock && self.engines.assign_stock(&assign) == Taken::Ready {
            info!(group = %lease.0, epoch = lease.1.0, "standby promoted");
            self.answer(lease.clone(), false, "");
        }
        if let Some(ticket) = stood_by {
            // Only one that was of no use is still there under its ticket.
            self.engines.stop(&(lease.0, ticket));
        }
        if !stock {
            self.engines.build(assign);
        }
    }

    fn revoke(&mut self, revoke: Revoke) {
        let lease = (GroupName(revoke.group), Epoch(revoke.epoch));
        info!(group = %lease.0, epoch = lease.1.0, reason = revoke.reason, "revoked");
        self.leases.give_up(&lease.0, lease.1);
        if self.standbys.has(&lease.0, lease.1) {
            self.standbys.remove(&lease.0);
        }
        if self.engines.stop(&lease) {
            self.revoking.insert(lease);
        } else {
            self.tell(NodeSays::Revoked(Revoked { group: lease.0.0, epoch: lease.1.0 }));
        }
    }

    /// Standbys that no coordinator has asked for in time.
    pub(super) fn end_standbys(&mut self) {
        for lease in self.standbys.expired(Instant::now()) {
            info!(group = %lease.0, "nobody wants this standby any more");
            self.engines.stop(&lease);
        }
    }

    /// An engine was built, is ready, or has ended.
    pub(super) fn on_engine(&mut self, event: EngineEvent) {
        match event {
            EngineEvent::Built(lease, built) => {
                if !self.holds(&lease) {
                    return;
                }
                match built {
                    Ok(world) => {
                        self.engines.launch(lease.clone(), *world);
                        self.answer(lease, false, "");
                    }
                    Err(problem) => self.broke(lease, &problem),
                }
            }
            EngineEvent::Ready(Assigned { lease, standby }) => {
                let wanted = if standby { self.standbys.has(&lease.0, lease.1) } else { self.holds(&lease) };
                if wanted {
                    self.answer(lease, standby, "");
                }
            }
            EngineEvent::Broke(Assigned { lease, standby: true }, problem) => {
                if self.standbys.has(&lease.0, lease.1) {
                    warn!(group = %lease.0, problem, "standby cannot be kept");
                    self.standbys.remove(&lease.0);
                    self.directory.count_error();
                    self.answer(lease, true, &problem);
                }
            }
            EngineEvent::Broke(Assigned { lease, standby: false }, problem) => {
                if self.holds(&lease) {
                    self.broke(lease, &problem);
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
        self.answer(lease, false, problem);
    }

    /// Groups that are carried, or stood by for: of each as many as the owner allows.
    fn carried(&self, standby: bool) -> usize {
        if standby { self.standbys.count() } else { self.leases.count() }
    }

    fn holds(&self, lease: &Lease) -> bool {
        self.leases.held().any(|(group, epoch)| *group == lease.0 && epoch == lease.1)
    }

    fn answer(&self, lease: Lease, standby: bool, problem: &str) {
        self.tell(NodeSays::Assigned(control::Assigned {
            group: lease.0.0,
            epoch: lease.1.0,
            problem: problem.into(),
            standby,
        }));
    }
}
