//! What shops sell, and for how much (`npc_parse_shop`, npc.cpp; `pc_modifybuyvalue`, pc.cpp).

use super::battle::Battle;
use super::items::Items;
use super::places::Stock;
use crate::bounds::facts::ItemId;

/// The best discount, in percent: a rogue's `RG_COMPULSION` 5. A merchant's best, `MC_DISCOUNT` 10, is 24.
const DISCOUNT: u64 = 25;

/// What a shop sells, and the lowest price of each in zeny. What is paid with something else costs no zeny.
pub(super) fn sold(stock: &Stock, items: &Items, battle: &Battle) -> Vec<(ItemId, u32)> {
    let mut columns = stock.text.split(',').map(str::trim).skip(1).peekable();
    let for_zeny = matches!(stock.kind.as_str(), "shop" | "marketshop");
    let mut discount = stock.kind == "shop";
    match stock.kind.as_str() {
        // What is paid with.
        "itemshop" | "pointshop" => {
            columns.next();
        }
        _ => {
            let said = columns.next_if(|column| ["yes", "no"].iter().any(|word| column.eq_ignore_ascii_case(word)));
            discount &= !said.is_some_and(|said| said.eq_ignore_ascii_case("no"));
        }
    }
    let mut found = Vec::new();
    for column in columns {
        let mut parts = column.split(':').map(str::trim);
        let id = parts.next().and_then(|id| id.parse::<ItemId>().ok());
        let price = parts.next().and_then(|price| price.parse::<i64>().ok());
        // What servers cannot read ends the shop.
        let (Some(id), Some(price)) = (id, price) else { break };
        let Some(item) = items.by_id.get(&id) else { continue };
        let full = u64::try_from(price).unwrap_or_else(|_| item.price());
        let price = if for_zeny { reduced(full, discount, battle) } else { 0 };
        found.push((id, u32::try_from(price).unwrap_or(u32::MAX)));
    }
    found
}

fn reduced(full: u64, discount: bool, battle: &Battle) -> u64 {
    if !discount {
        return full;
    }
    let least = u64::try_from(battle.get("min_shop_buy")).unwrap_or(0);
    (full.saturating_mul(100 - DISCOUNT) / 100).max(least)
}

/// Whether players sell there, too (`npc_selllist`, npc.cpp).
pub(super) fn buys(stock: &Stock) -> bool {
    stock.kind == "shop"
}

#[cfg(test)]
mod tests {
    use super::super::items::tests::items;
    use super::*;

    fn prices(kind: &str, text: &str) -> Vec<(ItemId, u32)> {
        let items = items("  - {Id: 501, AegisName: Red, Buy: 50}\n  - {Id: 502, AegisName: Orange, Buy: 200}\n");
        sold(&Stock { kind: kind.to_owned(), text: text.to_owned() }, &items, &Battle::defaults())
    }

    #[test]
    fn shops_give_the_best_discount_unless_they_say_no() {
        assert_eq!(prices("shop", "100,501:-1,502:1000"), [(501, 37), (502, 750)]);
        assert_eq!(prices("shop", "100,yes,501:-1"), [(501, 37)]);
        assert_eq!(prices("shop", "100,no,501:-1,502:1"), [(501, 50), (502, 1)]);
        assert_eq!(prices("shop", "100,501:1"), [(501, 1)], "never less than min_shop_buy");
        assert_eq!(prices("marketshop", "100,501:60:5"), [(501, 60)]);
    }

    #[test]
    fn what_is_paid_with_something_else_costs_no_zeny() {
        assert_eq!(prices("cashshop", "100,501:5"), [(501, 0)]);
        assert_eq!(prices("itemshop", "100,502:0,501:5"), [(501, 0)]);
        assert_eq!(prices("pointshop", "100,#POINTS,501:5"), [(501, 0)]);
    }

    #[test]
    fn unknown_items_are_passed_over_and_nonsense_ends_it() {
        assert_eq!(prices("shop", "100,9:5,501:-1,x,502:-1"), [(501, 37)]);
        assert!(prices("shop", "").is_empty());
    }
}
