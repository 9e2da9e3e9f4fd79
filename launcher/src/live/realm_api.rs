//! The realm's public HTTPS API, believed only under the CA of the realm file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::node;
use crate::realm::Realm;
use crate::status::{MAX_STATUS, RealmStatus, StatusProblem};
use crate::view::Trouble;

/// One request, from connecting to the last byte.
const TIMEOUT: Duration = Duration::from_secs(6);

/// A client of one realm.
#[derive(Debug)]
pub(super) struct RealmApi {
    realm: Realm,
    node_folder: PathBuf,
    /// Or why there is none.
    client: Result<reqwest::Client, String>,
}

impl RealmApi {
    pub(super) fn new(realm: &Realm, node_folder: &Path) -> Self {
        Self { realm: realm.clone(), node_folder: node_folder.to_owned(), client: client(&realm.description.ca) }
    }

    pub(super) fn is_of(&self, realm: &Realm) -> bool {
        self.realm == *realm
    }

    /// What the realm does now.
    pub(super) async fn status(&self) -> Result<RealmStatus, StatusProblem> {
        let (bytes, took, _) = self.get().await?;
        let status: RealmStatus = serde_json::from_slice(&bytes)
            .map_err(|error| StatusProblem { trouble: Trouble::Realm, detail: format!("not understood: {error}") })?;
        let own = node::credentials(&self.node_folder).map(|held| held.host_id);
        Ok(RealmStatus { own, answered_ms: took.as_secs_f64() * 1e3, ..status })
    }

    /// How long the realm took to answer, and its clock in Unix seconds.
    pub(super) async fn look(&self) -> Result<(Duration, Option<u64>), StatusProblem> {
        let (_, took, date) = self.get().await?;
        Ok((took, date))
    }

    async fn get(&self) -> Result<(Vec<u8>, Duration, Option<u64>), StatusProblem> {
        let client = self
            .client
            .as_ref()
            .map_err(|problem| StatusProblem { trouble: Trouble::Certificate, detail: problem.clone() })?;
        let url = format!("{}/v1/status", self.realm.description.coordinator.trim_end_matches('/'));
        let started = Instant::now();
        let mut response = client.get(url).send().await.map_err(|error| classify(&error))?;
        let took = started.elapsed();
        let date = response.headers().get("date").and_then(|date| date.to_str().ok()).and_then(seconds);
        if !response.status().is_success() {
            let detail = format!("it answers {}", response.status());
            return Err(StatusProblem { trouble: Trouble::Realm, detail });
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| classify(&error))? {
            if bytes.len() + chunk.len() > MAX_STATUS {
                return Err(StatusProblem { trouble: Trouble::Realm, detail: "its answer is too long".into() });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok((bytes, took, date))
    }
}

fn client(ca: &str) -> Result<reqwest::Client, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca.as_bytes()) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .https_only(true)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT)
        .user_agent(concat!("bifrost-launcher/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| error.to_string())
}

/// Where it broke, by the innermost error that says so.
fn classify(error: &reqwest::Error) -> StatusProblem {
    let (mut detail, mut trouble) = (error.to_string(), Trouble::Network);
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        detail = format!("{detail}: {cause}");
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            trouble = by_kind(io.kind()).unwrap_or(trouble);
        }
        if let Some(rustls::Error::InvalidCertificate(_)) = cause.downcast_ref::<rustls::Error>() {
            trouble = Trouble::Certificate;
        }
        source = cause.source();
    }
    // The TLS error travels inside an IO error, which does not always show it as its source.
    if detail.contains("invalid peer certificate") {
        trouble = Trouble::Certificate;
    }
    StatusProblem { trouble, detail }
}

fn by_kind(kind: std::io::ErrorKind) -> Option<Trouble> {
    use std::io::ErrorKind;
    if matches!(kind, ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown | ErrorKind::AddrNotAvailable) {
        Some(Trouble::Me)
    } else if matches!(kind, ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset) {
        Some(Trouble::Realm)
    } else {
        None
    }
}

/// An HTTP date as Unix seconds.
fn seconds(date: &str) -> Option<u64> {
    chrono::DateTime::parse_from_rfc2822(date).ok().and_then(|time| u64::try_from(time.timestamp()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_dates_are_read() {
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(seconds("soon"), None);
    }
}
