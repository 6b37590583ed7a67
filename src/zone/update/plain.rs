//! A zone as a sorted map: for tests and fuzzing, where the real one is not what is looked at.

use std::collections::BTreeMap;

use crate::wire::Name;
use crate::zone::{Delta, Record};

use super::Present;

/// An owner in wire form, and a type.
type Key = (Box<[u8]>, u16);
/// A TTL, and RDATA.
type Rrset = (u32, Vec<Box<[u8]>>);

/// A zone of few records. Two RDATA of one RRset differ octet by octet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain {
    apex: Name,
    rrsets: BTreeMap<Key, Rrset>,
}

impl Plain {
    /// A zone of these records; an RRset has the TTL of its last one.
    pub fn new(apex: Name, records: impl IntoIterator<Item = Record>) -> Self {
        let mut zone = Self { apex, rrsets: BTreeMap::new() };
        records.into_iter().for_each(|record| zone.add(record));
        zone
    }

    fn add(&mut self, record: Record) {
        let (ttl, rdata) = self.rrsets.entry((record.owner.as_wire().into(), record.rtype)).or_default();
        *ttl = record.ttl;
        rdata.push(record.rdata);
        rdata.sort();
    }

    /// Makes a delta.
    ///
    /// # Panics
    /// When it removes what is not there, or adds what is.
    pub fn apply(&mut self, delta: &Delta) {
        for record in &delta.removed {
            let key = (record.owner.as_wire().into(), record.rtype);
            let (ttl, rdata) = self.rrsets.get_mut(&key).expect("the RRset is there");
            assert_eq!(*ttl, record.ttl, "the TTL is that of the RRset");
            let at = rdata.iter().position(|rdata| *rdata == record.rdata).expect("the record is there");
            rdata.remove(at);
            if rdata.is_empty() {
                self.rrsets.remove(&key);
            }
        }
        for record in &delta.added {
            let there = self.rrsets.get(&(record.owner.as_wire().into(), record.rtype));
            if let Some((ttl, rdata)) = there {
                assert!(*ttl == record.ttl && !rdata.contains(&record.rdata), "the record is new");
            }
            self.add(record.clone());
        }
    }

    /// All records, sorted.
    pub fn records(&self) -> impl Iterator<Item = (&[u8], u16, u32, &[u8])> {
        self.rrsets.iter().flat_map(|((name, rtype), (ttl, rdata))| {
            rdata.iter().map(move |rdata| (&name[..], *rtype, *ttl, &rdata[..]))
        })
    }
}

impl Present for Plain {
    fn apex(&self) -> &Name {
        &self.apex
    }

    fn types(&self, name: &Name) -> Vec<u16> {
        self.rrsets.keys().filter(|(owner, _)| **owner == *name.as_wire()).map(|&(_, rtype)| rtype).collect()
    }

    fn is_chosen(&self, _: &Name, _: u16) -> bool {
        false
    }

    fn rrset(&self, name: &Name, rtype: u16) -> Option<(u32, Vec<Box<[u8]>>)> {
        self.rrsets.get(&(name.as_wire().into(), rtype)).cloned()
    }
}
