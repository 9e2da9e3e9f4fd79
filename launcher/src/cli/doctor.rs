//! `doctor`: the check of everything, on the command line.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use bifrost_launcher::doctor::Verdict;
use bifrost_launcher::live;
use bifrost_launcher::secrets::Vault;
use clap::Args;

/// Flags of `doctor`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Folder of the launcher's settings
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
}

/// Prints the report. The exit code says whether anything is broken.
pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let kept = live::load(&options.state, &Vault::in_file(&options.state), now);
    let realm = kept.realm.and_then(Result::ok);
    let (findings, report) = live::check_up(realm, kept.settings.client_folder, &options.state).await;
    super::say(report.trim_end());
    let broken = findings.iter().any(|finding| finding.verdict == Verdict::Broken);
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
