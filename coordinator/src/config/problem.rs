//! What is wrong with a configuration, and where.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why there is no configuration.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something is not what is expected there.
    #[error("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Invalid {
        /// All that was found.
        problems: Vec<Problem>,
    },
}

/// One thing that is wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// Where it was set.
    pub place: Place,
    /// The key, as a path: `relay.listen`. Empty when the text is not TOML.
    pub key: String,
    /// What is wrong and what is expected.
    pub message: String,
}

/// Where a key was set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Place {
    /// In the file.
    File {
        /// Its path.
        path: PathBuf,
        /// The line, from 1; none when the file does not mention the key.
        line: Option<usize>,
    },
    /// By this environment variable.
    Environment(String),
    /// Nowhere: it is what a default became together with something else.
    Defaults,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::File { path, line: Some(line) } => write!(out, "{}:{line}: ", path.display())?,
            Place::File { path, line: None } => write!(out, "{}: ", path.display())?,
            Place::Environment(name) => write!(out, "{name}: ")?,
            Place::Defaults => {}
        }
        if !self.key.is_empty() {
            write!(out, "{}: ", self.key)?;
        }
        out.write_str(&self.message)
    }
}
