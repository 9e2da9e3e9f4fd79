use super::*;
use crate::guard::Way;

fn whispered() -> (Guard, World) {
    let (mut guard, world) = base();
    let mut packet = fixture("WhisperReceived");
    put(&mut packet, 36, FixedText::<24>::new("Bot0002").raw());
    assert_eq!(guard.down(&packet.into()), Ok(Way::Account(TWO.0)));
    (guard, world)
}

fn clan() -> (Guard, World) {
    let (mut guard, mut world) = base();
    let player = world.player(ONE.0);
    player.image.set_clan(1);
    let image = player.image.clone();
    guard.enters(&image);
    (guard, world)
}

/// Makes a fixture's speaker and text those of the first player.
fn hello(packet: &mut Vec<u8>) {
    put(packet, 4, &1_u32.to_le_bytes());
    put(packet, 8, &ONE.0.0.to_le_bytes());
    say(packet, 12, b"Bot0001 : hello\0");
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = groups();
    cases.extend(near_and_far());
    cases
}

/// Party, guild and clan say the same thing to different people.
fn groups() -> Vec<Case> {
    let stages: [(&str, Stage, &str); 3] =
        [("PartySay", joined, "party"), ("GuildSay", joined, "guild"), ("ClanSay", clan, "clan")];
    stages
        .map(|(name, stage, rule)| {
            Case::of(name, stage, "share", hello)
                .strangers(8, STRANGER.0.0)
                .light_at(rule, "to others", 4, &7_u32.to_le_bytes())
                .grave("speaker", "in somebody else's name", |packet| say(packet, 12, b"Bot0002 : hello\0"))
                .grave("text", "without a NUL", |packet| say(packet, 12, b"Bot0001 : hello"))
                .grave("text", "with two NULs", |packet| say(packet, 12, b"Bot0001 : he\0llo\0"))
                .grave("text", "longer than the char-server's buffer", |packet| {
                    say(packet, 12, &[&b"Bot0001 : "[..], &[b'a'; 600], b"\0"].concat());
                })
                .grave("text", "nothing", |packet| say(packet, 12, b""))
                .grave("malformed", "shorter than its head", |packet| {
                    packet.truncate(9);
                    fit(packet);
                })
        })
        .into()
}

fn near_and_far() -> Vec<Case> {
    vec![
        Case::forwarded("WhisperSend", base)
            .light_at("speaker", "as a player of another host", 8, FixedText::<24>::new("Bot0003").raw())
            .grave_at("unterminated", "to a name without end", 32, &[b'a'; 24])
            .light_at("name", "to nobody", 32, &[0; 24])
            .grave("text", "longer than the char-server takes", |packet| say(packet, 56, &[b'a'; 600]))
            .grave("text", "nothing", |packet| say(packet, 56, b"")),
        Case::of("WhisperAnswer", whispered, "forward", |packet| {
            let id = fixture("WhisperReceived")[4..8].to_vec();
            put(packet, 2, &id);
        })
        .light_at("not_asked", "of another whisper", 2, &[9; 4])
        .grave_at("whisper_result", "a result there is not", 6, &[9]),
        Case::forwarded("MastersTell", base)
            .light_at("speaker", "as somebody else", 4, FixedText::<24>::new("Bot0003").raw())
            .grave("text", "over 2,048 bytes", |packet| say(packet, 32, &[b'a'; 3_000]))
            .grave("text", "nothing", |packet| say(packet, 32, b"")),
        Case::of("ItemAnnounce", base, "share", |_| {})
            .grave("length", "one byte over the char-server's buffer", |packet| say(packet, 35, &[0; 25]))
            .grave("length", "65,000 bytes", |packet| say(packet, 35, &[0; 65_000]))
            .grave_at("length", "from an NPC without its name", 10, &[2])
            .light_at("announcement", "nothing", 4, &[0; 4])
            .light_at("announcement", "a kind there is not", 10, &[3])
            .light_at("speaker", "for somebody else", 11, FixedText::<24>::new("Bot0003").raw()),
        Case::of("ClanJoined", clan, "forward", |_| {}).light_at("clan", "another clan", 2, &7_u32.to_le_bytes()),
        Case::of("ClanLeft", clan, "forward", |_| {}).light_at("clan", "another clan", 2, &7_u32.to_le_bytes()),
    ]
}

#[test]
fn what_is_said_reaches_the_other_engines_of_the_party() {
    let (mut guard, world) = joined();
    let mut packet = fixture("PartySay");
    hello(&mut packet);
    let Ok(Ruling::Forward(forward)) = guard.up(ENGINE, &packet.clone().into(), &world, NOW) else { panic!("passes") };
    let share = forward.share.expect("is shared");
    assert_eq!(share.way, Way::Accounts(vec![ONE.0, TWO.0]));
    put(&mut packet, 0, &[0x27, 0x38]);
    assert_eq!(share.packet, packet);
}

#[test]
fn a_whisper_claims_no_more_than_its_group() {
    let (mut guard, world) = base();
    let mut packet = fixture("WhisperSend");
    assert_eq!(packet[4], 99, "recorded from a game master");
    let Ok(Ruling::Forward(forward)) = guard.up(ENGINE, &packet.clone().into(), &world, NOW) else { panic!("passes") };
    put(&mut packet, 4, &[0; 4]);
    assert_eq!(forward.packet, packet);
}

#[test]
fn a_whisper_is_answered_once_and_by_its_engine() {
    let (mut guard, mut world) = whispered();
    let mut answer = fixture("WhisperAnswer");
    put(&mut answer, 2, &fixture("WhisperReceived")[4..8]);
    let answer = Bytes::from(answer);
    let two = world.players.remove(1);
    assert_eq!(guard.up(ENGINE, &answer, &world, NOW).map_err(|breach| breach.rule), Err("not_asked"));
    world.players.push(two);
    assert!(guard.up(ENGINE, &answer, &world, NOW).is_ok());
    assert_eq!(guard.up(ENGINE, &answer, &world, NOW).map_err(|breach| breach.rule), Err("not_asked"));
}
