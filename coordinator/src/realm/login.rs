//! The login-server (`login.cpp`, `loginclif.cpp`).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bifrost_protocol::client::login::{Accepted, CharServer, LoginRefusal, Refused};
use bifrost_protocol::client::{ClientToLogin, CloseReason, LoginToClient, client_to_login, login};
use bifrost_protocol::frame::packet_id;
use bifrost_protocol::{FixedText, List, Secret};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::Context;
use super::accounts::{AccountError, Verdict, unix_now};
use super::port::{Line, LineError, send};
use super::state::{LoginAnswer, LoginIds, Pass};
use crate::store::AccountRow;

/// The configured version that takes every client.
const ANY_VERSION: u32 = 0;

/// How long a connection may take to send a whole packet.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a client may keep its connection open when it has its answer (`stall_time`, packet_athena.conf).
const IDLE: Duration = Duration::from_secs(60);

/// Logins a client may try on one connection.
const MAX_TRIES: u32 = 5;

/// A login, whatever packet it came in.
struct Attempt {
    version: u32,
    user: FixedText<24>,
    password: Secret<Vec<u8>>,
}

/// Serves one client.
pub(super) async fn serve(
    context: Arc<Context>,
    stream: TcpStream,
    peer: SocketAddr,
    token: CancellationToken,
) -> Result<(), LineError> {
    let reached_at = stream.local_addr()?.ip();
    let (reader, mut writer) = stream.into_split();
    let (mut line, mut tries, mut wait) = (Line::new(reader), 0, PATIENCE);
    loop {
        let packet = tokio::select! {
            biased;
            () = token.cancelled() => return send(&mut writer, &closed(CloseReason::SERVER_CLOSED)).await,
            packet = line.next(client_to_login(), wait) => packet?,
        };
        let Some(packet) = packet else { return Ok(()) };
        let attempt = match ClientToLogin::decode(&packet)? {
            ClientToLogin::Login(login) => attempt(login),
            ClientToLogin::LoginToken(login) => token_attempt(login),
            ClientToLogin::KeepAlive(_) | ClientToLogin::ExeHash(_) => continue,
        };
        tries += 1;
        if tries > MAX_TRIES {
            return Err(LineError::Unexpected(packet_id(&packet)?));
        }
        let answer = answer(&context, attempt, peer.ip(), reached_at).await;
        metrics::counter!("bifrost_realm_logins_total", "answer" => answer.name()).increment(1);
        send(&mut writer, &answer.encode()).await?;
        wait = IDLE;
    }
}

fn attempt(login: login::Login) -> Attempt {
    let password = Secret::new(login.password.expose().as_bytes().to_vec());
    Attempt { version: login.version, user: login.user, password }
}

/// As rAthena does, the token is taken for the password, up to its first NUL.
fn token_attempt(login: login::LoginToken) -> Attempt {
    let password = login.token.expose().split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
    Attempt { version: login.version, user: login.user, password: Secret::new(password) }
}

async fn answer(context: &Context, attempt: Attempt, peer: IpAddr, reached_at: IpAddr) -> LoginToClient {
    if context.client_version != ANY_VERSION && context.client_version != attempt.version {
        tracing::info!(%peer, version = attempt.version, "login refused: wrong client version");
        return refused(LoginRefusal::WRONG_VERSION);
    }
    if !context.limits.may_try(peer, Instant::now()) {
        tracing::info!(%peer, "login refused: too many attempts");
        return refused(LoginRefusal::REJECTED);
    }
    let verdict = context.accounts.prove(attempt.user.as_bytes(), attempt.password).await;
    let account = match verdict {
        Ok(Verdict::Right(account)) if account.banned => return refused(LoginRefusal::BLOCKED),
        Ok(Verdict::Right(account)) => account,
        Ok(Verdict::Unknown) => return failed(context, peer, LoginRefusal::UNREGISTERED),
        Ok(Verdict::WrongPassword) => return failed(context, peer, LoginRefusal::WRONG_PASSWORD),
        Err(AccountError::Busy) => return refused(LoginRefusal::OVERPOPULATED),
        Err(error) => {
            tracing::warn!(%error, "login refused: accounts cannot be read");
            return refused(LoginRefusal::REJECTED);
        }
    };
    admit(context, &account, reached_at).await
}

/// The password was right: hands out a pass to the char-server (`logclif_auth_ok`).
async fn admit(context: &Context, account: &AccountRow, reached_at: IpAddr) -> LoginToClient {
    let ids = LoginIds { first: random_id(), second: random_id() };
    let now = Instant::now();
    let pass = Pass::for_session(ids, account.sex, account.group_id, now);
    match context.board.change(|state| state.log_in(account.id, pass, now)) {
        LoginAnswer::Accepted => {}
        LoginAnswer::StillOnline => {
            tracing::info!(account = %account.id, "login refused: still online");
            return login::Closed { reason: CloseReason::STILL_ONLINE }.into();
        }
        LoginAnswer::Full => return refused(LoginRefusal::OVERPOPULATED),
    }
    if let Err(error) = context.store.touch_account(account.id, unix_now()).await {
        tracing::warn!(account = %account.id, %error, "time of login not kept");
    }
    tracing::info!(account = %account.id, "logged in");
    Accepted {
        login_id1: ids.first,
        account: account.id,
        login_id2: ids.second,
        last_ip: 0,
        last_login: FixedText::default(),
        sex: account.sex,
        web_token: Secret::default(),
        servers: List(vec![char_server(context, reached_at)]),
    }
    .into()
}

fn char_server(context: &Context, reached_at: IpAddr) -> CharServer {
    CharServer {
        ip: public_ip(context.char_addr.ip(), reached_at).into(),
        port: context.char_addr.port(),
        name: FixedText::new(&context.name),
        users: u16::try_from(context.board.note(|state| state.users())).unwrap_or(u16::MAX),
        kind: 0,
        is_new: 0,
        unknown: [0; 128],
    }
}

/// The address clients reach the char-server at: where it listens, or, when that is every address, the one this client
/// reached the login-server at.
fn public_ip(listen: IpAddr, reached_at: IpAddr) -> Ipv4Addr {
    let ip = if listen.is_unspecified() { reached_at } else { listen };
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip,
        // the packet has no room for an IPv6 address; ::1 is the only one whose IPv4 form is known
        IpAddr::V6(_) => Ipv4Addr::LOCALHOST,
    }
}

fn failed(context: &Context, peer: IpAddr, reason: LoginRefusal) -> LoginToClient {
    context.limits.failed(peer, Instant::now());
    tracing::info!(%peer, ?reason, "login refused");
    refused(reason)
}

fn refused(reason: LoginRefusal) -> LoginToClient {
    Refused { reason, unblock_time: FixedText::default() }.into()
}

fn closed(reason: CloseReason) -> bytes::Bytes {
    LoginToClient::from(login::Closed { reason }).encode()
}

/// Session ids are never 0: in 0x2b06 that means refused.
fn random_id() -> Secret<u32> {
    Secret::new(rand::random_range(1..=u32::MAX))
}
