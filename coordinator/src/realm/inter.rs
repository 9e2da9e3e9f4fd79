//! The char-server as map-servers see it (chrif, `char_mapif.cpp`, `inter.cpp`).
//!
//! A connection to the char port that opens with 0x2af8 becomes the link of one map-server. Packets are served one after the
//! other, as rAthena does, so that what was saved is there for whoever asks next. A map-server is trusted with its players,
//! but what it says has to fit: characters belong to the accounts it names.

mod characters;
mod entry;
mod registry;
mod stock;
mod storage;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bifrost_protocol::frame::packet_id;
use bifrost_protocol::ids::{AccountId, CharacterId};
use bifrost_protocol::inter::{self as wire, CharToMap, MapToChar, map_to_char};
use bifrost_protocol::{DecodeError, FixedText};
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Context;
use super::board::LINK_QUEUE;
use super::port::{Line, LineError, send};
use super::state::ServerId;
use crate::backoff::Backoff;
use crate::store::StoreError;

/// How long a map-server may be silent before it is asked for a sign of life. A stock one sends 0x2afe every 10 s.
const QUIET: Duration = Duration::from_secs(60);

/// How often it is asked in vain before its link is cut.
const MAX_QUIET: u32 = 3;

/// First and longest wait between attempts to save.
const SAVE_BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Most bytes written to a link at once.
const WRITE_BATCH: usize = 256 * 1024;

/// Most characters whose accounts a link remembers.
const MAX_KNOWN: usize = 16_384;

/// What a map-server's packet leads to. Several packets at once come in the order in which they are sent.
type Answers = Vec<CharToMap>;

/// Why a link ends.
#[derive(Debug)]
enum Trouble {
    /// The map-server sent what it must not.
    Line(LineError),
    /// The realm stops.
    Stopping,
}

impl From<DecodeError> for Trouble {
    fn from(error: DecodeError) -> Self {
        Self::Line(error.into())
    }
}

impl From<LineError> for Trouble {
    fn from(error: LineError) -> Self {
        Self::Line(error)
    }
}

/// The link of one map-server. Dropping it takes the server off the board.
struct Link<'a> {
    context: &'a Context,
    server: ServerId,
    token: &'a CancellationToken,
    /// Accounts of characters this server had to do with.
    known: BTreeMap<CharacterId, AccountId>,
}

impl Drop for Link<'_> {
    fn drop(&mut self) {
        tracing::info!(server = self.server.0, "map-server gone");
        self.context.board.unlink(self.server);
        self.context.board.change(|state| ((), state.server_gone(self.server, Instant::now())));
    }
}

/// Serves one map-server that opened its connection with `login`.
pub(super) async fn serve<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    context: Arc<Context>,
    mut line: Line<R>,
    mut writer: W,
    login: wire::Login,
    token: CancellationToken,
) -> Result<(), LineError> {
    let Some(server) = entry::admit(&context, &login) else {
        let answer = wire::LoginAnswer { result: wire::LoginResult::REFUSED };
        return send(&mut writer, &CharToMap::from(answer).encode()).await;
    };
    let (out, queue) = mpsc::channel(LINK_QUEUE);
    let mut link = Link { context: &context, server, token: &token, known: BTreeMap::new() };
    // the answers to the login go first, whatever others have to tell it
    for packet in entry::welcome() {
        send(&mut writer, &packet.encode()).await?;
    }
    // only the board and this loop hold the queue: when the board drops its end, the server did not read
    context.board.link(server, out.clone());
    let reading = link.run(&mut line, out.downgrade());
    drop(out);
    tokio::select! {
        biased;
        written = write(writer, queue) => written,
        ended = reading => match ended {
            Ok(()) | Err(Trouble::Stopping) => Ok(()),
            Err(Trouble::Line(error)) => Err(error),
        },
    }
}

/// Writes what is queued until the queue is closed: then the server did not read and its link is cut.
async fn write(mut writer: impl AsyncWrite + Unpin, mut queue: mpsc::Receiver<Bytes>) -> Result<(), LineError> {
    while let Some(first) = queue.recv().await {
        let mut batch = BytesMut::from(first.as_ref());
        while batch.len() < WRITE_BATCH
            && let Ok(packet) = queue.try_recv()
        {
            batch.extend_from_slice(&packet);
        }
        send(&mut writer, &batch).await?;
    }
    Err(LineError::Unread)
}

