//! One connection's protocol: bytes in, bytes out, no IO.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use bifrost_protocol::Secret;
use bifrost_protocol::mysql::local::{self, Outcome};
use bifrost_protocol::mysql::sql::{self, Digest, Statement};
use bifrost_protocol::mysql::variables::DATABASE;
use bifrost_protocol::mysql::{
    Column, ColumnType, Command, Done, Execute, Framing, FramingError, MAX_PARAMETERS, Nonce, PART_HEADER,
    ParameterType, PrepareOk, ServerError, Status, Value, charset, code, command_name, end,
};
use bytes::{Bytes, BytesMut};
use tracing::{debug, warn};

use super::Shared;
use super::login::{Entrance, Entry};
use super::route::{Route, route};

/// The longest message of a client that is in: the longest statement, with room for parameters.
const MAX_MESSAGE: usize = sql::MAX_STATEMENT + 64 * 1024;
/// The most prepared statements of one connection. A map-server has one at a time.
const MAX_PREPARED: usize = 64;
/// The most bytes of parameters that are sent before their statement runs, for one connection.
const MAX_LONG_DATA: usize = 256 * 1024;
/// The number that stands, on a stream to the coordinator, for the statement prepared last.
const LAST: u32 = u32::MAX;
/// Refusals of one connection that are logged as warnings; later ones only in detail.
const LOUD_REFUSALS: u64 = 10;

/// A connection.
#[derive(Debug)]
pub(super) struct Session {
    shared: Shared,
    framing: Framing,
    entrance: Option<Entrance>,
    prepared: BTreeMap<u32, Prepared>,
    last_statement: u32,
    long_bytes: usize,
    refused: u64,
    /// What the coordinator is told, in order, without waiting.
    told: Vec<Vec<Command>>,
    asked: Option<Asked>,
}

/// How a connection goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Flow {
    /// It is being opened.
    Entering,
    /// It waits for commands.
    Open,
    /// It waits for the coordinator's answer to [`Session::question`].
    Asking,
    /// It ends when what was said has been written.
    Over,
}

/// Something the engine waits for and the coordinator is asked.
#[derive(Debug)]
struct Asked {
    commands: Vec<Command>,
    /// The number a statement gets here that is being prepared.
    prepares: Option<u32>,
}

#[derive(Debug)]
struct Prepared {
    statement: Statement,
    route: Route,
    /// Its text, when the coordinator has to see it.
    relayed: Option<Bytes>,
    parameters: usize,
    types: Vec<ParameterType>,
    long: BTreeMap<usize, Secret<Vec<u8>>>,
}

impl Session {
    /// A new connection; its greeting is appended to `out`.
    pub(super) fn open(shared: Shared, connection: u32, nonce: Nonce, out: &mut BytesMut) -> Self {
        let entrance = Entrance::new(connection, nonce);
        let mut framing = Framing::new(Entrance::MAX_MESSAGE);
        framing.put(out, &entrance.greeting());
        Self {
            shared,
            framing,
            entrance: Some(entrance),
            prepared: BTreeMap::new(),
            last_statement: 0,
            long_bytes: 0,
            refused: 0,
            told: Vec::new(),
            asked: None,
        }
    }

    /// What the coordinator is to be told, in order.
    pub(super) fn told(&mut self) -> Vec<Vec<Command>> {
        std::mem::take(&mut self.told)
    }

    /// What the coordinator is asked, and which of the answers is meant.
    pub(super) fn question(&self) -> Option<(Vec<Command>, usize)> {
        let asked = self.asked.as_ref()?;
        let runs = matches!(asked.commands.as_slice(), [Command::Prepare(_), Command::Execute(_), ..]);
        Some((asked.commands.clone(), usize::from(runs)))
    }

