//! The operator's database as hosts may use it: what a statement of an engine gets, and why.
//!
//! * [`policy`] decides, without IO: answer here, pass on (rewritten), or refuse.
//! * [`upstream`] carries what is passed on to the database, over a few connections that all hosts share; without one,
//!   [`Embedded`] answers it from the coordinator's store.
//! * [`relay`] serves hosts' database streams: each carries one SQL connection of an engine.

mod answers;
mod backend;
mod embedded;
mod limits;
pub mod policy;
mod record;
mod refused;
pub mod relay;
mod setup;
pub mod upstream;

#[cfg(test)]
pub(crate) mod tests;

pub use backend::Backend;
pub use embedded::Embedded;
pub use limits::HostLimits;
pub use record::HostNumbers;
pub use refused::RefusedStatement;
pub use setup::{FleetAdmission, FleetStanding, open, read_policy, reload_on_hangup};
