//! Reading who a peer is from its certificate. TLS has verified the chain by then; this takes nothing on trust but that.

use std::time::{Duration, SystemTime};

use bifrost_protocol::ids::HostId;
use rustls::pki_types::CertificateDer;
use thiserror::Error;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::keys::{KeyHash, is_host_id};

/// Before the host id in a certificate's URI name.
const HOST_URI: &str = "bifrost://host/";

/// What a host's certificate says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertifiedHost {
    /// Who it is.
    pub host: HostId,
    /// Its key.
    pub key_hash: KeyHash,
    /// The certificate's serial number, hex.
    pub serial: String,
    /// When the certificate ends. TLS checks this at the handshake only: a link that lives longer has to look again.
    pub expires_at: SystemTime,
}

/// Why a certificate is not a host's.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum CertificateError {
    /// Not X.509.
    #[error("the certificate cannot be read")]
    Unreadable,
    /// It names no host, or more than one.
    #[error("the certificate does not name one host")]
    NoHost,
}

/// Reads the host from a verified client certificate.
///
/// # Errors
/// The certificate is unreadable or does not name exactly one host.
pub fn host_of_certificate(certificate: &CertificateDer<'_>) -> Result<CertifiedHost, CertificateError> {
    let parsed = parse(certificate)?;
    let names = parsed.subject_alternative_name().map_err(|_| CertificateError::Unreadable)?;
    let names = names.map(|extension| extension.value.general_names.as_slice()).unwrap_or_default();
    let [GeneralName::URI(uri)] = names else {
        return Err(CertificateError::NoHost);
    };
    let host = uri.strip_prefix(HOST_URI).filter(|host| is_host_id(host)).ok_or(CertificateError::NoHost)?;
    let expires_at = u64::try_from(parsed.validity().not_after.timestamp()).unwrap_or(0);
    Ok(CertifiedHost {
        host: HostId(host.to_owned()),
        key_hash: KeyHash::of(parsed.public_key().raw),
        serial: parsed.raw_serial_as_string(),
        expires_at: SystemTime::UNIX_EPOCH + Duration::from_secs(expires_at),
    })
}

/// The URI that names a host in its certificate.
pub(super) fn uri_of_host(host: &HostId) -> String {
    format!("{HOST_URI}{host}")
}

/// The key a certificate is for.
pub(super) fn key_of_certificate(certificate: &CertificateDer<'_>) -> Result<KeyHash, CertificateError> {
    parse(certificate).map(|parsed| KeyHash::of(parsed.public_key().raw))
}

fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, CertificateError> {
    match X509Certificate::from_der(certificate) {
        Ok(([], parsed)) => Ok(parsed),
        Ok(_) | Err(_) => Err(CertificateError::Unreadable),
    }
}
