//! What a realm's files mean for gains: in which ways a commodity comes, what may become what, and what it is worth.

use std::collections::BTreeSet;

use bifrost_protocol::ids::GroupName;

use super::Rules;
use super::commodity::Commodity;
use super::facts::{Economy, ItemId, Rate, Yield};
use super::finding::Grade;
use super::limits::{
    CARD_VALUE, CHEAP, GRAVE_TIMES, GRAVE_VALUE, MADE_OF, MADE_OF_CHEAP, PLAYERS_PAY, POINT_VALUE, REFINE_VALUE,
};
use super::meter::Flow;

/// What refining uses up, one each time (`db/refine.yml`, by `AegisName`).
const MATERIALS: [&str; 8] = [
    "Phracon",
    "Emveretarcon",
    "Oridecon",
    "Elunium",
    "Enriched_Oridecon",
    "Enriched_Elunium",
    "HD_Oridecon",
    "HD_Elunium",
];
/// How much more than on average one monster may drop of zeny, or give of experience.
const UNEVEN: f64 = 4.0;

/// A realm's files, and the operator's rules.
#[derive(Debug)]
pub(super) struct Realm {
    pub(super) economy: Economy,
    pub(super) rules: Rules,
    /// What refining uses up.
    pub(super) materials: BTreeSet<ItemId>,
}

impl Realm {
    pub(super) fn new(economy: Economy, rules: Rules) -> Self {
        let materials = economy.items.iter().filter(|(_, facts)| MATERIALS.contains(&facts.name.as_str()));
        Self { materials: materials.map(|(item, _)| *item).collect(), economy, rules }
    }

    /// What the maps of a group can give; none: nobody knows, and nothing is judged.
    pub(super) fn yields(&self, group: &GroupName) -> Option<&Yield> {
        self.economy.groups.get(&group.0)
    }

    /// In which ways a commodity comes into being on maps that give this. What is made or sold at once, before any save tells
    /// of it, is among them.
    pub(super) fn flows(&self, yields: &Yield, commodity: Commodity) -> Vec<Flow> {
        match commodity {
            Commodity::Zeny => self.zeny_flows(yields),
            Commodity::BaseExperience => self.experience_flows(yields, yields.base_experience, commodity),
            Commodity::JobExperience => self.experience_flows(yields, yields.job_experience, commodity),
            Commodity::StatusPoints | Commodity::SkillPoints => Vec::new(),
            Commodity::Item(item) => self.item_flows(yields, item),
            Commodity::Refine(_) => {
                self.materials.iter().flat_map(|material| self.hunted(yields, *material, 1.0)).collect()
            }
        }
    }

    fn zeny_flows(&self, yields: &Yield) -> Vec<Flow> {
        let dropped = in_kills(yields.zeny, yields.kills, UNEVEN);
        let others = self.economy.any_kill.keys().filter(|item| !yields.items.contains_key(item));
        let items = yields.items.keys().chain(others);
        let sold = items.filter(|_| yields.buys).flat_map(|item| self.hunted(yields, *item, self.sells_for(*item)));
        let used = self.used(yields, Commodity::Zeny);
        std::iter::once(dropped).chain(sold).chain(used).collect()
    }

    /// What rogues take out of monsters' purses.
    pub(super) fn purses(yields: &Yield) -> Flow {
        in_kills(yields.purses, yields.kills, UNEVEN)
    }

    fn experience_flows(&self, yields: &Yield, rate: Rate, commodity: Commodity) -> Vec<Flow> {
        let factor = self.rules.experience * (1.0 + self.economy.shared);
        let killed = in_kills(times(rate, factor), yields.kills, UNEVEN);
        std::iter::once(killed).chain(self.used(yields, commodity)).collect()
    }

    fn item_flows(&self, yields: &Yield, item: ItemId) -> Vec<Flow> {
        let parts = self.made_of(item).flat_map(|from| self.hunted(yields, from, self.ratio(item)));
        self.hunted(yields, item, 1.0).chain(parts).collect()
    }

    /// How an item comes from kills, each counting for so much: as a drop, and by the killer's skills and clothes.
    fn hunted(&self, yields: &Yield, item: ItemId, size: f64) -> impl Iterator<Item = Flow> + use<> {
        let dropped = yields.items.get(&item).map(|rate| Flow { rate: times(*rate, self.rules.items), size });
        let worn = self.economy.any_kill.get(&item).map(|each| Flow { rate: times(yields.kills, *each), size });
        dropped.into_iter().chain(worn)
    }

