//! What clients do: come, walk, talk, fight a little, leave.

use std::net::Ipv4Addr;

use bifrost_protocol::client::CloseReason;
use bifrost_protocol::client::map::{
    AcceptEnter, Act, Action, AskTime, ChangeMap, ChangeServer, Enter, EnteredAs, InventorySlots, OwnSays, PackedMove,
    PackedPosition, Quit, QuitAck, Restart, RestartAck, RestartKind, Say, Time, Walk, WalkOk,
};
use bifrost_protocol::ids::AccountId;
use bifrost_protocol::inter::{
    Authenticate, Authenticated, ChangeServerAnswer, CharacterSelect, CharacterSelectAnswer, RegistryRequest,
    StatusRequest,
};
use bifrost_protocol::{FixedText, Ipv4Be, Packet, Secret};

use super::super::player::{Kind, Player, Stage};
use super::Server;

/// What one attack is worth, so that something changes.
const EXPERIENCE: u64 = 10;

impl Server {
    pub(super) fn client_says(&mut self, client: u64, packet: &[u8]) {
        let id = bifrost_protocol::frame::packet_id(packet).unwrap_or_default();
        if let Ok(enter) = Enter::decode(packet) {
            return self.enter(client, &enter);
        }
        let Some(account) = self.of_client(client) else { return };
        match id {
            Walk::ID => {
                if let Ok(walk) = Walk::decode(packet) {
                    self.walk(client, account, walk.to);
                }
            }
            AskTime::ID => self.tell_time(client, account),
            Say::ID => {
                if let Ok(said) = Say::decode(packet) {
                    self.reply(client, &OwnSays { text: said.text });
                }
            }
            Act::ID => {
                if let (Ok(act), Some(player)) = (Act::decode(packet), self.players.get_mut(&account))
                    && matches!(act.action, Action::ATTACK | Action::ATTACK_ON)
                {
                    let experience = player.image.view().base_exp;
                    player.image.set_base_exp(experience + EXPERIENCE);
                }
            }
            Restart::ID => self.restart(account, packet),
            Quit::ID => self.reply(client, &QuitAck { result: 0 }),
            // What needs a world, and what needs no answer.
            _ => {}
        }
    }

    /// Once everything of the player is there: until then a stock server does nothing for it, and here this is the answer
    /// from which a client knows.
    fn tell_time(&mut self, client: u64, account: AccountId) {
        let Some(player) = self.players.get_mut(&account) else { return };
        player.asked_time = player.stage == Stage::Asking || player.stage == Stage::Loading;
        if !player.asked_time {
            self.reply(client, &Time { server_tick: 1 });
        }
    }

    /// A player is wholly there.
    pub(super) fn arrived(&mut self, account: AccountId) {
        let Some(player) = self.players.get_mut(&account) else { return };
        player.stage = Stage::Here;
        let (client, asked) = (player.client, std::mem::take(&mut player.asked_time));
        let request = StatusRequest { account: player.account, character: player.character };
        self.tell(request.encode());
        if asked {
            self.reply(client, &Time { server_tick: 1 });
        }
    }

    fn of_client(&self, client: u64) -> Option<AccountId> {
        self.players.values().find(|player| player.client == client).map(|player| player.account)
    }

    fn reply(&self, client: u64, packet: &impl Packet) {
        if let Some(wire) = self.clients.get(&client) {
            wire.send(packet.encode());
        }
    }

    /// `clif_parse_WantToConnection`, `chrif_authreq`.
    fn enter(&mut self, client: u64, enter: &Enter) {
        if self.players.contains_key(&enter.account) {
            return self.close(client, CloseReason::STILL_ONLINE);
        }
        if !self.online {
            drop(self.clients.remove(&client));
            return;
        }
        let login_id1 = *enter.login_id1.expose();
        self.reply(client, &EnteredAs { account: enter.account });
        self.players.insert(enter.account, Player::new(client, enter.account, enter.character, login_id1, enter.sex));
        let request = Authenticate {
            account: enter.account,
            character: enter.character,
            login_id1: Secret::new(login_id1),
            sex: enter.sex,
            client_ip: Ipv4Be(Ipv4Addr::LOCALHOST),
            autotrade: 0,
        };
        self.tell(request.encode());
    }

