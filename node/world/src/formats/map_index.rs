//! `map_index.txt`: the numbers of all maps of a realm (`mapindex_init`, mapindex.cpp).
//!
//! A line is a name and, optionally, its number; without one it is the number before plus one. `//` starts a comment.

use std::collections::BTreeMap;

use bifrost_protocol::ids::MapName;
use thiserror::Error;

/// The largest file that is read.
pub const MAX_FILE: usize = 1024 * 1024;
/// One more than the largest number (`MAX_MAPINDEX`, mapindex.hpp).
pub const MAX_NUMBER: u16 = 2_000;

/// Why a map index cannot be read.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("line {line}: {problem}")]
pub struct MapIndexError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// Reads the numbers of all maps.
///
/// # Errors
/// The first line that is neither a map nor a comment.
pub fn parse(file: &[u8]) -> Result<BTreeMap<MapName, u16>, MapIndexError> {
    if file.len() > MAX_FILE {
        return Err(MapIndexError { line: 0, problem: "the file is longer than a map index may be" });
    }
    let text = String::from_utf8_lossy(file);
    let (mut maps, mut last) = (BTreeMap::new(), 0_u16);
    for (line, text) in (1..).zip(text.lines()) {
        let mut words = text.split("//").next().unwrap_or_default().split_whitespace();
        let Some(name) = words.next() else { continue };
        let name = MapName::new(name).map_err(|_| MapIndexError { line, problem: "the map's name is not legal" })?;
        let number = match words.next() {
            Some(number) => number.parse().map_err(|_| MapIndexError { line, problem: "the map's number is none" })?,
            None => last.saturating_add(1),
        };
        if !(1..MAX_NUMBER).contains(&number) {
            return Err(MapIndexError { line, problem: "the map's number is not between 1 and 1999" });
        }
        last = number;
        maps.insert(name, number);
    }
    Ok(maps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str, name: &str) -> Option<u16> {
        parse(text.as_bytes()).expect("legal").get(&MapName::new(name).expect("legal")).copied()
    }

    #[test]
    fn numbers_count_on_from_the_last_one() {
        let text = "// maps\n\nalb_ship 1\nalb2trea\nprontera\t40 // city\r\nnext\n";
        assert_eq!(number(text, "alb2trea"), Some(2));
        assert_eq!(number(text, "next"), Some(41));
        assert_eq!(number(text, "other"), None);
    }

    #[test]
    fn errors_name_the_line() {
        let line = |text: &[u8]| parse(text).expect_err("not legal").line;
        assert_eq!(line(b"good\nfar_too_long_name\n"), 2);
        assert_eq!(line(b"good x\n"), 1);
        assert_eq!(line(b"good 0\n"), 1);
        assert_eq!(line(b"good 1999\nnext\n"), 2);
        assert_eq!(line(b"\xff\xfe\n"), 1);
    }
}
