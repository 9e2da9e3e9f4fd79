//! Bundles: all a map-server needs at run time, as one file in the coordinator's TUF repository.
//!
//! A bundle is a tar in zstd; its target name is `linux-x86_64/12.tar.zst`. The signed targets metadata state under the key
//! [`CUSTOM`] what it is ([`BundleInfo`]). The tar holds regular files only, each under a path that [`check_path`] takes:
//! whoever packs and whoever unpacks hold the same rules.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::control::{BundleRef, EngineBuild};
use crate::layout::Abi;

/// Path of the newest TUF root in the HTTPS API. Like all of them it needs the host token.
pub const ROOT_PATH: &str = "/v1/bundles/root.json";
/// Where the HTTPS API has the other TUF metadata.
pub const METADATA_PATH: &str = "/v1/bundles/metadata/";
/// Where the HTTPS API has the bundles, by target name.
pub const TARGETS_PATH: &str = "/v1/bundles/targets/";
/// Key of [`BundleInfo`] among a target's custom metadata.
pub const CUSTOM: &str = "bifrost";

/// The largest bundle, packed, in bytes. One of a whole stock rAthena has 10 MB.
pub const MAX_PACKED: u64 = 1 << 30;
/// The most bytes of all its files. Those of a whole stock rAthena have 40 MB.
pub const MAX_UNPACKED: u64 = 4 << 30;
/// The most files. A whole stock rAthena has 2,000.
pub const MAX_FILES: u64 = 50_000;
/// The longest path of a file, in bytes: together with the folder of a node it has to stay under the 260 of Windows.
pub const MAX_PATH: usize = 150;
/// The longest metadata file that is read, in bytes. An entry of the longest one has under 1,000.
pub const MAX_METADATA: u64 = 1 << 20;
/// zstd window of a bundle, as a power of two: what unpacking may need of memory.
pub const WINDOW_LOG: u32 = 27;

/// What a bundle is, as its signed metadata state it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct BundleInfo {
    /// Grows by one with every bundle of an ABI.
    pub version: u64,
    /// `linux-x86_64` or `windows-x86_64`.
    pub abi: String,
    /// The client version its map-server was compiled for, as `20211103`.
    pub packetver: u32,
    /// Whether it is a renewal build.
    pub renewal: bool,
    /// Bytes of all its files.
    pub unpacked: u64,
    /// How many there are.
    pub files: u64,
    /// When it was made, in Unix seconds.
    pub created: u64,
}

impl BundleInfo {
    /// What its map-server was compiled for.
    #[must_use]
    pub fn build(&self) -> EngineBuild {
        EngineBuild { abi: self.abi.clone(), packetver: self.packetver, renewal: self.renewal }
    }

    /// What a node is told to run it.
    #[must_use]
    pub fn reference(&self) -> BundleRef {
        let target = format!("{}/{}.tar.zst", self.abi, self.version);
        BundleRef { version: self.version, build: Some(self.build()), target }
    }
}

/// A build in words.
#[must_use]
pub fn describe(build: &EngineBuild) -> String {
    let mode = if build.renewal { "renewal" } else { "pre-renewal" };
    format!("{}, PACKETVER {}, {mode}", build.abi, build.packetver)
}

/// The target name of a bundle.
#[must_use]
pub fn target_name(abi: Abi, version: u64) -> String {
    format!("{}/{version}.tar.zst", abi.name())
}

/// ABI and version of a target name; `None` when it is not written exactly as [`target_name`] does.
#[must_use]
pub fn parse_target(name: &str) -> Option<(Abi, u64)> {
    let (abi, file) = name.split_once('/')?;
    let (abi, version) = (Abi::named(abi)?, file.strip_suffix(".tar.zst")?.parse().ok()?);
    (target_name(abi, version) == name).then_some((abi, version))
}

/// Why a path may not be in a bundle.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum PathProblem {
    /// Nothing, `/a`, `a//b` or `a/`.
    #[error("is not a relative path of names with one / between them")]
    Form,
    /// `.` or `..`.
    #[error("leads out of its folder")]
    Dots,
    /// Longer than [`MAX_PATH`].
    #[error("has more than {MAX_PATH} bytes")]
    Long,
    /// A character that means something to one of the systems, or none that can be shown.
    #[error("has a character that not all systems take in names")]
    Character,
    /// A name that Windows keeps for itself, like `aux.txt`, or cannot keep, like `a.`.
    #[error("has a name that Windows cannot use")]
    Reserved,
}

