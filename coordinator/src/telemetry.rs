//! Logs on stderr, metrics for `/metrics`.
//!
//! `BIFROST_LOG` filters (`info,bifrost_coordinator::relay=debug`), `BIFROST_LOG_FORMAT=json` writes JSON lines.

use std::io::{self, IsTerminal};
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// What is logged when `BIFROST_LOG` is not set.
const DEFAULT_FILTER: &str = "info";
/// Bounds of the buckets of every `_seconds` histogram: a fast database call to a request that times out.
pub(crate) const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0];
/// How often the recorder folds what was recorded since; until then every single value is kept.
const UPKEEP: Duration = Duration::from_secs(5);

/// Why there is no telemetry.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// `BIFROST_LOG` cannot be read.
    #[error("BIFROST_LOG: {0}")]
    Filter(#[from] ParseError),
    /// `BIFROST_LOG_FORMAT` is neither `compact` nor `json`.
    #[error("BIFROST_LOG_FORMAT: `{0}`, expected `compact` or `json`")]
    Format(String),
    /// There is a logger already.
    #[error("logs: {0}")]
    Logs(#[from] TryInitError),
    /// There is a recorder already.
    #[error("metrics: {0}")]
    Metrics(#[from] BuildError),
}

/// Starts logging and recording, once a process.
///
/// # Errors
/// A variable of the environment makes no sense, or this was done before.
pub fn init() -> Result<PrometheusHandle, TelemetryError> {
    let filter = std::env::var("BIFROST_LOG").unwrap_or_else(|_| DEFAULT_FILTER.to_owned());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::builder().parse(filter)?)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    match std::env::var("BIFROST_LOG_FORMAT").as_deref() {
        Err(_) | Ok("compact") => builder.compact().finish().try_init()?,
        Ok("json") => builder.json().finish().try_init()?,
        Ok(other) => return Err(TelemetryError::Format(other.to_owned())),
    }
    let metrics = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .install_recorder()?;
    Ok(metrics)
}

/// Keeps the recorder's memory bounded until `token` is cancelled.
pub async fn upkeep(metrics: PrometheusHandle, token: CancellationToken) {
    while token.run_until_cancelled(tokio::time::sleep(UPKEEP)).await.is_some() {
        metrics.run_upkeep();
    }
}
