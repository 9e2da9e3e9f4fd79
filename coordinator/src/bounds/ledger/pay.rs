//! Out of what a gain is paid: what others lost, what came into being, what may become it, what scripts give.

use std::time::Duration;

use super::{Ledger, NOTHING, Rest, Script, Turned};
use crate::bounds::commodity::Commodity;
use crate::bounds::convert::Realm;
use crate::bounds::cover::amount;
use crate::bounds::facts::{ItemId, Yield};
use crate::bounds::limits::{
    MAX_CREDITS, MAX_METERS, QUEST_POINTS, SCRIPTED_ANY, SCRIPTED_ITEMS, SCRIPTED_LEVELS, SCRIPTED_ZENY,
};
use crate::bounds::meter::{Cap, Meter};

impl Ledger {
    /// Pays a gain as far as it can be paid; returns what is missing.
    pub(super) fn take(
        &mut self,
        commodity: Commodity,
        amount: f64,
        yields: &Yield,
        realm: &Realm,
        now: Duration,
    ) -> Vec<Rest> {
        let mut rest = self.pay(commodity, amount, yields, realm, now);
        let mut missing = Vec::new();
        let turned = self.turned.range((rest.commodity, Commodity::Zeny)..);
        let turned = turned.take_while(|((from, _), _)| *from == rest.commodity).map(|((_, into), _)| *into);
        for into in turned.collect::<Vec<_>>() {
            let Some(back) = self.turned.get_mut(&(rest.commodity, into)).filter(|_| rest.amount > NOTHING) else {
                continue;
            };
            let units = back.amount.min(rest.amount);
            back.amount -= units;
            rest.amount -= units;
            let (due, worth) = (units * back.worth, rest.worth / back.worth);
            let again = self.pay(into, due, yields, realm, now);
            missing.push(Rest { worth: worth * again.worth, ..again });
        }
        missing.push(rest);
        missing.retain(|rest| rest.amount > NOTHING);
        missing
    }

    /// As [`take`](Self::take), without giving back what was turned into something else.
    fn pay(&mut self, commodity: Commodity, amount: f64, yields: &Yield, realm: &Realm, now: Duration) -> Rest {
        let mut rest = self.plain(commodity, amount, yields, realm, now);
        let mut whole = Rest { commodity, amount: rest, worth: 1.0 };
        if rest <= NOTHING {
            return whole;
        }
        match commodity {
            Commodity::Zeny => {
                rest = self.sell(rest, yields, realm, now);
                rest = self.use_up(commodity, rest, realm);
                rest = self.steal(rest, yields, realm, now);
                if yields.scripted.zeny {
                    rest = self.scripted(Script::Zeny, rest, SCRIPTED_ZENY, now);
                }
            }
            Commodity::Item(item) => return self.make(item, rest, yields, realm, now),
            Commodity::Refine(_) => {
                for material in &realm.materials {
                    rest = self.turn(Commodity::Item(*material), commodity, rest, 1.0, now);
                }
                let price = realm.materials.iter().filter_map(|material| realm.price(yields, *material));
                if let Some(price) = price.min_by(f64::total_cmp).filter(|_| rest > NOTHING) {
                    return self.buy(rest, price, yields, realm, now);
                }
            }
            Commodity::StatusPoints => rest = self.scripted(Script::StatusPoints, rest, QUEST_POINTS, now),
            Commodity::SkillPoints => rest = self.scripted(Script::SkillPoints, rest, QUEST_POINTS, now),
            Commodity::BaseExperience | Commodity::JobExperience => rest = self.use_up(commodity, rest, realm),
        }
        whole.amount = rest;
        whole
    }

    /// An item that was neither handed over nor dropped: made, worked on, given by a script, or bought.
    fn make(&mut self, item: ItemId, mut rest: f64, yields: &Yield, realm: &Realm, now: Duration) -> Rest {
        let ratio = realm.ratio(item);
        for from in realm.made_of(item) {
            rest = self.turn(Commodity::Item(from), Commodity::Item(item), rest, ratio, now);
        }
        if yields.works_on_items && realm.is_single(item) {
            let others: Vec<_> = self.credits.keys().copied().collect();
            for other in others {
                if matches!(other, Commodity::Item(other) if realm.is_single(other)) {
                    rest = self.turn(other, Commodity::Item(item), rest, 1.0, now);
                }
            }
        }
        let exists = realm.economy.items.contains_key(&item);
        if exists && yields.scripted.items.contains(&item) {
            rest = self.scripted(Script::Named(item), rest, SCRIPTED_ITEMS, now);
        }
        if exists && yields.scripted.any_item {
            rest = self.scripted(Script::Any, rest, SCRIPTED_ANY, now);
        }
        match realm.price(yields, item).filter(|_| rest > NOTHING) {
            Some(price) => self.buy(rest, price, yields, realm, now),
            None => Rest { commodity: Commodity::Item(item), amount: rest, worth: 1.0 },
        }
    }

