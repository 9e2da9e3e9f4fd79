//! The settings as written, before they are checked against each other.

use std::path::PathBuf;

use bifrost_protocol::Secret;
use bifrost_protocol::control::{MAX_NODE_STREAMS, MAX_PROBES};
use serde::{Deserialize, Deserializer, de};
use sha2::{Digest, Sha256};

use super::{ConfigError, EngineConfig, Limits, NodeConfig, Proof, Trust};

/// Every group has a stream of its own; the rest is for control and probes.
const MAX_GROUPS: usize = MAX_NODE_STREAMS as usize - MAX_PROBES - 1;
/// A map-server with one small map takes about 40 MiB.
const MIN_ENGINE_MIB: u64 = 64;
/// More than any machine has: so that the limit in bytes fits everywhere.
const MAX_ENGINE_MIB: u64 = 1 << 20;
/// Less than a tenth of a core and the game loop stutters for everybody.
const MIN_ENGINE_CPU: u32 = 10;
const MAX_ENGINE_CPU: u32 = 1_600;
/// `PRIO_MAX - 1`.
const MAX_NICE: u8 = 19;

/// Mirrors the TOML file.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    #[serde(deserialize_with = "text")]
    coordinator: Option<String>,
    #[serde(deserialize_with = "text")]
    name: Option<String>,
    #[serde(deserialize_with = "text")]
    state_dir: Option<String>,
    trust: TrustSettings,
    proof: ProofSettings,
    limits: LimitSettings,
    engine: EngineSettings,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TrustSettings {
    #[serde(deserialize_with = "text")]
    ca_file: Option<String>,
    #[serde(deserialize_with = "text")]
    fingerprint: Option<String>,
    first_use: bool,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ProofSettings {
    #[serde(deserialize_with = "text")]
    username: Option<String>,
    #[serde(deserialize_with = "text")]
    password: Option<String>,
    #[serde(deserialize_with = "text")]
    password_file: Option<String>,
    #[serde(deserialize_with = "text")]
    invitation: Option<String>,
    #[serde(deserialize_with = "text")]
    invitation_file: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LimitSettings {
    groups: Option<u16>,
    players: Option<u16>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct EngineSettings {
    #[serde(deserialize_with = "text")]
    folder: Option<String>,
    memory_mib: Option<u64>,
    cpu_percent: Option<u32>,
    nice: Option<u8>,
}

impl Settings {
    /// Checks the settings against each other and reads the files they name.
    pub(super) fn validate(self) -> Result<NodeConfig, ConfigError> {
        let coordinator =
            self.coordinator.ok_or_else(|| wrong("coordinator", "is missing, expected an https:// URL"))?;
        let coordinator = coordinator.trim_end_matches('/').to_owned();
        let url = reqwest::Url::parse(&coordinator)
            .map_err(|error| wrong("coordinator", format!("{error}, expected an https:// URL")))?;
        if url.scheme() != "https" || !url.has_host() || url.path() != "/" {
            return Err(wrong("coordinator", "expected https://HOST:PORT without a path"));
        }
        let name = self.name.unwrap_or_else(|| "bifrost-node".into());
        if name.is_empty() || name.len() > NodeConfig::MAX_NAME || name.chars().any(char::is_control) {
            return Err(wrong("name", format!("expected 1 to {} printable bytes", NodeConfig::MAX_NAME)));
        }
        let proof = self.proof.validate()?;
        let limits = self.limits.validate(Limits::usual(proof.as_ref()))?;
        Ok(NodeConfig {
            coordinator,
            trust: self.trust.validate()?,
            state_dir: self.state_dir.unwrap_or_else(|| "bifrost-node".into()).into(),
            proof,
            name,
            limits,
            engine: self.engine.validate()?,
        })
    }
}

impl TrustSettings {
    fn validate(self) -> Result<Trust, ConfigError> {
        match (self.ca_file, self.fingerprint, self.first_use) {
            (Some(path), None, false) => Ok(Trust::Ca(read("trust.ca_file", path)?)),
            (None, Some(text), false) => parse_fingerprint(&text)
                .map(Trust::Fingerprint)
                .ok_or_else(|| wrong("trust.fingerprint", "expected 64 hex digits (SHA-256 of the CA's DER)")),
            (None, None, true) => Ok(Trust::FirstUse),
            (None, None, false) => Ok(Trust::System),
            _ => Err(wrong("trust", "expected only one of ca_file, fingerprint, first_use")),
        }
    }
}

impl ProofSettings {
    fn validate(self) -> Result<Option<Proof>, ConfigError> {
        let password = secret("proof.password_file", self.password, self.password_file)?;
        let invitation = secret("proof.invitation_file", self.invitation, self.invitation_file)?;
        match (self.username, password, invitation) {
            (Some(username), Some(password), None) => Ok(Some(Proof::Account { username, password })),
            (None, None, Some(code)) => Ok(Some(Proof::Invitation(code))),
            (None, None, None) => Ok(None),
            (Some(_), None, None) => Err(wrong("proof.password", "is missing, expected with proof.username")),
            (None, Some(_), None) => Err(wrong("proof.username", "is missing, expected with proof.password")),
            (_, _, Some(_)) => Err(wrong("proof", "expected either an account or an invitation, not both")),
        }
    }
}

impl LimitSettings {
    fn validate(self, default: Limits) -> Result<Limits, ConfigError> {
        let groups = self.groups.map_or(default.groups, usize::from);
        let players = self.players.map_or(default.players, u32::from);
        if groups == 0 || groups > MAX_GROUPS {
            return Err(wrong("limits.groups", format!("expected 1 to {MAX_GROUPS}")));
        }
        if players == 0 {
            return Err(wrong("limits.players", "expected at least 1"));
        }
        Ok(Limits { groups, players })
    }
}

impl EngineSettings {
    fn validate(self) -> Result<EngineConfig, ConfigError> {
        let usual = EngineConfig::default();
        let folder = self.folder.map(PathBuf::from);
        if folder.as_ref().is_some_and(|folder| !folder.is_dir()) {
            return Err(wrong("engine.folder", "expected an existing folder"));
        }
        let memory_mib = self.memory_mib.unwrap_or(usual.memory_mib);
        let cpu_percent = self.cpu_percent.unwrap_or(usual.cpu_percent);
        let nice = self.nice.unwrap_or(usual.nice);
        if !(MIN_ENGINE_MIB..=MAX_ENGINE_MIB).contains(&memory_mib) {
            return Err(wrong("engine.memory_mib", format!("expected {MIN_ENGINE_MIB} to {MAX_ENGINE_MIB}")));
        }
        if !(MIN_ENGINE_CPU..=MAX_ENGINE_CPU).contains(&cpu_percent) {
            return Err(wrong("engine.cpu_percent", format!("expected {MIN_ENGINE_CPU} to {MAX_ENGINE_CPU}")));
        }
        if nice > MAX_NICE {
            return Err(wrong("engine.nice", format!("expected 0 to {MAX_NICE}")));
        }
        Ok(EngineConfig { folder, memory_mib, cpu_percent, nice })
    }
}

/// SHA-256 of a certificate's DER as `sha256:` and hex, colons between bytes allowed.
fn parse_fingerprint(text: &str) -> Option<[u8; 32]> {
    let text = text.trim().to_ascii_lowercase();
    let digits: Vec<u8> = text
        .strip_prefix("sha256:")
        .unwrap_or(&text)
        .chars()
        .filter(|char| *char != ':')
        .map(|char| char.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    bytes.try_into().ok()
}

/// The SHA-256 by which a certificate is pinned.
pub(crate) fn fingerprint(der: &[u8]) -> [u8; 32] {
    Sha256::digest(der).into()
}

fn secret(
    key: &'static str,
    text: Option<String>,
    file: Option<String>,
) -> Result<Option<Secret<String>>, ConfigError> {
    match (text, file) {
        (Some(_), Some(_)) => Err(wrong(key, "expected either the value or its file, not both")),
        (Some(text), None) => Ok(Some(Secret::new(text))),
        (None, Some(path)) => Ok(Some(Secret::new(read(key, path)?.trim_end_matches(['\r', '\n']).to_owned()))),
        (None, None) => Ok(None),
    }
}

fn read(key: &'static str, path: String) -> Result<String, ConfigError> {
    let path = PathBuf::from(path);
    std::fs::read_to_string(&path)
        .map_err(|error| wrong(key, format!("{}: {error}, expected a readable file", path.display())))
}

fn wrong(key: &'static str, problem: impl Into<String>) -> ConfigError {
    ConfigError::Setting { key, problem: problem.into() }
}

/// Text; numbers are taken as written, because an environment variable does not say what it is.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    struct Text;
    impl de::Visitor<'_> for Text {
        type Value = Option<String>;

        fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            out.write_str("text")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Some(text.to_owned()))
        }

        fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
            Ok(Some(number.to_string()))
        }

        /// The general error would print the number, and it may be a password.
        fn visit_f64<E: de::Error>(self, _: f64) -> Result<Self::Value, E> {
            Err(E::custom("expected text in quotes"))
        }

        fn visit_bool<E: de::Error>(self, yes: bool) -> Result<Self::Value, E> {
            Ok(Some(yes.to_string()))
        }
    }
    deserializer.deserialize_any(Text)
}
