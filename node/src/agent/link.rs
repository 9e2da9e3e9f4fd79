//! One QUIC connection to the coordinator: dialling, the control stream, datagrams, the end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bifrost_protocol::control::{
    ACK_EVERY, ALPN, Beat, BeatAck, CoordinatorMessage, CoordinatorSays, Farewell, Hello, MAX_MESSAGE, NodeMessage,
    NodeSays, StreamKind, Welcome, delimited,
};
use prost::Message;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{
    AckFrequencyConfig, ClientConfig, Connection, ConnectionError, Endpoint, IdleTimeout, RecvStream, SendStream,
    TransportConfig,
};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{Instrument, debug, warn};

use super::identity::Identity;
use super::state::Held;
use super::tls::link_config;
use crate::engine::Directory;
use crate::tunnel::game;
use crate::tunnel::messages::MessageReader;
use crate::within::Way;

/// From dialling an address to the coordinator's Welcome. It may have to look into its database.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How many addresses of a name are tried.
const MAX_ADDRESSES: usize = 4;
/// Without a sign of the coordinator for so long the connection is given up. Its process may have been replaced by one
/// that knows nothing of this connection.
const LINK_SILENCE: Duration = Duration::from_secs(4);
/// Time between signs of life while there are no beats yet.
const KEEP_ALIVE: Duration = Duration::from_secs(1);
/// Flow control: what one stream, and all together, may have in flight towards this node.
const STREAM_WINDOW: u32 = 256 * 1024;
const LINK_WINDOW: u32 = 64 * 1024 * 1024;
/// Beats that do not get out are dropped, oldest first: a late one is worth nothing.
const DATAGRAM_BUFFER: usize = 4 * 1024;
/// How many control messages may wait. A coordinator that does not read them is not there any more.
const CONTROL_QUEUE: usize = 256;
/// Control goes before everything else on the connection.
const CONTROL_PRIORITY: i32 = 10;
/// How long saying goodbye may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection that the coordinator has welcomed. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Link {
    connection: Connection,
    endpoint: Endpoint,
    control: MessageReader<RecvStream, CoordinatorMessage>,
    says: mpsc::Sender<NodeSays>,
    tasks: JoinSet<()>,
}

/// What came out of dialling.
#[derive(Debug)]
pub(crate) struct Welcomed {
    /// The connection.
    pub(crate) link: Link,
    /// The coordinator's terms.
    pub(crate) welcome: Welcome,
    /// When the Hello went out: leases count from here.
    pub(crate) hello_sent: Instant,
    /// How it was reached.
    pub(crate) way: Way,
}

/// Something that happened on a connection.
#[derive(Debug)]
pub(crate) enum LinkEvent {
    /// A control message.
    Says(CoordinatorSays),
    /// A beat was answered.
    Answered(BeatAck),
    /// The connection is over.
    Lost(LinkError),
}

/// Why there is no connection (any more), by what can be done about it.
#[derive(Debug, Error)]
pub(crate) enum LinkError {
    /// Not reached, or lost on the way.
    #[error("{0}")]
    Lost(String),
    /// TLS refused one of the two.
    #[error("TLS: {0}")]
    Certificate(String),
    /// The coordinator said that and why it parts.
    #[error("{code}: {reason}")]
    Parted {
        /// Stable code of [`Farewell`].
        code: String,
        /// For people.
        reason: String,
    },
}

/// What to dial with.
#[derive(Debug)]
pub(crate) struct Dial<'a> {
    /// Whose key it is, and how it reaches the coordinator.
    pub(crate) identity: &'a Identity,
    /// Address, certificate and CA.
    pub(crate) held: &'a Held,
    /// Where game streams find their engines.
    pub(crate) directory: &'a Directory,
    /// How many game streams may be open at once.
    pub(crate) max_streams: u32,
}