    /// What can be bought is as good as its price.
    fn buy(&mut self, rest: f64, price: f64, yields: &Yield, realm: &Realm, now: Duration) -> Rest {
        let price = price.max(NOTHING);
        let unpaid = self.plain(Commodity::Zeny, rest * price, yields, realm, now);
        let unpaid = if unpaid > NOTHING { self.sell(unpaid, yields, realm, now) } else { unpaid };
        Rest { commodity: Commodity::Zeny, amount: unpaid, worth: 1.0 / price }
    }

    /// Zeny for what others lost lately, where an NPC buys it.
    fn sell(&mut self, mut rest: f64, yields: &Yield, realm: &Realm, now: Duration) -> f64 {
        if !yields.buys {
            return rest;
        }
        let lost: Vec<_> = self.credits.keys().copied().collect();
        for commodity in lost {
            let Commodity::Item(item) = commodity else { continue };
            let price = realm.sells_for(item);
            if price > 0.0 && rest > NOTHING {
                rest = self.turn(commodity, Commodity::Zeny, rest, price, now);
            }
        }
        rest
    }

    /// Zeny out of monsters' purses, when a rogue is there or was.
    fn steal(&mut self, rest: f64, yields: &Yield, realm: &Realm, now: Duration) -> f64 {
        if now > self.rogues_until || rest <= NOTHING {
            return rest;
        }
        if self.purses.is_none() {
            self.purses = Meter::new(&[Realm::purses(yields)], realm.rules.slack, now);
        }
        self.purses.as_mut().map_or(rest, |purses| purses.spend(rest, now))
    }

    /// What using things up has given that were lost lately.
    fn use_up(&mut self, commodity: Commodity, mut rest: f64, realm: &Realm) -> f64 {
        for item in realm.economy.used.keys() {
            let each = realm.gives(*item, commodity);
            if each > 0.0 && rest > NOTHING {
                // One of what gives nobody knows how much explains everything.
                let needed = if each.is_finite() { rest / each } else { 1.0 };
                let missing = self.spend_credit(Commodity::Item(*item), needed);
                rest *= (missing / needed).clamp(0.0, 1.0);
            }
        }
        rest
    }

    /// From what others lost, and from what came into being. What is common comes from its meter first, which is full soon and
    /// would waste what is hunted meanwhile; what is rare from losses first, which are gone soon.
    fn plain(&mut self, commodity: Commodity, amount: f64, yields: &Yield, realm: &Realm, now: Duration) -> f64 {
        if !self.meters.contains_key(&commodity)
            && let Some(meter) = Meter::new(&realm.flows(yields, commodity), realm.rules.slack, now)
        {
            if self.meters.len() >= MAX_METERS {
                // More kinds than any realm has items: nothing is said about the others.
                return 0.0;
            }
            self.meters.insert(commodity, meter);
        }
        let mut rest = amount;
        if let Some(meter) = self.meters.get_mut(&commodity) {
            let first = meter.surplus(now).min(rest);
            rest -= first - meter.spend(first, now);
        }
        rest = self.spend_credit(commodity, rest);
        match self.meters.get_mut(&commodity) {
            Some(meter) if rest > NOTHING => meter.spend(rest, now),
            Some(_) | None => rest,
        }
    }

    /// Takes what others lost for the makings of something else, of which one gives so much. Returns what is missing of that.
    fn turn(&mut self, from: Commodity, into: Commodity, amount: f64, worth: f64, now: Duration) -> f64 {
        let needed = amount / worth;
        let missing = self.spend_credit(from, needed);
        if needed - missing > NOTHING && (self.turned.len() < MAX_CREDITS || self.turned.contains_key(&(from, into))) {
            let turned = self.turned.entry((from, into)).or_insert(Turned { amount: 0.0, worth, at: now });
            (turned.amount, turned.worth, turned.at) = (turned.amount + needed - missing, worth, now);
        }
        missing * worth
    }

    fn spend_credit(&mut self, commodity: Commodity, mut amount: f64) -> f64 {
        let Some(lines) = self.credits.get_mut(&commodity) else { return amount };
        while let Some((_, line)) = lines.front_mut() {
            let spent = line.min(amount);
            *line -= spent;
            amount -= spent;
            if *line > NOTHING {
                break;
            }
            lines.pop_front();
        }
        if lines.is_empty() {
            self.credits.remove(&commodity);
        }
        amount
    }

    fn scripted(&mut self, what: Script, amount: f64, per_hour: f64, now: Duration) -> f64 {
        self.caps.entry(what).or_insert_with(|| Cap::full(per_hour, now)).spend(amount, per_hour, now)
    }

    /// Experience that scripts give, counted in levels.
    pub(super) fn scripted_levels(&mut self, rest: Rest, of_a_level: (u64, u64), yields: &Yield, now: Duration) -> f64 {
        let of_base = rest.commodity == Commodity::BaseExperience;
        if !yields.scripted.experience || !(of_base || rest.commodity == Commodity::JobExperience) {
            return rest.amount;
        }
        let level = amount(if of_base { of_a_level.0 } else { of_a_level.1 }.max(1));
        self.scripted(Script::Levels, rest.amount / level, SCRIPTED_LEVELS, now) * level
    }
}
