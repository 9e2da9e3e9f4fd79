//! A simulated market: players hunt all there is and trade, sell, buy, make, refine and drop what they have, while saves come
//! late, in any order, and now and then only in part. None of it may be a finding, on any seed, for a week.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::bounds::commodity::{add, add_all};
use crate::bounds::convert::Realm;
use crate::bounds::holdings::Changes;
use crate::bounds::ledger::{Ledger, Place};

/// Seconds between two turns of the simulation.
const TURN: u64 = 5;
const PLAYERS: usize = 5;
const MONSTERS: usize = 100;
const DROPS: [(ItemId, f64); 6] =
    [(JELLOPY, 0.7), (APPLE, 0.1), (BOX, 2e-3), (ORIDECON, 1e-3), (CARD, 1e-4), (GOLD, 1e-5)];

/// What a player has, and what the coordinator was told last.
#[derive(Default)]
struct Purse {
    has: Amounts,
    exp: u64,
    told: Amounts,
    told_exp: u64,
    saved: Duration,
}

struct Market {
    rng: StdRng,
    realm: Realm,
    ledger: Ledger,
    group: GroupName,
    purses: Vec<Purse>,
    /// When each monster is back.
    back: Vec<u64>,
    /// What lies on the ground, until it is picked up.
    ground: Vec<(u64, Commodity, u64)>,
    findings: Vec<Finding>,
}

impl Market {
    fn new(seed: u64, group: &str) -> Self {
        let mut purses: Vec<_> = (0..PLAYERS).map(|_| Purse::default()).collect();
        for purse in &mut purses {
            let start = [(Commodity::Zeny, 1_000_000), (Commodity::Item(SWORD), 3), (Commodity::Item(FOREIGN_CARD), 2)];
            purse.has = start.into();
            purse.told = start.into();
        }
        let mut ledger = Ledger::default();
        ledger.open(Duration::ZERO);
        Self {
            rng: StdRng::seed_from_u64(seed),
            realm: Realm::new(economy(), rules()),
            ledger,
            group: GroupName(group.into()),
            purses,
            back: vec![0; MONSTERS],
            ground: Vec::new(),
            findings: Vec::new(),
        }
    }

    fn below(&mut self, number: usize) -> usize {
        self.rng.random_range(0..number)
    }

    fn chance(&mut self, of: f64) -> bool {
        self.rng.random_bool(of)
    }

    fn amount(&self, player: usize, commodity: Commodity) -> u64 {
        self.purses[player].has.get(&commodity).copied().unwrap_or_default()
    }

    fn lose(&mut self, player: usize, commodity: Commodity, amount: u64) -> bool {
        let has = self.purses[player].has.entry(commodity).or_default();
        let enough = amount > 0 && *has >= amount;
        if enough {
            *has -= amount;
        }
        self.purses[player].has.retain(|_, amount| *amount > 0);
        enough
    }

    fn gain(&mut self, player: usize, commodity: Commodity, amount: u64) {
        add(&mut self.purses[player].has, commodity, amount);
    }

    /// Everything that is alive is killed.
    fn hunt(&mut self, now: u64) {
        for monster in 0..MONSTERS {
            if self.back[monster] > now {
                continue;
            }
            self.back[monster] = now + 10;
            let player = self.below(PLAYERS);
            self.purses[player].exp += 50;
            for (item, chance) in DROPS {
                if self.realm.yields(&self.group).is_some_and(|yields| yields.items.contains_key(&item))
                    && self.chance(chance)
                {
                    self.gain(player, Commodity::Item(item), 1);
                }
            }
        }
    }

    fn something(&mut self, player: usize) -> Option<(Commodity, u64)> {
        let place = self.purses[player].has.len();
        let place = if place == 0 { return None } else { self.below(place) };
        let (commodity, amount) = self.purses[player].has.iter().nth(place).map(|(of, amount)| (*of, *amount))?;
        // What is refined moves with its item, which this simulation does not tell apart.
        let amount = self.rng.random_range(1..=amount);
        (!matches!(commodity, Commodity::Refine(_))).then_some((commodity, amount))
    }

    fn act(&mut self, player: usize, now: u64) {
        let shop = self.group.0 == "market";
        match self.below(9) {
            0 => {
                let to = (player + 1 + self.below(PLAYERS - 1)) % PLAYERS;
                if let Some((commodity, amount)) = self.something(player)
                    && self.lose(player, commodity, amount)
                {
                    self.gain(to, commodity, amount);
                }
            }
            1 => {
                if let Some((commodity, amount)) = self.something(player)
                    && commodity != Commodity::Zeny
                    && self.lose(player, commodity, amount)
                {
                    let lies = self.rng.random_range(0..60);
                    self.ground.push((now + lies, commodity, amount));
                }
            }
            2 | 3 if shop => {
                if let Some((Commodity::Item(item), amount)) = self.something(player)
                    && self.lose(player, Commodity::Item(item), amount)
                {
                    let price = u64::from(self.realm.economy.items[&item].sells_for);
                    self.gain(player, Commodity::Zeny, price * amount);
                }
            }
            4 if shop => {
                let amount = self.rng.random_range(1..300);
                if self.lose(player, Commodity::Zeny, 38 * amount) {
                    self.gain(player, Commodity::Item(POTION), amount);
                }
            }
            5 => {
                let amount = self.amount(player, Commodity::Item(POTION)).min(100);
                self.lose(player, Commodity::Item(POTION), amount);
            }
            6 => {
                if self.lose(player, Commodity::Item(BOX), 1) {
                    self.gain(player, Commodity::Item(SWORD), 1);
                }
                if self.lose(player, Commodity::Item(JELLOPY), 10) {
                    self.gain(player, Commodity::Item(ARROW), 10 * 40);
                }
            }
            7 => {
                let refined = self.amount(player, Commodity::Refine(SWORD));
                if refined < 10 * self.amount(player, Commodity::Item(SWORD))
                    && self.lose(player, Commodity::Item(ORIDECON), 1)
                {
                    self.gain(player, Commodity::Refine(SWORD), 1);
                }
            }
            _ => {
                self.lose(player, Commodity::Zeny, 500);
            }
        }
    }

