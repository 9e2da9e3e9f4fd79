//! The settings that make a stock map-server an engine: appended to the operator's own `conf/import` files, where the last
//! line of a key counts.
//!
//! A line of these files is `key: value`, read with `sscanf` up to the line's end (`map.cpp`, `battle.cpp`,
//! `socket.cpp`). Values that come from elsewhere are checked for what could end a line or a buffer.

use std::fmt::Display;
use std::net::SocketAddrV4;

use bifrost_protocol::Secret;
use thiserror::Error;

use super::sources::SqlEndpoint;

/// The longest value: `char w2[1024]` of the readers, with room.
const MAX_VALUE: usize = 500;
/// `MAP_NAME_LENGTH`, without the NUL.
const MAX_MAP_NAME: usize = 11;
/// `MAX_MAP_PER_SERVER` is 1,500; a group is far smaller.
const MAX_MAPS: usize = 1_024;
/// `userid` and `passwd` are `NAME_LENGTH`, with the NUL.
const LOGIN_LEN: usize = 20;

/// A setting that cannot be written.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub(super) enum ConfError {
    /// It would end the line, or be cut.
    #[error("{0} holds what cannot stand in a configuration file")]
    Value(&'static str),
    /// A map-server could not have such a map.
    #[error("{0:?} is not the name of a map")]
    MapName(String),
    /// No maps, or too many.
    #[error("a map-server with {0} maps")]
    Maps(usize),
}

/// How an engine logs in to its node, made for one run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: Secret<String>,
}

/// Where an engine connects and listens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Addresses {
    /// Its char-server: the node.
    pub(super) inter: SocketAddrV4,
    /// Its own port for clients.
    pub(super) game: SocketAddrV4,
}

/// The overrides of one engine: file below `conf/import`, and what is appended to it.
pub(super) fn overrides(
    maps: &[String],
    login: &Login,
    addresses: Addresses,
    sql: &SqlEndpoint,
) -> Result<[(&'static str, String); 5], ConfError> {
    let map = map_conf(maps, login, addresses)?;
    let inter = inter_conf(sql)?;
    Ok([
        ("map_conf.txt", map),
        ("inter_conf.txt", inter),
        ("battle_conf.txt", fixed(BATTLE)),
        ("log_conf.txt", fixed(if sql.relayed { LOG_RELAYED } else { LOG })),
        ("packet_conf.txt", fixed(PACKET)),
    ])
}

impl Login {
    /// One that nobody can guess.
    pub(super) fn random() -> Self {
        let text = || {
            let hex = format!("{:032x}", rand::random::<u128>());
            hex.chars().take(LOGIN_LEN).collect()
        };
        Self { user: text(), password: Secret::new(text()) }
    }
}

/// Checks the maps of an assignment.
pub(super) fn check_maps(maps: &[String]) -> Result<(), ConfError> {
    if maps.is_empty() || maps.len() > MAX_MAPS {
        return Err(ConfError::Maps(maps.len()));
    }
    let legal = |name: &&String| {
        let known = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '@' | '-');
        !(1..=MAX_MAP_NAME).contains(&name.len()) || !name.chars().all(known)
    };
    maps.iter().find(legal).map_or(Ok(()), |name| Err(ConfError::MapName(name.clone())))
}

fn map_conf(maps: &[String], login: &Login, addresses: Addresses) -> Result<String, ConfError> {
    check_maps(maps)?;
    let mut lines = Lines::default();
    lines.set("userid", &login.user)?;
    lines.set("passwd", login.password.expose())?;
    lines.set("char_ip", addresses.inter.ip())?;
    lines.set("char_port", addresses.inter.port())?;
    lines.set("bind_ip", addresses.game.ip())?;
    lines.set("map_ip", addresses.game.ip())?;
    lines.set("map_port", addresses.game.port())?;
    lines.set("delmap", "all")?;
    for map in maps {
        lines.set("map", map)?;
    }
    for (key, value) in MAP {
        lines.set(key, value)?;
    }
    Ok(lines.0)
}

fn inter_conf(sql: &SqlEndpoint) -> Result<String, ConfError> {
    let mut lines = Lines::default();
    for keys in DATABASES {
        let [ip, port, user, password, database] = keys;
        lines.set(ip, sql.address.ip())?;
        lines.set(port, sql.address.port())?;
        lines.set(user, &sql.user)?;
        lines.set(password, sql.password.expose())?;
        lines.set(database, &sql.database)?;
    }
    for (key, value) in INTER {
        lines.set(key, value)?;
    }
    Ok(lines.0)
}

fn fixed(settings: &[(&str, &str)]) -> String {
    settings.iter().map(|(key, value)| format!("{key}: {value}\n")).collect()
}

/// `key: value` lines.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn set(&mut self, key: &'static str, value: impl Display) -> Result<(), ConfError> {
        let value = value.to_string();
        // An empty value is no setting: the reader passes the line over.
        if value.is_empty() || value.len() > MAX_VALUE || value.chars().any(char::is_control) || value.trim() != value {
            return Err(ConfError::Value(key));
        }
        self.0 += &format!("{key}: {value}\n");
        Ok(())
    }
}

