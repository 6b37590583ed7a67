//! A name of a zone with all its RRsets, in one allocation.
//!
//! Octets, numbers in little endian: marks (1), octets of the name (1), RRsets (2), names directly below (4); the name;
//! for each RRset its type (2) and where its segment begins (4), in the order of types; the segments.
//! A node of no RRset is an empty non-terminal: it is there because something is below it.
//! Not here: how an RRset is written ([`super::rrset`]), that parents count rightly ([`super::tree`]).

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::sys::prefetch::prefetch_octets;
use crate::wire::header::rtype;
use crate::wire::{Name, Segment};

use super::rrset;

const HEADER_OCTETS: usize = 8;
const ROW_OCTETS: usize = 6;

/// A delegation: NS, and not the apex.
const CUT: u8 = 1;
/// It has a DNAME.
const DNAME: u8 = 2;
/// A name `*` is directly below.
const STAR: u8 = 4;

/// See the module.
#[derive(Clone)]
pub(super) struct Node(Arc<[u8]>);

/// So many cache lines of a node are asked for ahead: all of a name with an RRset or two.
const NEAR_LINES: usize = 4;

impl Node {
    /// Asks the core to bring it near.
    #[inline]
    pub(super) fn prefetch(&self) {
        prefetch_octets(&self.0, NEAR_LINES);
    }

    /// The name: wire form, lower case.
    #[inline]
    pub(super) fn name(&self) -> &[u8] {
        &self.0[HEADER_OCTETS..HEADER_OCTETS + usize::from(self.0[1])]
    }

    /// How many names are directly below.
    pub(super) fn below(&self) -> u32 {
        u32::from_le_bytes([self.0[4], self.0[5], self.0[6], self.0[7]])
    }

    /// Whether names at and below it are another server's.
    #[inline]
    pub(super) fn is_cut(&self) -> bool {
        self.0[0] & CUT != 0
    }

    /// Whether names below it are renamed.
    #[inline]
    pub(super) fn has_dname(&self) -> bool {
        self.0[0] & DNAME != 0
    }

    /// Whether there is a wildcard directly below.
    #[inline]
    pub(super) fn has_star(&self) -> bool {
        self.0[0] & STAR != 0
    }

    /// Counts one name more, or one less, directly below.
    pub(super) fn count_below(&mut self, more: bool, is_star: bool) {
        let below = if more { self.below() + 1 } else { self.below().saturating_sub(1) };
        let octets = Arc::make_mut(&mut self.0);
        octets[4..8].copy_from_slice(&below.to_le_bytes());
        if is_star {
            octets[0] = octets[0] & !STAR | if more { STAR } else { 0 };
        }
    }

    #[inline]
    fn rows(&self) -> &[u8] {
        let start = HEADER_OCTETS + usize::from(self.0[1]);
        &self.0[start..start + ROW_OCTETS * usize::from(u16::from_le_bytes([self.0[2], self.0[3]]))]
    }

    /// The octets of the segment at the beginning of `rows`; those of later RRsets follow.
    #[inline]
    fn octets_of(&self, rows: &[u8]) -> &[u8] {
        let at = |row: &[u8]| u32::from_le_bytes([row[2], row[3], row[4], row[5]]) as usize;
        let end = if rows.len() > ROW_OCTETS { at(&rows[ROW_OCTETS..]) } else { self.0.len() };
        &self.0[at(rows)..end]
    }

    /// The RRset of a type.
    #[inline]
    pub(super) fn rrset(&self, rtype: u16) -> Option<Segment<'_>> {
        let mut rows = self.rows();
        while let Some((row, rest)) = rows.split_at_checked(ROW_OCTETS) {
            if row[..2] == rtype.to_le_bytes() {
                return Some(Segment::new(self.octets_of(rows)));
            }
            rows = rest;
        }
        None
    }

    /// Every RRset with its type, in the order of types.
    pub(super) fn rrsets(&self) -> impl Iterator<Item = (u16, Segment<'_>)> {
        let mut rows = self.rows();
        std::iter::from_fn(move || {
            let (row, rest) = rows.split_at_checked(ROW_OCTETS)?;
            let found = (u16::from_le_bytes([row[0], row[1]]), Segment::new(self.octets_of(rows)));
            rows = rest;
            Some(found)
        })
    }

    /// Whether it is an empty non-terminal.
    pub(super) fn is_empty(&self) -> bool {
        self.rows().is_empty()
    }

    /// How many records there are.
    pub(super) fn records(&self) -> usize {
        self.rrsets().map(|(_, segment)| rrset::count(&segment)).sum()
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Node({}, {} RRsets)", Name::from_wire(self.name()).unwrap_or(Name::root()), self.rrsets().count())
    }
}

/// A node that is being changed.
pub(super) struct Draft<'n> {
    /// Wire form, lower case.
    pub(super) name: &'n [u8],
    /// See [`Node::below`].
    pub(super) below: u32,
    /// See [`Node::has_star`].
    pub(super) has_star: bool,
    /// Segments by type, in the order of types.
    pub(super) rrsets: Vec<(u16, Cow<'n, [u8]>)>,
}

impl<'n> Draft<'n> {
    /// A node of nothing.
    pub(super) fn new(name: &'n [u8]) -> Self {
        Self { name, below: 0, has_star: false, rrsets: Vec::new() }
    }

