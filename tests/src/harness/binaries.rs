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

/// Names a folder of other builds of the programs, as scripts that run those of Windows under wine.
pub(super) const ELSEWHERE: &str = "BIFROST_PROGRAMS";

impl Program {
    /// The program's path: in the folder that `BIFROST_PROGRAMS` names, or built by the same profile as the program that asks.
    ///
    /// # Errors
    /// It has not been built.
    pub fn path(self) -> Result<PathBuf> {
        let name = match self {
            Self::Coordinator => "bifrost-coordinator",
            Self::Node => "bifrost-node",
            Self::Puppet => "puppet",
        };
        if let Some(folder) = std::env::var_os(ELSEWHERE) {
            return Ok(PathBuf::from(folder).join(name));
        }
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
