//! What a run cost, in numbers.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use super::accounts::Balance;
use super::chaos::{Blow, Strike};
use super::course::{Hop, Side};
use super::options::{Engine, Options};
use super::watch::Watch;
use crate::percentiles::Percentiles;

/// The most seconds of play that may be lost with a host.
const MAX_LOST_S: f64 = 2.0;

/// How long after a strike a change of hosts still is its doing.
const AFTERMATH: Duration = Duration::from_secs(60);

/// What a run found. Serialised as `--json` prints it: the promised keys first, more after them.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// Players that played.
    pub players: usize,
    /// Hosts killed, stopped or drained.
    pub deaths: usize,
    /// Logins after each player's first one, as the login-server counts them.
    pub relogins: i64,
    /// Seconds of play that a change of hosts took back.
    pub lost_s: Percentiles,
    /// Silence around a change of hosts: last packet of the game before to being in game again.
    pub gap_ms: Percentiles,
    /// Money that nothing explains.
    pub zeny_unexplained: i64,
    /// Items that nothing explains.
    pub items_unexplained: i64,
    /// Gains of these honest players that the coordinator takes for impossible.
    pub bounds_findings: f64,
    /// Connections of hosts' processes that lead anywhere but to loopback.
    pub foreign_connections: usize,
    /// Bytes of a save between node and coordinator; none where nobody counts them.
    pub save_bytes_mean: Option<f64>,
    /// What ran on the hosts.
    pub engine: &'static str,
    /// Minutes of play.
    pub minutes: u16,
    /// Player hosts.
    pub hosts: u16,
    /// Of each kind of blow.
    pub blows: BTreeMap<String, BlowOutcome>,
    /// Moves that no blow caused: hosts that came back got maps again.
    pub moves: BlowOutcome,
    /// Walks between map-servers.
    pub walks: usize,
    /// Of those, to or from the city.
    pub city_walks: usize,
    /// Connections that ended without a redirect.
    pub dropped: usize,
    /// Returns to character select.
    pub char_selects: i64,
    /// Players not in play at the end.
    pub absent: usize,
    /// Characters that the char-server has in game a minute after their clients are gone.
    pub lingering: usize,
    /// Goods of which a client saw something else in the city than the operator's logs have.
    pub disputed: i64,
    /// Deaths of characters.
    pub character_deaths: u32,
    /// The longest time without a packet on one connection, in milliseconds.
    pub silence_ms: f64,
    /// From the last sign of life of a host to its being given up, as the coordinator says.
    pub detect_ms: Percentiles,
    /// From there to each player's redirect.
    pub redirect_ms: Percentiles,
    /// From a host's being given up to each player in play again, as the coordinator says.
    pub back_ms: Percentiles,
    /// From asking for an engine to its taking players, averaged, as the coordinator says; none where it does not.
    pub engine_start_ms: Option<f64>,
    /// From 0x0436 to 0x02eb at the fleet.
    pub enter_ms: Percentiles,
    /// The same at the city's map-server, which the char-server knows directly.
    pub enter_direct_ms: Percentiles,
    /// What part of one core the coordinator used for each hundred players, in percent.
    pub coordinator_cpu_per_100: Option<f64>,
    /// Whether the run had a network of its own, with nothing but loopback.
    pub isolated: bool,
    /// What does not add up, in words.
    pub notes: Vec<String>,
}

/// What one kind of change of hosts cost.
#[derive(Debug, Default, Serialize)]
pub struct BlowOutcome {
    /// How many there were.
    pub count: usize,
    /// Players carried over.
    pub players: usize,
    /// Silence.
    pub gap_ms: Percentiles,
    /// Seconds lost.
    pub lost_s: Percentiles,
    /// Of those, by experience and items alone, without how far back the player stood.
    pub goods_lost_s: Percentiles,
}

/// What was counted by others.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) relogins: i64,
    pub(super) char_selects: i64,
    pub(super) absent: usize,
    pub(super) lingering: usize,
    pub(super) character_deaths: u32,
    pub(super) silence: Duration,
    pub(super) save_bytes_mean: Option<f64>,
    /// What part of one core the coordinator used, in percent.
    pub(super) coordinator_cpu: Option<f64>,
    pub(super) entries: Vec<(Side, Duration)>,
    pub(super) balance: Balance,
    pub(super) notes: Vec<String>,
}

impl Outcome {
    /// Whether every promise was kept: nobody at the login screen, two seconds lost at most, everything conserved, nothing
    /// connected elsewhere.
    #[must_use]
    pub fn held(&self) -> bool {
        self.failures().is_empty()
    }

