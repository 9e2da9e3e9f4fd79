//! Certificates in real TLS handshakes, tokens, files.

use std::sync::Arc;

use bifrost_protocol::control::ALPN;
use rcgen::{CertificateParams, KeyPair, PKCS_ED25519};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConnection};
use tempfile::TempDir;

use crate::fleet::HostKind;

use super::*;

const HOUR: Duration = Duration::from_hours(1);

#[test]
fn a_host_with_our_certificate_is_recognised_over_tls() {
    let (_dir, identity) = open();
    let host = Host::new();
    let issued = identity.certify(&host.request(), &host.id).expect("certified");
    let seen = handshake(&identity, &identity, Some((&issued.der, &host.key))).expect("handshake");
    let seen = host_of_certificate(&seen).expect("host certificate");
    assert_eq!(seen.host, host.id);
    assert_eq!(seen.key_hash, host.request().key_hash);
    assert!(seen.expires_at > SystemTime::now() + HOUR / 2);
}

#[test]
fn a_host_without_a_certificate_is_refused() {
    let (_dir, identity) = open();
    assert!(handshake(&identity, &identity, None).is_err());
}

#[test]
fn an_expired_certificate_is_refused() {
    let (_dir, identity) = open();
    let host = Host::new();
    let long_ago = SystemTime::now() - HOUR;
    let issued =
        identity.authority.issue_host(&host.request(), &host.id, long_ago, HOUR / 2).expect("certificate of the past");
    let error = handshake(&identity, &identity, Some((&issued.der, &host.key))).expect_err("expired");
    assert!(format!("{error:?}").contains("Expired"), "{error:?}");
}

#[test]
fn a_certificate_of_another_ca_is_refused() {
    let (_dir, identity) = open();
    let (_other_dir, other) = open();
    let host = Host::new();
    let issued = other.certify(&host.request(), &host.id).expect("certified");
    assert!(handshake(&identity, &identity, Some((&issued.der, &host.key))).is_err());
}

#[test]
fn a_node_refuses_a_coordinator_of_another_ca() {
    let (_dir, identity) = open();
    let (_other_dir, other) = open();
    let host = Host::new();
    let issued = identity.certify(&host.request(), &host.id).expect("certified");
    assert!(handshake(&identity, &other, Some((&issued.der, &host.key))).is_err());
}

#[test]
fn the_coordinators_own_certificate_names_no_host() {
    let (_dir, identity) = open();
    let chain = identity.server.chain();
    assert_eq!(host_of_certificate(&chain[0]), Err(CertificateError::NoHost));
    assert_eq!(host_of_certificate(&CertificateDer::from(vec![1, 2, 3])), Err(CertificateError::Unreadable));
}

#[test]
fn everything_is_kept_across_a_restart() {
    let dir = TempDir::new().expect("folder");
    let first = Identity::open(dir.path(), &[], HOUR).expect("opens");
    let second = Identity::open(dir.path(), &[], HOUR).expect("opens again");
    assert_eq!(first.ca_pem(), second.ca_pem());
    let token = first.tokens().issue(&claims()).expect("token");
    assert!(second.tokens().verify(&token, Scope::Sync, SystemTime::now()).is_ok());
}

#[cfg(unix)]
#[test]
fn secrets_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, _identity) = open();
    let files: Vec<_> = std::fs::read_dir(dir.path()).expect("folder").map(|entry| entry.expect("entry")).collect();
    assert_eq!(files.len(), 4, "no temporary file is left: {files:?}");
    for file in files {
        assert_eq!(file.metadata().expect("metadata").permissions().mode() & 0o777, 0o600, "{file:?}");
    }
}

#[test]
fn a_ca_that_does_not_belong_to_its_key_is_refused() {
    let (dir, _identity) = open();
    let (other, _identity) = open();
    std::fs::copy(other.path().join(CA_FILE), dir.path().join(CA_FILE)).expect("copied");
    let error = Identity::open(dir.path(), &[], HOUR).expect_err("refused").to_string();
    assert!(error.contains("does not belong to ca.key"), "{error}");
}

#[test]
fn a_name_that_is_none_is_refused_by_name() {
    let dir = TempDir::new().expect("folder");
    let error = Identity::open(dir.path(), &["not a name".into()], HOUR).expect_err("refused").to_string();
    assert_eq!(error, "`not a name` is neither a DNS name nor an IP address");
}

#[test]
fn a_signing_request_with_a_bad_signature_is_refused() {
    let pem = Host::new().csr();
    let mut der =
        rustls::pki_types::CertificateSigningRequestDer::from_pem_slice(pem.as_bytes()).expect("der").to_vec();
    // Within the subject, so that the signature is still one, but of something else.
    let at = der.windows(7).position(|window| window == b"anybody").expect("subject");
    der[at] = b'b';
    let pem = pem_of("CERTIFICATE REQUEST", &der);
    assert_eq!(SigningRequest::from_pem(&pem).err(), Some(CsrError::Signature));
}

#[test]
fn a_signing_request_with_another_kind_of_key_is_refused() {
    let key = KeyPair::generate_for(&PKCS_ED25519).expect("key");
    let csr = CertificateParams::default().serialize_request(&key).expect("csr").pem().expect("pem");
    assert_eq!(SigningRequest::from_pem(&csr).err(), Some(CsrError::KeyType));
}

#[test]
fn what_is_no_signing_request_is_refused() {
    assert_eq!(SigningRequest::from_pem("hello").err(), Some(CsrError::Unreadable));
    assert_eq!(SigningRequest::from_pem(&"x".repeat(100_000)).err(), Some(CsrError::Unreadable));
}

