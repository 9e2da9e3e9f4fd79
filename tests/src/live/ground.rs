//! Who plays where.

use crate::harness::PASSWORD;

/// A map of the fleet, and a cell of it that somebody can stand on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) group: &'static str,
    pub(super) map: &'static str,
    pub(super) cell: (u16, u16),
}

/// The fleet's maps, each a group of its own, so that a walk from one to the next changes hosts. The cells are where warps lead.
pub(super) const FIELDS: [Field; 5] = [
    Field { group: "south", map: "prt_fild08", cell: (170, 375) },
    Field { group: "west", map: "prt_fild05", cell: (367, 205) },
    Field { group: "east", map: "prt_fild06", cell: (27, 193) },
    Field { group: "southwest", map: "prt_fild07", cell: (380, 186) },
    Field { group: "sewers", map: "prt_sewb1", cell: (192, 247) },
];

/// The operator's own maps: the city, and what can be entered from it.
pub(super) const CITY: [&str; 7] =
    ["prontera", "prt_in", "prt_castle", "prt_church", "izlude", "izlude_in", "prt_monk"];

/// Where the dead wake up.
pub(super) const SAVE_POINT: (&str, u16, u16) = ("prontera", 156, 180);

/// Account ids of players count from here: rAthena's own start at 2,000,000 as well.
const FIRST_ACCOUNT: u32 = 2_000_001;

/// Character ids count from here.
const FIRST_CHARACTER: u32 = 150_001;

/// One player.
#[derive(Clone, Debug)]
pub(super) struct Actor {
    pub(super) account: u32,
    pub(super) character: u32,
    pub(super) user: String,
    pub(super) name: String,
    pub(super) home: Field,
    /// Maps visited in turn, with seconds spent on each; one of them: it stays.
    pub(super) tour: Vec<(&'static str, u16)>,
}

impl Actor {
    /// The player of this number, from 0. Of four, one trades in the city, one walks between fields, two hunt at home.
    pub(super) fn new(number: u16) -> Self {
        let index = usize::from(number);
        let [south, west, east, southwest, _] = FIELDS;
        let (home, tour) = match number % 4 {
            0 => {
                let home = [south, east, west][index / 4 % 3];
                (home, vec![(home.map, 75), (SAVE_POINT.0, 15)])
            }
            1 => {
                let (from, to) = [(south, southwest), (southwest, west), (west, southwest)][index / 4 % 3];
                (from, vec![(from.map, 40), (to.map, 40)])
            }
            _ => {
                let home = FIELDS[(index / 2 + index) % FIELDS.len()];
                (home, vec![(home.map, 0)])
            }
        };
        let id = u32::from(number);
        Self {
            account: FIRST_ACCOUNT + id,
            character: FIRST_CHARACTER + id,
            user: format!("live{number:03}"),
            name: format!("Live{number:03}"),
            home,
            tour,
        }
    }

    /// The password of every player.
    pub(super) const fn password() -> &'static str {
        PASSWORD
    }
}

/// The group that has a map; none when it is the operator's own.
pub(super) fn group_of(map: &str) -> Option<&'static str> {
    FIELDS.iter().find(|field| field.map == map).map(|field| field.group)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn twelve_players_are_on_every_field_and_three_of_them_trade() {
        let actors: Vec<Actor> = (0..12).map(Actor::new).collect();
        let homes: BTreeSet<&str> = actors.iter().map(|actor| actor.home.map).collect();
        assert_eq!(homes.len(), FIELDS.len(), "{homes:?}");
        let traders = actors.iter().filter(|actor| actor.tour.iter().any(|(map, _)| group_of(map).is_none()));
        assert_eq!(traders.count(), 3);
        let accounts: BTreeSet<u32> = actors.iter().map(|actor| actor.account).collect();
        assert_eq!(accounts.len(), 12);
    }
}
