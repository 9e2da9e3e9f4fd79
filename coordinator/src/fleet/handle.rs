//! Starting, asking and stopping the fleet.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use bifrost_protocol::FixedText;
use bifrost_protocol::Secret;
use bifrost_protocol::control::Place;
use bifrost_protocol::ids::{AccountId, Epoch, GroupName, HostId, MapPoint, SessionId};
use bifrost_protocol::layout::{Abi, Build, CharacterImage};
use prost::Message;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::actor::{Actor, Request, SHUTDOWN_GRACE, Sources};
use super::character::{cell, placed};
use super::command::{FleetConfig, GroupFacts};
use super::core::{Fleet, TrustParts};
use super::journal::Journal;
use super::kept::Kept;
use super::link::{self, CharServer};
use super::session::{Phase, Session};
use super::status::FleetStatus;
use super::{FleetEvent, LinkId};
use crate::bounds::facts::Economy;
use crate::bundles::Index;
use crate::config::Config;
use crate::maps::Catalog;
use crate::store::{SessionRow, Store, StoreError};

/// What the fleet needs to start.
#[derive(Debug)]
pub struct FleetParts<'a> {
    /// The operator's configuration.
    pub config: &'a Config,
    /// Where clients reach the relay.
    pub public: SocketAddrV4,
    /// `host:port` of the char-server.
    pub char_server: String,
    /// Its `userid`.
    pub user: String,
    /// Its `passwd`.
    pub password: String,
    /// Maps and groups.
    pub catalog: Arc<Catalog>,
    /// Where leases and sessions are kept.
    pub store: Store,
    /// The operator's bundles, as they change.
    pub bundles: watch::Receiver<Arc<Index>>,
    /// What the login ids that hosts see are derived from.
    pub pseudonym_key: Secret<[u8; 32]>,
    /// What the realm's maps give; none: nothing is judged.
    pub economy: Option<Economy>,
    /// Decides which periods of trusted hosts are audited.
    pub audit_seed: u64,
    /// The queue that relay and nodes fill; see [`event_queue`].
    pub events: mpsc::Receiver<FleetEvent>,
}

/// The fleet's queue. When it is full, relay and nodes wait: their peers feel it as backpressure.
#[must_use]
pub fn event_queue() -> (mpsc::Sender<FleetEvent>, mpsc::Receiver<FleetEvent>) {
    mpsc::channel(EVENT_QUEUE)
}

/// A way to ask the fleet. Cheap to clone.
#[derive(Clone, Debug)]
pub struct FleetHandle {
    requests: mpsc::Sender<Request>,
}

/// The running fleet.
#[derive(Debug)]
pub struct RunningFleet {
    /// A way to ask it.
    pub handle: FleetHandle,
    token: CancellationToken,
    journal_token: CancellationToken,
    actor: AbortOnDropHandle<()>,
    journal: AbortOnDropHandle<()>,
    link: AbortOnDropHandle<()>,
}

