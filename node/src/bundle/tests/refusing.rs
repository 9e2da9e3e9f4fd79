//! What is refused, and the reason that is given.

use bifrost_protocol::bundle::{BundleInfo, Bytes as Size, MAX_FILES, MAX_UNPACKED, PathProblem};
use tar::EntryType;

use super::operator::{archive, info};
use super::*;

impl Lab {
    /// Why a new node does not take a bundle.
    async fn refused(&self, bundle: &BundleRef) -> BundleError {
        self.node().obtain(bundle).await.expect_err("refused")
    }

    /// Why an archive that the operator signed is not unpacked.
    async fn not_unpacked(info: BundleInfo, archive: &[u8]) -> BundleError {
        let mut lab = Self::new().await;
        let bundle = lab.operator.add_archive(info, archive);
        lab.publish();
        let error = lab.refused(&bundle).await;
        assert_eq!(lab.versions(), Vec::<String>::new(), "nothing is left of it: {error}");
        error
    }
}

#[tokio::test]
async fn a_tampered_byte_is_found() {
    let mut lab = Lab::new().await;
    let bundle = lab.offer_large(1, 50_000);
    let path = format!("/v1/bundles/targets/{}", bundle.target);
    lab.coordinator.change(&path, |bytes| bytes[30_000] ^= 1);
    let error = lab.refused(&bundle).await;
    assert_eq!(
        error.to_string(),
        "the bundle is damaged: its bytes are not those that were signed; it will be fetched again"
    );
    assert!(error.is_passing());
    assert_eq!(names(&lab.folder()), ["metadata", "root.json"], "nothing is left of it");
    lab.coordinator.change(&path, |bytes| bytes[30_000] ^= 1);
    lab.node().obtain(&bundle).await.expect("from the beginning");
}

#[tokio::test]
async fn a_truncated_or_longer_bundle_is_found() {
    let mut lab = Lab::new().await;
    let bundle = lab.offer_large(1, 50_000);
    let path = format!("/v1/bundles/targets/{}", bundle.target);
    lab.coordinator.change(&path, |bytes| bytes.truncate(30_000));
    let said = lab.refused(&bundle).await.to_string();
    assert_eq!(said, "the bundle is damaged: there is less of it than was signed for; it will be fetched again");
    lab.coordinator.change(&path, |bytes| bytes.resize(80_000, 0));
    let said = lab.refused(&bundle).await.to_string();
    assert!(said.contains("instead of bytes 30000-") || said.contains("more of it than was signed for"), "{said}");
    assert!(lab.versions().is_empty());
}

#[tokio::test]
async fn expired_metadata_are_refused() {
    let mut lab = Lab::new().await;
    let bundle = lab.offer(1);
    lab.coordinator.serve(lab.operator.publish(SystemTime::now() - Duration::from_hours(24 * 8)));
    let error = lab.refused(&bundle).await;
    assert!(matches!(&error, BundleError::Expired(role) if role == "timestamp"), "{error:?}");
    assert!(error.to_string().contains("clock"), "{error}");
    lab.publish();
    lab.node().obtain(&bundle).await.expect("signed again");
}

#[tokio::test]
async fn older_metadata_than_before_are_refused() {
    let mut lab = Lab::new().await;
    let first = lab.offer(1);
    let old = lab.operator.publish(SystemTime::now());
    let second = lab.offer(2);
    lab.node().obtain(&second).await.expect("fetched");
    lab.coordinator.serve(old);
    let error = lab.refused(&first).await;
    assert!(matches!(error, BundleError::Older(_)), "{error:?}");
    assert!(error.to_string().contains("bundle renew"), "{error}");
}

