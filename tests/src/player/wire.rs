//! One TCP connection, cut into whole packets.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bifrost_protocol::client::server_to_client;
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long a connection may take on loopback.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// One TCP connection to a server.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    buffer: BytesMut,
}

impl Wire {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens there, or it takes too long.
    pub async fn connect(to: SocketAddr) -> Result<Self> {
        let connecting = tokio::time::timeout(CONNECT_LIMIT, TcpStream::connect(to));
        let stream = connecting.await.ok().and_then(Result::ok).with_context(|| format!("cannot connect to {to}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: BytesMut::new() })
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(bytes).await?)
    }

    /// The next whole packet; `None` when the server closed the connection. Can be cancelled without losing bytes.
    ///
    /// # Errors
    /// The connection is gone, or the server sent something that no client knows.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if let Some(packet) = server_to_client().next(&mut self.buffer)? {
                return Ok(Some(packet));
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                if self.buffer.is_empty() {
                    return Ok(None);
                }
                bail!("the connection ended within a packet: {:02x?}", self.buffer.as_ref());
            }
        }
    }

    /// A number of bytes that belong to no packet: the char-server's greeting.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn raw(&mut self, count: usize) -> Result<Bytes> {
        while self.buffer.len() < count {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("closed");
            }
        }
        Ok(self.buffer.split_to(count).freeze())
    }

    /// What came so far without being a whole packet.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        &self.buffer
    }

    /// Ends the sending half.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn half_close(&mut self) -> Result<()> {
        Ok(self.stream.shutdown().await?)
    }

    /// From now on, dropping the connection sends RST instead of FIN.
    ///
    /// # Errors
    /// The socket does not take the option.
    pub fn reset_on_drop(&self) -> Result<()> {
        Ok(self.stream.set_zero_linger()?)
    }

    /// Waits until the server has closed the connection, passing over what it still sends.
    pub async fn closed(&mut self) {
        let mut rest = [0; 4_096];
        while matches!(self.stream.read(&mut rest).await, Ok(1..)) {}
    }
}
