//! `bifrost-coordinator bundle`: what hosts run.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bifrost_protocol::bundle::{Bytes, describe};
use bifrost_protocol::layout::Abi;
use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use time::OffsetDateTime;

use crate::bundles::{self, AddRequest, Added, Bundles};
use crate::config::Config;
use crate::failure::Failure;

/// Names shown of what stays, for each reason.
const SHOWN: usize = 3;

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum BundleCommand {
    /// Packs, signs and publishes what hosts need of a map-server. Running coordinators notice it by themselves.
    Add {
        /// rAthena's folder, with the built map-server in it.
        path: PathBuf,
        /// The machine the map-server was compiled for.
        #[arg(long, value_parser = PossibleValuesParser::new(Abi::ALL.map(Abi::name)))]
        abi: String,
        /// The client version it was compiled for.
        #[arg(long, default_value_t = bifrost_protocol::PACKETVER)]
        packetver: u32,
        /// It is a renewal build.
        #[arg(long)]
        renewal: bool,
    },
    /// Lists all bundles.
    List,
    /// Takes a bundle away; hosts that run it go on until they are assigned anew.
    Remove {
        /// Its version; with its ABI, as in linux-x86_64/12, when both have that version.
        version: String,
    },
    /// Signs the bundles' metadata anew, as after restoring them from a backup.
    Renew {
        /// Makes new signing keys; hosts follow them by themselves.
        #[arg(long)]
        new_keys: bool,
    },
}

/// Does what was asked for; returns the lines to say.
pub(super) async fn run(config: Config, command: BundleCommand) -> Result<Vec<String>, Failure> {
    let data_dir = config.data_dir.0.clone();
    match command {
        BundleCommand::Add { path, abi, packetver, renewal } => {
            let abi = Abi::named(&abi).ok_or_else(|| Failure::Usage(format!("--abi: {abi} is none")))?;
            let request = AddRequest { folder: path, abi, packetver, renewal };
            let (folder, groups) = (data_dir.clone(), config.groups);
            let unchecked = groups.is_empty();
            let added = blocking(move || bundles::add(&folder, &request, &groups, SystemTime::now())).await?;
            // What nodes would say to it.
            Bundles::open(&data_dir).await?;
            let mut lines = added_lines(&added);
            if unchecked {
                lines.insert(0, "no [[groups]] are configured: no maps were looked for".to_owned());
            }
            Ok(lines)
        }
        BundleCommand::List => list(&data_dir).await,
        BundleCommand::Remove { version } => {
            let removed = blocking(move || bundles::remove(&data_dir, &version, SystemTime::now())).await?;
            Ok(vec![format!("bundle {removed} is taken away")])
        }
        BundleCommand::Renew { new_keys } => {
            let folder = data_dir.clone();
            let renewed = blocking(move || bundles::renew(&folder, new_keys, SystemTime::now())).await?;
            Bundles::open(&data_dir).await?;
            let mut lines: Vec<_> = renewed
                .expires
                .iter()
                .map(|(role, expires)| format!("{role}: signed, valid until {}", day(*expires)))
                .collect();
            lines.extend(renewed.retired_keys.iter().map(|path| format!("{path}: signs nothing any more; delete it")));
            Ok(lines)
        }
    }
}

/// Signing and packing wait for disks.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, bundles::BundleError> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|error| Failure::Api(error.to_string()))??)
}

async fn list(data_dir: &Path) -> Result<Vec<String>, Failure> {
    let bundles = Bundles::open(data_dir).await?;
    let index = bundles.index();
    if index.entries().is_empty() {
        return Ok(vec!["there are no bundles; make one with `bundle add`".to_owned()]);
    }
    let line = |entry: &bundles::Entry| {
        let info = &entry.info;
        format!(
            "{}/{}\t{}\t{} files\t{} ({} packed)\t{}",
            info.abi,
            info.version,
            describe(&info.build()),
            info.files,
            Bytes(info.unpacked),
            Bytes(entry.packed),
            day(entry.created())
        )
    };
    Ok(index.entries().iter().map(line).collect())
}