#[test]
fn nothing_but_the_key_is_taken_from_a_signing_request() {
    let (_dir, identity) = open();
    let host = Host::new();
    let mut params = CertificateParams::new(vec!["bifrost-coordinator".to_owned()]).expect("params");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let csr = params.serialize_request(&host.key).expect("csr").pem().expect("pem");
    let issued = identity.certify(&SigningRequest::from_pem(&csr).expect("legal"), &host.id).expect("certified");
    assert_eq!(host_of_certificate(&issued.der).expect("host").host, host.id);
    let (_, parsed) = x509_parser::parse_x509_certificate(&issued.der).expect("x509");
    assert!(!parsed.is_ca());
}

#[test]
fn a_token_says_what_was_signed() {
    let (_dir, identity) = open();
    let claims = claims();
    let token = identity.tokens().issue(&claims).expect("token");
    let seen = identity.tokens().verify(&token, Scope::Control, claims.issued_at).expect("valid");
    assert_eq!(seen, claims);
}

#[test]
fn a_token_is_refused_for_the_right_reason() {
    let (_dir, identity) = open();
    let (_other_dir, other) = open();
    let tokens = identity.tokens();
    let full = claims();
    let narrow = HostClaims { scope: [Scope::Sync].into(), ..full.clone() };
    let (token, narrow) = (tokens.issue(&full).expect("token"), tokens.issue(&narrow).expect("token"));
    let verify = |token: &str, now| tokens.verify(token, Scope::Renew, now).map(drop);
    let issued = full.issued_at;

    assert_eq!(verify(&token, full.expires_at), Err(TokenError::Expired));
    assert_eq!(verify(&token, issued - Duration::from_mins(4)), Ok(()), "a clock that stepped back a bit");
    assert_eq!(verify(&token, issued - Duration::from_mins(6)), Err(TokenError::NotYetValid));
    assert_eq!(verify(&narrow, issued), Err(TokenError::Scope));
    assert_eq!(other.tokens().verify(&token, Scope::Renew, issued), Err(TokenError::Invalid), "another key");
    assert_eq!(verify("", issued), Err(TokenError::Invalid));
    assert_eq!(verify(&"v4.public.".repeat(1_000), issued), Err(TokenError::Invalid));
    for at in (0..token.len()).step_by(7) {
        let mut tampered = token.clone().into_bytes();
        tampered[at] = if tampered[at] == b'A' { b'B' } else { b'A' };
        let tampered = String::from_utf8(tampered).expect("ascii");
        assert_eq!(verify(&tampered, issued), Err(TokenError::Invalid), "byte {at}");
    }
}

#[test]
fn secrets_compare_by_content() {
    assert!(same_secret(b"abc", b"abc"));
    assert!(!same_secret(b"abc", b"abd"));
    assert!(!same_secret(b"abc", b"abcd"));
}

#[test]
fn a_key_hash_reads_what_it_writes() {
    let hash = KeyHash::of(b"key");
    assert_eq!(hash.to_string().parse(), Ok(hash));
    assert!("zz".repeat(32).parse::<KeyHash>().is_err());
    assert!("+1".repeat(32).parse::<KeyHash>().is_err());
    assert!("00".parse::<KeyHash>().is_err());
}

struct Host {
    id: HostId,
    key: KeyPair,
}

impl Host {
    fn new() -> Self {
        let key = KeyPair::generate().expect("key");
        Self { id: KeyHash::of(key.public_key_raw()).host_id(), key }
    }

    fn csr(&self) -> String {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, "anybody");
        params.serialize_request(&self.key).expect("csr").pem().expect("pem")
    }

    fn request(&self) -> SigningRequest {
        SigningRequest::from_pem(&self.csr()).expect("legal request")
    }
}

fn open() -> (TempDir, Identity) {
    let dir = TempDir::new().expect("folder");
    let identity = Identity::open(dir.path(), &["localhost".into(), "127.0.0.1".into()], HOUR).expect("identity");
    (dir, identity)
}

/// Whole seconds, as tokens carry.
fn claims() -> HostClaims {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now);
    HostClaims::new(KeyHash::of(b"a key").host_id(), HostKind::Player, 3, now, HOUR)
}

fn pem_of(label: &str, der: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut body = String::new();
    let table = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for chunk in der.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = table[(bits >> (18 - 6 * place) & 63) as usize] as char;
            body.push(if place <= chunk.len() { digit } else { '=' });
        }
    }
    let mut pem = format!("-----BEGIN {label}-----\n");
    for line in body.as_bytes().chunks(64) {
        let _ = writeln!(pem, "{}", std::str::from_utf8(line).expect("ascii"));
    }
    pem + &format!("-----END {label}-----\n")
}

/// A whole TLS handshake in memory between `server` and a node that pins `pinned`; the certificate the server saw.
fn handshake(
    server: &Identity,
    pinned: &Identity,
    certificate: Option<(&CertificateDer<'static>, &KeyPair)>,
) -> Result<CertificateDer<'static>, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pinned.ca_pem().as_bytes()).expect("ca")).expect("root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots);
    let mut config = match certificate {
        Some((der, key)) => {
            let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
            builder.with_client_auth_cert(vec![der.clone()], key).expect("client certificate")
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    let name = ServerName::try_from(LINK_SERVER_NAME).expect("name");
    let mut client = ClientConnection::new(Arc::new(config), name).expect("client");
    let mut server = ServerConnection::new(server.link_config().expect("config")).expect("server");
    while client.is_handshaking() || server.is_handshaking() {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).expect("memory");
        server.read_tls(&mut wire.as_slice()).expect("memory");
        server.process_new_packets()?;
        wire.clear();
        server.write_tls(&mut wire).expect("memory");
        client.read_tls(&mut wire.as_slice()).expect("memory");
        client.process_new_packets()?;
    }
    Ok(server.peer_certificates().and_then(<[_]>::first).expect("required by the verifier").clone())
}
