//! Which maps are played on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use bifrost_protocol::ids::{MapName, MapPoint};
use bifrost_world::builtin;
use serde::Deserialize;
use toml::{Table, Value};

use super::Options;
use crate::atlas::Atlas;
use crate::harness::Settings;
use crate::player::Place;

/// The groups for rAthena's maps, unless the operator brings others.
const GROUPS: &str = include_str!("groups.toml");

/// Maps farther than this from the start are not walked to: a cell takes about 150 ms.
const MAX_WALK: usize = 250;

/// The maps, and where players go on them.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) atlas: Arc<Atlas>,
    /// Maps to spread players over, the ones of player hosts first.
    pub(super) homes: Vec<String>,
    files: Option<Files>,
}

/// rAthena's files and the groups made of them.
#[derive(Debug)]
struct Files {
    caches: Vec<PathBuf>,
    index: Option<PathBuf>,
    warps: Vec<PathBuf>,
    groups: Groups,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Groups {
    start: MapPoint,
    groups: Vec<Group>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    class: String,
    maps: Vec<MapName>,
}

impl Ground {
    pub(super) fn choose(options: &Options) -> Result<Self> {
        if options.map_cache.is_empty() {
            let (map, spot) = builtin::START;
            let maps = |critical| {
                let groups = builtin::GROUPS.iter().filter(move |group| group.critical == critical);
                groups.flat_map(|group| group.maps).map(|map| (*map).to_owned())
            };
            let maps = maps(false).chain(maps(true)).collect();
            return Self::new(Atlas::builtin()?, &Place::new(map, spot.x, spot.y), maps, None);
        }
        let groups = read_groups(options.groups.as_deref())?;
        let caches = with_overlays(absolute(&options.map_cache)?);
        let warps = absolute(&options.warps)?;
        let all: Vec<MapName> = groups.groups.iter().flat_map(|group| group.maps.clone()).collect();
        let atlas = Atlas::rathena(&all, &caches, &warps)?;
        let start = Place::new(groups.start.map.as_str(), groups.start.x, groups.start.y);
        let of_class = |class: &str| {
            let groups = groups.groups.iter().filter(|group| group.class == class).collect::<Vec<_>>();
            groups.into_iter().flat_map(|group| &group.maps).map(ToString::to_string).collect::<Vec<_>>()
        };
        let maps = [of_class("eligible"), of_class("critical")].concat();
        let index = absolute(options.map_index.as_slice())?.pop();
        Self::new(atlas, &start, maps, Some(Files { caches, index, warps, groups }))
    }

    fn new(atlas: Atlas, start: &Place, maps: Vec<String>, files: Option<Files>) -> Result<Self> {
        let near = |map: &String| atlas.distance(start, map).is_some_and(|cells| cells <= MAX_WALK);
        let homes: Vec<String> = maps.into_iter().filter(near).collect();
        ensure!(!homes.is_empty(), "no map can be walked to from {start}");
        Ok(Self { atlas: Arc::new(atlas), homes, files })
    }

    /// The part of the coordinator's configuration that is about maps.
    pub(super) fn configure(&self, settings: &mut Settings) {
        let Some(files) = &self.files else { return };
        let paths = |paths: &[PathBuf]| -> Vec<Value> { paths.iter().map(|path| text(path).into()).collect() };
        settings.set("maps.cache", paths(&files.caches)).set("maps.warps", paths(&files.warps));
        if let Some(index) = &files.index {
            settings.set("maps.index", text(index));
        }
        let start = &files.groups.start;
        settings.set("realm.start.map", start.map.as_str());
        settings.set("realm.start.x", i64::from(start.x)).set("realm.start.y", i64::from(start.y));
        let groups = files.groups.groups.iter().map(|group| {
            let maps: Vec<Value> = group.maps.iter().map(|map| map.as_str().into()).collect();
            let pairs = [("name", Value::from(group.name.as_str())), ("class", group.class.as_str().into())];
            let pairs = pairs.into_iter().chain([("maps", maps.into())]);
            Value::Table(Table::from_iter(pairs.map(|(key, value)| (key.to_owned(), value))))
        });
        settings.set("groups", groups.collect::<Vec<_>>());
    }
}

fn read_groups(file: Option<&Path>) -> Result<Groups> {
    let Some(path) = file else { return Ok(toml::from_str(GROUPS)?) };
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    toml::from_str(&text).with_context(|| path.display().to_string())
}

/// rAthena looks into `pre-re/map_cache.dat` beside its `map_cache.dat` first: some maps, Prontera among them, stand only there.
fn with_overlays(caches: Vec<PathBuf>) -> Vec<PathBuf> {
    let overlay = |cache: &PathBuf| {
        let overlay = cache.parent()?.join("pre-re").join(cache.file_name()?);
        (overlay.is_file() && !caches.contains(&overlay)).then_some(overlay)
    };
    let overlays: Vec<_> = caches.iter().filter_map(overlay).collect();
    [overlays, caches].concat()
}

/// The coordinator runs in a folder of its own.
fn absolute(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    paths.iter().map(|path| std::path::absolute(path).context("making a path absolute")).collect()
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
