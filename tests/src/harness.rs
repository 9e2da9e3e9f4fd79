//! A whole deployment on this machine: the real programs as processes, on free ports, in a temporary folder.
//!
//! [`Realm`] is one coordinator with its nodes. Processes write their logs to files in its folder; the folder stays, and is
//! named on stderr, when the test that owns it fails. Everything is killed when its owner is dropped.

mod binaries;
mod cable;
mod folder;
mod gateway;
mod node;
mod process;
mod realm;
mod server_folder;
mod settings;
mod status;
mod usage;
mod wait;

pub use binaries::Program;
pub use cable::Cable;
pub use folder::Folder;
pub use gateway::{Gateway, GatewayAddresses, GatewayStatus};
pub use node::Node;
pub use process::Process;
pub use realm::{Addresses, PASSWORD, Realm};
pub use server_folder::ServerFolder;
pub use settings::Settings;
pub use status::{Failover, Group, Host, Status, StatusClient, Step};
pub use usage::{cpu_time, resident_kib};
pub use wait::eventually;
