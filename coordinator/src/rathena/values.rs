//! From settings to values. All that is wrong is collected, so that it is said at once.

use bifrost_protocol::ids::MapName;

use super::conf::{Conf, Setting};
use super::problem::{Place, Problem};

/// `userid` and `passwd` have 24 bytes with their NUL (0x2af8); servers cut what is longer.
const MAX_CREDENTIAL: usize = 23;

/// Reads values, and keeps what is wrong with them.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// What is wrong.
    pub(super) problems: Vec<Problem>,
}

impl Values {
    /// Says that a setting cannot be used.
    pub(super) fn refuse(&mut self, setting: &Setting, message: impl Into<String>) {
        let (place, key) = (setting.place.clone(), setting.key.clone());
        self.problems.push(Problem { place, key, message: message.into() });
    }

    /// A setting without which nothing works.
    pub(super) fn needed<'a>(&mut self, conf: &'a Conf, file: &str, key: &str) -> Option<&'a Setting> {
        let found = conf.last(key);
        if found.is_none() {
            let place = Place { file: file.to_owned(), line: 0 };
            let message = "is not set, neither there nor in what it imports".to_owned();
            self.problems.push(Problem { place, key: key.to_owned(), message });
        }
        found
    }

    /// `userid` or `passwd`.
    pub(super) fn credential(&mut self, setting: &Setting) -> String {
        if setting.value.len() > MAX_CREDENTIAL {
            self.refuse(setting, format!("servers use only its first {MAX_CREDENTIAL} bytes; make it shorter"));
        } else if setting.value.trim() != setting.value {
            self.refuse(setting, "has spaces at its end, which belong to it; remove them");
        }
        setting.value.clone()
    }

    /// A port. Servers read the number the value starts with.
    pub(super) fn port(&mut self, setting: &Setting) -> u16 {
        let value = setting.value.as_str();
        let digits = value.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(value.len());
        let (number, rest) = value.split_at(digits);
        let rest = rest.trim();
        match number.parse::<u16>() {
            Ok(port) if port > 0 && (rest.is_empty() || rest.starts_with("//")) => return port,
            Ok(_) | Err(_) => self.refuse(setting, format!("expected a port, 1 to 65535, but it is `{value}`")),
        }
        0
    }

    /// A host's name or address.
    pub(super) fn host(&mut self, setting: &Setting) -> String {
        let value = setting.value.trim();
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
        if value.is_empty() || !value.bytes().all(legal) {
            self.refuse(setting, format!("expected an address or a host's name, but it is `{value}`"));
        }
        value.to_owned()
    }

    /// A switch (`config_switch`, strlib.cpp): some words, or a number.
    pub(super) fn switch(&mut self, setting: &Setting) -> bool {
        const ON: [&str; 6] = ["on", "yes", "oui", "ja", "si", "sim"];
        const OFF: [&str; 5] = ["off", "no", "non", "nein", "nao"];
        let value = setting.value.trim().to_ascii_lowercase();
        if ON.contains(&value.as_str()) {
            return true;
        }
        match value.parse::<i32>() {
            Ok(number) => number != 0,
            Err(_) if OFF.contains(&value.as_str()) => false,
            Err(_) => {
                self.refuse(setting, format!("expected yes or no, but it is `{}`", setting.value));
                false
            }
        }
    }

    /// A map's name.
    pub(super) fn map(&mut self, setting: &Setting, text: &str) -> Option<MapName> {
        let map = MapName::new(text.trim());
        if map.is_err() {
            let longest = MapName::MAX_LEN;
            self.refuse(setting, format!("`{text}` is no map name: expected 1 to {longest} of [A-Za-z0-9_@-]"));
        }
        map.ok()
    }

    /// Places like `map,x,y:map,x,y`; only their maps.
    pub(super) fn points(&mut self, setting: &Setting) -> Vec<MapName> {
        let mut maps = Vec::new();
        for point in setting.value.trim().split(':').filter(|point| !point.is_empty()) {
            let parts = point.split(',').collect::<Vec<_>>();
            let [map, x, y] = parts.as_slice() else {
                self.refuse(setting, format!("expected MAP,X,Y, but there is `{point}`"));
                continue;
            };
            if [x, y].iter().any(|number| number.trim().parse::<u16>().is_err()) {
                self.refuse(setting, format!("expected MAP,X,Y, but there is `{point}`"));
            }
            maps.extend(self.map(setting, map));
        }
        maps
    }
}
