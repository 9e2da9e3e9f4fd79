//! The loopback port on which an engine finds its char-server. Whoever cannot name the run's login is not the engine.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use bifrost_protocol::Packet;
use bifrost_protocol::inter::Login as LoginPacket;
use thiserror::Error;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tracing::debug;

use super::conf::Login;

/// How long a connection may take to log in.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(5);
/// How many connections may be logging in at once. The engine has one.
const MAX_STRANGERS: usize = 8;
/// Length of 0x2af8, and where name and password stand in it.
const LOGIN_LEN: usize = 60;
const SECRETS: std::ops::Range<usize> = 2..50;

/// The port.
#[derive(Debug)]
pub(super) struct Port {
    listener: TcpListener,
    login: Login,
    strangers: JoinSet<Result<Caller, NotTheEngine>>,
}

/// The engine's connection, logged in.
#[derive(Debug)]
pub(super) struct Caller {
    /// The connection, after 0x2af8.
    pub(super) stream: TcpStream,
    /// 0x2af8 without name and password: what the coordinator sees of it.
    pub(super) login: [u8; LOGIN_LEN],
}

/// Somebody else has called.
#[derive(Debug, Error)]
enum NotTheEngine {
    #[error("it said nothing in time")]
    Silent,
    #[error("it does not know the login of this run")]
    Unknown,
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Port {
    /// Listens on a free port.
    pub(super) async fn open(login: Login) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Ok(Self { listener, login, strangers: JoinSet::new() })
    }

    /// Where.
    pub(super) fn address(&self) -> io::Result<SocketAddrV4> {
        match self.listener.local_addr()? {
            std::net::SocketAddr::V4(address) => Ok(address),
            std::net::SocketAddr::V6(_) => Err(io::ErrorKind::AddrNotAvailable.into()),
        }
    }

    /// The engine's next connection. Cancel safe.
    pub(super) async fn next(&mut self) -> Caller {
        loop {
            tokio::select! {
                biased;
                Some(done) = self.strangers.join_next() => match done {
                    Ok(Ok(caller)) => return caller,
                    Ok(Err(error)) => debug!(%error, "not the engine"),
                    Err(error) => debug!(%error, "a login failed"),
                },
                accepted = self.listener.accept(), if self.strangers.len() < MAX_STRANGERS => match accepted {
                    Ok((stream, _)) => drop(self.strangers.spawn(log_in(stream, self.login.clone()))),
                    Err(error) => {
                        // Out of descriptors, most likely: others give theirs back in a moment.
                        debug!(%error, "a connection was not taken");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
            }
        }
    }
}

async fn log_in(mut stream: TcpStream, expected: Login) -> Result<Caller, NotTheEngine> {
    stream.set_nodelay(true)?;
    let mut login = [0; LOGIN_LEN];
    let read = tokio::time::timeout(LOGIN_TIMEOUT, stream.read_exact(&mut login));
    read.await.map_err(|_| NotTheEngine::Silent)??;
    let said = LoginPacket::decode(&login).map_err(|_| NotTheEngine::Unknown)?;
    let knows = said.user.to_text() == expected.user && said.password.expose().to_text() == *expected.password.expose();
    if !knows {
        return Err(NotTheEngine::Unknown);
    }
    login[SECRETS].fill(0);
    Ok(Caller { stream, login })
}

#[cfg(test)]
mod tests {
    use bifrost_protocol::{FixedText, Ipv4Be, PortBe, Secret};
    use tokio::io::AsyncWriteExt;

    use super::*;

    fn packet(login: &Login) -> bytes::Bytes {
        let packet = LoginPacket {
            user: FixedText::new(login.user.as_str()),
            password: Secret::new(FixedText::new(login.password.expose().as_str())),
            unknown: 0,
            ip: Ipv4Be(Ipv4Addr::new(127, 77, 0, 1)),
            port: PortBe(5121),
        };
        packet.encode()
    }

    #[tokio::test]
    async fn only_the_engine_is_let_in_and_its_secrets_stay_here() {
        let login = Login::random();
        let mut port = Port::open(login.clone()).await.expect("open");
        let address = port.address().expect("bound");
        let mut call = Vec::new();
        for bytes in [packet(&Login::random()), bytes::Bytes::from_static(b"GET / HTTP/1.1\r\n"), packet(&login)] {
            let mut stream = TcpStream::connect(address).await.expect("listens");
            stream.write_all(&bytes).await.expect("written");
            call.push(stream);
        }
        let caller = port.next().await;
        assert_eq!(caller.stream.peer_addr().expect("connected"), call[2].local_addr().expect("connected"));
        let said = LoginPacket::decode(&caller.login).expect("a login");
        assert_eq!((said.user.to_text(), said.port), (String::new(), PortBe(5121)));
        assert_eq!(call[0].read(&mut [0]).await.expect("closed in order"), 0);
    }
}
