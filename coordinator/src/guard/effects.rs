//! What lasts on a character: status effects, cooldowns, bonus scripts. All are parts of a save.

use std::collections::BTreeSet;

use bifrost_protocol::inter::{BonusSave, BonusScript, CooldownSave, StatusSave};
use bifrost_protocol::{List, Packet};
use bytes::Bytes;

use super::asked::Asked;
use super::ruling::{Verdict, Violation, demand, insist};
use super::{Subject, text};

/// `SC_MAX`, pre-renewal build of February 2026 (status.hpp): kinds of status effects.
const STATUS_KINDS: u16 = 1_044;

/// Effects one character may have at once. The char-server hands out 50 (`chmapif_parse_askscdata`).
const MAX_STATUSES: usize = 200;

/// `MAX_SKILLCOOLDOWN`.
const MAX_COOLDOWNS: usize = 20;

/// `MAX_PC_BONUS_SCRIPT`.
const MAX_SCRIPTS: usize = 50;

/// The longest an effect lasts, in milliseconds: thirty days.
const MAX_TICK: i64 = 30 * 86_400_000;

/// `INFINITE_TICK`: for ever.
const FOR_EVER: i64 = -1;

/// 0x2b1c.
pub(super) fn statuses(subject: &Subject<'_>, packet: &Bytes) -> Verdict<()> {
    let said = StatusSave::decode(packet)?;
    let own = said.account == subject.account && said.character == subject.character;
    insist(own, "identity", || format!("of account {} character {}", said.account, said.character))?;
    insist(said.changes.0.len() <= MAX_STATUSES, "count", || format!("{} status effects", said.changes.0.len()))?;
    let kinds: BTreeSet<u16> = said.changes.0.iter().map(|change| change.kind).collect();
    demand(kinds.len() == said.changes.0.len(), "status_twice", || "a status effect stands twice".to_owned())?;
    for change in &said.changes.0 {
        let legal = change.kind < STATUS_KINDS && (FOR_EVER..=MAX_TICK).contains(&change.tick);
        demand(legal, "status", || format!("status effect {} for {} ms", change.kind, change.tick))?;
        let values = [change.val1, change.val2, change.val3, change.val4];
        let small = values.iter().all(|value| i32::try_from(*value).is_ok());
        demand(small, "status", || format!("status effect {} with {values:?}", change.kind))?;
    }
    Ok(())
}

/// 0x2b15.
pub(super) fn cooldowns(subject: &Subject<'_>, packet: &Bytes) -> Verdict<()> {
    let said = CooldownSave::decode(packet)?;
    let own = said.account == subject.account && said.character == subject.character;
    insist(own, "identity", || format!("of account {} character {}", said.account, said.character))?;
    insist(said.cooldowns.0.len() <= MAX_COOLDOWNS, "count", || format!("{} cooldowns", said.cooldowns.0.len()))?;
    for cooldown in &said.cooldowns.0 {
        let legal = cooldown.skill != 0 && (0..=MAX_TICK).contains(&cooldown.tick);
        demand(legal, "cooldown", || format!("skill {} for {} ms", cooldown.skill, cooldown.tick))?;
    }
    Ok(())
}

/// 0x2b2e: scripts that the next map-server would run. Only those pass that the char-server handed out for this character,
/// for as long as they still last. The rest is cut out: an item's own script would need the realm's items to be known.
pub(super) fn bonuses(asked: &mut Asked<'_>, subject: &Subject<'_>, packet: &Bytes) -> Verdict<Bytes> {
    let said = BonusSave::decode(packet)?;
    insist(said.character == subject.character, "identity", || format!("of character {}", said.character))?;
    let count = usize::from(said.count);
    insist(count <= MAX_SCRIPTS && count <= said.scripts.0.len(), "count", || {
        format!("{count} of {} scripts", said.scripts.0.len())
    })?;
    let mut scripts = said.scripts.0;
    scripts.truncate(count);
    for script in &scripts {
        text::terminated(&script.script)?;
    }
    let known = asked.guard.knowledge.belongings.scripts(subject.character);
    let kept: Vec<BonusScript> =
        scripts.into_iter().filter(|script| known.iter().any(|from| same(from, script))).collect();
    if kept.len() < count {
        let detail = format!("{} scripts of character {}", count - kept.len(), subject.character);
        asked.guard.cut(asked.engine, Violation { packet: "bonus_save", ..Violation::light("bonus_script", detail) });
    }
    let count = u8::try_from(kept.len()).unwrap_or_default();
    Ok(BonusSave { character: said.character, count, scripts: List(kept) }.encode())
}

/// The same script, with no more time left.
fn same(before: &BonusScript, after: &BonusScript) -> bool {
    before.script.as_bytes() == after.script.as_bytes()
        && (before.flag, before.icon, before.kind) == (after.flag, after.icon, after.kind)
        && (0..=before.tick).contains(&after.tick)
}