/// Starts the fleet with what a former life left in the store.
///
/// # Errors
/// The store cannot be read.
pub async fn spawn(parts: FleetParts<'_>, token: CancellationToken) -> Result<RunningFleet, StoreError> {
    let rows = parts.store.load_sessions().await?;
    let leases = parts.store.load_leases().await?;
    let leases: Vec<_> = leases.into_iter().map(|row| (row.group, row.host, row.epoch)).collect();
    let orphans: Vec<_> = rows.into_iter().filter_map(orphan).collect();
    if !orphans.is_empty() {
        tracing::info!(sessions = orphans.len(), "restored sessions from before the restart");
    }
    let groups = facts(&parts.catalog);
    let maps = groups.values().flat_map(|facts| facts.maps.iter().cloned()).collect();
    let settings = fleet_config(parts.config, parts.public, parts.pseudonym_key);
    let trust = TrustParts {
        economy: parts.economy,
        rules: parts.config.bounds.rules(),
        policy: parts.config.bounds.policy(),
        standings: parts.store.standings().await?,
        seed: parts.audit_seed,
        began: since_epoch().as_secs(),
    };
    let fleet = Fleet::new(settings, groups, &leases, orphans).with_trust(trust);

    let (char_events_to, char_events) = mpsc::channel(CHAR_QUEUE);
    // Every player may be redirected and saved at once.
    let (char_packets, char_packets_from) = mpsc::channel(CHAR_QUEUE.max(3 * parts.config.relay.max_connections));
    let (durable_to, durable) = mpsc::channel(DURABLE_QUEUE);
    let (requests_to, requests) = mpsc::channel(REQUEST_QUEUE);
    let journal = Journal::default();
    let char_overrun = Arc::new(Notify::new());
    let server = CharServer {
        address: parts.char_server,
        user: parts.user,
        password: Secret::new(FixedText::new(parts.password)),
        public: parts.public,
        maps,
        build: char_build(parts.config),
    };
    let journal_token = CancellationToken::new();
    let actor = Actor {
        fleet,
        catalog: parts.catalog,
        char_packets,
        char_overrun: Arc::clone(&char_overrun),
        journal: journal.clone(),
        started: Instant::now(),
        clients: HashMap::new(),
        nodes: HashMap::new(),
        syncs: BTreeMap::new(),
        inters: BTreeMap::new(),
        bundles: parts.bundles,
        build: parts.config.engine_build(),
    };
    let sources = Sources { events: parts.events, char_events, durable, requests };
    // The link outlives the token by the actor's last saves: it ends when the actor drops its packet queue.
    let link = link::keep(server, char_events_to, char_packets_from, char_overrun, CancellationToken::new());
    let writer = journal.run(parts.store, durable_to, journal_token.clone(), JOURNAL_GRACE);
    Ok(RunningFleet {
        handle: FleetHandle { requests: requests_to },
        actor: AbortOnDropHandle::new(tokio::task::spawn(actor.run(sources, token.clone()))),
        journal: AbortOnDropHandle::new(tokio::task::spawn(writer)),
        link: AbortOnDropHandle::new(tokio::task::spawn(link)),
        token,
        journal_token,
    })
}

/// What the core has to know of each map group.
fn facts(catalog: &Catalog) -> BTreeMap<GroupName, GroupFacts> {
    let facts = |(name, info): (&GroupName, &crate::maps::GroupInfo)| {
        (
            name.clone(),
            GroupFacts { class: info.class, engine: info.engine, maps: info.maps.clone(), exits: exits(catalog, name) },
        )
    };
    catalog.groups().iter().map(facts).collect()
}

impl RunningFleet {
    /// Waits until the fleet has ended, which it does only when it is cancelled or broken.
    pub async fn ended(&mut self) {
        // A panic is reported by the runtime's hook; the caller stops everything either way.
        let _ = (&mut self.actor).await;
    }

    /// Saves every player, writes the journal, closes the link.
    pub async fn shutdown(self) {
        self.token.cancel();
        let _ = tokio::time::timeout(SHUTDOWN_GRACE * 2, self.actor).await;
        self.journal_token.cancel();
        let _ = tokio::time::timeout(JOURNAL_GRACE * 2, self.journal).await;
        drop(self.link);
    }
}

impl FleetHandle {
    /// The fleet at this moment; none when it has ended.
    pub async fn status(&self) -> Option<FleetStatus> {
        let (answer, status) = oneshot::channel();
        self.requests.send(Request::Status(answer)).await.ok()?;
        status.await.ok()
    }

    /// Whether rows of a group's engine are taken from a connection: it holds the group under this epoch, stands by for it
    /// under this ticket, or has just handed it over and stops.
    pub async fn may_write(&self, link: LinkId, group: GroupName, epoch: Epoch) -> bool {
        let (answer, may_write) = oneshot::channel();
        let asked = self.requests.send(Request::MayWrite(link, group, epoch, answer)).await;
        asked.is_ok() && may_write.await.unwrap_or(false)
    }

    /// Cuts a host off at once; its groups go on elsewhere.
    pub async fn revoke(&self, host: HostId) {
        let (answer, done) = oneshot::channel();
        if self.requests.send(Request::Revoke(host, answer)).await.is_ok() {
            let _ = done.await;
        }
    }

    /// Lifts a host's quarantine.
    pub async fn pardon(&self, host: HostId) {
        let (answer, done) = oneshot::channel();
        if self.requests.send(Request::Pardon(host, answer)).await.is_ok() {
            let _ = done.await;
        }
    }

    /// Whether players can be served.
    ///
    /// # Errors
    /// What is missing, for people.
    pub async fn ready(&self) -> Result<(), Vec<String>> {
        let Some(status) = self.status().await else { return Err(vec!["the fleet has stopped".into()]) };
        let mut missing = Vec::new();
        if !status.char_server {
            missing.push("the char-server has not taken the fleet in".to_owned());
        }
        if missing.is_empty() { Ok(()) } else { Err(missing) }
    }
}

