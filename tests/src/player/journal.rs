//! The events of one player, in order, to be waited for.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::Event;

/// Events kept; older ones are forgotten. A test waits for things that happened moments ago.
const MAX_EVENTS: usize = 20_000;

/// An append-only list that can be waited on. Events are numbered from 0.
#[derive(Debug, Default)]
pub(super) struct Journal {
    inner: Mutex<Inner>,
    added: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    first: u64,
    events: VecDeque<Event>,
}

impl Journal {
    pub(super) fn add(&self, event: Event) {
        let mut inner = self.lock();
        if inner.events.len() == MAX_EVENTS {
            inner.events.pop_front();
            inner.first += 1;
        }
        inner.events.push_back(event);
        drop(inner);
        self.added.notify_waiters();
    }

    /// The number the next event will have.
    pub(super) fn end(&self) -> u64 {
        let inner = self.lock();
        inner.first + inner.events.len() as u64
    }

    /// Events from number `start` on.
    pub(super) fn since(&self, start: u64) -> Vec<Event> {
        let inner = self.lock();
        inner.events.iter().skip(skip(&inner, start)).cloned().collect()
    }

    /// Waits for the first event from `start` on that is wanted; also returns the number after it.
    pub(super) async fn find<T>(&self, start: u64, wanted: impl Fn(&Event) -> Option<T>) -> (T, u64) {
        let mut next = start;
        loop {
            let added = self.added.notified();
            tokio::pin!(added);
            // Registered before looking, so that nothing that is added meanwhile is missed.
            added.as_mut().enable();
            {
                let inner = self.lock();
                next = next.max(inner.first);
                for event in inner.events.iter().skip(skip(&inner, next)) {
                    next += 1;
                    if let Some(value) = wanted(event) {
                        return (value, next);
                    }
                }
            }
            added.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn skip(inner: &Inner, start: u64) -> usize {
    usize::try_from(start.saturating_sub(inner.first)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_event_is_found_whether_it_came_before_or_after_the_wait() {
        let journal = Journal::default();
        journal.add(Event::LoggedIn);
        let time = |event: &Event| if let Event::Time(tick) = event { Some(*tick) } else { None };
        let (found, ()) = tokio::join!(journal.find(0, time), async { journal.add(Event::Time(7)) });
        assert_eq!(found, (7, 2));
        assert_eq!(journal.find(1, time).await, (7, 2));
        assert_eq!(journal.since(2), []);
    }
}
