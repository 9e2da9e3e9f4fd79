//! One binary for everything that needs more than one crate: the rules of the tree, and real processes on real sockets.

mod deny;
mod faults;
mod play;
mod scenario;
mod tidy;
