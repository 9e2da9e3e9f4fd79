//! One engine from its assignment to its end: folder, process, link; watched, started again, stopped.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bifrost_protocol::control::{BundleRef, EngineBuild};
use bifrost_protocol::layout::Abi;
use quinn::Connection;
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info, warn};

use super::conf::{self, Addresses, Login};
use super::door::Hinge;
use super::folder::{Plan, RunFolder};
use super::limits::Limits;
use super::link::{Link, LinkSays};
use super::log::Tail;
use super::port::Port;
use super::process::Process;
use super::sources::Sources;
use crate::agent::Identity;
use crate::backoff::Backoff;
use crate::engine::Lease;
use crate::engine::directory::Gauges;

/// From the start of the process to its login. A stock server with three maps takes 1.5 s, a slow disk much longer.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a map-server may take to save everybody and end.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the end of the link is waited for after the process has ended.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the map port may take to accept, once the engine says that it is online.
const ACCEPT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the last lines of a process that has ended are waited for.
const READ_OUT: Duration = Duration::from_millis(500);
/// Waits between starts.
const START_AGAIN: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(10));
/// How many starts in a row may fail.
const MAX_FAILURES: u32 = 3;
/// What of a problem is told.
const MAX_PROBLEM: usize = 2_500;

/// What to run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Spec {
    /// The maps, in order.
    pub(super) maps: Vec<String>,
    /// The bundle.
    pub(super) bundle: Option<BundleRef>,
    /// What its binary was compiled for.
    pub(super) build: EngineBuild,
}

/// An engine.
#[derive(Debug)]
pub(super) struct Run {
    /// What it runs.
    pub(super) spec: Spec,
    /// Below which folder.
    pub(super) home: PathBuf,
    /// What it may take.
    pub(super) limits: Limits,
    /// Bundles and databases.
    pub(super) sources: Sources,
    /// For tokens.
    pub(super) identity: Identity,
    /// What it is assigned for, as of now.
    pub(super) assigned: watch::Receiver<Assigned>,
    /// The connection to the coordinator, once that knows of the assignment.
    pub(super) links: watch::Receiver<Option<Connection>>,
    /// Where turns are counted.
    pub(super) gauges: Arc<Gauges>,
    /// Whether it takes players.
    pub(super) ready: Ready,
    /// Ends it.
    pub(super) stop: CancellationToken,
}

/// What an engine is assigned for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Assigned {
    /// Group and epoch, or ticket.
    pub(crate) lease: Lease,
    /// Whether it only stands by.
    pub(crate) standby: bool,
}

/// Whether an engine takes players, and whom to wake when that changes.
#[derive(Clone, Debug, Default)]
pub(super) struct Ready {
    ready: Arc<AtomicBool>,
    changed: Arc<Notify>,
}

/// Why a process is no more.
#[derive(Debug)]
enum Ending {
    /// It was asked to stop.
    Stopped,
    /// It broke.
    Broke(Problem),
}

#[derive(Debug)]
struct Problem {
    why: String,
    /// Whether another start can help.
    passing: bool,
}

impl Ready {
    /// Not ready; every change wakes who waits for `changed`.
    pub(super) fn new(changed: Arc<Notify>) -> Self {
        Self { ready: Arc::default(), changed }
    }

