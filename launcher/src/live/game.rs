//! Starting the game and watching it.

mod ear;

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use bifrost_client_patch::Manifest;
use bifrost_client_patch::environment::{self, Environment, Route};
use bifrost_node::config::NodeConfig;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use super::gateway::Way;
use crate::app::Inbox;
use crate::client;
use crate::effect::Hosting;
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
    /// The files that the operator names, if any.
    pub(super) client: Option<Manifest>,
    /// What it is told of hosting.
    pub(super) hosting: Hosting,
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
    verify(path.clone(), game.client).await?;
    tell(GameEvent::Step(PlayStep::Gateway)).await;
    let way = Way::open(&game.way, stop).await?;
    tell(GameEvent::Step(PlayStep::Launch)).await;
    let ear = ear::Ear::open().await.map_err(not_started)?;
    let score = bifrost_node::last_benchmark(&game.way).unwrap_or_default().performance();
    let mut child = start(&path, &environment(&game.hosting, score, &ear, way.routes()))?;
    tell(GameEvent::Running).await;
    let ended = until_ended(&mut child, ear, way.watch(inbox)).await;
    way.close().await;
    ended.map(end).map_err(not_started)
}

/// What the DLL in the game is told.
fn environment(hosting: &Hosting, score: u64, ear: &ear::Ear, routes: Vec<Route>) -> Environment {
    Environment {
        routes,
        launcher: Some(ear.address()),
        token: ear.token().to_owned(),
        enabled: hosting.enabled,
        score: u32::try_from(score).unwrap_or(u32::MAX),
        players: u16::try_from(hosting.players).unwrap_or(u16::MAX),
    }
}

/// Waits for the game's end, and meanwhile hears from its DLL and tells how its gateway fares. The gateway ends before the
/// game only when the realm will not have it any more; the game says so itself.
async fn until_ended(
    child: &mut Child,
    ear: ear::Ear,
    gateway: impl Future<Output = ()>,
) -> std::io::Result<ExitStatus> {
    let listening = async {
        let said = ear.listen().await;
        tracing::info!(process = said.process, hooked = said.hooked, "the game has loaded the DLL");
    };
    let meanwhile = async { tokio::join!(listening, gateway) };
    tokio::select! {
        status = child.wait() => return status,
        _ = meanwhile => {}
    }
    child.wait().await
}

/// Patches a game, and tells what came of it.
pub(super) async fn prepare(folder: String, program: String, manifest: Option<Manifest>) -> Event {
    let work = move || -> Result<(), Problem> {
        let path = find(Path::new(&folder), &program)?;
        Ok(client::prepare(&path, client::own_library().as_deref(), manifest.as_ref())?)
    };
    Event::Game(match off_thread(work).await {
        Ok(()) => GameEvent::Patched,
        Err(problem) => GameEvent::Failed(problem),
    })
}

async fn verify(path: PathBuf, manifest: Option<Manifest>) -> Result<(), Problem> {
    let unreadable = |error: std::io::Error| Problem::new(ProblemCode::GameNotStarted, error.to_string());
    off_thread(move || {
        let look = client::look(&path, manifest.as_ref()).map_err(unreadable)?;
        client::problem(&look.verdict).map_or(Ok(()), Err)
    })
    .await
}

/// Reads and writes whole programs, which is nothing for async threads.
async fn off_thread(work: impl FnOnce() -> Result<(), Problem> + Send + 'static) -> Result<(), Problem> {
    let failed = |error: tokio::task::JoinError| Err(Problem::new(ProblemCode::Internal, error.to_string()));
    tokio::task::spawn_blocking(work).await.unwrap_or_else(failed)
}

fn not_started(error: std::io::Error) -> Problem {
    Problem::new(ProblemCode::GameNotStarted, error.to_string())
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

fn start(path: &Path, environment: &Environment) -> Result<Child, Problem> {
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
    for name in environment::ALL {
        command.env_remove(name);
    }
    command.envs(environment.variables());
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
            let status = start(&path, &Environment::default()).expect("started").wait().await.expect("ended");
            assert_eq!(end(status), expected);
        }
    }

    #[tokio::test]
    async fn the_game_gets_what_the_dll_reads() {
        let (folder, path) = game("env >said; test -n \"$BIFROST_P2P_TOKEN\"");
        let route = Route { address: None, port: 6900, gateway: "127.0.0.1:4".parse().expect("an address") };
        let ear = ear::Ear::open().await.expect("a port");
        let told = environment(&Hosting { enabled: true, players: 70_000 }, 7_200, &ear, vec![route]);
        let mut child = start(&path, &told).expect("started");
        let status = until_ended(&mut child, ear, std::future::ready(())).await.expect("ended");
        assert_eq!(end(status), GameEnd::Closed);
        let said = std::fs::read_to_string(folder.path().join("said")).expect("written");
        let has = |line: &str| said.lines().any(|said| said == line);
        assert!(has("BIFROST_P2P_ROUTES=*:6900=127.0.0.1:4") && has("BIFROST_P2P_PLAYERS=65535"), "{said}");
        assert!(has("BIFROST_P2P_SCORE=7200") && said.contains("BIFROST_P2P_LAUNCHER=127.0.0.1:"), "{said}");
    }

    #[tokio::test]
    async fn a_game_that_is_not_the_operators_is_not_started_and_one_that_can_be_is_prepared() {
        use bifrost_client_patch::fixture::Fixture;
        use bifrost_client_patch::{LIBRARY, Sha256, patch};
        let (folder, path) = game("true");
        let (program, library) = (Fixture::default().build(), Fixture::library().build());
        let programs = vec![Sha256::of(&patch(&program).expect("patched"))];
        let manifest = Manifest { programs, libraries: vec![Sha256::of(&library)] };
        let look = async || verify(path.clone(), Some(manifest.clone())).await.expect_err("refused").code;
        assert_eq!(look().await, ProblemCode::ClientOtherBuild);
        std::fs::write(&path, &program).expect("written");
        assert_eq!(look().await, ProblemCode::ClientUnpatched);
        std::fs::write(folder.path().join(LIBRARY), &library).expect("written");
        let event = prepare(folder.path().display().to_string(), "GAME".into(), Some(manifest.clone())).await;
        assert!(matches!(event, Event::Game(GameEvent::Patched)), "{event:?}");
        assert!(verify(path.clone(), Some(manifest)).await.is_ok());
    }
}
