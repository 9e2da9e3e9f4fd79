//! The statements a map-server needs, as a small syntax tree of our own.
//!
//! [`parse`](parse()) reads a statement: [`scan`](scan()) first refuses what no such statement has (comments, bytes outside ASCII that
//! are not in quotes, depth), then `sqlparser` reads it, and of its tree only the shapes of [`Statement`] are taken over.
//! Everything else is a [`Refusal`] that says why. [`Statement::render`] writes a statement anew, with every name in
//! backticks and every literal escaped in one way: whoever passes on only rendered statements passes on nothing that was
//! not understood, wherever two readers of SQL may differ.
//!
//! Statements are bytes in whatever code page the client has. They are read as Latin-1, which keeps every byte, and literals
//! are turned back into the same bytes.

mod convert;
mod digest;
mod expression;
mod parse;
mod render;
mod scan;
mod set;
mod shape;

#[cfg(test)]
mod tests;

use std::fmt;

use bytes::Bytes;
use thiserror::Error;

pub use digest::{Digest, Known};
pub use parse::parse;
pub use render::{Part, Template};
pub use scan::{MAX_DEPTH, MAX_STATEMENT, MAX_WORDS, Piece, scan};
pub use shape::Shapes;

/// The name of a database, table or column: 1 to 64 letters, digits, `_` or `$`.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Name(String);

/// A statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// SELECT.
    Select(Select),
    /// INSERT or REPLACE.
    Insert(Insert),
    /// UPDATE.
    Update(Update),
    /// DELETE.
    Delete(Delete),
    /// Something about the connection itself.
    Session(Session),
}

/// Rows of one table, or values of none.
#[derive(Clone, Debug, PartialEq)]
pub struct Select {
    /// What of each row.
    pub items: Vec<Item>,
    /// The table; `None` for values that come from no table.
    pub table: Option<Table>,
    /// Which rows.
    pub filter: Option<Expr>,
    /// In which order.
    pub order: Vec<Order>,
    /// How many of them.
    pub limit: Option<Limit>,
}

/// One thing asked of each row.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// All columns.
    All,
    /// A value.
    Value {
        /// The value.
        value: Expr,
        /// Its name in the result: the alias, or how it was written.
        label: String,
        /// Whether `label` is an alias.
        alias: bool,
    },
}

/// A table, maybe of a stated database.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Table {
    /// The database it is said to be in.
    pub schema: Option<Name>,
    /// Its name.
    pub name: Name,
}

/// ORDER BY one value.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// By what.
    pub by: Expr,
    /// Whether the greatest comes first.
    pub descending: bool,
}

/// LIMIT.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limit {
    /// Rows passed over.
    pub offset: u64,
    /// Rows at most.
    pub count: u64,
}

/// New rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Insert {
    /// Whether rows with the same key are replaced (REPLACE).
    pub replace: bool,
    /// Whether rows with the same key are passed over (INSERT IGNORE).
    pub ignore: bool,
    /// Whether the client does not want to wait (DELAYED).
    pub delayed: bool,
    /// The table.
    pub table: Table,
    /// Its columns; empty for all.
    pub columns: Vec<Name>,
    /// The rows; each has as many values as there are columns, when those are named.
    pub rows: Vec<Vec<Expr>>,
}

/// Changed rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// The table.
    pub table: Table,
    /// What becomes of which column.
    pub assignments: Vec<(Name, Expr)>,
    /// Which rows.
    pub filter: Option<Expr>,
    /// How many of them.
    pub limit: Option<u64>,
}

/// Removed rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Delete {
    /// The table.
    pub table: Table,
    /// Which rows.
    pub filter: Option<Expr>,
    /// How many of them.
    pub limit: Option<u64>,
}

/// Statements about the connection.
#[derive(Clone, Debug, PartialEq)]
pub enum Session {
    /// SET NAMES, and SET of variables of the session.
    Set {
        /// The character set, in lower case, if one is set.
        charset: Option<String>,
        /// The variables, in lower case.
        variables: Vec<String>,
    },
    /// SHOW VARIABLES LIKE.
    Show(String),
    /// BEGIN.
    Begin,
    /// COMMIT.
    Commit,
    /// ROLLBACK.
    Rollback,
    /// USE.
    Use(Name),
}