    /// The promises that were not kept.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let checks = [
            (self.relogins != 0, format!("{} returns to the login screen", self.relogins)),
            (self.absent != 0, format!("{} players are not in play at the end", self.absent)),
            (self.lingering != 0, format!("{} players are in game without a client", self.lingering)),
            (self.lost_s.max > MAX_LOST_S, format!("{} s of play were lost, {MAX_LOST_S} s may be", self.lost_s.max)),
            (self.zeny_unexplained != 0, format!("{} zeny unexplained", self.zeny_unexplained)),
            (self.items_unexplained != 0, format!("{} items unexplained", self.items_unexplained)),
            (self.disputed != 0, format!("clients and logs of the city differ by {}", self.disputed)),
            (self.bounds_findings != 0.0, format!("{} gains taken for impossible", self.bounds_findings)),
            (self.foreign_connections != 0, format!("{} foreign connections", self.foreign_connections)),
            (self.deaths == 0, "no host was struck".to_owned()),
        ];
        checks.into_iter().filter(|(failed, _)| *failed).map(|(_, what)| what).collect()
    }

    /// Sums up.
    pub(super) fn of(
        options: &Options,
        strikes: &[Strike],
        hops: &BTreeMap<u32, Vec<Hop>>,
        watch: &Watch,
        counted: Counted,
    ) -> Self {
        let sorted = Sorted::of(strikes, hops);
        let blows = [Blow::Kill, Blow::Stop, Blow::Drain].map(|blow| {
            let count = strikes.iter().filter(|strike| strike.blow == blow).count();
            (format!("{blow:?}").to_lowercase(), BlowOutcome::of(count, sorted.by_blow.get(&blow)))
        });
        let carried: Vec<&Hop> = sorted.by_blow.values().flatten().chain(&sorted.moves).copied().collect();
        // A walk takes nothing back; where one did, it counts.
        let costly = sorted.walks.iter().filter(|hop| !hop.lost.is_zero()).copied();
        let lost = carried.iter().copied().chain(costly).map(lost_s);
        let entered = |side| {
            let there = counted.entries.iter().filter(|(at, _)| *at == side);
            Percentiles::of(there.map(|(_, took)| millis(*took)))
        };
        let mut notes = counted.notes;
        notes.extend(counted.balance.notes);
        notes.extend(watch.foreign().map(|found| format!("foreign connection: {found}")));
        Self {
            players: hops.len(),
            deaths: strikes.len(),
            relogins: counted.relogins,
            lost_s: Percentiles::of(lost),
            gap_ms: Percentiles::of(carried.iter().filter_map(|hop| hop.gap()).map(millis)),
            zeny_unexplained: counted.balance.zeny,
            items_unexplained: counted.balance.items,
            bounds_findings: watch.bounds_findings(),
            foreign_connections: watch.foreign_count(),
            save_bytes_mean: counted.save_bytes_mean,
            engine: match options.engine {
                Engine::Rathena => "rathena",
                Engine::Embedded => "embedded",
            },
            minutes: options.minutes,
            hosts: options.hosts,
            blows: blows.into(),
            moves: BlowOutcome::of(watch.rebalances(), Some(&sorted.moves)),
            walks: sorted.walks.len(),
            city_walks: sorted.walks.iter().filter(|hop| super::is_city(&hop.from) || super::is_city(&hop.to)).count(),
            dropped: sorted.dropped,
            char_selects: counted.char_selects,
            absent: counted.absent,
            lingering: counted.lingering,
            disputed: counted.balance.disputed,
            character_deaths: counted.character_deaths,
            silence_ms: millis(counted.silence).round(),
            detect_ms: Percentiles::of(watch.detect_ms()),
            redirect_ms: Percentiles::of(watch.redirect_ms()),
            back_ms: Percentiles::of(watch.back_ms()),
            engine_start_ms: watch.engine_start_ms(),
            enter_ms: entered(Side::Fleet),
            enter_direct_ms: entered(Side::City),
            coordinator_cpu_per_100: counted.coordinator_cpu.map(|percent| per_hundred(percent, hops.len())),
            isolated: watch.is_isolated(),
            notes,
        }
    }

    /// As one JSON object.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn to_json(&self) -> Result<String> {
        Ok(serde_json::to_string(self)?)
    }
}

impl BlowOutcome {
    fn of(count: usize, hops: Option<&Vec<&Hop>>) -> Self {
        let hops: &[&Hop] = hops.map_or(&[], Vec::as_slice);
        Self {
            count,
            players: hops.len(),
            gap_ms: Percentiles::of(hops.iter().filter_map(|hop| hop.gap()).map(millis)),
            lost_s: Percentiles::of(hops.iter().copied().map(lost_s)),
            goods_lost_s: Percentiles::of(hops.iter().map(|hop| hop.lost.as_secs_f64())),
        }
    }
}

/// Changes of connection, by what caused them.
struct Sorted<'a> {
    by_blow: BTreeMap<Blow, Vec<&'a Hop>>,
    moves: Vec<&'a Hop>,
    walks: Vec<&'a Hop>,
    dropped: usize,
}

