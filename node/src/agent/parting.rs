//! How connections end, and what follows; how a node ends.

use std::time::{Duration, Instant};

use bifrost_protocol::control::{Drain, Goodbye, NodeSays};
use tracing::{info, warn};

use super::attempt::AttemptError;
use super::identity::IdentityError;
use super::leases::LeaseEvent;
use super::link::LinkError;
use super::{Agent, Stop};
use crate::engine::Lease;
use crate::node::{NodeState, StopCode};

/// How long a drain may take: the coordinator moves every player within a second or two, unless it has nowhere to.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long engines may take to say their last words when the node stops.
/// A stock map-server saves everybody first.
const STOP_TIMEOUT: Duration = Duration::from_secs(9);

impl Agent {
    pub(super) fn failed(&mut self, error: AttemptError) -> Option<Stop> {
        match error {
            AttemptError::Identity(IdentityError::Final(why)) => Some(Stop { code: StopCode::NotRegistered, why }),
            AttemptError::Identity(IdentityError::Passing(error)) => {
                self.retry_later(&error);
                None
            }
            AttemptError::Link(error) => {
                // Certificate or token were not taken. New ones help once; if they do not, waiting has to.
                self.replace = matches!(&error, LinkError::Certificate(_))
                    || matches!(&error, LinkError::Parted { code, .. } if code == "refused");
                self.parted(error)
            }
        }
    }

    /// The connection is over. Engines go on, held when their leases lapse.
    pub(super) fn lost(&mut self, error: LinkError) -> Option<Stop> {
        if let Some(link) = self.link.take() {
            link.connection().close(0_u32.into(), b"");
        }
        self.engines.set_link(None);
        self.measuring.abort_all();
        self.on_lease(LeaseEvent::Lost);
        self.standbys.lost(Instant::now(), self.leases.reconnect());
        self.parted(error)
    }

    fn parted(&mut self, error: LinkError) -> Option<Stop> {
        match &error {
            LinkError::Parted { code, reason } if code == "revoked" => {
                Some(Stop { code: StopCode::Revoked, why: format!("the operator has revoked this host: {reason}") })
            }
            LinkError::Parted { code, reason } if code == "replaced" => {
                Some(Stop { code: StopCode::Replaced, why: format!("another node runs with this identity: {reason}") })
            }
            LinkError::Parted { .. } | LinkError::Certificate(_) | LinkError::Lost(_) => {
                self.retry_later(&error);
                None
            }
        }
    }

    fn retry_later(&mut self, error: &dyn std::fmt::Display) {
        let wait = self.backoff.after_failure(rand::random());
        warn!(%error, retry_ms = wait.as_millis(), groups = self.leases.count(), "no link to the coordinator");
        self.retry_at = Instant::now() + wait;
        self.state.send_replace(if self.drain.is_some() { NodeState::Draining } else { NodeState::Offline });
    }

    pub(super) fn start_drain(&mut self, reason: String) {
        info!(reason, groups = self.leases.count(), "draining");
        self.drain = Some(Instant::now() + DRAIN_TIMEOUT);
        for standby in self.standbys.drain() {
            self.engines.stop(&standby);
        }
        self.tell(NodeSays::Drain(Drain { reason }));
    }

    pub(super) fn drained(&self) -> Option<Stop> {
        let empty = self.leases.count() == 0 && self.engines.count() == 0;
        (self.drain.is_some() && empty).then(|| Stop { code: StopCode::Asked, why: "is drained".into() })
    }

    /// Engines first, so that their last words go out; then goodbye.
    pub(super) async fn leave(&mut self, stop: &Stop) {
        self.attempt.shutdown().await;
        self.measuring.shutdown().await;
        let held: Vec<Lease> = self.leases.held().map(|(group, epoch)| (group.clone(), epoch)).collect();
        for lease in held.iter().chain(&self.standbys.drain()) {
            self.engines.stop(lease);
        }
        let ended = async {
            while self.engines.count() > 0 {
                drop(self.engines.next().await);
            }
        };
        if tokio::time::timeout(STOP_TIMEOUT, ended).await.is_err() {
            warn!("engines did not stop in time");
        }
        if let Some(link) = self.link.take() {
            link.close(NodeSays::Goodbye(Goodbye { reason: stop.why.clone() })).await;
        }
    }
}
