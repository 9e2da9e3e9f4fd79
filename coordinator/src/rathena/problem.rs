//! What is wrong with an rAthena's files, and where.

use std::fmt;
use std::io;
use std::path::PathBuf;

use bifrost_world::formats::map_cache::MapCacheError;
use bifrost_world::formats::map_index::MapIndexError;
use thiserror::Error;

/// A line of one of rAthena's files.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Place {
    /// The file, as rAthena names it: relative to its folder, or absolute.
    pub file: String,
    /// The line, from 1; 0: the file as a whole.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => out.write_str(&self.file),
            line => write!(out, "{}:{line}", self.file),
        }
    }
}

/// A setting that cannot be used.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Problem {
    /// Where it stands.
    pub place: Place,
    /// Its key.
    pub key: String,
    /// What is wrong and what is expected.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}: {}", self.place, self.key, self.message)
    }
}

/// Something the operator should know, with which a stock server goes on all the same.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Note {
    /// Where; none when it is about no line.
    pub place: Option<Place>,
    /// What.
    pub text: String,
}

impl Note {
    /// A note about a line.
    pub(super) fn at(place: &Place, text: impl Into<String>) -> Self {
        Self { place: Some(place.clone()), text: text.into() }
    }

    /// A note about no line.
    pub(super) fn general(text: impl Into<String>) -> Self {
        Self { place: None, text: text.into() }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(out, "{place}: {}", self.text),
            None => out.write_str(&self.text),
        }
    }
}

/// Why nothing can be proposed.
#[derive(Debug, Error)]
pub enum RathenaError {
    /// A file that every server needs cannot be read.
    #[error("{}: {source}; is this the folder of an rAthena?", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is more to read than any rAthena has.
    #[error("{}: more than {max} {what}", path.display())]
    TooMuch {
        /// Where.
        path: PathBuf,
        /// How many are taken.
        max: usize,
        /// Of what.
        what: &'static str,
    },
    /// Settings that cannot be used: all of them.
    #[error("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Values {
        /// What is wrong, by file and line.
        problems: Vec<Problem>,
    },
    /// Not a map cache.
    #[error("{file}: {source}")]
    Cache {
        /// The file.
        file: String,
        /// What is wrong.
        source: MapCacheError,
    },
    /// Not a map index.
    #[error("{file}:{line}: {problem}", line = error.line, problem = error.problem)]
    Index {
        /// The file.
        file: String,
        /// What is wrong.
        error: MapIndexError,
    },
    /// A map was named for a class that this rAthena does not serve.
    #[error("map {map}: this rAthena's map-server does not load it; see `map:` in its conf")]
    UnknownMap {
        /// The map.
        map: String,
    },
    /// No map is left for hosts.
    #[error("no map of this rAthena can leave it: {0}")]
    Nothing(String),
}
