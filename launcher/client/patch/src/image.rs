//! A Windows program of 32 bits, as its file has it.

use object::LittleEndian as LE;
use object::pe::{
    self, IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR, IMAGE_DIRECTORY_ENTRY_EXPORT, IMAGE_FILE_DLL, IMAGE_FILE_MACHINE_I386,
    ImageNtHeaders32, ImageOptionalHeader32, ImageSectionHeader,
};
use object::read::coff::SectionTable;
use object::read::pe::{DataDirectories, ImageNtHeaders, ImportTable, ImportThunkList};
use thiserror::Error;

/// The largest file that is looked at. Clients have 10 to 30 MB.
pub(crate) const MAX_FILE: usize = 256 * 1024 * 1024;
/// Libraries and functions that are looked through, so that a table that leads back into itself ends.
const MAX_IMPORTS: usize = 16_384;
/// From the start of the PE header to the optional header.
const OPTIONAL: usize = 24;

/// Why a file is no Windows program of 32 bits.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum ImageError {
    /// It is too large to be looked at.
    #[error("it is larger than {} MB", MAX_FILE / 1024 / 1024)]
    TooLarge,
    /// Its headers cannot be read.
    #[error("it is no Windows program: {0}")]
    Headers(String),
    /// It is made for another processor.
    #[error("it is no 32-bit x86 program")]
    OtherMachine,
    /// It is a program for .NET.
    #[error("it is a .NET program")]
    Managed,
    /// Something in it lies outside of it.
    #[error("it is cut off or damaged: {0}")]
    Damaged(String),
}

/// The headers of a file that is good so far.
pub(crate) struct Image<'a> {
    pub(crate) data: &'a [u8],
    /// Offset of the PE header.
    pub(crate) headers: usize,
    /// Offset of the section table.
    pub(crate) table: usize,
    pub(crate) optional: &'a ImageOptionalHeader32,
    pub(crate) directories: DataDirectories<'a>,
    pub(crate) sections: SectionTable<'a>,
    timestamp: u32,
    is_library: bool,
}

impl<'a> Image<'a> {
    /// Reads the headers and checks that every section is in the file.
    pub(crate) fn read(data: &'a [u8]) -> Result<Self, ImageError> {
        if data.len() > MAX_FILE {
            return Err(ImageError::TooLarge);
        }
        let broken = |error: object::read::Error| ImageError::Headers(error.to_string());
        let dos = pe::ImageDosHeader::parse(data).map_err(broken)?;
        let mut offset = u64::from(dos.nt_headers_offset());
        let headers = to_usize(dos.nt_headers_offset());
        if object::read::pe::optional_header_magic(data).map_err(broken)? == pe::IMAGE_NT_OPTIONAL_HDR64_MAGIC {
            return Err(ImageError::OtherMachine);
        }
        let (nt, directories) = ImageNtHeaders32::parse(data, &mut offset).map_err(broken)?;
        if nt.file_header.machine.get(LE) != IMAGE_FILE_MACHINE_I386 {
            return Err(ImageError::OtherMachine);
        }
        let sections = nt.sections(data, offset).map_err(broken)?;
        let image = Self {
            data,
            headers,
            table: headers + OPTIONAL + usize::from(nt.file_header.size_of_optional_header.get(LE)),
            optional: &nt.optional_header,
            directories,
            sections,
            timestamp: nt.file_header.time_date_stamp.get(LE),
            is_library: nt.file_header.characteristics.get(LE).0 & IMAGE_FILE_DLL.0 != 0,
        };
        image.check()?;
        Ok(image)
    }

    fn check(&self) -> Result<(), ImageError> {
        let damaged = |what: &str| Err(ImageError::Damaged(what.into()));
        if self.sections.is_empty() {
            return damaged("it has no sections");
        }
        let is_power = |value: u32| value.is_power_of_two() && value <= 0x0100_0000;
        if !is_power(self.section_alignment()) || !is_power(self.file_alignment()) {
            return damaged("its alignments are no powers of two");
        }
        for section in self.sections.iter() {
            let (at, size) = raw_range(section);
            if at.checked_add(size).is_none_or(|end| end > self.data.len()) {
                return damaged("a section ends behind the file");
            }
            if section
                .virtual_address
                .get(LE)
                .checked_add(virtual_size(section))
                .is_none_or(|end| end > i32::MAX as u32)
            {
                return damaged("a section ends behind the address space");
            }
        }
        match self.directories.get(IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR) {
            Some(directory) if directory.virtual_address.get(LE) != 0 => Err(ImageError::Managed),
            Some(_) | None => Ok(()),
        }
    }

    pub(crate) fn is_library(&self) -> bool {
        self.is_library
    }

    /// When it was linked, Unix seconds; the client's date.
    pub(crate) fn timestamp(&self) -> u32 {
        self.timestamp
    }

    pub(crate) fn base(&self) -> u32 {
        self.optional.image_base.get(LE)
    }

    /// Relative to the base.
    pub(crate) fn entry(&self) -> u32 {
        self.optional.address_of_entry_point.get(LE)
    }

