//! Runs the controller: one task owns it, takes events and commands from one queue, has a [`Shell`] carry effects out, and
//! publishes the view whenever it changes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::command::{Command, CommandCode, CommandError};
use crate::controller::Controller;
use crate::effect::{Effect, Shell};
use crate::event::{Event, Now};
use crate::view::View;

/// Events and commands that wait. Those who send events wait for room; commands are refused.
const QUEUE: usize = 256;
/// How often the controller looks at the clock.
const TICK: Duration = Duration::from_secs(1);

/// What arrives.
#[derive(Debug)]
enum Input {
    Event(Box<Event>),
    Command(Box<Command>, oneshot::Sender<Result<(), CommandError>>),
}

/// Where events and commands go. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Inbox(mpsc::Sender<Input>);

/// The other end, for [`App::spawn`].
#[derive(Debug)]
pub struct Outbox(mpsc::Receiver<Input>);

/// The queue between everybody and the controller.
#[must_use]
pub fn queue() -> (Inbox, Outbox) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    (Inbox(sender), Outbox(receiver))
}

impl Inbox {
    /// Tells the controller. Waits while the queue is full; afterwards nobody may listen any more, which is fine.
    pub async fn tell(&self, event: Event) {
        drop(self.0.send(Input::Event(Box::new(event))).await);
    }

    /// Tells the controller without waiting, from where nothing can wait. With a full queue the event is lost: only for
    /// those that a later one makes up for.
    pub fn tell_later(&self, event: Event) {
        if self.0.try_send(Input::Event(Box::new(event))).is_err() {
            tracing::debug!("an event was lost");
        }
    }

    /// Has a command taken.
    ///
    /// # Errors
    /// It was not.
    pub async fn command(&self, command: Command) -> Result<(), CommandError> {
        let stopping = || CommandError { code: CommandCode::Stopping, message: "the launcher has ended".into() };
        let (answer, answered) = oneshot::channel();
        self.0.try_send(Input::Command(Box::new(command), answer)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                CommandError { code: CommandCode::Busy, message: "too many commands wait".into() }
            }
            mpsc::error::TrySendError::Closed(_) => stopping(),
        })?;
        answered.await.unwrap_or_else(|_| Err(stopping()))
    }
}

/// The time, as the program that runs this sees it.
pub type Clock = Box<dyn Fn() -> Now + Send>;

/// The machine's own clocks.
#[must_use]
pub fn system_clock() -> Clock {
    use chrono::Timelike;
    let started = Instant::now();
    Box::new(move || {
        let local = chrono::Local::now();
        Now {
            since_start: started.elapsed(),
            unix: u64::try_from(local.timestamp()).unwrap_or(0),
            local_minute: u16::try_from(local.hour() * 60 + local.minute()).unwrap_or(0),
        }
    })
}

/// A running controller. Dropping it stops it at once.
#[derive(Debug)]
pub struct App {
    /// Where commands go.
    pub inbox: Inbox,
    view: watch::Receiver<Arc<View>>,
    task: JoinSet<()>,
}

impl App {
    /// Starts it. The first event should be [`Event::Started`].
    #[must_use]
    pub fn spawn(inbox: Inbox, outbox: Outbox, shell: Box<dyn Shell + Send>, clock: Clock) -> Self {
        let controller = Controller::default();
        let (publish, view) = watch::channel(Arc::new(controller.view()));
        let mut task = JoinSet::new();
        task.spawn(run(Running { controller, shell, clock, publish }, outbox.0));
        Self { inbox, view, task }
    }

    /// What a window shows, now and whenever it changes.
    #[must_use]
    pub fn view(&self) -> watch::Receiver<Arc<View>> {
        self.view.clone()
    }

    /// Waits until somebody has asked the launcher to quit, and it has. Cancel safe.
    pub async fn ended(&mut self) {
        while self.task.join_next().await.is_some() {}
    }
}

struct Running {
    controller: Controller,
    shell: Box<dyn Shell + Send>,
    clock: Clock,
    publish: watch::Sender<Arc<View>>,
}

async fn run(mut running: Running, mut inputs: mpsc::Receiver<Input>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let input = tokio::select! {
            biased;
            input = inputs.recv() => match input {
                Some(input) => input,
                None => return,
            },
            _ = ticks.tick() => Input::Event(Box::new(Event::Tick)),
        };
        if running.take(input) {
            return;
        }
    }
}

impl Running {
    /// Returns whether that was the last.
    fn take(&mut self, input: Input) -> bool {
        let now = (self.clock)();
        let effects = match input {
            Input::Event(event) => self.controller.handle(*event, now),
            Input::Command(command, answer) => {
                let (effects, outcome) = match self.controller.command(*command, now) {
                    Ok(effects) => (effects, Ok(())),
                    Err(error) => (Vec::new(), Err(error)),
                };
                // Whoever asked may have left.
                drop(answer.send(outcome));
                effects
            }
        };
        let view = self.controller.view();
        self.publish.send_if_modified(|current| {
            let changed = **current != view;
            if changed {
                *current = Arc::new(view);
            }
            changed
        });
        let quits = effects.iter().any(|effect| matches!(effect, Effect::Quit));
        for effect in effects {
            self.shell.perform(effect);
        }
        quits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Kept;
    use crate::view::Phase;

    struct Nothing;

    impl Shell for Nothing {
        fn perform(&mut self, _: Effect) {}
    }

    #[tokio::test]
    async fn commands_are_answered_and_views_published_until_somebody_quits() {
        let (inbox, outbox) = queue();
        let mut app = App::spawn(inbox.clone(), outbox, Box::new(Nothing), system_clock());
        inbox.tell(Event::Started(Box::new(Kept { no_keyring: true, ..Kept::default() }))).await;
        let mut view = app.view();
        view.wait_for(|view| !view.notes.is_empty()).await.expect("published");
        assert_eq!(view.borrow().phase, Phase::NoRealm { problem: None });
        assert_eq!(inbox.command(Command::Play).await.expect_err("refused").code, CommandCode::NotNow);
        inbox.command(Command::Quit).await.expect("taken");
        app.ended().await;
        assert_eq!(inbox.command(Command::Retry).await.expect_err("refused").code, CommandCode::Stopping);
    }
}
