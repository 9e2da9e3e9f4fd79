//! The relay: hosts' database streams, from their header to their end.
//!
//! A stream carries one SQL connection of an engine, without its handshake, which the node has had with the engine: commands
//! up, answers down, in order, framed as MySQL frames them. Commands may be sent before the answers to earlier ones.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use bifrost_protocol::ids::{Epoch, GroupName, HostId};
use bifrost_protocol::mysql::sql::MAX_STATEMENT;
use bifrost_protocol::mysql::{Command, Framing, ServerError, code, make_room};
use bytes::{Bytes, BytesMut};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use super::answers::Caller;
use super::backend::Backend;
use super::limits::{HostLimits, Limits};
use super::policy::{DEFAULT_POLICY, Judge, Policy};
use super::record::{HostNumbers, HostRecord, Records};
use super::setup::read_policy;
use crate::fleet::LinkId;

/// The longest command: the longest statement, with room for parameters.
const MAX_COMMAND: usize = MAX_STATEMENT + 64 * 1024;
/// How long a node may leave answers unread.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the fleet's word that a host may use a group's rows is good.
const ADMITTED_FOR: Duration = Duration::from_millis(500);
/// What is read at once.
const CHUNK: usize = 4 * 1024;
/// Refusals in a row after which a stream ends: no map-server goes on like that.
const MAX_REFUSED: u32 = 1_000;

/// Who may use a map group's rows now.
#[async_trait]
pub trait Admission: std::fmt::Debug + Send + Sync {
    /// Whether a connection of a host holds this assignment of a group: its lease, or a standby's ticket.
    async fn admits(&self, whose: &Whose) -> bool;
}

/// Who hears of hosts that break the rules.
#[async_trait]
pub trait Violations: std::fmt::Debug + Send + Sync {
    /// A host tried what no map-server comes to, or goes on wanting too much.
    async fn violation(&self, link: LinkId, rule: &'static str);
}

/// Everything that database streams share.
#[derive(Debug)]
pub struct Relay {
    judge: RwLock<Arc<Judge>>,
    source: Option<PathBuf>,
    broken: RwLock<Option<String>>,
    backend: Backend,
    limits: Limits,
    records: Records,
    admission: Arc<dyn Admission>,
    violations: Option<Arc<dyn Violations>>,
}

/// Whose stream it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Whose {
    /// The host, from its certificate.
    pub host: HostId,
    /// The connection it came on.
    pub link: LinkId,
    /// The group, from the stream's header.
    pub group: GroupName,
    /// The assignment, from there too.
    pub epoch: Epoch,
}

/// Why a stream ends before its node ends it.
#[derive(Debug, Error)]
pub enum RelayError {
    /// The host does not hold the assignment.
    #[error("the group is not assigned to this host under this epoch")]
    NotAssigned,
    /// It has as many connections as it may.
    #[error("the host has too many database connections")]
    TooMany,
    /// What it sends is no command.
    #[error("{0}")]
    Garbage(ServerError),
    /// It does nothing but to try what it may not.
    #[error("too many statements in a row were refused")]
    Refused,
    /// The stream broke, or the node does not read.
    #[error(transparent)]
    Stream(#[from] std::io::Error),
}

impl Relay {
    /// A relay to `backend` by `policy`.
    #[must_use]
    pub fn new(
        policy: Policy,
        backend: Backend,
        limits: HostLimits,
        admission: Arc<dyn Admission>,
        violations: Option<Arc<dyn Violations>>,
    ) -> Self {
        Self {
            judge: RwLock::new(Arc::new(Judge::new(policy))),
            source: None,
            broken: RwLock::default(),
            backend,
            limits: Limits::new(limits),
            records: Records::default(),
            admission,
            violations,
        }
    }

    /// Where the policy is read from when it is read again; none: it is the one that ships.
    #[must_use]
    pub fn with_source(self, source: Option<PathBuf>) -> Self {
        Self { source, ..self }
    }

    /// How many tables the policy in force is about.
    #[must_use]
    pub fn tables(&self) -> usize {
        self.judge().policy().tables()
    }

    /// The file the policy was read from.
    #[must_use]
    pub fn source(&self) -> Option<&Path> {
        self.source.as_deref()
    }

    /// Reads the policy's file again and decides by it from the next statement on, in how many tables it tells. When it cannot
    /// be read or is no policy, the old one stays in force; why is kept for [`policy_error`](Self::policy_error).
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn reload(&self) -> Result<usize, String> {
        let read = match &self.source {
            Some(path) => read_policy(path).map_err(|failure| failure.to_string()),
            None => Policy::read(DEFAULT_POLICY).map_err(|error| error.to_string()),
        };
        self.replace(read)
    }

    /// Decides by another policy from the next statement on, unless there is none.
    pub(super) fn replace(&self, read: Result<Policy, String>) -> Result<usize, String> {
        *self.broken.write().unwrap_or_else(PoisonError::into_inner) = read.as_ref().err().cloned();
        match read {
            Ok(policy) => {
                let tables = policy.tables();
                tracing::info!(tables, "database policy read");
                *self.judge.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Judge::new(policy));
                Ok(tables)
            }
            Err(problem) => {
                tracing::error!(problem, "the database policy is broken; the one before stays in force");
                Err(problem)
            }
        }
    }

