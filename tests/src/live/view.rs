//! What a client knows of its character, read from what a map-server sends it. Offsets are those of PACKETVER 20211103
//! (`packets_struct.hpp`, `clif.cpp`), read by hand: a second opinion on the protocol crate's list.

use std::collections::BTreeMap;

use bifrost_protocol::{DecodeError, FixedText, Reader};

/// Amounts by item id.
pub(super) type Holdings = BTreeMap<u32, i64>;

/// Inventory, among cart (1) and storage (2), in lists of items (`e_inventory_type`).
const INVENTORY: u8 = 0;
/// Bytes of a stackable item in 0x0b09 (`NORMALITEM_INFO`).
const STACK: usize = 34;
/// Bytes of a piece of equipment in 0x0b39 (`EQUIPITEM_INFO`).
const PIECE: usize = 68;
/// `SP_BASEEXP`, `SP_JOBEXP`, `SP_ZENY` (map.hpp).
const BASE_EXP: u16 = 1;
const JOB_EXP: u16 = 2;
const ZENY: u16 = 20;
/// `CLR_DEAD` in 0x0080.
const DEAD: u8 = 1;

/// What one packet told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Seen {
    /// 0x02eb: in game, here.
    Accepted((u16, u16)),
    /// 0x0ac7: go to another map-server.
    Redirected(String, (u16, u16)),
    /// 0x0091: another map of the same server.
    Map(String, (u16, u16)),
    /// The character walks.
    Walks((u16, u16), (u16, u16)),
    /// The character stands here now.
    Stands((u16, u16)),
    /// Experience towards the next base level.
    BaseExp(i64),
    /// Experience towards the next job level.
    JobExp(i64),
    /// All its money.
    Zeny(i64),
    /// The inventory has been listed.
    Listed,
    /// Something was taken, used, sold, lost or bought.
    Items,
    /// The character died.
    Died,
    /// Anything else.
    Other,
}

/// The inventory as the client has it.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    /// By place in the inventory: item id and amount.
    slots: BTreeMap<u16, (u32, i64)>,
}

impl View {
    /// Takes in a packet for the client of `account`.
    ///
    /// # Errors
    /// It is shorter than its kind.
    pub(super) fn take(&mut self, packet: &[u8], account: u32) -> Result<Seen, DecodeError> {
        let mut reader = Reader::new(packet);
        let seen = match reader.u16("id")? {
            0x02eb => {
                let _tick = reader.u32("tick")?;
                Seen::Accepted(cell(reader.array("position")?))
            }
            0x0ac7 => {
                let (map, at) = map_and_cell(&mut reader)?;
                Seen::Redirected(map, at)
            }
            0x0091 => {
                let (map, at) = map_and_cell(&mut reader)?;
                Seen::Map(map, at)
            }
            0x0087 => {
                let _tick = reader.u32("tick")?;
                let (from, to) = path(reader.array("path")?);
                Seen::Walks(from, to)
            }
            0x0088 if reader.u32("object")? == account => Seen::Stands((reader.u16("x")?, reader.u16("y")?)),
            0x0080 if reader.u32("object")? == account && reader.u8("reason")? == DEAD => Seen::Died,
            0x00b1 => number(reader.u16("kind")?, i64::from(reader.u32("value")?)),
            0x0acb => {
                let kind = reader.u16("kind")?;
                number(kind, i64::from_le_bytes(reader.array("value")?))
            }
            id => return self.take_items(id, reader),
        };
        Ok(seen)
    }

    fn take_items(&mut self, id: u16, mut reader: Reader<'_>) -> Result<Seen, DecodeError> {
        match id {
            0x0b08 => {
                let _len = reader.u16("len")?;
                if reader.u8("kind")? == INVENTORY {
                    self.slots.clear();
                }
            }
            0x0b09 | 0x0b39 => self.list(id, reader)?,
            0x0b0b if reader.u8("kind")? == INVENTORY => return Ok(Seen::Listed),
            // Taken, bought, made.
            0x0b41 => {
                let (slot, amount) = (reader.u16("index")?, reader.u16("amount")?);
                let item = reader.u32("item")?;
                let _looks: [u8; 23] = reader.array("looks")?;
                if reader.u8("result")? == 0 {
                    self.slots.entry(slot).or_insert((item, 0)).1 += i64::from(amount);
                    return Ok(Seen::Items);
                }
            }
            // Dropped.
            0x00af => {
                let slot = reader.u16("index")?;
                return Ok(self.remove(slot, reader.u16("amount")?));
            }
            // Sold, stored, used up.
            0x07fa => {
                let _why = reader.u16("reason")?;
                let slot = reader.u16("index")?;
                return Ok(self.remove(slot, reader.u16("amount")?));
            }
            // Eaten or drunk: what is left.
            0x01c8 => {
                let slot = reader.u16("index")?;
                let (_item, _account) = (reader.u32("item")?, reader.u32("account")?);
                let left = i64::from(reader.u16("left")?);
                let used = reader.u8("ok")? != 0;
                if let Some((_, amount)) = self.slots.get_mut(&slot).filter(|(_, amount)| used && *amount > left) {
                    *amount = left;
                    return Ok(Seen::Items);
                }
            }
            _ => {}
        }
        Ok(Seen::Other)
    }

    fn list(&mut self, id: u16, mut reader: Reader<'_>) -> Result<(), DecodeError> {
        let _len = reader.u16("len")?;
        if reader.u8("kind")? != INVENTORY {
            return Ok(());
        }
        let stacks = id == 0x0b09;
        let mut rest = reader.rest();
        while let Some((entry, more)) = rest.split_at_checked(if stacks { STACK } else { PIECE }) {
            let mut entry = Reader::new(entry);
            let (slot, item) = (entry.u16("index")?, entry.u32("item")?);
            let _kind = entry.u8("kind")?;
            let amount = if stacks { entry.u16("amount")? } else { 1 };
            self.slots.insert(slot, (item, i64::from(amount)));
            rest = more;
        }
        Ok(())
    }

