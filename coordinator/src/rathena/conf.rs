//! The grammar of rAthena's `*.conf` files and their imports (`map_config_read`, map.cpp; `char_config_read`, char.cpp;
//! `inter_config_read`, map.cpp; `map_reloadnpc_sub`, map.cpp).
//!
//! A line is `key: value`; a line that starts with `//` is a comment; `import: FILE` reads another file at this place.
//! What comes later counts. Lines without a colon or without a value are passed over, as the servers do.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::problem::{Note, Place, Problem, RathenaError};

/// The largest file that is read, in bytes.
const MAX_FILE: usize = 4 * 1024 * 1024;
/// How deep imports may lie in each other. rAthena's own are four deep.
const MAX_DEPTH: usize = 16;
/// Most settings of one server. rAthena's map list has 1,300.
const MAX_SETTINGS: usize = 100_000;
/// The first line of a file that `maps propose` has written. What it sets is undone before anything is proposed, so that a
/// second proposal starts from the operator's own list.
pub const MARK: &str = "// Written by bifrost-coordinator maps propose.";

/// A `key: value` line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Setting {
    /// Where it stands.
    pub place: Place,
    /// Its key, lower case: servers compare without case.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// What the servers do differently.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dialect {
    /// map-server and script lists: `//` starts a comment anywhere, a tab ends the value, spaces at its end do not count.
    Map,
    /// char-server, login-server, inter-server: a value is the rest of the line.
    Plain,
}

/// Everything a server reads from one of its files.
#[derive(Debug, Default)]
pub struct Conf {
    /// All settings but imports, in the order in which they count.
    pub settings: Vec<Setting>,
    /// The file whose last line is read last: what is added there counts over everything else.
    pub last_file: String,
    /// Imports of files that carry [`MARK`].
    pub marked: Vec<Place>,
}

impl Conf {
    /// The last value of a key.
    #[must_use]
    pub fn last(&self, key: &str) -> Option<&Setting> {
        self.settings.iter().rev().find(|setting| setting.key == key)
    }
}

/// Reads `file` and what it imports, relative to the folder `root`. An import that is not there is noted and passed over,
/// as the servers do.
///
/// # Errors
/// `file` cannot be read, a file imports itself, or there is more than any rAthena has.
pub(super) fn read(root: &Path, file: &str, dialect: Dialect, notes: &mut Vec<Note>) -> Result<Conf, RathenaError> {
    let conf = Conf { settings: Vec::new(), last_file: file.to_owned(), marked: Vec::new() };
    let mut reader = Reader { root, dialect, open: Vec::new(), notes, conf };
    reader.read(file)?;
    Ok(reader.conf)
}

struct Reader<'a> {
    root: &'a Path,
    dialect: Dialect,
    /// The files that are being read, each imported by the one before.
    open: Vec<(String, PathBuf)>,
    notes: &'a mut Vec<Note>,
    conf: Conf,
}

impl Reader<'_> {
    /// Reads a file. `false`: it carries the mark, nothing in it counts.
    fn read(&mut self, file: &str) -> Result<bool, RathenaError> {
        let path = self.root.join(file);
        let failed = |source| RathenaError::Read { path: path.clone(), source };
        let real = path.canonicalize().map_err(failed)?;
        let text = read_text(&path, MAX_FILE)?;
        if text.lines().next().is_some_and(|line| line.trim_end() == MARK) {
            return Ok(false);
        }
        self.open.push((file.to_owned(), real));
        file.clone_into(&mut self.conf.last_file);
        for (line, text) in (1..).zip(text.lines()) {
            let Some((key, value)) = split(text, self.dialect) else { continue };
            let place = Place { file: file.to_owned(), line };
            if key.eq_ignore_ascii_case("import") {
                self.import(place, value)?;
            } else if self.conf.settings.len() < MAX_SETTINGS {
                file.clone_into(&mut self.conf.last_file);
                self.conf.settings.push(Setting { place, key: key.to_ascii_lowercase(), value: value.to_owned() });
            } else {
                return Err(RathenaError::TooMuch { path, max: MAX_SETTINGS, what: "settings" });
            }
        }
        self.open.pop();
        Ok(true)
    }

    fn import(&mut self, place: Place, file: &str) -> Result<(), RathenaError> {
        let real = match self.root.join(file).canonicalize() {
            Ok(real) => real,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.notes.push(Note::at(&place, format!("import: there is no {file}; servers go on without it")));
                return Ok(());
            }
            Err(error) => return wrong(place, format!("{file}: {error}")),
        };
        if let Some(at) = self.open.iter().position(|(_, open)| *open == real) {
            let circle = self.open.iter().skip(at).map(|(file, _)| file.as_str());
            let circle = circle.chain([file]).collect::<Vec<_>>().join(" -> ");
            return wrong(place, format!("a circle, which no server ever finishes: {circle}"));
        }
        if self.open.len() >= MAX_DEPTH {
            return wrong(place, format!("more than {MAX_DEPTH} files import each other"));
        }
        if !self.read(file)? {
            self.conf.marked.push(place);
        }
        Ok(())
    }
}

fn wrong(place: Place, message: String) -> Result<(), RathenaError> {
    Err(RathenaError::Values { problems: vec![Problem { place, key: "import".to_owned(), message }] })
}

