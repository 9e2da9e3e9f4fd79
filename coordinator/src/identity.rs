//! Who is who: the coordinator's own CA, host certificates and host tokens.
//!
//! A certificate says *who* a host is, a token *what for* it may be used; both live for hours and are renewed together.
//! Everything secret lies in the data folder, readable by its owner only. [`Identity`] is opened once at start and shared.

mod ca;
mod certified;
mod keys;
mod tls;
mod token;

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bifrost_protocol::Secret;
use bifrost_protocol::ids::HostId;
use rustls::ServerConfig;
use sha2::{Digest, Sha256};
use thiserror::Error;

pub use ca::{CsrError, IssuedCertificate, SigningRequest};
pub use certified::{CertificateError, CertifiedHost, host_of_certificate};
pub(crate) use keys::hex_text;
pub use keys::{KeyHash, create_data_dir, new_secret_text, same_secret, secret_file, write_private};
pub use token::{HostClaims, Scope, TokenError, TokenSigner};

use ca::Authority;

/// The name in the QUIC endpoint's certificate. Nodes verify it whatever address they connect to.
pub const LINK_SERVER_NAME: &str = "bifrost-coordinator";

/// The CA's certificate in the data folder, for operators and nodes to pin.
pub const CA_FILE: &str = "ca.pem";

/// The secret of stateless resets in the data folder.
const RESET_KEY_FILE: &str = "reset.key";

/// The coordinator's CA, server certificate and token key.
#[derive(Debug)]
pub struct Identity {
    authority: Authority,
    server: ca::ServerCertificate,
    tokens: TokenSigner,
    reset_key: Secret<[u8; 32]>,
    lifetime: Duration,
}

impl Identity {
    /// Opens what the data folder holds, and makes what is missing. Issues a new server certificate for `names` (DNS names
    /// and IP addresses) and [`LINK_SERVER_NAME`]. `lifetime` is how long host certificates and tokens are valid.
    ///
    /// # Errors
    /// The folder cannot be read or written, or holds something that is not ours.
    pub fn open(data_dir: &Path, names: &[String], lifetime: Duration) -> Result<Self, IdentityError> {
        keys::create_data_dir(data_dir)?;
        let now = SystemTime::now();
        let authority = Authority::open(data_dir, now)?;
        let server = authority.issue_server(names, now)?;
        let reset_secret = keys::secret_file(&data_dir.join(RESET_KEY_FILE))?;
        let reset_key = Secret::new(Sha256::digest(reset_secret.expose()).into());
        Ok(Self { authority, server, tokens: TokenSigner::open(data_dir)?, reset_key, lifetime })
    }

    /// What a restarted coordinator proves to its nodes that it is the one they knew, without knowing their connections
    /// (stateless reset, RFC 9000 section 10.3): they connect anew at once instead of waiting for a timeout.
    #[must_use]
    pub fn reset_key(&self) -> Secret<[u8; 32]> {
        self.reset_key
    }

    /// What the login ids that hosts see are derived from. The same after a restart, as engines live through one.
    #[must_use]
    pub fn pseudonym_key(&self) -> Secret<[u8; 32]> {
        Secret::new(blake3::derive_key("bifrost 2026 login ids that hosts see", self.reset_key.expose()))
    }

    /// The CA's certificate, PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        self.authority.pem()
    }

    /// SHA-256 of the CA's certificate (DER), in hex: what nodes pin that were not given the file.
    #[must_use]
    pub fn ca_fingerprint(&self) -> String {
        hex_text(&Sha256::digest(self.authority.certificate()))
    }

    /// Signs and verifies host tokens.
    #[must_use]
    pub fn tokens(&self) -> &TokenSigner {
        &self.tokens
    }

    /// How long host certificates and tokens are valid.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Issues a client certificate to `host` for the key of a signing request (PEM). Nothing but the key is taken from it.
    ///
    /// # Errors
    /// The request is not one, its signature is bad, or its key is not ECDSA P-256.
    pub fn certify(&self, csr: &SigningRequest, host: &HostId) -> Result<IssuedCertificate, CsrError> {
        self.authority.issue_host(csr, host, SystemTime::now(), self.lifetime)
    }

    /// TLS for the HTTPS API: with the operator's certificate chain and key (PEM files) when given, else with our own. Who
    /// asks for [`LINK_SERVER_NAME`] always sees our own. The CA goes along with it: nodes that pin its fingerprint have to
    /// see it.
    ///
    /// # Errors
    /// A file cannot be read, or the two do not belong together.
    pub fn https_config(&self, operators: Option<(&Path, &Path)>) -> Result<Arc<ServerConfig>, IdentityError> {
        let mut chain = self.server.chain();
        chain.push(self.authority.certificate().clone());
        tls::https(chain, self.server.key(), operators)
    }

    /// TLS for the nodes' QUIC endpoint: TLS 1.3 and our ALPN only, client certificates of our own CA required.
    ///
    /// # Errors
    /// rustls refuses the certificate.
    pub fn link_config(&self) -> Result<Arc<ServerConfig>, IdentityError> {
        tls::link(self.authority.certificate(), self.server.chain(), self.server.key())
    }
}

/// Why the identity cannot be opened.
#[derive(Debug, Error)]
pub enum IdentityError {
    /// A file of the data folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}: {problem}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A name of the server certificate is neither a DNS name nor an IP address.
    #[error("`{name}` is neither a DNS name nor an IP address")]
    Name {
        /// The name.
        name: String,
    },
    /// Making a key or a certificate failed.
    #[error("making a certificate failed: {0}")]
    Certificate(#[from] rcgen::Error),
    /// TLS could not be set up.
    #[error("TLS could not be set up: {0}")]
    Tls(String),
}
