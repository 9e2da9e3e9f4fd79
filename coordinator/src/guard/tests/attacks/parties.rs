use super::*;

pub(super) fn cases() -> Vec<Case> {
    let (one, two) = (FixedText::<24>::new("Bot0001"), STRANGER.1.0.to_le_bytes());
    vec![
        Case::of("PartyCreate", base, "forward", |_| {})
            .light_at("name", "without a name", 4, &[0; 24])
            .grave_at("unterminated", "with a name without end", 4, &[b'a'; 24])
            .strangers(30, STRANGER.0.0)
            .light_at("map_unknown", "on a map there is not", 30 + 34, b"nowhere\0\0\0")
            .grave_at("map_name", "on SQL", 30 + 34, b"a';--\0\0\0\0\0"),
        Case { stage: joined, ..Case::of("PartySay", joined, "share", |packet| say(packet, 12, b"Bot0001 : hello\0")) },
        Case::of("PartyRequest", joined, "forward", |_| {}).strangers(6, STRANGER.1.0).light_at(
            "party",
            "another party",
            2,
            &7_u32.to_le_bytes(),
        ),
        Case::of("PartyAdd", led, "forward", |_| {})
            .strangers(8, STRANGER.0.0)
            .light_at("party_leader", "into a party whose leader is elsewhere", 4, &7_u32.to_le_bytes())
            .light("party", "somebody who is in it", |packet| {
                put(packet, 8, &ONE.0.0.to_le_bytes());
                put(packet, 12, &ONE.1.0.to_le_bytes());
                put(packet, 16, one.raw());
            }),
        Case::of("PartyOptions", joined, "forward", |_| {})
            .light_at("party_leader", "of another party", 2, &7_u32.to_le_bytes())
            .light_at("party_leader", "by a member that does not lead", 6, &TWO.0.0.to_le_bytes())
            .grave_at("party_options", "a share there is not", 10, &[9, 0])
            .grave_at("party_options", "items in a way there is not", 12, &[9, 0]),
        Case::of("PartyLeave", joined, "forward", |_| {})
            .light_at("party_leader", "from another party", 2, &7_u32.to_le_bytes())
            .light_at("party", "somebody who is not in it", 10, &[9; 4])
            .light_at("party", "under another account", 6, &STRANGER.0.0.to_le_bytes())
            .grave_at("party_leave", "in a way there is not", 38, &[2]),
        Case::of("PartyLeave", joined, "forward", |packet| put(packet, 38, &[0])).strangers(10, STRANGER.1.0).light_at(
            "party",
            "another party",
            2,
            &7_u32.to_le_bytes(),
        ),
        Case::of("PartyMove", joined, "forward", |packet| put(packet, 2, &1_u32.to_le_bytes()))
            .strangers(6, STRANGER.0.0)
            .light_at("party", "of another party", 2, &7_u32.to_le_bytes())
            .grave_at("online", "twice online", 14, &[2])
            .light_at("map_unknown", "on a map there is not", 17, b"nowhere\0\0\0"),
        Case::of("PartyLead", joined, "forward", |_| {})
            .light_at("party_leader", "of another party", 2, &7_u32.to_le_bytes())
            .light_at("party", "somebody who is not in it", 10, &[9; 4])
            .light("party", "under another account", |packet| put(packet, 10, &two)),
    ]
}

/// The first leads party 1 alone.
fn led() -> (Guard, World) {
    let (mut guard, world) = base();
    let mut created = fixture("PartyCreated");
    put(&mut created, 2, &ONE.0.0.to_le_bytes());
    put(&mut created, 6, &ONE.1.0.to_le_bytes());
    put(&mut created, 10, &[0, 1, 0, 0, 0]);
    guard.down(&created.into()).expect("is taken");
    (guard, world)
}

#[test]
fn a_member_is_what_the_coordinator_knows_of_it() {
    let (mut guard, world) = led();
    let mut packet = fixture("PartyAdd");
    put(&mut packet, 16, FixedText::<24>::new("Somebody").raw());
    put(&mut packet, 8 + 32, &[7, 0]);
    put(&mut packet, 8 + 50, &[255, 0, 3]);
    let Ok(Ruling::Forward(forward)) = guard.up(ENGINE, &packet.into(), &world, NOW) else { panic!("passes") };
    let added = bifrost_protocol::inter::PartyAdd::decode(&forward.packet).expect("decodes").member;
    assert_eq!((added.name.to_text().as_str(), added.class, added.level, added.flags), ("Bot0002", 0, 70, 2));
}

#[test]
fn who_does_not_lead_expels_nobody() {
    let (mut guard, mut world) = joined();
    world.players.remove(0);
    let violation = guard.up(ENGINE, &fixture("PartyLeave").into(), &world, NOW).expect_err("the leader is elsewhere");
    assert_eq!(violation.rule, "party_leader");
}

#[test]
fn the_new_leader_leads_and_the_old_one_does_not() {
    let (mut guard, world) = joined();
    guard.up(ENGINE, &fixture("PartyLead").into(), &world, NOW).expect("the leader is here");
    let options = |who: AccountId| {
        let mut packet = fixture("PartyOptions");
        put(&mut packet, 6, &who.0.to_le_bytes());
        Bytes::from(packet)
    };
    assert!(guard.up(ENGINE, &options(TWO.0), &world, NOW).is_ok());
    assert!(guard.up(ENGINE, &options(ONE.0), &world, NOW).is_err());
}
