//! Everything that the scripts of a realm put on its maps: which files are loaded, and what is in them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bifrost_protocol::ids::MapName;
use bifrost_world::formats::warps;

use super::body::{self, Uses};
use super::conf::{self, Dialect, Setting};
use super::problem::{Note, Place, RathenaError};
use super::script::{self, Kind};

/// Most script files. rAthena loads 520.
const MAX_FILES: usize = 20_000;
/// Most statements in all of them. rAthena's have 30,000.
const MAX_STATEMENTS: usize = 2_000_000;

/// What the scripts put on maps.
#[derive(Debug, Default)]
pub(super) struct Npcs {
    /// Monsters that come back, a map: how many live there at once.
    pub(super) spawns: BTreeMap<MapName, u64>,
    /// The flags that are set on a map.
    pub(super) flags: BTreeMap<MapName, BTreeSet<String>>,
    /// Warps from map to map: how many.
    pub(super) warps: BTreeMap<(MapName, MapName), usize>,
    /// Files with warps, and the maps they start on.
    pub(super) warp_files: BTreeMap<String, BTreeSet<MapName>>,
    /// Scripts with bodies, and deaths of monsters that run one.
    pub(super) scripts: Vec<Script>,
    /// Functions by name.
    pub(super) functions: BTreeMap<String, Uses>,
    /// Where NPCs of a name stand; `None` is nowhere.
    pub(super) named: BTreeMap<String, BTreeSet<Option<MapName>>>,
    /// Where the duplicates of an NPC stand, by the NPC's name.
    pub(super) duplicates: BTreeMap<String, BTreeSet<Option<MapName>>>,
}

/// A script and what it uses.
#[derive(Debug)]
pub(super) struct Script {
    /// Where it stands; `None` is nowhere: a controller.
    pub(super) map: Option<MapName>,
    /// Its name.
    pub(super) name: String,
    /// Its line.
    pub(super) place: Place,
    /// What it uses.
    pub(super) uses: Uses,
}

/// Reads the scripts that the map-server loads: what its own configuration says, then the lists of its kind.
///
/// # Errors
/// A list cannot be read, or there is more than any rAthena has. A script that is not there or broken is noted: servers go
/// on without it.
pub(super) fn read(
    root: &Path,
    configured: &[Setting],
    renewal: bool,
    notes: &mut Vec<Note>,
) -> Result<Npcs, RathenaError> {
    let mut npcs = Npcs::default();
    each(root, configured, renewal, notes, |file, bytes, notes| npcs.add(file, bytes, notes))?;
    Ok(npcs)
}

/// Hands over each script that the map-server loads, in order; `take` says how many statements it has.
///
/// # Errors
/// As [`read`].
pub(super) fn each(
    root: &Path,
    configured: &[Setting],
    renewal: bool,
    notes: &mut Vec<Note>,
    mut take: impl FnMut(&str, &[u8], &mut Vec<Note>) -> usize,
) -> Result<(), RathenaError> {
    let list = if renewal { "npc/re/scripts_main.conf" } else { "npc/pre-re/scripts_main.conf" };
    let listed = conf::read(root, list, Dialect::Map, notes)?;
    let files = files(root, configured.iter().chain(&listed.settings), notes);
    if files.len() > MAX_FILES {
        return Err(RathenaError::TooMuch { path: root.join(list), max: MAX_FILES, what: "scripts" });
    }
    let mut statements = 0;
    for (file, path) in files {
        let bytes = match conf::read_bytes(&path, warps::MAX_FILE) {
            Ok(bytes) => bytes,
            Err(error) => {
                notes.push(Note::general(format!("{file} is not read: {error}")));
                continue;
            }
        };
        statements += take(&file, &bytes, notes);
        if statements > MAX_STATEMENTS {
            return Err(RathenaError::TooMuch { path, max: MAX_STATEMENTS, what: "statements in all scripts" });
        }
    }
    Ok(())
}

