use super::*;

pub(super) fn cases() -> Vec<Case> {
    let item = 8 + 636;
    let owned = |name, ruling: fn(&mut Vec<u8>)| {
        Case::of(name, joined, "forward", ruling)
            .strangers(2, STRANGER.1.0)
            .light_at("mail", "another's", 6, &13_u32.to_le_bytes())
            .light_at("mail", "for a player whose it is not", 2, &TWO.1.0.to_le_bytes())
    };
    let own = |packet: &mut Vec<u8>| {
        put(packet, 2, &ONE.1.0.to_le_bytes());
        put(packet, 6, &12_u32.to_le_bytes());
    };
    vec![
        Case::of("MailRequest", base, "forward", |packet| put(packet, 2, &ONE.1.0.to_le_bytes()))
            .strangers(2, STRANGER.1.0)
            .grave_at("mail_kind", "an inbox there is not", 7, &[3]),
        Case::of("MailRead", joined, "forward", |packet| put(packet, 2, &12_u32.to_le_bytes())).light_at(
            "mail",
            "another's",
            2,
            &13_u32.to_le_bytes(),
        ),
        owned("MailTake", own).grave_at("mail_attachment", "something there is not", 10, &[4]),
        owned("MailDelete", own),
        owned("MailReturn", own),
        Case::forwarded("MailSend", base)
            .strangers(4, STRANGER.0.0)
            .light_at("not_hosted", "as somebody else", 12, &STRANGER.1.0.to_le_bytes())
            .light_at("name", "to nobody", 8 + 36, &[0; 24])
            .grave_at("unterminated", "with a title without end", 8 + 60, &[b'a'; 40])
            .grave_at("unterminated", "with a text without end", 8 + 100, &[b'a'; 500])
            .light_at("zeny", "with negative zeny", 8 + 632, &(-1_i32).to_le_bytes())
            .light("item_amount", "with no amount of something", |packet| put(packet, item + 4, &501_u32.to_le_bytes()))
            .light("item_equip", "with something worn", |packet| {
                put(packet, item + 4, &1_101_u32.to_le_bytes());
                put(packet, item + 8, &[1, 0, 2, 0, 0, 0]);
            }),
        Case::forwarded("MailReceiver", base)
            .strangers(2, STRANGER.1.0)
            .grave_at("unterminated", "a name without end", 6, &[b'a'; 24])
            .light_at("name", "nobody", 6, &[0; 24]),
    ]
}

#[test]
fn mail_goes_out_in_its_senders_name_and_with_nothing_behind_its_texts() {
    let (mut guard, world) = base();
    let mut packet = fixture("MailSend");
    put(&mut packet, 8 + 8, FixedText::<24>::new("Game master").raw());
    put(&mut packet, 8 + 600, &1_i32.to_le_bytes());
    let Ok(Ruling::Forward(forward)) = guard.up(ENGINE, &packet.clone().into(), &world, NOW) else { panic!("passes") };
    let sent = bifrost_protocol::inter::MailSend::decode(&forward.packet).expect("decodes").message;
    assert_eq!((sent.from_name.to_text().as_str(), sent.kind, sent.id), ("Bot0001", 0, 0));
    let end = sent.body.as_bytes().len();
    assert!(sent.body.raw()[end..].iter().all(|byte| *byte == 0), "the recorded one had memory there");
    let recorded = bifrost_protocol::inter::MailSend::decode(&packet).expect("decodes").message;
    assert!(recorded.body.raw()[end..].iter().any(|byte| *byte != 0));
}
