//! The one error of decoding, whatever the link.

use thiserror::Error;

/// Why bytes are not the packet they claim to be. The connection they came from can no longer be trusted.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum DecodeError {
    /// A field reaches past the end of the body.
    #[error("{field}: needs {wanted} bytes, {left} left")]
    Short {
        /// The field being read.
        field: &'static str,
        /// Bytes it needs.
        wanted: usize,
        /// Bytes there are.
        left: usize,
    },
    /// Bytes remain after the last field.
    #[error("{extra} bytes after the last field")]
    Trailing {
        /// How many.
        extra: usize,
    },
    /// A field holds a value the format does not allow.
    #[error("{field}: {problem}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The packet id is not in the link's table.
    #[error("packet 0x{id:04x} is not known on this link")]
    UnknownId {
        /// The id.
        id: u16,
    },
    /// The packet's length is not one the table or the limit allows.
    #[error("packet 0x{id:04x} has an illegal length of {len}")]
    BadLength {
        /// The id.
        id: u16,
        /// The length it states or has.
        len: usize,
    },
    /// A packet that carries structs has not the length they have in the build it comes from.
    #[error("packet 0x{id:04x} has {len} bytes, with its {structure} it would have {wanted}")]
    WrongSize {
        /// The id.
        id: u16,
        /// The struct's name in C++.
        structure: &'static str,
        /// Bytes it has.
        len: usize,
        /// Bytes it should have.
        wanted: usize,
    },
}
