//! What a statement gets: rows, a count, or an error. Every way through here is short and needs nothing from outside.

use bytes::{Bytes, BytesMut};

use crate::Writer;
use crate::mysql::sql::{Expr, Item, Select, Session, Statement, Table as Named};
use crate::mysql::variables::{self, DATABASE};
use crate::mysql::{
    Column, ColumnFlags, ColumnType, Done, Framing, ServerError, Status, Value, binary_row, charset, end, put_length,
    text_row,
};

use super::evaluate::{self, Scope, denied, unknown_column};
use super::moment;
use super::schema::{self, Keeping, Kind, Table};
use super::tables::{Tables, done};

/// The answer to a statement.
#[derive(Debug)]
pub enum Outcome {
    /// Done, so many rows changed.
    Done(Done),
    /// Rows.
    Rows {
        /// Their columns.
        columns: Vec<Column>,
        /// Their values.
        rows: Vec<Vec<Value>>,
    },
}

impl Outcome {
    /// Writes it as an answer: rows as text, or `binary` for a prepared statement.
    pub fn put(&self, binary: bool, framing: &mut Framing, out: &mut BytesMut) {
        match self {
            Self::Done(done) => framing.put(out, &done.encode()),
            Self::Rows { columns, rows } => {
                let mut head = Writer::default();
                put_length(&mut head, columns.len().try_into().unwrap_or(u64::MAX));
                framing.put(out, &head.finish());
                columns.iter().for_each(|column| framing.put(out, &column.encode()));
                framing.put(out, &end(0, Status::AUTOCOMMIT));
                for row in rows {
                    let row = if binary { binary_row(columns, row) } else { text_row(row) };
                    framing.put(out, &row);
                }
                framing.put(out, &end(0, Status::AUTOCOMMIT));
            }
        }
    }
}

/// What a statement does to a table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Verb {
    Select,
    Insert,
    Update,
    Delete,
}

impl Verb {
    fn name(self) -> &'static str {
        match self {
            Self::Select => "SELECT",
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }
}

/// The columns of the rows a statement gives; none when it gives no rows.
///
/// # Errors
/// The statement is refused.
pub fn describe(statement: &Statement) -> Result<Vec<Column>, ServerError> {
    match statement {
        Statement::Select(select) => {
            let table = select.table.as_ref().map(|named| table_of(named, Verb::Select)).transpose()?;
            let values = select.items.iter().filter_map(|item| match item {
                Item::All => None,
                Item::Value { value, .. } => Some(value),
            });
            let values = values.chain(&select.filter).chain(select.order.iter().map(|order| &order.by));
            check_all(values)?;
            columns_of(select, table)
        }
        Statement::Insert(insert) => {
            table_of(&insert.table, Verb::Insert)?;
            check_all(insert.rows.iter().flatten()).map(|()| Vec::new())
        }
        Statement::Update(update) => {
            table_of(&update.table, Verb::Update)?;
            let values = update.assignments.iter().map(|(_, value)| value);
            check_all(values.chain(&update.filter)).map(|()| Vec::new())
        }
        Statement::Delete(delete) => {
            table_of(&delete.table, Verb::Delete)?;
            check_all(&delete.filter).map(|()| Vec::new())
        }
        Statement::Session(Session::Show(_)) => Ok(show_columns()),
        Statement::Session(
            Session::Set { .. } | Session::Begin | Session::Commit | Session::Rollback | Session::Use(_),
        ) => Ok(Vec::new()),
    }
}

