//! File, environment and flags, each checked alone so that an error can say where it comes from.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::settings::Settings;
use super::{ConfigError, NodeConfig};

/// Variables with this prefix are settings; `__` stands between section and key.
const PREFIX: &str = "BIFROST_NODE__";

/// The flags of the command line. They win over environment and file.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Overrides {
    /// TOML file with the settings
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The coordinator's HTTPS API, as https://HOST:PORT
    #[arg(long, global = true, value_name = "URL")]
    pub coordinator: Option<String>,
    /// PEM file of the coordinator's CA
    #[arg(long, global = true, value_name = "FILE")]
    pub ca_file: Option<String>,
    /// SHA-256 of the coordinator's CA, as the coordinator prints it
    #[arg(long, global = true, value_name = "HEX")]
    pub ca_fingerprint: Option<String>,
    /// Believe the CA that answers first, and only that one from then on
    #[arg(long, global = true)]
    pub trust_on_first_use: bool,
    /// Folder for key, credentials and benchmark
    #[arg(long, global = true, value_name = "DIR")]
    pub state_dir: Option<String>,
    /// Game account to register with; its password comes from BIFROST_NODE__PROOF__PASSWORD or --password-file
    #[arg(long, global = true, value_name = "NAME")]
    pub username: Option<String>,
    /// File with the game account's password
    #[arg(long, global = true, value_name = "FILE")]
    pub password_file: Option<String>,
    /// File with the operator's one-time invitation code, for fallback hosts
    #[arg(long, global = true, value_name = "FILE")]
    pub invitation_file: Option<String>,
    /// The machine's name in the operator's lists
    #[arg(long, global = true)]
    pub name: Option<String>,
    /// Most map groups to carry
    #[arg(long, global = true, value_name = "N")]
    pub max_groups: Option<u16>,
    /// Most players to carry
    #[arg(long, global = true, value_name = "N")]
    pub max_players: Option<u16>,
}

impl Overrides {
    /// Reads the file, lays `environment` and these flags over it, and checks the whole.
    ///
    /// # Errors
    /// [`ConfigError`], with the place of the first problem.
    pub fn load(&self, environment: impl IntoIterator<Item = (String, String)>) -> Result<NodeConfig, ConfigError> {
        let mut table = match &self.config {
            Some(path) => read_file(path)?,
            None => Table::new(),
        };
        for (variable, value) in environment {
            let Some(path) = variable.strip_prefix(PREFIX) else { continue };
            let setting = nested(path, guess(&value));
            let problem = |problem: String| ConfigError::Environment { variable: variable.clone(), problem };
            // `message` names kinds and keys, and a secret is text whatever it holds: no value of one can appear in it.
            Settings::try_from_table(setting.clone()).map_err(|error| problem(error.message().to_owned()))?;
            merge(&mut table, setting);
        }
        self.apply(&mut table);
        let settings = Settings::try_from_table(table)
            .map_err(|error| ConfigError::Setting { key: "settings", problem: error.message().to_owned() })?;
        settings.validate()
    }

    fn apply(&self, table: &mut Table) {
        let number = |number: Option<u16>| number.map(|number| Value::Integer(number.into()));
        let text = |text: &Option<String>| text.clone().map(Value::String);
        if self.ca_file.is_some() || self.ca_fingerprint.is_some() || self.trust_on_first_use {
            table.remove("trust");
        }
        for (path, value) in [
            ("COORDINATOR", text(&self.coordinator)),
            ("TRUST__CA_FILE", text(&self.ca_file)),
            ("TRUST__FINGERPRINT", text(&self.ca_fingerprint)),
            ("TRUST__FIRST_USE", self.trust_on_first_use.then_some(Value::Boolean(true))),
            ("STATE_DIR", text(&self.state_dir)),
            ("PROOF__USERNAME", text(&self.username)),
            ("PROOF__PASSWORD_FILE", text(&self.password_file)),
            ("PROOF__INVITATION_FILE", text(&self.invitation_file)),
            ("NAME", text(&self.name)),
            ("LIMITS__GROUPS", number(self.max_groups)),
            ("LIMITS__PLAYERS", number(self.max_players)),
        ] {
            if let Some(value) = value {
                merge(table, nested(path, value));
            }
        }
    }
}

impl Settings {
    fn try_from_table(table: Table) -> Result<Self, toml::de::Error> {
        Value::Table(table).try_into()
    }
}

fn read_file(path: &Path) -> Result<Table, ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let locate = |error: toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start);
        let (line, key) = place(&text, start);
        ConfigError::File { path: path.to_owned(), line, key, problem: error.message().replace('\n', ", ") }
    };
    toml::from_str::<Settings>(&text).map_err(locate)?;
    toml::from_str::<Table>(&text).map_err(locate)
}

/// The line of an offset, counted from 1, and the key that stands on it with its section.
fn place(text: &str, offset: usize) -> (usize, String) {
    let before = text.get(..offset).unwrap_or(text);
    let number = before.matches('\n').count();
    let line = text.lines().nth(number).unwrap_or_default();
    let section =
        text.lines().take(number + 1).filter_map(|line| line.trim().strip_prefix('[')?.strip_suffix(']')).last();
    // Only what stands before `=`: the value may be a secret.
    let key = line.split('=').next().unwrap_or_default().trim();
    match section {
        Some(section) if !key.starts_with('[') => (number + 1, format!("{section}.{key}")),
        _ => (number + 1, key.to_owned()),
    }
}

/// `A__B` as a table within a table.
fn nested(path: &str, value: Value) -> Table {
    let mut keys = path.rsplit("__").map(str::to_ascii_lowercase);
    let mut table = Table::from_iter(keys.next().map(|key| (key, value)));
    for key in keys {
        table = Table::from_iter([(key, Value::Table(table))]);
    }
    table
}

/// Whole numbers and yes or no in their one canonical spelling, else text.
fn guess(text: &str) -> Value {
    match (text.parse::<i64>(), text.parse::<bool>()) {
        (Ok(number), _) if number.to_string() == text => Value::Integer(number),
        (_, Ok(yes)) => Value::Boolean(yes),
        _ => Value::String(text.to_owned()),
    }
}

fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(into)), Value::Table(from)) => merge(into, from),
            (_, value) => drop(into.insert(key, value)),
        }
    }
}
