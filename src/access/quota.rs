//! Bounds on what clients may use at once: questions that wait for an upstream, connections.
//!
//! A place is taken before anything is allocated for a client and given back when its [`Permit`] is dropped, whatever
//! happened in between. One quota serves all workers, so that the bound of one client holds however its ports are
//! spread over them; only questions that miss the cache and new connections come here, never a hit.
//!
//! The fewer places are free, the fewer may one [`Source`] have: at most [`SHARE`] times what it leaves free (Choudhury
//! and Hahne's dynamic thresholds). One alone gets four fifths, two that want all get four ninths each, and whoever
//! comes next finds some: nobody has to be known or configured. Against floods from forged addresses, where every
//! packet is a source of its own, some places are for clients that have proven their address alone.
//! Who makes room when a place is refused is decided where they wait (`answer::desk`).
//! Invariant: `used` is the number of permits alive, and every source has a count exactly while it holds one.
//! Memory is bounded by the permits alive.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::quality::RandomState;

use crate::config::Limits;

/// Locks that the sources are spread over.
const SHARDS: usize = 32;
/// A source may have so many times the places that it leaves free.
pub const SHARE: u32 = 4;
/// IPv6 clients are told apart by so many bits: a site has one prefix of this length or a shorter one (RFC 6177), and
/// a host may use any address below its own.
const IPV6_PREFIX_BITS: u32 = 56;

/// How many places there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// For all clients together. `1..`
    pub all: u32,
    /// The most for one source, however many are free. `1..=all`
    pub per_source: u32,
    /// Of all, those that only clients with a proven address get. `0..all`
    pub for_proven: u32,
}

impl Bounds {
    /// `recursive-clients`, what one source may have of them, and a tenth for those with a cookie or a connection.
    pub fn of_waiting_questions(limits: &Limits) -> Self {
        let all = limits.recursive_clients;
        Self { all, per_source: limits.per_address(), for_proven: all / 10 }
    }

    /// `tcp-clients`. A connection proves its address.
    pub fn of_connections(limits: &Limits) -> Self {
        Self { all: limits.tcp_clients, per_source: limits.tcp_clients, for_proven: 0 }
    }
}

/// Whom places are counted for: an IPv4 address, or an IPv6 prefix of 56 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source(IpAddr);

impl Source {
    /// That of a client's address.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << (128 - IPV6_PREFIX_BITS))).into(),
            v4 => v4,
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(ip) => ip.fmt(f),
            IpAddr::V6(ip) => write!(f, "{ip}/{IPV6_PREFIX_BITS}"),
        }
    }
}

/// Why a place was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exceeded {
    /// All places are taken that such a client may have.
    All,
    /// This source has its share.
    Share,
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "quota reached",
            Self::Share => "the client's share of the quota reached",
        })
    }
}

/// The places of one kind, shared by all workers.
#[derive(Debug)]
pub struct Quota {
    all: AtomicU32,
    per_source: AtomicU32,
    for_proven: AtomicU32,
    used: AtomicU32,
    /// Of those used, by clients that have not proven their address.
    unproven: AtomicU32,
    high_water: AtomicU32,
    refused: AtomicU64,
    pushed_out: AtomicU64,
    /// The second in which somebody was last allowed to complain.
    complained: AtomicU32,
    /// Clients choose their addresses, not the (random) key of the hash.
    hasher: RandomState,
    /// Places taken by each source, `1..`.
    sources: [Mutex<HashMap<Source, u32, RandomState>>; SHARDS],
}

/// One place taken; dropping it gives the place back.
#[derive(Debug)]
#[must_use = "a permit that is dropped at once bounds nothing"]
pub struct Permit {
    quota: Arc<Quota>,
    source: Source,
    proven: bool,
}

