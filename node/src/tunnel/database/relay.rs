//! Statements that the coordinator answers: one database stream for each connection of the engine, opened when it is needed.
//!
//! What the engine waits for has a deadline; what it does not wait for is kept until its answer has come, and said again on
//! another stream when one is lost. So nothing that was answered as done is lost with a connection, though a line of a log may
//! arrive twice.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bifrost_protocol::mysql::sql::{self, Session, Statement};
use bifrost_protocol::mysql::{Command, Expected, Framing, Passage, ServerError, code};
use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;
use tracing::{debug, warn};

use crate::backoff::Backoff;

/// How long an engine waits for an answer before it gets an error: its game stands still meanwhile.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// Commands of one connection that may wait to be said or answered.
const MAX_JOBS: usize = 4_096;
/// Bytes of them.
const MAX_BYTES: usize = 2 * 1024 * 1024;
/// How many commands may be on their way before the first is answered.
const MAX_AHEAD: usize = 256;
/// How long what an engine has said last may take when it has ended.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);
/// The longest answer. The coordinator's own limit is lower.
const MAX_ANSWER: usize = 4 * 1024 * 1024;
/// Waits between attempts to open a stream.
const REOPEN: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));

/// Both directions of a stream.
pub(crate) type Stream = (Box<dyn AsyncRead + Send + Unpin>, Box<dyn AsyncWrite + Send + Unpin>);

/// Where streams to the coordinator come from.
#[async_trait]
pub(crate) trait Streams: fmt::Debug + Send + Sync {
    /// A new database stream with its header written. Waits until there is a coordinator.
    ///
    /// # Errors
    /// Why there is none now.
    async fn open(&self) -> Result<Stream, String>;
}

/// Commands that belong together.
#[derive(Debug)]
pub(super) struct Job {
    /// What to say.
    pub(super) commands: Vec<Command>,
    /// How it is said.
    framed: Bytes,
    /// Which of the answers is meant.
    pub(super) answer: usize,
    /// Who waits for it; nobody when the engine has its answer already.
    pub(super) reply: Option<oneshot::Sender<Bytes>>,
}

/// The engine's side of one connection's relay. Dropping it ends the stream at once; [`finish`](Self::finish) when what is
/// left has been answered.
#[derive(Debug)]
pub(super) struct Relay {
    jobs: mpsc::Sender<Job>,
    waiting: Arc<AtomicUsize>,
    lost: Arc<AtomicU64>,
    task: AbortOnDropHandle<()>,
}

impl Relay {
    /// A relay that opens a stream with the first job.
    pub(super) fn new(streams: Arc<dyn Streams>, lost: Arc<AtomicU64>) -> Self {
        let (jobs, queue) = mpsc::channel(MAX_JOBS);
        let waiting = Arc::<AtomicUsize>::default();
        let worker = Worker {
            streams,
            jobs: queue,
            said: VecDeque::new(),
            setup: None,
            waiting: Arc::clone(&waiting),
            backoff: REOPEN,
        };
        Self { jobs, waiting, lost, task: AbortOnDropHandle::new(tokio::spawn(worker.run())) }
    }

    /// Says something whose answer nobody waits for. When there is no room it is lost, and counted.
    pub(super) fn tell(&self, commands: Vec<Command>) {
        if self.send(commands, 0, None).is_err() {
            let before = self.lost.fetch_add(1, Ordering::Relaxed);
            if before.is_power_of_two() || before == 0 {
                warn!(lost = before + 1, "the coordinator does not take the engine's SQL");
            }
        }
    }

    /// Says something and waits for the answer to one of the commands.
    ///
    /// # Errors
    /// The error that the engine gets instead.
    pub(super) async fn ask(&self, commands: Vec<Command>, answer: usize) -> Result<Bytes, ServerError> {
        let late = || ServerError::new(code::TIMED_OUT, "the realm's database did not answer in time");
        let (reply, answered) = oneshot::channel();
        self.send(commands, answer, Some(reply)).map_err(|()| late())?;
        match timeout(ANSWER_TIMEOUT, answered).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(ServerError::new(code::SHUTDOWN, "the realm's database cannot be reached")),
            Err(_) => Err(late()),
        }
    }

    /// Lets what is left be said, for a while.
    pub(super) async fn finish(self) {
        let Self { jobs, task, .. } = self;
        drop(jobs);
        if timeout(FLUSH_TIMEOUT, task).await.is_err() {
            warn!("the last of an engine's SQL was not taken in time");
        }
    }

    fn send(&self, commands: Vec<Command>, answer: usize, reply: Option<oneshot::Sender<Bytes>>) -> Result<(), ()> {
        let mut framed = BytesMut::new();
        commands.iter().for_each(|command| put(&mut framed, command));
        let (size, framed) = (framed.len(), framed.freeze());
        if self.waiting.fetch_add(size, Ordering::Relaxed) + size > MAX_BYTES {
            self.waiting.fetch_sub(size, Ordering::Relaxed);
            return Err(());
        }
        self.jobs.try_send(Job { commands, framed, answer, reply }).map_err(|_| {
            self.waiting.fetch_sub(size, Ordering::Relaxed);
        })
    }
}

/// What carries the jobs.
struct Worker {
    streams: Arc<dyn Streams>,
    jobs: mpsc::Receiver<Job>,
    /// Said and not yet answered, in order.
    said: VecDeque<Job>,
    /// What has to be said first on every stream: the character set.
    setup: Option<Command>,
    waiting: Arc<AtomicUsize>,
    backoff: Backoff,
}

