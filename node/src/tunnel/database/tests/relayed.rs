//! The endpoint with a coordinator that relays, or does not.

use std::sync::Arc;
use std::sync::Mutex as StdMutex;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bifrost_protocol::mysql::{
    Answer, Column, ColumnType, Command, Done, Execute, Framing, PrepareOk, ServerError, Status, Value, charset, code,
    end, text_row,
};
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::sockets::Wire;
use crate::tunnel::database::{LocalEndpoint, Stream, Streams};

/// A coordinator: streams that are opened come out of a queue.
#[derive(Debug)]
struct Coordinator {
    opened: mpsc::Sender<DuplexStream>,
    away: StdMutex<bool>,
}

#[async_trait]
impl Streams for Coordinator {
    async fn open(&self) -> Result<Stream, String> {
        if *self.away.lock().expect("no panic") {
            return Err("away".into());
        }
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        self.opened.send(theirs).await.map_err(|_| "gone")?;
        let (recv, send) = tokio::io::split(ours);
        Ok((Box::new(recv), Box::new(send)))
    }
}

/// The coordinator's side of one stream.
struct Served {
    stream: DuplexStream,
    framing: Framing,
    input: BytesMut,
}

impl Served {
    async fn hear(&mut self) -> Option<Command> {
        self.framing.restart();
        loop {
            if let Some(message) = self.framing.take(&mut self.input).expect("in order") {
                return Some(Command::decode(&message).expect("a command"));
            }
            if self.stream.read_buf(&mut self.input).await.ok()? == 0 {
                return None;
            }
        }
    }

    /// What a text command says.
    async fn hear_text(&mut self) -> String {
        match self.hear().await {
            Some(Command::Query(text) | Command::Prepare(text)) => String::from_utf8_lossy(&text).into_owned(),
            other => panic!("{other:?}"),
        }
    }

    async fn say(&mut self, messages: &[Bytes]) -> Bytes {
        let mut out = BytesMut::new();
        messages.iter().for_each(|message| self.framing.put(&mut out, message));
        self.stream.write_all(&out).await.expect("written");
        out.freeze()
    }

    async fn ok(&mut self) {
        self.say(&[Done { affected: 3, ..Done::default() }.encode()]).await;
    }

    /// One row of text.
    async fn row(&mut self, text: &'static str) -> Bytes {
        let column = Column::plain("value", ColumnType::VarString, charset::UTF8MB4, 255);
        let row = text_row(&[Value::Bytes(Bytes::from_static(text.as_bytes()))]);
        let ended = end(0, Status::AUTOCOMMIT);
        self.say(&[Bytes::from_static(&[1]), column.encode(), ended.clone(), row, ended]).await
    }
}

struct Stage {
    endpoint: LocalEndpoint,
    coordinator: Arc<Coordinator>,
    opened: mpsc::Receiver<DuplexStream>,
}

impl Stage {
    async fn new() -> Self {
        let (sender, opened) = mpsc::channel(16);
        let coordinator = Arc::new(Coordinator { opened: sender, away: StdMutex::new(false) });
        let streams = Arc::clone(&coordinator);
        let endpoint = LocalEndpoint::relayed(streams, CancellationToken::new()).await.expect("a port");
        Self { endpoint, coordinator, opened }
    }

    async fn stream(&mut self) -> Served {
        let stream = self.opened.recv().await.expect("a stream");
        Served { stream, framing: Framing::new(1 << 20), input: BytesMut::new() }
    }
}

fn query(statement: &'static str) -> Command {
    Command::Query(Bytes::from_static(statement.as_bytes()))
}

fn error_of(answer: &Bytes) -> Option<u16> {
    ServerError::decode(&answer[4..]).ok().map(|error| error.code)
}

