//! Who is where, and who may go where: what rAthena's login-server and char-server keep in memory, as one pure machine.
//!
//! The rules are rAthena's (`char.cpp`, `char_clif.cpp`, `char_mapif.cpp`, `loginclif.cpp`): an account is in one place; a
//! login while it plays turns the player out and is itself refused; a *pass* (rAthena: auth node) lets exactly one
//! connection go on to the next server. Nothing here reads a clock or a socket: callers pass `now` and carry out [`Order`]s.

mod passes;
mod presences;
mod servers;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bifrost_protocol::client::CloseReason;
use bifrost_protocol::ids::{AccountId, CharacterId};
use bifrost_protocol::inter::CharToMap;

pub(super) use passes::{LoginIds, Pass};
use presences::Presence;
use servers::MapServer;

/// How long a login waits for its client at the char-server, and a player that was told to leave is waited for
/// (`AUTH_TIMEOUT`, login.hpp and char.hpp).
pub(super) const AUTH_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a pass to a map-server or back to the char-server is good. rAthena keeps them for ever.
pub(super) const PASS_LIFETIME: Duration = Duration::from_secs(120);

/// How long players of a map-server that is gone count as in game (`char_online_data_cleanup`).
pub(super) const LOST_SERVER_TIMEOUT: Duration = Duration::from_secs(600);

/// How often the number of players is told to map-servers when it has changed (`chlogif_broadcast_user_count`).
const USER_COUNT_INTERVAL: Duration = Duration::from_secs(5);

/// Most map-servers at once. rAthena's `MAX_MAP_SERVERS` is 2.
pub(super) const MAX_MAP_SERVERS: usize = 8;

/// Most accounts that are online or hold a pass.
pub(super) const MAX_PRESENCES: usize = 65_536;

/// A map-server's connection. Never used again.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct ServerId(pub(super) u64);

/// A client's connection to the char-server. Never used again.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct SeatId(pub(super) u64);

/// What the shell has to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Order {
    /// Send a packet to a map-server.
    Tell(ServerId, CharToMap),
    /// Tell a client at the character selection why, and close its connection.
    TurnOut(SeatId, CloseReason),
}

/// Answer to a login with the right password.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum LoginAnswer {
    /// It may go to the char-server.
    Accepted,
    /// The account is online; whoever uses it is being turned out.
    StillOnline,
    /// There is no room.
    Full,
}

/// Answer to a client that enters the char-server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum EnterAnswer {
    /// It may choose a character.
    Accepted(Pass),
    /// The account is online; whoever plays with it is being turned out.
    StillOnline,
    /// Nobody logged in with these ids.
    Rejected,
}

/// The realm's memory.
#[derive(Debug, Default)]
pub(super) struct State {
    servers: BTreeMap<ServerId, MapServer>,
    presences: BTreeMap<AccountId, Presence>,
    /// From the login-server to the char-server.
    logins: BTreeMap<AccountId, Pass>,
    /// Between char-server and map-servers.
    passes: BTreeMap<AccountId, Pass>,
    /// Characters whose `online` column is out of date, and what it should be.
    changed: BTreeMap<CharacterId, bool>,
    last_id: u64,
    told_users: u32,
    next_user_count: Option<Instant>,
}

impl State {
    /// A new connection's number.
    pub(super) fn next_seat(&mut self) -> SeatId {
        SeatId(self.next_id())
    }

    /// What the `online` column of characters has to become; taken, so that it is written once.
    pub(super) fn take_changed(&mut self) -> BTreeMap<CharacterId, bool> {
        std::mem::take(&mut self.changed)
    }

    /// How many players there are on all map-servers.
    pub(super) fn users(&self) -> u32 {
        let playing = self.presences.values().filter(|presence| presence.is_playing()).count();
        u32::try_from(playing).unwrap_or(u32::MAX)
    }

    /// Lets time pass: passes and presences run out, and map-servers hear how many players there are.
    pub(super) fn tick(&mut self, now: Instant) -> Vec<Order> {
        self.logins.retain(|_, pass| pass.until > now);
        self.passes.retain(|_, pass| pass.until > now);
        let due: BTreeSet<AccountId> =
            self.presences.iter().filter(|(_, p)| p.is_due(now)).map(|(id, _)| *id).collect();
        for account in due {
            self.forget(account);
        }
        self.count_users(now)
    }

    fn count_users(&mut self, now: Instant) -> Vec<Order> {
        if self.next_user_count.is_some_and(|at| now < at) {
            return Vec::new();
        }
        self.next_user_count = Some(now + USER_COUNT_INTERVAL);
        let users = self.users();
        if std::mem::replace(&mut self.told_users, users) == users {
            return Vec::new();
        }
        let packet = CharToMap::from(bifrost_protocol::inter::TotalUsers { users });
        self.servers.keys().map(|server| Order::Tell(*server, packet.clone())).collect()
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}