fn added_lines(added: &Added) -> Vec<String> {
    let Added { info, packed, known, libraries, redacted, left } = added;
    let mut lines = Vec::new();
    for (path, keys) in redacted {
        lines.push(format!("{path}: left out {}", keys.join(", ")));
    }
    for (reason, paths) in left {
        let shown = paths.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
        let more = if paths.len() > SHOWN { ", ..." } else { "" };
        lines.push(format!("left out: {} {reason} ({shown}{more})", files(paths.len())));
    }
    if !libraries.is_empty() {
        let hint = match Abi::named(&info.abi) {
            Some(Abi::LinuxX8664) => "put copies into the folder's lib/ to send them along",
            Some(Abi::WindowsX8664) | None => "put them beside the map-server to send them along",
        };
        lines.push(format!("hosts need {}: {hint}", libraries.join(", ")));
    }
    let state = if *known { "is what it was: nothing has changed" } else { "is published" };
    lines.push(format!(
        "bundle {}/{} ({}) {state}: {} files, {}, {} packed",
        info.abi,
        info.version,
        describe(&info.build()),
        info.files,
        Bytes(info.unpacked),
        Bytes(*packed)
    ));
    lines
}

fn files(count: usize) -> String {
    if count == 1 { "1 file:".to_owned() } else { format!("{count} files:") }
}

fn day(time: SystemTime) -> String {
    OffsetDateTime::from(time).date().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundles::tests::folder::{Folder, group};
    use crate::config::DataDir;

    /// Does it, and returns what is said, also where it is refused.
    async fn said(folder: &Folder, groups: &[&[&str]], command: BundleCommand) -> Result<String, String> {
        let groups = groups.iter().map(|maps| group("fields", maps)).collect();
        let config = Config { data_dir: DataDir(folder.data()), groups, ..Config::default() };
        run(config, command).await.map(|lines| lines.join("\n")).map_err(|failure| failure.to_string())
    }

    fn add(folder: &Folder, abi: &str) -> BundleCommand {
        BundleCommand::Add { path: folder.path(), abi: abi.into(), packetver: 20_211_103, renewal: false }
    }

    #[tokio::test]
    async fn the_operator_is_told_what_was_packed_and_what_was_not() {
        let folder = Folder::new();
        let added = said(&folder, &[&["prontera"]], add(&folder, "linux-x86_64")).await.expect("added");
        for line in [
            "conf/inter_athena.conf: left out map_server_pw",
            "left out: 2 files: of the other mode (db/re/item_db.yml, npc/re/other.txt)",
            "left out: 1 file: settings of other servers, with their credentials (conf/login_athena.conf)",
            "bundle linux-x86_64/1 (linux-x86_64, PACKETVER 20211103, pre-renewal) is published: 10 files, ",
        ] {
            assert!(added.contains(line), "{line:?} is missing in:\n{added}");
        }
        let again = said(&folder, &[], add(&folder, "linux-x86_64")).await.expect("there");
        assert!(again.starts_with("no [[groups]] are configured: no maps were looked for\n"), "{again}");
        assert!(again.contains("is what it was: nothing has changed"), "{again}");
    }

    #[tokio::test]
    async fn bundles_are_listed_taken_away_and_signed_anew() {
        let folder = Folder::new();
        let nothing = said(&folder, &[], BundleCommand::List).await.expect("listed");
        assert_eq!(nothing, "there are no bundles; make one with `bundle add`");
        let early = said(&folder, &[], BundleCommand::Renew { new_keys: false }).await.expect_err("refused");
        assert!(early.contains("`bundle add` makes keys"), "{early}");
        for abi in ["linux-x86_64", "windows-x86_64"] {
            said(&folder, &[], add(&folder, abi)).await.expect("added");
        }
        let list = said(&folder, &[], BundleCommand::List).await.expect("listed");
        let first: Vec<_> = list.lines().map(|line| line.split('\t').next().unwrap_or_default()).collect();
        assert_eq!(first, ["linux-x86_64/1", "windows-x86_64/1"]);
        let removed = said(&folder, &[], BundleCommand::Remove { version: "windows-x86_64/1".into() }).await;
        assert_eq!(removed.as_deref(), Ok("bundle windows-x86_64/1 is taken away"));
        let renewed = said(&folder, &[], BundleCommand::Renew { new_keys: true }).await.expect("signed");
        assert_eq!(renewed.matches("signed, valid until 2").count(), 4, "{renewed}");
        assert_eq!(renewed.matches("signs nothing any more; delete it").count(), 4, "{renewed}");
    }

    #[tokio::test]
    async fn a_map_that_is_missing_is_a_mistake_of_the_configuration() {
        let folder = Folder::new();
        let said = said(&folder, &[&["nowhere"]], add(&folder, "linux-x86_64")).await.expect_err("refused");
        assert!(said.starts_with("map missing in the bundle:\n  group fields: map nowhere is not in "), "{said}");
    }
}