#[tokio::test]
async fn what_is_read_is_asked_and_passes_byte_for_byte() {
    let mut stage = Stage::new().await;
    let mut engine = Wire::enter(&stage.endpoint).await;
    let asked = query("SELECT `varname`, `index`, `value` FROM `mapreg`");
    let (answer, sent) = tokio::join!(engine.ask(&asked), async {
        let mut served = stage.stream().await;
        assert_eq!(served.hear_text().await, "SELECT `varname`, `index`, `value` FROM `mapreg`");
        served.row("5").await
    });
    assert_eq!(answer, sent);
}

#[tokio::test]
async fn prepared_statements_are_prepared_for_each_run_and_keep_their_own_numbers() {
    let mut stage = Stage::new().await;
    let mut engine = Wire::enter(&stage.endpoint).await;
    let statement = Bytes::from_static(b"SELECT amount FROM custom WHERE name = ?");
    let served = async {
        let mut served = stage.stream().await;
        let column = Column::plain("amount", ColumnType::Long, charset::BINARY, 11).encode();
        let ended = end(0, Status::AUTOCOMMIT);
        for _ in 0..2 {
            served.hear_text().await;
            let ok = PrepareOk { statement: 4_711, columns: 1, parameters: 1, warnings: 0 };
            served.say(&[ok.encode(), column.clone(), ended.clone(), column.clone(), ended.clone()]).await;
            match served.hear().await {
                Some(Command::Close(u32::MAX)) => {}
                Some(Command::Execute(run)) => {
                    assert_eq!(run.statement, u32::MAX);
                    let values = run.bind(1, &mut Vec::new(), |_| None).expect("a parameter");
                    assert_eq!(values, [Value::Bytes("long name".into())]);
                    served.row("7").await;
                    assert_eq!(served.hear().await, Some(Command::Close(u32::MAX)));
                }
                other => panic!("{other:?}"),
            }
        }
    };
    let asked = async {
        let prepared = PrepareOk::decode(&engine.ask(&Command::Prepare(statement)).await[4..16]).expect("prepared");
        assert_eq!((prepared.statement, prepared.columns), (1, 1));
        for data in ["long ", "name"] {
            engine.framing.restart();
            engine.write(&Command::LongData { statement: 1, parameter: 0, data: data.into() }.encode()).await;
        }
        let answer = engine.ask(&Command::Execute(Execute::with(1, &[Value::Null]))).await;
        assert_eq!(Answer::decode(&answer[4..5]), Ok(Answer::Rows(1)));
    };
    tokio::join!(served, asked);
}

#[tokio::test]
async fn writes_are_done_at_once_and_arrive_in_order_when_the_coordinator_is_back() {
    let mut stage = Stage::new().await;
    *stage.coordinator.away.lock().expect("no panic") = true;
    let mut engine = Wire::enter(&stage.endpoint).await;
    let started = Instant::now();
    let writes = [
        "INSERT INTO `mapreg`(`varname`,`index`,`value`) VALUES ('$a','0','1')",
        "UPDATE `mapreg` SET `value`='2' WHERE `varname`='$a' AND `index`='0' LIMIT 1",
        "INSERT DELAYED INTO `zenylog` (`time`, `amount`) VALUES (NOW(), '5')",
    ];
    for write in writes {
        assert_eq!(engine.ask(&query(write)).await[4], 0, "{write}");
    }
    let market = "REPLACE INTO market (name, nameid, price, amount, flag) VALUES ('a', ?, 1, 1, 0)";
    let prepared = engine.ask(&Command::Prepare(market.into())).await;
    assert_eq!(prepared[4], 0);
    assert_eq!(engine.ask(&Command::Execute(Execute::with(1, &[Value::Int(501)]))).await[4], 0);
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    *stage.coordinator.away.lock().expect("no panic") = false;

    // The first stream breaks before anything is answered; everything comes again on the next.
    let mut served = stage.stream().await;
    assert_eq!(served.hear_text().await, writes[0]);
    served.ok().await;
    assert_eq!(served.hear_text().await, writes[1]);
    drop(served);
    let mut served = stage.stream().await;
    let mut first = served.hear_text().await;
    if first == writes[0] {
        // Its answer had not been read yet.
        served.ok().await;
        first = served.hear_text().await;
    }
    assert_eq!(first, writes[1]);
    served.ok().await;
    assert_eq!(served.hear_text().await, writes[2]);
    served.ok().await;
    assert_eq!(served.hear_text().await, market);
    assert!(matches!(served.hear().await, Some(Command::Execute(run)) if run.statement == u32::MAX));
    assert_eq!(served.hear().await, Some(Command::Close(u32::MAX)));
    assert_eq!(stage.endpoint.counts().lost, 0);
}

