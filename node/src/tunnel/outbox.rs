//! The packets an engine has for one client: bounded by bytes, written in as few pieces as the stream takes.
//!
//! The engine never waits for a client. Policy at the limit: the outbox refuses, and the engine gives the session up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use thiserror::Error;
use tokio::sync::Notify;

/// What may wait for one client. Entering a map with some hundred others in sight takes about 100 KiB.
pub(crate) const OUTBOX_BYTES: usize = 256 * 1024;

/// The engine's side. Dropping it ends the stream after what is in it.
#[derive(Debug)]
pub(crate) struct Outbox {
    shared: Arc<Shared>,
    limit: usize,
}

/// The stream's side. Dropping it makes further packets vanish.
#[derive(Debug)]
pub(crate) struct Packets {
    shared: Arc<Shared>,
}

/// More would wait for the client than may.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the client does not read what it is sent")]
pub(crate) struct Full;

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: BytesMut,
    ended: bool,
    unread: bool,
}

/// An empty outbox in which up to `limit` bytes may wait.
pub(crate) fn channel(limit: usize) -> (Outbox, Packets) {
    let shared = Arc::<Shared>::default();
    (Outbox { shared: Arc::clone(&shared), limit }, Packets { shared })
}

impl Outbox {
    /// Adds whole packets. They go out together or not at all.
    pub(crate) fn push(&self, packets: &[u8]) -> Result<(), Full> {
        let mut waiting = self.shared.lock();
        if waiting.unread {
            return Ok(());
        }
        if waiting.bytes.len() + packets.len() > self.limit {
            return Err(Full);
        }
        waiting.bytes.extend_from_slice(packets);
        drop(waiting);
        self.shared.changed.notify_one();
        Ok(())
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.changed.notify_one();
    }
}

impl Packets {
    /// All that waits; `None` when the engine has let the session go. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        loop {
            {
                let mut waiting = self.shared.lock();
                if !waiting.bytes.is_empty() {
                    return Some(waiting.bytes.split().freeze());
                }
                if waiting.ended {
                    return None;
                }
            }
            self.shared.changed.notified().await;
        }
    }
}

impl Drop for Packets {
    fn drop(&mut self) {
        let mut waiting = self.shared.lock();
        waiting.unread = true;
        waiting.bytes = BytesMut::new();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn packets_come_out_together_and_then_the_end() {
        let (outbox, mut packets) = channel(OUTBOX_BYTES);
        outbox.push(b"ab").expect("room");
        outbox.push(b"cd").expect("room");
        assert_eq!(packets.next().await.as_deref(), Some(&b"abcd"[..]));
        outbox.push(b"ef").expect("room");
        drop(outbox);
        assert_eq!(packets.next().await.as_deref(), Some(&b"ef"[..]));
        assert_eq!(packets.next().await, None);
    }

    #[tokio::test]
    async fn a_reader_that_waits_is_woken() {
        let (outbox, mut packets) = channel(OUTBOX_BYTES);
        let (got, ()) = tokio::join!(packets.next(), async { outbox.push(b"late").expect("room") });
        assert_eq!(got.as_deref(), Some(&b"late"[..]));
    }

    #[test]
    fn a_client_that_does_not_read_costs_a_bounded_amount() {
        let (outbox, packets) = channel(OUTBOX_BYTES);
        outbox.push(&vec![0; OUTBOX_BYTES]).expect("room");
        assert_eq!(outbox.push(&[0]), Err(Full));
        drop(packets);
        assert_eq!(outbox.push(&[0]), Ok(()), "nobody is there to read it");
    }
}
