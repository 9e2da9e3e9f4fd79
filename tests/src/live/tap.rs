//! Between clients and map-servers: passes everything on, and notes what the clients are told.
//!
//! The fleet's and the city's public addresses are taps, so every connection of a player to a map-server goes through one.
//! The first packet of a client (0x0436) says whose it is.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bifrost_protocol::client::server_to_client;
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use super::course::{Course, Side};
use super::ground::Actor;

/// `CZ_ENTER` of this client: id, account, and more.
const ENTER: u16 = 0x0436;

/// Bytes read at once. Whole packets arrive together, and have to go on together: servers drop clients that send half ones.
const CHUNK: usize = 64 * 1024;

/// What all players went through, filled in by taps.
#[derive(Clone, Debug)]
pub(super) struct Courses {
    started: Instant,
    by_account: Arc<BTreeMap<u32, Mutex<Course>>>,
}

impl Courses {
    /// Of these players, each with money at the start.
    pub(super) fn new<'a>(players: impl IntoIterator<Item = (&'a Actor, i64)>, fleet_knows: bool) -> Self {
        let course =
            |(actor, zeny): (&Actor, i64)| (actor.account, Mutex::new(Course::new(actor.account, zeny, fleet_knows)));
        Self { started: Instant::now(), by_account: Arc::new(players.into_iter().map(course).collect()) }
    }

    /// Since the start of the run.
    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// One player's course; none when the account is not a player's.
    pub(super) fn of(&self, account: u32) -> Option<MutexGuard<'_, Course>> {
        self.by_account.get(&account).map(lock)
    }

    /// Every player's course, by account.
    pub(super) fn all(&self) -> impl Iterator<Item = (u32, MutexGuard<'_, Course>)> {
        self.by_account.iter().map(|(account, course)| (*account, lock(course)))
    }
}

/// A course is whole after every packet, whatever became of who held it.
fn lock(course: &Mutex<Course>) -> MutexGuard<'_, Course> {
    course.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A public address of a map-server. Dropping it ends its connections.
#[derive(Debug)]
pub(super) struct Tap {
    address: SocketAddr,
    behind: Arc<OnceLock<SocketAddr>>,
    _task: AbortOnDropHandle<()>,
}

impl Tap {
    /// Listens at an address; with port 0 at any free one.
    pub(super) async fn listen(at: SocketAddr, side: Side, courses: &Courses) -> Result<Self> {
        let listener = TcpListener::bind(at).await.with_context(|| format!("listening at {at}"))?;
        let address = listener.local_addr()?;
        let behind = Arc::new(OnceLock::new());
        let (to, courses) = (Arc::clone(&behind), courses.clone());
        let task = tokio::spawn(async move {
            let mut clients = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                // Before there is a server, nobody is taken in.
                if let Some(to) = to.get().copied() {
                    clients.spawn(carry(client, to, side, courses.clone()));
                }
                while clients.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, behind, _task: AbortOnDropHandle::new(task) })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Which server it stands for. Only the first call counts.
    pub(super) fn stand_for(&self, server: SocketAddr) {
        let _ = self.behind.set(server);
    }
}

async fn carry(client: TcpStream, to: SocketAddr, side: Side, courses: Courses) {
    // A server that is not there is a connection that ends, as it is for the client.
    let Ok(server) = TcpStream::connect(to).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let whose = Whose { side, courses, player: OnceLock::new() };
    tokio::join!(upwards(from_client, to_server, &whose), downwards(from_server, to_client, &whose));
}

/// Whose connection it is, once its first packet has told.
struct Whose {
    side: Side,
    courses: Courses,
    /// Account, and which of its connections this is.
    player: OnceLock<(u32, u32)>,
}

impl Whose {
    /// What the client sent first.
    fn hear(&self, bytes: &[u8]) {
        if self.player.get().is_none()
            && let Some(account) = entering(bytes)
            && let Some(mut course) = self.courses.of(account)
        {
            let _ = self.player.set((account, course.connected(self.side, self.courses.now())));
        }
    }