/// How often players are saved: each once in `autosave_time`, one a timer, but timers are at least `minsave_time`
/// milliseconds apart (`pc_autosave`). The main loop's own grain is 20 ms, so about 50 players are saved once a second, and
/// twice as many every two.
const MAP: &[(&str, &str)] = &[
    ("autosave_time", "1"),
    ("minsave_time", "10"),
    ("save_settings", "4095"),
    ("console", "off"),
    ("console_silent", "0"),
    ("console_msg_log", "0"),
    ("stdout_with_ansisequence", "no"),
    ("enable_spy", "no"),
    ("use_grf", "no"),
];

/// Address, port, user, password and database of the map-server's connections.
const DATABASES: &[[&str; 5]] = &[
    ["map_server_ip", "map_server_port", "map_server_id", "map_server_pw", "map_server_db"],
    ["log_db_ip", "log_db_port", "log_db_id", "log_db_pw", "log_db_db"],
];

/// Type 2: a lost connection is tried again for ever.
const INTER: &[(&str, &str)] = &[("mysql_reconnect_type", "2"), ("use_sql_db", "no")];

/// What would need tables of the whole realm, or keep players where they cannot be moved from.
const BATTLE: &[(&str, &str)] = &[
    ("feature.autotrade", "off"),
    ("feature.buying_store", "off"),
    ("feature.search_stores", "off"),
    ("feature.auction", "off"),
    ("feature.roulette", "off"),
    ("feature.banking", "off"),
    ("feature.attendance", "off"),
    ("prevent_logout", "0"),
];

/// Neither tables nor files.
const LOG: &[(&str, &str)] = &[
    ("enable_logs", "0"),
    ("sql_logs", "no"),
    ("log_branch", "no"),
    ("log_zeny", "0"),
    ("log_cash", "no"),
    ("log_mvpdrop", "no"),
    ("log_commands", "no"),
    ("log_npc", "no"),
    ("log_chat", "0"),
    ("log_feeding", "0"),
];

/// What the bundle's own configuration says, in tables: they are the coordinator's.
const LOG_RELAYED: &[(&str, &str)] = &[("sql_logs", "yes")];

/// All players come from one address: the rules against floods would lock them out together.
const PACKET: &[(&str, &str)] = &[("enable_ip_rules", "no"), ("stall_time", "60")];

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn sql(user: &str, password: &str) -> SqlEndpoint {
        SqlEndpoint {
            address: (Ipv4Addr::LOCALHOST, 3306).into(),
            user: user.into(),
            password: Secret::new(password.into()),
            database: "ragnarok".into(),
            relayed: false,
            held: Box::new(()),
        }
    }

    fn made(maps: &[&str], sql: &SqlEndpoint) -> Result<[(&'static str, String); 5], ConfError> {
        let maps: Vec<_> = maps.iter().map(|map| (*map).to_owned()).collect();
        let login = Login { user: "u".into(), password: Secret::new("p".into()) };
        let addresses = Addresses {
            inter: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 4000),
            game: SocketAddrV4::new(Ipv4Addr::new(127, 77, 3, 9), 5000),
        };
        overrides(&maps, &login, addresses, sql)
    }

    #[test]
    fn an_engine_has_its_maps_its_addresses_and_its_database() {
        let made = made(&["prt_fild08", "1@tower"], &sql("engine", "secret")).expect("legal");
        let map = &made[0].1;
        let start = "userid: u\npasswd: p\nchar_ip: 127.0.0.1\nchar_port: 4000\nbind_ip: 127.77.3.9\nmap_ip: 127.77.3.9\n\
                     map_port: 5000\ndelmap: all\nmap: prt_fild08\nmap: 1@tower\nautosave_time: 1\n";
        assert!(map.starts_with(start), "{map}");
        assert!(made[1].1.contains("map_server_port: 3306\nmap_server_id: engine\nmap_server_pw: secret\n"));
        for (_, text) in &made {
            assert!(text.lines().all(|line| line.split_once(": ").is_some_and(|(_, value)| !value.is_empty())));
        }
    }

    #[test]
    fn logs_are_written_only_where_they_get_anywhere() {
        let logs =
            |relayed| made(&["prt_fild08"], &SqlEndpoint { relayed, ..sql("u", "p") }).expect("legal")[3].1.clone();
        assert!(logs(false).contains("enable_logs: 0\n"));
        assert_eq!(logs(true), "sql_logs: yes\n");
    }

    #[test]
    fn nothing_from_outside_adds_a_line() {
        for name in ["", "a\nnpc: evil", "prt fild", "prt_fild08.gat", "twelve_chars", "a:b", "é"] {
            assert_eq!(made(&[name], &sql("u", "p")).err(), Some(ConfError::MapName(name.into())), "{name:?}");
        }
        assert_eq!(made(&[], &sql("u", "p")).err(), Some(ConfError::Maps(0)));
        assert_eq!(made(&["a"], &sql("u\nuse_sql_db: yes", "p")).err(), Some(ConfError::Value("map_server_id")));
        assert_eq!(made(&["a"], &sql("u", "")).err(), Some(ConfError::Value("map_server_pw")));
        assert_eq!(made(&["a"], &sql("u", &"p".repeat(501))).err(), Some(ConfError::Value("map_server_pw")));
    }

    #[test]
    fn logins_fit_and_differ() {
        let (one, other) = (Login::random(), Login::random());
        assert_ne!(one, other);
        assert_eq!((one.user.len(), one.password.expose().len()), (LOGIN_LEN, LOGIN_LEN));
        assert!(!format!("{one:?}").contains(one.password.expose().as_str()));
    }
}