    /// The node as it is.
    pub(super) fn of(node: &'n Node) -> Self {
        let mut rrsets = Vec::new();
        let mut rows = node.rows();
        while let Some((row, rest)) = rows.split_at_checked(ROW_OCTETS) {
            rrsets.push((u16::from_le_bytes([row[0], row[1]]), Cow::Borrowed(node.octets_of(rows))));
            rows = rest;
        }
        Self { name: node.name(), below: node.below(), has_star: node.has_star(), rrsets }
    }

    /// The RRset of a type.
    pub(super) fn rrset(&self, rtype: u16) -> Option<Segment<'_>> {
        let place = self.rrsets.binary_search_by_key(&rtype, |(own, _)| *own).ok()?;
        Some(Segment::new(&self.rrsets[place].1))
    }

    /// The types that there are.
    pub(super) fn types(&self) -> impl Iterator<Item = u16> {
        self.rrsets.iter().map(|(rtype, _)| *rtype)
    }

    /// Gives a type an encoded RRset, or none.
    pub(super) fn set(&mut self, rtype: u16, segment: Option<Vec<u8>>) {
        match (self.rrsets.binary_search_by_key(&rtype, |(own, _)| *own), segment) {
            (Ok(place), Some(segment)) => self.rrsets[place].1 = Cow::Owned(segment),
            (Ok(place), None) => drop(self.rrsets.remove(place)),
            (Err(place), Some(segment)) => self.rrsets.insert(place, (rtype, Cow::Owned(segment))),
            (Err(_), None) => {}
        }
    }

    /// Whether neither RRsets nor names below need it.
    pub(super) fn is_idle(&self) -> bool {
        self.below == 0 && self.rrsets.is_empty()
    }

    /// The node; `is_apex` says that NS does not delegate.
    pub(super) fn encode(&self, is_apex: bool) -> Node {
        let has = |rtype| self.types().any(|own| own == rtype);
        let marks = [(has(rtype::NS) && !is_apex, CUT), (has(rtype::DNAME), DNAME), (self.has_star, STAR)];
        let marks = marks.iter().filter(|(is_set, _)| *is_set).fold(0, |all, (_, mark)| all | mark);
        let mut start = HEADER_OCTETS + self.name.len() + ROW_OCTETS * self.rrsets.len();
        let mut octets = Vec::with_capacity(start + self.rrsets.iter().map(|(_, octets)| octets.len()).sum::<usize>());
        octets.extend_from_slice(&[marks, self.name.len() as u8]);
        octets.extend_from_slice(&(self.rrsets.len() as u16).to_le_bytes());
        octets.extend_from_slice(&self.below.to_le_bytes());
        octets.extend_from_slice(self.name);
        for (rtype, segment) in &self.rrsets {
            octets.extend_from_slice(&rtype.to_le_bytes());
            octets.extend_from_slice(&(start as u32).to_le_bytes());
            start += segment.len();
        }
        self.rrsets.iter().for_each(|(_, segment)| octets.extend_from_slice(segment));
        Node(octets.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rrset(rtype: u16, last: u8) -> Option<Vec<u8>> {
        rrset::encode(rtype, 60, [&[192, 0, 2, last][..]])
    }

    #[test]
    fn rrsets_come_back_by_type_after_every_change() {
        let mut draft = Draft::new(b"\x01a\0");
        assert!(draft.is_idle());
        draft.set(16, rrset(16, 3));
        draft.set(1, rrset(1, 1));
        draft.set(257, rrset(257, 9));
        let node = draft.encode(false);
        assert_eq!((node.name(), node.below(), node.records(), node.is_empty()), (&b"\x01a\0"[..], 0, 3, false));
        let mut draft = Draft::of(&node);
        draft.set(16, None);
        draft.set(1, rrset(1, 2));
        draft.set(15, None);
        let changed = draft.encode(false);
        let told = |node: &Node| -> Vec<(u16, u8)> {
            node.rrsets().map(|(rtype, segment)| (rtype, segment.body()[15])).collect()
        };
        assert_eq!(told(&node), [(1, 1), (16, 3), (257, 9)], "the old node is as it was");
        assert_eq!(told(&changed), [(1, 2), (257, 9)]);
        assert_eq!(changed.rrset(257).map(|segment| segment.body().len()), Some(16));
        assert!(changed.rrset(16).is_none());
    }

    #[test]
    fn marks_follow_from_types_and_names_below() {
        for (case, types, is_apex, expected) in [
            ("addresses", &[1, 28][..], false, (false, false)),
            ("a delegation", &[2], false, (true, false)),
            ("name servers of the apex", &[2, 6], true, (false, false)),
            ("a DNAME", &[39], false, (false, true)),
            ("a DNAME at the apex", &[2, 6, 39], true, (false, true)),
        ] {
            let mut draft = Draft::new(b"\x01a\0");
            types.iter().for_each(|rtype| draft.set(*rtype, rrset(*rtype, 1)));
            let node = draft.encode(is_apex);
            assert_eq!((node.is_cut(), node.has_dname()), expected, "{case}");
        }
        let mut node = Draft::new(b"\x01a\0").encode(false);
        let reader = node.clone();
        for (case, more, is_star, expected) in [
            ("a name", true, false, (1, false)),
            ("a wildcard", true, true, (2, true)),
            ("the name goes", false, false, (1, true)),
            ("the wildcard too", false, true, (0, false)),
        ] {
            node.count_below(more, is_star);
            assert_eq!((node.below(), node.has_star()), expected, "{case}");
        }
        assert_eq!(reader.below(), 0, "a reader's node is as it was");
    }
}