#[tokio::test]
async fn older_metadata_are_refused_after_the_keys_were_changed_too() {
    let mut lab = Lab::new().await;
    let first = lab.offer(1);
    lab.node().obtain(&first).await.expect("fetched");
    lab.operator.rotate();
    lab.publish();
    let old = lab.operator.publish(SystemTime::now());
    let second = lab.offer(2);
    lab.node().obtain(&second).await.expect("fetched");
    lab.coordinator.serve(old);
    let error = lab.refused(&first).await;
    assert!(matches!(error, BundleError::Older(_)), "{error:?}");
}

#[tokio::test]
async fn another_operators_bundles_are_refused() {
    let mut lab = Lab::new().await;
    let bundle = lab.offer(1);
    lab.node().obtain(&bundle).await.expect("fetched");
    lab.operator = Operator::new();
    lab.operator.version = 10;
    let bundle = lab.offer(2);
    let error = lab.refused(&bundle).await;
    assert!(matches!(&error, BundleError::Untrusted { pinned, .. } if pinned.ends_with("root.json")), "{error:?}");
    assert!(error.to_string().contains("delete"), "{error}");
    std::fs::remove_file(lab.folder().join("root.json")).expect("removed");
    lab.node().obtain(&bundle).await.expect("trusted anew");
}

#[tokio::test]
async fn a_root_that_does_not_fit_its_metadata_is_not_pinned() {
    let mut lab = Lab::new().await;
    let bundle = lab.offer(1);
    let mut served = lab.operator.publish(SystemTime::now());
    let root = Operator::new().publish(SystemTime::now()).remove("/v1/bundles/root.json").expect("a root");
    served.insert("/v1/bundles/root.json".into(), root);
    lab.coordinator.serve(served);
    let error = lab.refused(&bundle).await;
    assert!(matches!(error, BundleError::Untrusted { .. }), "{error:?}");
    assert!(!lab.folder().join("root.json").exists());
    lab.publish();
    lab.node().obtain(&bundle).await.expect("the right one");
}

#[tokio::test]
async fn metadata_that_were_changed_on_the_way_are_refused() {
    for name in ["timestamp.json", "2.snapshot.json", "2.targets.json"] {
        let mut lab = Lab::new().await;
        let bundle = lab.offer(1);
        lab.publish();
        lab.coordinator.change(&format!("/v1/bundles/metadata/{name}"), |bytes| {
            let text = String::from_utf8(bytes.clone()).expect("text");
            *bytes = text.replace("\"version\": 2", "\"version\": 3").into_bytes();
        });
        let error = lab.refused(&bundle).await;
        assert!(matches!(error, BundleError::Untrusted { .. }), "{name}: {error:?}");
    }
}

#[tokio::test]
async fn a_bundle_for_another_machine_is_refused_with_both_names() {
    let mut lab = Lab::new().await;
    let bundle = lab.operator.add_archive(BundleInfo { abi: "windows-x86_64".into(), ..info(1, &FILES) }, &[]);
    lab.publish();
    let said = lab.refused(&bundle).await.to_string();
    assert_eq!(said, "the bundle is for windows-x86_64, this machine is linux-x86_64");
    assert!(lab.coordinator.asked("").is_empty(), "nobody is asked for it");
    let nowhere = Settings { machine: None, ..settings() };
    let linux = lab.offer(2);
    let said = lab.node_with(nowhere).obtain(&linux).await.expect_err("refused").to_string();
    assert!(said.starts_with("the bundle is for linux-x86_64, this machine is "), "{said}");
}

#[tokio::test]
async fn what_is_assigned_has_to_be_what_was_signed() {
    let mut lab = Lab::new().await;
    let bundle = lab.offer(1);
    let mut other = bundle.clone();
    other.build.as_mut().expect("a build").renewal = true;
    let said = lab.refused(&other).await.to_string();
    let expected = "bundle linux-x86_64/1.tar.zst is version 1 for linux-x86_64, PACKETVER 20211103, pre-renewal, \
        not version 1 for linux-x86_64, PACKETVER 20211103, renewal";
    assert_eq!(said, expected);
    let said = lab.refused(&BundleRef { version: 2, ..bundle.clone() }).await.to_string();
    assert!(said.contains("is version 1") && said.contains("not version 2"), "{said}");
    let nowhere = BundleRef { target: "linux-x86_64/../../x".into(), ..bundle };
    assert!(matches!(lab.refused(&nowhere).await, BundleError::Machine { .. } | BundleError::Unknown(_)));
}

