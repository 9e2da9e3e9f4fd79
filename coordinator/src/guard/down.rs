//! Packets of the char-server: whom they are for, and what they teach.

use bifrost_protocol::frame::packet_id;
use bifrost_protocol::ids::{AccountId, CharacterId};
use bifrost_protocol::inter::{
    Authenticated, Bonuses, ElementalLoaded, Fame, GuildAdded, GuildCreated, GuildInfo, GuildLeft, GuildMasterChanged,
    GuildMemberChanged, GuildRankChanged, HomunculusCreated, HomunculusLoaded, MailInbox, MailSent, MailTaken,
    MapsAccepted, MercenaryLoaded, NameFound, PartyAdded, PartyCreated, PartyInfo, PartyLeft, PetCreated, PetLoaded,
    Storage, StorageTables, WhisperAnswer, WhisperReceived, WhisperResult,
};
use bifrost_protocol::layout::{Item, StorageImage};
use bifrost_protocol::{DecodeError, Packet, Reader};
use bytes::Bytes;

use super::knowledge::{self, Companion};
use super::{Guard, Way};

/// The way of one packet.
pub(super) type Told = Result<Way, DecodeError>;

/// A 32-bit number at `offset`.
fn number(packet: &[u8], offset: usize) -> Result<u32, DecodeError> {
    let mut reader = Reader::new(packet);
    reader.skip("head", offset)?;
    reader.u32("id")
}

/// The fleet's own business.
pub(super) fn fleet(_: &mut Guard, _: &Bytes) -> Told {
    Ok(Way::Fleet)
}

/// For everybody.
pub(super) fn all(_: &mut Guard, _: &Bytes) -> Told {
    Ok(Way::All)
}

/// For game masters.
pub(super) fn masters(_: &mut Guard, _: &Bytes) -> Told {
    Ok(Way::Masters)
}

/// For nobody.
pub(super) fn nobody(_: &mut Guard, _: &Bytes) -> Told {
    Ok(Way::Drop)
}

/// For the player of the account at `OFFSET`.
pub(super) fn account<const OFFSET: usize>(_: &mut Guard, packet: &Bytes) -> Told {
    number(packet, OFFSET).map(|account| Way::Account(AccountId(account)))
}

/// For the player of the character at `OFFSET`.
pub(super) fn character<const OFFSET: usize>(guard: &mut Guard, packet: &Bytes) -> Told {
    number(packet, OFFSET).map(|character| guard.knowledge.way_to(CharacterId(character)))
}

/// For the members of the party at `OFFSET`.
pub(super) fn party<const OFFSET: usize>(guard: &mut Guard, packet: &Bytes) -> Told {
    number(packet, OFFSET).map(|party| guard.knowledge.way_to_party(party.cast_signed()))
}

/// For the members of the guild at `OFFSET`.
pub(super) fn guild<const OFFSET: usize>(guard: &mut Guard, packet: &Bytes) -> Told {
    number(packet, OFFSET).map(|guild| guard.knowledge.way_to_guild(guild.cast_signed()))
}

/// For the members of the clan at `OFFSET`.
pub(super) fn clan<const OFFSET: usize>(guard: &mut Guard, packet: &Bytes) -> Told {
    number(packet, OFFSET).map(|clan| guard.knowledge.way_to_clan(clan.cast_signed()))
}

/// 0x2afb: the fleet acts on it, and engines get the same.
pub(super) fn maps_accepted(guard: &mut Guard, packet: &Bytes) -> Told {
    let said = MapsAccepted::decode(packet)?;
    guard.greeting.whisper_name = Some(said.whisper_name.as_bytes().to_vec());
    guard.greeting.accepted = Some(packet.clone());
    Ok(Way::Fleet)
}

/// 0x2afd: somebody comes to the fleet.
pub(super) fn authenticated(guard: &mut Guard, packet: &Bytes) -> Told {
    let said = Authenticated::decode(packet)?;
    guard.knowledge.enters(&said.image);
    Ok(Way::Fleet)
}

