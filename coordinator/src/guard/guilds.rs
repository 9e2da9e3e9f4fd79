//! Guilds: the char-server does what any map-server says about any of them (`int_guild.cpp`).

use bifrost_protocol::ids::AccountId;
use bifrost_protocol::inter::{
    BoundItems, GuildAdd, GuildAlly, GuildBreak, GuildCreate, GuildEmblem, GuildEmblemVersion, GuildHandOver,
    GuildLeave, GuildMember, GuildMemberChange, GuildNotice, GuildRank, GuildRequest, GuildSeen, GuildSkillUp,
};
use bifrost_protocol::layout::Padding;
use bifrost_protocol::{Packet, Writer};

use super::asked::Asked;
use super::knowledge::{EXP, EXPEL, INVITE, MASTER_POSITION, POSITION};
use super::parties::level;
use super::ruling::{Verdict, Violation, demand, insist};
use super::{Ruling, classes, text};

/// `MAX_GUILDPOSITION`.
const RANKS: i16 = 20;

/// `GUILD_PERM_ALL`.
const ALL_PERMISSIONS: i32 = 0x111;

/// `GD_SKILLBASE` and the highest level of each skill from there, pre-renewal (db/pre-re/guild_skill_tree.yml); the
/// char-server believes the map-server's maximum.
const SKILLS: (i32, [i32; 15]) = (10_000, [1, 1, 1, 3, 10, 0, 5, 5, 5, 5, 1, 3, 1, 1, 1]);

/// An emblem that `intif_guild_emblem` sends, in bytes.
const MAX_EMBLEM: usize = 2_000;

/// `MAX_GUILD_EXP` is all of 63 bits; a member gives no more than that.
const MAX_GUILD_EXP: u64 = i64::MAX.cast_unsigned();

/// `GMI_HAIR` and `GMI_HAIR_COLOR`.
const LOOKS: std::ops::RangeInclusive<u16> = 2..=3;

/// A member as the coordinator knows it.
fn member(asked: &Asked<'_>, claimed: &GuildMember, position: i16) -> Verdict<GuildMember> {
    let subject = asked.pair(claimed.account, claimed.character)?;
    let known = asked.guild_of(&subject);
    demand(known == 0, "guild", || format!("character {} is in guild {known}", subject.character))?;
    let status = subject.image.view();
    Ok(GuildMember {
        account: subject.account,
        character: subject.character,
        hair: status.hair,
        hair_color: status.hair_color,
        gender: i16::from(subject.sex),
        class: status.class,
        level: level(&subject, u32::try_from(claimed.level).unwrap_or_default()).cast_signed(),
        padding: Padding::default(),
        exp: 0,
        online: 1,
        position,
        name: subject.name,
        padding2: Padding::default(),
        pointer: 0,
        modified: 0,
        padding3: Padding::default(),
        last_login: claimed.last_login,
    })
}

/// 0x3030.
pub(super) fn create(asked: &mut Asked<'_>) -> Verdict {
    let mut said: GuildCreate = asked.read()?;
    text::named(&said.name)?;
    said.master = member(asked, &said.master, MASTER_POSITION)?;
    insist(said.master.account == said.account, "account", || format!("account {} is another's", said.account))?;
    said.name = text::clean(&said.name);
    Ok(Ruling::forward(said.encode()))
}

/// 0x3031: only a guild with a member here: its answer lists everybody in it.
pub(super) fn request(asked: &mut Asked<'_>) -> Verdict {
    let said: GuildRequest = asked.read()?;
    asked.member_here(said.guild)?;
    asked.forward()
}

/// 0x3032: a player here took the invitation of somebody who may invite and is here as well.
pub(super) fn add(asked: &mut Asked<'_>) -> Verdict {
    let mut said: GuildAdd = asked.read()?;
    said.member = member(asked, &said.member, RANKS - 1)?;
    asked.permitted_here(said.guild, INVITE)?;
    Ok(Ruling::forward(said.encode()))
}

/// 0x3033: the master, who is here, hands the guild to a member.
pub(super) fn hand_over(asked: &mut Asked<'_>) -> Verdict {
    let said: GuildHandOver = asked.read()?;
    text::said(&said.name, 24)?;
    let name = said.name.strip_suffix(&[0]).unwrap_or_default();
    let (facts, _) = asked.mastered_here(said.guild)?;
    let is_member = facts.members.values().any(|fellow| fellow.name == name);
    demand(is_member, "guild", || format!("the new master is not in guild {}", said.guild))?;
    asked.forward()
}

