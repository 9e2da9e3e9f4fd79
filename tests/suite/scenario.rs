//! What the tests with real processes have in common.

use std::time::Duration;

use anyhow::{Context, Result};
use bifrost_tests::atlas::Atlas;
use bifrost_tests::harness::{Realm, Settings};

/// The longest any of them may take: a wait that nobody limited ends here.
const LIMIT: Duration = Duration::from_secs(150);

/// How long a walk to another map may take.
pub(crate) const JOURNEY: Duration = Duration::from_secs(60);

/// Runs a test on a realm with a fallback node and this many player nodes, their groups spread. Logs are kept when it fails.
pub(crate) async fn scenario(hosts: usize, test: impl AsyncFnOnce(&mut Realm) -> Result<()>) {
    scenario_with(Settings::default(), hosts, test).await;
}

/// As [`scenario`], with settings of its own.
pub(crate) async fn scenario_with(settings: Settings, hosts: usize, test: impl AsyncFnOnce(&mut Realm) -> Result<()>) {
    let mut realm = Realm::with_hosts(settings, hosts).await.unwrap_or_else(|error| panic!("{error:#}"));
    run(&mut realm, test).await;
}

/// Runs a test on a coordinator without nodes.
pub(crate) async fn bare(settings: Settings, test: impl AsyncFnOnce(&mut Realm) -> Result<()>) {
    let mut realm = Realm::start(settings).await.unwrap_or_else(|error| panic!("{error:#}"));
    run(&mut realm, test).await;
}

async fn run(realm: &mut Realm, test: impl AsyncFnOnce(&mut Realm) -> Result<()>) {
    let result = tokio::time::timeout(LIMIT, test(realm)).await.context("the test took too long").flatten();
    if let Err(error) = result {
        realm.folder().keep();
        panic!("{error:#}\nlogs of this test: {}", realm.folder().path().display());
    }
}

pub(crate) fn atlas() -> Atlas {
    Atlas::builtin().expect("the built-in maps")
}
