//! `bundle add`: from the operator's folder to a published bundle.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bifrost_protocol::bundle::{BundleInfo, CUSTOM, target_name};
use bifrost_protocol::layout::Abi;
use tough::TargetName;

use super::archive::{Packed, pack};
use super::collect::{Collected, collect};
use super::error::BundleError;
use super::files::{Files, replace, settle};
use super::maps::Maps;
use super::program::{self, MAX_PROGRAM, Program, file_name};
use super::repository::{Repository, target};
use crate::config::Group;
use crate::identity::hex_text;

/// Bundles that are kept. Their metadata stay far below what nodes read.
const MAX_BUNDLES: usize = 256;
/// Where `configure` keeps what it was told, and what it calls the client version there.
const BUILD_RECORD: &str = "config.status";
const BUILD_KEY: &[u8] = b"-DPACKETVER=";
/// The largest record of a build read, in bytes.
const MAX_RECORD: u64 = 4 << 20;

/// What is to be packed.
#[derive(Clone, Debug)]
pub struct AddRequest {
    /// The map-server's folder.
    pub folder: PathBuf,
    /// The machine it was compiled for.
    pub abi: Abi,
    /// The client version it was compiled for.
    pub packetver: u32,
    /// Whether it is a renewal build.
    pub renewal: bool,
}

