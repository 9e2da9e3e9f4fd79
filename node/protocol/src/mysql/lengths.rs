//! Length-encoded integers and strings.

use crate::{DecodeError, Reader, Writer};

/// Reads a length-encoded integer. 0xFB (NULL) and 0xFF (error) are no integers.
///
/// # Errors
/// The body ends, or the first byte is 0xFB or 0xFF.
pub fn take_length(reader: &mut Reader<'_>, field: &'static str) -> Result<u64, DecodeError> {
    Ok(match reader.u8(field)? {
        small @ 0..=0xFA => u64::from(small),
        0xFC => u64::from(reader.u16(field)?),
        0xFD => {
            let [a, b, c] = reader.array(field)?;
            u64::from(u32::from_le_bytes([a, b, c, 0]))
        }
        0xFE => reader.u64(field)?,
        0xFB | 0xFF => return Err(DecodeError::Invalid { field, problem: "is not a length" }),
    })
}

/// Reads a string with its length before it.
///
/// # Errors
/// The body ends first.
pub fn take_text<'a>(reader: &mut Reader<'a>, field: &'static str) -> Result<&'a [u8], DecodeError> {
    let len = take_length(reader, field)?;
    reader.bytes(field, usize::try_from(len).unwrap_or(usize::MAX))
}

/// Reads up to a NUL, which is taken too.
///
/// # Errors
/// There is no NUL.
pub(super) fn take_nul<'a>(reader: &mut Reader<'a>, field: &'static str) -> Result<&'a [u8], DecodeError> {
    let rest = reader.clone().rest();
    let len = rest.iter().position(|byte| *byte == 0);
    let len = len.ok_or(DecodeError::Invalid { field, problem: "does not end" })?;
    let text = reader.bytes(field, len)?;
    reader.skip(field, 1)?;
    Ok(text)
}

/// Appends a length-encoded integer.
pub fn put_length(writer: &mut Writer, value: u64) {
    if let Ok(small @ 0..=0xFA) = u8::try_from(value) {
        writer.u8(small);
    } else if let Ok(medium) = u16::try_from(value) {
        writer.u8(0xFC).u16(medium);
    } else if value < 1 << 24 {
        let [a, b, c, ..] = value.to_le_bytes();
        writer.u8(0xFD).bytes(&[a, b, c]);
    } else {
        writer.u8(0xFE).u64(value);
    }
}

/// Appends a string with its length before it.
pub fn put_text(writer: &mut Writer, text: &[u8]) {
    put_length(writer, u64::try_from(text.len()).unwrap_or(u64::MAX));
    writer.bytes(text);
}
