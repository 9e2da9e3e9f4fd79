//! The same for programs. An hour's worth, at most, next to what is there at once.

use std::collections::{BTreeMap, BTreeSet};

use bifrost_protocol::ids::MapName;
use serde::Serialize;

use super::gains;
use crate::bounds::facts::{Economy, Rate, Yield};

#[derive(Serialize)]
struct Whole<'a> {
    /// How much more experience one kill may give when many fight, as a part of it.
    shared: f64,
    groups: BTreeMap<&'a str, Group<'a>>,
}

#[derive(Serialize)]
struct Group<'a> {
    maps: Vec<&'a str>,
    monsters: Flow,
    base_experience: Flow,
    job_experience: Flow,
    zeny: Flow,
    purses: Flow,
    /// Those with most value first.
    items: Vec<Item<'a>>,
    /// Lowest prices in zeny, by item.
    sold: &'a BTreeMap<u32, u32>,
    buys: bool,
    works_on_items: bool,
    scripts: Scripts<'a>,
}

#[derive(Serialize)]
struct Flow {
    at_once: f64,
    an_hour: f64,
}

#[derive(Serialize)]
struct Item<'a> {
    id: u32,
    name: &'a str,
    card: bool,
    an_hour: f64,
    /// What NPCs pay for an hour's.
    value: f64,
}

#[derive(Serialize)]
struct Scripts<'a> {
    items: &'a BTreeSet<u32>,
    any_item: bool,
    zeny: bool,
    experience: bool,
}

/// All of it.
pub(super) fn json(economy: &Economy, groups: &BTreeMap<String, BTreeSet<MapName>>) -> String {
    let group = |(name, found)| (String::as_str(name), group(economy, found, groups.get(name)));
    let whole = Whole { shared: economy.shared, groups: economy.groups.iter().map(group).collect() };
    serde_json::to_string_pretty(&whole).expect("its keys are texts")
}

fn group<'a>(economy: &'a Economy, found: &'a Yield, maps: Option<&'a BTreeSet<MapName>>) -> Group<'a> {
    let items = gains(economy, found).into_iter().map(|gain| {
        let facts = economy.items.get(&gain.item);
        Item {
            id: gain.item,
            name: facts.map_or("", |facts| facts.name.as_str()),
            card: facts.is_some_and(|facts| facts.card),
            an_hour: gain.per_hour,
            value: gain.value,
        }
    });
    let flow = |rate: Rate| Flow { at_once: rate.at_once, an_hour: rate.per_hour() };
    Group {
        maps: maps.into_iter().flatten().map(MapName::as_str).collect(),
        monsters: flow(found.kills),
        base_experience: flow(found.base_experience),
        job_experience: flow(found.job_experience),
        zeny: flow(found.zeny),
        purses: flow(found.purses),
        items: items.collect(),
        sold: &found.sold,
        buys: found.buys,
        works_on_items: found.works_on_items,
        scripts: Scripts {
            items: &found.scripted.items,
            any_item: found.scripted.any_item,
            zeny: found.scripted.zeny,
            experience: found.scripted.experience,
        },
    }
}
