//! What the owner of the machine sets: one TOML file, `BIFROST_NODE__SECTION__KEY` variables over it, flags over both.
//! Everything is checked before a key is made or a socket is opened.

mod load;
mod settings;

use std::fmt;
use std::path::PathBuf;

use bifrost_protocol::Secret;
use bifrost_protocol::api::RegisterProof;
use thiserror::Error;

pub use load::Overrides;
pub(crate) use settings::fingerprint;

/// All a node has to know. Made by [`Overrides::load`], or by hand where the node is embedded.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// The coordinator's HTTPS API, without a path.
    pub coordinator: String,
    /// Whom to believe that it is the coordinator.
    pub trust: Trust,
    /// Folder of key, credentials and benchmark; created when missing.
    pub state_dir: PathBuf,
    /// How to register. None: credentials in the state folder have to do.
    pub proof: Option<Proof>,
    /// What the operator reads in lists, at most [`NodeConfig::MAX_NAME`] bytes.
    pub name: String,
    /// What this machine takes on at most.
    pub limits: Limits,
    /// What stock map-servers may take of this machine.
    pub engine: EngineConfig,
}

impl NodeConfig {
    /// The longest name the API takes.
    pub const MAX_NAME: usize = 64;
}

/// Whom to believe that it is the coordinator, on HTTPS. The QUIC link always trusts the CA that came with the credentials.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Trust {
    /// Exactly the CA of this PEM text.
    Ca(String),
    /// Exactly the CA with this SHA-256 over its DER; the server sends it with its chain.
    Fingerprint([u8; 32]),
    /// Whoever answers first; its CA is pinned in the state folder from then on.
    FirstUse,
    /// The operating system's roots, for operators with a certificate of a public CA.
    System,
}

/// How a node proves that it may register.
#[derive(Clone, Eq, PartialEq)]
pub enum Proof {
    /// A game account of the realm.
    Account {
        /// Account name.
        username: String,
        /// Password.
        password: Secret<String>,
    },
    /// A one-time code of the operator, for fallback hosts.
    Invitation(Secret<String>),
}

impl Proof {
    /// What goes to the API.
    #[must_use]
    pub fn to_request(&self) -> RegisterProof {
        match self {
            Self::Account { username, password } => {
                RegisterProof::Account { username: username.clone(), password: password.expose().clone() }
            }
            Self::Invitation(code) => RegisterProof::Invitation { code: code.expose().clone() },
        }
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account { .. } => out.write_str("Account(***)"),
            Self::Invitation(_) => out.write_str("Invitation(***)"),
        }
    }
}

/// What this machine takes on at most.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Map groups.
    pub groups: usize,
    /// Players on all of them.
    pub players: u32,
}

impl Default for Limits {
    /// What a household's upload carries: 500 players take about 10 Mbit/s.
    fn default() -> Self {
        Self { groups: 64, players: 500 }
    }
}

impl Limits {
    /// What a machine takes on unless told otherwise: one that was invited is the operator's, in a data centre.
    #[must_use]
    pub fn usual(proof: Option<&Proof>) -> Self {
        match proof {
            Some(Proof::Invitation(_)) => Self { players: 4_000, ..Self::default() },
            Some(Proof::Account { .. }) | None => Self::default(),
        }
    }
}

/// What stock map-servers (`rathena` engines) may take of this machine, each of them, and where they come from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EngineConfig {
    /// An unpacked bundle to run instead of what the coordinator serves, for operators' own machines.
    pub folder: Option<PathBuf>,
    /// Memory of one engine, in MiB. Three field maps take about 50.
    pub memory_mib: u64,
    /// CPU of one engine, in hundredths of a core. It has one busy thread. Takes a delegated cgroup or Windows.
    pub cpu_percent: u32,
    /// How much engines give way to other programs: 0 not at all, 19 as much as there is.
    pub nice: u8,
}

impl Default for EngineConfig {
    /// The player's own game goes first.
    fn default() -> Self {
        Self { folder: None, memory_mib: 1_024, cpu_percent: 100, nice: 5 }
    }
}

/// A configuration that cannot be used. Its text names source, key and what was expected, never a secret's value.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// A file that could not be read.
    #[error("{path}: cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A key of the file, with its line.
    #[error("{path}:{line}: {key}: {problem}")]
    File {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// The key, or the text of the line when it is not one.
        key: String,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// An environment variable.
    #[error("{variable} (environment): {problem}")]
    Environment {
        /// The variable.
        variable: String,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// A setting, wherever it came from.
    #[error("{key}: {problem}")]
    Setting {
        /// The key.
        key: &'static str,
        /// What is wrong and what was expected.
        problem: String,
    },
}

#[cfg(test)]
mod tests;
