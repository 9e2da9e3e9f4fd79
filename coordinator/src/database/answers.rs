//! One SQL connection of an engine: its prepared statements, and what its commands get.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bifrost_protocol::Writer;
use bifrost_protocol::mysql::sql::{Expr, Item, Literal, MAX_STATEMENT, Piece, Select, Session, scan};
use bifrost_protocol::mysql::{
    Column, ColumnType, Command, Done, Execute, Framing, MAX_PARAMETERS, ParameterType, PrepareOk, ServerError, Status,
    Value, binary_row, charset, code, command_name, end, put_length, text_row, variables,
};
use bytes::{Bytes, BytesMut};

use super::limits::Place;
use super::policy::{Denial, Judgement, Local, Passed, Plan, Verb};
use super::record::{HostRecord, Outcome};
use super::relay::{Offence, Relay, Whose, count_refused};
use super::upstream::{Answered, Request, UpstreamError};

/// The most bytes of parameters that are sent before their statement runs.
const MAX_LONG_DATA: usize = 256 * 1024;
/// The number that stands for the statement prepared last, so that one can be prepared and run without waiting in between.
const LAST: u32 = u32::MAX;

/// A connection.
pub(super) struct Caller<'a> {
    relay: &'a Relay,
    whose: Whose,
    place: Place,
    record: Arc<HostRecord>,
    scope: Literal,
    host: Literal,
    charset: String,
    prepared: BTreeMap<u32, Prepared>,
    last: u32,
    long_bytes: usize,
    refused_in_a_row: u32,
    offence: Option<Offence>,
}

/// A prepared statement.
struct Prepared {
    statement: Bytes,
    judgement: Judgement,
    parameters: usize,
    types: Vec<ParameterType>,
    long: BTreeMap<usize, Vec<u8>>,
}

/// Why a command gets an error.
enum Failed {
    /// By the rules.
    Refused(ServerError),
    /// The host is not to blame.
    Trouble(ServerError),
}

impl From<UpstreamError> for Failed {
    fn from(error: UpstreamError) -> Self {
        metrics::counter!("bifrost_database_failed_total", "reason" => error.class()).increment(1);
        Self::Trouble(error.error())
    }
}

impl<'a> Caller<'a> {
    pub(super) fn new(relay: &'a Relay, whose: Whose, place: Place) -> Self {
        let name = |name: &str| Literal::Text(Bytes::copy_from_slice(name.as_bytes()));
        Self {
            scope: name(&whose.group.0),
            host: name(&whose.host.0),
            record: relay.record(&whose.host),
            relay,
            whose,
            place,
            charset: "utf8mb4".to_owned(),
            prepared: BTreeMap::new(),
            last: 0,
            long_bytes: 0,
            refused_in_a_row: 0,
            offence: None,
        }
    }

    pub(super) fn whose(&self) -> &Whose {
        &self.whose
    }

    /// What the command before was, if it was an offence.
    pub(super) fn offence(&mut self) -> Option<Offence> {
        self.offence.take()
    }

    /// Counts how long a command took.
    pub(super) fn took(&self, time: Duration) {
        self.record.took(time);
    }

    pub(super) fn refused_in_a_row(&self) -> u32 {
        self.refused_in_a_row
    }

    /// Carries a command out and appends its answer, when it has one.
    pub(super) async fn command(&mut self, command: Command, framing: &mut Framing, out: &mut BytesMut) {
        let done = match command {
            // These have no answer, whatever happens.
            Command::LongData { statement, parameter, data } => {
                return self.long_data(statement, parameter.into(), &data);
            }
            Command::Close(statement) => return self.close(statement),
            Command::Quit => return,
            Command::Query(statement) => self.query(statement, framing, out).await,
            Command::Prepare(statement) => self.prepare(statement, framing, out).await,
            Command::Execute(run) => self.execute(&run, framing, out).await,
            Command::Reset(statement) => self.reset(statement, framing, out),
            Command::Ping => {
                framing.put(out, &ok());
                Ok(())
            }
            Command::InitDb(name) if name == variables::DATABASE => {
                framing.put(out, &ok());
                Ok(())
            }
            Command::InitDb(_) => {
                let error = ServerError::new(code::UNKNOWN_DATABASE, "there is one database only");
                Err(self.break_rule("database", Offence::Attack, error))
            }
            Command::Other(kind) => {
                let error = ServerError::new(code::UNKNOWN_COMMAND, format!("{} is not served", command_name(kind)));
                Err(self.break_rule("command", Offence::Attack, error))
            }
        };
        match done {
            Ok(()) => self.refused_in_a_row = 0,
            Err(Failed::Trouble(error)) => {
                self.record.count(Outcome::Failed);
                framing.put(out, &error.encode());
            }
            Err(Failed::Refused(error)) => {
                self.record.count(Outcome::Refused);
                self.refused_in_a_row += 1;
                framing.put(out, &error.encode());
            }
        }
    }

