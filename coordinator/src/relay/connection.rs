//! One client's connection: its first packet, then the fleet's orders, then the end.

use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use bifrost_protocol::Packet;
use bifrost_protocol::client::Enter;
use bifrost_protocol::frame::packet_id;
use bifrost_protocol::ids::SessionId;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::engine::Engine;
use super::pump::{Patience, Pump, Wake};
use super::reason::CloseReason;
use super::rules::ENTER;
use super::{ClientHandle, ToClient};
use crate::fleet::{ClientEvent, ConnectionId, FleetEvent};

/// Length of 0x0436 (`clif_shuffle.hpp`, PACKETVER 20211103).
const ENTER_LEN: usize = 23;

/// A client's connection before it has said who it is.
#[derive(Debug)]
pub(super) struct Connection<S> {
    pub(super) id: ConnectionId,
    pub(super) socket: S,
    pub(super) peer: SocketAddr,
    /// Whether a gateway carries it, which holds the client when the coordinator is away.
    pub(super) held: bool,
    pub(super) enter_timeout: Duration,
    pub(super) patience: Patience,
    pub(super) events: mpsc::Sender<FleetEvent>,
    pub(super) token: CancellationToken,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Serves the client to its end. The fleet hears of it only if it sends a good first packet, and then of its end once.
    #[tracing::instrument(name = "client", skip_all, fields(conn.id = self.id.0, peer = %self.peer))]
    pub(super) async fn serve(mut self) -> CloseReason {
        let entered = tokio::select! {
            biased;
            () = self.token.cancelled() => Err(CloseReason::Shutdown),
            entered = tokio::time::timeout(self.enter_timeout, read_enter(&mut self.socket)) => {
                entered.unwrap_or(Err(CloseReason::Silent))
            }
        };
        let enter = match entered {
            Ok(enter) => enter,
            Err(reason) => return reason,
        };
        let (id, events) = (self.id, self.events.clone());
        let tell = |event| events.send(FleetEvent::Client(id, event));
        let (client, orders) = ClientHandle::channel();
        let overrun = client.overrun();
        let arrived = ClientEvent::Arrived { enter, address: address(self.peer), held: self.held, client };
        // The fleet is gone only when the coordinator stops.
        if tell(arrived).await.is_err() {
            return CloseReason::Shutdown;
        }
        let mut pump = Pump::new(self.socket, self.patience);
        let reason = tokio::select! {
            biased;
            () = self.token.cancelled() => CloseReason::Shutdown,
            () = overrun.cancelled() => CloseReason::Dropped,
            reason = play(&mut pump, orders, |session, misbehaved| tell(ClientEvent::EngineLost { session, misbehaved })) => reason,
        };
        if self.held && reason == CloseReason::Shutdown {
            // It stays with its gateway, and comes back when the coordinator does.
            return reason;
        }
        pump.finish();
        tracing::debug!(reason = reason.label(), "client closed");
        let _stopping = tell(ClientEvent::Closed).await;
        pump.part(reason).await;
        reason
    }
}

/// Carries out orders and pumps packets until the client is gone or has to go. May be dropped at any await: orders are
/// carried out without one.
async fn play<S: AsyncRead + AsyncWrite + Unpin, Told: Future>(
    pump: &mut Pump<S>,
    mut orders: mpsc::Receiver<ToClient>,
    lost: impl Fn(SessionId, bool) -> Told,
) -> CloseReason {
    loop {
        let wake = tokio::select! {
            biased;
            order = orders.recv(), if !(pump.redirected() && orders.is_closed() && orders.is_empty()) => match obey(pump, order) {
                Ok(()) => continue,
                Err(reason) => return reason,
            },
            wake = poll_fn(|context| pump.poll(context)) => wake,
        };
        match wake {
            Wake::Lost { session, misbehaved } => drop(lost(session, misbehaved).await),
            Wake::Close(reason) => return reason,
        }
    }
}

/// Carries out one order. No order means that the fleet has let go of the connection.
fn obey<S: AsyncRead + AsyncWrite + Unpin>(pump: &mut Pump<S>, order: Option<ToClient>) -> Result<(), CloseReason> {
    match order {
        Some(ToClient::Attach { node, open }) => pump.attach(Engine::open(node, open)),
        Some(ToClient::Send(packets)) => pump.send(&packets)?,
        Some(ToClient::Hold) => pump.hold(),
        Some(ToClient::Redirect(packets)) => pump.redirect(&packets)?,
        Some(ToClient::Close(packets)) => {
            if let Some(packets) = packets {
                pump.hold();
                pump.send(&packets)?;
            }
            return Err(CloseReason::Ordered);
        }
        None if pump.redirected() => {}
        None => return Err(CloseReason::Dropped),
    }
    Ok(())
}

/// Reads the first packet and not a byte more.
async fn read_enter(socket: &mut (impl AsyncRead + Unpin)) -> Result<Enter, CloseReason> {
    let mut packet = [0; ENTER_LEN];
    let mut filled = 0;
    while let Some(space) = packet.get_mut(filled..).filter(|space| !space.is_empty()) {
        match socket.read(space).await {
            Ok(0) => return Err(CloseReason::Silent),
            Ok(count) => filled += count,
            Err(_) => return Err(CloseReason::Failed),
        }
        if filled >= 2 && packet_id(&packet) != Ok(ENTER) {
            return Err(CloseReason::NotEnter);
        }
    }
    Enter::decode(&packet).map_err(|_| CloseReason::NotEnter)
}

/// The address as the game's IPv4-only protocols carry it.
fn address(peer: SocketAddr) -> Ipv4Addr {
    match peer.ip() {
        IpAddr::V4(address) => address,
        IpAddr::V6(address) => address.to_ipv4_mapped().unwrap_or(Ipv4Addr::UNSPECIFIED),
    }
}
