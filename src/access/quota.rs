//! Bounds on what clients may use at once: questions that wait for an upstream, connections.
//!
//! A place is taken before anything is allocated for a client and given back when its [`Permit`] is dropped, whatever
//! happened in between. One quota serves all workers, so that the bound of one client holds however its ports are
//! spread over them; only questions that miss the cache and new connections come here, never a hit.
//! Invariant: `used` is the number of permits alive, and every address has a count exactly while it holds one.
//! Memory is bounded by the permits alive.

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::fmt;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::config::Limits;

/// Locks that the addresses are spread over.
const SHARDS: usize = 32;

/// How many places there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// For all clients together. `1..`
    pub all: u32,
    /// For one client address. `1..=all`
    pub per_address: u32,
}

impl Bounds {
    /// `recursive-clients`, and what one address may have of them.
    pub fn of_waiting_questions(limits: &Limits) -> Self {
        Self { all: limits.recursive_clients, per_address: limits.per_address() }
    }

    /// `tcp-clients`; one address may have nine tenths of them (named has no such bound: one client can lock out all).
    pub fn of_connections(limits: &Limits) -> Self {
        let all = limits.tcp_clients;
        Self { all, per_address: (all - all / 10).max(1) }
    }
}

/// Why a place was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exceeded {
    /// All places are taken.
    All,
    /// This address has its share.
    Address,
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "quota reached",
            Self::Address => "quota of the client's address reached",
        })
    }
}

/// The places of one kind, shared by all workers.
#[derive(Debug)]
pub struct Quota {
    all: AtomicU32,
    per_address: AtomicU32,
    used: AtomicU32,
    high_water: AtomicU32,
    /// Clients choose their addresses, not the (random) key of the hash.
    hasher: RandomState,
    /// Places taken by each address, `1..`.
    addresses: [Mutex<HashMap<IpAddr, u32, RandomState>>; SHARDS],
}

/// One place taken; dropping it gives the place back.
#[derive(Debug)]
#[must_use = "a permit that is dropped at once bounds nothing"]
pub struct Permit {
    quota: Arc<Quota>,
    client: IpAddr,
}

impl Quota {
    /// All places free.
    pub fn new(bounds: Bounds) -> Arc<Self> {
        let hasher = RandomState::new();
        Arc::new(Self {
            all: AtomicU32::new(bounds.all),
            per_address: AtomicU32::new(bounds.per_address),
            used: AtomicU32::new(0),
            high_water: AtomicU32::new(0),
            addresses: std::array::from_fn(|_| Mutex::new(HashMap::with_hasher(hasher.clone()))),
            hasher,
        })
    }

    /// New bounds from a reload. Places beyond them stay with their holders; none is given out until enough are back.
    pub fn set_bounds(&self, bounds: Bounds) {
        self.all.store(bounds.all, Relaxed);
        self.per_address.store(bounds.per_address, Relaxed);
    }

    /// Takes a place for `client`.
    pub fn take(self: &Arc<Self>, client: IpAddr) -> Result<Permit, Exceeded> {
        let client = client.to_canonical();
        let mut addresses = self.shard(client);
        let entry = addresses.entry(client);
        let taken = if let Entry::Occupied(taken) = &entry { *taken.get() } else { 0 };
        if taken >= self.per_address.load(Relaxed) {
            return Err(Exceeded::Address);
        }
        self.take_one_of_all()?;
        entry.insert_entry(taken + 1);
        Ok(Permit { quota: Arc::clone(self), client })
    }

    /// Places taken now.
    pub fn used(&self) -> u32 {
        self.used.load(Relaxed)
    }

    /// Places for all clients together.
    pub fn limit(&self) -> u32 {
        self.all.load(Relaxed)
    }

    /// The most places taken at once since the start.
    pub fn high_water(&self) -> u32 {
        self.high_water.load(Relaxed)
    }

    fn take_one_of_all(&self) -> Result<(), Exceeded> {
        let all = self.limit();
        let more = |used: u32| (used < all).then_some(used + 1);
        let before = self.used.fetch_update(Relaxed, Relaxed, more).map_err(|_| Exceeded::All)?;
        self.high_water.fetch_max(before + 1, Relaxed);
        Ok(())
    }

