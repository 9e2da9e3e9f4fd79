//! The API as its clients see it. The realm is a login-server on a real socket, the fleet answers from a task.

mod app;
mod bundles;
mod within;

use axum::http::StatusCode;
use bifrost_protocol::ids::HostId;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use super::*;
use crate::bounds::standing::{HostStanding, Standing};
use crate::database::tests::Stage;
use crate::fleet::HostKind;
use crate::identity::{Scope, SigningRequest, host_of_certificate};
use app::{ADMIN_TOKEN, App, Key};

#[tokio::test]
async fn a_player_registers_with_a_game_account() {
    let app = App::new().await;
    let key = Key::new();
    let answer = app.register(&key, "ann", "right").await.created();
    let host = answer["host_id"].as_str().expect("id");
    assert_eq!(answer["kind"], "player");
    assert_eq!(answer["server_name"], "bifrost-coordinator");
    assert_eq!(answer["link"], "127.0.0.1:7444");
    assert_eq!(answer["ca"], app.identity.ca_pem());
    let pem = answer["certificate"].as_str().expect("pem");
    let certified = host_of_certificate(&CertificateDer::from_pem_slice(pem.as_bytes()).expect("der")).expect("host");
    assert_eq!(certified.host.0, host);
    assert_eq!(certified.key_hash, key.hash());
    let token = answer["token"].as_str().expect("token");
    let claims = app.identity.tokens().verify(token, Scope::Control, std::time::SystemTime::now()).expect("valid");
    assert_eq!((claims.host.0.as_str(), claims.kind), (host, HostKind::Player));
    let row = app.store.host(&HostId(host.into())).await.expect("store").expect("row");
    assert_eq!((row.account, row.name.as_str(), row.revoked), (Some(2_000_000), "my pc", false));
}

#[tokio::test]
async fn who_cannot_prove_an_account_is_refused() {
    let app = App::new().await;
    let key = Key::new();
    app.register(&key, "ann", "wrong").await.refused(StatusCode::UNAUTHORIZED, "wrong_credentials");
    app.register(&key, "nobody", "right").await.refused(StatusCode::UNAUTHORIZED, "wrong_credentials");
    app.register(&key, "", "right").await.refused(StatusCode::UNAUTHORIZED, "wrong_credentials");
    app.register(&key, "ann", &"x".repeat(24)).await.refused(StatusCode::UNAUTHORIZED, "wrong_credentials");
    app.register(&key, "online", "right").await.refused(StatusCode::CONFLICT, "account_online");
    assert!(app.store.hosts().await.expect("store").is_empty());
}

