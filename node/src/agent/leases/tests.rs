//! Leases against a clock that the tests move.

use super::*;

const TERMS: Terms = Terms { lease: Duration::from_secs(3), reconnect: Duration::from_secs(30) };

struct Setup {
    leases: Leases,
    start: Instant,
}

impl Setup {
    /// Connected at 0 ms with one lease under epoch 7.
    fn new() -> Self {
        let start = Instant::now();
        let mut leases = Leases::new(start);
        let welcome = LeaseEvent::Welcomed { terms: TERMS, hello_sent: start, resumed: Vec::new() };
        assert_eq!(leases.handle(welcome, start), []);
        assert_eq!(leases.assign(&group(), Epoch(7)), Assignment::New);
        Self { leases, start }
    }

    fn check(&mut self, at_ms: u64, event: LeaseEvent, expected: &[LeaseCommand]) {
        let got = self.leases.handle(event.clone(), self.start + Duration::from_millis(at_ms));
        assert_eq!(got, expected, "{event:?} at {at_ms} ms");
    }

    fn welcome(&self, sent_ms: u64, resumed: &[u64]) -> LeaseEvent {
        LeaseEvent::Welcomed {
            terms: TERMS,
            hello_sent: self.start + Duration::from_millis(sent_ms),
            resumed: resumed.iter().map(|epoch| (group(), Epoch(*epoch))).collect(),
        }
    }
}

fn group() -> GroupName {
    GroupName("fields".into())
}

fn stopped(why: &'static str) -> LeaseCommand {
    LeaseCommand::Stop { group: group(), epoch: Epoch(7), why }
}

#[test]
fn a_lease_counts_from_when_the_answered_beat_was_sent() {
    let mut setup = Setup::new();
    setup.check(1_000, LeaseEvent::BeatSent(1), &[]);
    setup.check(2_900, LeaseEvent::BeatAnswered(1), &[]);
    setup.check(3_999, LeaseEvent::Tick, &[]);
    assert_eq!(setup.leases.deadline(), Some(setup.start + Duration::from_secs(4)));
    setup.check(4_000, LeaseEvent::Tick, &[LeaseCommand::Hold]);
    setup.check(4_100, LeaseEvent::Tick, &[]);
}

#[test]
fn an_answer_lets_held_players_go_on_unless_it_is_too_old() {
    let mut setup = Setup::new();
    setup.check(500, LeaseEvent::BeatSent(1), &[]);
    setup.check(3_000, LeaseEvent::Tick, &[LeaseCommand::Hold]);
    setup.check(3_600, LeaseEvent::BeatAnswered(1), &[]);
    setup.check(3_600, LeaseEvent::BeatSent(2), &[]);
    setup.check(3_700, LeaseEvent::BeatAnswered(9), &[]);
    setup.check(3_700, LeaseEvent::BeatAnswered(2), &[LeaseCommand::Resume]);
}

#[test]
fn a_lost_connection_holds_then_stops() {
    let mut setup = Setup::new();
    setup.check(1_000, LeaseEvent::Lost, &[]);
    setup.check(3_000, LeaseEvent::Tick, &[LeaseCommand::Hold]);
    setup.check(5_000, LeaseEvent::Lost, &[]);
    assert_eq!(setup.leases.deadline(), Some(setup.start + Duration::from_secs(31)));
    setup.check(31_000, LeaseEvent::Tick, &[stopped("the coordinator could not be reached in time")]);
    assert_eq!((setup.leases.count(), setup.leases.deadline()), (0, None));
}

#[test]
fn a_reconnect_resumes_what_the_coordinator_still_grants() {
    let mut setup = Setup::new();
    setup.check(1_000, LeaseEvent::Lost, &[]);
    setup.check(3_000, LeaseEvent::Tick, &[LeaseCommand::Hold]);
    let welcome = setup.welcome(6_000, &[7]);
    setup.check(6_050, welcome, &[LeaseCommand::Resume]);
    setup.check(6_100, LeaseEvent::Lost, &[]);
    let welcome = setup.welcome(6_200, &[8]);
    setup.check(6_250, welcome, &[stopped("the coordinator has given it to another host")]);
}

#[test]
fn an_answer_to_a_beat_of_the_lost_connection_renews_nothing() {
    let mut setup = Setup::new();
    setup.check(1_000, LeaseEvent::BeatSent(1), &[]);
    setup.check(1_100, LeaseEvent::Lost, &[]);
    setup.check(1_200, LeaseEvent::BeatAnswered(1), &[]);
    setup.check(3_000, LeaseEvent::Tick, &[LeaseCommand::Hold]);
}

#[test]
fn assignments_are_ordered_by_epoch() {
    let mut leases = Setup::new().leases;
    assert_eq!(leases.assign(&group(), Epoch(7)), Assignment::Known);
    assert_eq!(leases.assign(&group(), Epoch(6)), Assignment::Stale);
    assert_eq!(leases.assign(&group(), Epoch(9)), Assignment::Replaces(Epoch(7)));
    assert!(!leases.give_up(&group(), Epoch(7)), "an old epoch changes nothing");
    assert!(leases.give_up(&group(), Epoch(9)));
    assert_eq!(leases.assign(&group(), Epoch(10)), Assignment::New);
}

#[test]
fn beats_in_flight_are_bounded() {
    let mut setup = Setup::new();
    (0..10_000).for_each(|sequence| drop(setup.leases.handle(LeaseEvent::BeatSent(sequence), setup.start)));
    assert_eq!(setup.leases.unanswered.len(), BEATS_IN_FLIGHT);
}
