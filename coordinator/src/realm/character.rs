//! The char-server as clients see it (`char_clif.cpp`).
//!
//! A client takes a seat with the session ids of its login, gets the list of its characters, may make new ones, chooses
//! one, and is told the map-server that has the character's map. Deleting, renaming and moving characters are off; PINs too.

mod create;
mod list;
mod refuse;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bifrost_protocol::client::character as wire;
use bifrost_protocol::client::{CharToClient, ClientToChar, CloseReason, client_to_char};
use bifrost_protocol::frame::packet_id;
use bifrost_protocol::ids::{AccountId, CharacterId, MapName, MapPoint};
use bifrost_protocol::layout::{CharacterImage, CharacterStatus};
use bifrost_protocol::{FixedText, List};
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Context;
use super::accounts::unix_now;
use super::port::{Line, LineError, send};
use super::state::{EnterAnswer, LoginIds, Pass, SeatId};
use crate::store::StoreError;

pub(super) use create::WHISPER_NAME;

/// How long a client may be silent. It pings every 12 s; rAthena's `stall_time` is 60 s.
const IDLE: Duration = Duration::from_secs(60);

/// Why a client has to go.
#[derive(Debug)]
enum Trouble {
    /// It sent what it must not.
    Line(LineError),
    /// The store does not answer.
    Store(StoreError),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A client that has taken its seat. Dropping it gives the seat back.
struct Seat<'a> {
    context: &'a Context,
    id: SeatId,
    account: AccountId,
    session: Option<Pass>,
    characters: Vec<CharacterStatus>,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.context.board.leave_seat(self.id);
        self.context.board.note(|state| state.seat_gone(self.account, self.id, Instant::now()));
    }
}

/// Serves one client that opened its connection with `enter`.
pub(super) async fn serve<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    context: Arc<Context>,
    mut line: Line<R>,
    mut writer: W,
    enter: wire::Enter,
    token: CancellationToken,
) -> Result<(), LineError> {
    send(&mut writer, &wire::greeting(enter.account)).await?;
    let (id, mut orders) = context.board.take_seat();
    let mut seat = Seat { context: &context, id, account: enter.account, session: None, characters: Vec::new() };
    let welcome = match seat.enter(&enter).await {
        Ok(welcome) => welcome,
        Err(refusal) => return send(&mut writer, &refusal.encode()).await,
    };
    send(&mut writer, &welcome).await?;
    loop {
        let packet = match next(&mut line, &mut orders, &token).await? {
            Some(Event::Packet(packet)) => packet,
            Some(Event::TurnedOut(reason)) => return send(&mut writer, &closed(reason).encode()).await,
            None => return Ok(()),
        };
        match seat.handle(&packet).await {
            Ok(answers) => send(&mut writer, &list::joined(&answers)).await?,
            Err(Trouble::Line(error)) => return Err(error),
            Err(Trouble::Store(error)) => {
                tracing::warn!(account = %seat.account, %error, "client sent away");
                return send(&mut writer, &closed(CloseReason::SERVER_CLOSED).encode()).await;
            }
        }
    }
}

enum Event {
    Packet(Bytes),
    TurnedOut(CloseReason),
}

/// What happens next; none when the client is gone.
async fn next<R: AsyncRead + Unpin>(
    line: &mut Line<R>,
    orders: &mut mpsc::Receiver<CloseReason>,
    token: &CancellationToken,
) -> Result<Option<Event>, LineError> {
    tokio::select! {
        biased;
        () = token.cancelled() => Ok(Some(Event::TurnedOut(CloseReason::SERVER_CLOSED))),
        Some(reason) = orders.recv() => Ok(Some(Event::TurnedOut(reason))),
        packet = line.next(client_to_char(), IDLE) => Ok(packet?.map(Event::Packet)),
    }
}

