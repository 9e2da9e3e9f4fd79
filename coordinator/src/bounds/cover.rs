//! How much of a commodity players may have handed over whose own saves have not said so yet.

use super::commodity::{Amounts, Commodity};
use super::convert::Realm;
use super::facts::Yield;

/// What those who hold this could have made of it.
pub(super) fn coverable(realm: &Realm, yields: &Yield, commodity: Commodity, held: &Amounts) -> f64 {
    let of = |commodity: Commodity| amount(held.get(&commodity).copied().unwrap_or_default());
    let items =
        || {
            held.iter().filter_map(|(commodity, count)| {
                if let Commodity::Item(item) = commodity { Some((*item, amount(*count))) } else { None }
            })
        };
    match commodity {
        Commodity::Zeny if yields.buys => {
            of(commodity) + items().map(|(item, count)| count * realm.sells_for(item)).sum::<f64>()
        }
        Commodity::Zeny => of(commodity),
        Commodity::Item(item) => {
            let parts: f64 = realm.made_of(item).map(|from| of(Commodity::Item(from)) * realm.ratio(item)).sum();
            let worked_on = yields.works_on_items && realm.is_single(item);
            let others = items().filter(|(other, _)| worked_on && *other != item && realm.is_single(*other));
            of(commodity) + parts + others.map(|(_, count)| count).sum::<f64>()
        }
        Commodity::Refine(_) => {
            let materials = realm.materials.iter().map(|material| of(Commodity::Item(*material)));
            of(commodity) + materials.sum::<f64>()
        }
        Commodity::BaseExperience | Commodity::JobExperience | Commodity::StatusPoints | Commodity::SkillPoints => 0.0,
    }
}

/// Counts are far below 2^52.
#[expect(clippy::cast_precision_loss, reason = "counts of a game are far below 2^52")]
pub(super) fn amount(count: u64) -> f64 {
    count as f64
}
