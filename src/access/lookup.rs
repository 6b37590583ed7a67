//! Finding an address's step at a cost that does not grow with the number of steps.
//!
//! A node cuts the span between its first and last start into about as many equal slots as it has starts, so that a
//! subtraction and a shift lead to a slot with few of them; a slot that is still crowded is a node of its own. The
//! starts of a slot are searched in a window of fixed size, without a branch. Dense corners of the address space
//! thus cost a second or third node, not a longer search; memory stays linear in the steps.
//! Measured against a static 16-way search tree (`benches/access.rs`, 100,000 IPv4 prefixes): a third of its time.

use std::sync::Arc;

use super::interval::{Decision, Step};

/// Starts that are searched in a slot, in three steps (4 + 2 + 1).
const WINDOW: usize = 7;

/// A node has at most this many slots.
const MAX_SLOTS: usize = 1 << 16;

/// An address as a number.
pub(super) trait Key: Copy + Ord + TryFrom<u128> + Into<u128> {
    /// Of an address.
    const BITS: u32;

    /// The family's last address.
    const LAST: Self;

    /// `(self - base) >> shift`, held within `0..=last_slot`.
    fn slot(self, base: Self, shift: u32, last_slot: u32) -> usize;
}

impl Key for u32 {
    const BITS: u32 = Self::BITS;

    const LAST: Self = Self::MAX;

    fn slot(self, base: Self, shift: u32, last_slot: u32) -> usize {
        (self.saturating_sub(base) >> shift).min(last_slot) as usize
    }
}

impl Key for u128 {
    const BITS: u32 = Self::BITS;

    const LAST: Self = Self::MAX;

    fn slot(self, base: Self, shift: u32, last_slot: u32) -> usize {
        (self.saturating_sub(base) >> shift).min(last_slot.into()) as usize
    }
}

/// A step function over one family's addresses. A copy shares the memory.
#[derive(Clone, Debug)]
pub(super) struct Steps<K> {
    /// The root first; never empty.
    nodes: Arc<[Node<K>]>,
    /// Of all nodes.
    slots: Arc<[Slot]>,
    /// Ascending, without the one at 0, then `WINDOW` times `K::LAST`.
    starts: Arc<[K]>,
    /// `decisions[i]` holds where `i` starts are at or below the address. Not empty.
    decisions: Arc<[Decision]>,
}

/// The nodes of a [`Steps`] that is being made.
struct Nodes<K> {
    /// See [`Steps::nodes`].
    nodes: Vec<Node<K>>,
    /// See [`Steps::slots`].
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Debug)]
struct Node<K> {
    /// Its first start.
    base: K,
    /// `0..` the family's bits
    shift: u32,
    /// Where its slots begin in `Steps::slots`.
    first_slot: u32,
    /// Relative to `first_slot`.
    last_slot: u32,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// How many starts lie before this slot.
    before: u32,
    /// The node of a crowded slot; 0 (the root is nobody's child): at most `WINDOW` starts, to be searched.
    child: u32,
}

impl<K: Key> Steps<K> {
    /// `steps` ascend and begin at 0. Those beyond the family's last address hold for nobody and are left out.
    pub(super) fn new(steps: &[Step]) -> Self {
        let (mut starts, decisions): (Vec<K>, Vec<Decision>) =
            steps.iter().filter_map(|step| Some((K::try_from(step.start).ok()?, step.decision))).unzip();
        assert!(!starts.is_empty(), "flattened claims have a step at 0");
        starts.remove(0);
        let Nodes { nodes, slots } = Nodes::over(&starts);
        starts.extend([K::LAST; WINDOW]);
        Self { nodes: nodes.into(), slots: slots.into(), starts: starts.into(), decisions: decisions.into() }
    }

    /// The decision of the last step that starts at or below `key`.
    pub(super) fn at(&self, key: K) -> Decision {
        let mut node = &self.nodes[0];
        let before = loop {
            let slot = self.slots[node.first_slot as usize + key.slot(node.base, node.shift, node.last_slot)];
            if slot.child == 0 {
                break slot.before as usize;
            }
            node = &self.nodes[slot.child as usize];
        };
        // Starts of later slots are in the window too: they are above the key and do not count.
        let window = &self.starts[before..before + WINDOW];
        let mut at_or_below = 0;
        for half in [4, 2, 1] {
            at_or_below += half * usize::from(window[at_or_below + half - 1] <= key);
        }
        // Only for the family's last address does the filling count.
        self.decisions[(before + at_or_below).min(self.decisions.len() - 1)]
    }
}

impl<K: Key> Nodes<K> {
    /// The root and, for every crowded slot, a node. Each node's first and last start fall into different slots, so this
    /// ends.
    fn over(starts: &[K]) -> Self {
        let mut built = Self { nodes: Vec::new(), slots: Vec::new() };
        let mut ranges = vec![(0, starts.len())];
        let mut done = 0;
        while let Some(&(begin, end)) = ranges.get(done) {
            built.add_node(&starts[begin..end], begin, &mut ranges);
            done += 1;
        }
        built
    }

