//! What a policy says about a verb on a table, and how it is written.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::MAX_CACHE;

/// What becomes of a statement.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Action {
    /// The error a MySQL server gives who may not.
    #[default]
    Refuse,
    /// Answered here: no rows, and writes are said to be done.
    Local,
    /// Passed on to the operator's table.
    Forward,
    /// Passed on to the operator's table; rows are kept for a while and given again.
    Cache(Duration),
    /// Passed on to the operator's table, or to a replica's that may be behind.
    Stale,
    /// Passed on to the table of hosts' rows, where only the group's own are seen and changed.
    Scope,
    /// Added to the table of hosts' rows, with the host's id in each.
    Append,
}

/// What a statement does to a table.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Verb {
    /// SELECT.
    Select,
    /// INSERT and REPLACE.
    Insert,
    /// UPDATE.
    Update,
    /// DELETE.
    Delete,
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Select, Self::Insert, Self::Update, Self::Delete];

    /// As SQL writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Select => "SELECT",
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }
}

impl FromStr for Action {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "refuse" => Self::Refuse,
            "local" => Self::Local,
            "forward" => Self::Forward,
            "stale" => Self::Stale,
            "scope" => Self::Scope,
            "append" => Self::Append,
            other => {
                let seconds = other.strip_prefix("cache ").and_then(|rest| rest.strip_suffix(" s"));
                let time = seconds.and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
                let legal = time.filter(|time| !time.is_zero() && *time <= MAX_CACHE);
                Self::Cache(legal.ok_or_else(|| {
                    format!("`{other}` is not one of: refuse, local, forward, stale, cache N s, scope, append")
                })?)
            }
        })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refuse => out.write_str("refuse"),
            Self::Local => out.write_str("local"),
            Self::Forward => out.write_str("forward"),
            Self::Stale => out.write_str("stale"),
            Self::Cache(time) => write!(out, "cache {} s", time.as_secs()),
            Self::Scope => out.write_str("scope"),
            Self::Append => out.write_str("append"),
        }
    }
}
