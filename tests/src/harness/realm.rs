//! One coordinator and what belongs to it.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Deserializer};
use tokio::process::Command;

use super::node::Seat;
use super::{Folder, Gateway, Group, Node, Process, Program, Settings, Status, StatusClient, eventually};
use crate::player::{Account, Player};

/// How long the coordinator may take to listen: a debug build on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(30);

/// How long the fleet may take to move groups to hosts that came later.
const SPREAD_LIMIT: Duration = Duration::from_secs(60);

/// The password of every account made here.
pub const PASSWORD: &str = "correct-horse";

/// Where a coordinator listens: its `addresses.json`.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Addresses {
    /// Login-server; port 0 when the realm is a stock rAthena, whose servers are not the coordinator's.
    #[serde(deserialize_with = "or_none")]
    pub login: SocketAddr,
    /// Char-server, for clients and map-servers; port 0 as above.
    #[serde(rename = "char", deserialize_with = "or_none")]
    pub char_server: SocketAddr,
    /// Relay: the map-server clients see.
    pub relay: SocketAddr,
    /// HTTPS API.
    pub https: SocketAddr,
    /// QUIC endpoint.
    pub link: SocketAddr,
}

/// One coordinator, its nodes and its folder. Fields drop in this order: nodes before the coordinator, the folder last.
#[derive(Debug)]
pub struct Realm {
    /// The nodes, in the order they were added.
    pub nodes: Vec<Node>,
    /// The coordinator's process.
    pub coordinator: Process,
    /// Its HTTPS API.
    pub status: StatusClient,
    /// Where it listens.
    pub addresses: Addresses,
    settings: Settings,
    /// Further settings of every node added from now on, as environment.
    node_environment: Vec<(String, String)>,
    folder: Folder,
}

impl Realm {
    /// Starts a coordinator and waits until it listens.
    ///
    /// # Errors
    /// It does not start; the error has the end of its log.
    pub async fn start(settings: Settings) -> Result<Self> {
        Self::start_in(Folder::new()?, settings).await
    }

    /// As [`start`](Self::start), in a folder that may hold the data of an earlier one.
    ///
    /// # Errors
    /// It does not start; the error has the end of its log.
    pub async fn start_in(folder: Folder, mut settings: Settings) -> Result<Self> {
        settings.set("data_dir", data_dir(folder.path()).display().to_string());
        let mut coordinator = spawn(folder.path(), &settings)?;
        let addresses = listening(folder.path(), &mut coordinator).await?;
        let status = client(folder.path(), &addresses)?;
        Ok(Self { nodes: Vec::new(), coordinator, status, addresses, settings, node_environment: Vec::new(), folder })
    }

    /// The usual deployment of tests: a fallback node and `hosts` player nodes, all connected, every group carried and the
    /// eligible ones spread over the player nodes.
    ///
    /// # Errors
    /// Something does not start.
    pub async fn with_hosts(settings: Settings, hosts: usize) -> Result<Self> {
        let mut realm = Self::start(settings).await?;
        realm.add_fallback("fallback").await?;
        for number in 1..=hosts {
            realm.add_host(&format!("host-{number}")).await?;
        }
        realm.until_balanced(hosts).await?;
        Ok(realm)
    }

    /// Adds a player's node with an account of its own.
    ///
    /// # Errors
    /// The account cannot be made or the program cannot be started.
    pub async fn add_host(&mut self, name: &str) -> Result<()> {
        self.add_account(name, PASSWORD).await?;
        self.add_host_of(name, (name, PASSWORD))
    }