    pub(crate) fn section_alignment(&self) -> u32 {
        self.optional.section_alignment.get(LE)
    }

    pub(crate) fn file_alignment(&self) -> u32 {
        self.optional.file_alignment.get(LE)
    }

    /// The section that an address, relative to the base, is in.
    pub(crate) fn section_at(&self, address: u32) -> Option<&'a ImageSectionHeader> {
        self.sections.iter().find(|section| {
            let start = section.virtual_address.get(LE);
            (start..start.saturating_add(virtual_size(section))).contains(&address)
        })
    }

    /// Whether an address, relative to the base, is in a section that may be run.
    pub(crate) fn is_code(&self, address: u32) -> bool {
        self.section_at(address).is_some_and(is_executable)
    }

    /// The bytes from an address on, relative to the base, as far as the file has them.
    pub(crate) fn bytes_at(&self, address: u32) -> Option<&'a [u8]> {
        self.sections.pe_data_at(self.data, address)
    }

    /// The slot of an imported function, relative to the base: the loader puts the function's address there.
    pub(crate) fn slot(&self, library: &str, function: &str) -> Result<Option<u32>, ImageError> {
        self.find_import(|name, imported| {
            name.eq_ignore_ascii_case(library.as_bytes()) && imported == function.as_bytes()
        })
    }

    fn find_import(&self, wanted: impl Fn(&[u8], &[u8]) -> bool) -> Result<Option<u32>, ImageError> {
        let damaged = |error: object::read::Error| ImageError::Damaged(format!("imports: {error}"));
        let Some(table) = self.directories.import_table(self.data, &self.sections).map_err(damaged)? else {
            return Ok(None);
        };
        let mut left = MAX_IMPORTS;
        for descriptor in table.descriptors().map_err(damaged)? {
            let descriptor = descriptor.map_err(damaged)?;
            let name = table.name(descriptor.name.get(LE)).map_err(damaged)?;
            let slots = descriptor.first_thunk.get(LE);
            let names = match descriptor.original_first_thunk.get(LE) {
                0 => slots,
                names => names,
            };
            let mut thunks = table.thunks(names).map_err(damaged)?;
            let found = position(&table, &mut thunks, &mut left, |imported| wanted(name, imported)).map_err(damaged)?;
            if let Some(index) = found {
                let slot = slots.checked_add(4 * index).filter(|slot| self.section_at(*slot).is_some());
                return slot.map(Some).ok_or_else(|| ImageError::Damaged("imports: a slot is in no section".into()));
            }
        }
        Ok(None)
    }

    /// The names of what it exports, of those that are asked for.
    pub(crate) fn exports(&self, wanted: &[&'static str]) -> Result<Vec<&'static str>, ImageError> {
        let damaged = |error: object::read::Error| ImageError::Damaged(format!("exports: {error}"));
        if self.directories.get(IMAGE_DIRECTORY_ENTRY_EXPORT).is_none() {
            return Ok(Vec::new());
        }
        let Some(table) = self.directories.export_table(self.data, &self.sections).map_err(damaged)? else {
            return Ok(Vec::new());
        };
        let names = table.name_iter().take(MAX_IMPORTS).map(|(pointer, _)| table.name_from_pointer(pointer));
        let names = names.collect::<Result<Vec<_>, _>>().map_err(damaged)?;
        Ok(wanted.iter().copied().filter(|name| names.contains(&name.as_bytes())).collect())
    }
}

/// Which of these imports is wanted, counted from 0. Imports by ordinal have no name and are passed over.
fn position(
    table: &ImportTable<'_>,
    thunks: &mut ImportThunkList<'_>,
    left: &mut usize,
    wanted: impl Fn(&[u8]) -> bool,
) -> Result<Option<u32>, object::read::Error> {
    let mut index = 0;
    while let Some(thunk) = thunks.next::<ImageNtHeaders32>()? {
        *left = left.saturating_sub(1);
        if *left == 0 {
            return Ok(None);
        }
        match table.import::<ImageNtHeaders32>(thunk)? {
            object::read::pe::Import::Name(_, name) if wanted(name) => return Ok(Some(index)),
            object::read::pe::Import::Name(..) | object::read::pe::Import::Ordinal(_) => index += 1,
        }
    }
    Ok(None)
}

/// Offset and size in the file.
pub(crate) fn raw_range(section: &ImageSectionHeader) -> (usize, usize) {
    (to_usize(section.pointer_to_raw_data.get(LE)), to_usize(section.size_of_raw_data.get(LE)))
}

/// Bytes in memory: a section without a virtual size has what the file has.
pub(crate) fn virtual_size(section: &ImageSectionHeader) -> u32 {
    match section.virtual_size.get(LE) {
        0 => section.size_of_raw_data.get(LE),
        size => size,
    }
}

fn is_executable(section: &ImageSectionHeader) -> bool {
    section.characteristics.get(LE).0 & pe::IMAGE_SCN_MEM_EXECUTE.0 != 0
}

/// A 32-bit number always fits where this builds: the launcher's systems have at least 32 bits.
pub(crate) const fn to_usize(value: u32) -> usize {
    value as usize
}