#[tokio::test]
async fn a_realm_that_does_not_answer_is_said_to_be_unavailable() {
    let app = App::without_realm().await;
    let answer = app.register(&Key::new(), "ann", "right").await;
    answer.refused(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
    let app = App::new().await;
    app.register(&Key::new(), "garbage", "right").await.refused(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
}

#[tokio::test]
async fn the_same_key_stays_the_same_host() {
    let app = App::new().await;
    let key = Key::new();
    let first = app.register(&key, "ann", "right").await.created();
    let again = app.register(&key, "ann", "right").await.created();
    assert_eq!(first["host_id"], again["host_id"]);
    app.register(&key, "bob", "right").await.refused(StatusCode::CONFLICT, "conflict");
    assert_eq!(app.store.hosts().await.expect("store").len(), 1);
}

#[tokio::test]
async fn an_account_registers_only_so_many_hosts() {
    let app = App::new().await;
    let keys: Vec<_> = (0..limits::MAX_HOSTS_PER_ACCOUNT).map(|_| Key::new()).collect();
    for key in &keys {
        app.register(key, "ann", "right").await.created();
    }
    app.register(&Key::new(), "ann", "right").await.refused(StatusCode::FORBIDDEN, "too_many_hosts");
    app.register(&keys[0], "ann", "right").await.created();
    app.register(&Key::new(), "bob", "right").await.created();
}

#[tokio::test]
async fn an_invitation_registers_one_fallback_host() {
    let app = App::new().await;
    let invitation = app.admin("POST", "/v1/invitations", &json!({ "minutes": 5 })).await.created();
    let code = invitation["code"].as_str().expect("code");
    let key = Key::new();
    let answer = app.redeem(&key, code).await.created();
    assert_eq!(answer["kind"], "fallback");
    let again = app.redeem(&key, code).await.created();
    assert_eq!(answer["host_id"], again["host_id"], "whose answer was lost may ask again");
    app.redeem(&Key::new(), code).await.refused(StatusCode::UNAUTHORIZED, "invalid_invitation");
    app.redeem(&Key::new(), "guessed").await.refused(StatusCode::UNAUTHORIZED, "invalid_invitation");
    app.redeem(&Key::new(), &"x".repeat(1_000)).await.refused(StatusCode::UNAUTHORIZED, "invalid_invitation");
}

#[tokio::test]
async fn an_invitation_ends() {
    let app = App::new().await;
    let hash = register::invitation_hash("code");
    app.store.create_invitation(&hash, HostKind::Fallback, 1).await.expect("store");
    app.redeem(&Key::new(), "code").await.refused(StatusCode::UNAUTHORIZED, "invalid_invitation");
    let answer = app.admin("POST", "/v1/invitations", &json!({ "minutes": 0 })).await;
    answer.refused(StatusCode::BAD_REQUEST, "invalid_request");
}

#[tokio::test]
async fn a_host_renews_with_its_token_and_its_key() {
    let app = App::new().await;
    let key = Key::new();
    let first = app.register(&key, "ann", "right").await.created();
    let token = first["token"].as_str().expect("token");
    let renewed = app.renew(&key, token).await.ok();
    assert_eq!(renewed["host_id"], first["host_id"]);
    app.renew(&Key::new(), token).await.refused(StatusCode::FORBIDDEN, "wrong_key");
    app.renew(&key, "v4.public.nonsense").await.refused(StatusCode::UNAUTHORIZED, "invalid_token");
    app.renew(&key, ADMIN_TOKEN).await.refused(StatusCode::UNAUTHORIZED, "invalid_token");
    let body = json!({ "csr": key.csr() });
    app.send("POST", "/v1/hosts/renew", None, &body).await.refused(StatusCode::UNAUTHORIZED, "invalid_token");
}

#[tokio::test]
async fn an_expired_token_renews_nothing() {
    let app = App::new().await;
    let key = Key::new();
    let host = HostId(app.register(&key, "ann", "right").await.created()["host_id"].as_str().expect("id").into());
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_hours(2);
    let hour = std::time::Duration::from_hours(1);
    let claims = crate::identity::HostClaims::new(host, HostKind::Player, 1, long_ago, hour);
    let token = app.identity.tokens().issue(&claims).expect("token");
    app.renew(&key, &token).await.refused(StatusCode::UNAUTHORIZED, "token_expired");
}

#[tokio::test]
async fn a_token_without_the_scope_renews_nothing() {
    let app = App::new().await;
    let key = Key::new();
    let host = HostId(app.register(&key, "ann", "right").await.created()["host_id"].as_str().expect("id").into());
    let hour = std::time::Duration::from_hours(1);
    let claims = crate::identity::HostClaims::new(host, HostKind::Player, 1, std::time::SystemTime::now(), hour);
    let narrow = crate::identity::HostClaims { scope: [Scope::Sync].into(), ..claims };
    let token = app.identity.tokens().issue(&narrow).expect("token");
    app.renew(&key, &token).await.refused(StatusCode::FORBIDDEN, "wrong_scope");
}

#[tokio::test]
async fn a_revoked_host_is_out_for_good_until_it_is_restored() {
    let mut app = App::new().await;
    let key = Key::new();
    let first = app.register(&key, "ann", "right").await.created();
    let (host, token) = (first["host_id"].as_str().expect("id"), first["token"].as_str().expect("token"));
    app.admin("POST", &format!("/v1/hosts/{host}/revoke"), &Value::Null).await.no_content();
    assert_eq!(app.revoked.recv().await, Some(HostId(host.into())), "the fleet cuts its link");
    app.renew(&key, token).await.refused(StatusCode::FORBIDDEN, "revoked");
    app.register(&key, "ann", "right").await.refused(StatusCode::FORBIDDEN, "revoked");
    app.register(&Key::new(), "ann", "right").await.refused(StatusCode::FORBIDDEN, "revoked");

    app.admin("POST", &format!("/v1/hosts/{host}/restore"), &Value::Null).await.no_content();
    app.renew(&key, token).await.refused(StatusCode::UNAUTHORIZED, "token_void");
    let back = app.register(&key, "ann", "right").await.created();
    app.renew(&key, back["token"].as_str().expect("token")).await.ok();
    let nobody = app.admin("POST", "/v1/hosts/h-0000000000000000/revoke", &Value::Null).await;
    nobody.refused(StatusCode::NOT_FOUND, "not_found");
}

#[tokio::test]
async fn the_operator_sees_how_hosts_behaved_and_lifts_a_quarantine() {
    let app = App::new().await;
    let first = app.register(&Key::new(), "ann", "right").await.created();
    let host = HostId(first["host_id"].as_str().expect("id").into());
    let fresh = json!({
        "clean_audits": 0, "trusted": false, "violations": 0, "last_violation": "", "quarantine_seconds": 0
    });
    assert_eq!(app.admin("GET", "/v1/hosts", &Value::Null).await.ok()[0]["standing"], fresh);
    let standing =
        Standing { streak: 0, violations: 3, strikes: 1, last_rule: "zeny".into(), quarantined_until: u64::MAX / 4 };
    app.store.save_standing(&HostStanding { host: host.clone(), standing }).await.expect("writes");
    let shown = app.admin("GET", "/v1/hosts", &Value::Null).await.ok()[0]["standing"].clone();
    assert_eq!((&shown["violations"], &shown["last_violation"]), (&json!(3), &json!("zeny")));
    assert!(shown["quarantine_seconds"].as_u64().is_some_and(|left| left > 1_000));
    app.admin("POST", &format!("/v1/hosts/{host}/pardon"), &Value::Null).await.no_content();
    let nobody = app.admin("POST", "/v1/hosts/h-0000000000000000/pardon", &Value::Null).await;
    nobody.refused(StatusCode::NOT_FOUND, "not_found");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_a_reason() {
    let app = App::new().await;
    let key = Key::new();
    let good = json!({ "csr": key.csr(), "name": "pc", "proof": "account", "username": "ann", "password": "right", "abi": "linux-x86_64" });
    for (field, value, code) in [
        ("csr", json!("hello"), "invalid_csr"),
        ("csr", json!(null), "invalid_request"),
        ("name", json!(""), "invalid_request"),
        ("name", json!("x".repeat(65)), "invalid_request"),
        ("name", json!("a\u{1b}[2J"), "invalid_request"),
        ("abi", json!("amiga"), "invalid_request"),
        ("proof", json!("trust me"), "invalid_request"),
    ] {
        let mut body = good.clone();
        body[field] = value;
        app.send("POST", "/v1/hosts", None, &body).await.refused(StatusCode::BAD_REQUEST, code);
    }
    let huge = json!({ "csr": "x".repeat(20_000) });
    app.send("POST", "/v1/hosts", None, &huge).await.refused(StatusCode::PAYLOAD_TOO_LARGE, "too_large");
    app.get("/v2").await.refused(StatusCode::NOT_FOUND, "not_found");
    app.send("DELETE", "/v1/hosts", None, &Value::Null).await.refused(StatusCode::METHOD_NOT_ALLOWED, "wrong_method");
}

#[tokio::test]
async fn one_address_registers_only_so_fast() {
    let app = App::new().await;
    for _ in 0..limits::REGISTRATIONS.burst {
        app.redeem(&Key::new(), "guess").await.refused(StatusCode::UNAUTHORIZED, "invalid_invitation");
    }
    let limited = app.redeem(&Key::new(), "guess").await;
    assert!(limited.retry_after.is_some(), "says when to try again");
    limited.refused(StatusCode::TOO_MANY_REQUESTS, "too_many_requests");
    app.get("/livez").await.ok_text();
}

#[tokio::test]
async fn a_password_is_tried_only_so_often() {
    let app = App::new().await;
    let key = Key::new();
    for _ in 0..limits::PASSWORD_TRIES.burst {
        app.register(&key, "ann", "guess").await.refused(StatusCode::UNAUTHORIZED, "wrong_credentials");
    }
    app.register(&key, "ANN", "guess").await.refused(StatusCode::TOO_MANY_REQUESTS, "too_many_requests");
    app.register(&key, "bob", "right").await.created();
}

#[test]
fn an_ipv6_machine_is_its_64_and_an_ipv4_one_is_itself() {
    let peer = |text: &str| Peer::of(text.parse().expect("address"));
    assert_eq!(peer("2001:db8::1"), peer("2001:db8::ffff:1"));
    assert_ne!(peer("2001:db8::1"), peer("2001:db8:0:1::1"));
    assert_eq!(peer("::ffff:10.0.0.1"), peer("10.0.0.1"));
    assert_ne!(peer("10.0.0.1"), peer("10.0.0.2"));
}

#[tokio::test]
async fn administration_needs_the_admin_token() {
    let app = App::new().await;
    let host = app.register(&Key::new(), "ann", "right").await.created();
    let own_token = host["token"].as_str();
    for token in [None, Some("wrong"), Some(""), own_token] {
        for (method, path) in [
            ("GET", "/v1/hosts"),
            ("GET", "/v1/groups"),
            ("POST", "/v1/invitations"),
            ("POST", "/v1/accounts"),
            ("POST", "/v1/hosts/h-0000000000000000/revoke"),
            ("POST", "/v1/hosts/h-0000000000000000/restore"),
            ("POST", "/v1/hosts/h-0000000000000000/pardon"),
        ] {
            let answer = app.send(method, path, token, &json!({ "minutes": 5 })).await;
            answer.refused(StatusCode::UNAUTHORIZED, "admin_token_required");
        }
    }
    let hosts = app.admin("GET", "/v1/hosts", &Value::Null).await.ok();
    assert_eq!(hosts[0]["id"], host["host_id"]);
    assert_eq!(hosts[0]["account"], 2_000_000);
}

#[tokio::test]
async fn the_operator_makes_accounts_in_the_embedded_realm_only() {
    let app = App::embedded().await;
    let account = json!({ "name": "ann_1", "password": "right horse", "sex": "F" });
    let id = app.admin("POST", "/v1/accounts", &account).await.created()["id"].as_u64().expect("id");
    app.admin("POST", "/v1/accounts", &account).await.refused(StatusCode::CONFLICT, "conflict");
    let short = json!({ "name": "ann_2", "password": "x" });
    app.admin("POST", "/v1/accounts", &short).await.refused(StatusCode::BAD_REQUEST, "invalid_request");
    let host = app.register(&Key::new(), "ANN_1", "right horse").await.created();
    let row = app.store.host(&HostId(host["host_id"].as_str().expect("id").into())).await.expect("store");
    assert_eq!(row.expect("row").account.map(u64::from), Some(id));
    app.register(&Key::new(), "ann_1", "wrong").await.refused(StatusCode::UNAUTHORIZED, "wrong_credentials");

    let stock = App::new().await;
    stock.admin("POST", "/v1/accounts", &account).await.refused(StatusCode::CONFLICT, "conflict");
}

#[tokio::test]
async fn health_says_what_is_missing() {
    let app = App::new().await;
    assert_eq!(app.get("/livez").await.ok_text(), "ok");
    assert_eq!(app.get("/readyz").await.ok(), json!({ "ready": true, "reasons": [] }));
    app.status.lock().expect("lock").char_server = false;
    let answer = app.get("/readyz").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json(), json!({ "ready": false, "reasons": ["the char-server has not taken the fleet in"] }));
    app.store.close().await;
    let reasons = app.get("/readyz").await.json();
    assert_eq!(
        reasons["reasons"],
        json!(["the char-server has not taken the fleet in", "the database does not answer"])
    );
    app.get("/metrics").await.ok_text();
    assert_eq!(app.get("/v1/ca").await.ok_text(), app.identity.ca_pem());
    assert_eq!(app.get("/v1/status").await.ok()["players"], 3);
}

#[tokio::test]
async fn the_openapi_document_has_every_path() {
    let app = App::new().await;
    let document = app.get("/openapi.json").await.ok();
    let paths: Vec<_> = document["paths"].as_object().expect("paths").keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "/livez",
            "/metrics",
            "/readyz",
            "/v1/accounts",
            "/v1/bundles/metadata/{file}",
            "/v1/bundles/root.json",
            "/v1/bundles/targets/{abi}/{file}",
            "/v1/ca",
            "/v1/database",
            "/v1/database/policy",
            "/v1/groups",
            "/v1/hosts",
            "/v1/hosts/renew",
            "/v1/hosts/{id}/pardon",
            "/v1/hosts/{id}/restore",
            "/v1/hosts/{id}/revoke",
            "/v1/invitations",
            "/v1/status",
        ]
    );
    let register = &document["paths"]["/v1/hosts"];
    assert!(register["get"].is_object() && register["post"].is_object());
    assert!(document["components"]["schemas"]["Credentials"]["properties"]["token"].is_object());
    assert!(document["components"]["schemas"]["ErrorBody"].is_object());
}

