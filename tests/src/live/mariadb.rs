//! A MariaDB of this run's own.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::harness::{Process, Program, eventually};

/// How long an empty server may take to start.
const START_LIMIT: Duration = Duration::from_secs(30);

/// rAthena's default: database, user and password.
pub(super) const NAME: &str = "ragnarok";

/// User and password of the coordinator for what it relays.
const RELAY: &str = "relay";

/// rAthena's tables, in the order they build on each other.
const SCHEMA: [&str; 4] = ["main.sql", "logs.sql", "web.sql", "roulette_default_data.sql"];

/// A running server with rAthena's tables.
#[derive(Debug)]
pub(super) struct Database {
    _process: Process,
    socket: PathBuf,
    port: u16,
}

impl Database {
    /// Starts one in `folder`.
    ///
    /// # Errors
    /// It does not start, or does not like rAthena's files.
    pub(super) async fn start(folder: &Path, rathena: &Path) -> Result<Self> {
        let data = folder.join("data");
        let socket = folder.join("socket");
        let as_root = rustix::process::geteuid().is_root().then_some("--user=root");
        let installed = Command::new("mariadb-install-db")
            .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
            .args(as_root)
            .arg(format!("--datadir={}", data.display()))
            .stdin(Stdio::null())
            .output()
            .await
            .context("mariadb-install-db (Debian: mariadb-server-core)")?;
        if !installed.status.success() {
            bail!("mariadb-install-db: {}", String::from_utf8_lossy(&installed.stderr));
        }
        let port = free_port()?;
        let mut arguments = vec![
            "--no-defaults".to_owned(),
            format!("--datadir={}", data.display()),
            format!("--socket={}", socket.display()),
            format!("--pid-file={}", folder.join("pid").display()),
            format!("--port={port}"),
        ];
        arguments.extend(as_root.map(str::to_owned));
        let fixed = ["--bind-address=127.0.0.1", "--skip-log-bin", "--innodb-flush-log-at-trx-commit=0"];
        arguments.extend(fixed.map(str::to_owned));
        let mut process = Process::start("mariadb", "mariadbd".as_ref(), arguments, [], folder)?;
        let up = eventually("MariaDB", START_LIMIT, async || {
            if !process.is_running() {
                bail!("it has ended:\n{}", process.log_end());
            }
            let answered = Self::client(&socket, "").args(["-e", "select 1"]).output().await?;
            Ok(answered.status.success().then_some(()))
        });
        up.await?;
        let database = Self { _process: process, socket, port };
        database.lay_out(rathena).await?;
        Ok(database)
    }

    async fn lay_out(&self, rathena: &Path) -> Result<()> {
        let mut users = format!("create database {NAME};");
        for host in ["127.0.0.1", "localhost"] {
            users += &format!(
                "create user {NAME}@'{host}' identified by '{NAME}'; grant all on {NAME}.* to {NAME}@'{host}';"
            );
        }
        self.ask("", &users).await?;
        for file in SCHEMA {
            let path = rathena.join("sql-files").join(file);
            let script = std::fs::File::open(&path).with_context(|| format!("opening {}", path.display()))?;
            let done = Self::client(&self.socket, NAME).stdin(Stdio::from(script)).output().await?;
            if !done.status.success() {
                bail!("{}: {}", path.display(), String::from_utf8_lossy(&done.stderr));
            }
        }
        self.prepare_relay().await
    }

    /// Tables for hosts' rows, and a user for the coordinator who may do no more than its policy says.
    async fn prepare_relay(&self) -> Result<()> {
        let user = format!("{RELAY}@'127.0.0.1'");
        self.ask("", &format!("create user {user} identified by '{RELAY}'")).await?;
        let tables = Command::new(Program::Coordinator.path()?)
            .args(["sql", "tables", "--database", NAME, "--user", &user])
            .stdin(Stdio::null())
            .output()
            .await?;
        if !tables.status.success() {
            bail!("bifrost-coordinator sql tables: {}", String::from_utf8_lossy(&tables.stderr));
        }
        self.ask(NAME, &String::from_utf8_lossy(&tables.stdout)).await.map(drop)
    }

    /// Where the coordinator relays hosts' SQL to.
    pub(super) fn relay_url(&self) -> String {
        format!("mysql://{RELAY}:{RELAY}@127.0.0.1:{}/{NAME}", self.port)
    }

    /// The rows that answer a query on rAthena's tables, none for other statements.
    ///
    /// # Errors
    /// The server does not like it.
    pub(super) async fn rows(&self, query: &str) -> Result<Vec<Vec<String>>> {
        let text = self.ask(NAME, query).await?;
        Ok(text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
    }

    async fn ask(&self, database: &str, query: &str) -> Result<String> {
        let answer = Self::client(&self.socket, database).args(["-e", query]).stdin(Stdio::null()).output().await?;
        if !answer.status.success() {
            bail!("{query}: {}", String::from_utf8_lossy(&answer.stderr));
        }
        Ok(String::from_utf8_lossy(&answer.stdout).into_owned())
    }

    fn client(socket: &Path, database: &str) -> Command {
        let mut command = Command::new("mariadb");
        command.args(["--no-defaults", "--batch", "--skip-column-names", "--user=root"]);
        command.arg("--socket").arg(socket).args((!database.is_empty()).then_some(database));
        command
    }

    /// Where it listens on loopback.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// As the coordinator is told of it.
    pub(super) fn url(&self) -> String {
        format!("mysql://{NAME}:{NAME}@127.0.0.1:{}/{NAME}", self.port)
    }
}

/// A port on loopback that nobody has at the moment, for programs that cannot choose one and tell.
///
/// # Errors
/// There is none.
pub(super) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).context("a free port")?;
    Ok(listener.local_addr()?.port())
}
