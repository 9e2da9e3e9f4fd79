//! What becomes of one client's connection as its line is opened, lost, and taken up again. Pure: events and the time go in,
//! commands come out.

use std::time::{Duration, Instant};

/// Without a line for so long a client is let go. A game client waits about that long itself.
const HOLD_LIMIT: Duration = Duration::from_secs(120);
/// The same for one whose line has never been answered: there is nothing to keep.
const OPEN_LIMIT: Duration = Duration::from_secs(30);
/// Between a stream that is lost while the connection stands and the next one.
const RETRY_PAUSE: Duration = Duration::from_millis(250);
/// Between attempts at a server that does not answer.
const BUSY_PAUSE: Duration = Duration::from_secs(1);
/// How long a redirected client may take to leave.
const REDIRECT_LIMIT: Duration = Duration::from_secs(15);

/// One client's connection.
#[derive(Debug)]
pub(super) struct Session {
    /// Whether the coordinator is reached.
    linked: bool,
    /// Whether the line has been answered.
    known: bool,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// Nothing carries the line; the client waits.
    Held { since: Instant, retry: Instant },
    /// A stream is being opened.
    Opening { since: Instant },
    /// A stream carries the line.
    Carried,
    /// The client was told to come back.
    Redirected { until: Instant },
    /// It is over.
    Over,
}

