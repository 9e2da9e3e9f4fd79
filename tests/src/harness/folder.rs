//! The folder of a deployment.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

/// A temporary folder that outlives a failure, so that logs can be read.
#[derive(Debug)]
pub struct Folder {
    folder: Option<TempDir>,
    path: PathBuf,
}

impl Folder {
    /// Makes a folder in the system's place for temporary files.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("bifrost-").tempdir().context("making a temporary folder")?;
        Ok(Self { path: folder.path().to_owned(), folder: Some(folder) })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves the folder behind when this is dropped.
    pub fn keep(&mut self) {
        if let Some(folder) = self.folder.take() {
            let _kept = folder.keep();
        }
    }
}

impl Drop for Folder {
    #[expect(clippy::print_stderr, reason = "a failed test says where its logs are")]
    fn drop(&mut self) {
        if std::thread::panicking() && self.folder.is_some() {
            self.keep();
            eprintln!("logs of this test: {}", self.path.display());
        }
    }
}
