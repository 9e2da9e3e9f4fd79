//! Starting the game and watching it.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use tokio::process::{Child, Command};

use crate::app::Inbox;
use crate::event::{Event, GameEvent};
use crate::view::{GameEnd, PlayStep, Problem, ProblemCode};

/// Runs Windows programs elsewhere.
pub(super) const WINE: &str = "wine";

/// Verifies, starts and watches the game, telling every step.
pub(super) async fn play(inbox: Inbox, folder: String, program: String) {
    let tell = async |event| inbox.tell(Event::Game(event)).await;
    tell(GameEvent::Step(PlayStep::Verify)).await;
    let path = match find(Path::new(&folder), &program) {
        Ok(path) => path,
        Err(problem) => return tell(GameEvent::Failed(problem)).await,
    };
    tell(GameEvent::Step(PlayStep::Launch)).await;
    let mut child = match start(&path) {
        Ok(child) => child,
        Err(problem) => return tell(GameEvent::Failed(problem)).await,
    };
    tell(GameEvent::Running).await;
    let ended = match child.wait().await {
        Ok(status) => GameEvent::Ended(end(status)),
        Err(error) => GameEvent::Failed(Problem::new(ProblemCode::GameNotStarted, error.to_string())),
    };
    tell(ended).await;
}

/// The game's program. On Windows names differ in case only by accident, so case does not count anywhere.
pub(super) fn find(folder: &Path, program: &str) -> Result<PathBuf, Problem> {
    let entries =
        std::fs::read_dir(folder).map_err(|error| Problem::new(ProblemCode::ClientMissing, error.to_string()))?;
    let is_it = |name: &std::ffi::OsStr| name.to_string_lossy().eq_ignore_ascii_case(program);
    let found = entries.flatten().find(|entry| is_it(&entry.file_name())).map(|entry| entry.path());
    found
        .filter(|path| path.is_file())
        .ok_or_else(|| Problem::new(ProblemCode::ClientProgramMissing, format!("there is no {program}")))
}

/// Whether a program needs wine here.
pub(super) fn needs_wine(path: &Path) -> bool {
    let is_windows_program = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("exe"));
    !cfg!(windows) && is_windows_program
}

fn start(path: &Path) -> Result<Child, Problem> {
    let mut command = if needs_wine(path) {
        let mut wine = Command::new(WINE);
        wine.arg(path);
        wine
    } else {
        Command::new(path)
    };
    if let Some(folder) = path.parent() {
        command.current_dir(folder);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map_err(|error| {
        let missing_wine = needs_wine(path) && error.kind() == std::io::ErrorKind::NotFound;
        let code = if missing_wine { ProblemCode::WineMissing } else { ProblemCode::GameNotStarted };
        Problem::new(code, error.to_string())
    })
}

fn end(status: ExitStatus) -> GameEnd {
    match status.code() {
        Some(0) => GameEnd::Closed,
        Some(code) => GameEnd::Crashed { code: Some(code) },
        None => GameEnd::Killed,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn game(script: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("Game");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("made executable");
        (folder, path)
    }

    #[test]
    fn the_program_is_found_whatever_its_case_and_missing_ones_are_told_apart() {
        let (folder, path) = game("true");
        assert_eq!(find(folder.path(), "gAME").expect("found"), path);
        let code = |folder: &Path, program| find(folder, program).expect_err("missing").code;
        assert_eq!(code(folder.path(), "other"), ProblemCode::ClientProgramMissing);
        assert_eq!(code(&folder.path().join("none"), "Game"), ProblemCode::ClientMissing);
    }

    #[tokio::test]
    async fn the_end_of_a_game_is_told_apart() {
        for (script, expected) in [
            ("exit 0", GameEnd::Closed),
            ("exit 3", GameEnd::Crashed { code: Some(3) }),
            ("kill -9 $$", GameEnd::Killed),
        ] {
            let (_folder, path) = game(script);
            let status = start(&path).expect("started").wait().await.expect("ended");
            assert_eq!(end(status), expected);
        }
    }
}
