//! What a group of maps had to give, and what its players gained.
//!
//! A gain is paid, in this order, from what others on the group lost lately, from what came into being since
//! ([`Meter`]), from what may become it (a shop, a skill, a box), and from what scripts may give. Saves of the two sides
//! of a trade come in any order: what is not paid is *owed*, as long as somebody else on the group may have handed it over and
//! was not saved since. More than all of them hold together cannot be owed, and is a finding at once.

mod pay;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bifrost_protocol::ids::{CharacterId, GroupName, HostId};

use super::commodity::{Amounts, Commodity};
use super::convert::Realm;
use super::cover::{amount, coverable};
use super::facts::{ItemId, Yield};
use super::finding::Finding;
use super::holdings::Changes;
use super::limits::{CREDIT, CREDIT_GRAIN, GRACE, LONGEST_GRACE, MAX_CREDITS, MAX_DEBTS};
use super::meter::{Cap, Meter};

/// Less than this is rounding.
const NOTHING: f64 = 1e-6;

/// Where and by whose word something changed.
pub(super) struct Place<'a> {
    pub(super) group: &'a GroupName,
    pub(super) host: &'a HostId,
    pub(super) character: Option<CharacterId>,
    pub(super) realm: &'a Realm,
    /// What everybody else on the group has, as far as their last saves say.
    pub(super) held: &'a dyn Fn() -> Amounts,
    pub(super) now: Duration,
}

/// One group's accounts.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    meters: BTreeMap<Commodity, Meter>,
    credits: BTreeMap<Commodity, VecDeque<(Duration, f64)>>,
    /// What was taken out of them for something else than itself, by what it was and what it became.
    turned: BTreeMap<(Commodity, Commodity), Turned>,
    debts: Vec<Debt>,
    /// What rogues may take out of monsters' purses, and until when one may have.
    purses: Option<Meter>,
    rogues_until: Duration,
    caps: BTreeMap<Script, Cap>,
}

/// What scripts may give, each with its own cap.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Script {
    Zeny,
    Named(ItemId),
    Any,
    Levels,
    StatusPoints,
    SkillPoints,
}

/// A gain that waits for the save that explains it.
#[derive(Clone, Debug)]
struct Debt {
    /// What is missing: zeny, when what was gained can be bought.
    missing: Rest,
    gained: (Commodity, u64),
    since: Duration,
    host: HostId,
    character: Option<CharacterId>,
}

/// A loss that was taken for the makings of something: zeny for what was sold, a sword for a box. Which loss explains which gain
/// is a guess until all sides are saved; who needs the thing itself gets it back, and the other gain is paid anew.
#[derive(Clone, Copy, Debug)]
struct Turned {
    amount: f64,
    /// How much one became.
    worth: f64,
    at: Duration,
}

/// What a gain still lacks, and how much one of it is in units of the gain.
#[derive(Clone, Copy, Debug)]
struct Rest {
    commodity: Commodity,
    amount: f64,
    worth: f64,
}

impl Ledger {
    /// The maps are loaded anew.
    pub(super) fn open(&mut self, now: Duration) {
        self.meters.values_mut().chain(&mut self.purses).for_each(|meter| meter.open(now));
    }

    /// What is owed is no longer asked about.
    pub(super) fn forgive(&mut self) {
        self.debts.clear();
    }

    /// A rogue is there.
    pub(super) fn rogues(&mut self, now: Duration) {
        self.rogues_until = now + CREDIT;
    }

    /// Something is there for anybody to have.
    pub(super) fn credit(&mut self, amounts: &Amounts, now: Duration) {
        self.expire(now);
        for (commodity, lost) in amounts.iter().filter(|(commodity, _)| commodity.is_passed_on()) {
            if self.credits.len() >= MAX_CREDITS && !self.credits.contains_key(commodity) {
                continue;
            }
            let lines = self.credits.entry(*commodity).or_default();
            match lines.back_mut() {
                Some((since, line)) if now.saturating_sub(*since) < CREDIT_GRAIN => *line += amount(*lost),
                _ => lines.push_back((now, amount(*lost))),
            }
        }
    }

