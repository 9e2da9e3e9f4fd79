//! Servers that prove otherwise, break off, or make no sense.

use std::sync::Arc;

use bifrost_protocol::mysql::sql::Literal;
use bifrost_protocol::mysql::{
    AuthSwitch, CACHING_SHA2, Capabilities, Done, Framing, Greeting, Login, NATIVE, ServerError, Status, native_proof,
    sha2_proof,
};
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::database::policy::{DEFAULT_POLICY, Judge, Plan, Policy};
use crate::database::upstream::connection::Connection;
use crate::database::upstream::*;

/// One connection of a server, message by message.
pub(super) struct Wire {
    pub(super) stream: TcpStream,
    framing: Framing,
    input: BytesMut,
}

impl Wire {
    pub(super) async fn say(&mut self, message: &[u8]) {
        let mut out = BytesMut::new();
        self.framing.put(&mut out, message);
        self.stream.write_all(&out).await.expect("written");
    }

    pub(super) async fn hear(&mut self) -> Option<Bytes> {
        loop {
            if let Some(message) = self.framing.take(&mut self.input).expect("in order") {
                return Some(message);
            }
            match self.stream.read_buf(&mut self.input).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => return None,
            }
        }
    }

    /// Greets, and gives the client's answer.
    pub(super) async fn greet(&mut self, plugin: &str) -> Login {
        let capabilities = Capabilities::SPOKEN;
        let greeting = Greeting {
            version: "8.0.0-fake".into(),
            connection: 1,
            capabilities,
            collation: 45,
            status: Status::AUTOCOMMIT,
            nonce: *b"abcdefghijklmnopqrst",
            plugin: plugin.into(),
        };
        self.say(&greeting.encode()).await;
        Login::decode(&self.hear().await.expect("a login"), capabilities).expect("a login")
    }

    pub(super) async fn ok(&mut self) {
        self.say(&Done::default().encode()).await;
    }

    /// Lets the client in and answers what it sets.
    async fn let_in(&mut self) {
        self.greet(NATIVE).await;
        self.ok().await;
        for _ in 0..2 {
            self.command().await.expect("settings");
            self.ok().await;
        }
    }

    pub(super) async fn command(&mut self) -> Option<Bytes> {
        self.framing.restart();
        self.hear().await
    }
}

/// A server whose every connection goes as `serve` says.
pub(super) async fn server<F>(serve: impl Fn(Wire) -> F + Send + Sync + 'static) -> (UpstreamConfig, JoinSet<()>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let mut tasks = JoinSet::new();
    let serve = Arc::new(serve);
    tasks.spawn(async move {
        let mut open = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            open.spawn(serve(Wire { stream, framing: Framing::new(1 << 20), input: BytesMut::new() }));
        }
    });
    let config = UpstreamConfig {
        address,
        user: "relay".into(),
        password: Secret::new("secret".into()),
        database: "ragnarok".into(),
        connections: 2,
        tls: Tls::Off,
        statement_timeout: Duration::from_millis(300),
    };
    (config, tasks)
}

pub(super) async fn ask(upstream: &Upstream) -> Result<Answered, UpstreamError> {
    let judge = Judge::new(Policy::read(DEFAULT_POLICY).expect("a policy"));
    let judgement = judge.judge(&Bytes::from_static(b"SELECT value FROM mapreg"));
    let Plan::Passed(passed) = &*judgement.plan else { panic!("passed on") };
    let name = Literal::Text("x".into());
    let (literals, scope, host) = (&judgement.literals[..], &name, &name);
    upstream
        .ask(&Request { passed, statement: &Bytes::new(), literals, parameters: None, scope, host, charset: "utf8mb4" })
        .await
}

