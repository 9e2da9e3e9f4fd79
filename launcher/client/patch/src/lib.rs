//! The game client's side of the launcher, without IO.
//!
//! A client is made to load `p2phost.dll` by one block of [`block::SIZE`] bytes in its program file and an entry point
//! that leads there first: [`patch`] writes it, and so does the patch for WARP in `launcher/client/warp`, byte for byte.
//! [`inspect()`] and [`inspect_library`] look at files and say what they are; what is good is the operator's to say
//! ([`Manifest`]). [`environment`] is how the launcher speaks to the DLL.
//!
//! All of this is for integrity and support. It is no protection from the player, who owns the machine.

pub mod block;
mod checksum;
pub mod environment;
#[cfg(any(test, feature = "fixture"))]
pub mod fixture;
mod image;
mod inspect;
mod manifest;
mod write;

pub use image::ImageError;
pub use inspect::{Hook, Library, Program, inspect, inspect_library};
pub use manifest::{Manifest, Sha256, Verdict, judge};
pub use write::{PatchError, patch};

/// The file that the client is made to load, beside its program.
pub const LIBRARY: &str = "p2phost.dll";
/// What the block calls in it.
pub const INITIALIZE: &str = "initialize_p2p_hosting";
/// What it has to export besides.
pub const ABI_VERSION: &str = "p2phost_abi_version";

#[cfg(test)]
mod tests;
