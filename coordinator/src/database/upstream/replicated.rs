//! The database and, when there is one, a replica for what may be some seconds old.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics::{Counter, Gauge};
use tokio::time::Instant;

use super::{Answered, Definitions, Request, Upstream, UpstreamError};

/// How long a replica that did not answer is left alone.
const REST: Duration = Duration::from_secs(3);

/// The realm's databases.
#[derive(Debug)]
pub struct Databases {
    primary: Upstream,
    primary_up: Gauge,
    replica: Option<Replica>,
}

#[derive(Debug)]
struct Replica {
    upstream: Upstream,
    up: Gauge,
    answered: Counter,
    fell_back: Counter,
    rests_until: Mutex<Option<Instant>>,
}

impl Databases {
    /// Nothing is connected until something is asked.
    #[must_use]
    pub fn new(primary: Upstream, replica: Option<Upstream>) -> Self {
        let up = |server: &'static str| metrics::gauge!("bifrost_database_up", "server" => server);
        let reads = |by: &'static str| metrics::counter!("bifrost_database_stale_reads_total", "answered_by" => by);
        let replica = replica.map(|upstream| Replica {
            upstream,
            up: up("replica"),
            answered: reads("replica"),
            fell_back: reads("primary"),
            rests_until: Mutex::default(),
        });
        Self { primary, primary_up: up("primary"), replica }
    }

    /// Whether the primary can be reached now. One that is busy can.
    pub async fn answers(&self) -> bool {
        let up = self.primary.answers().await;
        self.primary_up.set(f64::from(u8::from(up)));
        up
    }

    /// Whether the replica can be reached now; `None` when there is none.
    pub async fn replica_answers(&self) -> Option<bool> {
        let replica = self.replica.as_ref()?;
        let up = replica.upstream.answers().await;
        replica.up.set(f64::from(u8::from(up)));
        Some(up)
    }

    /// Asks the replica where its word is as good, and else, or when it gives none, the primary.
    pub(in crate::database) async fn ask(&self, request: &Request<'_>) -> Result<Answered, UpstreamError> {
        if let Some(replica) = self.replica.as_ref().filter(|_| request.passed.may_be_stale()) {
            if let Some(answer) = replica.ask(request).await {
                return Ok(answer);
            }
            replica.fell_back.increment(1);
        }
        let answer = self.primary.ask(request).await;
        match &answer {
            Ok(_) => self.primary_up.set(1.0),
            Err(error) if is_away(error) => self.primary_up.set(0.0),
            Err(_) => {}
        }
        answer
    }

    /// The columns of a prepared SELECT; the primary knows.
    pub(in crate::database) async fn describe(
        &self,
        request: &Request<'_>,
    ) -> Result<Result<Definitions, Answered>, UpstreamError> {
        self.primary.describe(request).await
    }
}

impl Replica {
    /// Its answer, if it has a good one.
    async fn ask(&self, request: &Request<'_>) -> Option<Answered> {
        if self.rests_until().is_some_and(|until| Instant::now() < until) {
            return None;
        }
        match self.upstream.ask(request).await {
            // It may lack a table that the primary has by now.
            Ok(answer) if answer.error.is_some() => None,
            Ok(answer) => {
                self.up.set(1.0);
                self.answered.increment(1);
                Some(answer)
            }
            Err(error) => {
                if is_away(&error) {
                    self.up.set(0.0);
                    *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + REST);
                    tracing::warn!(%error, "the replica does not answer, the primary is asked instead");
                }
                None
            }
        }
    }

    fn rests_until(&self) -> Option<Instant> {
        *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an error says that a database cannot be used, whatever it is asked.
fn is_away(error: &UpstreamError) -> bool {
    match error {
        UpstreamError::Down | UpstreamError::TimedOut | UpstreamError::Lost(_) | UpstreamError::Refused(_) => true,
        UpstreamError::Busy | UpstreamError::Garbage(_) | UpstreamError::TooLong(_) | UpstreamError::Parameters => {
            false
        }
    }
}
