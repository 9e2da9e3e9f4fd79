//! What a stock map-server saves of a character beside `mmo_charstatus`: storages, registry, effects, quests, companions.
//!
//! Each part is kept packed (a cart of 46 KB is some 100 bytes), with what the char-server already has of it, so that it gets
//! only what changed, at the coordinator's pace. Pure.

use std::collections::BTreeMap;

use bifrost_protocol::ids::{AccountId, CharacterId};
use bifrost_protocol::inter::{Counted, RegistryChange, RegistryKey, RegistrySave, StorageSave};
use bifrost_protocol::save::{fingerprint, pack, unpack};
use bifrost_protocol::{Packet, frame};
use bytes::Bytes;
use prost::Message;

/// Registry values that may wait for the char-server. A script that sets more than this between two saves is not one.
const MAX_REGISTRY: usize = 4_096;
/// Registry values in one packet: with the longest keys and texts they fit its 16-bit length.
const REGISTRY_PAGE: usize = 180;

/// A part of a save. The order is that of `chrif_save`: what has to be written before the character comes first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Part {
    /// Status effects (0x2b1c), when it leaves.
    Effects,
    /// Skill cooldowns (0x2b15), when it leaves.
    Cooldowns,
    /// Bonus scripts (0x2b2e).
    Bonuses,
    /// A storage (0x308b): its kind and number.
    Storage(u8, u8),
    /// The guild's storage (0x3019).
    GuildStorage,
    /// The pet (0x3082).
    Pet,
    /// The homunculus (0x3092).
    Homunculus,
    /// The mercenary (0x3073).
    Mercenary,
    /// The elemental (0x307f).
    Elemental,
    /// Quests (0x3061).
    Quests,
    /// Achievements (0x3063).
    Achievements,
}

impl Part {
    /// Which part a packet is; `None` for the character itself, the registry, and whatever is not saved.
    #[must_use]
    pub fn of(packet: &[u8]) -> Option<Self> {
        Some(match frame::packet_id(packet).ok()? {
            0x2b1c => Self::Effects,
            0x2b15 => Self::Cooldowns,
            0x2b2e => Self::Bonuses,
            0x308b => Self::Storage(*packet.get(4)?, *packet.get(13 + STORAGE_NUMBER)?),
            0x3019 => Self::GuildStorage,
            0x3082 => Self::Pet,
            0x3092 => Self::Homunculus,
            0x3073 => Self::Mercenary,
            0x307f => Self::Elemental,
            0x3061 => Self::Quests,
            0x3063 => Self::Achievements,
            _ => return None,
        })
    }

    /// Whether the char-server adds to what it has instead of replacing it, or drops it when it is loaded: such a part is
    /// sent when the character leaves, not in between.
    fn only_when_leaving(self) -> bool {
        matches!(self, Self::Effects | Self::Cooldowns)
    }

    /// Whether it is written before the character.
    fn comes_first(self) -> bool {
        self <= Self::GuildStorage
    }
}

/// The parts of one character's state.
#[derive(Clone, Debug, Default)]
pub struct Saves {
    pieces: BTreeMap<Part, Piece>,
    /// Values that the char-server has not got, by key and index.
    registry: BTreeMap<(RegistryKey, u32), RegistryChange>,
}

/// One part, packed.
#[derive(Clone, Debug)]
struct Piece {
    packed: Vec<u8>,
    len: usize,
    hash: [u8; 16],
    /// Whether the char-server has exactly this.
    sent: bool,
}

/// Packets to be sent around the character's own.
#[derive(Debug, Default)]
pub struct Pending {
    /// Before 0x2b01.
    pub before: Vec<Bytes>,
    /// After it.
    pub after: Vec<Bytes>,
}

