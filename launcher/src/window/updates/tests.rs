//! Updates as operators serve them: over HTTPS, from a list, with signatures in minisign's format.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;

use axum::Router;
use axum::routing::get;
use axum_server::tls_rustls::RustlsConfig;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bifrost_launcher::realm::{Description, OperatorKey, Updates as Source};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use tauri::App;
use tauri::test::{MockRuntime, mock_builder, mock_context, noop_assets};

use super::*;

const RELEASE: &[u8] = b"\x7fELF, as far as anybody looks";
/// Later than any that will be built with this test.
const NEWER: &str = "9999.1.2";

/// What the list says, and what lies where it points.
struct Offer {
    announced: &'static str,
    signature: String,
    release: &'static [u8],
    scheme: &'static str,
}

impl Offer {
    /// A newer release, signed for its version.
    fn good(key: &Key) -> Self {
        Self { announced: NEWER, signature: key.sign(RELEASE, Some(NEWER)), release: RELEASE, scheme: "https" }
    }
}

/// A key as `tauri signer generate` makes it. Every one has the same number, so that only the signature tells them apart.
struct Key(Ed25519KeyPair);

const KEY_NUMBER: &[u8] = b"\x01\x02\x03\x04\x05\x06\x07\x08";

impl Key {
    fn new() -> Self {
        let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        Self(Ed25519KeyPair::from_pkcs8(made.as_ref()).expect("a key"))
    }

    /// The public half's file.
    fn public(&self) -> String {
        let packed = STANDARD.encode([b"Ed", KEY_NUMBER, self.0.public_key().as_ref()].concat());
        STANDARD.encode(format!("untrusted comment: minisign public key\n{packed}\n"))
    }

    /// The text of a `.sig` file. `tauri signer sign` writes the version into the comment that is signed too.
    fn sign(&self, release: &[u8], version: Option<&str>) -> String {
        let version = version.map(|version| format!("\tversion:{version}")).unwrap_or_default();
        let comment = format!("timestamp:1700000000\tfile:Bifrost.AppImage{version}");
        let signature = self.0.sign(release);
        let both = self.0.sign(&[signature.as_ref(), comment.as_bytes()].concat());
        let packed = STANDARD.encode([b"Ed", KEY_NUMBER, signature.as_ref()].concat());
        let both = STANDARD.encode(both);
        STANDARD.encode(format!("untrusted comment: a signature\n{packed}\ntrusted comment: {comment}\n{both}\n"))
    }
}

/// An operator's server until it is dropped, and the realm file that names it.
struct Operator {
    realm: Realm,
    handle: axum_server::Handle<std::net::SocketAddr>,
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.handle.shutdown();
    }
}

/// Serves an offer. `key` is the one that the realm file names.
async fn operator(key: &Key, offer: Offer) -> Operator {
    // Whoever starts a connection before has said which cryptography counts.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let certificate = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let (pem, private) = (certificate.cert.pem(), certificate.signing_key.serialize_pem());
    let tls = RustlsConfig::from_pem(pem.clone().into(), private.into()).await.expect("a TLS server");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bound");
    listener.set_nonblocking(true).expect("set");
    let address = listener.local_addr().expect("bound");

    let system = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    let url = format!("{}://{address}/release", offer.scheme);
    let list = serde_json::json!({
        "version": offer.announced,
        "platforms": { system: { "url": url, "signature": offer.signature } },
    });
    let router = Router::new()
        .route("/latest.json", get(move || async move { axum::Json(list) }))
        .route("/release", get(move || async move { offer.release }));
    let handle = axum_server::Handle::new();
    let server = axum_server::from_tcp_rustls(listener, tls).expect("a server").handle(handle.clone());
    tokio::spawn(server.serve(router.into_make_service()));
    Operator { realm: realm(&pem, &format!("https://{address}/latest.json"), key), handle }
}

