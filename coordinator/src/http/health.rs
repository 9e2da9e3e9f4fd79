//! For orchestrators and monitoring.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;

/// How long the database may take to count as ready. Probes give up after some seconds themselves.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether players and hosts can be served.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Readiness {
    /// They can.
    pub ready: bool,
    /// What keeps it from that.
    pub reasons: Vec<String>,
}

/// The process runs and answers.
#[utoipa::path(get, path = "/livez", tag = "health", responses((status = 200, body = String)))]
pub(super) async fn livez() -> &'static str {
    "ok"
}

/// Whether players and hosts can be served now; if not, why.
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses((status = 200, body = Readiness), (status = 503, body = Readiness))
)]
pub(super) async fn readyz(State(api): State<Api>) -> (StatusCode, Json<Readiness>) {
    let (store, fleet) = tokio::join!(tokio::time::timeout(PATIENCE, api.store.ping()), api.fleet.ready());
    let mut reasons = fleet.err().unwrap_or_default();
    if !matches!(store, Ok(Ok(()))) {
        reasons.push("the database does not answer".to_owned());
    }
    if let Some(relay) = &api.database
        && !matches!(tokio::time::timeout(PATIENCE, relay.backend().answers()).await, Ok(true))
    {
        reasons.push("the database that hosts' SQL goes to cannot be reached".to_owned());
    }
    let ready = reasons.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, reasons }))
}

/// Metrics in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "health", responses((status = 200, body = String)))]
pub(super) async fn metrics(State(api): State<Api>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], api.metrics.render())
}

/// The coordinator's CA, PEM. Pin it; do not trust it for having been fetched here.
#[utoipa::path(get, path = "/v1/ca", tag = "hosts", responses((status = 200, body = String)))]
pub(super) async fn ca(State(api): State<Api>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/x-pem-file")], api.identity.ca_pem().to_owned())
}
