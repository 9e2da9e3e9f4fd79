//! `realm`: what operators do with realm files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use bifrost_client_patch::{Hook, Manifest, Sha256, inspect, inspect_library};
use bifrost_launcher::files::write_private;
use bifrost_launcher::realm::{Description, OperatorKey, Picture, Realm, Updates};
use clap::{Args, Subcommand};

const DAY: u64 = 86_400;

/// Subcommands of `realm`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes the operator's key; whoever has it speaks for the realm
    Key {
        /// Where to write it
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Makes a signed realm file
    Make(Box<Make>),
    /// Verifies a realm file and shows what is in it
    Show {
        /// The file
        file: PathBuf,
    },
}

/// Flags of `realm make`.
#[derive(Debug, Args)]
pub(crate) struct Make {
    /// The operator's key, from `realm key`
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The realm's name
    #[arg(long)]
    name: String,
    /// The coordinator's HTTPS API: https://HOST:PORT
    #[arg(long, value_name = "URL")]
    coordinator: String,
    /// The coordinator's CA (`ca.pem` in its data folder); launchers believe no other
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,
    /// The realm's colour, #rrggbb
    #[arg(long, default_value = "#38bdf8")]
    accent: String,
    /// A picture: PNG, WebP or SVG
    #[arg(long, value_name = "FILE")]
    emblem: Option<PathBuf>,
    /// The game's program within its folder
    #[arg(long, default_value = "ragexe.exe")]
    program: String,
    /// A patched game program, or one that launchers shall patch; can be given several times
    #[arg(long, value_name = "FILE", requires = "client_library")]
    client: Vec<PathBuf>,
    /// The p2phost.dll that belongs beside it; can be given several times
    #[arg(long, value_name = "FILE", requires = "client")]
    client_library: Vec<PathBuf>,
    /// Where newer launchers are listed (https), for launchers to update themselves
    #[arg(long, value_name = "URL", requires = "updates_key")]
    updates: Option<String>,
    /// The public key they are signed with, from `tauri signer generate`
    #[arg(long, value_name = "FILE", requires = "updates")]
    updates_key: Option<PathBuf>,
    /// Days until launchers ask for a newer file
    #[arg(long, default_value_t = 730)]
    days: u64,
    /// Where to write the file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(crate) fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Key { out } => make_key(&out)?,
        Command::Make(options) => make(&options)?,
        Command::Show { file } => show(&file)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn make_key(out: &Path) -> Result<()> {
    ensure!(!out.exists(), "{} exists; a key is never overwritten", out.display());
    let pkcs8 = OperatorKey::make()?;
    write_private(out, &pkcs8).with_context(|| format!("writing {}", out.display()))?;
    super::say(&format!("key {} written to {}", OperatorKey::read(&pkcs8)?.short(), out.display()));
    Ok(())
}

fn make(options: &Make) -> Result<()> {
    let read = |path: &Path| fs::read(path).with_context(|| format!("reading {}", path.display()));
    let key = OperatorKey::read(&read(&options.key)?)?;
    let emblem = match &options.emblem {
        Some(path) => Some(Picture::from_bytes(&read(path)?)?),
        None => None,
    };
    let now = super::unix_now();
    let description = Description {
        version: 1,
        name: options.name.clone(),
        coordinator: options.coordinator.clone(),
        ca: String::from_utf8(read(&options.ca)?).context("the CA is not PEM text")?,
        accent: options.accent.clone(),
        emblem,
        program: Some(options.program.clone()),
        client: manifest(options)?,
        updates: updates(options)?,
        issued_at: now,
        expires_at: now + options.days * DAY,
    };
    let text = key.sign(&description)?;
    fs::write(&options.out, text).with_context(|| format!("writing {}", options.out.display()))?;
    super::say(&format!("{} written, signed by {}", options.out.display(), key.short()));
    Ok(())
}

fn updates(options: &Make) -> Result<Option<Updates>> {
    let (Some(endpoint), Some(path)) = (&options.updates, &options.updates_key) else { return Ok(None) };
    let key = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(Some(Updates { endpoint: endpoint.clone(), key: key.trim().to_owned() }))
}

/// Names programs as they are when they are patched, whoever does it.
fn manifest(options: &Make) -> Result<Option<Manifest>> {
    if options.client.is_empty() {
        return Ok(None);
    }
    let mut manifest = Manifest::default();
    for path in &options.client {
        let file = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        let program = inspect(&file).with_context(|| path.display().to_string())?;
        manifest.programs.push(match program.hook {
            Hook::Entry(_) | Hook::Import => program.sha256,
            Hook::None(patched) => patched.with_context(|| path.display().to_string())?,
            Hook::Broken(why) => anyhow::bail!("{}: {why}", path.display()),
        });
    }
    for path in &options.client_library {
        let file = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        let library = inspect_library(&file).with_context(|| path.display().to_string())?;
        ensure!(library.missing.is_empty(), "{} does not export {}", path.display(), library.missing.join(", "));
        manifest.libraries.push(Sha256::of(&file));
    }
    Ok(Some(manifest))
}

fn show(file: &Path) -> Result<()> {
    let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let realm = Realm::open(&text, None, super::unix_now())?;
    let Description { name, coordinator, accent, expires_at, .. } = &realm.description;
    let until = chrono::DateTime::from_timestamp(i64::try_from(*expires_at).unwrap_or(0), 0).unwrap_or_default();
    super::say(&format!(
        "{name}\n  at         {coordinator}\n  signed by  {}\n  good until {}\n  accent     {accent}\n  program    {}",
        realm.short_key(),
        until.format("%Y-%m-%d"),
        realm.program(),
    ));
    if let Some(updates) = &realm.description.updates {
        super::say(&format!("  updates    {}", updates.endpoint));
    }
    if let Some(client) = &realm.description.client {
        let named = [("client", &client.programs), ("its DLL", &client.libraries)];
        for (what, hashes) in named {
            hashes.iter().for_each(|hash| super::say(&format!("  {what:<10} {hash}")));
        }
    }
    Ok(())
}
