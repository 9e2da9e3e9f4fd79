//! TLS towards the coordinator: whom to believe on HTTPS, and the mutual TLS of the link. Always ring, nothing global.

use std::sync::{Arc, Mutex, PoisonError};

use bifrost_protocol::api::Credentials;
use rcgen::KeyPair;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_platform_verifier::BuilderVerifierExt;
use thiserror::Error as ThisError;

use crate::config::{Trust, fingerprint};

/// Certificates or keys that TLS cannot work with.
#[derive(Debug, ThisError)]
#[error("{0}")]
pub(crate) struct TlsError(String);

/// The CA that was seen in a handshake under [`Trust::FirstUse`].
pub(crate) type SeenCa = Arc<Mutex<Option<[u8; 32]>>>;

/// TLS for the HTTPS API. `pinned` is the CA that answered first, if one did before.
pub(crate) fn api_config(trust: &Trust, pinned: Option<[u8; 32]>) -> Result<(ClientConfig, SeenCa), TlsError> {
    let seen = SeenCa::default();
    let builder =
        ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().map_err(wrong)?;
    let pin = match (trust, pinned) {
        (Trust::Ca(pem), _) => {
            let config = builder.with_root_certificates(roots(pem)?).with_no_client_auth();
            return Ok((config, seen));
        }
        (Trust::System, _) => {
            let config = builder.with_platform_verifier().map_err(wrong)?.with_no_client_auth();
            return Ok((config, seen));
        }
        (Trust::Fingerprint(pin), _) => Some(*pin),
        (Trust::FirstUse, pinned) => pinned,
    };
    let verifier = PinnedChain { pin, seen: Arc::clone(&seen), provider: provider() };
    let config = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
    Ok((config, seen))
}

/// TLS for QUIC: only the coordinator's CA, only TLS 1.3, this host's certificate, this protocol.
pub(crate) fn link_config(credentials: &Credentials, key: &KeyPair, alpn: &[u8]) -> Result<ClientConfig, TlsError> {
    let chain = CertificateDer::pem_slice_iter(credentials.certificate.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(wrong)?;
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(wrong)?
        .with_root_certificates(roots(&credentials.ca)?)
        .with_client_auth_cert(chain, PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        .map_err(wrong)?;
    config.alpn_protocols = vec![alpn.to_vec()];
    Ok(config)
}

fn roots(pem: &str) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.map_err(wrong)?).map_err(wrong)?;
    }
    if roots.is_empty() { Err(wrong("the CA file holds no certificate")) } else { Ok(roots) }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn wrong(problem: impl ToString) -> TlsError {
    TlsError(problem.to_string())
}

/// Believes a chain whose CA, sent along by the server, has the pinned fingerprint; without a pin, the chain's last one.
/// The chain itself, its names and its times are verified as ever, with that CA as the only root.
#[derive(Debug)]
struct PinnedChain {
    pin: Option<[u8; 32]>,
    seen: SeenCa,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinnedChain {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let ca = match self.pin {
            Some(pin) => intermediates.iter().find(|certificate| fingerprint(certificate) == pin),
            None => intermediates.last(),
        };
        let ca = ca.ok_or(CertificateError::UnknownIssuer)?;
        let mut roots = RootCertStore::empty();
        roots.add(ca.clone().into_owned())?;
        let verified = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider))
            .build()
            .map_err(|error| Error::General(error.to_string()))?
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(fingerprint(ca));
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer};

    use super::*;

    /// A server's chain: certificate for `localhost` and its CA.
    fn chain() -> [CertificateDer<'static>; 2] {
        let ca_key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = params.self_signed(&ca_key).expect("a CA");
        let issuer = Issuer::from_params(&params, &ca_key);
        let key = KeyPair::generate().expect("a key");
        let leaf = CertificateParams::new(["localhost".to_owned()]).expect("a name").signed_by(&key, &issuer);
        [leaf.expect("signed").into(), ca.into()]
    }

    fn verify(pin: Option<[u8; 32]>, name: &'static str, chain: &[CertificateDer<'_>]) -> (bool, Option<[u8; 32]>) {
        let verifier = PinnedChain { pin, seen: SeenCa::default(), provider: provider() };
        let name = ServerName::try_from(name).expect("a name");
        let verified = verifier.verify_server_cert(&chain[0], &chain[1..], &name, &[], UnixTime::now()).is_ok();
        let seen = *verifier.seen.lock().expect("not poisoned");
        (verified, seen)
    }

    #[test]
    fn only_the_pinned_ca_is_believed() {
        let (chain, other) = (chain(), chain());
        let pin = fingerprint(&chain[1]);
        assert_eq!(verify(Some(pin), "localhost", &chain), (true, Some(pin)));
        assert_eq!(verify(Some(fingerprint(&other[1])), "localhost", &chain), (false, None));
        let borrowed = [other[0].clone(), chain[1].clone()];
        assert_eq!(
            verify(Some(pin), "localhost", &borrowed),
            (false, None),
            "the CA has to have signed the certificate"
        );
        assert_eq!(verify(Some(pin), "elsewhere", &chain), (false, None));
        assert_eq!(verify(Some(pin), "localhost", &chain[..1]), (false, None));
    }

    #[test]
    fn the_first_ca_is_remembered() {
        let chain = chain();
        assert_eq!(verify(None, "localhost", &chain), (true, Some(fingerprint(&chain[1]))));
    }
}