#[tokio::test]
async fn a_server_may_choose_how_the_password_is_proven() {
    let (config, _tasks) = server(|mut wire| async move {
        let login = wire.greet("something_else").await;
        assert_eq!(login.plugin.as_deref(), Some(NATIVE));
        let nonce = *b"ABCDEFGHIJKLMNOPQRST";
        wire.say(&AuthSwitch { plugin: CACHING_SHA2.into(), nonce }.encode()).await;
        assert_eq!(wire.hear().await.as_deref(), Some(&sha2_proof(b"secret", &nonce)[..]));
        wire.say(&[1, 3]).await;
        wire.say(&AuthSwitch { plugin: NATIVE.into(), nonce }.encode()).await;
        assert_eq!(wire.hear().await.as_deref(), Some(&native_proof(b"secret", &nonce)[..]));
        wire.ok().await;
        while wire.command().await.is_some() {
            wire.ok().await;
        }
    })
    .await;
    Connection::open(&config).await.expect("let in");
}

#[tokio::test]
async fn plugins_that_are_not_spoken_and_refusals_are_told() {
    for (message, told) in [
        (
            AuthSwitch { plugin: "mysql_clear_password".into(), nonce: [7; 20] }.encode(),
            "mysql_clear_password is not spoken",
        ),
        (ServerError::new(1045, "Access denied").encode(), "Access denied"),
        (Bytes::from_static(b"\x07nonsense"), "something else"),
    ] {
        let (config, _tasks) = server(move |mut wire| {
            let message = message.clone();
            async move {
                wire.greet(NATIVE).await;
                wire.say(&message).await;
                wire.hear().await;
            }
        })
        .await;
        let error = Connection::open(&config).await.expect_err("refused").to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_stalls_or_makes_no_sense_is_an_error_in_time() {
    const BREAKS: &[u8] = &[1, 0, 0, 1, 1, 5, 0, 0, 2, b'd'];
    const STALLS: &[u8] = &[1, 0, 0, 1, 1];
    const FILE: &[u8] = b"\x02\0\0\x01\xFBx";
    for (sent, closes, class) in [(BREAKS, true, "lost"), (STALLS, false, "timeout"), (FILE, false, "garbage")] {
        let (config, _tasks) = server(move |mut wire| async move {
            wire.let_in().await;
            wire.command().await.expect("a statement");
            wire.stream.write_all(sent).await.expect("written");
            while !closes && wire.hear().await.is_some() {}
        })
        .await;
        let upstream = Upstream::new(config);
        let started = std::time::Instant::now();
        assert_eq!(ask(&upstream).await.map_err(|error| error.class()), Err(class));
        assert!(started.elapsed() < Duration::from_secs(2));
        assert!(upstream.is_up());
    }
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let (config, _tasks) = server(|mut wire| async move {
        wire.let_in().await;
        wire.command().await.expect("a statement");
        let row = [&[0xFF, 0xFF, 0, 1][..], &vec![b'x'; 0xFFFF]].concat();
        wire.stream.write_all(&[1, 0, 0, 1, 1, 1, 0, 0, 2, b'd', 5, 0, 0, 3, 0xFE, 0, 0, 2, 0]).await.expect("written");
        while wire.stream.write_all(&row).await.is_ok() {}
    })
    .await;
    assert!(matches!(ask(&Upstream::new(config)).await, Err(UpstreamError::TooLong(_))));
}

#[tokio::test]
async fn a_database_that_is_away_is_not_asked_again_at_once_and_then_is() {
    let (mut config, tasks) = server(|mut wire| async move {
        wire.let_in().await;
        while wire.command().await.is_some() {
            wire.ok().await;
        }
    })
    .await;
    let good = config.address.clone();
    let unused = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    config.address = unused.local_addr().expect("an address").to_string();
    drop(unused);
    let upstream = Upstream::new(config.clone());
    assert!(matches!(ask(&upstream).await, Err(UpstreamError::Down)));
    assert!(!upstream.is_up());
    assert!(matches!(ask(&upstream).await, Err(UpstreamError::Down)));
    config.address = good;
    assert!(ask(&Upstream::new(config)).await.is_ok());
    drop(tasks);
}