    /// `chrif_authok`, `pc_authok`.
    pub(super) fn authenticated(&mut self, packet: &[u8]) {
        let Ok(answer) = Authenticated::decode(packet) else {
            return super::say("Error", "chrif_authok: Data size mismatch!");
        };
        let Some(player) = self.players.get_mut(&answer.account) else { return };
        if player.stage != Stage::Asking || player.login_id1 != *answer.login_id1.expose() {
            return;
        }
        player.login_id2 = *answer.login_id2.expose();
        player.group = answer.group;
        player.image = answer.image;
        player.stage = Stage::Loading;
        let (client, account, character, (map, x, y)) = (player.client, player.account, player.character, player.at());
        self.reply(client, &InventorySlots { extra: 0 });
        let at = PackedPosition { x, y, direction: 0 };
        self.reply(client, &AcceptEnter { start_time: 1, at, size: [5, 5], font: 0 });
        if answer.changing_servers == 0 {
            self.reply(client, &ChangeMap { map: FixedText::new(format!("{map}.gat")), x, y });
        }
        let request = RegistryRequest { account, character, global: 1, local: 1, of_character: 1 };
        self.tell(request.encode());
    }

    fn walk(&mut self, client: u64, account: AccountId, to: PackedPosition) {
        let Some(player) = self.players.get_mut(&account).filter(|player| player.stage == Stage::Here) else { return };
        let (map, x, y) = player.at();
        player.put(&map, to.x, to.y);
        self.reply(client, &WalkOk { start_time: 1, path: PackedMove::new((x, y), (to.x, to.y)) });
        if let Some(cell) = self.settings.warps.get(&(map, to.x, to.y)).cloned() {
            self.warp(account, cell);
        }
    }

    /// `pc_setpos`: within this server, or by way of the char-server to another.
    fn warp(&mut self, account: AccountId, (map, x, y): (String, u16, u16)) {
        let own = self.settings.maps.contains(&map);
        let server = self.elsewhere.get(&map).copied();
        if !own && server.is_none() {
            return;
        }
        let Some(player) = self.players.get_mut(&account) else { return };
        player.put(&map, x, y);
        let client = player.client;
        match server.filter(|_| !own) {
            None => self.reply(client, &ChangeMap { map: FixedText::new(format!("{map}.gat")), x, y }),
            Some(server) => {
                self.save(account, Kind::Change);
                if let Some(player) = self.players.get_mut(&account) {
                    player.stage = Stage::Changing;
                    let request = player.change(server);
                    self.tell(request);
                }
            }
        }
    }

    /// `chrif_changemapserverack`.
    pub(super) fn change_answered(&mut self, packet: &[u8]) {
        let Ok(answer) = ChangeServerAnswer::decode(packet) else { return };
        let changing = self.players.get(&answer.account).is_some_and(|player| player.stage == Stage::Changing);
        let Some(player) = changing.then(|| self.players.remove(&answer.account)).flatten() else { return };
        if *answer.login_id1.expose() == 0 {
            return self.close(player.client, CloseReason(0));
        }
        let map = FixedText::new(format!("{}.gat", answer.map.to_text()));
        let (ip, port) = (answer.ip, answer.port.0);
        let go = ChangeServer { map, x: answer.x, y: answer.y, ip, port, domain: FixedText::default() };
        self.reply(player.client, &go);
    }

    fn restart(&mut self, account: AccountId, packet: &[u8]) {
        let Some(player) = self.players.get(&account) else { return };
        if Restart::decode(packet).is_ok_and(|restart| restart.kind == RestartKind::CHARACTER_SELECT) {
            let request = CharacterSelect {
                account,
                login_id1: Secret::new(player.login_id1),
                login_id2: Secret::new(player.login_id2),
                client_ip: Ipv4Be(Ipv4Addr::LOCALHOST),
            };
            self.tell(request.encode());
        }
    }

    pub(super) fn select_answered(&self, packet: &[u8]) {
        let Ok(answer) = CharacterSelectAnswer::decode(packet) else { return };
        if let (Some(player), 1) = (self.players.get(&answer.account), answer.accepted) {
            self.reply(player.client, &RestartAck { kind: RestartKind::CHARACTER_SELECT });
        }
    }

    /// A client is gone: its player is saved for the last time and kept until that is confirmed (`map_quit`).
    pub(super) fn left(&mut self, client: u64) {
        drop(self.clients.remove(&client));
        let Some(account) = self.of_client(client) else { return };
        let Some(player) = self.players.get_mut(&account) else { return };
        match player.stage {
            Stage::Here => {
                player.stage = Stage::Leaving;
                self.save(account, Kind::Quit);
            }
            // Nothing of it has been loaded that could be saved.
            Stage::Asking | Stage::Loading => drop(self.players.remove(&account)),
            Stage::Leaving | Stage::Changing => {}
        }
    }
}
