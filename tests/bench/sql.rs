//! An engine's SQL through node and coordinator, beside HAProxy (TCP) over as many hops and beside nothing at all.
//!
//! `./test bench`, or `BIFROST_TEST_MYSQL=mysql://... cargo bench -p bifrost-tests --bench sql`. sysbench and HAProxy are taken
//! from the path; what is not there is left out, and said so.
//!
//! * direct: sysbench -> MariaDB
//! * HAProxy: sysbench -> HAProxy -> HAProxy -> MariaDB; with TLS between the two as another row
//! * Bifrost: sysbench -> node -> QUIC -> coordinator -> MariaDB, each statement parsed or known, and decided about
//!
//! All ways are measured in turn, [`ROUNDS`] times.
#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bifrost_tests::harness::{Folder, Process, Realm, cpu_time, eventually};
use bifrost_tests::sql::{self, Endpoint, Schema, Server, realm, settings};
use rcgen::{CertificateParams, KeyPair};
use tokio::net::TcpStream;
use tokio::process::Command;

/// How often each way is measured.
const ROUNDS: usize = 5;
/// Seconds of each measurement.
const SECONDS: u64 = 4;
/// sysbench's connections.
const THREADS: [usize; 2] = [1, 8];
/// Rows of sysbench's table.
const ROWS: usize = 10_000;
const POLICY: &str = r#"
[tables.sbtest1]
columns = ["id", "k", "c", "pad"]
key = ["id"]
select = "forward"
"#;

/// One way to the database.
struct Way {
    name: &'static str,
    port: u16,
    user: String,
    password: String,
    database: String,
    /// The processes on the way.
    carriers: Vec<u32>,
    measured: Vec<Measured>,
}

/// One measurement.
#[derive(Clone, Copy)]
struct Measured {
    per_second: f64,
    p95_ms: f64,
    /// CPU of the processes on the way, for one statement.
    cpu_us: f64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let Some(server) = Server::from_environment() else {
        println!("left out: BIFROST_TEST_MYSQL names no server; `./test bench` starts one");
        return Ok(());
    };
    let folder = Folder::new()?;
    let (schema, puppet) = (Schema::new(server, "bench_sql").await?, sql::server(POLICY)?);
    let rows = format!(
        "CREATE TABLE sbtest1 (id INT PRIMARY KEY, k INT, c CHAR(120), pad CHAR(60));
         INSERT INTO sbtest1 SELECT seq, seq, REPEAT('c', 119), REPEAT('p', 59) FROM seq_1_to_{ROWS};"
    );
    schema.run(&rows).await?;
    let mut limits = settings(&schema, &puppet);
    for limit in ["statements", "bytes", "rows", "connections"] {
        limits.set(&format!("database.limits.{limit}"), 100_000_000);
    }
    let realm = realm(&schema, &puppet, limits).await?;
    let endpoint = Endpoint::of(&realm, None).await?;
    if let Some(sysbench) = program("sysbench") {
        throughput(&sysbench, &folder, &schema, &realm, &endpoint).await?;
    } else {
        println!("left out: sysbench is not installed");
    }
    schema.end().await
}

async fn throughput(
    sysbench: &Path,
    folder: &Folder,
    schema: &Schema,
    realm: &Realm,
    endpoint: &Endpoint,
) -> Result<()> {
    let database = schema.server.address;
    let direct = |name, port, carriers| Way {
        name,
        port,
        user: schema.name.clone(),
        password: "relay".to_owned(),
        database: schema.name.clone(),
        carriers,
        measured: Vec::new(),
    };
    let mut ways = vec![direct("direct", database.port(), Vec::new())];
    let mut proxies = Vec::new();
    for (name, encrypted) in [("HAProxy, two hops", false), ("HAProxy, two hops, TLS", true)] {
        if let Some(pair) = haproxies(folder, database, encrypted).await? {
            ways.push(direct(name, pair.port, pair.processes.iter().filter_map(Process::id).collect()));
            proxies.push(pair);
        } else {
            println!("left out: haproxy is not installed");
        }
    }
    let node = realm.nodes.first().and_then(|node| node.process.id()).context("a node")?;
    ways.push(Way {
        name: "Bifrost",
        port: endpoint.port,
        user: endpoint.user.clone(),
        password: endpoint.password.clone(),
        database: endpoint.database.clone(),
        carriers: vec![node, realm.coordinator.id().context("a coordinator")?],
        measured: Vec::new(),
    });
    for mode in ["disable", "auto"] {
        for threads in THREADS {
            for way in &mut ways {
                way.measured.clear();
            }
            for _ in 0..ROUNDS {
                for way in &mut ways {
                    let measured = measure(sysbench, way, threads, mode).await?;
                    way.measured.push(measured);
                }
            }
            table(&ways, threads, mode);
        }
    }
    Ok(())
}

