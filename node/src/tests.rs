//! A node against a coordinator made of the same wire formats: real QUIC on loopback, real worlds.

mod connecting;
mod hosting;
pub(crate) mod lab;
mod registering;
