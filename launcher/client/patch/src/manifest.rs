//! What the operator says is good.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::Digest;

use crate::inspect::{Hook, Library, Program};

/// The most files of a kind that a manifest names.
const MAX_FILES: usize = 16;

/// The SHA-256 of a file; 64 hex digits where it is written.
#[derive(Clone, Copy, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// Of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl From<Sha256> for String {
    fn from(hash: Sha256) -> Self {
        hash.to_string()
    }
}

impl TryFrom<String> for Sha256 {
    type Error = hex::FromHexError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map(|()| Self(bytes))
    }
}

/// The files of a realm's client. Part of the signed realm file.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Patched programs, any of them.
    pub programs: Vec<Sha256>,
    /// Libraries, any of them.
    pub libraries: Vec<Sha256>,
}

impl Manifest {
    /// What cannot be.
    ///
    /// # Errors
    /// It names no file of a kind, or too many.
    pub fn check(&self) -> Result<(), String> {
        let fits = |files: &[Sha256]| (1..=MAX_FILES).contains(&files.len());
        if fits(&self.programs) && fits(&self.libraries) {
            Ok(())
        } else {
            Err(format!("client: expected 1 to {MAX_FILES} programs and as many libraries"))
        }
    }
}

/// What is to be thought of a client.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It is as the operator wants it.
    Good,
    /// It loads no library, and nobody said that it has to.
    Plain,
    /// It is the operator's build, and not patched yet: that can be done here.
    Unpatched,
    /// The program is good; the library beside it is missing or another one.
    Library(String),
    /// It is another build than the operator's, or damaged.
    OtherBuild(String),
}

/// Judges a program and the library beside it, if there is one. Without a manifest only what contradicts itself is bad.
#[must_use]
pub fn judge(manifest: Option<&Manifest>, program: &Program, library: Option<&Library>) -> Verdict {
    let other_build = |hash: &Sha256| Verdict::OtherBuild(format!("the realm file does not name {hash}"));
    let is_named = |hash: &Sha256| manifest.is_none_or(|manifest| manifest.programs.contains(hash));
    match (&program.hook, manifest) {
        (Hook::Broken(why), _) => Verdict::OtherBuild((*why).into()),
        (Hook::None(_), None) => Verdict::Plain,
        (Hook::None(Err(why)), Some(_)) => Verdict::OtherBuild(format!("it is not patched, and cannot be here: {why}")),
        (Hook::None(Ok(patched)), Some(_)) if is_named(patched) => Verdict::Unpatched,
        (Hook::None(Ok(patched)), Some(_)) => other_build(patched),
        (Hook::Entry(_) | Hook::Import, _) if !is_named(&program.sha256) => other_build(&program.sha256),
        (Hook::Entry(_) | Hook::Import, _) => judge_library(manifest, library),
    }
}

fn judge_library(manifest: Option<&Manifest>, library: Option<&Library>) -> Verdict {
    let Some(library) = library else { return Verdict::Library("it is not there".into()) };
    if let Some(function) = library.missing.first() {
        return Verdict::Library(format!("it does not export {function}"));
    }
    if manifest.is_some_and(|manifest| !manifest.libraries.contains(&library.sha256)) {
        return Verdict::Library(format!("the realm file does not name {}", library.sha256));
    }
    Verdict::Good
}
