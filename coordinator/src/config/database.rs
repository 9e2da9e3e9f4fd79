//! The realm's database, for the SQL of stock map-servers.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;

use crate::database::HostLimits;

/// The realm's database, for the SQL of stock map-servers on hosts.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `mysql://USER:PASSWORD@HOST/DATABASE`; empty: hosts' SQL is answered from the coordinator's own store.
    pub url: String,
    /// The same for a replica of it, for reads that the policy lets be stale; empty: there is none.
    pub replica: String,
    /// What hosts may do. None: the policy that ships.
    pub policy: Option<PathBuf>,
    /// Connections to each database at most, shared by all hosts.
    pub connections: usize,
    /// Milliseconds a statement may take.
    pub statement_ms: u32,
    /// The CA (PEM) that signed the server's certificate. None: the way there is not encrypted.
    pub tls_ca: Option<PathBuf>,
    /// What one host may ask, all its map-servers together.
    pub limits: HostLimits,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: String::new(),
            replica: String::new(),
            policy: None,
            connections: 8,
            statement_ms: 1_500,
            tls_ca: None,
            limits: HostLimits::default(),
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Database")
            .field("set", &!self.url.is_empty())
            .field("replica", &!self.replica.is_empty())
            .field("policy", &self.policy)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