    /// Whether it is.
    pub(super) fn get(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Changes it. What it was before.
    pub(super) fn set(&self, ready: bool) -> bool {
        let before = self.ready.swap(ready, Ordering::AcqRel);
        self.changed.notify_one();
        before
    }
}

impl Run {
    /// Runs until stopped, or until it cannot be run: then the reason, for people.
    pub(super) async fn run(self, mut hinge: Hinge) -> Option<String> {
        let (mut backoff, mut failures) = (START_AGAIN, 0);
        loop {
            let ending = self.live(&mut hinge).await;
            hinge.open.send_replace(None);
            self.ready.set(false);
            let (problem, served) = match ending {
                Ending::Stopped => return None,
                Ending::Broke(problem) => (problem, hinge.served),
            };
            if std::mem::take(&mut hinge.served) {
                (backoff, failures) = (START_AGAIN, 0);
            }
            failures += 1;
            // Somebody else takes over faster than this one starts again.
            let serving = served && !self.assigned.borrow().standby;
            if serving || !problem.passing || failures >= MAX_FAILURES {
                return Some(problem.why);
            }
            let wait = backoff.after_failure(rand::random());
            warn!(problem = problem.why, again_ms = wait.as_millis(), "an engine is started again");
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return None,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// One process, from its folder to its end.
    async fn live(&self, hinge: &mut Hinge) -> Ending {
        let prepared = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Ending::Stopped,
            prepared = self.prepare() => prepared,
        };
        let Prepared { port, folder, bundle, game, sql: _open } = match prepared {
            Ok(prepared) => prepared,
            Err(problem) => return Ending::Broke(problem),
        };
        let (mut process, output, errors) = match Process::start(&folder, &bundle, self.limits).await {
            Ok(started) => started,
            Err(error) => return Ending::Broke(Problem::passing(error)),
        };
        let tail = Tail::new();
        let mut readers = JoinSet::new();
        readers.spawn(tail.clone().follow(output).in_current_span());
        readers.spawn(tail.clone().follow(errors).in_current_span());
        let (says, mut said) = mpsc::channel(LINK_SAYS);
        let mut served = false;
        let over = CancellationToken::new();
        let link = self.link(port, says, over.clone());
        let open = hinge.open.clone();
        let link = link.run(hinge);
        let mut watched = Watched {
            run: self,
            process: &mut process,
            tail: &tail,
            said: &mut said,
            served: &mut served,
            readers: &mut readers,
            open,
            game,
        };
        let watch = async {
            let ending = watched.watch().await;
            over.cancel();
            ending
        };
        let (ending, carried) = both(watch, link).await;
        if !carried {
            warn!("the last of an engine may not have arrived");
        }
        readers.shutdown().await;
        hinge.served = served;
        ending
    }

    async fn prepare(&self) -> Result<Prepared, Problem> {
        let group = self.assigned.borrow().lease.0.clone();
        let (abi, here) = (&self.spec.build.abi, Abi::here().map(Abi::name).unwrap_or_default());
        if abi != here {
            return Err(Problem::lasting(format!("the bundle is for {abi}, this machine is {here}")));
        }
        let bundle = self.sources.bundles.obtain(self.spec.bundle.as_ref()).await.map_err(Problem::lasting)?;
        let sql = self.sources.sql.open(&group).await.map_err(Problem::passing)?;
        let login = Login::random();
        let port = Port::open(login.clone()).await.map_err(Problem::passing)?;
        let addresses = Addresses {
            inter: port.address().map_err(Problem::passing)?,
            game: free_port().map_err(Problem::passing)?,
        };
        let overrides = conf::overrides(&self.spec.maps, &login, addresses, &sql).map_err(Problem::lasting)?;
        let plan = Plan {
            bundle: bundle.clone(),
            renewal: self.spec.build.renewal,
            maps: self.spec.maps.clone(),
            overrides: overrides.into(),
        };
        let home = self.home.clone();
        let folder = tokio::task::spawn_blocking(move || RunFolder::build(&home, &plan));
        let folder = folder.await.map_err(Problem::passing)?.map_err(Problem::lasting)?;
        Ok(Prepared { port, folder, bundle, game: addresses.game, sql: Box::new(sql) })
    }

    fn link(&self, port: Port, says: mpsc::Sender<LinkSays>, over: CancellationToken) -> Link {
        Link {
            port,
            identity: self.identity.clone(),
            assigned: self.assigned.clone(),
            instance: rand::random::<u64>().max(1),
            build: self.spec.build.clone(),
            links: self.links.clone(),
            maps: self.spec.maps.clone(),
            ready: self.ready.clone(),
            gauges: Arc::clone(&self.gauges),
            says,
            over,
        }
    }
}

/// All that a process needs before it is started.
struct Prepared {
    port: Port,
    folder: RunFolder,
    bundle: PathBuf,
    game: SocketAddrV4,
    /// Held open.
    sql: Box<super::sources::SqlEndpoint>,
}

/// A process that runs.
struct Watched<'a> {
    run: &'a Run,
    process: &'a mut Process,
    tail: &'a Tail,
    readers: &'a mut JoinSet<()>,
    said: &'a mut mpsc::Receiver<LinkSays>,
    /// Whether it has ever taken players.
    served: &'a mut bool,
    open: watch::Sender<Option<SocketAddrV4>>,
    game: SocketAddrV4,
}

impl Watched<'_> {
    /// Waits for its end, or for a reason to end it.
    async fn watch(&mut self) -> Ending {
        let start = tokio::time::sleep(START_TIMEOUT);
        tokio::pin!(start);
        let mut starting = true;
        loop {
            tokio::select! {
                biased;
                () = self.run.stop.cancelled() => return self.stop().await,
                how = self.process.ended() => return Ending::Broke(self.died(&how).await),
                Some(says) = self.said.recv() => match says {
                    // From here on the coordinator has the word.
                    LinkSays::Called => starting = false,
                    LinkSays::Ready => {
                        if let Err(problem) = self.take_players().await {
                            return self.give_up(problem).await;
                        }
                    }
                    LinkSays::Missing(maps) => {
                        let why = format!("the bundle does not have these maps: {}", maps.join(", "));
                        return self.give_up(Problem::lasting(why)).await;
                    }
                    LinkSays::Hung(silence) => {
                        let why = format!("its game loop has stood still for {:.1} s", silence.as_secs_f64());
                        return self.give_up(Problem::passing(why)).await;
                    }
                    LinkSays::Garbage(problem) => {
                        let why = format!("it does not speak as a map-server does: {problem}");
                        return self.give_up(Problem::passing(why)).await;
                    }
                    LinkSays::Refused(reason) => {
                        let why = format!("the coordinator does not take it: {reason}");
                        return self.give_up(Problem::lasting(why)).await;
                    }
                },
                () = &mut start, if starting => {
                    let why = format!("it has not logged in within {} s", START_TIMEOUT.as_secs());
                    return self.give_up(Problem::passing(why)).await;
                }
            }
        }
    }