/// 0x2b1b.
pub(super) fn fame(guard: &mut Guard, packet: &Bytes) -> Told {
    Fame::decode(packet)?;
    guard.greeting.fame = Some(packet.clone());
    Ok(Way::All)
}

/// 0x388c.
pub(super) fn storage_tables(guard: &mut Guard, packet: &Bytes) -> Told {
    let said = StorageTables::decode(packet)?;
    guard.greeting.storages = said.tables.0.iter().map(|table| table.id).collect();
    guard.greeting.storage_tables = Some(packet.clone());
    Ok(Way::Fleet)
}

/// 0x2b09.
pub(super) fn name(guard: &mut Guard, packet: &Bytes) -> Told {
    let said = NameFound::decode(packet)?;
    let engines = guard.knowledge.name_answered(said.character);
    Ok(if engines.is_empty() { Way::Drop } else { Way::Engines(engines) })
}

/// 0x2b0d: the account's player changes its sex, and will be saved with the other one.
pub(super) fn sex(guard: &mut Guard, packet: &Bytes) -> Told {
    let account = AccountId(number(packet, 2)?);
    let character = guard.knowledge.character_of(account);
    if let Some(known) = character.and_then(|character| guard.knowledge.member_mut(character)) {
        known.sex_changed = true;
    }
    Ok(Way::Account(account))
}

/// 0x2b12.
pub(super) fn divorced(guard: &mut Guard, packet: &Bytes) -> Told {
    Ok(guard.knowledge.divorced(&Packet::decode(packet)?))
}

/// 0x2b25.
pub(super) fn baby_removed(guard: &mut Guard, packet: &Bytes) -> Told {
    Ok(guard.knowledge.baby_removed(&Packet::decode(packet)?))
}

/// 0x2b2f.
pub(super) fn bonuses(guard: &mut Guard, packet: &Bytes) -> Told {
    let said = Bonuses::decode(packet)?;
    let way = guard.knowledge.way_to(said.character);
    if way != Way::Drop {
        guard.knowledge.belongings.scripts_handed_out(said.character, said.scripts.0);
    }
    Ok(way)
}

/// 0x3801: the fleet is one map-server, and has to answer once.
pub(super) fn whisper(guard: &mut Guard, packet: &Bytes) -> Told {
    let said = WhisperReceived::decode(packet)?;
    Ok(match guard.knowledge.named(said.to.as_bytes()) {
        Some(to) => {
            guard.knowledge.whispered(said.id, to);
            guard.knowledge.way_to(to)
        }
        None => Way::Back(WhisperAnswer { id: said.id, result: 1 }.encode()),
    })
}

/// 0x3802.
pub(super) fn whisper_result(guard: &mut Guard, packet: &Bytes) -> Told {
    let said = WhisperResult::decode(packet)?;
    Ok(guard.knowledge.named(said.from.as_bytes()).map_or(Way::Drop, |from| guard.knowledge.way_to(from)))
}

/// 0x3818: nothing is in it when there is no such guild.
pub(super) fn guild_storage(guard: &mut Guard, packet: &Bytes) -> Told {
    let account = AccountId(number(packet, 4)?);
    if let (Some(image), Some(character)) = (packet.get(13..), guard.knowledge.character_of(account)) {
        let image = StorageImage::from_bytes(image)?;
        has_eggs(guard, character, &knowledge::items(&image));
    }
    Ok(Way::Account(account))
}

/// 0x3820.
pub(super) fn party_created(guard: &mut Guard, packet: &Bytes) -> Told {
    Ok(guard.knowledge.party_created(&PartyCreated::decode(packet)?))
}

