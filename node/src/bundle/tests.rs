//! Bundles against a coordinator that serves what it is told to, signed by an operator's keys.

mod coordinator;
mod operator;
mod refusing;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bifrost_protocol::control::BundleRef;
use bifrost_protocol::layout::Abi;
use tempfile::TempDir;

use super::{Backoff, BundleError, Bundles, FOLDER, RESERVE, Settings, Stage, UnsafeEntry};
use crate::agent::Identity;
use crate::agent::state::StateDir;
use crate::agent::state::tests::held;
use crate::config::{Limits, NodeConfig, Trust};
use coordinator::Coordinator;
use operator::Operator;

/// What a bundle has in these tests.
const FILES: [(&str, &[u8]); 3] =
    [("map-server", b"\x7fELF"), ("conf/map_athena.conf", b"map_port: 5121\n"), ("npc/empty.txt", b"")];

/// A node, a coordinator and an operator.
struct Lab {
    operator: Operator,
    coordinator: Coordinator,
    state: TempDir,
}

fn settings() -> Settings {
    Settings {
        machine: Some(Abi::LinuxX8664),
        backoff: Backoff::new(Duration::from_millis(1), Duration::from_millis(1)),
        ..Settings::default()
    }
}

impl Lab {
    async fn new() -> Self {
        let state = tempfile::tempdir().expect("a folder");
        Self { operator: Operator::new(), coordinator: Coordinator::new().await, state }
    }

    fn publish(&mut self) {
        self.coordinator.serve(self.operator.publish(SystemTime::now()));
    }

    /// Adds and publishes a bundle whose content depends on its version.
    fn offer(&mut self, version: u64) -> BundleRef {
        let text = format!("// version {version}\n");
        let files = [FILES[0], FILES[1], ("npc/version.txt", text.as_bytes())];
        let bundle = self.operator.add(version, &files);
        self.publish();
        bundle
    }