    fn save(&mut self, player: usize, now: u64) {
        let now = Duration::from_secs(now);
        let partly = self.chance(0.1);
        let zeny = |of: &Amounts| of.get(&Commodity::Zeny).copied().unwrap_or_default();
        let purse = &self.purses[player];
        let mut after = purse.has.clone();
        if partly {
            // The character alone: its bags come with the next save.
            after = purse.told.clone();
            after.remove(&Commodity::Zeny);
            add(&mut after, Commodity::Zeny, zeny(&purse.has));
        }
        let mut changes = Changes::between(&purse.told, &after);
        if purse.exp > purse.told_exp {
            changes.gained.push((Commodity::BaseExperience, purse.exp - purse.told_exp));
        }
        let others = self.purses.iter().enumerate().filter(|(other, _)| *other != player);
        let mut held = Amounts::new();
        others.for_each(|(_, other)| add_all(&mut held, &other.told));
        if partly {
            let mut bags = purse.told.clone();
            bags.remove(&Commodity::Zeny);
            add_all(&mut held, &bags);
        }
        let id = CharacterId(u32::try_from(player).expect("few"));
        let (host, held) = (host("pc"), move || held.clone());
        let place =
            Place { group: &self.group, host: &host, character: Some(id), realm: &self.realm, held: &held, now };
        let found = self.ledger.book(&changes, &place);
        self.findings.extend(found);
        let purse = &mut self.purses[player];
        (purse.told, purse.told_exp) = (after, purse.exp);
        if !partly {
            purse.saved = now;
        }
    }

    fn turn(&mut self, now: u64) {
        self.hunt(now);
        for player in 0..PLAYERS {
            if self.chance(0.7) {
                self.act(player, now);
            }
            let late = now.saturating_sub(self.purses[player].saved.as_secs()) >= 3 * TURN;
            if late || self.chance(0.5) {
                self.save(player, now);
            }
        }
        let lying = std::mem::take(&mut self.ground);
        for (until, commodity, amount) in lying {
            if until <= now {
                let finder = self.below(PLAYERS);
                self.gain(finder, commodity, amount);
            } else {
                self.ground.push((until, commodity, amount));
            }
        }
        if self.chance(1e-4) {
            // Another host takes the group over: everything lives again.
            self.ledger.open(Duration::from_secs(now));
            self.back = vec![0; MONSTERS];
        }
        let saved: Vec<_> = self.purses.iter().map(|purse| purse.saved).collect();
        let last = |character: Option<CharacterId>, _| {
            let others =
                saved.iter().enumerate().filter(|(other, _)| character.map(|id| id.0 as usize) != Some(*other));
            others.map(|(_, saved)| *saved).min()
        };
        let due = self.ledger.due(&self.group, &self.realm, last, Duration::from_secs(now));
        self.findings.extend(due);
    }

    fn run(&mut self, from: u64, seconds: u64) {
        for now in (from..from + seconds).step_by(usize::try_from(TURN).expect("small")) {
            self.turn(now);
        }
    }
}

const HOUR: u64 = 3_600;

#[test]
fn an_honest_day_of_any_seed_has_no_finding() {
    for seed in 0..12 {
        for group in ["field", "market"] {
            let mut market = Market::new(seed, group);
            market.run(0, 4 * HOUR);
            assert_eq!(market.findings, [], "seed {seed} on {group}");
            assert!(market.purses.iter().any(|purse| purse.exp > 100_000), "they hunt");
        }
    }
}

#[test]
fn an_honest_week_has_no_finding() {
    let mut market = Market::new(77, "market");
    // Full evenings, and nights in which everything comes back.
    for day in 0..7 {
        market.run(day * 24 * HOUR, 5 * HOUR);
    }
    assert_eq!(market.findings, []);
    assert!(market.ledger.size() < 2_000, "{}", market.ledger.size());
}

#[test]
fn a_host_that_adds_to_an_honest_market_is_found() {
    let mut market = Market::new(5, "market");
    market.run(0, HOUR);
    assert_eq!(market.findings, []);
    for turn in 0..400 {
        market.gain(0, Commodity::Item(GOLD), 1);
        market.run(HOUR + turn * 2 * TURN, 2 * TURN);
    }
    assert!(market.findings.iter().any(|finding| finding.commodity == Commodity::Item(GOLD)), "{:?}", market.findings);
}