    /// Books one save: what it lost first, so that an exchange pays for itself.
    pub(super) fn book(&mut self, changes: &Changes, at: &Place<'_>) -> Vec<Finding> {
        let Some(yields) = at.realm.yields(at.group) else { return Vec::new() };
        self.credit(&changes.lost, at.now);
        self.settle(yields, at.realm, at.now);
        let mut findings = Vec::new();
        for (commodity, gained) in &changes.gained {
            if matches!(commodity, Commodity::Item(item) if at.realm.economy.of_nothing.contains(item)) {
                continue;
            }
            let gain = (*commodity, *gained);
            let mut unexplained = 0.0;
            for mut rest in self.take(*commodity, amount(*gained), yields, at.realm, at.now) {
                rest.amount = self.scripted_levels(rest, changes.of_a_level, yields, at.now);
                if rest.amount > NOTHING && !self.owe(rest, gain, yields, at) {
                    unexplained += rest.amount * rest.worth;
                }
            }
            if unexplained > 0.0 {
                findings.push(self.finding(gain, unexplained, (at.host, at.character), at.group, at.realm));
            }
        }
        findings
    }

    /// Debts that nobody can be waited for any more. `last` says when those who were on the group then, except one, were last
    /// saved.
    pub(super) fn due(
        &mut self,
        group: &GroupName,
        realm: &Realm,
        last: impl Fn(Option<CharacterId>, Duration) -> Option<Duration>,
        now: Duration,
    ) -> Vec<Finding> {
        let Some(yields) = realm.yields(group) else { return Vec::new() };
        self.expire(now);
        self.meters.values_mut().for_each(|meter| meter.pass(now));
        self.meters.retain(|_, meter| !meter.is_full());
        self.settle(yields, realm, now);
        let is_due = |debt: &Debt| {
            let waited = now.saturating_sub(debt.since);
            let all_saved = last(debt.character, debt.since).is_none_or(|saved| saved > debt.since);
            waited > GRACE && (all_saved || waited > LONGEST_GRACE)
        };
        let (due, waiting) = std::mem::take(&mut self.debts).into_iter().partition(is_due);
        self.debts = waiting;
        let due: Vec<Debt> = due;
        let finding = |debt: Debt| {
            let unexplained = debt.missing.amount * debt.missing.worth;
            self.finding(debt.gained, unexplained, (&debt.host, debt.character), group, realm)
        };
        due.into_iter().map(finding).collect()
    }

    /// Lines that are kept.
    pub(super) fn size(&self) -> usize {
        self.meters.len() + self.credits.len() + self.turned.len() + self.debts.len() + self.caps.len()
    }

    fn finding(
        &self,
        (commodity, gained): (Commodity, u64),
        unexplained: f64,
        (host, player): (&HostId, Option<CharacterId>),
        group: &GroupName,
        realm: &Realm,
    ) -> Finding {
        let unexplained = unexplained.min(amount(gained));
        let most = self.meters.get(&commodity).map_or(0.0, Meter::most);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and what was gained")]
        let allowed = (amount(gained) - unexplained).max(0.0) as u64;
        Finding {
            rule: commodity.rule(),
            commodity,
            gained,
            allowed,
            group: group.clone(),
            host: host.clone(),
            player,
            grade: realm.grade(commodity, unexplained, most),
        }
    }

    /// Waits for whoever may have handed it over. `false`: nobody can have.
    fn owe(&mut self, missing: Rest, gained: (Commodity, u64), yields: &Yield, at: &Place<'_>) -> bool {
        if !missing.commodity.is_passed_on() || self.debts.len() >= MAX_DEBTS {
            return false;
        }
        let owed = self.debts.iter().filter(|debt| debt.missing.commodity == missing.commodity);
        let owed: f64 = owed.map(|debt| debt.missing.amount).sum();
        if owed + missing.amount > coverable(at.realm, yields, missing.commodity, &(at.held)()) + NOTHING {
            return false;
        }
        let (host, character) = (at.host.clone(), at.character);
        self.debts.push(Debt { missing, gained, since: at.now, host, character });
        true
    }

    /// Pays debts with what has come since.
    fn settle(&mut self, yields: &Yield, realm: &Realm, now: Duration) {
        let debts = std::mem::take(&mut self.debts);
        for debt in debts {
            for rest in self.take(debt.missing.commodity, debt.missing.amount, yields, realm, now) {
                let missing = Rest { worth: debt.missing.worth * rest.worth, ..rest };
                self.debts.push(Debt { missing, ..debt.clone() });
            }
        }
    }

    fn expire(&mut self, now: Duration) {
        for lines in self.credits.values_mut() {
            while lines.front().is_some_and(|(since, _)| now > *since + CREDIT) {
                lines.pop_front();
            }
        }
        self.credits.retain(|_, lines| !lines.is_empty());
        self.turned.retain(|_, turned| turned.amount > NOTHING && now <= turned.at + CREDIT);
    }
}
