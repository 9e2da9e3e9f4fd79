//! Whatever arrives: nothing panics, and what decodes is written as it came.

use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use crate::ids::{AccountId, CharacterId, MapName};
use crate::inter::{
    Counted, Registry, RegistryChange, RegistryKey, RegistryNumberEntry, RegistryPage, RegistrySave, RegistryText,
    RegistryTextEntry, RegistryUpdate, RegistryValues, StatusChange, StatusSave,
};
use crate::layout::{CharacterImage, Item, Padding, Plain, Point, StorageImage};
use crate::{FixedText, Packet, Reader, WireRead, WireWrite, Writer};

/// The bytes of every fixture there is.
static RECORDED: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    FOLDERS.iter().chain(&["control"]).flat_map(|folder| fixtures(folder)).map(|(_, fixture)| fixture.bytes).collect()
});

/// Decodes with every list. What is understood has to be as long as its table says and come out as it went in.
fn try_everything(bytes: &[u8]) {
    for link in links() {
        if let Ok(whole) = link.table.whole(bytes) {
            assert!(whole <= bytes.len());
        }
        if let Ok((_, name, encoded)) = (link.decode)(bytes) {
            assert_eq!(link.table.measure(bytes), Ok(Some(bytes.len())), "{name}");
            assert_eq!(encoded, bytes, "{name}");
        }
    }
    for (_, recode) in CONTROL {
        let _ = recode(bytes);
    }
}

/// The id of a declared packet, its length when fitting, and an arbitrary body.
fn declared_packet() -> impl Strategy<Value = (Vec<u8>, bool)> {
    let packets: Vec<_> = links().iter().flat_map(|link| link.packets.iter().copied()).collect();
    (select(packets), vec(any::<u8>(), 0..700)).prop_map(|((id, _, len), mut body)| {
        if let Some(len) = len {
            body.resize(len - 2, 0x5a);
            return ([&id.to_le_bytes()[..], &body].concat(), true);
        }
        let len = u16::try_from(body.len() + 4).expect("short");
        ([&id.to_le_bytes()[..], &len.to_le_bytes(), &body].concat(), false)
    })
}

fn short_text<const MAX: usize>() -> impl Strategy<Value = crate::inter::ShortText<MAX>> {
    vec(1_u8.., 0..=MAX).prop_map(|text| crate::inter::ShortText::new(text).expect("fits"))
}

fn registry_update() -> impl Strategy<Value = RegistryUpdate> {
    prop_oneof![
        any::<i64>().prop_map(RegistryUpdate::Number),
        Just(RegistryUpdate::NumberGone),
        short_text::<254>().prop_map(RegistryUpdate::Text),
        Just(RegistryUpdate::TextGone),
    ]
}