impl Quota {
    /// All places free.
    pub fn new(bounds: Bounds) -> Arc<Self> {
        let hasher = RandomState::default();
        Arc::new(Self {
            all: AtomicU32::new(bounds.all),
            per_source: AtomicU32::new(bounds.per_source),
            for_proven: AtomicU32::new(bounds.for_proven),
            used: AtomicU32::new(0),
            unproven: AtomicU32::new(0),
            high_water: AtomicU32::new(0),
            refused: AtomicU64::new(0),
            pushed_out: AtomicU64::new(0),
            complained: AtomicU32::new(0),
            sources: std::array::from_fn(|_| Mutex::new(HashMap::with_hasher(hasher.clone()))),
            hasher,
        })
    }

    /// New bounds from a reload. Places beyond them stay with their holders; none is given out until enough are back.
    pub fn set_bounds(&self, bounds: Bounds) {
        self.all.store(bounds.all, Relaxed);
        self.per_source.store(bounds.per_source, Relaxed);
        self.for_proven.store(bounds.for_proven, Relaxed);
    }

    /// Takes a place for a client of `source`; `proven`: what is sent there reaches who asked, as a cookie or a
    /// connection shows.
    ///
    /// # Errors
    /// When there is none for it.
    pub fn take(self: &Arc<Self>, source: Source, proven: bool) -> Result<Permit, Exceeded> {
        let mut sources = self.shard(source);
        let entry = sources.entry(source);
        let taken = if let Entry::Occupied(taken) = &entry { *taken.get() } else { 0 };
        let left_free = self.limit().saturating_sub(self.used()).saturating_sub(1);
        if taken > 0 && (taken >= self.per_source.load(Relaxed) || taken >= left_free.saturating_mul(SHARE)) {
            return Err(Exceeded::Share);
        }
        self.take_one_of_all(proven)?;
        entry.insert_entry(taken + 1);
        Ok(Permit { quota: Arc::clone(self), source, proven })
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

    /// Counts somebody who got no place. One count for all cores: those refused have met at `used` already.
    pub fn count_refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    /// Counts somebody whose place was given to another.
    pub fn count_pushed_out(&self) {
        self.pushed_out.fetch_add(1, Relaxed);
    }

    /// How many got no place since the start.
    pub fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// How many lost their place to another since the start.
    pub fn pushed_out(&self) -> u64 {
        self.pushed_out.load(Relaxed)
    }

    /// Whether a refusal may be logged in this second: one is.
    pub fn may_complain(&self, unix: u64) -> bool {
        // Cut short, a second is still another one than the last.
        let unix = unix as u32;
        self.complained.load(Relaxed) != unix && self.complained.swap(unix, Relaxed) != unix
    }

    fn take_one_of_all(&self, proven: bool) -> Result<(), Exceeded> {
        let all = self.limit();
        let below = |most: u32| move |used: u32| (used < most).then_some(used + 1);
        if !proven {
            let most = all.saturating_sub(self.for_proven.load(Relaxed));
            self.unproven.fetch_update(Relaxed, Relaxed, below(most)).map_err(|_| Exceeded::All)?;
        }
        match self.used.fetch_update(Relaxed, Relaxed, below(all)) {
            Ok(before) => self.high_water.fetch_max(before + 1, Relaxed),
            Err(_) => {
                self.unproven.fetch_sub(u32::from(!proven), Relaxed);
                return Err(Exceeded::All);
            }
        };
        Ok(())
    }

    fn shard(&self, source: Source) -> MutexGuard<'_, HashMap<Source, u32, RandomState>> {
        let shard = self.hasher.hash_one(source) as usize % SHARDS;
        // Nothing panics while it is held; if something did, counts are still whole.
        self.sources[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut sources = self.quota.shard(self.source);
        if let Entry::Occupied(mut taken) = sources.entry(self.source) {
            *taken.get_mut() -= 1;
            if *taken.get() == 0 {
                taken.remove();
            }
        }
        self.quota.used.fetch_sub(1, Relaxed);
        self.quota.unproven.fetch_sub(u32::from(!self.proven), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn source(last: u8) -> Source {
        Source::of(IpAddr::from([10, 0, 0, last]))
    }

    #[test]
    fn a_source_is_told_as_an_operator_would_write_it() {
        for (address, told) in
            [("10.0.0.7", "10.0.0.7"), ("::ffff:10.0.0.7", "10.0.0.7"), ("2001:db8:1:2ff:3::4", "2001:db8:1:200::/56")]
        {
            assert_eq!(Source::of(address.parse().unwrap()).to_string(), told, "{address}");
        }
    }

    fn sources_counted(quota: &Quota) -> usize {
        quota.sources.iter().map(|shard| shard.lock().unwrap().len()).sum()
    }

    fn open(all: u32, per_source: u32) -> Bounds {
        Bounds { all, per_source, for_proven: 0 }
    }

    /// As many places as each of the sources gets, all of which want as many as they can get, in turn.
    fn shares(bounds: Bounds, sources: u8) -> Vec<usize> {
        let quota = Quota::new(bounds);
        let mut held: Vec<Vec<Permit>> = (0..sources).map(|_| Vec::new()).collect();
        for _ in 0..bounds.all {
            for (number, permits) in (0..).zip(&mut held) {
                permits.extend(quota.take(source(number), false));
            }
        }
        held.iter().map(Vec::len).collect()
    }

    #[test]
    fn bounds_follow_the_configuration() {
        let of = |recursive_clients, share, tcp_clients| {
            let recursive_clients_per_address = share;
            let limits = Limits { recursive_clients, recursive_clients_per_address, tcp_clients, ..Limits::default() };
            (Bounds::of_waiting_questions(&limits), Bounds::of_connections(&limits))
        };
        let waiting = |all, per_source, for_proven| Bounds { all, per_source, for_proven };
        let cases = [
            ("the defaults", of(1000, None, 150), (waiting(1000, 1000, 100), open(150, 150))),
            ("a share may be set", of(1000, Some(10), 150), (waiting(1000, 10, 100), open(150, 150))),
            ("a share is no more than all", of(100, Some(500), 10), (waiting(100, 100, 10), open(10, 10))),
            ("one place can be had", of(1, None, 1), (waiting(1, 1, 0), open(1, 1))),
        ];
        for (name, got, wanted) in cases {
            assert_eq!(got, wanted, "{name}");
        }
    }

    #[test]
    fn an_ipv6_site_is_one_source_and_a_mapped_address_is_itself() {
        let of = |text: &str| Source::of(text.parse().expect("an address"));
        for (case, one, other, same) in [
            ("two IPv4 addresses", "10.0.0.1", "10.0.0.2", false),
            ("an IPv4 address, mapped", "10.0.0.1", "::ffff:10.0.0.1", true),
            ("two mapped ones", "::ffff:10.0.0.2", "::ffff:10.0.0.1", false),
            ("two hosts of a site", "2001:db8:0:1200::1", "2001:db8:0:12ff:1::2", true),
            ("two sites", "2001:db8:0:1200::1", "2001:db8:0:1300::1", false),
        ] {
            assert_eq!(of(one) == of(other), same, "{case}");
        }
    }

    #[test]
    fn sources_share_and_leave_some_free() {
        for (case, bounds, sources, expected) in [
            ("one alone gets four fifths", open(1000, 1000), 1, vec![800]),
            ("two get four ninths each", open(1000, 1000), 2, vec![444, 444]),
            ("four get four seventeenths each", open(1000, 1000), 4, vec![236, 235, 235, 235]),
            ("no more than is configured", open(1000, 50), 2, vec![50, 50]),
            ("of few places one stays free", open(3, 3), 1, vec![2]),
            ("of three places two get one each, for there may be a third", open(3, 3), 2, vec![1, 1]),
            ("the only place can be had", open(1, 1), 2, vec![1, 0]),
        ] {
            assert_eq!(shares(bounds, sources), expected, "{case}");
        }
    }

    #[test]
    fn a_refusal_leaves_no_trace() {
        let quota = Quota::new(open(3, 2));
        let take = |last: u8| quota.take(source(last), false);
        let (first, second) = (take(1).unwrap(), take(1).unwrap());
        assert_eq!(take(1).unwrap_err(), Exceeded::Share);
        let other = take(2).unwrap();
        assert_eq!(take(3).unwrap_err(), Exceeded::All);
        assert_eq!((quota.used(), sources_counted(&quota)), (3, 2));
        drop(first);
        let again = take(3).unwrap();
        drop((second, other, again));
        assert_eq!((quota.used(), sources_counted(&quota), quota.high_water()), (0, 0, 3));
    }

    #[test]
    fn a_flood_from_forged_addresses_leaves_places_to_those_who_have_proven_theirs() {
        let quota = Quota::new(Bounds { all: 20, per_source: 20, for_proven: 2 });
        let flood: Vec<_> = (0..100).map_while(|last| quota.take(source(last), false).ok()).collect();
        assert_eq!(flood.len(), 18);
        let proven = [quota.take(source(200), true), quota.take(source(201), true)];
        assert!(proven.iter().all(Result::is_ok));
        assert_eq!(quota.take(source(202), true).unwrap_err(), Exceeded::All);
        drop(proven);
        assert_eq!(quota.take(source(202), false).unwrap_err(), Exceeded::All, "not for others, though two are free");
        drop(flood);
        assert_eq!((quota.used(), quota.unproven.load(Relaxed)), (0, 0));
    }

    #[test]
    fn smaller_bounds_wait_until_places_are_back() {
        let quota = Quota::new(open(6, 6));
        let take = |last: u8| quota.take(source(last), false);
        let mut permits: Vec<Permit> = (0..4).map(|_| take(1).unwrap()).collect();
        quota.set_bounds(open(2, 2));
        permits.truncate(2);
        assert_eq!(take(2).unwrap_err(), Exceeded::All);
        assert_eq!(take(1).unwrap_err(), Exceeded::Share);
        permits.truncate(1);
        assert_eq!(take(2).map(|_permit| quota.used()), Ok(2));
        assert_eq!((quota.used(), quota.limit()), (1, 2));
    }

    #[test]
    fn one_complaint_a_second() {
        let quota = Quota::new(open(1, 1));
        let times = [7, 7, 7, 8, 8].map(|unix| quota.may_complain(unix));
        assert_eq!(times, [true, false, false, true, false]);
    }

    #[test]
    fn workers_together_keep_the_bounds() {
        let quota = Quota::new(Bounds { all: 10, per_source: 7, for_proven: 2 });
        let worker = |seed: u8| {
            let quota = &quota;
            move || {
                let mut held = Vec::new();
                for i in 0..20_000_u32 {
                    held.extend(quota.take(source(seed % 2 + (i % 2) as u8), i % 5 == 0));
                    assert!(quota.used() <= 10);
                    if i % 3 != 0 && !held.is_empty() {
                        drop(held.swap_remove(i as usize % held.len()));
                    }
                }
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|seed| drop(scope.spawn(worker(seed)))));
        assert_eq!((quota.used(), quota.unproven.load(Relaxed), sources_counted(&quota)), (0, 0, 0));
        assert!((7..=10).contains(&quota.high_water()), "{}", quota.high_water());
    }

    proptest! {
        #[test]
        fn counts_are_those_of_the_permits_alive(steps in prop::collection::vec((0u8..4, any::<bool>()), 0..200)) {
            let quota = Quota::new(open(12, 5));
            let mut held: Vec<(u8, Permit)> = Vec::new();
            for (who, take) in steps {
                if !take {
                    if let Some(i) = held.iter().position(|(holder, _)| *holder == who) {
                        drop(held.swap_remove(i));
                    }
                    continue;
                }
                let own = held.iter().filter(|(holder, _)| *holder == who).count();
                let free = 12 - held.len();
                let share = own == 0 || own < 5 && own < 4 * free.saturating_sub(1);
                let wanted = if share { (free == 0).then_some(Exceeded::All) } else { Some(Exceeded::Share) };
                match quota.take(source(who), false) {
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
