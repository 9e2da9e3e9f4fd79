//! Structs as raw memory: views, setters and items of any bytes.
#![no_main]

use bifrost_protocol::FixedText;
use bifrost_protocol::client::character::CharacterInfo;
use bifrost_protocol::layout::{CharacterImage, Point, StorageImage};
use libfuzzer_sys::fuzz_target;

/// Repeats the input to the size of a struct: fuzzers do not grow inputs to tens of kilobytes.
fn stretched(seed: &[u8], size: usize) -> Vec<u8> {
    seed.iter().copied().cycle().take(size).collect()
}

fuzz_target!(|seed: &[u8]| {
    let _ = (CharacterImage::from_bytes(seed), StorageImage::from_bytes(seed));
    let bytes = stretched(seed, CharacterImage::SIZE);
    if let Ok(mut image) = CharacterImage::from_bytes(&bytes) {
        let view = image.view();
        std::hint::black_box(CharacterInfo::of(&view, i64::from(view.hp)));
        image.update(&view);
        assert_eq!(image.as_bytes(), bytes);
        let point = Point { map: FixedText::new(seed), x: view.str, y: view.agi };
        image.set_last_point(point);
        assert_eq!(image.view().last_point, point);
    }
    if let Ok(mut image) = StorageImage::from_bytes(&stretched(seed, StorageImage::SIZE)) {
        let before = image.clone();
        for (place, item) in before.items() {
            assert!(image.set_item(place, Some(&item)));
        }
        assert!(image == before, "items are written as they came");
    }
});