fn realm(ca: &str, endpoint: &str, key: &Key) -> Realm {
    let description = Description {
        version: 1,
        name: "Test Realm".into(),
        coordinator: "https://127.0.0.1:7443".into(),
        ca: ca.into(),
        accent: "#f0a868".into(),
        emblem: None,
        program: None,
        client: None,
        updates: Some(Source { endpoint: endpoint.into(), key: key.public() }),
        issued_at: 1,
        expires_at: 1_000,
    };
    let operator = OperatorKey::read(&OperatorKey::make().expect("a key")).expect("a key");
    Realm::open(&operator.sign(&description).expect("signed"), None, 2).expect("good")
}

/// An app without a screen, with the settings that the launcher is built with.
fn app() -> App<MockRuntime> {
    let settings: serde_json::Value =
        serde_json::from_str(include_str!("../../../tauri.conf.json")).expect("tauri.conf.json");
    let mut context = mock_context(noop_assets());
    context.config_mut().plugins.0.insert("updater".into(), settings["plugins"]["updater"].clone());
    context.package_info_mut().version = env!("CARGO_PKG_VERSION").parse().expect("a version");
    mock_builder().plugin(tauri_plugin_updater::Builder::new().build()).build(context).expect("an app")
}

/// Looks, and fetches what is found.
async fn found(operator: &Operator) -> Result<Vec<u8>, String> {
    let update = look(app().handle(), &operator.realm).await.map_err(|error| error.to_string())?;
    fetch(&update.ok_or("nothing newer")?, |_| {}).await
}

#[tokio::test]
async fn a_newer_release_is_offered_and_fetched() {
    let key = Key::new();
    let operator = operator(&key, Offer::good(&key)).await;
    let update = look(app().handle(), &operator.realm).await.expect("answered").expect("an update");
    assert_eq!(update.version, NEWER);
    let told = Mutex::new(Vec::new());
    let release = fetch(&update, |percent| told.lock().expect("not poisoned").push(percent)).await;
    assert_eq!(release.as_deref(), Ok(RELEASE));
    assert_eq!(told.into_inner().expect("not poisoned").last(), Some(&100));
}

#[tokio::test]
async fn a_release_that_was_changed_is_refused() {
    let key = Key::new();
    let operator = operator(&key, Offer { release: b"\x7fELF, as far as anybody cares", ..Offer::good(&key) }).await;
    let error = found(&operator).await.expect_err("refused");
    assert!(error.contains("signature"), "{error}");
}

#[tokio::test]
async fn a_release_signed_by_somebody_else_is_refused() {
    let (ours, theirs) = (Key::new(), Key::new());
    let operator = operator(&ours, Offer::good(&theirs)).await;
    let error = found(&operator).await.expect_err("refused");
    assert!(error.contains("signature"), "{error}");
}

#[tokio::test]
async fn an_old_release_under_a_new_number_is_refused() {
    for (signed_for, why) in [(Some("0.0.1"), "0.0.1"), (None, "version")] {
        let key = Key::new();
        let offer = Offer { signature: key.sign(RELEASE, signed_for), ..Offer::good(&key) };
        let error = found(&operator(&key, offer).await).await.expect_err("refused");
        assert!(error.contains(why), "{error}");
    }
}

#[tokio::test]
async fn what_is_not_newer_is_no_update() {
    for announced in ["0.0.1", env!("CARGO_PKG_VERSION")] {
        let key = Key::new();
        let offer = Offer { announced, signature: key.sign(RELEASE, Some(announced)), ..Offer::good(&key) };
        assert_eq!(found(&operator(&key, offer).await).await, Err("nothing newer".to_owned()));
    }
}

#[tokio::test]
async fn nothing_is_fetched_but_over_tls_that_somebody_vouches_for() {
    let key = Key::new();
    let operator_in_the_clear = operator(&key, Offer { scheme: "http", ..Offer::good(&key) }).await;
    found(&operator_in_the_clear).await.expect_err("refused");

    let stranger = operator(&key, Offer::good(&key)).await;
    let endpoint = &stranger.realm.description.updates.as_ref().expect("named").endpoint;
    let other_ca = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate").cert.pem();
    let error = look(app().handle(), &realm(&other_ca, endpoint, &key)).await.map(drop).expect_err("refused");
    assert!(!error.to_string().is_empty());
}
