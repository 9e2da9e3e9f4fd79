//! One save of one character: all its packets, in the order `chrif_save` sends them, judged as one.

use bifrost_protocol::Packet;
use bifrost_protocol::frame::packet_id;
use bifrost_protocol::ids::{AccountId, CharacterId, MapPoint};
use bifrost_protocol::inter::{MapToChar, Save, StorageSave, map_to_char};
use bifrost_protocol::layout::CharacterImage;
use bytes::Bytes;

use super::asked::Asked;
use super::knowledge;
use super::ruling::{Verdict, Violation, demand, insist};
use super::{Ruling, Subject, character, companions, effects, logbooks, registry, storage};

/// Packets of one save: 16 kinds, and room for variables on several pages and companions that are saved twice.
const MAX_PARTS: usize = 64;

/// Bytes of one save, packets together: a player with all storages open has about 200,000.
pub(super) const MAX_SAVE: usize = 1 << 20;

/// A save that is let through as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct AcceptedSave {
    /// Whose.
    pub account: AccountId,
    /// Which character.
    pub character: CharacterId,
    /// The packets for the char-server, in order, rewritten where they have to be. 0x2b01 is among them as the engine sent
    /// it, with its flag.
    pub parts: Vec<Bytes>,
    /// The character's new state.
    pub image: CharacterImage,
    /// The storages that were saved, as they are now. With `image` and what there was before, this is what a later layer
    /// needs to judge what the host gave.
    pub storages: Vec<StorageSave>,
    /// Whether the character leaves (byte 12 of 0x2b01): the engine waits for 0x2b21.
    pub last: bool,
    /// Where it is going, when that is not a place of this engine; `image` still names where it was.
    pub heading: Option<MapPoint>,
    /// What the engine gets when the save is kept. The char-server's own answers come later and are dropped.
    pub answers: Vec<Bytes>,
}

/// The place of a packet in a save. Those of the last place come in any order, and again: a companion is saved once more
/// when it is taken off the map. `None`: it does not belong in a save.
fn place(id: u16, packet: &[u8]) -> Option<u8> {
    const STORAGE: u8 = 3;
    Some(match id {
        0x2b1c => 0,
        0x2b15 => 1,
        0x2b2e => 2,
        0x308b => match (*packet.get(4)?, *packet.get(13 + 18)?) {
            (1, _) => 4,
            (2, _) => 5,
            (STORAGE, 0) => 3,
            (STORAGE, _) => 7,
            _ => return None,
        },
        0x3019 => 6,
        0x3004 => 8,
        0x2b01 => 9,
        0x3061 | 0x3063 | 0x3073 | 0x307f | 0x3082 | 0x3092 => 10,
        _ => return None,
    })
}

/// Places that may be taken by several packets.
const REPEATED: [u8; 2] = [8, 10];

/// Cuts a save into its packets, which have to be whole and in order.
fn parts(packets: &Bytes) -> Verdict<Vec<(u16, Bytes)>> {
    insist(packets.len() <= MAX_SAVE, "length", || format!("{} bytes", packets.len()))?;
    let (mut rest, mut parts, mut last) = (packets.clone(), Vec::new(), None);
    while !rest.is_empty() {
        let len = map_to_char().measure(&rest)?.filter(|len| *len <= rest.len());
        let Some(len) = len else {
            insist(false, "frame", || format!("{} bytes that are no packet", rest.len()))?;
            break;
        };
        let packet = rest.split_to(len);
        let id = packet_id(&packet)?;
        let found = place(id, &packet);
        insist(found.is_some(), "save_order", || format!("0x{id:04x} in a save"))?;
        let ordered = last < found || (last == found && found.is_some_and(|place| REPEATED.contains(&place)));
        insist(ordered && parts.len() < MAX_PARTS, "save_order", || format!("0x{id:04x} after place {last:?}"))?;
        last = found;
        parts.push((id, packet));
    }
    for needed in [BONUSES, STATE] {
        let found = parts.iter().any(|(id, _)| *id == needed);
        insist(found, "save_incomplete", || format!("without 0x{needed:04x}"))?;
    }
    Ok(parts)
}

/// 0x2b2e: with it every save starts, unless the character leaves.
const BONUSES: u16 = 0x2b2e;

/// 0x2b01: the character itself.
const STATE: u16 = 0x2b01;

