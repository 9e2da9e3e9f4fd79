//! The databases' frame: header, body, and the imports of the footer (`YamlDatabase`, database.cpp).

use std::path::Path;

use super::super::conf::read_text;
use super::super::problem::{Note, Place, RathenaError};
use super::yaml::{self, Value};

/// The largest of these files, in bytes. rAthena's largest has 3 MB.
const MAX_FILE: usize = 32 * 1024 * 1024;
/// Most files of one database, imports within imports counted.
const MAX_FILES: usize = 64;

/// Where the databases lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    /// rAthena's folder.
    pub(super) root: &'a Path,
    /// `db_path` of the map-server: where a database's first file is; imports name whole paths.
    pub(super) db_path: &'a str,
    /// Whether it is a renewal build.
    pub(super) renewal: bool,
}

impl Source<'_> {
    /// The entries of a database in the order in which they count, so that a later one overrides an earlier. `kind` is what
    /// its header has to say, `version` the newest version that is known.
    ///
    /// A file that is not there or not legal is passed over with a note, as servers do.
    pub(super) fn entries(
        &self,
        file: &str,
        kind: (&str, u64),
        notes: &mut Vec<Note>,
    ) -> Result<Vec<Value>, RathenaError> {
        let mut found = Vec::new();
        let mut waiting = vec![format!("{}/{file}", self.db_path)];
        let mut read = 0;
        while let Some(path) = waiting.pop() {
            if read >= MAX_FILES {
                return Err(RathenaError::TooMuch {
                    path: self.root.join(path),
                    max: MAX_FILES,
                    what: "files of a database",
                });
            }
            read += 1;
            let Some(mut document) = self.document(&path, kind, notes)? else { continue };
            if document.get("Header").and_then(|header| header.flag("Clear")) == Some(true) {
                found.clear();
            }
            // The first import is read next, with all that it imports.
            let imports: Vec<_> = self.imports(&document).collect();
            waiting.extend(imports.into_iter().rev());
            if let Value::Mapping(pairs) = &mut document {
                let bodies = pairs.iter_mut().filter(|(key, _)| key == "Body");
                for (_, body) in bodies {
                    if let Value::List(entries) = body {
                        found.append(entries);
                    }
                }
            }
        }
        Ok(found)
    }

    /// The text of a list without a frame, as `produce_db.txt`: the one of this kind of server, then the operator's own.
    pub(super) fn texts(&self, file: &str, notes: &mut Vec<Note>) -> Result<Vec<(String, String)>, RathenaError> {
        let mode = if self.renewal { "re" } else { "pre-re" };
        let own = [format!("{}/{mode}/{file}", self.db_path), format!("{}/import/{file}", self.db_path)];
        let mut found = Vec::new();
        for (at, path) in own.into_iter().enumerate() {
            if self.root.join(&path).is_file() {
                let text = read_text(&self.root.join(&path), MAX_FILE)?;
                found.push((path, text));
            } else if at == 0 {
                notes.push(missing(&path));
            }
        }
        Ok(found)
    }

    fn document(&self, path: &str, kind: (&str, u64), notes: &mut Vec<Note>) -> Result<Option<Value>, RathenaError> {
        let whole = self.root.join(path);
        if !whole.is_file() {
            // Imports of the operator's own are often not there.
            if !path.contains("/import/") {
                notes.push(missing(path));
            }
            return Ok(None);
        }
        let document = match yaml::parse(&read_text(&whole, MAX_FILE)?) {
            Ok(document) => document,
            Err(error) => {
                let place = Place { file: path.to_owned(), line: error.line };
                notes.push(Note::at(&place, format!("{}; nothing in this file counts", error.problem)));
                return Ok(None);
            }
        };
        let place = Place { file: path.to_owned(), line: 0 };
        let header = document.get("Header");
        let found = header.and_then(|header| Some((header.text("Type")?, header.number("Version")?)));
        match found {
            Some((found, version)) if found == kind.0 => {
                if version > kind.1 {
                    let text = format!("version {version} of {found}, but {} is the newest that is known", kind.1);
                    notes.push(Note::at(&place, text));
                }
                Ok(Some(document))
            }
            _ => {
                notes.push(Note::at(&place, format!("no header of {}; nothing in this file counts", kind.0)));
                Ok(None)
            }
        }
    }

    fn imports(&self, document: &Value) -> impl Iterator<Item = String> {
        let mode = if self.renewal { "Renewal" } else { "Prerenewal" };
        let imports = document.get("Footer").into_iter().flat_map(|footer| footer.list("Imports"));
        imports
            .filter(move |import| import.text("Mode").is_none_or(|wanted| wanted == mode))
            // Generators are for rAthena's own tools.
            .filter(|import| import.flag("Generator") != Some(true))
            .filter_map(|import| import.text("Path").map(str::to_owned))
    }
}