    fn shard(&self, client: IpAddr) -> MutexGuard<'_, HashMap<IpAddr, u32, RandomState>> {
        let shard = self.hasher.hash_one(client) as usize % SHARDS;
        // Nothing panics while it is held; if something did, counts are still whole.
        self.addresses[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut addresses = self.quota.shard(self.client);
        if let Entry::Occupied(mut taken) = addresses.entry(self.client) {
            *taken.get_mut() -= 1;
            if *taken.get() == 0 {
                taken.remove();
            }
        }
        self.quota.used.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn client(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    fn addresses_counted(quota: &Quota) -> usize {
        quota.addresses.iter().map(|shard| shard.lock().unwrap().len()).sum()
    }

    #[test]
    fn bounds_follow_the_configuration() {
        let of = |recursive_clients, share, tcp_clients| {
            let recursive_clients_per_address = share;
            let limits = Limits { recursive_clients, recursive_clients_per_address, tcp_clients, ..Limits::default() };
            (Bounds::of_waiting_questions(&limits), Bounds::of_connections(&limits))
        };
        let bounds = |all, per_address| Bounds { all, per_address };
        let cases = [
            ("the defaults leave a tenth to others", of(1000, None, 150), (bounds(1000, 900), bounds(150, 135))),
            ("a share may be set", of(1000, Some(10), 150), (bounds(1000, 10), bounds(150, 135))),
            ("a share is no more than all", of(100, Some(500), 10), (bounds(100, 100), bounds(10, 9))),
            ("one place can be had", of(1, None, 1), (bounds(1, 1), bounds(1, 1))),
        ];
        for (name, got, wanted) in cases {
            assert_eq!(got, wanted, "{name}");
        }
    }

    #[test]
    fn one_address_cannot_take_every_place() {
        let quota = Quota::new(Bounds { all: 3, per_address: 2 });
        let first = quota.take(client(1)).unwrap();
        let mapped = quota.take("::ffff:10.0.0.1".parse().unwrap()).unwrap();
        assert_eq!(quota.take(client(1)).unwrap_err(), Exceeded::Address);
        let other = quota.take(client(2)).unwrap();
        assert_eq!(quota.take(client(3)).unwrap_err(), Exceeded::All);
        assert_eq!((quota.used(), addresses_counted(&quota)), (3, 2), "a refusal leaves no trace");
        drop(first);
        let again = quota.take(client(1)).unwrap();
        drop((mapped, other, again));
        assert_eq!((quota.used(), addresses_counted(&quota), quota.high_water()), (0, 0, 3));
    }

    #[test]
    fn smaller_bounds_wait_until_places_are_back() {
        let quota = Quota::new(Bounds { all: 4, per_address: 4 });
        let mut permits: Vec<Permit> = (0..4).map(|_| quota.take(client(1)).unwrap()).collect();
        quota.set_bounds(Bounds { all: 2, per_address: 2 });
        permits.truncate(2);
        assert_eq!(quota.take(client(2)).unwrap_err(), Exceeded::All);
        assert_eq!(quota.take(client(1)).unwrap_err(), Exceeded::Address);
        permits.truncate(1);
        assert_eq!(quota.take(client(2)).map(|_permit| quota.used()), Ok(2));
        assert_eq!((quota.used(), quota.limit()), (1, 2));
    }

    #[test]
    fn workers_together_keep_the_bounds() {
        let quota = Quota::new(Bounds { all: 10, per_address: 7 });
        let worker = |seed: u8| {
            let quota = &quota;
            move || {
                let mut held = Vec::new();
                for i in 0..20_000_u32 {
                    held.extend(quota.take(client(seed % 2 + (i % 2) as u8)));
                    assert!(quota.used() <= 10);
                    if i % 3 != 0 && !held.is_empty() {
                        drop(held.swap_remove(i as usize % held.len()));
                    }
                }
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|seed| drop(scope.spawn(worker(seed)))));
        assert_eq!((quota.used(), addresses_counted(&quota)), (0, 0));
        assert!((7..=10).contains(&quota.high_water()), "{}", quota.high_water());
    }

    proptest! {
        #[test]
        fn counts_are_those_of_the_permits_alive(steps in prop::collection::vec((0u8..4, any::<bool>()), 0..200)) {
            let quota = Quota::new(Bounds { all: 6, per_address: 3 });
            let mut held: Vec<(u8, Permit)> = Vec::new();
            for (who, take) in steps {
                if !take {
                    if let Some(i) = held.iter().position(|(holder, _)| *holder == who) {
                        drop(held.swap_remove(i));
                    }
                    continue;
                }
                let own = held.iter().filter(|(holder, _)| *holder == who).count();
                let wanted = if own >= 3 { Some(Exceeded::Address) } else { (held.len() >= 6).then_some(Exceeded::All) };
                match quota.take(client(who)) {
                    Ok(permit) => {
                        prop_assert_eq!(wanted, None);
                        held.push((who, permit));
                    }
                    Err(refusal) => prop_assert_eq!(Some(refusal), wanted),
                }
                prop_assert_eq!(quota.used() as usize, held.len());
            }
        }
    }
}
