//! What runs the maps, and what it was compiled for.

use serde::Deserialize;

use super::{Config, Group, RathenaRealm, Realm};

/// The client versions whose structs are known (`bifrost_protocol::layout`).
pub const PACKETVERS: [u32; 2] = [20_211_103, 20_200_401];
/// The most standbys of one group: each is a whole map-server on somebody's machine.
pub(super) const MAX_STANDBYS: u8 = 3;

/// What runs the maps on hosts.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Engine {
    /// What groups use unless they say.
    pub kind: EngineKind,
    /// Started engines that wait, without a lease, beside each rathena group that has players: 0 to 3.
    pub standbys: u8,
    /// PACKETVER of rathena engines.
    pub packetver: u32,
    /// Whether rathena engines are renewal builds.
    pub renewal: bool,
}

impl Default for Engine {
    fn default() -> Self {
        Self { kind: EngineKind::Embedded, standbys: 1, packetver: bifrost_protocol::PACKETVER, renewal: false }
    }
}

/// The kinds of map-server a node runs.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// The map-server built into the node.
    #[default]
    Embedded,
    /// A stock map-server from a bundle.
    Rathena,
}

/// What a server was compiled for: it decides the layout of the structs on its char-server link.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Build {
    /// The client version.
    pub packetver: u32,
    /// Whether it is a renewal build.
    pub renewal: bool,
}

impl Config {
    /// What runs the maps of a group.
    #[must_use]
    pub fn engine_of(&self, group: &Group) -> EngineKind {
        group.engine.unwrap_or(self.engine.kind)
    }

    /// What rathena engines are compiled for.
    #[must_use]
    pub const fn engine_build(&self) -> Build {
        Build { packetver: self.engine.packetver, renewal: self.engine.renewal }
    }

    /// What the char-server is compiled for: as the engines, unless the operator says otherwise.
    #[must_use]
    pub fn char_build(&self) -> Build {
        let engine = self.engine_build();
        match &self.realm {
            Realm::Embedded(_) => engine,
            Realm::Rathena(RathenaRealm { packetver, renewal, .. }) => {
                Build { packetver: packetver.unwrap_or(engine.packetver), renewal: renewal.unwrap_or(engine.renewal) }
            }
        }
    }
}
