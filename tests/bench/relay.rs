//! Round trip of 64-byte packets through the relay, beside HAProxy (TCP) and rathole (noise) in the same run.
//!
//! `./test bench`. HAProxy is taken from the path; rathole from `BIFROST_BENCH_RATHOLE`, the path
//! of its binary. What is not there is left out, and said so.
//!
//! * direct: client -> echo server
//! * HAProxy, rathole: client -> tunnel -> echo server
//! * Bifrost: client -> coordinator -> QUIC -> node -> embedded engine, and back: a 64-byte request for a chat room, which the
//!   engine refuses in 3 bytes. So this row carries the engine's turn too, which the others do not have.
//! * the same through a player's gateway: client -> gateway -> QUIC -> coordinator, and on as above.
#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]

use std::net::{SocketAddr, TcpListener as StdListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bifrost_protocol::client::Enter;
use bifrost_protocol::{Packet, Secret, Writer};
use bifrost_tests::harness::{Folder, PASSWORD, Process, Realm, Settings, eventually};
use bifrost_tests::percentiles::Percentiles;
use bifrost_tests::player::{Account, Ticket, Wire, ticket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Round trips measured, after a tenth as many to warm up.
const ROUND_TRIPS: usize = 3_000;

/// Bytes of a packet, both ways.
const PACKET: usize = 64;

/// Time between two packets: as busy as the engine lets one player be (250 packets a second).
const PAUSE: Duration = Duration::from_millis(5);

/// Asks for a chat room, with its title to the end.
const CREATE_CHAT_ROOM: u16 = 0x00d5;

/// Answers that.
const CHAT_ROOM_ANSWER: u16 = 0x00d6;

/// 0x007d: the client has loaded the map.
const LOADED: [u8; 2] = [0x7d, 0x00];

#[tokio::main]
async fn main() -> Result<()> {
    let folder = Folder::new()?;
    let echo = echo_server().await?;
    let mut rows = vec![("direct TCP", Some(echoes(echo).await?))];
    rows.push(("HAProxy (TCP)", through_haproxy(&folder, echo).await?));
    rows.push(("rathole (noise)", through_rathole(&folder, echo).await?));
    let (relay, gateway) = through_bifrost().await?;
    rows.push(("Bifrost relay + engine", Some(relay)));
    rows.push(("Bifrost through a gateway", Some(gateway)));
    let direct = rows[0].1.unwrap_or_default().p50;
    println!("{ROUND_TRIPS} round trips of {PACKET} bytes, in microseconds");
    println!("{:<26} {:>8} {:>8} {:>8} {:>10}", "path", "p50", "p99", "max", "added p50");
    for (name, row) in rows {
        match row {
            Some(row) => {
                let added = row.p50 - direct;
                println!("{name:<26} {:>8.0} {:>8.0} {:>8.0} {added:>10.0}", row.p50, row.p99, row.max);
            }
            None => println!("{name:<26} not installed"),
        }
    }
    Ok(())
}

/// A server that sends back what it gets.
async fn echo_server() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.set_nodelay(true);
                let mut buffer = [0; 4_096];
                while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                    if stream.write_all(&buffer[..count]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    Ok(address)
}

/// Round trips to an echo server, however it is reached.
async fn echoes(to: SocketAddr) -> Result<Percentiles> {
    let mut stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    let mut packet = [0x55; PACKET];
    measure(async || {
        stream.write_all(&packet).await?;
        stream.read_exact(&mut packet).await?;
        Ok(())
    })
    .await
}

async fn measure(mut round_trip: impl AsyncFnMut() -> Result<()>) -> Result<Percentiles> {
    let mut micros = Vec::with_capacity(ROUND_TRIPS);
    for number in 0..ROUND_TRIPS + ROUND_TRIPS / 10 {
        let started = Instant::now();
        round_trip().await?;
        if number >= ROUND_TRIPS / 10 {
            micros.push(started.elapsed().as_secs_f64() * 1e6);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(Percentiles::of(micros))
}

fn free_port() -> Result<u16> {
    Ok(StdListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

async fn until_open(address: SocketAddr) -> Result<()> {
    eventually("the tunnel", Duration::from_secs(10), async || {
        let Ok(mut stream) = TcpStream::connect(address).await else { return Ok(None) };
        let mut byte = [0];
        stream.write_all(&[1]).await?;
        let echoed = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut byte)).await;
        Ok(matches!(echoed, Ok(Ok(1))).then_some(()))
    })
    .await
}

fn program(name: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    let known = [PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")];
    std::env::split_paths(&paths).chain(known).map(|folder| folder.join(name)).find(|path| path.is_file())
}

async fn through_haproxy(folder: &Folder, echo: SocketAddr) -> Result<Option<Percentiles>> {
    let Some(haproxy) = program("haproxy") else { return Ok(None) };
    let port = free_port()?;
    let text = format!(
        "defaults\n mode tcp\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n\
         listen echo\n bind 127.0.0.1:{port}\n server echo {echo}\n"
    );
    let file = folder.path().join("haproxy.cfg");
    std::fs::write(&file, text)?;
    let arguments = ["-db".as_ref(), "-f".as_ref(), file.as_os_str()];
    let _haproxy = Process::start("haproxy", &haproxy, arguments, [], folder.path())?;
    through(port).await.map(Some)
}

async fn through_rathole(folder: &Folder, echo: SocketAddr) -> Result<Option<Percentiles>> {
    let Some(rathole) = std::env::var_os("BIFROST_BENCH_RATHOLE").map(PathBuf::from) else { return Ok(None) };
    let (control, port) = (free_port()?, free_port()?);
    let transport =
        |side: &str, key: &str| format!("[{side}.transport]\ntype = \"noise\"\n[{side}.transport.noise]\n{key}\n");
    let keys = noise_keys(&rathole).await?;
    let server = format!(
        "[server]\nbind_addr = \"127.0.0.1:{control}\"\ndefault_token = \"bench\"\n{}\
         [server.services.echo]\nbind_addr = \"127.0.0.1:{port}\"\nnodelay = true\n",
        transport("server", &format!("local_private_key = \"{}\"", keys.0)),
    );
    let client = format!(
        "[client]\nremote_addr = \"127.0.0.1:{control}\"\ndefault_token = \"bench\"\n{}\
         [client.services.echo]\nlocal_addr = \"{echo}\"\nnodelay = true\n",
        transport("client", &format!("remote_public_key = \"{}\"", keys.1)),
    );
    let mut processes = Vec::new();
    for (name, text) in [("rathole-server", server), ("rathole-client", client)] {
        let file = folder.path().join(format!("{name}.toml"));
        std::fs::write(&file, text)?;
        processes.push(Process::start(name, &rathole, [file.as_os_str()], [], folder.path())?);
    }
    through(port).await.map(Some)
}

/// A private and a public key, as rathole prints them.
async fn noise_keys(rathole: &Path) -> Result<(String, String)> {
    let output = tokio::process::Command::new(rathole).arg("--genkey").output().await?;
    let text = String::from_utf8(output.stdout)?;
    let mut keys = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.ends_with(':'));
    let pair = (keys.next().context("no private key")?, keys.next().context("no public key")?);
    Ok((pair.0.to_owned(), pair.1.to_owned()))
}

async fn through(port: u16) -> Result<Percentiles> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    until_open(address).await?;
    echoes(address).await
}

/// Requests to the embedded engine of a real node that it answers at once, by a client that does nothing else: connected to
/// the relay, then through a gateway.
async fn through_bifrost() -> Result<(Percentiles, Percentiles)> {
    let realm = Realm::with_hosts(Settings::default(), 0).await?;
    realm.add_account("bench", PASSWORD).await?;
    let relay = requests(&ticket(&realm.account("bench")).await?).await?;
    let gateway = realm.gateway_for("gated", None).await?;
    let account = Account::new(gateway.addresses.login, "gated", PASSWORD);
    Ok((relay, requests(&ticket(&account).await?).await?))
}

async fn requests(ticket: &Ticket) -> Result<Percentiles> {
    let mut wire = entered(ticket).await?;
    let mut packet = Writer::packet(CREATE_CHAT_ROOM);
    packet.u16(0).zeros(PACKET - 4);
    let packet = packet.finish_sized();
    ensure!(packet.len() == PACKET);
    measure(async || {
        wire.send(&packet).await?;
        loop {
            let answer = wire.next().await?.context("closed")?;
            if answer.starts_with(&CHAT_ROOM_ANSWER.to_le_bytes()) {
                return Ok(());
            }
        }
    })
    .await
}

async fn entered(ticket: &Ticket) -> Result<Wire> {
    let mut wire = Wire::connect(ticket.map_server).await?;
    let enter = Enter {
        account: ticket.account,
        character: ticket.character,
        login_id1: Secret::new(ticket.login_id1),
        client_tick: 0,
        unknown: 0,
        sex: ticket.sex,
    };
    wire.send(&enter.encode()).await?;
    wire.send(&LOADED).await?;
    Ok(wire)
}
