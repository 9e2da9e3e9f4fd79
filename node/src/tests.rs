//! A node against a coordinator made of the same wire formats: real QUIC on loopback, real worlds, real processes.

mod connecting;
mod hosting;
pub(crate) mod lab;
#[cfg(unix)]
mod realm;
mod registering;
#[cfg(unix)]
mod standing_by;
#[cfg(unix)]
mod stock;

#[cfg(unix)]
#[expect(unreachable_pub, dead_code, reason = "the suite's program is used in part, and from inside")]
#[path = "../../tests/src/puppet.rs"]
mod puppet;