    /// Adds the node of these starts, the first of which is at `begin` among all; what its crowded slots hold is appended
    /// to `ranges`, one node each.
    fn add_node(&mut self, starts: &[K], begin: usize, ranges: &mut Vec<(usize, usize)>) {
        let (base, last) = (starts.first().copied().unwrap_or(K::LAST), starts.last().copied().unwrap_or(K::LAST));
        let shift = shift_for(last.into() - base.into(), starts.len(), K::BITS);
        let last_slot = last.slot(base, shift, u32::MAX) as u32;
        self.nodes.push(Node { base, shift, first_slot: self.slots.len() as u32, last_slot });
        let mut from = 0;
        for slot in 0..=last_slot as usize {
            let inside = starts[from..].iter().take_while(|start| start.slot(base, shift, last_slot) == slot).count();
            let crowded = inside > WINDOW;
            let child = if crowded { ranges.len() as u32 } else { 0 };
            self.slots.push(Slot { before: (begin + from) as u32, child });
            if crowded {
                ranges.push((begin + from, begin + from + inside));
            }
            from += inside;
        }
    }
}

/// The shift by which a node of `count` starts over `span` gets between one and two slots a start (a single slot if
/// the window holds them all).
fn shift_for(span: u128, count: usize, bits: u32) -> u32 {
    let slots = if count <= WINDOW { 1 } else { count.next_power_of_two().min(MAX_SLOTS) };
    let shift = (u128::BITS - span.leading_zeros()).saturating_sub(slots.trailing_zeros());
    // One slot for the whole of a family is two: a number cannot be shifted by all of its bits.
    shift.min(bits - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn steps_at(starts: &[u128]) -> Vec<Step> {
        let step = |(i, start): (usize, &u128)| Step { start: *start, decision: Decision::by(i, true) };
        starts.iter().enumerate().map(step).collect()
    }

    fn searched(steps: &[Step], key: u128) -> Decision {
        steps[steps.partition_point(|step| step.start <= key) - 1].decision
    }

    /// Compares both families at every start, beside it, and at the ends.
    fn assert_all_found(name: &str, starts: &[u128]) {
        let steps = steps_at(starts);
        let (v4, v6) = (Steps::<u32>::new(&steps), Steps::<u128>::new(&steps));
        let beside = starts.iter().flat_map(|start| [start.saturating_sub(1), *start, start.saturating_add(1)]);
        for key in beside.chain([0, u128::from(u32::MAX) - 1, u128::from(u32::MAX), u128::MAX - 1, u128::MAX]) {
            assert_eq!(v6.at(key), searched(&steps, key), "{name}: {key:x} of IPv6");
            if let Ok(small) = u32::try_from(key) {
                assert_eq!(v4.at(small), searched(&steps, key), "{name}: {key:x} of IPv4");
            }
        }
    }

    #[test]
    fn every_address_finds_its_step() {
        let powers: Vec<u128> = std::iter::once(0).chain((0..128).map(|bit| 1 << bit)).collect();
        let last: Vec<u128> = std::iter::once(0).chain((u32::MAX - 40)..=u32::MAX).map(u128::from).collect();
        let two_crowds: Vec<u128> = (0..500).chain(1 << 127..(1 << 127) + 500).collect();
        let cases: [(&str, &[u128]); 7] = [
            ("one step for all", &[0]),
            ("a step at the last address of each family", &[0, u32::MAX as u128, u128::MAX]),
            ("as many steps as a window holds", &[0, 1, 2, 3, 4, 5, 6, 7]),
            ("one step more than a window holds", &[0, 10, 20, 30, 40, 50, 60, 70, 80]),
            ("each step at twice the last", &powers),
            ("a crowd at the end of IPv4", &last),
            ("two crowds far apart", &two_crowds),
        ];
        for (name, starts) in cases {
            assert_all_found(name, starts);
        }
    }

    proptest! {
        #[test]
        fn clustered_steps_are_found(clusters in prop::collection::vec((any::<u128>(), 0u32..120, 1u128..400), 1..6)) {
            let mut starts = vec![0];
            for (base, bits, count) in clusters {
                starts.extend((0..count).map(|i| base.saturating_add(i << (bits % 118))));
            }
            starts.sort_unstable();
            starts.dedup();
            assert_all_found("clusters", &starts);
        }

        #[test]
        fn ipv4_steps_are_found(mut starts in prop::collection::vec(any::<u32>().prop_map(u128::from), 0..600)) {
            starts.push(0);
            starts.sort_unstable();
            starts.dedup();
            assert_all_found("IPv4", &starts);
        }

        #[test]
        fn memory_stays_linear(mut starts in prop::collection::vec(any::<u128>(), 0..600)) {
            starts.push(0);
            starts.sort_unstable();
            starts.dedup();
            let steps = Steps::<u128>::new(&steps_at(&starts));
            prop_assert!(steps.slots.len() <= 4 * starts.len() + 1, "{} slots", steps.slots.len());
        }
    }
}
