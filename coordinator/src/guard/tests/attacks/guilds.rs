use super::*;

/// Guild 1's storage is this engine's.
fn held() -> (Guard, World) {
    let (mut guard, world) = joined();
    guard.up(ENGINE, &fixture("GuildStorageRequest").into(), &world, NOW).expect("a member asks");
    (guard, world)
}

/// The second has no guild.
fn founded() -> (Guard, World) {
    let (mut guard, world) = joined();
    let mut left = fixture("GuildLeft");
    put(&mut left, 6, &TWO.0.0.to_le_bytes());
    put(&mut left, 10, &TWO.1.0.to_le_bytes());
    guard.down(&left.into()).expect("is taken");
    (guard, world)
}

/// Somebody who is not in the fleet has left guild 1.
fn parted() -> (Guard, World) {
    let (mut guard, world) = joined();
    let mut left = fixture("GuildLeft");
    put(&mut left, 2, &1_u32.to_le_bytes());
    put(&mut left, 10, &STRANGER.1.0.to_le_bytes());
    guard.down(&left.into()).expect("is taken");
    (guard, world)
}

/// Both are masters, of guilds 1 and 2.
fn two_guilds() -> (Guard, World) {
    let (mut guard, world) = founded();
    let mut created = fixture("GuildCreated");
    put(&mut created, 2, &TWO.0.0.to_le_bytes());
    put(&mut created, 6, &2_u32.to_le_bytes());
    guard.down(&created.into()).expect("is taken");
    (guard, world)
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = membership();
    cases.extend(masters());
    cases.extend(storages());
    cases
}

fn membership() -> Vec<Case> {
    vec![
        Case::of("GuildCreate", base, "forward", |_| {})
            .light_at("name", "without a name", 8, &[0; 24])
            .grave_at("account", "on another account's behalf", 4, &TWO.0.0.to_le_bytes())
            .strangers(32, STRANGER.0.0),
        Case::of("GuildRequest", joined, "forward", |_| {}).light_at(
            "guild",
            "of nobody here",
            2,
            &7_u32.to_le_bytes(),
        ),
        Case::of("GuildAdd", founded, "forward", |_| {})
            .strangers(8, STRANGER.0.0)
            .light_at("guild_permission", "into a guild of nobody here", 4, &7_u32.to_le_bytes())
            .light("guild", "somebody who is in one", |packet| {
                put(packet, 8, &ONE.0.0.to_le_bytes());
                put(packet, 12, &ONE.1.0.to_le_bytes());
            }),
        Case::of("GuildLeave", joined, "forward", |_| {})
            .light_at("guild_permission", "from another guild", 2, &7_u32.to_le_bytes())
            .light_at("guild", "somebody who is not in it", 10, &[9; 4])
            .light("guild", "its master", |packet| {
                put(packet, 6, &ONE.0.0.to_le_bytes());
                put(packet, 10, &ONE.1.0.to_le_bytes());
            })
            .grave_at("guild_leave", "in a way there is not", 14, &[2])
            .grave_at("unterminated", "for a reason without end", 15, &[b'a'; 40]),
        Case::of("GuildLeave", joined, "forward", |packet| put(packet, 14, &[0])).strangers(10, STRANGER.1.0).light_at(
            "guild",
            "another guild",
            2,
            &7_u32.to_le_bytes(),
        ),
        Case::of("GuildSeen", joined, "forward", |packet| put(packet, 17, &[0, 0]))
            .strangers(6, STRANGER.0.0)
            .light_at("guild", "of another guild", 2, &7_u32.to_le_bytes())
            .grave_at("online", "twice online", 14, &[2])
            .light_at("class", "of a class it cannot be", 17, &[8, 0]),
        Case::of("GuildMemberChange", joined, "forward", |_| {})
            .strangers(8, STRANGER.0.0)
            .light_at("guild", "of another guild", 4, &7_u32.to_le_bytes())
            .grave_at("guild_member", "its level", 16, &[6, 0])
            .grave("length", "looks of 60 bytes", |packet| say(packet, 18, &[0; 60])),
        experience(0),
        position(),
    ]
}

