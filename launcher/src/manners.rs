//! Hosting with manners: whether the owner's rules allow hosting now. Pure; what the machine does is given to it.
//!
//! What is momentary (power, full screen, processor, memory) is damped: a rule has to be broken for a while before hosting
//! pauses, and kept for longer before it goes on, so that players are not moved back and forth.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::view::PauseReason;

/// What the owner set.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default)]
pub struct Manners {
    /// Only within these hours; none is always.
    pub hours: Option<Hours>,
    /// Only on mains power.
    pub mains_only: bool,
    /// Not while another program fills the screen.
    pub pause_on_full_screen: bool,
    /// Most of the processor that other programs may use, in percent; none is no limit.
    pub cpu_percent: Option<u8>,
    /// Memory that stays free for other programs, in MiB.
    pub free_memory_mib: u32,
    /// Most upload, in Mbit/s.
    pub upload_mbps: u32,
    /// Most upload in a month, in GB; none is no limit.
    pub month_gb: Option<u32>,
    /// Also on a metered network.
    pub metered: bool,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            hours: None,
            mains_only: true,
            pause_on_full_screen: true,
            cpu_percent: Some(70),
            free_memory_mib: 1_024,
            upload_mbps: 10,
            month_gb: None,
            metered: false,
        }
    }
}

/// Hours of the day, in the PC's own time. An end before the start is on the next day.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Hours {
    /// First minute of the day, 0 to 1439.
    pub from_minute: u16,
    /// First minute that is not allowed any more, 0 to 1439; the same as `from_minute` is the whole day.
    pub to_minute: u16,
}

/// What the machine is busy with. None: it cannot be known here, and no rule is broken by it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Machine {
    /// Whether it runs on battery.
    pub on_battery: Option<bool>,
    /// Whether a program that is neither this one nor the realm's game fills the screen.
    pub full_screen: Option<bool>,
    /// Processor use of all other programs, in percent of the whole machine.
    pub other_cpu_percent: Option<u8>,
    /// Free memory in MiB.
    pub free_memory_mib: Option<u32>,
    /// Whether the network is metered.
    pub metered: Option<bool>,
}

/// Minutes of a day.
const DAY: u16 = 24 * 60;
/// Upload that one player takes, in kbit/s: 500 players were measured at about 10 Mbit/s.
pub const PLAYER_KBPS: u32 = 20;
/// Memory that a stock map-server gets in any case: three field maps take about 50.
const MIN_ENGINE_MIB: u32 = 256;
/// And at most.
const MAX_ENGINE_MIB: u32 = 1_024;
/// Most Mbit/s anybody may set.
const MAX_MBPS: u32 = 10_000;

impl Manners {
    /// What cannot be.
    ///
    /// # Errors
    /// The name of the field, and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        if let Some(hours) = self.hours
            && (hours.from_minute >= DAY || hours.to_minute >= DAY)
        {
            return Err(format!("manners.hours: expected minutes below {DAY}"));
        }
        if !(1..=MAX_MBPS).contains(&self.upload_mbps) {
            return Err(format!("manners.upload_mbps: expected 1 to {MAX_MBPS}"));
        }
        if self.cpu_percent.is_some_and(|percent| !(10..=100).contains(&percent)) {
            return Err("manners.cpu_percent: expected 10 to 100".into());
        }
        Ok(())
    }

    /// Memory for one stock map-server, in MiB: what is free now beyond what is to stay free, as far as it is known.
    #[must_use]
    pub fn engine_mib(&self, machine: &Machine) -> u32 {
        let spare = machine.free_memory_mib.map_or(MAX_ENGINE_MIB, |free| free.saturating_sub(self.free_memory_mib));
        spare.clamp(MIN_ENGINE_MIB, MAX_ENGINE_MIB)
    }

    /// Most players the upload limit carries.
    #[must_use]
    pub fn players(&self) -> u32 {
        (self.upload_mbps.saturating_mul(1_000) / PLAYER_KBPS).max(1)
    }
}

impl Hours {
    /// Whether a minute of the day is within them.
    #[must_use]
    pub fn contain(self, minute: u16) -> bool {
        let Self { from_minute: from, to_minute: to } = self;
        if from == to {
            true
        } else if from < to {
            (from..to).contains(&minute)
        } else {
            minute >= from || minute < to
        }
    }
}

/// The policy, with what it has to remember.
#[derive(Clone, Debug)]
pub struct Policy {
    battery: Damped,
    full_screen: Damped,
    cpu: Damped,
    memory: Damped,
}

