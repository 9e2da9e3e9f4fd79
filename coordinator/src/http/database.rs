//! What hosts ask of the realm's database, and the policy that decides about it.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Json;
use axum::extract::State;
use bifrost_protocol::api::ErrorBody;
use bifrost_protocol::ids::HostId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::Admin;
use super::register::unix_seconds;
use super::{Api, Error};
use crate::database::relay::Relay;
use crate::database::{HostNumbers, RefusedStatement};
use crate::telemetry::SECONDS;

/// Hosts' SQL.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct DatabaseReport {
    /// Who answers what is passed on: `database`, or `store`: the coordinator's own, where no database is configured.
    pub source: String,
    /// Whether that can be reached.
    pub up: bool,
    /// Whether the replica can be reached; null: there is none.
    pub replica_up: Option<bool>,
    /// The policy in force.
    pub policy: PolicyReport,
    /// Every host that has asked something since the start, by its id.
    pub hosts: Vec<DatabaseHost>,
}

/// The policy in force.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct PolicyReport {
    /// Its file; null: the one that ships.
    pub file: Option<String>,
    /// How many tables it is about.
    pub tables: usize,
    /// What is wrong with the one that was to be read last; it is not in force.
    pub problem: Option<String>,
}

/// What one host has asked since the coordinator's start.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct DatabaseHost {
    /// Its id.
    pub host: String,
    /// Statements the coordinator answered.
    pub local: u64,
    /// Statements the database answered.
    pub passed: u64,
    /// Statements that were refused.
    pub refused: u64,
    /// Statements that got an error for which the host is not to blame.
    pub failed: u64,
    /// Rows of all answers.
    pub rows: u64,
    /// Bytes of all statements.
    pub bytes: u64,
    /// How long answers took.
    pub latency: Vec<LatencyBucket>,
    /// The last statements that were refused, oldest first, without their values.
    pub last_refused: Vec<Refused>,
}

/// Answers that took about as long.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
pub struct LatencyBucket {
    /// The longest of them, in seconds; null: longer than all others.
    pub up_to: Option<f64>,
    /// How many.
    pub count: u64,
}

/// A statement that was refused.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Refused {
    /// When, in seconds since the Unix epoch.
    pub at: i64,
    /// A short name of the reason.
    pub class: String,
    /// The reason.
    pub reason: String,
    /// The statement with `?` for every value.
    pub statement: String,
}

/// What hosts ask of the realm's database.
#[utoipa::path(
    get, path = "/v1/database", tag = "admin", security(("admin" = [])),
    responses(
        (status = 200, body = DatabaseReport),
        (status = 401, body = ErrorBody),
        (status = 404, description = "hosts' SQL is not relayed", body = ErrorBody),
    )
)]
pub(super) async fn database(State(api): State<Api>, _admin: Admin) -> Result<Json<DatabaseReport>, Error> {
    let relay = relay(&api)?;
    let hosts = relay.hosts().into_iter().map(DatabaseHost::from).collect();
    let backend = relay.backend();
    let (up, replica_up) = tokio::join!(backend.answers(), backend.replica_answers());
    let source = backend.name().to_owned();
    Ok(Json(DatabaseReport { source, up, replica_up, policy: policy(relay), hosts }))
}

/// Reads the policy's file again. One that is broken leaves the old one in force.
#[utoipa::path(
    post, path = "/v1/database/policy", tag = "admin", security(("admin" = [])),
    responses(
        (status = 200, body = PolicyReport),
        (status = 400, description = "`invalid_request`: the policy is broken; everything that is wrong", body = ErrorBody),
        (status = 401, body = ErrorBody),
        (status = 404, description = "hosts' SQL is not relayed", body = ErrorBody),
    )
)]
pub(super) async fn reload(State(api): State<Api>, _admin: Admin) -> Result<Json<PolicyReport>, Error> {
    let relay = relay(&api)?;
    let reading = Arc::clone(relay);
    let read = tokio::task::spawn_blocking(move || reading.reload()).await;
    read.map_err(|error| Error::Internal(error.to_string()))?.map_err(Error::Invalid)?;
    Ok(Json(policy(relay)))
}

fn relay(api: &Api) -> Result<&Arc<Relay>, Error> {
    api.database.as_ref().ok_or(Error::NotFound("hosts' SQL is not relayed"))
}

fn policy(relay: &Relay) -> PolicyReport {
    PolicyReport {
        file: relay.source().map(|path| path.display().to_string()),
        tables: relay.tables(),
        problem: relay.policy_error(),
    }
}

impl From<(HostId, HostNumbers)> for DatabaseHost {
    fn from((host, numbers): (HostId, HostNumbers)) -> Self {
        let bounds = SECONDS.iter().copied().map(Some).chain([None]);
        let latency = bounds.zip(numbers.waits).map(|(up_to, count)| LatencyBucket { up_to, count });
        Self {
            host: host.0,
            local: numbers.local,
            passed: numbers.passed,
            refused: numbers.refused,
            failed: numbers.failed,
            rows: numbers.rows,
            bytes: numbers.bytes,
            latency: latency.collect(),
            last_refused: numbers.last_refused.into_iter().map(Refused::from).collect(),
        }
    }
}

impl From<RefusedStatement> for Refused {
    fn from(refused: RefusedStatement) -> Self {
        let RefusedStatement { at, class, reason, shape } = refused;
        Self { at: unix_seconds(at.min(SystemTime::now())), class: class.to_owned(), reason, statement: shape }
    }
}
