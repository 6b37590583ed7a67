//! One shard: a table of entries and the queues that decide which entry leaves.
//!
//! Eviction is S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023): new entries wait in
//! a small queue of a tenth of the octets; only those asked for again there move to the main queue, so that a flood of
//! names asked once passes through the tenth and leaves the rest alone. An entry whose hash is remembered from a recent
//! eviction goes to the main queue at once.
//! Queues hold fingerprints: two entries of one fingerprint in one queue may leave in each other's place.

use std::collections::{HashMap, VecDeque};

use super::census::Counts;
use super::entry::Entry;
use super::table::{Table, fingerprint};

/// The small queue's share of the octets is one in this many.
const SMALL_SHARE: usize = 10;
/// So many entries are spared for having been used before one leaves regardless: making room takes bounded time, also
/// in the moment when a big shard is full for the first time and everything in it was used.
const MAX_SPARED: u32 = 1024;

/// See the module.
pub(super) struct Shard {
    table: Table,
    small: VecDeque<u32>,
    main: VecDeque<u32>,
    small_octets: usize,
    main_octets: usize,
    /// Fingerprints of what was evicted from the small queue; a newer one takes an older one's place.
    ghosts: Vec<u32>,
    capacity_octets: usize,
    counts: Counts,
}

/// What was evicted, for counting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Evicted {
    /// Entries whose TTL had not ended.
    pub(super) live: u32,
    /// Entries whose TTL had ended.
    pub(super) expired: u32,
}

impl Shard {
    /// An empty shard of at most this many octets.
    pub(super) fn new(capacity_octets: usize) -> Self {
        Self {
            table: Table::default(),
            small: VecDeque::new(),
            main: VecDeque::new(),
            small_octets: 0,
            main_octets: 0,
            ghosts: Vec::new(),
            capacity_octets,
            counts: Counts::default(),
        }
    }

    /// Changes the capacity.
    pub(super) fn set_capacity(&mut self, octets: usize) {
        self.capacity_octets = octets;
    }

    /// Entries, expired ones included.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// The most octets in use.
    pub(super) fn capacity(&self) -> usize {
        self.capacity_octets
    }

    /// What it holds, by kinds.
    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Octets in use by the shard's own count.
    pub(super) fn octets(&self) -> usize {
        self.small_octets + self.main_octets
    }

    /// Asks the core to bring near what [`Self::prefetch_entry`] reads.
    #[inline]
    pub(super) fn prefetch_place(&self, hash: u64) {
        self.table.prefetch(fingerprint(hash));
    }

    /// Asks the core to bring the entry near that [`Self::find`] will find; says whether there is one, as far as 32 bits
    /// of the hash tell.
    #[inline]
    pub(super) fn prefetch_entry(&mut self, hash: u64) -> bool {
        let found = self.table.find(fingerprint(hash), |_| true);
        found.as_ref().inspect(|entry| entry.prefetch()).is_some()
    }

    /// The entry of a key, that consists of QTYPE and the rest.
    #[inline]
    pub(super) fn find(&mut self, hash: u64, qtype: u16, typeless: &[u8]) -> Option<&mut Entry> {
        self.table.find(fingerprint(hash), |entry| entry.is_for(qtype, typeless))
    }

    /// Stores an entry, in the place of one with the same key if there is one, and makes room.
    pub(super) fn insert(&mut self, hash: u64, mut entry: Entry, now_ms: u64) -> Evicted {
        let cost = entry.cost();
        if cost > self.capacity_octets / 2 {
            return Evicted::default();
        }
        self.counts.comes(&entry);
        if let Some(old) = self.table.find(fingerprint(hash), |old| old.key() == entry.key()) {
            let (main, old_cost) = (old.is_main(), old.cost());
            entry.replaces(old);
            self.counts.goes(old);
            *old = entry;
            let octets = if main { &mut self.main_octets } else { &mut self.small_octets };
            *octets = *octets - old_cost + cost;
        } else {
            let fingerprint = fingerprint(hash);
            let remembered = self.take_ghost(fingerprint);
            entry.set_main(remembered);
            self.table.insert(fingerprint, entry);
            self.enqueue(fingerprint, remembered, cost);
        }
        self.make_room(now_ms)
    }

    fn enqueue(&mut self, fingerprint: u32, main: bool, cost: usize) {
        if main {
            self.main.push_back(fingerprint);
            self.main_octets += cost;
        } else {
            self.small.push_back(fingerprint);
            self.small_octets += cost;
        }
    }