impl Worker {
    async fn run(mut self) {
        // Nothing is opened for a connection that never asks anything.
        let Some(first) = self.jobs.recv().await else { return };
        self.say(first, &mut BytesMut::new());
        loop {
            match self.streams.open().await {
                Ok(stream) => match self.carry(stream).await {
                    Ok(()) => return,
                    Err(error) => debug!(error, "database stream ended"),
                },
                Err(error) => debug!(error, "no database stream"),
            }
            self.drop_questions();
            sleep(self.backoff.after_failure(rand::random())).await;
        }
    }

    /// Who waits for an answer that was on its way gets an error at once: it may or may not have been carried out.
    fn drop_questions(&mut self) {
        let (asked, told): (VecDeque<_>, VecDeque<_>) = self.said.drain(..).partition(|job| job.reply.is_some());
        asked.iter().for_each(|job| self.free(job));
        self.said = told;
    }

    fn free(&self, job: &Job) {
        self.waiting.fetch_sub(job.framed.len(), Ordering::Relaxed);
    }

    /// Says and hears on one stream until the engine's connection has ended and all is answered, or the stream breaks.
    async fn carry(&mut self, (mut recv, mut send): Stream) -> Result<(), String> {
        let (mut out, mut input) = (BytesMut::new(), BytesMut::new());
        if let Some(setup) = &self.setup {
            put(&mut out, setup);
        }
        self.said.iter().for_each(|job| out.extend_from_slice(&job.framed));
        let mut setup_answer = self.setup.is_some();
        let mut hearing = Hearing::default();
        let mut open = true;
        while open || !self.said.is_empty() {
            tokio::select! {
                biased;
                written = send.write(&out), if !out.is_empty() => match written {
                    Ok(0) => return Err("the coordinator does not read".into()),
                    Ok(written) => out.advance(written),
                    Err(error) => return Err(error.to_string()),
                },
                read = recv.read_buf(&mut input) => match read {
                    Ok(0) => return Err("the coordinator has ended it".into()),
                    Ok(_) => self.hear(&mut hearing, &mut input, &mut setup_answer)?,
                    Err(error) => return Err(error.to_string()),
                },
                job = self.jobs.recv(), if open && self.said.len() < MAX_AHEAD => match job {
                    Some(job) => self.say(job, &mut out),
                    None => open = false,
                },
            }
        }
        Ok(())
    }

    fn say(&mut self, job: Job, out: &mut BytesMut) {
        out.extend_from_slice(&job.framed);
        self.said.push_back(job);
    }

    /// Takes whole answers out of what has come.
    fn hear(&mut self, hearing: &mut Hearing, input: &mut BytesMut, setup_answer: &mut bool) -> Result<(), String> {
        loop {
            let expected = if *setup_answer {
                Some(Expected::Result)
            } else {
                self.said.front().and_then(|job| hearing.expected(&job.commands))
            };
            let Some(expected) = expected else {
                return if input.is_empty() { Ok(()) } else { Err("an answer to nothing".into()) };
            };
            let passage = hearing.passage.get_or_insert_with(|| Passage::new(expected));
            let passed = passage.follow(input).map_err(|error| error.to_string())?;
            let Some(passed) = passed else {
                return if input.len() > MAX_ANSWER { Err("an answer that is too long".into()) } else { Ok(()) };
            };
            hearing.passage = None;
            let answer = input.split_to(passed.len).freeze();
            self.backoff.reset();
            if std::mem::take(setup_answer) {
                continue;
            }
            if let Some(error) = &passed.error {
                debug!(%error, "the realm's database");
            }
            self.take(hearing, &answer);
        }
    }

    /// Gives an answer to who waits for it, and ends the job with its last.
    fn take(&mut self, hearing: &mut Hearing, answer: &Bytes) {
        let Some(job) = self.said.front_mut() else { return };
        if hearing.answers == job.answer
            && let Some(reply) = job.reply.take()
        {
            // Fails when the engine has not waited any longer.
            let _late = reply.send(Bytes::copy_from_slice(answer));
        }
        hearing.answers += 1;
        if hearing.expected(&job.commands).is_none()
            && let Some(done) = self.said.pop_front()
        {
            hearing.answers = 0;
            self.free(&done);
            if let [Command::Query(statement)] = done.commands.as_slice()
                && is_setup(statement)
            {
                self.setup = Some(Command::Query(statement.clone()));
            }
        }
    }
}

/// How far the answers to the first job have come.
#[derive(Debug, Default)]
struct Hearing {
    answers: usize,
    passage: Option<Passage>,
}

impl Hearing {
    /// What the next answer to these commands looks like; `None` when all have been given.
    fn expected(&self, commands: &[Command]) -> Option<Expected> {
        commands.iter().filter_map(answer_of).nth(self.answers)
    }
}

/// What answers a command, if anything does.
fn answer_of(command: &Command) -> Option<Expected> {
    match command {
        Command::Prepare(_) => Some(Expected::Prepared),
        Command::Quit | Command::Close(_) | Command::LongData { .. } => None,
        Command::InitDb(_)
        | Command::Query(_)
        | Command::Ping
        | Command::Execute(_)
        | Command::Reset(_)
        | Command::Other(_) => Some(Expected::Result),
    }
}

fn put(out: &mut BytesMut, command: &Command) {
    // Each command begins with number 0.
    Framing::new(0).put(out, &command.encode());
}

fn is_setup(statement: &[u8]) -> bool {
    let first = statement.trim_ascii_start().first_chunk();
    // Most statements are not even looked at.
    first.is_some_and(|word: &[u8; 3]| word.eq_ignore_ascii_case(b"SET"))
        && matches!(sql::parse(statement), Ok(Statement::Session(Session::Set { charset: Some(_), .. })))
}
