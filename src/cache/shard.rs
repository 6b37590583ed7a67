//! One shard: a hash table of entries and the queues that decide which entry leaves.
//!
//! Eviction is S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023): new entries wait in
//! a small queue of a tenth of the octets; only those asked for again there move to the main queue, so that a flood of
//! names asked once passes through the tenth and leaves the rest alone. An entry whose hash is remembered from a recent
//! eviction goes to the main queue at once.

use std::collections::VecDeque;
use std::mem;

use hashbrown::HashTable;

/// Octets in front of an entry's key: uses, marks, key length, TTL, time of storing.
pub(super) const ENTRY_HEADER_OCTETS: usize = 16;
/// What an entry costs beside its own octets: its slot, its place in table and queue, the allocator's header.
const OVERHEAD_OCTETS: usize = 48;
/// A mark: it is in the main queue.
const MAIN: u8 = 1;
/// A mark: it was asked for anew before its end; that happens once.
const REFRESHED: u8 = 2;
/// TTLs are whole seconds: two answers whose ends are no farther apart may have the same one.
const SAME_END_MS: u64 = 1000;
/// Uses are counted up to this.
const MAX_USES: u8 = 3;
/// The small queue's share of the octets is one in this many.
const SMALL_SHARE: usize = 10;
/// So many entries are spared for having been used before one leaves regardless: making room takes bounded time, also
/// in the moment when a big shard is full for the first time and everything in it was used.
const MAX_SPARED: u32 = 1024;

/// An entry in one allocation: header, key, segment.
pub(super) struct Entry {
    octets: Box<[u8]>,
}

impl Entry {
    /// An entry that was never used.
    pub(super) fn new(key: &[u8], segment: &[u8], ttl: u32, stored_ms: u64) -> Self {
        let mut octets = Vec::with_capacity(ENTRY_HEADER_OCTETS + key.len() + segment.len());
        octets.extend_from_slice(&[0, 0]);
        octets.extend_from_slice(&(key.len() as u16).to_le_bytes());
        octets.extend_from_slice(&ttl.to_le_bytes());
        octets.extend_from_slice(&stored_ms.to_le_bytes());
        octets.extend_from_slice(key);
        octets.extend_from_slice(segment);
        Self { octets: octets.into_boxed_slice() }
    }

    fn uses(&self) -> u8 {
        self.octets[0]
    }

    fn set_uses(&mut self, uses: u8) {
        self.octets[0] = uses;
    }

    fn is_main(&self) -> bool {
        self.octets[1] & MAIN != 0
    }

    fn set_main(&mut self, main: bool) {
        self.octets[1] = self.octets[1] & !MAIN | if main { MAIN } else { 0 };
    }

    /// Marks it as being fetched anew; whether it was not marked before.
    pub(super) fn take_refresh(&mut self) -> bool {
        let first = self.octets[1] & REFRESHED == 0;
        self.octets[1] |= REFRESHED;
        first
    }

    /// Takes an older entry's place. If it lives hardly longer than that one, whoever sent it counts down a TTL of its
    /// own: fetching it anew once more would bring the same.
    fn replaces(&mut self, old: &Self) {
        self.set_main(old.is_main());
        self.octets[0] = old.octets[0];
        if self.expires_ms() <= old.expires_ms() + SAME_END_MS {
            self.octets[1] |= old.octets[1] & REFRESHED;
        }
    }

    /// Counts a use.
    #[inline]
    pub(super) fn touch(&mut self) {
        if self.octets[0] < MAX_USES {
            self.octets[0] += 1;
        }
    }

    #[inline]
    fn segment_at(&self) -> usize {
        ENTRY_HEADER_OCTETS + usize::from(u16::from_le_bytes([self.octets[2], self.octets[3]]))
    }

    /// The key.
    #[inline]
    pub(super) fn key(&self) -> &[u8] {
        &self.octets[ENTRY_HEADER_OCTETS..self.segment_at()]
    }

    /// The segment.
    #[inline]
    pub(super) fn segment(&self) -> &[u8] {
        &self.octets[self.segment_at()..]
    }

    /// How long it may be kept, in seconds.
    #[inline]
    pub(super) fn ttl(&self) -> u32 {
        u32::from_le_bytes([self.octets[4], self.octets[5], self.octets[6], self.octets[7]])
    }

    /// When it was stored, in milliseconds of the cache's clock.
    #[inline]
    pub(super) fn stored_ms(&self) -> u64 {
        let mut octets = [0; 8];
        octets.copy_from_slice(&self.octets[8..16]);
        u64::from_le_bytes(octets)
    }

    /// When its TTL ends, in milliseconds of the cache's clock.
    #[inline]
    pub(super) fn expires_ms(&self) -> u64 {
        self.stored_ms() + u64::from(self.ttl()) * 1000
    }

    fn cost(&self) -> usize {
        self.octets.len() + OVERHEAD_OCTETS
    }
}

