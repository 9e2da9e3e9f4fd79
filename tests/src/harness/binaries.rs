//! Where the programs are.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// A program of this workspace.
#[derive(Clone, Copy, Debug)]
pub enum Program {
    /// `bifrost-coordinator`.
    Coordinator,
    /// `bifrost-node`.
    Node,
    /// `puppet`, the stand-in for a stock map-server.
    Puppet,
}

impl Program {
    /// The program's path: built by the same profile as the program that asks.
    ///
    /// # Errors
    /// It has not been built.
    pub fn path(self) -> Result<PathBuf> {
        let name = match self {
            Self::Coordinator => "bifrost-coordinator",
            Self::Node => "bifrost-node",
            Self::Puppet => "puppet",
        };
        let own = std::env::current_exe().context("the path of this program")?;
        // target/PROFILE/demo, or target/PROFILE/deps/suite-HASH.
        for folder in own.ancestors().skip(1).take(2) {
            let path = folder.join(name);
            if path.is_file() {
                return Ok(path);
            }
        }
        bail!("{name} has not been built: cargo build --workspace --bins");
    }
}