impl Dial<'_> {
    /// Connects, says hello and waits for the Welcome.
    pub(crate) async fn connect(&self, hello: Hello) -> Result<Welcomed, LinkError> {
        let link = &self.held.credentials.link;
        let addresses =
            tokio::net::lookup_host(link).await.map_err(|error| LinkError::Lost(format!("{link}: {error}")))?;
        let mut last = LinkError::Lost(format!("{link}: no address"));
        for address in addresses.take(MAX_ADDRESSES) {
            let way = self.identity.way();
            let limit = way.limit(CONNECT_TIMEOUT);
            let attempt = tokio::time::timeout(limit, self.dial(way, address, hello.clone())).await;
            let silence = |_| Err(LinkError::Lost(format!("{address}: no answer within {} s", limit.as_secs())));
            let attempt = attempt.unwrap_or_else(silence);
            self.identity.learn(way, &attempt);
            last = match attempt {
                Err(error @ LinkError::Lost(_)) => error,
                Ok(_) | Err(LinkError::Parted { .. } | LinkError::Certificate(_)) => return attempt,
            };
        }
        Err(last)
    }

    async fn dial(&self, way: Way, address: SocketAddr, hello: Hello) -> Result<Welcomed, LinkError> {
        let endpoint = self.identity.endpoint(way, address).await?;
        let connection = endpoint
            .connect_with(self.client_config()?, address, &self.held.credentials.server_name)
            .map_err(|error| LinkError::Certificate(error.to_string()))?
            .await
            .map_err(|error| why(&error))?;
        let (mut send, recv) = connection.open_bi().await.map_err(|error| why(&error))?;
        let hello_sent = Instant::now();
        // With the client's certificate refused the handshake still succeeds on this side; only the connection's end says why.
        let ended = |other: String| connection.close_reason().map_or(LinkError::Lost(other), |error| why(&error));
        let hello = NodeMessage { says: Some(NodeSays::Hello(hello)) };
        let first = [&[StreamKind::Control as u8], &delimited(&hello)[..]].concat();
        drop(send.set_priority(CONTROL_PRIORITY));
        send.write_all(&first).await.map_err(|error| ended(error.to_string()))?;
        let mut control = MessageReader::new(recv, MAX_MESSAGE);
        let answer: Option<CoordinatorMessage> = control.next().await.map_err(|error| ended(error.to_string()))?;
        let welcome = match answer.and_then(|message| message.says) {
            Some(CoordinatorSays::Welcome(welcome)) => welcome,
            Some(CoordinatorSays::Farewell(farewell)) => return Err(farewell.into()),
            Some(CoordinatorSays::Assign(_) | CoordinatorSays::Revoke(_) | CoordinatorSays::Notice(_)) | None => {
                return Err(ended("the coordinator did not say Welcome first".into()));
            }
        };
        let (says, said) = mpsc::channel(CONTROL_QUEUE);
        let mut tasks = JoinSet::new();
        tasks.spawn(write(send, said));
        tasks.spawn(accept(connection.clone(), self.directory.clone()).in_current_span());
        Ok(Welcomed { link: Link { connection, endpoint, control, says, tasks }, welcome, hello_sent, way })
    }

    fn client_config(&self) -> Result<ClientConfig, LinkError> {
        let tls = link_config(&self.held.credentials, self.identity.key(), ALPN)
            .map_err(|error| LinkError::Certificate(error.to_string()))?;
        let tls = QuicClientConfig::try_from(tls).map_err(|error| LinkError::Certificate(error.to_string()))?;
        let mut config = ClientConfig::new(Arc::new(tls));
        config.transport_config(Arc::new(transport(self.max_streams)));
        Ok(config)
    }
}

impl Link {
    /// The connection itself, for probes and sync streams.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Says something on the control stream. A coordinator that has not read the last [`CONTROL_QUEUE`] messages is lost.
    pub(crate) fn tell(&self, says: NodeSays) {
        if self.says.try_send(says).is_err() {
            self.connection.close(0_u32.into(), b"control stream is not being read");
        }
    }

    /// Sends a beat, or drops it when it does not get out.
    pub(crate) fn beat(&self, beat: Beat) {
        let beat = Beat { round_trip_us: u32::try_from(self.connection.rtt().as_micros()).unwrap_or(u32::MAX), ..beat };
        if let Err(error) = self.connection.send_datagram(beat.encode_to_vec().into()) {
            debug!(%error, "beat not sent");
        }
    }

    /// What happens next. Cancel safe.
    pub(crate) async fn next(&mut self) -> LinkEvent {
        loop {
            tokio::select! {
                biased;
                message = self.control.next() => match message {
                    Ok(Some(CoordinatorMessage { says: Some(says) })) => return LinkEvent::Says(says),
                    Ok(Some(CoordinatorMessage { says: None })) => debug!("unknown control message passed over"),
                    Ok(None) => return LinkEvent::Lost(self.ended("the coordinator closed the control stream".into())),
                    Err(error) => return LinkEvent::Lost(self.ended(error.to_string())),
                },
                datagram = self.connection.read_datagram() => match datagram.map(BeatAck::decode) {
                    Ok(Ok(ack)) => return LinkEvent::Answered(ack),
                    Ok(Err(_)) => debug!("datagram that is no answer passed over"),
                    Err(error) => return LinkEvent::Lost(why(&error)),
                },
            }
        }
    }