    /// Adds a player's node that registers with an account that exists: name and password.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn add_host_of(&mut self, name: &str, account: (&str, &str)) -> Result<()> {
        let ca = self.ca();
        let node = Node::player(self.seat(name, &ca), account)?;
        self.nodes.push(node);
        Ok(())
    }

    fn seat<'a>(&'a self, name: &'a str, ca: &'a Path) -> Seat<'a> {
        let environment = self.node_environment.clone();
        Seat { folder: self.folder.path(), name, coordinator: self.status.base(), ca, environment }
    }

    /// Gives every node that is added from now on a setting (`BIFROST_NODE__...`).
    pub fn set_for_nodes(&mut self, variable: &str, value: &str) {
        self.node_environment.push((variable.to_owned(), value.to_owned()));
    }

    /// Makes an account and starts a gateway for it, connected by a cable if there is one.
    ///
    /// # Errors
    /// It does not start or connect.
    pub async fn gateway_for(&self, name: &str, cable: Option<SocketAddr>) -> Result<Gateway> {
        self.add_account(name, PASSWORD).await?;
        self.gateway_of(name, PASSWORD, cable).await
    }

    /// Starts a gateway for an account that exists.
    ///
    /// # Errors
    /// It does not start or connect.
    pub async fn gateway_of(&self, name: &str, password: &str, cable: Option<SocketAddr>) -> Result<Gateway> {
        let (ca, called) = (self.ca(), format!("gateway-{name}"));
        Gateway::start(self.seat(&called, &ca), (name, password), cable).await
    }

    /// Adds a fallback node with an invitation of its own.
    ///
    /// # Errors
    /// The invitation cannot be made or the program cannot be started.
    pub async fn add_fallback(&mut self, name: &str) -> Result<()> {
        let output = self.command(&["invite"], &[]).await?;
        let text = String::from_utf8_lossy(&output.stdout);
        let code = text.split_whitespace().last().context("no invitation was printed")?;
        let ca = self.ca();
        let node = Node::fallback(self.seat(name, &ca), code)?;
        self.nodes.push(node);
        Ok(())
    }

    /// Waits until the char-server knows the fleet, every node is connected, and every map group has a ready engine.
    ///
    /// # Errors
    /// It takes too long.
    pub async fn until_carried(&self) -> Result<()> {
        let carried = |status: &Status| {
            let connected = |node: &Node| node.host_id().is_some_and(|host| status.is_connected(&host));
            status.char_server
                && !status.groups.is_empty()
                && self.nodes.iter().all(connected)
                && status.groups.iter().all(Group::is_live)
        };
        self.status
            .until("every group carried", START_LIMIT, carried)
            .await
            .map(drop)
            .map_err(|error| self.with_logs(error))
    }

    /// As [`until_carried`](Self::until_carried), and until the eligible groups are spread over as many player hosts as
    /// there are, or one each.
    ///
    /// # Errors
    /// It takes too long.
    pub async fn until_balanced(&self, hosts: usize) -> Result<()> {
        self.until_carried().await?;
        let spread = |status: &Status| {
            let eligible = status.groups.iter().filter(|group| group.class == "eligible" && group.is_live());
            let is_player = |id: &str| status.hosts.iter().any(|host| host.host == id && host.kind == "player");
            let (groups, carriers) = eligible.fold((0, BTreeSet::new()), |(groups, mut carriers), group| {
                carriers.extend(group.host.as_deref().filter(|host| is_player(host)));
                (groups + 1, carriers)
            });
            carriers.len() >= hosts.min(groups)
        };
        let spread = self.status.until("eligible groups spread over the player hosts", SPREAD_LIMIT, spread).await;
        spread.map(drop).map_err(|error| self.with_logs(error))
    }

    /// An error with the ends of all logs, for what has no log of its own to look at.
    fn with_logs(&self, error: anyhow::Error) -> anyhow::Error {
        let nodes = self.nodes.iter().map(|node| &node.process);
        let ends =
            nodes.chain([&self.coordinator]).map(|process| format!("-- {}\n{}", process.name(), process.log_end()));
        error.context(ends.collect::<Vec<_>>().join("\n"))
    }

    /// Makes a game account.
    ///
    /// # Errors
    /// The coordinator's program refuses.
    pub async fn add_account(&self, name: &str, password: &str) -> Result<()> {
        self.command(&["account", "add", name], &[("BIFROST_PASSWORD", password)]).await.map(drop)
    }

    /// Makes an account and lets a player join with it.
    ///
    /// # Errors
    /// The player does not get in.
    pub async fn join(&self, name: &str) -> Result<Player> {
        self.add_account(name, PASSWORD).await?;
        Player::join(self.account(name)).await
    }

    /// The client settings for an account made here.
    #[must_use]
    pub fn account(&self, name: &str) -> Account {
        Account::new(self.addresses.login, name, PASSWORD)
    }

    /// Throws a host out.
    ///
    /// # Errors
    /// The coordinator refuses.
    pub async fn revoke(&self, host: &str) -> Result<()> {
        let token = std::fs::read_to_string(self.data_dir().join("admin.token")).context("the admin token")?;
        let url = format!("{}/v1/hosts/{host}/revoke", self.status.base());
        let answer = self.status.http().post(url).bearer_auth(token.trim()).send().await?;
        if !answer.status().is_success() {
            bail!("revoking {host}: {}", answer.text().await?);
        }
        Ok(())
    }

    /// Runs `bifrost-coordinator` with this realm's configuration.
    ///
    /// # Errors
    /// It fails; the error has what it printed.
    pub async fn command(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Result<Output> {
        let output = Command::new(Program::Coordinator.path()?)
            .args(arguments)
            .arg("--config")
            .arg(config_file(self.folder.path()))
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .current_dir(self.folder.path())
            .output()
            .await?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("bifrost-coordinator {}: {}: {said}", arguments.join(" "), output.status);
        }
        Ok(output)
    }

    /// A node by its name.
    ///
    /// # Panics
    /// There is none.
    pub fn node(&mut self, name: &str) -> &mut Node {
        self.nodes.iter_mut().find(|node| node.name() == name).unwrap_or_else(|| panic!("no node {name}"))
    }

    /// The node that carries a map.
    ///
    /// # Errors
    /// Nobody does, or the coordinator does not say.
    pub async fn node_of(&mut self, map: &str) -> Result<&mut Node> {
        let status = self.status.get().await?;
        let host = status.host_of(map).with_context(|| format!("nobody carries {map}: {status:#?}"))?;
        let node = self.nodes.iter_mut().find(|node| node.host_id().as_deref() == Some(host));
        node.with_context(|| format!("{host} is none of our nodes"))
    }

    /// The name of the node that is this host; its id when it is none of ours.
    #[must_use]
    pub fn host_name<'a>(&'a self, host: &'a str) -> &'a str {
        self.nodes.iter().find(|node| node.host_id().as_deref() == Some(host)).map_or(host, Node::name)
    }

    /// Starts the coordinator again, on the same ports, after it has ended or was killed.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start_again(&mut self) -> Result<()> {
        let addresses = self.addresses;
        for (key, address) in
            [("http.listen", addresses.https), ("link.listen", addresses.link), ("relay.listen", addresses.relay)]
        {
            self.settings.set(key, address.to_string());
        }
        if self.settings.is_embedded() {
            self.settings.set("realm.login_listen", addresses.login.to_string());
            self.settings.set("realm.char_listen", addresses.char_server.to_string());
        }
        // The old one has to be gone before its ports are free.
        let _ = self.coordinator.kill();
        self.coordinator.ended(START_LIMIT).await?;
        // Left behind by a killed one; one that ended in order has removed it.
        let _ = std::fs::remove_file(addresses_file(self.folder.path()));
        self.coordinator = spawn(self.folder.path(), &self.settings)?;
        self.addresses = listening(self.folder.path(), &mut self.coordinator).await?;
        Ok(())
    }

    /// The folder of configuration, data and logs.
    pub fn folder(&mut self) -> &mut Folder {
        &mut self.folder
    }

    /// Where that folder is.
    #[must_use]
    pub fn folder_path(&self) -> &Path {
        self.folder.path()
    }

    /// The coordinator's data folder.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        data_dir(self.folder.path())
    }

    /// The coordinator's CA, PEM.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.data_dir().join("ca.pem")
    }
}