/// 0x303a with experience.
fn experience(_: u8) -> Case {
    Case::of("GuildMemberChange", joined, "forward", |packet| {
        put(packet, 16, &[1, 0]);
        say(packet, 18, &2_000_u64.to_le_bytes());
    })
    .strangers(8, STRANGER.0.0)
    .light_at("guild_exp", "less than it had given", 18, &10_u64.to_le_bytes())
    .light_at("guild_exp", "more than there is", 18, &u64::MAX.to_le_bytes())
    .grave("length", "in two bytes", |packet| say(packet, 18, &[1, 0]))
}

/// 0x303a with a rank.
fn position() -> Case {
    Case::of("GuildMemberChange", joined, "forward", |packet| {
        put(packet, 8, &TWO.0.0.to_le_bytes());
        put(packet, 12, &TWO.1.0.to_le_bytes());
        put(packet, 16, &[0, 0, 5, 0]);
    })
    .light_at("guild_master", "in a guild whose master is elsewhere", 4, &7_u32.to_le_bytes())
    .light_at("guild", "of somebody who is not in it", 12, &[9; 4])
    .light_at("guild", "of the master", 12, &ONE.1.0.to_le_bytes())
    .grave_at("guild_position", "the master's", 18, &[0, 0])
    .grave_at("guild_position", "one there is not", 18, &[20, 0])
}

fn masters() -> Vec<Case> {
    let elsewhere = |case: Case, offset| {
        case.light_at("guild_master", "of a guild whose master is elsewhere", offset, &7_u32.to_le_bytes())
    };
    vec![
        elsewhere(Case::of("GuildHandOver", joined, "forward", |_| {}), 4)
            .light("guild", "to somebody who is not in it", |packet| say(packet, 8, b"Bot0009\0"))
            .grave("text", "to a name without end", |packet| say(packet, 8, b"Bot0002"))
            .grave("text", "to a name that is too long", |packet| say(packet, 8, &[b'a'; 200])),
        elsewhere(Case::of("GuildBreak", joined, "forward", |_| {}), 2),
        elsewhere(Case::of("GuildRank", joined, "forward", |_| {}), 4)
            .grave_at("guild_rank", "one there is not", 8, &20_i32.to_le_bytes())
            .grave_at("guild_rank", "with permissions there are not", 12 + 24, &0x1000_i32.to_le_bytes())
            .grave_at("guild_rank", "with more than everything", 12 + 28, &101_i32.to_le_bytes())
            .grave_at("unterminated", "with a name without end", 12, &[b'a'; 24]),
        elsewhere(Case::of("GuildSkillUp", joined, "forward", |_| {}), 2)
            .light_at("guild_master", "by a member", 10, &TWO.0.0.to_le_bytes())
            .grave_at("guild_skill", "a skill of players", 6, &5_i32.to_le_bytes())
            .grave_at("guild_skill", "a skill without levels", 6, &10_005_i32.to_le_bytes()),
        elsewhere(Case::of("GuildAlly", two_guilds, "forward", |packet| put(packet, 18, &[0])), 2)
            .light_at("guild_master", "with a guild whose master is elsewhere", 6, &9_u32.to_le_bytes())
            .light_at("guild_master", "by a member", 10, &TWO.0.0.to_le_bytes())
            .light_at("guild_master", "with a member", 14, &ONE.0.0.to_le_bytes())
            .light_at("guild", "with itself", 6, &1_u32.to_le_bytes())
            .grave_at("guild_alliance", "in a way there is not", 18, &[4]),
        elsewhere(Case::of("GuildNotice", joined, "forward", |_| {}), 2).grave_at(
            "unterminated",
            "without end",
            6,
            &[b'a'; 60],
        ),
        elsewhere(Case::of("GuildEmblem", joined, "forward", |_| {}), 4)
            .grave("length", "over 2,000 bytes", |packet| say(packet, 12, &[0; 2_001]))
            .grave_at("length", "with another head", 8, &[1]),
        elsewhere(Case::of("GuildEmblemVersion", joined, "forward", |_| {}), 2),
    ]
}

