//! The operator's stock servers: login, char, and the map-server of the cities.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::ground::CITY;
use super::mariadb::{Database, free_port};
use crate::harness::{Process, eventually};

/// How long a server may take to start: the map-server reads all its scripts.
const START_LIMIT: Duration = Duration::from_secs(90);

/// Between map-servers and the char-server (`char_athena.conf`).
pub(super) const SERVER_USER: &str = "s1";
/// As above.
pub(super) const SERVER_PASSWORD: &str = "p1";

/// The running servers. The map-server first, so that it ends first.
#[derive(Debug)]
pub(super) struct Servers {
    _city: Process,
    _char_server: Process,
    _login: Process,
    /// Where clients log in.
    pub(super) login: SocketAddr,
    /// Where map-servers and clients find the char-server.
    pub(super) char_server: SocketAddr,
    /// The city's map-server itself, which clients reach by its public address.
    pub(super) city: SocketAddr,
}

impl Servers {
    /// Starts them in `folder`; clients will be sent to `public` for the cities.
    ///
    /// # Errors
    /// One does not start; the error has the end of its log.
    pub(super) async fn start(folder: &Path, rathena: &Path, sql: &Database, public: SocketAddr) -> Result<Self> {
        let (login, char_server) = (local(free_port()?), local(free_port()?));
        // The map-server tells its own port; only its address can be another.
        let city = local(public.port());
        let home = run_folder(&folder.join("realm"), rathena, sql)?;
        append(&home, "login_conf.txt", &format!("bind_ip: 127.0.0.1\nlogin_port: {}\n", login.port()))?;
        append(
            &home,
            "char_conf.txt",
            &format!(
                "bind_ip: 127.0.0.1\nchar_ip: 127.0.0.1\nchar_port: {}\nlogin_ip: 127.0.0.1\nlogin_port: {}\n\
                 pincode_enabled: no\nuserid: {SERVER_USER}\npasswd: {SERVER_PASSWORD}\n",
                char_server.port(),
                login.port()
            ),
        )?;
        let login_process = server("login-server", &home, "is ready").await?;
        let char_process = server("char-server", &home, "is ready").await?;
        let home = run_folder(&folder.join("city"), rathena, sql)?;
        let maps: String = CITY.iter().map(|map| format!("map: {map}\n")).collect();
        fs::write(home.join("conf/maps_athena.conf"), maps)?;
        append(
            &home,
            "map_conf.txt",
            &format!(
                "userid: {SERVER_USER}\npasswd: {SERVER_PASSWORD}\nchar_ip: 127.0.0.1\nchar_port: {}\nmap_ip: {}\n\
                 map_port: {}\nbind_ip: 127.0.0.1\n",
                char_server.port(),
                public.ip(),
                public.port()
            ),
        )?;
        // Everything that changes hands in the city is written down.
        append(&home, "log_conf.txt", "log_filter: 1\nlog_zeny: 1\nsql_logs: yes\nenable_logs: 0xFFFFFFFF\n")?;
        let city_process = server("map-server", &home, "Map Server is now online").await?;
        Ok(Self { _city: city_process, _char_server: char_process, _login: login_process, login, char_server, city })
    }
}

/// Starts a server and waits until it says that it is there.
async fn server(name: &str, home: &Path, says: &str) -> Result<Process> {
    // Named with its folder: the servers change to the one their name has.
    let mut process = Process::start(name, &Path::new(".").join(name), std::iter::empty::<&str>(), [], home)?;
    let up = eventually(name, START_LIMIT, async || {
        if !process.is_running() {
            bail!("it has ended");
        }
        Ok(process.log_text().contains(says).then_some(()))
    });
    let up = up.await;
    up.with_context(|| format!("the log of {name} ends with:\n{}", process.log_end()))?;
    Ok(process)
}

/// A folder to run servers in: the operator's files, with settings of our own in `conf/import`.
fn run_folder(folder: &Path, rathena: &Path, sql: &Database) -> Result<PathBuf> {
    fs::create_dir_all(folder.join("log"))?;
    for name in ["db", "npc", "login-server", "char-server", "map-server"] {
        std::os::unix::fs::symlink(rathena.join(name), folder.join(name)).with_context(|| name.to_owned())?;
    }
    copy(&rathena.join("conf"), &folder.join("conf"))?;
    let import = folder.join("conf/import");
    if import.exists() {
        fs::remove_dir_all(&import)?;
    }
    copy(&rathena.join("conf/import-tmpl"), &import)?;
    // Clients come from loopback here and have to be told addresses as they are; there are many at one address.
    fs::write(folder.join("conf/subnet_athena.conf"), "")?;
    append(folder, "packet_conf.txt", "enable_ip_rules: no\n")?;
    let ports: String = ["login_server", "ipban_db", "char_server", "map_server", "web_server", "log_db"]
        .iter()
        .map(|key| format!("{key}_port: {}\n", sql.port()))
        .collect();
    append(folder, "inter_conf.txt", &ports)?;
    Ok(folder.to_owned())
}

fn append(home: &Path, file: &str, text: &str) -> Result<()> {
    let path = home.join("conf/import").join(file);
    let opened = OpenOptions::new().create(true).append(true).open(&path);
    let mut opened = opened.with_context(|| format!("opening {}", path.display()))?;
    Ok(opened.write_all(format!("\n{text}").as_bytes())?)
}

/// Copies a folder with all that is in it.
pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    let entries = fs::read_dir(from).with_context(|| format!("reading {}", from.display()))?;
    for entry in entries {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).with_context(|| format!("copying {}", entry.path().display()))?;
        }
    }
    Ok(())
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}
