//! One connection of a node, from handshake to end.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bifrost_protocol::control::{Beat, BeatAck, CoordinatorSays, Farewell, Hello, MAX_PROBES, StreamCode, StreamKind};
use bytes::Bytes;
use prost::Message;
use quinn::{Connecting, Connection, RecvStream, SendStream, VarInt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::control::{self, Allowance, listen, read_hello, speak};
use super::gate::{Admitted, Gate};
use super::gateways;
use super::layouts::Layouts;
use super::messages::Messages;
use super::outlet::Outlet;
use super::refusal::Refusal;
use super::{NodeHandle, Services};
use super::{database, inter, probe, sync};
use crate::database::relay::Relay;
use crate::fleet::{FleetEvent, LinkId, NodeEvent};
use crate::identity::{CertifiedHost, Scope};

/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a node may take to say Hello.
pub(super) const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the header of a stream may take.
pub(super) const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest datagram looked at. A beat has at most 80 bytes.
const MAX_BEAT: usize = 256;
/// What all sync streams of a link may say at once, and each second from then on. Engines sync five times a second; the
/// rest is players who come and go.
const SYNC_BURST: u32 = 8_000;
const SYNC_RATE: u32 = 4_000;
/// What all inter streams of a link may say at once, and each second from then on. A player who arrives is some 20
/// packets, one who plays some 2 a second.
const INTER_BURST: u32 = 30_000;
const INTER_RATE: u32 = 10_000;
/// Streams of one link that may be refused before the link is. A token that ends is good for a few.
const MAX_REFUSED: u32 = 32;

/// What every link needs.
#[derive(Debug)]
pub(super) struct Coordinator {
    pub(super) gate: Arc<Gate>,
    pub(super) events: mpsc::Sender<FleetEvent>,
    pub(super) services: Services,
    pub(super) token: CancellationToken,
}

/// A node that was let in.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) gate: Arc<Gate>,
    pub(super) certified: CertifiedHost,
    pub(super) admitted: Admitted,
    pub(super) outlet: Outlet,
    /// The latest beat.
    beats: watch::Sender<Beat>,
    /// What its sync streams may still say.
    pub(super) sync_allowance: Mutex<Allowance>,
    /// What its inter streams may still say.
    pub(super) inter_allowance: Mutex<Allowance>,
    /// Which engines the char-server's link has room for.
    pub(super) layouts: Layouts,
    /// Where engines' SQL is relayed, if it is.
    pub(super) database: Option<Arc<Relay>>,
    /// One permit a running probe.
    pub(super) probes: Arc<Semaphore>,
    /// How many of its streams were refused.
    refused: AtomicU32,
}

impl Link {
    fn new(coordinator: &Coordinator, certified: CertifiedHost, admitted: Admitted, outlet: Outlet) -> Self {
        let gate = Arc::clone(&coordinator.gate);
        let probes = Arc::new(Semaphore::new(MAX_PROBES));
        let beats = watch::Sender::new(Beat::default());
        let sync_allowance = Mutex::new(Allowance::new(SYNC_BURST, SYNC_RATE, Instant::now()));
        let inter_allowance = Mutex::new(Allowance::new(INTER_BURST, INTER_RATE, Instant::now()));
        Self {
            gate,
            certified,
            admitted,
            outlet,
            beats,
            sync_allowance,
            inter_allowance,
            layouts: coordinator.services.layouts,
            database: coordinator.services.database.clone(),
            probes,
            refused: AtomicU32::new(0),
        }
    }

    /// The token is looked at again for every stream: certificate = who, token = what for.
    pub(super) fn authorise_stream(&self, token: &str, scope: Scope) -> Result<(), Refusal> {
        let claims = self.gate.verify(&self.certified, token, scope)?;
        if claims.epoch < self.admitted.claims.epoch { Err(Refusal::TokenEpoch) } else { Ok(()) }
    }

    /// Refuses a stream. The link goes on, unless the node does nothing but to open such streams.
    pub(super) fn refuse(&self, mut send: SendStream, mut messages: Messages, refusal: Refusal) -> Result<(), End> {
        if self.refused.fetch_add(1, Ordering::Relaxed) >= MAX_REFUSED {
            return Err(End::Refused(refusal));
        }
        refusal.count();
        tracing::info!(reason = refusal.label(), "stream refused");
        let code = VarInt::from_u32(StreamCode::Refused.into());
        // Both fail only when the stream is over already.
        let _over = (send.reset(code), messages.stream().stop(code));
        Ok(())
    }
}