    /// A bundle that does not compress, of this many bytes.
    fn offer_large(&mut self, version: u64, bytes: usize) -> BundleRef {
        let mut seed = version;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            seed.to_be_bytes()[0]
        })
        .take(bytes)
        .collect();
        let bundle = self.operator.add(version, &[FILES[0], ("db/noise.dat", &noise)]);
        self.publish();
        bundle
    }

    fn node(&self) -> Bundles {
        self.node_with(settings())
    }

    fn node_with(&self, settings: Settings) -> Bundles {
        Bundles::with(self.state.path(), self.coordinator.access(), settings).expect("opened")
    }

    /// The node's folder of this coordinator.
    fn folder(&self) -> PathBuf {
        let mut folders = std::fs::read_dir(self.state.path().join(FOLDER)).expect("listed");
        folders.next().expect("one").expect("an entry").path()
    }

    fn versions(&self) -> Vec<String> {
        names(&self.folder().join("linux-x86_64"))
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_bundle_is_fetched_verified_and_unpacked() {
    let mut lab = Lab::new().await;
    let bundle = lab.operator.add(1, &FILES);
    lab.publish();
    let node = lab.node();
    let path = node.obtain(&bundle).await.expect("fetched");
    for (name, bytes) in FILES {
        assert_eq!(std::fs::read(path.join(name)).expect("there"), bytes, "{name}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |name: &str| std::fs::metadata(path.join(name)).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode("map-server") & 0o100, mode("conf/map_athena.conf") & 0o111), (0o100, 0));
    }
    assert_eq!(names(&lab.folder()), ["linux-x86_64", "metadata", "root.json"], "the download is gone");
    assert_eq!(*node.progress().borrow(), None);

    assert_eq!(node.obtain(&bundle).await.expect("there"), path);
    assert_eq!(lab.node().obtain(&bundle).await.expect("there after a restart"), path);
    assert_eq!(lab.coordinator.asked("/targets/"), [None], "it is fetched once");
}

#[tokio::test]
async fn a_download_that_was_cut_goes_on_where_it_was() {
    let mut lab = Lab::new().await;
    let bundle = lab.offer_large(1, 200_000);
    lab.coordinator.cut(&[100_000, 50_000]);
    lab.node().obtain(&bundle).await.expect("fetched");
    assert_eq!(lab.coordinator.asked("/targets/"), [None, Some(100_000), Some(150_000)]);
}

#[tokio::test]
async fn a_node_that_was_stopped_goes_on_where_it_was() {
    let mut lab = Lab::new().await;
    let bundle = lab.offer_large(1, 200_000);
    // Half of it, and then nothing for as long as anybody tries.
    lab.coordinator.cut(&[&[100_000][..], &[0; 10]].concat());
    let error = lab.node().obtain(&bundle).await.expect_err("cut");
    assert!(error.is_passing(), "{error}");
    let tries = lab.coordinator.asked("/targets/").len();
    lab.coordinator.cut(&[]);
    lab.node().obtain(&bundle).await.expect("fetched");
    assert_eq!(lab.coordinator.asked("/targets/")[tries..], [Some(100_000)]);
}

#[tokio::test]
async fn a_server_without_ranges_begins_anew() {
    let mut lab = Lab::new().await;
    let bundle = lab.offer_large(1, 200_000);
    lab.coordinator.forget_ranges();
    lab.coordinator.cut(&[100_000]);
    lab.node().obtain(&bundle).await.expect("fetched");
    assert_eq!(lab.coordinator.asked("/targets/"), [None, Some(100_000)]);
}

#[tokio::test]
async fn who_asks_at_the_same_time_gets_the_same_download() {
    let mut lab = Lab::new().await;
    let bundle = lab.offer(1);
    let node = lab.node();
    let gate = lab.coordinator.gate();
    let asking = || {
        let (node, bundle) = (node.clone(), bundle.clone());
        async move { node.obtain(&bundle).await.expect("fetched") }
    };
    let mut both = tokio::task::JoinSet::new();
    both.spawn(asking());
    both.spawn(asking());
    let mut progress = node.progress();
    let fetching = progress.wait_for(|progress| progress.as_ref().is_some_and(|it| it.stage == Stage::Downloading));
    fetching.await.expect("it is fetched");
    gate.add_permits(8);
    let paths = both.join_all().await;
    assert_eq!(paths[0], paths[1]);
    assert_eq!(lab.coordinator.asked("/targets/"), [None]);
}

#[tokio::test]
async fn who_gives_up_waiting_loses_nothing() {
    let mut lab = Lab::new().await;
    let bundle = lab.offer_large(1, 200_000);
    let node = lab.node();
    let gate = lab.coordinator.gate();
    lab.coordinator.cut(&[100_000]);
    gate.add_permits(1);
    let mut progress = node.progress();
    {
        let obtaining = node.obtain(&bundle);
        let half = progress.wait_for(|progress| progress.as_ref().is_some_and(|it| it.done == 100_000));
        tokio::select! {
            _ = obtaining => panic!("the gate is closed"),
            half = half => assert!(half.is_ok()),
        }
    }
    gate.add_permits(8);
    node.obtain(&bundle).await.expect("fetched");
    assert_eq!(lab.coordinator.asked("/targets/").last(), Some(&Some(100_000)));
}

#[tokio::test]
async fn progress_is_told_from_the_first_byte_to_the_last() {
    let mut lab = Lab::new().await;
    let bundle = lab.offer_large(1, 200_000);
    let node = lab.node();
    let mut progress = node.progress();
    let watching = tokio::spawn(async move {
        let mut seen = Vec::new();
        while progress.changed().await.is_ok() {
            match progress.borrow_and_update().clone() {
                Some(step) => seen.push(step),
                None => break,
            }
        }
        seen
    });
    node.obtain(&bundle).await.expect("fetched");
    drop(node);
    let seen = watching.await.expect("no panic");
    assert!(seen.iter().all(|step| step.bundle == bundle.target && step.done <= step.total), "{seen:?}");
    let order = |stage| match stage {
        Stage::Downloading => 0,
        Stage::Verifying => 1,
        Stage::Unpacking => 2,
    };
    assert!(seen.is_sorted_by_key(|step| (order(step.stage), step.done)), "{seen:?}");
    assert_eq!(seen.last().map(|step| (step.stage, step.done)), Some((Stage::Unpacking, 200_004)));
}

#[tokio::test]
async fn the_last_two_versions_are_kept_and_those_that_run() {
    let mut lab = Lab::new().await;
    let node = lab.node();
    let bundles: Vec<_> = (1..=5).map(|version| lab.offer(version)).collect();
    let held = node.hold(&bundles[0]);
    for bundle in &bundles[..4] {
        node.obtain(bundle).await.expect("fetched");
    }
    assert_eq!(lab.versions(), ["1", "3", "4"], "1 is held");
    drop(held);
    node.obtain(&bundles[4]).await.expect("fetched");
    assert_eq!(lab.versions(), ["4", "5"]);
    let back = node.obtain(&bundles[1]).await.expect("an older one, if that is what is assigned");
    assert!(back.join("map-server").exists());
    assert_eq!(lab.versions(), ["2", "4", "5"], "what was just asked for stays");
}

#[tokio::test]
async fn a_bundle_whose_files_were_changed_is_made_anew() {
    let mut lab = Lab::new().await;
    let bundle = lab.offer(1);
    let node = lab.node();
    let path = node.obtain(&bundle).await.expect("fetched");
    std::fs::write(path.join("conf/map_athena.conf"), "map_port: 9999\n").expect("written");
    let again = node.obtain(&bundle).await.expect("fetched again");
    assert_eq!(std::fs::read_to_string(again.join("conf/map_athena.conf")).expect("there"), "map_port: 5121\n");
    std::fs::remove_file(path.join("map-server")).expect("removed");
    node.obtain(&bundle).await.expect("fetched again");
    assert_eq!(lab.coordinator.asked("/targets/").len(), 3);
    std::fs::write(path.join("log.txt"), "files of its own do not matter").expect("written");
    node.obtain(&bundle).await.expect("there");
    assert_eq!(lab.coordinator.asked("/targets/").len(), 3);
}

#[tokio::test]
async fn the_same_version_with_another_content_replaces_it() {
    // A coordinator restored from a backup gives a number again.
    let mut lab = Lab::new().await;
    let bundle = lab.offer(1);
    lab.node().obtain(&bundle).await.expect("fetched");
    lab.operator.add(1, &[("map-server", b"another")]);
    lab.publish();
    let path = lab.node().obtain(&bundle).await.expect("fetched");
    assert_eq!(std::fs::read(path.join("map-server")).expect("there"), b"another");
    assert_eq!(names(&path), ["map-server"]);
}

#[tokio::test]
async fn what_is_on_offer_is_asked_once_while_it_is_valid() {
    let mut lab = Lab::new().await;
    let first = lab.offer(1);
    let node = lab.node();
    node.refresh().await.expect("asked");
    node.obtain(&first).await.expect("fetched");
    node.obtain(&first).await.expect("there");
    assert_eq!(lab.coordinator.asked("timestamp.json").len(), 1);
    let second = lab.offer(2);
    node.obtain(&second).await.expect("a new one is asked for");
    assert_eq!(lab.coordinator.asked("timestamp.json").len(), 2);
    let later = Settings { clock: || SystemTime::now() + Duration::from_hours(24 * 8), ..settings() };
    let node = lab.node_with(later);
    node.refresh().await.expect("asked");
    drop(node.obtain(&second).await);
    assert_eq!(lab.coordinator.asked("timestamp.json").len(), 4, "the first answer was over by then");
}

#[tokio::test]
async fn nodes_follow_the_operators_new_keys() {
    let mut lab = Lab::new().await;
    let bundle = lab.offer(1);
    lab.node().obtain(&bundle).await.expect("fetched");
    lab.operator.rotate();
    lab.operator.rotate();
    let second = lab.offer(2);
    let node = lab.node();
    node.obtain(&second).await.expect("fetched");
    let asked = lab.coordinator.asked("/v1/bundles/root.json").len();
    assert_eq!(asked, 1, "the root is given once; from then on it is a chain");
    lab.operator.rotate();
    let third = lab.offer(3);
    lab.node().obtain(&third).await.expect("fetched");
    assert_eq!(lab.coordinator.asked("2.root.json").len(), 2, "the newest root is the pinned one");
}

#[tokio::test]
async fn a_clock_that_steps_back_keeps_nobody_from_playing() {
    let mut lab = Lab::new().await;
    let bundle = lab.offer(1);
    lab.node().refresh().await.expect("asked");
    let note = lab.folder().join("metadata/latest_known_time.json");
    assert!(note.exists(), "tough keeps it there");
    std::fs::write(note, "\"2999-01-01T00:00:00Z\"").expect("written");
    lab.node().obtain(&bundle).await.expect("fetched");
}

#[tokio::test]
async fn what_an_earlier_run_left_is_cleaned_up() {
    let mut lab = Lab::new().await;
    let bundle = lab.offer(1);
    lab.node().obtain(&bundle).await.expect("fetched");
    std::fs::create_dir_all(lab.folder().join("linux-x86_64/.unfinished-1/files/npc")).expect("made");
    std::fs::write(lab.folder().join("0123.part"), "of a bundle that is not wanted any more").expect("written");
    let node = lab.node();
    assert_eq!(lab.versions(), ["1"]);
    let next = lab.offer(2);
    node.obtain(&next).await.expect("fetched");
    assert_eq!(names(&lab.folder()), ["linux-x86_64", "metadata", "root.json"]);
}

#[tokio::test]
async fn a_registered_node_asks_with_its_token_whom_it_trusts() {
    let mut lab = Lab::new().await;
    lab.coordinator = Coordinator::secure().await;
    lab.offer(1);
    let base = lab.coordinator.base.clone();
    let config = NodeConfig {
        coordinator: base.clone(),
        trust: Trust::Ca(lab.coordinator.ca.clone().expect("a CA")),
        state_dir: lab.state.path().into(),
        proof: None,
        name: "test".into(),
        limits: Limits::default(),
        engine: crate::config::EngineConfig::default(),
    };
    let node = |config: &NodeConfig| {
        let identity = Identity::open(config).expect("opened");
        Bundles::open(config, &identity).expect("opened")
    };
    let said = node(&config).refresh().await.expect_err("no token yet").to_string();
    assert_eq!(said, "the coordinator is busy: this host is not registered yet");
    let mut held = held(&base);
    held.credentials.token = coordinator::TOKEN.into();
    StateDir::open(&config.state_dir).expect("opened").save_credentials(&held).expect("saved");
    node(&config).refresh().await.expect("asked");
    assert!(lab.folder().join("root.json").exists());

    let stranger = NodeConfig { trust: Trust::Fingerprint([7; 32]), ..config };
    let error = node(&stranger).refresh().await.expect_err("another CA");
    assert!(matches!(error, BundleError::Unreachable(_)), "{error:?}");
}