/// 0x3034: a player here leaves, or somebody who may expel and is here expels a member.
pub(super) fn leave(asked: &mut Asked<'_>) -> Verdict {
    let mut said: GuildLeave = asked.read()?;
    insist(said.expelled <= 1, "guild_leave", || format!("kind {}", said.expelled))?;
    text::terminated(&said.reason)?;
    if said.expelled == 0 {
        let subject = asked.pair(said.account, said.character)?;
        asked.in_guild(&subject, said.guild)?;
    } else {
        let facts = asked.permitted_here(said.guild, EXPEL)?;
        let fellow = facts.members.get(&said.character).filter(|fellow| fellow.account == said.account);
        let master = facts.master == Some(said.character);
        demand(fellow.is_some() && !master, "guild", || {
            format!("character {} cannot be expelled from guild {}", said.character, said.guild)
        })?;
    }
    said.reason = text::clean(&said.reason);
    Ok(Ruling::forward(said.encode()))
}

/// 0x3035.
pub(super) fn seen(asked: &mut Asked<'_>) -> Verdict {
    let mut said: GuildSeen = asked.read()?;
    let subject = asked.pair(said.account, said.character)?;
    asked.in_guild(&subject, said.guild)?;
    insist(said.online <= 1, "online", || format!("online {}", said.online))?;
    said.level = level(&subject, u32::try_from(said.level).unwrap_or_default()).cast_signed();
    let class = subject.image.view().class;
    demand(classes::may_become(class, said.class), "class", || format!("class {} after {class}", said.class))?;
    Ok(Ruling::forward(said.encode()))
}

/// 0x3036.
pub(super) fn end(asked: &mut Asked<'_>) -> Verdict {
    let said: GuildBreak = asked.read()?;
    asked.mastered_here(said.guild)?;
    asked.forward()
}

/// 0x303a: a rank, which the master gives; what a member gave, or looks like, which its own engine says.
pub(super) fn member_change(asked: &mut Asked<'_>) -> Verdict {
    let said: GuildMemberChange = asked.read()?;
    match said.kind {
        POSITION => {
            let position = <[u8; 2]>::try_from(said.value.as_slice()).ok().map(i16::from_le_bytes);
            let legal = position.is_some_and(|position| (1..RANKS).contains(&position));
            insist(legal, "guild_position", || format!("{position:?} in {} bytes", said.value.len()))?;
            let (facts, master) = asked.mastered_here(said.guild)?;
            let other = said.character != master.character && facts.members.contains_key(&said.character);
            demand(other, "guild", || format!("character {} is not below the master", said.character))?;
        }
        EXP => {
            let exp = <[u8; 8]>::try_from(said.value.as_slice()).ok().map(u64::from_le_bytes);
            insist(exp.is_some(), "length", || format!("{} bytes of experience", said.value.len()))?;
            let subject = asked.pair(said.account, said.character)?;
            asked.in_guild(&subject, said.guild)?;
            let given =
                asked.guard.knowledge.guilds.get(&said.guild).and_then(|facts| facts.members.get(&said.character));
            let given = given.map_or(0, |fellow| fellow.exp);
            demand(exp.is_some_and(|exp| (given..=MAX_GUILD_EXP).contains(&exp)), "guild_exp", || {
                format!("character {} gave {exp:?} after {given}", said.character)
            })?;
        }
        kind if LOOKS.contains(&kind) => {
            insist(said.value.len() == 2, "length", || format!("{} bytes of looks", said.value.len()))?;
            let subject = asked.pair(said.account, said.character)?;
            asked.in_guild(&subject, said.guild)?;
        }
        kind => insist(false, "guild_member", || format!("kind {kind}"))?,
    }
    asked.forward()
}

/// 0x303b.
pub(super) fn rank(asked: &mut Asked<'_>) -> Verdict {
    let mut said: GuildRank = asked.read()?;
    asked.mastered_here(said.guild)?;
    text::terminated(&said.position.name)?;
    let legal = (0..i32::from(RANKS)).contains(&said.index)
        && said.position.mode & !ALL_PERMISSIONS == 0
        && (0..=100).contains(&said.position.exp_mode);
    insist(legal, "guild_rank", || {
        format!("rank {}: {:#x}, {} %", said.index, said.position.mode, said.position.exp_mode)
    })?;
    said.position.name = text::clean(&said.position.name);
    Ok(Ruling::forward(said.encode()))
}

