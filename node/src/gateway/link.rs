//! The QUIC connection of a gateway: made, kept, and made again.

use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use bifrost_protocol::control::{
    MAX_PLAY_MESSAGE, PLAY_ALPN, PLAY_VERSION, PlayDown, PlayDownSays, PlayHello, PlayUp, PlayUpSays, PlayWelcome,
    Renewed, StreamKind, delimited,
};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint, IdleTimeout, RecvStream, SendStream, TransportConfig};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, info, warn};

use super::places::Places;
use crate::agent::Identity;
use crate::agent::identity::IdentityError;
use crate::agent::link::{LinkError, why};
use crate::agent::state::Held;
use crate::agent::tls::link_config;
use crate::backoff::Backoff;
use crate::tunnel::messages::MessageReader;
use crate::within::Way;

/// Waits between attempts. A player's game stands still meanwhile.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
/// From dialling an address to the coordinator's Welcome. Short, because the network may be back in the middle of an
/// attempt, whose own repetitions have become rare by then.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How many addresses of a name are tried.
const MAX_ADDRESSES: usize = 4;
/// Without a sign of the coordinator for so long the connection is given up and another one is tried.
const LINK_SILENCE: Duration = Duration::from_secs(4);
/// Time between signs of life.
const KEEP_ALIVE: Duration = Duration::from_secs(1);
/// Flow control: what one line, and all together, may have in flight towards this PC.
const STREAM_WINDOW: u32 = 512 * 1024;
const LINK_WINDOW: u32 = 8 * 1024 * 1024;
/// How long saying goodbye may take.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// A connection that the coordinator has welcomed.
#[derive(Debug)]
pub(super) struct Up {
    pub(super) connection: Connection,
    /// How the coordinator was reached.
    pub(super) way: Way,
    /// Counted from 1.
    pub(super) number: u32,
    /// The map-server that hosts serve behind.
    pub(super) relay: Option<SocketAddrV4>,
    /// The port of the login-server.
    pub(super) login_port: u16,
}

/// A connection and its control stream.
struct Dialled {
    connection: Connection,
    endpoint: Endpoint,
    way: Way,
    send: SendStream,
    control: MessageReader<RecvStream, PlayDown>,
    welcome: PlayWelcome,
}

/// Keeps a connection until cancelled. Returns why there cannot be one any more.
pub(super) async fn keep(
    identity: Identity,
    up: watch::Sender<Option<Arc<Up>>>,
    places: Arc<Places>,
    stop: CancellationToken,
) -> String {
    let fresh = identity.clone();
    let fresh_stop = stop.child_token();
    let _stop_with_us = fresh_stop.clone().drop_guard();
    tokio::spawn(async move { fresh.keep_fresh(fresh_stop).await }.in_current_span());
    let (mut backoff, mut number, mut replace) = (BACKOFF, 0, false);
    loop {
        match connect(&identity, replace).await {
            Ok(dialled) => {
                number += 1;
                (backoff, replace) = (BACKOFF, false);
                let relay = dialled.welcome.relay.and_then(|relay| relay.to_socket());
                if let Some(relay) = relay {
                    // Before any client gets to hear of it.
                    places.set_relay(relay);
                }
                let way = dialled.way;
                info!(number, host = dialled.welcome.host, way = way.name(), "gateway connected");
                let login_port = u16::try_from(dialled.welcome.login_port).unwrap_or_default();
                let connection = dialled.connection.clone();
                up.send_replace(Some(Arc::new(Up { connection, way, number, relay, login_port })));
                let ended = attend(&identity, dialled, &stop).await;
                up.send_replace(None);
                let Some(error) = ended else { return "stopped".into() };
                info!(%error, "gateway lost the coordinator");
                if let Some(problem) = final_word(&error) {
                    return problem;
                }
            }
            Err(Failed::For(problem)) => return problem,
            Err(Failed::Now { error, refused }) => {
                debug!(error, "gateway cannot connect");
                replace = refused;
            }
        }
        tokio::time::sleep(backoff.after_failure(rand::random())).await;
    }
}

/// Why there is no connection.
enum Failed {
    /// Trying again may help, with other credentials when those at hand were refused.
    Now { error: String, refused: bool },
    /// Somebody has to do something.
    For(String),
}

async fn connect(identity: &Identity, replace: bool) -> Result<Dialled, Failed> {
    let held = if replace { identity.replace().await } else { identity.obtain().await };
    let held = held.map_err(|error| match error {
        IdentityError::Passing(error) => Failed::Now { error: error.to_string(), refused: replace },
        IdentityError::Final(problem) => Failed::For(problem),
    })?;
    dial(identity, &held).await.map_err(|error| match final_word(&error) {
        Some(problem) => Failed::For(problem),
        None => {
            let refused = match &error {
                LinkError::Certificate(_) => true,
                LinkError::Parted { code, .. } => code == "refused",
                LinkError::Lost(_) => false,
            };
            Failed::Now { error: error.to_string(), refused }
        }
    })
}

fn final_word(error: &LinkError) -> Option<String> {
    match error {
        LinkError::Parted { code, reason } if code == "revoked" => Some(reason.clone()),
        LinkError::Parted { .. } | LinkError::Lost(_) | LinkError::Certificate(_) => None,
    }
}

