//! `maps propose`: a configuration from an rAthena's own files. `maps yields`: what its maps can give.

mod yields;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use bifrost_protocol::ids::MapName;
use clap::{Args, Subcommand};

use super::say;
use crate::failure::Failure;
use crate::rathena::{KnownBuild, LIST_FILE, Options, Proposal, RathenaError, Wishes, propose};

/// Commands about maps.
#[derive(Debug, Subcommand)]
pub(super) enum MapsCommand {
    /// Reads an rAthena's conf/, db/ and npc/, and proposes which maps hosts carry, as a whole configuration.
    Propose(Propose),
    /// Reads an rAthena's rates, databases and scripts, and says what the maps of each group can give in an hour at most.
    Yields(yields::Yields),
}

/// What to propose, and where to write it.
#[derive(Args, Debug)]
pub(super) struct Propose {
    /// rAthena's folder.
    #[arg(long, value_name = "DIR")]
    rathena: PathBuf,
    /// Writes the configuration there instead of to standard output, and the list for the stock map-server.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Where the list for the stock map-server goes; default: bifrost_maps.conf beside the configuration.
    #[arg(long, value_name = "FILE", requires = "write")]
    list: Option<PathBuf>,
    /// Replaces files that are there.
    #[arg(long, requires = "write")]
    force: bool,
    /// IPv4 address at which players and hosts reach this machine; default: map_ip of the map-server.
    #[arg(long, value_name = "ADDRESS")]
    public: Option<Ipv4Addr>,
    /// A map that never leaves, whatever it looks like. May be given several times.
    #[arg(long, value_name = "MAP", value_parser = map)]
    critical: Vec<MapName>,
    /// A map that may leave, whatever speaks against it. May be given several times.
    #[arg(long, value_name = "MAP", value_parser = map, conflicts_with = "critical")]
    eligible: Vec<MapName>,
    /// The client version the servers are compiled for; default: what config.status or src/ says.
    #[arg(long, value_name = "YYYYMMDD")]
    packetver: Option<u32>,
    /// Whether the servers are renewal builds; default: what config.status or src/ says.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    renewal: Option<bool>,
}

/// Does it.
///
/// # Errors
/// rAthena's files or the configuration cannot be used, or the proposal cannot be written.
pub(super) fn run(command: MapsCommand, config: Option<&Path>) -> Result<(), Failure> {
    match command {
        MapsCommand::Propose(asked) => run_propose(asked),
        MapsCommand::Yields(asked) => yields::run(asked, config),
    }
}

fn run_propose(asked: Propose) -> Result<(), Failure> {
    let options = Options {
        build: KnownBuild { packetver: asked.packetver, renewal: asked.renewal },
        public: asked.public,
        wishes: Wishes { critical: BTreeSet::from_iter(asked.critical), eligible: BTreeSet::from_iter(asked.eligible) },
    };
    let proposal = propose(&asked.rathena, &options)?;
    let Some(path) = asked.write else {
        explain(&proposal.report())?;
        let list = proposal.root.join("conf/import").join(LIST_FILE);
        explain("\nnothing was written: --write FILE writes this and the list for your map-server")?;
        return say(proposal.toml(&list).trim_end());
    };
    let list = asked.list.unwrap_or_else(|| path.with_file_name(LIST_FILE));
    // The map-server runs in a folder of its own.
    let list = std::path::absolute(&list).map_err(Failure::file(&list))?;
    write(&path, &list, &proposal, asked.force)?;
    explain(&proposal.report())?;
    explain(&next_step(&path, &list, &proposal))
}

fn write(path: &Path, list: &Path, proposal: &Proposal, force: bool) -> Result<(), Failure> {
    let files = [(path, proposal.toml(list)), (list, proposal.list())];
    if let Some((there, _)) = files.iter().find(|(path, _)| !force && path.exists()) {
        return Err(Failure::Usage(format!("{} is there already; --force replaces it", there.display())));
    }
    for (path, text) in files {
        let mut options = File::options();
        options.write(true).create(true).truncate(true).create_new(!force);
        let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(Failure::file(path))?;
    }
    Ok(())
}

fn next_step(path: &Path, list: &Path, proposal: &Proposal) -> String {
    let (line, into) = (proposal.import_line(list), proposal.import_into());
    let wrote = format!("\nwrote {} and {}\n", path.display(), list.display());
    match proposal.servers.map.imported.first() {
        Some(place) => format!("{wrote}a list is imported at {place}; check that it is\n    {line}"),
        None => format!("{wrote}now add this line at the end of {into}, and restart the map-server:\n    {line}"),
    }
}

/// To standard error: standard output is for the configuration.
fn explain(text: &str) -> Result<(), Failure> {
    let written = writeln!(io::stderr(), "{}", text.trim_end());
    // Nobody reads it, which is no reason to give up.
    written
        .or_else(|error| if error.kind() == ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
        .map_err(Failure::file(Path::new("standard error")))
}

fn map(name: &str) -> Result<MapName, String> {
    MapName::new(name).map_err(|_| format!("expected 1 to {} of [A-Za-z0-9_@-]", MapName::MAX_LEN))
}

impl From<RathenaError> for Failure {
    fn from(error: RathenaError) -> Self {
        Self::Maps(error.to_string())
    }
}

#[cfg(test)]
mod tests;
