//! What must be true of everything that is sent, checked from the text alone, without the policy's own reading of it.

use std::collections::BTreeMap;

use bifrost_protocol::mysql::sql::{Piece, scan};

use crate::database::policy::{DEFAULT_POLICY, Policy};

/// The words that what is sent is made of.
const WORDS: &str = "SELECT FROM WHERE ORDER BY DESC LIMIT OFFSET INSERT REPLACE IGNORE INTO VALUES UPDATE SET DELETE AND OR NOT \
                     IN IS NULL LIKE AS COUNT NOW FROM_UNIXTIME UNIX_TIMESTAMP";

/// The words of which there is one at most.
const ONCE: &[&str] = &["SELECT", "FROM", "WHERE", "INSERT", "REPLACE", "UPDATE", "DELETE", "INTO", "SET"];

/// What the shipped policy lets a host reach.
pub(in crate::database) struct Reach {
    /// Tables, with what may stand in backticks besides.
    tables: BTreeMap<String, Vec<String>>,
    /// The group's name, as it is written into statements.
    group: String,
    /// The host's, likewise.
    host: String,
}

impl Reach {
    pub(in crate::database) fn of_default(group: &str, host: &str) -> Self {
        let policy = Policy::read(DEFAULT_POLICY).expect("the policy that ships");
        let mut tables = BTreeMap::new();
        for (name, rule) in &policy.tables {
            let columns = rule.columns.iter().map(|column| column.as_str().to_ascii_lowercase());
            let stamp = rule.kept.as_ref().map(|kept| kept.stamp.as_str().to_owned());
            let table = rule.kept.as_ref().map_or(name.clone(), |kept| kept.table.as_str().to_owned());
            tables.insert(table, columns.chain(stamp).collect());
        }
        Self { tables, group: group.to_owned(), host: host.to_owned() }
    }

    /// Panics when a statement could do what the policy does not list.
    pub(in crate::database) fn check(&self, text: &[u8]) {
        let shown = String::from_utf8_lossy(text).into_owned();
        let (mut words, mut names, mut values) = (Vec::new(), Vec::new(), Vec::new());
        scan(text, |piece| match piece {
            Piece::Word(word) => words.push(String::from_utf8_lossy(word).into_owned()),
            // Behind AS stands a label, which is not looked up.
            Piece::Quoted(_) if words.last().is_some_and(|word| word == "AS") => words.push("(label)".to_owned()),
            Piece::Quoted(name) => names.push(String::from_utf8_lossy(&name[1..name.len() - 1]).into_owned()),
            Piece::Text(text) => values.push(String::from_utf8_lossy(text).into_owned()),
            Piece::Sign(sign) => {
                assert!(b"(),=<>!+-*?".contains(&sign), "{shown}");
                values.extend((sign == b'?').then(|| "?".to_owned()));
            }
            Piece::Number(_) => {}
        })
        .unwrap_or_else(|refusal| panic!("{shown}: {refusal}"));
        for word in &words {
            assert!(WORDS.split(' ').any(|known| known == word) || word == "(label)", "{word} in {shown}");
        }
        for word in ONCE {
            assert!(words.iter().filter(|known| known == word).count() <= 1, "{word} twice in {shown}");
        }
        let tables: Vec<_> = names.iter().filter(|name| self.tables.contains_key(*name)).collect();
        let [table] = tables.as_slice() else { panic!("{tables:?} in {shown}") };
        let known = |name: &String| name == *table || self.tables[*table].contains(&name.to_ascii_lowercase());
        assert!(names.iter().all(known), "{shown}");
        if table.starts_with("fleet_") {
            let own = if names.contains(&"host".to_owned()) { &self.host } else { &self.group };
            assert!(values.contains(own), "{shown}");
            if words[0] != "INSERT" && words[0] != "REPLACE" {
                let scope = format!("(`map_group` = {})", self.group);
                let scoped = shown.contains(&format!(" AND {scope})")) || shown.contains(&format!("WHERE {scope}"));
                assert!(scoped, "{shown}");
            }
        }
    }
}
