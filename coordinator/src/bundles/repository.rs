//! The repository's metadata: made, changed, signed anew. All of it is written under the lock ([`Files::lock`]).
//!
//! Targets are written first, then the snapshot that names them, then the timestamp that names the snapshot: nodes begin
//! at the timestamp, so they see the old state or the new one. Files have their version in their name and stay for a
//! while, so that a node in the midst of reading finds what it was promised.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::time::SystemTime;

use sha2::{Digest, Sha256};
use tough::schema::{Hashes, Metafile, RoleKeys, RoleType, Root, Signed, Snapshot, Target, Targets, Timestamp};
use tough::{TargetName, schema};

use super::error::BundleError;
use super::expiry::{due, lifetime, next_version};
use super::files::{Files, TIMESTAMP};
use super::keys::{KeyRing, SigningKey, sign};

/// Of the TUF specification that tough implements.
const SPEC: &str = "1.0.0";
/// Old targets and snapshot metadata that stay for nodes in the midst of reading.
const KEPT: usize = 3;
/// The roles there are.
const ROLES: [RoleType; 4] = [RoleType::Root, RoleType::Targets, RoleType::Snapshot, RoleType::Timestamp];

/// How much has to be signed anew. Everything below a level that changes changes too.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Depth {
    /// Only the timestamp.
    Timestamp,
    /// The snapshot, too.
    Snapshot,
    /// Everything but the root.
    Targets,
}

/// The repository, opened for changing it.
#[derive(Debug)]
pub(super) struct Repository {
    files: Files,
    keys: KeyRing,
    root: Signed<Root>,
    targets: Targets,
    snapshot: Snapshot,
    timestamp: Timestamp,
}

impl Repository {
    /// Opens the repository; `None` when there is none yet.
    pub(super) fn open(files: &Files) -> Result<Option<Self>, BundleError> {
        let Some(version) = files.versions("root")?.last().copied() else { return Ok(None) };
        let root = files.parse(&format!("{version}.root.json"))?;
        let timestamp = files.parse::<Signed<Timestamp>>(TIMESTAMP)?.signed;
        let snapshot = version_of(&timestamp.meta, "snapshot.json")?;
        let snapshot = files.parse::<Signed<Snapshot>>(&format!("{snapshot}.snapshot.json"))?.signed;
        let targets = version_of(&snapshot.meta, "targets.json")?;
        let targets = files.parse::<Signed<Targets>>(&format!("{targets}.targets.json"))?.signed;
        let keys = KeyRing::open(&files.keys())?;
        Ok(Some(Self { files: files.clone(), keys, root, targets, snapshot, timestamp }))
    }

    /// Opens the repository, or makes keys and an empty one.
    pub(super) fn open_or_create(files: &Files, now: SystemTime) -> Result<Self, BundleError> {
        match Self::open(files)? {
            Some(repository) => Ok(repository),
            None => Self::create(files, now),
        }
    }

    fn create(files: &Files, now: SystemTime) -> Result<Self, BundleError> {
        let mut keys = KeyRing::open(&files.keys())?;
        let root = new_root(&mut keys, None, now)?;
        let (version, expires) = (NonZeroU64::MIN, root.expires);
        let root = sign_root(&keys, root, None)?;
        let mut targets = Targets::new(SPEC.into(), version, expires);
        targets.delegations = None;
        let snapshot = Snapshot::new(SPEC.into(), version, expires);
        let timestamp = Timestamp::new(SPEC.into(), version, expires);
        let mut repository = Self { files: files.clone(), keys, root, targets, snapshot, timestamp };
        // The root last: without one there is no repository, so a half made one is made again.
        repository.renew(Depth::Targets, now)?;
        repository.write_root()?;
        Ok(repository)
    }

    /// The bundles.
    pub(super) fn targets(&self) -> &HashMap<TargetName, Target> {
        &self.targets.targets
    }

    /// A number kept for the caller among the targets' metadata.
    pub(super) fn note(&self, key: &str) -> Option<u64> {
        self.targets._extra.get(key)?.as_u64()
    }

    /// Adds a bundle and publishes it. `note` is kept for the caller.
    pub(super) fn add(
        &mut self,
        name: TargetName,
        target: Target,
        note: (&str, u64),
        now: SystemTime,
    ) -> Result<(), BundleError> {
        self.targets.targets.insert(name, target);
        self.targets._extra.insert(note.0.to_owned(), note.1.into());
        self.renew(Depth::Targets, now)
    }