/// A value that is worked out.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A column.
    Column(Name),
    /// A value that stands in the statement.
    Literal(Literal),
    /// A parameter of a prepared statement, counted from 0 as they stand in the text.
    Parameter(usize),
    /// A variable of the server (`@@name`), in lower case.
    Variable(String),
    /// A function, its name in upper case. `COUNT(*)` has no arguments.
    Call(String, Vec<Self>),
    /// All of these.
    And(Box<Self>, Box<Self>),
    /// Any of these.
    Or(Box<Self>, Box<Self>),
    /// Not this.
    Not(Box<Self>),
    /// A comparison.
    Compare(Comparison, Box<Self>, Box<Self>),
    /// A calculation.
    Calculate(Calculation, Box<Self>, Box<Self>),
    /// One of a list.
    In(Box<Self>, Vec<Self>),
    /// Is NULL.
    IsNull(Box<Self>),
    /// The one value of another SELECT.
    Subquery(Box<Select>),
    /// A value that whoever passes the statement on puts in. No text reads as one.
    Given(Given),
}

/// Values that are put into statements that are passed on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Given {
    /// Whose rows are meant.
    Scope,
    /// Who sends the statement.
    Host,
}

/// A value that stands in a statement. Never printed: it may be a player's word.
#[derive(Clone, PartialEq)]
pub enum Literal {
    /// NULL.
    Null,
    /// A whole number.
    Int(i64),
    /// A whole number over the signed ones.
    Unsigned(u64),
    /// A number with a point, as it was written.
    Decimal(String),
    /// Text.
    Text(Bytes),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// LIKE
    Like,
}

/// How two numbers are combined.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Calculation {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
}

/// Why a statement is not one of those that can be read here.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Refusal {
    /// Longer than [`MAX_STATEMENT`].
    #[error("is longer than {MAX_STATEMENT} bytes")]
    TooLong,
    /// Nothing in it.
    #[error("is empty")]
    Empty,
    /// A comment, whose contents a server may or may not carry out.
    #[error("has a comment")]
    Comment,
    /// A byte that has no place outside quotes.
    #[error("has byte 0x{0:02x} outside quotes")]
    Byte(u8),
    /// Quotes that do not end.
    #[error("has quotes that do not end")]
    Unterminated,
    /// More words and signs than [`MAX_WORDS`].
    #[error("has more than {MAX_WORDS} words")]
    TooManyWords,
    /// Deeper than [`MAX_DEPTH`].
    #[error("is nested deeper than {MAX_DEPTH}")]
    TooDeep,
    /// It reads or writes a file of the server.
    #[error("reads or writes a file of the database server")]
    File,
    /// No MySQL statement.
    #[error("cannot be read")]
    Syntax,
    /// More than one statement.
    #[error("is more than one statement")]
    Several,
    /// A statement of another kind.
    #[error("is not a kind of statement that is served")]
    Kind,
    /// A clause that is not served.
    #[error("has {0}")]
    Clause(&'static str),
    /// A name that is none.
    #[error("has a name with unusual characters")]
    Name,
    /// A literal that is not served.
    #[error("has a literal that is not served")]
    Literal,
    /// An expression that is not served.
    #[error("has an expression that is not served")]
    Expression,
    /// A variable of the client's session.
    #[error("has a variable")]
    Variable,
}

impl Name {
    /// The longest name.
    pub const MAX: usize = 64;

    /// Checks a name.
    ///
    /// # Errors
    /// [`Refusal::Name`].
    pub fn new(name: impl Into<String>) -> Result<Self, Refusal> {
        let name = name.into();
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$';
        let fits = (1..=Self::MAX).contains(&name.len()) && name.bytes().all(legal);
        if fits { Ok(Self(name)) } else { Err(Refusal::Name) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is `other`, in whatever case, as columns are compared.
    #[must_use]
    pub fn is(&self, other: &str) -> bool {
        self.0.eq_ignore_ascii_case(other)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "`{}`", self.0)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for Literal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Null => "NULL",
            Self::Int(_) | Self::Unsigned(_) | Self::Decimal(_) => "number",
            Self::Text(_) => "text",
        })
    }
}
