//! A folder with what a map-server needs, whose map-server is the puppet, and a realm whose fields stock engines carry.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, Result};
use bifrost_protocol::ids::MapName;
use bifrost_world::cells::Cells;
use bifrost_world::formats::map_cache;
use tempfile::TempDir;
use toml::{Table, Value};

use super::{Program, Settings};

/// The width and height of every map.
const SIDE: u16 = 20;

/// A folder as rAthena's, with the puppet as its map-server. Gone when dropped.
#[derive(Debug)]
pub struct ServerFolder(TempDir);

impl ServerFolder {
    /// With these maps, all of them open ground, and these lines in `conf/puppet.conf`.
    ///
    /// # Errors
    /// It cannot be written, or the puppet has not been built.
    pub fn new(maps: &[&str], lines: &[&str]) -> Result<Self> {
        let folder = Self(tempfile::tempdir()?);
        let side = usize::from(SIDE);
        let mut cache = BTreeMap::new();
        for map in maps {
            let cells = Cells::new(SIDE, SIDE, vec![0; side * side]).context("a map")?;
            cache.insert(MapName::new(map)?, cells);
        }
        let index: String = maps.iter().enumerate().map(|(number, map)| format!("{map}\t{}\n", number + 1)).collect();
        let list: String = maps.iter().map(|map| format!("map: {map}\n")).collect();
        let puppet: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let main = "import: conf/maps_athena.conf\nimport: conf/import/map_conf.txt\n";
        folder.put("conf/map_athena.conf", main)?;
        folder.put("conf/maps_athena.conf", list)?;
        folder.put("conf/puppet.conf", puppet)?;
        folder.put("db/map_cache.dat", map_cache::write(&cache))?;
        folder.put("db/map_index.txt", index)?;
        folder.put("db/import/map_index.txt", "")?;
        folder.put("conf/inter_athena.conf", "")?;
        folder.put("npc/pre-re/scripts_main.conf", "")?;
        let program = folder.0.path().join("map-server");
        std::fs::copy(Program::Puppet.path()?, &program)?;
        std::fs::set_permissions(program, PermissionsExt::from_mode(0o755))?;
        Ok(folder)
    }

    /// Writes a file in it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn put(&self, path: &str, bytes: impl AsRef<[u8]>) -> Result<()> {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().context("a parent")?)?;
        Ok(std::fs::write(path, bytes)?)
    }

    /// A path in it; itself when empty.
    #[must_use]
    pub fn path(&self, path: &str) -> String {
        self.0.path().join(path).display().to_string()
    }

    /// A realm with these groups of its maps, carried by stock engines. Characters begin on the first map of the first.
    #[must_use]
    pub fn settings(&self, groups: &[(&str, &[&str])]) -> Settings {
        let mut settings = Settings::default();
        settings.set("maps.cache", vec![Value::from(self.path("db/map_cache.dat"))]);
        settings.set("maps.index", self.path("db/map_index.txt"));
        settings.set("engine.kind", "rathena");
        let table = |(name, maps): &(&str, &[&str])| {
            let maps: Vec<Value> = maps.iter().map(|map| Value::from(*map)).collect();
            let keys = [("name", Value::from(*name)), ("class", "eligible".into()), ("maps", maps.into())];
            Value::Table(Table::from_iter(keys.map(|(key, value)| (key.to_owned(), value))))
        };
        settings.set("groups", groups.iter().map(table).collect::<Vec<_>>());
        if let Some(map) = groups.first().and_then(|(_, maps)| maps.first()) {
            settings.set("realm.start.map", *map).set("realm.start.x", 5).set("realm.start.y", 5);
        }
        settings
    }
}
