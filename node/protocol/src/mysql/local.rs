//! Statements answered without a database server: rAthena's tables as a map-server uses them, and their rows in memory.
//!
//! [`answer`] carries a statement out on [`Tables`] and gives an [`Outcome`]; what is asked of a table is in [`table`]. Whoever
//! keeps the rows elsewhere loads those that [`wanted`] names, lets the statement run, and looks at what is there then.
//! Only tables that are listed are served, and only expressions that can be worked out here; everything else is refused.
//! There is no clock: moments are given, as seconds since 1970, and shown as dates in UTC.

mod answers;
mod evaluate;
mod log;
mod moment;
mod schema;
mod stored;
mod tables;

pub use answers::{Outcome, answer, describe};
pub use log::{LogLine, log_lines};
pub use schema::{ColumnSpec, Keeping, Table, table};
pub use stored::{Wanted, decode_row, encode_row, wanted};
pub use tables::{MAX_ROWS, Tables, done};