/// 0x303c: up to the level the skill has, not the one the engine says.
pub(super) fn skill_up(asked: &mut Asked<'_>) -> Verdict {
    let mut said: GuildSkillUp = asked.read()?;
    masters(asked, said.guild, said.account)?;
    let (base, levels) = SKILLS;
    let place = said.skill.checked_sub(base).and_then(|place| usize::try_from(place).ok());
    let Some(max) = place.and_then(|place| levels.get(place)).filter(|max| **max > 0) else {
        return Err(Violation::grave("guild_skill", format!("skill {}", said.skill)).into());
    };
    said.max = said.max.min(*max);
    Ok(Ruling::forward(said.encode()))
}

/// 0x303d: an alliance needs both masters here, anything else the first one's. When the other guild has ended, every
/// map-server with a member of the first says so.
pub(super) fn ally(asked: &mut Asked<'_>) -> Verdict {
    let said: GuildAlly = asked.read()?;
    insist(matches!(said.kind, 0 | 1 | 8 | 9), "guild_alliance", || format!("kind {}", said.kind))?;
    demand(said.guild != said.other, "guild", || format!("guild {} with itself", said.guild))?;
    if said.kind >= 8 && asked.guard.knowledge.has_ended(said.other) {
        asked.member_here(said.guild)?;
        return asked.forward();
    }
    masters(asked, said.guild, said.account)?;
    if said.kind == 0 {
        masters(asked, said.other, said.other_account)?;
    }
    asked.forward()
}

/// Demands that the account is the guild's master, and here.
fn masters(asked: &Asked<'_>, guild: i32, account: AccountId) -> Verdict<()> {
    let (_, master) = asked.mastered_here(guild)?;
    demand(master.account == account, "guild_master", || format!("account {account} is not master of guild {guild}"))
}

/// 0x303e.
pub(super) fn notice(asked: &mut Asked<'_>) -> Verdict {
    let mut said: GuildNotice = asked.read()?;
    text::terminated(&said.subject)?;
    text::terminated(&said.text)?;
    asked.mastered_here(said.guild)?;
    (said.subject, said.text) = (text::clean(&said.subject), text::clean(&said.text));
    Ok(Ruling::forward(said.encode()))
}

/// 0x303f.
pub(super) fn emblem(asked: &mut Asked<'_>) -> Verdict {
    let said: GuildEmblem = asked.read()?;
    insist(said.data.len() <= MAX_EMBLEM && said.zero == 0, "length", || format!("{} bytes", said.data.len()))?;
    asked.mastered_here(said.guild)?;
    asked.forward()
}

/// 0x3042.
pub(super) fn emblem_version(asked: &mut Asked<'_>) -> Verdict {
    let said: GuildEmblemVersion = asked.read()?;
    asked.mastered_here(said.guild)?;
    asked.forward()
}

/// 0x3056: of a member that has left, which every map-server with the guild asks for; what comes back is put into the
/// guild's storage there. The first one gets it.
pub(super) fn bound_items(asked: &mut Asked<'_>) -> Verdict {
    let said: BoundItems = asked.read()?;
    let Some(guild) = asked.guard.knowledge.parted_from(said.guild, said.character) else {
        let detail = format!("character {} has not left guild {}", said.character, said.guild);
        return Err(Violation::light("not_expelled", detail).into());
    };
    let first = asked.member_here(guild).is_ok() && asked.knowledge().fetch_bound(guild, said.character);
    if !first || super::storage::hold(asked, guild).is_err() {
        return Ok(Ruling::Drop);
    }
    let engine = asked.engine;
    asked.knowledge().bound_requests.insert(said.guild, engine);
    asked.forward()
}

/// 0x3040: a starting map-server asks for all castles there are, and then for the guilds that own them. Castles never leave
/// the operator's own map-servers, so none are told.
pub(super) fn castles(asked: &mut Asked<'_>) -> Verdict {
    insist(asked.packet.len().is_multiple_of(4), "length", || format!("{} bytes of castles", asked.packet.len()))?;
    let mut answer = Writer::packet(0x3840);
    answer.u16(0);
    Ok(Ruling::Answer(vec![answer.finish_sized()]))
}
