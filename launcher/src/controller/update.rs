//! Newer launchers: looked for now and then, and installed while nobody plays, hosts or looks, or when asked to.

use std::time::Duration;

use super::{Controller, NodeSide};
use crate::command::CommandError;
use crate::effect::Effect;
use crate::view::{PlayView, UpdateView};

/// The first look waits until the launcher has settled.
const FIRST_LOOK: Duration = Duration::from_secs(60);
/// Between looks.
const INTERVAL: Duration = Duration::from_secs(6 * 3_600);
/// How long nobody has to have played, hosted or looked before an update is installed unasked.
const QUIET: Duration = Duration::from_secs(600);

/// What is remembered besides the view.
#[derive(Debug, Default)]
pub(super) struct Updates {
    looked: Option<Duration>,
    quiet: Option<Duration>,
    /// The version that could not be installed: not tried again unasked.
    broken: Option<String>,
}

impl Controller {
    /// Only a newer version counts: an older one, signed as it may be, is how old faults come back.
    pub(super) fn update_found(&mut self, version: String) {
        if self.updating.is_some() {
            return;
        }
        if is_newer(&version, env!("CARGO_PKG_VERSION")) {
            self.update = UpdateView::Ready { version };
        } else {
            tracing::warn!(version, "offered as an update, and is not newer");
        }
    }

    /// The update was not installed. Whoever looks may try again.
    pub(super) fn update_failed(&mut self) {
        self.updating = None;
        if let UpdateView::Ready { version } | UpdateView::Waiting { version } = &self.update {
            self.updates.broken = Some(version.clone());
        }
    }

    /// Looks, waits and installs.
    pub(super) fn settle_update(&mut self, effects: &mut Vec<Effect>) {
        self.look_for_updates(effects);
        self.update = match std::mem::take(&mut self.update) {
            UpdateView::None => UpdateView::None,
            UpdateView::Waiting { version } | UpdateView::Ready { version } if self.is_busy() => {
                UpdateView::Waiting { version }
            }
            UpdateView::Waiting { version } | UpdateView::Ready { version } => UpdateView::Ready { version },
        };
        let quiet = matches!(&self.update, UpdateView::Ready { version }
            if !self.watched && !self.quitting && self.updating.is_none() && self.updates.broken.as_ref() != Some(version));
        if !quiet {
            self.updates.quiet = None;
        } else if self.now.since_start.saturating_sub(*self.updates.quiet.get_or_insert(self.now.since_start)) >= QUIET
        {
            self.begin_update(effects);
        }
    }

    pub(super) fn install_update(&mut self, effects: &mut Vec<Effect>) -> Result<(), CommandError> {
        match self.update {
            UpdateView::Ready { .. } if self.updating.is_none() => {
                self.begin_update(effects);
                Ok(())
            }
            UpdateView::Ready { .. } | UpdateView::Waiting { .. } | UpdateView::None => {
                Err(CommandError::not_now("there is no update that may be installed now"))
            }
        }
    }

    fn begin_update(&mut self, effects: &mut Vec<Effect>) {
        self.updates.quiet = None;
        self.updating = Some(None);
        effects.push(Effect::InstallUpdate);
    }

    fn look_for_updates(&mut self, effects: &mut Vec<Effect>) {
        let Some(realm) = self.realm.as_ref().filter(|realm| realm.description.updates.is_some()) else { return };
        let now = self.now.since_start;
        let due = self.updates.looked.map_or(FIRST_LOOK, |looked| looked + INTERVAL);
        if self.updating.is_none() && now >= due {
            self.updates.looked = Some(now);
            effects.push(Effect::FindUpdate { realm: Box::new(realm.clone()) });
        }
    }

    /// Whether an update has to wait.
    fn is_busy(&self) -> bool {
        let plays = matches!(self.game, PlayView::Starting { .. } | PlayView::Running { .. });
        plays || !matches!(self.node, NodeSide::Off { .. })
    }
}

/// Whether a version of numbers and dots is later than another. What is no version is not newer.
fn is_newer(version: &str, than: &str) -> bool {
    let numbers = |text: &str| text.split('.').map(|part| part.parse::<u64>().ok()).collect::<Option<Vec<_>>>();
    match (numbers(version), numbers(than)) {
        (Some(version), Some(than)) => version > than,
        _ => false,
    }
}
