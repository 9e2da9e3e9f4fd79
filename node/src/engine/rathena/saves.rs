//! Saves: the packets of one `chrif_save` are put together and packed against the save before. No IO, no clock.
//!
//! A stock map-server writes a save without anything in between: 0x2b1c and 0x2b15 when the character leaves, 0x2b2e, then
//! storages and registry, 0x2b01, then pet, homunculus, mercenary, elemental, quests and achievements
//! (`chrif.cpp`, `chrif_save`). Only the last group may be missing at its end, so a save is over when something else
//! follows, or nothing does for [`TRAIL`]. What is not a part of a save passes at its place in the order.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bifrost_protocol::control::SaveBundle;
use bifrost_protocol::frame::packet_id;
use bifrost_protocol::save::{MAX_SAVE, fingerprint, pack, unpack};
use bytes::Bytes;
use thiserror::Error;

/// How long the last parts may follow 0x2b01. They are written in the same turn of the game loop.
const TRAIL: Duration = Duration::from_millis(3);
/// Characters whose last save is remembered to tell the next one from: more than any host may carry players.
const MAX_BASES: usize = 4_096;
/// Characters whose saves are numbered on one stream. Only a flood has more.
const MAX_CHARACTERS: usize = 65_536;

/// What goes to the coordinator, in this order.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Output {
    /// A packet that is not part of a save.
    Packet(Bytes),
    /// A whole save.
    Save(SaveBundle),
}

/// More characters are saved than there can be.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("saves of more than {MAX_CHARACTERS} characters")]
pub(super) struct TooMany;

/// The saves of one inter stream.
#[derive(Debug, Default)]
pub(super) struct Collector {
    open: Option<Open>,
    characters: HashMap<u32, Track>,
    bases: usize,
    saves: u64,
}

/// A save that is not complete.
#[derive(Debug)]
struct Open {
    character: u32,
    account: Option<u32>,
    parts: Vec<Bytes>,
    len: usize,
    /// Once 0x2b01 is there: until when more may follow.
    until: Option<Instant>,
    /// Whether the character leaves.
    last: bool,
}

/// What is known of a character's saves.
#[derive(Debug, Default)]
struct Track {
    sequence: u64,
    /// The last save, packed on its own, and its length.
    base: Option<(Vec<u8>, usize)>,
    /// The number of that save among all, to find the oldest.
    used: u64,
}

/// Whose part of a save a packet is, as far as it says.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Owner {
    account: Option<u32>,
    character: Option<u32>,
}

/// Where a packet stands in a save.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    /// It begins one, or goes on with one.
    First,
    /// Between the beginning and 0x2b01.
    Middle,
    /// 0x2b01.
    Character,
    /// After 0x2b01.
    Trailing,
}

impl Collector {
    /// Takes the engine's next packet.
    ///
    /// # Errors
    /// [`TooMany`]: the stream cannot go on.
    pub(super) fn take(&mut self, packet: Bytes, now: Instant) -> Result<Vec<Output>, TooMany> {
        let Some((place, owner)) = part(&packet) else {
            let mut outputs = self.flush()?;
            outputs.push(Output::Packet(packet));
            return Ok(outputs);
        };
        let mut outputs = Vec::new();
        if !self.open.as_ref().is_some_and(|open| open.takes(place, owner, packet.len())) {
            outputs = self.flush()?;
            match (place, owner.character) {
                (Place::First, Some(character)) => self.open = Some(Open::new(character)),
                // Written on its own: a storage that was closed, a pet that was fed.
                (Place::First | Place::Middle | Place::Character | Place::Trailing, _) => {
                    outputs.push(Output::Packet(packet));
                    return Ok(outputs);
                }
            }
        }
        if let Some(open) = &mut self.open {
            open.add(place, owner, packet, now);
        }
        Ok(outputs)
    }

