//! Everything that runs: database, stock servers, taps, coordinator, hosts, players.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::Signal;
use toml::{Table, Value};

use super::accounts::{self, Ledger};
use super::course::Side;
use super::ground::{Actor, FIELDS};
use super::mariadb::Database;
use super::options::{Engine, Options};
use super::rathena::{SERVER_PASSWORD, SERVER_USER, Servers};
use super::tap::{Courses, Tap};
use super::{kore, tree};
use crate::demo::Console;
use crate::harness::{Folder, Group, PASSWORD, Process, Realm, Settings, Status, eventually};

/// The address clients are told for the city. Loopback, but not the one the server listens at: between them is a tap.
const CITY_ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// How long the first engines may take: hosts fetch a bundle first, and all of them start map-servers at once.
const CARRY_LIMIT: Duration = Duration::from_secs(240);

/// How long all players may take to get in: each loads OpenKore's tables first.
const JOIN_LIMIT: Duration = Duration::from_secs(300);

/// How long the players may take to be logged out: engines hold those in combat for ten seconds.
const LEAVE_LIMIT: Duration = Duration::from_secs(60);

/// How long OpenKore may take to end.
const QUIT_LIMIT: Duration = Duration::from_secs(20);

/// Accounts of hosts count from here.
const FIRST_HOST_ACCOUNT: u32 = 2_500_001;

/// What runs. Fields drop in this order: players first, the folder, which is the realm's, last.
#[derive(Debug)]
pub(super) struct Stage {
    players: Vec<Process>,
    _taps: [Tap; 2],
    pub(super) servers: Servers,
    pub(super) sql: Database,
    pub(super) actors: Vec<Actor>,
    pub(super) courses: Courses,
    /// What characters own before anybody plays.
    pub(super) before: Ledger,
    pub(super) realm: Realm,
}

impl Stage {
    /// Starts all but the players.
    ///
    /// # Errors
    /// Something does not start.
    pub(super) async fn set(options: &Options, folders: &Folders, console: &Console) -> Result<Self> {
        let mut folder = Folder::new()?;
        if options.keep {
            folder.keep();
            console.step(&format!("logs and data stay in {}", folder.path().display()));
        }
        let path = folder.path().to_owned();
        let actors: Vec<Actor> = (0..options.players).map(Actor::new).collect();
        let sql = Database::start(&made(path.join("mariadb"))?, &folders.rathena).await?;
        kore::enrol(&sql, &actors).await?;
        console.step("MariaDB with rAthena's tables, accounts and characters");

        let before = accounts::owned(&sql).await?;
        let zeny = |actor: &Actor| before.get(&actor.character).map_or(0, |goods| goods.zeny);
        let players = actors.iter().map(|actor| (actor, zeny(actor)));
        let courses = Courses::new(players, options.engine == Engine::Rathena);
        let fleet = Tap::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), Side::Fleet, &courses).await?;
        let city = Tap::listen(SocketAddr::from((CITY_ADDRESS, 0)), Side::City, &courses).await?;
        let servers = Servers::start(&path, &folders.rathena, &sql, city.address()).await?;
        city.stand_for(servers.city);
        console.step("login-server, char-server, and the cities' map-server: stock rAthena");

        let settings = settings(options, folders, &sql, &servers, fleet.address());
        let realm = Realm::start_in(folder, settings).await?;
        fleet.stand_for(realm.addresses.relay);
        let mut stage =
            Self { players: Vec::new(), _taps: [fleet, city], servers, sql, actors, courses, before, realm };
        stage.add_hosts(options, folders, console).await?;
        console.step(&format!("the coordinator, {} player hosts and a fallback host", options.hosts));
        stage.tell_groups(console).await?;
        Ok(stage)
    }

    async fn add_hosts(&mut self, options: &Options, folders: &Folders, console: &Console) -> Result<()> {
        if options.engine == Engine::Rathena {
            let rathena = folders.rathena.display().to_string();
            if options.unpacked {
                self.realm.set_for_nodes("BIFROST_NODE__ENGINE__FOLDER", &rathena);
            } else {
                self.realm.command(&["bundle", "add", &rathena, "--abi", "linux-x86_64"], &[]).await?;
            }
        }
        for number in 1..=options.hosts {
            let name = format!("host-{number}");
            kore::add_account(&self.sql, FIRST_HOST_ACCOUNT + u32::from(number), &name, PASSWORD).await?;
            self.realm.add_host_of(&name, (&name, PASSWORD))?;
        }
        // The fallback host comes last, so that the players' PCs carry everything from the start.
        let carried = |status: &Status| status.char_server && status.groups.iter().all(Group::is_live);
        self.realm.status.until("every group carried", CARRY_LIMIT, carried).await.with_context(|| self.log_ends())?;
        self.realm.add_fallback("fallback").await?;
        if self.realm.until_balanced(usize::from(options.hosts)).await.is_err() {
            // Hosts that nobody plays on are not struck, and a run that strikes none fails: no reason to stop here.
            console.step("not every player host carries maps");
        }
        Ok(())
    }

    /// The ends of the logs of coordinator and hosts, for when they do not start.
    fn log_ends(&self) -> String {
        let processes = self.realm.nodes.iter().map(|node| &node.process).chain([&self.realm.coordinator]);
        processes.map(|process| format!("-- {}\n{}\n", process.name(), process.log_end())).collect()
    }

    async fn tell_groups(&self, console: &Console) -> Result<()> {
        for group in self.status().await?.groups {
            let host = group.host.unwrap_or_default();
            console.step(&format!("  {} ({}) on {}", group.name, group.maps.join(", "), self.realm.host_name(&host)));
        }
        Ok(())
    }

    /// Starts the players and waits until all are in play.
    ///
    /// # Errors
    /// Not all get in.
    pub(super) async fn let_in(&mut self, folders: &Folders, console: &Console) -> Result<()> {
        let path = made(self.realm.folder().path().join("players"))?;
        for actor in &self.actors {
            let player = kore::start(&path, &folders.openkore, actor, self.servers.login)?;
            self.players.push(player);
        }
        let all = self.actors.len();
        let mut missing = Vec::new();
        let entered = eventually("every player in play", JOIN_LIMIT, async || {
            let away = self.courses.all().filter(|(_, course)| !course.is_in_play());
            missing = away.map(|(account, _)| account).collect();
            console.progress(&format!("players in play: {} of {all}", all - missing.len()));
            Ok(missing.is_empty().then_some(()))
        });
        let entered = entered.await;
        entered.map_err(|error| self.with_log_of(&missing, error))
    }

    fn with_log_of(&self, accounts: &[u32], error: anyhow::Error) -> anyhow::Error {
        let index = self.actors.iter().position(|actor| accounts.first() == Some(&actor.account));
        match index.and_then(|index| self.players.get(index)) {
            Some(player) => error.context(format!("the log of {} ends with:\n{}", player.name(), player.log_end())),
            None => error,
        }
    }

    /// Ends all players and waits until the char-server has their last state. Returns who is in game all the same, in words.
    ///
    /// # Errors
    /// The database does not answer, or a player does not end.
    pub(super) async fn send_home(&mut self) -> Result<Vec<String>> {
        // OpenKore has no last words: it ends, and the connection with it, as when somebody closes the window.
        for player in &self.players {
            player.terminate()?;
        }
        for player in &mut self.players {
            player.ended(QUIT_LIMIT).await?;
        }
        let online = "select name, last_map from `char` where online <> 0";
        let mut left = Vec::new();
        let gone = eventually("everybody offline", LEAVE_LIMIT, async || {
            left = self.sql.rows(online).await?;
            Ok(left.is_empty().then_some(()))
        });
        match gone.await {
            Err(error) if left.is_empty() => Err(error),
            Ok(()) | Err(_) => Ok(left.iter().map(|row| row.join(" on ")).collect()),
        }
    }

    /// The player host with most players.
    ///
    /// # Errors
    /// No player host has any, or the coordinator does not answer.
    pub(super) async fn busiest_host(&self) -> Result<String> {
        let status = self.status().await?;
        let groups = status.groups.iter().filter(|group| group.players > 0).filter_map(|group| group.host.clone());
        let is_player = |host: &String| status.hosts.iter().any(|found| found.host == *host && found.kind == "player");
        let under = groups.filter(is_player).map(|host| {
            let players: usize = status
                .groups
                .iter()
                .filter(|group| group.host.as_ref() == Some(&host))
                .map(|group| group.players)
                .sum();
            (players, host)
        });
        let (_, busiest) = under.max().context("no player host has players")?;
        Ok(self.realm.host_name(&busiest).to_owned())
    }

    /// The fleet's status.
    ///
    /// # Errors
    /// The coordinator does not answer.
    pub(super) async fn status(&self) -> Result<Status> {
        self.realm.status.get().await
    }

    /// Nodes and all they started, that run now.
    pub(super) fn host_processes(&self) -> Vec<u32> {
        tree::families(self.realm.nodes.iter().filter_map(|node| node.process.id()))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Engines are the nodes' children, not ours: with their node alone, they might outlive it.
        tree::signal(&self.host_processes(), Signal::KILL);
    }
}

