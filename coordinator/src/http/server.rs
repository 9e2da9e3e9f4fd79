//! Serving the API over TLS, bounded in connections and time.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use axum_server::accept::Accept;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use hyper_util::rt::TokioTimer;
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::AbortOnDropHandle;
use tower::Service;

use super::extract::Peer;
use super::limits::{HANDSHAKE_TIMEOUT, HEAD_TIMEOUT, MAX_CONNECTIONS, MAX_CONNECTIONS_PER_ADDRESS, SHUTDOWN_GRACE};
use super::within::{Links, Within};
use crate::admission::{Admission, Place};

/// The running API. Dropping it stops it.
#[derive(Debug)]
pub struct HttpHandle {
    local_addr: SocketAddr,
    stop: DropGuard,
    task: AbortOnDropHandle<()>,
}

impl HttpHandle {
    /// The address it is bound to.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Waits until it has ended, which it does only when it is stopped or broken. Not to be called again then.
    pub async fn ended(&mut self) {
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, "https api ended badly");
        }
    }

    /// Takes no new requests, and waits until the running ones are answered.
    pub async fn shutdown(mut self) {
        self.stop.disarm().cancel();
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, "https api ended badly");
        }
    }
}

/// Binds and serves until `token` is cancelled, links within TLS towards the QUIC `endpoint`; running requests then have [`SHUTDOWN_GRACE`] to end.
pub(super) fn serve(
    listen: SocketAddr,
    tls: Arc<ServerConfig>,
    endpoint: SocketAddr,
    router: Router,
    token: &CancellationToken,
) -> io::Result<HttpHandle> {
    let listener = std::net::TcpListener::bind(listen)?;
    listener.set_nonblocking(true)?;
    let local_addr = listener.local_addr()?;
    let token = token.child_token();
    let stop = token.clone().drop_guard();
    let acceptor = RustlsAcceptor::new(RustlsConfig::from_config(tls)).handshake_timeout(HANDSHAKE_TIMEOUT);
    let admission = Admission::new("bifrost_http_connections", MAX_CONNECTIONS, MAX_CONNECTIONS_PER_ADDRESS);
    let acceptor = acceptor.acceptor(Bounded(admission));
    let within = Arc::new(Within::new(endpoint, token.child_token()));
    let acceptor = Links::new(acceptor, Arc::clone(&within));
    let handle = Handle::new();
    let mut server = axum_server::from_tcp(listener)?.acceptor(acceptor).handle(handle.clone()).http1_only();
    server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    let serving = server.serve(router.into_make_service_with_connect_info::<SocketAddr>());
    let task = tokio::spawn(async move {
        let stopping = async {
            token.cancelled().await;
            handle.graceful_shutdown(Some(SHUTDOWN_GRACE));
            // The server returns when its last connection has; this only bounds it.
            tokio::time::sleep(SHUTDOWN_GRACE + Duration::from_secs(1)).await;
        };
        tokio::select! {
            biased;
            () = stopping => {}
            ended = serving => if let Err(error) = ended {
                tracing::error!(%error, "https api cannot serve");
            },
        }
        // Also where the server has ended by itself.
        token.cancel();
        within.ended().await;
    });
    tracing::info!(addr = %local_addr, "https api listens");
    Ok(HttpHandle { local_addr, stop, task: AbortOnDropHandle::new(task) })
}

/// Takes connections while there is room, and closes further ones before their handshake.
#[derive(Clone, Debug)]
struct Bounded(Arc<Admission>);

impl<S> Accept<TcpStream, S> for Bounded {
    type Stream = TcpStream;
    type Service = Held<S>;
    type Future = std::future::Ready<io::Result<(TcpStream, Held<S>)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let admit = || {
            let Peer(address) = Peer::of(stream.peer_addr()?.ip());
            let place = self.0.admit(address).map_err(io::Error::other)?;
            stream.set_nodelay(true)?;
            Ok(Held { service, _place: Arc::new(place) })
        };
        let admitted = admit();
        if admitted.is_err() {
            metrics::counter!("bifrost_http_connections_refused_total").increment(1);
        }
        std::future::ready(admitted.map(|held| (stream, held)))
    }
}

/// A connection's service, with its place among the connections: given back when the connection is gone.
#[derive(Clone, Debug)]
struct Held<S> {
    service: S,
    _place: Arc<Place>,
}

impl<S: Service<R>, R> Service<R> for Held<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: R) -> S::Future {
        self.service.call(request)
    }
}
