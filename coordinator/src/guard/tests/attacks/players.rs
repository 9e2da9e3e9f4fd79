use super::*;

fn awaited() -> (Guard, World) {
    let (guard, mut world) = base();
    world.player(ONE.0).awaited = true;
    (guard, world)
}

fn married() -> (Guard, World) {
    let (mut guard, mut world) = base();
    let player = world.player(ONE.0);
    player.image.set_partner(TWO.1);
    let image = player.image.clone();
    guard.enters(&image);
    (guard, world)
}

/// The pseudonyms of the world's players, at an offset.
fn pseudonyms(packet: &mut Vec<u8>, offset: usize) {
    put(packet, offset, &0x1111_u32.to_le_bytes());
    put(packet, offset + 4, &0x2222_u32.to_le_bytes());
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = comings();
    cases.extend(questions());
    cases
}

fn comings() -> Vec<Case> {
    let ids = [ONE.0.0.to_le_bytes(), ONE.1.0.to_le_bytes()].concat();
    let pairs = [ONE.1.0.to_le_bytes(), ONE.0.0.to_le_bytes()].concat();
    vec![
        Case::of("Authenticate", awaited, "arrives", |packet| {
            put(packet, 2, &ids);
            put(packet, 10, &0x1111_u32.to_le_bytes());
        })
        .grave_at("autotrade", "without session ids", 19, &[1])
        .light_at("not_awaited", "for a player that was not sent here", 2, &TWO.0.0.to_le_bytes())
        .light_at("not_awaited", "for another character", 6, &STRANGER.1.0.to_le_bytes())
        .light_at("not_awaited", "with a guessed login id", 10, &[7; 4]),
        Case::of("CharacterSelect", base, "selects", |packet| pseudonyms(packet, 6))
            .strangers(2, STRANGER.0.0)
            .grave_at("login_ids", "another first login id", 6, &[7; 4])
            .grave_at("login_ids", "another second login id", 10, &[7; 4]),
        Case::of("ChangeServer", base, "changes_map", |packet| {
            pseudonyms(packet, 6);
            put(packet, 18, b"prontera\0\0\0\0\0\0\0\0");
            put(packet, 38, &[127, 0, 0, 1, 0x14, 0x01]);
            put(packet, 49, &[0; 4]);
        })
        .strangers(2, STRANGER.0.0)
        .light_at("not_hosted", "for another character", 14, &TWO.1.0.to_le_bytes())
        .grave_at("login_ids", "another login id", 6, &[7; 4])
        .grave_at("group_id", "as a game master", 49, &99_u32.to_le_bytes())
        .light_at("map_unknown", "to a map nobody has", 18, b"nowhere\0\0")
        .grave_at("map_name", "to SQL", 18, b"a';--\0\0\0\0")
        .light_at("map_server", "to a server of its own", 38, &[6, 6, 6, 6]),
        Case::of("WentOffline", base, "leaves", |packet| put(packet, 2, &pairs)).strangers(2, STRANGER.1.0).light_at(
            "not_hosted",
            "of another account",
            6,
            &TWO.0.0.to_le_bytes(),
        ),
        Case::of("CameOnline", base, "online", |packet| put(packet, 2, &pairs)).strangers(2, STRANGER.1.0),
    ]
}

fn questions() -> Vec<Case> {
    let pair = |packet: &mut Vec<u8>, offset| {
        put(packet, offset, &ONE.0.0.to_le_bytes());
        put(packet, offset + 4, &ONE.1.0.to_le_bytes());
    };
    let mut cases: Vec<Case> = ["StatusRequest", "CooldownRequest", "RegistryRequest"]
        .map(|name| {
            Case::of(name, base, "forward", |packet| pair(packet, 2)).strangers(2, STRANGER.0.0).light_at(
                "not_hosted",
                "another's character",
                6,
                &TWO.1.0.to_le_bytes(),
            )
        })
        .into();
    cases.extend(["BonusRequest", "QuestsRequest", "AchievementsRequest"].map(|name| {
        Case::of(name, base, "forward", |packet| put(packet, 2, &ONE.1.0.to_le_bytes())).strangers(2, STRANGER.1.0)
    }));
    cases.extend([
        Case::of("StorageRequest", base, "forward", |packet| pair(packet, 3))
            .strangers(3, STRANGER.0.0)
            .light_at("storage_kind", "a kind there is not", 2, &[4])
            .light_at("storage_kind", "a storage there is not", 11, &[9])
            .light_at("storage_kind", "a second inventory", 2, &[1, 0x81, 0x84, 0x1e, 0, 0xf1, 0x49, 2, 0, 1]),
        Case::forwarded("FriendRemove", base).strangers(6, STRANGER.1.0),
        Case::of("FameUpdate", base, "forward", |_| {})
            .strangers(2, STRANGER.1.0)
            .light_at("fame", "too much at once", 6, &5_000_i32.to_le_bytes())
            .light_at("fame", "less than before", 6, &(-1_i32).to_le_bytes())
            .light_at("fame", "a ranking there is not", 10, &[9]),
        Case::of("Divorce", married, "forward", |packet| put(packet, 6, &TWO.1.0.to_le_bytes()))
            .light_at("partner", "from somebody else", 6, &STRANGER.1.0.to_le_bytes())
            .light("not_hosted", "two others", |packet| {
                put(packet, 2, &STRANGER.1.0.to_le_bytes());
                put(packet, 6, &150_004_u32.to_le_bytes());
            }),
        Case::forwarded("NameCheck", base)
            .strangers(2, STRANGER.0.0)
            .grave_at("name_kind", "for a character", 10, &[0])
            .light_at("name", "an empty name", 11, &[0; 24])
            .grave_at("unterminated", "a name without end", 11, &[b'a'; 24]),
    ]);
    cases
}

#[test]
fn who_was_not_sent_here_is_told_so_and_gets_no_character() {
    let (mut guard, world) = base();
    let mut packet = fixture("Authenticate");
    put(&mut packet, 2, &ONE.0.0.to_le_bytes());
    let violation = guard.up(ENGINE, &packet.into(), &world, NOW).expect_err("not awaited");
    assert_eq!(violation.answers.iter().map(|packet| id(packet)).collect::<Vec<_>>(), [0x2b27]);
}

#[test]
fn a_map_change_names_the_server_the_coordinator_knows() {
    let (mut guard, world) = base();
    let case = comings().into_iter().find(|case| id(&case.packet) == 0x2b05).expect("is there");
    let Ok(Ruling::ChangesMap { account, to, server }) = guard.up(ENGINE, &case.packet.into(), &world, NOW) else {
        panic!("passes")
    };
    assert_eq!((account, to.map.as_str(), server), (ONE.0, "prontera", CITY));
}

#[test]
fn whoever_asks_for_names_without_end_is_slowed_down() {
    let (mut guard, world) = base();
    let packet = Bytes::from(fixture("NameRequest"));
    let passed = (0..500).filter(|_| guard.up(ENGINE, &packet, &world, NOW).is_ok()).count();
    assert_eq!(passed, 100);
    let violation = guard.up(ENGINE, &packet, &world, NOW).expect_err("too many");
    assert_eq!((violation.rule, violation.grave), ("rate", false));
}

#[test]
fn an_engine_that_floods_is_cut_off() {
    let (mut guard, world) = base();
    let packet = Bytes::from(fixture("Ping"));
    let broken = (0..30_000).find_map(|_| guard.up(ENGINE, &packet, &world, NOW).err()).expect("has a limit");
    assert_eq!((broken.rule, broken.grave), ("flood", true));
}
