//! The same for eyes.

use std::fmt::Write as _;

use super::{Gain, MOST_VALUE, gains, rarest};
use crate::bounds::facts::{Economy, ItemId, Yield};

/// How many scripted items are named.
const MAX_NAMED: usize = 8;

/// A line for each group, then each with its items.
pub(super) fn table(economy: &Economy) -> String {
    let width = economy.groups.keys().map(String::len).max().unwrap_or(0).max("an hour, at most".len());
    let mut out = format!(
        "{:width$}  {:>12}  {:>15}  {:>15}  {:>12}\n",
        "an hour, at most", "monsters", "base exp", "job exp", "zeny"
    );
    for (name, found) in &economy.groups {
        let _ = writeln!(
            out,
            "{name:width$}  {:>12}  {:>15}  {:>15}  {:>12}",
            count(found.kills.per_hour()),
            count(found.base_experience.per_hour()),
            count(found.job_experience.per_hour()),
            count(found.zeny.per_hour()),
        );
    }
    for (name, found) in &economy.groups {
        let _ = write!(out, "\n{name}\n{}", group(economy, found));
    }
    let _ = writeln!(
        out,
        "\nas if everything died the moment it appeared, by one player's hand; more attackers and parties up to {} times the \
         experience.\n* comes most seldom",
        count(1.0 + economy.shared)
    );
    out
}

fn group(economy: &Economy, found: &Yield) -> String {
    let mut out = format!(
        "  {} monsters at once; rogues can take {} zeny an hour out of their purses\n",
        count(found.kills.at_once),
        count(found.purses.per_hour())
    );
    let gains = gains(economy, found);
    let seldom = rarest(economy, &gains);
    if !gains.is_empty() {
        let _ = writeln!(out, "  {:<32}  {:>12}  {:>15}", "items", "an hour", "NPCs pay");
    }
    let shown = gains.iter().take(MOST_VALUE);
    let more = seldom.iter().filter(|gain| !gains.iter().take(MOST_VALUE).any(|shown| shown.item == gain.item));
    for gain in shown.chain(more) {
        let _ = writeln!(out, "{}", line(economy, gain, seldom.contains(gain)));
    }
    if gains.len() > MOST_VALUE {
        let _ = writeln!(out, "  {} items in all", gains.len());
    }
    let _ = writeln!(out, "  shops: {}", shops(found));
    let _ = writeln!(out, "  scripts: {}", scripts(economy, found));
    out
}

fn line(economy: &Economy, gain: &Gain, seldom: bool) -> String {
    let name = format!("{} {}", name(economy, gain.item), gain.item);
    let mark = if seldom { '*' } else { ' ' };
    format!("{mark} {name:<32}  {:>12}  {:>15}", count(gain.per_hour), count(gain.value))
}

fn shops(found: &Yield) -> String {
    let sold = match found.sold.len() {
        0 => "sell nothing".to_owned(),
        count => format!("sell {count} items"),
    };
    if found.buys { format!("{sold}, buy from players") } else { sold }
}

fn scripts(economy: &Economy, found: &Yield) -> String {
    let given = &found.scripted;
    let mut parts = Vec::new();
    if given.any_item {
        parts.push("give items they do not name".to_owned());
    }
    if !given.items.is_empty() {
        let named: Vec<_> = given.items.iter().take(MAX_NAMED).map(|item| name(economy, *item)).collect();
        let more = given.items.len().saturating_sub(MAX_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        parts.push(format!("give {}{more}", named.join(", ")));
    }
    for (is, text) in [
        (given.zeny, "give zeny"),
        (given.experience, "give experience"),
        (found.works_on_items, "refine or change items"),
    ] {
        if is {
            parts.push(text.to_owned());
        }
    }
    if parts.is_empty() { "give nothing".to_owned() } else { parts.join("; ") }
}

fn name(economy: &Economy, item: ItemId) -> String {
    economy.items.get(&item).map_or_else(|| "?".to_owned(), |item| item.name.clone())
}

/// A number with three digits that count, at least, and its thousands apart. Whole ones have no more.
pub(super) fn count(number: f64) -> String {
    let digits = match number {
        number if (number - number.round()).abs() < 1e-6 || number >= 99.95 => 0,
        number if number >= 9.995 => 1,
        number if number >= 0.9995 => 2,
        _ => 4,
    };
    let text = format!("{number:.digits$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut out = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}
