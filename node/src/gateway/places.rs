//! Which loopback address stands for which server of the realm.

use std::io;
use std::net::{SocketAddr, SocketAddrV4, TcpListener};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bifrost_protocol::control::LineKind;
use tokio::sync::mpsc;
use tracing::warn;

use super::LOOPBACK;

/// A listener that waits to be served.
#[derive(Debug)]
pub(super) struct Listening {
    pub(super) kind: LineKind,
    pub(super) address: SocketAddrV4,
    pub(super) listener: TcpListener,
}

/// All of them. Listeners are made as servers are named, and stay.
#[derive(Debug)]
pub(super) struct Places {
    all: Mutex<Vec<Place>>,
    listeners: mpsc::Sender<Listening>,
}

/// One loopback address.
#[derive(Clone, Copy, Debug)]
struct Place {
    kind: LineKind,
    local: SocketAddrV4,
    /// The server it stands for; none: the realm's first of its kind.
    server: Option<SocketAddrV4>,
    /// When it was named last, as a count.
    named: u64,
}

/// Listens at a port of loopback, 0 for any that is free.
pub(super) fn listen(port: u16) -> io::Result<(TcpListener, SocketAddrV4)> {
    let listener = TcpListener::bind(SocketAddrV4::new(LOOPBACK, port))?;
    listener.set_nonblocking(true)?;
    match listener.local_addr()? {
        SocketAddr::V4(address) => Ok((listener, address)),
        SocketAddr::V6(_) => Err(io::ErrorKind::AddrNotAvailable.into()),
    }
}

impl Places {
    /// Most addresses of one kind. A realm has one char-server and a few map-servers.
    pub(super) const MAX: usize = 16;

    /// The first three.
    pub(super) fn new(
        login: (TcpListener, SocketAddrV4),
        char_server: (TcpListener, SocketAddrV4),
        map: (TcpListener, SocketAddrV4),
        listeners: mpsc::Sender<Listening>,
    ) -> Self {
        let places = Self { all: Mutex::default(), listeners };
        for (kind, (listener, address)) in
            [(LineKind::Login, login), (LineKind::Char, char_server), (LineKind::Map, map)]
        {
            places.add(&mut places.lock(), kind, None, listener, address);
        }
        places
    }

    /// The server that a loopback address stands for.
    pub(super) fn server_at(&self, local: SocketAddrV4) -> Option<SocketAddrV4> {
        self.lock().iter().find(|place| place.local == local).and_then(|place| place.server)
    }

    /// The map-server that hosts serve behind is this one.
    pub(super) fn set_relay(&self, relay: SocketAddrV4) {
        let mut all = self.lock();
        let first = all.iter_mut().find(|place| place.kind == LineKind::Map);
        if let Some(place) = first {
            place.server = Some(relay);
        }
    }

    /// The loopback address that stands for a server, made if there is none.
    pub(super) fn stand_in(&self, kind: LineKind, server: SocketAddrV4) -> Option<SocketAddrV4> {
        let mut all = self.lock();
        let now = all.iter().map(|place| place.named).max().unwrap_or_default() + 1;
        let of_kind = |place: &&mut Place| place.kind == kind;
        if let Some(place) = all.iter_mut().filter(of_kind).find(|place| place.server == Some(server)) {
            place.named = now;
            return Some(place.local);
        }
        let free = |place: &&mut Place| place.server.is_none();
        if let Some(place) = all.iter_mut().filter(of_kind).find(free) {
            (place.server, place.named) = (Some(server), now);
            return Some(place.local);
        }
        if all.iter().filter(|place| place.kind == kind).count() < Self::MAX {
            let (listener, address) =
                listen(0).inspect_err(|error| warn!(%server, %error, "no loopback address for a server")).ok()?;
            self.add(&mut all, kind, Some(server), listener, address);
            return Some(address);
        }
        // The one that was named longest ago is given to the new server; the first of its kind is what clients know.
        let oldest = all.iter_mut().filter(of_kind).skip(1).min_by_key(|place| place.named)?;
        (oldest.server, oldest.named) = (Some(server), now);
        Some(oldest.local)
    }

    fn add(
        &self,
        all: &mut Vec<Place>,
        kind: LineKind,
        server: Option<SocketAddrV4>,
        listener: TcpListener,
        address: SocketAddrV4,
    ) {
        // There is room for as many as there may be, and its reader lives as long as the gateway.
        if self.listeners.try_send(Listening { kind, address, listener }).is_ok() {
            all.push(Place { kind, local: address, server, named: 0 });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Place>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn server(number: u16) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::new(203, 0, 113, 7), number)
    }

    fn places() -> (Places, mpsc::Receiver<Listening>) {
        let (listeners, listening) = mpsc::channel(Places::MAX * 3);
        let free = || listen(0).expect("a free port");
        (Places::new(free(), free(), free(), listeners), listening)
    }

    #[test]
    fn each_server_has_one_address_and_an_address_one_server() {
        let (places, _listening) = places();
        places.set_relay(server(5_121));
        let relay = places.stand_in(LineKind::Map, server(5_121)).expect("the first");
        let city = places.stand_in(LineKind::Map, server(5_122)).expect("made");
        let char_server = places.stand_in(LineKind::Char, server(6_121)).expect("the first");
        assert!(relay != city && char_server != relay && city.ip().is_loopback());
        assert_eq!(places.stand_in(LineKind::Map, server(5_122)), Some(city));
        assert_eq!(places.server_at(city), Some(server(5_122)));
        assert_eq!(places.server_at(relay), Some(server(5_121)));
        assert_eq!(places.server_at(server(1)), None);
    }

    #[test]
    fn there_are_only_so_many_addresses_and_the_first_stays() {
        let (places, mut listening) = places();
        places.set_relay(server(5_121));
        let relay = places.stand_in(LineKind::Map, server(5_121));
        let all: Vec<_> =
            (1..=100).map(|number| places.stand_in(LineKind::Map, server(number)).expect("one")).collect();
        assert_eq!(places.stand_in(LineKind::Map, server(5_121)), relay);
        assert_eq!(places.server_at(all[99]), Some(server(100)), "the latest counts");
        let mut made = 0;
        while listening.try_recv().is_ok() {
            made += 1;
        }
        assert_eq!(made, Places::MAX + 2);
    }
}
