//! One connection to the database.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use bifrost_protocol::mysql::{
    Command, Execute, Expected, Framing, FramingError, Greeting, MAX_PART, PART_HEADER, Passage, PrepareOk, Value,
};
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::login::{Entrance, LoginError, Next};
use super::{Answered, Tls, UpstreamConfig, UpstreamError, tls};

/// How long connecting and logging in may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest answer that is passed on. All map variables of a busy server have some 100 KiB.
pub(super) const MAX_ANSWER: usize = 1024 * 1024;
/// What is read at once: most answers at a whole, so that no second read is needed to see that there is no more.
const CHUNK: usize = 4 * 1024;
/// The longest message while logging in.
const MAX_GREETING: usize = 16 * 1024;
/// Prepared statements that are kept on a connection; the one not used for longest goes.
const MAX_PREPARED: usize = 64;
/// The character set every connection begins with.
pub(super) const FIRST_CHARSET: &str = "utf8mb4";

/// Backslashes escape, double quotes are text, values that are too long are cut as they were for the map-server: whatever the
/// server's own settings are.
const SETTINGS: &str = "SET SESSION sql_mode = 'NO_ENGINE_SUBSTITUTION'";

/// A byte stream, encrypted or not.
trait Line: AsyncRead + AsyncWrite + Send + Unpin {}
impl<L: AsyncRead + AsyncWrite + Send + Unpin> Line for L {}

/// A connection that is logged in.
pub(super) struct Connection {
    line: Box<dyn Line>,
    framing: Framing,
    input: BytesMut,
    prepared: VecDeque<Prepared>,
    charset: String,
}

/// A statement the database has prepared.
#[derive(Debug)]
struct Prepared {
    sql: Bytes,
    ok: PrepareOk,
    /// The definitions of its columns, without headers.
    columns: Vec<Bytes>,
}

impl Connection {
    /// Connects, logs in and sets what has to be the same everywhere.
    pub(super) async fn open(config: &UpstreamConfig) -> Result<Self, UpstreamError> {
        timeout(CONNECT_TIMEOUT, Self::enter(config)).await.map_err(|_| UpstreamError::Down)?
    }

    async fn enter(config: &UpstreamConfig) -> Result<Self, UpstreamError> {
        let stream = TcpStream::connect(&config.address).await.map_err(|_| UpstreamError::Down)?;
        stream.set_nodelay(true).map_err(UpstreamError::Lost)?;
        let mut stream = stream;
        let (mut framing, mut input) = (Framing::new(MAX_GREETING), BytesMut::new());
        let first = read(&mut stream, &mut framing, &mut input).await?;
        if first.first() == Some(&0xFF) {
            return Err(refused(&LoginError::Refused(said(&first))));
        }
        let greeting = Greeting::decode(&first)?;
        let wants_tls = config.tls != Tls::Off;
        let mut entrance = Entrance::new(config, wants_tls);
        let login = entrance.login(&greeting, wants_tls).map_err(|error| refused(&error))?;
        let mut line: Box<dyn Line> = match &config.tls {
            Tls::Off => Box::new(stream),
            Tls::Verified(ca) => {
                write(&mut stream, &mut framing, &login.encode_tls_request()).await?;
                let host = config.address.rsplit_once(':').map_or(config.address.as_str(), |(host, _)| host);
                Box::new(tls::encrypt(stream, host, ca).await.map_err(UpstreamError::Refused)?)
            }
        };
        write(&mut line, &mut framing, &login.encode()).await?;
        loop {
            let message = read(&mut line, &mut framing, &mut input).await?;
            match entrance.take(&message).map_err(|error| refused(&error))? {
                Next::In => break,
                Next::Read => {}
                Next::Say(answer) => write(&mut line, &mut framing, &answer).await?,
            }
        }
        framing.limit(MAX_ANSWER);
        let prepared = VecDeque::new();
        let mut connection = Self { line, framing, input, prepared, charset: FIRST_CHARSET.to_owned() };
        connection.settle(config).await?;
        Ok(connection)
    }

    async fn settle(&mut self, config: &UpstreamConfig) -> Result<(), UpstreamError> {
        let set = self.query(Bytes::from_static(SETTINGS.as_bytes())).await?;
        if let Some(error) = set.error {
            return Err(UpstreamError::Refused(format!("its session cannot be set up, error {error}")));
        }
        // MariaDB ends what takes too long; MySQL does not know the variable, and there only we stop waiting.
        let limit = format!("SET SESSION max_statement_time = {}", config.statement_timeout.as_secs_f64());
        self.query(limit.into()).await.map(drop)
    }

    /// Sends a statement as text.
    pub(super) async fn query(&mut self, sql: Bytes) -> Result<Answered, UpstreamError> {
        self.ask(&Command::Query(sql).encode(), Expected::Result).await
    }

    /// Asks whether the database is there.
    pub(super) async fn ping(&mut self) -> Result<(), UpstreamError> {
        self.ask(&Command::Ping.encode(), Expected::Result).await.map(drop)
    }

    /// Changes the character set when it is another.
    pub(super) async fn use_charset(&mut self, charset: &str) -> Result<(), UpstreamError> {
        if self.charset != charset {
            // Only names from the policy's list come here.
            let set = self.query(format!("SET NAMES {charset}").into()).await?;
            if let Some(error) = set.error {
                return Err(UpstreamError::Refused(format!("it does not know {charset}, error {error}")));
            }
            charset.clone_into(&mut self.charset);
        }
        Ok(())
    }