/// See the module.
pub(super) struct Shard {
    /// Indexes into `slots`, by the hash of the key.
    table: HashTable<u32>,
    /// `None`: free.
    slots: Vec<Option<Entry>>,
    free: Vec<u32>,
    small: VecDeque<u32>,
    main: VecDeque<u32>,
    small_octets: usize,
    main_octets: usize,
    /// Fingerprints of what was evicted from the small queue, by hash; a newer one takes an older one's place.
    ghosts: Vec<u32>,
    capacity_octets: usize,
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
            table: HashTable::new(),
            slots: Vec::new(),
            free: Vec::new(),
            small: VecDeque::new(),
            main: VecDeque::new(),
            small_octets: 0,
            main_octets: 0,
            ghosts: Vec::new(),
            capacity_octets,
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

    /// Octets in use by the shard's own count.
    pub(super) fn octets(&self) -> usize {
        self.small_octets + self.main_octets
    }

    /// The entry of a key.
    #[inline]
    pub(super) fn find(&mut self, hash: u64, key: &[u8]) -> Option<&mut Entry> {
        let slots = &self.slots;
        let index =
            *self.table.find(hash, |&slot| slots[slot as usize].as_ref().is_some_and(|entry| entry.key() == key))?;
        self.slots[index as usize].as_mut()
    }

    /// Stores an entry, in the place of one with the same key if there is one, and makes room.
    pub(super) fn insert(
        &mut self,
        hash: u64,
        mut entry: Entry,
        now_ms: u64,
        hash_of: impl Fn(&[u8]) -> u64,
    ) -> Evicted {
        let cost = entry.cost();
        if cost > self.capacity_octets / 2 {
            return Evicted::default();
        }
        if let Some(old) = self.find(hash, entry.key()) {
            let (main, old_cost) = (old.is_main(), old.cost());
            entry.replaces(old);
            *old = entry;
            let octets = if main { &mut self.main_octets } else { &mut self.small_octets };
            *octets = *octets - old_cost + cost;
        } else {
            let remembered = self.take_ghost(hash);
            entry.set_main(remembered);
            let index = self.put_slot(entry);
            let slots = &self.slots;
            let rehash = |&slot: &u32| slots[slot as usize].as_ref().map_or(0, |entry| hash_of(entry.key()));
            self.table.insert_unique(hash, index, rehash);
            self.enqueue(index, remembered, cost);
        }
        self.make_room(now_ms, &hash_of)
    }

    fn put_slot(&mut self, entry: Entry) -> u32 {
        match self.free.pop() {
            Some(index) => {
                self.slots[index as usize] = Some(entry);
                index
            }
            None => {
                self.slots.push(Some(entry));
                (self.slots.len() - 1) as u32
            }
        }
    }

    fn enqueue(&mut self, index: u32, main: bool, cost: usize) {
        if main {
            self.main.push_back(index);
            self.main_octets += cost;
        } else {
            self.small.push_back(index);
            self.small_octets += cost;
        }
    }

    fn make_room(&mut self, now_ms: u64, hash_of: &impl Fn(&[u8]) -> u64) -> Evicted {
        let (mut evicted, mut spared) = (Evicted::default(), 0);
        while self.octets() > self.capacity_octets {
            let before = self.len();
            if self.small_octets > self.capacity_octets / SMALL_SHARE || self.main.is_empty() {
                self.leave_small(spared < MAX_SPARED, now_ms, hash_of, &mut evicted);
            } else {
                self.leave_main(spared < MAX_SPARED, now_ms, hash_of, &mut evicted);
            }
            spared = if self.len() < before { 0 } else { spared + 1 };
        }
        evicted
    }

    /// Takes the oldest of the small queue: to the main queue if it was used and may be spared, else out.
    fn leave_small(&mut self, spare: bool, now_ms: u64, hash_of: &impl Fn(&[u8]) -> u64, evicted: &mut Evicted) {
        let Some(index) = self.small.pop_front() else { return };
        let Some(entry) = self.slots[index as usize].as_mut() else { return };
        let cost = entry.cost();
        self.small_octets -= cost;
        if spare && entry.uses() > 0 && entry.expires_ms() > now_ms {
            entry.set_uses(0);
            entry.set_main(true);
            self.enqueue(index, true, cost);
        } else if let Some(hash) = self.drop_slot(index, now_ms, hash_of, evicted) {
            self.put_ghost(hash);
        }
    }

    /// Takes the oldest of the main queue: to its end if it was used and may be spared, else out.
    fn leave_main(&mut self, spare: bool, now_ms: u64, hash_of: &impl Fn(&[u8]) -> u64, evicted: &mut Evicted) {
        let Some(index) = self.main.pop_front() else { return };
        let Some(entry) = self.slots[index as usize].as_mut() else { return };
        let (uses, cost) = (entry.uses(), entry.cost());
        if spare && uses > 0 && entry.expires_ms() > now_ms {
            entry.set_uses(uses - 1);
            self.main.push_back(index);
        } else {
            self.main_octets -= cost;
            self.drop_slot(index, now_ms, hash_of, evicted);
        }
    }

