//! TLS to the database.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Encrypts a connection, or says why not.
pub(super) async fn encrypt(stream: TcpStream, host: &str, ca: &Path) -> Result<TlsStream<TcpStream>, String> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| format!("`{host}` is no name of a server"))?;
    let mut roots = RootCertStore::empty();
    let file = |error: rustls::pki_types::pem::Error| format!("{}: {error}", ca.display());
    for certificate in CertificateDer::pem_file_iter(ca).map_err(file)? {
        roots.add(certificate.map_err(file)?).map_err(|error| format!("{}: {error}", ca.display()))?;
    }
    // Said here: several parts of the program link one each, so that there is no default to count on.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|error| error.to_string())
}
