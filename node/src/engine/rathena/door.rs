//! How players reach an engine: its port, whether it takes them, who of them is in play.

use std::collections::BTreeSet;
use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bifrost_protocol::ids::SessionId;
use tokio::sync::{mpsc, watch};

use crate::engine::directory::{Gauges, Seat};

/// How many sessions may come into play before the engine's link has told the coordinator of the first of them.
const ENTERED_QUEUE: usize = 1_024;

/// The players' side. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    /// Where the engine that runs now listens; `None` while none is ready.
    open: watch::Receiver<Option<SocketAddrV4>>,
    hold: watch::Receiver<bool>,
    sessions: Arc<Sessions>,
    gauges: Arc<Gauges>,
}

/// The engine's side.
#[derive(Debug)]
pub(super) struct Hinge {
    pub(super) open: watch::Sender<Option<SocketAddrV4>>,
    pub(super) entered: mpsc::Receiver<SessionId>,
    /// Whether the last process ever took players.
    pub(super) served: bool,
    sessions: Arc<Sessions>,
}

/// A player on an engine. Dropping it takes the player out of all counts.
#[derive(Debug)]
pub(super) struct Visit {
    session: SessionId,
    sessions: Arc<Sessions>,
    _seat: Seat,
}

#[derive(Debug)]
struct Sessions {
    in_play: Mutex<BTreeSet<SessionId>>,
    says: mpsc::Sender<SessionId>,
}

/// A closed door, and what opens it.
pub(super) fn door(hold: watch::Receiver<bool>, gauges: Arc<Gauges>) -> (Door, Hinge) {
    let (open, opened) = watch::channel(None);
    let (says, entered) = mpsc::channel(ENTERED_QUEUE);
    let sessions = Arc::new(Sessions { in_play: Mutex::default(), says });
    let hinge = Hinge { open, entered, served: false, sessions: Arc::clone(&sessions) };
    (Door { open: opened, hold, sessions, gauges }, hinge)
}

impl Door {
    /// Where to connect, as soon as the engine takes players; `None` when it does not within `patience`.
    pub(super) async fn address(&self, patience: Duration) -> Option<SocketAddrV4> {
        let mut open = self.open.clone();
        let opened = tokio::time::timeout(patience, open.wait_for(Option::is_some)).await;
        opened.ok()?.ok().and_then(|address| *address)
    }

    /// Whether players are held.
    pub(super) fn hold(&self) -> watch::Receiver<bool> {
        self.hold.clone()
    }

    /// A player takes a seat.
    pub(super) fn visit(&self, session: SessionId) -> Visit {
        Visit { session, sessions: Arc::clone(&self.sessions), _seat: self.gauges.seat() }
    }
}

impl Visit {
    /// The client has loaded the map. Only the first time is news.
    pub(super) fn entered(&self) {
        if self.sessions.lock().insert(self.session) {
            // A full queue means that nobody reads it; whoever does next is told of everybody in play.
            let _told = self.sessions.says.try_send(self.session);
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.sessions.lock().remove(&self.session);
    }
}

impl Hinge {
    /// Everybody in play.
    pub(super) fn in_play(&self) -> Vec<SessionId> {
        self.sessions.lock().iter().copied().collect()
    }
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<SessionId>> {
        self.in_play.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn players_wait_for_an_engine_that_is_about_to_be_ready() {
        let (door, hinge) = door(watch::channel(false).1, Arc::default());
        let address = SocketAddrV4::new(Ipv4Addr::new(127, 77, 1, 1), 5000);
        let opens = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            hinge.open.send_replace(Some(address));
        };
        let (found, ()) = tokio::join!(door.address(Duration::from_secs(2)), opens);
        assert_eq!(found, Some(address));
        hinge.open.send_replace(None);
        assert_eq!(door.address(Duration::from_secs(2)).await, None);
        drop(hinge);
        assert_eq!(door.address(Duration::from_secs(2)).await, None);
    }

    #[test]
    fn a_player_enters_once_and_counts_until_gone() {
        let gauges = Arc::<Gauges>::default();
        let (door, mut hinge) = door(watch::channel(false).1, Arc::clone(&gauges));
        let visit = door.visit(SessionId(5));
        assert_eq!((gauges.players(), hinge.in_play()), (1, vec![]));
        visit.entered();
        visit.entered();
        assert_eq!((hinge.entered.try_recv(), hinge.in_play()), (Ok(SessionId(5)), vec![SessionId(5)]));
        assert!(hinge.entered.try_recv().is_err());
        drop(visit);
        assert_eq!((gauges.players(), hinge.in_play()), (0, vec![]));
    }
}
