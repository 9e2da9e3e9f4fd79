//! What the fleet is doing.

use axum::Json;
use axum::extract::State;
use bifrost_protocol::api::ErrorBody;

use super::extract::Admin;
use super::{Api, Error};
use crate::fleet::status::{FleetStatus, GroupStatus};

/// Hosts, map groups and players, for everybody.
#[utoipa::path(
    get, path = "/v1/status", tag = "status",
    responses((status = 200, body = FleetStatus), (status = 503, description = "stopping", body = ErrorBody))
)]
pub(super) async fn status(State(api): State<Api>) -> Result<Json<FleetStatus>, Error> {
    fleet_status(&api).await.map(Json)
}

/// Map groups and who carries them.
#[utoipa::path(
    get, path = "/v1/groups", tag = "status", security(("admin" = [])),
    responses((status = 200, body = Vec<GroupStatus>), (status = 401, body = ErrorBody))
)]
pub(super) async fn groups(State(api): State<Api>, _admin: Admin) -> Result<Json<Vec<GroupStatus>>, Error> {
    Ok(Json(fleet_status(&api).await?.groups))
}

async fn fleet_status(api: &Api) -> Result<FleetStatus, Error> {
    let stopping = || Error::Unavailable { what: "the fleet", problem: "it is stopping".to_owned() };
    api.fleet.status().await.ok_or_else(stopping)
}
