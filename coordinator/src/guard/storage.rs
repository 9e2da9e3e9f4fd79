//! Inventories, carts, storages and those of guilds.

use bifrost_protocol::inter::{GuildStorageRequest, GuildStorageSave, StorageKind, StorageSave, StorageSaved};
use bifrost_protocol::layout::{Item, StorageImage};
use bifrost_protocol::{Packet, Writer};
use bytes::Bytes;

use super::asked::Asked;
use super::ruling::{Verdict, Violation, demand, insist};
use super::{Ruling, Subject, items};

/// `MAX_INVENTORY`: places of an inventory.
const INVENTORY_PLACES: usize = 200;

/// `MAX_CART`: places of a cart.
const CART_PLACES: usize = 100;

/// `TABLE_GUILD_STORAGE`.
const GUILD_KIND: u32 = 4;

/// What any storage has to be: items in its places and nowhere else, each of them possible, no number twice.
fn shape(image: &StorageImage, places: usize) -> Verdict<Vec<Item>> {
    let mut all = Vec::new();
    for (place, item) in image.items() {
        insist(place < places, "storage_places", || format!("item {} in place {place} of {places}", item.kind))?;
        items::plain(&item)?;
        all.push(item);
    }
    let mut unique: Vec<u64> = all.iter().map(|item| item.unique_id).filter(|id| *id != 0).collect();
    let count = unique.len();
    unique.sort_unstable();
    unique.dedup();
    demand(unique.len() == count, "item_twice", || "two items have one unique number".to_owned())?;
    Ok(all)
}

/// Nothing that does not lie in an inventory is worn.
fn stowed(all: &[Item]) -> Verdict<()> {
    let worn = all.iter().find(|item| item.equip != 0 || item.equip_switch != 0);
    demand(worn.is_none(), "item_equip", || format!("item {} is worn in a storage", worn.map_or(0, |item| item.kind)))
}

/// 0x308b, as a part of a save: the player's own, of a kind there is. The answer is given when the save is taken.
pub(super) fn save(asked: &Asked<'_>, subject: &Subject<'_>, packet: &Bytes) -> Verdict<(StorageSave, Bytes)> {
    let said = StorageSave::decode(packet)?;
    let own = said.account == subject.account && said.character == subject.character;
    insist(own, "identity", || format!("of account {} character {}", said.account, said.character))?;
    let head = said.image.view();
    let (owner, places) = match said.kind {
        StorageKind::INVENTORY => (subject.character.0, INVENTORY_PLACES),
        StorageKind::CART => (subject.character.0, CART_PLACES),
        StorageKind::STORAGE => (subject.account.0, StorageImage::PLACES),
        kind => return Err(Violation::grave("storage_kind", format!("kind {kind:?}")).into()),
    };
    let number = said.kind == StorageKind::STORAGE && asked.guard.greeting.has_storage(head.storage);
    insist(head.kind == u32::from(said.kind.0) && (number || head.storage == 0), "storage_kind", || {
        format!("kind {} number {} in a packet of kind {:?}", head.kind, head.storage, said.kind)
    })?;
    insist(head.owner == owner, "identity", || format!("of {}", head.owner))?;
    let all = shape(&said.image, places)?;
    if said.kind == StorageKind::INVENTORY {
        items::worn(all.iter())?;
    } else {
        stowed(&all)?;
    }
    let answer = StorageSaved { account: said.account, saved: 1, kind: said.kind, storage: head.storage };
    Ok((said, answer.encode()))
}

/// Takes the guild's storage for this engine, which keeps it for as long as its link lasts; nobody else of the fleet gets
/// it meanwhile.
pub(super) fn hold(asked: &mut Asked<'_>, guild: i32) -> Verdict<()> {
    let engine = asked.engine;
    let holder = asked.knowledge().guilds.entry(guild).or_default().storage_holder.get_or_insert(engine);
    let held = *holder == engine;
    demand(held, "guild_storage_held", || format!("another engine has the storage of guild {guild}"))
}

/// 0x3018.
pub(super) fn guild_request(asked: &mut Asked<'_>) -> Verdict {
    let said: GuildStorageRequest = asked.read()?;
    let subject = asked.account(said.account)?;
    asked.in_guild(&subject, said.guild)?;
    let holder = asked.guard.knowledge.guilds.get(&said.guild).and_then(|facts| facts.storage_holder);
    if holder.is_some_and(|holder| holder != asked.engine) {
        // Not a breach: the player's request is as good as another's. It stays closed here.
        return Ok(Ruling::Drop);
    }
    hold(asked, said.guild)?;
    asked.forward()
}

/// 0x3019: by the engine that holds it. After the char-server came back it is sent in nobody's name.
pub(super) fn guild_save(asked: &mut Asked<'_>) -> Verdict {
    let (packet, answer) = guild_part(asked, &asked.packet.clone(), None)?;
    Ok(Ruling::answered(packet, answer))
}

/// 0x3019, alone or as a part of a save of `subject`.
pub(super) fn guild_part(
    asked: &mut Asked<'_>,
    packet: &Bytes,
    subject: Option<&Subject<'_>>,
) -> Verdict<(Bytes, Bytes)> {
    let said = GuildStorageSave::decode(packet)?;
    if said.account.0 != 0 || subject.is_some() {
        let sender = asked.account(said.account)?;
        let own = subject.is_none_or(|subject| subject.account == said.account);
        insist(own, "identity", || format!("of account {}", said.account))?;
        asked.in_guild(&sender, said.guild)?;
    }
    let holder = asked.guard.knowledge.guilds.get(&said.guild).and_then(|facts| facts.storage_holder);
    demand(holder == Some(asked.engine), "guild_storage_held", || {
        format!("the storage of guild {} was not given to this engine", said.guild)
    })?;
    let head = said.image.view();
    let own = Ok(head.owner) == u32::try_from(said.guild);
    insist(own && head.kind == GUILD_KIND && head.storage == 0, "storage_kind", || {
        format!("owner {} kind {} number {}", head.owner, head.kind, head.storage)
    })?;
    stowed(&shape(&said.image, StorageImage::PLACES)?)?;
    let mut answer = Writer::packet(0x3819);
    answer.u32(said.account.0).i32(said.guild).u8(0);
    Ok((packet.clone(), answer.finish()))
}
