//! The demo itself, as a newcomer runs it.

use std::time::Duration;

use bifrost_tests::harness::{Folder, Process};

/// Log in, walk to four maps, be interrupted, play on.
const LIMIT: Duration = Duration::from_secs(150);

#[tokio::test]
async fn the_demo_holds_and_prints_what_it_promises() {
    let folder = Folder::new().expect("a folder");
    let arguments = ["--json", "--players", "6"];
    let program = env!("CARGO_BIN_EXE_demo");
    let mut demo = Process::start("demo", program.as_ref(), arguments, [], folder.path()).expect("starts");
    let status = demo.ended(LIMIT).await.expect("ends");
    let log = demo.log_text();
    assert!(status.success(), "{status}: {log}");
    let line = log.lines().find(|line| line.starts_with('{')).unwrap_or_else(|| panic!("no JSON in {log}"));
    let outcome: serde_json::Value = serde_json::from_str(line).expect("JSON");
    for (key, expected) in [("players", 6), ("dropped", 0), ("relogins", 0)] {
        assert_eq!(outcome[key], expected, "{key}: {line}");
    }
    for key in ["p50", "p99", "max"] {
        assert!(outcome["gap_ms"][key].as_f64().is_some_and(|ms| ms > 0.0), "{line}");
        assert!(outcome["redirect_ms"][key].as_f64().is_some_and(|ms| ms > 0.0), "{line}");
    }
    let steps: Vec<_> = outcome["steps"].as_array().expect("steps").iter().map(|step| step["name"].as_str()).collect();
    let names = ["detect", "transition", "notify", "redirect", "sync", "verify"];
    assert_eq!(steps, names.map(Some));
    let moved = |group: &&serde_json::Value| group["before"] != group["after"];
    assert!(outcome["groups"].as_array().expect("groups").iter().any(|group| moved(&group)), "{line}");
}
