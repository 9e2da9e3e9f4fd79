//! `client`: what operators and the curious do with a game's program.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use bifrost_client_patch::{Hook, LIBRARY, Manifest, Verdict};
use bifrost_launcher::client::{Look, look, own_library, prepare};
use bifrost_launcher::realm::Realm;
use clap::{Args, Subcommand};

/// Subcommands of `client`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Says whether a client is patched, and whether it is what a realm file names
    Verify(Files),
    /// Patches a client so that it loads p2phost.dll; the program that was there is kept beside it
    Patch(Files),
}

/// Flags of both.
#[derive(Debug, Args)]
pub(crate) struct Files {
    /// The game's program
    program: PathBuf,
    /// The realm file that names the good programs
    #[arg(long, value_name = "FILE")]
    realm: Option<PathBuf>,
    /// The p2phost.dll to put beside it; usually the one that came with the launcher
    #[arg(long, value_name = "FILE")]
    library: Option<PathBuf>,
}

pub(crate) fn run(command: Command) -> Result<ExitCode> {
    let (Command::Verify(files) | Command::Patch(files)) = &command;
    let manifest = manifest(files.realm.as_deref())?;
    let path = &files.program;
    if matches!(command, Command::Patch(_)) {
        let library = files.library.clone().or_else(own_library);
        prepare(path, library.as_deref(), manifest.as_ref())
            .with_context(|| format!("{} is not patched", path.display()))?;
    }
    let look = look(path, manifest.as_ref()).with_context(|| format!("reading {}", path.display()))?;
    super::say(&describe(path, &look));
    Ok(if look.verdict == Verdict::Good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn manifest(realm: Option<&Path>) -> Result<Option<Manifest>> {
    let Some(path) = realm else { return Ok(None) };
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(Realm::open(&text, None, super::unix_now())?.description.client)
}

fn describe(path: &Path, look: &Look) -> String {
    let mut lines = vec![path.display().to_string()];
    match &look.program {
        Err(error) => lines.push(format!("  program    {error}")),
        Ok(program) => {
            let date = chrono::DateTime::from_timestamp(program.timestamp.into(), 0).unwrap_or_default();
            let hook = match &program.hook {
                Hook::Entry(block) => format!("by its entry point, goes on at {:#010x}", block.original_entry),
                Hook::Import => "by its import table (CustomDLL)".into(),
                Hook::None(Ok(patched)) => format!("not yet; patched it would be {patched}"),
                Hook::None(Err(why)) => format!("not yet, and it cannot be patched: {why}"),
                Hook::Broken(why) => format!("not as it should: {why}"),
            };
            lines.push(format!("  sha-256    {}", program.sha256));
            lines.push(format!("  built      {}", date.format("%Y-%m-%d")));
            lines.push(format!("  loads it   {hook}"));
        }
    }
    lines.push(match &look.library {
        Some(library) => format!("  {LIBRARY} {}", library.sha256),
        None => format!("  {LIBRARY} is not beside it"),
    });
    lines.push(match &look.verdict {
        Verdict::Good => "  good".into(),
        Verdict::Plain => "  not patched: it plays without the gateway".into(),
        Verdict::Unpatched => "  not patched yet: `client patch` does it".into(),
        Verdict::Library(why) => format!("  {LIBRARY}: {why}"),
        Verdict::OtherBuild(why) => format!("  another build, or damaged: {why}"),
    });
    lines.join("\n")
}
