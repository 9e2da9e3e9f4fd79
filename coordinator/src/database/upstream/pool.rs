//! The connections, who waits for one, and what happens when the database is away.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use metrics::Histogram;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

use super::cache::Cache;
use super::connection::Connection;
use super::request::{Definitions, Request, Sent};
use super::{Answered, UpstreamConfig, UpstreamError};
use crate::backoff::Backoff;
use crate::database::policy::Verb;

/// The most requests that may wait for a connection.
const MAX_WAITING: usize = 4_096;
/// How long a request may wait for one.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long an idle connection is trusted without being asked anything. Servers close idle ones after hours.
const MAX_IDLE: Duration = Duration::from_secs(600);
/// From how much idleness on a connection is asked whether it is still there before anything is done on it.
const PING_AFTER: Duration = Duration::from_secs(1);
/// How long that answer may take.
const PING_TIMEOUT: Duration = Duration::from_millis(500);
/// Waits between attempts to reach a database that is away; requests are refused at once meanwhile.
const RETRY: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(3));

/// The database, for all hosts.
#[derive(Debug)]
pub struct Upstream {
    config: UpstreamConfig,
    idle: Mutex<Vec<(Instant, Connection)>>,
    places: Semaphore,
    waiting: AtomicUsize,
    away: Mutex<Away>,
    cache: Cache,
    seconds: Histogram,
}

/// Whether the database could be reached.
#[derive(Debug)]
struct Away {
    until: Option<Instant>,
    backoff: Backoff,
}

/// A connection that is in use, with its place.
struct Borrowed<'a> {
    connection: Connection,
    /// Whether it was used before, so that the database may have closed it since.
    used: bool,
    _place: SemaphorePermit<'a>,
}

impl Upstream {
    /// Nothing is connected until something is asked.
    #[must_use]
    pub fn new(config: UpstreamConfig) -> Self {
        Self {
            idle: Mutex::default(),
            places: Semaphore::new(config.connections.max(1)),
            waiting: AtomicUsize::new(0),
            away: Mutex::new(Away { until: None, backoff: RETRY }),
            cache: Cache::default(),
            seconds: metrics::histogram!("bifrost_database_upstream_seconds"),
            config,
        }
    }