fn missing(path: &str) -> Note {
    Note::general(format!("there is no {path}: nothing is known from it"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rathena::tests::tree::folder;

    const KIND: (&str, u64) = ("TEST_DB", 2);

    fn ids(files: &[(&str, &str)], renewal: bool) -> (Vec<u64>, Vec<String>) {
        let folder = folder(files);
        let mut notes = Vec::new();
        let source = Source { root: folder.path(), db_path: "db", renewal };
        let found = source.entries("test.yml", KIND, &mut notes).expect("readable");
        let ids = found.iter().filter_map(|entry| entry.number("Id")).collect();
        (ids, notes.iter().map(ToString::to_string).collect())
    }

    const HEADER: &str = "Header:\n  Type: TEST_DB\n  Version: 2\n";
    const FOOTER: &str = "Footer:\n  Imports:\n  - Path: db/a/test.yml\n    Mode: Prerenewal\n  - Path: db/b/test.yml\n    \
        Mode: Renewal\n  - Path: db/tool.yml\n    Generator: true\n  - Path: db/import/test.yml\n";

    #[test]
    fn imports_come_after_the_file_that_names_them_in_their_order() {
        let main = format!("{HEADER}Body:\n  - Id: 1\n{FOOTER}");
        let a = format!("{HEADER}Footer:\n  Imports:\n  - Path: db/c.yml\n");
        let body = |id: u64| format!("{HEADER}Body:\n  - Id: {id}\n");
        let files = [
            ("db/test.yml", main.as_str()),
            ("db/a/test.yml", &a),
            ("db/c.yml", &body(3)),
            ("db/b/test.yml", &body(4)),
            ("db/tool.yml", &body(5)),
            ("db/import/test.yml", &body(6)),
        ];
        assert_eq!(ids(&files, false), (vec![1, 3, 6], vec![]));
        assert_eq!(ids(&files, true), (vec![1, 4, 6], vec![]));
    }

    #[test]
    fn a_file_may_clear_what_was_before_it() {
        let main = format!("{HEADER}Body:\n  - Id: 1\n{FOOTER}");
        let own = format!("{HEADER}  Clear: true\nBody:\n  - Id: 9\n");
        let (found, notes) = ids(&[("db/test.yml", &main), ("db/import/test.yml", &own)], false);
        assert_eq!(found, [9]);
        assert_eq!(notes, ["there is no db/a/test.yml: nothing is known from it"]);
    }

    #[test]
    fn what_no_server_takes_is_passed_over_and_noted() {
        let other = "Header:\n  Type: OTHER_DB\n  Version: 1\nBody:\n  - Id: 1\n";
        assert_eq!(
            ids(&[("db/test.yml", other)], false).1,
            ["db/test.yml: no header of TEST_DB; nothing in this file counts"]
        );
        let newer = HEADER.replace('2', "3") + "Body:\n  - Id: 1\n";
        let (found, notes) = ids(&[("db/test.yml", &newer)], false);
        assert_eq!(
            (found, notes),
            (vec![1], vec!["db/test.yml: version 3 of TEST_DB, but 2 is the newest that is known".to_owned()])
        );
        let (found, notes) = ids(&[("db/test.yml", "Body:\n  - Id: 1\n Id: 2\n")], false);
        assert!(found.is_empty() && notes[0].ends_with("nothing in this file counts"), "{notes:?}");
        let circle = format!("{HEADER}Footer:\n  Imports:\n  - Path: db/test.yml\n");
        let folder = folder(&[("db/test.yml", &circle)]);
        let source = Source { root: folder.path(), db_path: "db", renewal: false };
        let error = source.entries("test.yml", KIND, &mut Vec::new()).expect_err("a circle").to_string();
        assert!(error.ends_with("more than 64 files of a database"), "{error}");
    }
}