    async fn query(&mut self, statement: Bytes, framing: &mut Framing, out: &mut BytesMut) -> Result<(), Failed> {
        self.allow(&statement).await?;
        let judgement = self.relay.judge().judge(&statement);
        self.carry_out(&statement, &judgement, None, framing, out).await
    }

    /// Answers a statement here, passes it on, or refuses it. `parameters` are those of a prepared one.
    async fn carry_out(
        &mut self,
        statement: &Bytes,
        judgement: &Judgement,
        parameters: Option<&[Value]>,
        framing: &mut Framing,
        out: &mut BytesMut,
    ) -> Result<(), Failed> {
        match &*judgement.plan {
            Plan::Refused(denial) => Err(self.refuse(denial, statement)),
            Plan::Local(local) => {
                self.record.count(Outcome::Local);
                self.answer_here(local, parameters, framing, out);
                Ok(())
            }
            Plan::Passed(passed) => {
                let answered =
                    self.relay.backend().ask(&self.request(statement, passed, judgement, parameters)).await?;
                self.record.count(Outcome::Passed);
                self.record.given(answered.rows);
                self.place.rows(answered.rows);
                out.extend_from_slice(&answered.bytes);
                Ok(())
            }
        }
    }

    fn request<'r>(
        &'r self,
        statement: &'r Bytes,
        passed: &'r Passed,
        judgement: &'r Judgement,
        parameters: Option<&'r [Value]>,
    ) -> Request<'r> {
        let Self { scope, host, charset, .. } = self;
        Request { passed, statement, literals: &judgement.literals, parameters, scope, host, charset }
    }

    fn answer_here(&mut self, local: &Local, parameters: Option<&[Value]>, framing: &mut Framing, out: &mut BytesMut) {
        let text = |text: &str| Value::Bytes(Bytes::copy_from_slice(text.as_bytes()));
        let (columns, rows) = match local {
            Local::Done => return framing.put(out, &ok()),
            Local::Session(Session::Show(pattern)) => {
                let rows = variables::like(pattern).map(|(name, value)| vec![text(name), text(value)]).collect();
                (vec![text_column("Variable_name"), text_column("Value")], rows)
            }
            Local::Session(session) => {
                if let Session::Set { charset: Some(charset), .. } = session {
                    self.charset.clone_from(charset);
                }
                return framing.put(out, &ok());
            }
            Local::Empty(labels) => (labels.iter().map(|label| text_column(label)).collect(), Vec::new()),
            Local::Values(select) => (columns_of(local), vec![values_of(select, parameters.unwrap_or_default())]),
        };
        let mut head = Writer::default();
        put_length(&mut head, columns.len().try_into().unwrap_or(u64::MAX));
        framing.put(out, &head.finish());
        define(&columns, framing, out);
        for row in &rows {
            let row = if parameters.is_some() { binary_row(&columns, row) } else { text_row(row) };
            framing.put(out, &row);
        }
        framing.put(out, &end(0, Status::AUTOCOMMIT));
    }

    async fn prepare(&mut self, statement: Bytes, framing: &mut Framing, out: &mut BytesMut) -> Result<(), Failed> {
        self.allow(&statement).await?;
        if self.prepared.len() >= self.place.prepared() {
            let error = ServerError::new(code::TOO_MANY_STATEMENTS, "too many prepared statements");
            return Err(self.break_rule("prepared", Offence::Limit, error));
        }
        let judgement = self.relay.judge().judge(&statement);
        let columns = match &*judgement.plan {
            Plan::Refused(denial) => return Err(self.refuse(denial, &statement)),
            Plan::Local(local) => columns_of(local).iter().map(Column::encode).collect(),
            Plan::Passed(passed) if passed.verb != Verb::Select => Vec::new(),
            Plan::Passed(passed) => {
                match self.relay.backend().describe(&self.request(&statement, passed, &judgement, Some(&[]))).await? {
                    Ok(columns) => columns,
                    Err(Answered { bytes, .. }) => {
                        out.extend_from_slice(&bytes);
                        return Ok(());
                    }
                }
            }
        };
        let mut parameters = 0;
        // What was judged has been scanned before.
        let _scanned = scan(&statement, |piece| parameters += usize::from(piece == Piece::Sign(b'?')));
        let small = |count: usize| u16::try_from(count).ok().filter(|_| count <= MAX_PARAMETERS);
        let (Some(column_count), Some(parameter_count)) = (small(columns.len()), small(parameters)) else {
            let error = ServerError::new(code::OUT_OF_RESOURCES, "too many parameters");
            return Err(self.break_rule("prepared", Offence::Limit, error));
        };
        self.last = if self.last >= LAST - 1 { 1 } else { self.last + 1 };
        let answer =
            PrepareOk { statement: self.last, columns: column_count, parameters: parameter_count, warnings: 0 };
        framing.put(out, &answer.encode());
        if parameters > 0 {
            let parameter = Column::plain("?", ColumnType::VarString, charset::BINARY, 0);
            define(&vec![parameter; parameters], framing, out);
        }
        if !columns.is_empty() {
            columns.iter().for_each(|column| framing.put(out, column));
            framing.put(out, &end(0, Status::AUTOCOMMIT));
        }
        // A statement that does not keep the buffer it came in alive.
        let statement = Bytes::copy_from_slice(&statement);
        let prepared = Prepared { statement, judgement, parameters, types: Vec::new(), long: BTreeMap::new() };
        self.prepared.insert(self.last, prepared);
        Ok(())
    }

    async fn execute(&mut self, run: &Execute, framing: &mut Framing, out: &mut BytesMut) -> Result<(), Failed> {
        let number = self.number(run.statement);
        if run.cursor != 0 {
            let error = ServerError::new(code::UNKNOWN_COMMAND, "cursors are not served");
            return Err(self.break_rule("command", Offence::Attack, error));
        }
        let long_bytes = self.take_long(number);
        let Some(mut prepared) = self.prepared.remove(&number) else { return Err(Failed::Trouble(unknown())) };
        let bound = run.bind(prepared.parameters, &mut prepared.types, |at| {
            long_bytes.get(&at).map(|data| Bytes::copy_from_slice(data))
        });
        let done = match (self.allow(&prepared.statement).await, bound) {
            (Err(refused), _) => Err(refused),
            (Ok(()), Err(error)) => Err(Failed::Trouble(ServerError::new(code::WRONG_ARGUMENTS, error.to_string()))),
            (Ok(()), Ok(values)) => {
                // The policy may have changed since.
                prepared.judgement = self.relay.judge().judge(&prepared.statement);
                self.carry_out(&prepared.statement, &prepared.judgement, Some(&values), framing, out).await
            }
        };
        self.prepared.insert(number, prepared);
        done
    }

    fn number(&self, number: u32) -> u32 {
        if number == LAST { self.last } else { number }
    }

    /// Keeps a piece of a parameter. What would be too much is left out, and the statement's run will find it missing.
    fn long_data(&mut self, number: u32, parameter: usize, data: &[u8]) {
        let room = MAX_LONG_DATA.saturating_sub(self.long_bytes);
        let number = self.number(number);
        if let Some(prepared) = self.prepared.get_mut(&number)
            && parameter < prepared.parameters
            && data.len() <= room
        {
            prepared.long.entry(parameter).or_default().extend_from_slice(data);
            self.long_bytes += data.len();
        }
    }

    fn take_long(&mut self, number: u32) -> BTreeMap<usize, Vec<u8>> {
        let long =
            self.prepared.get_mut(&number).map(|prepared| std::mem::take(&mut prepared.long)).unwrap_or_default();
        self.long_bytes -= long.values().map(Vec::len).sum::<usize>();
        long
    }

    fn close(&mut self, number: u32) {
        let number = self.number(number);
        self.take_long(number);
        self.prepared.remove(&number);
    }

    fn reset(&mut self, number: u32, framing: &mut Framing, out: &mut BytesMut) -> Result<(), Failed> {
        let number = self.number(number);
        if !self.prepared.contains_key(&number) {
            return Err(Failed::Trouble(unknown()));
        }
        self.take_long(number);
        framing.put(out, &ok());
        Ok(())
    }

    /// Holds a host to its limits.
    async fn allow(&mut self, statement: &[u8]) -> Result<(), Failed> {
        let len = statement.len().min(MAX_STATEMENT);
        self.record.asked(len);
        let allowed = self.place.statement(len).await;
        allowed.map_err(|exceeded| {
            let text = format!("this host asks for too many {}", exceeded.0);
            self.break_rule(exceeded.0, Offence::Limit, ServerError::new(code::OUT_OF_RESOURCES, text))
        })
    }

    fn refuse(&mut self, denial: &Denial, statement: &[u8]) -> Failed {
        let (class, reason, host) = (denial.class(), denial.to_string(), &self.whose.host);
        tracing::info!(%host, class, reason, "statement refused");
        count_refused(class);
        self.record.refuse(class, reason, statement);
        if denial.is_attack() {
            self.offence = Some(Offence::Attack);
        }
        Failed::Refused(denial.error())
    }

    fn break_rule(&mut self, class: &'static str, offence: Offence, error: ServerError) -> Failed {
        count_refused(class);
        self.offence = Some(offence);
        Failed::Refused(error)
    }
}

