//! Cells packed into bits, big-endian (`WBUFPOS`, `WBUFPOS2`, `RFIFOPOS` in clif.cpp).

use crate::{DecodeError, Reader, WireRead, WireWrite, Writer};

/// The largest coordinate the wire can say: 10 bits.
pub const MAX_COORDINATE: u16 = 0x3ff;

/// A cell and a direction: 10, 10 and 4 bits. Larger values lose their upper bits.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct PackedPosition {
    /// Column.
    pub x: u16,
    /// Row.
    pub y: u16,
    /// Body direction, 0 north, counter-clockwise to 7. Not used by clients that ask to walk.
    pub direction: u8,
}

impl WireRead for PackedPosition {
    fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
        let [a, b, c] = reader.array(field)?;
        let bits = u64::from(u32::from_be_bytes([0, a, b, c]));
        Ok(Self { x: coordinate(bits >> 14), y: coordinate(bits >> 4), direction: nibble(bits) })
    }
}

impl WireWrite for PackedPosition {
    fn write(&self, writer: &mut Writer) {
        let bits = ten(self.x) << 14 | ten(self.y) << 4 | four(self.direction);
        let [.., a, b, c] = bits.to_be_bytes();
        writer.bytes(&[a, b, c]);
    }
}

/// From one cell to another: four times 10 bits, and twice 4 bits of place within the cell (8 is its middle).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct PackedMove {
    /// Column it starts at.
    pub from_x: u16,
    /// Row it starts at.
    pub from_y: u16,
    /// Column it leads to.
    pub to_x: u16,
    /// Row it leads to.
    pub to_y: u16,
    /// Place within the first cell.
    pub sub_x: u8,
    /// Place within the first cell.
    pub sub_y: u8,
}

impl PackedMove {
    /// Between the middles of two cells.
    #[must_use]
    pub fn new((from_x, from_y): (u16, u16), (to_x, to_y): (u16, u16)) -> Self {
        Self { from_x, from_y, to_x, to_y, sub_x: 8, sub_y: 8 }
    }
}

impl WireRead for PackedMove {
    fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
        let [a, b, c, d, e, f] = reader.array(field)?;
        let bits = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        Ok(Self {
            from_x: coordinate(bits >> 38),
            from_y: coordinate(bits >> 28),
            to_x: coordinate(bits >> 18),
            to_y: coordinate(bits >> 8),
            sub_x: nibble(bits >> 4),
            sub_y: nibble(bits),
        })
    }
}

impl WireWrite for PackedMove {
    fn write(&self, writer: &mut Writer) {
        let cells = ten(self.from_x) << 38 | ten(self.from_y) << 28 | ten(self.to_x) << 18 | ten(self.to_y) << 8;
        let [_, _, bytes @ ..] = (cells | four(self.sub_x) << 4 | four(self.sub_y)).to_be_bytes();
        writer.bytes(&bytes);
    }
}

fn ten(coordinate: u16) -> u64 {
    u64::from(coordinate & MAX_COORDINATE)
}

fn four(value: u8) -> u64 {
    u64::from(value & 0xf)
}

fn coordinate(bits: u64) -> u16 {
    let [.., high, low] = bits.to_be_bytes();
    u16::from_be_bytes([high, low]) & MAX_COORDINATE
}

fn nibble(bits: u64) -> u8 {
    let [.., low] = bits.to_be_bytes();
    low & 0xf
}
