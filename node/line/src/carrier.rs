//! Moves bytes between a near end, a line, and the stream that carries it now.
//!
//! Everything is polled, nothing is awaited, so that no write is ever lost or cut by a `select!`. A direction that cannot
//! write does not read: each side feels the other's pace.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bifrost_protocol::control::{LineFrame, MAX_LINE_FRAME, next_message};
use bytes::{Buf, Bytes, BytesMut};
use prost::Message;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::line::{Line, LineError};

/// Most bytes read at once.
const READ: usize = 16 * 1024;
/// With so many bytes waiting for the near end nothing more is read from the stream.
const MAX_INBOX: usize = 64 * 1024;
/// With so many bytes waiting for the stream nothing more is put on it.
const MAX_OUTBOX: usize = 32 * 1024;

/// Looks at what passes a carrier, and may change what goes to the near end.
pub trait Tap {
    /// The near end has sent this, in pieces as they arrived.
    fn heard_near(&mut self, bytes: &[u8]);

    /// The far end has sent this. What the near end is to get goes behind `inbox`, in whole packets where packets matter.
    fn heard_far(&mut self, bytes: Bytes, inbox: &mut BytesMut);
}

/// Why a carrier stopped to be heard.
#[derive(Debug, Eq, PartialEq)]
pub enum Wake {
    /// The stream is gone. The line goes on with the next one.
    StreamLost,
    /// The other end broke the rules.
    Misbehaved(LineError),
    /// Both ends have ended, and everything is where it belongs.
    Over,
}

/// A near end, a line, and a stream.
#[derive(Debug)]
pub struct Carrier<N, S, T> {
    near: N,
    tap: T,
    line: Line,
    stream: Option<Stream<S>>,
    /// What waits for the near end.
    inbox: BytesMut,
    /// Whether the near end takes anything any more.
    near_gone: bool,
    /// Whether the near end was told that nothing follows.
    near_told: bool,
}

#[derive(Debug)]
struct Stream<S> {
    io: S,
    outbox: BytesMut,
    incoming: BytesMut,
}

