//! What was decided about a statement, whatever its values are.

use std::time::Duration;

use bifrost_protocol::mysql::sql::{Select, Session, Template};

use super::{Action, Denial, Verb};

/// What becomes of a statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    /// It is answered here.
    Local(Local),
    /// It is passed on.
    Passed(Passed),
    /// It is refused.
    Refused(Denial),
}

/// An answer that needs no database.
#[derive(Clone, Debug, PartialEq)]
pub enum Local {
    /// No rows, with these columns.
    Empty(Vec<String>),
    /// Done.
    Done,
    /// A statement about the session.
    Session(Session),
    /// Values of no table: literals, variables and what is known of the connection.
    Values(Select),
}

/// A statement that is passed on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Passed {
    /// What is passed on.
    pub template: Template,
    /// What it does.
    pub verb: Verb,
    /// The table as the host names it.
    pub table: String,
    /// Why it is passed on.
    pub action: Action,
}

impl Passed {
    /// How long its rows may be given again.
    #[must_use]
    pub fn cache(&self) -> Option<Duration> {
        match self.action {
            Action::Cache(time) => Some(time),
            Action::Refuse | Action::Local | Action::Forward | Action::Stale | Action::Scope | Action::Append => None,
        }
    }

    /// Whether its rows may be some seconds old.
    #[must_use]
    pub fn may_be_stale(&self) -> bool {
        matches!(self.action, Action::Stale | Action::Cache(_))
    }
}
