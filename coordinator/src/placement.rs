//! Which host carries which map group. Pure functions over a snapshot, so that a decision can be explained and replayed.

mod balance;
mod eligibility;
mod select;

pub use balance::{Move, Settled, next_move};
pub use eligibility::{Criterion, judge};
pub use select::{Choice, HostView, select};
