//! A way to the coordinator where no UDP gets through: the datagrams of the same QUIC connection, each behind its length,
//! within one TLS connection to the port of the coordinator's API. What travels in it is encrypted and proved as always, so that nothing
//! above a connection knows which way it takes.

use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bifrost_protocol::api::MAX_LINK_DATAGRAM;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, Endpoint, EndpointConfig, TokioRuntime, UdpPoller};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::codec::{Framed, LengthDelimitedCodec};

/// Datagrams that wait for the TCP connection; further ones are lost, which tells QUIC to send more slowly.
const QUEUE: usize = 128;
/// Failures over UDP, of a way that has worked before, until the other one is tried: a cable may be out.
const PATIENCE: u32 = 3;

/// How datagrams travel.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Way {
    /// As they are.
    #[default]
    Udp,
    /// Within TLS, at the port of the HTTPS API.
    Tls,
}

impl Way {
    /// Its name in logs and status.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "quic",
            Self::Tls => "tls",
        }
    }

    /// How long an attempt that way may take, when one over UDP may take `udp`: there are two handshakes more.
    pub(crate) fn limit(self, udp: Duration) -> Duration {
        match self {
            Self::Udp => udp,
            Self::Tls => udp * 2,
        }
    }
}

/// Which way the next attempt takes. UDP first, the other one when it does not get through, and in turn from then on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ways {
    /// The last one that worked.
    worked: Option<Way>,
    failed: u32,
}

impl Ways {
    pub(crate) fn next(self) -> Way {
        let patience = if self.worked == Some(Way::Udp) { PATIENCE } else { 1 };
        let within = match self.worked {
            Some(Way::Tls) => self.failed.is_multiple_of(2),
            Some(Way::Udp) | None => self.failed % (patience + 1) == patience,
        };
        if within { Way::Tls } else { Way::Udp }
    }

    /// An attempt brought no connection.
    pub(crate) fn failed(&mut self) {
        self.failed = self.failed.wrapping_add(1);
    }

    /// An attempt did.
    pub(crate) fn worked(&mut self, way: Way) {
        *self = Self { worked: Some(way), failed: 0 };
    }
}

/// An endpoint whose datagrams go through `stream`. Whatever address it dials, it reaches the coordinator.
///
/// # Errors
/// There is no endpoint to be had.
pub(crate) fn endpoint_through(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> io::Result<Endpoint> {
    let codec = LengthDelimitedCodec::builder().length_field_length(2).max_frame_length(MAX_LINK_DATAGRAM).new_codec();
    let (mut to, mut from) = Framed::new(stream, codec).split();
    let (out, mut leaving) = mpsc::channel::<Bytes>(QUEUE);
    let (arrives, arriving) = mpsc::channel(QUEUE);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Some(datagram) = leaving.recv().await {
            // Several that wait go out together.
            let mut sent = to.feed(datagram).await;
            while let (Ok(()), Ok(more)) = (&sent, leaving.try_recv()) {
                sent = to.feed(more).await;
            }
            if sent.is_err() || to.flush().await.is_err() {
                return;
            }
        }
    });
    tasks.spawn(async move {
        while let Some(Ok(datagram)) = from.next().await {
            if arrives.send(datagram.freeze()).await.is_err() {
                return;
            }
        }
    });
    let socket = Arc::new(Through { out, arriving: Mutex::new(arriving), dialled: Mutex::default(), _tasks: tasks });
    Endpoint::new_with_abstract_socket(EndpointConfig::default(), None, socket, Arc::new(TokioRuntime))
}

#[derive(Debug)]
struct Through {
    out: mpsc::Sender<Bytes>,
    arriving: Mutex<mpsc::Receiver<Bytes>>,
    /// The address that was sent to: all that arrives is from there.
    dialled: Mutex<Option<SocketAddr>>,
    _tasks: JoinSet<()>,
}

impl AsyncUdpSocket for Through {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Always)
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        *self.dialled.lock().unwrap_or_else(PoisonError::into_inner) = Some(transmit.destination);
        match self.out.try_send(Bytes::copy_from_slice(transmit.contents)) {
            // What finds no room is a lost datagram, as anywhere.
            Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut arriving = self.arriving.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(space), Some(told)) = (bufs.first_mut(), meta.first_mut()) else { return Poll::Ready(Ok(0)) };
        loop {
            let Some(datagram) = ready!(arriving.poll_recv(cx)) else {
                // Not `ConnectionReset`, which quinn takes for somebody's forgery and asks again, for ever.
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            };
            let dialled = *self.dialled.lock().unwrap_or_else(PoisonError::into_inner);
            // One that is longer than anything we announced is nothing of QUIC's.
            let (Some(from), true) = (dialled, datagram.len() <= space.len()) else { continue };
            space[..datagram.len()].copy_from_slice(&datagram);
            let len = datagram.len();
            *told = RecvMeta { addr: from, len, stride: len, ..RecvMeta::default() };
            return Poll::Ready(Ok(1));
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        // It has none. This one is of the family that quinn should think it is.
        Ok(SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 0], 0)))
    }

    fn may_fragment(&self) -> bool {
        false
    }
}

/// There is always room: see [`QUEUE`].
struct Always;

impl fmt::Debug for Always {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Always")
    }
}

impl UdpPoller for Always {
    fn poll_writable(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use quinn::ConnectionError;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_far_end_that_talks_nonsense_or_is_gone_ends_the_attempt() {
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let mut roots = rustls::RootCertStore::empty();
        let authority = rcgen::generate_simple_self_signed(["nobody".to_owned()]).expect("a certificate");
        roots.add(authority.cert.der().clone()).expect("a root");
        let roots = Arc::new(roots);
        let nonsense = [&[0, 0][..], &[0, 1, 7], &[5, 220], &[0x40; 1_500], &[255, 255, 1, 2, 3]].concat();
        for (what, said) in [("nothing", &[][..]), ("nonsense", &nonsense[..])] {
            let (ours, mut theirs) = duplex(64 * 1024);
            let endpoint = endpoint_through(ours).expect("made");
            let config = quinn::ClientConfig::with_root_certificates(Arc::clone(&roots));
            let address = (Ipv4Addr::new(192, 0, 2, 1), 7_444).into();
            let connecting = endpoint.connect_with(config.expect("a client"), address, "nobody").expect("configured");
            let length = theirs.read_u16().await.expect("a datagram");
            assert!((1_200..=MAX_LINK_DATAGRAM).contains(&usize::from(length)), "{length}");
            theirs.write_all(said).await.expect("said");
            drop(theirs);
            let ended = tokio::time::timeout(Duration::from_secs(10), connecting).await.expect(what);
            assert!(
                matches!(ended, Err(ConnectionError::LocallyClosed | ConnectionError::TransportError(_))),
                "{ended:?}"
            );
        }
    }

    fn ways(mut ways: Ways, attempts: usize) -> Vec<Way> {
        let attempt = |_| {
            let way = ways.next();
            ways.failed();
            way
        };
        (0..attempts).map(attempt).collect()
    }

    #[test]
    fn tls_comes_after_udp_and_sooner_where_udp_has_never_worked() {
        use Way::{Tls, Udp};
        let mut known = Ways::default();
        assert_eq!(ways(known, 4), [Udp, Tls, Udp, Tls]);
        known.worked(Udp);
        assert_eq!(ways(known, 8), [Udp, Udp, Udp, Tls, Udp, Udp, Udp, Tls]);
        known.worked(Tls);
        assert_eq!(ways(known, 4), [Tls, Udp, Tls, Udp]);
    }
}
