//! Looks through a map-server's folder for what goes into a bundle. Follows no link to a folder and none out of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bifrost_protocol::bundle::{MAX_FILES, check_path};
use bifrost_protocol::layout::Abi;

use super::error::BundleError;
use super::rules::{Reason, Rule, Rules, Treatment, named};

/// How deep folders may lie in each other.
const MAX_DEPTH: usize = 16;
/// The largest list of scripts read, in bytes.
const MAX_LIST: u64 = 4 << 20;
/// Files that have to be there for a map-server to start.
const NEEDED: [&str; 4] =
    ["conf/map_athena.conf", "conf/inter_athena.conf", "db/map_index.txt", "db/import/map_index.txt"];

/// A file that goes along.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Item {
    /// Where it is.
    pub(super) source: PathBuf,
    /// How it goes along.
    pub(super) treatment: Treatment,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Collected {
    /// What goes along, by its path in the bundle.
    pub(super) items: BTreeMap<String, Item>,
    /// What stays, and why.
    pub(super) left: BTreeMap<Reason, BTreeSet<String>>,
}

/// Everything in a folder: paths below it with where they really are, or why they cannot go along.
type Found = BTreeMap<String, Result<PathBuf, Reason>>;

/// Looks through `root`, which is absolute and no link.
pub(super) fn collect(root: &Path, abi: Abi, renewal: bool) -> Result<Collected, BundleError> {
    let mut rules = Rules { abi, renewal, named: BTreeSet::new() };
    let mut found = Found::new();
    find_beside(root, &mut found)?;
    for folder in rules.folders() {
        find(root, &root.join(folder), 1, &mut found)?;
    }
    name_all(&mut rules, &found)?;
    let mut collected = Collected::default();
    for (path, source) in found {
        let reason = match (source, rules.rule(&path)) {
            (Ok(source), Rule::Take(treatment)) => {
                collected.items.insert(path, Item { source, treatment });
                continue;
            }
            (Err(reason), _) | (Ok(_), Rule::Leave(reason)) => reason,
        };
        // Whatever else lies beside the program (sources, the other servers) was never meant.
        if path.contains('/') {
            collected.left.entry(reason).or_default().insert(path);
        }
    }
    check(root, abi, &collected)?;
    Ok(collected)
}

/// The files beside the program.
fn find_beside(root: &Path, found: &mut Found) -> Result<(), BundleError> {
    for path in entries(root)? {
        if !path.is_dir() {
            let (path, source) = look(root, &path)?;
            found.insert(path, source);
        }
    }
    Ok(())
}

/// All files below a folder. One that is not there has none.
fn find(root: &Path, folder: &Path, depth: usize, found: &mut Found) -> Result<(), BundleError> {
    let kind = match std::fs::symlink_metadata(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        kind => kind.map_err(BundleError::file(folder))?,
    };
    if kind.is_symlink() {
        let (path, _) = look(root, folder)?;
        found.insert(format!("{path}/"), Err(Reason::Link));
        return Ok(());
    }
    if depth > MAX_DEPTH {
        let text = format!("{}: more than {MAX_DEPTH} folders in each other", folder.display());
        return Err(BundleError::Unfit(text));
    }
    for path in entries(folder)? {
        let kind = std::fs::symlink_metadata(&path).map_err(BundleError::file(&path))?;
        if kind.is_dir() || (kind.is_symlink() && path.is_dir()) {
            find(root, &path, depth + 1, found)?;
        } else {
            let (path, source) = look(root, &path)?;
            found.insert(path, source);
        }
        if found.len() as u64 > MAX_FILES {
            return Err(BundleError::Unfit(format!("{}: more than {MAX_FILES} files", root.display())));
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, BundleError> {
    let listed = std::fs::read_dir(folder).map_err(BundleError::file(folder))?;
    listed.map(|entry| entry.map(|entry| entry.path()).map_err(BundleError::file(folder))).collect()
}

/// A file's path in the bundle and where it really is, or why it cannot go along.
fn look(root: &Path, path: &Path) -> Result<(String, Result<PathBuf, Reason>), BundleError> {
    let below = path.strip_prefix(root).unwrap_or(path);
    let names: Vec<_> = below.iter().map(|name| name.to_string_lossy()).collect();
    let name = names.join("/");
    if below.to_str().is_none() || check_path(&name).is_err() {
        return Ok((name, Err(Reason::Name)));
    }
    let real = match std::fs::canonicalize(path) {
        // A link to nowhere.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((name, Err(Reason::Link))),
        real => real.map_err(BundleError::file(path))?,
    };
    let inside = real.starts_with(root) && real.is_file();
    Ok((name, if inside { Ok(real) } else { Err(Reason::Link) }))
}

/// Follows all lists of scripts to the files they name.
fn name_all(rules: &mut Rules, found: &Found) -> Result<(), BundleError> {
    let mut read = BTreeSet::new();
    loop {
        let lists: Vec<(&String, &PathBuf)> = found
            .iter()
            .filter_map(|(path, source)| Some((path, source.as_ref().ok()?)))
            .filter(|(path, _)| Rules::is_list(path) && matches!(rules.rule(path), Rule::Take(_)))
            .filter(|(path, _)| read.insert((*path).clone()))
            .collect();
        if lists.is_empty() {
            return Ok(());
        }
        for (path, source) in lists {
            let size = std::fs::metadata(source).map_err(BundleError::file(source))?.len();
            if size > MAX_LIST {
                return Err(BundleError::Unfit(format!(
                    "{path}: has {size} bytes, more than a list of files may have"
                )));
            }
            rules.named.extend(named(&std::fs::read(source).map_err(BundleError::file(source))?));
        }
    }
}

/// Whether it is a map-server's folder, and one that every host can unpack.
fn check(root: &Path, abi: Abi, collected: &Collected) -> Result<(), BundleError> {
    if let Some(missing) = NEEDED.iter().find(|path| !collected.items.contains_key(**path)) {
        let links = collected.left.get(&Reason::Link).into_iter().flatten();
        let linked = links.clone().any(|link| missing.starts_with(link.as_str()));
        let why = if linked {
            "is a link out of the folder; copy it there"
        } else {
            "is missing; is this rAthena's folder, and has it been built?"
        };
        return Err(BundleError::Unfit(format!("{}: {missing} {why}", root.display())));
    }
    if abi == Abi::WindowsX8664 {
        let mut seen = BTreeMap::new();
        for path in collected.items.keys() {
            if let Some(other) = seen.insert(path.to_lowercase(), path) {
                let text = format!("{other} and {path} are one file on Windows; rename one of them");
                return Err(BundleError::Unfit(text));
            }
        }
    }
    Ok(())
}