    /// Runs a statement with these values for its `?`.
    pub(super) async fn execute(&mut self, sql: &Bytes, values: &[Value]) -> Result<Answered, UpstreamError> {
        let statement = match self.prepare(sql).await? {
            Ok(prepared) => prepared.ok,
            Err(answer) => return Ok(answer),
        };
        if usize::from(statement.parameters) != values.len() {
            return Err(UpstreamError::Parameters);
        }
        let run = Command::Execute(Execute::with(statement.statement, values));
        self.ask(&run.encode(), Expected::Result).await
    }

    /// The definitions of a statement's columns. The inner error is the database's own.
    pub(super) async fn describe(&mut self, sql: &Bytes) -> Result<Result<Vec<Bytes>, Answered>, UpstreamError> {
        Ok(self.prepare(sql).await?.map(|prepared| prepared.columns.clone()))
    }

    /// The statement as the database has prepared it. The inner error is the database's own.
    async fn prepare(&mut self, sql: &Bytes) -> Result<Result<&Prepared, Answered>, UpstreamError> {
        let known = self.prepared.iter().position(|known| known.sql == *sql);
        let prepared = match known.and_then(|at| self.prepared.remove(at)) {
            Some(known) => known,
            None => match self.prepare_anew(sql).await? {
                Ok(prepared) => prepared,
                Err(answer) => return Ok(Err(answer)),
            },
        };
        self.prepared.push_front(prepared);
        Ok(Ok(&self.prepared[0]))
    }

    async fn prepare_anew(&mut self, sql: &Bytes) -> Result<Result<Prepared, Answered>, UpstreamError> {
        if self.prepared.len() >= MAX_PREPARED
            && let Some(oldest) = self.prepared.pop_back()
        {
            self.tell(&Command::Close(oldest.ok.statement).encode()).await?;
        }
        let answered = self.ask(&Command::Prepare(sql.clone()).encode(), Expected::Prepared).await?;
        if answered.error.is_some() {
            return Ok(Err(answered));
        }
        let messages = messages(&answered.bytes);
        let ok = PrepareOk::decode(messages.first().map(|message| &message[..]).unwrap_or_default())?;
        let before = usize::from(ok.parameters) + usize::from(ok.parameters > 0) + 1;
        let columns = messages.into_iter().skip(before).take(ok.columns.into()).collect();
        Ok(Ok(Prepared { sql: sql.clone(), ok, columns }))
    }

    /// Sends a command that has no answer.
    async fn tell(&mut self, command: &[u8]) -> Result<(), UpstreamError> {
        self.framing.restart();
        write(&mut self.line, &mut self.framing, command).await
    }

    async fn ask(&mut self, command: &[u8], expected: Expected) -> Result<Answered, UpstreamError> {
        self.tell(command).await?;
        let mut passage = Passage::new(expected);
        loop {
            if let Some(passed) = passage.follow(&self.input)? {
                let bytes = self.input.split_to(passed.len).freeze();
                if !self.input.is_empty() {
                    // Nothing was asked that this could be an answer to.
                    return Err(UpstreamError::Garbage(bifrost_protocol::DecodeError::Trailing {
                        extra: self.input.len(),
                    }));
                }
                return Ok(Answered { bytes, rows: passed.rows, error: passed.error.map(|error| error.code) });
            }
            if self.input.len() > MAX_ANSWER {
                return Err(UpstreamError::TooLong(MAX_ANSWER));
            }
            self.input.reserve(CHUNK);
            if self.line.read_buf(&mut self.input).await.map_err(UpstreamError::Lost)? == 0 {
                return Err(UpstreamError::Lost(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Connection").field("prepared", &self.prepared.len()).finish_non_exhaustive()
    }
}

async fn read<L: Line + ?Sized>(
    line: &mut L,
    framing: &mut Framing,
    input: &mut BytesMut,
) -> Result<Bytes, UpstreamError> {
    loop {
        if let Some(message) = framing.take(input).map_err(framing_error)? {
            return Ok(message);
        }
        if line.read_buf(input).await.map_err(UpstreamError::Lost)? == 0 {
            return Err(UpstreamError::Lost(io::ErrorKind::UnexpectedEof.into()));
        }
    }
}

async fn write<L: Line + ?Sized>(line: &mut L, framing: &mut Framing, message: &[u8]) -> Result<(), UpstreamError> {
    let mut out = BytesMut::new();
    framing.put(&mut out, message);
    line.write_all(&out).await.map_err(UpstreamError::Lost)
}

fn framing_error(error: FramingError) -> UpstreamError {
    UpstreamError::Garbage(bifrost_protocol::DecodeError::Invalid {
        field: "login",
        problem: match error {
            FramingError::TooLong { .. } => "is answered with something too long",
            FramingError::Sequence { .. } => "is answered out of order",
        },
    })
}

fn refused(error: &LoginError) -> UpstreamError {
    UpstreamError::Refused(error.to_string())
}

fn said(message: &[u8]) -> String {
    bifrost_protocol::mysql::ServerError::decode(message)
        .map_or_else(|error| error.to_string(), |error| error.to_string())
}

/// The messages of an answer that was followed to its end, without their headers.
pub(in crate::database) fn messages(answer: &Bytes) -> Vec<Bytes> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some([a, b, c, _]) = answer.get(at..).and_then(|rest| rest.first_chunk::<PART_HEADER>()) {
        let len = usize::from(*a) | usize::from(*b) << 8 | usize::from(*c) << 16;
        let end = at + PART_HEADER + len.min(MAX_PART);
        if end > answer.len() {
            break;
        }
        found.push(answer.slice(at + PART_HEADER..end));
        at = end;
    }
    found
}
