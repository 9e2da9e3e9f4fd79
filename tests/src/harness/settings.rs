//! The coordinator's configuration, as a test wants it.

use toml::{Table, Value};

/// A coordinator's configuration file in the making: every port free, and a machine of any size may host.
#[derive(Clone, Debug)]
pub struct Settings {
    table: Table,
}

impl Default for Settings {
    fn default() -> Self {
        let mut settings = Self { table: Table::new() };
        for listener in ["http.listen", "link.listen", "relay.listen", "realm.login_listen", "realm.char_listen"] {
            settings.set(listener, "127.0.0.1:0");
        }
        settings.set("realm.mode", "embedded");
        settings.set("relay.max_per_address", 4_096);
        // Everything runs on one machine, side by side, since a moment ago.
        settings.set("eligibility.cores", 1);
        settings.set("eligibility.memory_mib", 1);
        settings.set("eligibility.latency_ms", 1_000);
        settings.set("eligibility.jitter_ms", 1_000);
        settings.set("eligibility.upload_mbps", 1);
        settings.set("eligibility.uptime_minutes", 0);
        settings
    }
}

impl Settings {
    /// Sets a key, written as `section.key`.
    pub fn set(&mut self, path: &str, value: impl Into<Value>) -> &mut Self {
        let (sections, key) = path.rsplit_once('.').unwrap_or(("", path));
        let mut table = &mut self.table;
        for section in sections.split('.').filter(|section| !section.is_empty()) {
            let entry = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if !entry.is_table() {
                *entry = Value::Table(Table::new());
            }
            table = entry.as_table_mut().expect("made a table just now");
        }
        table.insert(key.to_owned(), value.into());
        self
    }

    /// Removes a section or key at the top.
    pub fn remove(&mut self, key: &str) -> &mut Self {
        self.table.remove(key);
        self
    }

    /// Whether the realm is the embedded one.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.table.get("realm").and_then(|realm| realm.get("mode")).and_then(Value::as_str) == Some("embedded")
    }

    /// The file's text.
    #[must_use]
    pub fn to_text(&self) -> String {
        toml::to_string(&self.table).expect("a table of plain values can be written")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_set_below_their_sections() {
        let mut settings = Settings::default();
        settings.set("link.beat_ms", 100).set("data_dir", "data").set("a.b.c", true);
        let table: Table = toml::from_str(&settings.to_text()).expect("readable");
        assert_eq!(table["link"]["beat_ms"].as_integer(), Some(100));
        assert_eq!(table["a"]["b"]["c"].as_bool(), Some(true));
        assert!(settings.is_embedded());
    }
}
