//! Permanent script variables.

use bifrost_protocol::Packet;
use bifrost_protocol::inter::{Counted, RegistryChange, RegistrySave, RegistryUpdate};
use bytes::Bytes;

use super::asked::Asked;
use super::ruling::{Verdict, Violation, insist};
use super::{Ruling, Subject};

/// Variables of the account that are money, or worth it (pc.hpp): only the operator's own map-servers change them.
const CURRENCIES: [&[u8]; 3] = [b"#CASHPOINTS", b"#KAFRAPOINTS", b"#BANKVAULT"];

/// What is the matter with a change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fault {
    /// No script can have made it.
    Impossible,
    /// A script may have made it, but not on an untrusted host.
    NotHere,
}

/// Judges one change. Names are letters, digits and `_`, with `#` or `##` in front and `$` behind a text's. rAthena puts
/// them into a buffer of 65 bytes, escaped (`inter_savereg`); the length is checked by decoding.
fn fault(change: &RegistryChange) -> Option<Fault> {
    let key = change.key.as_bytes();
    let bare = key.strip_prefix(b"##").or_else(|| key.strip_prefix(b"#")).unwrap_or(key);
    let (bare, texts) = bare.strip_suffix(b"$").map_or((bare, false), |bare| (bare, true));
    let legal = !bare.is_empty() && bare.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let text = matches!(change.value, RegistryUpdate::Text(_) | RegistryUpdate::TextGone);
    if !legal || text != texts {
        return Some(Fault::Impossible);
    }
    let denied = key.starts_with(b"##") || CURRENCIES.iter().any(|name| key.eq_ignore_ascii_case(name));
    denied.then_some(Fault::NotHere)
}

/// 0x3004, alone.
pub(super) fn save(asked: &mut Asked<'_>) -> Verdict {
    let said: RegistrySave = asked.read()?;
    let subject = asked.pair(said.account, said.character)?;
    part(asked, &subject, &asked.packet.clone()).map(Ruling::forward)
}

/// 0x3004, alone or in a save of `subject`: what may not be changed here is cut out, the rest goes on.
pub(super) fn part(asked: &mut Asked<'_>, subject: &Subject<'_>, packet: &Bytes) -> Verdict<Bytes> {
    let said = RegistrySave::decode(packet)?;
    let own = said.account == subject.account && said.character == subject.character;
    insist(own, "identity", || format!("of account {} character {}", said.account, said.character))?;
    let impossible = said.changes.0.iter().any(|change| fault(change) == Some(Fault::Impossible));
    insist(!impossible, "registry_key", || "not the name of a permanent variable".to_owned())?;
    let (kept, cut): (Vec<_>, Vec<_>) = said.changes.0.into_iter().partition(|change| fault(change).is_none());
    if cut.is_empty() {
        return Ok(packet.clone());
    }
    let detail = format!("{} changes of account {}", cut.len(), subject.account);
    asked
        .guard
        .cut(asked.engine, Violation { packet: "registry_save", ..Violation::light("registry_currency", detail) });
    Ok(RegistrySave { changes: Counted(kept), account: said.account, character: said.character }.encode())
}