    /// Gives the engine the coordinator's answer, or the error instead of one.
    pub(super) fn answered(&mut self, answer: Result<Bytes, ServerError>, out: &mut BytesMut) {
        let prepares = self.asked.take().and_then(|asked| asked.prepares);
        match (answer, prepares) {
            (Ok(answer), None) => {
                self.count();
                out.extend_from_slice(&answer);
            }
            (Ok(answer), Some(number)) => {
                // The coordinator's number for it is not the one it has here, and it is not kept there.
                let mut answer = BytesMut::from(&answer[..]);
                if let Some([0, slot @ ..]) = answer.get_mut(PART_HEADER..PART_HEADER + 5) {
                    slot.copy_from_slice(&number.to_le_bytes());
                    self.count();
                } else {
                    self.prepared.remove(&number);
                }
                out.extend_from_slice(&answer);
            }
            (Err(error), prepares) => {
                prepares.and_then(|number| self.prepared.remove(&number));
                self.framing.put(out, &error.encode());
            }
        }
    }

    fn count(&self) {
        self.shared.counters.answered.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes what the client sent out of `input` and appends the answers to `out`.
    pub(super) fn take(&mut self, input: &mut BytesMut, out: &mut BytesMut) -> Flow {
        loop {
            if self.entrance.is_none() {
                self.framing.restart();
            }
            let message = match self.framing.take(input) {
                Ok(Some(message)) => message,
                Ok(None) if self.entrance.is_some() => return Flow::Entering,
                Ok(None) => return Flow::Open,
                Err(error) => {
                    self.fail(&framing_error(error), out);
                    return Flow::Over;
                }
            };
            let flow = if self.entrance.is_some() { self.enter(&message, out) } else { self.command(&message, out) };
            if matches!(flow, Flow::Over | Flow::Asking) {
                return flow;
            }
        }
    }

    /// Says an error and counts it.
    pub(super) fn fail(&mut self, error: &ServerError, out: &mut BytesMut) {
        self.refused += 1;
        self.shared.counters.refused.fetch_add(1, Ordering::Relaxed);
        if self.refused <= LOUD_REFUSALS {
            warn!(%error, "engine's SQL refused");
        } else {
            debug!(%error, "engine's SQL refused");
        }
        self.framing.put(out, &error.encode());
    }

    fn enter(&mut self, message: &[u8], out: &mut BytesMut) -> Flow {
        let Some(entrance) = self.entrance.as_mut() else { return Flow::Open };
        match entrance.take(message, &self.shared.credentials) {
            Entry::In(welcome, _login) => {
                self.framing.put(out, &welcome);
                self.framing.limit(MAX_MESSAGE);
                self.entrance = None;
                Flow::Open
            }
            Entry::Again(switch) => {
                self.framing.put(out, &switch);
                Flow::Entering
            }
            Entry::Out(error) => {
                self.shared.counters.turned_away.fetch_add(1, Ordering::Relaxed);
                debug!(%error, "connection to the database turned away");
                self.framing.put(out, &error.encode());
                Flow::Over
            }
        }
    }

    fn command(&mut self, message: &Bytes, out: &mut BytesMut) -> Flow {
        let command = match Command::decode(message) {
            Ok(command) => command,
            Err(error) => {
                self.fail(&ServerError::new(code::MALFORMED, error.to_string()), out);
                return Flow::Over;
            }
        };
        let answered = match command {
            Command::Quit => return Flow::Over,
            Command::Ping => self.done(&Done { status: Status::AUTOCOMMIT, ..Done::default() }, out),
            Command::InitDb(name) if name == DATABASE => {
                self.done(&Done { status: Status::AUTOCOMMIT, ..Done::default() }, out)
            }
            Command::InitDb(_) => Err(ServerError::new(code::UNKNOWN_DATABASE, "there is one database only")),
            Command::Query(statement) => self.query(&statement, out),
            Command::Prepare(statement) => self.prepare(&statement, out),
            Command::Execute(run) => self.execute(&run, out),
            // These two have no answer, whatever happens.
            Command::LongData { statement, parameter, data } => {
                self.long_data(statement, parameter.into(), &data);
                return Flow::Open;
            }
            Command::Close(statement) => {
                self.close(statement);
                return Flow::Open;
            }
            Command::Reset(statement) => self.reset(statement, out),
            Command::Other(kind) => {
                Err(ServerError::new(code::UNKNOWN_COMMAND, format!("{} is not served", command_name(kind))))
            }
        };
        match answered {
            Ok(()) if self.asked.is_some() => return Flow::Asking,
            Ok(()) => self.count(),
            Err(error) => self.fail(&error, out),
        }
        Flow::Open
    }

    fn done(&mut self, done: &Done, out: &mut BytesMut) -> Result<(), ServerError> {
        self.framing.put(out, &done.encode());
        Ok(())
    }

    fn query(&mut self, text: &Bytes, out: &mut BytesMut) -> Result<(), ServerError> {
        let command = || Command::Query(Bytes::copy_from_slice(text));
        let digest = self.shared.relayed.then(|| Digest::of(text).ok()).flatten();
        let known = digest.as_ref().and_then(|digest| self.shared.routes.get(&digest.key));
        let (route, statement) = match known {
            Some(route) => (route, None),
            None => {
                let statement = read(text)?;
                let route = self.route(&statement)?;
                if let Some(digest) = digest.filter(|_| route != Route::Here) {
                    self.shared.routes.put(digest.key, route);
                }
                (route, Some(statement))
            }
        };
        match route {
            Route::Here => {
                let statement = statement.map_or_else(|| read(text), Ok)?;
                if matches!(statement, Statement::Session(sql::Session::Set { charset: Some(_), .. }))
                    && self.shared.relayed
                {
                    self.told.push(vec![command()]);
                }
                let outcome = self.carry_out(&statement, &[])?;
                outcome.put(false, &mut self.framing, out);
            }
            Route::Behind(affected) => {
                self.told.push(vec![command()]);
                self.done(&local::done(affected), out)?;
            }
            Route::Ask => self.asked = Some(Asked { commands: vec![command()], prepares: None }),
        }
        Ok(())
    }

    /// Who answers a statement.
    fn route(&self, statement: &Statement) -> Result<Route, ServerError> {
        if self.shared.relayed { route(statement) } else { Ok(Route::Here) }
    }

    fn carry_out(&self, statement: &Statement, values: &[Value]) -> Result<Outcome, ServerError> {
        let mut tables = self.shared.tables.lock().unwrap_or_else(PoisonError::into_inner);
        local::answer(&mut tables, statement, values, now())
    }

    /// A list of definitions with its end.
    fn define(&mut self, columns: &[Column], out: &mut BytesMut) {
        for column in columns {
            self.framing.put(out, &column.encode());
        }
        self.framing.put(out, &end(0, Status::AUTOCOMMIT));
    }

    fn prepare(&mut self, text: &Bytes, out: &mut BytesMut) -> Result<(), ServerError> {
        if self.prepared.len() >= MAX_PREPARED {
            let problem = format!("more than {MAX_PREPARED} prepared statements");
            return Err(ServerError::new(code::TOO_MANY_STATEMENTS, problem));
        }
        let mut parameters = 0;
        // What is read below is what was scanned here; a statement that cannot be scanned is refused there.
        let _scanned = sql::scan(text, |piece| parameters += usize::from(piece == sql::Piece::Sign(b'?')));
        let statement = read(text)?;
        let route = self.route(&statement)?;
        let columns = if route == Route::Here { local::describe(&statement)? } else { Vec::new() };
        let small = |count: usize| u16::try_from(count).ok().filter(|_| count <= MAX_PARAMETERS);
        let (Some(column_count), Some(parameter_count)) = (small(columns.len()), small(parameters)) else {
            return Err(ServerError::new(code::OUT_OF_RESOURCES, "too many parameters"));
        };
        self.last_statement = self.last_statement.wrapping_add(1).max(1);
        let number = self.last_statement;
        let relayed = (route != Route::Here).then(|| Bytes::copy_from_slice(text));
        if let (Route::Ask, Some(text)) = (route, &relayed) {
            // Not kept there: it is prepared again with each run, so that a stream may be lost in between.
            let commands = vec![Command::Prepare(text.clone()), Command::Close(LAST)];
            self.asked = Some(Asked { commands, prepares: Some(number) });
        } else {
            let answer =
                PrepareOk { statement: number, columns: column_count, parameters: parameter_count, warnings: 0 };
            self.framing.put(out, &answer.encode());
            if parameters > 0 {
                let parameter = Column::plain("?", ColumnType::VarString, charset::BINARY, 0);
                self.define(&vec![parameter; parameters], out);
            }
            if !columns.is_empty() {
                self.define(&columns, out);
            }
        }
        let (types, long) = (Vec::new(), BTreeMap::new());
        self.prepared.insert(number, Prepared { statement, route, relayed, parameters, types, long });
        Ok(())
    }

    fn execute(&mut self, run: &Execute, out: &mut BytesMut) -> Result<(), ServerError> {
        let prepared = self.prepared.get_mut(&run.statement).ok_or_else(unknown_statement)?;
        if run.cursor != 0 {
            return Err(ServerError::new(code::UNKNOWN_COMMAND, "cursors are not served"));
        }
        let long = std::mem::take(&mut prepared.long);
        self.long_bytes -= long.values().map(|data| data.expose().len()).sum::<usize>();
        let values = run
            .bind(prepared.parameters, &mut prepared.types, |at| {
                long.get(&at).map(|data| Bytes::copy_from_slice(data.expose()))
            })
            .map_err(|error| ServerError::new(code::WRONG_ARGUMENTS, error.to_string()))?;
        let commands = prepared.relayed.as_ref().map(|text| {
            let run = Command::Execute(Execute::with(LAST, &values));
            vec![Command::Prepare(text.clone()), run, Command::Close(LAST)]
        });
        match (prepared.route, commands) {
            (Route::Behind(affected), Some(commands)) => {
                self.told.push(commands);
                return self.done(&local::done(affected), out);
            }
            (Route::Ask, Some(commands)) => {
                self.asked = Some(Asked { commands, prepares: None });
                return Ok(());
            }
            (Route::Here | Route::Behind(_) | Route::Ask, _) => {}
        }
        let mut tables = self.shared.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = local::answer(&mut tables, &prepared.statement, &values, now())?;
        drop(tables);
        outcome.put(true, &mut self.framing, out);
        Ok(())
    }

    /// Keeps a piece of a parameter. What would be too much is left out, and the statement's run will find it missing.
    fn long_data(&mut self, statement: u32, parameter: usize, data: &[u8]) {
        let room = MAX_LONG_DATA.saturating_sub(self.long_bytes);
        if let Some(prepared) = self.prepared.get_mut(&statement)
            && parameter < prepared.parameters
            && data.len() <= room
        {
            let kept = prepared.long.remove(&parameter).map(Secret::into_inner).unwrap_or_default();
            prepared.long.insert(parameter, Secret::new([&kept[..], data].concat()));
            self.long_bytes += data.len();
        }
    }

    fn forget_long(&mut self, statement: u32) -> bool {
        let Some(prepared) = self.prepared.get_mut(&statement) else { return false };
        let long = std::mem::take(&mut prepared.long);
        self.long_bytes -= long.values().map(|data| data.expose().len()).sum::<usize>();
        true
    }

    fn close(&mut self, statement: u32) {
        self.forget_long(statement);
        self.prepared.remove(&statement);
    }

    fn reset(&mut self, statement: u32, out: &mut BytesMut) -> Result<(), ServerError> {
        if !self.forget_long(statement) {
            return Err(unknown_statement());
        }
        self.done(&Done { status: Status::AUTOCOMMIT, ..Done::default() }, out)
    }
}

/// Seconds since 1970.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

fn read(statement: &[u8]) -> Result<Statement, ServerError> {
    sql::parse(statement)
        .map_err(|refusal| ServerError::new(code::TABLE_ACCESS_DENIED, format!("statement denied: it {refusal}")))
}

fn unknown_statement() -> ServerError {
    ServerError::new(code::UNKNOWN_STATEMENT, "there is no such prepared statement")
}

fn framing_error(error: FramingError) -> ServerError {
    let number = match error {
        FramingError::TooLong { .. } => code::MESSAGE_TOO_LONG,
        FramingError::Sequence { .. } => code::OUT_OF_ORDER,
    };
    ServerError::new(number, error.to_string())
}
