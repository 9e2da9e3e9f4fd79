//! Every limit of the API, and the rate limiter.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use super::Error;

/// The largest request body, in bytes. A signing request and a password have under 2,000.
pub(super) const MAX_BODY: usize = 16 * 1024;
/// The longest a request may take. A login at a stock login-server is the slowest thing there is.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// The longest a client may take to send a request's head.
pub(super) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest a TLS handshake may take.
pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The most connections at once. One costs about 100 KB with its TLS buffers.
pub(super) const MAX_CONNECTIONS: usize = 1_024;
/// The most of them from one address: nodes hold one each, and several may stand behind one address.
pub(super) const MAX_CONNECTIONS_PER_ADDRESS: usize = 64;
/// How long running requests may take to end at shutdown.
pub(super) const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// The most characters in a host's name.
pub(super) const MAX_HOST_NAME: usize = 64;
/// The longest account name or password looked at, in bytes. rAthena's have at most 23 and 31.
pub(super) const MAX_ACCOUNT_FIELD: usize = 64;
/// The longest invitation code looked at, in bytes. Ours have 64.
pub(super) const MAX_INVITATION: usize = 128;
/// Hosts one game account may register: a few PCs of a household.
pub(super) const MAX_HOSTS_PER_ACCOUNT: i64 = 8;
/// The longest an invitation may be valid, in minutes: a week.
pub(super) const MAX_INVITATION_MINUTES: u32 = 7 * 24 * 60;

/// Registrations from one address: a rack of fallback hosts at once, then one in two seconds.
pub(super) const REGISTRATIONS: Rate = Rate { burst: 32, every: Duration::from_secs(2) };
/// Renewals from one address. Hosts renew every few hours; many may stand behind one address.
pub(super) const RENEWALS: Rate = Rate { burst: 64, every: Duration::from_secs(1) };
/// Tries of one account's password, from wherever: what keeps passwords from being guessed.
pub(super) const PASSWORD_TRIES: Rate = Rate { burst: 10, every: Duration::from_secs(10) };
/// Requests of one host for bundles: one that lacks everything makes six.
pub(super) const BUNDLE_REQUESTS: Rate = Rate { burst: 64, every: Duration::from_secs(1) };

/// How many addresses or accounts a limiter remembers. When so many are busy at once, others wait.
const MAX_TRACKED: usize = 65_536;

/// So many at once, and then one in that time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    pub(super) burst: u32,
    pub(super) every: Duration,
}

/// Limits how often something happens for one key.
#[derive(Debug)]
pub(super) struct Limiter<K: Clone + Eq + Hash> {
    states: RateLimiter<K, DashMapStateStore<K>, DefaultClock>,
    clock: DefaultClock,
    every: Duration,
}

impl<K: Clone + Eq + Hash> Limiter<K> {
    pub(super) fn new(rate: Rate) -> Self {
        let burst = NonZeroU32::new(rate.burst).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(rate.every).unwrap_or_else(|| Quota::per_second(burst)).allow_burst(burst);
        let clock = DefaultClock::default();
        Self { states: RateLimiter::dashmap_with_clock(quota, clock.clone()), clock, every: rate.every }
    }

    /// Counts one for `key`.
    pub(super) fn check(&self, key: &K) -> Result<(), Error> {
        if self.states.len() >= MAX_TRACKED {
            self.states.retain_recent();
            if self.states.len() >= MAX_TRACKED {
                return Err(Error::TooMany { retry_after: self.every });
            }
        }
        self.states
            .check_key(key)
            .map_err(|until| Error::TooMany { retry_after: until.wait_time_from(self.clock.now()) })
    }
}
