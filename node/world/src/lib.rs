//! The lightweight map-server: maps, players, walking, sight, chat and warps by rAthena's rules.
//!
//! No IO, no clock, no tasks: the same seed and the same events give the same outputs. [`World`] is the whole of it;
//! [`formats`] reads rAthena's map data, [`builtin`] makes maps of its own.
#![forbid(unsafe_code)]

pub mod builtin;
pub mod cells;
mod direction;
pub mod formats;
pub mod path;
mod random;
pub mod world;

pub use cells::{Cells, Spot};
pub use direction::Direction;
pub use world::{World, WorldConfig, WorldError, WorldEvent, WorldOutput};
