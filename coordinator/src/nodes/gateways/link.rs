//! One connection of a gateway, from its Hello to its end.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bifrost_protocol::control::{
    Farewell, LineOpen, MAX_PLAY_MESSAGE, PLAY_VERSION, PlayDown, PlayDownSays, PlayUp, PlayUpSays, PlayWelcome,
    StreamKind, delimited,
};
use bifrost_protocol::ids::HostId;
use quinn::{Connection, RecvStream, SendStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::line::Joining;
use super::{Found, Gateways};
use crate::fleet::LinkId;
use crate::identity::{CertifiedHost, HostClaims, Scope};
use crate::nodes::control;
use crate::nodes::gate::Gate;
use crate::nodes::link::{Coordinator, HEADER_TIMEOUT, HELLO_TIMEOUT};
use crate::nodes::messages::Messages;
use crate::nodes::refusal::Refusal;

/// Messages a gateway may say on its control stream in one connection: its renewed tokens.
const MAX_SAYS: u32 = 1_000;
/// How long the last message may take to be read.
const FAREWELL_GRACE: Duration = Duration::from_millis(500);

/// A gateway that was let in.
struct Gateway {
    gateways: Arc<Gateways>,
    certified: CertifiedHost,
    send: SendStream,
    messages: Messages,
    until: Instant,
}

/// Serves one connection. `place` is held until it is let in: a place among those that are connecting.
pub(in crate::nodes) async fn serve(
    coordinator: &Coordinator,
    link: LinkId,
    connection: Connection,
    place: OwnedSemaphorePermit,
) {
    let mut control = None;
    let entered = tokio::select! {
        biased;
        () = coordinator.token.cancelled() => return,
        entered = enter(coordinator, &connection, &mut control) => entered,
    };
    drop(place);
    let refusal = match (entered, control.take()) {
        (Ok((gateways, certified, claims)), Some((send, messages))) => {
            tracing::Span::current().record("host", tracing::field::display(&certified.host));
            let gateway = Gateway { gateways, certified, send, messages, until: deadline(&claims) };
            return gateway.run(coordinator, link, &connection).await;
        }
        (Ok(_), None) => Refusal::Silent,
        (Err(refusal), left) => {
            control = left;
            refusal
        }
    };
    refusal.count();
    tracing::info!(reason = refusal.label(), "gateway refused");
    part(&connection, control.map(|(send, _)| send), refusal.code(), &refusal.to_string()).await;
}

/// Finds out who a gateway is and whether it may play. Leaves its control stream in `control` as soon as there is one.
async fn enter(
    coordinator: &Coordinator,
    connection: &Connection,
    control: &mut Option<(SendStream, Messages)>,
) -> Result<(Arc<Gateways>, CertifiedHost, HostClaims), Refusal> {
    let gateways = coordinator.services.gateways.clone().ok_or(Refusal::StreamKind)?;
    let certified = Gate::certified(connection)?;
    let hello = async {
        let (send, recv) = connection.accept_bi().await.map_err(|_| Refusal::Silent)?;
        let (_, messages) = control.insert((send, Messages::new(recv)));
        if messages.kind().await != Some(StreamKind::Control) {
            return Err(Refusal::NotHello);
        }
        match messages.next::<PlayUp>(MAX_PLAY_MESSAGE).await? {
            Some(PlayUp { says: Some(PlayUpSays::Hello(hello)) }) => Ok(hello),
            Some(_) => Err(Refusal::NotHello),
            None => Err(Refusal::Silent),
        }
    };
    let hello = timeout(HELLO_TIMEOUT, hello).await.unwrap_or(Err(Refusal::Silent))?;
    if hello.protocol != PLAY_VERSION {
        return Err(Refusal::Version);
    }
    let admitted = coordinator.gate.authorise_for(&certified, &hello.token, Scope::Play).await?;
    Ok((gateways, certified, admitted.claims))
}

impl Gateway {
    async fn run(mut self, coordinator: &Coordinator, link: LinkId, connection: &Connection) {
        let gateways = Arc::clone(&self.gateways);
        let host = self.certified.host.clone();
        let welcome = PlayWelcome {
            host: host.0.clone(),
            reconnect_ms: u32::try_from(gateways.window.as_millis()).unwrap_or(u32::MAX),
            relay: Some(gateways.servers.relay.into()),
            login_port: port_of(&gateways.servers.login).into(),
        };
        let welcome = PlayDown { says: Some(PlayDownSays::Welcome(welcome)) };
        if self.send.write_all(&delimited(&welcome)).await.is_err() {
            return;
        }
        gateways.enter(&host, link, connection);
        metrics::gauge!("bifrost_gateways_connected").increment(1.0);
        tracing::info!("gateway connected");
        let ended = self.attend(coordinator, connection).await;
        metrics::gauge!("bifrost_gateways_connected").decrement(1.0);
        gateways.leave(&host, link);
        match ended {
            Ok(()) => tracing::info!(reason = ?connection.close_reason(), "gateway gone"),
            Err((code, reason)) => {
                tracing::info!(reason, "gateway parted from");
                part(connection, Some(self.send), code, &reason).await;
            }
        }
    }

    /// Serves lines until the connection ends; an error is why it has to.
    async fn attend(
        &mut self,
        coordinator: &Coordinator,
        connection: &Connection,
    ) -> Result<(), (&'static str, String)> {
        let mut opening = JoinSet::new();
        let mut said = 0;
        let refused = |refusal: Refusal| {
            refusal.count();
            (refusal.code(), refusal.to_string())
        };
        loop {
            tokio::select! {
                biased;
                _reason = connection.closed() => return Ok(()),
                () = coordinator.token.cancelled() => {
                    return Err(("shutdown", "the coordinator is being stopped".to_owned()));
                }
                () = self.gateways.frozen.cancelled() => {
                    return Err(("shutdown", "the coordinator is being stopped".to_owned()));
                }
                () = tokio::time::sleep_until(self.until) => return Err(refused(Refusal::TokenExpired)),
                Some(opened) = opening.join_next() => {
                    if let Err(error) = opened {
                        tracing::warn!(%error, "opening a line failed");
                    }
                }
                message = self.messages.next::<PlayUp>(MAX_PLAY_MESSAGE) => {
                    said += 1;
                    let message = message.map_err(refused)?;
                    if said > MAX_SAYS {
                        return Err(refused(Refusal::Chatty));
                    }
                    match message {
                        None => return Ok(()),
                        // A kind that a newer gateway knows.
                        Some(PlayUp { says: None }) => {}
                        Some(PlayUp { says: Some(PlayUpSays::Hello(_)) }) => return Err(refused(Refusal::SecondHello)),
                        Some(PlayUp { says: Some(PlayUpSays::Renewed(renewed)) }) => {
                            self.until = self.renewed(coordinator, &renewed.token).await.map_err(refused)?;
                        }
                    }
                }
                Ok((send, recv)) = connection.accept_bi() => {
                    let (gateways, host) = (Arc::clone(&self.gateways), self.certified.host.clone());
                    let peer = connection.remote_address();
                    opening.spawn(async move { open(gateways, host, peer, send, recv).await });
                }
            }
        }
    }

    /// How long a renewed token is good. While the store cannot be asked the token alone decides, as for nodes.
    async fn renewed(&self, coordinator: &Coordinator, token: &str) -> Result<Instant, Refusal> {
        match coordinator.gate.authorise_for(&self.certified, token, Scope::Play).await {
            Ok(admitted) => Ok(deadline(&admitted.claims)),
            Err(Refusal::Unavailable) => {
                coordinator.gate.verify(&self.certified, token, Scope::Play).map(|claims| deadline(&claims))
            }
            Err(refusal) => Err(refusal),
        }
    }
}

/// Reads the header of a stream and gives it to its line.
async fn open(gateways: Arc<Gateways>, host: HostId, peer: std::net::SocketAddr, send: SendStream, recv: RecvStream) {
    let mut messages = Messages::new(recv);
    let header = async {
        if messages.kind().await != Some(StreamKind::Line) {
            return None;
        }
        messages.next::<LineOpen>(MAX_PLAY_MESSAGE).await.ok().flatten()
    };
    let Ok(Some(open)) = timeout(HEADER_TIMEOUT, header).await else { return Refusal::StreamKind.count() };
    let (recv, rest) = messages.into_parts();
    let stream = Joining { send, recv, rest, received: open.received };
    if let Found::Not(trouble, stream) = gateways.open(&host, peer, &open, stream).await {
        tracing::info!(%host, kind = ?open.kind(), reason = trouble.label(), "no line for a gateway");
        stream.refuse(trouble).await;
    }
}

/// The port of a `host:port`.
fn port_of(address: &str) -> u16 {
    address.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or_default()
}

/// Says farewell, if there is a stream to say it on, and closes.
async fn part(connection: &Connection, send: Option<SendStream>, code: &str, reason: &str) {
    if let Some(mut send) = send {
        let farewell = Farewell { code: code.into(), reason: reason.into() };
        let message = PlayDown { says: Some(PlayDownSays::Farewell(farewell)) };
        let say = async {
            send.write_all(&delimited(&message)).await.ok()?;
            send.finish().ok()?;
            send.stopped().await.ok()
        };
        let _unread = timeout(FAREWELL_GRACE, say).await;
    }
    control::close(connection, code, reason);
}

/// When a token ends.
fn deadline(claims: &HostClaims) -> Instant {
    Instant::now() + claims.expires_at.duration_since(SystemTime::now()).unwrap_or(Duration::ZERO)
}
