//! Pets, homunculi, mercenaries and elementals: the char-server loads, saves and deletes whichever it is told to, and asks
//! for no owner (`int_homun.cpp`, `int_mercenary.cpp`, `int_elemental.cpp`, `int_pet.cpp`).

use bifrost_protocol::ids::CharacterId;
use bifrost_protocol::inter::{
    ElementalCreate, ElementalDelete, ElementalRequest, ElementalSave, Homunculus, HomunculusCreate, HomunculusDelete,
    HomunculusRequest, HomunculusSave, Mercenary, MercenaryCreate, MercenaryDelete, MercenaryRequest, MercenarySave,
    Pet, PetCreate, PetDelete, PetRequest, PetSave,
};

use super::asked::Asked;
use super::knowledge::Companion;
use super::ruling::{Verdict, Violation, demand, insist};
use super::{Ruling, Subject, text};

/// Levels of companions, as of everything in rAthena.
const LEVELS: std::ops::RangeInclusive<i16> = 1..=255;

/// `HM_INTIMACY`: what a homunculus feels at most, in hundredths.
const MAX_INTIMACY: u32 = 100_000;

/// A contract of 30 minutes, and what items and skills may add: a day, in milliseconds.
const MAX_LIFE_TIME: i64 = 86_400_000;

/// The one it belongs to, who has to be here.
fn owner<'a>(asked: &Asked<'a>, companion: Companion) -> Verdict<Subject<'a>> {
    match asked.guard.knowledge.belongings.owner(companion) {
        Some(owner) => asked.character(owner),
        None => Err(Violation::light("companion", format!("{companion:?} is nobody's here")).into()),
    }
}

/// Demands that it belongs to the player.
fn owned(asked: &Asked<'_>, companion: Companion, by: CharacterId) -> Verdict<()> {
    let owner = asked.guard.knowledge.belongings.owner(companion);
    demand(owner == Some(by), "companion", || format!("{companion:?} is not of character {by}"))
}

/// Deletes it, if its owner is here.
fn delete(asked: &mut Asked<'_>, companion: Companion) -> Verdict {
    owner(asked, companion)?;
    asked.knowledge().belongings.remove(companion);
    asked.forward()
}

/// 0x3080.
pub(super) fn pet_create(asked: &mut Asked<'_>) -> Verdict {
    let said: PetCreate = asked.read()?;
    asked.pair(said.account, said.character)?;
    text::named(&said.name)?;
    let legal = said.class > 0 && LEVELS.contains(&said.level) && said.renamed <= 1 && said.incubate <= 1;
    demand(legal, "pet", || format!("class {} level {}", said.class, said.level))?;
    asked.forward()
}

/// 0x3081: an animal of its own, or an egg in its bags. Of an egg the char-server does not ask whose it is.
pub(super) fn pet_request(asked: &mut Asked<'_>) -> Verdict {
    let said: PetRequest = asked.read()?;
    asked.pair(said.account, said.character)?;
    owned(asked, Companion::Pet(said.pet), said.character)?;
    asked.forward()
}

/// 0x3082, alone or in a save.
pub(super) fn pet_save(asked: &mut Asked<'_>) -> Verdict {
    let said: PetSave = asked.read()?;
    let subject = asked.account(said.account)?;
    pet(asked, &subject, &said.pet)?;
    asked.forward()
}

/// A pet's state: the player's own, or its egg.
fn pet(asked: &Asked<'_>, subject: &Subject<'_>, pet: &Pet) -> Verdict<()> {
    owned(asked, Companion::Pet(pet.id), subject.character)?;
    let own = (pet.account, pet.character) == (subject.account, subject.character);
    let egg = pet.account.0 == 0 && pet.character.0 == 0 && pet.incubate == 1;
    insist(own || egg, "identity", || format!("pet {} of character {}", pet.id, pet.character))?;
    text::named(&pet.name)?;
    let legal = pet.class > 0
        && LEVELS.contains(&pet.level)
        && (0..=1_000).contains(&pet.intimate)
        && (0..=100).contains(&pet.hungry)
        && pet.renamed <= 1
        && pet.incubate <= 1;
    demand(legal, "pet", || {
        format!("class {} level {} intimate {} hungry {}", pet.class, pet.level, pet.intimate, pet.hungry)
    })
}

/// 0x3083.
pub(super) fn pet_delete(asked: &mut Asked<'_>) -> Verdict {
    let said: PetDelete = asked.read()?;
    delete(asked, Companion::Pet(said.pet))
}

/// A homunculus' state.
fn homunculus(subject: &Subject<'_>, homunculus: &Homunculus) -> Verdict<()> {
    insist(homunculus.character == subject.character, "identity", || {
        format!("homunculus {} of character {}", homunculus.id, homunculus.character)
    })?;
    text::named(&homunculus.name)?;
    let legal = homunculus.class > 0
        && LEVELS.contains(&homunculus.level)
        && homunculus.intimacy <= MAX_INTIMACY
        && (0..=100).contains(&homunculus.hunger)
        && homunculus.hp >= 0
        && homunculus.sp >= 0
        && homunculus.skill_points >= 0;
    demand(legal, "homunculus", || {
        let (class, level) = (homunculus.class, homunculus.level);
        format!("class {class} level {level} intimacy {} hunger {}", homunculus.intimacy, homunculus.hunger)
    })
}

