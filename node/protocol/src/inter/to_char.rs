//! Map-server to char-server.

use super::{BonusScript, Counted, OnlinePlayer, RegistryChange, SkillCooldown, StatusChange, StorageKind};
use crate::ids::{AccountId, CharacterId};
use crate::layout::{CharacterImage, StorageImage};
use crate::packet::packets;
use crate::{FixedText, Ipv4Be, List, PortBe, Secret};

packets! {
    /// What a map-server sends to a char-server, as far as it is used here.
    pub enum MapToChar;

    /// Logs in (`chrif_connect`). The address is what clients are sent to.
    0x2af8 [60] Login {
        user: FixedText<24>,
        password: Secret<FixedText<24>>,
        unknown: u32,
        ip: Ipv4Be,
        port: PortBe,
    }

    /// The maps it has, without `.gat` (`chrif_sendmap`).
    0x2afa [..] Maps { maps: List<FixedText<16>> }

    /// Asks for a character's status effects (`chrif_scdata_request`). Answer: 0x2b1d.
    0x2afc [10] StatusRequest { account: AccountId, character: CharacterId }

    /// How many players there are, every 10 s (`send_usercount_tochar`).
    0x2afe [4] UserCount { users: u16 }

    /// All players there are (`send_users_tochar`), after every login of the map-server.
    0x2aff [..] Online { players: Counted<OnlinePlayer> }

    /// A character to be saved (`chrif_save`). `last` 1: it leaves, and 0x2b21 has to follow.
    0x2b01 [..] Save { account: AccountId, character: CharacterId, last: u8, image: CharacterImage }

    /// A player returns to the character selection (`chrif_charselectreq`). Answer: 0x2b03.
    0x2b02 [18] CharacterSelect {
        account: AccountId,
        login_id1: Secret<u32>,
        login_id2: Secret<u32>,
        client_ip: Ipv4Be,
    }

    /// A player goes to another map-server (`chrif_changemapserver`). Answer: 0x2b06.
    0x2b05 [53] ChangeServer {
        account: AccountId,
        login_id1: Secret<u32>,
        login_id2: Secret<u32>,
        character: CharacterId,
        map: FixedText<16>,
        x: u16,
        y: u16,
        ip: Ipv4Be,
        port: PortBe,
        sex: u8,
        client_ip: Ipv4Be,
        group: u32,
    }

    /// Asks for a character's skill cooldowns (`chrif_skillcooldown_request`), which the char-server then forgets.
    0x2b0a [10] CooldownRequest { account: AccountId, character: CharacterId }

    /// The address clients are sent to has changed (`chrif_update_ip`).
    0x2b13 [6] PublicAddress { ip: Ipv4Be }

    /// Skill cooldowns of a character that leaves (`chrif_skillcooldown_save`).
    0x2b15 [..] CooldownSave { account: AccountId, character: CharacterId, cooldowns: Counted<SkillCooldown> }

    /// A character has left (`chrif_char_offline`). The ids stand the other way round than elsewhere.
    0x2b17 [10] WentOffline { character: CharacterId, account: AccountId }

    /// All characters have left (`chrif_char_reset_offline`), at a clean stop.
    0x2b18 [2] AllOffline {}

    /// A character is here (`chrif_char_online`). The ids stand the other way round than elsewhere.
    0x2b19 [10] CameOnline { character: CharacterId, account: AccountId }

    /// Status effects of a character that leaves (`chrif_save_scdata`).
    0x2b1c [..] StatusSave { account: AccountId, character: CharacterId, changes: Counted<StatusChange> }

    /// Keeps the link (`chrif_keepalive`). Answer: 0x2b24.
    0x2b23 [2] Ping {}

    /// Asks whether a client may play (`chrif_authreq`). Answer: 0x2afd or 0x2b27. `autotrade` 1 asks without session ids.
    0x2b26 [20] Authenticate {
        account: AccountId,
        character: CharacterId,
        login_id1: Secret<u32>,
        sex: u8,
        client_ip: Ipv4Be,
        autotrade: u8,
    }

    /// Bans a character by name, for `seconds` (`chrif_req_charban`).
    0x2b28 [34] BanCharacter { account: AccountId, seconds: i32, name: FixedText<24> }

    /// Asks for a character's bonus scripts (`chrif_bsdata_request`), which the char-server then forgets.
    0x2b2d [6] BonusRequest { character: CharacterId }

    /// Bonus scripts of a character, with every save (`chrif_bsdata_save`). `count` may be below the scripts that follow.
    0x2b2e [..] BonusSave { character: CharacterId, count: u8, scripts: List<BonusScript> }

    /// Registry values to be set or deleted (`intif_saveregistry`).
    0x3004 [..] RegistrySave { account: AccountId, character: CharacterId, changes: Counted<RegistryChange> }

    /// Asks for the registry (`intif_request_registry`); a flag each for `##`, `#` and character values. Answer: 0x3804.
    0x3005 [13] RegistryRequest {
        account: AccountId,
        character: CharacterId,
        global: u8,
        local: u8,
        of_character: u8,
    }

    /// Asks for an inventory, cart or storage (`intif_storage_request`). Answer: 0x388a.
    0x308a [13] StorageRequest {
        kind: StorageKind,
        account: AccountId,
        character: CharacterId,
        storage: u8,
        /// Bit 0: items may be taken out, bit 1: put in (`STOR_MODE_*`).
        mode: u8,
    }

    /// An inventory, cart or storage to be saved (`intif_storage_save`). Answer: 0x388b.
    0x308b [..] StorageSave {
        kind: StorageKind,
        account: AccountId,
        character: CharacterId,
        image: StorageImage,
    }
}
