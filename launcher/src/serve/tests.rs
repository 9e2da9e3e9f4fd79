use axum::body::Body;
use axum::http::{Request, header};
use tower::ServiceExt;

use super::*;
use crate::app::{App, queue, system_clock};
use crate::effect::{Effect, Shell};

struct Nothing;

impl Shell for Nothing {
    fn perform(&mut self, _: Effect) {}
}

const ADDRESS: &str = "127.0.0.1:4000";

fn served() -> (App, Router, String, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("index.html"), "<!doctype html>").expect("written");
    let (inbox, outbox) = queue();
    let app = App::spawn(inbox.clone(), outbox, Box::new(Nothing), system_clock());
    let token = Token::random();
    let text = token.expose().to_owned();
    let deps = Deps { inbox, view: app.view(), log: LogBook::default(), token, ui: folder.path().to_owned() };
    (app, router(deps, ADDRESS.parse().expect("an address")), text, folder)
}

fn request(method: &str, path: &str, token: Option<&str>, body: &str) -> Request<Body> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, ADDRESS)
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    request.body(Body::from(body.to_owned())).expect("a request")
}

async fn status(router: &Router, request: Request<Body>) -> StatusCode {
    router.clone().oneshot(request).await.expect("answered").status()
}

#[tokio::test]
async fn commands_need_the_token_of_this_run_and_our_host() {
    let (_app, router, token, _folder) = served();
    let body = r#"{"command":"retry"}"#;
    assert_eq!(status(&router, request("POST", "/api/command", None, body)).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&router, request("POST", "/api/command", Some("x"), body)).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&router, request("POST", "/api/command", Some(&token), body)).await, StatusCode::NO_CONTENT);
    let mut rebound = request("POST", "/api/command", Some(&token), body);
    rebound.headers_mut().insert(header::HOST, "evil.example:4000".parse().expect("a value"));
    assert_eq!(status(&router, rebound).await, StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn commands_that_are_not_taken_say_so_by_code() {
    let (app, router, token, _folder) = served();
    app.inbox.tell(Event::Started(Box::default())).await;
    let post = |body| request("POST", "/api/command", Some(&token), body);
    assert_eq!(status(&router, post(r#"{"command":"play"}"#)).await, StatusCode::CONFLICT);
    let unknown = status(&router, post(r#"{"command":"format_disk"}"#)).await;
    assert_eq!(unknown, StatusCode::UNPROCESSABLE_ENTITY);
    let large = format!(r#"{{"command":"open_realm","text":"{}"}}"#, "x".repeat(MAX_BODY));
    assert_eq!(status(&router, post(&large)).await, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn pages_are_served_with_a_strict_policy() {
    let (_app, router, _, _folder) = served();
    let response = router.clone().oneshot(request("GET", "/", None, "")).await.expect("answered");
    assert_eq!(response.status(), StatusCode::OK);
    let policy = response.headers().get(header::CONTENT_SECURITY_POLICY).expect("a policy");
    assert!(!policy.to_str().expect("text").contains("unsafe"));
    assert_eq!(status(&router, request("GET", "/none.js", None, "")).await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_window_that_looks_and_leaves_is_noticed() {
    let (_app, router, token, _folder) = served();
    let response = router.clone().oneshot(request("GET", "/api/views", Some(&token), "")).await.expect("answered");
    assert_eq!(response.headers().get(header::CONTENT_TYPE).expect("a kind"), "text/event-stream");
    drop(response);
}

#[tokio::test]
async fn only_loopback_is_listened_on() {
    let (app, _, _, folder) = served();
    let deps = Deps {
        inbox: app.inbox.clone(),
        view: app.view(),
        log: LogBook::default(),
        token: Token::random(),
        ui: folder.path().to_owned(),
    };
    let refused = Server::bind("0.0.0.0:0".parse().expect("an address"), deps).await.expect_err("refused");
    assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
}
