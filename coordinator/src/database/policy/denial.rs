//! Why a statement is refused.

use bifrost_protocol::mysql::sql::{Name, Refusal};
use bifrost_protocol::mysql::{ServerError, code};
use thiserror::Error;

use super::Verb;
use super::check::NEVER;

/// Why a statement is refused. Names of tables, columns and functions show in it, values never do.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Denial {
    /// It is none that can be read.
    #[error("the statement {0}")]
    Unreadable(#[from] Refusal),
    /// The policy has no such table.
    #[error("table {0} is not in the policy")]
    UnknownTable(Name),
    /// The policy keeps hosts' rows in it, or nobody but the operator's servers has business there.
    #[error("table {0} is not in the policy")]
    Hidden(Name),
    /// The policy refuses the verb.
    #[error("{verb} of table {1} is refused by the policy", verb = .0.name())]
    Refused(Verb, Name),
    /// A database is named.
    #[error("table {1} is asked of a stated database, {0}")]
    OtherDatabase(Name, Name),
    /// The policy does not list the column.
    #[error("column {1} of table {0} is not in the policy")]
    UnknownColumn(Name, Name),
    /// The policy does not list the function.
    #[error("function {0} is not in the policy")]
    Function(String),
    /// A variable of the server in a statement about a table, or one that is not told.
    #[error("variable {0} is not served")]
    Variable(String),
    /// Another query inside, over a table that is not answered here.
    #[error("a query inside a statement is only read when every table in it is answered here")]
    Nested,
    /// A change of a whole table that is not the group's own.
    #[error("{verb} of all rows of table {1}", verb = .0.name())]
    WholeTable(Verb, Name),
    /// REPLACE on a table that is only added to.
    #[error("REPLACE on table {0}, which is only added to")]
    Replace(Name),
    /// The values of a row are not as many as the columns.
    #[error("a row of table {0} with other columns than the policy lists")]
    ColumnCount(Name),
    /// A statement about the session that is not served.
    #[error("{0} is not served")]
    Session(&'static str),
}

impl Denial {
    /// The error that a MySQL server would give.
    #[must_use]
    pub fn error(&self) -> ServerError {
        let number = match self {
            Self::UnknownColumn(..) => code::UNKNOWN_COLUMN,
            Self::ColumnCount(_) => code::COLUMN_COUNT,
            Self::Unreadable(_)
            | Self::UnknownTable(_)
            | Self::Hidden(_)
            | Self::Refused(..)
            | Self::OtherDatabase(..)
            | Self::Function(_)
            | Self::Variable(_)
            | Self::Nested
            | Self::WholeTable(..)
            | Self::Replace(_)
            | Self::Session(_) => code::TABLE_ACCESS_DENIED,
        };
        ServerError::new(number, self.to_string())
    }

    /// Whether no script of an operator comes to it, so that it says something about the host.
    #[must_use]
    pub fn is_attack(&self) -> bool {
        match self {
            Self::Unreadable(refusal) => {
                matches!(refusal, Refusal::Comment | Refusal::Several | Refusal::Kind | Refusal::File)
            }
            Self::Refused(verb, _) => matches!(verb, Verb::Update | Verb::Delete),
            Self::Function(name) => NEVER.contains(&name.as_str()),
            Self::Hidden(_) | Self::OtherDatabase(..) | Self::Replace(_) => true,
            Self::UnknownTable(_)
            | Self::UnknownColumn(..)
            | Self::Variable(_)
            | Self::Nested
            | Self::WholeTable(..)
            | Self::ColumnCount(_)
            | Self::Session(_) => false,
        }
    }

    /// A short name, for metrics.
    #[must_use]
    pub const fn class(&self) -> &'static str {
        match self {
            Self::Unreadable(refusal) => match refusal {
                Refusal::Comment => "comment",
                Refusal::Several => "several",
                Refusal::Kind => "kind",
                Refusal::File => "file",
                Refusal::Clause(_) => "clause",
                Refusal::Syntax | Refusal::Empty | Refusal::Unterminated | Refusal::Byte(_) => "syntax",
                Refusal::TooLong | Refusal::TooManyWords | Refusal::TooDeep => "size",
                Refusal::Name | Refusal::Literal | Refusal::Expression => "expression",
                Refusal::Variable => "variable",
            },
            Self::UnknownTable(_) | Self::Hidden(_) | Self::OtherDatabase(..) => "table",
            Self::Refused(..) | Self::WholeTable(..) | Self::Replace(_) => "verb",
            Self::UnknownColumn(..) | Self::ColumnCount(_) => "column",
            Self::Function(_) => "function",
            Self::Variable(_) => "variable",
            Self::Nested => "nested",
            Self::Session(_) => "session",
        }
    }
}
