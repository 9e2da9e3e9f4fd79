//! rAthena's YAML lists, as far as they name maps: guild castles and instances.
//!
//! Not a YAML reader: the two files are lists of flat entries, and lines `key: value` with their indentation are all that is
//! asked of them (`castle_db.yml`, `instance_db.yml`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bifrost_protocol::ids::MapName;

use super::conf::read_text;
use super::problem::{Note, RathenaError};

/// The largest of these files, in bytes.
const MAX_FILE: usize = 4 * 1024 * 1024;

/// Maps with a guild castle.
pub(super) fn castles(
    root: &Path,
    db_path: &str,
    renewal: bool,
    notes: &mut Vec<Note>,
) -> Result<BTreeSet<MapName>, RathenaError> {
    let mut maps = BTreeSet::new();
    for text in texts(root, db_path, "castle_db.yml", renewal, notes)? {
        let entries = lines(&text).filter(|line| line.key == "Map");
        maps.extend(entries.filter_map(|line| MapName::new(&line.value).ok()));
    }
    Ok(maps)
}

/// Instances by name: the maps that are copied for each party.
pub(super) fn instances(
    root: &Path,
    db_path: &str,
    renewal: bool,
    notes: &mut Vec<Note>,
) -> Result<BTreeMap<String, BTreeSet<MapName>>, RathenaError> {
    let mut found = BTreeMap::<String, BTreeSet<MapName>>::new();
    for text in texts(root, db_path, "instance_db.yml", renewal, notes)? {
        let (mut name, mut section, mut section_indent) = (String::new(), String::new(), 0);
        for line in lines(&text) {
            if line.indent <= section_indent {
                section.clear();
            }
            let map = match (section.as_str(), line.key.as_str()) {
                (_, "Name") => {
                    name.clone_from(&line.value);
                    None
                }
                ("Enter", "Map") => MapName::new(&line.value).ok(),
                ("AdditionalMaps", map) if line.value == "true" => MapName::new(map).ok(),
                _ => None,
            };
            if let Some(map) = map {
                found.entry(name.clone()).or_default().insert(map);
            }
            if line.value.is_empty() {
                section.clone_from(&line.key);
                section_indent = line.indent;
            }
        }
    }
    Ok(found)
}

/// The texts of a list and of what its footer imports for this kind of server.
fn texts(
    root: &Path,
    db_path: &str,
    file: &str,
    renewal: bool,
    notes: &mut Vec<Note>,
) -> Result<Vec<String>, RathenaError> {
    let main = format!("{db_path}/{file}");
    if !root.join(&main).is_file() {
        notes.push(Note::general(format!("there is no {main}: nothing is known from it")));
        return Ok(Vec::new());
    }
    let mut texts = vec![read_text(&root.join(&main), MAX_FILE)?];
    let mut imports: Vec<(String, String)> = Vec::new();
    for line in lines(&texts[0]) {
        match line.key.as_str() {
            "Path" => imports.push((line.value, String::new())),
            "Mode" => {
                if let Some((_, mode)) = imports.last_mut() {
                    *mode = line.value;
                }
            }
            _ => {}
        }
    }
    let wanted = if renewal { "Renewal" } else { "Prerenewal" };
    for (path, mode) in imports {
        if (mode.is_empty() || mode == wanted) && root.join(&path).is_file() {
            texts.push(read_text(&root.join(&path), MAX_FILE)?);
        }
    }
    Ok(texts)
}

/// A line `key: value`.
struct Line {
    /// Columns before the key, the dash of a list included.
    indent: usize,
    key: String,
    /// Empty: something deeper follows.
    value: String,
}

fn lines(text: &str) -> impl Iterator<Item = Line> + '_ {
    text.lines().filter_map(|line| {
        let line = line.split(" #").next().unwrap_or_default();
        let body = line.trim_start_matches([' ', '-']);
        let (key, value) = body.split_once(':').filter(|_| !body.starts_with('#'))?;
        let value = value.trim().trim_matches(['"', '\'']).to_owned();
        let key = key.trim().trim_matches(['"', '\'']).to_owned();
        Some(Line { indent: line.len() - body.len(), key, value })
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::tree::folder;
    use super::*;

    const FOOTER: &str = "Footer:\n  Imports:\n  - Path: db/pre-re/LIST\n    Mode: Prerenewal\n  \
        - Path: db/re/LIST\n    Mode: Renewal\n  - Path: db/import/LIST\n";

    #[test]
    fn castles_come_from_the_files_of_the_servers_kind() {
        let files = [
            ("db/castle_db.yml", &*FOOTER.replace("LIST", "castle_db.yml")),
            ("db/pre-re/castle_db.yml", "Body:\n  - Id: 0\n    Map: old_cas01\n    Name: X\n    #Map: no\n"),
            ("db/re/castle_db.yml", "Body:\n  - Id: 0\n    Map: new_cas01\n"),
            ("db/import/castle_db.yml", "Body:\n  - Id: 9\n    Map: my_cas01 # mine\n"),
        ];
        let folder = folder(&files);
        let castles = |renewal| {
            let found = castles(folder.path(), "db", renewal, &mut Vec::new()).expect("readable");
            found.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(castles(false), ["my_cas01", "old_cas01"]);
        assert_eq!(castles(true), ["my_cas01", "new_cas01"]);
    }

    #[test]
    fn instances_have_a_first_map_and_more() {
        let list = "Body:\n  - Id: 1\n    Name: Endless Tower\n    Enter:\n      Map: 1@tower\n      X: 50\n    \
            AdditionalMaps:\n      2@tower: true\n      3@tower: true\n  - Id: 2\n    Name: \"Cave: deep\"\n    Enter:\n      \
            Map: 1@cave\n";
        let folder = folder(&[("db/instance_db.yml", list)]);
        let found = instances(folder.path(), "db", false, &mut Vec::new()).expect("readable");
        let found: Vec<_> = found
            .iter()
            .map(|(name, maps)| (name.as_str(), maps.iter().map(MapName::as_str).collect::<Vec<_>>()))
            .collect();
        assert_eq!(found, [("Cave: deep", vec!["1@cave"]), ("Endless Tower", vec!["1@tower", "2@tower", "3@tower"])]);
    }

    #[test]
    fn a_list_that_is_not_there_is_noted() {
        let (folder, mut notes) = (folder(&[]), Vec::new());
        assert!(castles(folder.path(), "db", false, &mut notes).expect("fine").is_empty());
        assert_eq!(notes[0].to_string(), "there is no db/castle_db.yml: nothing is known from it");
    }
}