/// Checks the path of a file in a bundle: below its folder, and the same file on every system.
///
/// # Errors
/// What is wrong with it.
pub fn check_path(path: &str) -> Result<(), PathProblem> {
    if path.len() > MAX_PATH {
        return Err(PathProblem::Long);
    }
    path.split('/').try_for_each(check_name)
}

fn check_name(name: &str) -> Result<(), PathProblem> {
    let device = |name: &str| {
        let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
        let numbered = |device: &str| stem.strip_prefix(device).is_some_and(|rest| rest.chars().count() == 1);
        matches!(stem.as_str(), "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt")
    };
    if name.is_empty() {
        Err(PathProblem::Form)
    } else if name == "." || name == ".." {
        Err(PathProblem::Dots)
    } else if name.chars().any(|char| char.is_control() || "\\:*?\"<>|".contains(char)) {
        Err(PathProblem::Character)
    } else if name.ends_with(['.', ' ']) || device(name) {
        Err(PathProblem::Reserved)
    } else {
        Ok(())
    }
}

/// Bytes for people: `4.2 MB`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
        let Some((size, unit)) = UNITS.into_iter().find(|(size, _)| self.0 >= *size) else {
            return write!(out, "{} bytes", self.0);
        };
        // Tenths are enough; rounded down, so that a limit never reads as kept when it is not.
        let tenths = self.0.checked_div(size.checked_div(10).unwrap_or(1)).unwrap_or_default();
        let (whole, rest) = (tenths.checked_div(10).unwrap_or_default(), tenths.checked_rem(10).unwrap_or_default());
        write!(out, "{whole}.{rest} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_in_their_folder_on_every_system() {
        for path in ["map-server", "conf/import/battle_conf.txt", "npc/a b/..c.txt", "db/console.yml", "db/com.txt"] {
            assert_eq!(check_path(path), Ok(()), "{path}");
        }
        for (path, problem) in [
            ("", PathProblem::Form),
            ("/etc/passwd", PathProblem::Form),
            ("a//b", PathProblem::Form),
            ("a/", PathProblem::Form),
            ("..", PathProblem::Dots),
            ("a/../../b", PathProblem::Dots),
            ("./a", PathProblem::Dots),
            ("..\\a", PathProblem::Character),
            ("c:evil.dll", PathProblem::Character),
            ("a\0b", PathProblem::Character),
            ("npc/aux.txt", PathProblem::Reserved),
            ("npc/COM1", PathProblem::Reserved),
            ("npc/nul .txt", PathProblem::Reserved),
            ("npc/a.", PathProblem::Reserved),
            ("npc/a ", PathProblem::Reserved),
        ] {
            assert_eq!(check_path(path), Err(problem), "{path:?}");
        }
        assert_eq!(check_path(&"x".repeat(MAX_PATH + 1)), Err(PathProblem::Long));
    }

    #[test]
    fn a_target_name_is_read_back_only_as_it_is_written() {
        assert_eq!(parse_target("windows-x86_64/12.tar.zst"), Some((Abi::WindowsX8664, 12)));
        for name in
            ["linux-x86_64/012.tar.zst", "linux-x86_64/+1.tar.zst", "linux-x86_64/../1.tar.zst", "amiga/1.tar.zst"]
        {
            assert_eq!(parse_target(name), None, "{name}");
        }
    }

    #[test]
    fn a_reference_names_the_target() {
        let info = BundleInfo {
            version: 7,
            abi: "linux-x86_64".into(),
            packetver: 20_211_103,
            renewal: true,
            unpacked: 1,
            files: 1,
            created: 0,
        };
        let reference = info.reference();
        assert_eq!(parse_target(&reference.target), Some((Abi::LinuxX8664, 7)));
        assert_eq!(describe(&info.build()), "linux-x86_64, PACKETVER 20211103, renewal");
    }

    #[test]
    fn sizes_are_for_people() {
        for (bytes, text) in
            [(999, "999 bytes"), (1_000, "1.0 kB"), (4_279_999, "4.2 MB"), (u64::MAX, "18446744073.7 GB")]
        {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }
}
