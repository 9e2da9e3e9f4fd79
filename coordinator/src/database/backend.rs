//! Where what is passed on goes: the operator's database, or the coordinator's own store.

use super::embedded::Embedded;
use super::upstream::{Answered, Databases, Definitions, Request, Upstream, UpstreamError};

/// Who answers what the policy passes on.
#[derive(Debug)]
pub enum Backend {
    /// The realm's database, maybe with a replica.
    Database(Box<Databases>),
    /// The coordinator's store.
    Store(Embedded),
}

impl Backend {
    /// A database without a replica.
    #[must_use]
    pub fn database(upstream: Upstream) -> Self {
        Self::Database(Box::new(Databases::new(upstream, None)))
    }

    /// What it is called.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Database(_) => "database",
            Self::Store(_) => "store",
        }
    }

    /// Whether the replica can be reached now; `None` when there is none.
    pub async fn replica_answers(&self) -> Option<bool> {
        match self {
            Self::Database(databases) => databases.replica_answers().await,
            Self::Store(_) => None,
        }
    }

    /// Whether it can be reached now. One that is busy can.
    pub async fn answers(&self) -> bool {
        match self {
            Self::Database(databases) => databases.answers().await,
            Self::Store(embedded) => embedded.answers().await,
        }
    }

    /// Asks it.
    ///
    /// # Errors
    /// There is no answer; see [`UpstreamError`]. An error that it gives is an answer.
    pub(super) async fn ask(&self, request: &Request<'_>) -> Result<Answered, UpstreamError> {
        match self {
            Self::Database(databases) => databases.ask(request).await,
            Self::Store(embedded) => embedded.ask(request).await,
        }
    }

    /// The columns of a prepared SELECT. The inner error is its own.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub(super) async fn describe(&self, request: &Request<'_>) -> Result<Result<Definitions, Answered>, UpstreamError> {
        match self {
            Self::Database(databases) => databases.describe(request).await,
            Self::Store(embedded) => Ok(embedded.describe(request)),
        }
    }
}
