//! The realm's memory and the connections its orders go to, behind one short lock.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bifrost_protocol::client::CloseReason;
use bytes::Bytes;
use tokio::sync::mpsc;

use super::state::{Order, SeatId, ServerId, State};

/// Packets that may wait for a map-server before its link is cut: one that does not read has to start over.
pub(super) const LINK_QUEUE: usize = 512;

/// The realm's memory, and how to reach those it gives orders to.
#[derive(Debug, Default)]
pub(super) struct Board {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    state: State,
    servers: BTreeMap<ServerId, mpsc::Sender<Bytes>>,
    seats: BTreeMap<SeatId, mpsc::Sender<CloseReason>>,
}

impl Board {
    /// Changes the memory and carries out what follows from it.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> (T, Vec<Order>)) -> T {
        self.with(|inner| {
            let (answer, orders) = change(&mut inner.state);
            orders.into_iter().for_each(|order| inner.carry_out(order));
            answer
        })
    }

    /// Changes the memory where nothing else follows.
    pub(super) fn note<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        self.change(|state| (change(state), Vec::new()))
    }

    /// Gives a client's connection a number, and what it will be told.
    pub(super) fn take_seat(&self) -> (SeatId, mpsc::Receiver<CloseReason>) {
        self.with(|inner| {
            let seat = inner.state.next_seat();
            let (orders, queue) = mpsc::channel(1);
            inner.seats.insert(seat, orders);
            (seat, queue)
        })
    }

    /// A client's connection is gone.
    pub(super) fn leave_seat(&self, seat: SeatId) {
        self.with(|inner| inner.seats.remove(&seat));
    }

    /// A map-server's link is up: packets for it go to `queue`.
    pub(super) fn link(&self, server: ServerId, queue: mpsc::Sender<Bytes>) {
        self.with(|inner| inner.servers.insert(server, queue));
    }

    /// A map-server's link is down.
    pub(super) fn unlink(&self, server: ServerId) {
        self.with(|inner| inner.servers.remove(&server));
    }

    /// Sends a packet to all map-servers but one.
    pub(super) fn broadcast(&self, packet: &Bytes, except: ServerId) {
        self.with(|inner| {
            let servers: Vec<ServerId> = inner.servers.keys().copied().filter(|id| *id != except).collect();
            servers.into_iter().for_each(|server| inner.tell(server, packet.clone()));
        });
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Inner {
    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Tell(server, packet) => self.tell(server, packet.encode()),
            Order::TurnOut(seat, reason) => {
                // a full queue holds an order to leave already
                if let Some(queue) = self.seats.get(&seat)
                    && queue.try_send(reason).is_err()
                {
                    tracing::debug!(seat = seat.0, "client is leaving already");
                }
            }
        }
    }

    fn tell(&mut self, server: ServerId, packet: Bytes) {
        let Some(queue) = self.servers.get(&server) else { return };
        if let Err(error) = queue.try_send(packet) {
            if matches!(error, mpsc::error::TrySendError::Full(_)) {
                tracing::warn!(server = server.0, "map-server does not read, cutting its link");
            }
            self.servers.remove(&server);
        }
    }
}
