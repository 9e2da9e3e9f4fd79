//! What the guard may know of the players of one engine: those that are leased to it now, and nobody else.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddrV4;
use std::time::Duration;

use bifrost_protocol::Secret;
use bifrost_protocol::ids::{AccountId, CharacterId, GroupName, HostId, MapName, MapPoint, SessionId};

use crate::fleet::LinkId;
use crate::fleet::session::{Phase, Session};
use crate::guard::{Sessions, Subject};

/// One engine's part of the fleet.
#[derive(Debug)]
pub(in crate::fleet::core) struct EngineView<'a> {
    pub(super) sessions: &'a BTreeMap<AccountId, Session>,
    pub(super) characters: &'a BTreeMap<CharacterId, AccountId>,
    pub(super) group_of: &'a BTreeMap<MapName, GroupName>,
    pub(super) neighbours: &'a BTreeMap<MapName, SocketAddrV4>,
    pub(super) left: &'a Left,
    pub(super) public: SocketAddrV4,
    pub(super) pseudonym_key: &'a [u8; 32],
    pub(super) host: Option<&'a HostId>,
    pub(super) link: LinkId,
    /// Whether it serves the group, or only stands by.
    pub(super) leased: bool,
    pub(super) group: &'a GroupName,
}

impl EngineView<'_> {
    fn hosted(&self, account: AccountId) -> Option<&Session> {
        let session = self.sessions.get(&account)?;
        let here = match &session.phase {
            Phase::Entering(link) | Phase::Playing(link) | Phase::Releasing(link, _) => *link == self.link,
            // The last word of the engine that had it: its connection broke, or the coordinator was away.
            Phase::Orphaned | Phase::Away => true,
            Phase::Redirecting(target) => target.own,
            Phase::Limbo { .. } | Phase::Selecting | Phase::Selected => false,
        };
        (self.leased && here && session.group == *self.group).then_some(session)
    }
}

impl Sessions for EngineView<'_> {
    fn by_account(&self, account: AccountId) -> Option<Subject<'_>> {
        let session = self.hosted(account)?;
        let status = session.image.view();
        Some(Subject {
            account,
            character: session.character,
            name: status.name,
            pseudonyms: Secret::new(pseudonyms(self.pseudonym_key, self.host?, session.id)),
            sex: session.sex,
            group_id: session.group_id,
            client_address: session.address,
            awaited: matches!(session.phase, Phase::Entering(_)) && !session.handed_out,
            image: &session.image,
        })
    }

    fn by_character(&self, character: CharacterId) -> Option<Subject<'_>> {
        self.by_account(*self.characters.get(&character)?)
    }

    fn left(&self, account: Option<AccountId>, character: Option<CharacterId>) -> bool {
        self.left.has(self.link, self.group, account, character)
    }

    fn walkable(&self, _at: &MapPoint) -> bool {
        // A stock map-server has cells that change: doors, ice walls, scripts.
        true
    }

    fn is_map(&self, map: &MapName) -> bool {
        self.server_of(map).is_some()
    }

    fn serves(&self, map: &MapName) -> bool {
        self.group_of.get(map) == Some(self.group)
    }

    fn server_of(&self, map: &MapName) -> Option<SocketAddrV4> {
        if self.group_of.contains_key(map) { Some(self.public) } else { self.neighbours.get(map).copied() }
    }
}

/// Players that have just left their engines: what those still say of them is no breach.
#[derive(Debug, Default)]
pub(in crate::fleet::core) struct Left {
    latest: VecDeque<(Duration, LinkId, GroupName, AccountId, CharacterId)>,
}

impl Left {
    /// Somebody leaves.
    pub(in crate::fleet::core) fn note(&mut self, now: Duration, link: LinkId, session: &Session) {
        let over = |since: Duration| now > since + REMEMBERED_FOR;
        while self.latest.front().is_some_and(|(since, ..)| over(*since)) || self.latest.len() >= MAX_REMEMBERED {
            self.latest.pop_front();
        }
        self.latest.push_back((now, link, session.group.clone(), session.account, session.character));
    }

    fn has(&self, link: LinkId, group: &GroupName, account: Option<AccountId>, character: Option<CharacterId>) -> bool {
        self.latest.iter().any(|(_, of, from, known, of_character)| {
            let is = account.is_none_or(|account| account == *known)
                && character.is_none_or(|character| character == *of_character);
            is && *of == link && from == group
        })
    }
}

/// How long an engine may still speak of a player that has left it.
const REMEMBERED_FOR: Duration = Duration::from_secs(10);
/// How many such players are remembered: all of a large host that is drained.
const MAX_REMEMBERED: usize = 2_048;

/// The login ids that a host gets to see for a session: others for each host and each arrival, and worth nothing anywhere
/// else. Never 0, which means a refusal.
#[must_use]
pub(in crate::fleet::core) fn pseudonyms(key: &[u8; 32], host: &HostId, session: SessionId) -> (u32, u32) {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(&session.0.to_le_bytes()).update(host.0.as_bytes());
    let hash = hasher.finalize();
    let word = |at: usize| {
        let bytes = hash.as_bytes().get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        // 31 bits: the servers' own are positive as signed numbers.
        (u32::from_le_bytes(bytes.unwrap_or([1; 4])) & 0x7fff_ffff).max(1)
    };
    (word(0), word(4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_and_arrival_sees_other_login_ids() {
        let of = |host: &str, session| pseudonyms(&[7; 32], &HostId(host.into()), SessionId(session));
        assert_eq!(of("a", 1), of("a", 1));
        assert_ne!(of("a", 1), of("b", 1));
        assert_ne!(of("a", 1), of("a", 2));
        assert_ne!(of("a", 1), pseudonyms(&[8; 32], &HostId("a".into()), SessionId(1)));
    }
}
