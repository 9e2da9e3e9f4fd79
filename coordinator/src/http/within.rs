//! The link within TLS, for nodes and gateways whom UDP does not reach. Whoever asks for it by ALPN at the API's port gets no
//! API: every datagram that comes in is sent to our own QUIC endpoint from a socket on loopback, and what comes back goes out
//! again. Nothing is decided here: who they are they prove to that endpoint, as everybody does.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum_server::accept::Accept;
use bifrost_protocol::api::{LINK_ALPN, MAX_LINK_DATAGRAM};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use metrics::counter;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::server::TlsStream;
use tokio_util::codec::{Framed, LengthDelimitedCodec};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use super::extract::Peer;
use crate::admission::{Admission, Place};

/// The most of them at once, and from one address. One costs about 100 KB with its TLS buffers.
const MAX_LINKS: usize = 1_024;
pub(super) const MAX_PER_ADDRESS: usize = 32;
/// Without a datagram for so long one is given up: connections in it say something every second.
const SILENCE: Duration = Duration::from_secs(15);

/// Takes links out of the connections that another acceptor has accepted.
#[derive(Clone, Debug)]
pub(super) struct Links<A> {
    inner: A,
    within: Arc<Within>,
}

/// The links that are carried.
#[derive(Debug)]
pub(super) struct Within {
    admission: Arc<Admission>,
    /// Our own QUIC endpoint.
    endpoint: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl<A> Links<A> {
    /// Takes links out of what `inner` accepts.
    pub(super) fn new(inner: A, within: Arc<Within>) -> Self {
        Self { inner, within }
    }
}

impl Within {
    /// Links lead to `endpoint` until `stop` is cancelled.
    pub(super) fn new(endpoint: SocketAddr, stop: CancellationToken) -> Self {
        let loopback = match endpoint.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
        };
        let admission = Admission::new("bifrost_links_within_tls", MAX_LINKS, MAX_PER_ADDRESS);
        Self { admission, endpoint: SocketAddr::new(loopback, endpoint.port()), stop, tasks: TaskTracker::new() }
    }

    /// Waits until all have ended, which they do when it is told to stop.
    pub(super) async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn take(&self, stream: TlsStream<TcpStream>) -> io::Result<()> {
        let Peer(from) = Peer::of(stream.get_ref().0.peer_addr()?.ip());
        let place = self.admission.admit(from).map_err(io::Error::other)?;
        counter!("bifrost_links_within_tls_total").increment(1);
        let endpoint = self.endpoint;
        self.tasks.spawn(self.stop.clone().run_until_cancelled_owned(async move {
            if let Err(error) = serve(stream, endpoint, place).await {
                debug!(%from, %error, "link within TLS is over");
            }
        }));
        Ok(())
    }
}

impl<A, S> Accept<TcpStream, S> for Links<A>
where
    A: Accept<TcpStream, S, Stream = TlsStream<TcpStream>>,
    A::Future: Send + 'static,
    A::Service: Send,
{
    type Stream = A::Stream;
    type Service = A::Service;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Self::Stream, Self::Service)>> + Send>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let (accepting, within) = (self.inner.accept(stream, service), Arc::clone(&self.within));
        Box::pin(async move {
            let (stream, service) = accepting.await?;
            if stream.get_ref().1.alpn_protocol() != Some(LINK_ALPN) {
                return Ok((stream, service));
            }
            within.take(stream)?;
            // For the server of the API this connection is over.
            Err(io::Error::other("a link"))
        })
    }
}

async fn serve(stream: TlsStream<TcpStream>, endpoint: SocketAddr, _place: Place) -> io::Result<()> {
    let any = if endpoint.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(endpoint).await?;
    carry(stream, &socket).await
}

/// Carries datagrams both ways until one end is gone, or silent for too long.
async fn carry(stream: impl AsyncRead + AsyncWrite, socket: &UdpSocket) -> io::Result<()> {
    let codec = LengthDelimitedCodec::builder().length_field_length(2).max_frame_length(MAX_LINK_DATAGRAM).new_codec();
    let (mut to, mut from) = Framed::new(stream, codec).split();
    let up = async {
        loop {
            let datagram = tokio::time::timeout(SILENCE, from.next()).await?;
            let Some(datagram) = datagram.transpose()? else { return Ok::<_, io::Error>(()) };
            // One that the endpoint does not get is a lost one.
            drop(socket.send(&datagram).await);
        }
    };
    let down = async {
        let mut space = vec![0; MAX_LINK_DATAGRAM];
        loop {
            let length = socket.recv(&mut space).await?;
            to.feed(Bytes::copy_from_slice(&space[..length])).await?;
            // Several that wait go out together.
            while let Ok(length) = socket.try_recv(&mut space) {
                to.feed(Bytes::copy_from_slice(&space[..length])).await?;
            }
            to.flush().await?;
        }
    };
    tokio::select! {
        ended = up => ended,
        ended = down => ended,
    }
}