/// Carries a statement out; `now` is in seconds since 1970.
///
/// # Errors
/// The statement is refused, or does not fit what is there.
pub fn answer(
    tables: &mut Tables,
    statement: &Statement,
    parameters: &[Value],
    now: i64,
) -> Result<Outcome, ServerError> {
    let columns = describe(statement)?;
    let scope = |table| Scope { table: Some(table), parameters, now };
    let changed = match statement {
        Statement::Select(select) => {
            let table = select.table.as_ref().map(|named| table_of(named, Verb::Select)).transpose()?;
            let rows = rows_of(tables, select, &columns, Scope { table, parameters, now })?;
            return Ok(Outcome::Rows { columns, rows });
        }
        Statement::Session(session) => return answer_session(session, columns),
        Statement::Insert(insert) => {
            let table = table_of(&insert.table, Verb::Insert)?;
            match table.keeping {
                Keeping::Kept { .. } => tables.insert(insert, table, &scope(table))?,
                Keeping::Empty | Keeping::Realms | Keeping::Log => {
                    done(insert.rows.len().try_into().unwrap_or(u64::MAX))
                }
            }
        }
        Statement::Update(update) => {
            let table = table_of(&update.table, Verb::Update)?;
            match table.keeping {
                Keeping::Kept { .. } => tables.update(update, table, &scope(table))?,
                Keeping::Empty | Keeping::Realms | Keeping::Log => done(0),
            }
        }
        Statement::Delete(delete) => {
            let table = table_of(&delete.table, Verb::Delete)?;
            match table.keeping {
                Keeping::Kept { .. } => tables.delete(delete, table, &scope(table))?,
                Keeping::Empty | Keeping::Realms | Keeping::Log => done(0),
            }
        }
    };
    Ok(Outcome::Done(changed))
}

/// Statements about the connection: nothing is ever set, and nothing is ever undone, as with tables without transactions.
fn answer_session(session: &Session, columns: Vec<Column>) -> Result<Outcome, ServerError> {
    match session {
        Session::Set { .. } | Session::Begin | Session::Commit | Session::Rollback => Ok(Outcome::Done(done(0))),
        Session::Use(name) if name.as_str() == DATABASE => Ok(Outcome::Done(done(0))),
        Session::Use(_) => Err(denied("there is one database only")),
        Session::Show(pattern) => {
            let text = |text: &'static str| Value::Bytes(Bytes::from_static(text.as_bytes()));
            let rows = variables::like(pattern).map(|(name, value)| vec![text(name), text(value)]).collect();
            Ok(Outcome::Rows { columns, rows })
        }
    }
}

/// The table a statement names, if it is served.
pub(super) fn table_named(named: &Named) -> Option<&'static Table> {
    let here = named.schema.as_ref().is_none_or(|schema| schema.as_str() == DATABASE);
    schema::table(named.name.as_str()).filter(|_| here)
}

/// The table a statement names, when the verb may be used on it.
fn table_of(named: &Named, verb: Verb) -> Result<&'static Table, ServerError> {
    let name = named.name.as_str();
    let table = table_named(named);
    let allowed = table.filter(|table| table.keeping != Keeping::Log || verb == Verb::Insert);
    allowed.ok_or_else(|| denied(&format!("{} command denied for table '{name}'", verb.name())))
}

/// Refuses what cannot be worked out here, before anything is done.
fn check_all<'a>(exprs: impl IntoIterator<Item = &'a Expr>) -> Result<(), ServerError> {
    exprs.into_iter().try_for_each(check)
}

fn check(expr: &Expr) -> Result<(), ServerError> {
    match expr {
        // Nested queries are let through where they cannot matter: over tables that are always empty.
        Expr::Subquery(select) => {
            let nested = select.table.as_ref().map(|named| table_of(named, Verb::Select)).transpose()?;
            if nested.is_none_or(|table| table.keeping != Keeping::Empty) {
                return Err(denied("a nested query is not served"));
            }
            check_all(&select.filter)
        }
        Expr::And(left, right)
        | Expr::Or(left, right)
        | Expr::Compare(_, left, right)
        | Expr::Calculate(_, left, right) => check_all([&**left, &**right]),
        Expr::Not(inner) | Expr::IsNull(inner) => check(inner),
        Expr::In(one, list) => check_all(list.iter().chain([&**one])),
        Expr::Call(name, arguments) if evaluate::is_function(name, arguments.len()) => check_all(arguments),
        Expr::Call(name, _) => Err(denied(&format!("function {name} is not served"))),
        Expr::Variable(name) if variables::get(name).is_none() => {
            Err(denied(&format!("variable {name} is not served")))
        }
        Expr::Given(_) => Err(denied("a value is missing")),
        Expr::Column(_) | Expr::Literal(_) | Expr::Parameter(_) | Expr::Variable(_) => Ok(()),
    }
}

