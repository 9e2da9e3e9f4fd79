//! A character's state (0x2b01): who it is, what it may be, and what stays as it was.
//!
//! What cannot be is refused with the whole save. What is not for an engine to change is put back and told: an honest engine
//! comes to it now and then, and its player must not lose every save from then on.
//!
//! What it may *gain* is not judged here: [`super::AcceptedSave`] holds what came before and after for that.

mod kept;

use bifrost_protocol::FixedText;
use bifrost_protocol::ids::MapPoint;
use bifrost_protocol::layout::{CharacterImage, CharacterStatus};

use super::asked::Asked;
use super::knowledge::Known;
use super::players::MAX_FAME;
use super::ruling::{Verdict, Violation, demand, insist};
use super::{Subject, classes, text};
use kept::Kept;

/// Highest base and job level (`MAX_LEVEL`).
const MAX_LEVEL: u32 = 255;

/// Highest value of a stat that any configuration makes sense of.
const MAX_STAT: u16 = 999;

/// How far health may be above the maximum that is saved: that one knows no status effects, and berserk triples it.
const HEALTH_FACTOR: i32 = 4;

/// `MAX_SKILL`, and the highest level a skill may have by an item.
const SKILLS: (usize, u8) = (1_641, 100);

/// A state that is let through.
#[derive(Clone, Debug)]
pub(super) struct Accepted {
    /// The state, with everything as it was that is not for an engine to change.
    pub(super) image: CharacterImage,
    /// Where the character is going, when that is not a place of this engine: the state still names where it was.
    pub(super) heading: Option<MapPoint>,
    /// What was not taken over.
    pub(super) cut: Vec<Violation>,
}

/// Judges a state of `subject`.
pub(super) fn accept(asked: &Asked<'_>, subject: &Subject<'_>, image: &CharacterImage) -> Verdict<Accepted> {
    let (before, after) = (subject.image.view(), image.view());
    let known = asked.guard.knowledge.member(subject.character);
    identity(subject, known, &before, &after)?;
    possible(&before, &after)?;
    lists(image)?;
    let mut kept = Kept::new(asked, subject, image);
    kept.fixed();
    kept.memberships(known);
    kept.companions();
    kept.returns()?;
    let heading = kept.place()?;
    let (image, cut) = kept.into_parts();
    Ok(Accepted { image, heading, cut })
}

/// Who it is never changes.
fn identity(
    subject: &Subject<'_>,
    known: Option<&Known>,
    before: &CharacterStatus,
    after: &CharacterStatus,
) -> Verdict<()> {
    let same = after.account == subject.account && after.character == subject.character;
    insist(same, "identity", || format!("of account {} character {}", after.account, after.character))?;
    insist(after.name.as_bytes() == before.name.as_bytes(), "identity", || "another name".to_owned())?;
    insist(after.slot == before.slot, "identity", || format!("slot {} after {}", after.slot, before.slot))?;
    let sex_changed = after.sex <= 1 && known.is_some_and(|known| known.sex_changed);
    insist(after.sex == before.sex || sex_changed, "identity", || format!("sex {} after {}", after.sex, before.sex))
}

/// What it may be.
fn possible(before: &CharacterStatus, after: &CharacterStatus) -> Verdict<()> {
    demand(classes::may_become(before.class, after.class), "class", || {
        format!("class {} after {}", after.class, before.class)
    })?;
    let reborn = classes::reborn(before.class, after.class);
    let base = (1..=MAX_LEVEL).contains(&after.base_level) && (reborn || after.base_level >= before.base_level);
    let fresh = after.class != before.class;
    let job = (1..=MAX_LEVEL).contains(&after.job_level) && (fresh || after.job_level >= before.job_level);
    demand(base && job, "level", || {
        let (base, job) = (before.base_level, before.job_level);
        format!("levels {}/{} after {base}/{job}", after.base_level, after.job_level)
    })?;
    demand(after.zeny >= 0, "zeny", || format!("{} zeny", after.zeny))?;
    let gauge = |now: i32, max: i32| now >= 0 && max >= 0 && now <= max.saturating_mul(HEALTH_FACTOR);
    let alive = gauge(after.hp, after.max_hp) && gauge(after.sp, after.max_sp) && gauge(after.ap, after.max_ap);
    demand(alive && after.max_hp > 0, "health", || {
        format!("{}/{} {}/{} {}/{}", after.hp, after.max_hp, after.sp, after.max_sp, after.ap, after.max_ap)
    })?;
    let stats = [after.str, after.agi, after.vit, after.int, after.dex, after.luk];
    let traits = [after.pow, after.sta, after.wis, after.spl, after.con, after.crt];
    let legal = stats.iter().all(|stat| (1..=MAX_STAT).contains(stat)) && traits.iter().all(|stat| *stat <= MAX_STAT);
    demand(legal, "stats", || format!("{stats:?} {traits:?}"))?;
    demand((0..=MAX_FAME).contains(&after.fame), "fame", || format!("{} fame", after.fame))?;
    demand(after.unique_items >= before.unique_items, "unique_items", || {
        format!("counter {} after {}", after.unique_items, before.unique_items)
    })
}

/// The bytes of an array.
fn block<'a>(image: &'a CharacterImage, name: &str) -> &'a [u8] {
    CharacterStatus::DESCRIPTOR.slice(image.as_bytes(), name).unwrap_or_default()
}

/// Skills and friends.
fn lists(image: &CharacterImage) -> Verdict<()> {
    let (count, highest) = SKILLS;
    let skills = block(image, "skill");
    let (skills, rest) = skills.as_chunks::<4>();
    insist(skills.len() == count && rest.is_empty(), "skill", || format!("{} skills", skills.len()))?;
    let mut seen = std::collections::BTreeSet::new();
    for [low, high, level, _] in skills {
        let id = u16::from_le_bytes([*low, *high]);
        if id != 0 {
            demand(*level <= highest && seen.insert(id), "skill", || format!("skill {id} level {level}, or twice"))?;
        }
    }
    let (friends, _) = block(image, "friends").as_chunks::<32>();
    for friend in friends {
        let name: FixedText<24> = friend.last_chunk::<24>().copied().unwrap_or_default().into();
        text::terminated(&name)?;
    }
    Ok(())
}
