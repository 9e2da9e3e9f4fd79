//! A map-server logs in, names its maps, and players come and go.

use std::net::Ipv4Addr;
use std::time::Instant;

use bifrost_protocol::ids::{AccountId, CharacterId};
use bifrost_protocol::inter::{self as wire, CharToMap};
use bifrost_protocol::layout::{CharacterImage, Padding};
use bifrost_protocol::{FixedText, List, Secret};

use super::{Answers, Link, Trouble, name};
use crate::identity::same_secret;
use crate::realm::Context;
use crate::realm::character::WHISPER_NAME;
use crate::realm::port::LineError;
use crate::realm::state::{LoginIds, Pass, ServerId};

/// Where the empty fame list's blocks end: right behind its header (`chmapif_send_fame_list`).
const FAME_HEADER: u16 = 8;

/// `MAX_STORAGE`: items of the one storage there is (conf/inter_server.yml).
const STORAGE_ITEMS: u16 = 600;

/// A map-server that may come in: name and password are right, and there is room.
pub(super) fn admit(context: &Context, login: &wire::Login) -> Option<ServerId> {
    let (user, password) = &context.credentials;
    let right = login.user.as_bytes() == user.as_bytes()
        && same_secret(login.password.expose().as_bytes(), password.expose().as_bytes());
    let address = login.ip.at(login.port.0);
    if !right {
        tracing::warn!(%address, "map-server refused: wrong name or password");
        return None;
    }
    let server = context.board.note(|state| state.add_server(address));
    match server {
        Some(server) => tracing::info!(server = server.0, %address, "map-server logged in"),
        None => tracing::warn!(%address, "map-server refused: too many map-servers"),
    }
    server
}

/// What a map-server gets for its login: accepted, and the storages there are (`inter_Storage_sendInfo`).
pub(super) fn welcome() -> [CharToMap; 2] {
    let storage = wire::StorageTable {
        name: name("Storage"),
        table: FixedText::new("storage"),
        max_items: STORAGE_ITEMS,
        id: 0,
        padding: Padding::default(),
    };
    [
        wire::LoginAnswer { result: wire::LoginResult::ACCEPTED }.into(),
        wire::StorageTables { tables: List(vec![storage]) }.into(),
    ]
}

/// Nobody is famous.
pub(super) fn no_fame() -> CharToMap {
    wire::Fame { alchemists_end: FAME_HEADER, smiths_end: FAME_HEADER, entries: List(Vec::new()) }.into()
}

