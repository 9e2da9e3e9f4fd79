//! Programs and libraries made up for tests: headers, code, an import table; nothing that runs.

/// A program to be made.
#[derive(Clone, Debug)]
pub struct Fixture {
    /// Where it wants to be loaded.
    pub base: u32,
    /// Alignment in the file.
    pub file_alignment: u32,
    /// `DllCharacteristics`.
    pub flags: u16,
    /// `Characteristics`; 0x2000 for a library.
    pub characteristics: u16,
    /// `Machine`.
    pub machine: u16,
    /// Bytes between the section table and the end of the headers.
    pub header_room: usize,
    /// Sections of data besides `.text` and `.rdata`, by their size; 0 is one that the file has nothing of.
    pub more: Vec<u32>,
    /// Imports: library and functions.
    pub imports: Vec<(&'static str, Vec<&'static str>)>,
    /// Exported names.
    pub exports: Vec<&'static str>,
    /// Bound imports behind the section table.
    pub bound: bool,
    /// Bytes behind the sections.
    pub overlay: usize,
    /// Bytes of a signature at the end.
    pub signature: usize,
}

impl Default for Fixture {
    /// A client like those that there are.
    fn default() -> Self {
        Self {
            base: 0x0040_0000,
            file_alignment: 0x200,
            flags: 0x8100,
            characteristics: 0x010F,
            machine: 0x014C,
            header_room: 256,
            more: vec![0x1234, 0],
            imports: vec![
                ("WS2_32.dll", vec!["connect", "send"]),
                ("KERNEL32.dll", vec!["ExitProcess", "LoadLibraryA", "GetProcAddress"]),
            ],
            exports: Vec::new(),
            bound: false,
            overlay: 0,
            signature: 0,
        }
    }
}

/// From the start of the file to the PE header.
const PE: usize = 0x80;
/// Bytes of the PE header with all 16 directories.
const PE_SIZE: usize = 24 + 96 + 128;
const PAGE: u32 = 0x1000;
/// What is in `.text`.
const CODE: [u8; 5] = [0x33, 0xC0, 0xC2, 0x04, 0x00];

impl Fixture {
    /// A library with everything that is asked of `p2phost.dll`.
    #[must_use]
    pub fn library() -> Self {
        Self {
            characteristics: 0x210E,
            exports: vec![crate::INITIALIZE, crate::ABI_VERSION],
            base: 0x1000_0000,
            ..Self::default()
        }
    }

