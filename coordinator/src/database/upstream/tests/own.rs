//! A MariaDB of the test's own: encrypted, killed, and started again.

use std::net::TcpListener as StdListener;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Stdio;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::fake::ask;
use crate::database::upstream::connection::Connection;
use crate::database::upstream::*;

/// How long a server may take to listen.
const START: Duration = Duration::from_secs(60);
/// What the server is told at its first start, a line each.
const INIT: &str = "CREATE DATABASE ragnarok;
CREATE TABLE ragnarok.fleet_mapreg (map_group VARCHAR(64), value TEXT);
CREATE TABLE ragnarok.party_bookings (world_name VARCHAR(32), account_id INT);
CREATE USER relay IDENTIFIED BY 'secret' REQUIRE SSL;
GRANT ALL ON ragnarok.* TO relay;
";

pub(super) struct Own {
    folder: TempDir,
    pub(super) server: Child,
    pub(super) config: UpstreamConfig,
}

impl Own {
    /// `None` where there is no MariaDB to start.
    pub(super) async fn start() -> Option<Self> {
        let folder = TempDir::new().expect("a folder");
        certificates(folder.path());
        let data = format!("--datadir={}", folder.path().join("data").display());
        let made = Command::new("mariadb-install-db")
            .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", &data])
            .args(as_root(folder.path()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .await;
        if !made.is_ok_and(|status| status.success()) {
            return None;
        }
        std::fs::write(folder.path().join("init.sql"), INIT).expect("written");
        let free = StdListener::bind("127.0.0.1:0").expect("a port");
        let address = free.local_addr().expect("an address").to_string();
        drop(free);
        let server = serve(folder.path(), &address, true)?;
        let config = UpstreamConfig {
            address,
            user: "relay".into(),
            password: Secret::new("secret".into()),
            database: "ragnarok".into(),
            connections: 2,
            tls: Tls::Verified(folder.path().join("ca.pem")),
            statement_timeout: Duration::from_secs(2),
        };
        let own = Self { folder, server, config };
        own.until_up().await;
        Some(own)
    }

    pub(super) async fn until_up(&self) {
        let started = std::time::Instant::now();
        while let Err(error) = Connection::open(&self.config).await {
            assert!(started.elapsed() < START, "{error}: {}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Starts it again after it was killed.
    pub(super) async fn again(&mut self) {
        self.server = serve(self.folder.path(), &self.config.address, false).expect("started");
        self.until_up().await;
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// A CA and a server's certificate that it signed.
pub(super) fn certificates(folder: &Path) {
    let write = |name: &str, text: String| std::fs::write(folder.join(name), text).expect("written");
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::new()).expect("names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    write("ca.pem", params.self_signed(&key).expect("a certificate").pem());
    let ca = Issuer::new(params, key);
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
    write("server.pem", params.signed_by(&key, &ca).expect("a certificate").pem());
    write("server.key", key.serialize_pem());
}

/// MariaDB runs as root only when it is told so.
fn as_root(folder: &Path) -> Option<&'static str> {
    std::fs::metadata(folder).is_ok_and(|about| about.uid() == 0).then_some("--user=root")
}

fn serve(folder: &Path, address: &str, first: bool) -> Option<Child> {
    let path = |name: &str| folder.join(name).display().to_string();
    let (_, port) = address.split_once(':')?;
    let mut command = Command::new("mariadbd");
    command.args(["--no-defaults", "--skip-log-bin", "--bind-address=127.0.0.1"]).args(as_root(folder));
    command.args(["--innodb-buffer-pool-size=16M", &format!("--port={port}")]);
    command.args([format!("--datadir={}", path("data")), format!("--socket={}", path("socket"))]);
    command.args([format!("--pid-file={}", path("pid")), format!("--log-error={}", path("log"))]);
    command.args([format!("--ssl-cert={}", path("server.pem")), format!("--ssl-key={}", path("server.key"))]);
    if first {
        command.arg(format!("--init-file={}", path("init.sql")));
    }
    command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn().ok()
}

#[tokio::test]
async fn a_real_database_is_spoken_to_encrypted_and_is_there_again_when_it_has_been_killed() {
    if std::env::var_os("BIFROST_TEST_MYSQL").is_none() {
        return;
    }
    let Some(mut own) = Own::start().await else { return };
    let open = UpstreamConfig { tls: Tls::Off, ..own.config.clone() };
    assert!(Connection::open(&open).await.is_err(), "the user may not come in the open");
    let other = TempDir::new().expect("a folder");
    certificates(other.path());
    let stranger = UpstreamConfig { tls: Tls::Verified(other.path().join("ca.pem")), ..own.config.clone() };
    let error = Connection::open(&stranger).await.expect_err("another CA").to_string();
    assert!(error.contains("certificate"), "{error}");

    let upstream = Upstream::new(own.config.clone());
    assert!(ask(&upstream).await.is_ok_and(|answer| answer.error.is_none()) && upstream.answers().await);
    own.server.kill().await.expect("killed");
    assert!(ask(&upstream).await.is_err() && !upstream.answers().await);
    own.again().await;
    let started = std::time::Instant::now();
    // It is not asked again at once.
    while ask(&upstream).await.is_err() {
        assert!(started.elapsed() < Duration::from_secs(10), "{}", own.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(upstream.is_up());
    own.server.kill().await.expect("killed");
}
