//! Remembering answers in wire form, shared between cores.
//!
//! A hit is one look-up, one copy and a few patches under one short lock of one shard; the cache shows
//! [`Cache::copy_into`], never a reference. An entry is one allocation: key and [`Segment`] behind a small header.
//! TTLs are exact: an answer is never given out after its TTL, and what a client is told is rounded down, so that no
//! chain of caches stretches it.
//! Invariant: every stored segment was matched to its question by `upstream`.
//! Not here: zone data (never cached), what is worth keeping (see [`crate::wire::response`]).

mod census;
mod entry;
pub mod key;
mod shard;
mod sweep;
mod table;

use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

pub use census::{Census, Content, Known, Left};
use entry::Entry;
pub use key::{Key, Parts};
use shard::Shard;
pub use sweep::{Kept, Names, Scope};

use crate::wire::{Meta, Segment, segment};

/// The least capacity: named's smallest `max-cache-size`.
pub const MIN_OCTETS: u64 = 2 << 20;
/// The most shards; a smaller cache has fewer, so that each has room for the longest answers.
const MAX_SHARDS: usize = 256;
/// The least octets of a shard: several answers of 64 KiB.
const MIN_SHARD_OCTETS: u64 = 1 << 20;

/// See the module.
pub struct Cache {
    shards: Box<[Mutex<Shard>]>,
    hasher: foldhash::quality::RandomState,
    /// When the cache's clock began.
    epoch: Instant,
    evicted_live: AtomicU64,
}

/// What a look-up found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Nothing that may still be given out.
    Miss,
    /// The records were copied.
    Hit {
        /// What the segment says beside its records.
        meta: Meta,
        /// Octets written.
        written: usize,
        /// It is to be asked for anew: it was asked for in its [`RefreshWindow`], for the first time.
        refresh: bool,
    },
    /// There is an answer, but it does not fit.
    TooLong(Meta),
    /// There is a part of an answer; the chain goes on under another rule. Nothing was copied.
    GoesOn,
}

/// What there is to know of a segment that was copied as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Seconds since it was stored, rounded up.
    pub elapsed: u32,
    /// See [`Lookup::Hit`].
    pub refresh: bool,
    /// When it was stored, in milliseconds of the cache's clock.
    pub stored_ms: u64,
}

/// How stale answers are given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleTtls {
    /// For how long after the end of their TTL, in seconds.
    pub max: u32,
    /// The TTL that they get, in seconds.
    pub answer: u32,
    /// Fingerprint of the rules in force, as in [`Patch`].
    pub layout: u32,
}

/// Which patches a copy gets.
#[derive(Clone, Copy, Debug)]
pub struct Patch {
    /// Fingerprint of the rules in force: a chain that was believed under other rules is a miss.
    pub layout: u32,
    /// The record that a set of addresses begins with, modulo its size.
    pub rotation: u32,
    /// When an answer that is given out is to be asked for anew.
    pub refresh: RefreshWindow,
}

/// The time before the end of an answer's TTL in which being asked for has it fetched anew, once: `share_ms` for each
/// second of its TTL, and `fixed_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshWindow {
    /// Answers of a shorter TTL have none, in seconds.
    pub least_ttl: u32,
    /// Milliseconds for each second of the TTL.
    pub share_ms: u32,
    /// Milliseconds beside that.
    pub fixed_ms: u32,
}

impl RefreshWindow {
    /// Nothing is fetched anew.
    pub const NEVER: Self = Self { least_ttl: u32::MAX, share_ms: 0, fixed_ms: 0 };

    /// Whether an answer of this TTL that ends after `left_ms` is in it.
    #[inline]
    fn contains(self, ttl: u32, left_ms: u64) -> bool {
        ttl >= self.least_ttl && left_ms <= u64::from(ttl) * u64::from(self.share_ms) + u64::from(self.fixed_ms)
    }
}

