//! The operator's database as hosts may use it: what a statement of an engine gets, and why.
//!
//! * [`policy`] decides, without IO: answer here, pass on (rewritten), or refuse.
//! * [`upstream`] carries what is passed on to the database, over a few connections that all hosts share.

pub mod policy;
pub mod upstream;