async fn dial(identity: &Identity, held: &Held) -> Result<Dialled, LinkError> {
    let link = &held.credentials.link;
    let addresses = tokio::net::lookup_host(link).await.map_err(|error| LinkError::Lost(format!("{link}: {error}")))?;
    let mut last = LinkError::Lost(format!("{link}: no address"));
    for address in addresses.take(MAX_ADDRESSES) {
        let way = identity.way();
        let limit = way.limit(CONNECT_TIMEOUT);
        let silence = |_| Err(LinkError::Lost(format!("{address}: no answer within {} s", limit.as_secs())));
        let attempt = tokio::time::timeout(limit, hello(identity, held, way, address)).await.unwrap_or_else(silence);
        identity.learn(way, &attempt);
        last = match attempt {
            Err(error @ LinkError::Lost(_)) => error,
            Ok(_) | Err(LinkError::Parted { .. } | LinkError::Certificate(_)) => return attempt,
        };
    }
    Err(last)
}

async fn hello(identity: &Identity, held: &Held, way: Way, address: SocketAddr) -> Result<Dialled, LinkError> {
    let endpoint = identity.endpoint(way, address).await?;
    let connection = endpoint
        .connect_with(client_config(identity, held)?, address, &held.credentials.server_name)
        .map_err(|error| LinkError::Certificate(error.to_string()))?
        .await
        .map_err(|error| why(&error))?;
    let (mut send, recv) = connection.open_bi().await.map_err(|error| why(&error))?;
    // With the client's certificate refused the handshake still succeeds on this side; only the connection's end says why.
    let ended = |other: String| connection.close_reason().map_or(LinkError::Lost(other), |error| why(&error));
    let hello = PlayHello {
        protocol: PLAY_VERSION,
        token: held.credentials.token.clone(),
        version: env!("CARGO_PKG_VERSION").into(),
    };
    let hello = PlayUp { says: Some(PlayUpSays::Hello(hello)) };
    let first = [&[StreamKind::Control as u8], &delimited(&hello)[..]].concat();
    send.write_all(&first).await.map_err(|error| ended(error.to_string()))?;
    let mut control = MessageReader::new(recv, MAX_PLAY_MESSAGE);
    let answer: Option<PlayDown> = control.next().await.map_err(|error| ended(error.to_string()))?;
    match answer.and_then(|message| message.says) {
        Some(PlayDownSays::Welcome(welcome)) => Ok(Dialled { connection, endpoint, way, send, control, welcome }),
        Some(PlayDownSays::Farewell(farewell)) => Err(farewell.into()),
        None => Err(ended("the coordinator did not say Welcome first".into())),
    }
}

/// Follows a connection to its end. None when it was this side that ended it.
async fn attend(identity: &Identity, dialled: Dialled, stop: &CancellationToken) -> Option<LinkError> {
    let Dialled { connection, endpoint, mut send, mut control, .. } = dialled;
    let mut credentials = identity.watch();
    credentials.mark_unchanged();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => {
                connection.close(0_u32.into(), b"goodbye");
                drop(tokio::time::timeout(CLOSE_TIMEOUT, endpoint.wait_idle()).await);
                return None;
            }
            error = connection.closed() => return Some(why(&error)),
            message = control.next() => match message {
                Ok(Some(PlayDown { says: Some(PlayDownSays::Farewell(farewell)) })) => {
                    connection.close(0_u32.into(), b"farewell");
                    return Some(farewell.into());
                }
                Ok(Some(PlayDown { says: Some(PlayDownSays::Welcome(_)) | None })) => debug!("message passed over"),
                Ok(None) | Err(_) => {
                    connection.close(0_u32.into(), b"control stream is over");
                    return Some(LinkError::Lost("the coordinator closed the control stream".into()));
                }
            },
            Ok(()) = credentials.changed() => {
                let token = credentials.borrow_and_update().as_ref().map(|held| held.credentials.token.clone());
                let says = token.map(|token| PlayUpSays::Renewed(Renewed { token }));
                if let Err(error) = send.write_all(&delimited(&PlayUp { says })).await {
                    warn!(%error, "the new token could not be told");
                }
            }
        }
    }
}

fn client_config(identity: &Identity, held: &Held) -> Result<ClientConfig, LinkError> {
    let wrong = |error: String| LinkError::Certificate(error);
    let tls = link_config(&held.credentials, identity.key(), PLAY_ALPN).map_err(|error| wrong(error.to_string()))?;
    let tls = QuicClientConfig::try_from(tls).map_err(|error| wrong(error.to_string()))?;
    let mut transport = TransportConfig::default();
    transport
        .max_idle_timeout(IdleTimeout::try_from(LINK_SILENCE).ok())
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_concurrent_bidi_streams(0_u32.into())
        .max_concurrent_uni_streams(0_u32.into())
        .stream_receive_window(STREAM_WINDOW.into())
        .receive_window(LINK_WINDOW.into());
    let mut config = ClientConfig::new(Arc::new(tls));
    config.transport_config(Arc::new(transport));
    Ok(config)
}