fn storages() -> Vec<Case> {
    vec![
        Case::of("GuildStorageRequest", joined, "forward", |_| {}).strangers(2, STRANGER.0.0).light_at(
            "guild",
            "of another guild",
            6,
            &7_u32.to_le_bytes(),
        ),
        Case::of("GuildStorageSave", held, "forward", |_| {})
            .strangers(4, STRANGER.0.0)
            .light_at("guild", "of another guild", 8, &7_u32.to_le_bytes())
            .grave_at("storage_kind", "an inventory", 12 + 12, &1_u32.to_le_bytes())
            .grave_at("storage_kind", "another guild's", 12 + 8, &7_u32.to_le_bytes())
            .light_at("item_amount", "with more than a stack", 12 + 24 + 8, &30_001_i16.to_le_bytes())
            .light_at("item_equip", "with something worn", 12 + 24 + 10, &2_u32.to_le_bytes()),
        Case::of("BoundItems", parted, "forward", |packet| put(packet, 2, &STRANGER.1.0.to_le_bytes()))
            .light_at("not_expelled", "of somebody who left no guild", 2, &ONE.1.0.to_le_bytes())
            .light_at("not_expelled", "of another guild", 10, &[7, 0]),
    ]
}

#[test]
fn a_guilds_storage_is_given_to_one_engine() {
    let (mut guard, world) = held();
    guard.up(OTHER_ENGINE, &fixture("Login").into(), &world, NOW).expect("logs in");
    let request = Bytes::from(fixture("GuildStorageRequest"));
    assert_eq!(guard.up(OTHER_ENGINE, &request, &world, NOW), Ok(Ruling::Drop));
    let save = guard.up(OTHER_ENGINE, &fixture("GuildStorageSave").into(), &world, NOW);
    assert_eq!(save.map_err(|breach| breach.rule), Err("guild_storage_held"));
    guard.engine_gone(ENGINE);
    assert!(matches!(guard.up(OTHER_ENGINE, &request, &world, NOW), Ok(Ruling::Forward(_))));
}

#[test]
fn a_skill_grows_to_its_own_maximum() {
    let (mut guard, world) = joined();
    let mut packet = fixture("GuildSkillUp");
    put(&mut packet, 14, &i32::MAX.to_le_bytes());
    let Ok(Ruling::Forward(forward)) = guard.up(ENGINE, &packet.into(), &world, NOW) else { panic!("passes") };
    assert_eq!(bifrost_protocol::inter::GuildSkillUp::decode(&forward.packet).expect("decodes").max, 10);
}

#[test]
fn a_founder_is_what_the_coordinator_knows_of_it() {
    let (mut guard, world) = base();
    let mut packet = fixture("GuildCreate");
    put(&mut packet, 32 + 16, &[250, 0]);
    put(&mut packet, 32 + 24, &[0xff; 8]);
    put(&mut packet, 32 + 64, &[0xee; 8]);
    let Ok(Ruling::Forward(forward)) = guard.up(ENGINE, &packet.into(), &world, NOW) else { panic!("passes") };
    let master = bifrost_protocol::inter::GuildCreate::decode(&forward.packet).expect("decodes").master;
    assert_eq!((master.level, master.exp, master.pointer, master.position), (70, 0, 0, 0));
}

#[test]
fn what_an_expelled_member_had_of_its_guild_is_fetched_once() {
    let (mut guard, world) = parted();
    let mut packet = fixture("BoundItems");
    put(&mut packet, 2, &STRANGER.1.0.to_le_bytes());
    let packet = Bytes::from(packet);
    assert!(matches!(guard.up(ENGINE, &packet, &world, NOW), Ok(Ruling::Forward(_))));
    assert_eq!(guard.up(ENGINE, &packet, &world, NOW), Ok(Ruling::Drop));
}