impl Default for Policy {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            battery: Damped::new(seconds(10), seconds(60)),
            full_screen: Damped::new(seconds(5), seconds(30)),
            cpu: Damped::new(seconds(30), seconds(60)),
            memory: Damped::new(seconds(15), seconds(60)),
        }
    }
}

/// How far below its limit the processor has to be before hosting goes on, in percent points.
const CPU_MARGIN: u8 = 10;

impl Policy {
    /// The rules that forbid hosting now; empty when none does.
    pub fn judge(
        &mut self,
        rules: &Manners,
        machine: &Machine,
        month_mb: f64,
        at: &crate::event::Now,
    ) -> Vec<PauseReason> {
        let mut why = Vec::new();
        let mut forbid = |forbidden: bool, reason: PauseReason| {
            if forbidden {
                why.push(reason);
            }
        };
        if let Some(hours) = rules.hours {
            forbid(!hours.contain(at.local_minute), PauseReason::OutsideHours { from_minute: hours.from_minute });
        }
        let now = at.since_start;
        forbid(
            self.battery.judge(rules.mains_only, machine.on_battery, machine.on_battery, now),
            PauseReason::OnBattery,
        );
        // A session may show some windows only: what cannot be seen any more keeps nobody from hosting.
        let (fills, still) = (machine.full_screen, Some(machine.full_screen == Some(true)));
        forbid(self.full_screen.judge(rules.pause_on_full_screen, fills, still, now), PauseReason::FullScreen);
        let limit = rules.cpu_percent.unwrap_or(100);
        let over = machine.other_cpu_percent.map(|percent| percent > limit);
        let near = machine.other_cpu_percent.map(|percent| percent > limit.saturating_sub(CPU_MARGIN));
        forbid(self.cpu.judge(rules.cpu_percent.is_some(), over, near, now), PauseReason::BusyCpu);
        let short = machine.free_memory_mib.map(|free| free < rules.free_memory_mib);
        let tight =
            machine.free_memory_mib.map(|free| free < rules.free_memory_mib.saturating_add(rules.free_memory_mib / 4));
        forbid(self.memory.judge(true, short, tight, now), PauseReason::LowMemory);
        forbid(rules.month_gb.is_some_and(|cap| month_mb >= f64::from(cap) * 1_000.0), PauseReason::MonthlyCap);
        forbid(!rules.metered && machine.metered == Some(true), PauseReason::Metered);
        why
    }
}

/// A condition that has to last before it counts.
#[derive(Clone, Debug)]
struct Damped {
    on_after: Duration,
    off_after: Duration,
    active: bool,
    /// Since when the machine says otherwise.
    since: Option<Duration>,
}

impl Damped {
    const fn new(on_after: Duration, off_after: Duration) -> Self {
        Self { on_after, off_after, active: false, since: None }
    }

