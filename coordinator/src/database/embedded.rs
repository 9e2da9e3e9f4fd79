//! Where the operator has configured no database: what would be passed on is answered from the coordinator's own store.
//!
//! ```text
//! statement --> which rows does it need? --> store --> carried out on them here --> what changed --> store
//! ```
//!
//! The policy has decided before. Tables are those of `mysql::local`; what is passed on to the realm's own tables is kept
//! for the whole realm, what is scoped is kept for the map group, logs are kept by host and for a while.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bifrost_protocol::mysql::local::{self, Keeping, Outcome, Table, Tables, Wanted};
use bifrost_protocol::mysql::sql::{Insert, Literal, Statement, parse};
use bifrost_protocol::mysql::{Column, Framing, ServerError, Value, code};
use bytes::BytesMut;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::timeout;

use super::policy::{Action, Verb};
use super::upstream::{Answered, Definitions, MAX_ANSWER, Request, UpstreamError};
use crate::store::{EngineLine, EngineRow, EngineTable, Store, StoreError};

/// Statements that may read at once: the store has the fleet's work to do, too.
const MAX_READERS: usize = 3;
/// How long a statement may wait for its turn.
const TURN_TIMEOUT: Duration = Duration::from_secs(1);
/// The longest line of a log, in bytes.
const MAX_LINE: usize = 16 * 1024;
/// Lines of all hosts that may wait to be written.
const MAX_WAITING: usize = 1_024;
/// Lines that are kept of each host.
const MAX_LINES: u32 = 100_000;
/// How long they are kept, in microseconds: 90 days.
const MAX_AGE: i64 = 90 * 24 * 60 * 60 * 1_000_000;
/// After how many lines old ones are looked for.
const PRUNE_EVERY: u64 = 256;

/// Answers from the coordinator's store.
#[derive(Debug)]
pub struct Embedded {
    store: Store,
    readers: Semaphore,
    /// Who changes something reads it first, so one at a time does.
    writer: Mutex<()>,
    /// Lines of logs that are not written yet.
    waiting: StdMutex<VecDeque<EngineLine>>,
    last_line: AtomicI64,
    lines: AtomicU64,
}

/// Why a statement is not carried out.
enum Failed {
    /// It cannot be.
    Statement(ServerError),
    /// The store.
    Upstream(UpstreamError),
}

impl From<ServerError> for Failed {
    fn from(error: ServerError) -> Self {
        Self::Statement(error)
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "engines' rows");
        Self::Upstream(UpstreamError::Down)
    }
}

