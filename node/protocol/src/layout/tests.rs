//! Descriptors against the compiler's own numbers, and views of images.

use super::*;
use crate::FixedText;
use crate::ids::{AccountId, CharacterId};

/// What the C++ compiler says: `(size, fields)` of a struct.
fn compiled(name: &str) -> (usize, Vec<(usize, usize, String)>) {
    let text = include_str!("linux_x86_64_20211103_prere.txt");
    let mut lines = text.lines().skip_while(|line| !line.starts_with(&format!("struct {name} ")));
    let head = lines.next().expect("the struct is there");
    let size = head.split("size=").nth(1).and_then(|rest| rest.split(' ').next()).expect("a size");
    let fields = lines.take_while(|line| line.starts_with(' ')).map(|line| {
        let mut columns = line.split_whitespace();
        let mut number = || columns.next().and_then(|text| text.parse().ok()).expect("a number");
        (number(), number(), columns.next().expect("a name").to_owned())
    });
    (size.parse().expect("a number"), fields.collect())
}

#[test]
fn descriptors_agree_with_the_compiler() {
    for descriptor in [CharacterStatus::DESCRIPTOR, StorageHeader::DESCRIPTOR] {
        let (size, fields) = compiled(descriptor.name);
        assert_eq!(descriptor.size, size, "{}", descriptor.name);
        for (offset, size, name) in &fields {
            let field = descriptor.field(name).unwrap_or_else(|| panic!("{} has no {name}", descriptor.name));
            assert_eq!((field.offset, field.size), (*offset, *size), "{name}");
        }
        let bit_fields = descriptor.fields.iter().filter(|field| field.name == "state").count();
        assert_eq!(descriptor.fields.len(), fields.len() + bit_fields);
    }
    assert_eq!(compiled("item").0, Item::SIZE);
    assert_eq!(compiled("s_point_str").0, Point::SIZE);
}

fn novice() -> CharacterImage {
    CharacterImage::fresh(&NewCharacter {
        account: AccountId(2_000_001),
        character: CharacterId(150_001),
        name: FixedText::new("Novice"),
        slot: 2,
        sex: 1,
        class: 0,
        hair: 3,
        hair_color: 4,
        start: Point { map: FixedText::new("new_1-1"), x: 53, y: 111 },
        status_point: 48,
        zeny: 0,
    })
}

#[test]
fn a_fresh_character_is_what_a_char_server_makes() {
    let view = novice().view();
    assert_eq!((view.hp, view.max_hp, view.sp, view.max_sp), (40, 40, 11, 11));
    assert_eq!((view.base_level, view.job_level, view.str, view.luk), (1, 1, 1, 1));
    assert_eq!((view.slot, view.sex, view.inventory_slots), (2, 1, 100));
    assert_eq!((view.save_point, view.last_point.map.to_text()), (view.last_point, "new_1-1".to_owned()));
}

#[test]
fn a_setter_changes_its_field_and_nothing_else() {
    let mut image = CharacterImage::from_bytes(&[0xaa; CharacterImage::SIZE]).expect("the size is right");
    let before = image.clone();
    let point = Point { map: FixedText::new("prt_fild08"), x: 170, y: 375 };
    image.set_last_point(point);
    image.set_hp(77);
    assert_eq!((image.view().last_point, image.view().hp), (point, 77));
    let changed: Vec<usize> =
        (0..CharacterImage::SIZE).filter(|at| image.as_bytes()[*at] != before.as_bytes()[*at]).collect();
    assert!(changed.iter().all(|at| (238..258).contains(at) || (60..64).contains(at)), "{changed:?}");
}

#[test]
fn writing_a_view_back_changes_no_byte() {
    let mut image = CharacterImage::from_bytes(&[0x5a; CharacterImage::SIZE]).expect("the size is right");
    let before = image.clone();
    let view = image.view();
    image.update(&view);
    assert_eq!(image, before);
}

#[test]
fn an_image_has_exactly_its_size() {
    assert!(CharacterImage::from_bytes(&[0; CharacterImage::SIZE - 1]).is_err());
    assert!(CharacterImage::from_bytes(&[0; CharacterImage::SIZE + 1]).is_err());
}

#[test]
fn items_are_found_in_their_places() {
    let item = Item { id: 7, kind: 512, amount: 12, identified: 1, ..Item::default() };
    let mut image = StorageImage::filled(1, 150_001, 200, &[item, Item { kind: 909, ..item }]);
    assert_eq!((image.view().amount, image.view().max_amount, image.view().owner), (2, 200, 150_001));
    assert_eq!(image.item(1).map(|item| item.kind), Some(909));
    assert!(image.set_item(0, None) && image.set_item(599, Some(&item)));
    assert!(!image.set_item(600, Some(&item)));
    assert_eq!(image.items().map(|(place, item)| (place, item.kind)).collect::<Vec<_>>(), [(1, 909), (599, 512)]);
}
