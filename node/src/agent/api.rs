//! The coordinator's HTTPS API, as far as a node needs it.

use std::sync::Arc;
use std::time::Duration;

use bifrost_protocol::api::{Credentials, ErrorBody, LINK_ALPN, RegisterRequest, RenewRequest};
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use rustls::pki_types::ServerName;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::tls::{SeenCa, TlsError, api_config};
use crate::config::Trust;

/// One request, from connecting to the last byte of the answer. Checking a password takes the coordinator a moment.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// The longest answer: certificate, CA and token are some kilobytes.
const MAX_ANSWER: usize = 256 * 1024;
/// The coordinator's code for an account that is in game.
const ACCOUNT_ONLINE: &str = "account_online";
/// The longest text of an error that is shown to people.
const MAX_MESSAGE: usize = 500;

/// A client of the API.
#[derive(Debug)]
pub(crate) struct Api {
    client: reqwest::Client,
    base: String,
    seen: SeenCa,
}

/// Why a request brought nothing, by what can be done about it.
#[derive(Debug, Error)]
pub(crate) enum ApiError {
    /// Nobody answered, or somebody who is not to be believed; trying again may help.
    #[error("{0}")]
    Unreachable(String),
    /// The coordinator cannot now; trying again may help.
    #[error("the coordinator is busy: {0}")]
    Busy(String),
    /// The coordinator will not, however often it is asked.
    #[error("{message} ({code})")]
    Refused {
        /// Stable code.
        code: String,
        /// For people.
        message: String,
    },
    /// This side cannot even ask.
    #[error("{0}")]
    Setup(String),
}

impl Api {
    /// A client that believes exactly whom `trust` says.
    pub(crate) fn new(base: &str, trust: &Trust, pinned: Option<[u8; 32]>) -> Result<Self, ApiError> {
        let (tls, seen) = api_config(trust, pinned).map_err(|error: TlsError| ApiError::Setup(error.to_string()))?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(true)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(REQUEST_TIMEOUT)
            .user_agent(concat!("bifrost-node/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| ApiError::Setup(describe(&error)))?;
        Ok(Self { client, base: base.to_owned(), seen })
    }

    /// Registers this host.
    pub(crate) async fn register(&self, request: &RegisterRequest) -> Result<Credentials, ApiError> {
        self.post(self.client.post(format!("{}/v1/hosts", self.base)), request).await
    }

    /// New certificate and token for old ones.
    pub(crate) async fn renew(&self, token: &str, csr: String) -> Result<Credentials, ApiError> {
        let request = self.client.post(format!("{}/v1/hosts/renew", self.base)).bearer_auth(token);
        self.post(request, &RenewRequest { csr }).await
    }

    /// The CA that answered, where it had to be learnt.
    pub(crate) fn seen_ca(&self) -> Option<[u8; 32]> {
        *self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    async fn post<T: DeserializeOwned>(&self, request: RequestBuilder, body: &impl Serialize) -> Result<T, ApiError> {
        let response = request.json(body).send().await.map_err(|error| ApiError::Unreachable(describe(&error)))?;
        let status = response.status();
        let bytes = read(response).await?;
        if status.is_success() {
            return serde_json::from_slice(&bytes)
                .map_err(|error| ApiError::Busy(format!("it answered what nobody understands: {error}")));
        }
        Err(classify(status, &bytes))
    }
}

/// The link within TLS, at the API's own port. Believes whom the API's client does.
pub(crate) async fn link(
    base: &str,
    trust: &Trust,
    pinned: Option<[u8; 32]>,
) -> Result<TlsStream<TcpStream>, ApiError> {
    let setup = |error: &dyn std::fmt::Display| ApiError::Setup(error.to_string());
    let unreachable = |error: std::io::Error| ApiError::Unreachable(error.to_string());
    let (mut tls, _) = api_config(trust, pinned).map_err(|error| setup(&error))?;
    tls.alpn_protocols = vec![LINK_ALPN.to_vec()];
    let url = Url::parse(base).map_err(|error| setup(&error))?;
    let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).map_err(|error| setup(&error))?;
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await.map_err(unreachable)?;
    stream.set_nodelay(true).map_err(unreachable)?;
    TlsConnector::from(Arc::new(tls)).connect(name, stream).await.map_err(unreachable)
}

async fn read(mut response: Response) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| ApiError::Unreachable(describe(&error)))? {
        if bytes.len() + chunk.len() > MAX_ANSWER {
            return Err(ApiError::Busy(format!("it answered with more than {MAX_ANSWER} bytes")));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Errors of ours are for good; too many requests, timeouts, accounts in game and all errors of the server pass.
fn classify(status: StatusCode, body: &[u8]) -> ApiError {
    let ErrorBody { code, message } = serde_json::from_slice(body).unwrap_or_else(|_| ErrorBody {
        code: format!("http_{}", status.as_u16()),
        message: status.canonical_reason().unwrap_or("no reason given").to_owned(),
    });
    let message: String = message.chars().filter(|char| !char.is_control()).take(MAX_MESSAGE).collect();
    // An account cannot be proved while it plays: proving it would end the game.
    let passing =
        matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT) || code == ACCOUNT_ONLINE;
    if status.is_client_error() && !passing { ApiError::Refused { code, message } } else { ApiError::Busy(message) }
}

/// The whole chain: the outermost error of the HTTP client says little.
fn describe(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_for_good_and_overload_passes() {
        let body = br#"{"code":"wrong_password","message":"wrong\u0007 password"}"#;
        let refused = classify(StatusCode::UNAUTHORIZED, body);
        assert_eq!(refused.to_string(), "wrong password (wrong_password)");
        assert!(matches!(refused, ApiError::Refused { .. }));
        assert!(matches!(classify(StatusCode::TOO_MANY_REQUESTS, body), ApiError::Busy(_)));
        let online = br#"{"code":"account_online","message":"in game"}"#;
        assert!(matches!(classify(StatusCode::CONFLICT, online), ApiError::Busy(_)));
        assert!(matches!(classify(StatusCode::BAD_GATEWAY, b"<html>"), ApiError::Busy(_)));
        assert_eq!(classify(StatusCode::NOT_FOUND, b"<html>").to_string(), "Not Found (http_404)");
    }
}
