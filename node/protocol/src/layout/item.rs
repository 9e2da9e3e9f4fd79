//! An item (`item`, mmo.hpp).

use crate::packet::records;
use crate::{DecodeError, Reader, WireRead, WireWrite, Writer};

/// A fixed number of records.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Few<T, const N: usize>(pub [T; N]);

impl<T: Copy + Default, const N: usize> Default for Few<T, N> {
    fn default() -> Self {
        Self([T::default(); N])
    }
}

impl<T: Copy + Default + WireRead, const N: usize> WireRead for Few<T, N> {
    fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
        let mut records = Self::default();
        for slot in &mut records.0 {
            *slot = T::read(reader, field)?;
        }
        Ok(records)
    }
}

impl<T: WireWrite, const N: usize> WireWrite for Few<T, N> {
    fn write(&self, writer: &mut Writer) {
        self.0.iter().for_each(|record| record.write(writer));
    }
}

records! {
    /// An item, packed (77 bytes).
    #[derive(Copy, Default)]
    pub struct Item {
        /// Row in the table it is saved in; 0 when new.
        id: i32,
        /// What it is (item_db); 0 when the place is empty.
        kind: u32,
        amount: i16,
        /// Where it is worn (`equip_pos`); 0 nowhere.
        equip: u32,
        identified: u8,
        refine: u8,
        /// 1 when broken.
        attribute: u8,
        cards: Few<u32, 4>,
        options: Few<ItemOption, 5>,
        /// Unix time it expires; 0 never.
        expire_time: u32,
        favorite: u8,
        /// 0 not, 1 to the account, 2 to the guild, 3 to the party, 4 to the character.
        bound: u8,
        unique_id: u64,
        equip_switch: u32,
        enchant_grade: u8,
    }

    /// A random option (`s_item_randomoption`, 5 bytes).
    #[derive(Copy, Default)]
    pub struct ItemOption { id: i16, value: i16, param: u8 }
}

impl Item {
    /// `sizeof(item)`, in bytes.
    pub const SIZE: usize = 77;
}
