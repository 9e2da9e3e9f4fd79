//! What an engine has written to the tables that are kept. Bounded by rows and by the lengths of columns.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::mysql::sql::{Delete, Expr, Insert, Select, Update};
use crate::mysql::{Done, ServerError, Status, Value, code};

use super::evaluate::{Scope, as_moment, compare, denied, number, unknown_column};
use super::schema::{Keeping, Kind, Sign, Table};

/// The most rows a table keeps. A busy server has some hundred permanent map variables.
pub const MAX_ROWS: usize = 8_192;

/// The rows of all kept tables.
#[derive(Debug, Default)]
pub struct Tables {
    rows: BTreeMap<&'static str, BTreeMap<Key, Vec<Value>>>,
    elsewhere: usize,
}

/// The values of a row's key, so that equal keys are equal bytes.
type Key = Vec<u8>;

#[expect(clippy::arithmetic_side_effects, reason = "rows are counted, and there are never many")]
impl Tables {
    /// A table of which these rows are at hand, and so many more are kept elsewhere.
    #[must_use]
    pub fn of(table: &'static Table, rows: impl IntoIterator<Item = Vec<Value>>, elsewhere: usize) -> Self {
        let rows = rows.into_iter().map(|row| (key_of(table, &row), row)).collect();
        Self { rows: BTreeMap::from([(table.name, rows)]), elsewhere }
    }

    /// The rows of a table that are at hand, by their keys.
    pub fn rows(&self, table: &Table) -> impl Iterator<Item = (&[u8], &[Value])> {
        self.rows.get(table.name).into_iter().flatten().map(|(key, row)| (key.as_slice(), row.as_slice()))
    }

    /// The rows of a SELECT in its order, all columns of each.
    pub(super) fn select(&self, select: &Select, scope: &Scope<'_>) -> Result<Vec<Vec<Value>>, ServerError> {
        let mut found = Vec::new();
        for row in scope.table.and_then(|table| self.rows.get(table.name)).into_iter().flat_map(BTreeMap::values) {
            if scope.takes(select.filter.as_ref(), row)? {
                let keys =
                    select.order.iter().map(|order| scope.value(&order.by, row)).collect::<Result<Vec<_>, _>>()?;
                found.push((keys, row.clone()));
            }
        }
        found.sort_by(|(left, _), (right, _)| {
            let pairs = left.iter().zip(right).zip(&select.order);
            let mut orders = pairs.map(|((left, right), order)| {
                let order_of = compare(left, right, false);
                if order.descending { order_of.reverse() } else { order_of }
            });
            orders.find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
        });
        let (offset, count) = select.limit.map_or((0, u64::MAX), |limit| (limit.offset, limit.count));
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Ok(found.into_iter().map(|(_, row)| row).skip(size(offset)).take(size(count)).collect())
    }

    /// Adds rows.
    pub(super) fn insert(&mut self, insert: &Insert, table: &'static Table, scope: &Scope<'_>) -> Answer {
        let mut affected = 0;
        let rows = self.rows.entry(table.name).or_default();
        for values in &insert.rows {
            let row = new_row(insert, values, table, scope)?;
            let key = key_of(table, &row);
            match rows.contains_key(&key) {
                true if insert.replace => affected += 1,
                true if insert.ignore => continue,
                true => return Err(ServerError::new(code::DUPLICATE_KEY, "a row with this key is there already")),
                false if rows.len() + self.elsewhere >= MAX_ROWS => {
                    return Err(ServerError::new(code::TABLE_FULL, format!("table {} is full", table.name)));
                }
                false => {}
            }
            rows.insert(key, row);
            affected += 1;
        }
        Ok(done(affected))
    }

    /// Changes rows. Keys cannot be changed.
    pub(super) fn update(&mut self, update: &Update, table: &'static Table, scope: &Scope<'_>) -> Answer {
        let mut changes = Vec::with_capacity(update.assignments.len());
        for (name, value) in &update.assignments {
            let (at, _) = table.column(name.as_str()).ok_or_else(|| unknown_column(name.as_str()))?;
            if at < key_len(table) {
                return Err(denied("a key is not changed here"));
            }
            changes.push((at, value));
        }
        let (mut matched, mut changed) = (0_u64, 0_u64);
        for row in self.rows.entry(table.name).or_default().values_mut() {
            if matched == update.limit.unwrap_or(u64::MAX) {
                break;
            }
            if !scope.takes(update.filter.as_ref(), row)? {
                continue;
            }
            matched += 1;
            let before = row.clone();
            for (at, value) in &changes {
                set(row, table, *at, value, scope)?;
            }
            changed += u64::from(*row != before);
        }
        let info = format!("Rows matched: {matched}  Changed: {changed}  Warnings: 0");
        Ok(Done { info: info.into_bytes(), ..done(changed) })
    }

