//! The command line.

use std::path::PathBuf;

use clap::Parser;

/// Plays on maps that "players' PCs" carry, kills one of them, and reports what the players felt.
#[derive(Clone, Debug, Parser)]
#[command(name = "demo", version)]
pub struct Options {
    /// Players that log in and play
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=2_000))]
    pub players: u16,
    /// Player hosts
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=50))]
    pub hosts: u16,
    /// One JSON object on stdout instead of a report for people
    #[arg(long)]
    pub json: bool,
    /// Leave everything running and say how to log in, until Ctrl-C
    #[arg(long)]
    pub keep: bool,
    /// rAthena's map_cache.dat instead of the built-in maps; several: the first that has a map wins
    #[arg(long, value_name = "FILE", requires = "map_index", requires = "warps")]
    pub map_cache: Vec<PathBuf>,
    /// rAthena's map_index.txt
    #[arg(long, value_name = "FILE", requires = "map_cache")]
    pub map_index: Option<PathBuf>,
    /// Folder of rAthena's warp scripts; may be given several times
    #[arg(long, value_name = "DIR", requires = "map_cache")]
    pub warps: Vec<PathBuf>,
    /// Map groups for rAthena's maps: a TOML file like tests/src/demo/groups.toml
    #[arg(long, value_name = "FILE", requires = "map_cache")]
    pub groups: Option<PathBuf>,
}