impl Cache {
    /// An empty cache of at most `octets` (at least [`MIN_OCTETS`]), whose clock begins at `epoch`.
    pub fn new(octets: u64, epoch: Instant) -> Self {
        let octets = octets.max(MIN_OCTETS);
        let shards = (octets / MIN_SHARD_OCTETS).clamp(1, MAX_SHARDS as u64).next_power_of_two() as usize;
        let shards = if shards as u64 * MIN_SHARD_OCTETS > octets { shards / 2 } else { shards }.max(1);
        let capacity = usize::try_from(octets / shards as u64).unwrap_or(usize::MAX);
        Self {
            shards: (0..shards).map(|_| Mutex::new(Shard::new(capacity))).collect(),
            hasher: foldhash::quality::RandomState::default(),
            epoch,
            evicted_live: AtomicU64::new(0),
        }
    }

    /// Changes the capacity; what is too much leaves as new answers come.
    pub fn set_capacity(&self, octets: u64) {
        let each = usize::try_from(octets.max(MIN_OCTETS) / self.shards.len() as u64).unwrap_or(usize::MAX);
        for shard in &self.shards {
            shard.lock().unwrap_or_else(PoisonError::into_inner).set_capacity(each);
        }
    }

    /// The hash of a key, for the calls below and for the table of questions in flight.
    #[inline]
    pub fn hash(&self, key: &Key) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key.typeless());
        hasher.finish() ^ hash_of_type(key.qtype())
    }

    /// Asks the core to bring near what [`Self::prefetch_entry`] reads.
    #[inline]
    pub fn prefetch_place(&self, hash: u64) {
        self.shard(hash).prefetch_place(hash);
    }

    /// Asks the core to bring the answer near that [`Self::copy_into`] copies.
    #[inline]
    pub fn prefetch_entry(&self, hash: u64, key: &Key) {
        let found = self.shard(hash).prefetch_entry(hash);
        if !found {
            self.prefetch_place(hash_of_whole_name(hash, key));
        }
    }

    #[inline]
    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        // The table inside uses the low 32 bits.
        self.locked((hash >> 40) as usize & (self.shards.len() - 1))
    }

    #[inline]
    fn locked(&self, index: usize) -> MutexGuard<'_, Shard> {
        // A panic while the lock was held cannot leave a shard half changed that matters: entries are replaced whole.
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    fn milliseconds(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.epoch).as_millis() as u64
    }

    /// Copies a whole answer, or the absence of the name, to the beginning of `out`, TTLs counted down to `now`.
    #[inline]
    pub fn copy_into(&self, hash: u64, key: &Key, now: Instant, patch: Patch, out: &mut [u8]) -> Lookup {
        match self.copy_of_type(hash, key.qtype(), key, now, patch, out) {
            Lookup::Miss => self.copy_of_type(hash_of_whole_name(hash, key), key::WHOLE_NAME, key, now, patch, out),
            found => found,
        }
    }

    #[inline]
    fn copy_of_type(&self, hash: u64, qtype: u16, key: &Key, now: Instant, patch: Patch, out: &mut [u8]) -> Lookup {
        let now_ms = self.milliseconds(now);
        let mut shard = self.shard(hash);
        let Some(entry) = shard.find(hash, qtype, key.typeless()) else { return Lookup::Miss };
        if entry.expires_ms() <= now_ms {
            return Lookup::Miss;
        }
        entry.touch();
        let segment = Segment::new(entry.segment());
        let meta = segment.meta();
        if meta.linked && meta.layout != patch.layout {
            return Lookup::Miss;
        }
        if !segment.next().is_empty() {
            return Lookup::GoesOn;
        }
        let Some(written) = segment.copy_into(out, elapsed_seconds(entry, now_ms), patch.rotation) else {
            return Lookup::TooLong(meta);
        };
        let refresh = is_due(entry, now_ms, patch.refresh) && meta.ede == 0 && entry.take_refresh();
        Lookup::Hit { meta, written, refresh }
    }

    /// Copies a segment as it is kept, for composing a chain.
    pub fn copy_segment(&self, hash: u64, key: &Key, now: Instant, patch: Patch, out: &mut Vec<u8>) -> Option<Copied> {
        let now_ms = self.milliseconds(now);
        let mut shard = self.shard(hash);
        let entry = shard.find(hash, key.qtype(), key.typeless()).filter(|entry| entry.expires_ms() > now_ms)?;
        entry.touch();
        let meta = Segment::new(entry.segment()).meta();
        if meta.linked && meta.layout != patch.layout {
            return None;
        }
        out.clear();
        out.extend_from_slice(entry.segment());
        let refresh = is_due(entry, now_ms, patch.refresh) && meta.ede == 0 && entry.take_refresh();
        Some(Copied { elapsed: elapsed_seconds(entry, now_ms), refresh, stored_ms: entry.stored_ms() })
    }

    /// Whether something is kept that may still be given out.
    pub fn contains(&self, hash: u64, key: &Key, now: Instant) -> bool {
        let now_ms = self.milliseconds(now);
        self.shard(hash).find(hash, key.qtype(), key.typeless()).is_some_and(|entry| entry.expires_ms() > now_ms)
    }

    /// The same, or that the name is not there.
    pub fn has_answer(&self, hash: u64, key: &Key, now: Instant) -> bool {
        let whole = key.whole_name();
        self.contains(hash, key, now) || self.contains(self.hash(&whole), &whole, now)
    }

    /// Copies what was last known of a question or of its name, though the TTL ended up to [`StaleTtls::max`] seconds ago,
    /// and makes it a stale segment of the TTL [`StaleTtls::answer`]. Failures are not known. Says when it was stored, in
    /// milliseconds of the cache's clock.
    pub fn copy_stale(&self, hash: u64, key: &Key, now: Instant, stale: StaleTtls, out: &mut Vec<u8>) -> Option<u64> {
        let whole = key.whole_name();
        let of_type = self.copy_expired(hash, key, now, stale, None, out);
        // A name that was taken away since does not come back.
        let of_name = self.copy_expired(self.hash(&whole), &whole, now, stale, of_type, out);
        let stored_ms = of_name.or(of_type)?;
        segment::make_stale(out, stale.answer);
        Some(stored_ms)
    }

    /// Copies an entry that may be given out stale, if it was stored after this millisecond.
    fn copy_expired(
        &self,
        hash: u64,
        key: &Key,
        now: Instant,
        stale: StaleTtls,
        after_ms: Option<u64>,
        out: &mut Vec<u8>,
    ) -> Option<u64> {
        let now_ms = self.milliseconds(now);
        let mut shard = self.shard(hash);
        let entry = shard.find(hash, key.qtype(), key.typeless())?;
        let meta = Segment::new(entry.segment()).meta();
        let is_useful = meta.ede == 0 && (!meta.linked || meta.layout == stale.layout);
        let is_newer = after_ms.is_none_or(|other| entry.stored_ms() > other);
        if !is_useful || !is_newer || entry.expires_ms() + u64::from(stale.max) * 1000 <= now_ms {
            return None;
        }
        entry.touch();
        out.clear();
        out.extend_from_slice(entry.segment());
        Some(entry.stored_ms())
    }

    /// Keeps a segment for `ttl` seconds, in the place of what was kept under the key. One of no TTL only takes the place of
    /// one whose TTL has ended: it is no hit, but if something of old is to be given out, then not what it has replaced.
    pub fn insert(&self, hash: u64, key: &Key, segment: &[u8], ttl: u32, now: Instant) {
        let now_ms = self.milliseconds(now);
        let has_ended = |old: &mut Entry| old.expires_ms() <= now_ms;
        if ttl == 0 && !self.shard(hash).find(hash, key.qtype(), key.typeless()).is_some_and(has_ended) {
            return;
        }
        let entry = Entry::new(key.as_octets(), segment, ttl, now_ms);
        let evicted = self.shard(hash).insert(hash, entry, now_ms);
        if evicted.live > 0 {
            self.evicted_live.fetch_add(u64::from(evicted.live), Ordering::Relaxed);
        }
    }

    /// Forgets everything; returns how many entries there were.
    pub fn flush(&self) -> usize {
        // Given back without the lock.
        (0..self.shards.len()).map(|index| self.locked(index).clear()).map(|entries| entries.len()).sum()
    }

    /// Entries, expired ones included.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Octets that may be in use.
    pub fn capacity(&self) -> u64 {
        let of_shard = |shard: &Mutex<Shard>| shard.lock().unwrap_or_else(PoisonError::into_inner).capacity();
        self.shards.iter().map(|shard| of_shard(shard) as u64).sum()
    }

    /// Octets in use by the cache's own count.
    pub fn octets(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).octets()).sum()
    }

    /// What is kept, and what has left, by view and type. Each shard is locked for a moment.
    pub fn census(&self) -> Census {
        let mut census = Census::default();
        for shard in &self.shards {
            shard.lock().unwrap_or_else(PoisonError::into_inner).counts().add_to(&mut census);
        }
        census
    }

    /// Entries that had to leave before their TTL ended.
    pub fn evicted_live(&self) -> u64 {
        self.evicted_live.load(Ordering::Relaxed)
    }
}

