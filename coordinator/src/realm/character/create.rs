//! What a new character may be (`char_make_new_char`, `char_check_char_name`, with the settings rAthena ships).

use bifrost_protocol::FixedText;
use bifrost_protocol::client::character::{Create, CreateRefusal};
use bifrost_protocol::ids::{AccountId, CharacterId, MapPoint};
use bifrost_protocol::layout::{CharacterStatus, NewCharacter, Point};

use super::list::SLOTS;

/// Shortest name (`char_name_min_length`).
const MIN_NAME: usize = 4;

/// The name of the server's own messages (`wisp_server_name`).
pub(in crate::realm) const WHISPER_NAME: &str = "Server";

/// `JOB_NOVICE`: what every character starts as.
const NOVICE: u32 = 0;

/// `start_status_points`: what a character without stats of its own may spend.
const STATUS_POINTS: u32 = 48;

/// Hair styles and colours there are sprites for (`max_hair_style`, `max_hair_color`, and room for customised clients).
const MAX_HAIR: u16 = 255;

/// The name, if a character may have it: letters, digits and single spaces between them (`char_name_letters` as shipped,
/// `normalize_name`).
pub(super) fn checked_name(name: FixedText<24>) -> Result<FixedText<24>, CreateRefusal> {
    let words = name.as_bytes().split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let text = words.collect::<Vec<_>>().join(&b' ');
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b' ';
    if text.len() < MIN_NAME || name.as_bytes().len() > 23 || !text.iter().all(letter) {
        return Err(CreateRefusal::DENIED);
    }
    if text.eq_ignore_ascii_case(WHISPER_NAME.as_bytes()) {
        return Err(CreateRefusal::NAME_TAKEN);
    }
    Ok(FixedText::new(text))
}

/// The character, if the account may have it.
pub(super) fn checked(
    new: &Create,
    name: FixedText<24>,
    account: AccountId,
    others: &[CharacterStatus],
    start: &MapPoint,
) -> Result<NewCharacter, CreateRefusal> {
    if new.slot >= SLOTS {
        return Err(CreateRefusal::ILLEGAL_SLOT);
    }
    let taken = others.len() >= usize::from(SLOTS) || others.iter().any(|other| other.slot == new.slot);
    if taken || new.sex > 1 || new.job != NOVICE || new.hair_style > MAX_HAIR || new.hair_color > MAX_HAIR {
        return Err(CreateRefusal::DENIED);
    }
    Ok(NewCharacter {
        account,
        character: CharacterId::default(),
        name,
        slot: new.slot,
        sex: new.sex,
        class: 0,
        hair: new.hair_style.cast_signed(),
        hair_color: new.hair_color.cast_signed(),
        start: Point { map: FixedText::new(start.map.as_str()), x: start.x, y: start.y },
        status_point: STATUS_POINTS,
        zeny: 0,
    })
}

/// The character with the id that the store gave it.
pub(super) fn numbered(new: NewCharacter, character: CharacterId) -> NewCharacter {
    NewCharacter { character, ..new }
}

#[cfg(test)]
mod tests {
    use bifrost_protocol::ids::MapName;
    use bifrost_protocol::layout::CharacterImage;

    use super::*;

    fn create() -> Create {
        Create { name: FixedText::new("Knight1"), slot: 2, hair_color: 3, hair_style: 4, job: 0, sex: 0 }
    }

    fn check(change: impl FnOnce(&mut Create)) -> Result<NewCharacter, CreateRefusal> {
        let mut new = create();
        change(&mut new);
        let start = MapPoint { map: MapName::new("prontera").expect("legal"), x: 156, y: 180 };
        let other = NewCharacter { slot: 1, ..checked(&create(), new.name, AccountId(7), &[], &start)? };
        let others = [CharacterImage::fresh(&other).view()];
        checked(&new, checked_name(new.name)?, AccountId(7), &others, &start)
    }

    #[test]
    fn a_new_character_is_a_novice_at_the_start() {
        let new = check(|_| {}).expect("allowed");
        let view = CharacterImage::fresh(&numbered(new, CharacterId(9))).view();
        assert_eq!((view.character, view.account, view.slot, view.base_level), (CharacterId(9), AccountId(7), 2, 1));
        assert_eq!((view.last_point.map.to_text(), view.last_point.x, view.hp), ("prontera".into(), 156, 40));
        assert_eq!((view.hair, view.hair_color, view.sex, view.status_point), (4, 3, 0, 48));
    }

    #[test]
    fn what_rathena_refuses_is_refused_with_its_reason() {
        for name in ["", "abc", "#channel", "semi;colon", "caf\u{e9}"] {
            assert_eq!(check(|new| new.name = FixedText::new(name)), Err(CreateRefusal::DENIED), "{name}");
        }
        let spaced = checked_name(FixedText::new(" two  words ")).map(|name| name.to_text());
        assert_eq!(spaced, Ok("two words".to_owned()), "spaces as normalize_name leaves them");
        assert_eq!(check(|new| new.name = FixedText::from([b'a'; 24])), Err(CreateRefusal::DENIED));
        assert_eq!(check(|new| new.name = FixedText::new("sErVeR")), Err(CreateRefusal::NAME_TAKEN));
        assert_eq!(check(|new| new.slot = 15), Err(CreateRefusal::ILLEGAL_SLOT));
        assert_eq!(check(|new| new.slot = 1), Err(CreateRefusal::DENIED));
        assert_eq!(check(|new| new.sex = 2), Err(CreateRefusal::DENIED));
        assert_eq!(check(|new| new.job = 4_001), Err(CreateRefusal::DENIED));
        assert_eq!(check(|new| new.hair_style = u16::MAX), Err(CreateRefusal::DENIED));
    }
}
