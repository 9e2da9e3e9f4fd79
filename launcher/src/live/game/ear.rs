//! Where the DLL in the game says that it is in.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

/// The longest line that is read.
const MAX_LINE: u64 = 256;
/// How long a line may take to come.
const PATIENCE: Duration = Duration::from_secs(2);

/// A listener on loopback. Whoever knows the token is believed to be in the game; nothing depends on it but the log.
#[derive(Debug)]
pub(super) struct Ear {
    listener: TcpListener,
    address: SocketAddrV4,
    token: String,
}

/// What the DLL says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Said {
    /// The game's process, by its own count.
    pub(super) process: u32,
    /// Places where it is hooked; 0 when it connects as ever.
    pub(super) hooked: u32,
}

impl Ear {
    /// A listener on any port.
    pub(super) async fn open() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let SocketAddr::V4(address) = listener.local_addr()? else {
            return Err(io::Error::other("an address of IPv4 was asked for"));
        };
        Ok(Self { listener, address, token: hex::encode(rand::random::<[u8; 16]>()) })
    }

    pub(super) fn address(&self) -> SocketAddrV4 {
        self.address
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Waits for the DLL; whoever else comes is sent away. Cancel safe.
    pub(super) async fn listen(&self) -> Said {
        loop {
            // A listener that fails hears nobody any more; the game goes on without.
            let Ok((stream, _)) = self.listener.accept().await else { return std::future::pending().await };
            let line = tokio::time::timeout(PATIENCE, read(stream)).await;
            match line.ok().and_then(Result::ok).and_then(|line| parse(&line, &self.token)) {
                Some(said) => return said,
                None => tracing::debug!("somebody else is at the game's door"),
            }
        }
    }
}

async fn read(stream: TcpStream) -> io::Result<String> {
    let mut line = String::new();
    stream.take(MAX_LINE).read_to_string(&mut line).await?;
    Ok(line)
}

/// `P2PHOST VERSION TOKEN PROCESS HOOKED`.
fn parse(line: &str, token: &str) -> Option<Said> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let ["P2PHOST", _, given, process, hooked] = words[..] else { return None };
    (given == token).then_some(Said { process: process.parse().ok()?, hooked: hooked.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn only_who_knows_the_token_is_heard() {
        let ear = Ear::open().await.expect("open");
        let say = async |line: String| {
            let mut stream = TcpStream::connect(ear.address()).await.expect("connected");
            stream.write_all(line.as_bytes()).await.expect("sent");
        };
        let talk = async {
            say(String::new()).await;
            say("P2PHOST 1 guessed 7 1\n".into()).await;
            say(format!("P2PHOST 1 {} 7\n", ear.token())).await;
            say(format!("P2PHOST 1 {} 7 2\n", ear.token())).await;
        };
        let (said, ()) = tokio::join!(ear.listen(), talk);
        assert_eq!(said, Said { process: 7, hooked: 2 });
    }

    #[test]
    fn lines_are_read_strictly() {
        assert_eq!(parse("P2PHOST 1 t 4294967295 0\n", "t"), Some(Said { process: u32::MAX, hooked: 0 }));
        for line in ["", "P2PHOST", "P2PHOST 1 t 1 1 1", "P2PHOST 1 t -1 1", "HTTP 1 t 1 1", "P2PHOST 1  1 1"] {
            assert_eq!(parse(line, "t"), None, "{line}");
        }
    }
}
