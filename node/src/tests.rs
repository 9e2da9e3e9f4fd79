//! A node against a coordinator made of the same wire formats: real QUIC on loopback, real worlds, real processes.

mod connecting;
mod hosting;
pub(crate) mod lab;
mod realm;
mod registering;
mod standing_by;
mod stock;

#[expect(unreachable_pub, dead_code, reason = "the suite's program is used in part, and from inside")]
#[path = "../../tests/src/puppet.rs"]
mod puppet;