impl Saves {
    /// Takes in the parts of one save; packets that are none change nothing. `false` when the registry takes no more: it has
    /// to be sent.
    pub fn put(&mut self, packets: &[Bytes]) -> bool {
        packets.iter().for_each(|packet| self.put_one(packet));
        let has = |part| packets.iter().any(|packet| Part::of(packet) == Some(part));
        if has(Part::Effects) && !has(Part::Cooldowns) {
            // A map-server that lets a player go says nothing of cooldowns when there are none left.
            self.pieces.remove(&Part::Cooldowns);
        }
        self.registry.len() < MAX_REGISTRY
    }

    /// Takes in one part.
    pub fn put_one(&mut self, packet: &Bytes) {
        if let Some(part) = Part::of(packet) {
            let hash = fingerprint(packet);
            // Cooldowns are gone at the char-server once they were handed out: the same ones are news again.
            let known = self.pieces.get(&part).is_some_and(|piece| piece.hash == hash) && part != Part::Cooldowns;
            if !known && let Ok(packed) = pack(&[], packet) {
                self.pieces.insert(part, Piece { packed, len: packet.len(), hash, sent: false });
            }
        } else if let Ok(save) = RegistrySave::decode(packet) {
            for change in save.changes.0 {
                self.registry.insert((change.key.clone(), change.index), change);
            }
        }
    }

    /// What the char-server lacks. It counts as sent from now on.
    pub fn take_pending(&mut self, account: AccountId, character: CharacterId, leaving: bool) -> Pending {
        let mut pending = Pending::default();
        for (part, piece) in &mut self.pieces {
            if piece.sent || (part.only_when_leaving() && !leaving) {
                continue;
            }
            let Ok(packet) = unpack(&[], &piece.packed, piece.len) else { continue };
            piece.sent = true;
            if part.comes_first() { &mut pending.before } else { &mut pending.after }.push(packet.into());
        }
        let changes: Vec<_> = std::mem::take(&mut self.registry).into_values().collect();
        for page in changes.chunks(REGISTRY_PAGE) {
            let save = RegistrySave { account, character, changes: Counted(page.to_vec()) };
            pending.before.push(save.encode());
        }
        pending
    }

    /// The inventory, cart and storages among them.
    pub fn storages(&self) -> impl Iterator<Item = StorageSave> + '_ {
        let pieces = self.pieces.iter().filter(|(part, _)| matches!(part, Part::Storage(..)));
        pieces.filter_map(|(_, piece)| {
            let packet: Bytes = unpack(&[], &piece.packed, piece.len).ok()?.into();
            StorageSave::decode(&packet).ok()
        })
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty() && self.registry.is_empty()
    }

    /// What was sent may not have arrived.
    pub fn forget_sent(&mut self) {
        self.pieces.values_mut().for_each(|piece| piece.sent = false);
    }

    /// Whether the char-server lacks anything that can be sent now.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        !self.registry.is_empty() || self.pieces.iter().any(|(part, piece)| !piece.sent && !part.only_when_leaving())
    }

    /// For the journal.
    #[must_use]
    pub fn to_kept(&self, account: AccountId, character: CharacterId) -> Vec<KeptPiece> {
        let piece = |piece: &Piece| KeptPiece {
            packed: piece.packed.clone(),
            len: u32::try_from(piece.len).unwrap_or_default(),
            sent: piece.sent,
        };
        let mut kept: Vec<_> = self.pieces.values().map(piece).collect();
        let mut registry = Self { pieces: BTreeMap::new(), registry: self.registry.clone() };
        let pages = registry.take_pending(account, character, false).before;
        kept.extend(pages.iter().filter_map(|page| {
            let packed = pack(&[], page).ok()?;
            Some(KeptPiece { packed, len: u32::try_from(page.len()).ok()?, sent: false })
        }));
        kept
    }

    /// From the journal. What cannot be read is left out.
    #[must_use]
    pub fn from_kept(kept: &[KeptPiece]) -> Self {
        let mut saves = Self::default();
        for piece in kept {
            let len = usize::try_from(piece.len).unwrap_or(usize::MAX);
            let Ok(packet) = unpack(&[], &piece.packed, len).map(Bytes::from) else { continue };
            saves.put_one(&packet);
            if let (true, Some(part)) = (piece.sent, Part::of(&packet))
                && let Some(known) = saves.pieces.get_mut(&part)
            {
                known.sent = true;
            }
        }
        saves
    }
}

