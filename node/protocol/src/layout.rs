//! C++ structs that travel as raw memory on chrif: their bytes are the wire format.
//!
//! An *image* holds the bytes of one whole struct. A *view* reads its fields into a Rust struct; setters write a field in
//! place and leave every other byte alone, padding included. A [`Descriptor`] says where the fields stand: those here are
//! of rAthena of February 2026, PACKETVER 20211103, pre-renewal, Linux x86-64. Builds for other systems place some fields
//! elsewhere: a [`Transcoder`] turns packets of one [`Build`] into those of another, by tables of all structs on the link.

mod build;
mod carried;
mod character;
mod descriptor;
mod image;
mod item;
mod plain;
mod plan;
mod storage;
mod table;
mod transcoder;

pub use build::*;
pub use carried::*;
pub use character::*;
pub use descriptor::*;
pub use image::*;
pub use item::*;
pub use plain::Plain;
pub use storage::*;
pub use transcoder::*;

#[cfg(test)]
mod tests;
