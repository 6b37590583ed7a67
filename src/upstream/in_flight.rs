//! Which questions are being asked at this moment, on any core: identical ones share one exchange.
//!
//! The table holds, for each question, the flight that asks it and the flights on other workers that wait for it.
//! It is what makes birthday attacks useless (one question, one outstanding ID) and spares the upstreams.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use hashbrown::HashTable;

use super::spares::Spares;

/// A flight on some worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlightId {
    /// The worker's number.
    pub worker: u16,
    /// Its place in that worker's table.
    pub index: u32,
    /// Tells it from others that had the same place.
    pub generation: u32,
}

/// What [`InFlight::join`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joined {
    /// Nobody asks it: the caller's flight does now.
    Own,
    /// A flight of the caller's worker asks it or waits for it already.
    Here(FlightId),
    /// Another worker asks it; the caller's flight was added to those that wait.
    Elsewhere,
    /// As many wait for it as may.
    Full,
}

struct Asked {
    hash: u64,
    key: Vec<u8>,
    owner: FlightId,
    waiting: Vec<FlightId>,
    /// Until when somebody on another worker waits.
    until: Instant,
    /// Who waits, on all workers; of use where that is bounded.
    clients: u32,
    /// Somebody was turned away.
    is_spilled: bool,
}

/// A question that ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// The flights of other workers that wait to be told.
    pub waiting: Vec<FlightId>,
    /// If somebody was turned away: how many waited.
    pub spilled: Option<u32>,
}

impl Asked {
    fn join(&mut self, me: FlightId, until: Instant) -> Joined {
        if self.owner.worker == me.worker {
            return Joined::Here(self.owner);
        }
        self.until = self.until.max(until);
        match self.waiting.iter().find(|flight| flight.worker == me.worker) {
            Some(&flight) => Joined::Here(flight),
            None => {
                self.waiting.push(me);
                Joined::Elsewhere
            }
        }
    }

    /// One more client waits, unless so many do already.
    fn admit(&mut self, most: u32) -> bool {
        let is_admitted = self.clients < most;
        self.clients += u32::from(is_admitted);
        self.is_spilled |= !is_admitted;
        is_admitted
    }
}

/// See the module. Shared by all workers.
pub struct InFlight {
    shards: Box<[Mutex<Shard>]>,
    /// Questions that are asked for the cache alone.
    refreshing: AtomicU32,
    most_refreshing: AtomicU32,
}

#[derive(Default)]
struct Shard {
    table: HashTable<Asked>,
    spare_keys: Spares<u8>,
}

const SHARDS: usize = 64;

impl Default for InFlight {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            refreshing: AtomicU32::new(0),
            most_refreshing: AtomicU32::new(u32::MAX),
        }
    }
}

