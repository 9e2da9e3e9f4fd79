//! What a server was compiled for: it decides the layout of every struct the server puts on chrif.

use std::fmt;

use thiserror::Error;

use super::Abi;
use super::table::Table;
use crate::control::EngineBuild;
use crate::frame::LengthTable;
use crate::inter::{char_to_map, map_to_char};

/// One build of rAthena whose struct layouts are known here.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Build {
    /// The machine.
    pub abi: Abi,
    /// The client version (`PACKETVER`).
    pub packetver: u32,
    /// Whether it is a renewal build (without `PRERE`).
    pub renewal: bool,
}

impl Build {
    /// The build the coordinator thinks in: [`CharacterImage`](super::CharacterImage) and all other views are of it.
    pub const CANONICAL: Self = Self::new(Abi::LinuxX8664, crate::PACKETVER, false);

    /// All there are.
    pub const ALL: [Self; 8] = [
        Self::CANONICAL,
        Self::new(Abi::LinuxX8664, 20_211_103, true),
        Self::new(Abi::LinuxX8664, 20_200_401, false),
        Self::new(Abi::LinuxX8664, 20_200_401, true),
        Self::new(Abi::WindowsX8664, 20_211_103, false),
        Self::new(Abi::WindowsX8664, 20_211_103, true),
        Self::new(Abi::WindowsX8664, 20_200_401, false),
        Self::new(Abi::WindowsX8664, 20_200_401, true),
    ];

    const fn new(abi: Abi, packetver: u32, renewal: bool) -> Self {
        Self { abi, packetver, renewal }
    }

    /// The build of that machine (`linux-x86_64`, `windows-x86_64`), client version and mode; `None` when its layouts
    /// are not known here.
    #[must_use]
    pub fn find(abi: &str, packetver: u32, renewal: bool) -> Option<Self> {
        let wanted = Self::new(Abi::named(abi)?, packetver, renewal);
        Self::ALL.into_iter().find(|build| *build == wanted)
    }

    /// `sizeof` of a struct by its C++ name, in bytes; `None` when no packet carries it.
    #[must_use]
    pub fn size_of(self, structure: &str) -> Option<usize> {
        Table::of(self)?.structure(structure).map(|found| found.size)
    }
}

impl fmt::Display for Build {
    /// As in `linux-x86_64 20211103 pre-renewal`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = if self.renewal { "renewal" } else { "pre-renewal" };
        write!(out, "{} {} {mode}", self.abi.name(), self.packetver)
    }
}

/// A peer stated a build whose layouts are not known here.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{stated} is none of the builds that are known: {}", Build::ALL.map(|build| build.to_string()).join(", "))]
pub struct UnknownBuild {
    /// What it stated, cut to a readable length.
    pub stated: String,
}

impl From<Build> for EngineBuild {
    fn from(build: Build) -> Self {
        Self { abi: build.abi.name().to_owned(), packetver: build.packetver, renewal: build.renewal }
    }
}

impl TryFrom<&EngineBuild> for Build {
    type Error = UnknownBuild;

    fn try_from(stated: &EngineBuild) -> Result<Self, UnknownBuild> {
        Self::find(&stated.abi, stated.packetver, stated.renewal).ok_or_else(|| {
            let abi: String = stated.abi.chars().take(32).collect();
            let mode = if stated.renewal { "renewal" } else { "pre-renewal" };
            UnknownBuild { stated: format!("{} {} {mode}", abi.escape_debug(), stated.packetver) }
        })
    }
}

/// The packet lengths of a link whose map-server is of `build`, map to char first; `None` when the build is not known.
///
/// They are the same for all builds: every packet that carries a struct states its own length, in rAthena's tables too. How
/// long exactly it has to be in a build is what a [`Transcoder`](super::Transcoder) checks.
#[must_use]
pub fn length_tables(build: Build) -> Option<[&'static LengthTable; 2]> {
    Table::of(build).map(|_| [map_to_char(), char_to_map()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_found_by_what_engines_state() {
        for build in Build::ALL {
            assert_eq!(Build::try_from(&EngineBuild::from(build)), Ok(build));
            assert_eq!(build.to_string().split(' ').count(), 3);
        }
        assert_eq!(Build::find("linux-x86_64", 20_211_103, false), Some(Build::CANONICAL));
        assert_eq!(Build::find("windows-x86_64", 20_200_401, true), Some(Build::ALL[7]));
    }

    #[test]
    fn a_build_that_is_not_known_is_named_with_those_that_are() {
        let stated =
            EngineBuild { abi: format!("linux-x86_64\n{}", "x".repeat(500)), packetver: 20_180_620, renewal: true };
        let problem = Build::try_from(&stated).expect_err("not known").to_string();
        assert!(problem.starts_with("linux-x86_64\\nxxx"), "{problem}");
        assert!(problem.contains(" 20180620 renewal is none of "), "{problem}");
        assert!(problem.contains("windows-x86_64 20200401 pre-renewal"), "{problem}");
        assert!(problem.len() < 500, "{problem}");
    }
}
