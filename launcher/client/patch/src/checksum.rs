//! The checksum of Windows programs. Nothing checks it for a game; it is right all the same, so that no tool wonders.

/// The checksum of a file whose checksum field is at this offset.
pub(crate) fn of(data: &[u8], field: usize) -> u32 {
    let mut sum: u32 = 0;
    for (index, pair) in data.chunks(2).enumerate() {
        if (field..field + 4).contains(&(2 * index)) {
            continue;
        }
        let word = u32::from(pair[0]) | u32::from(pair.get(1).copied().unwrap_or(0)) << 8;
        sum += word;
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    // A file has less than 4 GB here (`image::MAX_FILE`).
    sum.wrapping_add(data.len() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carries_come_back_and_the_field_does_not_count() {
        assert_eq!(of(&[], 0), 0);
        assert_eq!(of(&[1, 0, 2, 0, 3], 100), 6 + 5);
        assert_eq!(of(&[0xFF, 0xFF, 0x02, 0x00], 100), 2 + 4);
        assert_eq!(of(&[9, 9, 9, 9, 1, 0], 0), 1 + 6);
    }
}
