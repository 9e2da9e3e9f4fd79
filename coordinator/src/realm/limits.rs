//! How often one address may try to log in.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::{DefaultKeyedRateLimiter, Quota};

/// Logins an address may try per second, and at once. Players behind one router share them.
const TRIES: (NonZeroU32, NonZeroU32) = (nonzero(50), nonzero(500));

/// Wrong names and passwords an address may send per minute, and at once.
const FAILURES: (NonZeroU32, NonZeroU32) = (nonzero(20), nonzero(40));

/// How long an address that sent too many of them is refused.
const LOCKOUT: Duration = Duration::from_secs(30);

const fn nonzero(value: u32) -> NonZeroU32 {
    match NonZeroU32::new(value) {
        Some(value) => value,
        None => NonZeroU32::MIN,
    }
}

/// Counts logins by address.
#[derive(Debug)]
pub(super) struct Limits {
    tries: DefaultKeyedRateLimiter<IpAddr>,
    failures: DefaultKeyedRateLimiter<IpAddr>,
    locked_until: Mutex<HashMap<IpAddr, Instant>>,
}

impl Limits {
    pub(super) fn new() -> Self {
        Self {
            tries: DefaultKeyedRateLimiter::keyed(Quota::per_second(TRIES.0).allow_burst(TRIES.1)),
            failures: DefaultKeyedRateLimiter::keyed(Quota::per_minute(FAILURES.0).allow_burst(FAILURES.1)),
            locked_until: Mutex::default(),
        }
    }

    /// Whether the address may try another password.
    pub(super) fn may_try(&self, address: IpAddr, now: Instant) -> bool {
        let locked = self.locked_until.lock().unwrap_or_else(PoisonError::into_inner);
        locked.get(&address).is_none_or(|until| *until <= now) && self.tries.check_key(&address).is_ok()
    }

    /// The address sent a wrong name or password.
    pub(super) fn failed(&self, address: IpAddr, now: Instant) {
        if self.failures.check_key(&address).is_err() {
            self.locked_until.lock().unwrap_or_else(PoisonError::into_inner).insert(address, now + LOCKOUT);
        }
    }

    /// Forgets addresses that have been quiet, so that memory follows those that are not.
    pub(super) fn forget_quiet(&self, now: Instant) {
        self.tries.retain_recent();
        self.failures.retain_recent();
        self.locked_until.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, until| *until > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_passwords_locks_out_one_address_for_a_while() {
        let (limits, now) = (Limits::new(), Instant::now());
        let (guesser, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let guesses = (0..200).take_while(|_| limits.may_try(guesser, now));
        assert_eq!(guesses.inspect(|_| limits.failed(guesser, now)).count(), 41);
        assert!(limits.may_try(other, now));
        limits.forget_quiet(now);
        assert!(!limits.may_try(guesser, now));
        assert!(limits.may_try(guesser, now + LOCKOUT));
    }
}