    /// When [`tick`](Self::tick) is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.open.as_ref().and_then(|open| open.until)
    }

    /// Gives out a save after which nothing has come.
    ///
    /// # Errors
    /// [`TooMany`].
    pub(super) fn tick(&mut self, now: Instant) -> Result<Vec<Output>, TooMany> {
        if self.deadline().is_some_and(|until| until <= now) { self.flush() } else { Ok(Vec::new()) }
    }

    /// The engine's link has ended: a complete save goes out, the beginning of one is worth nothing.
    ///
    /// # Errors
    /// [`TooMany`].
    pub(super) fn end(&mut self) -> Result<Vec<Output>, TooMany> {
        self.open = self.open.take().filter(|open| open.until.is_some());
        self.flush()
    }

    /// The coordinator could not rebuild a save: the next one of this character stands on its own.
    pub(super) fn forget_base(&mut self, character: u32) {
        if self.characters.get_mut(&character).and_then(|track| track.base.take()).is_some() {
            self.bases -= 1;
        }
    }

    /// Closes what is open: as a save when it is complete, else as the packets it was made of.
    fn flush(&mut self) -> Result<Vec<Output>, TooMany> {
        let Some(open) = self.open.take() else { return Ok(Vec::new()) };
        let packets = open.parts.concat();
        match open.account.filter(|_| open.until.is_some()) {
            Some(account) => Ok(vec![Output::Save(self.bundle(open.character, account, &packets, open.last)?)]),
            None => Ok(open.parts.into_iter().map(Output::Packet).collect()),
        }
    }

    fn bundle(&mut self, character: u32, account: u32, packets: &[u8], last: bool) -> Result<SaveBundle, TooMany> {
        if !self.characters.contains_key(&character) && self.characters.len() >= MAX_CHARACTERS {
            return Err(TooMany);
        }
        self.saves += 1;
        let track = self.characters.entry(character).or_default();
        let before = track.base.take();
        self.bases -= usize::from(before.is_some());
        // What was packed here unpacks here; if not, the save stands on its own.
        let base = before.and_then(|(packed, len)| unpack(&[], &packed, len).ok());
        // A save has at most MAX_SAVE bytes, which is all that packing asks for.
        let delta = pack(base.as_deref().unwrap_or_default(), packets).unwrap_or_default();
        let bundle = SaveBundle {
            character,
            account,
            sequence: track.sequence + 1,
            base: if base.is_some() { track.sequence } else { 0 },
            len: u32::try_from(packets.len()).unwrap_or(u32::MAX),
            delta,
            hash: fingerprint(packets).to_vec(),
        };
        track.sequence += 1;
        track.used = self.saves;
        if !last && let Ok(whole) = pack(&[], packets) {
            track.base = Some((whole, packets.len()));
            self.bases += 1;
        }
        self.evict();
        Ok(bundle)
    }

    /// Keeps the number of remembered saves within its bound.
    fn evict(&mut self) {
        if self.bases <= MAX_BASES {
            return;
        }
        let kept = self.characters.iter().filter(|(_, track)| track.base.is_some());
        if let Some(oldest) = kept.min_by_key(|(_, track)| track.used).map(|(character, _)| *character) {
            self.forget_base(oldest);
        }
    }
}

impl Open {
    fn new(character: u32) -> Self {
        Self { character, account: None, parts: Vec::new(), len: 0, until: None, last: false }
    }

    /// Whether a packet goes on with this save.
    fn takes(&self, place: Place, owner: Owner, len: usize) -> bool {
        let same = |known: Option<u32>, said: Option<u32>| known.is_none() || said.is_none() || known == said;
        let begun = match place {
            // 0x2b1c and 0x2b15 come before 0x2b2e; after anything else a new save begins.
            Place::First => self.parts.iter().all(|part| part_place(part) == Some(Place::First)),
            Place::Middle | Place::Character => true,
            Place::Trailing => self.until.is_some(),
        };
        let over = self.until.is_some() && place != Place::Trailing;
        let its_own = same(Some(self.character), owner.character) && same(self.account, owner.account);
        begun && !over && its_own && self.len + len <= MAX_SAVE
    }

    fn add(&mut self, place: Place, owner: Owner, packet: Bytes, now: Instant) {
        self.len += packet.len();
        self.account = self.account.or(owner.account);
        if place == Place::Character {
            self.last = packet.get(LAST_FLAG) == Some(&1);
        }
        if matches!(place, Place::Character | Place::Trailing) {
            self.until = Some(now + TRAIL);
        }
        self.parts.push(packet);
    }
}

/// Where the flag of 0x2b01 stands that says that the character leaves.
const LAST_FLAG: usize = 12;

fn part_place(packet: &[u8]) -> Option<Place> {
    part(packet).map(|(place, _)| place)
}

/// Reads whether a packet is part of a save, and whose: offsets as in `chrif.cpp` and `intif.cpp`, the same in every build.
fn part(packet: &[u8]) -> Option<(Place, Owner)> {
    let at = |offset: usize| {
        let bytes = packet.get(offset..)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes))
    };
    let both = |account, character| Owner { account: at(account), character: at(character) };
    let account = |offset| Owner { account: at(offset), character: None };
    let character = |offset| Owner { account: None, character: at(offset) };
    Some(match packet_id(packet).ok()? {
        // Status effects, cooldowns; bonus scripts.
        0x2b1c | 0x2b15 => (Place::First, both(4, 8)),
        0x2b2e => (Place::First, character(4)),
        // Storages, guild storage, registry.
        0x308b => (Place::Middle, both(5, 9)),
        0x3019 => (Place::Middle, account(4)),
        0x3004 => (Place::Middle, both(4, 8)),
        0x2b01 => (Place::Character, both(4, 8)),
        // Pet, homunculus; mercenary, elemental; quests, achievements.
        0x3082 | 0x3092 => (Place::Trailing, account(4)),
        0x3073 | 0x307f => (Place::Trailing, character(8)),
        0x3061 | 0x3063 => (Place::Trailing, character(4)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
