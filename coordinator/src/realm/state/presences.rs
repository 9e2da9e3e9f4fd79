//! Which account is where.

use std::time::Instant;

use bifrost_protocol::client::CloseReason;
use bifrost_protocol::ids::{AccountId, CharacterId};
use bifrost_protocol::inter::{Kick, KickReason, OnlinePlayer};

use super::{
    AUTH_TIMEOUT, EnterAnswer, LOST_SERVER_TIMEOUT, LoginAnswer, LoginIds, MAX_PRESENCES, Order, PASS_LIFETIME, Pass,
    SeatId, ServerId, State,
};

/// Where an account is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    /// Logged in, not yet at the char-server (login-server: no char-server).
    LoggedIn,
    /// At the character selection (char-server: server -1).
    Choosing,
    /// On its way to a map-server, or on one that was lost (char-server: server -2).
    Between,
    /// On a map-server.
    Playing(ServerId),
}

/// One account that is online.
#[derive(Clone, Copy, Debug)]
pub(super) struct Presence {
    place: Place,
    character: Option<CharacterId>,
    /// Its connection to the char-server, which a client keeps until it has reached the map-server.
    seat: Option<SeatId>,
    /// When it counts as gone if nothing else happens.
    deadline: Option<Instant>,
}

impl Presence {
    const fn at(place: Place) -> Self {
        Self { place, character: None, seat: None, deadline: None }
    }

    pub(super) const fn is_playing(&self) -> bool {
        matches!(self.place, Place::Playing(_))
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }
}

impl State {
    /// The password of `account` was right: `pass` leads to the char-server, unless the account is online
    /// (`logclif_auth_ok`, `chlogif_parse_askkick`).
    pub(in crate::realm) fn log_in(
        &mut self,
        account: AccountId,
        pass: Pass,
        now: Instant,
    ) -> (LoginAnswer, Vec<Order>) {
        match self.presences.get(&account).map(|presence| presence.place) {
            None if self.presences.len() >= MAX_PRESENCES => return (LoginAnswer::Full, Vec::new()),
            None | Some(Place::LoggedIn) => {}
            Some(Place::Choosing | Place::Between | Place::Playing(_)) => {
                self.passes.remove(&account);
                return (LoginAnswer::StillOnline, self.turn_out(account, now));
            }
        }
        let presence = Presence { deadline: Some(now + AUTH_TIMEOUT), ..Presence::at(Place::LoggedIn) };
        self.presences.insert(account, presence);
        self.logins.insert(account, Pass { until: now + AUTH_TIMEOUT, ..pass });
        (LoginAnswer::Accepted, Vec::new())
    }

    /// A client enters the char-server, from the login-server or from a map-server (`chclif_parse_reqtoconnect`,
    /// `char_auth_ok`).
    pub(in crate::realm) fn enter(
        &mut self,
        account: AccountId,
        ids: LoginIds,
        sex: u8,
        seat: SeatId,
        now: Instant,
    ) -> (EnterAnswer, Vec<Order>) {
        let returning = self.passes.get(&account).is_some_and(|pass| pass.ids == ids && pass.until > now);
        let arriving =
            self.logins.get(&account).is_some_and(|pass| pass.ids == ids && pass.sex == sex && pass.until > now);
        let pass = match (returning, arriving) {
            (true, _) => self.passes.remove(&account),
            (false, true) => self.logins.remove(&account),
            (false, false) => None,
        };
        let Some(pass) = pass else { return (EnterAnswer::Rejected, Vec::new()) };
        let presence = self.presences.entry(account).or_insert(Presence::at(Place::Choosing));
        if presence.is_playing() {
            return (EnterAnswer::StillOnline, self.turn_out(account, now));
        }
        if presence.seat.is_some_and(|other| other != seat) {
            return (EnterAnswer::StillOnline, Vec::new());
        }
        *presence = Presence { seat: Some(seat), ..Presence::at(Place::Choosing) };
        (EnterAnswer::Accepted(pass), Vec::new())
    }

    /// A client's connection to the char-server is gone. Without a character chosen, the account is offline.
    pub(in crate::realm) fn seat_gone(&mut self, account: AccountId, seat: SeatId, now: Instant) {
        let Some(presence) = self.presences.get_mut(&account) else { return };
        if presence.seat != Some(seat) {
            return;
        }
        presence.seat = None;
        match presence.place {
            Place::LoggedIn | Place::Choosing => self.forget(account),
            Place::Between if presence.deadline.is_none() => presence.deadline = Some(now + PASS_LIFETIME),
            Place::Between | Place::Playing(_) => {}
        }
    }

