//! What may pass the relay, and what it answers itself while no engine is there. Pure.

use std::time::Instant;

use bifrost_protocol::DecodeError;
use thiserror::Error;

/// `CZ_ENTER2`, the first packet of a client on a map-server (`clif.cpp`, `clif_parse_WantToConnection`).
pub(super) const ENTER: u16 = 0x0436;
/// `CZ_REQUEST_TIME2` (`clif_parse_TickSend`): id, client tick.
const REQUEST_TIME: u16 = 0x0360;
/// `ZC_NOTIFY_TIME`: id, server tick.
const NOTIFY_TIME: u16 = 0x007f;

/// Packets for the login- and char-server (`CA_*`, `CH_*`, `CT_*` in `packets.hpp`) that the table of what clients send knows
/// too.
const FOR_OTHER_SERVERS: [u16; 31] = [
    0x0064, 0x0065, 0x0066, 0x0067, 0x0068, 0x0187, 0x01db, 0x01dd, 0x01fa, 0x01fb, 0x0200, 0x0204, 0x0277, 0x027c,
    0x028d, 0x02b0, 0x0825, 0x0827, 0x0829, 0x082b, 0x0841, 0x08b8, 0x08ba, 0x08be, 0x08c5, 0x08d4, 0x08fc, 0x0970,
    0x09a1, 0x0a39, 0x0acf,
];

/// Packets that carry the address of another server: only the coordinator decides where a client goes
/// (`AC_ACCEPT_LOGIN*`, `HC_NOTIFY_ZONESVR*`, `ZC_NPCACK_SERVERMOVE*`).
const SENDS_ELSEWHERE: [u16; 7] = [0x0069, 0x0071, 0x0092, 0x0276, 0x0ac4, 0x0ac5, 0x0ac7];

/// A packet that does not pass.
#[derive(Debug, Error)]
pub(super) enum Refused {
    /// It cannot be framed.
    #[error(transparent)]
    Garbage(#[from] DecodeError),
    /// The engine has let the client go: what it says of where to is not its to say.
    #[error("the engine lets the client go with packet 0x{0:04x}")]
    LetGo(u16),
    /// It has no place in this direction of a game connection.
    #[error("packet 0x{0:04x} has no place here")]
    Misplaced(u16),
}

/// Whether a client that has entered may send this.
pub(super) fn from_client(id: u16) -> Result<(), Refused> {
    if id == ENTER || FOR_OTHER_SERVERS.contains(&id) { Err(Refused::Misplaced(id)) } else { Ok(()) }
}

/// `SC_NOTIFY_BAN`: a server closes the connection, and says why (`clif_authfail_fd`).
const CLOSES: u16 = 0x0081;

/// Whether an engine may send this. A stock map-server sends its players elsewhere, or away, with packets of its own: the
/// fleet has asked it to, or will hear why.
pub(super) fn from_engine(id: u16, stock: bool) -> Result<(), Refused> {
    match (SENDS_ELSEWHERE.contains(&id), stock) {
        (true, false) => Err(Refused::Misplaced(id)),
        (true, true) => Err(Refused::LetGo(id)),
        (false, true) if id == CLOSES => Err(Refused::LetGo(id)),
        (false, _) => Ok(()),
    }
}

/// The server tick as the client knows it, kept going while no engine answers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    last: Option<(u32, Instant)>,
}

impl Clock {
    /// Notes the time an engine tells its client.
    pub(super) fn hear(&mut self, id: u16, packet: &[u8], now: Instant) {
        if id == NOTIFY_TIME
            && let Some(tick) = tick(packet)
        {
            self.last = Some((tick, now));
        }
    }

    /// The answer to a client's packet while it is held: the time, so that it stays content. Everything else it asks has to
    /// wait for an engine, and its answers to pings (0x0b1c) need none.
    pub(super) fn answer(&self, id: u16, packet: &[u8], now: Instant) -> Option<[u8; 6]> {
        let asked = (id == REQUEST_TIME).then(|| tick(packet)).flatten()?;
        let tick = self.last.map_or(asked, |(tick, at)| {
            // Ticks are 32-bit milliseconds and wrap.
            tick.wrapping_add(u32::try_from((now - at).as_millis() & u128::from(u32::MAX)).unwrap_or(0))
        });
        let [a, b, c, d] = tick.to_le_bytes();
        let [low, high] = NOTIFY_TIME.to_le_bytes();
        Some([low, high, a, b, c, d])
    }
}

/// The tick of a time packet: four bytes behind the id.
fn tick(packet: &[u8]) -> Option<u32> {
    packet.get(2..6)?.try_into().ok().map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bifrost_protocol::client::{ClientToChar, ClientToLogin};

    use super::*;

    #[test]
    fn nothing_for_the_login_or_char_server_passes() {
        for (id, name, _) in ClientToLogin::IDS.iter().chain(ClientToChar::IDS) {
            assert!(from_client(*id).is_err(), "{name} 0x{id:04x}");
        }
        assert!(from_client(ENTER).is_err());
        assert!(from_client(0x035f).is_ok());
    }

    #[test]
    fn no_engine_sends_a_client_to_another_server() {
        assert!(matches!(from_engine(0x0ac7, false), Err(Refused::Misplaced(_))));
        assert!(from_engine(0x0091, false).is_ok(), "a map change on the same server is the engine's");
        assert!(matches!(from_engine(0x0ac7, true), Err(Refused::LetGo(_))), "a stock one does it when it is asked to");
        assert!(matches!(from_engine(0x0081, true), Err(Refused::LetGo(_))) && from_engine(0x0081, false).is_ok());
    }

    #[test]
    fn the_clock_goes_on_while_no_engine_answers() {
        let (mut clock, now) = (Clock::default(), Instant::now());
        let ask = [0x60, 3, 9, 0, 0, 0];
        assert_eq!(clock.answer(0x0360, &ask, now), Some([0x7f, 0, 9, 0, 0, 0]), "nothing is known: the client's own");
        clock.hear(NOTIFY_TIME, &[0x7f, 0, 0xff, 0xff, 0xff, 0xff], now);
        let later = now + Duration::from_millis(11);
        assert_eq!(clock.answer(0x0360, &ask, later), Some([0x7f, 0, 10, 0, 0, 0]));
        assert_eq!(clock.answer(0x0b1c, &[0x1c, 0x0b], later), None);
    }
}
