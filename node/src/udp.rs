//! The UDP socket under a QUIC connection to the coordinator.
//!
//! quinn's own reads and sets ECN bits and sends many datagrams with one call. It asks the system for all of that when it is
//! made, and fails where one thing is missing: wine lacks some of it, and players do run Windows programs under wine. There, a
//! socket that can nothing of this carries the connection.

use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, Endpoint, EndpointConfig, Runtime, ServerConfig, TokioRuntime, UdpPoller};
use tokio::io::ReadBuf;
use tokio::net::UdpSocket;
use tracing::debug;

/// How many faults are passed over before other tasks have their turn.
const MAX_FAULTS: usize = 16;

/// An endpoint that dials `address`, from any port of the same family.
///
/// # Errors
/// There is no socket to be had.
pub fn endpoint_towards(address: SocketAddr) -> io::Result<Endpoint> {
    let local: SocketAddr =
        if address.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    endpoint_at(local, None)
}

/// An endpoint at this address, of a client, or also of this server.
fn endpoint_at(local: SocketAddr, server: Option<ServerConfig>) -> io::Result<Endpoint> {
    let socket = TokioRuntime.wrap_udp_socket(std::net::UdpSocket::bind(local)?).or_else(|error| {
        debug!(%error, "a plain UDP socket carries the connection");
        Plain::bind(local)
    })?;
    Endpoint::new_with_abstract_socket(EndpointConfig::default(), server, socket, Arc::new(TokioRuntime))
}

/// A server for tests, on any port of loopback: it runs wherever a node does.
#[cfg(test)]
pub(crate) fn test_server(config: ServerConfig) -> Endpoint {
    endpoint_at((Ipv4Addr::LOCALHOST, 0).into(), Some(config)).expect("a free port")
}

/// One datagram a call, without ECN. It leaves to the system whether datagrams are fragmented, and says so.
#[derive(Debug)]
struct Plain(UdpSocket);

impl Plain {
    fn bind(local: SocketAddr) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let socket = std::net::UdpSocket::bind(local)?;
        socket.set_nonblocking(true)?;
        Ok(Arc::new(Self(UdpSocket::from_std(socket)?)))
    }
}

impl AsyncUdpSocket for Plain {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Writable(self))
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        match self.0.try_send_to(transmit.contents, transmit.destination) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(error),
            // What does not get out is a lost datagram, as with quinn's own: the connection repeats it, or times out.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let (Some(space), Some(told)) = (bufs.first_mut(), meta.first_mut()) else { return Poll::Ready(Ok(0)) };
        for _ in 0..MAX_FAULTS {
            let mut space = ReadBuf::new(space);
            // A fault is the end of one datagram, not of the socket: Windows tells here of one that was too long, and of one
            // sent earlier that nobody wanted.
            if let Ok(from) = ready!(self.0.poll_recv_from(cx, &mut space)) {
                let len = space.filled().len();
                *told = RecvMeta { addr: from, len, stride: len, ..RecvMeta::default() };
                return Poll::Ready(Ok(1));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// Waits until a datagram can be sent. tokio keeps one waiting task a direction; a client's endpoint has one connection.
struct Writable(Arc<Plain>);

impl fmt::Debug for Writable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Writable")
    }
}

impl UdpPoller for Writable {
    fn poll_writable(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.0.poll_send_ready(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use quinn::ClientConfig;
    use rustls::pki_types::PrivateKeyDer;

    use super::*;

    /// A server's endpoint on loopback, and how a client believes it.
    fn server() -> (Endpoint, ClientConfig) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let certificate = made.cert.der().clone();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate.clone()).expect("a root");
        let server = ServerConfig::with_single_cert(vec![certificate], key).expect("a server");
        let client = ClientConfig::with_root_certificates(Arc::new(roots)).expect("a client");
        (test_server(server), client)
    }

    #[tokio::test]
    async fn a_plain_socket_carries_a_connection() {
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let (server, config) = server();
        let address = server.local_addr().expect("bound");
        let socket = Plain::bind((Ipv4Addr::LOCALHOST, 0).into()).expect("bound");
        let runtime = Arc::new(TokioRuntime);
        let client =
            Endpoint::new_with_abstract_socket(EndpointConfig::default(), None, socket, runtime).expect("made");
        let echo = tokio::spawn(async move {
            let connection = server.accept().await.expect("one comes").await.expect("connected");
            let (mut send, mut recv) = connection.accept_bi().await.expect("a stream");
            let all = recv.read_to_end(1 << 20).await.expect("read");
            send.write_all(&all).await.expect("sent");
            send.finish().expect("open");
            connection.closed().await;
        });
        let connection =
            client.connect_with(config, address, "localhost").expect("configured").await.expect("connected");
        let (mut send, mut recv) = connection.open_bi().await.expect("a stream");
        let sent: Vec<u8> = (0..300_000_u32).map(|at| at.to_le_bytes()[0]).collect();
        send.write_all(&sent).await.expect("sent");
        send.finish().expect("open");
        assert!(recv.read_to_end(1 << 20).await.expect("read") == sent, "it comes back as it was");
        connection.close(0_u32.into(), b"");
        tokio::time::timeout(Duration::from_secs(10), echo).await.expect("it ends").expect("no panic");
    }
}
