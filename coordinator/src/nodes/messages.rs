//! Length-delimited messages of one stream.

use bifrost_protocol::control::{StreamKind, next_message};
use bytes::BytesMut;
use prost::Message;
use quinn::RecvStream;

use super::refusal::Refusal;

/// Most bytes taken from the transport at once.
const CHUNK: usize = 16 * 1024;

/// Takes messages out of a stream, and holds at most one unfinished message and a chunk.
#[derive(Debug)]
pub(super) struct Messages {
    recv: RecvStream,
    buffer: BytesMut,
}

impl Messages {
    pub(super) fn new(recv: RecvStream) -> Self {
        Self { recv, buffer: BytesMut::new() }
    }

    /// The kind that the stream starts with. `None` when it ends before, or nobody knows the kind.
    pub(super) async fn kind(&mut self) -> Option<StreamKind> {
        let mut kind = [0];
        self.recv.read_exact(&mut kind).await.ok()?;
        StreamKind::try_from(u8::from_le_bytes(kind)).ok()
    }

    /// The next message, `None` at the end: finished, reset, or connection lost. Cancel-safe.
    pub(super) async fn next<M: Message + Default>(&mut self, max: usize) -> Result<Option<M>, Refusal> {
        loop {
            if let Some(message) = next_message(&mut self.buffer, max).map_err(|_| Refusal::Garbage)? {
                if self.buffer.is_empty() {
                    // Most streams are quiet most of the time.
                    self.buffer = BytesMut::new();
                }
                return Ok(Some(message));
            }
            match self.recv.read_chunk(CHUNK, true).await {
                Ok(Some(chunk)) => self.buffer.extend_from_slice(&chunk.bytes),
                Ok(None) if self.buffer.is_empty() => return Ok(None),
                Ok(None) => return Err(Refusal::Truncated),
                Err(_) => return Ok(None),
            }
        }
    }

    /// The next bytes that are no messages, `None` at the end. Cancel-safe.
    pub(super) async fn next_bytes(&mut self) -> Option<usize> {
        if self.buffer.is_empty() {
            let chunk = self.recv.read_chunk(CHUNK, true).await.ok()??;
            return Some(chunk.bytes.len());
        }
        Some(std::mem::take(&mut self.buffer).len())
    }

    /// The stream, and what has been read of it and is no message.
    pub(super) fn into_parts(self) -> (RecvStream, BytesMut) {
        (self.recv, self.buffer)
    }

    /// The stream behind the messages.
    pub(super) fn stream(&mut self) -> &mut RecvStream {
        &mut self.recv
    }
}
