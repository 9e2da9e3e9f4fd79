//! The operator's database as hosts may use it: what a statement of an engine gets, and why.
//!
//! * [`policy`] decides, without IO: answer here, pass on (rewritten), or refuse.
//! * [`upstream`] carries what is passed on to the database, over a few connections that all hosts share.

//! * [`relay`] serves hosts' database streams: each carries one SQL connection of an engine.

mod answers;
mod limits;
pub mod policy;
mod refused;
pub mod relay;
pub mod upstream;

#[cfg(test)]
mod tests;

pub use limits::HostLimits;
pub use refused::RefusedStatement;