#[tokio::test]
async fn the_operator_sees_what_hosts_ask_and_reads_the_policy_again() {
    let app = App::new().await;
    app.admin("GET", "/v1/database", &Value::Null).await.refused(StatusCode::NOT_FOUND, "not_found");

    let file = app.folder().join("policy.toml");
    let stage = Stage::without_database();
    let relay = Arc::into_inner(stage.relay).expect("nobody else").with_source(Some(file.clone()));
    let app = App::relaying(Arc::new(relay)).await;
    app.get("/v1/database").await.refused(StatusCode::UNAUTHORIZED, "admin_token_required");
    let report = app.admin("GET", "/v1/database", &Value::Null).await.ok();
    assert_eq!((&report["up"], &report["hosts"]), (&json!(false), &json!([])));
    let readiness = app.get("/readyz").await.json();
    assert_eq!(readiness["reasons"], json!(["the database that hosts' SQL goes to cannot be reached"]));

    std::fs::write(&file, "[tables.mapreg]\nall = \"nonsense\"").expect("written");
    app.admin("POST", "/v1/database/policy", &Value::Null).await.refused(StatusCode::BAD_REQUEST, "invalid_request");
    let report = app.admin("GET", "/v1/database", &Value::Null).await.ok();
    let problem = report["policy"]["problem"].as_str().expect("a problem");
    assert!(problem.contains("policy.toml:2:7"), "{problem}");
    assert!(report["policy"]["tables"].as_u64().expect("a number") > 10, "the old one is in force");
    std::fs::write(&file, "[tables.mapreg]\nall = \"local\"").expect("written");
    let read = app.admin("POST", "/v1/database/policy", &Value::Null).await.ok();
    assert_eq!((&read["tables"], &read["problem"]), (&json!(1), &Value::Null));
}

