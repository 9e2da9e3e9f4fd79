//! The ways back: whom a packet of the char-server is for, and what it teaches.

use bifrost_protocol::inter::{GuildAdded, GuildLeft, GuildMasterChanged, PartyAdded, PartyLeft};

use super::*;
use crate::guard::{Ruling, Way, rules};

fn one() -> Way {
    Way::Account(ONE.0)
}

fn both() -> Way {
    Way::Accounts(vec![ONE.0, TWO.0])
}

/// A packet whose ids are those of this realm: `(offset, value)`.
fn told(guard: &mut Guard, name: &str, ids: &[(usize, u32)]) -> Way {
    let mut packet = fixture(name);
    for (offset, id) in ids {
        put(&mut packet, *offset, &id.to_le_bytes());
    }
    guard.down(&packet.into()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A packet of this id and length whose bytes at the offsets are these ids.
fn made(guard: &mut Guard, id: u16, len: usize, ids: &[(usize, u32)]) -> Way {
    let mut packet = vec![0; len];
    put(&mut packet, 0, &id.to_le_bytes());
    if bifrost_protocol::inter::char_to_map().get(id) == Some(bifrost_protocol::frame::Length::Sized) {
        fit(&mut packet);
    }
    for (offset, id) in ids {
        put(&mut packet, *offset, &id.to_le_bytes());
    }
    guard.down(&packet.into()).unwrap_or_else(|error| panic!("{id:04x}: {error}"))
}

#[test]
fn real_login_ids_reach_no_host() {
    let (mut guard, _) = joined();
    for name in ["Authenticated", "ChangeServerAnswer", "Refused"] {
        assert_eq!(guard.down(&fixture(name).into()), Ok(Way::Fleet), "{name}");
    }
}

#[test]
fn the_fleets_own_business_stays_with_it() {
    let (mut guard, _) = joined();
    let own = [
        "LoginAnswer",
        "MapsAccepted",
        "TotalUsers",
        "CharacterSelectAnswer",
        "ServerMaps",
        "Banned",
        "RefreshAddress",
        "Kick",
        "ServerGone",
        "Saved",
        "Pong",
        "StorageSaved",
        "StorageTables",
    ];
    for name in own {
        assert_eq!(guard.down(&fixture(name).into()), Ok(Way::Fleet), "{name}");
    }
    for name in ["Fame", "FameUpdated"] {
        assert_eq!(guard.down(&fixture(name).into()), Ok(Way::All), "{name}");
    }
}

#[test]
fn answers_go_to_the_player_they_are_about() {
    let (mut guard, _) = joined();
    let (account, character) = (ONE.0.0, ONE.1.0);
    let of_account: [(u16, usize, usize); 7] = [
        (0x2b0b, 14, 4),
        (0x2b1d, 14, 4),
        (0x2b2b, 15, 2),
        (0x3804, 16, 4),
        (0x3806, 37, 2),
        (0x2b0d, 7, 2),
        (0x3818, 12, 4),
    ];
    for (id, len, offset) in of_account {
        assert_eq!(made(&mut guard, id, len, &[(offset, account)]), one(), "{id:04x}");
    }
    let of_character: [(u16, usize, usize); 8] = [
        (0x3849, 75, 2),
        (0x384b, 11, 2),
        (0x384c, 11, 2),
        (0x384e, 38, 2),
        (0x3860, 8, 4),
        (0x3862, 8, 4),
        (0x2b2f, 9, 4),
        (0x3821, 12, 4),
    ];
    for (id, len, offset) in of_character {
        assert_eq!(made(&mut guard, id, len, &[(offset, character)]), one(), "{id:04x}");
        assert_eq!(made(&mut guard, id, len, &[(offset, STRANGER.1.0)]), Way::Drop, "{id:04x} of nobody here");
    }
    assert_eq!(told(&mut guard, "Storage", &[(5, account)]), one());
    assert_eq!(told(&mut guard, "MailInbox", &[(4, character)]), one());
    assert_eq!(told(&mut guard, "MailTaken", &[(4, character)]), one());
    assert_eq!(told(&mut guard, "MailSent", &[(4 + 4, character)]), one());
    assert_eq!(told(&mut guard, "PetLoaded", &[(4, account)]), one());
    assert_eq!(told(&mut guard, "HomunculusCreated", &[(4, account)]), one());
    assert_eq!(told(&mut guard, "MercenaryLoaded", &[(5 + 4, character)]), one());
    assert_eq!(told(&mut guard, "ElementalLoaded", &[(5 + 4, character)]), one());
}

#[test]
fn what_concerns_a_party_or_guild_goes_to_its_members() {
    let (mut guard, _) = joined();
    let of_party: [(u16, usize, usize); 3] = [(0x3823, 15, 2), (0x3825, 33, 2), (0x3827, 14, 4)];
    let of_guild: [(u16, usize, usize); 10] = [
        (0x3831, 8, 4),
        (0x3835, 19, 2),
        (0x3837, 14, 4),
        (0x3839, 18, 4),
        (0x383a, 20, 4),
        (0x383c, 14, 2),
        (0x383d, 67, 2),
        (0x383e, 186, 2),
        (0x383f, 12, 4),
        (0x3841, 10, 2),
    ];
    for (id, len, offset) in of_party.into_iter().chain(of_guild) {
        assert_eq!(made(&mut guard, id, len, &[(offset, 1)]), both(), "{id:04x}");
        assert_eq!(made(&mut guard, id, len, &[(offset, 9)]), Way::Drop, "{id:04x} of others");
    }
    assert_eq!(made(&mut guard, 0x383d, 67, &[(2, 9), (6, 1)]), both(), "the other guild of an alliance");
}

#[test]
fn a_party_changes_as_the_char_server_says() {
    let (mut guard, _) = base();
    assert_eq!(told(&mut guard, "PartyCreated", &[(2, ONE.0.0), (6, ONE.1.0), (11, 5)]), one());
    let added = PartyAdded { party: 5, account: TWO.0, character: TWO.1, failed: 0 };
    assert_eq!(guard.down(&added.encode()), Ok(Way::Account(TWO.0)));
    assert_eq!(guard.memberships(TWO.1), Some((5, 0)));
    let left = PartyLeft { party: 5, account: ONE.0, character: ONE.1, name: FixedText::default(), kind: 0 };
    assert_eq!(guard.down(&left.encode()), Ok(both()), "the one that left is told as well");
    assert_eq!(guard.memberships(ONE.1), Some((0, 0)));
    assert_eq!(made(&mut guard, 0x3826, 7, &[(2, 5)]), Way::Accounts(vec![TWO.0]));
    assert_eq!(guard.memberships(TWO.1), Some((0, 0)));
    assert_eq!(made(&mut guard, 0x3826, 7, &[(2, 5)]), Way::Drop, "it has ended");
}

#[test]
fn a_guild_changes_as_the_char_server_says() {
    let (mut guard, world) = base();
    assert_eq!(told(&mut guard, "GuildCreated", &[(2, ONE.0.0), (6, 1)]), one());
    let added = GuildAdded { guild: 1, account: TWO.0, character: TWO.1, failed: 0 };
    assert_eq!(guard.down(&added.encode()), Ok(Way::Account(TWO.0)));
    let notice = Bytes::from(fixture("GuildNotice"));
    assert!(guard.up(ENGINE, &notice, &world, NOW).is_ok(), "the founder is master");
    let changed = GuildMasterChanged { guild: 1, account: TWO.0, character: TWO.1, time: 0 };
    assert_eq!(guard.down(&changed.encode()), Ok(both()));
    let mut alone = World { own: world.own.clone(), ..World::default() };
    alone.players.extend(world.players.into_iter().take(1));
    let refused = guard.up(ENGINE, &notice, &alone, NOW).map_err(|breach| breach.rule);
    assert_eq!(refused, Err("guild_master"), "it no longer is");
    let (expelled, reason, name) = (1, FixedText::default(), FixedText::default());
    let left = GuildLeft { guild: 1, account: TWO.0, character: TWO.1, expelled, reason, name };
    assert_eq!(guard.down(&left.encode()), Ok(both()));
    assert_eq!(made(&mut guard, 0x3836, 7, &[(2, 1)]), Way::Accounts(vec![ONE.0]));
    assert_eq!(guard.memberships(ONE.1), Some((0, 0)));
}

#[test]
fn whispers_find_a_name_or_are_answered() {
    let (mut guard, _) = base();
    let mut whisper = fixture("WhisperReceived");
    put(&mut whisper, 36, FixedText::<24>::new("Bot0001").raw());
    assert_eq!(guard.down(&whisper.clone().into()), Ok(one()));
    put(&mut whisper, 36, FixedText::<24>::new("Nobody").raw());
    let answer = [&[0x02, 0x30][..], &whisper[4..8], &[1]].concat();
    assert_eq!(guard.down(&whisper.into()), Ok(Way::Back(answer.into())));
    let mut result = fixture("WhisperResult");
    put(&mut result, 2, FixedText::<24>::new("Bot0001").raw());
    assert_eq!(guard.down(&result.into()), Ok(one()));
}

#[test]
fn what_names_nobody_goes_to_those_who_asked() {
    let (mut guard, world) = base();
    guard.up(OTHER_ENGINE, &fixture("Login").into(), &world, NOW).expect("logs in");
    let (ask, answer) = (Bytes::from(fixture("NameRequest")), Bytes::from(fixture("NameFound")));
    assert_eq!(guard.down(&answer), Ok(Way::Drop), "nobody asked");
    for engine in [ENGINE, OTHER_ENGINE, ENGINE] {
        guard.up(engine, &ask, &world, NOW).expect("may ask");
    }
    assert_eq!(guard.down(&answer), Ok(Way::Engines(vec![ENGINE, OTHER_ENGINE])));
    assert_eq!(guard.down(&answer), Ok(Way::Drop));
    let clans = Bytes::from_static(&[0xa0, 0x30]);
    for engine in [OTHER_ENGINE, ENGINE] {
        guard.up(engine, &clans, &world, NOW).expect("may ask");
    }
    guard.engine_gone(OTHER_ENGINE);
    assert_eq!(made(&mut guard, 0x38a0, 4, &[]), Way::Engine(ENGINE));
    assert_eq!(made(&mut guard, 0x38a0, 4, &[]), Way::Drop);
}

#[test]
fn a_marriage_ends_for_both() {
    let (mut guard, mut world) = base();
    world.players[0].image.set_partner(TWO.1);
    let image = world.players[0].image.clone();
    guard.enters(&image);
    assert_eq!(told(&mut guard, "Divorced", &[(2, ONE.1.0), (6, TWO.1.0)]), both());
    let divorce = Bytes::from(fixture("Divorce"));
    let refused = guard.up(ENGINE, &divorce, &world, NOW).map_err(|breach| breach.rule);
    assert_eq!(refused, Err("partner"), "not twice");
    assert_eq!(told(&mut guard, "BabyRemoved", &[(2, ONE.1.0), (6, STRANGER.1.0)]), Way::Accounts(vec![ONE.0]));
}

#[test]
fn a_player_that_is_forgotten_leaves_nothing_behind() {
    let (mut guard, _) = joined();
    for who in [ONE, TWO] {
        guard.forget(who.1, who.0);
    }
    let empty = format!("{:?}", Guard::default().knowledge);
    guard.char_gone();
    let left = format!("{:?}", guard.knowledge);
    assert_eq!(left, empty);
}

#[test]
fn a_player_that_comes_back_after_a_restart_is_asked_about() {
    let mut guard = Guard::default();
    let mut image = image(ONE, "Bot0001");
    image.set_party(3);
    image.set_guild(4);
    let questions = guard.enters(&image);
    assert_eq!(questions.iter().map(|packet| (packet[0], packet[2])).collect::<Vec<_>>(), [(0x21, 3), (0x31, 4)]);
    let farewell = guard.farewell(ONE.0, &image);
    assert_eq!(farewell.iter().map(|packet| (packet[0], packet[14])).collect::<Vec<_>>(), [(0x25, 0), (0x35, 0)]);
    let (mut judge, world) = base();
    judge.enters(&image);
    for packet in farewell {
        assert!(matches!(judge.up(ENGINE, &packet, &world, NOW), Ok(Ruling::Forward(_))));
    }
}

#[test]
fn what_is_too_long_or_unknown_is_an_error() {
    let (mut guard, _) = base();
    for packet in [&[0x00, 0x38][..], &[0x24, 0x2b, 0], &[0x34, 0x12], &[0x24], &[]] {
        assert!(guard.down(&Bytes::copy_from_slice(packet)).is_err(), "{packet:02x?}");
    }
    for rule in rules::DOWN {
        let len = bifrost_protocol::inter::char_to_map().get(rule.id);
        assert!(len.is_some(), "{:04x}", rule.id);
    }
}