#[tokio::test]
async fn a_bundle_that_was_taken_away_is_not_to_be_had() {
    let mut lab = Lab::new().await;
    let bundle = lab.offer(1);
    lab.node().obtain(&bundle).await.expect("fetched");
    lab.operator.remove(&bundle);
    lab.publish();
    let said = lab.refused(&bundle).await.to_string();
    assert_eq!(said, "the coordinator does not offer bundle linux-x86_64/1.tar.zst");
}

#[tokio::test]
async fn a_coordinator_without_bundles_says_so() {
    let mut lab = Lab::new().await;
    let bundle = lab.offer(1);
    lab.coordinator.serve(operator::Served::new());
    let said = lab.refused(&bundle).await.to_string();
    assert_eq!(said, "the coordinator does not offer bundle of any kind: its operator has not added one yet");
}

#[tokio::test]
async fn refusals_of_the_coordinator_are_told_and_overload_passes() {
    let mut lab = Lab::new().await;
    let bundle = lab.offer(1);
    for (status, code, passing) in [
        (403, "revoked", false),
        (401, "token_expired", true),
        (429, "too_many_requests", true),
        (503, "unavailable", true),
    ] {
        lab.coordinator.refuse(status, code);
        let error = lab.refused(&bundle).await;
        assert_eq!(error.is_passing(), passing, "{error}");
        assert!(error.to_string().contains(code), "{error}");
    }
    let node = lab.node();
    node.refresh().await.expect("asked");
    lab.coordinator.refuse(503, "unavailable");
    lab.coordinator.refuse(429, "too_many_requests");
    node.obtain(&bundle).await.expect("tried again");
    assert_eq!(lab.coordinator.asked("/targets/").len(), 3);
}

#[tokio::test]
async fn a_coordinator_that_is_away_is_said_to_be() {
    let mut lab = Lab::new().await;
    let bundle = lab.offer(1);
    lab.node().refresh().await.expect("asked");
    let access = lab.coordinator.access();
    lab.coordinator = Coordinator::new().await;
    let node = Bundles::with(lab.state.path(), access, settings()).expect("opened");
    let error = node.obtain(&bundle).await.expect_err("nobody there");
    assert!(matches!(error, BundleError::Unreachable(_)) && error.is_passing(), "{error:?}");
}

