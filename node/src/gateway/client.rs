//! One game client's connection: does what its [`Session`] says, and moves its bytes.

use std::future::poll_fn;
use std::net::SocketAddrV4;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bifrost_line::{Carrier, Wake};
use bifrost_protocol::control::{
    LineAnswer, LineKind, LineOpen, MAX_PLAY_MESSAGE, ServerAddress, StreamKind, delimited, next_message,
};
use bytes::BytesMut;
use quinn::{RecvStream, SendStream};
use tokio::io::{AsyncReadExt, Join, join};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tracing::{debug, info};

use super::Shared;
use super::link::Up;
use super::rewrite::Rewriter;
use super::session::{Command, Event, Session};
use crate::agent::at;

/// How long the coordinator may take to answer for a line: it may have to connect to a server.
const ANSWER_LIMIT: Duration = Duration::from_secs(8);
/// How long a client whose line is over may take to close.
const LINGER: Duration = Duration::from_secs(5);

type Line = Carrier<TcpStream, Join<RecvStream, SendStream>, Rewriter>;

/// A stream that the coordinator has answered on.
struct Opened {
    send: SendStream,
    recv: RecvStream,
    rest: BytesMut,
    answer: LineAnswer,
}

/// The opening of a stream; none when the connection does not give one.
type Opening = Pin<Box<dyn Future<Output = Option<Opened>> + Send>>;

/// One client, its line, and where it leads.
struct Client {
    id: u64,
    kind: LineKind,
    local: SocketAddrV4,
    server: Option<SocketAddrV4>,
    line: Line,
    session: Session,
    link: watch::Receiver<Option<Arc<Up>>>,
    opening: Option<Opening>,
}

/// Serves a client to its end.
pub(super) async fn serve(shared: &Arc<Shared>, socket: TcpStream, kind: LineKind, local: SocketAddrV4) {
    let mut client = Client {
        id: rand::random(),
        kind,
        local,
        server: shared.places.server_at(local),
        line: Carrier::new(socket, Rewriter::new(Arc::clone(shared), kind)),
        session: Session::new(Instant::now()),
        link: shared.link.clone(),
        opening: None,
    };
    client.link.mark_changed();
    debug!(line = client.id, server = ?client.server, "client came");
    let why = tokio::select! {
        biased;
        () = shared.stop.cancelled() => "the gateway stops",
        why = client.run() => why,
    };
    debug!(line = client.id, why, "client gone");
}

impl Client {
    async fn run(&mut self) -> &'static str {
        loop {
            let event = tokio::select! {
                biased;
                Ok(()) = self.link.changed() => {
                    if self.link.borrow_and_update().is_some() { Event::LinkUp } else { Event::LinkLost }
                }
                opened = opened(&mut self.opening) => self.opened(opened),
                wake = poll_fn(|context| self.line.poll(context)) => match wake {
                    Wake::StreamLost => Event::StreamLost,
                    Wake::Over => return "both sides have ended",
                    Wake::Misbehaved(error) => {
                        info!(%error, "the coordinator lost count of a connection");
                        return "the coordinator lost count";
                    }
                },
                () = at(self.session.deadline()) => Event::Time,
            };
            let Some(command) = self.session.handle(event, Instant::now()) else { continue };
            match command {
                Command::Open { known } => self.open(known),
                Command::Redirect => self.redirect(),
                Command::Close(why) => return self.close(why).await,
            }
        }
    }

    fn open(&mut self, known: bool) {
        let Some(up) = self.link.borrow().clone() else { return };
        let open = LineOpen {
            line: self.id,
            kind: self.kind.into(),
            server: self.server.map(ServerAddress::from),
            received: self.line.received(),
            known,
        };
        self.line.detach();
        let header = [&[StreamKind::Line as u8], &delimited(&open)[..]].concat();
        self.opening =
            Some(Box::pin(async move { tokio::time::timeout(ANSWER_LIMIT, ask(&up, &header)).await.ok().flatten() }));
    }

    /// What an answer means. A good one's stream carries the line from here on.
    fn opened(&mut self, opened: Option<Opened>) -> Event {
        self.opening = None;
        let Some(Opened { send, recv, rest, answer }) = opened else { return Event::StreamLost };
        match answer.problem.as_str() {
            "" => match self.line.attach(join(recv, send), &[], rest, answer.received) {
                Ok(()) => Event::Opened,
                Err(error) => {
                    info!(%error, "the coordinator lost count of a connection");
                    Event::Unknown { can_return: self.can_return() }
                }
            },
            "unknown" => Event::Unknown { can_return: self.can_return() },
            "unreachable" | "full" => Event::Busy,
            problem => {
                info!(problem, server = ?self.server, "the coordinator refuses a connection");
                Event::Denied
            }
        }
    }

    fn can_return(&mut self) -> bool {
        let relay = self.link.borrow().as_ref().and_then(|up| up.relay);
        let on_the_relay = self.kind == LineKind::Map && (self.server.is_none() || self.server == relay);
        on_the_relay && !self.line.near_has_ended() && self.line.tap().redirect(self.local).is_some()
    }

    fn redirect(&mut self) {
        if let Some(packet) = self.line.tap().redirect(self.local) {
            info!(line = self.id, "the realm was restarted: the client enters its map again");
            self.line.say(&packet);
        }
    }

    /// Gives the client what waits for it, as far as it takes it, and lets it go.
    async fn close(&mut self, why: &'static str) -> &'static str {
        info!(line = self.id, why, "client let go");
        self.line.detach();
        let flushed = poll_fn(|context| {
            let _nothing_carries_it = self.line.poll(context);
            if self.line.is_flushed() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        });
        let _unread = tokio::time::timeout(LINGER, flushed).await;
        why
    }
}

/// Opens a stream, sends the header and reads the answer.
async fn ask(up: &Up, header: &[u8]) -> Option<Opened> {
    let (mut send, mut recv) = up.connection.open_bi().await.ok()?;
    send.write_all(header).await.ok()?;
    let mut rest = BytesMut::new();
    loop {
        if let Some(answer) = next_message::<LineAnswer>(&mut rest, MAX_PLAY_MESSAGE).ok()? {
            return Some(Opened { send, recv, rest, answer });
        }
        if recv.read_buf(&mut rest).await.ok()? == 0 {
            return None;
        }
    }
}

/// What comes of an opening; never, when there is none.
async fn opened(opening: &mut Option<Opening>) -> Option<Opened> {
    match opening {
        Some(opening) => opening.await,
        None => std::future::pending().await,
    }
}