    /// What was wrong with the policy that was to be read last.
    #[must_use]
    pub fn policy_error(&self) -> Option<String> {
        self.broken.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What hosts have asked so far.
    #[must_use]
    pub fn hosts(&self) -> BTreeMap<HostId, HostNumbers> {
        self.records.numbers()
    }

    /// Where what is passed on goes.
    #[must_use]
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// Serves one stream behind its header. `begun` is what has been read of it already.
    ///
    /// # Errors
    /// Why it ends before the node has ended it.
    pub async fn serve<R, W>(&self, whose: Whose, begun: BytesMut, recv: &mut R, send: &mut W) -> Result<(), RelayError>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let checked = self.check(&whose).await?;
        let Ok(place) = self.limits.enter(&whose.host) else {
            count_refused("connections");
            self.tell(&mut Standing::default(), whose.link, Offence::Limit).await;
            return Err(RelayError::TooMany);
        };
        let (caller, mut out) = (Caller::new(self, whose, place), BytesMut::new());
        let ended = self.answer_all(caller, checked, begun, recv, send, &mut out).await;
        let written = write(send, &mut out).await;
        ended.and(written)
    }

    /// Answers commands until the node ends the stream. What is in `out` at the end has still to be written.
    async fn answer_all<R, W>(
        &self,
        mut caller: Caller<'_>,
        mut checked: Instant,
        mut input: BytesMut,
        recv: &mut R,
        send: &mut W,
        out: &mut BytesMut,
    ) -> Result<(), RelayError>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let (mut framing, mut standing) = (Framing::new(MAX_COMMAND), Standing::default());
        loop {
            framing.restart();
            let message = match framing.take(&mut input) {
                Ok(Some(message)) => message,
                Ok(None) => {
                    write(send, out).await?;
                    make_room(&mut input, CHUNK);
                    if recv.read_buf(&mut input).await? == 0 {
                        return Ok(());
                    }
                    continue;
                }
                Err(error) => return Err(RelayError::Garbage(ServerError::new(code::OUT_OF_ORDER, error.to_string()))),
            };
            if checked.elapsed() > ADMITTED_FOR {
                checked = self.check(caller.whose()).await?;
            }
            if !answer(&mut caller, &message, &mut framing, out).await? {
                return Ok(());
            }
            // Answers to commands that came together go together.
            if out.len() > CHUNK {
                write(send, out).await?;
            }
            if let Some(offence) = caller.offence() {
                self.tell(&mut standing, caller.whose().link, offence).await;
            }
            if caller.refused_in_a_row() > MAX_REFUSED {
                return Err(RelayError::Refused);
            }
        }
    }

    /// The judge that decides now.
    pub(super) fn judge(&self) -> Arc<Judge> {
        Arc::clone(&self.judge.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is known of a host.
    pub(super) fn record(&self, host: &HostId) -> Arc<HostRecord> {
        self.records.of(host)
    }

    /// Tells who wants to know, now and then.
    async fn tell(&self, standing: &mut Standing, link: LinkId, offence: Offence) {
        if let Some(violations) = &self.violations
            && standing.is_due(offence, Instant::now())
        {
            violations.violation(link, offence.rule()).await;
        }
    }

    async fn check(&self, whose: &Whose) -> Result<Instant, RelayError> {
        if self.admission.admits(whose).await { Ok(Instant::now()) } else { Err(RelayError::NotAssigned) }
    }
}

/// What a host does wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Offence {
    /// A statement or command that no map-server comes to.
    Attack,
    /// More than it may have.
    Limit,
}

impl Offence {
    /// Its name among the fleet's rules.
    fn rule(self) -> &'static str {
        match self {
            Self::Attack => "sql_attack",
            Self::Limit => "sql_limit",
        }
    }

    /// How often it is told of one stream at most: ten attacks are over in a second, too much may be a busy minute.
    fn pause(self) -> Duration {
        match self {
            Self::Attack => Duration::from_millis(100),
            Self::Limit => Duration::from_secs(60),
        }
    }
}

/// When offences of a stream were told last.
#[derive(Debug, Default)]
struct Standing {
    attack: Option<Instant>,
    limit: Option<Instant>,
}

impl Standing {
    fn is_due(&mut self, offence: Offence, now: Instant) -> bool {
        let told = match offence {
            Offence::Attack => &mut self.attack,
            Offence::Limit => &mut self.limit,
        };
        let due = told.is_none_or(|told| now.duration_since(told) >= offence.pause());
        if due {
            *told = Some(now);
        }
        due
    }
}

/// Counts a refusal by its class.
pub(super) fn count_refused(class: &'static str) {
    metrics::counter!("bifrost_database_refused_total", "class" => class).increment(1);
}

/// Answers one command. `false` when it ends the connection.
async fn answer(
    caller: &mut Caller<'_>,
    message: &Bytes,
    framing: &mut Framing,
    out: &mut BytesMut,
) -> Result<bool, RelayError> {
    let command = Command::decode(message)
        .map_err(|error| RelayError::Garbage(ServerError::new(code::MALFORMED, error.to_string())))?;
    if command == Command::Quit {
        return Ok(false);
    }
    let started = Instant::now();
    caller.command(command, framing, out).await;
    caller.took(started.elapsed());
    Ok(true)
}

/// Writes what there is to write, and makes room for what comes next.
async fn write<W: AsyncWrite + Unpin>(send: &mut W, out: &mut BytesMut) -> Result<(), RelayError> {
    if !out.is_empty() {
        let written = timeout(WRITE_TIMEOUT, send.write_all(out)).await;
        // What could not be written is not tried again.
        out.clear();
        make_room(out, CHUNK);
        written.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
    }
    Ok(())
}