    /// Takes a bundle out. Whether it was there.
    pub(super) fn remove(&mut self, name: &TargetName, now: SystemTime) -> Result<bool, BundleError> {
        let was_there = self.targets.targets.remove(name).is_some();
        if was_there {
            self.renew(Depth::Targets, now)?;
        }
        Ok(was_there)
    }

    /// Signs anew what `depth` says.
    pub(super) fn renew(&mut self, depth: Depth, now: SystemTime) -> Result<(), BundleError> {
        // All keys before anything is written.
        let root = &self.root.signed;
        let timestamp_key = self.keys.of(root, RoleType::Timestamp)?;
        let snapshot_key = (depth >= Depth::Snapshot).then(|| self.keys.of(root, RoleType::Snapshot)).transpose()?;
        let targets_key = (depth >= Depth::Targets).then(|| self.keys.of(root, RoleType::Targets)).transpose()?;
        if let Some(key) = targets_key {
            self.targets.version = version_after(self.targets.version, now)?;
            self.targets.expires = expires(RoleType::Targets, now)?;
            let name = format!("{}.targets.json", self.targets.version);
            let bytes = self.files.write(&name, &sign(self.targets.clone(), &[key])?)?;
            self.snapshot.meta.insert("targets.json".into(), metafile(self.targets.version, &bytes));
        }
        if let Some(key) = snapshot_key {
            self.snapshot.version = version_after(self.snapshot.version, now)?;
            self.snapshot.expires = expires(RoleType::Snapshot, now)?;
            let name = format!("{}.snapshot.json", self.snapshot.version);
            let bytes = self.files.write(&name, &sign(self.snapshot.clone(), &[key])?)?;
            self.timestamp.meta.insert("snapshot.json".into(), metafile(self.snapshot.version, &bytes));
        }
        self.timestamp.version = version_after(self.timestamp.version, now)?;
        self.timestamp.expires = expires(RoleType::Timestamp, now)?;
        self.files.write(TIMESTAMP, &sign(self.timestamp.clone(), &[timestamp_key])?)?;
        self.sweep()
    }

    /// Signs anew what is due, as far as the keys are at hand; returns what was.
    pub(super) fn renew_due(&mut self, now: SystemTime) -> Result<Vec<RoleType>, BundleError> {
        let able = |role| self.keys.of(&self.root.signed, role).is_ok();
        let mut renewed: Vec<RoleType> = self.due(now).map(|(role, _)| role).filter(|role| able(*role)).collect();
        if !able(RoleType::Timestamp) {
            renewed.clear();
        } else if !able(RoleType::Snapshot) {
            // Whatever changes has to be named by the snapshot.
            renewed.retain(|role| matches!(role, RoleType::Root | RoleType::Timestamp));
        }
        if renewed.contains(&RoleType::Root) {
            self.renew_root(now)?;
        }
        if renewed.contains(&RoleType::Targets) {
            self.renew(Depth::Targets, now)?;
        } else if renewed.contains(&RoleType::Snapshot) {
            self.renew(Depth::Snapshot, now)?;
        } else if renewed.contains(&RoleType::Timestamp) {
            self.renew(Depth::Timestamp, now)?;
        }
        Ok(renewed)
    }

    /// What has to be signed anew, and when it expires.
    pub(super) fn due(&self, now: SystemTime) -> impl Iterator<Item = (RoleType, SystemTime)> {
        self.expiries().into_iter().filter(move |(role, expires)| due(*role, *expires, now))
    }

    /// When each role's metadata expire.
    pub(super) fn expiries(&self) -> [(RoleType, SystemTime); 4] {
        [
            (RoleType::Root, self.root.signed.expires.into()),
            (RoleType::Targets, self.targets.expires.into()),
            (RoleType::Snapshot, self.snapshot.expires.into()),
            (RoleType::Timestamp, self.timestamp.expires.into()),
        ]
    }

    /// A new root by the same keys, that lives longer.
    fn renew_root(&mut self, now: SystemTime) -> Result<(), BundleError> {
        let mut root = self.root.signed.clone();
        root.version = root.version.checked_add(1).ok_or_else(too_many)?;
        root.expires = expires(RoleType::Root, now)?;
        self.root = sign_root(&self.keys, root, None)?;
        self.write_root()
    }

