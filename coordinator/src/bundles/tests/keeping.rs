//! What keeps a repository trustworthy over the years: expiry, rotation, backups, broken disks. The clock is the test's.

use std::path::Path;

use bifrost_protocol::layout::Abi;
use reqwest::Url;
use tempfile::TempDir;
use tough::schema::RoleType;
use tough::{FilesystemTransport, RepositoryLoader};

use super::folder::{Folder, days, now};
use crate::bundles::files::Files;
use crate::bundles::repository::Repository;
use crate::bundles::upkeep::Upkeep;
use crate::bundles::{Bundles, renew};

/// A node's view: the root it pinned, and what it has seen.
struct Client {
    root: Vec<u8>,
    seen: TempDir,
}

impl Client {
    /// Pins the newest root there is.
    fn new(folder: &Folder) -> Self {
        let files = Files::new(&folder.data());
        let version = files.versions("root").expect("listed").pop().expect("a root");
        let root = files.read(&format!("{version}.root.json")).expect("read").expect("there");
        Self { root, seen: TempDir::new().expect("a folder") }
    }

    /// Versions of root and timestamp, as tough takes them, expiry and all; or why it does not.
    async fn load(&self, folder: &Folder) -> Result<(u64, u64), String> {
        let url = |path: &Path| Url::from_directory_path(path).expect("absolute");
        let files = Files::new(&folder.data());
        let loader = RepositoryLoader::new(&self.root, url(&files.metadata()), url(&files.targets()));
        let loader = loader.transport(FilesystemTransport).datastore(self.seen.path());
        let loaded = loader.load().await.map_err(|error| error.to_string())?;
        Ok((loaded.root().signed.version.get(), loaded.timestamp().signed.version.get()))
    }
}

fn expires(folder: &Folder, role: RoleType) -> std::time::SystemTime {
    let repository = Repository::open(&Files::new(&folder.data())).expect("readable").expect("there");
    repository.expiries().into_iter().find(|(other, _)| *other == role).expect("all roles").1
}

fn key(folder: &Folder, role: &str) -> std::path::PathBuf {
    let keys = std::fs::read_dir(Files::new(&folder.data()).keys()).expect("listed");
    let paths = keys.map(|entry| entry.expect("an entry").path());
    paths.into_iter().find(|path| path.file_name().expect("a name").to_string_lossy().starts_with(role)).expect("a key")
}

#[cfg(unix)]
#[test]
fn keys_are_made_at_first_use_and_nobody_else_reads_them() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    folder.add();
    let keys = Files::new(&folder.data()).keys();
    let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&keys), 0o700);
    for role in ["root", "targets", "snapshot", "timestamp"] {
        assert_eq!(mode(&key(&folder, role)), 0o600, "{role}");
    }
    assert_eq!(std::fs::read_dir(keys).expect("listed").count(), 4);
}

#[tokio::test]
async fn the_running_coordinator_signs_anew_long_before_anything_expires() {
    let folder = Folder::new();
    folder.add();
    let client = Client::new(&folder);
    let before = client.load(&folder).await.expect("valid");
    let bundles = Bundles::open(&folder.data()).await.expect("valid");
    let mut upkeep = Upkeep::default();
    upkeep.turn(&bundles, now()).await;
    assert_eq!(client.load(&folder).await, Ok(before), "nothing is due");

    let mut time = now();
    for _ in 0..200 {
        time += days(3);
        upkeep.turn(&bundles, time).await;
        for role in [RoleType::Timestamp, RoleType::Snapshot, RoleType::Targets, RoleType::Root] {
            assert!(expires(&folder, role) > time + days(2), "{role}");
        }
    }
    let (root, timestamp) = client.load(&folder).await.expect("valid from the first root on");
    assert_eq!(root, 2, "signed anew at half of its life");
    assert!(timestamp > before.1);
    assert_eq!(bundles.index().entries().len(), 1);
}

#[tokio::test]
async fn a_coordinator_that_was_off_for_long_signs_when_it_starts() {
    let folder = Folder::new();
    folder.add();
    renew(&folder.data(), false, now() - days(400)).expect("signed");
    let client = Client::new(&folder);
    let said = client.load(&folder).await.expect_err("expired");
    assert!(said.contains("expired"), "{said}");
    let bundles = Bundles::open(&folder.data()).await.expect("expiry is no reason to forget them");
    assert_eq!(bundles.index().entries().len(), 1);
    Upkeep::default().turn(&bundles, now()).await;
    client.load(&folder).await.expect("valid again");
}

#[tokio::test]
async fn without_its_key_a_role_waits_and_the_others_go_on() {
    let folder = Folder::new();
    folder.add();
    let away = folder.data().with_file_name("drawer");
    std::fs::create_dir(&away).expect("made");
    for role in ["root", "targets"] {
        let path = key(&folder, role);
        std::fs::rename(&path, away.join(path.file_name().expect("a name"))).expect("moved");
    }
    let files = Files::new(&folder.data());
    let mut repository = Repository::open(&files).expect("readable").expect("there");
    let time = now() + days(100);
    assert_eq!(repository.renew_due(time).expect("signed"), [RoleType::Snapshot, RoleType::Timestamp]);
    let left: Vec<_> = repository.due(time).map(|(role, _)| role).collect();
    assert_eq!(left, [RoleType::Targets]);
    folder.write("npc/custom/own.txt", "// changed\n");
    let said = folder.refused(&folder.request(Abi::LinuxX8664), &[]);
    assert!(said.contains("the targets key is not there; put its file back"), "{said}");
    let said = renew(&folder.data(), true, now()).expect_err("no key").to_string();
    assert!(said.contains("the root key is not there"), "{said}");
    Client::new(&folder).load(&folder).await.expect("what there was is still valid");
}

