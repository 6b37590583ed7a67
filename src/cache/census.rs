//! Counting what is kept, by view, type and what is known: kept up by each shard as entries come and go.
//!
//! Nothing of it is on the way of a hit. Entries whose TTL has ended count until they leave or are replaced.

use std::collections::{BTreeMap, HashMap};

use super::entry::Entry;
use super::key::WHOLE_NAME;
use crate::wire::Segment;
use crate::wire::header::rcode;

/// What an entry says of its question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Known {
    /// There are records.
    Records,
    /// There are none of this type.
    NoData,
    /// The name does not exist.
    NoName,
    /// It could not be answered a moment ago.
    Failure,
}

/// What entries are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Content {
    /// The view's stable number.
    pub view: u16,
    /// QTYPE; 0 where the name does not exist.
    pub qtype: u16,
    /// What is known.
    pub known: Known,
}

/// Entries that had to leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// To make room, before their TTL ended.
    pub live: u64,
    /// After it.
    pub expired: u64,
}

/// What a cache holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Entries.
    pub kept: BTreeMap<Content, u64>,
    /// Octets that they cost, by the view's stable number.
    pub octets: BTreeMap<u16, u64>,
    /// Entries that left, likewise.
    pub left: BTreeMap<u16, Left>,
}

/// The counts of a shard.
#[derive(Default)]
pub(super) struct Counts {
    /// No entry is zero.
    kept: HashMap<Content, u32, foldhash::fast::RandomState>,
    /// As many as there are views.
    octets: HashMap<u16, u64, foldhash::fast::RandomState>,
    /// Likewise.
    left: HashMap<u16, Left, foldhash::fast::RandomState>,
}

impl Counts {
    pub(super) fn comes(&mut self, entry: &Entry) {
        *self.kept.entry(content(entry)).or_default() += 1;
        *self.octets.entry(entry.view()).or_default() += entry.cost() as u64;
    }

    /// Nothing is kept any more; what had to leave before stays counted.
    pub(super) fn all_go(&mut self) {
        self.kept.clear();
        self.octets.clear();
    }

    pub(super) fn goes(&mut self, entry: &Entry) {
        let content = content(entry);
        if let Some(octets) = self.octets.get_mut(&content.view) {
            *octets -= entry.cost() as u64;
        }
        if let Some(count) = self.kept.get_mut(&content) {
            *count -= 1;
            if *count == 0 {
                self.kept.remove(&content);
            }
        }
    }

    /// It was evicted; `live`: before its TTL ended.
    pub(super) fn leaves(&mut self, entry: &Entry, live: bool) {
        self.goes(entry);
        let left = self.left.entry(entry.view()).or_default();
        *if live { &mut left.live } else { &mut left.expired } += 1;
    }

    pub(super) fn add_to(&self, census: &mut Census) {
        for (content, count) in &self.kept {
            *census.kept.entry(*content).or_default() += u64::from(*count);
        }
        for (view, octets) in &self.octets {
            *census.octets.entry(*view).or_default() += octets;
        }
        for (view, left) in &self.left {
            let sum = census.left.entry(*view).or_default();
            *sum = Left { live: sum.live + left.live, expired: sum.expired + left.expired };
        }
    }
}

fn content(entry: &Entry) -> Content {
    let meta = Segment::new(entry.segment()).meta();
    let qtype = entry.qtype();
    let known = match u16::from(meta.rcode) {
        _ if qtype == WHOLE_NAME => Known::NoName,
        rcode::NXDOMAIN => Known::NoName,
        rcode::SERVFAIL => Known::Failure,
        _ if meta.answers == 0 => Known::NoData,
        _ => Known::Records,
    };
    Content { view: entry.view(), qtype: if known == Known::NoName { 0 } else { qtype }, known }
}
