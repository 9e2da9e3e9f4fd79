//! C++ structs that travel as raw memory on chrif: their bytes are the wire format.
//!
//! Sizes are those of rAthena of February 2026, PACKETVER 20211103, pre-renewal, Linux x86-64.

mod image;

pub use image::*;
