//! Recorded packets: what they mean is in the snapshots; encoding them again gives the same bytes.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::*;
use crate::Packet;
use crate::client::character::{CharacterInfo, Characters};
use crate::frame::Length;
use crate::inter::{Authenticated, Save, StorageSave};

/// Every fixture of the folder, decoded, as one text.
fn snapshot(folder: &str) -> String {
    let links = links();
    let mut text = String::new();
    for (path, fixture) in fixtures(folder) {
        let (list, name) = fixture.packet.split_once("::").expect("LIST::NAME");
        let link = links.iter().find(|link| link.list == list).expect("a list of this crate");
        assert_eq!(link.table.measure(&fixture.bytes), Ok(Some(fixture.bytes.len())), "{}", path.display());
        let (debug, found, encoded) =
            (link.decode)(&fixture.bytes).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()));
        assert_eq!((name, path.file_stem().and_then(|stem| stem.to_str())), (found, Some(found)));
        assert_eq!(encoded, fixture.bytes, "{} changes when it is written again", path.display());
        writeln!(text, "{debug}").expect("strings can be written");
    }
    text
}

#[test]
fn packets_of_the_login_server_mean_what_they_meant() {
    insta::assert_snapshot!(snapshot("login"));
}

#[test]
fn packets_of_the_char_server_mean_what_they_meant() {
    insta::assert_snapshot!(snapshot("character"));
}

#[test]
fn packets_of_the_map_server_mean_what_they_meant() {
    insta::assert_snapshot!(snapshot("map"));
}

#[test]
fn packets_between_servers_mean_what_they_meant() {
    insta::assert_snapshot!(snapshot("inter"));
}

/// Every control message, decoded, as one text.
fn control_snapshot() -> String {
    let mut text = String::new();
    for (path, fixture) in fixtures("control") {
        let kind = fixture.packet.split("::").next().unwrap_or_default();
        let (_, recode) = CONTROL.iter().find(|(name, _)| *name == kind).expect("a control message");
        let (debug, encoded) = recode(&fixture.bytes).expect("decodes").expect("is whole");
        assert_eq!(encoded, fixture.bytes, "{} changes when it is written again", path.display());
        writeln!(text, "{debug}").expect("strings can be written");
    }
    text
}

#[test]
fn control_messages_mean_what_they_meant() {
    insta::assert_snapshot!(control_snapshot());
}

#[test]
fn every_declared_packet_has_a_fixture() {
    let recorded: BTreeSet<String> =
        FOLDERS.iter().flat_map(|folder| fixtures(folder)).map(|(_, fixture)| fixture.packet).collect();
    for link in links() {
        for (_, name, _) in link.packets {
            assert!(recorded.contains(&format!("{}::{name}", link.list)), "{}::{name} has no fixture", link.list);
        }
    }
}

#[test]
fn every_declared_packet_has_the_length_its_table_states() {
    for link in links() {
        for (id, name, len) in link.packets {
            let declared = len.map_or(Length::Sized, |len| Length::Fixed(u16::try_from(len).expect("short")));
            assert_eq!(link.table.get(*id), Some(declared), "{}::{name} 0x{id:04x}", link.list);
        }
    }
    let complete = client_to_server();
    for (id, name, _) in ClientToLogin::IDS.iter().chain(ClientToChar::IDS) {
        assert!(complete.get(*id).is_some(), "{name} 0x{id:04x} is missing in the complete table");
    }
}

#[test]
fn no_secret_is_printed() {
    let secrets =
        ["login_id1", "login_id2", "password", "token", "web_token", "pin", "old_pin", "new_pin", "birth_date"];
    let mut seen = 0;
    for text in FOLDERS.map(snapshot).into_iter().chain([control_snapshot()]) {
        for secret in secrets {
            for (at, label) in text.match_indices(&format!(" {secret}: ")) {
                assert!(text[at + label.len()..].starts_with("***"), "{}", &text[at..at + 60]);
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "the check looks at the right fields");
}

/// The recorded packet of a list, decoded.
fn recorded<P: Packet>(folder: &str) -> P {
    let name = format!("::{}", P::NAME);
    let found = fixtures(folder).into_iter().find(|(_, fixture)| fixture.packet.ends_with(&name));
    P::decode(&found.expect("recorded").1.bytes).expect("decodes")
}

#[test]
fn a_recorded_character_is_read_from_its_image() {
    let mut image = recorded::<Save>("inter").image;
    let before = image.clone();
    insta::assert_debug_snapshot!(image.view());
    image.update(&before.view());
    assert_eq!(image, before);
}

#[test]
fn the_selection_screen_shows_what_the_char_server_showed() {
    let character = recorded::<Authenticated>("inter").image.view();
    let shown = recorded::<Characters>("character").characters.0;
    assert_eq!(shown, [CharacterInfo::of(&character, 1_767_225_600)]);
}

#[test]
fn a_recorded_inventory_is_read_from_its_image() {
    let mut image = recorded::<StorageSave>("inter").image;
    let before = image.clone();
    let items: Vec<_> = image.items().map(|(place, item)| (place, item.kind, item.amount)).collect();
    insta::assert_snapshot!(format!("{:#?}\n{items:?}", image.view()));
    for (place, item) in before.items() {
        assert!(image.set_item(place, Some(&item)));
    }
    assert_eq!(image, before);
}