#[tokio::test]
async fn nodes_follow_new_keys_from_the_root_they_pinned() {
    let folder = Folder::new();
    folder.add();
    let client = Client::new(&folder);
    for root in 2..5 {
        let renewed = renew(&folder.data(), true, now()).expect("rotated");
        assert_eq!(renewed.retired_keys.len(), 4 * (root - 1), "the old ones are named");
        assert_eq!(client.load(&folder).await.expect("followed").0, root as u64);
    }
    for path in renew(&folder.data(), false, now()).expect("signed").retired_keys {
        std::fs::remove_file(path).expect("removed");
    }
    folder.write("npc/custom/own.txt", "// changed\n");
    assert_eq!(folder.add().info.version, 2, "the old keys are of no more use");
    client.load(&folder).await.expect("followed");
    let stranger = Folder::new();
    stranger.add();
    let said = client.load(&stranger).await.expect_err("another operator's");
    assert!(said.contains("signature") || said.contains("verify"), "{said}");
}

#[tokio::test]
async fn a_repository_restored_from_a_backup_is_no_rollback_once_it_is_renewed() {
    let folder = Folder::new();
    folder.add();
    let (metadata, backup) = (Files::new(&folder.data()).metadata(), TempDir::new().expect("a folder"));
    let copy = |from: &Path, to: &Path| {
        for entry in std::fs::read_dir(from).expect("listed") {
            let path = entry.expect("an entry").path();
            std::fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("copied");
        }
    };
    copy(&metadata, backup.path());
    folder.write("npc/custom/own.txt", "// lost with the disk\n");
    folder.add();
    let client = Client::new(&folder);
    client.load(&folder).await.expect("valid");
    std::fs::remove_dir_all(&metadata).expect("lost");
    std::fs::create_dir(&metadata).expect("made");
    copy(backup.path(), &metadata);
    let said = client.load(&folder).await.expect_err("older than what it has seen");
    assert!(said.contains("newer") || said.contains("version"), "{said}");
    // Some seconds later, as it would be.
    renew(&folder.data(), false, now() + days(1)).expect("signed");
    client.load(&folder).await.expect("above everything it has seen");
}

#[tokio::test]
async fn new_bundles_are_noticed_without_a_restart() {
    let folder = Folder::new();
    let bundles = Bundles::open(&folder.data()).await.expect("there are none yet");
    let (mut upkeep, mut changes) = (Upkeep::default(), bundles.subscribe());
    upkeep.turn(&bundles, now()).await;
    assert!(bundles.index().entries().is_empty());
    folder.add();
    upkeep.turn(&bundles, now()).await;
    assert!(changes.has_changed().expect("still there"));
    assert_eq!(changes.borrow_and_update().entries().len(), 1);
    upkeep.turn(&bundles, now()).await;
    assert!(!changes.has_changed().expect("still there"), "nothing has changed");
}

#[tokio::test]
async fn a_repository_that_was_tampered_with_offers_nothing() {
    let folder = Folder::new();
    let reference = folder.add().info.reference();
    let files = Files::new(&folder.data());
    let name = format!("{}.targets.json", files.versions("targets").expect("listed").pop().expect("some"));
    let text = String::from_utf8(files.read(&name).expect("read").expect("there")).expect("text");
    std::fs::write(files.metadata().join(&name), text.replace("20211103", "20200401")).expect("written");
    let said = Bundles::open(&folder.data()).await.expect_err("not what was signed").to_string();
    assert!(said.starts_with("the bundles' own metadata are not valid"), "{said}");
    let bundles = Bundles::open_or_empty(&folder.data()).await;
    assert!(bundles.index().entries().is_empty());
    std::fs::write(files.metadata().join(&name), text).expect("written");
    Upkeep::default().turn(&bundles, now()).await;
    assert_eq!(
        bundles.current("linux-x86_64", reference.build.expect("a build").packetver, false).map(|found| found.version),
        Some(1)
    );
}

#[tokio::test]
async fn the_upkeep_stops_when_it_is_told_to() {
    let folder = Folder::new();
    folder.add();
    let bundles = Bundles::open(&folder.data()).await.expect("valid");
    bundles.keep(&tokio_util::sync::CancellationToken::new()).shutdown().await;
    folder.add();
}

#[test]
fn two_commands_do_not_work_on_the_bundles_at_once() {
    let folder = Folder::new();
    let files = Files::new(&folder.data());
    let first = files.lock().expect("free");
    let waiting = std::thread::spawn(move || files.lock().map(drop));
    drop(first);
    waiting.join().expect("no panic").expect("its turn");
}