/// 0x3821: nothing is in it when there is no such party.
pub(super) fn party_info(guard: &mut Guard, packet: &Bytes) -> Told {
    if packet.len() == 12 {
        return character::<4>(guard, packet);
    }
    let said = PartyInfo::decode(packet)?;
    Ok(guard.knowledge.party_described(said.character, &said.party))
}

/// 0x3822.
pub(super) fn party_added(guard: &mut Guard, packet: &Bytes) -> Told {
    Ok(guard.knowledge.party_added(&PartyAdded::decode(packet)?))
}

/// 0x3824.
pub(super) fn party_left(guard: &mut Guard, packet: &Bytes) -> Told {
    Ok(guard.knowledge.party_left(&PartyLeft::decode(packet)?))
}

/// 0x3826.
pub(super) fn party_broken(guard: &mut Guard, packet: &Bytes) -> Told {
    Ok(guard.knowledge.party_broken(number(packet, 2)?.cast_signed()))
}

/// 0x3830.
pub(super) fn guild_created(guard: &mut Guard, packet: &Bytes) -> Told {
    Ok(guard.knowledge.guild_created(&GuildCreated::decode(packet)?))
}

/// 0x3831: nothing is in it when there is no such guild.
pub(super) fn guild_info(guard: &mut Guard, packet: &Bytes) -> Told {
    if packet.len() == 8 {
        return guild::<4>(guard, packet);
    }
    Ok(guard.knowledge.guild_described(&GuildInfo::decode(packet)?.guild))
}

/// 0x3832.
pub(super) fn guild_added(guard: &mut Guard, packet: &Bytes) -> Told {
    Ok(guard.knowledge.guild_added(&GuildAdded::decode(packet)?))
}

/// 0x3834.
pub(super) fn guild_left(guard: &mut Guard, packet: &Bytes) -> Told {
    Ok(guard.knowledge.guild_left(&GuildLeft::decode(packet)?))
}

/// 0x3836.
pub(super) fn guild_broken(guard: &mut Guard, packet: &Bytes) -> Told {
    Ok(guard.knowledge.guild_broken(number(packet, 2)?.cast_signed()))
}

/// 0x383a.
pub(super) fn guild_member(guard: &mut Guard, packet: &Bytes) -> Told {
    Ok(guard.knowledge.guild_member_changed(&GuildMemberChanged::decode(packet)?))
}

/// 0x383b.
pub(super) fn guild_rank(guard: &mut Guard, packet: &Bytes) -> Told {
    Ok(guard.knowledge.guild_rank_changed(&GuildRankChanged::decode(packet)?))
}

/// 0x383d.
pub(super) fn guild_alliance(guard: &mut Guard, packet: &Bytes) -> Told {
    let guilds = [number(packet, 2)?.cast_signed(), number(packet, 6)?.cast_signed()];
    Ok(guard.knowledge.way_to_guilds(guilds))
}

/// 0x3843.
pub(super) fn guild_master(guard: &mut Guard, packet: &Bytes) -> Told {
    Ok(guard.knowledge.guild_master_changed(&GuildMasterChanged::decode(packet)?))
}

/// 0x3848.
pub(super) fn mail_inbox(guard: &mut Guard, packet: &Bytes) -> Told {
    let said = MailInbox::decode(packet)?;
    let way = guard.knowledge.way_to(said.character);
    if way != Way::Drop {
        guard.knowledge.belongings.inbox(said.character, &said.messages.0);
    }
    Ok(way)
}

/// 0x384a.
pub(super) fn mail_taken(guard: &mut Guard, packet: &Bytes) -> Told {
    let said = MailTaken::decode(packet)?;
    let way = guard.knowledge.way_to(said.character);
    if way != Way::Drop {
        has_eggs(guard, said.character, &said.items.0);
    }
    Ok(way)
}

/// 0x384d: what could not be sent goes back.
pub(super) fn mail_sent(guard: &mut Guard, packet: &Bytes) -> Told {
    let said = MailSent::decode(packet)?.message;
    let way = guard.knowledge.way_to(said.from);
    if said.id == 0 && way != Way::Drop {
        has_eggs(guard, said.from, &said.items.0);
    }
    Ok(way)
}