/// One part in the journal.
#[derive(Clone, PartialEq, Message)]
pub struct KeptPiece {
    /// The packet, packed.
    #[prost(bytes = "vec", tag = "1")]
    pub packed: Vec<u8>,
    /// Its length, in bytes.
    #[prost(uint32, tag = "2")]
    pub len: u32,
    /// Whether the char-server had it.
    #[prost(bool, tag = "3")]
    pub sent: bool,
}

/// Offset of `stor_id` in `s_storage`.
const STORAGE_NUMBER: usize = 18;

#[cfg(test)]
mod tests {
    use bifrost_protocol::inter::{CooldownSave, RegistryUpdate, StorageKind};
    use bifrost_protocol::layout::StorageImage;

    use super::*;

    fn inventory(amount: u16) -> Bytes {
        let mut image = StorageImage::zeroed();
        image.set_amount(amount);
        let (account, character) = (AccountId(1), CharacterId(2));
        StorageSave { kind: StorageKind::INVENTORY, account, character, image }.encode()
    }

    fn registry(value: i64) -> Bytes {
        let change = RegistryChange {
            key: RegistryKey::new("quest").expect("legal"),
            index: 0,
            value: RegistryUpdate::Number(value),
        };
        RegistrySave { account: AccountId(1), character: CharacterId(2), changes: Counted(vec![change]) }.encode()
    }

    #[test]
    fn the_char_server_gets_what_changed_and_nothing_twice() {
        let mut saves = Saves::default();
        saves.put_one(&inventory(1));
        assert_eq!(saves.take_pending(AccountId(1), CharacterId(2), false).before, [inventory(1)]);
        saves.put_one(&inventory(1));
        assert!(!saves.is_pending());
        saves.put_one(&inventory(2));
        assert_eq!(saves.take_pending(AccountId(1), CharacterId(2), false).before, [inventory(2)]);
        saves.forget_sent();
        assert_eq!(
            saves.take_pending(AccountId(1), CharacterId(2), false).before,
            [inventory(2)],
            "the link broke: it may not have arrived"
        );
    }

    #[test]
    fn registry_changes_add_up_until_they_are_sent() {
        let mut saves = Saves::default();
        saves.put_one(&registry(1));
        saves.put_one(&registry(2));
        assert_eq!(saves.take_pending(AccountId(1), CharacterId(2), false).before, [registry(2)]);
        assert!(saves.take_pending(AccountId(1), CharacterId(2), true).before.is_empty());
    }

    #[test]
    fn cooldowns_go_only_with_a_character_that_leaves() {
        let save = CooldownSave { account: AccountId(1), character: CharacterId(2), cooldowns: Counted(Vec::new()) };
        let mut saves = Saves::default();
        saves.put_one(&save.encode());
        assert!(!saves.is_pending() && saves.take_pending(AccountId(1), CharacterId(2), false).before.is_empty());
        assert_eq!(saves.take_pending(AccountId(1), CharacterId(2), true).before, [save.encode()]);
    }

    #[test]
    fn the_journal_brings_everything_back() {
        let mut saves = Saves::default();
        saves.put_one(&inventory(1));
        saves.take_pending(AccountId(1), CharacterId(2), false);
        saves.put_one(&registry(7));
        let mut restored = Saves::from_kept(&saves.to_kept(AccountId(1), CharacterId(2)));
        assert_eq!(
            restored.take_pending(AccountId(1), CharacterId(2), false).before,
            [registry(7)],
            "the inventory had been sent"
        );
        restored.forget_sent();
        assert_eq!(restored.take_pending(AccountId(1), CharacterId(2), false).before, [inventory(1)]);
    }
}
