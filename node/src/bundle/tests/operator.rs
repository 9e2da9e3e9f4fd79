//! The operator's side: makes bundles and signs them, as the coordinator does, whenever and however a test wants.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU64;
use std::time::{Duration, SystemTime};

use bifrost_protocol::bundle::{BundleInfo, CUSTOM};
use bifrost_protocol::control::BundleRef;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};
use tough::schema::decoded::{Decoded, Hex};
use tough::schema::key::{Ed25519Key, Ed25519Scheme, Key};
use tough::schema::{
    Hashes, Metafile, Role, RoleKeys, RoleType, Root, Signature, Signed, Snapshot, Target, Targets, Timestamp,
};
use tough::{TargetName, schema};

/// Everything that a coordinator serves, by path.
pub(super) type Served = BTreeMap<String, Vec<u8>>;

/// One operator with one key for everything.
pub(super) struct Operator {
    key: Ed25519KeyPair,
    root: Signed<Root>,
    roots: Vec<Signed<Root>>,
    targets: HashMap<TargetName, Target>,
    bundles: Served,
    /// The version of all metadata but the root.
    pub(super) version: u64,
}

fn key() -> Ed25519KeyPair {
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
    Ed25519KeyPair::from_pkcs8(document.as_ref()).expect("a key")
}

fn public(key: &Ed25519KeyPair) -> (Decoded<Hex>, Key) {
    let keyval = Ed25519Key { public: key.public_key().as_ref().to_vec().into(), _extra: HashMap::new() };
    let key = Key::Ed25519 { keyval, scheme: Ed25519Scheme::Ed25519, _extra: HashMap::new() };
    (key.key_id().expect("an id"), key)
}

fn sign<T: Role>(role: T, keys: &[&Ed25519KeyPair]) -> Signed<T> {
    let form = role.canonical_form().expect("canonical");
    let signature =
        |key: &&Ed25519KeyPair| Signature { keyid: public(key).0, sig: key.sign(&form).as_ref().to_vec().into() };
    Signed { signatures: keys.iter().map(signature).collect(), signed: role }
}

fn root(version: u64, key: &Ed25519KeyPair, now: SystemTime) -> Root {
    let (id, public) = public(key);
    let keys = RoleKeys { keyids: vec![id.clone()], threshold: NonZeroU64::MIN, _extra: HashMap::new() };
    let roles = [RoleType::Root, RoleType::Targets, RoleType::Snapshot, RoleType::Timestamp];
    Root {
        spec_version: "1.0.0".into(),
        consistent_snapshot: true,
        version: NonZeroU64::new(version).expect("from 1"),
        expires: (now + Duration::from_hours(24 * 365)).try_into().expect("a time"),
        keys: HashMap::from([(id, public)]),
        roles: roles.into_iter().map(|role| (role, keys.clone())).collect(),
        _extra: HashMap::new(),
    }
}

impl Operator {
    pub(super) fn new() -> Self {
        let key = key();
        let root = sign(root(1, &key, SystemTime::now()), &[&key]);
        Self { key, roots: vec![root.clone()], root, targets: HashMap::new(), bundles: Served::new(), version: 0 }
    }

    /// New keys, which the old ones vouch for.
    pub(super) fn rotate(&mut self) {
        let new = key();
        let root = root(self.root.signed.version.get() + 1, &new, SystemTime::now());
        self.root = sign(root, &[&new, &self.key]);
        self.roots.push(self.root.clone());
        self.key = new;
    }

    /// Adds a bundle with these files.
    pub(super) fn add(&mut self, version: u64, files: &[(&str, &[u8])]) -> BundleRef {
        let entries: Vec<_> = files.iter().map(|(path, bytes)| (path.as_bytes(), EntryType::Regular, *bytes)).collect();
        self.add_archive(info(version, files), &archive(&entries))
    }