    fn course(&self) -> Option<(u32, MutexGuard<'_, Course>)> {
        let (account, connection) = self.player.get()?;
        Some((*connection, self.courses.of(*account)?))
    }
}

async fn upwards(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, whose: &Whose) {
    let mut chunk = vec![0; CHUNK];
    while let Ok(count @ 1..) = from.read(&mut chunk).await {
        whose.hear(&chunk[..count]);
        if to.write_all(&chunk[..count]).await.is_err() {
            break;
        }
    }
    // Gone already is as good.
    let _ = to.shutdown().await;
}

async fn downwards(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, whose: &Whose) {
    let mut chunk = vec![0; CHUNK];
    let mut packets = BytesMut::new();
    while let Ok(count @ 1..) = from.read(&mut chunk).await {
        let now = whose.courses.now();
        if to.write_all(&chunk[..count]).await.is_err() {
            break;
        }
        packets.extend_from_slice(&chunk[..count]);
        note(&mut packets, whose, now);
    }
    let _ = to.shutdown().await;
    if let Some((connection, mut course)) = whose.course() {
        course.closed(connection, whose.courses.now());
    }
}

fn note(packets: &mut BytesMut, whose: &Whose, now: Duration) {
    let Some((connection, mut course)) = whose.course() else { return packets.clear() };
    loop {
        match server_to_client().next(packets) {
            Ok(Some(packet)) => course.packet(connection, &packet, now),
            Ok(None) => return,
            Err(_) => {
                // Not to be cut any further: these bytes are given up, the next read begins with a packet again.
                packets.clear();
                return course.garbled();
            }
        }
    }
}

/// The account that enters with this packet.
fn entering(bytes: &[u8]) -> Option<u32> {
    let (id, rest) = bytes.split_first_chunk::<2>()?;
    let account = rest.first_chunk::<4>()?;
    (u16::from_le_bytes(*id) == ENTER).then(|| u32::from_le_bytes(*account))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::harness::eventually;

    const LIMIT: Duration = Duration::from_secs(5);

    /// 0x0436 of the first player, and what else the client sends.
    fn enter(actor: &Actor) -> Vec<u8> {
        let mut packet = vec![0x36, 0x04];
        packet.extend(actor.account.to_le_bytes());
        packet.resize(23, 0);
        packet
    }

    #[tokio::test]
    async fn everything_is_passed_on_and_what_the_client_is_told_is_noted() {
        let actor = Actor::new(0);
        let courses = Courses::new([(&actor, 500)], true);
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = TcpListener::bind(any).await.expect("a port");
        let tap = Tap::listen(any, Side::Fleet, &courses).await.expect("a port");
        tap.stand_for(server.local_addr().expect("bound"));

        let mut client = TcpStream::connect(tap.address()).await.expect("connects");
        client.write_all(&enter(&actor)).await.expect("sent");
        let (mut behind, _) = server.accept().await.expect("the tap connects");
        let mut entered = [0; 23];
        behind.read_exact(&mut entered).await.expect("passed on");
        assert_eq!(entered.as_slice(), enter(&actor));

        // In game, in two parts, then sent elsewhere.
        let accept = [0xeb, 0x02, 0, 0, 0, 0, 0x19, 0x06, 0x40, 5, 5, 0, 0];
        behind.write_all(&accept[..5]).await.expect("sent");
        behind.write_all(&accept[5..]).await.expect("sent");
        let mut told = [0; 13];
        client.read_exact(&mut told).await.expect("passed on");
        assert_eq!(told, accept);
        let in_play = |wanted: bool| {
            let courses = courses.clone();
            let account = actor.account;
            async move || Ok((courses.of(account).is_some_and(|course| course.is_in_play() == wanted)).then_some(()))
        };
        eventually("the player in play", LIMIT, in_play(true)).await.expect("noted");
        let mut redirect = vec![0xc7, 0x0a];
        redirect.resize(156, 0);
        behind.write_all(&redirect).await.expect("sent");
        drop(behind);
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.expect("passed on, and closed");
        assert_eq!(rest, redirect);
        eventually("the player gone", LIMIT, in_play(false)).await.expect("noted");
        let course = courses.of(actor.account).expect("a player");
        assert!(course.hops()[0].redirected, "{:?}", course.hops());
    }

    #[test]
    fn only_a_client_that_enters_says_whose_it_is() {
        assert_eq!(entering(&enter(&Actor::new(3))), Some(2_000_004));
        assert_eq!(entering(&[0x64, 0, 1, 2, 3, 4]), None);
        assert_eq!(entering(&[0x36]), None);
    }
}