async fn measure(sysbench: &Path, way: &Way, threads: usize, mode: &str) -> Result<Measured> {
    let before = cpu(&way.carriers)?;
    let output = Command::new(sysbench)
        .args(["oltp_point_select", "--mysql-host=127.0.0.1", "--mysql-ssl=off", "--tables=1"])
        .args([format!("--table-size={ROWS}"), format!("--threads={threads}"), format!("--time={SECONDS}")])
        .args([format!("--db-ps-mode={mode}"), format!("--mysql-port={}", way.port)])
        .args([format!("--mysql-user={}", way.user), format!("--mysql-password={}", way.password)])
        .args([format!("--mysql-db={}", way.database), "run".to_owned()])
        .output()
        .await?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{}: {said}{}", way.name, String::from_utf8_lossy(&output.stderr));
    let number = |start: &str| {
        let line = said.lines().find_map(|line| line.trim().strip_prefix(start)).context("a line of sysbench")?;
        line.split_whitespace().next().and_then(|word| word.parse::<f64>().ok()).context("a number of sysbench")
    };
    let (count, p95_ms) = (number("read:")?, number("95th percentile:")?);
    let cpu_us = (cpu(&way.carriers)? - before).as_secs_f64() * 1e6 / count;
    Ok(Measured { per_second: count / SECONDS as f64, p95_ms, cpu_us })
}

fn cpu(processes: &[u32]) -> Result<Duration> {
    processes.iter().map(|process| cpu_time(*process)).sum()
}

fn table(ways: &[Way], threads: usize, mode: &str) {
    let texts = if mode == "disable" { "text" } else { "prepared" };
    println!("\nsysbench oltp_point_select, {texts}, {threads} connection(s), {ROUNDS} x {SECONDS} s: median (range)");
    println!(
        "{:<24} {:>26} {:>9} {:>9} {:>9} {:>12}",
        "way", "statements/s", "HAProxy's", "with TLS", "p95, ms", "CPU, us each"
    );
    let median = |way: &Way, of: fn(&Measured) -> f64| {
        let mut values: Vec<f64> = way.measured.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        (values[values.len() / 2], values[0], values[values.len() - 1])
    };
    let base = |at| ways.get(at).map_or(1.0, |way: &Way| median(way, |measured| measured.per_second).0) / 100.0;
    let (plain, encrypted) = (base(1), base(2));
    for way in ways {
        let (speed, least, most) = median(way, |measured| measured.per_second);
        let speeds = format!("{speed:.0} ({least:.0}-{most:.0})");
        let (p95, ..) = median(way, |measured| measured.p95_ms);
        let (cpu, ..) = median(way, |measured| measured.cpu_us);
        let (of_plain, of_encrypted) = (speed / plain, speed / encrypted);
        println!("{:<24} {speeds:>26} {of_plain:>8.0}% {of_encrypted:>8.0}% {p95:>9.2} {cpu:>12.1}", way.name);
    }
}

/// Two HAProxy processes, one behind the other.
struct Pair {
    port: u16,
    processes: Vec<Process>,
}

async fn haproxies(folder: &Folder, database: SocketAddr, encrypted: bool) -> Result<Option<Pair>> {
    let Some(haproxy) = program("haproxy") else { return Ok(None) };
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])?.self_signed(&key)?;
    let pem = folder.path().join("haproxy.pem");
    std::fs::write(&pem, format!("{}{}", certificate.pem(), key.serialize_pem()))?;
    let (near, far) = (free_port()?, free_port()?);
    let (accept, connect) = if encrypted {
        (format!("ssl crt {}", pem.display()), "ssl verify none".to_owned())
    } else {
        (String::new(), String::new())
    };
    let hops = [(near, String::new(), format!("127.0.0.1:{far} {connect}")), (far, accept, database.to_string())];
    let mut processes = Vec::new();
    for (port, bind, server) in hops {
        let text = format!(
            "global\n nbthread 2\ndefaults\n mode tcp\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n\
             listen sql\n bind 127.0.0.1:{port} {bind}\n server sql {server}\n"
        );
        let file = folder.path().join(format!("haproxy-{port}.cfg"));
        std::fs::write(&file, text)?;
        let name = format!("haproxy-{port}");
        let arguments = ["-db".as_ref(), "-f".as_ref(), file.as_os_str()];
        processes.push(Process::start(&name, &haproxy, arguments, [], folder.path())?);
    }
    eventually("haproxy", Duration::from_secs(10), async || {
        Ok(TcpStream::connect(("127.0.0.1", near)).await.is_ok().then_some(()))
    })
    .await?;
    Ok(Some(Pair { port: near, processes }))
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn program(name: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    let known = [PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")];
    std::env::split_paths(&paths).chain(known).map(|folder| folder.join(name)).find(|path| path.is_file())
}
