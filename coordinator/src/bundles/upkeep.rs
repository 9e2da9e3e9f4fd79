//! Keeps the metadata from expiring, and notices what commands have published since.

use std::time::{Duration, SystemTime};

use tokio::time::MissedTickBehavior;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::AbortOnDropHandle;
use tough::schema::RoleType;

use super::Bundles;
use super::error::BundleError;
use super::files::TIMESTAMP;
use super::keys::name;
use super::repository::Repository;

/// How often the timestamp is looked at: how long a new bundle takes to be noticed.
const POLL: Duration = Duration::from_secs(2);
/// How often it is looked whether something has to be signed anew. Half of the shortest life are days.
const RENEWAL_CHECK: Duration = Duration::from_hours(1);

/// The running upkeep. Dropping it stops it.
#[derive(Debug)]
pub struct UpkeepHandle {
    stop: DropGuard,
    task: AbortOnDropHandle<()>,
}

impl UpkeepHandle {
    /// Stops it and waits until what it was writing is written.
    pub async fn shutdown(self) {
        self.stop.disarm().cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "upkeep of the bundles ended badly");
        }
    }
}

/// What the upkeep remembers between its turns.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    /// The timestamp whose index is the current one.
    seen: Option<Vec<u8>>,
    /// When it was last looked whether something is due.
    checked: Option<SystemTime>,
    /// The last thing that went wrong, so that it is said once.
    problem: Option<String>,
}

impl Bundles {
    /// Signs anew what is about to expire and notices new bundles, from now on until `token` is cancelled.
    #[must_use]
    pub fn keep(&self, token: &CancellationToken) -> UpkeepHandle {
        let (token, bundles) = (token.child_token(), self.clone());
        let stop = token.clone().drop_guard();
        let task = tokio::spawn(async move {
            let mut upkeep = Upkeep::default();
            let mut polls = tokio::time::interval(POLL);
            polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    biased;
                    () = token.cancelled() => return,
                    _ = polls.tick() => {}
                }
                upkeep.turn(&bundles, SystemTime::now()).await;
            }
        });
        UpkeepHandle { stop, task: AbortOnDropHandle::new(task) }
    }
}

impl Upkeep {
    /// One look at the repository.
    pub(super) async fn turn(&mut self, bundles: &Bundles, now: SystemTime) {
        let problem = self.try_turn(bundles, now).await.err().map(|error| error.to_string());
        if problem != self.problem {
            if let Some(problem) = &problem {
                metrics::counter!("bifrost_bundle_upkeep_failures_total").increment(1);
                tracing::error!(problem, "the bundles cannot be kept up");
            }
            self.problem = problem;
        }
    }

    async fn try_turn(&mut self, bundles: &Bundles, now: SystemTime) -> Result<(), BundleError> {
        let checked = self.checked.and_then(|checked| now.duration_since(checked).ok());
        if checked.is_none_or(|since| since >= RENEWAL_CHECK) {
            let files = bundles.files.clone();
            // Not cancelled in between: what is begun is written to its end.
            match tokio::task::spawn_blocking(move || renew(&files, now)).await {
                Ok(renewed) => renewed?,
                Err(error) => return Err(BundleError::Invalid(error.to_string())),
            }
            self.checked = Some(now);
        }
        let timestamp = bundles.files.read(TIMESTAMP)?;
        if timestamp == self.seen {
            return Ok(());
        }
        bundles.reload().await?;
        self.seen = timestamp;
        Ok(())
    }
}

/// Signs anew what is due, and says what cannot be.
fn renew(files: &super::files::Files, now: SystemTime) -> Result<(), BundleError> {
    let Some(repository) = Repository::open(files)? else { return Ok(()) };
    if repository.due(now).next().is_none() {
        return Ok(());
    }
    drop(repository);
    let _lock = files.lock()?;
    let Some(mut repository) = Repository::open(files)? else { return Ok(()) };
    for role in repository.renew_due(now)? {
        tracing::info!(role = name(role), "metadata of the bundles signed anew");
    }
    for (role, expires) in repository.due(now) {
        let days = expires.duration_since(now).unwrap_or_default().as_secs() / (24 * 3_600);
        let consequence = match role {
            RoleType::Root | RoleType::Targets | RoleType::Snapshot | RoleType::DelegatedTargets => {
                "put its key back for a moment: no node takes a bundle when it has expired"
            }
            RoleType::Timestamp => "its key is needed all the time: put it back",
        };
        tracing::warn!(role = name(role), days, consequence, "metadata of the bundles cannot be signed anew");
    }
    Ok(())
}
