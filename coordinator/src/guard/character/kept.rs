//! What is not for an engine to change, put back as it was.

use bifrost_protocol::ids::{CharacterId, MapName, MapPoint};
use bifrost_protocol::layout::{CharacterImage, CharacterStatus, Plain, Point};

use super::block;
use crate::guard::asked::Asked;
use crate::guard::knowledge::{Companion, Known};
use crate::guard::ruling::{Verdict, Violation};
use crate::guard::{Subject, text};

/// A state on its way to being kept.
pub(super) struct Kept<'a, 'b> {
    asked: &'a Asked<'b>,
    subject: &'a Subject<'b>,
    before: CharacterStatus,
    after: CharacterStatus,
    image: CharacterImage,
    cut: Vec<Violation>,
}

impl<'a, 'b> Kept<'a, 'b> {
    /// Starts from what the engine says.
    pub(super) fn new(asked: &'a Asked<'b>, subject: &'a Subject<'b>, image: &CharacterImage) -> Self {
        let (before, after) = (subject.image.view(), image.view());
        Self { asked, subject, before, after, image: image.clone(), cut: Vec::new() }
    }

    /// The state that is kept, and what was put back.
    pub(super) fn into_parts(self) -> (CharacterImage, Vec<Violation>) {
        (self.image, self.cut)
    }

    /// What only the char-server and the operator change.
    pub(super) fn fixed(&mut self) {
        let (before, after) = (&self.before, &self.after);
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
        for (field, before, after) in fields.into_iter().filter(|(_, before, after)| before != after) {
            self.cut("fixed_field", format!("{field} {after} after {before}"));
        }
        self.image.set_father(self.before.father);
        self.image.set_mother(self.before.mother);
        self.image.set_clan(self.before.clan);
        self.image.set_inventory_slots(self.before.inventory_slots);
        self.image.set_delete_date(self.before.delete_date);
        self.image.set_unban_time(self.before.unban_time);
        self.image.set_renames(self.before.renames);
        self.image.set_moves(self.before.moves);
    }

    /// Party, guild, partner and child are what the char-server said last. The engine may lag behind and still have what it
    /// was given before; only anything else is told.
    pub(super) fn memberships(&mut self, known: Option<&Known>) {
        let (before, after) = (self.before.clone(), self.after.clone());
        let party = known.map_or(before.party, |known| known.party);
        let guild = known.map_or(before.guild, |known| known.guild);
        let partner = known.map_or(before.partner, |known| known.partner);
        let child = known.map_or(before.child, |known| known.child);
        for (rule, now, known, before) in
            [("party", after.party, party, before.party), ("guild", after.guild, guild, before.guild)]
        {
            if now != known && now != before && now != 0 {
                self.cut(rule, format!("{rule} {now}, not {known}"));
            }
        }
        for (rule, now, known, before) in
            [("partner", after.partner, partner, before.partner), ("child", after.child, child, before.child)]
        {
            if now != known && now != before && now != CharacterId(0) {
                self.cut(rule, format!("{rule} {now}, not {known}"));
            }
        }
        self.image.set_party(party);
        self.image.set_guild(guild);
        self.image.set_partner(partner);
        self.image.set_child(child);
    }

    /// Companions: those it had, those the char-server gave it, or none.
    pub(super) fn companions(&mut self) {
        let (before, after) = (self.before.clone(), self.after.clone());
        let mut kept = |companion: Companion, now: i32, before: i32| {
            let owner = self.asked.guard.knowledge.belongings.owner(companion);
            if now == 0 || now == before || owner == Some(self.subject.character) {
                return now;
            }
            let detail = format!("{companion:?} is not of character {}", self.subject.character);
            self.cut.push(Violation { packet: "save", ..Violation::light("companion", detail) });
            before
        };
        let pet = kept(Companion::Pet(after.pet), after.pet, before.pet);
        let homunculus = kept(Companion::Homunculus(after.homunculus), after.homunculus, before.homunculus);
        let mercenary = kept(Companion::Mercenary(after.mercenary), after.mercenary, before.mercenary);
        let elemental = kept(Companion::Elemental(after.elemental), after.elemental, before.elemental);
        self.image.set_pet(pet);
        self.image.set_homunculus(homunculus);
        self.image.set_mercenary(mercenary);
        self.image.set_elemental(elemental);
    }

    /// Where it returns to, and what it remembers for its portals: places of this engine, or what they were.
    pub(super) fn returns(&mut self) -> Verdict<()> {
        let save = text::map(&self.after.save_point.map)?;
        if self.after.save_point != self.before.save_point && !self.stands(&save, &self.after.save_point) {
            self.image.set_save_point(self.before.save_point);
            self.cut("save_point", format!("{save} {} {}", self.after.save_point.x, self.after.save_point.y));
        }
        let known = memos(self.subject.image);
        let mut foreign = None;
        for memo in memos(&self.image).into_iter().filter(|memo| !memo.map.as_bytes().is_empty()) {
            let map = text::map(&memo.map)?;
            if !known.contains(&memo) && !self.asked.sessions.serves(&map) {
                foreign = Some(map);
            }
        }
        if let Some(map) = foreign {
            self.put_back("memo_point")?;
            self.cut("memo_point", map.as_str().to_owned());
        }
        Ok(())
    }

    /// Where it stands. A dead one is saved at its save point; one that goes to another server, or stands where nothing is
    /// saved, with a place elsewhere: that is returned, and the state names where it was.
    pub(super) fn place(&mut self) -> Verdict<Option<MapPoint>> {
        let last = self.after.last_point;
        let map = text::map(&last.map)?;
        let save_point = self.image.view().save_point;
        if self.stands(&map, &last) || last == save_point {
            return Ok(None);
        }
        self.image.set_last_point(self.before.last_point);
        if self.asked.sessions.serves(&map) || !self.asked.sessions.is_map(&map) {
            self.cut("position", format!("{map} {} {}", last.x, last.y));
            return Ok(None);
        }
        Ok(Some(MapPoint { map, x: last.x, y: last.y }))
    }

    /// Whether it is a place of this engine where one can stand.
    fn stands(&self, map: &MapName, at: &Point) -> bool {
        let place = MapPoint { map: map.clone(), x: at.x, y: at.y };
        self.asked.sessions.serves(map) && self.asked.sessions.walkable(&place)
    }

    /// Remembers what was put back.
    fn cut(&mut self, rule: &'static str, detail: String) {
        self.cut.push(Violation { packet: "save", ..Violation::light(rule, detail) });
    }

    /// Puts an array back.
    fn put_back(&mut self, name: &str) -> Verdict<()> {
        let field = CharacterStatus::DESCRIPTOR.field(name);
        let range = field.map(|field| field.offset..field.offset.saturating_add(field.size)).unwrap_or_default();
        let mut bytes = self.image.as_bytes().to_vec();
        if let (Some(now), Some(then)) = (bytes.get_mut(range.clone()), self.subject.image.as_bytes().get(range)) {
            now.copy_from_slice(then);
        }
        self.image = CharacterImage::from_bytes(&bytes)?;
        Ok(())
    }
}

/// The places a character remembers.
fn memos(image: &CharacterImage) -> Vec<Point> {
    let (memos, _) = block(image, "memo_point").as_chunks::<20>();
    memos.iter().map(|memo| Point::load(memo)).collect()
}
