//! What is switched off or needs no answer, and how a client is told so.

use bifrost_protocol::client::character as wire;
use bifrost_protocol::client::{CharToClient, ClientToChar};
use bifrost_protocol::ids::{AccountId, CharacterId};

/// `chclif_char_delete2_cancel_ack`: nothing was queued, which is what was wanted.
const CANCEL_DONE: i32 = 1;
/// `chclif_char_delete2_cancel_ack`: there is no such character.
const CANCEL_FAILED: i32 = 2;
/// `chclif_rename_response`: the name change is prohibited.
const RENAME_FAILED: u32 = 9;
/// `chclif_moveCharSlotReply`: not moved.
const MOVE_FAILED: u16 = 1;

/// The answer to a request that is switched off; none when it is served elsewhere, or the client must not send it at all.
/// `owns` tells the account's characters.
pub(super) fn answer(
    packet: &ClientToChar,
    account: AccountId,
    owns: impl Fn(CharacterId) -> bool,
) -> Option<Vec<CharToClient>> {
    Some(vec![match packet {
        ClientToChar::Delete(delete) => {
            let own = owns(delete.character);
            let reason = if own { wire::DeleteRefusal::WRONG_KEY } else { wire::DeleteRefusal::ILLEGAL_SLOT };
            wire::DeleteRefused { reason }.into()
        }
        ClientToChar::DeleteReserve(delete) => {
            let own = owns(delete.character);
            let result = if own { wire::ReserveResult::UNKNOWN } else { wire::ReserveResult::DATABASE };
            wire::DeleteReserved { character: delete.character, result, seconds: 0 }.into()
        }
        ClientToChar::DeleteConfirm(delete) => {
            let own = owns(delete.character);
            let result = if own { wire::ConfirmResult::FORBIDDEN } else { wire::ConfirmResult::DATABASE };
            wire::DeleteConfirmed { character: delete.character, result }.into()
        }
        ClientToChar::DeleteCancel(cancel) => {
            let result = if owns(cancel.character) { CANCEL_DONE } else { CANCEL_FAILED };
            wire::DeleteCancelled { character: cancel.character, result }.into()
        }
        ClientToChar::CheckName(_) => wire::NameChecked { valid: 0 }.into(),
        ClientToChar::Rename(_) => wire::Renamed { result: RENAME_FAILED }.into(),
        ClientToChar::MoveSlot(_) => wire::SlotMoved { reason: MOVE_FAILED, moves: 0 }.into(),
        // rAthena discards a second one
        ClientToChar::Enter(_) => return Some(Vec::new()),
        ClientToChar::PinWindow(window) if window.account == account => return Some(Vec::new()),
        ClientToChar::Ping(ping) if ping.account == account => return Some(Vec::new()),
        // PINs are off: no honest client sends one, nor another account's id
        ClientToChar::Pin(_)
        | ClientToChar::PinSet(_)
        | ClientToChar::PinChange(_)
        | ClientToChar::PinWindow(_)
        | ClientToChar::Ping(_) => return None,
        // served elsewhere
        ClientToChar::Select(_)
        | ClientToChar::SelectMap(_)
        | ClientToChar::PageRequest(_)
        | ClientToChar::Create(_) => return None,
    }])
}

#[cfg(test)]
mod tests {
    use bifrost_protocol::{FixedText, Secret};

    use super::*;

    const OWN: CharacterId = CharacterId(150_000);
    const OTHER: CharacterId = CharacterId(150_001);

    fn check(packet: impl Into<ClientToChar>, expected: &str) {
        let answer = answer(&packet.into(), AccountId(1), |id| id == OWN).map(|packets| {
            packets.iter().map(|packet| packet.encode().iter().map(|byte| format!("{byte:02x}")).collect()).collect()
        });
        let answer: Option<Vec<String>> = answer;
        assert_eq!(answer.map(|packets| packets.concat()).as_deref(), Some(expected));
    }

    #[test]
    fn every_way_to_delete_is_refused_with_its_own_error() {
        let key = Secret::new(FixedText::new("a@a.com"));
        check(wire::Delete { character: OWN, key }, "700000");
        check(wire::Delete { character: OTHER, key }, "700001");
        check(wire::DeleteReserve { character: OWN }, "2808f04902000000000000000000");
        check(wire::DeleteReserve { character: OTHER }, "2808f14902000300000000000000");
        let birth_date = Secret::new(*b"010203");
        check(wire::DeleteConfirm { character: OWN, birth_date }, "2a08f049020002000000");
        check(wire::DeleteConfirm { character: OTHER, birth_date }, "2a08f149020003000000");
        check(wire::DeleteCancel { character: OWN }, "2c08f049020001000000");
        check(wire::DeleteCancel { character: OTHER }, "2c08f149020002000000");
    }

    #[test]
    fn a_client_that_sends_a_pin_or_a_foreign_account_has_to_go() {
        let pin = wire::Pin { account: AccountId(1), pin: Secret::new(*b"1234") };
        assert!(answer(&pin.into(), AccountId(1), |_| true).is_none());
        assert!(answer(&wire::Ping { account: AccountId(2) }.into(), AccountId(1), |_| true).is_none());
        check(wire::PinWindow { account: AccountId(1) }, "");
    }
}