    /// `begins` is what makes the condition start, `lasts` what keeps it once it counts. Unknown changes nothing.
    fn judge(&mut self, wanted: bool, begins: Option<bool>, lasts: Option<bool>, now: Duration) -> bool {
        if !wanted {
            (self.active, self.since) = (false, None);
            return false;
        }
        let Some(holds) = (if self.active { lasts } else { begins }) else {
            self.since = None;
            return self.active;
        };
        if holds == self.active {
            self.since = None;
            return self.active;
        }
        let since = *self.since.get_or_insert(now);
        let wait = if self.active { self.off_after } else { self.on_after };
        if now.saturating_sub(since) >= wait {
            (self.active, self.since) = (holds, None);
        }
        self.active
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Now;

    fn at(seconds: u64) -> Now {
        Now { since_start: Duration::from_secs(seconds), unix: 0, local_minute: 12 * 60 }
    }

    fn judge(policy: &mut Policy, machine: Machine, seconds: u64) -> Vec<PauseReason> {
        policy.judge(&Manners::default(), &machine, 0.0, &at(seconds))
    }

    #[test]
    fn a_machine_of_which_nothing_is_known_may_host() {
        assert_eq!(judge(&mut Policy::default(), Machine::default(), 0), []);
    }

    #[test]
    fn a_plug_that_is_pulled_for_a_moment_changes_nothing() {
        let mut policy = Policy::default();
        let (battery, mains) = (
            Machine { on_battery: Some(true), ..Machine::default() },
            Machine { on_battery: Some(false), ..Machine::default() },
        );
        assert_eq!(judge(&mut policy, battery, 0), []);
        assert_eq!(judge(&mut policy, battery, 9), []);
        assert_eq!(judge(&mut policy, mains, 9), []);
        assert_eq!(judge(&mut policy, battery, 12), []);
        assert_eq!(judge(&mut policy, battery, 22), [PauseReason::OnBattery]);
        assert_eq!(judge(&mut policy, mains, 23), [PauseReason::OnBattery], "it has to be back for a minute");
        assert_eq!(judge(&mut policy, battery, 60), [PauseReason::OnBattery]);
        assert_eq!(judge(&mut policy, mains, 61), [PauseReason::OnBattery]);
        assert_eq!(judge(&mut policy, mains, 121), []);
    }

    #[test]
    fn the_processor_has_to_be_clearly_free_again() {
        let mut policy = Policy::default();
        let cpu = |percent| Machine { other_cpu_percent: Some(percent), ..Machine::default() };
        judge(&mut policy, cpu(95), 0);
        assert_eq!(judge(&mut policy, cpu(95), 30), [PauseReason::BusyCpu]);
        judge(&mut policy, cpu(65), 31);
        assert_eq!(judge(&mut policy, cpu(65), 200), [PauseReason::BusyCpu], "65 is within the margin of 70");
        judge(&mut policy, cpu(40), 201);
        assert_eq!(judge(&mut policy, cpu(40), 261), []);
    }

    #[test]
    fn memory_and_full_screen_pause_and_come_back() {
        let mut policy = Policy::default();
        let busy = Machine { full_screen: Some(true), free_memory_mib: Some(500), ..Machine::default() };
        let free = Machine { full_screen: Some(false), free_memory_mib: Some(4_000), ..Machine::default() };
        judge(&mut policy, busy, 0);
        assert_eq!(judge(&mut policy, busy, 15), [PauseReason::FullScreen, PauseReason::LowMemory]);
        judge(&mut policy, free, 16);
        assert_eq!(judge(&mut policy, free, 46), [PauseReason::LowMemory]);
        assert_eq!(judge(&mut policy, free, 76), []);
    }

    #[test]
    fn a_full_screen_program_that_cannot_be_seen_any_more_does_not_count() {
        let mut policy = Policy::default();
        let full = Machine { full_screen: Some(true), ..Machine::default() };
        judge(&mut policy, full, 0);
        assert_eq!(judge(&mut policy, full, 5), [PauseReason::FullScreen]);
        judge(&mut policy, Machine::default(), 6);
        assert_eq!(judge(&mut policy, Machine::default(), 36), []);
    }

    #[test]
    fn a_rule_that_is_switched_off_forbids_nothing_at_once() {
        let mut policy = Policy::default();
        let battery = Machine { on_battery: Some(true), ..Machine::default() };
        judge(&mut policy, battery, 0);
        assert_eq!(judge(&mut policy, battery, 10), [PauseReason::OnBattery]);
        let rules = Manners { mains_only: false, ..Manners::default() };
        assert_eq!(policy.judge(&rules, &battery, 0.0, &at(11)), []);
    }

    #[test]
    fn hours_may_go_past_midnight() {
        let night = Hours { from_minute: 22 * 60, to_minute: 6 * 60 };
        assert!(night.contain(23 * 60) && night.contain(0) && night.contain(6 * 60 - 1));
        assert!(!night.contain(6 * 60) && !night.contain(12 * 60));
        let day = Hours { from_minute: 9 * 60, to_minute: 17 * 60 };
        assert!(day.contain(9 * 60) && !day.contain(17 * 60) && !day.contain(0));
        assert!(Hours { from_minute: 5, to_minute: 5 }.contain(700));
    }

    #[test]
    fn caps_and_metered_networks_count_at_once() {
        let rules =
            Manners { month_gb: Some(20), hours: Some(Hours { from_minute: 0, to_minute: 60 }), ..Manners::default() };
        let machine = Machine { metered: Some(true), ..Machine::default() };
        let why = Policy::default().judge(&rules, &machine, 20_000.0, &at(0));
        assert_eq!(why, [PauseReason::OutsideHours { from_minute: 0 }, PauseReason::MonthlyCap, PauseReason::Metered]);
    }

    #[test]
    fn an_engine_gets_what_is_free_beyond_what_stays_free() {
        let engine =
            |free_memory_mib| Manners::default().engine_mib(&Machine { free_memory_mib, ..Machine::default() });
        assert_eq!([None, Some(8_000), Some(1_624), Some(900)].map(engine), [1_024, 1_024, 600, 256]);
    }

    #[test]
    fn upload_decides_how_many_players_are_taken() {
        let players = |upload_mbps| Manners { upload_mbps, ..Manners::default() }.players();
        assert_eq!(players(10), 500);
        assert_eq!(players(1), 50);
    }
}