    /// The file.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let sections = 2 + self.more.len();
        let table = PE + PE_SIZE;
        let headers = align((table + 40 * sections + self.header_room) as u32, self.file_alignment);
        let mut file = vec![0; headers as usize];
        file[..2].copy_from_slice(b"MZ");
        put(&mut file, 0x3C, PE as u32);
        let mut address = PAGE;
        let rdata_address = 2 * PAGE;
        let (rdata, imports, exports) = self.rdata(rdata_address);
        let mut add = |file: &mut Vec<u8>, index: usize, name: &[u8], bytes: &[u8], size: u32, flags: u32| {
            let at = table + 40 * index;
            file[at..at + name.len()].copy_from_slice(name);
            let raw = align(bytes.len() as u32, self.file_alignment);
            let pointer = if raw == 0 { 0 } else { file.len() as u32 };
            for (slot, word) in [size, address, raw, pointer].into_iter().enumerate() {
                put(file, at + 8 + 4 * slot, word);
            }
            put(file, at + 36, flags);
            file.extend_from_slice(bytes);
            file.resize(align(file.len() as u32, self.file_alignment) as usize, 0);
            address += align(size.max(1), PAGE);
        };
        add(&mut file, 0, b".text", &CODE, CODE.len() as u32, 0x6000_0020);
        add(&mut file, 1, b".rdata", &rdata, rdata.len() as u32, 0x4000_0040);
        for (index, size) in self.more.iter().enumerate() {
            let bytes = vec![0x5A; *size as usize];
            add(&mut file, 2 + index, b".data", &bytes, (*size).max(0x800), 0xC000_0040);
        }
        self.put_headers(&mut file, sections as u16, headers, address);
        put(&mut file, PE + 120 + 8, imports);
        put(&mut file, PE + 120 + 12, rdata.len() as u32);
        if let Some(exports) = exports {
            put(&mut file, PE + 120, exports);
            put(&mut file, PE + 124, rdata_address + rdata.len() as u32 - exports);
        }
        self.put_rest(&mut file, table + 40 * sections);
        file
    }

    fn put_headers(&self, file: &mut [u8], sections: u16, headers: u32, end: u32) {
        file[PE..PE + 4].copy_from_slice(b"PE\0\0");
        put16(file, PE + 4, self.machine);
        put16(file, PE + 6, sections);
        put(file, PE + 8, 1_637_000_000);
        put16(file, PE + 20, (PE_SIZE - 24) as u16);
        put16(file, PE + 22, self.characteristics);
        put16(file, PE + 24, 0x010B);
        let words =
            [(16, PAGE), (28, self.base), (32, PAGE), (36, self.file_alignment), (56, end), (60, headers), (92, 16)];
        for (at, word) in words {
            put(file, PE + 24 + at, word);
        }
        put16(file, PE + 24 + 48, 4);
        put16(file, PE + 24 + 68, 2);
        put16(file, PE + 24 + 70, self.flags);
    }

    /// What belongs to no section.
    fn put_rest(&self, file: &mut Vec<u8>, table_end: usize) {
        if self.bound {
            file[table_end..table_end + 40].fill(0xB0);
            put(file, PE + 120 + 88, table_end as u32);
            put(file, PE + 124 + 88, 40);
        }
        file.extend(std::iter::repeat_n(0xEE, self.overlay));
        if self.signature > 0 {
            let at = file.len() as u32;
            put(file, PE + 120 + 32, at);
            put(file, PE + 124 + 32, self.signature as u32);
            file.extend(std::iter::repeat_n(0xCC, self.signature));
        }
    }

    /// `.rdata`, with the addresses of the import table and of the export table in it.
    fn rdata(&self, base: u32) -> (Vec<u8>, u32, Option<u32>) {
        let mut bytes = vec![0; 20 * (self.imports.len() + 1)];
        for (index, (library, functions)) in self.imports.iter().enumerate() {
            let mut thunks = Vec::new();
            for function in functions {
                thunks.push(base + bytes.len() as u32);
                bytes.extend_from_slice(&[0, 0]);
                bytes.extend_from_slice(function.as_bytes());
                bytes.resize(align(bytes.len() as u32 + 1, 4) as usize, 0);
            }
            thunks.push(0);
            let name = base + bytes.len() as u32;
            bytes.extend_from_slice(library.as_bytes());
            bytes.resize(align(bytes.len() as u32 + 1, 4) as usize, 0);
            let lists: Vec<u8> = thunks.iter().flat_map(|thunk| thunk.to_le_bytes()).collect();
            let names = base + bytes.len() as u32;
            bytes.extend_from_slice(&lists);
            let slots = base + bytes.len() as u32;
            bytes.extend_from_slice(&lists);
            put(&mut bytes, 20 * index, names);
            put(&mut bytes, 20 * index + 12, name);
            put(&mut bytes, 20 * index + 16, slots);
        }
        let exports = (!self.exports.is_empty()).then(|| self.export_table(&mut bytes, base));
        (bytes, base, exports)
    }

    fn export_table(&self, bytes: &mut Vec<u8>, base: u32) -> u32 {
        let at = bytes.len();
        let count = self.exports.len();
        let names_at = at + 40;
        let (functions, names, ordinals) = (names_at, names_at + 4 * count, names_at + 8 * count);
        bytes.resize(ordinals + 2 * count, 0);
        for (slot, word) in [1, count, count].into_iter().enumerate() {
            put(bytes, at + 16 + 4 * slot, word as u32);
        }
        for (slot, offset) in [functions, names, ordinals].into_iter().enumerate() {
            put(bytes, at + 28 + 4 * slot, base + offset as u32);
        }
        for (index, name) in self.exports.iter().enumerate() {
            put(bytes, functions + 4 * index, PAGE);
            let here = base + bytes.len() as u32;
            put(bytes, names + 4 * index, here);
            put16(bytes, ordinals + 2 * index, index as u16);
            bytes.extend_from_slice(name.as_bytes());
            bytes.push(0);
        }
        base + at as u32
    }
}

fn put(file: &mut [u8], at: usize, word: u32) {
    file[at..at + 4].copy_from_slice(&word.to_le_bytes());
}

fn put16(file: &mut [u8], at: usize, word: u16) {
    file[at..at + 2].copy_from_slice(&word.to_le_bytes());
}

fn align(value: u32, to: u32) -> u32 {
    value.div_ceil(to) * to
}
