//! The launcher without its window: what a player's PC does for its owner and for the realm.
//!
//! [`controller::Controller`] decides: it takes [`event::Event`]s and the time, and gives [`effect::Effect`]s and a
//! [`view::View`]. It knows no socket, clock, task or window. [`app`] runs it; [`live`] carries effects out with the
//! embedded node, files and the OS; [`pane`] shows it to the window, [`serve`] to a browser on
//! loopback, which is how the UI is tested.

pub mod app;
pub mod client;
pub mod command;
pub mod controller;
pub mod doctor;
pub mod effect;
pub mod event;
pub mod files;
pub mod ledger;
pub mod live;
pub mod log;
pub mod manners;
pub mod pane;
pub mod realm;
pub mod redact;
#[cfg(feature = "scenario")]
pub mod scenario;
pub mod secrets;
pub mod serve;
pub mod settings;
pub mod status;
pub mod view;

#[cfg(test)]
mod bindings;