    /// Adds a bundle made of this archive, which says that it is `info`.
    pub(super) fn add_archive(&mut self, info: BundleInfo, archive: &[u8]) -> BundleRef {
        let reference = info.reference();
        let hashes = Hashes { sha256: Sha256::digest(archive).to_vec().into(), _extra: HashMap::new() };
        let custom = HashMap::from([(CUSTOM.to_owned(), serde_json::to_value(info).expect("JSON"))]);
        let target = Target { length: archive.len() as u64, hashes, custom, _extra: HashMap::new() };
        self.targets.insert(TargetName::new(&reference.target).expect("a name"), target);
        self.bundles.insert(format!("/v1/bundles/targets/{}", reference.target), archive.to_vec());
        reference
    }

    /// Takes a bundle away.
    pub(super) fn remove(&mut self, bundle: &BundleRef) {
        self.targets.remove(&TargetName::new(&bundle.target).expect("a name"));
        self.bundles.remove(&format!("/v1/bundles/targets/{}", bundle.target));
    }

    /// Signs everything, at this moment, for a week.
    pub(super) fn publish(&mut self, now: SystemTime) -> Served {
        self.version += 1;
        let (spec, version) = ("1.0.0".to_owned(), NonZeroU64::new(self.version).expect("from 1"));
        let expires = now + Duration::from_hours(24 * 7);
        let mut targets = Targets::new(spec.clone(), version, expires.try_into().expect("a time"));
        targets.delegations = None;
        targets.targets = self.targets.clone();
        let targets = json(&sign(targets, &[&self.key]));
        let mut snapshot = Snapshot::new(spec.clone(), version, expires.try_into().expect("a time"));
        snapshot.meta.insert("targets.json".into(), metafile(version, &targets));
        let snapshot = json(&sign(snapshot, &[&self.key]));
        let mut timestamp = Timestamp::new(spec, version, expires.try_into().expect("a time"));
        timestamp.meta.insert("snapshot.json".into(), metafile(version, &snapshot));
        let timestamp = json(&sign(timestamp, &[&self.key]));

        let mut served = self.bundles.clone();
        let metadata = |name: String| format!("/v1/bundles/metadata/{name}");
        served.insert("/v1/bundles/root.json".into(), json(&self.root));
        for root in &self.roots {
            served.insert(metadata(format!("{}.root.json", root.signed.version)), json(root));
        }
        served.insert(metadata(format!("{version}.targets.json")), targets);
        served.insert(metadata(format!("{version}.snapshot.json")), snapshot);
        served.insert(metadata("timestamp.json".into()), timestamp);
        served
    }
}

fn json(document: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec_pretty(document).expect("JSON")
}

fn metafile(version: NonZeroU64, bytes: &[u8]) -> Metafile {
    let hashes = Some(schema::Hashes { sha256: Sha256::digest(bytes).to_vec().into(), _extra: HashMap::new() });
    Metafile { length: Some(bytes.len() as u64), hashes, version, _extra: HashMap::new() }
}

/// What a bundle with these files says that it is.
pub(super) fn info(version: u64, files: &[(&str, &[u8])]) -> BundleInfo {
    BundleInfo {
        version,
        abi: "linux-x86_64".into(),
        packetver: 20_211_103,
        renewal: false,
        unpacked: files.iter().map(|(_, bytes)| bytes.len() as u64).sum(),
        files: files.len() as u64,
        created: 0,
    }
}

/// An archive with whatever entries, legal or not.
pub(super) fn archive(entries: &[(&[u8], EntryType, &[u8])]) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    for (path, kind, bytes) in entries {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..path.len()].copy_from_slice(path);
        header.set_entry_type(*kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(if path.ends_with(b"map-server") { 0o755 } else { 0o644 });
        header.as_old_mut().linkname[..11].copy_from_slice(b"/etc/passwd");
        header.set_cksum();
        tar.append(&header, *bytes).expect("packed");
    }
    zstd::encode_all(tar.into_inner().expect("packed").as_slice(), 1).expect("packed")
}
