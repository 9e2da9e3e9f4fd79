//! rustls configurations, always with ring.

use std::path::Path;
use std::sync::Arc;

use bifrost_protocol::control::ALPN;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};

use super::IdentityError;

/// For browsers, nodes and tools: TLS 1.2 and 1.3, HTTP/1.1.
pub(super) fn https(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, IdentityError> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(refused)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(refused)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The same with the operator's files.
pub(super) fn https_from_files(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, IdentityError> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(certificate, error))?;
    let key_der = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, error))?;
    https(chain, key_der).map_err(|error| IdentityError::Content {
        path: certificate.to_owned(),
        problem: format!("cannot be used with {}: {error}", key.display()),
    })
}

/// For nodes: TLS 1.3 only, our ALPN, a client certificate of our CA.
pub(super) fn link(
    ca: &CertificateDer<'static>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, IdentityError> {
    let mut roots = RootCertStore::empty();
    roots.add(ca.clone()).map_err(refused)?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()).build().map_err(refused)?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(refused)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(refused)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    // A resumed session would not look at the client certificate's expiry again.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn refused(error: impl std::fmt::Display) -> IdentityError {
    IdentityError::Tls(error.to_string())
}

fn unreadable(path: &Path, error: PemError) -> IdentityError {
    IdentityError::Content { path: path.to_owned(), problem: error.to_string() }
}