/// An address, or the one that is none.
fn or_none<'de, D: Deserializer<'de>>(value: D) -> Result<SocketAddr, D::Error> {
    let address = Option::<SocketAddr>::deserialize(value)?;
    Ok(address.unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0)))
}

fn data_dir(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn config_file(folder: &Path) -> PathBuf {
    folder.join("coordinator.toml")
}

fn addresses_file(folder: &Path) -> PathBuf {
    data_dir(folder).join("addresses.json")
}

fn client(folder: &Path, addresses: &Addresses) -> Result<StatusClient> {
    StatusClient::new(format!("https://{}", addresses.https), &data_dir(folder).join("ca.pem"))
}

fn spawn(folder: &Path, settings: &Settings) -> Result<Process> {
    let config = config_file(folder);
    std::fs::write(&config, settings.to_text()).context("writing the configuration")?;
    let arguments = ["run".as_ref(), "--config".as_ref(), config.as_os_str()];
    Process::start("coordinator", &Program::Coordinator.path()?, arguments, [], folder)
}

async fn listening(folder: &Path, coordinator: &mut Process) -> Result<Addresses> {
    let file = addresses_file(folder);
    let found = eventually("the coordinator's addresses", START_LIMIT, async || {
        if !coordinator.is_running() {
            bail!("it has ended");
        }
        Ok(std::fs::read(&file).ok().and_then(|text| serde_json::from_slice(&text).ok()))
    });
    let found = found.await;
    found.with_context(|| format!("the coordinator's log ends with:\n{}", coordinator.log_end()))
}
