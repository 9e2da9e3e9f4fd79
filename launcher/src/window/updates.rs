//! Newer launchers: found at the operator's endpoint, verified with the operator's key, put in this one's place.
//!
//! A signature has to carry the version it was made for (`requireSignedVersion` in `tauri.conf.json`), so that nobody can
//! offer an old release under a new number.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bifrost_launcher::app::Inbox;
use bifrost_launcher::event::Event;
use bifrost_launcher::realm::Realm;
use tauri::{AppHandle, Runtime, Url};
use tauri_plugin_updater::{Update, UpdaterExt};
use tokio_util::sync::CancellationToken;

/// How long asking, and how long fetching may take.
const PATIENCE: Duration = Duration::from_secs(20 * 60);
/// The largest release that is fetched, in bytes. It is held in memory until it is verified.
const MAX_RELEASE: usize = 256 * 1024 * 1024;

/// The update that was found last.
#[derive(Clone, Default)]
pub(crate) struct Updates(Arc<Mutex<Option<Update>>>);

impl std::fmt::Debug for Updates {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Updates")
    }
}

impl Updates {
    /// Looks for one, and tells when there is.
    pub(crate) async fn find(self, app: AppHandle, realm: Box<Realm>, inbox: Inbox) {
        if !replaces_itself(&app) {
            tracing::debug!("this program is updated as the system's other packages are");
            return;
        }
        match look(&app, &realm).await {
            Ok(Some(update)) => {
                let version = update.version.clone();
                *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(update);
                inbox.tell(Event::UpdateFound(version)).await;
            }
            Ok(None) => tracing::debug!("no update"),
            Err(error) => tracing::warn!(%error, "updates cannot be looked for"),
        }
    }

    /// Fetches, verifies and installs it. On Windows this program ends within, and the installer starts the new one.
    pub(crate) async fn install(self, inbox: Inbox) {
        let update = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let installed = match update {
            Some(update) => fetch_and_install(update, &inbox).await,
            None => Err("it was not found by this program".to_owned()),
        };
        match installed {
            Ok(()) => inbox.tell(Event::UpdateInstalled).await,
            Err(error) => {
                tracing::error!(%error, "the update was not installed");
                inbox.tell(Event::UpdateFailed).await;
            }
        }
    }
}

/// Whether this program is a file that its user may replace. On Linux that is an AppImage; a package's program is root's.
#[cfg(target_os = "linux")]
fn replaces_itself(app: &AppHandle) -> bool {
    use tauri::Manager;

    app.env().appimage.is_some()
}

#[cfg(not(target_os = "linux"))]
fn replaces_itself(_: &AppHandle) -> bool {
    true
}

async fn look<R: Runtime>(
    app: &AppHandle<R>,
    realm: &Realm,
) -> Result<Option<Update>, Box<dyn std::error::Error + Send + Sync>> {
    let Some(updates) = &realm.description.updates else { return Ok(None) };
    let ca = reqwest::Certificate::from_pem(realm.description.ca.as_bytes())?;
    let updater = app
        .updater_builder()
        .pubkey(updates.key.clone())
        .endpoints(vec![Url::parse(&updates.endpoint)?])?
        .timeout(PATIENCE)
        // The operator may serve releases with the realm's own certificate, or anybody's.
        .configure_client(move |client| client.https_only(true).tls_certs_merge([ca.clone()]))
        .build()?;
    Ok(updater.check().await?)
}

async fn fetch_and_install(update: Update, inbox: &Inbox) -> Result<(), String> {
    let release = fetch(&update, |percent| inbox.tell_later(Event::UpdateProgress(percent))).await?;
    // It writes files and may ask for a password.
    let installed = tokio::task::spawn_blocking(move || update.install(release)).await;
    installed.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

/// The release, verified. Tells the percent that are here.
async fn fetch(update: &Update, tell: impl Fn(u8)) -> Result<Vec<u8>, String> {
    let too_large = CancellationToken::new();
    let (mut here, mut said) = (0_usize, 0_u8);
    let on_chunk = |chunk: usize, all: Option<u64>| {
        here = here.saturating_add(chunk);
        if here > MAX_RELEASE {
            too_large.cancel();
        }
        let percent = all.map_or(0, |all| (here as u64).saturating_mul(100) / all.max(1));
        let percent = u8::try_from(percent.min(100)).unwrap_or(100);
        if percent > said {
            said = percent;
            tell(percent);
        }
    };
    let fetched = too_large.run_until_cancelled(update.download(on_chunk, || {})).await;
    fetched.ok_or("it is too large")?.map_err(|error| error.to_string())
}

#[cfg(all(test, feature = "mock-window"))]
mod tests;
