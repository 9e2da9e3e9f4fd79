//! One engine from its assignment to its end: folder, process, link; started again where that helps.

mod watched;

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bifrost_protocol::control::{BundleRef, EngineBuild};
use bifrost_protocol::layout::Abi;
use quinn::Connection;
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::conf::{self, Addresses, Login};
use super::door::Hinge;
use super::folder::{Plan, RunFolder};
use super::limits::Limits;
use super::link::{Link, LinkSays};
use super::port::Port;
use super::process::Process;
use super::sources::Sources;
use crate::agent::Identity;
use crate::backoff::Backoff;
use crate::engine::Lease;
use crate::engine::directory::Gauges;
use crate::tunnel::database::{CoordinatorStreams, Streams};
use watched::Watched;

/// How long the end of the link is waited for after the process has ended.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);
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
    /// Whether its SQL is relayed.
    pub(super) database: bool,
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

    /// Changes it.
    pub(super) fn set(&self, ready: bool) {
        self.ready.store(ready, Ordering::Release);
        self.changed.notify_one();
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
        let (process, output, errors) = match Process::start(&folder, &bundle, self.limits).await {
            Ok(started) => started,
            Err(error) => return Ending::Broke(Problem::passing(error)),
        };
        let (says, said) = mpsc::channel(LINK_SAYS);
        let over = CancellationToken::new();
        let open = hinge.open.clone();
        let watched = Watched::new(process, (output, errors), said, self.ready.clone(), open, game, self.stop.clone());
        let watch = async {
            let (ending, served) = watched.watch().await;
            over.cancel();
            (ending, served)
        };
        let link = self.link(port, says, over.clone());
        let ((ending, served), carried) = both(watch, link.run(hinge)).await;
        if !carried {
            warn!("the last of an engine may not have arrived");
        }
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
        let streams = self.spec.database.then(|| self.streams());
        let sql = self.sources.sql.open(&group, streams).await.map_err(Problem::passing)?;
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

    /// Where its SQL is relayed to.
    fn streams(&self) -> Arc<dyn Streams> {
        let (identity, assigned, links) = (self.identity.clone(), self.assigned.clone(), self.links.clone());
        Arc::new(CoordinatorStreams { identity, assigned, links })
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
async fn both<T>(watch: impl Future<Output = T>, link: impl Future<Output = ()>) -> (T, bool) {
    tokio::pin!(watch, link);
    let ended = tokio::select! {
        biased;
        ended = &mut watch => ended,
        // It ends before the process only when the node is being torn down.
        () = &mut link => return (watch.await, true),
    };
    (ended, tokio::time::timeout(FLUSH_TIMEOUT, link).await.is_ok())
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
