//! Players coming, going, and what they load.

use bifrost_protocol::Packet;
use bifrost_protocol::ids::{CharacterId, MapPoint};
use bifrost_protocol::inter::{
    AchievementReward, Authenticate, BonusRequest, CameOnline, ChangeServer, CharacterSelect, CooldownRequest, Divorce,
    FameUpdate, FriendRemove, NameCheck, NameRequest, Refused, RegistryRequest, StatusRequest, StorageKind,
    StorageRequest, WentOffline,
};

use super::asked::Asked;
use super::ruling::{Verdict, Violation, demand, insist};
use super::{Ruling, Subject, text};

/// `MAX_FAME`.
pub(super) const MAX_FAME: i32 = 1_000_000_000;

/// Fame a character may gain between two saves: a brewing of one lot of potions gives up to 110.
const MAX_FAME_STEP: i32 = 1_000;

/// 0x2b26: for a client that was sent to this engine, once. Without session ids (`autotrade`) it is how a hostile host
/// gets any character (`chmapif_parse_reqauth`).
pub(super) fn authenticate(asked: &mut Asked<'_>) -> Verdict {
    let said: Authenticate = asked.read()?;
    insist(said.autotrade == 0, "autotrade", || format!("asks for account {} without session ids", said.account))?;
    let awaited = asked.sessions.by_account(said.account).filter(|subject| {
        let pseudonym = subject.pseudonyms.expose().0;
        subject.awaited && subject.character == said.character && pseudonym == *said.login_id1.expose()
    });
    if awaited.is_some() {
        return Ok(Ruling::Arrives(said.account, said.character));
    }
    let refused = Refused {
        account: said.account,
        character: said.character,
        login_id1: said.login_id1,
        sex: said.sex,
        client_ip: said.client_ip,
    };
    if asked.sessions.left(Some(said.account), Some(said.character)) {
        return Ok(Ruling::Answer(vec![refused.encode()]));
    }
    let detail = format!("account {} character {} was not sent here", said.account, said.character);
    Err(Violation::light("not_awaited", detail).answering(refused.encode()).into())
}

/// The login ids have to be the pseudonyms of this host.
fn authentic(subject: &Subject<'_>, ids: (u32, u32)) -> Verdict<()> {
    insist(*subject.pseudonyms.expose() == ids, "login_ids", || {
        format!("not those of account {} on this host", subject.account)
    })
}

/// 0x2b02: the fleet sends its own, with the real ids.
pub(super) fn select(asked: &mut Asked<'_>) -> Verdict {
    let said: CharacterSelect = asked.read()?;
    let subject = asked.account(said.account)?;
    authentic(&subject, (*said.login_id1.expose(), *said.login_id2.expose()))?;
    Ok(Ruling::Selects(said.account))
}

/// 0x2b05: the fleet sends its own, with the real ids, sex, address and group.
pub(super) fn change_server(asked: &mut Asked<'_>) -> Verdict {
    let said: ChangeServer = asked.read()?;
    let subject = asked.pair(said.account, said.character)?;
    authentic(&subject, (*said.login_id1.expose(), *said.login_id2.expose()))?;
    insist(said.group == subject.group_id, "group_id", || {
        format!("account {} has group {}, not {}", subject.account, subject.group_id, said.group)
    })?;
    let map = text::map(&said.map)?;
    let server = asked.sessions.server_of(&map).filter(|_| asked.sessions.is_map(&map));
    let Some(server) = server else {
        return Err(Violation::light("map_unknown", format!("no server has {map}")).into());
    };
    demand(said.ip.at(said.port.0) == server, "map_server", || {
        format!("{map} is not at {:?}:{}", said.ip, said.port.0)
    })?;
    let to = MapPoint { map, x: said.x, y: said.y };
    Ok(Ruling::ChangesMap { account: said.account, to, server })
}

/// 0x2b17: what comes late is dropped.
pub(super) fn offline(asked: &mut Asked<'_>) -> Verdict {
    let said: WentOffline = asked.read()?;
    let subject = asked.pair(said.account, said.character)?;
    Ok(Ruling::Leaves(subject.account, subject.character))
}

/// 0x2b19.
pub(super) fn online(asked: &mut Asked<'_>) -> Verdict {
    let said: CameOnline = asked.read()?;
    let subject = asked.pair(said.account, said.character)?;
    Ok(Ruling::Online(subject.account, subject.character))
}

