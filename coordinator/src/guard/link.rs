//! The engine's link itself: login, maps, players, life.

use bifrost_protocol::FixedText;
use bifrost_protocol::Packet;
use bifrost_protocol::inter::{Login, LoginAnswer, LoginResult, Maps, MapsAccepted, Online};

use super::asked::Asked;
use super::ruling::{Verdict, insist};
use super::{Ruling, text};

/// `MAX_MAP_PER_SERVER`: more maps overflow the char-server's buffer (`chmapif_send_maps`).
pub(super) const MAX_MAPS: usize = 1_500;

/// 0x2af8: once a link, before anything else. Who and where the fleet is, the coordinator tells the char-server itself.
pub(super) fn login(asked: &mut Asked<'_>) -> Verdict {
    let _: Login = asked.read()?;
    let engine = asked.engine;
    let again = asked.guard.engine(engine).connected;
    insist(!again, "order", || "a second login on one link".to_owned())?;
    asked.guard.engine(engine).connected = true;
    let answer = LoginAnswer { result: LoginResult::ACCEPTED }.encode();
    let tables = asked.guard.greeting.storage_tables.clone();
    Ok(Ruling::Connects(std::iter::once(answer).chain(tables).collect()))
}

/// 0x2afa: maps of the engine's own group. One that claims others cannot be taken in, and would wait for it forever.
pub(super) fn maps(asked: &mut Asked<'_>) -> Verdict {
    let said: Maps = asked.read()?;
    insist(said.maps.0.len() <= MAX_MAPS, "count", || format!("{} maps", said.maps.0.len()))?;
    let mut maps = Vec::new();
    for name in &said.maps.0 {
        let map = text::map(name)?;
        insist(asked.sessions.serves(&map), "map_owner", || format!("{map} is not of the engine's group"))?;
        maps.push(map);
    }
    let accepted = asked.guard.greeting.accepted.clone().unwrap_or_else(|| {
        let (whisper_name, server_name) = (FixedText::new("Server"), FixedText::new("Bifrost"));
        MapsAccepted { status: 0, whisper_name, server_name }.encode()
    });
    let fame = asked.guard.greeting.fame.clone();
    Ok(Ruling::HasMaps(maps, std::iter::once(accepted).chain(fame).collect()))
}

/// 0x2aff: the players it has. The fleet tells the char-server itself who is online.
pub(super) fn players(asked: &mut Asked<'_>) -> Verdict {
    let said: Online = asked.read()?;
    let hosted = |account, character| asked.pair(account, character).is_ok();
    let players = said.players.0.iter().map(|player| (player.account, player.character));
    Ok(Ruling::HasPlayers(players.filter(|(account, character)| hosted(*account, *character)).collect()))
}

/// 0x2b18: it stops.
pub(super) fn nobody(_: &mut Asked<'_>) -> Verdict {
    Ok(Ruling::HasNobody)
}

/// 0x2b23: it lives.
pub(super) fn ping(_: &mut Asked<'_>) -> Verdict {
    Ok(Ruling::Lives)
}

/// Nobody needs it, or nobody may do it from here; a stock map-server may well send it.
pub(super) fn dropped(_: &mut Asked<'_>) -> Verdict {
    Ok(Ruling::Drop)
}

/// Only as a part of a save.
pub(super) fn part(_: &mut Asked<'_>) -> Verdict {
    Ok(Ruling::Part)
}
