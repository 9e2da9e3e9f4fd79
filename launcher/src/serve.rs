//! The headless launcher: the commands of a window over loopback HTTP, and the built UI beside them.
//!
//! Only loopback is listened on, every request needs the token of this run and a `Host` that is ours, so that neither other
//! users nor web pages in a browser (DNS rebinding) can speak to it. Views come as server-sent events.

mod assets;
mod guard;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_stream::Stream;
use tokio_stream::wrappers::WatchStream;
use tokio_util::sync::CancellationToken;

use crate::app::Inbox;
use crate::command::{Answer, Command, CommandCode, CommandError, Question};
use crate::event::Event;
use crate::log::LogBook;
use crate::realm::MAX_FILE;
use crate::redact::Redactor;
use crate::view::View;

pub use guard::Token;

/// The largest command: a realm file, escaped as JSON.
const MAX_BODY: usize = 2 * MAX_FILE;

/// What the server works with.
#[derive(Debug)]
pub struct Deps {
    /// Where commands go.
    pub inbox: Inbox,
    /// What windows show.
    pub view: watch::Receiver<Arc<View>>,
    /// The log.
    pub log: LogBook,
    /// What every request has to show.
    pub token: Token,
    /// The built UI.
    pub ui: PathBuf,
}

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    router: Router,
    /// Where.
    pub address: SocketAddr,
}

#[derive(Debug)]
struct Shared {
    deps: Deps,
    /// Windows that look, counted by their streams.
    watchers: watch::Sender<usize>,
}

type Api = State<Arc<Shared>>;

impl Server {
    /// Binds a loopback address.
    ///
    /// # Errors
    /// The address is not loopback, or taken.
    pub async fn bind(listen: SocketAddr, deps: Deps) -> io::Result<Self> {
        if !listen.ip().is_loopback() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "only loopback addresses are listened on"));
        }
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, router: router(deps, address), address })
    }

    /// Serves until cancelled.
    ///
    /// # Errors
    /// The socket broke.
    pub async fn run(self, stop: CancellationToken) -> io::Result<()> {
        axum::serve(self.listener, self.router).with_graceful_shutdown(stop.cancelled_owned()).await
    }
}

fn router(deps: Deps, address: SocketAddr) -> Router {
    let ui = deps.ui.clone();
    let shared = Arc::new(Shared { deps, watchers: watch::Sender::new(0) });
    let api = Router::new()
        .route("/api/views", get(views))
        .route("/api/command", post(command))
        .route("/api/question", post(question))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), guard::needs_token))
        .with_state(shared);
    Router::new()
        .merge(api)
        .fallback(move |uri| assets::serve(ui.clone(), uri))
        .layer(middleware::from_fn_with_state(address, guard::own_host_only))
        .layer(middleware::from_fn(guard::strict_headers))
}

async fn command(State(shared): Api, Json(command): Json<Command>) -> Result<StatusCode, CommandError> {
    shared.deps.inbox.command(command).await.map(|()| StatusCode::NO_CONTENT)
}

async fn question(State(shared): Api, Json(question): Json<Question>) -> Json<Answer> {
    let Deps { log, view, .. } = &shared.deps;
    Json(answer(&question, log, &view.borrow()))
}

/// Answers a question; the same for every kind of window.
#[must_use]
pub fn answer(question: &Question, log: &LogBook, view: &View) -> Answer {
    match question {
        Question::Log { after } => Answer::Log { lines: log.after(*after) },
        Question::LogExport => {
            let home = std::env::home_dir().map(|home| home.display().to_string());
            let redactor = Redactor::new(view.account.as_deref(), home.as_deref());
            Answer::Text { text: redactor.apply(&log.text()) }
        }
    }
}

async fn views(State(shared): Api) -> impl IntoResponse {
    let first = {
        let mut first = false;
        shared.watchers.send_modify(|count| {
            *count += 1;
            first = *count == 1;
        });
        first
    };
    if first {
        shared.deps.inbox.tell(Event::Watched(true)).await;
    }
    let views = WatchStream::new(shared.deps.view.clone());
    Sse::new(Views { views, shared }).keep_alive(KeepAlive::default())
}

/// The views of one window. Its end may be the end of the last one.
struct Views {
    views: WatchStream<Arc<View>>,
    shared: Arc<Shared>,
}

impl Stream for Views {
    type Item = Result<sse::Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // A view that cannot be written as JSON would be a fault of serde's; the window keeps the last one.
        Pin::new(&mut self.views)
            .poll_next(context)
            .map(|view| view.map(|view| Ok(sse::Event::default().json_data(&*view).unwrap_or_default())))
    }
}

impl Drop for Views {
    fn drop(&mut self) {
        let mut last = false;
        self.shared.watchers.send_modify(|count| {
            *count = count.saturating_sub(1);
            last = *count == 0;
        });
        if last {
            self.shared.deps.inbox.tell_later(Event::Watched(false));
        }
    }
}

impl IntoResponse for CommandError {
    fn into_response(self) -> Response {
        let status = match self.code {
            CommandCode::NotNow => StatusCode::CONFLICT,
            CommandCode::BadInput => StatusCode::BAD_REQUEST,
            CommandCode::Stopping => StatusCode::GONE,
            CommandCode::Busy => StatusCode::SERVICE_UNAVAILABLE,
        };
        (status, Json(self)).into_response()
    }
}

#[cfg(test)]
mod tests;