/// 0x3856 and 0x3857: to the engine that asked, known by the low 16 bits of the guild.
pub(super) fn bound_items(guard: &mut Guard, packet: &Bytes) -> Told {
    let mut reader = Reader::new(packet);
    reader.skip("head", 6)?;
    let guild = reader.u16("guild")?;
    Ok(guard.knowledge.bound_requests.remove(&guild).map_or(Way::Drop, Way::Engine))
}

/// A character has something with a row of its own.
fn has(guard: &mut Guard, character: CharacterId, companion: Companion) -> Way {
    let way = guard.knowledge.way_to(character);
    if way != Way::Drop {
        guard.knowledge.belongings.add(character, companion);
    }
    way
}

/// A character has the eggs among these items.
fn has_eggs(guard: &mut Guard, character: CharacterId, items: &[Item]) {
    for egg in knowledge::eggs(items) {
        guard.knowledge.belongings.add(character, egg);
    }
}

/// 0x3870: what did not succeed means nothing, and engines do nothing with it.
pub(super) fn mercenary(guard: &mut Guard, packet: &Bytes) -> Told {
    let said = MercenaryLoaded::decode(packet)?;
    let (character, id) = (said.mercenary.character, said.mercenary.id);
    Ok(if said.ok == 0 { Way::Drop } else { has(guard, character, Companion::Mercenary(id)) })
}

/// 0x387c.
pub(super) fn elemental(guard: &mut Guard, packet: &Bytes) -> Told {
    let said = ElementalLoaded::decode(packet)?;
    let (character, id) = (said.elemental.character, said.elemental.id);
    Ok(if said.ok == 0 { Way::Drop } else { has(guard, character, Companion::Elemental(id)) })
}

/// 0x3880: of an account, whose player gets an egg.
pub(super) fn pet_created(guard: &mut Guard, packet: &Bytes) -> Told {
    let said = PetCreated::decode(packet)?;
    if let Some(character) = guard.knowledge.character_of(said.account) {
        has(guard, character, Companion::Pet(said.pet));
    }
    Ok(Way::Account(said.account))
}

/// 0x3881: one that was asked for, or has just been made.
pub(super) fn pet(guard: &mut Guard, packet: &Bytes) -> Told {
    let said = PetLoaded::decode(packet)?;
    if said.failed == 0
        && let Some(character) = guard.knowledge.character_of(said.account)
    {
        has(guard, character, Companion::Pet(said.pet.id));
    }
    Ok(Way::Account(said.account))
}

/// 0x3890 and 0x3891.
pub(super) fn homunculus(guard: &mut Guard, packet: &Bytes) -> Told {
    let (account, ok, said) = match packet_id(packet)? {
        HomunculusCreated::ID => {
            let said = HomunculusCreated::decode(packet)?;
            (said.account, said.ok, said.homunculus)
        }
        _ => {
            let said = HomunculusLoaded::decode(packet)?;
            (said.account, said.ok, said.homunculus)
        }
    };
    if ok != 0 && guard.knowledge.character_of(account) == Some(said.character) {
        has(guard, said.character, Companion::Homunculus(said.id));
    }
    Ok(Way::Account(account))
}

/// 0x388a.
pub(super) fn storage(guard: &mut Guard, packet: &Bytes) -> Told {
    let said = Storage::decode(packet)?;
    if said.loaded != 0
        && let Some(character) = guard.knowledge.character_of(said.account)
    {
        has_eggs(guard, character, &knowledge::items(&said.image));
    }
    Ok(Way::Account(said.account))
}

/// 0x38a0.
pub(super) fn clans(guard: &mut Guard, _: &Bytes) -> Told {
    Ok(guard.knowledge.clans_answered().map_or(Way::Drop, Way::Engine))
}
