//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Real servers, real hosts, real clients: plays while hosts are killed, stopped and drained, and counts what that cost.
#[derive(Clone, Debug, Parser)]
#[command(name = "live", version)]
pub struct Options {
    /// A built rAthena (pre-renewal, PACKETVER 20211103)
    #[arg(long, value_name = "DIR")]
    pub rathena: Option<PathBuf>,
    /// OpenKore, its XSTools built
    #[arg(long, value_name = "DIR")]
    pub openkore: Option<PathBuf>,
    /// Players
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=200))]
    pub players: u16,
    /// Minutes of play, one host struck in each
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=1_440))]
    pub minutes: u16,
    /// Player hosts
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=20))]
    pub hosts: u16,
    /// What the hosts run
    #[arg(long, value_enum, default_value_t = Engine::Rathena)]
    pub engine: Engine,
    /// Engines of each map group that are kept ready besides the one that carries it (rathena engines only)
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(0..=3))]
    pub standbys: u16,
    /// Instead: those who hunt at home play through gateways, and lose a host, their network and the coordinator
    #[arg(long)]
    pub gateways: bool,
    /// Instead: a realm with players for one launcher; says where it is on stdout, then does what it reads on stdin
    #[arg(long, conflicts_with_all = ["gateways", "json"])]
    pub launcher: bool,
    /// Hosts run the rAthena folder itself instead of fetching a bundle made of it
    #[arg(long)]
    pub unpacked: bool,
    /// One JSON object on stdout instead of a table
    #[arg(long)]
    pub json: bool,
    /// Leave logs and data behind, and say where
    #[arg(long)]
    pub keep: bool,
}

/// What the hosts run.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Engine {
    /// The stock map-server of the rAthena folder.
    Rathena,
    /// Bifrost's own: the same maps without monsters.
    Embedded,
}
