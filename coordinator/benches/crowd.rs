//! A thousand connections of hosts over eight to the database: what each holds while it is idle, and whether any starves.
//! `BIFROST_TEST_MYSQL=mysql://... cargo bench -p bifrost-coordinator --bench crowd`.
//!
//! The relay is the coordinator's own, in this process; instead of a QUIC stream each connection has a socket pair, so that
//! the memory of QUIC is not in it, and that of the asking side is.
#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]

use std::error::Error;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bifrost_coordinator::database::policy::Policy;
use bifrost_coordinator::database::relay::{Admission, Relay, Whose};
use bifrost_coordinator::database::upstream::{Tls, Upstream, UpstreamConfig};
use bifrost_coordinator::database::{Backend, HostLimits};
use bifrost_coordinator::fleet::LinkId;
use bifrost_protocol::Secret;
use bifrost_protocol::ids::{Epoch, GroupName, HostId};
use bifrost_protocol::mysql::{Command, Expected, Framing, Passage};
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::JoinSet;

/// Connections of hosts, and hosts.
const CONNECTIONS: usize = 1_000;
const HOSTS: usize = 8;
/// Connections to the database.
const UPSTREAM: usize = 8;
/// How long all of them ask at once.
const CROWDED: Duration = Duration::from_secs(10);
/// A table every server has, with a row or more.
const POLICY: &str = "[tables.bench_crowd]\ncolumns = [\"id\"]\nselect = \"forward\"\n";
const ASK: &str = "SELECT id FROM bench_crowd WHERE id = 7";

#[derive(Debug)]
struct Everybody;

#[async_trait]
impl Admission for Everybody {
    async fn admits(&self, _: &Whose) -> bool {
        true
    }
}

/// The asking side of a connection.
struct Asking {
    wire: UnixStream,
    input: BytesMut,
}

impl Asking {
    async fn ask(&mut self, statement: &'static str) -> std::io::Result<()> {
        let mut out = BytesMut::new();
        Framing::new(0).put(&mut out, &Command::Query(statement.into()).encode());
        self.wire.write_all(&out).await?;
        let mut passage = Passage::new(Expected::Result);
        loop {
            let passed = passage.follow(&self.input).map_err(std::io::Error::other)?;
            if let Some(passed) = passed {
                self.input.clear();
                return passed.error.map_or(Ok(()), |error| Err(std::io::Error::other(error.to_string())));
            }
            if self.wire.read_buf(&mut self.input).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Some(config) = upstream() else {
        println!("left out: BIFROST_TEST_MYSQL names no server; `./test bench` starts one");
        return Ok(());
    };
    let admin = sqlx::MySqlPool::connect(&std::env::var("BIFROST_TEST_MYSQL")?).await?;
    for made in ["CREATE OR REPLACE TABLE bench_crowd (id INT PRIMARY KEY)", "INSERT INTO bench_crowd VALUES (7)"] {
        sqlx::query(made).execute(&admin).await?;
    }
    let plenty = NonZeroU32::MAX.get() / 16;
    let plenty = NonZeroU32::new(plenty).unwrap_or(NonZeroU32::MIN);
    let limits =
        HostLimits { statements: plenty, bytes: plenty, rows: plenty, connections: plenty, ..HostLimits::default() };
    let relay = Arc::new(Relay::new(
        Policy::read(POLICY)?,
        Backend::database(Upstream::new(config)),
        limits,
        Arc::new(Everybody),
        None,
    ));

    let mut served = JoinSet::new();
    let before = resident_kib()?;
    let mut all = Vec::new();
    for number in 0..CONNECTIONS {
        let (near, far) = UnixStream::pair()?;
        let whose = Whose {
            host: HostId(format!("host-{}", number % HOSTS)),
            link: LinkId(1),
            group: GroupName("fields".into()),
            epoch: Epoch(1),
        };
        let relay = Arc::clone(&relay);
        served.spawn(async move {
            let (mut recv, mut send) = far.into_split();
            relay.serve(whose, BytesMut::new(), &mut recv, &mut send).await
        });
        let mut asking = Asking { wire: near, input: BytesMut::new() };
        asking.ask(ASK).await?;
        all.push(asking);
    }
    let each = (resident_kib()? - before) as f64 / CONNECTIONS as f64;
    println!("{CONNECTIONS} connections of {HOSTS} hosts that have asked once and are idle: {each:.1} KiB each");

    let (counts, longest) = crowded(all).await?;
    println!(
        "all asking for {} s over {UPSTREAM} connections: {} statements/s; of one connection {} at least, {} in the \
         middle, {} at most; longest wait {} ms",
        CROWDED.as_secs(),
        counts.iter().sum::<u64>() / CROWDED.as_secs(),
        counts[0],
        counts[counts.len() / 2],
        counts[counts.len() - 1],
        longest.as_millis()
    );
    sqlx::query("DROP TABLE bench_crowd").execute(&admin).await?;
    Ok(())
}

/// How many statements of each connection were answered, in order, and the longest wait of all.
async fn crowded(all: Vec<Asking>) -> Result<(Vec<u64>, Duration), Box<dyn Error>> {
    let end = Instant::now() + CROWDED;
    let mut busy = JoinSet::new();
    for mut asking in all {
        busy.spawn(async move {
            let (mut count, mut longest) = (0_u64, Duration::ZERO);
            while Instant::now() < end {
                let started = Instant::now();
                asking.ask(ASK).await?;
                count += 1;
                longest = longest.max(started.elapsed());
            }
            std::io::Result::Ok((count, longest))
        });
    }
    let done = busy.join_all().await.into_iter().collect::<std::io::Result<Vec<_>>>()?;
    let mut counts: Vec<u64> = done.iter().map(|(count, _)| *count).collect();
    counts.sort_unstable();
    Ok((counts, done.iter().map(|(_, longest)| *longest).max().unwrap_or_default()))
}

fn upstream() -> Option<UpstreamConfig> {
    let url = std::env::var("BIFROST_TEST_MYSQL").ok()?;
    let (login, rest) = url.strip_prefix("mysql://")?.split_once('@')?;
    let ((user, password), (address, database)) = (login.split_once(':')?, rest.split_once('/')?);
    Some(UpstreamConfig {
        address: address.to_owned(),
        user: user.to_owned(),
        password: Secret::new(password.to_owned()),
        database: database.to_owned(),
        connections: UPSTREAM,
        tls: Tls::Off,
        statement_timeout: Duration::from_secs(5),
    })
}

/// Memory this process holds.
fn resident_kib() -> Result<u64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}