impl Embedded {
    /// Answers from `store`.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self {
            store,
            readers: Semaphore::new(MAX_READERS),
            writer: Mutex::default(),
            waiting: StdMutex::default(),
            last_line: AtomicI64::new(0),
            lines: AtomicU64::new(0),
        }
    }

    /// Whether the store can be reached now.
    pub async fn answers(&self) -> bool {
        self.store.ping().await.is_ok()
    }

    /// Carries out what the policy would pass on. The rows that are counted are those that were looked at.
    ///
    /// # Errors
    /// The store cannot be used, or is too busy. An error about the statement is an answer.
    pub(super) async fn ask(&self, request: &Request<'_>) -> Result<Answered, UpstreamError> {
        let (outcome, rows) = match self.carry_out(request).await {
            Ok(done) => done,
            Err(Failed::Statement(error)) => return Ok(refusal(&error)),
            Err(Failed::Upstream(error)) => return Err(error),
        };
        let (mut framing, mut out) = (Framing::answer(), BytesMut::new());
        outcome.put(request.parameters.is_some(), &mut framing, &mut out);
        if out.len() > MAX_ANSWER {
            return Err(UpstreamError::TooLong(MAX_ANSWER));
        }
        Ok(Answered { bytes: out.freeze(), rows, error: None })
    }

    /// The columns of a prepared SELECT. The inner error is about the statement.
    pub(super) fn describe(&self, request: &Request<'_>) -> Result<Definitions, Answered> {
        let columns = statement_of(request).and_then(|(statement, _)| local::describe(&statement));
        columns.map(|columns| columns.iter().map(Column::encode).collect()).map_err(|error| refusal(&error))
    }

    async fn carry_out(&self, request: &Request<'_>) -> Result<(Outcome, u64), Failed> {
        let (statement, table) = statement_of(request)?;
        let (parameters, now) = (request.parameters.unwrap_or_default(), micros());
        if let (Action::Append, Statement::Insert(insert)) = (request.passed.action, &statement) {
            return self.append(request, insert, parameters, now).await;
        }
        if !matches!(table.keeping, Keeping::Kept { .. }) {
            let outcome = local::answer(&mut Tables::default(), &statement, parameters, now / 1_000_000)?;
            return Ok((outcome, 0));
        }
        let of = EngineTable { group: group_of(request), name: table.name };
        let writes = request.passed.verb != Verb::Select;
        let busy = |_| Failed::Upstream(UpstreamError::Busy);
        let _turn = if writes {
            (Some(timeout(TURN_TIMEOUT, self.writer.lock()).await.map_err(busy)?), None)
        } else {
            // It is never closed.
            (None, timeout(TURN_TIMEOUT, self.readers.acquire()).await.map_err(busy)?.ok())
        };
        let (before, mut tables) = self.load(of, table, &statement, parameters, now / 1_000_000).await?;
        let outcome = local::answer(&mut tables, &statement, parameters, now / 1_000_000)?;
        if writes {
            self.keep(of, &before, tables.rows(table)).await?;
        }
        Ok((outcome, before.len().try_into().unwrap_or(u64::MAX)))
    }

    /// The rows that a statement needs, as they are kept and ready to be worked on.
    async fn load(
        &self,
        of: EngineTable<'_>,
        table: &'static Table,
        statement: &Statement,
        parameters: &[Value],
        now: i64,
    ) -> Result<(Vec<EngineRow>, Tables), Failed> {
        let (rows, all) = match local::wanted(statement, parameters, now)? {
            Wanted::All => (self.store.engine_rows(of, None).await?, None),
            // Only a new row has to know how many there are.
            Wanted::One(key) => match (self.store.engine_rows(of, Some(&key)).await?, statement) {
                (rows, Statement::Insert(_)) => (rows, Some(self.store.count_engine_rows(of).await?)),
                (rows, _) => (rows, None),
            },
        };
        let read = rows.iter().map(|row| local::decode_row(table, &row.body)).collect::<Result<Vec<_>, _>>();
        let read = read.map_err(|error| Failed::Upstream(error.into()))?;
        let elsewhere = all.map_or(0, |all| all.saturating_sub(read.len()));
        Ok((rows, Tables::of(table, read, elsewhere)))
    }

    async fn keep<'a>(
        &self,
        of: EngineTable<'_>,
        before: &[EngineRow],
        after: impl Iterator<Item = (&'a [u8], &'a [Value])>,
    ) -> Result<(), Failed> {
        let mut gone: BTreeMap<_, _> = before.iter().map(|row| (row.key.as_slice(), row.body.as_slice())).collect();
        let mut written = Vec::new();
        for (key, row) in after {
            let body = local::encode_row(row);
            if gone.remove(key) != Some(&body[..]) {
                written.push(EngineRow { key: key.to_vec(), body: body.to_vec() });
            }
        }
        let removed: Vec<_> = gone.into_keys().map(<[u8]>::to_vec).collect();
        if !(written.is_empty() && removed.is_empty()) {
            self.store.change_engine_rows(of, &written, &removed).await?;
        }
        Ok(())
    }

    async fn append(
        &self,
        request: &Request<'_>,
        insert: &Insert,
        parameters: &[Value],
        now: i64,
    ) -> Result<(Outcome, u64), Failed> {
        let host = String::from_utf8_lossy(text_of(request.host)).into_owned();
        let mut lines = Vec::with_capacity(insert.rows.len());
        for values in local::log_lines(insert, parameters, now / 1_000_000)? {
            let line = serde_json::Map::from_iter(values.into_iter().map(|(name, value)| (name, value.into())));
            let line = serde_json::Value::Object(line).to_string();
            if line.len() > MAX_LINE {
                return Err(ServerError::new(code::OUT_OF_RESOURCES, "the line is too long").into());
            }
            lines.push(EngineLine {
                id: self.new_id(now),
                host: host.clone(),
                name: request.passed.table.clone(),
                line,
            });
        }
        let added = lines.len().try_into().unwrap_or(u64::MAX);
        self.write_lines(lines).await?;
        let before = self.lines.fetch_add(added, Ordering::Relaxed);
        if before / PRUNE_EVERY != (before + added) / PRUNE_EVERY {
            self.store.prune_engine_lines(&host, MAX_LINES, now - MAX_AGE).await?;
        }
        Ok((Outcome::Done(local::done(added)), added))
    }

    /// Writes lines, with those of others that have come in the meantime: what takes long is to be sure of them. They stay in the
    /// queue until they are written, so that whoever is next writes what somebody who is gone has left.
    async fn write_lines(&self, lines: Vec<EngineLine>) -> Result<(), Failed> {
        let busy = || Failed::Upstream(UpstreamError::Busy);
        let Some(mine) = lines.last().map(|line| line.id) else { return Ok(()) };
        {
            let mut waiting = self.waiting();
            if waiting.len() + lines.len() > MAX_WAITING {
                return Err(busy());
            }
            waiting.extend(lines);
        }
        let _turn = timeout(TURN_TIMEOUT, self.writer.lock()).await.map_err(|_| busy())?;
        let batch: Vec<_> = self.waiting().iter().cloned().collect();
        if !batch.iter().any(|line| line.id == mine) {
            return Ok(());
        }
        match self.store.append_engine_lines(&batch).await {
            Err(error) if error.may_retry() => Err(error.into()),
            written => {
                // Others only add behind these.
                self.waiting().drain(..batch.len());
                Ok(written?)
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<EngineLine>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time, or the next number that is free.
    fn new_id(&self, now: i64) -> i64 {
        let next = |last: i64| Some(now.max(last + 1));
        match self.last_line.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next) {
            Ok(last) | Err(last) => now.max(last + 1),
        }
    }
}

/// What is asked, and of which table.
fn statement_of(request: &Request<'_>) -> Result<(Statement, &'static Table), ServerError> {
    let denied = |why: String| ServerError::new(code::TABLE_ACCESS_DENIED, why);
    let statement = parse(request.statement).map_err(|refusal| denied(format!("statement denied: it {refusal}")))?;
    let name = &request.passed.table;
    let table =
        local::table(name).ok_or_else(|| denied(format!("table {name} needs a database: none is configured")))?;
    Ok((statement, table))
}

/// Whose rows: the map group's, or the realm's.
fn group_of<'a>(request: &Request<'a>) -> &'a [u8] {
    match request.passed.action {
        Action::Scope => text_of(request.scope),
        Action::Refuse | Action::Local | Action::Forward | Action::Stale | Action::Cache(_) | Action::Append => b"",
    }
}

/// A given value; all of them are text.
fn text_of(literal: &Literal) -> &[u8] {
    if let Literal::Text(text) = literal { text } else { b"" }
}

fn refusal(error: &ServerError) -> Answered {
    let mut out = BytesMut::new();
    Framing::answer().put(&mut out, &error.encode());
    Answered { bytes: out.freeze(), rows: 0, error: Some(error.code) }
}

/// Microseconds since 1970.
fn micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
