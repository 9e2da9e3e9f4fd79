//! YAML as rAthena's databases use it: mappings, lists and texts, nothing else.

use std::borrow::Cow;
use std::fmt;

use saphyr_parser::{Event, Parser, ScanError};

/// How deep values may lie in each other. rAthena's lie eight deep.
const MAX_DEPTH: usize = 32;
/// Most values in one file. rAthena's largest has 140,000.
const MAX_VALUES: usize = 4_000_000;

/// A value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Value {
    /// A text, also where a number is meant.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// A mapping, in the order of the file.
    Mapping(Vec<(String, Self)>),
}

/// Why a file is no YAML of this kind.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct YamlError {
    /// The line, from 1.
    pub(super) line: usize,
    /// What is wrong.
    pub(super) problem: Cow<'static, str>,
}

impl fmt::Display for YamlError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}: {}", self.line, self.problem)
    }
}

impl Value {
    /// What stands under a key.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.pairs().find(|(known, _)| *known == key).map(|(_, value)| value)
    }

    /// The text under a key.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        match self.get(key)? {
            Self::Text(text) => Some(text),
            Self::List(_) | Self::Mapping(_) => None,
        }
    }

    /// The number under a key; rAthena reads decimal ones and, with `0x`, others.
    pub(super) fn number(&self, key: &str) -> Option<u64> {
        number(self.text(key)?)
    }

    /// Yes or no under a key.
    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        is_true(self.text(key)?)
    }

    /// The values of the list under a key; none when there is none.
    pub(super) fn list(&self, key: &str) -> impl Iterator<Item = &Self> {
        let values = match self.get(key) {
            Some(Self::List(values)) => values.as_slice(),
            Some(Self::Text(_) | Self::Mapping(_)) | None => &[],
        };
        values.iter()
    }

    /// The keys of the mapping under a key, and whether each is set.
    pub(super) fn flags(&self, key: &str) -> impl Iterator<Item = (&str, bool)> {
        let pairs = self.get(key).into_iter().flat_map(Self::pairs);
        pairs.filter_map(|(key, value)| match value {
            Self::Text(text) => Some((key, is_true(text)?)),
            Self::List(_) | Self::Mapping(_) => None,
        })
    }

    fn pairs(&self) -> impl Iterator<Item = (&str, &Self)> {
        let pairs = match self {
            Self::Mapping(pairs) => pairs.as_slice(),
            Self::Text(_) | Self::List(_) => &[],
        };
        pairs.iter().map(|(key, value)| (key.as_str(), value))
    }
}

/// A number as rAthena writes it.
pub(super) fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn is_true(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" | "1" => Some(true),
        "false" | "False" | "FALSE" | "0" => Some(false),
        _ => None,
    }
}

/// Reads the first document of a file; an empty one is an empty mapping.
///
/// # Errors
/// It is no YAML, uses what no database does (aliases, mappings as keys), or has more than any.
pub(super) fn parse(text: &str) -> Result<Value, YamlError> {
    let mut building = Building::default();
    // The parser drops no byte order mark.
    for event in Parser::new_from_str(text.trim_start_matches('\u{feff}')) {
        let (event, span) = event.map_err(|error| broken(&error))?;
        let wrong = |problem| YamlError { line: span.start.line(), problem: Cow::Borrowed(problem) };
        match event {
            Event::Scalar(text, ..) => building.put(Value::Text(text.into_owned())).map_err(wrong)?,
            Event::SequenceStart(..) => building.open(Open::List(Vec::new())).map_err(wrong)?,
            Event::MappingStart(..) => building.open(Open::Mapping(Vec::new(), None)).map_err(wrong)?,
            Event::SequenceEnd | Event::MappingEnd => building.close().map_err(wrong)?,
            Event::Alias(_) => return Err(wrong("an alias, which no database has")),
            Event::DocumentEnd => break,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => {}
        }
    }
    Ok(building.done.unwrap_or(Value::Mapping(Vec::new())))
}

fn broken(error: &ScanError) -> YamlError {
    YamlError { line: error.marker().line(), problem: Cow::Owned(error.info().to_owned()) }
}

enum Open {
    List(Vec<Value>),
    /// What it has, and the key whose value comes next.
    Mapping(Vec<(String, Value)>, Option<String>),
}

#[derive(Default)]
struct Building {
    /// Values within each other that have not ended, the innermost last.
    open: Vec<Open>,
    done: Option<Value>,
    values: usize,
}

impl Building {
    fn open(&mut self, value: Open) -> Result<(), &'static str> {
        if self.open.len() >= MAX_DEPTH {
            return Err("values lie deeper in each other than in any database");
        }
        self.open.push(value);
        Ok(())
    }

    fn close(&mut self) -> Result<(), &'static str> {
        match self.open.pop() {
            Some(Open::List(values)) => self.put(Value::List(values)),
            Some(Open::Mapping(pairs, None)) => self.put(Value::Mapping(pairs)),
            Some(Open::Mapping(_, Some(_))) => Err("a key without a value"),
            None => Err("something ends that did not begin"),
        }
    }

    fn put(&mut self, value: Value) -> Result<(), &'static str> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err("more values than in any database");
        }
        match self.open.last_mut() {
            Some(Open::List(values)) => values.push(value),
            Some(Open::Mapping(pairs, key)) => match (key.take(), value) {
                (Some(key), value) => pairs.push((key, value)),
                (None, Value::Text(text)) => *key = Some(text),
                (None, Value::List(_) | Value::Mapping(_)) => return Err("a key that is no text"),
            },
            None => self.done = Some(value),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn entries_have_texts_lists_and_scripts() {
        let text = "# a comment\nBody:\n  - Id: 0x10\n    Name: \"A: b\" # said\n    On:\n      Left: true\n      Right: false\n    \
            Script: |\n      bonus bLuk,2;\n      # no comment\n    Drops:\n      - Item: X's\n        Rate: 5\n      - {Item: Y}\n    \
            None:\n";
        let value = parse(text).expect("legal");
        let entry = value.list("Body").next().expect("one");
        assert_eq!((entry.number("Id"), entry.text("Name")), (Some(16), Some("A: b")));
        assert_eq!(entry.flags("On").collect::<Vec<_>>(), [("Left", true), ("Right", false)]);
        assert_eq!(entry.text("Script"), Some("bonus bLuk,2;\n# no comment\n"));
        let drops: Vec<_> = entry.list("Drops").map(|drop| (drop.text("Item"), drop.number("Rate"))).collect();
        assert_eq!(drops, [(Some("X's"), Some(5)), (Some("Y"), None)]);
        assert_eq!(entry.list("None").count(), 0);
        assert_eq!(parse("# nothing\n").expect("legal"), Value::Mapping(Vec::new()));
    }

    #[test]
    fn what_no_database_has_is_refused() {
        let problem = |text: &str| parse(text).expect_err("refused").to_string();
        assert_eq!(problem("a: &x 1\nb: *x\n"), "line 2: an alias, which no database has");
        assert_eq!(problem("? [a]\n: b\n"), "line 1: a key that is no text");
        assert!(problem(&"[".repeat(40)).ends_with("deeper in each other than in any database"));
        assert!(problem("Body:\n  - a: 1\n b: 2\n").starts_with("line "));
    }

    proptest! {
        #[test]
        fn no_text_is_too_much_for_it(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn nor_is_what_looks_like_a_database(text in "([-?:,#&*!|>'\"%@{}\\[\\] \n\tab01]|- |: |\n  ){0,120}") {
            let _ = parse(&text);
        }
    }
}