/// Judges a whole save of `character`. Of one that is refused nothing is remembered.
pub(super) fn judge(asked: &mut Asked<'_>, character: CharacterId) -> Verdict<AcceptedSave> {
    let packets = asked.packet.clone();
    let parts = parts(&packets)?;
    let subject = asked.character(character)?;
    let (mut accepted, cut) = state(asked, &subject, &parts)?;
    for (id, packet) in &parts {
        let part = match *id {
            STATE => rewritten(packet, &accepted)?,
            id => part(asked, &subject, id, packet, &mut accepted)?,
        };
        accepted.parts.push(part);
    }
    take_eggs(asked, &accepted);
    for violation in cut {
        asked.guard.cut(asked.engine, violation);
    }
    Ok(accepted)
}

/// Eggs in its bags that belonged to somebody on this engine are its own now: they were traded, or lay on the ground. Of
/// others nothing is believed: whoever owns an egg may load the animal, and save it as another.
fn take_eggs(asked: &mut Asked<'_>, accepted: &AcceptedSave) {
    for storage in &accepted.storages {
        for egg in knowledge::eggs(&knowledge::items(&storage.image)) {
            let owner = asked.guard.knowledge.belongings.owner(egg);
            if owner.is_some_and(|owner| asked.sessions.by_character(owner).is_some()) {
                asked.knowledge().belongings.add(accepted.character, egg);
            }
        }
    }
}

/// The character itself, which the save is about.
fn state(asked: &Asked<'_>, subject: &Subject<'_>, parts: &[(u16, Bytes)]) -> Verdict<(AcceptedSave, Vec<Violation>)> {
    let state = parts.iter().find(|(id, _)| *id == STATE).map(|(_, packet)| packet.clone()).unwrap_or_default();
    let said = Save::decode(&state)?;
    let own = said.account == subject.account && said.character == subject.character;
    insist(own, "identity", || format!("header of account {} character {}", said.account, said.character))?;
    insist(said.last <= 1, "save_flag", || format!("flag {}", said.last))?;
    let state = character::accept(asked, subject, &said.image)?;
    let accepted = AcceptedSave {
        account: subject.account,
        character: subject.character,
        parts: Vec::new(),
        image: state.image,
        storages: Vec::new(),
        last: said.last == 1,
        heading: state.heading,
        answers: Vec::new(),
    };
    Ok((accepted, state.cut))
}

/// 0x2b01 with the state as it was accepted.
fn rewritten(packet: &Bytes, accepted: &AcceptedSave) -> Verdict<Bytes> {
    let said = Save::decode(packet)?;
    Ok(MapToChar::Save(Save { image: accepted.image.clone(), ..said }).encode())
}

/// One of the other packets.
fn part(
    asked: &mut Asked<'_>,
    subject: &Subject<'_>,
    id: u16,
    packet: &Bytes,
    accepted: &mut AcceptedSave,
) -> Verdict<Bytes> {
    match id {
        0x2b1c => effects::statuses(subject, packet)?,
        0x2b15 => effects::cooldowns(subject, packet)?,
        BONUSES => return effects::bonuses(asked, subject, packet),
        0x3004 => return registry::part(asked, subject, packet),
        0x308b => {
            let (storage, answer) = storage::save(asked, subject, packet)?;
            accepted.storages.push(storage);
            accepted.answers.push(answer);
        }
        0x3019 => {
            let (_, answer) = storage::guild_part(asked, packet, Some(subject))?;
            accepted.answers.push(answer);
        }
        id => return alone(asked, subject, id, packet),
    }
    Ok(packet.clone())
}

/// A packet that may also come alone, which has to be about the same player here.
fn alone(asked: &mut Asked<'_>, subject: &Subject<'_>, id: u16, packet: &Bytes) -> Verdict<Bytes> {
    let (engine, sessions, now) = (asked.engine, asked.sessions, asked.now);
    let mut one = Asked { guard: &mut *asked.guard, engine, packet, sessions, now };
    let ruling = match id {
        0x3061 => logbooks::quests(&mut one)?,
        0x3063 => logbooks::achievements(&mut one)?,
        0x3073 => companions::mercenary_save(&mut one)?,
        0x307f => companions::elemental_save(&mut one)?,
        0x3082 => companions::pet_save(&mut one)?,
        _ => companions::homunculus_save(&mut one)?,
    };
    let owner = packet.get(4..8).and_then(|bytes| bytes.first_chunk()).map(|bytes| u32::from_le_bytes(*bytes));
    let own = match id {
        0x3061 | 0x3063 => owner == Some(subject.character.0),
        0x3082 | 0x3092 => owner == Some(subject.account.0),
        // Mercenary and elemental: their own number first.
        _ => packet.get(8..12).is_some_and(|bytes| bytes == subject.character.0.to_le_bytes()),
    };
    demand(own, "identity", || format!("0x{id:04x} of somebody else"))?;
    // Each of these judges only; none rewrites.
    debug_assert!(matches!(ruling, Ruling::Forward(_)), "state is forwarded");
    Ok(packet.clone())
}