impl<N, S, T> Carrier<N, S, T>
where
    N: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
    T: Tap,
{
    /// A line that nothing carries yet.
    pub fn new(near: N, tap: T) -> Self {
        Self {
            near,
            tap,
            line: Line::default(),
            stream: None,
            inbox: BytesMut::new(),
            near_gone: false,
            near_told: false,
        }
    }

    /// How much of the line has been received.
    pub fn received(&self) -> u64 {
        self.line.received()
    }

    /// What looks at the bytes.
    pub fn tap(&mut self) -> &mut T {
        &mut self.tap
    }

    /// Whether the near end has said all it had to say, or is gone.
    pub fn near_has_ended(&self) -> bool {
        self.line.is_finished()
    }

    /// A stream carries the line from now on, in place of another one. `first` stands on it before the line's own bytes, and
    /// `rest` has been read from it behind the other end's header, which said that so much was `received`.
    ///
    /// # Errors
    /// The other end is none of this line.
    pub fn attach(&mut self, io: S, first: &[u8], rest: BytesMut, received: u64) -> Result<(), LineError> {
        self.line.attach(received)?;
        self.stream = Some(Stream { io, outbox: first.into(), incoming: rest });
        Ok(())
    }

    /// Nothing carries the line until the next stream.
    pub fn detach(&mut self) {
        self.stream = None;
    }

    /// Puts whole packets before the near end, as if the other end had sent them.
    pub fn say(&mut self, packets: &[u8]) {
        self.inbox.extend_from_slice(packets);
    }

    /// Whether nothing waits for the near end.
    pub fn is_flushed(&self) -> bool {
        self.inbox.is_empty()
    }

    /// Moves bytes until something has to be told.
    pub fn poll(&mut self, context: &mut Context<'_>) -> Poll<Wake> {
        loop {
            let mut moved = self.poll_near_read(context).is_ready();
            match self.poll_stream_write(context) {
                Poll::Ready(Err(_)) => return Poll::Ready(self.lose()),
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
            match self.poll_stream_read(context) {
                Poll::Ready(Ok(())) => moved = true,
                Poll::Ready(Err(wake)) => return Poll::Ready(wake),
                Poll::Pending => {}
            }
            if self.poll_near_write(context).is_ready() {
                moved = true;
            }
            if self.line.is_over() && self.near_told && self.outbox_is_empty() {
                return Poll::Ready(Wake::Over);
            }
            if !moved {
                return Poll::Pending;
            }
        }
    }

    fn outbox_is_empty(&self) -> bool {
        self.stream.as_ref().is_none_or(|stream| stream.outbox.is_empty())
    }

    fn lose(&mut self) -> Wake {
        self.stream = None;
        Wake::StreamLost
    }

    /// Near end to line. Ready when something came.
    fn poll_near_read(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let room = self.line.room().min(READ);
        if room == 0 {
            return Poll::Pending;
        }
        let mut space = [MaybeUninit::uninit(); READ];
        let mut fresh = ReadBuf::uninit(&mut space[..room]);
        let read = ready!(Pin::new(&mut self.near).poll_read(context, &mut fresh));
        if read.is_err() {
            self.lose_near();
        } else if fresh.filled().is_empty() {
            self.line.finish();
        } else {
            self.tap.heard_near(fresh.filled());
            self.line.put(fresh.filled());
        }
        Poll::Ready(())
    }

    fn lose_near(&mut self) {
        self.near_gone = true;
        self.inbox = BytesMut::new();
        self.line.finish();
    }

    /// Line to stream. Ready when all is written that there was.
    fn poll_stream_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(stream) = &mut self.stream else { return Poll::Pending };
        loop {
            while stream.outbox.len() < MAX_OUTBOX {
                let Some(frame) = self.line.next_frame() else { break };
                stream.outbox.reserve(frame.encoded_len() + prost::length_delimiter_len(frame.encoded_len()));
                // There is room: it has just been made.
                frame.encode_length_delimited(&mut stream.outbox).map_err(io::Error::other)?;
            }
            if stream.outbox.is_empty() {
                return Pin::new(&mut stream.io).poll_flush(context);
            }
            let written = ready!(Pin::new(&mut stream.io).poll_write(context, &stream.outbox))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            stream.outbox.advance(written);
        }
    }

    /// Stream to near end's inbox. Ready when something came.
    fn poll_stream_read(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Wake>> {
        let mut moved = false;
        loop {
            if self.inbox.len() >= MAX_INBOX {
                return if moved { Poll::Ready(Ok(())) } else { Poll::Pending };
            }
            let Some(stream) = &mut self.stream else { return Poll::Pending };
            match next_message::<LineFrame>(&mut stream.incoming, MAX_LINE_FRAME) {
                Ok(Some(frame)) => {
                    let data = self.line.take(frame).map_err(Wake::Misbehaved)?;
                    if !self.near_gone {
                        self.tap.heard_far(data, &mut self.inbox);
                    }
                    moved = true;
                    continue;
                }
                Ok(None) if moved => return Poll::Ready(Ok(())),
                Ok(None) => {}
                Err(_) => return Poll::Ready(Err(self.lose())),
            }
            if stream.incoming.is_empty() {
                stream.incoming = BytesMut::new();
            }
            let mut space = [MaybeUninit::uninit(); READ];
            let mut fresh = ReadBuf::uninit(&mut space);
            let read = ready!(Pin::new(&mut stream.io).poll_read(context, &mut fresh));
            if read.is_err() || fresh.filled().is_empty() {
                return Poll::Ready(Err(self.lose()));
            }
            stream.incoming.extend_from_slice(fresh.filled());
        }
    }

    /// Inbox to near end. Ready when something was written or told.
    fn poll_near_write(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut moved = false;
        while !self.inbox.is_empty() && !self.near_gone {
            match Pin::new(&mut self.near).poll_write(context, &self.inbox) {
                Poll::Ready(Ok(0) | Err(_)) => self.lose_near(),
                Poll::Ready(Ok(count)) => self.inbox.advance(count),
                Poll::Pending => return if moved { Poll::Ready(()) } else { Poll::Pending },
            }
            moved = true;
        }
        if self.line.is_closed() && !self.near_told {
            if !self.near_gone && ready!(Pin::new(&mut self.near).poll_shutdown(context)).is_err() {
                self.lose_near();
            }
            self.near_told = true;
            return Poll::Ready(());
        }
        if moved { Poll::Ready(()) } else { Poll::Pending }
    }
}

#[cfg(test)]
mod tests;
