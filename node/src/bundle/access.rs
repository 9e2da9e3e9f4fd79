//! The way to the coordinator's bundles: the client that trusts whom the node trusts, and the host token.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bifrost_protocol::Secret;
use bifrost_protocol::api::ErrorBody;
use bifrost_protocol::bundle::MAX_METADATA;
use bytes::Bytes;
use reqwest::header::RANGE;
use reqwest::{Client, Response, StatusCode};

use super::error::BundleError;
use crate::agent::Identity;
use crate::agent::tls::api_config;
use crate::config::NodeConfig;

/// The longest to wait for a connection, and for the next bytes of an answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest text of an error that is shown to people, in characters.
const MAX_MESSAGE: usize = 500;

/// Whom to ask, and as whom.
pub(super) trait Access: fmt::Debug + Send + Sync {
    /// The coordinator, without a path.
    fn base(&self) -> &str;
    /// A client that believes nobody but the coordinator.
    fn client(&self) -> Result<Client, BundleError>;
    /// The host token as it is now.
    fn token(&self) -> Option<Secret<String>>;
}

/// The access that a node's configuration and registration give.
#[derive(Debug)]
pub(super) struct NodeAccess {
    pub(super) config: NodeConfig,
    pub(super) identity: Identity,
}

impl Access for NodeAccess {
    fn base(&self) -> &str {
        &self.config.coordinator
    }

    fn client(&self) -> Result<Client, BundleError> {
        let setup = |error: String| BundleError::Unreachable(error);
        let pinned = self.identity.state().pinned_ca(&self.config.coordinator);
        let (tls, _) = api_config(&self.config.trust, pinned).map_err(|error| setup(error.to_string()))?;
        Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(true)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .user_agent(concat!("bifrost-node/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| setup(describe(&error)))
    }

    fn token(&self) -> Option<Secret<String>> {
        self.identity.held().map(|held| Secret::new(held.credentials.token.clone()))
    }
}

/// Asks for files.
#[derive(Clone, Debug)]
pub(super) struct Fetcher {
    access: Arc<dyn Access>,
    client: Client,
}

impl Fetcher {
    pub(super) fn new(access: Arc<dyn Access>) -> Result<Self, BundleError> {
        let client = access.client()?;
        Ok(Self { access, client })
    }

    /// The address of a path.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.access.base())
    }

    /// A metadata file; `None` when there is none.
    pub(super) async fn metadata(&self, url: &str) -> Result<Option<Bytes>, BundleError> {
        let mut response = self.get(url, 0).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if response.status() != StatusCode::OK {
            return Err(refused(response).await);
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if (bytes.len() + chunk.len()) as u64 > MAX_METADATA {
                return Err(BundleError::Busy(format!("it answered with more than {MAX_METADATA} bytes")));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Some(bytes.into()))
    }

    /// A file from an offset on. Whatever the coordinator answers is returned.
    pub(super) async fn get(&self, url: &str, from: u64) -> Result<Response, BundleError> {
        let no_token = || BundleError::Busy("this host is not registered yet".into());
        let token = self.access.token().ok_or_else(no_token)?;
        let mut request = self.client.get(url).bearer_auth(token.expose());
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        request.send().await.map_err(unreachable)
    }
}

/// Why an answer is none. Too many requests, an expired token and all errors of the server pass.
pub(super) async fn refused(mut response: Response) -> BundleError {
    let status = response.status();
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await
        && body.len() + chunk.len() <= 4 * MAX_MESSAGE
    {
        body.extend_from_slice(&chunk);
    }
    let ErrorBody { code, message } = serde_json::from_slice(&body).unwrap_or_else(|_| ErrorBody {
        code: format!("http_{}", status.as_u16()),
        message: status.canonical_reason().unwrap_or("no reason given").to_owned(),
    });
    let message: String = message.chars().filter(|char| !char.is_control()).take(MAX_MESSAGE).collect();
    let passing = [StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT];
    if status.is_client_error() && !passing.contains(&status) {
        BundleError::Refused { code, message }
    } else {
        BundleError::Busy(message)
    }
}

/// The whole chain: the outermost error of the HTTP client says little.
pub(super) fn unreachable(error: reqwest::Error) -> BundleError {
    BundleError::Unreachable(describe(&error))
}

fn describe(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
