//! A hash table of entries by 32 bits of their hash, that can be brought near step by step.
//!
//! Fingerprints stand in one array and entries at the same places of another, so that both places are known from the
//! hash alone, before anything was read: a batch of look-ups asks for all of them first. Probing is linear; an entry
//! that leaves is followed by those that were displaced by it, so there are no graves. The place is the fingerprint
//! scaled to the table's length, which so may grow by a quarter, and wastes less than doubling does.
//! Not here: which entry leaves (`shard`).

use std::mem;

use super::entry::Entry;
use crate::sys::prefetch::prefetch;

/// Places of the smallest table.
const MIN_PLACES: usize = 16;
/// So many of [`LOAD_OF`] places are taken at most.
const LOAD: usize = 13;
/// See [`LOAD`].
const LOAD_OF: usize = 16;
/// The fingerprint of a place without an entry.
const FREE: u32 = 0;

/// See the module.
#[derive(Default)]
pub(super) struct Table {
    /// Of the entries at the same places, or [`FREE`].
    fingerprints: Vec<u32>,
    entries: Vec<Option<Entry>>,
    len: usize,
}

/// The fingerprint that a hash leads to.
#[inline]
pub(super) fn fingerprint(hash: u64) -> u32 {
    (hash as u32).max(FREE + 1)
}

