//! A character's state (0x2b01): what may change at all, and what it may be.
//!
//! What it may *gain* is not judged here: [`super::AcceptedSave`] holds what came before and after for that.

use bifrost_protocol::FixedText;
use bifrost_protocol::ids::{CharacterId, MapName, MapPoint};
use bifrost_protocol::layout::{CharacterImage, CharacterStatus, Plain, Point};

use super::asked::Asked;
use super::knowledge::{Companion, Known};
use super::players::MAX_FAME;
use super::ruling::{Verdict, Violation, demand, insist};
use super::{Subject, classes, text};

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
    /// The state, with party, guild and relatives as the char-server has them.
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
    unchanged(&before, &after)?;
    possible(&before, &after)?;
    companions(asked, subject, &before, &after)?;
    lists(image)?;
    let mut image = image.clone();
    known_to_char_server(known, &before, &after, &mut image)?;
    let cut = returns(asked, subject, &after, &mut image)?;
    let heading = place(asked, &before, &after, &mut image)?;
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

/// What only the char-server, or the operator, changes.
fn unchanged(before: &CharacterStatus, after: &CharacterStatus) -> Verdict<()> {
    let fields = [
        ("father", i64::from(before.father.0), i64::from(after.father.0)),
        ("mother", before.mother.0.into(), after.mother.0.into()),
        ("clan", before.clan.into(), after.clan.into()),
        ("inventory_slots", before.inventory_slots.into(), after.inventory_slots.into()),
        ("delete_date", before.delete_date, after.delete_date),
        ("unban_time", before.unban_time, after.unban_time),
        ("renames", before.renames.into(), after.renames.into()),
        ("moves", before.moves.into(), after.moves.into()),
    ];
    let changed = fields.iter().find(|(_, before, after)| before != after);
    demand(changed.is_none(), "fixed_field", || format!("{changed:?}"))
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

/// Companions: those it had, those the char-server gave it, or none.
fn companions(
    asked: &Asked<'_>,
    subject: &Subject<'_>,
    before: &CharacterStatus,
    after: &CharacterStatus,
) -> Verdict<()> {
    let pairs = [
        (Companion::Pet(after.pet), after.pet, before.pet),
        (Companion::Homunculus(after.homunculus), after.homunculus, before.homunculus),
        (Companion::Mercenary(after.mercenary), after.mercenary, before.mercenary),
        (Companion::Elemental(after.elemental), after.elemental, before.elemental),
    ];
    for (companion, now, former) in pairs {
        let owner = asked.guard.knowledge.belongings.owner(companion);
        let own = now == 0 || now == former || owner == Some(subject.character);
        demand(own, "companion", || format!("{companion:?} is not of character {}", subject.character))?;
    }
    Ok(())
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

/// Party, guild, partner and child are what the char-server said last. The engine may lag behind and still have what it
/// was given before; anything else is a breach.
fn known_to_char_server(
    known: Option<&Known>,
    before: &CharacterStatus,
    after: &CharacterStatus,
    image: &mut CharacterImage,
) -> Verdict<()> {
    let party = known.map_or(before.party, |known| known.party);
    let guild = known.map_or(before.guild, |known| known.guild);
    let partner = known.map_or(before.partner, |known| known.partner);
    let child = known.map_or(before.child, |known| known.child);
    let lags = |now: i32, known: i32, before: i32| now == known || now == before || now == 0;
    demand(lags(after.party, party, before.party), "party", || format!("party {} is {party}", after.party))?;
    demand(lags(after.guild, guild, before.guild), "guild", || format!("guild {} is {guild}", after.guild))?;
    let related = |now: CharacterId, known: CharacterId, before: CharacterId| now == known || now == before;
    demand(related(after.partner, partner, before.partner), "partner", || format!("{} is {partner}", after.partner))?;
    demand(related(after.child, child, before.child), "child", || format!("{} is {child}", after.child))?;
    image.set_party(party);
    image.set_guild(guild);
    image.set_partner(partner);
    image.set_child(child);
    Ok(())
}

/// A place of the realm, as SQL may have it.
fn point(asked: &Asked<'_>, point: &Point) -> Verdict<MapPoint> {
    let map = text::map(&point.map)?;
    demand(asked.sessions.is_map(&map), "map_unknown", || format!("{map} is no map of the realm"))?;
    Ok(MapPoint { map, x: point.x, y: point.y })
}

/// Where it stands. A dead one is saved at its save point; one that goes to another server, or stands where nothing is
/// saved, with a place elsewhere.
fn place(
    asked: &Asked<'_>,
    before: &CharacterStatus,
    after: &CharacterStatus,
    image: &mut CharacterImage,
) -> Verdict<Option<MapPoint>> {
    let last = point(asked, &after.last_point)?;
    if asked.sessions.serves(&last.map) {
        demand(asked.sessions.walkable(&last), "position", || format!("stands at {} {} {}", last.map, last.x, last.y))?;
        return Ok(None);
    }
    if after.last_point == image.view().save_point {
        return Ok(None);
    }
    image.set_last_point(before.last_point);
    Ok(Some(last))
}

/// Where it returns to, and what it remembers for its portals: places of this engine, or what they were. Others are not
/// taken over, and told.
fn returns(
    asked: &Asked<'_>,
    subject: &Subject<'_>,
    after: &CharacterStatus,
    image: &mut CharacterImage,
) -> Verdict<Vec<Violation>> {
    let before = subject.image.view();
    let save = point(asked, &after.save_point)?;
    let mut cut = Vec::new();
    let mut told = |rule, map: &MapName| cut.push(Violation { packet: "save", ..Violation::light(rule, map.as_str()) });
    if after.save_point != before.save_point {
        if asked.sessions.serves(&save.map) {
            demand(asked.sessions.walkable(&save), "position", || {
                format!("returns to {} {} {}", save.map, save.x, save.y)
            })?;
        } else {
            image.set_save_point(before.save_point);
            told("save_point", &save.map);
        }
    }
    let known = memos(subject.image);
    for memo in memos(image).iter().filter(|memo| !memo.map.as_bytes().is_empty() && !known.contains(memo)) {
        let map = point(asked, memo)?.map;
        if !asked.sessions.serves(&map) {
            restore(image, subject.image, "memo_point")?;
            told("memo_point", &map);
        }
    }
    Ok(cut)
}

/// The places a character remembers.
fn memos(image: &CharacterImage) -> Vec<Point> {
    let (memos, _) = block(image, "memo_point").as_chunks::<20>();
    memos.iter().map(|memo| Point::load(memo)).collect()
}

/// Puts an array back as it was.
fn restore(image: &mut CharacterImage, before: &CharacterImage, name: &str) -> Verdict<()> {
    let field =
        CharacterStatus::DESCRIPTOR.field(name).map(|field| field.offset..field.offset.saturating_add(field.size));
    let mut bytes = image.as_bytes().to_vec();
    let range = field.unwrap_or_default();
    if let (Some(now), Some(then)) = (bytes.get_mut(range.clone()), before.as_bytes().get(range)) {
        now.copy_from_slice(then);
    }
    *image = CharacterImage::from_bytes(&bytes)?;
    Ok(())
}
