//! What an engine keeps, one row after the other: in the coordinator's store, and in a database behind the same relay.
//!
//! `./test bench`, or `BIFROST_TEST_MYSQL=mysql://... cargo bench -p bifrost-tests --bench stored`. The stock client asks, one
//! statement after the answer to the one before. Without a server the row of the database is left out, and said so.
#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]

use std::time::Instant;

use anyhow::Result;
use bifrost_tests::harness::{Realm, ServerFolder, Settings};
use bifrost_tests::sql::{self, Endpoint, Schema, Server, realm, settings};

/// Statements of each kind in one round.
const STATEMENTS: usize = 500;
/// How often each is measured; the middle one is told.
const ROUNDS: usize = 5;
const KINDS: [&str; 3] = ["new row", "changed row", "row read"];

#[tokio::main]
async fn main() -> Result<()> {
    println!("mapreg, {STATEMENTS} statements one after the other, {ROUNDS} rounds: milliseconds each, median (range)");
    println!("{:<28} {:>20} {:>20} {:>20}", "kept in", KINDS[0], KINDS[1], KINDS[2]);
    let folder = ServerFolder::new(&["prt_fild08"], &[])?;
    kept("the store, SQLite", &folder, None).await?;
    let Some(server) = Server::from_environment() else {
        println!("left out: BIFROST_TEST_MYSQL names no server; `./test bench` starts one");
        return Ok(());
    };
    let schema = Schema::new(server, "bench_stored").await?;
    kept("the store, MariaDB", &folder, Some(schema.server.url(schema.server.address, &schema.name))).await?;
    let folder = sql::server(sql::MAPREG)?;
    let relayed = realm(&schema, &folder, unlimited(settings(&schema, &folder))).await?;
    row("a database, MariaDB", &Endpoint::of(&relayed, None).await?).await?;
    drop(relayed);
    schema.end().await
}

/// Measures a realm without a database, whose store is `url`, or else a file.
async fn kept(name: &str, folder: &ServerFolder, url: Option<String>) -> Result<()> {
    let mut own = folder.settings(&[("fields", &["prt_fild08"])]);
    own.set("engine.standbys", 0);
    if let Some(url) = url {
        own.set("store.url", url);
    }
    let mut realm = Realm::start(unlimited(own)).await?;
    realm.set_for_nodes("BIFROST_NODE__ENGINE__FOLDER", &folder.path(""));
    realm.add_host("host-1").await?;
    row(name, &Endpoint::of(&realm, None).await?).await
}

fn unlimited(mut settings: Settings) -> Settings {
    for limit in ["statements", "bytes", "rows"] {
        settings.set(&format!("database.limits.{limit}"), 100_000_000);
    }
    settings
}

async fn row(name: &str, endpoint: &Endpoint) -> Result<()> {
    let mut cells = Vec::new();
    let mut times = [const { Vec::new() }; KINDS.len()];
    for round in 0..ROUNDS {
        let texts: [&dyn Fn(usize) -> String; KINDS.len()] = [
            &|at| format!("INSERT INTO mapreg (varname, `index`, value) VALUES ('$bench{round}', {at}, '{at}')"),
            &|at| {
                format!(
                    "UPDATE mapreg SET value = '{round}' WHERE varname = '$bench{round}' AND `index` = {at} LIMIT 1"
                )
            },
            &|at| format!("SELECT value FROM mapreg WHERE varname = '$bench{round}' AND `index` = {at}"),
        ];
        for (text, times) in texts.iter().zip(&mut times) {
            // A change is answered when the node has it. What is asked after it waits until it is kept.
            let last = "SELECT value FROM mapreg WHERE varname = '$none' AND `index` = 0".to_owned();
            let statements: Vec<String> = (0..STATEMENTS).map(text).chain([last]).collect();
            let asked = Instant::now();
            endpoint.rows(&statements.join(";")).await?;
            times.push(asked.elapsed().as_secs_f64() * 1e3 / STATEMENTS as f64);
        }
    }
    for times in &mut times {
        times.sort_by(f64::total_cmp);
        cells.push(format!("{:.2} ({:.2}-{:.2})", times[ROUNDS / 2], times[0], times[ROUNDS - 1]));
    }
    println!("{name:<28} {:>20} {:>20} {:>20}", cells[0], cells[1], cells[2]);
    Ok(())
}
