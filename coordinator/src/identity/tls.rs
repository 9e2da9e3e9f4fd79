//! rustls configurations, always with ring.

use std::path::Path;
use std::sync::Arc;

use bifrost_protocol::api::LINK_ALPN;
use bifrost_protocol::control::{ALPN, PLAY_ALPN};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};

use super::{IdentityError, LINK_SERVER_NAME};

/// For browsers, nodes and tools: TLS 1.2 and 1.3, HTTP/1.1, and the link for whom UDP does not reach.
pub(super) fn https(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    operators: Option<(&Path, &Path)>,
) -> Result<Arc<ServerConfig>, IdentityError> {
    let own = Arc::new(CertifiedKey::from_der(chain, key, &provider()).map_err(refused)?);
    let public = match operators {
        Some((certificate, key)) => Arc::new(operators_key(certificate, key)?),
        None => Arc::clone(&own),
    };
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(refused)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(ByName { own, public }));
    config.alpn_protocols = vec![b"http/1.1".to_vec(), LINK_ALPN.to_vec()];
    Ok(Arc::new(config))
}

/// Our own certificate for who asks for it by name, the public one for everybody else.
#[derive(Debug)]
struct ByName {
    own: Arc<CertifiedKey>,
    public: Arc<CertifiedKey>,
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let own = hello.server_name() == Some(LINK_SERVER_NAME);
        Some(Arc::clone(if own { &self.own } else { &self.public }))
    }
}

fn operators_key(certificate: &Path, key: &Path) -> Result<CertifiedKey, IdentityError> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(certificate, error))?;
    let key_der = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, error))?;
    CertifiedKey::from_der(chain, key_der, &provider()).map_err(|error| IdentityError::Content {
        path: certificate.to_owned(),
        problem: format!("cannot be used with {}: {error}", key.display()),
    })
}

/// For nodes and gateways: TLS 1.3 only, our ALPNs, a client certificate of our CA.
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
    config.alpn_protocols = vec![ALPN.to_vec(), PLAY_ALPN.to_vec()];
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