/// What happens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Event {
    /// The coordinator is reached, by a new connection.
    LinkUp,
    /// It is not any more.
    LinkLost,
    /// The coordinator has the line.
    Opened,
    /// It does not know the line any more. Whether the client can be sent back to the map it is on.
    Unknown {
        /// Whether its map is known, and is behind the relay.
        can_return: bool,
    },
    /// The server does not answer now.
    Busy,
    /// There may be no such line.
    Denied,
    /// The stream, or the opening of it, is lost.
    StreamLost,
    /// Time has passed.
    Time,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Command {
    /// Open a stream for the line. Whether it has been answered before.
    Open {
        /// Then a coordinator that does not know it must not begin another one.
        known: bool,
    },
    /// Tell the client to come back to the map-server.
    Redirect,
    /// Close the client's connection; the reason is for the log.
    Close(&'static str),
}

impl Session {
    /// A client that has just connected.
    pub(super) fn new(now: Instant) -> Self {
        Self { linked: false, known: false, stage: Stage::Held { since: now, retry: now } }
    }

    /// Takes an event in.
    pub(super) fn handle(&mut self, event: Event, now: Instant) -> Option<Command> {
        match (event, self.stage) {
            (_, Stage::Over) => None,
            (Event::LinkLost, _) => {
                self.linked = false;
                None
            }
            (Event::LinkUp, stage) => {
                self.linked = true;
                if let Stage::Held { since, .. } = stage { Some(self.open(since)) } else { None }
            }
            (Event::Opened, Stage::Opening { .. }) => {
                (self.known, self.stage) = (true, Stage::Carried);
                None
            }
            (Event::Unknown { can_return: true }, Stage::Opening { .. }) => {
                self.stage = Stage::Redirected { until: now + REDIRECT_LIMIT };
                Some(Command::Redirect)
            }
            (Event::Unknown { can_return: false }, Stage::Opening { .. }) => {
                Some(self.close("the realm does not know the connection any more"))
            }
            (Event::Denied, Stage::Opening { .. }) => Some(self.close("the realm does not lead there")),
            (Event::Busy, Stage::Opening { since }) => {
                self.stage = Stage::Held { since, retry: now + BUSY_PAUSE };
                self.overdue(now)
            }
            (Event::StreamLost, Stage::Opening { since }) => {
                self.stage = Stage::Held { since, retry: now + RETRY_PAUSE };
                self.overdue(now)
            }
            (Event::StreamLost, Stage::Carried) => {
                self.stage = Stage::Held { since: now, retry: now + RETRY_PAUSE };
                None
            }
            (Event::Time, Stage::Held { since, retry }) => match self.overdue(now) {
                None if self.linked && now >= retry => Some(self.open(since)),
                command => command,
            },
            (Event::Time, Stage::Redirected { until }) if now >= until => {
                Some(self.close("it did not follow a redirect"))
            }
            (
                Event::Opened | Event::Unknown { .. } | Event::Busy | Event::Denied | Event::StreamLost | Event::Time,
                Stage::Held { .. } | Stage::Opening { .. } | Stage::Carried | Stage::Redirected { .. },
            ) => None,
        }
    }

    /// When [`Event::Time`] is due next.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::Held { since, retry } if self.linked => Some(retry.min(since + self.limit())),
            Stage::Held { since, .. } => Some(since + self.limit()),
            Stage::Redirected { until } => Some(until),
            Stage::Opening { .. } | Stage::Carried | Stage::Over => None,
        }
    }

    fn limit(&self) -> Duration {
        if self.known { HOLD_LIMIT } else { OPEN_LIMIT }
    }

    fn open(&mut self, since: Instant) -> Command {
        self.stage = Stage::Opening { since };
        Command::Open { known: self.known }
    }

    fn overdue(&mut self, now: Instant) -> Option<Command> {
        let limit = self.limit();
        match self.stage {
            Stage::Held { since, .. } if now >= since + limit => Some(self.close("the realm was not reached in time")),
            Stage::Held { .. } | Stage::Opening { .. } | Stage::Carried | Stage::Redirected { .. } | Stage::Over => {
                None
            }
        }
    }

    fn close(&mut self, why: &'static str) -> Command {
        self.stage = Stage::Over;
        Command::Close(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A session in simulated time.
    struct World {
        session: Session,
        now: Instant,
    }

    impl World {
        fn new() -> Self {
            let now = Instant::now();
            Self { session: Session::new(now), now }
        }

        fn give(&mut self, event: Event) -> Option<Command> {
            self.session.handle(event, self.now)
        }

        /// Lets time pass, ringing whenever it is due.
        fn pass(&mut self, time: Duration) -> Vec<(Duration, Command)> {
            let (start, end) = (self.now, self.now + time);
            let mut commands = Vec::new();
            while let Some(due) = self.session.deadline().filter(|due| *due <= end) {
                self.now = due.max(self.now);
                let command = self.give(Event::Time);
                if let Some(command) = command {
                    commands.push((self.now - start, command));
                }
                if command.is_none() || matches!(command, Some(Command::Open { .. })) {
                    break;
                }
            }
            self.now = end;
            commands
        }

        fn playing() -> Self {
            let mut world = Self::new();
            assert_eq!(world.give(Event::LinkUp), Some(Command::Open { known: false }));
            assert_eq!(world.give(Event::Opened), None);
            world
        }
    }

    #[test]
    fn a_client_is_held_while_the_network_is_away_and_taken_up_again() {
        let mut world = World::playing();
        assert_eq!(world.give(Event::StreamLost), None);
        assert_eq!(world.give(Event::LinkLost), None);
        assert_eq!(world.pass(Duration::from_secs(100)), []);
        assert_eq!(world.give(Event::LinkUp), Some(Command::Open { known: true }));
        assert_eq!(world.give(Event::Opened), None);
        assert_eq!(world.session.deadline(), None, "all is well");
    }

    #[test]
    fn a_stream_that_is_lost_alone_is_opened_again_after_a_pause() {
        let mut world = World::playing();
        world.give(Event::StreamLost);
        assert_eq!(world.pass(Duration::from_secs(1)), [(RETRY_PAUSE, Command::Open { known: true })]);
        world.give(Event::StreamLost);
        assert_eq!(world.pass(Duration::from_secs(1)), [(RETRY_PAUSE, Command::Open { known: true })]);
    }

    #[test]
    fn nobody_is_held_for_ever() {
        let mut world = World::playing();
        world.give(Event::StreamLost);
        world.give(Event::LinkLost);
        let commands = world.pass(Duration::from_secs(1_000));
        assert!(matches!(commands[..], [(HOLD_LIMIT, Command::Close(_))]), "{commands:?}");

        let mut world = World::new();
        let commands = world.pass(Duration::from_secs(1_000));
        assert!(matches!(commands[..], [(OPEN_LIMIT, Command::Close(_))]), "{commands:?}");
    }

    #[test]
    fn flapping_does_not_prolong_the_wait_of_one_that_is_never_carried() {
        let mut world = World::new();
        let mut closed = None;
        for second in 0..1_000 {
            let command = if second % 2 == 0 { world.give(Event::LinkUp) } else { world.give(Event::StreamLost) };
            if let Some(Command::Close(_)) = command {
                closed = Some(second);
                break;
            }
            world.give(Event::LinkLost);
            if world.pass(Duration::from_secs(1)).iter().any(|(_, command)| matches!(command, Command::Close(_))) {
                closed = Some(second);
                break;
            }
        }
        assert!(closed.is_some_and(|second| second <= 31), "{closed:?}");
    }

    #[test]
    fn after_a_restart_of_the_coordinator_a_client_on_a_map_is_sent_back_to_it() {
        let mut world = World::playing();
        world.give(Event::StreamLost);
        world.give(Event::LinkUp);
        assert_eq!(world.give(Event::Unknown { can_return: true }), Some(Command::Redirect));
        assert_eq!(world.give(Event::LinkUp), None, "it is on its way");
        let commands = world.pass(Duration::from_secs(60));
        assert!(matches!(commands[..], [(REDIRECT_LIMIT, Command::Close(_))]), "{commands:?}");
        assert_eq!(world.give(Event::LinkUp), None, "it is over");
    }

    #[test]
    fn what_cannot_go_on_is_closed() {
        for event in [Event::Unknown { can_return: false }, Event::Denied] {
            let mut world = World::playing();
            world.give(Event::StreamLost);
            world.give(Event::LinkUp);
            assert!(matches!(world.give(event), Some(Command::Close(_))));
        }
    }

    #[test]
    fn a_server_that_does_not_answer_is_tried_again_for_a_while() {
        let mut world = World::new();
        world.give(Event::LinkUp);
        let mut tries = 0;
        loop {
            if let Some(Command::Close(_)) = world.give(Event::Busy) {
                break;
            }
            let commands = world.pass(BUSY_PAUSE);
            match commands[..] {
                [(BUSY_PAUSE, Command::Open { known: false })] => tries += 1,
                [(_, Command::Close(_))] => break,
                _ => panic!("{commands:?}"),
            }
        }
        assert!((28..=30).contains(&tries), "{tries}");
    }
}