#[tokio::test]
async fn a_file_that_leads_out_of_its_folder_is_not_unpacked() {
    let file = [("x", &b"evil"[..])];
    for (path, problem) in [
        (&b"../../evil"[..], PathProblem::Dots),
        (b"/etc/evil", PathProblem::Form),
        (b"a/../../evil", PathProblem::Dots),
        (b"C:\\evil", PathProblem::Character),
        (b"..\\evil", PathProblem::Character),
        (b"npc/evil.txt:stream", PathProblem::Character),
        (b"nul", PathProblem::Reserved),
    ] {
        let error = Lab::not_unpacked(info(1, &file), &archive(&[(path, EntryType::Regular, b"evil")])).await;
        assert!(
            matches!(&error, BundleError::Unsafe { problem: UnsafeEntry::Path(found), .. } if *found == problem),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn links_devices_and_extensions_are_not_unpacked() {
    let file = [("x", &b""[..])];
    for kind in [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Directory,
        EntryType::Fifo,
        EntryType::Char,
        EntryType::GNULongName,
        EntryType::XHeader,
        EntryType::GNUSparse,
    ] {
        let error = Lab::not_unpacked(info(1, &file), &archive(&[(b"passwd", kind, b"")])).await;
        assert!(matches!(error, BundleError::Unsafe { problem: UnsafeEntry::Kind, .. }), "{kind:?}: {error:?}");
    }
}

#[tokio::test]
async fn more_than_was_signed_for_is_not_unpacked() {
    let one = [("a", &b"12345"[..])];
    let entry = |path: &'static [u8]| (path, EntryType::Regular, &b"12345"[..]);
    let two = archive(&[entry(b"a"), entry(b"b")]);
    for few in [info(1, &one), BundleInfo { files: 2, ..info(1, &one) }, BundleInfo { unpacked: 10, ..info(1, &one) }] {
        let error = Lab::not_unpacked(few, &two).await;
        assert!(matches!(error, BundleError::Unsafe { problem: UnsafeEntry::TooMuch, .. }), "{error:?}");
    }
    let twice = archive(&[entry(b"a"), entry(b"a")]);
    let error = Lab::not_unpacked(BundleInfo { files: 2, unpacked: 10, ..info(1, &one) }, &twice).await;
    assert!(matches!(error, BundleError::Unsafe { problem: UnsafeEntry::Twice, .. }), "{error:?}");
    let error = Lab::not_unpacked(BundleInfo { files: 3, ..info(1, &one) }, &archive(&[entry(b"a")])).await;
    assert!(matches!(error, BundleError::Damaged(_)), "{error:?}");
    for garbage in [&b"not zstd"[..], &zstd::encode_all(&b"not a tar"[..], 1).expect("packed"), &two[..two.len() / 2]] {
        let error = Lab::not_unpacked(info(1, &one), garbage).await;
        assert!(matches!(error, BundleError::Damaged(_) | BundleError::Unsafe { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_bomb_is_cut_off_at_what_was_signed_for() {
    let bomb = zstd::encode_all(std::io::Read::take(std::io::repeat(0), 64 << 20), 1).expect("packed");
    assert!(bomb.len() < 100_000);
    let error = Lab::not_unpacked(info(1, &[("a", b"12345")]), &bomb).await;
    assert!(matches!(error, BundleError::Damaged(_)), "{error:?}");
}

#[tokio::test]
async fn a_full_disk_is_said_before_the_first_byte() {
    let mut lab = Lab::new().await;
    let bundle = lab.offer(1);
    let full = Settings { free: |_| Ok(RESERVE), ..settings() };
    let error = lab.node_with(full).obtain(&bundle).await.expect_err("refused");
    assert!(matches!(error, BundleError::DiskFull { free: RESERVE, .. }) && !error.is_passing(), "{error:?}");
    let said = error.to_string();
    assert!(
        said.starts_with("the bundle needs 268.4 MB of free disk space in ") && said.ends_with("268.4 MB are free"),
        "{said}"
    );
    assert!(lab.coordinator.asked("/targets/").is_empty());
}

#[tokio::test]
async fn a_bundle_over_the_limit_is_refused_before_the_first_byte() {
    let mut lab = Lab::new().await;
    let bundle = lab.offer_large(1, 10_000);
    let small = Settings { limit: 9_999, ..settings() };
    let said = lab.node_with(small).obtain(&bundle).await.expect_err("refused").to_string();
    assert_eq!(said, "the bundle needs 10.0 kB, more than the 9.9 kB a bundle may have here");
    let huge = lab.operator.add_archive(BundleInfo { unpacked: MAX_UNPACKED + 1, ..info(2, &FILES) }, &[]);
    lab.publish();
    let said = lab.refused(&huge).await.to_string();
    assert!(said.contains(&format!("more than the {}", Size(MAX_UNPACKED))), "{said}");
    let many = lab.operator.add_archive(BundleInfo { files: MAX_FILES + 1, ..info(3, &FILES) }, &[]);
    lab.publish();
    assert!(matches!(lab.refused(&many).await, BundleError::TooManyFiles(_)));
    assert!(lab.coordinator.asked("/targets/").is_empty());
}
