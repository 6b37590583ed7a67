//! Local zones: what this server is the authority for.
//!
//! A zone is read from a master file, a configuration or a journal, changed by updates, and asked by every worker. Its
//! RRsets are kept as [`Segment`]s, encoded once, so that an answer costs no more than a cached one.
//! A [`Builder`] makes a [`Zone`] of records and tells what is wrong with them; a [`Handle`] publishes it; who changes
//! it clones it, which costs a few pointers, applies a [`Delta`] and publishes the clone. A reader sees one version
//! whole.
//! [`master`] reads master files. Updates are worked out by [`update`] and kept by [`journal`]; [`rebase`](mod@rebase)
//! puts them onto what the operator has changed meanwhile.
//! Where a [`policy`] chooses among records, they are a [`Group`] beside the tree.
//! Inside: [`map`] finds names, [`node`] holds what a name owns, [`tree`] keeps names above others, [`lookup`] answers.
//! Not here: files and the thread that writes them, what a query gets (`answer`), whether a server is well
//! (`health`).

mod build;
mod check;
pub mod configured;
mod delta;
pub mod journal;
mod lookup;
mod map;
pub mod master;
mod node;
pub mod policy;
mod rebase;
mod rrset;
pub mod serial;
mod tree;
pub mod update;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwapOption, Guard};

use crate::config::Position;
use crate::wire::header::{rtype, u32_at};
use crate::wire::segment::{Meta, QUESTION_POINTER};
use crate::wire::{Name, Segment};

pub use build::Builder;
pub use delta::{Delta, Unfit};
pub use lookup::{Every, Found, Glue, Referral, Renamed, owner_pointer};
pub use map::hash;
pub use rebase::{rebase, with_serial};
pub use rrset::{MAX_OCTETS as MAX_RRSET_OCTETS, Rrset, texts};

use node::Node;
use policy::Group;
use tree::Tree;

/// A record as it is read from a master file, a configuration or an update. Its class is IN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its owner.
    pub owner: Name,
    /// Its type.
    pub rtype: u16,
    /// Seconds, below 2^31 (RFC 2181 §8).
    pub ttl: u32,
    /// Its data as they travel; names in them are whole and in the case they were written in.
    pub rdata: Box<[u8]>,
    /// Where it is written; `None` for one that came by an update.
    pub position: Option<Position>,
}

/// One version of a zone. A clone shares all memory with it until one of them is changed.
#[derive(Clone)]
pub struct Zone {
    tree: Tree,
    /// See [`Self::soa`].
    soa: Arc<[u8]>,
    serial: u32,
    groups: Arc<Groups>,
}

/// The groups of each owner. In the tree an RRset without records stands for each.
type Groups = HashMap<Box<[u8]>, Vec<Group>>;

impl Zone {
    /// A zone of a tree; `None` if its apex has no SOA that can be read.
    fn new(tree: Tree, groups: Groups) -> Option<Self> {
        let (soa, serial) = read_soa(&tree)?;
        Some(Self { tree, soa, serial, groups: Arc::new(groups) })
    }