impl<'a> Sorted<'a> {
    fn of(strikes: &[Strike], hops: &'a BTreeMap<u32, Vec<Hop>>) -> Self {
        let mut sorted = Self { by_blow: BTreeMap::new(), moves: Vec::new(), walks: Vec::new(), dropped: 0 };
        for (account, hops) in hops {
            // A strike moves a player once; what follows are moves of other causes.
            let mut spent = vec![false; strikes.len()];
            for hop in hops {
                if !hop.redirected {
                    sorted.dropped += 1;
                } else if !hop.same_map {
                    sorted.walks.push(hop);
                } else if let Some(index) = cause(strikes, *account, hop).filter(|index| !spent[*index]) {
                    spent[index] = true;
                    sorted.by_blow.entry(strikes[index].blow).or_default().push(hop);
                } else {
                    sorted.moves.push(hop);
                }
            }
        }
        sorted
    }
}

/// Which strike made a player change hosts.
fn cause(strikes: &[Strike], account: u32, hop: &Hop) -> Option<usize> {
    let index = strikes.iter().rposition(|strike| strike.at <= hop.ended)?;
    let strike = &strikes[index];
    (hop.ended - strike.at < AFTERMATH && strike.players.contains(&account)).then_some(index)
}

#[expect(clippy::cast_precision_loss, reason = "at most 200 players")]
fn per_hundred(percent: f64, players: usize) -> f64 {
    (percent * 100.0 / players.max(1) as f64 * 10.0).round() / 10.0
}

fn lost_s(hop: &Hop) -> f64 {
    hop.lost.max(hop.set_back).as_secs_f64()
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(ended: u64, to: &str, lost: u64) -> Hop {
        Hop {
            ended: Duration::from_secs(ended),
            redirected: true,
            same_map: to == "a",
            from: "a".into(),
            to: to.into(),
            heard: Duration::from_secs(ended - 1),
            accepted: Some(Duration::from_secs(ended)),
            lost: Duration::from_secs(lost),
            set_back: Duration::ZERO,
        }
    }

    fn outcome(strikes: &[Strike], hops: Vec<Hop>, counted: Counted) -> Outcome {
        use clap::Parser;
        let options = Options::parse_from(["live"]);
        Outcome::of(&options, strikes, &BTreeMap::from([(7, hops)]), &Watch::new(), counted)
    }

    #[test]
    fn changes_of_hosts_are_sorted_by_their_causes() {
        let strike = |at, blow| Strike {
            blow,
            at: Duration::from_secs(at),
            host: "host-1".into(),
            players: if blow == Blow::Kill { vec![7] } else { vec![8] },
        };
        let strikes = [strike(10, Blow::Kill), strike(70, Blow::Stop)];
        let hops = vec![hop(5, "a", 0), hop(11, "a", 1), hop(40, "a", 0), hop(50, "b", 0), hop(71, "a", 0)];
        let outcome = outcome(&strikes, hops, Counted::default());
        assert_eq!(outcome.blows["kill"].players, 1);
        assert_eq!(outcome.blows["kill"].lost_s.max, 1.0);
        assert_eq!(outcome.blows["stop"].players, 0, "another player's");
        assert_eq!((outcome.moves.players, outcome.walks), (3, 1));
        assert_eq!(outcome.gap_ms.max, 1_000.0);
        assert!(outcome.held(), "{:?}", outcome.failures());
    }

    #[test]
    fn a_broken_promise_is_named() {
        let strikes = [Strike { blow: Blow::Kill, at: Duration::ZERO, host: String::new(), players: vec![7] }];
        let late = outcome(&strikes, vec![hop(5, "a", 3)], Counted::default());
        assert_eq!(late.failures(), ["3 s of play were lost, 2 s may be"]);
        let balance = Balance { items: 2, ..Balance::default() };
        let counted = Counted { relogins: 1, balance, ..Counted::default() };
        let broken = outcome(&strikes, vec![], counted);
        assert_eq!(broken.failures(), ["1 returns to the login screen", "2 items unexplained"]);
        assert_eq!(outcome(&[], vec![], Counted::default()).failures(), ["no host was struck"]);
    }

    #[test]
    fn the_promised_keys_are_there() {
        let text = outcome(&[], vec![], Counted::default()).to_json().expect("serialisable");
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let keys = [
            "players",
            "deaths",
            "relogins",
            "lost_s",
            "gap_ms",
            "zeny_unexplained",
            "items_unexplained",
            "bounds_findings",
            "foreign_connections",
            "save_bytes_mean",
        ];
        for key in keys {
            assert!(value.get(key).is_some(), "{key}: {text}");
        }
        for key in ["p50", "p99", "max"] {
            assert!(value["gap_ms"][key].is_number() && value["lost_s"][key].is_number(), "{text}");
        }
    }
}
