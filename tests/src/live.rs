//! `./test live`: the real thing. Stock rAthena servers, coordinator, hosts and OpenKore players, on this machine, while a
//! host is killed, stopped or drained every minute; then what it cost.
//!
//! `stage` starts everything (`mariadb`, `rathena`, `kore`; `ground` says who plays where), `chaos` strikes hosts, `tap` sits
//! between clients and map-servers and feeds each player's `course` (`view`: what a client knows; `history` and `trail`:
//! what it knew before), `watch` looks at sockets and at the coordinator meanwhile, `accounts` compares what characters own,
//! `outcome` sums up, `report` tells.

mod accounts;
mod chaos;
mod course;
mod gated;
mod ground;
mod guest;
mod history;
mod kore;
mod mariadb;
mod options;
mod outcome;
mod rathena;
mod report;
mod sockets;
mod stage;
mod tap;
mod trail;
mod tree;
mod view;
mod watch;

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};

use accounts::Balance;
use chaos::Strike;
pub use options::{Engine, Options};
use outcome::Counted;
pub use outcome::{BlowOutcome, Outcome};
use stage::{Folders, Stage};
use watch::Watch;

use crate::demo::Console;

/// A strike a minute.
const EVERY: Duration = Duration::from_secs(60);

/// From the beginning of a minute to its strike.
const STRIKE_AT: Duration = Duration::from_secs(5);

/// How long a struck host is gone.
const GONE: Duration = Duration::from_secs(20);

/// Between two looks at the hosts' connections.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Between two questions to the coordinator.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// What has to be in the folders.
const RATHENA: [&str; 4] = ["login-server", "char-server", "map-server", "sql-files/main.sql"];
const OPENKORE: [&str; 3] = ["openkore.pl", "control/config.txt", "tables"];

/// Runs it. Returns whether every promise was kept; without the folders it says that it was skipped, and that is fine.
///
/// # Errors
/// Something could not be started, or was interrupted.
pub async fn run(options: Options) -> Result<bool> {
    let (Some(rathena), Some(openkore)) = (&options.rathena, &options.openkore) else {
        writeln!(std::io::stdout(), "live: skipped, it needs --rathena DIR and --openkore DIR, both built")?;
        return Ok(true);
    };
    let folders = Folders { rathena: stage::found(rathena, &RATHENA)?, openkore: stage::found(openkore, &OPENKORE)? };
    if options.gateways {
        return gated::play(&options, &folders).await;
    }
    if options.launcher {
        return guest::serve(&options, &folders).await;
    }
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    // Whichever way this ends, the stage is dropped, and with it everything that runs.
    let outcome = tokio::select! {
        outcome = play(&options, &folders) => outcome?,
        _ = interrupt.recv() => anyhow::bail!("interrupted"),
        _ = terminate.recv() => anyhow::bail!("told to end"),
    };
    if options.json {
        writeln!(std::io::stdout(), "{}", outcome.to_json()?)?;
    } else {
        report::print(&outcome);
    }
    Ok(outcome.held())
}

async fn play(options: &Options, folders: &Folders) -> Result<Outcome> {
    let console = Console::new();
    let mut watch = Watch::new();
    let mut stage = Stage::set(options, folders, &console).await?;
    stage.let_in(folders, &console).await?;
    console.step(&format!("{} players are in play, for {} minutes", options.players, options.minutes));

    watch.count_cpu(&stage);
    let begun = stage.courses.now();
    let mut strikes = Vec::new();
    for minute in 0..options.minutes {
        let start = begun + EVERY * u32::from(minute);
        pass(&stage, &mut watch, start + STRIKE_AT).await;
        let strike = Strike::deal(usize::from(minute), &stage, &console).await?;
        let back = stage.courses.now() + GONE;
        pass(&stage, &mut watch, back).await;
        if let Some(strike) = strike {
            strike.mend(&mut stage, &console).await?;
            strikes.push(strike);
        }
        pass(&stage, &mut watch, start + EVERY).await;
    }
    watch.ask(&stage).await;
    console.step("everybody goes home");
    finish(options, &mut stage, &watch, &strikes).await
}

/// Lets time pass, and looks.
async fn pass(stage: &Stage, watch: &mut Watch, until: Duration) {
    let mut ask_at = Duration::ZERO;
    loop {
        let now = stage.courses.now();
        watch.look(stage);
        if now >= ask_at {
            watch.ask(stage).await;
            ask_at = now + ASK_EVERY;
        }
        let left = until.saturating_sub(stage.courses.now());
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(LOOK_EVERY)).await;
    }
}

async fn finish(options: &Options, stage: &mut Stage, watch: &Watch, strikes: &[Strike]) -> Result<Outcome> {
    let mut counted = Counted { coordinator_cpu: watch.coordinator_cpu(stage), ..Counted::default() };
    let mut hops = std::collections::BTreeMap::new();
    for (account, course) in stage.courses.all() {
        counted.absent += usize::from(!course.is_in_play());
        counted.character_deaths += course.deaths();
        counted.entries.extend(course.entries());
        counted.silence = counted.silence.max(course.longest_silence());
        if course.unreadable() > 0 {
            counted.notes.push(format!("{account}: {} packets could not be read", course.unreadable()));
        }
        hops.insert(account, course.hops().to_vec());
    }
    counted.notes.extend(watch.missing().map(|missing| format!("not back, says the coordinator: {missing}")));
    let lingering = stage.send_home().await?;
    counted.lingering = lingering.len();
    counted.notes.extend(lingering.iter().map(|who| format!("still in game after the client is gone: {who}")));
    let after = accounts::owned(&stage.sql).await?;
    let logged = accounts::logged(&stage.sql).await?;
    let mut balance = Balance::default();
    for actor in &stage.actors {
        if let Some(course) = stage.courses.of(actor.account) {
            balance.take(actor, [&stage.before, &after, &logged], course.books());
        }
    }
    let players = i64::try_from(stage.actors.len())?;
    let logins = "select count(*) from loginlog where rcode = 100 and log = 'login ok' and user like 'live%'";
    let selects = "select count(*) from charlog where char_msg = 'char select'";
    counted.relogins = number(stage, logins).await? - players;
    counted.char_selects = number(stage, selects).await? - players;
    counted.save_bytes_mean = watch.save_bytes_mean();
    counted.balance = balance;
    if watch.unanswered() > 0 {
        counted.notes.push(format!("the coordinator did not answer {} times", watch.unanswered()));
    }
    if watch.looks() == 0 {
        counted.notes.push("nobody looked at the hosts' connections".to_owned());
    }
    Ok(Outcome::of(options, strikes, &hops, watch, counted))
}

async fn number(stage: &Stage, query: &str) -> Result<i64> {
    let rows = stage.sql.rows(query).await?;
    let value = rows.first().and_then(|row| row.first()).with_context(|| format!("no answer to {query}"))?;
    Ok(value.parse()?)
}

/// Whether a map is the operator's own.
fn is_city(map: &str) -> bool {
    ground::group_of(map).is_none()
}