/// Key and value of a line.
fn split(line: &str, dialect: Dialect) -> Option<(&str, &str)> {
    /// The servers have no room for longer keys, and pass over the line (`%31[^:]`, map.cpp).
    const MAX_KEY: usize = 31;
    if line.starts_with("//") {
        return None;
    }
    let line = match dialect {
        Dialect::Map => line.split("//").next().unwrap_or_default(),
        Dialect::Plain => line,
    };
    let (key, value) = line.split_once(':')?;
    let value = value.trim_start();
    let value = match dialect {
        Dialect::Map => value.split('\t').next().unwrap_or_default().trim_end_matches(' '),
        Dialect::Plain => value,
    };
    let fits = !key.is_empty() && (dialect == Dialect::Plain || key.len() <= MAX_KEY);
    (fits && !value.is_empty()).then_some((key, value))
}

/// The text of a file; bytes that are no UTF-8 are replaced.
pub(super) fn read_text(path: &Path, max: usize) -> Result<String, RathenaError> {
    Ok(String::from_utf8_lossy(&read_bytes(path, max)?).into_owned())
}

/// The bytes of a file.
pub(super) fn read_bytes(path: &Path, max: usize) -> Result<Vec<u8>, RathenaError> {
    let failed = |source| RathenaError::Read { path: path.to_owned(), source };
    let len = std::fs::metadata(path).map_err(failed)?.len();
    if usize::try_from(len).map_or(true, |len| len > max) {
        return Err(RathenaError::TooMuch { path: path.to_owned(), max, what: "bytes" });
    }
    std::fs::read(path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::super::tests::tree::folder;
    use super::*;

    fn settings(text: &str, dialect: Dialect) -> Vec<(String, String)> {
        let folder = folder(&[("a.conf", text)]);
        let conf = read(folder.path(), "a.conf", dialect, &mut Vec::new()).expect("readable");
        conf.settings.into_iter().map(|setting| (setting.key, setting.value)).collect()
    }

    fn refused(files: &[(&str, &str)]) -> String {
        let folder = folder(files);
        let error = read(folder.path(), "a.conf", Dialect::Map, &mut Vec::new()).expect_err("refused").to_string();
        error.replace(&*folder.path().to_string_lossy(), "DIR")
    }

    #[test]
    fn lines_are_cut_as_each_server_cuts_them() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let text = "// userid: no\nUserID: s1 // the user  \r\npasswd:p 1  \nmap_port:\n no colon\n:none\nmap: a\tb\n";
        let map = [pair("userid", "s1"), pair("passwd", "p 1"), pair("map", "a")];
        assert_eq!(settings(text, Dialect::Map), map);
        let plain = [pair("userid", "s1 // the user  "), pair("passwd", "p 1  "), pair("map", "a\tb")];
        assert_eq!(settings(text, Dialect::Plain), plain);
        let long = "an_absurdly_long_key_of_32_letters_: 1\n";
        assert_eq!(settings(long, Dialect::Map), [], "sscanf reads no longer keys there");
    }

    #[test]
    fn imports_are_read_in_place_and_what_comes_later_counts() {
        let files =
            [("a.conf", "port: 1\nimport: b/c.txt\nimport: none.txt\n"), ("b/c.txt", "// mine\nport: 2\n\nport: 3\n")];
        let (folder, mut notes) = (folder(&files), Vec::new());
        let conf = read(folder.path(), "a.conf", Dialect::Map, &mut notes).expect("readable");
        let last = conf.last("port").expect("set");
        assert_eq!((last.value.as_str(), last.place.to_string().as_str()), ("3", "b/c.txt:4"));
        assert_eq!(conf.last_file, "b/c.txt", "a line at its end is read last");
        let said: Vec<_> = notes.iter().map(ToString::to_string).collect();
        assert_eq!(said, ["a.conf:3: import: there is no none.txt; servers go on without it"]);
    }

    #[test]
    fn a_file_of_ours_does_not_count_and_is_not_where_to_add() {
        let marked = format!("{MARK}\ndelmap: a\n");
        let files = [("a.conf", "map: a\nimport: b.txt\n"), ("b.txt", "import: c.txt\n"), ("c.txt", marked.as_str())];
        let folder = folder(&files);
        let conf = read(folder.path(), "a.conf", Dialect::Map, &mut Vec::new()).expect("readable");
        assert_eq!(conf.settings.len(), 1);
        assert_eq!(conf.last_file, "b.txt");
        assert_eq!(conf.marked.iter().map(ToString::to_string).collect::<Vec<_>>(), ["b.txt:1"]);
    }

    #[test]
    fn circles_missing_files_and_endless_imports_are_refused_with_their_line() {
        let said = refused(&[("a.conf", "x: 1\nimport: b.txt\n"), ("b.txt", "import: ./a.conf\n")]);
        assert_eq!(said, "b.txt:1: import: a circle, which no server ever finishes: a.conf -> b.txt -> ./a.conf");
        let said = refused(&[("a.conf", "import: a.conf\n")]);
        assert_eq!(said, "a.conf:1: import: a circle, which no server ever finishes: a.conf -> a.conf");
        let said = refused(&[("b.conf", "")]);
        assert!(said.starts_with("DIR/a.conf: No such file"), "{said}");
        let chain: Vec<_> = (0..20).map(|at| (format!("{at}.txt"), format!("import: {}.txt\n", at + 1))).collect();
        let mut files = vec![("a.conf", "import: 0.txt\n")];
        files.extend(chain.iter().map(|(name, text)| (name.as_str(), text.as_str())));
        files.push(("20.txt", ""));
        assert_eq!(refused(&files), "14.txt:1: import: more than 16 files import each other");
    }
}