    fn make_room(&mut self, now_ms: u64) -> Evicted {
        let (mut evicted, mut spared) = (Evicted::default(), 0);
        while self.octets() > self.capacity_octets {
            let before = self.len();
            if self.small_octets > self.capacity_octets / SMALL_SHARE || self.main.is_empty() {
                self.leave_small(spared < MAX_SPARED, now_ms, &mut evicted);
            } else {
                self.leave_main(spared < MAX_SPARED, now_ms, &mut evicted);
            }
            spared = if self.len() < before { 0 } else { spared + 1 };
        }
        evicted
    }

    /// Takes the oldest of the small queue: to the main queue if it was used and may be spared, else out.
    fn leave_small(&mut self, spare: bool, now_ms: u64, evicted: &mut Evicted) {
        let Some(fingerprint) = self.small.pop_front() else { return };
        let Some(entry) = self.table.find(fingerprint, |entry| !entry.is_main()) else { return };
        let cost = entry.cost();
        self.small_octets -= cost;
        if spare && entry.uses() > 0 && entry.expires_ms() > now_ms {
            entry.set_uses(0);
            entry.set_main(true);
            self.enqueue(fingerprint, true, cost);
        } else if self.drop_entry(fingerprint, false, now_ms, evicted) {
            self.put_ghost(fingerprint);
        }
    }

    /// Takes the oldest of the main queue: to its end if it was used and may be spared, else out.
    fn leave_main(&mut self, spare: bool, now_ms: u64, evicted: &mut Evicted) {
        let Some(fingerprint) = self.main.pop_front() else { return };
        let Some(entry) = self.table.find(fingerprint, Entry::is_main) else { return };
        let (uses, cost) = (entry.uses(), entry.cost());
        if spare && uses > 0 && entry.expires_ms() > now_ms {
            entry.set_uses(uses - 1);
            self.main.push_back(fingerprint);
        } else {
            self.main_octets -= cost;
            self.drop_entry(fingerprint, true, now_ms, evicted);
        }
    }

    /// Forgets the entry that was taken from a queue; says whether it was still live.
    fn drop_entry(&mut self, fingerprint: u32, main: bool, now_ms: u64, evicted: &mut Evicted) -> bool {
        let dropped = self.table.remove(fingerprint, |entry| entry.is_main() == main);
        let live = dropped.as_ref().is_some_and(|entry| entry.expires_ms() > now_ms);
        if let Some(entry) = &dropped {
            self.counts.leaves(entry, live);
        }
        *if live { &mut evicted.live } else { &mut evicted.expired } += 1;
        live
    }

    /// Places of the table.
    pub(super) fn places(&self) -> usize {
        self.table.places()
    }

    /// Forgets what `doomed` names of some places; returns where to go on, and what was forgotten
    /// ([`Table::sweep`]).
    pub(super) fn sweep(
        &mut self,
        from: usize,
        least: usize,
        doomed: impl FnMut(&Entry) -> bool,
    ) -> (usize, Vec<(u32, Entry)>) {
        let mut removed = Vec::new();
        let next = self.table.sweep(from, least, doomed, &mut removed);
        if !removed.is_empty() {
            self.unqueue(&removed);
        }
        (next, removed)
    }

    /// Shows the entries of some places; returns where to go on.
    pub(super) fn look(&self, from: usize, least: usize, each: impl FnMut(&Entry)) -> usize {
        self.table.look(from, least, each)
    }

    /// Forgets every entry.
    pub(super) fn clear(&mut self) -> Vec<Entry> {
        let entries = self.table.clear();
        let mut counts = std::mem::take(&mut self.counts);
        counts.all_go();
        *self = Self { counts, ..Self::new(self.capacity_octets) };
        entries.into_iter().flatten().collect()
    }

    /// Takes entries that are gone from their queues: the oldest of as many as share a fingerprint.
    fn unqueue(&mut self, removed: &[(u32, Entry)]) {
        let mut counts: [HashMap<u32, u32, foldhash::fast::RandomState>; 2] = Default::default();
        for (fingerprint, entry) in removed {
            *if entry.is_main() { &mut self.main_octets } else { &mut self.small_octets } -= entry.cost();
            self.counts.goes(entry);
            *counts[usize::from(entry.is_main())].entry(*fingerprint).or_default() += 1;
        }
        for (queue, counts) in [&mut self.small, &mut self.main].into_iter().zip(&mut counts) {
            if counts.is_empty() {
                continue;
            }
            queue.retain(|fingerprint| match counts.get_mut(fingerprint) {
                Some(count) if *count > 0 => {
                    *count -= 1;
                    false
                }
                _ => true,
            });
        }
    }

