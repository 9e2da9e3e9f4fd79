//! Who answers a statement when there is a coordinator that relays.

use bifrost_protocol::mysql::ServerError;
use bifrost_protocol::mysql::code;
use bifrost_protocol::mysql::local::{self, Keeping};
use bifrost_protocol::mysql::sql::{Select, Statement};

/// Who answers a statement.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Route {
    /// This endpoint.
    Here,
    /// This endpoint, as done with so many rows; the coordinator is told, and the engine does not wait.
    Behind(u64),
    /// The coordinator.
    Ask,
}

/// Who answers a statement. The engine never waits for what it writes: its game stands still while it waits.
///
/// # Errors
/// The statement is refused here already.
pub(super) fn route(statement: &Statement) -> Result<Route, ServerError> {
    let (named, changes) = match statement {
        Statement::Session(_) => return Ok(Route::Here),
        Statement::Select(Select { table: None, .. }) => return Ok(Route::Here),
        Statement::Select(Select { table: Some(table), .. }) => (table, None),
        Statement::Insert(insert) => (&insert.table, Some(insert.rows.len().try_into().unwrap_or(u64::MAX))),
        Statement::Update(update) => (&update.table, Some(1)),
        Statement::Delete(delete) => (&delete.table, Some(1)),
    };
    if named.schema.is_some() {
        return Err(ServerError::new(code::TABLE_ACCESS_DENIED, "another database"));
    }
    let inserts = matches!(statement, Statement::Insert(_));
    let keeping = local::table(named.name.as_str()).map(|table| table.keeping);
    Ok(match (keeping, changes) {
        (Some(Keeping::Empty), _) => Route::Here,
        (Some(Keeping::Kept { .. }), Some(affected)) => Route::Behind(affected),
        (Some(Keeping::Log), Some(affected)) if inserts => Route::Behind(affected),
        (Some(Keeping::Kept { .. } | Keeping::Log | Keeping::Realms) | None, _) => Route::Ask,
    })
}
