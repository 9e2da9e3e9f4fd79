//! The operator's database as hosts may use it: what a statement of an engine gets, and why.
//!
//! [`policy`] decides, without IO: answer here, pass on (rewritten), or refuse.

pub mod policy;
