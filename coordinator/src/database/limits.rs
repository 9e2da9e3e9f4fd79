//! How much of the database one host may have: statements, bytes and rows by the second, and connections.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bifrost_protocol::ids::HostId;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota};
use serde::Deserialize;

/// What one host may do, all its engines together: `[database.limits]`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct HostLimits {
    /// Statements a second, and ten times that at once: a starting map-server asks about every shop.
    pub statements: NonZeroU32,
    /// Bytes of statements a second, and four times that at once.
    pub bytes: NonZeroU32,
    /// Rows a second, and four times that at once.
    pub rows: NonZeroU32,
    /// Connections at once. A map-server has three.
    pub connections: NonZeroU32,
    /// Prepared statements of one connection.
    pub prepared: NonZeroU32,
}

impl Default for HostLimits {
    fn default() -> Self {
        let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self {
            statements: number(1_000),
            bytes: number(1024 * 1024),
            rows: number(50_000),
            connections: number(256),
            prepared: number(64),
        }
    }
}

/// How long a statement may be held back before it is refused.
const MOST_HELD: Duration = Duration::from_millis(500);

/// The limits of all hosts that are connected.
#[derive(Debug)]
pub(super) struct Limits {
    limits: HostLimits,
    hosts: Mutex<HashMap<HostId, Weak<HostUse>>>,
}

/// What one host uses.
#[derive(Debug)]
pub(super) struct HostUse {
    statements: DefaultDirectRateLimiter,
    bytes: DefaultDirectRateLimiter,
    rows: DefaultDirectRateLimiter,
    connections: AtomicUsize,
    limits: HostLimits,
}

/// A connection's place among those its host may have.
#[derive(Debug)]
pub(super) struct Place(Arc<HostUse>);

/// A host wants more than it may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Exceeded(pub(super) &'static str);

impl Limits {
    pub(super) fn new(limits: HostLimits) -> Self {
        Self { limits, hosts: Mutex::default() }
    }

    /// A place for one more connection of a host.
    pub(super) fn enter(&self, host: &HostId) -> Result<Place, Exceeded> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = hosts.get(host).and_then(Weak::upgrade);
        let host_use = known.unwrap_or_else(|| {
            hosts.retain(|_, host_use| host_use.strong_count() > 0);
            let new = Arc::new(HostUse::new(&self.limits));
            hosts.insert(host.clone(), Arc::downgrade(&new));
            new
        });
        drop(hosts);
        let place = Place(host_use);
        let before = place.0.connections.fetch_add(1, Ordering::Relaxed);
        if before < most(place.0.limits.connections) { Ok(place) } else { Err(Exceeded("connections")) }
    }
}

impl HostUse {
    fn new(limits: &HostLimits) -> Self {
        let quota = |rate: NonZeroU32, burst: u32| {
            let burst = rate.saturating_mul(NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN));
            DefaultDirectRateLimiter::direct(Quota::per_second(rate).allow_burst(burst))
        };
        Self {
            statements: quota(limits.statements, 10),
            bytes: quota(limits.bytes, 4),
            rows: quota(limits.rows, 4),
            connections: AtomicUsize::new(0),
            limits: *limits,
        }
    }
}

impl Place {
    /// Lets a statement of so many bytes through, after a short wait where that is enough.
    pub(super) async fn statement(&self, bytes: usize) -> Result<(), Exceeded> {
        take(&self.0.statements, 1, "statements").await?;
        take(&self.0.bytes, bytes, "bytes").await?;
        // What the rows of the statements before have used up.
        take(&self.0.rows, 1, "rows").await
    }

    /// The most prepared statements that one connection may have.
    pub(super) fn prepared(&self) -> usize {
        most(self.0.limits.prepared)
    }

    /// Counts rows that were given.
    pub(super) fn rows(&self, rows: u64) {
        let mut left = u32::try_from(rows).unwrap_or(u32::MAX);
        while let Some(some) = NonZeroU32::new(left.min(10_000)) {
            // What cannot be had any more is what the next statement waits for.
            let Ok(Ok(())) = self.0.rows.check_n(some) else { return };
            left -= some.get();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

fn most(limit: NonZeroU32) -> usize {
    usize::try_from(limit.get()).unwrap_or(usize::MAX)
}

async fn take(limiter: &DefaultDirectRateLimiter, amount: usize, what: &'static str) -> Result<(), Exceeded> {
    let amount = u32::try_from(amount).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
    let mut held = Duration::ZERO;
    loop {
        match limiter.check_n(amount) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(not_until)) => {
                let wait = not_until.wait_time_from(DefaultClock::default().now());
                held += wait;
                if held > MOST_HELD {
                    return Err(Exceeded(what));
                }
                tokio::time::sleep(wait).await;
            }
            Err(_) => return Err(Exceeded(what)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(number: u32) -> NonZeroU32 {
        NonZeroU32::new(number).expect("not zero")
    }

    #[tokio::test]
    async fn a_host_that_wants_too_much_waits_and_is_then_refused() {
        let limits = HostLimits {
            statements: number(1),
            bytes: number(1_000),
            rows: number(10),
            connections: number(2),
            ..HostLimits::default()
        };
        let limits = Limits::new(limits);
        let (host, other) = (HostId("greedy".into()), HostId("modest".into()));
        let place = limits.enter(&host).expect("a place");
        for _ in 0..10 {
            assert_eq!(place.statement(10).await, Ok(()));
        }
        assert_eq!(place.statement(10).await, Err(Exceeded("statements")));
        assert_eq!(
            limits.enter(&host).expect("a place").statement(1).await,
            Err(Exceeded("statements")),
            "a host has one share"
        );
        assert_eq!(limits.enter(&other).expect("a place").statement(5_000).await, Err(Exceeded("bytes")));
        let place = limits.enter(&other).expect("a place");
        place.rows(1_000_000);
        assert_eq!(place.statement(1).await, Ok(()));
        place.rows(40);
        assert_eq!(place.statement(1).await, Ok(()), "a tenth of a second later");
    }

    #[test]
    fn a_host_has_so_many_connections_and_leaves_nothing_behind() {
        let limits = Limits::new(HostLimits { connections: number(2), ..HostLimits::default() });
        let host = HostId("host".into());
        let (one, two) = (limits.enter(&host), limits.enter(&host));
        assert_eq!(limits.enter(&host).err(), Some(Exceeded("connections")));
        drop(one);
        assert!(limits.enter(&host).is_ok());
        drop(two);
        let _other = limits.enter(&HostId("other".into()));
        assert_eq!(limits.hosts.lock().expect("no panic").len(), 1);
    }
}
