//! For the operator, with the admin token of the data folder as bearer.

use std::collections::BTreeMap;
use std::time::SystemTime;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use bifrost_protocol::api::ErrorBody;
use bifrost_protocol::ids::{AccountId, HostId};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::{Admin, Body};
use super::limits::MAX_INVITATION_MINUTES;
use super::register::{invitation_hash, kind_name, unix_seconds};
use super::{AccountProof, Api, Error};
use crate::bounds::standing;
use crate::fleet::HostKind;
use crate::identity::new_secret_text;
use crate::store::{HostRow, Store, StoreError};

/// A registered host.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Host {
    /// Its id.
    pub id: String,
    /// `player` or `fallback`.
    pub kind: String,
    /// What it called itself.
    pub name: String,
    /// The game account that registered it.
    pub account: Option<u32>,
    /// What its engine is built for.
    pub abi: String,
    /// Whether it was thrown out.
    pub revoked: bool,
    /// Seconds since the Unix epoch.
    pub created_at: i64,
    /// Seconds since the Unix epoch: registration or the last renewal.
    pub last_seen: i64,
    /// How it behaved.
    #[serde(default)]
    pub standing: Standing,
}

/// How a host behaved.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
pub struct Standing {
    /// Clean audits in a row.
    pub clean_audits: u32,
    /// Whether they are enough for trust.
    pub trusted: bool,
    /// Rules it broke, ever.
    pub violations: u32,
    /// The last of them; empty: none.
    pub last_violation: String,
    /// Seconds until it may carry maps again; 0: it may.
    pub quarantine_seconds: u64,
}

/// Asks for an invitation.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct InvitationRequest {
    /// Minutes it is valid.
    pub minutes: u32,
}

/// An invitation: registers one fallback host.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[expect(missing_debug_implementations, reason = "holds a secret")]
pub struct Invitation {
    /// The code. It is shown once.
    pub code: String,
    /// When it ends, seconds since the Unix epoch.
    pub expires_at: i64,
}

/// A game account to be made in the embedded realm.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[expect(missing_debug_implementations, reason = "holds a password")]
pub struct AccountRequest {
    /// 4 to 23 characters of `A-Z a-z 0-9 _ - . @`.
    pub name: String,
    /// 4 to 23 printable ASCII characters.
    pub password: String,
    /// `M` or `F`: sex of its characters.
    #[serde(default)]
    pub sex: Sex,
}

/// Sex of an account's characters.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema, ValueEnum)]
pub enum Sex {
    /// Male.
    #[default]
    #[value(name = "M")]
    M,
    /// Female.
    #[value(name = "F")]
    F,
}

/// A game account.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
pub struct Account {
    /// Its id (`login.account_id`).
    pub id: u32,
}

/// Makes a game account in the embedded realm.
#[utoipa::path(
    post, path = "/v1/accounts", tag = "admin", security(("admin" = [])), request_body = AccountRequest,
    responses(
        (status = 201, body = Account),
        (status = 400, description = "`invalid_request`", body = ErrorBody),
        (status = 401, body = ErrorBody),
        (status = 409, description = "the name is taken, or the realm is a stock rAthena", body = ErrorBody),
    )
)]
pub(super) async fn create_account(
    State(api): State<Api>,
    _admin: Admin,
    Body(request): Body<AccountRequest>,
) -> Result<(StatusCode, Json<Account>), Error> {
    let AccountProof::Embedded(accounts) = &api.proof else {
        return Err(Error::Conflict("accounts of a stock rAthena are made there, not here"));
    };
    let AccountId(id) = accounts.create(&request.name, &request.password, request.sex.number()).await?;
    Ok((StatusCode::CREATED, Json(Account { id })))
}

impl Sex {
    /// As the realm keeps it.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::F => 0,
            Self::M => 1,
        }
    }
}

/// All registered hosts, oldest first.
#[utoipa::path(
    get, path = "/v1/hosts", tag = "admin", security(("admin" = [])),
    responses((status = 200, body = Vec<Host>), (status = 401, body = ErrorBody))
)]
pub(super) async fn hosts(State(api): State<Api>, _admin: Admin) -> Result<Json<Vec<Host>>, Error> {
    let known = api.store.standings().await?;
    let mut known: BTreeMap<_, _> = known.into_iter().map(|row| (row.host, row.standing)).collect();
    let now = u64::try_from(unix_seconds(SystemTime::now())).unwrap_or_default();
    let listed = api.store.hosts().await?.into_iter().map(|row| {
        let standing = known.remove(&row.id).unwrap_or_default();
        Host { standing: shown(&standing, &api.policy, now), ..Host::from(row) }
    });
    Ok(Json(listed.collect()))
}

