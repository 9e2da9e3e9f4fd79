//! Length-delimited protobuf messages on a byte stream.

use std::marker::PhantomData;
use std::time::Duration;

use bifrost_protocol::DecodeError;
use bifrost_protocol::control::{MAX_HEADER, StreamKind, next_message};
use bytes::{Buf, BytesMut};
use prost::Message;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};

/// How long a peer may take from opening a stream to the end of its header.
pub(crate) const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads messages of one kind.
#[derive(Debug)]
pub(crate) struct MessageReader<R, M> {
    stream: R,
    buffer: BytesMut,
    max: usize,
    message: PhantomData<M>,
}

/// Why there is no next message.
#[derive(Debug, Error)]
pub(crate) enum MessageError {
    /// The bytes are not a message of the link.
    #[error(transparent)]
    Garbage(#[from] DecodeError),
    /// The stream failed or ended within a message.
    #[error(transparent)]
    Stream(#[from] std::io::Error),
    /// The header took too long.
    #[error("no header within {} seconds", HEADER_TIMEOUT.as_secs())]
    Late,
}

impl<R: AsyncRead + Unpin, M: Message + Default> MessageReader<R, M> {
    /// Reads from `stream`; no message may be longer than `max` bytes.
    pub(crate) fn new(stream: R, max: usize) -> Self {
        Self { stream, buffer: BytesMut::new(), max, message: PhantomData }
    }

    /// The next message; `None` at the end of the stream. Cancel safe: what was read so far stays in the buffer.
    pub(crate) async fn next(&mut self) -> Result<Option<M>, MessageError> {
        loop {
            if let Some(message) = next_message(&mut self.buffer, self.max)? {
                return Ok(Some(message));
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(cut_off()) };
            }
        }
    }
}

/// Reads the kind of a stream and its header. What came behind it is returned with it.
pub(crate) async fn read_header<R, M>(stream: &mut R, expected: StreamKind) -> Result<(M, BytesMut), MessageError>
where
    R: AsyncRead + Unpin,
    M: Message + Default,
{
    let read = async {
        let mut buffer = BytesMut::new();
        let mut known = false;
        loop {
            if let (false, Some(kind)) = (known, buffer.first()) {
                if StreamKind::try_from(*kind)? != expected {
                    return Err(DecodeError::Invalid { field: "stream kind", problem: "does not belong here" }.into());
                }
                buffer.advance(1);
                known = true;
            }
            if known && let Some(header) = next_message(&mut buffer, MAX_HEADER)? {
                return Ok((header, buffer));
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Err(cut_off());
            }
        }
    };
    tokio::time::timeout(HEADER_TIMEOUT, read).await.unwrap_or(Err(MessageError::Late))
}

fn cut_off() -> MessageError {
    std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()
}

#[cfg(test)]
mod tests {
    use bifrost_protocol::control::{GameOpen, Revoke, delimited};
    use tokio::io::AsyncWriteExt;

    use super::*;

    fn revoke() -> Revoke {
        Revoke { group: "fields".into(), epoch: 7, reason: "moved".into() }
    }

    #[tokio::test]
    async fn messages_arrive_whole_and_a_half_one_is_an_error() {
        let bytes = [&delimited(&revoke())[..], &delimited(&revoke())[..5]].concat();
        let mut reader = MessageReader::<_, Revoke>::new(&bytes[..], 100);
        assert_eq!(reader.next().await.expect("whole"), Some(revoke()));
        assert!(matches!(reader.next().await, Err(MessageError::Stream(_))));
    }

    #[tokio::test]
    async fn a_message_over_the_limit_is_refused_by_its_length() {
        let bytes = delimited(&revoke());
        let mut reader = MessageReader::<_, Revoke>::new(&bytes[..], 3);
        assert!(matches!(reader.next().await, Err(MessageError::Garbage(_))));
    }

    #[tokio::test]
    async fn a_header_comes_with_the_bytes_behind_it() {
        let open = GameOpen { session: 3, ..GameOpen::default() };
        let bytes = [&[StreamKind::Game as u8], &delimited(&open)[..], b"rest"].concat();
        let (header, rest) = read_header::<_, GameOpen>(&mut &bytes[..], StreamKind::Game).await.expect("a header");
        assert_eq!((header, &rest[..]), (open, &b"rest"[..]));
        assert!(read_header::<_, GameOpen>(&mut &bytes[..], StreamKind::Sync).await.is_err());
        assert!(read_header::<_, GameOpen>(&mut &[99_u8, 1][..], StreamKind::Game).await.is_err());
        assert!(read_header::<_, GameOpen>(&mut &[][..], StreamKind::Game).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_header_that_does_not_come_is_not_waited_for() {
        let (mut ours, mut theirs) = tokio::io::duplex(16);
        theirs.write_all(&[StreamKind::Game as u8, 100]).await.expect("written");
        assert!(matches!(read_header::<_, GameOpen>(&mut ours, StreamKind::Game).await, Err(MessageError::Late)));
    }
}
