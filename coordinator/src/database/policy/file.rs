//! Reading a policy file.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use thiserror::Error;
use toml::Spanned;

use super::Policy;
use super::check::Checker;

/// The longest policy file, in bytes.
const MAX_FILE: usize = 1024 * 1024;

/// A policy as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyFile {
    /// Functions that statements may use.
    #[serde(default)]
    pub(super) functions: Vec<Spanned<String>>,
    /// Tables by name.
    #[serde(default)]
    pub(super) tables: BTreeMap<Spanned<String>, TableFile>,
}

/// A table as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TableFile {
    /// The columns that statements may mention.
    #[serde(default)]
    pub(super) columns: Vec<Spanned<String>>,
    /// The columns that tell rows apart.
    #[serde(default)]
    pub(super) key: Vec<Spanned<String>>,
    /// Where hosts' rows are kept.
    pub(super) kept_in: Option<Spanned<String>>,
    /// The column there that says whose a row is.
    pub(super) stamp: Option<Spanned<String>>,
    /// What becomes of every verb that is not named.
    pub(super) all: Option<Spanned<String>>,
    /// What becomes of SELECT.
    pub(super) select: Option<Spanned<String>>,
    /// What becomes of INSERT and REPLACE.
    pub(super) insert: Option<Spanned<String>>,
    /// What becomes of UPDATE.
    pub(super) update: Option<Spanned<String>>,
    /// What becomes of DELETE.
    pub(super) delete: Option<Spanned<String>>,
}

/// Why a text is no policy.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct PolicyError {
    /// All that was found.
    pub problems: Vec<PolicyProblem>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PolicyProblem {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in letters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl Policy {
    /// Reads and checks a policy.
    ///
    /// # Errors
    /// Everything that is wrong with it, with its place.
    pub fn read(text: &str) -> Result<Self, PolicyError> {
        if text.len() > MAX_FILE {
            let message = format!("is longer than {MAX_FILE} bytes");
            return Err(PolicyError { problems: vec![PolicyProblem { line: 1, column: 1, message }] });
        }
        let file: PolicyFile = toml::from_str(text).map_err(|error| {
            let at = error.span().unwrap_or_default();
            PolicyError { problems: vec![problem(text, &at, error.message().to_owned())] }
        })?;
        let mut checker = Checker::default();
        let policy = checker.policy(&file);
        if checker.problems.is_empty() {
            return Ok(policy);
        }
        let problems = checker.problems.into_iter().map(|(at, message)| problem(text, &at, message)).collect();
        Err(PolicyError { problems })
    }
}

fn problem(text: &str, at: &Range<usize>, message: String) -> PolicyProblem {
    let before = text.get(..at.start.min(text.len())).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    PolicyProblem { line, column, message }
}

impl fmt::Display for PolicyProblem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.line, self.column, self.message)
    }
}
