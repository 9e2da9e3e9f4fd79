//! The process of an engine: started so that it cannot outlive the node, ended gently or not.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc;

use thiserror::Error;
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::folder::RunFolder;
use super::limits::{Cage, Limits, cage, prepare};

/// The node's own settings, secrets among them, which are none of an engine's business.
const OWN_VARIABLES: &str = "BIFROST_NODE__";

/// A running map-server. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    _cage: Cage,
}

/// The process could not be started.
#[derive(Debug, Error)]
#[error("the map-server cannot be started: {0}")]
pub(super) struct StartError(String);

impl Process {
    /// Starts the map-server of a run folder. What it prints comes out of the two pipes.
    pub(super) async fn start(
        folder: &RunFolder,
        bundle: &Path,
        limits: Limits,
    ) -> Result<(Self, ChildStdout, ChildStderr), StartError> {
        let command = command(folder.program(), folder.path(), bundle, limits);
        let mut child = spawn(command).await.map_err(|error| StartError(error.to_string()))?;
        let process = cage(&child, limits);
        if let Some(pid) = child.id() {
            folder.note(pid);
        }
        let (Some(output), Some(errors)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(StartError("it has no output".into()));
        };
        Ok((Self { child, _cage: process }, output, errors))
    }

    /// Waits for its end. Cancel safe.
    pub(super) async fn ended(&mut self) -> String {
        match self.child.wait().await {
            Ok(status) => said(status),
            Err(error) => format!("could not be waited for: {error}"),
        }
    }

    /// Asks it to save everybody and end. `false` when it cannot be asked here, or is gone.
    pub(super) fn ask_to_end(&self) -> bool {
        self.child.id().is_some_and(terminate)
    }

    /// Ends it at once.
    pub(super) fn kill(&mut self) {
        // Fails only when it has ended already.
        let _gone = self.child.start_kill();
    }
}

fn command(program: PathBuf, folder: &Path, bundle: &Path, limits: Limits) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with(OWN_VARIABLES) {
            command.env_remove(name);
        }
    }
    let libraries = bundle.join("lib");
    if cfg!(unix) && libraries.is_dir() {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    prepare(&mut command, limits);
    command
}

/// Starts a child from a thread that lives as long as this process: on Linux a child dies with the thread that started it,
/// and the runtime's own threads may end before.
async fn spawn(mut command: Command) -> std::io::Result<Child> {
    type Job = Box<dyn FnOnce() + Send>;
    static PARENT: OnceLock<Option<mpsc::Sender<Job>>> = OnceLock::new();
    let parent = PARENT.get_or_init(|| {
        let (jobs, received) = mpsc::channel::<Job>();
        let run = move || received.into_iter().for_each(|job| job());
        std::thread::Builder::new().name("engines".into()).spawn(run).ok().map(|_| jobs)
    });
    let (answer, answered) = oneshot::channel();
    let runtime = Handle::current();
    let job = Box::new(move || {
        let _within = runtime.enter();
        // Nobody waits for it any more: dropping the child kills it.
        drop(answer.send(command.spawn()));
    });
    let gone = || std::io::Error::other("the thread that starts engines is gone");
    parent.as_ref().ok_or_else(gone)?.send(job).map_err(|_| gone())?;
    answered.await.map_err(|_| gone())?
}

/// How a process ended, for people.
fn said(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("was ended by signal {signal}");
    }
    match status.code() {
        Some(code) => format!("ended with exit code {code}"),
        None => "ended".into(),
    }
}

#[cfg(unix)]
fn terminate(pid: u32) -> bool {
    signal(pid, rustix::process::Signal::TERM)
}

/// A process without a console cannot be asked here. The coordinator moves its players away before it is stopped.
#[cfg(not(unix))]
fn terminate(_: u32) -> bool {
    false
}

#[cfg(unix)]
fn signal(pid: u32, signal: rustix::process::Signal) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::kill_process(pid, signal).is_ok())
}