    /// Whether the database was reached when that was last tried.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.away.lock().unwrap_or_else(PoisonError::into_inner).until.is_none()
    }

    /// Whether the database can be reached now. One that is busy can.
    pub async fn answers(&self) -> bool {
        match self.borrow().await {
            Ok(mut borrowed) => {
                let answers = matches!(timeout(PING_TIMEOUT, borrowed.connection.ping()).await, Ok(Ok(())));
                if answers {
                    self.give_back(borrowed);
                }
                answers
            }
            Err(error) => matches!(error, UpstreamError::Busy),
        }
    }

    /// Asks the database.
    ///
    /// # Errors
    /// There is no answer; see [`UpstreamError`]. An error that the database gives is an answer.
    pub async fn ask(&self, request: &Request<'_>) -> Result<Answered, UpstreamError> {
        let sent = request.sent()?;
        let cache = match &sent {
            Sent::Text(text) => request.passed.cache().map(|time| ((text.to_vec(), request.charset.to_owned()), time)),
            Sent::Prepared(..) => None,
        };
        if let Some((key, _)) = &cache
            && let Some(answer) = self.cache.get(key, Instant::now())
        {
            metrics::counter!("bifrost_database_cached_total").increment(1);
            return Ok(answer);
        }
        let reads = request.passed.verb == Verb::Select;
        let answer = self.run(request.charset, reads, Asked::Run(&sent)).await?;
        if let Some((key, time)) = cache {
            self.cache.put(key, &answer.answered, time, Instant::now());
        }
        Ok(answer.answered)
    }

    /// The columns of a prepared SELECT. The inner error is the database's own.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub async fn describe(&self, request: &Request<'_>) -> Result<Result<Definitions, Answered>, UpstreamError> {
        let sql = request.passed.template.prepared();
        let answer = self.run(request.charset, true, Asked::Describe(&sql)).await?;
        Ok(if answer.answered.error.is_some() { Err(answer.answered) } else { Ok(answer.definitions) })
    }

    /// Does one thing on one connection. What only reads is tried once more when a connection that had been idle turns out
    /// to be closed.
    async fn run(&self, charset: &str, reads: bool, asked: Asked<'_>) -> Result<Outcome, UpstreamError> {
        let mut borrowed = self.borrow().await?;
        let started = Instant::now();
        let mut outcome = self.limited(&mut borrowed.connection, charset, asked).await;
        if borrowed.used && reads && matches!(outcome, Err(UpstreamError::Lost(_))) {
            self.forget_idle();
            borrowed.connection = self.connect().await?;
            outcome = self.limited(&mut borrowed.connection, charset, asked).await;
        }
        self.seconds.record(started.elapsed().as_secs_f64());
        match &outcome {
            Ok(_) => self.give_back(borrowed),
            // What is in the middle of an answer cannot be used again; dropping it closes it.
            Err(error) => tracing::warn!(reason = error.class(), %error, "database"),
        }
        outcome
    }

    async fn limited(
        &self,
        connection: &mut Connection,
        charset: &str,
        asked: Asked<'_>,
    ) -> Result<Outcome, UpstreamError> {
        timeout(self.config.statement_timeout, carry_out(connection, charset, asked))
            .await
            .unwrap_or(Err(UpstreamError::TimedOut))
    }

    /// A connection, after those who came before.
    async fn borrow(&self) -> Result<Borrowed<'_>, UpstreamError> {
        let waiting = Waiting::new(&self.waiting).ok_or(UpstreamError::Busy)?;
        let place = timeout(QUEUE_TIMEOUT, self.places.acquire()).await;
        let place = place.map_err(|_| UpstreamError::Busy)?.map_err(|_| UpstreamError::Down)?;
        drop(waiting);
        let now = Instant::now();
        if let Some((since, mut connection)) = self.take_idle(now) {
            let fresh = now.duration_since(since) < PING_AFTER;
            if fresh || matches!(timeout(PING_TIMEOUT, connection.ping()).await, Ok(Ok(_))) {
                return Ok(Borrowed { connection, used: true, _place: place });
            }
            self.forget_idle();
        }
        Ok(Borrowed { connection: self.connect().await?, used: false, _place: place })
    }

    fn take_idle(&self, now: Instant) -> Option<(Instant, Connection)> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, connection) = idle.pop()?;
        if now.duration_since(since) < MAX_IDLE {
            return Some((since, connection));
        }
        // The one used last is too old, so all are.
        idle.clear();
        None
    }

    /// When one connection has been closed by the database, the others have been too.
    fn forget_idle(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn give_back(&self, borrowed: Borrowed<'_>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push((Instant::now(), borrowed.connection));
    }

    async fn connect(&self) -> Result<Connection, UpstreamError> {
        if self.away.lock().unwrap_or_else(PoisonError::into_inner).until.is_some_and(|until| Instant::now() < until) {
            return Err(UpstreamError::Down);
        }
        let opened = Connection::open(&self.config).await;
        let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        match &opened {
            Ok(_) => *away = Away { until: None, backoff: RETRY },
            Err(error) => {
                tracing::warn!(address = %self.config.address, %error, "database cannot be used");
                let wait = away.backoff.next_wait();
                away.until = Some(Instant::now() + wait);
            }
        }
        opened
    }
}

/// What is done on a connection.
#[derive(Clone, Copy)]
enum Asked<'a> {
    Run(&'a Sent),
    Describe(&'a Bytes),
}

struct Outcome {
    answered: Answered,
    definitions: Definitions,
}

async fn carry_out(connection: &mut Connection, charset: &str, asked: Asked<'_>) -> Result<Outcome, UpstreamError> {
    connection.use_charset(charset).await?;
    let (answered, definitions) = match asked {
        Asked::Run(Sent::Text(text)) => (connection.query(text.clone()).await?, Vec::new()),
        Asked::Run(Sent::Prepared(sql, values)) => (connection.execute(sql, values).await?, Vec::new()),
        Asked::Describe(sql) => match connection.describe(sql).await? {
            Ok(columns) => (Answered { bytes: Bytes::new(), rows: 0, error: None }, columns),
            Err(error) => (error, Vec::new()),
        },
    };
    Ok(Outcome { answered, definitions })
}

/// One of those who wait.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    /// `None` when too many wait already.
    fn new(count: &'a AtomicUsize) -> Option<Self> {
        let waiting = Self(count);
        (count.fetch_add(1, Ordering::Relaxed) < MAX_WAITING).then_some(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
