//! Bundles as hosts fetch them.

use axum::http::{HeaderMap, StatusCode, header};
use bifrost_protocol::ids::HostId;

use super::app::{ADMIN_TOKEN, App, Key};
use crate::bundles;
use crate::bundles::tests::folder::{Folder, now};
use crate::fleet::HostKind;
use crate::http::limits;
use crate::identity::{HostClaims, Scope};

const TARGET: &str = "/v1/bundles/targets/linux-x86_64/1.tar.zst";

/// An API with one bundle, the token of a host, and the bundle's bytes.
async fn offering() -> (App, String, Vec<u8>) {
    let app = App::new().await;
    let host = app.register(&Key::new(), "ann", "right").await.created();
    let folder = Folder::new();
    bundles::add(app.folder(), &folder.request(bifrost_protocol::layout::Abi::LinuxX8664), &[], now()).expect("added");
    app.bundles.reload().await.expect("valid");
    let path = app.bundles.target("linux-x86_64/1.tar.zst").expect("on offer");
    let token = host["token"].as_str().expect("token").to_owned();
    (app, token, std::fs::read(path).expect("there"))
}

fn value(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).map(|value| value.to_str().expect("text")).unwrap_or_default()
}

#[tokio::test]
async fn a_host_gets_metadata_and_bundle_with_its_token() {
    let (app, token, bundle) = offering().await;
    let (root, headers) = app.fetch("/v1/bundles/root.json", &token, None).await;
    assert_eq!(root.ok()["signed"]["_type"], "root");
    assert_eq!(value(&headers, header::CONTENT_TYPE), "application/json");
    let (same, _) = app.fetch("/v1/bundles/metadata/1.root.json", &token, None).await;
    assert_eq!(same.ok(), root.ok());
    let timestamp = app.fetch("/v1/bundles/metadata/timestamp.json", &token, None).await.0.ok();
    let version = &timestamp["signed"]["meta"]["snapshot.json"]["version"];
    let snapshot = app.fetch(&format!("/v1/bundles/metadata/{version}.snapshot.json"), &token, None).await.0.ok();
    let version = &snapshot["signed"]["meta"]["targets.json"]["version"];
    let targets = app.fetch(&format!("/v1/bundles/metadata/{version}.targets.json"), &token, None).await.0.ok();
    let target = &targets["signed"]["targets"]["linux-x86_64/1.tar.zst"];
    assert_eq!(target["length"].as_u64(), Some(bundle.len() as u64));
    assert_eq!(target["custom"]["bifrost"]["packetver"], 20_211_103);
    let (whole, headers) = app.fetch(TARGET, &token, None).await;
    assert_eq!((whole.status, whole.bytes()), (StatusCode::OK, bundle.as_slice()));
    assert_eq!(value(&headers, header::CONTENT_LENGTH), bundle.len().to_string());
    assert_eq!(value(&headers, header::ACCEPT_RANGES), "bytes");
}

