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
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::limits::{HANDSHAKE_TIMEOUT, HEAD_TIMEOUT, MAX_CONNECTIONS, SHUTDOWN_GRACE};

/// The running API.
#[derive(Debug)]
pub struct HttpHandle {
    /// Where it listens.
    pub address: SocketAddr,
    task: JoinHandle<io::Result<()>>,
}

impl HttpHandle {
    /// Waits until it has ended: by the token it was started with, or by a fault.
    ///
    /// # Errors
    /// Why it ended, when nobody asked for it.
    pub async fn ended(&mut self) -> io::Result<()> {
        (&mut self.task).await.unwrap_or_else(|fault| Err(io::Error::other(fault)))
    }
}

impl Drop for HttpHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Binds and serves until `token` is cancelled; running requests then have [`SHUTDOWN_GRACE`] to end.
pub(super) fn serve(
    listen: SocketAddr,
    tls: Arc<ServerConfig>,
    router: Router,
    token: CancellationToken,
) -> io::Result<HttpHandle> {
    let listener = std::net::TcpListener::bind(listen)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let acceptor = RustlsAcceptor::new(RustlsConfig::from_config(tls)).handshake_timeout(HANDSHAKE_TIMEOUT);
    let acceptor = acceptor.acceptor(Bounded { room: Arc::new(Semaphore::new(MAX_CONNECTIONS)) });
    let handle = Handle::new();
    let mut server = axum_server::from_tcp(listener)?.acceptor(acceptor).handle(handle.clone()).http1_only();
    server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    let serving = server.serve(router.into_make_service_with_connect_info::<SocketAddr>());
    let task = tokio::spawn(async move {
        let stop = async {
            token.cancelled().await;
            handle.graceful_shutdown(Some(SHUTDOWN_GRACE));
            // The server returns when its last connection has; this only bounds it.
            tokio::time::sleep(SHUTDOWN_GRACE + Duration::from_secs(1)).await;
        };
        tokio::select! {
            biased;
            () = stop => Ok(()),
            ended = serving => ended,
        }
    });
    tracing::info!(%address, "https api listening");
    Ok(HttpHandle { address, task })
}

/// Takes connections while there is room, and closes further ones before their handshake.
#[derive(Clone, Debug)]
struct Bounded {
    room: Arc<Semaphore>,
}

impl<S> Accept<TcpStream, S> for Bounded {
    type Stream = TcpStream;
    type Service = Held<S>;
    type Future = std::future::Ready<io::Result<(TcpStream, Held<S>)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        std::future::ready(match Arc::clone(&self.room).try_acquire_owned() {
            Ok(permit) => stream.set_nodelay(true).map(|()| (stream, Held { service, _permit: Arc::new(permit) })),
            Err(_) => {
                metrics::counter!("bifrost_http_connections_refused_total").increment(1);
                Err(io::Error::other("too many connections"))
            }
        })
    }
}

/// A connection's service, with its place among the connections: given back when the connection is gone.
#[derive(Clone, Debug)]
struct Held<S> {
    service: S,
    _permit: Arc<OwnedSemaphorePermit>,
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
