//! What all characters own, as the database has it, and what the operator's map-server wrote down of it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::course::{Books, Side, add, difference};
use super::ground::Actor;
use super::mariadb::Database;
use super::view::Holdings;

/// What one character owns, or what changed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Goods {
    pub(super) zeny: i64,
    pub(super) items: Holdings,
}

/// By character id.
pub(super) type Ledger = BTreeMap<u32, Goods>;

/// What cannot be accounted for.
#[derive(Clone, Debug, Default)]
pub(super) struct Balance {
    /// Money, added up without sign over all characters.
    pub(super) zeny: i64,
    /// Items, likewise, over all kinds.
    pub(super) items: i64,
    /// Items and zeny of which the client saw something else in the city than the operator's logs have.
    pub(super) disputed: i64,
    /// Which, of whom.
    pub(super) notes: Vec<String>,
}

/// What every character owns: carried, in the cart, in the storage.
///
/// # Errors
/// The database does not answer.
pub(super) async fn owned(sql: &Database) -> Result<Ledger> {
    let mut ledger = Ledger::new();
    for row in sql.rows("select char_id, zeny from `char`").await? {
        let [character, zeny] = row.as_slice() else { continue };
        ledger.entry(character.parse()?).or_default().zeny = zeny.parse()?;
    }
    let queries = [
        "select char_id, nameid, sum(amount) from inventory group by char_id, nameid",
        "select char_id, nameid, sum(amount) from cart_inventory group by char_id, nameid",
        "select c.char_id, s.nameid, sum(s.amount) from storage s join `char` c using (account_id) group by 1, 2",
    ];
    for query in queries {
        add_items(&mut ledger, &sql.rows(query).await?)?;
    }
    Ok(ledger)
}

/// What the operator's map-server wrote down: its `zenylog` and `picklog`.
///
/// # Errors
/// The database does not answer.
pub(super) async fn logged(sql: &Database) -> Result<Ledger> {
    let mut ledger = Ledger::new();
    for row in sql.rows("select char_id, sum(amount) from zenylog group by char_id").await? {
        let [character, zeny] = row.as_slice() else { continue };
        ledger.entry(character.parse()?).or_default().zeny = zeny.parse()?;
    }
    let query = "select char_id, nameid, sum(amount) from picklog group by char_id, nameid";
    add_items(&mut ledger, &sql.rows(query).await?)?;
    Ok(ledger)
}

fn add_items(ledger: &mut Ledger, rows: &[Vec<String>]) -> Result<()> {
    for row in rows {
        let [character, item, amount] = row.as_slice() else { continue };
        let more = Holdings::from([(item.parse()?, amount.parse().context("an amount")?)]);
        add(&mut ledger.entry(character.parse()?).or_default().items, &more);
    }
    Ok(())
}

impl Balance {
    /// Takes in one character: what it owns at the end has to be what it owned at the start, with what the operator's logs
    /// say of the city, and with what its client saw on the fleet's maps, less what a failover took back. What sprang up
    /// at a change of hosts counts by itself, so that it cannot make up for something else.
    pub(super) fn take(&mut self, actor: &Actor, [before, after, logged]: [&Ledger; 3], books: &Books) {
        let of = |ledger: &Ledger| ledger.get(&actor.character).cloned().unwrap_or_default();
        let (before, after, logged) = (of(before), of(after), of(logged));
        let seen = |side| books.zeny.get(&side).copied().unwrap_or_default();
        self.compare(actor, &logged, seen(Side::City), books);
        let zeny = after.zeny - before.zeny - logged.zeny - seen(Side::Fleet);
        if zeny != 0 {
            self.zeny += zeny.abs();
            self.notes.push(format!(
                "{}: {zeny:+} zeny ({} before, {} after, {} logged in the city)",
                actor.name, before.zeny, after.zeny, logged.zeny
            ));
        }
        let mut expected = before.items;
        add(&mut expected, &logged.items);
        add(&mut expected, books.items.get(&Side::Fleet).unwrap_or(&Holdings::new()));
        expected = difference(&expected, &books.lost);
        add(&mut expected, &books.sprung);
        self.note(actor, "at the end", &difference(&after.items, &expected));
        self.note(actor, "at a change of map-server", &books.sprung);
    }

    /// Whether log and client say the same of the city: else one of them cannot be relied on elsewhere either.
    fn compare(&mut self, actor: &Actor, logged: &Goods, zeny: i64, books: &Books) {
        let seen = books.items.get(&Side::City).cloned().unwrap_or_default();
        let disputed = difference(&seen, &logged.items);
        let amount = (zeny - logged.zeny).abs() + disputed.values().map(|amount| amount.abs()).sum::<i64>();
        if amount > 0 {
            self.disputed += amount;
            self.notes.push(format!(
                "{}: in the city the client saw {:+} zeny more than was logged, and of items more {disputed:?}",
                actor.name,
                zeny - logged.zeny
            ));
        }
    }

    fn note(&mut self, actor: &Actor, when: &str, items: &Holdings) {
        for (item, amount) in items {
            self.items += amount.abs();
            self.notes.push(format!("{}: {amount:+} of item {item} {when}", actor.name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(actor: &Actor, zeny: i64, items: &[(u32, i64)]) -> Ledger {
        Ledger::from([(actor.character, Goods { zeny, items: items.iter().copied().collect() })])
    }

    #[test]
    fn a_hunter_who_sells_his_loot_is_accounted_for() {
        let actor = Actor::new(0);
        let before = ledger(&actor, 100, &[(512, 10)]);
        let after = ledger(&actor, 130, &[(512, 10), (909, 1)]);
        // Ten jellopies sold for 30; on the field eleven were taken, one more was lost with its host.
        let logged = ledger(&actor, 30, &[(909, -10)]);
        let books = Books {
            items: BTreeMap::from([
                (Side::Fleet, Holdings::from([(909, 12)])),
                (Side::City, Holdings::from([(909, -10)])),
            ]),
            zeny: BTreeMap::from([(Side::City, 30)]),
            lost: Holdings::from([(909, 1)]),
            ..Books::default()
        };
        let mut balance = Balance::default();
        balance.take(&actor, [&before, &after, &logged], &books);
        assert_eq!((balance.zeny, balance.items, balance.disputed), (0, 0, 0), "{:?}", balance.notes);
    }

    #[test]
    fn what_nobody_gave_is_unexplained_whichever_way() {
        let actor = Actor::new(0);
        let (before, after) = (ledger(&actor, 100, &[(512, 10)]), ledger(&actor, 90, &[(512, 11), (909, 1)]));
        let mut balance = Balance::default();
        balance.take(&actor, [&before, &after, &Ledger::new()], &Books::default());
        assert_eq!((balance.zeny, balance.items), (10, 2), "{:?}", balance.notes);

        let books = Books { sprung: Holdings::from([(512, 1), (909, 1)]), ..Books::default() };
        let mut balance = Balance::default();
        balance.take(&actor, [&before, &after, &Ledger::new()], &books);
        assert_eq!(balance.items, 2, "known since when, but no better: {:?}", balance.notes);
    }
}
