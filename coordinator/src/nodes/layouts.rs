//! Which engines may speak, and how their structs become the coordinator's.

use bifrost_protocol::DecodeError;
use bifrost_protocol::control::EngineBuild;
use bifrost_protocol::inter::map_to_char;
use bifrost_protocol::layout::{Build, Transcoder};
use bytes::{Bytes, BytesMut};

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
    up: Transcoder,
    down: Transcoder,
}

impl Layouts {
    /// The layout of an engine.
    ///
    /// # Errors
    /// Why it is not taken, with both values.
    pub(super) fn of(self, stated: &EngineBuild) -> Result<Layout, String> {
        let mode = |renewal| if renewal { "renewal" } else { "pre-renewal" };
        if (stated.packetver, stated.renewal) != (self.packetver, self.renewal) {
            return Err(format!(
                "the engine is built for PACKETVER {} {}, this realm for PACKETVER {} {}",
                stated.packetver,
                mode(stated.renewal),
                self.packetver,
                mode(self.renewal)
            ));
        }
        let build = Build::try_from(stated).map_err(|error| error.to_string())?;
        Ok(Layout { up: Transcoder::new(build, Build::CANONICAL), down: Transcoder::new(Build::CANONICAL, build) })
    }
}

impl Layout {
    /// A packet of the engine, in the canonical layout.
    pub(super) fn canonical(&self, packet: &Bytes) -> Result<Bytes, DecodeError> {
        self.up.to_char_server(packet)
    }

    /// Whole packets of the engine, one behind the other.
    pub(super) fn canonical_all(&self, packets: &Bytes) -> Result<Bytes, DecodeError> {
        let (mut rest, mut all) = (BytesMut::from(packets.as_ref()), BytesMut::with_capacity(packets.len()));
        while let Some(packet) = map_to_char().next(&mut rest)? {
            all.extend_from_slice(&self.canonical(&packet)?);
        }
        if rest.is_empty() {
            Ok(all.freeze())
        } else {
            Err(DecodeError::Invalid { field: "save", problem: "ends within a packet" })
        }
    }

    /// A packet for the engine.
    pub(super) fn for_engine(&self, packet: &Bytes) -> Result<Bytes, DecodeError> {
        self.down.to_map_server(packet)
    }
}

#[cfg(test)]
mod tests {
    use bifrost_protocol::Packet;
    use bifrost_protocol::ids::{AccountId, CharacterId};
    use bifrost_protocol::inter::Save;
    use bifrost_protocol::layout::CharacterImage;

    use super::*;

    fn build(abi: &str, packetver: u32, renewal: bool) -> EngineBuild {
        EngineBuild { abi: abi.into(), packetver, renewal }
    }

    #[test]
    fn an_engine_of_another_version_is_refused_with_both_values() {
        let layouts = Layouts::default();
        let reason = layouts.of(&build("linux-x86_64", 20_200_401, false)).expect_err("another version");
        assert!(reason.contains("20200401") && reason.contains("20211103"), "{reason}");
        let reason = layouts.of(&build("linux-x86_64", 20_211_103, true)).expect_err("another mode");
        assert!(reason.contains("renewal") && reason.contains("pre-renewal"), "{reason}");
        let reason = layouts.of(&build("plan9-mips", 20_211_103, false)).expect_err("no such machine");
        assert!(reason.contains("plan9-mips") && reason.contains("linux-x86_64"), "{reason}");
    }

    #[test]
    fn a_windows_save_becomes_a_linux_one() {
        let mut image = CharacterImage::zeroed();
        image.set_title(7);
        image.set_inventory_slots(100);
        let save = Save { account: AccountId(1), character: CharacterId(2), last: 1, image }.encode();
        let windows = Layouts::default().of(&build("windows-x86_64", 20_211_103, false)).expect("known");
        let theirs = Transcoder::new(
            Build::CANONICAL,
            Build { abi: bifrost_protocol::layout::Abi::WindowsX8664, ..Build::CANONICAL },
        );
        let sent = theirs.to_char_server(&save).expect("fits");
        assert_ne!(sent.len(), save.len());
        let both = [sent.clone(), sent.clone()].concat().into();
        assert_eq!(windows.canonical_all(&both).expect("whole"), [save.clone(), save].concat());
        assert!(windows.canonical_all(&sent.slice(..sent.len() - 1)).is_err());
    }
}
