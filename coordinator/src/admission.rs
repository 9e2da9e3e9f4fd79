//! How many connections there may be, at all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::gauge;
use thiserror::Error;

/// Counts the connections of one port against its limits.
#[derive(Debug)]
pub(crate) struct Admission {
    gauge: &'static str,
    max_connections: usize,
    max_per_address: usize,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    /// Bounded by `all`: an address without connections is forgotten.
    by_address: HashMap<IpAddr, usize>,
}

/// Which limit is reached.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub(crate) enum Full {
    /// That of all connections.
    #[error("too many connections")]
    Port,
    /// That of connections from one address.
    #[error("too many connections from this address")]
    Address,
}

/// A place among the connections, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    admission: Arc<Admission>,
    address: IpAddr,
}

impl Admission {
    /// Nobody is there yet. `gauge` is the metric that shows how many are.
    pub(crate) fn new(gauge: &'static str, max_connections: usize, max_per_address: usize) -> Arc<Self> {
        Arc::new(Self { gauge, max_connections, max_per_address, counts: Mutex::default() })
    }

    /// A place for a connection from this address.
    ///
    /// # Errors
    /// Which limit is reached.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Place, Full> {
        let mut counts = self.counts();
        let here = counts.by_address.get(&address).copied().unwrap_or(0);
        if here >= self.max_per_address {
            return Err(Full::Address);
        }
        if counts.all >= self.max_connections {
            return Err(Full::Port);
        }
        counts.all += 1;
        counts.by_address.insert(address, here + 1);
        gauge!(self.gauge).increment(1.0);
        Ok(Place { admission: Arc::clone(self), address })
    }

    /// Counting cannot be left half done, so a poisoned lock is as good as another.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.admission.counts();
        counts.all -= 1;
        if let Some(here) = counts.by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                counts.by_address.remove(&self.address);
            }
        }
        gauge!(self.admission.gauge).decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_and_come_back() {
        let admission = Admission::new("test", 3, 2);
        let (here, there) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let first = admission.admit(here).expect("free");
        let _second = admission.admit(here).expect("free");
        assert_eq!(admission.admit(here).err(), Some(Full::Address));
        let _third = admission.admit(there).expect("free");
        assert_eq!(admission.admit(there).err(), Some(Full::Port));
        drop(first);
        drop(admission.admit(there).expect("given back"));
        assert_eq!(admission.counts().by_address.len(), 2);
    }
}
