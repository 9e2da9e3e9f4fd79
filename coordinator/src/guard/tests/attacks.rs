//! Every rule against a hostile engine: each attack is a packet that passes, with one thing changed.

mod companions;
mod guilds;
mod links;
mod mail;
mod parties;
mod players;
mod talk;

use super::*;
use crate::guard::{Ruling, link, rules};

/// What there is when a packet comes.
type Stage = fn() -> (Guard, World);

/// A packet with a rule that judges it.
struct Case {
    /// What there is when it comes.
    stage: Stage,
    /// A packet that passes.
    packet: Vec<u8>,
    /// What becomes of it.
    ruling: &'static str,
    /// What does not pass.
    attacks: Vec<Attack>,
}

/// A change to a packet, and what it breaks.
struct Attack {
    what: &'static str,
    packet: Vec<u8>,
    rule: &'static str,
    grave: bool,
}

impl Case {
    /// A recorded packet, made to fit what there is.
    fn of(name: &str, stage: Stage, ruling: &'static str, prepare: impl Fn(&mut Vec<u8>)) -> Self {
        let mut packet = fixture(name);
        prepare(&mut packet);
        Self { stage, packet, ruling, attacks: Vec::new() }
    }

    /// A recorded packet, forwarded as it is.
    fn forwarded(name: &str, stage: Stage) -> Self {
        Self::of(name, stage, "forward", |_| {})
    }

    /// A change that is a breach a race may explain.
    fn light(self, rule: &'static str, what: &'static str, change: impl Fn(&mut Vec<u8>)) -> Self {
        self.attack(rule, false, what, change)
    }

    /// A change that no stock map-server makes.
    fn grave(self, rule: &'static str, what: &'static str, change: impl Fn(&mut Vec<u8>)) -> Self {
        self.attack(rule, true, what, change)
    }

    /// Bytes at an offset that are a light breach.
    fn light_at(self, rule: &'static str, what: &'static str, offset: usize, bytes: &[u8]) -> Self {
        self.light(rule, what, |packet| put(packet, offset, bytes))
    }

    /// Bytes at an offset that are a grave breach.
    fn grave_at(self, rule: &'static str, what: &'static str, offset: usize, bytes: &[u8]) -> Self {
        self.grave(rule, what, |packet| put(packet, offset, bytes))
    }

    /// Somebody else's account or character at an offset.
    fn strangers(self, offset: usize, id: u32) -> Self {
        self.light_at("not_hosted", "for a player of another host", offset, &id.to_le_bytes())
    }

    fn attack(mut self, rule: &'static str, grave: bool, what: &'static str, change: impl Fn(&mut Vec<u8>)) -> Self {
        let mut packet = self.packet.clone();
        change(&mut packet);
        assert_ne!(packet, self.packet, "{what}");
        self.attacks.push(Attack { what, packet, rule, grave });
        self
    }
}

/// Changes the text at the end of a sized packet.
fn say(packet: &mut Vec<u8>, offset: usize, text: &[u8]) {
    packet.truncate(offset);
    packet.extend_from_slice(text);
    fit(packet);
}

fn cases() -> Vec<Case> {
    [
        links::cases(),
        players::cases(),
        talk::cases(),
        parties::cases(),
        guilds::cases(),
        mail::cases(),
        companions::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The name of a ruling.
fn name(ruling: &Ruling) -> &'static str {
    match ruling {
        Ruling::Answer(_) => "answer",
        Ruling::Forward(forward) if forward.share.is_some() => "share",
        Ruling::Forward(_) => "forward",
        Ruling::Drop => "drop",
        Ruling::Part => "part",
        Ruling::Connects(_) => "connects",
        Ruling::HasMaps(..) => "has_maps",
        Ruling::HasPlayers(_) => "has_players",
        Ruling::HasNobody => "has_nobody",
        Ruling::Lives => "lives",
        Ruling::Arrives(..) => "arrives",
        Ruling::Online(..) => "online",
        Ruling::ChangesMap { .. } => "changes_map",
        Ruling::Selects(_) => "selects",
        Ruling::Leaves(..) => "leaves",
    }
}

fn id(packet: &[u8]) -> u16 {
    u16::from_le_bytes([packet[0], packet[1]])
}

fn rule_name(packet: &[u8]) -> &'static str {
    rules::up(packet).map_or("unknown", |rule| rule.name)
}

#[test]
fn a_packet_that_may_be_is_let_through() {
    for case in cases() {
        let (mut guard, world) = (case.stage)();
        let ruling = guard.up(ENGINE, &case.packet.clone().into(), &world, NOW);
        let ruling = ruling.unwrap_or_else(|violation| panic!("{:04x}: {violation:?}", id(&case.packet)));
        assert_eq!(name(&ruling), case.ruling, "{}", rule_name(&case.packet));
        if let Ruling::Forward(forward) = ruling {
            assert_eq!(id(&forward.packet), id(&case.packet), "the same packet goes on");
        }
    }
}

#[test]
fn every_attack_is_refused_by_its_rule() {
    let mut attacks = 0;
    for case in cases() {
        for attack in case.attacks {
            let (mut guard, world) = (case.stage)();
            let verdict = guard.up(ENGINE, &attack.packet.clone().into(), &world, NOW);
            let what = format!("{} {}", rule_name(&case.packet), attack.what);
            let violation = verdict.err().unwrap_or_else(|| panic!("{what}: let through"));
            assert_eq!((violation.rule, violation.grave), (attack.rule, attack.grave), "{what}: {}", violation.detail);
            assert_eq!(violation.packet, rule_name(&attack.packet), "{what}");
            attacks += 1;
        }
    }
    assert!(attacks > 180, "{attacks} attacks");
}

#[test]
fn every_rule_that_judges_is_attacked() {
    let attacked: BTreeSet<u16> =
        cases().iter().filter(|case| !case.attacks.is_empty()).map(|case| id(&case.packet)).collect();
    let judges = |rule: &&rules::UpRule| {
        let passive: [fn(&mut crate::guard::asked::Asked<'_>) -> _; 4] =
            [link::dropped, link::part, link::ping, link::nobody];
        !passive.iter().any(|judge| std::ptr::fn_addr_eq(*judge, rule.judge))
    };
    // Anybody may ask for any name, and for the clans; only how often is judged.
    let unjudged = [0x2b08, 0x30a0];
    for rule in rules::UP.iter().filter(judges).filter(|rule| !unjudged.contains(&rule.id)) {
        assert!(attacked.contains(&rule.id), "{:04x} {} is not attacked", rule.id, rule.name);
    }
}

#[test]
fn nothing_is_heard_before_the_login() {
    for case in cases().into_iter().filter(|case| id(&case.packet) != 0x2af8) {
        let (mut guard, world) = (case.stage)();
        let violation = guard.up(OTHER_ENGINE, &case.packet.into(), &world, NOW).expect_err("not logged in");
        assert_eq!((violation.rule, violation.grave), ("order", true));
    }
}

#[test]
fn what_is_said_of_a_player_that_has_just_left_is_no_breach() {
    let late = [("StatusRequest", 2), ("PartyMove", 6), ("GuildSeen", 6), ("HomunculusSave", 4)];
    for (name, _) in late {
        let (mut guard, mut world) = joined();
        world.players.clear();
        world.left.insert(ONE.0);
        assert_eq!(guard.up(ENGINE, &fixture(name).into(), &world, NOW), Ok(Ruling::Drop), "{name}");
    }
}
