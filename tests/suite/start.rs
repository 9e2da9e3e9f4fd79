//! How the coordinator starts, and how it says that it cannot.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bifrost_tests::harness::{Folder, Process, Program, Settings, eventually};

use crate::scenario::bare;

/// `EX_USAGE`: what every program of ours exits with on a bad configuration.
const BAD_CONFIGURATION: i32 = 64;

const LIMIT: Duration = Duration::from_secs(20);

fn start(folder: &Path, text: &str) -> Result<Process> {
    let file = folder.join("coordinator.toml");
    std::fs::write(&file, text)?;
    let arguments = ["run".as_ref(), "--config".as_ref(), file.as_os_str()];
    Process::start("coordinator", &Program::Coordinator.path()?, arguments, [], folder)
}

/// Starts a coordinator that cannot run; returns its exit code and what it said.
async fn refused(folder: &Folder, text: &str) -> Result<(Option<i32>, String)> {
    let mut process = start(folder.path(), text)?;
    let status = process.ended(LIMIT).await?;
    Ok((status.code(), process.log_text()))
}

#[tokio::test]
async fn a_bad_configuration_is_told_with_file_line_and_key() {
    for (text, expected) in [
        ("[relay]\nmax_connections = \"many\"\n", &["coordinator.toml", "2", "max_connections"][..]),
        ("[link]\nbeat_ms = 250\nbeet_ms = 1\n", &["coordinator.toml", "3", "beet_ms"]),
        ("[http]\nlisten = \"nowhere\"\n", &["coordinator.toml", "2", "listen"]),
        ("data_dir = \n", &["coordinator.toml", "1"]),
    ] {
        let folder = Folder::new().expect("a folder");
        let (code, said) = refused(&folder, text).await.expect("it ends");
        assert_eq!(code, Some(BAD_CONFIGURATION), "{text:?}: {said}");
        for part in expected {
            assert!(said.contains(part), "{text:?}: {part:?} is missing in: {said}");
        }
    }
}

#[tokio::test]
async fn a_missing_configuration_file_is_told() {
    let folder = Folder::new().expect("a folder");
    let arguments = ["run", "--config", "nowhere.toml"];
    let program = Program::Coordinator.path().expect("built");
    let mut process = Process::start("coordinator", &program, arguments, [], folder.path()).expect("starts");
    let status = process.ended(LIMIT).await.expect("it ends");
    assert_eq!(status.code(), Some(BAD_CONFIGURATION), "{}", process.log_text());
    assert!(process.log_text().contains("nowhere.toml"), "{}", process.log_text());
}

#[tokio::test]
async fn a_port_in_use_is_told_with_its_address() {
    for key in ["http.listen", "relay.listen", "realm.login_listen", "realm.char_listen"] {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address: SocketAddr = taken.local_addr().expect("bound");
        let folder = Folder::new().expect("a folder");
        let mut settings = Settings::default();
        settings.set("data_dir", folder.path().join("data").display().to_string()).set(key, address.to_string());
        let (code, said) = refused(&folder, &settings.to_text()).await.expect("it ends");
        assert!(code.is_some_and(|code| code != 0), "{key}: {code:?}");
        assert!(said.contains(&address.to_string()), "{key}: {address} is missing in: {said}");
    }
}

#[tokio::test]
async fn sigterm_ends_a_coordinator_in_order() {
    bare(Settings::default(), async |realm| {
        realm.coordinator.terminate()?;
        let status = realm.coordinator.ended(LIMIT).await?;
        ensure!(status.success(), "{status}: {}", realm.coordinator.log_end());
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn health_metrics_and_openapi_are_served() {
    bare(Settings::default(), async |realm| {
        realm.status.text("/livez").await?;
        eventually("readiness", LIMIT, async || Ok(realm.status.text("/readyz").await.ok())).await?;
        let metrics = realm.status.text("/metrics").await?;
        ensure!(metrics.contains("bifrost_"), "{metrics}");
        let openapi: serde_json::Value = serde_json::from_str(&realm.status.text("/openapi.json").await?)?;
        for path in ["/v1/hosts", "/v1/hosts/renew", "/v1/status", "/livez", "/readyz"] {
            ensure!(openapi["paths"].get(path).is_some(), "{path} is missing");
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_unreachable_database_is_waited_for_and_told() {
    // A port that nobody listens on: bound a moment ago, and let go.
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let folder = Folder::new().expect("a folder");
    let mut settings = Settings::default();
    settings
        .set("data_dir", folder.path().join("data").display().to_string())
        .set("store.url", format!("mysql://bifrost:secret-word@{address}/bifrost"));
    let result: Result<()> = async {
        let mut process = start(folder.path(), &settings.to_text())?;
        eventually("a word about the database", LIMIT, async || {
            Ok(process.log_text().contains("database").then_some(()))
        })
        .await
        .with_context(|| process.log_text())?;
        ensure!(process.is_running(), "it gave up: {}", process.log_end());
        ensure!(!process.log_text().contains("secret-word"), "it tells the password");
        process.terminate()?;
        process.ended(LIMIT).await?;
        Ok(())
    }
    .await;
    result.expect("waits for the database");
}
