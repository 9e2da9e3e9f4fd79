//! The HTTPS API: registration, status, administration, health. One file a resource.
//!
//! Handlers only translate: what they decide stands in the store, what they show comes from the fleet. The routes and the
//! OpenAPI document are made from one list, [`routes!`].

mod admin;
mod bundles;
mod database;
mod error;
mod extract;
mod health;
mod limits;
mod proof;
mod register;
mod server;
mod status;
mod within;

#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::{Json, Router};
use bifrost_protocol::Secret;
use bifrost_protocol::ids::HostId;
use metrics_exporter_prometheus::PrometheusHandle;
use rustls::ServerConfig;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use admin::{Account, AccountRequest, Host, Invitation, InvitationRequest, Sex, Standing, create_invitation};
pub use database::{DatabaseHost, DatabaseReport, PolicyReport};
pub use error::Error;
pub use health::Readiness;
pub use proof::{AccountDatabase, AccountProof, LoginServer, ProofError};
pub use server::HttpHandle;

use crate::bounds::standing::Policy;
use crate::bundles::Bundles;
use crate::database::relay::Relay;
use crate::fleet::FleetHandle;
use crate::identity::Identity;
use crate::nodes::Gateways;
use crate::store::Store;
use bundles::Downloads;
use extract::Peer;
use limits::{BUNDLE_REQUESTS, Limiter, MAX_BODY, PASSWORD_TRIES, REGISTRATIONS, RENEWALS, REQUEST_TIMEOUT};

/// What the API works with.
#[derive(Debug)]
pub struct Deps {
    /// CA and tokens.
    pub identity: Arc<Identity>,
    /// Hosts and invitations.
    pub store: Store,
    /// How game accounts are proved.
    pub proof: AccountProof,
    /// The fleet.
    pub fleet: FleetHandle,
    /// Players' gateways, if they are let in.
    pub gateways: Option<Arc<Gateways>>,
    /// What hosts run.
    pub bundles: Bundles,
    /// What hosts' SQL goes through, if it goes anywhere.
    pub database: Option<Arc<Relay>>,
    /// How standing is earned and lost.
    pub policy: Policy,
    /// `host:port` that nodes are told to connect to.
    pub link: String,
    /// Where the QUIC endpoint is itself, for those who come within TLS.
    pub endpoint: SocketAddr,
    /// What the operator has to show.
    pub admin_token: Secret<String>,
    /// Where metrics are collected.
    pub metrics: PrometheusHandle,
}

/// Binds `listen` and serves the API until `token` is cancelled.
///
/// # Errors
/// The address cannot be bound.
pub fn spawn(
    listen: SocketAddr,
    tls: Arc<ServerConfig>,
    deps: Deps,
    token: &CancellationToken,
) -> io::Result<HttpHandle> {
    let endpoint = deps.endpoint;
    server::serve(listen, tls, endpoint, router(deps), token)
}

/// What every handler sees. Cheap to clone.
#[derive(Clone, Debug)]
struct Api(Arc<State>);

#[derive(Debug)]
struct State {
    deps: Deps,
    registrations: Limiter<Peer>,
    renewals: Limiter<Peer>,
    password_tries: Limiter<String>,
    bundle_requests: Limiter<HostId>,
    downloads: Downloads,
    /// Held while a host is admitted.
    admission: Mutex<()>,
}

impl std::ops::Deref for Api {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

impl std::ops::Deref for State {
    type Target = Deps;

    fn deref(&self) -> &Deps {
        &self.deps
    }
}

/// The one list of routes.
fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(document())
        .routes(routes!(register::register, admin::hosts))
        .routes(routes!(register::renew))
        .routes(routes!(admin::revoke))
        .routes(routes!(admin::restore))
        .routes(routes!(admin::pardon))
        .routes(routes!(admin::invite))
        .routes(routes!(admin::create_account))
        .routes(routes!(bundles::root))
        .routes(routes!(bundles::metadata))
        .routes(routes!(bundles::target))
        .routes(routes!(status::status))
        .routes(routes!(status::groups))
        .routes(routes!(database::database))
        .routes(routes!(database::reload))
        .routes(routes!(health::ca))
        .routes(routes!(health::livez))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
}

fn router(deps: Deps) -> Router {
    let (router, document) = routes().split_for_parts();
    let api = Api(Arc::new(State {
        deps,
        registrations: Limiter::new(REGISTRATIONS),
        renewals: Limiter::new(RENEWALS),
        password_tries: Limiter::new(PASSWORD_TRIES),
        bundle_requests: Limiter::new(BUNDLE_REQUESTS),
        downloads: Downloads::default(),
        admission: Mutex::new(()),
    }));
    router
        .route("/openapi.json", axum::routing::get(async move || Json(document)))
        .method_not_allowed_fallback(async || Error::Method)
        .fallback(async || Error::NotFound("there is nothing at this path"))
        .with_state(api)
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_TIMEOUT))
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
        .layer(middleware::from_fn(measure))
}

/// The OpenAPI document without its paths.
fn document() -> OpenApi {
    let bearer = |description: &str| {
        SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description)).build())
    };
    let mut components = Components::new();
    components.add_security_scheme("host", bearer("The host's token from registration."));
    components.add_security_scheme("admin", bearer("The content of admin.token in the data folder."));
    OpenApiBuilder::new()
        .info(InfoBuilder::new().title("Bifrost coordinator").version(env!("CARGO_PKG_VERSION")).build())
        .components(Some(components))
        .build()
}

/// Counts and times every request by its route, never by its path: paths are the client's choice.
async fn measure(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    metrics::histogram!("bifrost_http_seconds", "route" => route, "status" => status)
        .record(started.elapsed().as_secs_f64());
    response
}