    /// Forgets a slot that stands in no queue; returns its hash if it was still live.
    fn drop_slot(
        &mut self,
        index: u32,
        now_ms: u64,
        hash_of: &impl Fn(&[u8]) -> u64,
        evicted: &mut Evicted,
    ) -> Option<u64> {
        let entry = self.slots[index as usize].take()?;
        self.free.push(index);
        let hash = hash_of(entry.key());
        if let Ok(found) = self.table.find_entry(hash, |&slot| slot == index) {
            found.remove();
        }
        let live = entry.expires_ms() > now_ms;
        *if live { &mut evicted.live } else { &mut evicted.expired } += 1;
        live.then_some(hash)
    }

    /// Forgets every entry that `doomed` names; returns how many.
    pub(super) fn remove_if(&mut self, hash_of: impl Fn(&[u8]) -> u64, doomed: impl Fn(&Entry) -> bool) -> usize {
        let mut removed = 0;
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if !slot.as_ref().is_some_and(&doomed) {
                continue;
            }
            let Some(entry) = mem::take(slot) else { continue };
            *if entry.is_main() { &mut self.main_octets } else { &mut self.small_octets } -= entry.cost();
            if let Ok(found) = self.table.find_entry(hash_of(entry.key()), |&at| at as usize == index) {
                found.remove();
            }
            self.free.push(index as u32);
            removed += 1;
        }
        // A slot that is free stands in no queue: it would be taken twice.
        let slots = &self.slots;
        self.small.retain(|&index| slots[index as usize].is_some());
        self.main.retain(|&index| slots[index as usize].is_some());
        removed
    }

    fn ghost_place(&self, hash: u64) -> Option<usize> {
        // The table's own buckets use the low bits; the fingerprint uses the middle ones.
        (!self.ghosts.is_empty()).then(|| (hash >> 8) as usize & (self.ghosts.len() - 1))
    }

    fn put_ghost(&mut self, hash: u64) {
        let wanted = self.table.len().next_power_of_two().clamp(64, 1 << 20);
        if self.ghosts.len() < wanted {
            self.ghosts = vec![0; wanted];
        }
        if let Some(place) = self.ghost_place(hash) {
            self.ghosts[place] = fingerprint(hash);
        }
    }

    fn take_ghost(&mut self, hash: u64) -> bool {
        let Some(place) = self.ghost_place(hash) else { return false };
        let remembered = self.ghosts[place] == fingerprint(hash);
        if remembered {
            self.ghosts[place] = 0;
        }
        remembered
    }
}

fn fingerprint(hash: u64) -> u32 {
    (hash >> 32) as u32 | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry of some 100 octets.
    fn entry(key: u64) -> Entry {
        Entry::new(&key.to_le_bytes(), &[0; 28], 3600, 0)
    }

    fn hash_of(key: &[u8]) -> u64 {
        key.iter().fold(7, |hash: u64, &octet| (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3))
    }

    fn insert(shard: &mut Shard, key: u64) -> Evicted {
        shard.insert(hash_of(&key.to_le_bytes()), entry(key), 0, hash_of)
    }

    fn is_kept(shard: &mut Shard, key: u64) -> bool {
        shard.find(hash_of(&key.to_le_bytes()), &key.to_le_bytes()).is_some()
    }

    /// What must hold after every call.
    fn check(shard: &Shard) {
        let cost = |main: bool| {
            let queued = if main { &shard.main } else { &shard.small };
            let entries = queued.iter().map(|&index| shard.slots[index as usize].as_ref().expect("queued is not free"));
            entries
                .map(|entry| (entry.is_main() == main).then(|| entry.cost()).expect("in its own queue"))
                .sum::<usize>()
        };
        assert_eq!((cost(false), cost(true)), (shard.small_octets, shard.main_octets));
        assert_eq!(shard.small.len() + shard.main.len(), shard.len());
        assert_eq!(shard.len() + shard.free.len(), shard.slots.len());
        assert!(shard.octets() <= shard.capacity_octets);
    }

    #[test]
    fn making_room_spares_a_bounded_number_of_entries() {
        let count = 10_000;
        let mut shard = Shard::new(count as usize * entry(0).cost());
        for key in 0..count {
            insert(&mut shard, key);
        }
        for _ in 0..3 {
            (0..count).for_each(|key| shard.slots[key as usize].as_mut().expect("kept").touch());
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
            assert_eq!(shard.remove_if(hash_of, |_| true), 500);
            assert!(shard.slots.len() <= 500, "round {round}: {} slots", shard.slots.len());
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
                10..=14 => _ = shard.find(hash_of(&key.to_le_bytes()), &key.to_le_bytes()).map(Entry::touch),
                _ => _ = shard.remove_if(hash_of, |entry| entry.key()[0] % 16 == (key % 16) as u8),
            }
            check(&shard);
            if state >> 60 <= 9 {
                assert!(is_kept(&mut shard, key), "step {step}");
            }
        }
    }
}