/// Why a link ends.
#[derive(Debug)]
pub(super) enum End {
    /// The connection is gone: lost, or closed by either side.
    Closed(String),
    /// The node ended its control stream.
    Left,
    /// The node broke the rules.
    Refused(Refusal),
    /// The coordinator stops.
    Stopping,
}

/// Serves one connection. The fleet hears of it only when the node was let in, and then of its end once. `place` is held until
/// then: a place among those that are connecting.
#[tracing::instrument(name = "node", skip_all, fields(link = id.0, peer = %connecting.remote_address(), host = tracing::field::Empty))]
pub(super) async fn serve(
    coordinator: Arc<Coordinator>,
    id: LinkId,
    connecting: Connecting,
    place: OwnedSemaphorePermit,
) {
    let connected = tokio::select! {
        biased;
        () = coordinator.token.cancelled() => return,
        connected = timeout(HANDSHAKE_TIMEOUT, connecting) => connected,
    };
    let Ok(Ok(connection)) = connected else { return Refusal::Handshake.count() };
    if gateways::is_gateway(&connection) {
        return gateways::serve(&coordinator, id, connection, place).await;
    }
    let entered = tokio::select! {
        biased;
        () = coordinator.token.cancelled() => return,
        entered = enter(&coordinator, id, connection) => entered,
    };
    drop(place);
    if let Some((link, control, hello)) = entered {
        tracing::Span::current().record("host", tracing::field::display(&link.certified.host));
        run(Arc::new(link), control, hello, &coordinator.token).await;
    }
}

/// A control stream behind its Hello.
type Control = (SendStream, Messages);

/// Lets a node in or tells it why not.
async fn enter(coordinator: &Coordinator, id: LinkId, connection: Connection) -> Option<(Link, Control, Hello)> {
    let mut control = None;
    match identify(coordinator, &connection, &mut control).await {
        Ok((certified, admitted, hello)) => {
            let outlet = Outlet { link: id, connection, events: coordinator.events.clone() };
            Some((Link::new(coordinator, certified, admitted, outlet), control?, hello))
        }
        Err(refusal) => {
            refusal.count();
            tracing::info!(reason = refusal.label(), "node refused");
            let farewell = Farewell { code: refusal.code().into(), reason: refusal.to_string() };
            control::part(&connection, control.map(|(send, _)| send), farewell).await;
            None
        }
    }
}

/// Finds out who a node is and whether it may connect. Leaves its control stream in `control` as soon as there is one.
async fn identify(
    coordinator: &Coordinator,
    connection: &Connection,
    control: &mut Option<Control>,
) -> Result<(CertifiedHost, Admitted, Hello), Refusal> {
    let certified = Gate::certified(connection)?;
    let (send, messages, hello) =
        timeout(HELLO_TIMEOUT, read_hello(connection)).await.unwrap_or(Err(Refusal::Silent))?;
    *control = Some((send, messages));
    let admitted = coordinator.gate.admit(&certified, &hello).await?;
    Ok((certified, admitted, hello))
}

