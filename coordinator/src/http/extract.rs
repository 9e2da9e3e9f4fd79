//! What handlers take from a request.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::Json;
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Request};
use axum::http::header;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::{Api, Error};
use crate::identity::{TokenError, same_secret};

/// A JSON body; what is wrong with it becomes an [`Error`].
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Api> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Error> {
        let Json(body) = Json::from_request(request, api).await?;
        Ok(Self(body))
    }
}

/// The bearer token of a host.
pub(super) struct HostToken(pub(super) String);

impl FromRequestParts<Api> for HostToken {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _api: &Api) -> Result<Self, Error> {
        bearer(parts).map(|token| Self(token.to_owned())).ok_or(Error::Token(TokenError::Invalid))
    }
}

/// Proof that the request comes from the operator.
pub(super) struct Admin;

impl FromRequestParts<Api> for Admin {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Error> {
        let given = bearer(parts).ok_or(Error::AdminToken)?;
        if same_secret(given.as_bytes(), api.admin_token.expose().as_bytes()) {
            Ok(Self)
        } else {
            metrics::counter!("bifrost_admin_refused_total").increment(1);
            Err(Error::AdminToken)
        }
    }
}

/// Who asks, as far as rates are concerned: an IPv4 address, or the /64 of an IPv6 address, which one machine owns whole.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Peer(pub(super) IpAddr);

impl Peer {
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self(IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)))
            }
            address @ IpAddr::V4(_) => Self(address),
        }
    }
}

impl FromRequestParts<Api> for Peer {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Error> {
        let info = ConnectInfo::<SocketAddr>::from_request_parts(parts, api).await;
        info.map(|ConnectInfo(address)| Self::of(address.ip()))
            .map_err(|_| Error::Internal("the connection has no peer address".to_owned()))
    }
}

fn bearer(parts: &Parts) -> Option<&str> {
    parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}
