//! What rAthena's servers have configured, as far as the fleet has to agree with it.

use std::path::Path;

use bifrost_protocol::ids::MapName;

use super::conf::{self, Conf, Dialect, Setting};
use super::problem::{Note, Place, RathenaError};
use super::values::Values;
use crate::config::nearest;

const MAP_FILE: &str = "conf/map_athena.conf";
const CHAR_FILE: &str = "conf/char_athena.conf";
const LOGIN_FILE: &str = "conf/login_athena.conf";
const INTER_FILE: &str = "conf/inter_athena.conf";
const LOOPBACK: &str = "127.0.0.1";
/// What a map-server knows (`map_config_read`, map.cpp). Another key is a mistake, which it only warns about.
const MAP_KEYS: [&str; 27] = [
    "timestamp_format",
    "stdout_with_ansisequence",
    "console_silent",
    "userid",
    "passwd",
    "char_ip",
    "char_port",
    "map_ip",
    "bind_ip",
    "map_port",
    "map",
    "delmap",
    "npc",
    "delnpc",
    "autosave_time",
    "minsave_time",
    "save_settings",
    "motd_txt",
    "charhelp_txt",
    "channel_conf",
    "db_path",
    "console",
    "enable_spy",
    "use_grf",
    "console_msg_log",
    "console_log_filepath",
    "import",
];

/// All of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Servers {
    /// The operator's own map-server.
    pub map: MapServer,
    /// The char-server.
    pub char_server: CharServer,
    /// The login-server.
    pub login: LoginServer,
    /// The database with the game accounts.
    pub database: Database,
}

/// The operator's own map-server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MapServer {
    /// Its maps, in the order of its list; a map may be there twice.
    pub maps: Vec<(MapName, Place)>,
    /// What `npc:` and `delnpc:` say here, before the script lists are read.
    pub scripts: Vec<Setting>,
    /// Where clients reach it; none: it finds out by itself.
    pub ip: Option<String>,
    /// Its port.
    pub port: u16,
    /// Where it finds the char-server, when it is told.
    pub char_ip: Option<String>,
    /// Where most of its data lies, relative to rAthena's folder.
    pub db_path: String,
    /// The file whose end is read last.
    pub last_file: String,
    /// Where a list of ours is imported already.
    pub imported: Vec<Place>,
}

/// The char-server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CharServer {
    /// What map-servers log in with.
    pub user: String,
    /// Where that is set.
    pub user_place: Place,
    /// Where the password is set; the password itself is not kept.
    pub password_place: Place,
    /// Where it is reached.
    pub ip: String,
    /// Its port.
    pub port: u16,
    /// Maps on which new characters start, or to which strays are brought.
    pub starts: Vec<MapName>,
}

/// The login-server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LoginServer {
    /// Where it is reached.
    pub ip: String,
    /// Its port.
    pub port: u16,
}

/// The database with the game accounts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Database {
    /// Its host.
    pub ip: String,
    /// Its port.
    pub port: u16,
    /// The user.
    pub user: String,
    /// The database's name.
    pub name: String,
    /// Where the password is set, if it is.
    pub password_place: Option<Place>,
}

/// Reads the configuration of all servers below `root`.
///
/// # Errors
/// A file cannot be read, or values that cannot be used: all of them.
pub(super) fn read(root: &Path, renewal: bool, notes: &mut Vec<Note>) -> Result<Servers, RathenaError> {
    let map = conf::read(root, MAP_FILE, Dialect::Map, notes)?;
    let char_server = conf::read(root, CHAR_FILE, Dialect::Plain, notes)?;
    let login = conf::read(root, LOGIN_FILE, Dialect::Plain, notes)?;
    let inter = conf::read(root, INTER_FILE, Dialect::Plain, notes)?;
    let mut values = Values::default();
    let servers = Servers {
        map: map_server(&map, &mut values, notes),
        char_server: char_of(&char_server, &map, renewal, &mut values),
        login: login_of(&login, &char_server, &mut values),
        database: database(&inter, &mut values),
    };
    agree(&map, &char_server, &login, notes);
    let mut problems = values.problems;
    problems.sort();
    // A setting may be asked for by more than one server.
    problems.dedup();
    if problems.is_empty() { Ok(servers) } else { Err(RathenaError::Values { problems }) }
}

fn map_server(conf: &Conf, values: &mut Values, notes: &mut Vec<Note>) -> MapServer {
    for setting in conf.settings.iter().filter(|setting| !MAP_KEYS.contains(&setting.key.as_str())) {
        let meant = nearest(setting.key.trim(), &MAP_KEYS).map(|key| format!(", did you mean `{key}`?"));
        let text = format!("a map-server knows no `{}`{}", setting.key, meant.unwrap_or_default());
        notes.push(Note::at(&setting.place, text));
    }
    if let Some(setting) = conf.last("use_grf").filter(|setting| values.switch(setting)) {
        notes.push(Note::at(&setting.place, "use_grf: hosts have no GRF files; sizes are taken from map_cache.dat"));
    }
    let scripts = |setting: &&Setting| matches!(setting.key.as_str(), "npc" | "delnpc");
    MapServer {
        maps: map_list(conf, values),
        scripts: conf.settings.iter().filter(scripts).cloned().collect(),
        ip: conf.last("map_ip").map(|setting| values.host(setting)),
        port: conf.last("map_port").map_or(5121, |setting| values.port(setting)),
        char_ip: conf.last("char_ip").map(|setting| values.host(setting)),
        db_path: conf.last("db_path").map_or("db", |setting| setting.value.as_str()).to_owned(),
        last_file: conf.last_file.clone(),
        imported: conf.marked.clone(),
    }
}