impl Link<'_> {
    /// 0x2afa (`chmapif_parse_getmapname`).
    pub(super) fn maps(&self, maps: &wire::Maps) -> Result<Answers, Trouble> {
        let taken = self.context.board.change(|state| match state.set_maps(self.server, &maps.maps.0) {
            Ok(mut taken) => {
                let orders = std::mem::take(&mut taken.orders);
                (Ok(taken), orders)
            }
            Err(error) => (Err(error), Vec::new()),
        });
        let taken = match taken {
            Ok(taken) => taken,
            Err(error) => {
                tracing::warn!(server = self.server.0, ?error, "map list refused");
                return Err(LineError::Unexpected(<wire::Maps as bifrost_protocol::Packet>::ID).into());
            }
        };
        tracing::info!(server = self.server.0, maps = taken.count, "map-server is ready");
        let accepted =
            wire::MapsAccepted { status: 0, whisper_name: name(WHISPER_NAME), server_name: name(&self.context.name) };
        let mut answers = vec![accepted.into(), no_fame()];
        answers.extend(taken.others);
        Ok(answers)
    }

    /// 0x2aff (`chmapif_parse_regmapuser`).
    pub(super) async fn online(&mut self, online: &wire::Online) -> Result<Answers, Trouble> {
        let mut players = Vec::with_capacity(online.players.0.len());
        for player in &online.players.0 {
            if self.belongs(player.account, player.character).await? {
                players.push(player.clone());
            }
        }
        self.context.board.change(|state| ((), state.claim(self.server, &players, Instant::now())));
        Ok(Vec::new())
    }

    /// 0x2b26 (`chmapif_parse_reqauth`).
    pub(super) async fn authenticate(&mut self, request: &wire::Authenticate) -> Answers {
        let image = self.image(request.account, request.character).await;
        let pass = image.and_then(|image| {
            let taken = |state: &mut crate::realm::state::State| {
                state.take_pass(request.account, request.character, request.login_id1, Instant::now())
            };
            // an autotrader has no client, and so no session
            let session = LoginIds { first: Secret::new(0), second: Secret::new(0) };
            let pass = match request.autotrade {
                0 => self.context.board.note(taken),
                _ => Some(Pass::for_session(session, request.sex, 0, Instant::now())),
            };
            pass.map(|pass| (pass, image))
        });
        let Some((pass, mut image)) = pass else {
            tracing::info!(server = self.server.0, account = %request.account, "player refused: no pass");
            let refused = wire::Refused {
                account: request.account,
                character: request.character,
                login_id1: request.login_id1,
                sex: request.sex,
                client_ip: request.client_ip,
            };
            return vec![refused.into()];
        };
        pass.apply(&mut image);
        self.learn(request.character, request.account);
        self.arrived(request.account, request.character);
        let answer = wire::Authenticated {
            account: request.account,
            login_id1: pass.ids.first,
            login_id2: pass.ids.second,
            expiration: 0,
            group: pass.group,
            changing_servers: u8::from(pass.changing),
            image,
        };
        vec![answer.into()]
    }

    /// What is saved of a character, if it is that account's. An answer is due at once: a store that is away means no.
    async fn image(&self, account: AccountId, character: CharacterId) -> Option<CharacterImage> {
        let row = self.context.store.character(character).await;
        let row = row.inspect_err(|error| tracing::warn!(%character, %error, "character cannot be read")).ok()??;
        let image = CharacterImage::from_bytes(&row.image);
        let image = image.inspect_err(|error| tracing::error!(%character, %error, "stored character is damaged")).ok();
        image.filter(|_| row.account == account)
    }

    fn arrived(&self, account: AccountId, character: CharacterId) {
        tracing::info!(server = self.server.0, %account, %character, "player in game");
        self.context.board.change(|state| ((), state.came_online(self.server, account, character)));
    }

    /// 0x2b05 (`chmapif_parse_reqchangemapserv`).
    pub(super) async fn change_server(&mut self, change: &wire::ChangeServer) -> Answers {
        let belongs = matches!(self.owner(change.character).await, Ok(Some(account)) if account == change.account);
        let accepted = belongs && self.context.board.note(|state| state.change_server(change, Instant::now()));
        if !accepted {
            let (account, map) = (change.account, change.map);
            tracing::warn!(server = self.server.0, %account, ?map, belongs, "change of map-server refused");
        }
        let answer = wire::ChangeServerAnswer {
            account: change.account,
            login_id1: if accepted { change.login_id1 } else { Secret::new(0) },
            login_id2: change.login_id2,
            character: change.character,
            map: change.map,
            x: change.x,
            y: change.y,
            ip: change.ip,
            port: change.port,
        };
        vec![answer.into()]
    }

    /// 0x2b02 (`chmapif_parse_authok`).
    pub(super) async fn character_select(&self, request: &wire::CharacterSelect) -> Answers {
        let account = self.context.store.account(request.account).await;
        let account = account.inspect_err(|error| tracing::warn!(%error, "account cannot be read")).ok().flatten();
        let accepted = account.is_some_and(|account| {
            let ids = LoginIds { first: request.login_id1, second: request.login_id2 };
            let until = Instant::now() + crate::realm::state::PASS_LIFETIME;
            let pass = Pass::for_session(ids, account.sex, account.group_id, until);
            self.context.board.note(|state| state.return_to_selection(self.server, account.id, pass, Instant::now()))
        });
        vec![wire::CharacterSelectAnswer { account: request.account, accepted: u8::from(accepted) }.into()]
    }

    /// 0x2b19 (`chmapif_parse_setcharonline`).
    pub(super) async fn came_online(&mut self, account: AccountId, character: CharacterId) -> Answers {
        if matches!(self.owner(character).await, Ok(Some(owner)) if owner == account) {
            self.arrived(account, character);
        }
        Vec::new()
    }

    /// 0x2b17 (`chmapif_parse_setcharoffline`).
    pub(super) fn went_offline(&self, account: AccountId, character: CharacterId) -> Answers {
        self.context.board.note(|state| state.went_offline(self.server, account, character));
        Vec::new()
    }

    /// 0x2b18 (`chmapif_parse_setalloffline`).
    pub(super) fn all_offline(&self) -> Answers {
        self.context.board.note(|state| state.all_offline(self.server));
        Vec::new()
    }

    /// 0x2b13 (`chmapif_parse_updmapip`).
    pub(super) fn public_address(&self, ip: Ipv4Addr) -> Answers {
        self.context.board.note(|state| state.set_ip(self.server, ip));
        Vec::new()
    }
}
