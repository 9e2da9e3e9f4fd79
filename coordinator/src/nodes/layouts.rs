//! Which engines may speak, and how their structs become the coordinator's.

use std::sync::Arc;

use bifrost_protocol::DecodeError;
use bifrost_protocol::control::EngineBuild;
use bytes::Bytes;

/// What the realm's game clients need of an engine.
#[derive(Clone, Copy, Debug)]
pub struct Layouts {
    /// The client version that engines have to be compiled for.
    pub packetver: u32,
    /// Whether they have to be renewal builds.
    pub renewal: bool,
}

impl Default for Layouts {
    fn default() -> Self {
        Self { packetver: bifrost_protocol::PACKETVER, renewal: false }
    }
}

/// The way between one engine's build and the canonical one.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    build: Arc<EngineBuild>,
}

impl Layouts {
    /// The layout of an engine.
    ///
    /// # Errors
    /// Why it is not taken, with both values.
    pub(super) fn of(self, build: &EngineBuild) -> Result<Layout, String> {
        let mode = |renewal| if renewal { "renewal" } else { "pre-renewal" };
        if (build.packetver, build.renewal) != (self.packetver, self.renewal) {
            return Err(format!(
                "the engine is built for PACKETVER {} {}, this realm for PACKETVER {} {}",
                build.packetver,
                mode(build.renewal),
                self.packetver,
                mode(self.renewal)
            ));
        }
        Ok(Layout { build: Arc::new(build.clone()) })
    }
}

impl Layout {
    /// A packet of the engine, in the canonical layout.
    pub(super) fn canonical(&self, packet: &Bytes) -> Result<Bytes, DecodeError> {
        let _ = &self.build;
        Ok(packet.clone())
    }

    /// Whole packets of the engine, one behind the other.
    pub(super) fn canonical_all(&self, packets: &Bytes) -> Result<Bytes, DecodeError> {
        Ok(packets.clone())
    }

    /// A packet for the engine.
    pub(super) fn for_engine(&self, packet: Bytes) -> Result<Bytes, DecodeError> {
        Ok(packet)
    }
}
