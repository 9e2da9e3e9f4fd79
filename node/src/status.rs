//! The status file: what the node is doing, for scripts.

use std::path::{Path, PathBuf};

use serde::Serialize;
use tokio::sync::watch;
use tracing::warn;

/// Writes every state to `path` until what it is of has ended. Readers see a whole state, never half of one.
pub(crate) async fn follow<T: Clone + Serialize>(mut state: watch::Receiver<T>, path: Option<PathBuf>) {
    let Some(path) = path else { return };
    state.mark_changed();
    while state.changed().await.is_ok() {
        let current = state.borrow_and_update().clone();
        let written = match serde_json::to_vec(&current) {
            Ok(json) => replace(&path, &json).await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = written {
            warn!(path = %path.display(), %error, "status file could not be written");
        }
    }
}

async fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let temporary = PathBuf::from(format!("{}.new", path.display()));
    tokio::fs::write(&temporary, content).await?;
    tokio::fs::rename(&temporary, path).await
}
