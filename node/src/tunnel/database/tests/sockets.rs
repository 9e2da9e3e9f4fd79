//! The endpoint on its port.

use std::io::ErrorKind;

use bifrost_protocol::Secret;
use bifrost_protocol::mysql::{
    Answer, Capabilities, Command, Expected, Framing, Greeting, Login, NATIVE, Passage, ServerError, code, native_proof,
};
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::tunnel::database::LocalEndpoint;

pub(super) struct Wire {
    pub(super) stream: TcpStream,
    pub(super) framing: Framing,
    input: BytesMut,
}

impl Wire {
    pub(super) async fn to(endpoint: &LocalEndpoint) -> Self {
        let stream = TcpStream::connect(endpoint.address()).await.expect("connected");
        Self { stream, framing: Framing::new(1 << 20), input: BytesMut::new() }
    }

    /// The next message; `None` when the server has closed.
    pub(super) async fn read(&mut self) -> Option<Bytes> {
        loop {
            if let Some(message) = self.framing.take(&mut self.input).expect("in order") {
                return Some(message);
            }
            match self.stream.read_buf(&mut self.input).await {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("{error}"),
            }
        }
    }

    pub(super) async fn write(&mut self, message: &[u8]) {
        let mut wire = BytesMut::new();
        self.framing.put(&mut wire, message);
        self.stream.write_all(&wire).await.expect("written");
    }

    pub(super) async fn enter(endpoint: &LocalEndpoint) -> Self {
        let mut wire = Self::to(endpoint).await;
        let greeting = Greeting::decode(&wire.read().await.expect("a greeting")).expect("a greeting");
        let login = Login {
            capabilities: Capabilities::SPOKEN,
            max_message: 1 << 24,
            collation: 45,
            user: endpoint.user().as_bytes().to_vec(),
            proof: Secret::new(native_proof(endpoint.password().expose().as_bytes(), &greeting.nonce)),
            database: Some(endpoint.database().as_bytes().to_vec()),
            plugin: Some(NATIVE.into()),
        };
        wire.write(&login.encode()).await;
        let answer = Answer::decode(&wire.read().await.expect("an answer"));
        assert!(matches!(answer, Ok(Answer::Done(_))), "{answer:?}");
        wire
    }

    /// Says a command and hears its whole answer.
    pub(super) async fn ask(&mut self, command: &Command) -> Bytes {
        self.framing.restart();
        self.write(&command.encode()).await;
        let expected = if matches!(command, Command::Prepare(_)) { Expected::Prepared } else { Expected::Result };
        let mut passage = Passage::new(expected);
        loop {
            if let Some(passed) = passage.follow(&self.input).expect("an answer") {
                return self.input.split_to(passed.len).freeze();
            }
            assert_ne!(self.stream.read_buf(&mut self.input).await.expect("readable"), 0);
        }
    }

    async fn ping(&mut self) {
        self.framing.restart();
        self.write(&Command::Ping.encode()).await;
        assert!(self.read().await.is_some());
    }
}

#[tokio::test]
async fn an_engine_connects_asks_and_leaves() {
    let endpoint = LocalEndpoint::start(CancellationToken::new()).await.expect("a port");
    assert!(endpoint.address().ip().is_loopback());
    let mut wire = Wire::enter(&endpoint).await;
    wire.ping().await;
    wire.framing.restart();
    wire.write(&Command::Quit.encode()).await;
    assert_eq!(wire.read().await, None);
    assert_eq!(endpoint.counts().answered, 1);
    endpoint.stop().await;
}

#[tokio::test]
async fn statements_that_come_in_one_write_are_answered_in_order() {
    let endpoint = LocalEndpoint::start(CancellationToken::new()).await.expect("a port");
    let mut wire = Wire::enter(&endpoint).await;
    let mut all = BytesMut::new();
    for statement in ["DELETE FROM vendings", "DELETE FROM login", "DELETE FROM vending_items"] {
        wire.framing.restart();
        wire.framing.put(&mut all, &Command::Query(Bytes::from_static(statement.as_bytes())).encode());
    }
    for byte in &all {
        wire.stream.write_all(&[*byte]).await.expect("written");
    }
    for kind in [0, 0xFF, 0] {
        wire.framing.restart();
        let _own = wire.framing.take(&mut BytesMut::from(&[0_u8, 0, 0, 0][..]));
        assert_eq!(wire.read().await.and_then(|answer| answer.first().copied()), Some(kind));
    }
}

#[tokio::test]
async fn so_many_connections_and_no_more() {
    let endpoint = LocalEndpoint::start(CancellationToken::new()).await.expect("a port");
    let mut open = Vec::new();
    for _ in 0..16 {
        open.push(Wire::enter(&endpoint).await);
    }
    let refused = Wire::to(&endpoint).await.read().await.expect("a word");
    assert_eq!(ServerError::decode(&refused).map(|error| error.code), Ok(code::TOO_MANY_CONNECTIONS));
    assert_eq!(endpoint.counts().turned_away, 1);
    let mut last = open.pop().expect("one");
    last.framing.restart();
    last.write(&Command::Quit.encode()).await;
    assert_eq!(last.read().await, None);
    // The place is free once the server's task has ended, which may be a moment after the client has seen the end.
    loop {
        let first = Wire::to(&endpoint).await.read().await.expect("a word");
        if Greeting::decode(&first).is_ok() {
            break;
        }
    }
}

#[tokio::test]
async fn stopping_closes_every_connection() {
    let stop = CancellationToken::new();
    let endpoint = LocalEndpoint::start(stop.child_token()).await.expect("a port");
    let (mut inside, mut outside) = (Wire::enter(&endpoint).await, Wire::to(&endpoint).await);
    outside.read().await.expect("a greeting");
    stop.cancel();
    assert_eq!(inside.read().await, None);
    assert_eq!(outside.read().await, None);
    let address = endpoint.address();
    endpoint.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn who_does_not_log_in_is_not_waited_for() {
    let endpoint = LocalEndpoint::start(CancellationToken::new()).await.expect("a port");
    let mut silent = Wire::to(&endpoint).await;
    silent.read().await.expect("a greeting");
    tokio::time::pause();
    assert_eq!(silent.read().await, None);
}

#[tokio::test]
async fn two_endpoints_do_not_let_in_each_others_engines() {
    let stop = CancellationToken::new();
    let (one, other) = (LocalEndpoint::start(stop.clone()).await, LocalEndpoint::start(stop).await);
    let (one, other) = (one.expect("a port"), other.expect("a port"));
    assert_ne!(one.user(), other.user());
    assert_ne!(one.password().expose(), other.password().expose());
    assert!(!format!("{one:?}").contains(one.password().expose().as_str()));
}
