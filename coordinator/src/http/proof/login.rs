//! By a real login (0x0064) at a stock login-server.

use std::io;
use std::time::Duration;

use bifrost_protocol::client::login::Login;
use bifrost_protocol::client::{CloseReason, LoginToClient};
use bifrost_protocol::frame::LengthTable;
use bifrost_protocol::ids::AccountId;
use bifrost_protocol::{FixedText, Packet, Secret};
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::ProofError;

/// The longest a login may take. rAthena answers at once, or after its database has.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest answer: 0x0ac4 with 30 char-servers of 160 bytes (`login.hpp`, `MAX_SERVERS`).
const MAX_ANSWER: usize = 8 * 1024;
/// What a client of PACKETVER 20211103 calls itself; checked by `check_client_version` only.
const CLIENT_VERSION: u32 = 55;

/// A stock login-server.
#[derive(Clone, Debug)]
pub struct LoginServer {
    /// `host:port`.
    pub address: String,
}

impl LoginServer {
    pub(super) async fn verify(&self, name: &str, password: &str) -> Result<Option<AccountId>, ProofError> {
        // A field has to hold its NUL too; rAthena would cut the rest off and compare that.
        if name.len() > 23 || password.len() > 23 {
            return Ok(None);
        }
        let login = Login {
            version: CLIENT_VERSION,
            user: FixedText::new(name),
            password: Secret::new(FixedText::new(password)),
            client_type: 0,
        };
        let answer = tokio::time::timeout(TIMEOUT, self.exchange(&login.encode()))
            .await
            .map_err(|_| self.unavailable(&format!("no answer within {TIMEOUT:?}")))?
            .map_err(|error| self.unavailable(&error.to_string()))?;
        match LoginToClient::decode(&answer).map_err(|error| self.unavailable(&error.to_string()))? {
            LoginToClient::Accepted(accepted) => Ok(Some(accepted.account)),
            LoginToClient::Refused(_) => Ok(None),
            LoginToClient::Closed(closed) if closed.reason == CloseReason::STILL_ONLINE => Err(ProofError::Online),
            LoginToClient::Closed(closed) => Err(self.unavailable(&format!("closed with {:?}", closed.reason))),
        }
    }

    /// Sends one packet and reads the first one that comes back.
    async fn exchange(&self, login: &Bytes) -> io::Result<Bytes> {
        let lengths = LengthTable::of(MAX_ANSWER, LoginToClient::IDS);
        let mut stream = TcpStream::connect(&self.address).await?;
        stream.write_all(login).await?;
        let mut buffer = BytesMut::new();
        loop {
            if let Some(packet) = lengths.next(&mut buffer).map_err(io::Error::other)? {
                return Ok(packet);
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn unavailable(&self, problem: &str) -> ProofError {
        ProofError::Unavailable(format!("login-server {}: {problem}", self.address))
    }
}