    fn ghost_place(&self, fingerprint: u32) -> Option<usize> {
        // The table's places follow from the high bits.
        (!self.ghosts.is_empty()).then(|| fingerprint as usize & (self.ghosts.len() - 1))
    }

    fn put_ghost(&mut self, fingerprint: u32) {
        let wanted = self.table.len().next_power_of_two().clamp(64, 1 << 20);
        if self.ghosts.len() < wanted {
            self.ghosts = vec![0; wanted];
        }
        if let Some(place) = self.ghost_place(fingerprint) {
            self.ghosts[place] = fingerprint;
        }
    }

    fn take_ghost(&mut self, fingerprint: u32) -> bool {
        let Some(place) = self.ghost_place(fingerprint) else { return false };
        let remembered = self.ghosts[place] == fingerprint;
        if remembered {
            self.ghosts[place] = 0;
        }
        remembered
    }
}

#[cfg(test)]
mod tests {
    use super::super::census::Census;
    use super::*;

    /// An entry of some 100 octets.
    fn entry(key: u64) -> Entry {
        Entry::new(&key.to_le_bytes(), &[0; 28], 3600, 0)
    }

    fn hash_of(key: &[u8]) -> u64 {
        key.iter().fold(7, |hash: u64, &octet| (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3))
    }

    fn insert(shard: &mut Shard, key: u64) -> Evicted {
        shard.insert(hash_of(&key.to_le_bytes()), entry(key), 0)
    }

    fn find(shard: &mut Shard, key: u64) -> Option<&mut Entry> {
        let octets = key.to_le_bytes();
        shard.find(hash_of(&octets), u16::from_le_bytes([octets[0], octets[1]]), &octets[2..])
    }

    fn is_kept(shard: &mut Shard, key: u64) -> bool {
        find(shard, key).is_some()
    }

    /// What must hold after every call.
    fn check(shard: &Shard) {
        let cost = |main: bool| {
            let kept = shard.table.iter().filter(|entry| entry.is_main() == main);
            kept.map(Entry::cost).sum::<usize>()
        };
        assert_eq!((cost(false), cost(true)), (shard.small_octets, shard.main_octets));
        let main = shard.table.iter().filter(|entry| entry.is_main()).count();
        assert_eq!((shard.small.len(), shard.main.len()), (shard.len() - main, main));
        assert!(shard.octets() <= shard.capacity_octets);
        let mut census = Census::default();
        shard.counts.add_to(&mut census);
        assert_eq!(census.kept.values().sum::<u64>(), shard.len() as u64);
        assert_eq!(census.octets.values().sum::<u64>(), shard.octets() as u64);
    }

    #[test]
    fn making_room_spares_a_bounded_number_of_entries() {
        let count = 10_000;
        let mut shard = Shard::new(count as usize * entry(0).cost());
        for key in 0..count {
            insert(&mut shard, key);
        }
        for _ in 0..3 {
            for key in 0..count {
                find(&mut shard, key).expect("kept").touch();
            }
        }
        insert(&mut shard, count);
        assert!(shard.main.len() <= MAX_SPARED as usize, "{} were looked at under one lock", shard.main.len());
        check(&shard);
    }

    #[test]
    fn what_was_flushed_is_used_again() {
        let mut shard = Shard::new(1000 * entry(0).cost());
        for round in 0..20 {
            for key in 0..500 {
                insert(&mut shard, key);
            }
            assert_eq!(shard.clear().len(), 500, "round {round}");
            check(&shard);
        }
    }

    #[test]
    fn counts_hold_whatever_is_done() {
        let mut shard = Shard::new(40 * entry(0).cost());
        let mut state = 1_u64;
        for step in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let key = (state >> 33) % 120;
            match state >> 60 {
                0..=9 => _ = insert(&mut shard, key),
                10..=14 => _ = find(&mut shard, key).map(Entry::touch),
                _ => {
                    let mut from = 0;
                    while from < shard.places() {
                        from = shard.sweep(from, 8, |entry| entry.key()[0] % 16 == (key % 16) as u8).0;
                    }
                }
            }
            check(&shard);
            if state >> 60 <= 9 {
                assert!(is_kept(&mut shard, key), "step {step}");
            }
        }
    }
}
