//! Which scripts an engine loads: those of its maps, and what these need.
//!
//! The operator's own list (`npc/*/scripts_main.conf` with its imports) says which files count. Each file is cut into its
//! objects, and the engine gets a copy that holds only
//!
//! 1. objects that stand on its maps: monsters, warps, shops, scripts, duplicates, map flags;
//! 2. functions;
//! 3. what the objects of 1 are duplicates of, wherever it stands: off its own map, it stands on none;
//! 4. scripts and shops that stand on no map and are named in a text of what is loaded (`"Name"` or `"Name::OnEvent"`), or
//!    that only answer to what a player does (`OnPC..Event`, `OnNPCKillEvent`).
//!
//! Scripts of 3 and 4 that run by the realm's clock or wars (`OnClock0600`, `OnHour..`, `OnAgitStart`, `OnInterIfInit` and
//! their like) are left out whatever names them: they would run once on every host. Those of 1 stay: their map is nowhere
//! else. Lines keep their numbers, so that a map-server's complaints point into the operator's files.

mod list;
mod object;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::path::{Path, PathBuf};

use tracing::debug;

use object::{Kind, Object, objects};

/// A file with what an engine loads of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Cut {
    /// Below the bundle's folder.
    pub(super) path: PathBuf,
    /// Its text: every line is empty or as it was.
    pub(super) text: Vec<u8>,
}

/// Cuts the files of a list, in its order; those of which nothing is left are left out.
pub(super) fn select(sources: &[(PathBuf, Vec<u8>)], maps: &BTreeSet<&str>) -> Vec<Cut> {
    let files: Vec<Vec<Object<'_>>> = sources.iter().map(|(path, text)| cut(path, text)).collect();
    let all: Vec<&Object<'_>> = files.iter().flatten().collect();
    let kept = keep(&all, maps);
    let mut number = 0;
    let mut cuts = Vec::new();
    for ((path, text), objects) in sources.iter().zip(&files) {
        let numbered = objects.iter().enumerate().map(|(index, object)| (number + index, object));
        let of_file: Vec<&Object<'_>> =
            numbered.filter(|(number, _)| kept.contains(number)).map(|(_, object)| object).collect();
        number += objects.len();
        if !of_file.is_empty() {
            cuts.push(Cut { path: path.clone(), text: without_others(text, &of_file, maps) });
        }
    }
    cuts
}

fn cut<'a>(path: &Path, text: &'a [u8]) -> Vec<Object<'a>> {
    let (objects, problem) = objects(text);
    if let Some(line) = problem {
        // The map-server stops at the same place.
        debug!(path = %path.display(), line, "a script file is broken from here on");
    }
    objects
}

/// Numbers of the objects that an engine loads.
fn keep(all: &[&Object<'_>], maps: &BTreeSet<&str>) -> BTreeSet<usize> {
    let mut names: HashMap<&[u8], usize> = HashMap::new();
    for (number, object) in all.iter().enumerate() {
        if !matches!(object.kind, Kind::Function | Kind::Flag | Kind::Monster) {
            names.entry(object.name).or_insert(number);
        }
    }
    let mut kept = BTreeSet::new();
    let mut open: VecDeque<usize> = (0..all.len()).filter(|number| stands_here(all[*number], maps)).collect();
    while let Some(number) = open.pop_front() {
        let object = all[number];
        let source = object.source().map(|name| names.get(name));
        match source {
            // Without what it is a copy of it cannot be made.
            Some(None) => continue,
            Some(Some(source)) if !may_be_anywhere(all[*source], maps) => continue,
            Some(Some(source)) => open.push_back(*source),
            None => {}
        }
        if kept.insert(number) {
            let named = object.named().into_iter().filter_map(|name| names.get(name)).copied();
            open.extend(named.filter(|number| all[*number].map.is_none() && may_be_anywhere(all[*number], maps)));
        }
    }
    kept
}

/// Whether an object is loaded for its own sake.
fn stands_here(object: &Object<'_>, maps: &BTreeSet<&str>) -> bool {
    match (object.kind, object.map) {
        (Kind::Function, _) => true,
        (_, Some(map)) => maps.contains(map),
        (Kind::Script, None) => object.answers_players_only(),
        (Kind::Shop | Kind::Warp | Kind::Duplicate | Kind::Monster | Kind::Flag, None) => false,
    }
}

/// Whether an object may be loaded although its map is not: it runs only when something of the engine's maps wants it to.
fn may_be_anywhere(object: &Object<'_>, maps: &BTreeSet<&str>) -> bool {
    let here = object.map.is_some_and(|map| maps.contains(map));
    here || (!object.runs_by_the_realm() && object.kind != Kind::Warp)
}

/// A text in which only these objects are left, at their lines. One whose map is not here stands on none.
fn without_others(text: &[u8], kept: &[&Object<'_>], maps: &BTreeSet<&str>) -> Vec<u8> {
    let mut made = Vec::new();
    let mut end = 0;
    for object in kept {
        made.extend(text[end..object.start].iter().filter(|byte| **byte == b'\n'));
        match object.map {
            Some(map) if !maps.contains(map) => {
                made.push(b'-');
                made.extend_from_slice(&text[object.place_end..object.end]);
            }
            Some(_) | None => made.extend_from_slice(&text[object.start..object.end]),
        }
        end = object.end;
    }
    made.push(b'\n');
    made
}

/// The list that makes a map-server load exactly these files.
pub(super) fn script_list(cuts: &[Cut]) -> String {
    let mut text = String::from("delnpc: all\n");
    for cut in cuts {
        text += &format!("npc: {}\n", slashed(&cut.path));
    }
    text
}

/// A path as configuration files write it.
fn slashed(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

/// Reads the files of a bundle's list. Those that are missing are left out, as a map-server does.
pub(super) fn read(bundle: &Path, list: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let text = |path: &Path| std::fs::read(bundle.join(path)).ok();
    list::files(list, &text)
        .into_iter()
        .filter_map(|path| Some((text(&path)?, path)))
        .map(|(text, path)| (path, text))
        .collect()
}

#[cfg(test)]
mod tests;