/// Kills a process that was left in a run folder. Only one that works in there: numbers of processes are used again.
#[cfg(target_os = "linux")]
pub(super) fn end_stray(pid: u32, folder: &Path) {
    let works_in = std::fs::read_link(format!("/proc/{pid}/cwd"));
    if let (Ok(works_in), Ok(folder)) = (works_in, folder.canonicalize())
        && works_in == folder
    {
        tracing::warn!(pid, "an engine that was left behind is killed");
        signal(pid, rustix::process::Signal::KILL);
    }
}

/// Elsewhere the system has ended it with the node.
#[cfg(not(target_os = "linux"))]
pub(super) fn end_stray(_: u32, _: &Path) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use tokio::io::{AsyncBufReadExt, BufReader};

    use super::*;
    use crate::config::EngineConfig;
    use crate::engine::rathena::folder::{Plan, sweep};

    /// A bundle whose map-server is this shell script, and a run folder of it.
    fn folder(script: &str) -> (tempfile::TempDir, RunFolder) {
        let bundle = tempfile::tempdir().expect("a folder");
        for part in ["conf", "db", "lib", "npc/pre-re"] {
            fs::create_dir_all(bundle.path().join(part)).expect("made");
        }
        fs::write(bundle.path().join("npc/pre-re/scripts_main.conf"), "").expect("written");
        let program = bundle.path().join("map-server");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("written");
        fs::set_permissions(program, fs::Permissions::from_mode(0o755)).expect("made executable");
        let plan = Plan { bundle: bundle.path().into(), renewal: false, maps: vec!["a".into()], overrides: vec![] };
        let folder = RunFolder::build(&bundle.path().join("runs"), &plan).expect("made");
        (bundle, folder)
    }

    #[tokio::test]
    async fn an_engine_runs_in_its_folder_within_its_limits() {
        let (bundle, folder) = folder("pwd; ulimit -d; nice; echo $LD_LIBRARY_PATH; exec sleep 600");
        let limits = Limits::from(&EngineConfig { memory_mib: 64, nice: 7, ..EngineConfig::default() });
        let niced = rustix::process::getpriority_process(None).expect("a priority");
        let (mut process, output, _errors) = Process::start(&folder, bundle.path(), limits).await.expect("started");
        let mut lines = BufReader::new(output).lines();
        let mut said = Vec::new();
        while said.len() < 4 {
            said.push(lines.next_line().await.expect("readable").expect("more"));
        }
        let libraries = bundle.path().join("lib").display().to_string();
        let nice = (niced + 7).min(19).to_string();
        assert_eq!(said, [folder.path().display().to_string(), "65536".into(), nice, libraries]);
        assert!(process.ask_to_end());
        assert_eq!(process.ended().await, "was ended by signal 15");
        assert!(!process.ask_to_end(), "it is gone");
    }

    #[tokio::test]
    async fn a_dropped_engine_is_killed_and_a_stray_one_is_found() {
        let (bundle, folder) = folder("exec sleep 600");
        let limits = Limits::from(&EngineConfig::default());
        let (process, _output, _errors) = Process::start(&folder, bundle.path(), limits).await.expect("started");
        drop(process);
        // As a node leaves it that could not even be killed properly.
        let mut stray =
            std::process::Command::new("sleep").arg("600").current_dir(folder.path()).spawn().expect("runs");
        folder.note(stray.id());
        std::mem::forget(folder);
        sweep(&bundle.path().join("runs"));
        assert_eq!(said(stray.wait().expect("ended")), "was ended by signal 9");
    }

    #[tokio::test]
    async fn a_program_that_cannot_be_started_is_told() {
        let (bundle, folder) = folder("");
        fs::set_permissions(bundle.path().join("map-server"), fs::Permissions::from_mode(0o644)).expect("changed");
        let limits = Limits::from(&EngineConfig::default());
        let error = Process::start(&folder, bundle.path(), limits).await.expect_err("cannot be");
        assert!(error.to_string().starts_with("the map-server cannot be started: "), "{error}");
    }
}