    /// What comes of items that are hunted and used up before a save tells of them.
    fn used<'a>(&'a self, yields: &'a Yield, commodity: Commodity) -> impl Iterator<Item = Flow> + 'a {
        self.economy.used.keys().flat_map(move |item| self.hunted(yields, *item, self.gives(*item, commodity)))
    }

    /// What using one of an item up gives.
    pub(super) fn gives(&self, item: ItemId, commodity: Commodity) -> f64 {
        let used = self.economy.used.get(&item).copied().unwrap_or_default();
        match commodity {
            Commodity::Zeny => used.zeny,
            Commodity::BaseExperience => used.base_experience * self.rules.experience,
            Commodity::JobExperience => used.job_experience * self.rules.experience,
            Commodity::StatusPoints | Commodity::SkillPoints | Commodity::Item(_) | Commodity::Refine(_) => 0.0,
        }
    }

    /// What an item may be made of.
    pub(super) fn made_of(&self, item: ItemId) -> impl Iterator<Item = ItemId> + '_ {
        self.economy.made_of.get(&item).into_iter().flatten().copied()
    }

    /// How many of an item one of what it is made of may become.
    pub(super) fn ratio(&self, item: ItemId) -> f64 {
        match self.economy.items.get(&item) {
            Some(facts) if facts.stacks && !facts.card && facts.sells_for <= CHEAP => MADE_OF_CHEAP,
            Some(facts) if facts.stacks && !facts.card => MADE_OF,
            Some(_) | None => 1.0,
        }
    }

    /// The least zeny that buys one of an item there, itself or what it is made of.
    pub(super) fn price(&self, yields: &Yield, item: ItemId) -> Option<f64> {
        let sold = |item: &ItemId| yields.sold.get(item).map(|price| f64::from(*price));
        let parts = self.made_of(item).filter_map(|from| sold(&from)).map(|price| price / self.ratio(item));
        sold(&item).into_iter().chain(parts).min_by(f64::total_cmp)
    }

    /// What an NPC pays, in zeny.
    pub(super) fn sells_for(&self, item: ItemId) -> f64 {
        self.economy.items.get(&item).map_or(0.0, |facts| f64::from(facts.sells_for))
    }

    /// Whether an item lies alone in its place: equipment.
    pub(super) fn is_single(&self, item: ItemId) -> bool {
        self.economy.items.get(&item).is_some_and(|facts| !facts.stacks)
    }

    /// What it counts, in zeny; experience as it is.
    fn value(&self, commodity: Commodity, amount: f64) -> f64 {
        amount
            * match commodity {
                Commodity::Zeny | Commodity::BaseExperience | Commodity::JobExperience => 1.0,
                Commodity::StatusPoints | Commodity::SkillPoints => POINT_VALUE,
                Commodity::Refine(_) => REFINE_VALUE,
                Commodity::Item(item) => match self.economy.items.get(&item) {
                    None => f64::INFINITY,
                    Some(facts) if facts.card => CARD_VALUE,
                    Some(facts) => PLAYERS_PAY * f64::from(facts.sells_for),
                },
            }
    }

    /// Whether a gain may be a grave finding at all.
    pub(super) fn may_be_grave(&self, (commodity, amount): &(Commodity, u64)) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "a comparison with a round number")]
        let amount = *amount as f64;
        self.value(*commodity, amount) >= GRAVE_VALUE
    }

    /// How bad it is that so much has no source, where at most so much comes at once.
    pub(super) fn grade(&self, commodity: Commodity, unexplained: f64, most: f64) -> Grade {
        let valuable = self.value(commodity, unexplained) >= GRAVE_VALUE;
        if valuable && unexplained >= GRAVE_TIMES * most { Grade::Grave } else { Grade::Suspect }
    }
}

/// So many times as often.
fn times(rate: Rate, factor: f64) -> Rate {
    Rate { at_once: rate.at_once * factor, per_second: rate.per_second * factor }
}

/// Something that comes with kills, as often as there are any and so much more unevenly than on average.
fn in_kills(rate: Rate, kills: Rate, uneven: f64) -> Flow {
    let a_kill = |of: f64, kills: f64| if kills > 0.0 { of / kills } else { of };
    let size = a_kill(rate.at_once, kills.at_once).max(a_kill(rate.per_second, kills.per_second)) * uneven;
    let often = |of: f64| if size > 0.0 { of / size } else { 0.0 };
    Flow { rate: Rate { at_once: often(rate.at_once), per_second: often(rate.per_second) }, size }
}
