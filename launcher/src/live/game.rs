//! Starting the game and watching it.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use bifrost_node::config::NodeConfig;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use super::gateway::Way;
use crate::app::Inbox;
use crate::event::{Event, GameEvent};
use crate::view::{GameEnd, PlayStep, Problem, ProblemCode};

/// Runs Windows programs elsewhere.
pub(super) const WINE: &str = "wine";

/// A game that is to be played.
#[derive(Debug)]
pub(super) struct Game {
    /// Where it is.
    pub(super) folder: String,
    /// What to start in it.
    pub(super) program: String,
    /// The realm and who plays there, for the gateway.
    pub(super) way: NodeConfig,
}

/// Verifies, starts and watches the game, telling every step.
pub(super) async fn play(inbox: Inbox, game: Game, stop: &CancellationToken) {
    let ended = match run(&inbox, game, stop).await {
        Ok(end) => GameEvent::Ended(end),
        Err(problem) => GameEvent::Failed(problem),
    };
    inbox.tell(Event::Game(ended)).await;
}

async fn run(inbox: &Inbox, game: Game, stop: &CancellationToken) -> Result<GameEnd, Problem> {
    let tell = async |event| inbox.tell(Event::Game(event)).await;
    tell(GameEvent::Step(PlayStep::Verify)).await;
    let path = find(Path::new(&game.folder), &game.program)?;
    tell(GameEvent::Step(PlayStep::Gateway)).await;
    let way = Way::open(&game.way, stop).await?;
    tell(GameEvent::Step(PlayStep::Launch)).await;
    let mut child = start(&path, way.variables())?;
    tell(GameEvent::Running).await;
    let status = tokio::select! {
        status = child.wait() => status,
        // It ends before the game only when the realm will not have it any more; the game says so itself.
        () = way.watch(inbox) => child.wait().await,
    };
    way.close().await;
    status.map(end).map_err(|error| Problem::new(ProblemCode::GameNotStarted, error.to_string()))
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

fn start(path: &Path, environment: impl IntoIterator<Item = (&'static str, String)>) -> Result<Child, Problem> {
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
    command.envs(environment);
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
            let status = start(&path, []).expect("started").wait().await.expect("ended");
            assert_eq!(end(status), expected);
        }
    }
}