impl Table {
    /// Entries.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn home(&self, fingerprint: u32) -> usize {
        ((u64::from(fingerprint) * self.fingerprints.len() as u64) >> 32) as usize
    }

    #[inline]
    fn after(&self, place: usize) -> usize {
        if place + 1 == self.fingerprints.len() { 0 } else { place + 1 }
    }

    /// Asks the core to bring the places near at which an entry of this fingerprint would stand.
    #[inline]
    pub(super) fn prefetch(&self, fingerprint: u32) {
        let home = self.home(fingerprint);
        if let (Some(near), Some(entry)) = (self.fingerprints.get(home), self.entries.get(home)) {
            prefetch(near);
            prefetch(entry);
            // Most stand at home or a few places behind it.
            prefetch(self.entries.get(home + 3).unwrap_or(entry));
        }
    }

    /// The place of the first entry of this fingerprint that `is_it` knows.
    #[inline]
    fn place(&self, fingerprint: u32, is_it: impl Fn(&Entry) -> bool) -> Option<usize> {
        let mut place = self.home(fingerprint);
        while *self.fingerprints.get(place)? != FREE {
            if self.fingerprints[place] == fingerprint && self.entries[place].as_ref().is_some_and(&is_it) {
                return Some(place);
            }
            place = self.after(place);
        }
        None
    }

    /// The first entry of this fingerprint that `is_it` knows.
    #[inline]
    pub(super) fn find(&mut self, fingerprint: u32, is_it: impl Fn(&Entry) -> bool) -> Option<&mut Entry> {
        let place = self.place(fingerprint, is_it)?;
        self.entries[place].as_mut()
    }

    /// Adds an entry; there may be others of its fingerprint.
    pub(super) fn insert(&mut self, fingerprint: u32, entry: Entry) {
        if (self.len + 1) * LOAD_OF > self.fingerprints.len() * LOAD {
            self.grow();
        }
        self.put(fingerprint, entry);
        self.len += 1;
    }

    fn put(&mut self, fingerprint: u32, entry: Entry) {
        let mut place = self.home(fingerprint);
        while self.fingerprints[place] != FREE {
            place = self.after(place);
        }
        self.fingerprints[place] = fingerprint;
        self.entries[place] = Some(entry);
    }

    fn grow(&mut self) {
        let places = (self.fingerprints.len() + self.fingerprints.len() / 4).max(MIN_PLACES);
        let fingerprints = mem::replace(&mut self.fingerprints, vec![FREE; places]);
        let mut empty = Vec::new();
        empty.resize_with(places, || None);
        let entries = mem::replace(&mut self.entries, empty);
        for (fingerprint, entry) in fingerprints.into_iter().zip(entries) {
            if let Some(entry) = entry {
                self.put(fingerprint, entry);
            }
        }
    }

    /// Takes out the first entry of this fingerprint that `is_it` knows.
    pub(super) fn remove(&mut self, fingerprint: u32, is_it: impl Fn(&Entry) -> bool) -> Option<Entry> {
        let place = self.place(fingerprint, is_it)?;
        self.take(place)
    }

    /// Takes out the entry at a place; one that was displaced by it may stand there then.
    fn take(&mut self, mut hole: usize) -> Option<Entry> {
        let entry = self.entries[hole].take()?;
        self.len -= 1;
        let places = self.fingerprints.len();
        let mut place = self.after(hole);
        // What stands behind may not be cut off from its home.
        while self.fingerprints[place] != FREE {
            let displaced = (place + places - self.home(self.fingerprints[place])) % places;
            if displaced >= (place + places - hole) % places {
                self.fingerprints[hole] = self.fingerprints[place];
                self.entries.swap(hole, place);
                hole = place;
            }
            place = self.after(place);
        }
        self.fingerprints[hole] = FREE;
        Some(entry)
    }

    /// Places.
    pub(super) fn places(&self) -> usize {
        self.fingerprints.len()
    }

    /// Where to pause behind `place`: at a free one. What stands behind it was not displaced over it, and so never comes
    /// to stand before it: entries only move towards their homes.
    fn pause(&self, place: usize) -> usize {
        let is_free = |fingerprint: &u32| *fingerprint == FREE;
        let rest = self.fingerprints.get(place..).unwrap_or_default();
        rest.iter().position(is_free).map_or(self.fingerprints.len(), |offset| place + offset)
    }

    /// Takes out what `doomed` names of at least `least` places from `from` on, with its fingerprint; returns where to go on.
    /// While the number of places stays the same, all that is in the table when it begins at 0 and until it has come to
    /// the end is looked at, whatever comes and goes between the steps.
    pub(super) fn sweep(
        &mut self,
        from: usize,
        least: usize,
        mut doomed: impl FnMut(&Entry) -> bool,
        taken: &mut Vec<(u32, Entry)>,
    ) -> usize {
        let end = self.pause(from.saturating_add(least));
        let mut place = from;
        while place < end {
            let fingerprint = self.fingerprints[place];
            match self.entries[place].as_ref().is_some_and(&mut doomed) {
                // What follows moves up.
                true => taken.extend(self.take(place).map(|entry| (fingerprint, entry))),
                false => place += 1,
            }
        }
        end
    }

    /// Shows the entries of at least `least` places from `from` on; returns where to go on.
    pub(super) fn look(&self, from: usize, least: usize, each: impl FnMut(&Entry)) -> usize {
        let end = self.pause(from.saturating_add(least));
        self.entries.get(from..end).unwrap_or_default().iter().flatten().for_each(each);
        end
    }

    /// Takes out every entry.
    pub(super) fn clear(&mut self) -> Vec<Option<Entry>> {
        mem::take(self).entries
    }

    /// Every entry.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn entry(key: u32) -> Entry {
        Entry::new(&key.to_le_bytes(), b"", 1, 0)
    }

    /// What a map of fingerprints and keys would hold, is held.
    fn check(table: &mut Table, wanted: &HashMap<(u32, u32), ()>, case: &str) {
        assert_eq!(table.len(), wanted.len(), "{case}");
        assert_eq!(table.iter().count(), wanted.len(), "{case}");
        for (fingerprint, key) in wanted.keys() {
            assert!(table.find(*fingerprint, |entry| entry.key() == key.to_le_bytes()).is_some(), "{case}: {key}");
        }
    }

    #[test]
    fn entries_are_found_whatever_came_and_left_around_them() {
        // Fingerprints that crowd at the beginning, at the end (and so go round), that are alike, and that are spread.
        type Crowd = fn(u32) -> u32;
        let crowds: [(&str, Crowd); 4] = [
            ("at the beginning", |key| 1 + key % 7),
            ("at the end", |key| u32::MAX - key % 5),
            ("all alike", |_| 1 << 31),
            ("spread", |key| key.wrapping_mul(0x9e37_79b1).max(1)),
        ];
        for (case, fingerprint) in crowds {
            let (mut table, mut wanted, mut state) = (Table::default(), HashMap::new(), 1_u64);
            for _ in 0..4000 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let key = (state >> 33) as u32 % 60;
                let (fingerprint, is_it) = (fingerprint(key), |entry: &Entry| entry.key() == key.to_le_bytes());
                if state >> 63 == 0 {
                    let removed = table.remove(fingerprint, is_it).is_some();
                    assert_eq!(removed, wanted.remove(&(fingerprint, key)).is_some(), "{case}: {key}");
                } else if wanted.insert((fingerprint, key), ()).is_none() {
                    table.insert(fingerprint, entry(key));
                }
                check(&mut table, &wanted, case);
            }
        }
    }

    #[test]
    fn what_is_doomed_is_handed_out_whatever_comes_and_goes_between_the_steps() {
        for seed in 1..40_u64 {
            let (mut table, mut state) = (Table::default(), seed);
            let mut random = move || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as u32
            };
            // Crowded, so that many are displaced, and some go round.
            let spot = |key: u32| fingerprint(u64::from((key % 29).wrapping_mul(0x0888_8888).wrapping_add(key / 29)));
            for key in 0..300 {
                table.insert(spot(key), entry(key));
            }
            let number = |entry: &Entry| u32::from_le_bytes(entry.key().try_into().expect("four octets"));
            let is_doomed = |entry: &Entry| number(entry) < 300 && number(entry) % 3 == 0;
            let (mut from, mut taken, places) = (0, Vec::new(), table.places());
            let mut gone = 0;
            while from < places {
                from = table.sweep(from, 7, is_doomed, &mut taken);
                for _ in 0..3 {
                    let key = random() % 300;
                    let is_it = |entry: &Entry| number(entry) == key;
                    if let Some(removed) = table.remove(spot(key), is_it) {
                        gone += u32::from(is_doomed(&removed));
                        table.insert(spot(key + 300), entry(key + 300));
                    }
                }
                assert_eq!(table.places(), places, "it does not grow");
            }
            assert_eq!(table.iter().filter(|entry| is_doomed(entry)).count(), 0, "seed {seed}");
            assert_eq!(taken.len() as u32 + gone, 100, "seed {seed}");
        }
    }

    #[test]
    fn what_is_doomed_is_handed_out_and_the_rest_stays() {
        let mut table = Table::default();
        for key in 0..1000_u32 {
            table.insert(fingerprint(u64::from(key.wrapping_mul(0x9e37_79b1))), entry(key));
        }
        let mut removed = Vec::new();
        let end = table.sweep(0, usize::MAX, |entry| entry.key()[0] % 2 == 0, &mut removed);
        assert_eq!((end, removed.len(), table.len()), (table.places(), 500, 500));
        assert!(removed.iter().all(|(fingerprint, _)| *fingerprint != FREE));
        assert!(table.iter().all(|entry| entry.key()[0] % 2 == 1));
        let mut seen = 0;
        assert_eq!(table.look(0, usize::MAX, |_| seen += 1), table.places());
        assert_eq!((seen, table.clear().into_iter().flatten().count(), table.len()), (500, 500, 0));
    }

    #[test]
    fn an_empty_table_knows_nothing_and_can_be_asked() {
        let mut table = Table::default();
        table.prefetch(1);
        assert!(table.find(u32::MAX, |_| true).is_none() && table.remove(1, |_| true).is_none());
        assert_eq!(fingerprint(1 << 32), 1, "no entry has the fingerprint of free places");
    }
}
