use super::*;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = pets();
    cases.extend(homunculi());
    cases.extend(hired());
    cases
}

fn pets() -> Vec<Case> {
    vec![
        Case::forwarded("PetCreate", base)
            .strangers(2, STRANGER.0.0)
            .light_at("pet", "of level 0", 12, &[0, 0])
            .light_at("pet", "of no kind", 10, &[0, 0])
            .grave_at("unterminated", "with a name without end", 28, &[b'a'; 24]),
        Case::forwarded("PetRequest", joined).strangers(2, STRANGER.0.0).light_at(
            "companion",
            "another's egg",
            10,
            &7_u32.to_le_bytes(),
        ),
        Case::forwarded("PetSave", joined)
            .strangers(4, STRANGER.0.0)
            .light_at("companion", "another's", 16, &7_u32.to_le_bytes())
            .light_at("companion", "for a player whose it is not", 4, &TWO.0.0.to_le_bytes())
            .grave_at("identity", "in another's name", 8, &STRANGER.0.0.to_le_bytes())
            .light_at("pet", "of level 0", 8 + 14, &[0, 0])
            .light_at("pet", "too fond", 8 + 24, &1_001_i16.to_le_bytes())
            .light_at("pet", "too full", 8 + 26, &101_i16.to_le_bytes())
            .grave_at("unterminated", "with a name without end", 8 + 28, &[b'a'; 24])
            .grave("malformed", "half a pet", |packet| {
                packet.truncate(40);
                fit(packet);
            }),
        Case::of("PetDelete", joined, "forward", |packet| put(packet, 2, &1_u32.to_le_bytes())).light_at(
            "companion",
            "another's",
            2,
            &7_u32.to_le_bytes(),
        ),
    ]
}

fn homunculi() -> Vec<Case> {
    vec![
        Case::forwarded("HomunculusCreate", base)
            .strangers(4, STRANGER.0.0)
            .grave_at("companion", "in the place of another", 8 + 24, &7_u32.to_le_bytes())
            .grave_at("identity", "for somebody else", 8 + 28, &TWO.1.0.to_le_bytes())
            .light_at("homunculus", "of level 0", 8 + 618, &[0, 0]),
        Case::forwarded("HomunculusRequest", joined).strangers(2, STRANGER.0.0).light_at(
            "companion",
            "another's",
            6,
            &7_u32.to_le_bytes(),
        ),
        Case::forwarded("HomunculusSave", joined)
            .strangers(4, STRANGER.0.0)
            .light_at("companion", "another's", 8 + 24, &7_u32.to_le_bytes())
            .grave_at("identity", "for somebody else", 8 + 28, &TWO.1.0.to_le_bytes())
            .light_at("homunculus", "of level 300", 8 + 618, &300_i16.to_le_bytes())
            .light_at("homunculus", "too fond", 8 + 52, &u32::MAX.to_le_bytes()),
        Case::of("HomunculusDelete", joined, "forward", |packet| put(packet, 2, &1_u32.to_le_bytes())).light_at(
            "companion",
            "another's",
            2,
            &7_u32.to_le_bytes(),
        ),
    ]
}

fn hired() -> Vec<Case> {
    vec![
        Case::forwarded("MercenaryCreate", base)
            .strangers(4 + 4, STRANGER.1.0)
            .grave_at("companion", "in the place of another", 4, &7_u32.to_le_bytes())
            .light_at("mercenary", "for ever", 4 + 24, &i64::MAX.to_le_bytes()),
        Case::forwarded("MercenaryRequest", joined).strangers(6, STRANGER.1.0).light_at(
            "companion",
            "another's",
            2,
            &7_u32.to_le_bytes(),
        ),
        Case::forwarded("MercenarySave", joined)
            .strangers(4 + 4, STRANGER.1.0)
            .light_at("companion", "another's", 4, &7_u32.to_le_bytes())
            .light_at("mercenary", "for ever", 4 + 24, &i64::MAX.to_le_bytes()),
        Case::of("MercenaryDelete", joined, "forward", |packet| put(packet, 2, &1_u32.to_le_bytes())).light_at(
            "companion",
            "another's",
            2,
            &7_u32.to_le_bytes(),
        ),
        Case::of("ElementalCreate", base, "forward", |packet| put(packet, 4, &[0; 4]))
            .strangers(4 + 4, STRANGER.1.0)
            .grave_at("companion", "in the place of another", 4, &7_u32.to_le_bytes()),
        Case::of("ElementalRequest", joined, "forward", |packet| put(packet, 2, &9_u32.to_le_bytes()))
            .strangers(6, STRANGER.1.0)
            .light_at("companion", "another's", 2, &7_u32.to_le_bytes()),
        Case::of("ElementalSave", joined, "forward", |packet| put(packet, 4, &9_u32.to_le_bytes()))
            .strangers(4 + 4, STRANGER.1.0)
            .light_at("companion", "another's", 4, &7_u32.to_le_bytes())
            .light_at("elemental", "for ever", 4 + 56, &i64::MAX.to_le_bytes()),
        Case::of("ElementalDelete", joined, "forward", |packet| put(packet, 2, &9_u32.to_le_bytes())).light_at(
            "companion",
            "another's",
            2,
            &7_u32.to_le_bytes(),
        ),
    ]
}

#[test]
fn what_was_deleted_is_nobodys() {
    let (mut guard, world) = joined();
    let mut packet = fixture("PetDelete");
    put(&mut packet, 2, &1_u32.to_le_bytes());
    guard.up(ENGINE, &packet.into(), &world, NOW).expect("its own");
    let violation = guard.up(ENGINE, &fixture("PetRequest").into(), &world, NOW).expect_err("gone");
    assert_eq!(violation.rule, "companion");
}