#[cfg(test)]
impl FleetHandle {
    /// A fleet that shows `status`, and tells `cut` whose link it is to cut. Answers while the future is polled.
    pub(crate) fn scripted(
        status: Arc<std::sync::Mutex<FleetStatus>>,
        cut: mpsc::Sender<HostId>,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (requests, mut asked) = mpsc::channel(REQUEST_QUEUE);
        let answering = async move {
            while let Some(request) = asked.recv().await {
                match request {
                    Request::Status(answer) => drop(answer.send(status.lock().expect("no test panics in it").clone())),
                    Request::MayWrite(_, _, _, answer) => drop(answer.send(false)),
                    Request::Pardon(_, answer) => drop(answer.send(())),
                    Request::Revoke(host, answer) => {
                        cut.send(host).await.expect("the test reads");
                        let _ = answer.send(());
                    }
                }
            }
        };
        (Self { requests }, answering)
    }
}

/// What the char-server was compiled for. It runs on the operator's machine, which is a Linux one.
fn char_build(config: &Config) -> Build {
    let stated = config.char_build();
    let known = Build::find(Abi::LinuxX8664.name(), stated.packetver, stated.renewal);
    // The configuration takes only versions that are known.
    known.unwrap_or(Build::CANONICAL)
}

/// Where the warps of a group lead that leave it.
fn exits(catalog: &Catalog, group: &GroupName) -> BTreeSet<MapPoint> {
    let (_, warps) = catalog.assignment(group);
    let ends = warps.iter().map(|warp| Place { map: warp.to_map.clone(), x: warp.to_x, y: warp.to_y });
    ends.filter_map(|end| placed(&end)).filter(|end| catalog.group_of(&end.map) != Some(group)).collect()
}

fn since_epoch() -> Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}

fn fleet_config(config: &Config, public: SocketAddrV4, pseudonym_key: Secret<[u8; 32]>) -> FleetConfig {
    let ms = |ms: u32| Duration::from_millis(u64::from(ms));
    FleetConfig {
        public,
        beat: ms(config.link.beat_ms),
        lease: ms(config.link.lease_ms),
        reconnect: ms(config.link.reconnect_ms),
        limbo: Duration::from_millis(config.relay.limbo_ms),
        eligibility: config.eligibility,
        // Engines may still hold sessions of a former life; milliseconds since 1970 leave room for 2^20 arrivals each.
        first_session: u64::try_from(since_epoch().as_millis()).unwrap_or_default() << 20,
        standbys: usize::from(config.engine.standbys),
        pseudonym_key,
    }
}

/// A session of a former life, from its row: without client, with the last state that was acknowledged.
fn orphan(row: SessionRow) -> Option<Session> {
    let image = CharacterImage::from_bytes(&row.image).ok()?;
    let kept = Kept::decode(row.update.as_deref().unwrap_or_default()).ok()?;
    let (image, update) = (kept.image().unwrap_or(image), kept.update.clone().unwrap_or_default());
    let at = update.at.as_ref().and_then(placed).or_else(|| cell(&image.view().last_point))?;
    let mut session = Session {
        id: SessionId(update.session),
        account: AccountId(row.account.0),
        character: row.character,
        connection: None,
        address: std::net::Ipv4Addr::UNSPECIFIED,
        login_id1: row.login_id1,
        login_id2: row.login_id2,
        sex: row.sex,
        group_id: row.group_id,
        expiration: 0,
        image,
        at: at.clone(),
        direction: 0,
        sitting: false,
        group: row.group,
        changing: false,
        phase: if kept.settled { Phase::Away } else { Phase::Orphaned },
        since: Duration::ZERO,
        dirty: true,
        saved: Duration::ZERO,
        drops: 0,
        saves: kept.saves(),
        handed_out: false,
        held: kept.held,
        restored: kept.settled,
    };
    session.apply(&update, at);
    Some(session)
}

/// Events that may wait for the fleet.
const EVENT_QUEUE: usize = 4_096;
/// Packets that may wait each way on the char-server's link: every player of a large host saved at once, twice.
const CHAR_QUEUE: usize = 8_192;
/// Acknowledgements that may wait.
const DURABLE_QUEUE: usize = 256;
/// Questions that may wait.
const REQUEST_QUEUE: usize = 64;
/// How long the last journal writes may take.
const JOURNAL_GRACE: Duration = Duration::from_secs(5);
