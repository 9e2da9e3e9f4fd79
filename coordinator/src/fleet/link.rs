//! The fleet's one connection to the char-server: connects, logs in, announces the maps, then carries packets.
//!
//! A char-server that has just started closes the link until its own login-server link is up, and one that already has
//! two map-servers refuses the login: both are waited out, and said.

use std::sync::Arc;
use std::time::Duration;

use bifrost_protocol::ids::MapName;
use bifrost_protocol::inter::{CharToMap, Login, LoginResult, Maps, Ping, char_to_map};
use bifrost_protocol::layout::{Build, Transcoder};
use bifrost_protocol::{DecodeError, FixedText, Ipv4Be, List, Packet, PortBe, Secret};
use bytes::{Bytes, BytesMut};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;

/// How to reach and convince the char-server.
#[derive(Clone, Debug)]
pub struct CharServer {
    /// `host:port`.
    pub address: String,
    /// `userid` of its configuration.
    pub user: String,
    /// `passwd` of its configuration.
    pub password: Secret<FixedText<24>>,
    /// Where clients reach the relay.
    pub public: std::net::SocketAddrV4,
    /// The maps the fleet serves.
    pub maps: Vec<MapName>,
    /// What it was compiled for.
    pub build: Build,
}

/// What the link tells the fleet.
#[derive(Debug)]
pub enum CharEvent {
    /// Logged in, maps taken.
    Up,
    /// One whole packet.
    Says(Bytes),
    /// The connection is gone; the link tries again by itself.
    Down,
}

/// Why a connection to the char-server ended.
#[derive(Debug, Error)]
enum LinkError {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("what the char-server sent, or would get, is not chrif as it was compiled for (realm.packetver): {0}")]
    Decode(#[from] DecodeError),
    #[error("the char-server closed the connection; is its login-server up?")]
    Closed,
    #[error(
        "the char-server refused the fleet (0x2af9, code {0}), which it does for two reasons: realm.user or realm.password \
         are not userid and passwd of its conf/char_athena.conf and imports; or two map-servers are connected already \
         (MAX_MAP_SERVERS is 2: your own and the fleet). Its log names them: \"Map-Server N connected\""
    )]
    Refused(u8),
    #[error("the char-server refused the fleet's maps (status {0})")]
    MapsRefused(u8),
    #[error("the char-server does not take packets as fast as they come")]
    Overrun,
    #[error("no answer within {0:?}")]
    Silent(Duration),
}