/// What is not in the repository.
#[derive(Clone, Debug)]
pub(super) struct Folders {
    pub(super) rathena: PathBuf,
    pub(super) openkore: PathBuf,
}

fn settings(options: &Options, folders: &Folders, sql: &Database, servers: &Servers, public: SocketAddr) -> Settings {
    let mut settings = Settings::default();
    settings.remove("realm").set("realm.mode", "rathena");
    settings.set("realm.char", servers.char_server.to_string()).set("realm.login", servers.login.to_string());
    settings.set("realm.user", SERVER_USER).set("realm.password", SERVER_PASSWORD);
    settings.set("realm.database", sql.url()).set("relay.public", public.to_string());
    let paths = |names: &[&str]| -> Vec<Value> {
        names.iter().map(|name| folders.rathena.join(name).display().to_string().into()).collect()
    };
    // As rAthena does: the maps of its mode first.
    settings.set("maps.cache", paths(&["db/pre-re/map_cache.dat", "db/map_cache.dat"]));
    settings.set("maps.index", folders.rathena.join("db/map_index.txt").display().to_string());
    settings.set("maps.warps", paths(&["npc/pre-re/warps", "npc/warps"]));
    if options.engine == Engine::Rathena {
        settings.set("database.url", sql.relay_url());
        settings.set("bounds.rathena", folders.rathena.display().to_string());
        settings.set("engine.kind", "rathena").set("engine.standbys", i64::from(options.standbys));
    }
    let groups = FIELDS.iter().map(|field| {
        let pairs = [
            ("name", Value::from(field.group)),
            ("class", Value::from("eligible")),
            ("maps", Value::from(vec![field.map])),
        ];
        Value::Table(Table::from_iter(pairs.map(|(key, value)| (key.to_owned(), value))))
    });
    settings.set("groups", groups.collect::<Vec<_>>());
    settings
}

fn made(folder: PathBuf) -> Result<PathBuf> {
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    Ok(folder)
}

/// A folder the user named, as programs in other folders can use it, if it has what it should.
pub(super) fn found(folder: &Path, has: &[&str]) -> Result<PathBuf> {
    let folder = std::path::absolute(folder)?;
    for name in has {
        let path = folder.join(name);
        anyhow::ensure!(path.exists(), "{} is not there: has it been built?", path.display());
    }
    Ok(folder)
}