#[tokio::test]
async fn the_api_is_served_over_tls_to_who_pins_the_ca() {
    let app = App::new().await;
    let (server, client) = app.serve(&[]);
    let url = format!("https://127.0.0.1:{}/livez", server.local_addr().port());
    let answer = client.get(&url).send().await.expect("answers").text().await.expect("text");
    assert_eq!(answer, "ok");
    let other = App::new().await.client(server.local_addr());
    assert!(other.get(&url).send().await.is_err(), "another CA");
    server.shutdown().await;
    assert!(client.get(&url).send().await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn an_operators_certificate_is_shown_to_the_public_and_our_own_to_who_asks_by_name() {
    let app = App::new().await;
    let operator = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("certificate");
    let (certificate, key) = (app.folder().join("op.pem"), app.folder().join("op.key"));
    std::fs::write(&certificate, operator.cert.pem()).expect("written");
    std::fs::write(&key, operator.signing_key.serialize_pem()).expect("written");
    let (server, client) = app.serve(&[&certificate, &key]);
    let port = server.local_addr().port();
    let public = format!("https://127.0.0.1:{port}/livez");
    assert!(client.get(&public).send().await.is_err(), "not of our CA");
    let own = format!("https://bifrost-coordinator:{port}/livez");
    assert_eq!(client.get(&own).send().await.expect("answers").status(), 200);
    let operators = reqwest::Certificate::from_pem(operator.cert.pem().as_bytes()).expect("certificate");
    let browser = reqwest::Client::builder().tls_certs_only([operators]).build().expect("client");
    assert_eq!(browser.get(&public).send().await.expect("answers").status(), 200);
    std::fs::write(&key, rcgen::KeyPair::generate().expect("key").serialize_pem()).expect("written");
    let error = app.identity.https_config(Some((&certificate, &key))).expect_err("a foreign key").to_string();
    assert!(error.contains("op.pem: cannot be used with"), "{error}");
}

#[tokio::test]
async fn one_address_holds_only_so_many_connections() {
    let app = App::new().await;
    let (server, client) = app.serve(&[]);
    let mut held = Vec::new();
    for _ in 0..limits::MAX_CONNECTIONS_PER_ADDRESS {
        held.push(tokio::net::TcpStream::connect(server.local_addr()).await.expect("connects"));
    }
    let url = format!("https://127.0.0.1:{}/livez", server.local_addr().port());
    assert!(client.get(&url).send().await.is_err(), "no place is left");
    drop(held);
    let again = async {
        while client.get(&url).send().await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), again).await.expect("places come back");
}

#[test]
fn a_signing_request_names_its_host() {
    let key = Key::new();
    let csr = SigningRequest::from_pem(&key.csr()).expect("legal");
    let id = csr.key_hash.host_id().0;
    assert!(id.starts_with("h-") && id.len() == 18, "{id}");
}