impl Seat<'_> {
    /// Takes the seat: what the client is welcomed with, or why it is not.
    async fn enter(&mut self, enter: &wire::Enter) -> Result<Bytes, CharToClient> {
        let ids = LoginIds { first: enter.login_id1, second: enter.login_id2 };
        let answer =
            self.context.board.change(|state| state.enter(self.account, ids, enter.sex, self.id, Instant::now()));
        match answer {
            EnterAnswer::Accepted(pass) => self.session = Some(pass),
            EnterAnswer::StillOnline => return Err(closed(CloseReason::STILL_ONLINE)),
            EnterAnswer::Rejected => return Err(rejected()),
        }
        self.load().await.map_err(|error| {
            tracing::warn!(account = %self.account, %error, "characters cannot be read");
            closed(CloseReason::SERVER_CLOSED)
        })?;
        tracing::info!(account = %self.account, characters = self.characters.len(), "at the character selection");
        Ok(list::joined(&list::welcome(self.account, &self.characters, unix_now())))
    }

    async fn load(&mut self) -> Result<(), StoreError> {
        let rows = self.context.store.characters(self.account).await?;
        self.characters = rows.iter().filter_map(|row| status(row.id, &row.image)).collect();
        Ok(())
    }

    async fn handle(&mut self, packet: &[u8]) -> Result<Vec<CharToClient>, Trouble> {
        let packet = ClientToChar::decode(packet).map_err(|error| Trouble::Line(error.into()))?;
        if let Some(answers) = refuse::answer(&packet, self.account, |id| self.owns(id)) {
            return Ok(answers);
        }
        match packet {
            ClientToChar::PageRequest(_) => Ok(list::pages(&self.characters, unix_now())),
            ClientToChar::Select(select) => self.select(select.slot).await,
            ClientToChar::SelectMap(select) => self.select_map(select.slot, select.map).await,
            ClientToChar::Create(new) => self.create(&new).await,
            packet @ (ClientToChar::Enter(_)
            | ClientToChar::Ping(_)
            | ClientToChar::Delete(_)
            | ClientToChar::DeleteReserve(_)
            | ClientToChar::DeleteConfirm(_)
            | ClientToChar::DeleteCancel(_)
            | ClientToChar::CheckName(_)
            | ClientToChar::Rename(_)
            | ClientToChar::MoveSlot(_)
            | ClientToChar::Pin(_)
            | ClientToChar::PinSet(_)
            | ClientToChar::PinChange(_)
            | ClientToChar::PinWindow(_)) => {
                let id = packet_id(&packet.encode()).map_err(|error| Trouble::Line(error.into()))?;
                Err(Trouble::Line(LineError::Unexpected(id)))
            }
        }
    }

    fn owns(&self, id: CharacterId) -> bool {
        self.characters.iter().any(|character| character.character == id)
    }

    /// 0x0066 (`chclif_parse_charselect`).
    async fn select(&mut self, slot: u8) -> Result<Vec<CharToClient>, Trouble> {
        let Some(character) = self.character_in(slot).await? else { return Ok(vec![rejected()]) };
        let map = character.last_point.map;
        match MapName::new(&map.to_text()) {
            Ok(map) => Ok(vec![self.go(&character, &map, None).unwrap_or_else(|| self.maps())]),
            Err(_) => Ok(vec![self.maps()]),
        }
    }

    /// 0x0841, after [`maps`](Self::maps): goes to a city instead (`chclif_parse_select_accessible_map`).
    async fn select_map(&mut self, slot: u8, index: u8) -> Result<Vec<CharToClient>, Trouble> {
        let Some(character) = self.character_in(slot).await? else { return Ok(vec![rejected()]) };
        let own_map = MapName::new(&character.last_point.map.to_text());
        let stranded = own_map.is_ok_and(|map| !self.context.board.note(|state| state.has_map(&map)));
        if index != 0 || !stranded {
            return Ok(vec![rejected()]);
        }
        let start = &self.context.start;
        Ok(vec![self.go(&character, &start.map, Some(start.clone())).unwrap_or_else(rejected)])
    }

    /// The map-server to go to (0x0ac5), if there is one for `map`.
    fn go(&self, character: &CharacterStatus, map: &MapName, arrival: Option<MapPoint>) -> Option<CharToClient> {
        let pass = Pass { character: Some(character.character), arrival, ..self.session.clone()? };
        let address = self.context.board.note(|state| state.choose(self.account, map, pass, Instant::now()))?;
        tracing::info!(account = %self.account, character = %character.character, %map, "character chosen");
        let map = FixedText::new(format!("{map}.gat"));
        let (ip, port) = ((*address.ip()).into(), address.port());
        Some(wire::MapServer { character: character.character, map, ip, port, domain: FixedText::default() }.into())
    }

    /// Where a character can go whose map no server has (0x0840): to where new ones start.
    fn maps(&self) -> CharToClient {
        let map = &self.context.start.map;
        let status = i32::from(!self.context.board.note(|state| state.has_map(map)));
        let map = FixedText::new(format!("{map}.gat"));
        wire::Maps { maps: List(vec![wire::AccessibleMap { status, map }]) }.into()
    }

    /// The character in a slot, as it is saved by now.
    async fn character_in(&self, slot: u8) -> Result<Option<CharacterStatus>, StoreError> {
        let Some(id) = self.characters.iter().find(|one| one.slot == slot).map(|one| one.character) else {
            return Ok(None);
        };
        let row = self.context.store.character(id).await?;
        Ok(row.filter(|row| row.account == self.account).and_then(|row| status(row.id, &row.image)))
    }

    /// 0x0a39 (`char_make_new_char`).
    async fn create(&mut self, new: &wire::Create) -> Result<Vec<CharToClient>, Trouble> {
        let name = match create::checked_name(new.name) {
            Ok(name) => name,
            Err(reason) => return Ok(vec![wire::CreateRefused { reason }.into()]),
        };
        if self.context.store.character_name_taken(name.as_bytes()).await? {
            return Ok(vec![wire::CreateRefused { reason: wire::CreateRefusal::NAME_TAKEN }.into()]);
        }
        let made = match create::checked(new, name, self.account, &self.characters, &self.context.start) {
            Ok(made) => made,
            Err(reason) => return Ok(vec![wire::CreateRefused { reason }.into()]),
        };
        let row = crate::store::NewCharacter { account: self.account, slot: made.slot, name: name.as_bytes() };
        let image = |character| CharacterImage::fresh(&create::numbered(made, character)).as_bytes().to_vec();
        let row = match self.context.store.create_character(row, image).await {
            Ok(row) => row,
            Err(StoreError::Conflict { .. }) => {
                return Ok(vec![wire::CreateRefused { reason: wire::CreateRefusal::DENIED }.into()]);
            }
            Err(error) => return Err(error.into()),
        };
        tracing::info!(account = %self.account, character = %row.id, "character created");
        let Some(status) = status(row.id, &row.image) else { return Ok(Vec::new()) };
        let character = wire::CharacterInfo::of(&status, unix_now());
        self.characters.push(status);
        self.characters.sort_by_key(|character| character.slot);
        Ok(vec![wire::Created { character }.into()])
    }
}

/// Reads what is kept of a character. One that cannot be read is left out and logged: the others can still be played.
fn status(id: CharacterId, image: &[u8]) -> Option<CharacterStatus> {
    match CharacterImage::from_bytes(image) {
        Ok(image) => Some(image.view()),
        Err(error) => {
            tracing::error!(character = %id, %error, "stored character is damaged");
            None
        }
    }
}

fn closed(reason: CloseReason) -> CharToClient {
    wire::Closed { reason }.into()
}

fn rejected() -> CharToClient {
    wire::Refused { reason: 0 }.into()
}