/// Keeps the link up until `token` is cancelled or the fleet has dropped its end of `packets` and all are sent. `packets` are sent while it is up; what waits when it breaks is dropped:
/// the fleet sends everything that matters again.
pub async fn keep(
    server: CharServer,
    events: mpsc::Sender<CharEvent>,
    mut packets: mpsc::Receiver<Bytes>,
    overrun: Arc<Notify>,
    token: CancellationToken,
) {
    let mut backoff = Backoff::new(FIRST_RETRY, LAST_RETRY);
    loop {
        let mut was_up = false;
        let ended = tokio::select! {
            biased;
            () = token.cancelled() => return,
            () = overrun.notified() => Err(LinkError::Overrun),
            ended = connected(&server, &events, &mut packets, &mut was_up) => ended,
        };
        if was_up {
            backoff.succeeded();
            if events.send(CharEvent::Down).await.is_err() {
                return;
            }
        }
        if packets.is_closed() {
            return;
        }
        while packets.try_recv().is_ok() {}
        let wait = backoff.next_wait();
        if let Err(error) = ended {
            tracing::warn!(server = server.address, %error, ?wait, "char-server link is down");
        }
        tokio::select! {
            biased;
            () = token.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// One connection, from login to its end.
async fn connected(
    server: &CharServer,
    events: &mpsc::Sender<CharEvent>,
    packets: &mut mpsc::Receiver<Bytes>,
    was_up: &mut bool,
) -> Result<(), LinkError> {
    let connecting = tokio::time::timeout(LOGIN_LIMIT, TcpStream::connect(&server.address));
    let mut stream = connecting.await.map_err(|_| LinkError::Silent(LOGIN_LIMIT))??;
    stream.set_nodelay(true)?;
    let mut buffer = BytesMut::with_capacity(READ_BUFFER);
    let here = Transcoder::new(server.build, Build::CANONICAL);
    let there = Transcoder::new(Build::CANONICAL, server.build);
    stream.write_all(&login(server)).await?;
    let logging_in = tokio::time::timeout(LOGIN_LIMIT, log_in(server, &here, &mut stream, &mut buffer, events));
    logging_in.await.map_err(|_| LinkError::Silent(LOGIN_LIMIT))??;
    *was_up = true;
    tracing::info!(server = server.address, maps = server.maps.len(), "char-server has taken the fleet in");
    if events.send(CharEvent::Up).await.is_err() {
        return Ok(());
    }
    let (mut reader, mut writer) = stream.split();
    let mut outgoing = BytesMut::new();
    let mut pings = tokio::time::interval(PING_EVERY);
    let mut heard = Instant::now();
    loop {
        // Packets may have come along with the last answer of the login.
        while let Some(packet) = char_to_map().next(&mut buffer)? {
            if events.send(CharEvent::Says(here.to_map_server(&packet)?)).await.is_err() {
                return Ok(());
            }
        }
        // Reading comes first: answers must not lie behind what there is to write. `read_buf` and `write_buf` lose nothing
        // when another arm wins.
        tokio::select! {
            biased;
            read = reader.read_buf(&mut buffer) => {
                if read? == 0 {
                    return Err(LinkError::Closed);
                }
                heard = Instant::now();
            }
            written = writer.write_buf(&mut outgoing), if !outgoing.is_empty() => {
                written?;
            }
            packet = packets.recv(), if outgoing.len() < WRITE_BATCH => match packet {
                Some(packet) => outgoing.extend_from_slice(&there.to_char_server(&packet)?),
                None => {
                    writer.write_all(&outgoing).await?;
                    return Ok(());
                }
            },
            _ = pings.tick() => outgoing.extend_from_slice(&Ping {}.encode()),
            () = tokio::time::sleep_until(heard + SILENCE) => return Err(LinkError::Silent(SILENCE)),
        }
    }
}

fn login(server: &CharServer) -> bytes::Bytes {
    let login = Login {
        user: FixedText::new(&server.user),
        password: server.password,
        unknown: 0,
        ip: Ipv4Be(*server.public.ip()),
        port: PortBe(server.public.port()),
    };
    login.encode()
}

/// Answers to the login until the maps are taken. What comes along goes to the fleet.
async fn log_in(
    server: &CharServer,
    here: &Transcoder,
    stream: &mut TcpStream,
    buffer: &mut BytesMut,
    events: &mpsc::Sender<CharEvent>,
) -> Result<(), LinkError> {
    loop {
        while let Some(packet) = char_to_map().next(buffer)? {
            let known = CharToMap::decode(&packet).ok();
            if let Some(CharToMap::LoginAnswer(answer)) = &known {
                if answer.result != LoginResult::ACCEPTED {
                    return Err(LinkError::Refused(answer.result.0));
                }
                let maps = server.maps.iter().map(|map| FixedText::new(map.as_str())).collect();
                stream.write_all(&Maps { maps: List(maps) }.encode()).await?;
                continue;
            }
            // What every map-server is told at its start is kept for the engines.
            if events.send(CharEvent::Says(here.to_map_server(&packet)?)).await.is_err() {
                return Err(LinkError::Closed);
            }
            if let Some(CharToMap::MapsAccepted(answer)) = known {
                return if answer.status == 0 { Ok(()) } else { Err(LinkError::MapsRefused(answer.status)) };
            }
        }
        if stream.read_buf(buffer).await? == 0 {
            return Err(LinkError::Closed);
        }
    }
}

/// How long connecting and logging in may take each.
const LOGIN_LIMIT: Duration = Duration::from_secs(10);
/// First and longest wait between attempts.
const FIRST_RETRY: Duration = Duration::from_millis(200);
const LAST_RETRY: Duration = Duration::from_secs(5);
/// How often the char-server is asked for a sign of life (0x2b23), and how long it may give none: it has no timeout of its own.
const PING_EVERY: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_secs(20);
/// First size of the read buffer; it grows to the longest packet of chrif, 64 KiB, and no further.
const READ_BUFFER: usize = 16 * 1024;
/// Packets are written together up to this many bytes.
const WRITE_BATCH: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use bifrost_protocol::inter::{LoginAnswer, MapToChar, MapsAccepted, TotalUsers, map_to_char};
    use tokio::net::TcpListener;

    use super::*;

    fn server(listener: &TcpListener) -> CharServer {
        CharServer {
            address: listener.local_addr().expect("bound").to_string(),
            user: "s1".into(),
            password: Secret::new(FixedText::new("p1")),
            public: std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 5121),
            maps: vec![MapName::new("field_map").expect("legal")],
            build: Build::CANONICAL,
        }
    }

    async fn packet(stream: &mut TcpStream, buffer: &mut BytesMut) -> MapToChar {
        loop {
            if let Some(packet) = map_to_char().next(buffer).expect("chrif") {
                return MapToChar::decode(&packet).expect("known");
            }
            assert!(stream.read_buf(buffer).await.expect("open") > 0, "the link closed early");
        }
    }

    #[tokio::test]
    async fn a_refused_fleet_tries_again_and_then_carries_packets_both_ways() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (events_to, mut events) = mpsc::channel(8);
        let (packets, packets_from) = mpsc::channel(8);
        let token = CancellationToken::new();
        let link = tokio::task::spawn(keep(server(&listener), events_to, packets_from, Arc::default(), token.clone()));

        let (mut refusing, _) = listener.accept().await.expect("a connection");
        let mut buffer = BytesMut::new();
        assert!(matches!(packet(&mut refusing, &mut buffer).await, MapToChar::Login(_)));
        refusing.write_all(&LoginAnswer { result: LoginResult::REFUSED }.encode()).await.expect("open");

        let (mut stream, _) = listener.accept().await.expect("it tries again");
        let mut buffer = BytesMut::new();
        assert!(matches!(packet(&mut stream, &mut buffer).await, MapToChar::Login(_)));
        stream.write_all(&LoginAnswer { result: LoginResult::ACCEPTED }.encode()).await.expect("open");
        let MapToChar::Maps(maps) = packet(&mut stream, &mut buffer).await else { panic!("maps have to follow") };
        assert_eq!(maps.maps.0[0].to_text(), "field_map");
        let name = FixedText::default();
        let accepted = MapsAccepted { status: 0, whisper_name: name, server_name: name };
        stream.write_all(&[accepted.encode(), TotalUsers { users: 3 }.encode()].concat()).await.expect("open");
        let told = [LoginAnswer { result: LoginResult::ACCEPTED }.encode(), accepted.encode()];
        assert!(matches!(events.recv().await, Some(CharEvent::Says(packet)) if told.contains(&packet)));
        assert!(matches!(events.recv().await, Some(CharEvent::Up)));
        assert!(
            matches!(events.recv().await, Some(CharEvent::Says(packet)) if packet == TotalUsers { users: 3 }.encode())
        );
        packets.send(Ping {}.encode()).await.expect("open");
        assert!(matches!(packet(&mut stream, &mut buffer).await, MapToChar::Ping(_)));
        drop(stream);
        assert!(matches!(events.recv().await, Some(CharEvent::Down)));
        token.cancel();
        link.await.expect("no panic");
    }
}