    fn remove(&mut self, slot: u16, amount: u16) -> Seen {
        let Some(held) = self.slots.get_mut(&slot).filter(|_| amount > 0) else { return Seen::Other };
        held.1 -= i64::from(amount);
        if held.1 <= 0 {
            self.slots.remove(&slot);
        }
        Seen::Items
    }

    /// All it holds.
    pub(super) fn holdings(&self) -> Holdings {
        let mut held = Holdings::new();
        for (item, amount) in self.slots.values() {
            *held.entry(*item).or_default() += amount;
        }
        held.retain(|_, amount| *amount != 0);
        held
    }
}

fn number(kind: u16, value: i64) -> Seen {
    match kind {
        BASE_EXP => Seen::BaseExp(value),
        JOB_EXP => Seen::JobExp(value),
        ZENY => Seen::Zeny(value),
        _ => Seen::Other,
    }
}

fn map_and_cell(reader: &mut Reader<'_>) -> Result<(String, (u16, u16)), DecodeError> {
    let map = FixedText::<16>::from(reader.array("map")?).to_text();
    let map = map.trim_end_matches(".gat").to_owned();
    Ok((map, (reader.u16("x")?, reader.u16("y")?)))
}

/// Column and row, ten bits each (`WBUFPOS`, clif.cpp).
fn cell([a, b, c]: [u8; 3]) -> (u16, u16) {
    let bits = u32::from_be_bytes([0, a, b, c]);
    (ten(bits >> 14), ten(bits >> 4))
}

/// From and to (`WBUFPOS2`, clif.cpp): four numbers of ten bits.
fn path([a, b, c, d, e, _]: [u8; 6]) -> ((u16, u16), (u16, u16)) {
    let (high, low) = (u32::from_be_bytes([0, a, b, c]), u32::from_be_bytes([b, c, d, e]));
    ((ten(high >> 14), ten(high >> 4)), (ten(low >> 10), ten(low)))
}

fn ten(bits: u32) -> u16 {
    u16::try_from(bits & 0x3ff).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: u32 = 2_000_002;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16).expect("hex");
        digits.chunks(2).map(byte).collect()
    }

    fn take(view: &mut View, hex: &str) -> Seen {
        view.take(&bytes(hex), ACCOUNT).expect("readable")
    }

    /// Recorded between a stock map-server and OpenKore; only the death and the money are made up.
    #[test]
    fn a_recorded_hunt_is_understood() {
        let mut view = View::default();
        assert_eq!(take(&mut view, "eb02 650e3500 21d620 05 05 0000"), Seen::Accepted((135, 354)));
        let map = take(&mut view, "9100 7072745f66696c6430382e6761740000 8700 6201");
        assert_eq!(map, Seen::Map("prt_fild08".into(), (135, 354)));
        assert_eq!(take(&mut view, "8700 a7123500 21d622255e88"), Seen::Walks((135, 354), (137, 350)));
        assert_eq!(take(&mut view, "8800 82841e00 8900 5e01"), Seen::Stands((137, 350)));
        assert_eq!(take(&mut view, "8800 207a8e06 8900 5e01"), Seen::Other, "somebody else stands there");
        assert_eq!(take(&mut view, "cb0a 0100 aa00000000000000"), Seen::BaseExp(170));
        assert_eq!(take(&mut view, "cb0a 0200 4700000000000000"), Seen::JobExp(71));
        assert_eq!(take(&mut view, "b100 1400 e8030000"), Seen::Zeny(1000));
        assert_eq!(take(&mut view, "8000 82841e00 01"), Seen::Died);
    }

    #[test]
    fn the_inventory_is_kept_by_place() {
        let mut view = View::default();
        assert_eq!(take(&mut view, "080b 0600 00 00"), Seen::Other);
        let stack = |slot: &str, item: &str, amount: &str| format!("{slot} {item} 03 {amount} {}", "00".repeat(25));
        let list = format!("090b 4900 00 {} {}", stack("0200", "c1020000", "0b00"), stack("0300", "8d030000", "0100"));
        assert_eq!(take(&mut view, &list), Seen::Other);
        let piece = format!("390b 4900 00 0400 b1040000 05 {}", "00".repeat(61));
        assert_eq!(take(&mut view, &piece), Seen::Other);
        assert_eq!(take(&mut view, "0b0b 00 00"), Seen::Listed);
        assert_eq!(view.holdings(), Holdings::from([(705, 11), (909, 1), (1201, 1)]));

        let taken = format!("410b 0300 0200 8d030000 {} 00 {}", "00".repeat(23), "00".repeat(36));
        assert_eq!(take(&mut view, &taken), Seen::Items);
        let refused = format!("410b 0300 0200 8d030000 {} 02 {}", "00".repeat(23), "00".repeat(36));
        assert_eq!(take(&mut view, &refused), Seen::Other);
        assert_eq!(take(&mut view, "fa07 0600 0200 0a00"), Seen::Items, "ten sold");
        assert_eq!(take(&mut view, "c801 0200 c1020000 82841e00 0000 01"), Seen::Items, "the last one used");
        assert_eq!(take(&mut view, "af00 0400 0100"), Seen::Items, "the knife dropped");
        assert_eq!(view.holdings(), Holdings::from([(705, 0), (909, 3)]).into_iter().filter(|(_, n)| *n > 0).collect());
    }

    #[test]
    fn a_packet_that_ends_too_early_is_an_error() {
        assert!(View::default().take(&bytes("cb0a 0100 aa00"), ACCOUNT).is_err());
    }
}