impl InFlight {
    fn with<T>(&self, hash: u64, action: impl FnOnce(&mut Shard) -> T) -> T {
        let shard = &self.shards[(hash >> 40) as usize % SHARDS];
        action(&mut shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Joins the question `key`, or begins it; `me` is the flight that the caller would use, waiting until `until`. `most`:
    /// if so many clients wait already, one more is turned away; `None`: it is for the cache alone.
    pub fn join(&self, hash: u64, key: &[u8], me: FlightId, until: Instant, most: Option<u32>) -> Joined {
        self.with(hash, |Shard { table, spare_keys }| match table.find_mut(hash, |asked| *asked.key == *key) {
            Some(asked) => match most.is_none_or(|most| asked.admit(most)) {
                true => asked.join(me, until),
                false => Joined::Full,
            },
            None => {
                let mut kept = spare_keys.take();
                kept.extend_from_slice(key);
                let clients = u32::from(most.is_some());
                let asked =
                    Asked { hash, key: kept, owner: me, waiting: Vec::new(), until, clients, is_spilled: false };
                table.insert_unique(hash, asked, |asked| asked.hash);
                Joined::Own
            }
        })
    }

    /// How many questions may be asked for the cache alone at once, from now on.
    pub fn set_most_refreshing(&self, most: u32) {
        self.most_refreshing.store(most, Relaxed);
    }

    /// A question is to be asked for the cache alone from now on; says whether that is not one too many.
    pub fn begin_refresh(&self) -> bool {
        let most = self.most_refreshing.load(Relaxed);
        let begins = self.refreshing.fetch_add(1, Relaxed) < most;
        if !begins {
            self.end_refresh();
        }
        begins
    }

    /// It is no longer asked.
    pub fn end_refresh(&self) {
        self.refreshing.fetch_sub(1, Relaxed);
    }

    /// Questions that are asked for the cache alone.
    pub fn refreshing(&self) -> u32 {
        self.refreshing.load(Relaxed)
    }

    /// Until when somebody on another worker waits for the question; `None` if nobody does.
    pub fn awaited_until(&self, hash: u64, key: &[u8]) -> Option<Instant> {
        self.with(hash, |shard| {
            let asked = shard.table.find(hash, |asked| *asked.key == *key)?;
            (!asked.waiting.is_empty()).then_some(asked.until)
        })
    }

    /// So many clients wait no longer.
    pub fn leave_clients(&self, hash: u64, key: &[u8], count: u32) {
        self.with(hash, |shard| {
            if let Some(asked) = shard.table.find_mut(hash, |asked| *asked.key == *key) {
                asked.clients = asked.clients.saturating_sub(count);
            }
        });
    }

    /// Ends the question that `owner` asks.
    pub fn finish(&self, hash: u64, key: &[u8], owner: FlightId) -> Ended {
        let is_it = |asked: &Asked| *asked.key == *key && asked.owner == owner;
        self.with(hash, |Shard { table, spare_keys }| match table.find_entry(hash, is_it) {
            Ok(entry) => {
                let (Asked { key, waiting, clients, is_spilled, .. }, _) = entry.remove();
                spare_keys.put(key);
                Ended { waiting, spilled: is_spilled.then_some(clients) }
            }
            Err(_) => Ended::default(),
        })
    }

    /// Takes a waiting flight off the list.
    pub fn leave(&self, hash: u64, key: &[u8], flight: FlightId) {
        self.with(hash, |shard| {
            if let Some(asked) = shard.table.find_mut(hash, |asked| *asked.key == *key) {
                asked.waiting.retain(|&waiting| waiting != flight);
            }
        });
    }

    /// Questions in flight.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).table.len()).sum()
    }

    /// Whether nothing is in flight.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flight(worker: u16, index: u32) -> FlightId {
        FlightId { worker, index, generation: 1 }
    }

    #[test]
    fn identical_questions_have_one_owner_on_all_workers() {
        let (table, now) = (InFlight::default(), Instant::now());
        let join = |key: &[u8], me| table.join(7, key, me, now, Some(u32::MAX));
        assert_eq!(join(b"a", flight(0, 1)), Joined::Own);
        assert_eq!(join(b"a", flight(0, 2)), Joined::Here(flight(0, 1)));
        assert_eq!(join(b"a", flight(1, 3)), Joined::Elsewhere);
        assert_eq!(join(b"a", flight(1, 4)), Joined::Here(flight(1, 3)));
        assert_eq!(join(b"a", flight(2, 5)), Joined::Elsewhere);
        assert_eq!(join(b"b", flight(1, 6)), Joined::Own, "another question of the same hash");
        table.leave(7, b"a", flight(2, 5));
        assert_eq!(table.finish(7, b"a", flight(1, 3)).waiting, [], "only the owner ends it");
        assert_eq!(table.finish(7, b"a", flight(0, 1)).waiting, [flight(1, 3)]);
        assert_eq!(join(b"a", flight(1, 7)), Joined::Own);
        assert_eq!(table.len(), 2);
    }

    #[test]
    fn no_more_clients_wait_than_may_on_all_workers_together() {
        let (table, now) = (InFlight::default(), Instant::now());
        let join = |me| table.join(7, b"a", me, now, Some(2));
        assert_eq!(table.join(7, b"a", flight(0, 1), now, None), Joined::Own, "for the cache: nobody waits");
        assert_eq!([join(flight(0, 2)), join(flight(1, 1))], [Joined::Here(flight(0, 1)), Joined::Elsewhere]);
        assert_eq!([join(flight(0, 3)), join(flight(2, 1))], [Joined::Full, Joined::Full]);
        table.leave_clients(7, b"a", 1);
        assert_eq!([join(flight(2, 1)), join(flight(2, 2))], [Joined::Elsewhere, Joined::Full]);
        let ended = Ended { waiting: vec![flight(1, 1), flight(2, 1)], spilled: Some(2) };
        assert_eq!(table.finish(7, b"a", flight(0, 1)), ended);
        assert_eq!(join(flight(0, 4)), Joined::Own);
        assert_eq!(table.finish(7, b"a", flight(0, 4)).spilled, None);
    }

    #[test]
    fn questions_for_the_cache_alone_are_bounded() {
        let table = InFlight::default();
        table.set_most_refreshing(2);
        assert_eq!([(); 3].map(|()| table.begin_refresh()), [true, true, false]);
        table.end_refresh();
        assert_eq!((table.refreshing(), table.begin_refresh(), table.begin_refresh()), (1, true, false));
    }
}
