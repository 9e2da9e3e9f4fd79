//! The coordinator's own certificate authority.

use std::net::IpAddr;
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use bifrost_protocol::ids::HostId;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData, SanType,
    SerialNumber,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use thiserror::Error;

use super::certified::uri_of_host;
use super::keys::{KeyHash, read_or_create};
use super::{CA_FILE, IdentityError, LINK_SERVER_NAME};

/// The CA's private key, beside [`CA_FILE`].
const KEY_FILE: &str = "ca.key";
/// The CA outlives any installation: replacing it means registering every host again.
const CA_LIFETIME: Duration = Duration::from_hours(24 * 3_650);
/// A new server certificate is issued at each start; this bounds how long a coordinator may run without one.
const SERVER_LIFETIME: Duration = Duration::from_hours(24 * 730);
/// Players' clocks are wrong by a time zone or a day; a certificate is valid from this long before it is issued.
const BACKDATED: Duration = Duration::from_hours(48);
/// The longest signing request looked at, in bytes of PEM. One for a P-256 key has about 500.
const MAX_CSR: usize = 8 * 1024;

/// The CA.
#[derive(Debug)]
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
}

/// The coordinator's certificate for HTTPS and QUIC.
pub(super) struct ServerCertificate {
    certificate: CertificateDer<'static>,
    key: PrivatePkcs8KeyDer<'static>,
}

/// A client certificate, as the host gets it.
#[derive(Clone, Debug)]
pub struct IssuedCertificate {
    /// PEM.
    pub pem: String,
    /// DER.
    pub der: CertificateDer<'static>,
    /// When it ends.
    pub expires_at: SystemTime,
}

/// A signing request whose signature has been checked: whoever sent it owns the key.
#[derive(Debug)]
pub struct SigningRequest {
    request: CertificateSigningRequestParams,
    /// The key it is for.
    pub key_hash: KeyHash,
}

/// Why a signing request is refused.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum CsrError {
    /// It is not a PKCS#10 request in PEM, or one with extensions we do not know.
    #[error("the signing request cannot be read")]
    Unreadable,
    /// It is not signed by the key it names.
    #[error("the signing request's signature is not its key's")]
    Signature,
    /// Another kind of key.
    #[error("the key is not ECDSA P-256")]
    KeyType,
    /// The certificate could not be made.
    #[error("the certificate could not be made")]
    Issue,
}

impl SigningRequest {
    /// Reads a PEM signing request and checks its signature.
    ///
    /// # Errors
    /// It is unreadable, wrongly signed, or for another kind of key than ECDSA P-256.
    pub fn from_pem(pem: &str) -> Result<Self, CsrError> {
        if pem.len() > MAX_CSR {
            return Err(CsrError::Unreadable);
        }
        let request = CertificateSigningRequestParams::from_pem(pem).map_err(|error| {
            if error == rcgen::Error::InvalidCertificationRequestSignature {
                CsrError::Signature
            } else {
                CsrError::Unreadable
            }
        })?;
        if request.public_key.algorithm() != &PKCS_ECDSA_P256_SHA256 {
            return Err(CsrError::KeyType);
        }
        let key_hash = KeyHash::of(&request.public_key.subject_public_key_info());
        Ok(Self { request, key_hash })
    }
}

impl Authority {
    /// Opens the CA of a data folder, or makes one.
    pub(super) fn open(data_dir: &Path, now: SystemTime) -> Result<Self, IdentityError> {
        let (key_path, certificate_path) = (data_dir.join(KEY_FILE), data_dir.join(CA_FILE));
        let content = |path: &Path, problem: String| IdentityError::Content { path: path.to_owned(), problem };
        let key_pem = read_or_create(&key_path, || Ok(new_key()?.serialize_pem()))?;
        let key = KeyPair::from_pem(&key_pem).map_err(|error| content(&key_path, error.to_string()))?;
        let pem = read_or_create(&certificate_path, || Ok(ca_params(now).self_signed(&key)?.pem()))?;
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|error| content(&certificate_path, error.to_string()))?;
        let owned = super::certified::key_of_certificate(&certificate)
            .is_ok_and(|hash| hash == KeyHash::of(&key.subject_public_key_info()));
        if !owned {
            return Err(content(&certificate_path, format!("does not belong to {KEY_FILE}")));
        }
        let issuer = Issuer::from_ca_cert_der(&certificate, key)?;
        Ok(Self { issuer, certificate, pem })
    }

    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    pub(super) fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Issues the coordinator's certificate for `names` and [`LINK_SERVER_NAME`], with a new key that is never stored.
    pub(super) fn issue_server(&self, names: &[String], now: SystemTime) -> Result<ServerCertificate, IdentityError> {
        let mut alternatives = vec![dns_name(LINK_SERVER_NAME)?];
        for name in names {
            alternatives.push(match IpAddr::from_str(name) {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => dns_name(name)?,
            });
        }
        let mut params = leaf_params(LINK_SERVER_NAME, ExtendedKeyUsagePurpose::ServerAuth, now, SERVER_LIFETIME);
        params.subject_alt_names = alternatives;
        let key = new_key()?;
        let certificate = params.signed_by(&key, &self.issuer)?.into();
        Ok(ServerCertificate { certificate, key: key.serialize_der().into() })
    }

    /// Issues a client certificate for the key of `csr`.
    pub(super) fn issue_host(
        &self,
        csr: &SigningRequest,
        host: &HostId,
        now: SystemTime,
        lifetime: Duration,
    ) -> Result<IssuedCertificate, CsrError> {
        let mut params = leaf_params(&host.0, ExtendedKeyUsagePurpose::ClientAuth, now, lifetime);
        let uri = uri_of_host(host).try_into().map_err(|_| CsrError::Issue)?;
        params.subject_alt_names = vec![SanType::URI(uri)];
        let issued = params.signed_by(&csr.request.public_key, &self.issuer).map_err(|_| CsrError::Issue)?;
        Ok(IssuedCertificate { pem: issued.pem(), der: issued.into(), expires_at: now + lifetime })
    }
}

impl ServerCertificate {
    pub(super) fn chain(&self) -> Vec<CertificateDer<'static>> {
        vec![self.certificate.clone()]
    }

    pub(super) fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key.clone_key())
    }
}

impl std::fmt::Debug for ServerCertificate {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("ServerCertificate").finish_non_exhaustive()
    }
}

fn new_key() -> Result<KeyPair, rcgen::Error> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
}

fn dns_name(name: &str) -> Result<SanType, IdentityError> {
    let legal = rustls::pki_types::DnsName::try_from(name).is_ok();
    legal
        .then(|| name.try_into().ok().map(SanType::DnsName))
        .flatten()
        .ok_or_else(|| IdentityError::Name { name: name.to_owned() })
}

fn ca_params(now: SystemTime) -> CertificateParams {
    let mut params = named("Bifrost CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = (now - BACKDATED).into();
    params.not_after = (now + CA_LIFETIME).into();
    params
}

fn leaf_params(name: &str, usage: ExtendedKeyUsagePurpose, now: SystemTime, lifetime: Duration) -> CertificateParams {
    let mut params = named(name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    params.use_authority_key_identifier_extension = true;
    params.not_before = (now - BACKDATED).into();
    params.not_after = (now + lifetime).into();
    params
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    // Positive and at most 20 bytes (RFC 5280 4.1.2.2): 15 random bytes behind a small one.
    let mut serial = rand::random::<[u8; 16]>();
    serial[0] = 1;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params
}