#[tokio::test]
async fn a_download_goes_on_from_where_it_was_cut() {
    let (app, token, bundle) = offering().await;
    let half = bundle.len() / 2;
    let (rest, headers) = app.fetch(TARGET, &token, Some(&format!("bytes={half}-"))).await;
    assert_eq!((rest.status, rest.bytes()), (StatusCode::PARTIAL_CONTENT, &bundle[half..]));
    let expected = format!("bytes {half}-{}/{}", bundle.len() - 1, bundle.len());
    assert_eq!(value(&headers, header::CONTENT_RANGE), expected);
    let (past, headers) = app.fetch(TARGET, &token, Some(&format!("bytes={}-", bundle.len()))).await;
    assert_eq!(past.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(value(&headers, header::CONTENT_RANGE), format!("bytes */{}", bundle.len()));
    let (odd, _) = app.fetch(TARGET, &token, Some("bytes=-7")).await;
    assert_eq!((odd.status, odd.bytes()), (StatusCode::OK, bundle.as_slice()));
}

#[tokio::test]
async fn without_the_right_token_there_are_no_bundles() {
    let (app, token, _) = offering().await;
    let paths = ["/v1/bundles/root.json", "/v1/bundles/metadata/timestamp.json", TARGET];
    let key = Key::new();
    let narrow = {
        let host = app.register(&key, "bob", "right").await.created()["host_id"].as_str().expect("id").to_owned();
        let hour = std::time::Duration::from_hours(1);
        let claims = HostClaims::new(HostId(host), HostKind::Player, 1, now(), hour);
        let claims = HostClaims { scope: [Scope::Control, Scope::Sync, Scope::Renew].into(), ..claims };
        app.identity.tokens().issue(&claims).expect("token")
    };
    for path in paths {
        app.get(path).await.refused(StatusCode::UNAUTHORIZED, "invalid_token");
        app.fetch(path, ADMIN_TOKEN, None).await.0.refused(StatusCode::UNAUTHORIZED, "invalid_token");
        app.fetch(path, &narrow, None).await.0.refused(StatusCode::FORBIDDEN, "wrong_scope");
        assert_eq!(app.fetch(path, &token, None).await.0.status, StatusCode::OK);
    }
    for host in app.store.hosts().await.expect("store") {
        app.admin("POST", &format!("/v1/hosts/{}/revoke", host.id), &serde_json::Value::Null).await.no_content();
    }
    for path in paths {
        app.fetch(path, &token, None).await.0.refused(StatusCode::FORBIDDEN, "revoked");
    }
}

#[tokio::test]
async fn only_what_is_on_offer_is_served() {
    let (app, token, _) = offering().await;
    for path in [
        "/v1/bundles/metadata/9.root.json",
        "/v1/bundles/metadata/01.root.json",
        "/v1/bundles/metadata/1.other.json",
        "/v1/bundles/metadata/..%2F..%2Ftoken.key",
        "/v1/bundles/metadata/root.json",
        "/v1/bundles/targets/linux-x86_64/2.tar.zst",
        "/v1/bundles/targets/linux-x86_64/..%2F..%2Fkeys",
        "/v1/bundles/targets/..%2F..%2Fbundles/1.tar.zst",
        "/v1/bundles/targets/amiga/1.tar.zst",
        "/v1/bundles/keys",
    ] {
        app.fetch(path, &token, None).await.0.refused(StatusCode::NOT_FOUND, "not_found");
    }
    bundles::remove(app.folder(), "1", now()).expect("removed");
    app.fetch(TARGET, &token, None).await.0.refused(StatusCode::NOT_FOUND, "not_found");
    app.bundles.reload().await.expect("valid");
    app.fetch(TARGET, &token, None).await.0.refused(StatusCode::NOT_FOUND, "not_found");
}

#[tokio::test]
async fn before_the_first_bundle_there_is_no_root() {
    let app = App::new().await;
    let host = app.register(&Key::new(), "ann", "right").await.created();
    let token = host["token"].as_str().expect("token");
    for path in ["/v1/bundles/root.json", "/v1/bundles/metadata/timestamp.json", TARGET] {
        app.fetch(path, token, None).await.0.refused(StatusCode::NOT_FOUND, "not_found");
    }
}

#[tokio::test]
async fn one_host_asks_only_so_often() {
    let app = App::new().await;
    let token = |host: &serde_json::Value| host["token"].as_str().expect("token").to_owned();
    let first = token(&app.register(&Key::new(), "ann", "right").await.created());
    let other = token(&app.register(&Key::new(), "bob", "right").await.created());
    let path = "/v1/bundles/metadata/timestamp.json";
    for _ in 0..limits::BUNDLE_REQUESTS.burst {
        app.fetch(path, &first, None).await.0.refused(StatusCode::NOT_FOUND, "not_found");
    }
    app.fetch(path, &first, None).await.0.refused(StatusCode::TOO_MANY_REQUESTS, "too_many_requests");
    app.fetch(path, &other, None).await.0.refused(StatusCode::NOT_FOUND, "not_found");
}
