//! What must survive a restart: hosts, leases, sessions, and the embedded realm's accounts and characters.
//!
//! One file a table group. SQL is kept to what SQLite and MariaDB both understand, so that one suite runs on both. Every
//! call is bounded by [`QUERY_TIMEOUT`], and everything that may be retried after a timeout is idempotent: a call whose
//! answer was lost may have been carried out.

mod accounts;
mod belongings;
mod characters;
mod engines;
mod error;
mod hosts;
mod leases;
mod migrations;
mod registry;
mod row;
mod sessions;
mod standing;
mod storages;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{Any, AnyConnection, AnyPool, ConnectOptions, Connection, Executor, Transaction};
use tokio_util::sync::CancellationToken;

pub use accounts::{AccountRow, NewAccount};
pub use belongings::Belonging;
pub use characters::{CharacterRow, NewCharacter};
pub use engines::{EngineLine, EngineRow, EngineTable};
pub use error::StoreError;
pub use hosts::HostRow;
pub use leases::LeaseRow;
pub use registry::{RegistryEntry, RegistryScope, RegistryValue};
pub use sessions::{JournalEntry, SessionRow};
pub use storages::{StorageKey, StorageKind};

use crate::backoff::Backoff;

/// Longest any call waits for the database, connecting included.
pub const QUERY_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest one attempt to open the store may take: connecting and migrations.
const OPEN_TIMEOUT: Duration = Duration::from_secs(60);

/// First and longest wait between attempts to reach the database.
const REOPEN_BACKOFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));

/// Connections to the database. SQLite has one writer anyway; more readers than this gain nothing.
const MAX_CONNECTIONS: u32 = 8;

/// What SQLite needs per connection to be durable and to wait for its one writer. The order matters: switching to WAL
/// itself may have to wait.
const SQLITE_PRAGMAS: [&str; 4] = [
    "PRAGMA busy_timeout = 4000",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
];

/// The database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pool: AnyPool,
    flavour: Flavour,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Flavour {
    Sqlite,
    MySql,
}

impl Store {
    /// Opens `sqlite:PATH` (created when missing) or `mysql://user:password@host/database`, and brings its schema up to
    /// date.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it cannot be reached now, [`StoreError::Address`] when it never will be,
    /// [`StoreError::Corrupt`] when it was written by something else.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let (flavour, options) = parse(url)?;
        let connect = async {
            // the pool would hide why it cannot connect, and try for long: the first connection is made by hand
            let first = connect(flavour, &options).await;
            let mut first = first.map_err(|error| StoreError::from_driver("connecting", &error))?;
            migrations::apply(&mut first).await?;
            let closed = first.close().await;
            closed.map_err(|error| StoreError::from_driver("connecting", &error))?;
            Ok(Self { pool: pool_options(flavour).connect_lazy_with(options), flavour })
        };
        tokio::time::timeout(OPEN_TIMEOUT, connect).await.unwrap_or_else(|_| Err(too_slow("opening", OPEN_TIMEOUT)))
    }

    /// Opens the store; when it cannot be reached, says so and tries again until it can be or `token` is cancelled.
    ///
    /// # Errors
    /// As [`open`](Self::open); [`StoreError::Unavailable`] only after cancellation.
    pub async fn open_waiting(url: &str, token: CancellationToken) -> Result<Self, StoreError> {
        let mut backoff = Backoff::new(REOPEN_BACKOFF.0, REOPEN_BACKOFF.1);
        loop {
            let problem = match Self::open(url).await {
                Err(error) if error.may_retry() => error,
                done => return done,
            };
            let wait = backoff.next_wait();
            tracing::warn!(attempt = backoff.attempts(), ?wait, %problem, "waiting for the database");
            tokio::select! {
                biased;
                () = token.cancelled() => return Err(problem),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.run("pinging", async { self.pool.execute("SELECT 1").await.map(drop) }).await
    }

    /// Waits for running calls and closes all connections.
    pub async fn close(&self) {
        if tokio::time::timeout(QUERY_TIMEOUT, self.pool.close()).await.is_err() {
            tracing::warn!("database connections did not close in time");
        }
    }

    /// Runs one call under the time limit and counts how it went.
    async fn run<T>(
        &self,
        doing: &'static str,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, StoreError> {
        let started = Instant::now();
        let result = match tokio::time::timeout(QUERY_TIMEOUT, work).await {
            Ok(result) => result.map_err(|error| StoreError::from_driver(doing, &error)),
            Err(_) => Err(too_slow(doing, QUERY_TIMEOUT)),
        };
        metrics::histogram!("bifrost_store_seconds", "call" => doing).record(started.elapsed().as_secs_f64());
        if result.is_err() {
            metrics::counter!("bifrost_store_errors_total", "call" => doing).increment(1);
        }
        result
    }

    /// Starts a transaction that will write. SQLite takes its write lock at once: upgrading a read transaction later fails
    /// instead of waiting.
    async fn begin(&self) -> Result<Transaction<'static, Any>, sqlx::Error> {
        match self.flavour {
            Flavour::Sqlite => self.pool.begin_with("BEGIN IMMEDIATE").await,
            Flavour::MySql => self.pool.begin().await,
        }
    }
}

fn too_slow(doing: &'static str, limit: Duration) -> StoreError {
    StoreError::Unavailable { doing, problem: format!("no answer within {limit:?}") }
}

fn parse(url: &str) -> Result<(Flavour, AnyConnectOptions), StoreError> {
    let problem = |problem: &str| StoreError::Address { problem: problem.to_owned() };
    let scheme = url.split(':').next().unwrap_or_default();
    let (flavour, url) = match scheme {
        "sqlite" if url.contains("mode=") => (Flavour::Sqlite, url.to_owned()),
        "sqlite" if url.contains('?') => (Flavour::Sqlite, format!("{url}&mode=rwc")),
        "sqlite" => (Flavour::Sqlite, format!("{url}?mode=rwc")),
        "mysql" | "mariadb" => (Flavour::MySql, url.to_owned()),
        _ => return Err(problem("it has to start with sqlite: or mysql://")),
    };
    let options: AnyConnectOptions = url.parse().map_err(|_| problem("it is not a valid URL"))?;
    // statements carry login ids; how long they take is in the metrics
    Ok((flavour, options.disable_statement_logging()))
}

async fn connect(flavour: Flavour, options: &AnyConnectOptions) -> Result<AnyConnection, sqlx::Error> {
    let mut connection = AnyConnection::connect_with(options).await?;
    prepare(flavour, &mut connection).await?;
    Ok(connection)
}

async fn prepare(flavour: Flavour, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    if flavour == Flavour::Sqlite {
        for pragma in SQLITE_PRAGMAS {
            connection.execute(pragma).await?;
        }
    }
    Ok(())
}

fn pool_options(flavour: Flavour) -> AnyPoolOptions {
    AnyPoolOptions::new()
        .max_connections(MAX_CONNECTIONS)
        .acquire_timeout(QUERY_TIMEOUT)
        .after_connect(move |connection, _| Box::pin(prepare(flavour, connection)))
        // A full disk makes SQLite end a transaction by itself. The driver still counts it as open, and the connection would
        // refuse every later one.
        .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
}