/// From Connected to Closed.
async fn run(link: Arc<Link>, (send, messages): Control, hello: Hello, token: &CancellationToken) {
    let connection = link.outlet.connection.clone();
    let (control, queue) = mpsc::channel(NodeHandle::CONTROL_QUEUE);
    let host = link.certified.host.clone();
    let beats = link.beats.subscribe();
    let node =
        NodeHandle::new(host.clone(), link.outlet.link, hello.abi.clone(), control.clone(), beats, connection.clone());
    let token_text = hello.token.clone();
    let connected = NodeEvent::Connected { host, kind: link.admitted.kind, hello: Box::new(hello), node };
    if !link.outlet.tell(connected).await {
        return;
    }
    // A revocation between the first look and the fleet's hearing of the link would have found nothing to cut.
    let second_look = link.gate.authorise(&link.certified, &token_text).await;
    let revoked = second_look.err().filter(|refusal| *refusal != Refusal::Unavailable);
    metrics::gauge!("bifrost_nodes_connected").increment(1.0);
    tracing::info!("node connected");
    let mut speaker = AbortOnDropHandle::new(tokio::spawn(speak(connection.clone(), send, queue)));
    let mut tasks = JoinSet::new();
    let listener = Arc::clone(&link);
    tasks.spawn(async move { Err(listen(&listener, messages).await) });
    let end = match revoked {
        Some(refusal) => End::Refused(refusal),
        None => attend(&link, &mut tasks, token).await,
    };
    // From here on nothing more is read from the node, so that nothing follows Closed.
    tasks.shutdown().await;
    metrics::gauge!("bifrost_nodes_connected").decrement(1.0);
    tracing::info!(reason = %end, "node gone");
    link.outlet.tell_closed(end.to_string()).await;
    if let End::Refused(refusal) = end {
        refusal.count();
    }
    let code = end.code();
    let farewell = Farewell { code: code.into(), reason: end.to_string() };
    if connection.close_reason().is_none() && control.try_send(CoordinatorSays::Farewell(farewell)).is_ok() {
        // Bounded: what waits before the farewell is taken in time or the node is cut off.
        let _spoken = timeout(HELLO_TIMEOUT, &mut speaker).await;
    }
    control::close(&connection, code, &end.to_string());
}

/// Serves beats and streams until the link ends.
async fn attend(link: &Arc<Link>, tasks: &mut JoinSet<Result<(), End>>, token: &CancellationToken) -> End {
    let connection = &link.outlet.connection;
    loop {
        tokio::select! {
            biased;
            reason = connection.closed() => return End::Closed(reason.to_string()),
            () = token.cancelled() => return End::Stopping,
            Some(done) = tasks.join_next() => match done {
                Ok(Ok(())) => {}
                Ok(Err(end)) => return end,
                Err(error) => return End::Closed(format!("serving a stream failed: {error}")),
            },
            Ok(datagram) = connection.read_datagram() => beat(link, datagram),
            Ok((send, recv)) = connection.accept_bi() => {
                tasks.spawn(serve_stream(Arc::clone(link), send, recv));
            }
        }
    }
}

/// Answers a beat at once and leaves it where the fleet looks for the latest.
fn beat(link: &Link, datagram: Bytes) {
    let beat = (datagram.len() <= MAX_BEAT).then(|| Beat::decode(datagram).ok()).flatten();
    let Some(beat) = beat else { return Refusal::Datagram.count() };
    let answer = BeatAck { sequence: beat.sequence }.encode_to_vec();
    // Fails when the connection is gone; a lost answer is as good as a lost datagram.
    let _lost = link.outlet.connection.send_datagram(answer.into());
    link.beats.send_replace(beat);
}

/// Serves a stream that the node opened. Its task ends with the stream; an error ends the link.
async fn serve_stream(link: Arc<Link>, send: SendStream, recv: RecvStream) -> Result<(), End> {
    let mut messages = Messages::new(recv);
    match timeout(HEADER_TIMEOUT, messages.kind()).await {
        Ok(Some(StreamKind::Sync)) => sync::serve(&link, send, messages).await,
        Ok(Some(StreamKind::Inter)) => inter::serve(&link, send, messages).await,
        Ok(Some(StreamKind::Probe)) => probe::serve(&link, send, messages).await,
        Ok(Some(StreamKind::Database)) => match link.database.clone() {
            Some(relay) => database::serve(&link, &relay, send, messages).await,
            None => link.refuse(send, messages, Refusal::StreamKind),
        },
        Ok(Some(StreamKind::Control | StreamKind::Game | StreamKind::Line) | None) => {
            link.refuse(send, messages, Refusal::StreamKind)
        }
        Err(_) => link.refuse(send, messages, Refusal::SlowHeader),
    }
}

impl End {
    /// The stable code of the farewell that tells it.
    fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Closed(_) | Self::Left | Self::Stopping => "shutdown",
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(reason) => out.write_str(reason),
            Self::Left => out.write_str("the node ended its control stream"),
            Self::Refused(refusal) => refusal.fmt(out),
            Self::Stopping => out.write_str("the coordinator is being stopped"),
        }
    }
}