fn shown(standing: &standing::Standing, policy: &standing::Policy, now: u64) -> Standing {
    Standing {
        clean_audits: standing.streak,
        trusted: standing.is_trusted(policy),
        violations: standing.violations,
        last_violation: standing.last_rule.clone(),
        quarantine_seconds: standing.quarantined_until.saturating_sub(now),
    }
}

/// Lifts a host's quarantine. It has to earn trust anew.
#[utoipa::path(
    post, path = "/v1/hosts/{id}/pardon", tag = "admin", security(("admin" = [])), params(("id" = String, Path)),
    responses((status = 204), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody))
)]
pub(super) async fn pardon(State(api): State<Api>, _admin: Admin, Path(id): Path<String>) -> Result<StatusCode, Error> {
    let id = HostId(id);
    api.store.host(&id).await?.ok_or(Error::NotFound("there is no such host"))?;
    api.fleet.pardon(id.clone()).await;
    tracing::warn!(host = %id, "host's quarantine is lifted");
    Ok(StatusCode::NO_CONTENT)
}

/// Throws a host out: its link is cut now, its token is void, and its account registers no other.
#[utoipa::path(
    post, path = "/v1/hosts/{id}/revoke", tag = "admin", security(("admin" = [])), params(("id" = String, Path)),
    responses((status = 204), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody))
)]
pub(super) async fn revoke(State(api): State<Api>, _admin: Admin, Path(id): Path<String>) -> Result<StatusCode, Error> {
    let id = HostId(id);
    // The store first: a host that comes back at once has to find itself refused.
    set_revoked(&api, &id, true).await?;
    api.fleet.revoke(id.clone()).await;
    if let Some(gateways) = &api.gateways {
        gateways.cut(&id);
    }
    tracing::warn!(host = %id, "host revoked");
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a host back. It has to register again: its old tokens stay void.
#[utoipa::path(
    post, path = "/v1/hosts/{id}/restore", tag = "admin", security(("admin" = [])), params(("id" = String, Path)),
    responses((status = 204), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody))
)]
pub(super) async fn restore(
    State(api): State<Api>,
    _admin: Admin,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    let id = HostId(id);
    set_revoked(&api, &id, false).await?;
    tracing::warn!(host = %id, "host restored");
    Ok(StatusCode::NO_CONTENT)
}

/// Makes an invitation for a fallback host.
#[utoipa::path(
    post, path = "/v1/invitations", tag = "admin", security(("admin" = [])), request_body = InvitationRequest,
    responses((status = 201, body = Invitation), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody))
)]
pub(super) async fn invite(
    State(api): State<Api>,
    _admin: Admin,
    Body(request): Body<InvitationRequest>,
) -> Result<(StatusCode, Json<Invitation>), Error> {
    if !(1..=MAX_INVITATION_MINUTES).contains(&request.minutes) {
        return Err(Error::Invalid(format!("minutes: expected 1 to {MAX_INVITATION_MINUTES}")));
    }
    let invitation = create_invitation(&api.store, request.minutes).await?;
    Ok((StatusCode::CREATED, Json(invitation)))
}

/// Makes an invitation for a fallback host in the store.
///
/// # Errors
/// The store refuses.
pub async fn create_invitation(store: &Store, minutes: u32) -> Result<Invitation, StoreError> {
    let code = new_secret_text();
    let expires_at = unix_seconds(SystemTime::now()).saturating_add(i64::from(minutes) * 60);
    store.create_invitation(&invitation_hash(&code), HostKind::Fallback, expires_at).await?;
    Ok(Invitation { code, expires_at })
}

async fn set_revoked(api: &Api, id: &HostId, revoked: bool) -> Result<(), Error> {
    let host = api.store.host(id).await?.ok_or(Error::NotFound("there is no such host"))?;
    // Tokens issued before stay void, also after the host is taken back.
    api.store.set_host_epoch(id, host.epoch.saturating_add(1)).await?;
    api.store.set_host_revoked(id, revoked).await?;
    Ok(())
}

impl From<HostRow> for Host {
    fn from(row: HostRow) -> Self {
        Self {
            id: row.id.0,
            kind: kind_name(row.kind).to_owned(),
            name: row.name,
            account: row.account,
            abi: row.abi,
            revoked: row.revoked,
            created_at: row.created_at,
            last_seen: row.last_seen,
            standing: Standing::default(),
        }
    }
}
