//! The relay: hosts' database streams, from their header to their end.
//!
//! A stream carries one SQL connection of an engine, without its handshake, which the node has had with the engine: commands
//! up, answers down, in order, framed as MySQL frames them. Commands may be sent before the answers to earlier ones.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use bifrost_protocol::ids::{Epoch, GroupName, HostId};
use bifrost_protocol::mysql::sql::MAX_STATEMENT;
use bifrost_protocol::mysql::{Command, Framing, ServerError, code};
use bytes::{Bytes, BytesMut};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use super::answers::Caller;
use super::limits::{HostLimits, Limits};
use super::policy::{Judge, Policy, PolicyError};
use super::refused::{RefusedStatement, RefusedStatements};
use super::upstream::Upstream;

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
    /// Whether a host holds this assignment of a group: its lease, or a standby's ticket.
    async fn admits(&self, host: &HostId, group: &GroupName, epoch: Epoch) -> bool;
}

/// Who hears of hosts that break the rules.
pub trait Violations: std::fmt::Debug + Send + Sync {
    /// A host's statement was refused, or it wanted too much.
    fn violation(&self, host: &HostId, class: &'static str);
}

/// Everything that database streams share.
#[derive(Debug)]
pub struct Relay {
    judge: RwLock<Arc<Judge>>,
    broken: RwLock<Option<PolicyError>>,
    upstream: Upstream,
    limits: Limits,
    refused: RefusedStatements,
    admission: Arc<dyn Admission>,
    violations: Option<Arc<dyn Violations>>,
}

/// Whose stream it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Whose {
    /// The host, from its certificate.
    pub host: HostId,
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
    /// A relay to `upstream` by `policy`.
    #[must_use]
    pub fn new(
        policy: Policy,
        upstream: Upstream,
        limits: HostLimits,
        admission: Arc<dyn Admission>,
        violations: Option<Arc<dyn Violations>>,
    ) -> Self {
        Self {
            judge: RwLock::new(Arc::new(Judge::new(policy))),
            broken: RwLock::default(),
            upstream,
            limits: Limits::new(limits),
            refused: RefusedStatements::default(),
            admission,
            violations,
        }
    }

    /// Decides by another policy from the next statement on. A text that is no policy changes nothing; why is kept for
    /// [`policy_error`](Self::policy_error).
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn reload(&self, text: &str) -> Result<(), PolicyError> {
        let read = Policy::read(text);
        *self.broken.write().unwrap_or_else(PoisonError::into_inner) = read.as_ref().err().cloned();
        let judge = Arc::new(Judge::new(read?));
        *self.judge.write().unwrap_or_else(PoisonError::into_inner) = judge;
        Ok(())
    }

    /// What was wrong with the policy that was to be read last.
    #[must_use]
    pub fn policy_error(&self) -> Option<PolicyError> {
        self.broken.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The last statements of a host that were refused.
    #[must_use]
    pub fn refused(&self, host: &HostId) -> Vec<RefusedStatement> {
        self.refused.of(host)
    }

    /// The database.
    #[must_use]
    pub fn upstream(&self) -> &Upstream {
        &self.upstream
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
        let place = self.limits.enter(&whose.host).map_err(|exceeded| {
            self.break_rule(&whose.host, exceeded.0);
            RelayError::TooMany
        })?;
        let mut checked = self.check(&whose).await?;
        let (mut framing, mut input) = (Framing::new(MAX_COMMAND), begun);
        let mut caller = Caller::new(self, whose, place);
        loop {
            framing.restart();
            let message = match framing.take(&mut input) {
                Ok(Some(message)) => message,
                Ok(None) => {
                    if input.is_empty() {
                        // Most streams are quiet most of the time.
                        input = BytesMut::new();
                    }
                    input.reserve(CHUNK);
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
            let mut out = BytesMut::new();
            if !answer(&mut caller, &message, &mut framing, &mut out).await? {
                return Ok(());
            }
            write(send, &out).await?;
            if caller.refused_in_a_row() > MAX_REFUSED {
                return Err(RelayError::Refused);
            }
        }
    }

    /// The judge that decides now.
    pub(super) fn judge(&self) -> Arc<Judge> {
        Arc::clone(&self.judge.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Remembers a refused statement and tells who wants to know.
    pub(super) fn note_refused(&self, host: &HostId, class: &'static str, reason: String, statement: &[u8]) {
        tracing::info!(%host, class, reason, "statement refused");
        self.refused.add(host, class, reason, statement);
        self.break_rule(host, class);
    }

    /// A host did what it may not.
    pub(super) fn break_rule(&self, host: &HostId, class: &'static str) {
        metrics::counter!("bifrost_database_refused_total", "class" => class).increment(1);
        if let Some(violations) = &self.violations {
            violations.violation(host, class);
        }
    }

    async fn check(&self, whose: &Whose) -> Result<Instant, RelayError> {
        if self.admission.admits(&whose.host, &whose.group, whose.epoch).await {
            Ok(Instant::now())
        } else {
            Err(RelayError::NotAssigned)
        }
    }
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
    metrics::histogram!("bifrost_database_seconds").record(started.elapsed().as_secs_f64());
    Ok(true)
}

async fn write<W: AsyncWrite + Unpin>(send: &mut W, out: &[u8]) -> Result<(), RelayError> {
    let written = timeout(WRITE_TIMEOUT, send.write_all(out)).await;
    Ok(written.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??)
}