fn columns_of(select: &Select, table: Option<&'static Table>) -> Result<Vec<Column>, ServerError> {
    let mut columns = Vec::new();
    for item in &select.items {
        match (item, table) {
            (Item::All, Some(table)) => {
                columns.extend(table.columns.iter().map(|column| column.define(table.name, column.name)));
            }
            (Item::All, None) => return Err(denied("* of no table")),
            (Item::Value { value: Expr::Column(name), label, .. }, Some(table)) => {
                let (_, column) = table.column(name.as_str()).ok_or_else(|| unknown_column(name.as_str()))?;
                columns.push(column.define(table.name, label));
            }
            (Item::Value { value, label, .. }, _) => columns.push(plain_column(value, label)),
        }
    }
    Ok(columns)
}

/// The column of a value that is worked out: text for variables and words, else a number.
fn plain_column(value: &Expr, label: &str) -> Column {
    let is_text = match value {
        Expr::Literal(literal) => matches!(literal, crate::mysql::sql::Literal::Text(_)),
        Expr::Variable(_) | Expr::Parameter(_) => true,
        Expr::Call(name, _) => variables::about(name).is_some(),
        Expr::Column(_)
        | Expr::And(..)
        | Expr::Or(..)
        | Expr::Not(_)
        | Expr::Compare(..)
        | Expr::Calculate(..)
        | Expr::In(..)
        | Expr::IsNull(_)
        | Expr::Subquery(_)
        | Expr::Given(_) => false,
    };
    if is_text {
        Column::plain(label, ColumnType::VarString, charset::UTF8MB4, 1_024)
    } else {
        Column::plain(label, ColumnType::LongLong, charset::BINARY, 20)
    }
}

fn show_columns() -> Vec<Column> {
    let column = |name: &str, length| Column {
        flags: ColumnFlags::NOT_NULL,
        ..Column::plain(name, ColumnType::VarString, charset::UTF8MB4, length)
    };
    vec![column("Variable_name", 256), column("Value", 16_384)]
}

fn rows_of(
    tables: &Tables,
    select: &Select,
    columns: &[Column],
    scope: Scope<'_>,
) -> Result<Vec<Vec<Value>>, ServerError> {
    let found = match scope.table.map(|table| table.keeping) {
        Some(Keeping::Kept { .. }) => tables.select(select, &scope)?,
        Some(Keeping::Empty | Keeping::Realms | Keeping::Log) => Vec::new(),
        None => vec![Vec::new()],
    };
    if let [Item::Value { value: Expr::Call(name, _), .. }] = select.items.as_slice()
        && name == "COUNT"
    {
        return Ok(vec![vec![Value::Int(found.len().try_into().unwrap_or(i64::MAX))]]);
    }
    found.iter().map(|row| values_of(select, columns, &scope, row)).collect()
}

/// What a SELECT asks of one row.
fn values_of(select: &Select, columns: &[Column], scope: &Scope<'_>, row: &[Value]) -> Result<Vec<Value>, ServerError> {
    let mut values = Vec::with_capacity(columns.len());
    for item in &select.items {
        match item {
            Item::All => {
                let of = scope.table.map_or(&[][..], |table| table.columns);
                values.extend(row.iter().zip(of).map(|(value, column)| shown(value.clone(), column.kind)));
            }
            Item::Value { value: Expr::Column(name), .. } => {
                let column = scope.table.and_then(|table| table.column(name.as_str()));
                let (at, column) = column.ok_or_else(|| unknown_column(name.as_str()))?;
                values.push(shown(row.get(at).cloned().unwrap_or(Value::Null), column.kind));
            }
            Item::Value { value, .. } => values.push(scope.value(value, row)?),
        }
    }
    Ok(values)
}

/// Moments are kept as seconds and shown as dates.
fn shown(value: Value, kind: Kind) -> Value {
    match (kind, value) {
        (Kind::Moment, Value::Int(seconds)) => Value::DateTime(moment::date(seconds)),
        (_, value) => value,
    }
}
