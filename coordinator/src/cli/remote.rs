//! Asking the running coordinator over its own API, as any other client: pinned CA, admin token.

use std::path::Path;
use std::time::Duration;

use bifrost_protocol::Secret;
use bifrost_protocol::api::ErrorBody;
use reqwest::{Certificate, Client, Method, Response};

use crate::failure::Failure;
use crate::http::Host;
use crate::identity::{CA_FILE, LINK_SERVER_NAME};
use crate::service::{ADDRESSES_FILE, ADMIN_TOKEN_FILE, Addresses};

/// The longest to wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The running coordinator of a data folder.
pub(super) struct Remote {
    base: String,
    token: Secret<String>,
    client: Client,
}

impl Remote {
    /// Finds the running coordinator by what it wrote into its data folder.
    pub(super) fn open(data_dir: &Path) -> Result<Self, Failure> {
        let (base, client) = reach(data_dir, TIMEOUT)?;
        let token = Secret::new(read(data_dir, ADMIN_TOKEN_FILE)?.trim().to_owned());
        Ok(Self { base, token, client })
    }

    /// All registered hosts.
    pub(super) async fn hosts(&self) -> Result<Vec<Host>, Failure> {
        let answer = self.send(Method::GET, "/v1/hosts").await?;
        answer.json().await.map_err(|error| Failure::Api(describe(&error)))
    }

    /// `revoke`, `restore` or `pardon`.
    pub(super) async fn order(&self, host: &str, order: &str) -> Result<(), Failure> {
        if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(Failure::Usage(format!("`{host}` is no host id")));
        }
        self.send(Method::POST, &format!("/v1/hosts/{host}/{order}")).await.map(drop)
    }

    async fn send(&self, method: Method, path: &str) -> Result<Response, Failure> {
        let request = self.client.request(method, format!("{}{path}", self.base)).bearer_auth(self.token.expose());
        let answer = request.send().await.map_err(|error| {
            Failure::Api(format!("the coordinator does not answer; is it running? {}", describe(&error)))
        })?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let said = answer.json::<ErrorBody>().await.map_or_else(|_| status.to_string(), |body| body.message);
        Err(Failure::Api(said))
    }
}

/// Where the coordinator of a data folder answers, and a client that believes only its CA.
pub(super) fn reach(data_dir: &Path, timeout: Duration) -> Result<(String, Client), Failure> {
    let broken =
        |name: &str, error: &dyn std::fmt::Display| Failure::Api(format!("{}: {error}", data_dir.join(name).display()));
    let addresses: Addresses =
        serde_json::from_str(&read(data_dir, ADDRESSES_FILE)?).map_err(|error| broken(ADDRESSES_FILE, &error))?;
    let ca = Certificate::from_pem(read(data_dir, CA_FILE)?.as_bytes()).map_err(|error| broken(CA_FILE, &error))?;
    // Whatever certificate the operator has configured for the public name, under this one it is our own.
    let client = Client::builder()
        .tls_certs_only([ca])
        .resolve(LINK_SERVER_NAME, reachable(addresses.https))
        .https_only(true)
        .no_proxy()
        .timeout(timeout)
        .build()
        .map_err(|error| Failure::Api(error.to_string()))?;
    Ok((format!("https://{LINK_SERVER_NAME}:{}", addresses.https.port()), client))
}

fn read(data_dir: &Path, name: &str) -> Result<String, Failure> {
    let path = data_dir.join(name);
    std::fs::read_to_string(&path).map_err(|error| {
        Failure::Api(format!("{}: {error}; has a coordinator been run with this data_dir?", path.display()))
    })
}

/// Where an address bound to every interface is reached from the same machine.
fn reachable(mut address: std::net::SocketAddr) -> std::net::SocketAddr {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// The whole chain: reqwest's own text stops at the URL.
pub(super) fn describe(error: &reqwest::Error) -> String {
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
    fn without_a_coordinator_the_missing_file_is_named() {
        let dir = tempfile::TempDir::new().expect("folder");
        let said = Remote::open(dir.path()).err().expect("nothing there").to_string();
        assert!(said.contains("addresses.json: No such file"), "{said}");
        assert!(said.ends_with("has a coordinator been run with this data_dir?"), "{said}");
    }

    #[test]
    fn an_address_bound_everywhere_is_reached_over_loopback() {
        let reached = |text: &str| reachable(text.parse().expect("address")).to_string();
        assert_eq!(reached("0.0.0.0:7443"), "127.0.0.1:7443");
        assert_eq!(reached("[::]:7443"), "[::1]:7443");
        assert_eq!(reached("192.0.2.7:7443"), "192.0.2.7:7443");
    }
}