#[tokio::test]
async fn a_coordinator_that_stalls_never_freezes_the_engine() {
    let mut stage = Stage::new().await;
    let mut engine = Wire::enter(&stage.endpoint).await;
    let started = Instant::now();
    let answer = engine.ask(&query("SELECT * FROM mapreg")).await;
    assert_eq!(error_of(&answer), Some(code::TIMED_OUT));
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    // The answer that comes too late is not taken for that of the next question.
    let mut served = stage.stream().await;
    served.hear_text().await;
    served.row("late").await;
    let market = query("SELECT * FROM market");
    let (answer, sent) = tokio::join!(engine.ask(&market), async {
        assert_eq!(served.hear_text().await, "SELECT * FROM market");
        served.row("right").await
    });
    assert_eq!(answer, sent);
    *stage.coordinator.away.lock().expect("no panic") = true;
    drop(served);
    let started = Instant::now();
    let answer = engine.ask(&query("SELECT * FROM mapreg")).await;
    assert!(matches!(error_of(&answer), Some(code::TIMED_OUT | code::SHUTDOWN)));
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_character_set_is_said_again_on_every_stream() {
    let mut stage = Stage::new().await;
    let mut engine = Wire::enter(&stage.endpoint).await;
    assert_eq!(engine.ask(&query("SET NAMES latin1")).await[4], 0);
    let mut served = stage.stream().await;
    assert_eq!(served.hear_text().await, "SET NAMES latin1");
    served.ok().await;
    let mapreg = query("SELECT * FROM mapreg");
    let (answer, ()) = tokio::join!(engine.ask(&mapreg), async {
        served.hear_text().await;
        drop(served);
    });
    assert_eq!(error_of(&answer), Some(code::SHUTDOWN));
    let (answer, sent) = tokio::join!(engine.ask(&mapreg), async {
        let mut served = stage.stream().await;
        assert_eq!(served.hear_text().await, "SET NAMES latin1");
        served.ok().await;
        served.hear_text().await;
        served.row("1").await
    });
    assert_eq!(answer, sent);
}

#[tokio::test]
async fn what_an_engine_said_last_arrives_after_its_end() {
    let mut stage = Stage::new().await;
    let mut engine = Wire::enter(&stage.endpoint).await;
    let write = "UPDATE `mapreg` SET `value`='9' WHERE `varname`='$a' AND `index`='0' LIMIT 1";
    assert_eq!(engine.ask(&query(write)).await[4], 0);
    drop(engine);
    let mut served = stage.stream().await;
    assert_eq!(served.hear_text().await, write);
    served.ok().await;
    assert_eq!(served.hear().await, None);
    let address = stage.endpoint.address();
    stage.endpoint.stop().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn what_needs_nobody_is_answered_without_asking() {
    let mut stage = Stage::new().await;
    let mut engine = Wire::enter(&stage.endpoint).await;
    for statement in ["DELETE FROM `vendings`;", "SHOW VARIABLES LIKE 'wait_timeout'", "SELECT 1", "SET autocommit = 0"]
    {
        assert_eq!(error_of(&engine.ask(&query(statement)).await), None, "{statement}");
    }
    for statement in ["DROP TABLE mapreg", "SELECT 1; SELECT 2", "SELECT * FROM other.mapreg"] {
        assert_eq!(error_of(&engine.ask(&query(statement)).await), Some(code::TABLE_ACCESS_DENIED), "{statement}");
    }
    assert!(stage.opened.try_recv().is_err(), "no stream was opened");
}