    /// 0x2b19, and with every accepted 0x2b26: the character is on that server. Whoever has the account elsewhere is
    /// turned out (`char_set_char_online`).
    pub(in crate::realm) fn came_online(
        &mut self,
        server: ServerId,
        account: AccountId,
        character: CharacterId,
    ) -> Vec<Order> {
        let before = self.presences.get(&account).copied();
        if before.is_none() && self.presences.len() >= MAX_PRESENCES {
            return Vec::new();
        }
        let kick = match before.map(|presence| presence.place) {
            Some(Place::Playing(other)) if other != server => vec![kick(other, account)],
            Some(_) | None => Vec::new(),
        };
        let seat = before.and_then(|presence| presence.seat);
        let presence = Presence { character: Some(character), seat, ..Presence::at(Place::Playing(server)) };
        self.presences.insert(account, presence);
        self.changed.insert(character, true);
        kick
    }

    /// 0x2b17, and with every last save: the character has left that server (`char_set_char_offline`). What a server says
    /// about a player that is on another one by now changes nothing.
    pub(in crate::realm) fn went_offline(&mut self, server: ServerId, account: AccountId, character: CharacterId) {
        let Some(presence) = self.presences.get_mut(&account) else { return };
        let elsewhere = matches!(presence.place, Place::Playing(other) if other != server);
        if elsewhere || presence.character != Some(character) {
            return;
        }
        if presence.seat.is_some() {
            let seat = presence.seat;
            *presence = Presence { seat, ..Presence::at(Place::Choosing) };
            self.changed.insert(character, false);
        } else {
            self.forget(account);
        }
    }

    /// 0x2aff: exactly these players are on that server (`chmapif_parse_regmapuser`).
    pub(in crate::realm) fn claim(&mut self, server: ServerId, players: &[OnlinePlayer], now: Instant) -> Vec<Order> {
        self.lose_server(server, now);
        players.iter().flat_map(|player| self.came_online(server, player.account, player.character)).collect()
    }

    /// 0x2b18: nobody is on that server any more.
    pub(in crate::realm) fn all_offline(&mut self, server: ServerId) {
        let gone: Vec<AccountId> =
            self.presences.iter().filter(|(_, p)| p.place == Place::Playing(server)).map(|(id, _)| *id).collect();
        for account in gone {
            self.forget(account);
        }
    }

    /// Nobody knows whether the players of that server still play.
    pub(super) fn lose_server(&mut self, server: ServerId, now: Instant) {
        for presence in self.presences.values_mut().filter(|presence| presence.place == Place::Playing(server)) {
            presence.place = Place::Between;
            presence.deadline = Some(now + LOST_SERVER_TIMEOUT);
        }
    }

    /// The account chose a character; its client keeps its seat until it has reached the map-server. False when it has no
    /// seat, or plays by now.
    pub(super) fn leaves_selection(&mut self, account: AccountId, character: Option<CharacterId>) -> bool {
        let Some(presence) = self.presences.get_mut(&account) else { return false };
        let seated = presence.seat.is_some() && !presence.is_playing();
        if seated {
            presence.place = Place::Between;
            presence.character = character;
        }
        seated
    }

    /// The account is expected on that server. False when there is no room for it.
    pub(super) fn arrives(&mut self, account: AccountId, character: CharacterId, server: ServerId) -> bool {
        if self.presences.len() >= MAX_PRESENCES && !self.presences.contains_key(&account) {
            return false;
        }
        let presence = self.presences.entry(account).or_insert(Presence::at(Place::Playing(server)));
        presence.place = Place::Playing(server);
        presence.character = Some(character);
        presence.deadline = None;
        true
    }

    /// The account is expected at the character selection. False when it plays on another server than `from`.
    pub(super) fn returns(&mut self, from: ServerId, account: AccountId, now: Instant) -> bool {
        let before = self.presences.get(&account).copied();
        if matches!(before, Some(Presence { place: Place::Playing(other), .. }) if other != from)
            || (before.is_none() && self.presences.len() >= MAX_PRESENCES)
        {
            return false;
        }
        if let Some(character) = before.and_then(|presence| presence.character) {
            self.changed.insert(character, false);
        }
        let seat = before.and_then(|presence| presence.seat);
        let presence = Presence { seat, deadline: Some(now + PASS_LIFETIME), ..Presence::at(Place::Choosing) };
        self.presences.insert(account, presence);
        true
    }

    /// The account is offline.
    pub(super) fn forget(&mut self, account: AccountId) {
        if let Some(character) = self.presences.remove(&account).and_then(|presence| presence.character) {
            self.changed.insert(character, false);
        }
    }

    /// Somebody else logs in to the account: its player has to leave, and has [`AUTH_TIMEOUT`] to do so.
    fn turn_out(&mut self, account: AccountId, now: Instant) -> Vec<Order> {
        let Some(presence) = self.presences.get_mut(&account) else { return Vec::new() };
        match (presence.place, presence.seat) {
            (Place::Playing(server), _) => {
                presence.deadline.get_or_insert(now + AUTH_TIMEOUT);
                vec![kick(server, account)]
            }
            (_, Some(seat)) => vec![Order::TurnOut(seat, CloseReason::OTHER_LOGIN)],
            (_, None) => {
                self.forget(account);
                Vec::new()
            }
        }
    }
}

fn kick(server: ServerId, account: AccountId) -> Order {
    Order::Tell(server, Kick { account, reason: KickReason::OTHER_LOGIN }.into())
}