/// The files to load, in order, each once (`npc_addsrcfile`, `npc_delsrcfile`, npc.cpp).
fn files<'a>(
    root: &Path,
    settings: impl Iterator<Item = &'a Setting>,
    notes: &mut Vec<Note>,
) -> Vec<(String, PathBuf)> {
    let mut files: Vec<(String, PathBuf)> = Vec::new();
    let mut known = BTreeSet::new();
    for setting in settings {
        let (file, path) = (setting.value.clone(), root.join(&setting.value));
        match setting.key.as_str() {
            "npc" if file.eq_ignore_ascii_case("clear") => {
                files.clear();
                known.clear();
            }
            "delnpc" if file.eq_ignore_ascii_case("all") => {
                files.clear();
                known.clear();
            }
            "npc" if !path.is_file() => {
                notes.push(Note::at(&setting.place, format!("npc: there is no {file}; servers go on without it")));
            }
            "npc" if known.insert(file.clone()) => files.push((file, path)),
            "delnpc" if known.remove(&file) => files.retain(|(listed, _)| *listed != file),
            _ => {}
        }
    }
    files
}

impl Npcs {
    /// Takes in a file; says how many statements it has.
    fn add(&mut self, file: &str, bytes: &[u8], notes: &mut Vec<Note>) -> usize {
        let (statements, broken) = script::statements(bytes);
        if let Some(broken) = broken {
            let place = Place { file: file.to_owned(), line: broken.line };
            notes.push(Note::at(&place, format!("{}; servers read this file only up to here", broken.problem)));
        }
        match warps::parse(bytes) {
            Ok(found) => self.add_warps(file, found),
            Err(_) if broken.is_some() => {}
            Err(error) => {
                let place = Place { file: file.to_owned(), line: error.line };
                notes.push(Note::at(&place, format!("{}; none of the file's warps is used", error.problem)));
            }
        }
        let count = statements.len();
        for statement in statements {
            let place = Place { file: file.to_owned(), line: statement.line };
            self.add_statement(statement.kind, place, bytes);
        }
        count
    }

    fn add_warps(&mut self, file: &str, found: Vec<warps::ScriptedWarp>) {
        for warp in found {
            let (Ok(from), Ok(to)) = (MapName::new(&warp.warp.map), MapName::new(&warp.warp.to_map)) else { continue };
            self.warp_files.entry(file.to_owned()).or_default().insert(from.clone());
            *self.warps.entry((from, to)).or_default() += 1;
        }
    }

    fn add_statement(&mut self, kind: Kind, place: Place, bytes: &[u8]) {
        let mut name_it = |name: &str, map: &Option<MapName>| {
            self.named.entry(name.to_owned()).or_default().insert(map.clone());
        };
        match kind {
            Kind::Npc { map, name, body } => {
                name_it(&name, &map);
                let uses = body::uses(bytes.get(body).unwrap_or_default());
                self.scripts.push(Script { map, name, place, uses });
            }
            Kind::Function { name, body } => {
                self.functions.insert(name, body::uses(bytes.get(body).unwrap_or_default()));
            }
            Kind::Duplicate { map, name, of } => {
                name_it(&name, &map);
                self.duplicates.entry(of).or_default().insert(map);
            }
            Kind::Spawn { map, amount, event, .. } => {
                let npc = event.as_deref().and_then(|event| event.split("::").next()).map(str::to_owned);
                if let Some(npc) = npc {
                    let uses = Uses { npcs: BTreeSet::from([npc]), ..Uses::default() };
                    self.scripts.push(Script { map: Some(map.clone()), name: "monsters".to_owned(), place, uses });
                }
                let alive = self.spawns.entry(map).or_default();
                *alive = alive.saturating_add(amount.into());
            }
            Kind::Flag { map, flag, on: true, .. } => {
                self.flags.entry(map).or_default().insert(flag);
            }
            Kind::Flag { map, flag, on: false, .. } => {
                self.flags.entry(map).or_default().remove(&flag);
            }
            Kind::Warp { map, name } => name_it(&name, &Some(map)),
            Kind::Shop { map, name, .. } | Kind::Other { map, name } => name_it(&name, &map),
        }
    }
}
