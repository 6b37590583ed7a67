//! An entry: an answer behind its key, in one allocation, with what is noted about it.

use crate::sys::prefetch::prefetch_octets;

/// Octets in front of an entry's key: uses, marks, key length, TTL, time of storing.
const HEADER_OCTETS: usize = 16;
/// What an entry costs beside its own octets: its place in table and queue, the allocator's header.
const OVERHEAD_OCTETS: usize = 48;
/// A mark: it is in the main queue.
const MAIN: u8 = 1;
/// A mark: it was asked for anew before its end; that happens once.
const REFRESHED: u8 = 2;
/// TTLs are whole seconds: two answers whose ends are no farther apart may have the same one.
const SAME_END_MS: u64 = 1000;
/// Uses are counted up to this.
const MAX_USES: u8 = 3;
/// So many cache lines of an entry are asked for ahead: all of an ordinary answer.
const NEAR_LINES: usize = 4;

/// See the module.
pub(super) struct Entry {
    octets: Box<[u8]>,
}

impl Entry {
    /// An entry that was never used.
    pub(super) fn new(key: &[u8], segment: &[u8], ttl: u32, stored_ms: u64) -> Self {
        let mut octets = Vec::with_capacity(HEADER_OCTETS + key.len() + segment.len());
        octets.extend_from_slice(&[0, 0]);
        octets.extend_from_slice(&(key.len() as u16).to_le_bytes());
        octets.extend_from_slice(&ttl.to_le_bytes());
        octets.extend_from_slice(&stored_ms.to_le_bytes());
        octets.extend_from_slice(key);
        octets.extend_from_slice(segment);
        Self { octets: octets.into_boxed_slice() }
    }

    /// Asks the core to bring it near.
    #[inline]
    pub(super) fn prefetch(&self) {
        prefetch_octets(&self.octets, NEAR_LINES);
    }

    /// How often it was used, up to [`MAX_USES`], less what it was spared for.
    pub(super) fn uses(&self) -> u8 {
        self.octets[0]
    }

    /// Sets [`Self::uses`].
    pub(super) fn set_uses(&mut self, uses: u8) {
        self.octets[0] = uses;
    }

    /// Whether it stands in the main queue.
    pub(super) fn is_main(&self) -> bool {
        self.octets[1] & MAIN != 0
    }

    /// Sets [`Self::is_main`].
    pub(super) fn set_main(&mut self, main: bool) {
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
    pub(super) fn replaces(&mut self, old: &Self) {
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
        HEADER_OCTETS + usize::from(u16::from_le_bytes([self.octets[2], self.octets[3]]))
    }

    /// The key: at least a QTYPE's two octets.
    #[inline]
    pub(super) fn key(&self) -> &[u8] {
        &self.octets[HEADER_OCTETS..self.segment_at()]
    }

    /// The QTYPE in its key.
    pub(super) fn qtype(&self) -> u16 {
        u16::from_le_bytes([self.octets[HEADER_OCTETS], self.octets[HEADER_OCTETS + 1]])
    }

    /// The number of the view in its key.
    pub(super) fn view(&self) -> u16 {
        let key = self.key();
        key.get(2..4).map_or(0, |view| u16::from_le_bytes([view[0], view[1]]))
    }

    /// Whether its key consists of this QTYPE and this rest.
    #[inline]
    pub(super) fn is_for(&self, qtype: u16, typeless: &[u8]) -> bool {
        let (own, rest) = self.key().split_at(2);
        own == qtype.to_le_bytes() && rest == typeless
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

    /// What it costs, in octets.
    pub(super) fn cost(&self) -> usize {
        self.octets.len() + OVERHEAD_OCTETS
    }
}