#[inline]
fn is_due(entry: &Entry, now_ms: u64, window: RefreshWindow) -> bool {
    window.contains(entry.ttl(), entry.expires_ms().saturating_sub(now_ms))
}

/// What a hash gets for the type. It spreads a name's types evenly (Fibonacci hashing: Knuth, TAOCP 3, 6.4); the rest of
/// the hash is keyed.
#[inline]
fn hash_of_type(qtype: u16) -> u64 {
    u64::from(qtype).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The hash of [`Key::whole_name`].
#[inline]
fn hash_of_whole_name(hash: u64, key: &Key) -> u64 {
    hash ^ hash_of_type(key.qtype()) ^ hash_of_type(key::WHOLE_NAME)
}

/// Seconds since an entry was stored, rounded up: a client may keep what it got for less than was left, never longer.
///
/// `now` is a worker's own, read before its batch: another worker may have stored the entry since.
#[inline]
fn elapsed_seconds(entry: &Entry, now_ms: u64) -> u32 {
    u32::try_from(now_ms.saturating_sub(entry.stored_ms()).div_ceil(1000)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn key(name: &str, rule: u32) -> Key {
        let parts = Parts { view: 0, rule, qtype: 1, qclass: 1, dnssec_ok: false, checking_disabled: false };
        Key::new(&parts, name.parse::<crate::wire::Name>().expect("a name").as_wire())
    }

    /// An A record behind the question's name, with this TTL.
    fn address(ttl: u32) -> Vec<u8> {
        let mut body = b"\xc0\x0c\0\x01\0\x01".to_vec();
        body.extend(ttl.to_be_bytes());
        body.extend(b"\0\x04\x0a\0\0\x01");
        let mut out = Vec::new();
        segment::encode(&mut out, &Meta { answers: 1, ..Meta::default() }, &[6], &[], &body).expect("short");
        out
    }

    const PATCH: Patch = Patch { layout: 0, rotation: 0, refresh: RefreshWindow::NEVER };

    fn ttl_after(cache: &Cache, key: &Key, now: Instant) -> Option<u32> {
        let mut out = [0; 64];
        match cache.copy_into(cache.hash(key), key, now, PATCH, &mut out) {
            Lookup::Hit { written: 16, .. } => Some(u32::from_be_bytes([out[6], out[7], out[8], out[9]])),
            Lookup::Miss => None,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_ttl_is_counted_down_and_never_stretched() {
        let epoch = Instant::now();
        let cache = Cache::new(MIN_OCTETS, epoch);
        let (key, stored) = (key("a.example", 1), epoch + Duration::from_millis(700));
        cache.insert(cache.hash(&key), &key, &address(10), 10, stored);
        for (case, after_ms, expected) in [
            ("at once", 0, Some(10)),
            ("after a moment a client may keep it for less than what is left", 1, Some(9)),
            ("after a second", 1000, Some(9)),
            ("in the last second", 9001, Some(0)),
            ("at its very end", 9999, Some(0)),
            ("after its end", 10_000, None),
        ] {
            assert_eq!(ttl_after(&cache, &key, stored + Duration::from_millis(after_ms)), expected, "{case}");
        }
        let before = stored - Duration::from_millis(2);
        assert_eq!(ttl_after(&cache, &key, before), Some(10), "by a worker whose batch began before it was stored");
    }

    #[test]
    fn an_answer_is_fetched_anew_once_in_its_window() {
        let epoch = Instant::now();
        let cache = Cache::new(MIN_OCTETS, epoch);
        let key = key("a.example", 1);
        let hash = cache.hash(&key);
        let tenth = RefreshWindow { least_ttl: 2, share_ms: 100, fixed_ms: 0 };
        let at = |ms: u64| epoch + Duration::from_millis(ms);
        let refresh = |ms, refresh| {
            let found = cache.copy_into(hash, &key, at(ms), Patch { refresh, ..PATCH }, &mut [0; 64]);
            matches!(found, Lookup::Hit { refresh: true, .. })
        };
        cache.insert(hash, &key, &address(10), 10, at(0));
        assert!(!refresh(8_999, tenth), "before the last tenth");
        assert!(!refresh(9_999, RefreshWindow::NEVER));
        assert!(!refresh(9_999, RefreshWindow { least_ttl: 11, ..tenth }), "too short a TTL");
        assert!(refresh(9_000, tenth));
        assert!(!refresh(9_500, tenth), "once");
        cache.insert(hash, &key, &address(2), 2, at(9_000));
        assert!(
            !refresh(10_900, tenth),
            "it ends a second later than the one before: its TTL is counted down elsewhere"
        );
        cache.insert(hash, &key, &address(10), 10, at(10_900));
        assert!(refresh(20_000, tenth), "the TTL has grown");
        cache.insert(hash, &key, &address(1), 1, at(30_000));
        assert!(!refresh(30_999, tenth), "a TTL of a second has no tenth worth the question");
        let fixed = RefreshWindow { least_ttl: 9, share_ms: 0, fixed_ms: 2000 };
        cache.insert(hash, &key, &address(60), 60, at(40_000));
        assert_eq!((refresh(97_999, fixed), refresh(98_000, fixed)), (false, true));
    }

    #[test]
    fn every_part_of_the_key_keeps_answers_apart() {
        let now = Instant::now();
        let cache = Cache::new(MIN_OCTETS, now);
        let stored = key("a.example", 1);
        cache.insert(cache.hash(&stored), &stored, &address(10), 10, now);
        let parts = Parts { view: 0, rule: 1, qtype: 1, qclass: 1, dnssec_ok: false, checking_disabled: false };
        let name = b"\x01A\x07EXAMPLE\0";
        for (case, parts, expected) in [
            ("the same in another case", parts, Some(10)),
            ("another view", Parts { view: 1, ..parts }, None),
            ("another rule", Parts { rule: 2, ..parts }, None),
            ("another type", Parts { qtype: 28, ..parts }, None),
            ("another class", Parts { qclass: 3, ..parts }, None),
            ("with DO", Parts { dnssec_ok: true, ..parts }, None),
            ("with CD", Parts { checking_disabled: true, ..parts }, None),
        ] {
            assert_eq!(ttl_after(&cache, &Key::new(&parts, name), now), expected, "{case}");
        }
    }

    #[test]
    fn a_flood_of_names_asked_once_leaves_the_hot_ones_alone() {
        let now = Instant::now();
        let cache = Cache::new(MIN_OCTETS, now);
        let hot: Vec<Key> = (0..1000).map(|index| key(&format!("hot{index}.example"), 1)).collect();
        for key in &hot {
            cache.insert(cache.hash(key), key, &address(600), 600, now);
        }
        for round in 0..100_000 {
            let cold = key(&format!("cold{round}.example"), 1);
            cache.insert(cache.hash(&cold), &cold, &address(600), 600, now);
            ttl_after(&cache, &hot[round % hot.len()], now);
        }
        assert!(cache.octets() <= MIN_OCTETS as usize, "{} octets", cache.octets());
        assert!(cache.evicted_live() > 50_000);
        let kept = hot.iter().filter(|key| ttl_after(&cache, key, now).is_some()).count();
        assert!(kept > 990, "{kept} of 1000 hot names kept");
    }

    #[test]
    fn flushing_forgets_everything_and_frees_its_octets() {
        let now = Instant::now();
        let cache = Cache::new(MIN_OCTETS, now);
        for round in 0..3 {
            for index in 0..100 {
                let key = key(&format!("n{index}.example"), round);
                cache.insert(cache.hash(&key), &key, &address(600), 600, now);
            }
            assert_eq!((cache.len(), cache.flush(), cache.octets()), (100, 100, 0));
        }
    }
}