    /// Removes rows.
    pub(super) fn delete(&mut self, delete: &Delete, table: &'static Table, scope: &Scope<'_>) -> Answer {
        let (mut left, mut affected) = (delete.limit.unwrap_or(u64::MAX), 0);
        let (mut kept, rows) = (Vec::new(), self.rows.entry(table.name).or_default());
        for row in rows.values() {
            let takes = left > 0 && scope.takes(delete.filter.as_ref(), row)?;
            left -= u64::from(takes);
            affected += u64::from(takes);
            kept.push(!takes);
        }
        let mut kept = kept.into_iter();
        rows.retain(|_, _| kept.next().unwrap_or(true));
        Ok(done(affected))
    }
}

/// What a change comes to.
type Answer = Result<Done, ServerError>;

/// A statement that changed so many rows.
#[must_use]
pub fn done(affected: u64) -> Done {
    Done { affected, status: Status::AUTOCOMMIT, ..Done::default() }
}

/// A row with the values of an INSERT; other columns have their type's empty value.
pub(super) fn new_row(
    insert: &Insert,
    values: &[Expr],
    table: &'static Table,
    scope: &Scope<'_>,
) -> Result<Vec<Value>, ServerError> {
    let mut row: Vec<Value> = table.columns.iter().map(|column| empty(column.kind)).collect();
    if insert.columns.is_empty() && values.len() != row.len() {
        return Err(ServerError::new(code::COLUMN_COUNT, "the values are not as many as the columns"));
    }
    for (index, value) in values.iter().enumerate() {
        let at = match insert.columns.get(index) {
            Some(name) => table.column(name.as_str()).ok_or_else(|| unknown_column(name.as_str()))?.0,
            None => index,
        };
        set(&mut row, table, at, value, scope)?;
    }
    Ok(row)
}

fn set(row: &mut [Value], table: &Table, at: usize, value: &Expr, scope: &Scope<'_>) -> Result<(), ServerError> {
    let value = scope.value(value, row)?;
    if let (Some(slot), Some(column)) = (row.get_mut(at), table.columns.get(at)) {
        *slot = fit(value, column.kind);
    }
    Ok(())
}

fn empty(kind: Kind) -> Value {
    match kind {
        Kind::Number(_, Sign::Unsigned) => Value::Unsigned(0),
        Kind::Number(_, Sign::Signed) | Kind::Moment => Value::Int(0),
        Kind::Text(_) | Kind::ExactText(_) => Value::Bytes(Bytes::new()),
    }
}

/// A value as its column holds it: numbers within their sign, text cut to its length.
pub(super) fn fit(value: Value, kind: Kind) -> Value {
    match (kind, value) {
        (_, Value::Null) => empty(kind),
        (Kind::Number(_, Sign::Unsigned), value) => Value::Unsigned(u64::try_from(number(&value)).unwrap_or(0)),
        (Kind::Number(_, Sign::Signed), value) => Value::Int(number(&value)),
        (Kind::Moment, value) => as_moment(value),
        (Kind::Text(letters) | Kind::ExactText(letters), value) => {
            // Letters have up to four bytes in the widest code page.
            let most = usize::try_from(letters.saturating_mul(4)).unwrap_or(usize::MAX);
            let text = value.to_text().unwrap_or_default();
            Value::Bytes(Bytes::copy_from_slice(text.get(..most).unwrap_or(&text)))
        }
    }
}

pub(super) fn key_len(table: &Table) -> usize {
    match table.keeping {
        Keeping::Kept { key } => key,
        Keeping::Empty | Keeping::Realms | Keeping::Log => 0,
    }
}

pub(super) fn key_of(table: &Table, row: &[Value]) -> Key {
    let mut key = Vec::new();
    for (column, value) in table.columns.iter().zip(row).take(key_len(table)) {
        let text = value.to_text().unwrap_or_default();
        match column.kind {
            Kind::ExactText(_) => key.extend_from_slice(&text),
            Kind::Text(_) => key.extend(text.to_ascii_lowercase()),
            Kind::Number(..) | Kind::Moment => key.extend(number(value).wrapping_sub(i64::MIN).to_be_bytes()),
        }
        key.push(0);
    }
    key
}
