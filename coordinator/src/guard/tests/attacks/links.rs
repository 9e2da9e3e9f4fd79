use super::*;

/// An engine that has only just connected.
fn fresh() -> (Guard, World) {
    let (mut guard, world) = base();
    guard.engine_gone(ENGINE);
    (guard, world)
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::of("Login", fresh, "connects", |_| {}).grave("frame", "a byte too many", |packet| packet.push(0)),
        Case::of("Login", fresh, "connects", |_| {}).grave("frame", "cut short", |packet| packet.truncate(20)),
        Case::of("Maps", base, "has_maps", |packet| say(packet, 4, b"prt_fild08\0\0\0\0\0\0"))
            .grave("map_owner", "a map of the city", |packet| say(packet, 4, b"prontera\0\0\0\0\0\0\0\0"))
            .grave("map_name", "SQL for a map", |packet| say(packet, 4, b"a',x=1;--\0\0\0\0\0\0\0"))
            .grave("malformed", "half a map", |packet| say(packet, 4, b"prt_f"))
            .grave("count", "more maps than fit", |packet| say(packet, 4, &b"prt_fild08\0\0\0\0\0\0".repeat(1_501)))
            .grave_at("frame", "a length below its head", 2, &[3, 0]),
        Case::of("Online", base, "has_players", |_| {}).grave_at(
            "malformed",
            "counts players that are not in it",
            4,
            &[255, 255],
        ),
        Case { stage: base, packet: vec![0x40, 0x30, 8, 0, 7, 0, 0, 0], ruling: "answer", attacks: Vec::new() }.grave(
            "length",
            "half a castle",
            |packet| {
                packet.pop();
                fit(packet);
            },
        ),
        Case::forwarded("RegistrySave", base)
            .strangers(4, STRANGER.0.0)
            .light_at("not_hosted", "another character of the account", 8, &ONE.1.0.to_le_bytes())
            .grave_at("malformed", "counts values that are not in it", 12, &[200, 0])
            .grave_at("malformed", "a name longer than 32 bytes", 14, &[60])
            .grave_at("registry_key", "a name with a quote", 15, b"'RG0")
            .grave_at("malformed", "a kind of value there is not", 24, &[9])
            .grave_at("registry_key", "a text under a number's name", 24, &[3]),
        Case::of("QuestsSave", base, "forward", |_| {})
            .strangers(4, STRANGER.1.0)
            .light_at("quest", "a negative count", 16, &(-1_i32).to_le_bytes())
            .light_at("quest", "a state there is not", 28, &[9])
            .light_at("quest", "quest 0", 8, &[0; 4])
            .light("quest_twice", "a quest twice", |packet| {
                let quest = packet[8..].to_vec();
                packet.extend(quest);
                fit(packet);
            })
            .grave("malformed", "half a quest", |packet| {
                packet.truncate(20);
                fit(packet);
            }),
        Case::of("AchievementsSave", base, "forward", |_| {})
            .strangers(4, STRANGER.1.0)
            .light_at("achievement", "a negative count", 12, &(-1_i32).to_le_bytes())
            .light_at("achievement", "rewarded before it was completed", 8 + 56, &1_i64.to_le_bytes())
            .light("achievement_twice", "an achievement twice", |packet| {
                let first = packet[8..80].to_vec();
                packet.extend(first);
                fit(packet);
            }),
        Case::of("AchievementReward", base, "answer", |_| {}).strangers(2, STRANGER.1.0),
    ]
}

#[test]
fn a_second_login_on_a_link_closes_it() {
    let (mut guard, world) = base();
    let violation = guard.up(ENGINE, &fixture("Login").into(), &world, NOW).expect_err("logged in already");
    assert_eq!((violation.rule, violation.grave), ("order", true));
}

#[test]
fn values_that_are_money_are_cut_out_and_told() {
    for key in ["#CASHPOINTS", "#bankvault", "##anything", "#KAFRAPOINTS"] {
        let (mut guard, world) = base();
        let mut save = recorded::<bifrost_protocol::inter::RegistrySave>();
        let mut forged = save.changes.0[0].clone();
        forged.key = bifrost_protocol::inter::RegistryKey::new(key).expect("fits");
        forged.value = bifrost_protocol::inter::RegistryUpdate::Number(1_000_000);
        let honest = save.clone();
        save.changes.0.push(forged);
        let Ok(Ruling::Forward(forward)) = guard.up(ENGINE, &save.encode(), &world, NOW) else { panic!("{key}") };
        assert_eq!(forward.packet, honest.encode(), "{key}");
        let cut = guard.take_cut();
        assert_eq!(
            cut.iter().map(|(from, breach)| (*from, breach.rule)).collect::<Vec<_>>(),
            [(ENGINE, "registry_currency")]
        );
    }
}

#[test]
fn an_engine_is_told_what_the_char_server_said_once() {
    let (mut guard, world) = fresh();
    guard.down(&fixture("MapsAccepted").into()).expect("is taken");
    guard.down(&fixture("Fame").into()).expect("is taken");
    let Ok(Ruling::Connects(answers)) = guard.up(ENGINE, &fixture("Login").into(), &world, NOW) else { panic!() };
    assert_eq!(answers.iter().map(|packet| id(packet)).collect::<Vec<_>>(), [0x2af9, 0x388c]);
    let mut maps = fixture("Maps");
    say(&mut maps, 4, b"prt_fild08\0\0\0\0\0\0");
    let Ok(Ruling::HasMaps(maps, answers)) = guard.up(ENGINE, &maps.into(), &world, NOW) else { panic!() };
    assert_eq!(maps.iter().map(MapName::as_str).collect::<Vec<_>>(), ["prt_fild08"]);
    assert_eq!(answers.iter().map(|packet| id(packet)).collect::<Vec<_>>(), [0x2afb, 0x2b1b]);
}

#[test]
fn players_of_others_in_the_list_are_not_believed() {
    let (mut guard, world) = base();
    let mut list = fixture("Online");
    let pair = |who: (AccountId, CharacterId)| [who.0.0.to_le_bytes(), who.1.0.to_le_bytes()].concat();
    say(&mut list, 4, &[vec![3, 0], pair(ONE), pair(STRANGER), pair((TWO.0, ONE.1))].concat());
    assert_eq!(guard.up(ENGINE, &list.into(), &world, NOW), Ok(Ruling::HasPlayers(vec![ONE])));
}
