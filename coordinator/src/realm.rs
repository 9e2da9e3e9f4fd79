//! The embedded realm: a login-server and a char-server for development, tests and LAN play.
//!
//! Both speak rAthena's bytes, so that clients, stock map-servers and the fleet need not know the difference. Two ports:
//! [`login`] for clients, and the char port, which clients ([`character`]) and map-servers ([`inter`]) share. What is kept
//! goes to the [`Store`]; who is where is in [`state`], a pure machine behind the [`board`].

mod accounts;
mod board;
mod character;
mod inter;
mod limits;
mod login;
mod port;
mod state;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bifrost_protocol::Secret;
use bifrost_protocol::client::character as wire;
use bifrost_protocol::frame::{LengthTable, packet_id};
use bifrost_protocol::ids::MapPoint;
use bifrost_protocol::inter as chrif;
use bifrost_protocol::{FixedText, Packet};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use accounts::{AccountError, Accounts};
use board::Board;
use limits::Limits;
use port::{Line, LineError};

use crate::config;
use crate::store::Store;

/// The name with which map-servers log in to the embedded realm.
const INTER_USER: &str = "bifrost";

/// Random bytes of their password: 22 hex digits, of the 23 that 0x2af8 has room for.
const INTER_PASSWORD_BYTES: usize = 11;

/// How long a connection to the char port may take to say what it is.
const OPENING: Duration = Duration::from_secs(10);

/// How often passes, presences and counters are looked after.
const TICK: Duration = Duration::from_secs(1);

/// How long connections may take to end when the realm stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// What every connection of the realm needs.
#[derive(Debug)]
struct Context {
    name: String,
    start: MapPoint,
    client_version: u32,
    char_addr: SocketAddr,
    credentials: (FixedText<24>, Secret<FixedText<24>>),
    store: Store,
    accounts: Accounts,
    limits: Limits,
    board: Board,
}

/// The embedded realm.
#[derive(Debug)]
pub struct Realm;

impl Realm {
    /// Binds both ports and serves them until `token` is cancelled. New characters start at `start`.
    ///
    /// # Errors
    /// A port cannot be bound, or the store does not answer.
    pub async fn spawn(
        config: config::EmbeddedRealm,
        store: Store,
        start: MapPoint,
        token: CancellationToken,
    ) -> anyhow::Result<RealmHandle> {
        let login = bind("login-server", config.login_listen).await?;
        let characters = bind("char-server", config.char_listen).await?;
        let (login_addr, char_addr) = (login.local_addr()?, characters.local_addr()?);
        store.set_all_characters_offline().await.context("starting the embedded realm")?;
        let password = FixedText::new(hex(&rand::random::<[u8; INTER_PASSWORD_BYTES]>()));
        let context = Arc::new(Context {
            name: config.name,
            start,
            client_version: config.client_version,
            char_addr,
            credentials: (FixedText::new(INTER_USER), Secret::new(password)),
            accounts: Accounts::new(store.clone()),
            store,
            limits: Limits::new(),
            board: Board::default(),
        });
        let (tracker, token) = (TaskTracker::new(), token.child_token());
        tracker.spawn(look_after(Arc::clone(&context), token.clone()));
        tracker.spawn(port::accept("login", login, tracker.clone(), token.clone(), {
            let (context, token) = (Arc::clone(&context), token.clone());
            move |stream, peer| login::serve(Arc::clone(&context), stream, peer, token.clone())
        }));
        tracker.spawn(port::accept("char", characters, tracker.clone(), token.clone(), {
            let (context, token) = (Arc::clone(&context), token.clone());
            move |stream, _| open(Arc::clone(&context), stream, token.clone())
        }));
        tracing::info!(%login_addr, %char_addr, name = context.name, "embedded realm is ready");
        Ok(RealmHandle { context, login_addr, tracker, token })
    }
}

/// The running realm. Dropping it stops it at once.
#[derive(Debug)]
pub struct RealmHandle {
    context: Arc<Context>,
    login_addr: SocketAddr,
    tracker: TaskTracker,
    token: CancellationToken,
}

impl RealmHandle {
    /// Where the login-server listens.
    #[must_use]
    pub fn login_addr(&self) -> SocketAddr {
        self.login_addr
    }

    /// Where the char-server listens, for clients and map-servers.
    #[must_use]
    pub fn char_addr(&self) -> SocketAddr {
        self.context.char_addr
    }

    /// Name and password with which a map-server logs in (0x2af8). Made anew at every start.
    #[must_use]
    pub fn inter_credentials(&self) -> (String, Secret<String>) {
        let (user, password) = &self.context.credentials;
        (user.to_text(), Secret::new(password.expose().to_text()))
    }

    /// The realm's accounts.
    #[must_use]
    pub fn accounts(&self) -> Accounts {
        self.context.accounts.clone()
    }

    /// Tells clients that the server closes, ends all connections, and waits for them.
    pub async fn shutdown(self) {
        self.token.cancel();
        self.tracker.close();
        if tokio::time::timeout(STOP_TIMEOUT, self.tracker.wait()).await.is_err() {
            tracing::warn!(left = self.tracker.len(), "connections of the embedded realm did not end in time");
        }
        write_online(&self.context).await;
    }
}

impl Drop for RealmHandle {
    fn drop(&mut self) {
        self.token.cancel();
    }
}

async fn bind(what: &'static str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("binding the {what} to {address}"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Serves a connection to the char port: its first packet says whether it is a client or a map-server.
async fn open(context: Arc<Context>, stream: TcpStream, token: CancellationToken) -> Result<(), LineError> {
    let (reader, writer) = stream.into_split();
    let mut line = Line::new(reader);
    let first = tokio::select! {
        biased;
        () = token.cancelled() => return Ok(()),
        first = line.next(openings(), OPENING) => first?,
    };
    let Some(first) = first else { return Ok(()) };
    if packet_id(&first)? == chrif::Login::ID {
        let login = chrif::Login::decode(&first)?;
        return inter::serve(context, line, writer, login, token).await;
    }
    character::serve(context, line, writer, wire::Enter::decode(&first)?, token).await
}

/// What may stand first on the char port.
fn openings() -> &'static LengthTable {
    const LONGEST: usize = 60;
    static TABLE: LazyLock<LengthTable> = LazyLock::new(|| {
        let list = [
            (wire::Enter::ID, wire::Enter::NAME, wire::Enter::LEN),
            (chrif::Login::ID, chrif::Login::NAME, chrif::Login::LEN),
        ];
        LengthTable::of(LONGEST, &list)
    });
    &TABLE
}

/// Lets time pass.
async fn look_after(context: Arc<Context>, token: CancellationToken) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = token.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let now = Instant::now();
        context.board.change(|state| ((), state.tick(now)));
        context.limits.forget_quiet(now);
        write_online(&context).await;
    }
}

/// Keeps the `online` column of characters near the truth, for those who look into the database.
async fn write_online(context: &Context) {
    for (character, online) in context.board.note(|state| state.take_changed()) {
        if let Err(error) = context.store.set_character_online(character, online).await {
            tracing::warn!(%character, %error, "online flag not kept");
        }
    }
}
