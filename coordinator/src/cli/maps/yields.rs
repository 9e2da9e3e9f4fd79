//! `maps yields`: what maps can give in an hour, as an operator reads it or as JSON.

mod json;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bifrost_protocol::ids::MapName;
use clap::Args;

use super::{explain, map};
use crate::bounds::facts::{Economy, ItemId, Yield};
use crate::cli::{environment, say};
use crate::config::Config;
use crate::failure::Failure;
use crate::rathena::{KnownBuild, economy};

/// Items that are shown of each group: those with most value.
const MOST_VALUE: usize = 10;
/// And those that come most seldom.
const RAREST: usize = 3;
/// Most notes that are shown one by one.
const MAX_NOTES: usize = 20;

/// Which maps to look at.
#[derive(Args, Debug)]
pub(in super::super) struct Yields {
    /// rAthena's folder.
    #[arg(long, value_name = "DIR")]
    rathena: PathBuf,
    /// Maps to look at, each alone; default: the groups of the configuration.
    #[arg(value_name = "MAP", value_parser = map)]
    maps: Vec<MapName>,
    /// Everything that is known, as JSON.
    #[arg(long)]
    json: bool,
    /// The client version the servers are compiled for; default: what config.status or src/ says.
    #[arg(long, value_name = "YYYYMMDD")]
    packetver: Option<u32>,
    /// Whether the servers are renewal builds; default: what config.status or src/ says.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    renewal: Option<bool>,
}

/// Does it.
///
/// # Errors
/// rAthena's files or the configuration cannot be used, or nothing was asked for.
pub(super) fn run(asked: Yields, config: Option<&Path>) -> Result<(), Failure> {
    let groups = groups(asked.maps, config)?;
    let build = KnownBuild { packetver: asked.packetver, renewal: asked.renewal };
    let mut notes = Vec::new();
    let economy = economy::read(&asked.rathena, build, &groups, &mut notes)?;
    for note in notes.iter().take(MAX_NOTES) {
        explain(&format!("note: {note}"))?;
    }
    if notes.len() > MAX_NOTES {
        explain(&format!("and {} more notes", notes.len() - MAX_NOTES))?;
    }
    if asked.json { say(&json::json(&economy, &groups)) } else { say(table::table(&economy).trim_end()) }
}

/// What to look at, by name: single maps, or the configuration's groups.
fn groups(maps: Vec<MapName>, config: Option<&Path>) -> Result<BTreeMap<String, BTreeSet<MapName>>, Failure> {
    if !maps.is_empty() {
        return Ok(maps.into_iter().map(|map| (map.to_string(), BTreeSet::from([map]))).collect());
    }
    let Some(config) = config else {
        let text = "name maps, or with --config the configuration whose groups are meant";
        return Err(Failure::Usage(text.to_owned()));
    };
    let groups = Config::load(Some(config), environment())?.groups;
    if groups.is_empty() {
        return Err(Failure::Usage(format!("{}: it has no groups; name maps", config.display())));
    }
    Ok(groups.into_iter().map(|group| (group.name, group.maps.into_iter().collect())).collect())
}

/// An item of a group, and how many of it come.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Gain {
    item: ItemId,
    /// In an hour, at most.
    per_hour: f64,
    /// What NPCs pay for that, in zeny.
    value: f64,
}

/// The items of a group: those with most value first.
fn gains(economy: &Economy, found: &Yield) -> Vec<Gain> {
    let gain = |(item, rate): (&ItemId, &crate::bounds::facts::Rate)| {
        let price = economy.items.get(item).map_or(0, |item| item.sells_for);
        Gain { item: *item, per_hour: rate.per_hour(), value: rate.per_hour() * f64::from(price) }
    };
    let mut gains: Vec<_> = found.items.iter().map(gain).collect();
    gains.sort_by(|left, right| right.value.total_cmp(&left.value).then(left.item.cmp(&right.item)));
    gains
}

/// Those that come most seldom: cards, where there are any.
fn rarest(economy: &Economy, gains: &[Gain]) -> Vec<Gain> {
    let is_card = |gain: &&Gain| economy.items.get(&gain.item).is_some_and(|item| item.card);
    let mut seldom: Vec<_> = gains.iter().filter(is_card).copied().collect();
    if seldom.is_empty() {
        seldom = gains.to_vec();
    }
    seldom.sort_by(|left, right| left.per_hour.total_cmp(&right.per_hour).then(left.item.cmp(&right.item)));
    seldom.truncate(RAREST);
    seldom
}

#[cfg(test)]
mod tests;
