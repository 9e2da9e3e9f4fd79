//! Stock map-servers: a process each, whose every connection ends in this node.

mod conf;
mod log;
mod npc;
mod pulse;
mod saves;
mod sources;
