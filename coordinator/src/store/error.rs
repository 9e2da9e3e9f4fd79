//! Why the store could not do something, by what the caller can do about it.

use sqlx::error::ErrorKind;
use sqlx::mysql::MySqlDatabaseError;
use thiserror::Error;

/// Why the store could not do something.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database cannot be reached, is full or too slow. The same call may work later.
    #[error("{doing}: database unavailable: {problem}")]
    Unavailable {
        /// What was asked for.
        doing: &'static str,
        /// What the database said.
        problem: String,
    },
    /// What was asked for contradicts what is stored: a name that is taken, an epoch that is not newer.
    #[error("{doing}: conflicts with what is stored")]
    Conflict {
        /// What was asked for.
        doing: &'static str,
    },
    /// What is stored is not what this program wrote, or not of its version. Nobody but the operator can help.
    #[error("{doing}: database is damaged or of another version: {problem}")]
    Corrupt {
        /// What was asked for.
        doing: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The address, user, password or database name in the configuration cannot work.
    #[error("store.url cannot be used: {problem}")]
    Address {
        /// What is wrong with it.
        problem: String,
    },
}

/// What an error of the driver means for the caller.
enum Meaning {
    Unavailable,
    Conflict,
    Corrupt,
    Address,
}

impl StoreError {
    /// Whether the same call may work later.
    #[must_use]
    pub const fn may_retry(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    pub(super) fn from_driver(doing: &'static str, error: &sqlx::Error) -> Self {
        let problem = error.to_string();
        match meaning(error) {
            Meaning::Unavailable => Self::Unavailable { doing, problem },
            Meaning::Conflict => Self::Conflict { doing },
            Meaning::Corrupt => Self::Corrupt { doing, problem },
            Meaning::Address => Self::Address { problem },
        }
    }

    pub(super) fn from_migrations(error: &sqlx::migrate::MigrateError) -> Self {
        use sqlx::migrate::MigrateError as E;
        let doing = "applying migrations";
        if let E::Execute(source) | E::ExecuteMigration(source, _) = error {
            return Self::from_driver(doing, source);
        }
        Self::Corrupt { doing, problem: error.to_string() }
    }
}

/// Whatever is not known to be of another kind counts as passing: the link broke, the pool is busy.
#[expect(clippy::wildcard_enum_match_arm, reason = "the driver's error is non-exhaustive")]
fn meaning(error: &sqlx::Error) -> Meaning {
    use sqlx::Error as E;
    match error {
        E::Configuration(_) => Meaning::Address,
        E::Database(error) => match error.kind() {
            ErrorKind::UniqueViolation => Meaning::Conflict,
            ErrorKind::ForeignKeyViolation => Meaning::Conflict,
            _ => match error.try_downcast_ref::<MySqlDatabaseError>() {
                Some(error) => mysql_meaning(error.number()),
                None => sqlite_meaning(error.code().as_deref()),
            },
        },
        E::RowNotFound
        | E::TypeNotFound { .. }
        | E::ColumnIndexOutOfBounds { .. }
        | E::ColumnNotFound(_)
        | E::ColumnDecode { .. }
        | E::Encode(_)
        | E::Decode(_)
        | E::AnyDriverError(_)
        | E::InvalidArgument(_) => Meaning::Corrupt,
        _ => Meaning::Unavailable,
    }
}

/// `mysqld_error.h`.
fn mysql_meaning(number: u16) -> Meaning {
    match number {
        // access denied (to the database, by password, by plugin), unknown database
        1044 | 1045 | 1049 | 1698 => Meaning::Address,
        // no such field or table, syntax, data too long or out of range, crashed table
        1054 | 1064 | 1146 | 1194 | 1264 | 1406 => Meaning::Corrupt,
        _ => Meaning::Unavailable,
    }
}

/// SQLite result codes; the low byte is the primary one (<https://www.sqlite.org/rescode.html>).
fn sqlite_meaning(code: Option<&str>) -> Meaning {
    const ERROR: i32 = 1;
    const CORRUPT: i32 = 11;
    const MISMATCH: i32 = 20;
    const NOT_A_DATABASE: i32 = 26;
    match code.and_then(|code| code.parse::<i32>().ok()).map(|code| code & 0xff) {
        Some(ERROR | CORRUPT | MISMATCH | NOT_A_DATABASE) => Meaning::Corrupt,
        _ => Meaning::Unavailable,
    }
}