fn ok() -> Bytes {
    Done { status: Status::AUTOCOMMIT, ..Done::default() }.encode()
}

fn unknown() -> ServerError {
    ServerError::new(code::UNKNOWN_STATEMENT, "there is no such prepared statement")
}

fn text_column(label: &str) -> Column {
    Column::plain(label, ColumnType::VarString, charset::UTF8MB4, 1_024)
}

fn define(columns: &[Column], framing: &mut Framing, out: &mut BytesMut) {
    columns.iter().for_each(|column| framing.put(out, &column.encode()));
    framing.put(out, &end(0, Status::AUTOCOMMIT));
}

/// The columns of an answer that is given here.
fn columns_of(local: &Local) -> Vec<Column> {
    match local {
        Local::Empty(labels) => labels.iter().map(|label| text_column(label)).collect(),
        Local::Values(select) => {
            let labels = select.items.iter().filter_map(|item| match item {
                Item::All => None,
                Item::Value { label, .. } => Some(label),
            });
            labels.map(|label| text_column(label)).collect()
        }
        Local::Session(Session::Show(_)) => vec![text_column("Variable_name"), text_column("Value")],
        Local::Done | Local::Session(_) => Vec::new(),
    }
}

/// What a SELECT of no table gives: the policy lets only these through.
fn values_of(select: &Select, parameters: &[Value]) -> Vec<Value> {
    let text = |text: &str| Value::Bytes(Bytes::copy_from_slice(text.as_bytes()));
    let value = |expr: &Expr| match expr {
        Expr::Literal(Literal::Int(number)) => Value::Int(*number),
        Expr::Literal(Literal::Unsigned(number)) => Value::Unsigned(*number),
        Expr::Literal(Literal::Decimal(digits)) => text(digits),
        Expr::Literal(Literal::Text(bytes)) => Value::Bytes(bytes.clone()),
        Expr::Parameter(index) => parameters.get(*index).cloned().unwrap_or(Value::Null),
        Expr::Variable(name) => variables::get(name).map_or(Value::Null, text),
        Expr::Call(name, _) => variables::about(name).map_or(Value::Null, text),
        Expr::Literal(Literal::Null)
        | Expr::Column(_)
        | Expr::And(..)
        | Expr::Or(..)
        | Expr::Not(_)
        | Expr::Compare(..)
        | Expr::Calculate(..)
        | Expr::In(..)
        | Expr::IsNull(_)
        | Expr::Subquery(_)
        | Expr::Given(_) => Value::Null,
    };
    let items = select.items.iter().filter_map(|item| match item {
        Item::All => None,
        Item::Value { value, .. } => Some(value),
    });
    items.map(value).collect()
}
