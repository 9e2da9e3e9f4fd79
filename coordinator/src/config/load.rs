//! From a file and the environment to a validated [`Config`].
//!
//! The file is parsed to a tree whose nodes know their place in the text; overrides are put into the same tree, at places
//! that no text has. So whatever is wrong, the place says which line or which variable it came from.

use std::cell::Cell;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

use super::{Config, ConfigError, Place, Problem, check, describe};

/// Before the name of an environment variable that overrides a key: `BIFROST__RELAY__LISTEN` is `relay.listen`.
pub const OVERRIDE_PREFIX: &str = "BIFROST__";
/// Between the keys of a path in an environment variable.
const SEPARATOR: &str = "__";
/// Places from here on are overrides, one each; no text is this long.
const OVERRIDES_AT: usize = usize::MAX / 2;
/// The longest file read, in bytes: a mistaken path must not fill the memory.
const MAX_FILE: u64 = 1024 * 1024;

impl Config {
    /// Reads `path`, if one is given, and what `environment` overrides (see [`OVERRIDE_PREFIX`]); all else keeps its
    /// default.
    ///
    /// # Errors
    /// The file cannot be read, or something in it or in the environment is not what is expected there.
    pub fn load(
        path: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let text = path.map(read).transpose()?.unwrap_or_default();
        let mut overrides: Vec<_> = environment
            .into_iter()
            .filter_map(|(name, value)| {
                let path = name.strip_prefix(OVERRIDE_PREFIX)?.to_lowercase();
                Some(Override { path, name, value, literal: Cell::new(true) })
            })
            .collect();
        // The environment has no order of its own.
        overrides.sort_by(|left, right| left.name.cmp(&right.name));
        Source { path, text: &text, overrides }.config()
    }
}

/// A key set by an environment variable.
struct Override {
    name: String,
    /// Keys, lower case, with [`SEPARATOR`] between them.
    path: String,
    value: String,
    /// Whether the value is taken as the TOML it reads as. A password of digits is text all the same.
    literal: Cell<bool>,
}

/// Everything a configuration is made of.
struct Source<'a> {
    path: Option<&'a Path>,
    text: &'a str,
    overrides: Vec<Override>,
}

impl Source<'_> {
    fn config(self) -> Result<Config, ConfigError> {
        loop {
            let tree = self.tree()?;
            let config = match Config::deserialize(Deserializer::from(tree.clone())) {
                Ok(config) => config,
                Err(error) if self.retry_as_text(&error) => continue,
                Err(error) => return Err(self.problem(tree.get_ref(), &error)),
            };
            let problems: Vec<_> = check::check(&config)
                .into_iter()
                .map(|(key, message)| Problem { place: self.place(locate(tree.get_ref(), &key)), key, message })
                .collect();
            return if problems.is_empty() { Ok(config) } else { Err(ConfigError::Invalid { problems }) };
        }
    }

    /// The file's tree with the overrides in it.
    fn tree(&self) -> Result<Spanned<DeTable<'_>>, ConfigError> {
        let mut tree = DeTable::parse(self.text).map_err(|error| self.problem(&DeTable::new(), &error))?;
        for (index, over) in self.overrides.iter().enumerate() {
            let at = OVERRIDES_AT + index..OVERRIDES_AT + index + 1;
            let value = over.literal.get().then(|| DeValue::parse(&over.value).ok()).flatten();
            let value = value.map_or_else(|| DeValue::String(over.value.as_str().into()), Spanned::into_inner);
            let keys: Vec<_> = over.path.split(SEPARATOR).collect();
            if !insert(tree.get_mut(), &keys, placed(value, &at), &at) {
                let key = keys.join(".");
                let message = "names a key below one that is not a table".to_owned();
                let problem = Problem { place: Place::Environment(over.name.clone()), key, message };
                return Err(ConfigError::Invalid { problems: vec![problem] });
            }
        }
        Ok(tree)
    }

    /// If `error` is about an override that was taken as a literal, takes it as text from now on.
    fn retry_as_text(&self, error: &toml::de::Error) -> bool {
        let index = error.span().and_then(|span| span.start.checked_sub(OVERRIDES_AT));
        let over = index.and_then(|index| self.overrides.get(index));
        over.is_some_and(|over| over.literal.replace(false) && DeValue::parse(&over.value).is_ok())
    }

    fn problem(&self, tree: &DeTable<'_>, error: &toml::de::Error) -> ConfigError {
        let key = error.span().and_then(|span| key_at(tree, span.start)).unwrap_or_default();
        let message = describe::describe(error.message(), &key);
        ConfigError::Invalid { problems: vec![Problem { place: self.place(error.span()), key, message }] }
    }

    fn place(&self, span: Option<Range<usize>>) -> Place {
        let at = span.map(|span| span.start);
        if let Some(over) = at.and_then(|at| self.overrides.get(at.checked_sub(OVERRIDES_AT)?)) {
            return Place::Environment(over.name.clone());
        }
        let Some(path) = self.path else {
            return Place::Defaults;
        };
        let before = at.and_then(|at| self.text.get(..at.min(self.text.len())));
        let line = before.map(|before| before.matches('\n').count() + 1);
        Place::File { path: path.to_owned(), line }
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let error = |source| ConfigError::Read { path: path.to_owned(), source };
    let size = std::fs::metadata(path).map_err(error)?.len();
    if size > MAX_FILE {
        return Err(error(std::io::Error::other(format!("has {size} bytes, more than {MAX_FILE}"))));
    }
    std::fs::read_to_string(path).map_err(error)
}

