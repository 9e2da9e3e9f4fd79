//! From name and password to the address of a map-server.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bifrost_protocol::client::character::{CharacterInfo, Create, Enter, Select};
use bifrost_protocol::client::login::Login;
use bifrost_protocol::client::{CharToClient, LoginToClient};
use bifrost_protocol::ids::{AccountId, CharacterId};
use bifrost_protocol::{FixedText, Packet, Secret};

use super::{Account, Place, Wire};

/// How long login- and char-server have for each answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);

/// What a client needs to enter map-servers: it keeps this through redirects.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// The account.
    pub account: AccountId,
    /// The character it plays.
    pub character: CharacterId,
    /// First session id.
    pub login_id1: u32,
    /// Second session id.
    pub login_id2: u32,
    /// 0 female, 1 male.
    pub sex: u8,
    /// The character's name.
    pub name: String,
    /// The map-server to go to.
    pub map_server: SocketAddr,
    /// Where the character is, as far as the client was told.
    pub place: Place,
}

/// A session of the login-server.
pub(super) struct Session {
    account: AccountId,
    login_id1: Secret<u32>,
    login_id2: Secret<u32>,
    sex: u8,
    char_server: SocketAddr,
}

/// Why a server did not let the player in.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Turned(pub(super) String);

/// Logs in, selects a character, and stops before the map-server.
///
/// # Errors
/// A server refuses, or a connection breaks.
pub async fn ticket(account: &Account) -> Result<Ticket> {
    let session = log_in(account).await.context("login-server")?;
    select(account, &session).await.context("char-server")
}

/// Logs in.
///
/// # Errors
/// [`Turned`] when the server refuses, anything else when the connection breaks.
pub(super) async fn log_in(account: &Account) -> Result<Session> {
    let mut wire = Wire::connect(account.login).await?;
    let login = Login {
        version: account.version,
        user: FixedText::new(&account.username),
        password: Secret::new(FixedText::new(&account.password)),
        client_type: 1,
    };
    wire.send(&login.encode()).await?;
    match LoginToClient::decode(&answer(&mut wire).await?)? {
        LoginToClient::Accepted(accepted) => {
            let server = accepted.servers.0.first().context("there is no char-server")?;
            Ok(Session {
                account: accepted.account,
                login_id1: accepted.login_id1,
                login_id2: accepted.login_id2,
                sex: accepted.sex,
                char_server: server.ip.at(server.port).into(),
            })
        }
        LoginToClient::Refused(refused) => bail!(Turned(format!("login {:?}", refused.reason))),
        LoginToClient::Closed(closed) => bail!(Turned(format!("login {:?}", closed.reason))),
    }
}

/// Selects the character, making it when there is none.
///
/// # Errors
/// [`Turned`] when the server refuses, anything else when the connection breaks.
pub(super) async fn select(account: &Account, session: &Session) -> Result<Ticket> {
    let mut wire = Wire::connect(session.char_server).await?;
    let enter = Enter {
        account: session.account,
        login_id1: session.login_id1,
        login_id2: session.login_id2,
        unknown: 0,
        sex: session.sex,
    };
    wire.send(&enter.encode()).await?;
    tokio::time::timeout(ANSWER_LIMIT, wire.raw(4)).await??;
    let mut character: Option<CharacterInfo> = None;
    loop {
        match CharToClient::decode(&answer(&mut wire).await?)? {
            CharToClient::Characters(list) => match list.characters.0.into_iter().next() {
                Some(found) => {
                    wire.send(&Select { slot: found.slot }.encode()).await?;
                    character = Some(found);
                }
                None => wire.send(&create(account, session.sex).encode()).await?,
            },
            CharToClient::Created(created) => {
                wire.send(&Select { slot: created.character.slot }.encode()).await?;
                character = Some(created.character);
            }
            CharToClient::MapServer(server) => {
                let character = character.context("a map-server without a character")?;
                return Ok(Ticket {
                    account: session.account,
                    character: server.character,
                    login_id1: *session.login_id1.expose(),
                    login_id2: *session.login_id2.expose(),
                    sex: session.sex,
                    name: character.name.to_text(),
                    map_server: server.ip.at(server.port).into(),
                    place: Place::new(&server.map.to_text(), 0, 0),
                });
            }
            CharToClient::Refused(refused) => bail!(Turned(format!("select {}", refused.reason))),
            CharToClient::CreateRefused(refused) => bail!(Turned(format!("create {:?}", refused.reason))),
            CharToClient::Closed(closed) => bail!(Turned(format!("char {:?}", closed.reason))),
            CharToClient::Maps(_) => bail!(Turned("no map-server has the character's map".into())),
            _ => {}
        }
    }
}

fn create(account: &Account, sex: u8) -> Create {
    Create {
        name: FixedText::new(&account.character),
        slot: 0,
        hair_color: 1,
        hair_style: 1,
        // Novice.
        job: 0,
        sex,
    }
}

async fn answer(wire: &mut Wire) -> Result<bytes::Bytes> {
    let packet = tokio::time::timeout(ANSWER_LIMIT, wire.next()).await.context("no answer")??;
    packet.context("closed without an answer")
}