    /// The coordinator has taken it in: once its port accepts, players may come.
    async fn take_players(&mut self) -> Result<(), Problem> {
        let accepts = async {
            let mut online = self.tail.online();
            // Its sender lives as long as this.
            drop(online.wait_for(|online| *online).await);
            TcpStream::connect(self.game).await
        };
        let accepted = tokio::select! {
            biased;
            how = self.process.ended() => return Err(self.died(&how).await),
            accepted = tokio::time::timeout(ACCEPT_TIMEOUT, accepts) => accepted,
        };
        match accepted {
            Ok(Ok(probe)) => {
                drop(probe);
                info!(maps = self.run.spec.maps.len(), address = %self.game, "engine takes players");
                self.open.send_replace(Some(self.game));
                self.run.ready.set(true);
                *self.served = true;
                Ok(())
            }
            Ok(Err(error)) => Err(Problem::passing(format!("its port does not accept: {error}"))),
            Err(_) => Err(Problem::passing("it is connected and does not say that it is online")),
        }
    }

    /// Asks it to save everybody, and waits until it has ended.
    async fn stop(&mut self) -> Ending {
        if self.process.ask_to_end() {
            match tokio::time::timeout(STOP_TIMEOUT, self.process.ended()).await {
                Ok(how) => info!(how, "engine stopped"),
                Err(_) => warn!(seconds = STOP_TIMEOUT.as_secs(), "engine did not stop in time and is killed"),
            }
        }
        self.kill().await;
        Ending::Stopped
    }

    async fn give_up(&mut self, problem: Problem) -> Ending {
        self.kill().await;
        Ending::Broke(problem)
    }

    async fn kill(&mut self) {
        self.process.kill();
        let _how = self.process.ended().await;
    }

    /// What is told of a process that has ended by itself: its last lines say more than its exit code.
    async fn died(&mut self, how: &str) -> Problem {
        let read = async { while self.readers.join_next().await.is_some() {} };
        // Whoever else holds the pipe is not waited for.
        let _all_read = tokio::time::timeout(READ_OUT, read).await;
        let mut why = format!("the map-server {how}");
        let lines = self.tail.text();
        if !lines.is_empty() {
            why = format!("{why}; its last lines:\n{lines}");
        }
        Problem::passing(why)
    }
}

impl Problem {
    fn passing(why: impl ToString) -> Self {
        Self { why: bounded(&why.to_string()), passing: true }
    }

    fn lasting(why: impl ToString) -> Self {
        Self { passing: false, ..Self::passing(why) }
    }
}

/// A text that fits into a control message.
fn bounded(text: &str) -> String {
    text.chars().take(MAX_PROBLEM).collect()
}

/// The process to its end, its link beside it: what is on its way then has [`FLUSH_TIMEOUT`] to arrive. Whether it did.
async fn both(watch: impl Future<Output = Ending>, link: impl Future<Output = ()>) -> (Ending, bool) {
    tokio::pin!(watch, link);
    let ending = tokio::select! {
        biased;
        ending = &mut watch => ending,
        // It ends before the process only when the node is being torn down.
        () = &mut link => return (watch.await, true),
    };
    (ending, tokio::time::timeout(FLUSH_TIMEOUT, link).await.is_ok())
}

/// A port that is free on an address that only this engine has. Between finding and using it somebody could take it: then
/// the start fails and is tried again with another one.
fn free_port() -> std::io::Result<SocketAddrV4> {
    let host = || rand::random_range(1..=254_u8);
    let listener = TcpListener::bind((Ipv4Addr::new(127, 77, host(), host()), 0))?;
    match listener.local_addr()? {
        std::net::SocketAddr::V4(address) => Ok(address),
        std::net::SocketAddr::V6(_) => Err(std::io::ErrorKind::AddrNotAvailable.into()),
    }
}

/// What a link may say before its owner listens.
const LINK_SAYS: usize = 16;
