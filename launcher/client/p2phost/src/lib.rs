//! `p2phost.dll`: in the game client, between it and the network. Nothing of Bifrost's own network is in here.
//!
//! The client loads it and calls `initialize_p2p_hosting` (see `bifrost_client_patch::block`). It reads what the launcher
//! put into the environment ([`environment`]), sends the client's connections to the realm into the gateway on loopback
//! ([`routes`]) by a hook in the program's import table ([`imports`]), and tells the launcher that it is in.
//!
//! Without a launcher, or with anything in the environment that is not understood, the game connects as ever.

pub mod config;
pub mod environment;
pub mod imports;
pub mod routes;

#[cfg(windows)]
mod exports;
#[cfg(windows)]
mod hook;
#[cfg(windows)]
mod register;
