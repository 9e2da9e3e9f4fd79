//! What the repository offers, as tough verified it.

use std::collections::BTreeSet;
use std::time::SystemTime;

use bifrost_protocol::bundle::{BundleInfo, CUSTOM, MAX_METADATA, parse_target};
use bifrost_protocol::control::BundleRef;
use bifrost_protocol::ids::MapName;
use reqwest::Url;
use tough::{ExpirationEnforcement, FilesystemTransport, Limits, RepositoryLoader};

use super::error::BundleError;
use super::files::Files;

/// Roots that are followed from one to the next. Each is a rotation of keys, or three years.
const MAX_ROOTS: u64 = 1_024;

/// All bundles of the repository, by ABI and version.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Index {
    entries: Vec<Entry>,
}

/// A bundle of the repository.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// What it is.
    pub info: BundleInfo,
    /// Its length as it is fetched, in bytes.
    pub packed: u64,
    /// SHA-256 of it, in hex.
    pub sha256: String,
    /// The maps its map-server can serve; `None` when nobody knows.
    maps: Option<BTreeSet<MapName>>,
}

impl Index {
    /// Reads the repository and verifies all of it but its expiry, which the coordinator can renew.
    pub(super) async fn load(files: &Files) -> Result<Self, BundleError> {
        let Some(version) = files.versions("root")?.last().copied() else { return Ok(Self::default()) };
        let root = files.read(&format!("{version}.root.json"))?.unwrap_or_default();
        let scratch = files.scratch()?;
        let url = |folder: std::path::PathBuf| {
            let folder = std::path::absolute(&folder).map_err(BundleError::file(&folder))?;
            Url::from_directory_path(&folder).map_err(|()| BundleError::broken(&folder, "is no path of a URL"))
        };
        let limits = Limits {
            max_root_size: MAX_METADATA,
            max_targets_size: MAX_METADATA,
            max_timestamp_size: MAX_METADATA,
            max_snapshot_size: MAX_METADATA,
            max_root_updates: MAX_ROOTS,
        };
        let repository = RepositoryLoader::new(&root, url(files.metadata())?, url(files.targets())?)
            .transport(FilesystemTransport)
            .limits(limits)
            .datastore(scratch.0.clone())
            .expiration_enforcement(ExpirationEnforcement::Unsafe)
            .load()
            .await
            .map_err(|error| BundleError::Invalid(error.to_string()))?;
        let mut entries = Vec::new();
        for (name, target) in repository.all_targets() {
            let known = parse_target(name.raw()).zip(target.custom.get(CUSTOM).cloned());
            let Some(((abi, version), custom)) = known else { continue };
            let info: BundleInfo =
                serde_json::from_value(custom).map_err(|error| BundleError::Invalid(error.to_string()))?;
            if info.reference().target != name.raw() {
                return Err(BundleError::Invalid(format!(
                    "{} says that it is {}",
                    name.raw(),
                    info.reference().target
                )));
            }
            let maps = files.read_maps(abi, version)?;
            let maps = maps.map(|text| text.lines().filter_map(|line| MapName::new(line).ok()).collect());
            let sha256 = crate::identity::hex_text(&target.hashes.sha256);
            entries.push(Entry { info, packed: target.length, sha256, maps });
        }
        entries.sort_by(|left, right| (&left.info.abi, left.info.version).cmp(&(&right.info.abi, right.info.version)));
        Ok(Self { entries })
    }

    /// All bundles, by ABI and version.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The newest bundle of a build.
    #[must_use]
    pub fn current(&self, abi: &str, packetver: u32, renewal: bool) -> Option<&Entry> {
        self.entries
            .iter()
            .rfind(|entry| entry.info.abi == abi && entry.info.packetver == packetver && entry.info.renewal == renewal)
    }

    /// The bundle that is meant.
    #[must_use]
    pub fn find(&self, bundle: &BundleRef) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.info.reference() == *bundle)
    }
}

impl Entry {
    /// Those of `maps` that the bundle has not got. None when nobody wrote down what it has.
    pub fn missing<'a>(&self, maps: impl IntoIterator<Item = &'a MapName>) -> Vec<&'a MapName> {
        let Some(known) = &self.maps else { return Vec::new() };
        maps.into_iter().filter(|map| !known.contains(*map)).collect()
    }

    /// When it was made.
    #[must_use]
    pub fn created(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(self.info.created)
    }
}
