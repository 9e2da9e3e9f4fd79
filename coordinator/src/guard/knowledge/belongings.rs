//! Whose companions, mail and bonus scripts these are. The char-server asks nobody before it loads, saves or deletes them.

use std::collections::{BTreeMap, BTreeSet};

use bifrost_protocol::ids::CharacterId;
use bifrost_protocol::inter::{BonusScript, MailMessage};
use bifrost_protocol::layout::{CharacterStatus, Item, StorageImage};

/// Something with a row of its own that belongs to a character.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(in crate::guard) enum Companion {
    /// A pet, as animal or egg.
    Pet(i32),
    /// A homunculus.
    Homunculus(i32),
    /// A mercenary.
    Mercenary(i32),
    /// An elemental.
    Elemental(i32),
}

/// Things with rows of their own that one character may have: 900 places with eggs, and some.
const MAX_COMPANIONS: usize = 2_000;

/// Whose things are whose.
#[derive(Clone, Debug, Default)]
pub(in crate::guard) struct Belongings {
    owners: BTreeMap<Companion, CharacterId>,
    of: BTreeMap<CharacterId, BTreeSet<Companion>>,
    /// Mail of the inboxes that were sent (at most 30 each).
    mails: BTreeMap<i32, CharacterId>,
    mails_of: BTreeMap<CharacterId, Vec<i32>>,
    /// Bonus scripts the char-server handed out (at most 50 each).
    scripts: BTreeMap<CharacterId, Vec<BonusScript>>,
}

impl Belongings {
    /// A character came with what its status names.
    pub(super) fn enters(&mut self, status: &CharacterStatus) {
        let own = [
            Companion::Pet(status.pet),
            Companion::Homunculus(status.homunculus),
            Companion::Mercenary(status.mercenary),
            Companion::Elemental(status.elemental),
        ];
        self.forget(status.character);
        for companion in own {
            self.add(status.character, companion);
        }
    }

    /// A character is gone.
    pub(super) fn forget(&mut self, character: CharacterId) {
        for companion in self.of.remove(&character).unwrap_or_default() {
            if self.owners.get(&companion) == Some(&character) {
                self.owners.remove(&companion);
            }
        }
        self.inbox(character, &[]);
        self.mails_of.remove(&character);
        self.scripts.remove(&character);
    }

    /// The character has this, and nobody else.
    pub(in crate::guard) fn add(&mut self, character: CharacterId, companion: Companion) {
        let of = self.of.entry(character).or_default();
        if companion.id() > 0 && of.len() < MAX_COMPANIONS {
            of.insert(companion);
            self.owners.insert(companion, character);
        }
    }

    /// Something is gone for good.
    pub(in crate::guard) fn remove(&mut self, companion: Companion) {
        if let Some(owner) = self.owners.remove(&companion)
            && let Some(of) = self.of.get_mut(&owner)
        {
            of.remove(&companion);
        }
    }

    /// Whose it is.
    pub(in crate::guard) fn owner(&self, companion: Companion) -> Option<CharacterId> {
        self.owners.get(&companion).copied()
    }

    /// An inbox was sent: these are the character's mails.
    pub(in crate::guard) fn inbox(&mut self, character: CharacterId, mails: &[MailMessage]) {
        let own = mails.iter().filter(|mail| mail.id > 0 && mail.to == character);
        let own: Vec<i32> = own.map(|mail| mail.id).collect();
        for gone in self.mails_of.insert(character, own.clone()).unwrap_or_default() {
            self.mails.remove(&gone);
        }
        self.mails.extend(own.into_iter().map(|mail| (mail, character)));
    }

    /// Whose mail it is.
    pub(in crate::guard) fn mail_owner(&self, mail: i32) -> Option<CharacterId> {
        self.mails.get(&mail).copied()
    }

    /// The char-server handed out these scripts; it has forgotten them.
    pub(in crate::guard) fn scripts_handed_out(&mut self, character: CharacterId, scripts: Vec<BonusScript>) {
        self.scripts.insert(character, scripts);
    }

    /// The scripts a character came with.
    pub(in crate::guard) fn scripts(&self, character: CharacterId) -> &[BonusScript] {
        self.scripts.get(&character).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Companion {
    /// The number in its table.
    fn id(self) -> i32 {
        match self {
            Self::Pet(id) | Self::Homunculus(id) | Self::Mercenary(id) | Self::Elemental(id) => id,
        }
    }
}

/// `CARD0_PET`: the first card of an egg; the next two are the halves of the pet's number.
pub(in crate::guard) const CARD0_PET: u32 = 0x100;

/// The pets whose eggs are among these items.
pub(in crate::guard) fn eggs<'a>(items: impl IntoIterator<Item = &'a Item>) -> impl Iterator<Item = Companion> {
    items.into_iter().filter_map(|item| {
        let [mark, low, high, _] = item.cards.0;
        let id = (high & 0xffff) << 16 | low & 0xffff;
        (item.kind != 0 && mark == CARD0_PET).then(|| i32::try_from(id).ok().map(Companion::Pet)).flatten()
    })
}

/// All items of a storage.
pub(in crate::guard) fn items(image: &StorageImage) -> Vec<Item> {
    image.items().map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests {
    use bifrost_protocol::layout::Few;

    use super::*;

    const ME: CharacterId = CharacterId(1);
    const YOU: CharacterId = CharacterId(2);

    #[test]
    fn an_egg_names_its_pet() {
        let egg = Item { kind: 9001, cards: Few([CARD0_PET, 0x5678, 0x12, 0]), ..Item::default() };
        let card = Item { cards: Few([4001, 5, 0, 0]), ..egg };
        assert_eq!(eggs(&[egg, card]).collect::<Vec<_>>(), [Companion::Pet(0x0012_5678)]);
    }

    #[test]
    fn what_somebody_else_has_now_is_no_longer_mine() {
        let mut belongings = Belongings::default();
        belongings.add(ME, Companion::Pet(7));
        belongings.add(ME, Companion::Pet(8));
        belongings.add(YOU, Companion::Pet(7));
        belongings.forget(ME);
        assert_eq!(belongings.owner(Companion::Pet(7)), Some(YOU));
        assert_eq!((belongings.owner(Companion::Pet(8)), belongings.of.len()), (None, 1));
    }

    #[test]
    fn a_character_owns_no_more_than_its_bags_can_hold() {
        let mut belongings = Belongings::default();
        for id in 1..10_000 {
            belongings.add(ME, Companion::Pet(id));
        }
        assert_eq!(belongings.owners.len(), MAX_COMPANIONS);
    }
}
