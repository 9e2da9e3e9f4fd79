//! `serve`: the launcher without a window.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use bifrost_launcher::app::{App, Clock, Inbox, queue, system_clock};
use bifrost_launcher::event::{Event, Kept};
use bifrost_launcher::live::{self, LiveShell};
use bifrost_launcher::log::LogBook;
use bifrost_launcher::secrets::Vault;
use bifrost_launcher::serve::{Deps, Server, Token};
use bifrost_launcher::{command, effect, files};
use clap::Args;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// How long what still runs at the end may take.
const GRACE: Duration = Duration::from_secs(5);

/// Flags of `serve`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Loopback address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Folder of settings, account, node and contribution; made when missing
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// Folder of the built UI
    #[arg(long, value_name = "DIR", default_value = "ui/dist")]
    ui: PathBuf,
    /// Keeps the account in a private file even where there is a keyring
    #[arg(long)]
    no_keyring: bool,
    /// Plays a scripted realm and node instead of real ones
    #[cfg(feature = "scenario")]
    #[arg(long, value_name = "NAME")]
    scenario: Option<bifrost_launcher::scenario::Scenario>,
    /// What is logged, as in RUST_LOG
    #[arg(long, env = "RUST_LOG", default_value = "info", value_name = "FILTER")]
    log: String,
}

/// What differs between a real launcher and a scripted one.
struct Parts {
    shell: Box<dyn effect::Shell + Send>,
    kept: Kept,
    clock: Clock,
    tasks: TaskTracker,
}

/// Serves until asked to quit, by a window or a signal. Says where on standard output, as one JSON object.
pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    let log = LogBook::default();
    start_logging(&options.log, &log);
    let _lock = files::lock(&options.state).context("opening the state folder")?;
    let stop = CancellationToken::new();
    let (inbox, outbox) = queue();
    let parts = parts(&options, &inbox, &stop).await?;
    let mut app = App::spawn(inbox.clone(), outbox, parts.shell, parts.clock);
    inbox.tell(Event::Started(Box::new(parts.kept))).await;

    let token = Token::random();
    let deps = Deps { inbox: inbox.clone(), view: app.view(), log, token: token.clone(), ui: options.ui.clone() };
    let server =
        Server::bind(options.listen, deps).await.with_context(|| format!("listening on {}", options.listen))?;
    let url = format!("http://{}/#token={}", server.address, token.expose());
    super::say(
        &serde_json::json!({ "url": url, "address": server.address.to_string(), "token": token.expose() }).to_string(),
    );

    let mut served = JoinSet::new();
    served.spawn(server.run(stop.clone()));
    tokio::select! {
        () = app.ended() => {}
        _ = tokio::signal::ctrl_c() => quit(&inbox, &mut app).await,
    }
    stop.cancel();
    // Ends the streams of windows, so that their connections end.
    drop(app);
    parts.tasks.close();
    let _in_time = tokio::time::timeout(GRACE, async { tokio::join!(parts.tasks.wait(), served.join_all()) }).await;
    Ok(ExitCode::SUCCESS)
}

/// A signal is the same as Quit in the window; a second one does not wait for players.
async fn quit(inbox: &Inbox, app: &mut App) {
    if inbox.command(command::Command::Quit).await.is_err() {
        return;
    }
    tokio::select! {
        () = app.ended() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

async fn parts(options: &Options, inbox: &Inbox, stop: &CancellationToken) -> Result<Parts> {
    #[cfg(feature = "scenario")]
    if let Some(scenario) = options.scenario {
        let (shell, kept, clock) = scenario.set(inbox.clone(), stop);
        let tasks = shell.tasks();
        return Ok(Parts { shell: Box::new(shell), kept, clock, tasks });
    }
    let (folder, no_keyring) = (options.state.clone(), options.no_keyring);
    let clock = system_clock();
    let now = clock().unix;
    let (vault, kept) = tokio::task::spawn_blocking(move || open(&folder, no_keyring, now)).await?;
    let shell = LiveShell::new(inbox.clone(), &options.state, vault, stop.clone());
    let tasks = shell.tasks();
    Ok(Parts { shell: Box::new(shell), kept, clock, tasks })
}

fn open(folder: &Path, no_keyring: bool, now_unix: u64) -> (Vault, Kept) {
    let vault = if no_keyring { Vault::in_file(folder) } else { Vault::open(folder) };
    let kept = live::load(folder, &vault, now_unix);
    (vault, kept)
}

fn start_logging(filter: &str, book: &LogBook) {
    let filter = || EnvFilter::builder().parse_lossy(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_filter(filter());
    tracing_subscriber::registry().with(lines).with(book.clone().with_filter(filter())).init();
}
