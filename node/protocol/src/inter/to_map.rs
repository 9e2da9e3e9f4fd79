//! Char-server to map-server.

use super::{
    BanKind, BonusScript, Counted, FameEntry, KickReason, LoginResult, RegistryPage, SkillCooldown, StatusChange,
    StorageKind, StorageTable,
};
use crate::ids::{AccountId, CharacterId};
use crate::layout::{CharacterImage, StorageImage};
use crate::packet::packets;
use crate::{FixedText, Ipv4Be, List, PortBe, Secret};

packets! {
    /// What a char-server sends to a map-server, as far as it is used here.
    pub enum CharToMap;

    /// Answer to the login (`chmapif_connectack`).
    0x2af9 [3] LoginAnswer { result: LoginResult }

    /// The maps were taken (`chmapif_send_misc`). Status 0, or a stock map-server exits.
    0x2afb [..] MapsAccepted { status: u8, whisper_name: FixedText<24>, server_name: FixedText<24> }

    /// The client may play, and this is its character (`chmapif_parse_reqauth`).
    0x2afd [..] Authenticated {
        account: AccountId,
        login_id1: Secret<u32>,
        login_id2: Secret<u32>,
        /// Unix time the account expires; 0 never.
        expiration: u32,
        group: u32,
        /// 1 when it comes from another map-server.
        changing_servers: u8,
        image: CharacterImage,
    }

    /// Players of all map-servers (`chmapif_sendall_playercount`). A map-server answers with 0x2b23 from its game loop.
    0x2b00 [6] TotalUsers { users: u32 }

    /// Answer to 0x2b02 (`chmapif_charselres`): 1 when the client may go.
    0x2b03 [7] CharacterSelectAnswer { account: AccountId, accepted: u8 }

    /// Maps of another map-server (`chmapif_send_maps`).
    0x2b04 [..] ServerMaps { ip: Ipv4Be, port: PortBe, maps: List<FixedText<16>> }

    /// Answer to 0x2b05 (`chmapif_changemapserv_ack`); `login_id1` 0 refuses.
    0x2b06 [44] ChangeServerAnswer {
        account: AccountId,
        login_id1: Secret<u32>,
        login_id2: Secret<u32>,
        character: CharacterId,
        map: FixedText<16>,
        x: u16,
        y: u16,
        ip: Ipv4Be,
        port: PortBe,
    }

    /// Answer to 0x2b0a, only when there are some (`chmapif_parse_req_skillcooldown`).
    0x2b0b [..] Cooldowns { account: AccountId, character: CharacterId, cooldowns: Counted<SkillCooldown> }

    /// An account or character was banned: disconnect it (`chrif_ban`).
    0x2b14 [11] Banned { id: u32, kind: BanKind, value: u32 }

    /// The rankings (`chmapif_send_fame_list`): smiths, alchemists, then taekwon; offsets from the packet's start.
    0x2b1b [..] Fame { alchemists_end: u16, smiths_end: u16, entries: List<FameEntry> }

    /// Answer to 0x2afc (`chmapif_parse_askscdata`).
    0x2b1d [..] Status { account: AccountId, character: CharacterId, changes: Counted<StatusChange> }

    /// Asks to look up the public address again (`chlogif_parse_updip`).
    0x2b1e [2] RefreshAddress {}

    /// Disconnect a player (`mapif_disconnectplayer`).
    0x2b1f [7] Kick { account: AccountId, reason: KickReason }

    /// A map-server is gone, with its maps (`chmapif_server_reset`). Stock map-servers take the address the wrong way round
    /// (`chrif_removemap`) and so keep the maps.
    0x2b20 [..] ServerGone { ip: Ipv4Be, port: PortBe, maps: List<FixedText<16>> }

    /// The last save of a character is done (`chmapif_parse_reqsavechar`).
    0x2b21 [10] Saved { account: AccountId, character: CharacterId }

    /// A ranking's points changed (`chmapif_update_fame_list`).
    0x2b22 [8] FameUpdated { kind: u8, index: u8, fame: u32 }

    /// Answer to 0x2b23 (`chmapif_parse_keepalive`).
    0x2b24 [2] Pong {}

    /// The client may not play (`chmapif_parse_reqauth`).
    0x2b27 [19] Refused {
        account: AccountId,
        character: CharacterId,
        login_id1: Secret<u32>,
        sex: u8,
        client_ip: Ipv4Be,
    }

    /// Answer to 0x2b2d, only when there are some (`chmapif_bonus_script_get`).
    0x2b2f [..] Bonuses { character: CharacterId, count: u8, scripts: List<BonusScript> }

    /// Answer to 0x3005, in pages (`inter_accreg_fromsql`).
    0x3804 [..] Registry { account: AccountId, character: CharacterId, page: RegistryPage }

    /// Answer to 0x308a (`mapif_storage_data_loaded`).
    0x388a [..] Storage { kind: StorageKind, account: AccountId, loaded: u8, image: StorageImage }

    /// Answer to 0x308b (`mapif_storage_saved`).
    0x388b [9] StorageSaved { account: AccountId, saved: u8, kind: StorageKind, storage: u8 }

    /// The storages there are (`inter_Storage_sendInfo`), right after 0x2af9.
    0x388c [..] StorageTables { tables: List<StorageTable> }
}