    /// Says the last words, waits until they have arrived, and closes.
    pub(crate) async fn close(mut self, says: NodeSays) {
        self.tell(says);
        let Self { connection, endpoint, says, ref mut tasks, .. } = self;
        // The writer ends when nobody can say anything more.
        drop(says);
        if tokio::time::timeout(CLOSE_TIMEOUT, tasks.join_next()).await.is_err() {
            warn!("the coordinator did not take the goodbye in time");
        }
        connection.close(0_u32.into(), b"goodbye");
        drop(tokio::time::timeout(CLOSE_TIMEOUT, endpoint.wait_idle()).await);
    }

    fn ended(&self, other: String) -> LinkError {
        self.connection.close_reason().map_or(LinkError::Lost(other), |error| why(&error))
    }
}

impl From<Farewell> for LinkError {
    fn from(farewell: Farewell) -> Self {
        Self::Parted { code: farewell.code, reason: farewell.reason }
    }
}

/// Why a connection ended. The coordinator closes with `code: reason`, as in a [`Farewell`] that may not have arrived.
pub(crate) fn why(error: &ConnectionError) -> LinkError {
    /// `CRYPTO_ERROR` of RFC 9000, section 20.1: 0x0100 and the TLS alert.
    const CRYPTO_ERRORS: std::ops::Range<u64> = 0x100..0x200;
    match error {
        ConnectionError::ApplicationClosed(close) => {
            let text: String =
                String::from_utf8_lossy(&close.reason).chars().filter(|char| !char.is_control()).collect();
            match text.split_once(": ") {
                Some((code, reason)) => LinkError::Parted { code: code.to_owned(), reason: reason.to_owned() },
                None => LinkError::Lost(text),
            }
        }
        ConnectionError::TransportError(error) if CRYPTO_ERRORS.contains(&u64::from(error.code)) => {
            LinkError::Certificate(error.to_string())
        }
        ConnectionError::ConnectionClosed(close) if CRYPTO_ERRORS.contains(&u64::from(close.error_code)) => {
            LinkError::Certificate(close.to_string())
        }
        ConnectionError::TransportError(_)
        | ConnectionError::ConnectionClosed(_)
        | ConnectionError::VersionMismatch
        | ConnectionError::Reset
        | ConnectionError::TimedOut
        | ConnectionError::LocallyClosed
        | ConnectionError::CidsExhausted => LinkError::Lost(error.to_string()),
    }
}

fn transport(max_streams: u32) -> TransportConfig {
    let mut acks = AckFrequencyConfig::default();
    acks.ack_eliciting_threshold(ACK_EVERY.into());
    let mut transport = TransportConfig::default();
    let silence = IdleTimeout::try_from(LINK_SILENCE).ok();
    transport
        .ack_frequency_config(Some(acks))
        .max_idle_timeout(silence)
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_concurrent_bidi_streams(max_streams.into())
        .max_concurrent_uni_streams(0_u32.into())
        .stream_receive_window(STREAM_WINDOW.into())
        .receive_window(LINK_WINDOW.into())
        .datagram_receive_buffer_size(Some(DATAGRAM_BUFFER))
        .datagram_send_buffer_size(DATAGRAM_BUFFER);
    transport
}

/// Writes control messages until nobody can say one, then ends the stream and waits until all has arrived.
async fn write(mut send: SendStream, mut said: mpsc::Receiver<NodeSays>) {
    while let Some(says) = said.recv().await {
        if let Err(error) = send.write_chunk(delimited(&NodeMessage { says: Some(says) })).await {
            debug!(%error, "control stream ended");
            return;
        }
    }
    if send.finish().is_ok() {
        drop(send.stopped().await);
    }
}

/// Takes game streams until the connection ends. Those that are open then are cut: their sessions stay with the engines.
async fn accept(connection: Connection, directory: Directory) {
    let mut games = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            Some(ended) = games.join_next() => {
                if let Err(error) = ended {
                    warn!(%error, "game stream failed");
                    directory.count_error();
                }
            }
            stream = connection.accept_bi() => match stream {
                Ok((send, recv)) => drop(games.spawn(game::serve(send, recv, directory.clone()).in_current_span())),
                Err(error) => {
                    debug!(%error, streams = games.len(), "no more game streams");
                    return;
                }
            },
        }
    }
}
