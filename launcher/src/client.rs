//! The game's files: looking at them, and preparing them. What is good is decided in `bifrost_client_patch`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bifrost_client_patch::{
    Hook, ImageError, LIBRARY, Library, Manifest, PatchError, Program, Verdict, inspect, inspect_library, judge, patch,
};
use thiserror::Error;

use crate::view::{Problem, ProblemCode};

/// What is added to the name of a program that was replaced.
const BACKUP: &str = "original";

/// What is to be thought of a game, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Look {
    /// The program; none where it is no 32-bit Windows program.
    pub program: Result<Program, ImageError>,
    /// The library beside it; none where there is none, or something else has its name.
    pub library: Option<Library>,
    /// What both together are.
    pub verdict: Verdict,
}

/// Why a game could not be prepared.
#[derive(Debug, Error)]
pub enum PrepareError {
    /// It is not to be rewritten.
    #[error("{0}")]
    Refused(#[from] PatchError),
    /// It is not what the operator names, and would not be.
    #[error("{0}")]
    OtherBuild(String),
    /// There is no library to put beside it.
    #[error("{LIBRARY} did not come with this launcher")]
    NoLibrary,
    /// The library that came with the launcher is not the one that is wanted.
    #[error("the {LIBRARY} of this launcher: {0}")]
    Library(String),
    /// Its folder cannot be written to, or the game runs.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Looks at a program and at the library beside it. Reads both whole: not for async threads.
///
/// # Errors
/// The program cannot be read.
pub fn look(path: &Path, manifest: Option<&Manifest>) -> io::Result<Look> {
    let program = inspect(&fs::read(path)?);
    let library = fs::read(path.with_file_name(LIBRARY)).ok().and_then(|file| inspect_library(&file).ok());
    let verdict = match (&program, manifest) {
        (Ok(program), manifest) => judge(manifest, program, library.as_ref()),
        (Err(_), None) => Verdict::Plain,
        (Err(error), Some(_)) => Verdict::OtherBuild(error.to_string()),
    };
    Ok(Look { program, library, verdict })
}

/// The library that came with the launcher: beside its program, or where Linux packages put it.
#[must_use]
pub fn own_library() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let folder = program.parent()?;
    let places = [folder.join(LIBRARY), folder.join("../lib/bifrost").join(LIBRARY)];
    places.into_iter().find(|path| path.is_file())
}

/// Patches a program, unless it is, and puts the library beside it. The program that was there is kept beside it too. Either
/// file is replaced in one step; what is good already is left alone.
///
/// # Errors
/// Nothing was changed, or only the library was: the program is patched last.
pub fn prepare(path: &Path, library: Option<&Path>, manifest: Option<&Manifest>) -> Result<(), PrepareError> {
    let original = fs::read(path)?;
    let program = inspect(&original).map_err(PatchError::from)?;
    let patched = match program.hook {
        Hook::None(_) => Some(patch(&original)?),
        Hook::Entry(_) | Hook::Import => None,
        Hook::Broken(why) => return Err(PrepareError::OtherBuild(why.into())),
    };
    let becomes = match &patched {
        Some(patched) => inspect(patched).map_err(PatchError::from)?,
        None => program,
    };
    let there = fs::read(path.with_file_name(LIBRARY)).ok().and_then(|file| inspect_library(&file).ok());
    match judge(manifest, &becomes, there.as_ref()) {
        Verdict::Good => {}
        Verdict::Library(_) => put_library(path, &becomes, library, manifest)?,
        Verdict::OtherBuild(why) => return Err(PrepareError::OtherBuild(why)),
        Verdict::Plain | Verdict::Unpatched => return Err(PatchError::AlreadyPatched.into()),
    }
    if let Some(patched) = patched {
        let backup = path.with_file_name(format!("{}.{BACKUP}", path.file_name().unwrap_or_default().display()));
        replace(&backup, &original, path)?;
        replace(path, &patched, path)?;
    }
    Ok(())
}

fn put_library(
    path: &Path,
    program: &Program,
    library: Option<&Path>,
    manifest: Option<&Manifest>,
) -> Result<(), PrepareError> {
    let file = fs::read(library.ok_or(PrepareError::NoLibrary)?)?;
    let library = inspect_library(&file).map_err(|error| PrepareError::Library(error.to_string()))?;
    match judge(manifest, program, Some(&library)) {
        Verdict::Good => Ok(replace(&path.with_file_name(LIBRARY), &file, path)?),
        Verdict::Library(why) | Verdict::OtherBuild(why) => Err(PrepareError::Library(why)),
        Verdict::Plain | Verdict::Unpatched => Err(PatchError::AlreadyPatched.into()),
    }
}

/// Writes a file in one step, with the permissions of another.
fn replace(path: &Path, content: &[u8], like: &Path) -> io::Result<()> {
    let temporary = PathBuf::from(format!("{}.{:08x}.new", path.display(), rand::random::<u32>()));
    let write = || {
        use std::io::Write;
        let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        file.write_all(content)?;
        file.set_permissions(fs::metadata(like)?.permissions())?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().inspect_err(|_| drop(fs::remove_file(&temporary)))
}

/// What the window is told of a game that is not started.
#[must_use]
pub fn problem(verdict: &Verdict) -> Option<Problem> {
    match verdict {
        Verdict::Good | Verdict::Plain => None,
        Verdict::Unpatched => Some(Problem::new(ProblemCode::ClientUnpatched, "it is not patched")),
        Verdict::Library(why) => Some(Problem::new(ProblemCode::ClientLibrary, format!("{LIBRARY}: {why}"))),
        Verdict::OtherBuild(why) => Some(Problem::new(ProblemCode::ClientOtherBuild, why.clone())),
    }
}

impl From<PrepareError> for Problem {
    fn from(error: PrepareError) -> Self {
        let code = match &error {
            PrepareError::Refused(_) | PrepareError::OtherBuild(_) => ProblemCode::ClientOtherBuild,
            PrepareError::NoLibrary | PrepareError::Library(_) => ProblemCode::ClientLibrary,
            PrepareError::Io(_) => ProblemCode::ClientNotWritten,
        };
        Self::new(code, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use bifrost_client_patch::Sha256;
    use bifrost_client_patch::fixture::Fixture;

    use super::*;

    /// A game's folder, the launcher's library, and what the operator says of both.
    fn game(fixture: &Fixture) -> (tempfile::TempDir, PathBuf, PathBuf, Manifest) {
        let folder = tempfile::tempdir().expect("a folder");
        let (program, library) = (folder.path().join("Ragexe.exe"), folder.path().join("of-launcher.dll"));
        let dll = Fixture::library().build();
        fs::write(&program, fixture.build()).expect("written");
        fs::write(&library, &dll).expect("written");
        let patched = patch(&Fixture::default().build()).expect("patched");
        let manifest = Manifest { programs: vec![Sha256::of(&patched)], libraries: vec![Sha256::of(&dll)] };
        (folder, program, library, manifest)
    }

    fn code(path: &Path, manifest: Option<&Manifest>) -> Option<ProblemCode> {
        problem(&look(path, manifest).expect("readable").verdict).map(|problem| problem.code)
    }

    #[test]
    fn a_game_is_prepared_and_what_it_was_is_kept() {
        let (folder, program, library, manifest) = game(&Fixture::default());
        assert_eq!(code(&program, Some(&manifest)), Some(ProblemCode::ClientUnpatched));
        for _ in 0..2 {
            prepare(&program, Some(&library), Some(&manifest)).expect("prepared");
            assert_eq!(look(&program, Some(&manifest)).expect("readable").verdict, Verdict::Good);
        }
        let backup = folder.path().join("Ragexe.exe.original");
        assert_eq!(fs::read(backup).expect("kept"), Fixture::default().build());
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 4, "nothing half-written stays");
        fs::remove_file(folder.path().join(LIBRARY)).expect("removed");
        assert_eq!(code(&program, Some(&manifest)), Some(ProblemCode::ClientLibrary));
        prepare(&program, Some(&library), Some(&manifest)).expect("prepared");
        assert_eq!(code(&program, Some(&manifest)), None);
    }

    #[test]
    fn nothing_is_changed_when_it_would_not_be_the_operators_build() {
        let other = Fixture { overlay: 4, ..Fixture::default() };
        let (folder, program, library, manifest) = game(&other);
        assert_eq!(code(&program, Some(&manifest)), Some(ProblemCode::ClientOtherBuild));
        let error = prepare(&program, Some(&library), Some(&manifest)).expect_err("another build");
        assert_eq!(Problem::from(error).code, ProblemCode::ClientOtherBuild);
        assert_eq!(fs::read(&program).expect("there"), other.build());
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 2);
    }

    #[test]
    fn without_a_good_library_the_program_stays_as_it_was() {
        let (_folder, program, library, manifest) = game(&Fixture::default());
        let refused = |library: Option<&Path>| {
            let error = prepare(&program, library, Some(&manifest)).expect_err("no library");
            assert_eq!(fs::read(&program).expect("there"), Fixture::default().build());
            Problem::from(error).code
        };
        assert_eq!(refused(None), ProblemCode::ClientLibrary);
        fs::write(&library, Fixture { overlay: 9, ..Fixture::library() }.build()).expect("written");
        assert_eq!(refused(Some(&library)), ProblemCode::ClientLibrary);
        assert_eq!(refused(Some(&library.with_file_name("gone.dll"))), ProblemCode::ClientNotWritten);
    }

    #[test]
    fn without_a_manifest_only_what_contradicts_itself_is_a_problem() {
        let (folder, program, library, _) = game(&Fixture::default());
        assert_eq!(code(&program, None), None);
        let script = folder.path().join("game");
        fs::write(&script, "#!/bin/sh\n").expect("written");
        assert_eq!(code(&script, None), None);
        prepare(&program, Some(&library), None).expect("prepared");
        assert_eq!(code(&program, None), None);
        fs::remove_file(folder.path().join(LIBRARY)).expect("removed");
        assert_eq!(code(&program, None), Some(ProblemCode::ClientLibrary));
        assert!(prepare(&script, Some(&library), None).is_err());
    }
}
