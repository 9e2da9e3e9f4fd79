//! What the map-server sends.

use super::{
    ActKind, PackedMove, PackedPosition, Posture, RestartKind, Skill, StatusKind, TradeResult, UnitBody, UnitKind,
    UnitRobe, UnitTail, VanishReason, WhisperResult,
};
use crate::client::CloseReason;
use crate::ids::{AccountId, CharacterId, ObjectId};
use crate::packet::packets;
use crate::{FixedText, Ipv4Be, List};

packets! {
    /// What the map-server sends to a client, as far as embedded engines and the fleet speak it.
    pub enum MapToClient;

    /// First answer to [`Enter`](super::Enter): the client's own object id.
    0x0283 [6] EnteredAs { account: AccountId }

    /// The client may load the map its character is on (`ZC_ACCEPT_ENTER`).
    0x02eb [13] AcceptEnter {
        start_time: u32,
        at: PackedPosition,
        /// Not used by clients.
        size: [u8; 2],
        font: u16,
    }

    /// The connection is refused or ended (`SC_NOTIFY_BAN`).
    0x0081 [3] Disconnect { reason: CloseReason }

    /// Extra inventory slots (`ZC_EXTEND_BODYITEM_SIZE`).
    0x0b18 [4] InventorySlots { extra: u16 }

    /// Go to a cell of this or another map of the same server (`ZC_NPCACK_MAPMOVE`).
    0x0091 [22] ChangeMap { map: FixedText<16>, x: u16, y: u16 }

    /// Go to a map of another server (`ZC_NPCACK_SERVERMOVE`). The port is little-endian.
    0x0ac7 [156] ChangeServer {
        map: FixedText<16>,
        x: u16,
        y: u16,
        ip: Ipv4Be,
        port: u16,
        domain: FixedText<128>,
    }

    /// May return to character select (`ZC_RESTART_ACK`).
    0x00b3 [3] RestartAck { kind: RestartKind }

    /// Answers [`Quit`](super::Quit): 0 may close, 1 not now (`clif_disconnect_ack`).
    0x018b [4] QuitAck { result: u16 }

    /// Answers [`AskTime`](super::AskTime) (`ZC_NOTIFY_TIME`).
    0x007f [6] Time { server_tick: u32 }

    /// Asks whether the client is alive (`ZC_PING_LIVE`).
    0x0b1d [2] Ping {}

    /// Answers [`Unblock`](super::Unblock) (`ZC_NOTIFY_ACTORINIT`).
    0x0b1b [2] Unblocked {}

    /// Your own walk begins (`ZC_NOTIFY_PLAYERMOVE`).
    0x0087 [12] WalkOk { start_time: u32, path: PackedMove }

    /// An object stands on this cell now (`ZC_STOPMOVE`).
    0x0088 [10] StopAt { object: ObjectId, x: u16, y: u16 }

    /// An object is gone from sight (`ZC_NOTIFY_VANISH`).
    0x0080 [7] Vanish { object: ObjectId, reason: VanishReason }

    /// An object stands in sight (`packet_idle_unit`).
    0x09ff [..] UnitIdle {
        body: UnitBody,
        robe: UnitRobe,
        at: PackedPosition,
        size: [u8; 2],
        posture: Posture,
        tail: UnitTail,
    }

    /// An object appears (`packet_spawn_unit`).
    0x09fe [..] UnitSpawn { body: UnitBody, robe: UnitRobe, at: PackedPosition, size: [u8; 2], tail: UnitTail }

    /// An object walks in sight (`packet_unit_walking`).
    0x09fd [..] UnitWalking {
        kind: UnitKind,
        object: ObjectId,
        character: CharacterId,
        speed: i16,
        body_state: u16,
        health_state: u16,
        effect_state: u32,
        job: i16,
        hair: u16,
        weapon: u32,
        shield: u32,
        head_bottom: u16,
        start_time: u32,
        robe: UnitRobe,
        path: PackedMove,
        size: [u8; 2],
        tail: UnitTail,
    }

    /// An object acts: attacks, sits down, stands up (`ZC_NOTIFY_ACT`).
    0x08c8 [34] UnitAct {
        source: ObjectId,
        target: ObjectId,
        start_time: u32,
        source_speed: i32,
        target_speed: i32,
        damage: i32,
        is_sp_damage: u8,
        hits: u16,
        kind: ActKind,
        left_damage: i32,
    }

    /// An object has turned (`ZC_CHANGE_DIRECTION`).
    0x009c [9] UnitTurned { object: ObjectId, head: u16, body: u8 }

    /// An object shows an emotion (`ZC_EMOTION`).
    0x00c0 [7] UnitEmotion { object: ObjectId, emotion: u8 }

    /// Somebody says something: `NAME : TEXT` and a NUL (`ZC_NOTIFY_CHAT`).
    0x008d [..] UnitSays { object: ObjectId, text: Vec<u8> }

    /// Your own words, or a message of the server, and a NUL (`ZC_NOTIFY_PLAYERCHAT`).
    0x008e [..] OwnSays { text: Vec<u8> }

    /// Somebody whispers to you (`ZC_WHISPER`).
    0x09de [..] Whispered { object: ObjectId, from: FixedText<24>, is_admin: u8, text: Vec<u8> }

    /// What became of your whisper (`ZC_ACK_WHISPER`).
    0x09df [7] WhisperAck { result: WhisperResult, character: CharacterId }

    /// A player's names (`ZC_ACK_REQNAMEALL`).
    0x0a30 [106] PlayerName {
        object: ObjectId,
        name: FixedText<24>,
        party: FixedText<24>,
        guild: FixedText<24>,
        position: FixedText<24>,
        title: u32,
    }

    /// An NPC's name (`ZC_ACK_REQNAMEALL_NPC`).
    0x0adf [58] NpcName { object: ObjectId, group: u32, name: FixedText<24>, title: FixedText<24> }

    /// A character's name (`ZC_ACK_REQNAME_BYGID`).
    0x0af7 [32] CharacterName { flag: u16, character: CharacterId, name: FixedText<24> }

    /// How many players there are (`ZC_USER_COUNT`).
    0x00c2 [6] PlayerCount { players: u32 }

    /// A number of your own status (`ZC_PAR_CHANGE`).
    0x00b0 [8] Status { status: StatusKind, value: i32 }

    /// A large number of your own status (`ZC_LONGLONGPAR_CHANGE`).
    0x0acb [12] LongStatus { status: StatusKind, value: i64 }

    /// One of the six stats and its bonus (`ZC_COUPLESTATUS`).
    0x0141 [14] Stat { status: u32, base: i32, bonus: i32 }

    /// Reach of your attack in cells (`ZC_ATTACK_RANGE`).
    0x013a [4] AttackRange { cells: u16 }

    /// The status window (`ZC_STATUS`). Each stat is followed by what the next point costs.
    0x00bd [44] StatusWindow {
        points: u16,
        strength: [u8; 2],
        agility: [u8; 2],
        vitality: [u8; 2],
        intelligence: [u8; 2],
        dexterity: [u8; 2],
        luck: [u8; 2],
        attack: i16,
        refine: i16,
        max_magic_attack: i16,
        min_magic_attack: i16,
        item_defense: i16,
        defense: i16,
        item_magic_defense: i16,
        magic_defense: i16,
        hit: i16,
        flee: i16,
        perfect_dodge: i16,
        critical: i16,
        attack_motion: i16,
        attack_speed_bonus: i16,
    }

    /// How loaded a character may be, in percent, before it regenerates no longer (`ZC_OVERWEIGHT_PERCENT`).
    0x0ade [6] OverweightPercent { percent: u32 }

    /// Whether there is new mail (`ZC_NOTIFY_UNREADMAIL`).
    0x09e7 [3] UnreadMail { unread: u8 }

    /// Friends (`ZC_FRIENDS_LIST`).
    0x0201 [..] Friends { friends: Vec<u8> }

    /// An object's look changes (`ZC_SPRITE_CHANGE`).
    0x01d7 [15] LookChange { object: ObjectId, kind: u8, value: u32, value2: u32 }

    /// An item list begins (`ZC_INVENTORY_START`).
    0x0b08 [..] InventoryStart { kind: u8, name: Vec<u8> }

    /// An item list ends (`ZC_INVENTORY_END`).
    0x0b0b [4] InventoryEnd { kind: u8, flag: u8 }

    /// Equipment of the second set (`ZC_SEND_SWAP_EQUIPITEM_INFO`).
    0x0a9b [..] SwapEquipment { items: Vec<u8> }

    /// What is allowed on the map (`ZC_MAPPROPERTY_R2`).
    0x099b [8] MapProperty { kind: u16, flags: u32 }

    /// All skills (`ZC_SKILLINFO_LIST`).
    0x0b32 [..] Skills { skills: List<Skill> }

    /// A skill or what needs one did not work (`ZC_ACK_TOUSESKILL`).
    0x0110 [14] SkillFailed { skill: u16, detail: i32, item: u32, flag: u8, cause: u8 }

    /// A page of the hotkey bar: 38 times type, id, level (`ZC_SHORTCUT_KEY_LIST`).
    0x0b20 [271] Hotkeys { rotate: u8, tab: u16, keys: [u8; 266] }

    /// Whether party invitations are refused (`ZC_PARTY_CONFIG`).
    0x02c9 [3] PartyInvitations { refused: u8 }

    /// Whether others may see the equipment (`ZC_CONFIG_NOTIFY`).
    0x02da [3] ShowEquipment { shown: u8 }

    /// A setting that the server keeps (`ZC_CONFIG`).
    0x02d9 [10] Setting { kind: u32, value: u32 }

    /// Reputation (`ZC_REPUTE_INFO`).
    0x0b8d [..] Reputation { success: u8, list: Vec<u8> }

    /// Answers [`RaiseStat`](super::RaiseStat) (`ZC_STATUS_CHANGE_ACK`).
    0x00bc [6] StatRaised { status: StatusKind, ok: u8, value: u8 }

    /// Answers [`AskTrade`](super::AskTrade) (`ZC_ACK_EXCHANGE_ITEM`).
    0x01f5 [9] TradeAck { result: TradeResult, target: u32, level: u16 }

    /// Answers [`CreateParty`](super::CreateParty): 3 is not on this map (`ZC_ACK_MAKE_GROUP`).
    0x00fa [3] PartyCreated { result: u8 }

    /// Answers an invitation to a party: 1 is refused (`ZC_PARTY_JOIN_REQ_ACK`).
    0x02c5 [30] PartyInviteAck { name: FixedText<24>, result: u32 }

    /// Answers [`CreateChatRoom`](super::CreateChatRoom): 1 is too many (`ZC_ACK_CREATE_CHATROOM`).
    0x00d6 [3] ChatRoomAck { result: u8 }

    /// Answers [`CreateGuild`](super::CreateGuild): 3 is without the item it needs (`ZC_RESULT_MAKE_GUILD`).
    0x0167 [3] GuildCreated { result: u8 }

    /// Answers [`UseItem`](super::UseItem) (`ZC_USE_ITEM_ACK`).
    0x01c8 [15] UseItemAck { index: u16, item: u32, account: AccountId, left: u16, ok: u8 }

    /// Answers [`DropItem`](super::DropItem): 0 for none (`ZC_ITEM_THROW_ACK`).
    0x00af [6] ItemDropped { index: u16, amount: u16 }

    /// Answers [`TakeItem`](super::TakeItem) (`ZC_ITEM_PICKUP_ACK`).
    0x0b41 [70] ItemTaken {
        index: u16,
        amount: u16,
        item: u32,
        identified: u8,
        damaged: u8,
        cards: [u8; 16],
        location: u32,
        kind: u8,
        /// 0 for success.
        result: u8,
        /// Rental, binding, options, look, refinement.
        rest: [u8; 36],
    }
}