    /// What a name itself has of a type, whatever hides or stands for it. `name` is in wire form and lower case.
    pub fn own(&self, name: &[u8], rtype: u16) -> Option<Rrset<'_>> {
        let node = self.tree.node(name)?;
        Some(self.rrset_of(node, rtype, node.rrset(rtype)?))
    }

    /// The group that an RRset of a node stands for, or itself.
    #[inline]
    fn rrset_of<'z>(&'z self, node: &'z Node, rtype: u16, segment: Segment<'z>) -> Rrset<'z> {
        let find = || self.groups.get(node.name())?.iter().find(|group| group.rtype() == rtype);
        if self.groups.is_empty() { Rrset::Fixed(segment) } else { find().map_or(Rrset::Fixed(segment), Rrset::Chosen) }
    }

    /// Whether policies choose the records of a name and type, which updates leave alone.
    pub fn is_chosen(&self, name: &[u8], rtype: u16) -> bool {
        matches!(self.own(name, rtype), Some(Rrset::Chosen(_)))
    }

    /// Whether policies choose any of its records.
    pub fn has_groups(&self) -> bool {
        !self.groups.is_empty()
    }

    /// The name that all others are below.
    #[inline]
    pub fn apex(&self) -> &Name {
        self.tree.apex()
    }

    /// The SOA's serial number.
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// How many records there are, but for those that policies choose from.
    pub fn records(&self) -> usize {
        self.tree.records()
    }

    /// How many records policies choose from; an alias counts as one.
    pub fn choosable(&self) -> usize {
        self.groups.values().flatten().map(Group::records).sum()
    }

    /// How many names there are, those without records included.
    pub fn names(&self) -> usize {
        self.tree.names()
    }

    /// The authority section of a negative answer: the SOA with the lesser of its TTL and its MINIMUM (RFC 2308 §3). To
    /// be owned by the last octets of the question's name, as many as the apex has ([`owner_pointer`]).
    #[inline]
    pub fn soa(&self) -> Segment<'_> {
        Segment::new(&self.soa)
    }

    /// The records of a name and type as they are kept, whatever hides or stands for them, but no group's: TTL in seconds,
    /// RDATA in the order they were given. `name` is in wire form and lower case.
    pub fn rrset(&self, name: &[u8], rtype: u16) -> Option<(u32, Vec<Box<[u8]>>)> {
        let segment = self.tree.node(name)?.rrset(rtype).filter(|segment| rrset::count(segment) > 0)?;
        Some((rrset::ttl(&segment), rrset::rdata(&segment).map(Box::from).collect()))
    }

    /// The types of which a name has records, in their order; none for an empty non-terminal and for what is not there.
    pub fn types(&self, name: &[u8]) -> Vec<u16> {
        self.tree.node(name).map_or_else(Vec::new, |node| node.rrsets().map(|(rtype, _)| rtype).collect())
    }

    /// Every record but those of groups: the SOA first, the others in no order of names, those of an RRset together.
    pub fn iter(&self) -> impl Iterator<Item = Record> {
        let is_soa = |rtype: u16| rtype == rtype::SOA;
        let soa = self.tree.top().rrsets().filter(move |(rtype, _)| is_soa(*rtype));
        let soa = soa.flat_map(|(rtype, segment)| records_of(self.apex().clone(), rtype, segment));
        let others = self.tree.iter().flat_map(move |node| {
            let owner = Name::from_wire(node.name()).expect("a node's name is one");
            let rrsets = node.rrsets().filter(move |(rtype, _)| !is_soa(*rtype));
            rrsets.flat_map(move |(rtype, segment)| records_of(owner.clone(), rtype, segment))
        });
        soa.chain(others)
    }
}

fn records_of(owner: Name, rtype: u16, segment: Segment<'_>) -> impl Iterator<Item = Record> {
    let ttl = rrset::ttl(&segment);
    rrset::rdata(&segment).map(move |rdata| Record {
        owner: owner.clone(),
        rtype,
        ttl,
        rdata: rdata.into(),
        position: None,
    })
}

/// The segment of negative answers and the serial number.
fn read_soa(tree: &Tree) -> Option<(Arc<[u8]>, u32)> {
    let segment = tree.top().rrset(rtype::SOA)?;
    let rdata = rrset::rdata(&segment).next()?;
    // SERIAL, REFRESH, RETRY, EXPIRE, MINIMUM end it.
    let numbers = rdata.len().checked_sub(20)?;
    let ttl = rrset::ttl(&segment).min(u32_at(rdata, numbers + 16));
    let (answer, mut negative) = (rrset::encode(rtype::SOA, ttl, [rdata])?, Vec::new());
    let meta = Meta { authority: 1, ..Meta::default() };
    Segment::new(&answer).encode_owned(&mut negative, &meta, QUESTION_POINTER)?;
    Some((negative.into(), u32_at(rdata, numbers)))
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({}, serial {}, {} records)", self.apex(), self.serial, self.records())
    }
}

/// A zone for as long as its name is served by the same rules: what its present version is.
pub struct Handle {
    /// Which handle it is of all that there were in this process.
    pub id: u64,
    /// The name that all others are below.
    pub apex: Name,
    present: ArcSwapOption<Zone>,
}

impl Handle {
    /// A zone of which nothing could be read yet.
    pub fn new(apex: Name) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { id: NEXT.fetch_add(1, Ordering::Relaxed), apex, present: ArcSwapOption::empty() }
    }

    /// The present version; `None` until there is one.
    #[inline]
    pub fn load(&self) -> Guard<Option<Arc<Zone>>> {
        self.present.load()
    }

    /// Makes a version the present one, for every look-up that begins after this. Returns the one before.
    ///
    /// To free a version of a million names that shares nothing with the new one takes 100 ms and more. Keep what is
    /// returned until nobody else holds it ([`Arc::strong_count`] is 1), so that no worker is the last and frees it.
    pub fn publish(&self, zone: Arc<Zone>) -> Option<Arc<Zone>> {
        debug_assert_eq!(zone.apex(), &self.apex);
        self.present.swap(Some(zone))
    }

    /// Has another one, which nobody looks into yet, begin with the version that is the present one here.
    pub fn copy_to(&self, other: &Self) {
        debug_assert_eq!(self.apex, other.apex);
        other.present.store(self.present.load_full());
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("id", &self.id).field("present", &self.load()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