impl Link<'_> {
    async fn run<R: AsyncRead + Unpin>(
        &mut self,
        line: &mut Line<R>,
        out: mpsc::WeakSender<Bytes>,
    ) -> Result<(), Trouble> {
        let mut quiet = 0;
        loop {
            let packet = tokio::select! {
                biased;
                () = self.token.cancelled() => return Err(Trouble::Stopping),
                packet = line.next(map_to_char(), QUIET) => packet,
            };
            let answers = match packet {
                Ok(Some(packet)) => {
                    quiet = 0;
                    self.handle(&packet).await?
                }
                Ok(None) => return Ok(()),
                Err(LineError::Silent(_)) if quiet < MAX_QUIET => {
                    quiet += 1;
                    let users = self.context.board.note(|state| state.users());
                    vec![CharToMap::from(wire::TotalUsers { users }).encode()]
                }
                Err(error) => return Err(error.into()),
            };
            let Some(out) = out.upgrade() else { return Err(LineError::Unread.into()) };
            for answer in answers {
                // waits for a map-server that is slow to read its own answers, and so reads no more from it
                if out.send(answer).await.is_err() {
                    return Err(LineError::Unread.into());
                }
            }
        }
    }

    /// Serves one packet: the packets it is answered with.
    async fn handle(&mut self, packet: &[u8]) -> Result<Vec<Bytes>, Trouble> {
        let id = packet_id(packet)?;
        let answers = match MapToChar::decode(packet) {
            Ok(packet) => self.serve(id, packet).await?,
            Err(DecodeError::UnknownId { .. }) => return self.stock(id, packet).await,
            Err(error) => return Err(error.into()),
        };
        Ok(answers.iter().map(CharToMap::encode).collect())
    }

    async fn serve(&mut self, id: u16, packet: MapToChar) -> Result<Answers, Trouble> {
        match packet {
            MapToChar::Maps(maps) => self.maps(&maps),
            MapToChar::UserCount(_) => Ok(Vec::new()),
            MapToChar::Online(online) => self.online(&online).await,
            MapToChar::Authenticate(request) => Ok(self.authenticate(&request).await),
            MapToChar::ChangeServer(change) => Ok(self.change_server(&change).await),
            MapToChar::CharacterSelect(request) => Ok(self.character_select(&request).await),
            MapToChar::CameOnline(here) => Ok(self.came_online(here.account, here.character).await),
            MapToChar::WentOffline(gone) => Ok(self.went_offline(gone.account, gone.character)),
            MapToChar::AllOffline(_) => Ok(self.all_offline()),
            MapToChar::PublicAddress(address) => Ok(self.public_address(address.ip.0)),
            MapToChar::Ping(_) => Ok(vec![wire::Pong {}.into()]),
            MapToChar::Save(save) => self.save(save).await,
            MapToChar::StatusRequest(request) => self.statuses(&request).await,
            MapToChar::StatusSave(save) => self.save_statuses(save).await,
            MapToChar::CooldownRequest(request) => self.cooldowns(&request).await,
            MapToChar::CooldownSave(save) => self.save_cooldowns(save).await,
            MapToChar::BonusRequest(request) => self.bonuses(&request).await,
            MapToChar::BonusSave(save) => self.save_bonuses(save).await,
            MapToChar::RegistryRequest(request) => self.registry(&request).await,
            MapToChar::RegistrySave(save) => self.save_registry(save).await,
            MapToChar::StorageRequest(request) => self.storage(&request).await,
            MapToChar::StorageSave(save) => self.save_storage(save).await,
            MapToChar::BanCharacter(_) => {
                self.ignored(id);
                Ok(Vec::new())
            }
            MapToChar::Login(_) => Err(LineError::Unexpected(id).into()),
        }
    }

    /// Notes a packet that asks for what the embedded realm does not have.
    fn ignored(&self, id: u16) {
        metrics::counter!("bifrost_realm_ignored_total").increment(1);
        tracing::debug!(server = self.server.0, packet = format_args!("0x{id:04x}"), "not served here");
    }

    /// The account a character belongs to, read once a link.
    async fn owner(&mut self, character: CharacterId) -> Result<Option<AccountId>, StoreError> {
        if let Some(account) = self.known.get(&character) {
            return Ok(Some(*account));
        }
        let account = self.context.store.character(character).await?.map(|row| row.account);
        if let Some(account) = account {
            self.learn(character, account);
        }
        Ok(account)
    }

    fn learn(&mut self, character: CharacterId, account: AccountId) {
        if self.known.len() >= MAX_KNOWN {
            self.known.clear();
        }
        self.known.insert(character, account);
    }

    /// Whether the character belongs to the account. One that does not is logged: the map-server is confused or lies.
    async fn belongs(&mut self, account: AccountId, character: CharacterId) -> Result<bool, Trouble> {
        let belongs = self.owned(character).await? == Some(account);
        if !belongs {
            tracing::warn!(server = self.server.0, %account, %character, "map-server names a pair that is none");
        }
        Ok(belongs)
    }

    /// As [`owner`](Self::owner), waiting for the store.
    async fn owned(&mut self, character: CharacterId) -> Result<Option<AccountId>, Trouble> {
        let mut backoff = Backoff::new(SAVE_BACKOFF.0, SAVE_BACKOFF.1);
        loop {
            match self.owner(character).await {
                Ok(account) => return Ok(account),
                Err(error) => self.pause(&mut backoff, &error).await?,
            }
        }
    }

    /// Does what must not be lost, however long the store is away: the map-server's packets queue up behind it. What can
    /// never be done is given up and logged.
    async fn insist<T, F: Future<Output = Result<T, StoreError>>>(
        &self,
        mut work: impl FnMut() -> F,
    ) -> Result<Option<T>, Trouble> {
        let mut backoff = Backoff::new(SAVE_BACKOFF.0, SAVE_BACKOFF.1);
        loop {
            match work().await {
                Ok(done) => return Ok(Some(done)),
                Err(error) if error.may_retry() => self.pause(&mut backoff, &error).await?,
                Err(error) => {
                    tracing::error!(server = self.server.0, %error, "given up");
                    return Ok(None);
                }
            }
        }
    }

    async fn pause(&self, backoff: &mut Backoff, error: &StoreError) -> Result<(), Trouble> {
        let wait = backoff.next_wait();
        tracing::warn!(server = self.server.0, %error, ?wait, "map-server has to wait for the store");
        tokio::select! {
            biased;
            () = self.token.cancelled() => Err(Trouble::Stopping),
            () = tokio::time::sleep(wait) => Ok(()),
        }
    }
}

/// A name in a packet of fixed length.
fn name(text: &str) -> FixedText<24> {
    FixedText::new(text)
}