/// What was packed.
#[derive(Clone, Debug)]
pub struct Added {
    /// What it is.
    pub info: BundleInfo,
    /// Its length as hosts fetch it, in bytes.
    pub packed: u64,
    /// Whether this very bundle was there already; then nothing has changed.
    pub known: bool,
    /// Libraries that the program loads and that neither go along nor are on every machine.
    pub libraries: Vec<String>,
    /// Keys that were taken out of settings, by file.
    pub redacted: BTreeMap<String, Vec<String>>,
    /// What stays: why, how many files, and their names.
    pub left: Vec<(&'static str, Vec<String>)>,
}

/// Packs a folder and publishes it, with new keys if there are none yet. `groups` are the configured ones: the bundle has to
/// have their maps.
///
/// # Errors
/// What is wrong with the folder and what to do; the repository cannot be changed.
pub fn add(data_dir: &Path, request: &AddRequest, groups: &[Group], now: SystemTime) -> Result<Added, BundleError> {
    let root = std::fs::canonicalize(&request.folder).map_err(BundleError::file(&request.folder))?;
    let program = check_program(&root, request)?;
    check_record(&root, request.packetver)?;
    let collected = collect(&root, request.abi, request.renewal)?;
    let maps = Maps::read(&collected, request.renewal)?;
    let missing = maps.missing(groups, request.renewal);
    if !missing.is_empty() {
        return Err(BundleError::MissingMaps { maps: missing });
    }
    let files = Files::new(data_dir);
    files.sweep();
    let scratch = files.scratch()?;
    let archive = scratch.0.join("bundle");
    let out = File::create(&archive).map_err(BundleError::file(&archive))?;
    let (packed, out) = pack(&collected.items, out, &archive)?;

    let _lock = files.lock()?;
    let mut repository = Repository::open_or_create(&files, now)?;
    let (info, known) = match find(&repository, request, &packed.sha256)? {
        Some(info) => (info, true),
        None => {
            let info = describe(&repository, request, &packed, now)?;
            let list: String = maps.servable().map(|map| format!("{map}\n")).collect();
            replace(&files.maps(request.abi, info.version), list.as_bytes())?;
            settle(out, &archive, &files.target(request.abi, info.version))?;
            publish(&mut repository, request.abi, &info, &packed, now)?;
            (info, false)
        }
    };
    let libraries = needed(&program, &collected);
    let left = collected.left.into_iter().map(|(reason, paths)| (reason.text(), paths.into_iter().collect())).collect();
    Ok(Added { info, packed: packed.packed, known, libraries, redacted: packed.redacted, left })
}

/// Whether the folder's program is a map-server of the stated build.
fn check_program(root: &Path, request: &AddRequest) -> Result<Program, BundleError> {
    let path = root.join(file_name(request.abi));
    if !path.is_file() {
        let other = Abi::ALL.into_iter().find(|abi| *abi != request.abi && root.join(file_name(*abi)).is_file());
        let hint = match other {
            Some(abi) => format!("there is {}: did you mean --abi {}?", file_name(abi), abi.name()),
            None => "is this rAthena's folder, and has the map-server been built?".to_owned(),
        };
        return Err(BundleError::Unfit(format!("{} is not there; {hint}", path.display())));
    }
    let size = std::fs::metadata(&path).map_err(BundleError::file(&path))?.len();
    if size > MAX_PROGRAM {
        return Err(BundleError::Unfit(format!("{}: has {size} bytes, more than {MAX_PROGRAM}", path.display())));
    }
    let bytes = std::fs::read(&path).map_err(BundleError::file(&path))?;
    let unfit = |problem: String| BundleError::Unfit(format!("{}: {problem}", path.display()));
    let program = program::inspect(&bytes).ok_or_else(|| unfit("is no program; build the map-server".into()))?;
    if program.abi != Some(request.abi) {
        let hint = program.abi.map(|abi| format!("; pass --abi {}", abi.name())).unwrap_or_default();
        return Err(unfit(format!("is a program for {}, not for {}{hint}", program.machine, request.abi.name())));
    }
    match program.renewal {
        None => Err(unfit("is a program, but no map-server of rAthena".into())),
        Some(true) if !request.renewal => {
            Err(unfit("is a renewal build, not a pre-renewal one; pass --renewal".into()))
        }
        Some(false) if request.renewal => {
            Err(unfit("is a pre-renewal build, not a renewal one; leave --renewal out".into()))
        }
        Some(_) => Ok(program),
    }
}

/// The client version that `configure` was told, if it was run here, has to be the stated one.
fn check_record(root: &Path, packetver: u32) -> Result<(), BundleError> {
    let path = root.join(BUILD_RECORD);
    let size = std::fs::metadata(&path).map_or(0, |file| file.len());
    if size == 0 || size > MAX_RECORD {
        return Ok(());
    }
    let record = std::fs::read(&path).map_err(BundleError::file(&path))?;
    let Some(at) = record.windows(BUILD_KEY.len()).position(|window| window == BUILD_KEY) else { return Ok(()) };
    let digits: String = record
        .iter()
        .skip(at + BUILD_KEY.len())
        .map(|byte| char::from(*byte))
        .take_while(char::is_ascii_digit)
        .collect();
    match digits.parse::<u32>() {
        Ok(built) if built != packetver => Err(BundleError::Unfit(format!(
            "{}: it was configured for PACKETVER {built}, not {packetver}; pass --packetver {built}, or remove the file if \
             the map-server was not built here",
            path.display()
        ))),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The bundle of these very bytes, if it is there.
fn find(repository: &Repository, request: &AddRequest, sha256: &[u8; 32]) -> Result<Option<BundleInfo>, BundleError> {
    for (name, target) in repository.targets() {
        let Some(custom) = target.custom.get(CUSTOM).filter(|_| target.hashes.sha256[..] == sha256[..]) else {
            continue;
        };
        let info: BundleInfo = serde_json::from_value(custom.clone())
            .map_err(|error| BundleError::Invalid(format!("{}: {error}", name.raw())))?;
        let same = (info.abi.as_str(), info.packetver, info.renewal)
            == (request.abi.name(), request.packetver, request.renewal);
        if same {
            return Ok(Some(info));
        }
    }
    Ok(None)
}

fn describe(
    repository: &Repository,
    request: &AddRequest,
    packed: &Packed,
    now: SystemTime,
) -> Result<BundleInfo, BundleError> {
    if repository.targets().len() >= MAX_BUNDLES {
        let text = format!("there are {MAX_BUNDLES} bundles already; take some away with `bundle remove`");
        return Err(BundleError::Unfit(text));
    }
    Ok(BundleInfo {
        version: repository.note(&counter(request.abi)).unwrap_or(0) + 1,
        abi: request.abi.name().to_owned(),
        packetver: request.packetver,
        renewal: request.renewal,
        unpacked: packed.unpacked,
        files: packed.files,
        created: now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs(),
    })
}

fn publish(
    repository: &mut Repository,
    abi: Abi,
    info: &BundleInfo,
    packed: &Packed,
    now: SystemTime,
) -> Result<(), BundleError> {
    let invalid = |error: &dyn std::fmt::Display| BundleError::Invalid(error.to_string());
    let name = TargetName::new(target_name(abi, info.version)).map_err(|error| invalid(&error))?;
    let custom = serde_json::to_value(info).map_err(|error| invalid(&error))?;
    let target = target(packed.packed, packed.sha256, HashMap::from([(CUSTOM.to_owned(), custom)]));
    tracing::debug!(target = name.raw(), sha256 = hex_text(&packed.sha256), "bundle packed");
    repository.add(name, target, (&counter(abi), info.version), now)
}

/// Where the repository keeps the last version of an ABI: a removed one's number is not given again.
fn counter(abi: Abi) -> String {
    format!("x-bifrost-last-{}", abi.name())
}

/// What a host has to have by itself.
fn needed(program: &Program, collected: &Collected) -> Vec<String> {
    let goes_along = |library: &String| {
        let packed = |path: &String| path.rsplit('/').next().is_some_and(|name| name.eq_ignore_ascii_case(library));
        collected.items.keys().any(packed)
    };
    program.libraries.iter().filter(|library| !goes_along(library)).cloned().collect()
}