    /// New keys for every role, and a root that the old root's key signs too: nodes follow it.
    pub(super) fn rotate(&mut self, now: SystemTime) -> Result<(), BundleError> {
        let before = self.root.signed.clone();
        // Fails now if the old key is not there, and not when new ones have been made.
        self.keys.of(&before, RoleType::Root)?;
        let root = new_root(&mut self.keys, Some(&before), now)?;
        self.root = sign_root(&self.keys, root, Some(&before))?;
        self.write_root()?;
        self.renew(Depth::Targets, now)
    }

    /// Files of keys that sign nothing any more.
    pub(super) fn retired_keys(&self) -> Vec<String> {
        self.keys.retired(&self.root.signed).map(|path| path.display().to_string()).collect()
    }

    fn write_root(&self) -> Result<(), BundleError> {
        self.files.write(&format!("{}.root.json", self.root.signed.version), &self.root).map(drop)
    }

    /// Removes metadata that nobody reads any more.
    fn sweep(&self) -> Result<(), BundleError> {
        for (role, current) in [("targets", self.targets.version.get()), ("snapshot", self.snapshot.version.get())] {
            let versions = self.files.versions(role)?;
            let old: Vec<u64> = versions.into_iter().filter(|version| *version < current).collect();
            for version in old.iter().rev().skip(KEPT) {
                let path = self.files.metadata().join(format!("{version}.{role}.json"));
                std::fs::remove_file(&path).map_err(BundleError::file(&path))?;
            }
        }
        Ok(())
    }
}

/// A root with new keys for every role.
fn new_root(keys: &mut KeyRing, before: Option<&Root>, now: SystemTime) -> Result<Root, BundleError> {
    let version = match before {
        Some(root) => root.version.checked_add(1).ok_or_else(too_many)?,
        None => NonZeroU64::MIN,
    };
    let (mut publics, mut roles) = (HashMap::new(), HashMap::new());
    for role in ROLES {
        let (id, public) = keys.generate(role)?;
        roles.insert(role, RoleKeys { keyids: vec![id.clone()], threshold: NonZeroU64::MIN, _extra: HashMap::new() });
        publics.insert(id, public);
    }
    Ok(Root {
        spec_version: SPEC.into(),
        consistent_snapshot: true,
        version,
        expires: expires(RoleType::Root, now)?,
        keys: publics,
        roles,
        _extra: HashMap::new(),
    })
}

/// A root is signed by its own key and by that of the one before it.
fn sign_root(keys: &KeyRing, root: Root, before: Option<&Root>) -> Result<Signed<Root>, BundleError> {
    let own = keys.of(&root, RoleType::Root)?;
    let former = before.map(|before| keys.of(before, RoleType::Root)).transpose()?;
    let signers: Vec<&SigningKey> = std::iter::once(own).chain(former).collect();
    sign(root, &signers)
}

fn metafile(version: NonZeroU64, bytes: &[u8]) -> Metafile {
    let sha256 = Sha256::digest(bytes).to_vec().into();
    let hashes = Some(Hashes { sha256, _extra: HashMap::new() });
    let length = u64::try_from(bytes.len()).ok();
    Metafile { length, hashes, version, _extra: HashMap::new() }
}

fn version_of(meta: &HashMap<String, Metafile>, name: &str) -> Result<NonZeroU64, BundleError> {
    meta.get(name).map(|file| file.version).ok_or_else(|| BundleError::Invalid(format!("{name} is not listed")))
}

fn version_after(last: NonZeroU64, now: SystemTime) -> Result<NonZeroU64, BundleError> {
    NonZeroU64::new(next_version(Some(last.get()), now)).ok_or_else(too_many)
}

fn too_many() -> BundleError {
    BundleError::Invalid("there is no further version".into())
}

/// When what `role` signs now expires, in tough's type of time.
fn expires<T: TryFrom<SystemTime>>(role: RoleType, now: SystemTime) -> Result<T, BundleError> {
    let at = now.checked_add(lifetime(role)).ok_or_else(too_many)?;
    T::try_from(at).map_err(|_| BundleError::Invalid("the clock is out of all bounds".into()))
}

/// A target's metadata.
pub(super) fn target(length: u64, sha256: [u8; 32], custom: HashMap<String, serde_json::Value>) -> Target {
    let hashes = schema::Hashes { sha256: sha256.to_vec().into(), _extra: HashMap::new() };
    Target { length, hashes, custom, _extra: HashMap::new() }
}