/// 0x3090.
pub(super) fn homunculus_create(asked: &mut Asked<'_>) -> Verdict {
    let said: HomunculusCreate = asked.read()?;
    let subject = asked.account(said.account)?;
    insist(said.homunculus.id == 0, "companion", || format!("a new homunculus with number {}", said.homunculus.id))?;
    homunculus(&subject, &said.homunculus)?;
    asked.forward()
}

/// 0x3091.
pub(super) fn homunculus_request(asked: &mut Asked<'_>) -> Verdict {
    let said: HomunculusRequest = asked.read()?;
    let subject = asked.account(said.account)?;
    owned(asked, Companion::Homunculus(said.homunculus), subject.character)?;
    asked.forward()
}

/// 0x3092, alone or in a save.
pub(super) fn homunculus_save(asked: &mut Asked<'_>) -> Verdict {
    let said: HomunculusSave = asked.read()?;
    let subject = asked.account(said.account)?;
    owned(asked, Companion::Homunculus(said.homunculus.id), subject.character)?;
    homunculus(&subject, &said.homunculus)?;
    asked.forward()
}

/// 0x3093.
pub(super) fn homunculus_delete(asked: &mut Asked<'_>) -> Verdict {
    let said: HomunculusDelete = asked.read()?;
    delete(asked, Companion::Homunculus(said.homunculus))
}

/// A mercenary's state.
fn mercenary(mercenary: &Mercenary) -> Verdict<()> {
    let legal = mercenary.class > 0
        && mercenary.hp >= 0
        && mercenary.sp >= 0
        && mercenary.kills >= 0
        && (0..=MAX_LIFE_TIME).contains(&mercenary.life_time);
    demand(legal, "mercenary", || format!("class {} for {} ms", mercenary.class, mercenary.life_time))
}

/// 0x3070.
pub(super) fn mercenary_create(asked: &mut Asked<'_>) -> Verdict {
    let said: MercenaryCreate = asked.read()?;
    asked.character(said.mercenary.character)?;
    insist(said.mercenary.id == 0, "companion", || format!("a new mercenary with number {}", said.mercenary.id))?;
    mercenary(&said.mercenary)?;
    asked.forward()
}

/// 0x3071.
pub(super) fn mercenary_request(asked: &mut Asked<'_>) -> Verdict {
    let said: MercenaryRequest = asked.read()?;
    asked.character(said.character)?;
    owned(asked, Companion::Mercenary(said.mercenary), said.character)?;
    asked.forward()
}

/// 0x3072.
pub(super) fn mercenary_delete(asked: &mut Asked<'_>) -> Verdict {
    let said: MercenaryDelete = asked.read()?;
    delete(asked, Companion::Mercenary(said.mercenary))
}

/// 0x3073, alone or in a save.
pub(super) fn mercenary_save(asked: &mut Asked<'_>) -> Verdict {
    let said: MercenarySave = asked.read()?;
    asked.character(said.mercenary.character)?;
    owned(asked, Companion::Mercenary(said.mercenary.id), said.mercenary.character)?;
    mercenary(&said.mercenary)?;
    asked.forward()
}

/// 0x307c.
pub(super) fn elemental_create(asked: &mut Asked<'_>) -> Verdict {
    let said: ElementalCreate = asked.read()?;
    asked.character(said.elemental.character)?;
    insist(said.elemental.id == 0, "companion", || format!("a new elemental with number {}", said.elemental.id))?;
    asked.forward()
}

/// 0x307d.
pub(super) fn elemental_request(asked: &mut Asked<'_>) -> Verdict {
    let said: ElementalRequest = asked.read()?;
    asked.character(said.character)?;
    owned(asked, Companion::Elemental(said.elemental), said.character)?;
    asked.forward()
}

/// 0x307e.
pub(super) fn elemental_delete(asked: &mut Asked<'_>) -> Verdict {
    let said: ElementalDelete = asked.read()?;
    delete(asked, Companion::Elemental(said.elemental))
}

/// 0x307f, alone or in a save.
pub(super) fn elemental_save(asked: &mut Asked<'_>) -> Verdict {
    let said: ElementalSave = asked.read()?;
    asked.character(said.elemental.character)?;
    owned(asked, Companion::Elemental(said.elemental.id), said.elemental.character)?;
    let legal = said.elemental.class > 0 && (0..=MAX_LIFE_TIME).contains(&said.elemental.life_time);
    demand(legal, "elemental", || format!("class {} for {} ms", said.elemental.class, said.elemental.life_time))?;
    Ok(Ruling::forward(asked.packet.clone()))
}