/// 0x2afc.
pub(super) fn statuses(asked: &mut Asked<'_>) -> Verdict {
    let said: StatusRequest = asked.read()?;
    asked.pair(said.account, said.character)?;
    asked.forward()
}

/// 0x2b0a: the char-server forgets what it hands out.
pub(super) fn cooldowns(asked: &mut Asked<'_>) -> Verdict {
    let said: CooldownRequest = asked.read()?;
    asked.pair(said.account, said.character)?;
    asked.forward()
}

/// 0x2b2d: the char-server forgets what it hands out.
pub(super) fn bonuses(asked: &mut Asked<'_>) -> Verdict {
    let said: BonusRequest = asked.read()?;
    asked.character(said.character)?;
    asked.forward()
}

/// 0x3005.
pub(super) fn registry(asked: &mut Asked<'_>) -> Verdict {
    let said: RegistryRequest = asked.read()?;
    asked.pair(said.account, said.character)?;
    asked.forward()
}

/// 0x308a.
pub(super) fn storage(asked: &mut Asked<'_>) -> Verdict {
    let said: StorageRequest = asked.read()?;
    asked.pair(said.account, said.character)?;
    let known = match said.kind {
        StorageKind::INVENTORY | StorageKind::CART => said.storage == 0,
        StorageKind::STORAGE => asked.guard.greeting.has_storage(said.storage),
        _ => false,
    };
    demand(known, "storage_kind", || format!("kind {:?} number {}", said.kind, said.storage))?;
    asked.forward()
}

/// 0x3060, 0x3062 and all else that has nothing but a character behind its id.
pub(super) fn of_character(asked: &mut Asked<'_>) -> Verdict {
    let mut reader = bifrost_protocol::Reader::new(asked.packet);
    reader.skip("id", 2)?;
    let character = CharacterId(reader.u32("character")?);
    reader.finish()?;
    asked.character(character)?;
    asked.forward()
}

/// 0x2b07: `friend` is the player that was on somebody's list.
pub(super) fn friend_remove(asked: &mut Asked<'_>) -> Verdict {
    let said: FriendRemove = asked.read()?;
    asked.character(said.friend)?;
    asked.forward()
}

/// 0x2b08: anybody's name; the answer goes to those who asked.
pub(super) fn name(asked: &mut Asked<'_>) -> Verdict {
    let said: NameRequest = asked.read()?;
    let engine = asked.engine;
    asked.knowledge().name_asked(said.character, engine);
    asked.forward()
}

/// 0x2b10.
pub(super) fn fame(asked: &mut Asked<'_>) -> Verdict {
    let said: FameUpdate = asked.read()?;
    let before = asked.character(said.character)?.image.view().fame;
    let allowed = before..=before.saturating_add(MAX_FAME_STEP).min(MAX_FAME);
    demand(allowed.contains(&said.fame) && said.kind <= 2, "fame", || {
        format!("character {}: {} after {before}, ranking {}", said.character, said.fame, said.kind)
    })?;
    asked.forward()
}

/// 0x2b11.
pub(super) fn divorce(asked: &mut Asked<'_>) -> Verdict {
    let said: Divorce = asked.read()?;
    let subject = asked.character(said.one).or_else(|_| asked.character(said.other))?;
    let other = if subject.character == said.one { said.other } else { said.one };
    let partner = asked.guard.knowledge.member(subject.character).map(|known| known.partner);
    let partner = partner.unwrap_or_else(|| subject.image.view().partner);
    demand(partner == other && other != CharacterId(0), "partner", || {
        format!("character {} is not married to {other}", subject.character)
    })?;
    asked.forward()
}

/// 0x3006: a pet's or homunculus' new name.
pub(super) fn name_check(asked: &mut Asked<'_>) -> Verdict {
    let said: NameCheck = asked.read()?;
    asked.pair(said.account, said.character)?;
    insist(matches!(said.kind, 1 | 2), "name_kind", || format!("kind {}", said.kind))?;
    text::named(&said.name)?;
    asked.forward()
}

/// 0x3064: the map-server names the item that the char-server then mails. Without the realm's list of rewards nothing can
/// be checked, so the claim fails here, and the player has it for another time.
pub(super) fn achievement_reward(asked: &mut Asked<'_>) -> Verdict {
    let said: AchievementReward = asked.read()?;
    asked.character(said.character)?;
    let mut answer = bifrost_protocol::Writer::packet(0x3864);
    answer.u32(said.character.0).u32(said.achievement.cast_unsigned()).u32(0);
    Ok(Ruling::Answer(vec![answer.finish()]))
}