fn registry_values() -> impl Strategy<Value = RegistryValues> {
    let number = (short_text(), any::<u32>(), any::<i64>())
        .prop_map(|(key, index, value): (RegistryKey, _, _)| RegistryNumberEntry { key, index, value });
    let text = (short_text(), any::<u32>(), short_text())
        .prop_map(|(key, index, value): (RegistryKey, _, RegistryText)| RegistryTextEntry { key, index, value });
    prop_oneof![
        vec(number, 0..20).prop_map(|values| RegistryValues::Numbers(Counted(values))),
        vec(text, 0..20).prop_map(|values| RegistryValues::Texts(Counted(values))),
    ]
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..600)) {
        try_everything(&bytes);
    }

    #[test]
    fn declared_packets_with_arbitrary_fields_come_out_as_they_went_in((packet, fixed) in declared_packet()) {
        try_everything(&packet);
        if fixed {
            prop_assert!(links().iter().any(|link| (link.decode)(&packet).is_ok()), "every fixed packet decodes");
        }
    }

    #[test]
    fn recorded_packets_that_are_cut_flipped_or_grown_never_panic(
        which in any::<Index>(),
        cut in any::<Index>(),
        flips in vec((any::<Index>(), 0..8_u8), 0..6),
        tail in vec(any::<u8>(), 0..12),
    ) {
        let mut packet = which.get(&RECORDED).clone();
        packet.truncate(cut.index(packet.len() + 1).max(packet.len().saturating_sub(64)));
        for (at, bit) in flips {
            if !packet.is_empty() {
                let at = at.index(packet.len().min(200));
                packet[at] ^= 1 << bit;
            }
        }
        packet.extend(tail);
        try_everything(&packet);
    }

    #[test]
    fn a_packet_cut_short_is_an_error_or_waited_for(which in any::<Index>(), cut in any::<Index>()) {
        let links = links();
        let recorded: Vec<_> = FOLDERS.iter().flat_map(|folder| fixtures(folder)).collect();
        let (_, fixture) = which.get(&recorded);
        let link = links.iter().find(|link| fixture.packet.starts_with(&format!("{}::", link.list))).expect("a list");
        let part = &fixture.bytes[..cut.index(fixture.bytes.len())];
        prop_assert!((link.decode)(part).is_err());
        prop_assert_eq!(link.table.whole(part), Ok(0));
    }

    #[test]
    fn packets_come_out_the_same_however_the_stream_is_cut(chunks in vec(1..700_usize, 1..60)) {
        let sent = fixtures("character").into_iter().filter(|(_, found)| found.packet.starts_with("CharToClient"));
        let sent: Vec<Vec<u8>> = sent.map(|(_, fixture)| fixture.bytes).collect();
        let stream = sent.concat();
        let (mut rest, mut buffer, mut got) = (&stream[..], BytesMut::new(), Vec::new());
        for size in chunks.into_iter().chain(std::iter::once(usize::MAX)) {
            let (head, tail) = rest.split_at(size.min(rest.len()));
            buffer.extend_from_slice(head);
            rest = tail;
            while let Some(packet) = server_to_client().next(&mut buffer).expect("legal") {
                got.push(packet.to_vec());
            }
        }
        prop_assert_eq!(got, sent);
    }

    #[test]
    fn registry_changes_come_back(
        changes in vec((short_text(), any::<u32>(), registry_update()), 0..40),
        account: u32,
        character: u32,
    ) {
        let changes = changes.into_iter().map(|(key, index, value)| RegistryChange { key, index, value }).collect();
        let save = RegistrySave {
            account: AccountId(account),
            character: CharacterId(character),
            changes: Counted(changes),
        };
        prop_assert_eq!(RegistrySave::decode(&save.encode()), Ok(save));
    }

    #[test]
    fn registry_pages_come_back(complete: u8, values in registry_values()) {
        let page = RegistryPage { complete, values };
        let packet = Registry { account: AccountId(1), character: CharacterId(2), page };
        prop_assert_eq!(Registry::decode(&packet.encode()), Ok(packet));
    }

    #[test]
    fn status_changes_come_back(changes in vec(any::<(u16, i64, i64, i64, i64, i64)>(), 0..50)) {
        let changes = changes.into_iter().map(|(kind, val1, val2, val3, val4, tick)| {
            StatusChange { kind, padding: Padding::default(), val1, val2, val3, val4, tick }
        });
        let save = StatusSave { account: AccountId(1), character: CharacterId(2), changes: Counted(changes.collect()) };
        prop_assert_eq!(save.encode().len(), 14 + 48 * save.changes.0.len());
        prop_assert_eq!(StatusSave::decode(&save.encode()), Ok(save));
    }

    #[test]
    fn a_character_image_keeps_every_byte(seed in vec(any::<u8>(), 1..300), x: u16, y: u16, hp: i32) {
        let bytes: Vec<u8> = seed.iter().copied().cycle().take(CharacterImage::SIZE).collect();
        let mut image = CharacterImage::from_bytes(&bytes).expect("the size is right");
        let before = image.view();
        image.update(&before);
        prop_assert_eq!(image.as_bytes(), bytes);
        let point = Point { map: FixedText::new("prontera"), x, y };
        image.set_save_point(point);
        image.set_hp(hp);
        let expected = crate::layout::CharacterStatus { save_point: point, hp, ..before };
        prop_assert_eq!(image.view(), expected);
    }

    #[test]
    fn an_item_keeps_every_byte(bytes in vec(any::<u8>(), Item::SIZE), place in 0..700_usize) {
        let item = Item::read(&mut Reader::new(&bytes), "item").expect("77 bytes are an item");
        let mut writer = Writer::default();
        item.write(&mut writer);
        prop_assert_eq!(writer.finish(), bytes);
        let mut image = StorageImage::zeroed();
        prop_assert_eq!(image.set_item(place, Some(&item)), place < StorageImage::PLACES);
        let found = image.item(place);
        prop_assert_eq!(found, (place < StorageImage::PLACES && item.kind != 0).then_some(item));
    }

    #[test]
    fn plain_values_come_back(number: i64, text in vec(any::<u8>(), 0..40)) {
        let mut bytes = [0; 8];
        number.store(&mut bytes);
        prop_assert_eq!(i64::load(&bytes), number);
        let field = FixedText::<24>::new(&text);
        let until_nul = text.split(|byte| *byte == 0).next().unwrap_or_default();
        prop_assert_eq!(field.as_bytes(), &until_nul[..until_nul.len().min(23)]);
    }

    #[test]
    fn arbitrary_text_is_a_fixture_and_a_map_name_or_an_error(text in "(?s)[#a-f0-9 *;:\n.@-]{0,200}") {
        let _ = Fixture::parse(&text);
        let _ = LengthTable::from_tsv(1000, &text);
        if let Ok(name) = MapName::new(&text) {
            prop_assert!(name.as_str().len() <= MapName::MAX_LEN);
        }
    }
}
