//! The settings, from the files a map-server reads: `key: value` lines, the last one of a key counts, `import` goes elsewhere.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;
use std::time::Duration;

use super::fault::Fault;

/// The file with what only a puppet knows.
const OWN: &str = "conf/puppet.conf";
/// How deep files import each other.
const MAX_DEPTH: u8 = 8;

/// A cell of a map.
pub(super) type Cell = (String, u16, u16);

/// All a puppet has to know.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) user: String,
    pub(super) password: String,
    pub(super) char_server: SocketAddrV4,
    /// What it tells the char-server, and where it listens.
    pub(super) public: SocketAddrV4,
    pub(super) listen: SocketAddrV4,
    pub(super) maps: Vec<String>,
    pub(super) autosave: Duration,
    /// From the loss of the char-server to the next try.
    pub(super) reconnect: Duration,
    pub(super) warps: BTreeMap<Cell, Cell>,
    pub(super) faults: Vec<Fault>,
}

#[derive(Default)]
struct Lines {
    last: BTreeMap<String, String>,
    maps: Vec<String>,
    warps: Vec<String>,
    faults: Vec<String>,
}

impl Settings {
    /// Reads the files of the current folder.
    pub(super) fn read() -> Result<Self, String> {
        let mut lines = Lines::default();
        lines.follow(Path::new("conf/map_athena.conf"), 0)?;
        if Path::new(OWN).exists() {
            lines.follow(Path::new(OWN), 0)?;
        }
        for needed in ["db", "npc/pre-re/scripts_main.conf", "conf/import/inter_conf.txt"] {
            if !Path::new(needed).exists() {
                return Err(format!("File not found: {needed}"));
            }
        }
        let port = |key| lines.number::<u16>(key);
        let public = SocketAddrV4::new(lines.number("map_ip")?, port("map_port")?);
        let bind = lines.last.get("bind_ip").map_or(Ok(Ipv4Addr::UNSPECIFIED), |_| lines.number("bind_ip"))?;
        let millis = lines.last.get("reconnect_ms").map_or(Ok(1_000), |_| lines.number("reconnect_ms"))?;
        Ok(Self {
            user: lines.text("userid")?,
            password: lines.text("passwd")?,
            char_server: SocketAddrV4::new(lines.number("char_ip")?, port("char_port")?),
            public,
            listen: SocketAddrV4::new(bind, public.port()),
            maps: lines.maps.clone(),
            autosave: Duration::from_secs(lines.number("autosave_time")?),
            reconnect: Duration::from_millis(millis),
            warps: lines.warps.iter().map(|line| warp(line)).collect::<Result<_, _>>()?,
            faults: lines.faults.iter().map(|line| line.parse()).collect::<Result<_, _>>()?,
        })
    }
}

impl Lines {
    fn follow(&mut self, path: &Path, depth: u8) -> Result<(), String> {
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        for line in text.lines().filter(|line| !line.starts_with("//")) {
            let Some((key, value)) = line.split_once(": ") else { continue };
            match (key, value.trim()) {
                ("import", file) if depth < MAX_DEPTH => {
                    if Path::new(file).exists() {
                        self.follow(Path::new(file), depth + 1)?;
                    }
                }
                ("map", map) => self.maps.push(map.to_owned()),
                ("delmap", "all") => self.maps.clear(),
                ("warp", line) => self.warps.push(line.to_owned()),
                ("fault", line) => self.faults.push(line.to_owned()),
                (key, value) => drop(self.last.insert(key.to_owned(), value.to_owned())),
            }
        }
        Ok(())
    }

    fn text(&self, key: &str) -> Result<String, String> {
        self.last.get(key).cloned().ok_or_else(|| format!("{key} is not set"))
    }

    fn number<T: std::str::FromStr>(&self, key: &str) -> Result<T, String> {
        self.text(key)?.parse().map_err(|_| format!("{key} is not what it has to be"))
    }
}

/// `map,x,y map,x,y`.
fn warp(line: &str) -> Result<(Cell, Cell), String> {
    let cell = |text: &str| {
        let mut parts = text.split(',');
        let map = parts.next()?.to_owned();
        Some((map, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    };
    let mut cells = line.split_whitespace().map(cell);
    match (cells.next().flatten(), cells.next().flatten()) {
        (Some(from), Some(to)) => Ok((from, to)),
        _ => Err(format!("{line}: is no warp")),
    }
}