/// Puts `value` where `keys` lead, making tables on the way. `false` when something else than a table is in the way.
fn insert<'a>(table: &mut DeTable<'a>, keys: &[&'a str], value: DeValue<'a>, at: &Range<usize>) -> bool {
    let Some((first, rest)) = keys.split_first() else {
        return false;
    };
    let key = Spanned::new(at.clone(), (*first).into());
    if rest.is_empty() {
        // An equal key keeps its old place when only the value is replaced.
        table.remove(*first);
        table.insert(key, Spanned::new(at.clone(), value));
        return true;
    }
    let child = table.entry(key).or_insert_with(|| Spanned::new(at.clone(), DeValue::Table(DeTable::new())));
    match child.get_mut() {
        DeValue::Table(child) => insert(child, rest, value, at),
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_) => false,
    }
}

/// The same value with everything in it at `at`.
fn placed<'a>(value: DeValue<'a>, at: &Range<usize>) -> DeValue<'a> {
    let spanned = |value: Spanned<DeValue<'a>>| Spanned::new(at.clone(), placed(value.into_inner(), at));
    match value {
        DeValue::Array(items) => DeValue::Array(items.into_iter().map(spanned).collect()),
        DeValue::Table(entries) => DeValue::Table(
            entries
                .into_iter()
                .map(|(key, value)| (Spanned::new(at.clone(), key.into_inner()), spanned(value)))
                .collect(),
        ),
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {
            value
        }
    }
}

/// Every node of a tree: its path (`groups[1].maps`) and where its key and its value are.
fn nodes(table: &DeTable<'_>, prefix: &str, found: &mut Vec<(String, [Range<usize>; 2])>) {
    for (key, value) in table {
        let name = key.get_ref();
        let path = if prefix.is_empty() { name.to_string() } else { format!("{prefix}.{name}") };
        value_nodes(value, &path, found);
        found.push((path, [key.span(), value.span()]));
    }
}

fn value_nodes(value: &Spanned<DeValue<'_>>, path: &str, found: &mut Vec<(String, [Range<usize>; 2])>) {
    match value.get_ref() {
        DeValue::Table(table) => nodes(table, path, found),
        DeValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let path = format!("{path}[{index}]");
                value_nodes(item, &path, found);
                found.push((path, [item.span(), item.span()]));
            }
        }
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {}
    }
}

/// The path of the smallest node at a place.
fn key_at(tree: &DeTable<'_>, at: usize) -> Option<String> {
    let mut found = Vec::new();
    nodes(tree, "", &mut found);
    let sized = found.into_iter().flat_map(|(path, spans)| spans.map(|span| (path.clone(), span)));
    // Of nodes of one size (an override makes several) the deepest is meant.
    let inside = sized.filter(|(_, span)| span.contains(&at) || span.start == at);
    inside.min_by_key(|(path, span)| (span.len(), usize::MAX - path.len())).map(|(path, _)| path)
}

/// Where a path is set, or else the nearest table above it.
fn locate(tree: &DeTable<'_>, path: &str) -> Option<Range<usize>> {
    let mut found = Vec::new();
    nodes(tree, "", &mut found);
    let mut path = path;
    loop {
        if let Some((_, [key, _])) = found.iter().find(|(known, _)| known == path) {
            return Some(key.clone());
        }
        path = path.rsplit_once(['.', '[']).map(|(above, _)| above)?;
    }
}