/// The list of maps as `map_addmap` and `map_delmap` (map.cpp) make it: a `delmap` takes away the first of its name.
fn map_list(conf: &Conf, values: &mut Values) -> Vec<(MapName, Place)> {
    let mut maps: Vec<(MapName, Place)> = Vec::new();
    for setting in &conf.settings {
        let is = |key: &str, word: &str| setting.key == key && setting.value.eq_ignore_ascii_case(word);
        if is("map", "clear") || is("delmap", "all") {
            maps.clear();
        } else if setting.key == "map" {
            maps.extend(values.map(setting, &setting.value).map(|map| (map, setting.place.clone())));
        } else if setting.key == "delmap"
            && let Some(map) = values.map(setting, &setting.value)
            && let Some(at) = maps.iter().position(|(listed, _)| *listed == map)
        {
            maps.remove(at);
        }
    }
    maps
}

fn char_of(conf: &Conf, map: &Conf, renewal: bool, values: &mut Values) -> CharServer {
    let nowhere = Place { file: CHAR_FILE.to_owned(), line: 0 };
    let (user, password) = (values.needed(conf, CHAR_FILE, "userid"), values.needed(conf, CHAR_FILE, "passwd"));
    if let Some(password) = password {
        values.credential(password);
    }
    let place = |setting: Option<&Setting>| setting.map_or_else(|| nowhere.clone(), |setting| setting.place.clone());
    let start = if renewal { "start_point" } else { "start_point_pre" };
    let mut starts = Vec::new();
    for key in [start, "start_point_doram"] {
        starts.extend(conf.last(key).map(|setting| values.points(setting)).unwrap_or_default());
    }
    starts.extend(conf.last("default_map").and_then(|setting| values.map(setting, &setting.value)));
    let ip = map.last("char_ip").or_else(|| conf.last("bind_ip"));
    CharServer {
        user: user.map(|setting| values.credential(setting)).unwrap_or_default(),
        user_place: place(user),
        password_place: place(password),
        ip: ip.map_or_else(|| LOOPBACK.to_owned(), |setting| values.host(setting)),
        port: conf.last("char_port").map_or(6121, |setting| values.port(setting)),
        starts,
    }
}

fn login_of(conf: &Conf, char_server: &Conf, values: &mut Values) -> LoginServer {
    let ip = char_server.last("login_ip").or_else(|| conf.last("bind_ip"));
    LoginServer {
        ip: ip.map_or_else(|| LOOPBACK.to_owned(), |setting| values.host(setting)),
        port: conf.last("login_port").map_or(6900, |setting| values.port(setting)),
    }
}

fn database(conf: &Conf, values: &mut Values) -> Database {
    let text = |key: &str, default: &str| conf.last(key).map_or(default, |setting| setting.value.trim()).to_owned();
    Database {
        ip: conf.last("login_server_ip").map_or_else(|| LOOPBACK.to_owned(), |setting| values.host(setting)),
        port: conf.last("login_server_port").map_or(3306, |setting| values.port(setting)),
        user: text("login_server_id", "ragnarok"),
        name: text("login_server_db", "ragnarok"),
        password_place: conf.last("login_server_pw").map(|setting| setting.place.clone()),
    }
}

/// Notes where the servers do not agree with each other. They would not find each other either.
fn agree(map: &Conf, char_server: &Conf, login: &Conf, notes: &mut Vec<Note>) {
    let pairs = [
        (map, "userid", char_server, "userid", "the char-server takes map-servers in by its own"),
        (map, "passwd", char_server, "passwd", "the char-server takes map-servers in by its own"),
        (map, "char_port", char_server, "char_port", "the char-server listens at"),
        (char_server, "login_port", login, "login_port", "the login-server listens at"),
    ];
    for (from, key, to, other, why) in pairs {
        if let (Some(mine), Some(theirs)) = (from.last(key), to.last(other))
            && mine.value.trim() != theirs.value.trim()
        {
            notes.push(Note::at(&mine.place, format!("{key}: {why} {other}, set otherwise in {}", theirs.place)));
        }
    }
    let stock = |setting: Option<&Setting>, value: &str| setting.is_some_and(|setting| setting.value.trim() == value);
    if stock(char_server.last("userid"), "s1") && stock(char_server.last("passwd"), "p1") {
        let text = "userid and passwd are those every rAthena comes with: whoever reaches the char-server's port can \
             pose as a map-server. Choose others in conf/import/char_conf.txt and conf/import/map_conf.txt, and in `login`";
        notes.push(Note::general(text));
    }
}

#[cfg(test)]
mod tests;
