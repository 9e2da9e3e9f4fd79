//! Bounds on downloads: how many at once, how long each, how fast all of them together.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bifrost_protocol::ids::HostId;
use tokio::fs::File;
use tokio::io::{AsyncRead, ReadBuf, Take};
use tokio::time::{Instant, Sleep, sleep_until};

use super::super::Error;

/// Downloads at once, of all hosts. Each costs a file handle and [`super::PIECE`] bytes.
const MAX_DOWNLOADS: usize = 64;
/// Of one host: one that was cut may still be counted when the next begins.
const MAX_PER_HOST: usize = 2;
/// The longest a download may take; one that is slower goes on from where it is cut.
const MAX_TIME: Duration = Duration::from_mins(15);
/// When to try again.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// Bytes a second of all downloads together, 200 Mbit/s: players share the line with them.
const MAX_RATE: u64 = 25_000_000;

/// All running downloads. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(in crate::http) struct Downloads(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    running: Vec<Running>,
    next: u64,
    /// When the line is free for the next piece.
    free_at: Option<Instant>,
}

#[derive(Debug)]
struct Running {
    id: u64,
    host: HostId,
    until: Instant,
}

/// A place among the downloads, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Ticket {
    downloads: Downloads,
    id: u64,
    until: Instant,
}

impl Downloads {
    /// Takes a place for a host.
    pub(super) fn begin(&self, host: &HostId, now: Instant) -> Result<Ticket, Error> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Who does not read keeps a connection, but not a place.
        state.running.retain(|running| running.until > now);
        let own = state.running.iter().filter(|running| running.host == *host).count();
        if own >= MAX_PER_HOST || state.running.len() >= MAX_DOWNLOADS {
            metrics::counter!("bifrost_bundle_downloads_refused_total").increment(1);
            return Err(Error::TooMany { retry_after: RETRY_AFTER });
        }
        let (id, until) = (state.next, now + MAX_TIME);
        state.next += 1;
        state.running.push(Running { id, host: host.clone(), until });
        Ok(Ticket { downloads: self.clone(), id, until })
    }

    /// Counts a piece; returns when the next one may be sent.
    fn sent(&self, bytes: usize, now: Instant) -> Instant {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let takes = Duration::from_nanos((bytes as u64).saturating_mul(1_000_000_000) / MAX_RATE);
        let free_at = state.free_at.unwrap_or(now).max(now) + takes;
        state.free_at = Some(free_at);
        free_at
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.downloads.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.running.retain(|running| running.id != self.id);
    }
}

/// A part of a file, read no faster and no longer than it may be.
#[derive(Debug)]
pub(super) struct Paced {
    file: Take<File>,
    ticket: Ticket,
    wait: Pin<Box<Sleep>>,
}

impl Paced {
    pub(super) fn new(file: Take<File>, ticket: Ticket) -> Self {
        Self { file, ticket, wait: Box::pin(sleep_until(Instant::now())) }
    }
}

impl AsyncRead for Paced {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let now = Instant::now();
        if now >= self.ticket.until {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the download took too long")));
        }
        std::task::ready!(self.wait.as_mut().poll(context));
        let before = buffer.filled().len();
        std::task::ready!(Pin::new(&mut self.file).poll_read(context, buffer))?;
        let next = self.ticket.downloads.sent(buffer.filled().len() - before, now);
        self.wait.as_mut().reset(next);
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(number: usize) -> HostId {
        HostId(format!("h-{number:016x}"))
    }

    #[tokio::test]
    async fn a_host_has_so_many_downloads_and_all_hosts_so_many() {
        let (downloads, now) = (Downloads::default(), Instant::now());
        let mut held: Vec<_> = (0..MAX_PER_HOST).map(|_| downloads.begin(&host(0), now).expect("room")).collect();
        assert!(downloads.begin(&host(0), now).is_err());
        held.extend((held.len()..MAX_DOWNLOADS).map(|number| downloads.begin(&host(number), now).expect("room")));
        assert!(downloads.begin(&host(MAX_DOWNLOADS), now).is_err());
        held.pop();
        downloads.begin(&host(MAX_DOWNLOADS), now).expect("one has ended");
    }

    #[tokio::test]
    async fn a_download_that_is_not_read_gives_its_place_back() {
        let (downloads, now) = (Downloads::default(), Instant::now());
        let stuck: Vec<_> =
            (0..MAX_DOWNLOADS).map(|number| downloads.begin(&host(number), now).expect("room")).collect();
        assert!(downloads.begin(&host(0), now + MAX_TIME - Duration::from_secs(1)).is_err());
        let later = downloads.begin(&host(0), now + MAX_TIME).expect("they had their time");
        drop(stuck);
        assert_eq!(downloads.0.lock().expect("not poisoned").running.len(), 1, "they give back only what is theirs");
        drop(later);
    }

    #[tokio::test]
    async fn all_downloads_together_are_no_faster_than_the_line() {
        let (downloads, now) = (Downloads::default(), Instant::now());
        let piece = usize::try_from(MAX_RATE / 100).expect("small");
        for number in 1..=10 {
            assert_eq!(downloads.sent(piece, now), now + number * Duration::from_millis(10));
        }
        let later = now + Duration::from_secs(1);
        assert_eq!(downloads.sent(piece, later), later + Duration::from_millis(10), "an idle line saves nothing up");
    }
}
