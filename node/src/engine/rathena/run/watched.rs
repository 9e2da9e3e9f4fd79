//! A process that runs: its exit, its link, its order to stop, whichever comes first.

use std::net::SocketAddrV4;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::{ChildStderr, ChildStdout};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info, warn};

use super::{Ending, Problem, Ready};
use crate::engine::rathena::link::LinkSays;
use crate::engine::rathena::log::Tail;
use crate::engine::rathena::process::Process;

/// From the start of the process to its login. A stock server with three maps takes 1.5 s, a slow disk much longer.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a map-server may take to save everybody and end.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the map port may take to accept, once the engine says that it is online.
const ACCEPT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the last lines of a process that has ended are waited for.
const READ_OUT: Duration = Duration::from_millis(500);

/// A process that runs.
pub(super) struct Watched {
    process: Process,
    tail: Tail,
    readers: JoinSet<()>,
    said: mpsc::Receiver<LinkSays>,
    ready: Ready,
    open: watch::Sender<Option<SocketAddrV4>>,
    game: SocketAddrV4,
    stop: CancellationToken,
    /// Whether it has ever taken players.
    served: bool,
}

impl Watched {
    /// Begins to read what it prints.
    pub(super) fn new(
        process: Process,
        (output, errors): (ChildStdout, ChildStderr),
        said: mpsc::Receiver<LinkSays>,
        ready: Ready,
        open: watch::Sender<Option<SocketAddrV4>>,
        game: SocketAddrV4,
        stop: CancellationToken,
    ) -> Self {
        let tail = Tail::new();
        let mut readers = JoinSet::new();
        readers.spawn(tail.clone().follow(output).in_current_span());
        readers.spawn(tail.clone().follow(errors).in_current_span());
        Self { process, tail, readers, said, ready, open, game, stop, served: false }
    }

    /// Until it has ended. How, and whether it ever took players.
    pub(super) async fn watch(mut self) -> (Ending, bool) {
        let ending = self.until_the_end().await;
        (ending, self.served)
    }

    /// Waits for its end, or for a reason to end it.
    async fn until_the_end(&mut self) -> Ending {
        let start = tokio::time::sleep(START_TIMEOUT);
        tokio::pin!(start);
        let mut starting = true;
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return self.end().await,
                how = self.process.ended() => return Ending::Broke(self.died(&how).await),
                Some(says) = self.said.recv() => match says {
                    // From here on the coordinator has the word.
                    LinkSays::Called => starting = false,
                    LinkSays::Ready => {
                        if let Err(problem) = self.take_players().await {
                            return self.give_up(problem).await;
                        }
                    }
                    LinkSays::Missing(maps) => {
                        let why = format!("the bundle does not have these maps: {}", maps.join(", "));
                        return self.give_up(Problem::lasting(why)).await;
                    }
                    LinkSays::Hung(silence) => {
                        let why = format!("its game loop has stood still for {:.1} s", silence.as_secs_f64());
                        return self.give_up(Problem::passing(why)).await;
                    }
                    LinkSays::Garbage(problem) => {
                        let why = format!("it does not speak as a map-server does: {problem}");
                        return self.give_up(Problem::passing(why)).await;
                    }
                    LinkSays::Refused(reason) => {
                        let why = format!("the coordinator does not take it: {reason}");
                        return self.give_up(Problem::lasting(why)).await;
                    }
                },
                () = &mut start, if starting => {
                    let why = format!("it has not logged in within {} s", START_TIMEOUT.as_secs());
                    return self.give_up(Problem::passing(why)).await;
                }
            }
        }
    }

    /// The coordinator has taken it in: once its port accepts, players may come.
    async fn take_players(&mut self) -> Result<(), Problem> {
        let accepts = async {
            let mut online = self.tail.online();
            // Its sender lives as long as this.
            drop(online.wait_for(|online| *online).await);
            TcpStream::connect(self.game).await
        };
        let accepted = tokio::select! {
            biased;
            how = self.process.ended() => return Err(self.died(&how).await),
            accepted = tokio::time::timeout(ACCEPT_TIMEOUT, accepts) => accepted,
        };
        match accepted {
            Ok(Ok(probe)) => {
                drop(probe);
                info!(address = %self.game, "engine takes players");
                self.open.send_replace(Some(self.game));
                self.ready.set(true);
                self.served = true;
                Ok(())
            }
            Ok(Err(error)) => Err(Problem::passing(format!("its port does not accept: {error}"))),
            Err(_) => Err(Problem::passing("it is connected and does not say that it is online")),
        }
    }

    /// Asks it to save everybody, and waits until it has ended.
    async fn end(&mut self) -> Ending {
        if self.process.ask_to_end() {
            match tokio::time::timeout(STOP_TIMEOUT, self.process.ended()).await {
                Ok(how) => info!(how, "engine stopped"),
                Err(_) => warn!(seconds = STOP_TIMEOUT.as_secs(), "engine did not stop in time and is killed"),
            }
        }
        self.kill().await;
        Ending::Stopped
    }

    async fn give_up(&mut self, problem: Problem) -> Ending {
        self.kill().await;
        Ending::Broke(problem)
    }

    async fn kill(&mut self) {
        self.process.kill();
        let _how = self.process.ended().await;
    }

    /// What is told of a process that has ended by itself: its last lines say more than its exit code.
    async fn died(&mut self, how: &str) -> Problem {
        let read = async { while self.readers.join_next().await.is_some() {} };
        // Whoever else holds the pipe is not waited for.
        let _all_read = tokio::time::timeout(READ_OUT, read).await;
        let mut why = format!("the map-server {how}");
        let lines = self.tail.text();
        if !lines.is_empty() {
            why = format!("{why}; its last lines:\n{lines}");
        }
        Problem::passing(why)
    }
}
