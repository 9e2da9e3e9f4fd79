//! What becomes of a host's SQL. One readable file; see `policy/default.toml` for what ships.
//!
//! ```text
//! statement --shape, digest known?--> plan -------------------+
//!     |                                ^                      v
//!     +--scan, parse--> tree --decide--+             template + values
//! ```
//!
//! A statement is never passed on as it came. What was understood of it is written anew, with tables and rows replaced as the
//! policy says; so whatever two readers of SQL may see in a text, the database sees only what was decided about.

mod action;
mod check;
mod decide;
mod denial;
mod explain;
mod file;
mod judge;
mod plan;
mod schema;

#[cfg(test)]
pub(super) mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use bifrost_protocol::mysql::sql::Name;

pub use action::{Action, Verb};
pub use denial::Denial;
pub use explain::{Explanation, explain};
pub use file::{PolicyError, PolicyProblem};
pub use judge::{Judge, Judgement};
pub use plan::{Local, Passed, Plan};
pub use schema::{schema, user_grants};

/// The policy that ships, for rAthena.
pub const DEFAULT_POLICY: &str = include_str!("policy/default.toml");

/// What hosts may do, table by table. Tables that are not in it are refused.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Policy {
    functions: Vec<String>,
    tables: BTreeMap<String, TableRule>,
}

/// What hosts may do with one table.
#[derive(Clone, Debug, Eq, PartialEq)]
struct TableRule {
    /// The columns that statements may mention; `*` stands for them.
    columns: Vec<Name>,
    /// The columns that tell rows apart.
    key: Vec<Name>,
    /// Where rows of hosts are kept, when they are.
    kept: Option<Kept>,
    select: Action,
    insert: Action,
    update: Action,
    delete: Action,
}

/// Where rows of hosts are kept.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Kept {
    /// The table.
    table: Name,
    /// The column that says whose a row is.
    stamp: Name,
}

impl Policy {
    /// How many tables it is about.
    #[must_use]
    pub fn tables(&self) -> usize {
        self.tables.len()
    }
}

impl TableRule {
    fn action(&self, verb: Verb) -> Action {
        match verb {
            Verb::Select => self.select,
            Verb::Insert => self.insert,
            Verb::Update => self.update,
            Verb::Delete => self.delete,
        }
    }

    /// Whether a column may be mentioned.
    fn knows(&self, column: &Name) -> bool {
        self.columns.iter().any(|known| known.is(column.as_str()))
    }
}

/// The longest a result may be kept.
const MAX_CACHE: Duration = Duration::from_secs(24 * 60 * 60);
