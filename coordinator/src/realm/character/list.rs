//! The character list, as a client gets it (`chclif_mmo_char_send`).

use bifrost_protocol::List;
use bifrost_protocol::client::CharToClient;
use bifrost_protocol::client::character::{
    Blocked, CharacterInfo, Characters, MAX_CHARACTERS, Page, PageCount, PinState, PinStep, Slots,
};
use bifrost_protocol::ids::AccountId;
use bifrost_protocol::layout::CharacterStatus;
use bytes::{Bytes, BytesMut};

/// Slots an account has.
#[expect(clippy::cast_possible_truncation, reason = "15 fits")]
pub(super) const SLOTS: u8 = MAX_CHARACTERS as u8;

/// Slots a page of the list has.
const PAGE_SLOTS: usize = 3;

/// What a client gets when it has entered, at `now` (Unix time, seconds).
pub(super) fn welcome(account: AccountId, characters: &[CharacterStatus], now: i64) -> [CharToClient; 5] {
    let slots = Slots { normal: SLOTS, premium: 0, billing: 0, producible: SLOTS, valid: SLOTS, extension: [0; 20] };
    let list = Characters {
        total: SLOTS,
        premium_start: SLOTS,
        premium_end: SLOTS,
        extension: [0; 20],
        characters: infos(characters, now),
    };
    let pages = u32::from(SLOTS) / 3;
    let seed = rand::random_range(0..=0xffff);
    [
        slots.into(),
        list.into(),
        PageCount { total: pages }.into(),
        Blocked { characters: List(Vec::new()) }.into(),
        PinState { seed, account, state: PinStep::PASSED }.into(),
    ]
}

/// Answer to the request for a page: always the whole list, and an empty one behind exactly three, without which clients
/// wait for more (`chclif_mmo_send099d`).
pub(super) fn pages(characters: &[CharacterStatus], now: i64) -> Vec<CharToClient> {
    let mut pages = vec![Page { characters: infos(characters, now) }.into()];
    if characters.len() == PAGE_SLOTS {
        pages.push(Page { characters: List(Vec::new()) }.into());
    }
    pages
}

/// All packets in one piece: clients take them in one read.
pub(super) fn joined(packets: &[CharToClient]) -> Bytes {
    let mut bytes = BytesMut::new();
    packets.iter().for_each(|packet| bytes.extend_from_slice(&packet.encode()));
    bytes.freeze()
}

fn infos(characters: &[CharacterStatus], now: i64) -> List<CharacterInfo> {
    List(characters.iter().take(MAX_CHARACTERS).map(|character| CharacterInfo::of(character, now)).collect())
}
