//! Putting what updates have changed onto another version of what they changed.
//!
//! A zone has a source, which the operator writes, and changes on top of it, which clients have sent. When the source is
//! another one, what the operator did and what clients did are both kept: the zone is the new source with the clients'
//! net changes made to it. Where the two contradict, the operator's word holds, and what is left out is told.
//! Not here: when a source is another one, and where changes are kept (`keeper`).

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::wire::Name;
use crate::wire::header::{put_u32, rtype};
use crate::wire::rdata::canonical;

use super::journal::Fingerprint;
use super::{Delta, Record, Unfit, Zone};

/// Octets of an SOA's RDATA from its serial on.
const SOA_TAIL_OCTETS: usize = 20;

impl Zone {
    /// The record at its apex that every zone has.
    fn soa_record(&self) -> Option<Record> {
        let (ttl, rdata) = self.rrset(self.apex().as_wire(), rtype::SOA)?;
        let rdata = rdata.into_iter().next()?;
        Some(Record { owner: self.apex().clone(), rtype: rtype::SOA, ttl, rdata, position: None })
    }

    /// Gives it another serial.
    ///
    /// # Errors
    /// Never of a zone that was built: it has an SOA.
    pub fn set_serial(&mut self, serial: u32) -> Result<(), Unfit> {
        let old = self.soa_record().ok_or(Unfit::NoSoa)?;
        let new = Record { rdata: with_serial(&old.rdata, serial), ..old.clone() };
        self.apply(&Delta { removed: vec![old], added: vec![new] })
    }

    /// What tells it from others with other records: all but the serial counts, in any order.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut sum = Fingerprint { octets: 0, crc32: 0 };
        let mut octets = Vec::new();
        for record in self.iter() {
            octets.clear();
            octets.extend_from_slice(record.owner.as_wire());
            octets.extend_from_slice(&record.rtype.to_be_bytes());
            octets.extend_from_slice(&record.ttl.to_be_bytes());
            match record.rtype {
                rtype::SOA => octets.extend_from_slice(&with_serial(&record.rdata, 0)),
                _ => octets.extend_from_slice(&record.rdata),
            }
            let one = Fingerprint::of(&octets);
            sum.octets += one.octets;
            sum.crc32 = sum.crc32.wrapping_add(one.crc32);
        }
        sum
    }

    /// Makes a change as far as it fits: returns what was left out. Records that policies choose are nobody's to change.
    pub fn apply_what_fits(&mut self, delta: &Delta) -> Vec<Unfit> {
        let mut left_out = Vec::new();
        let mut by_owner: BTreeMap<&[u8], Delta> = BTreeMap::new();
        let mut fits = |record: &&Record| {
            let is_chosen = self.is_chosen(record.owner.as_wire(), record.rtype);
            if is_chosen {
                left_out.push(Unfit::Misplaced(record.owner.clone(), record.rtype));
            }
            !is_chosen
        };
        let removed: Vec<&Record> = delta.removed.iter().filter(&mut fits).collect();
        let added: Vec<&Record> = delta.added.iter().filter(&mut fits).collect();
        for record in &removed {
            by_owner.entry(record.owner.as_wire()).or_default().removed.push((*record).clone());
        }
        for record in &added {
            by_owner.entry(record.owner.as_wire()).or_default().added.push((*record).clone());
        }
        let whole =
            Delta { removed: removed.into_iter().cloned().collect(), added: added.into_iter().cloned().collect() };
        if self.apply(&whole).is_err() {
            left_out.extend(by_owner.values().filter_map(|delta| self.apply(delta).err()));
        }
        left_out
    }
}

impl Delta {
    /// What has to be changed to make one zone's records the other's. Their SOAs do not count.
    pub fn between(from: &Zone, to: &Zone) -> Self {
        let records = |zone: &Zone| zone.iter().filter(|record| record.rtype != rtype::SOA).collect::<Vec<_>>();
        let (from, to) = (records(from), records(to));
        Self { removed: missing(&from, &to), added: missing(&to, &from) }
    }
}

/// The records of `these` that `others` has not.
fn missing(these: &[Record], others: &[Record]) -> Vec<Record> {
    let key = |record: &'_ Record| -> (Name, u16, u32, Box<[u8]>) {
        (record.owner.clone(), record.rtype, record.ttl, record.rdata.clone())
    };
    let others: HashSet<_> = others.iter().map(key).collect();
    these.iter().filter(|record| !others.contains(&key(record))).cloned().collect()
}

/// A source with the net changes of clients made to it, and what of them was left out.
///
/// `old` is the source that they were made to, `current` what came of it. The SOA is that of the updates, if they
/// changed it and the operator did not; its serial becomes `serial`.
///
/// Records are the same when owner, type and data are, whatever their TTL (RFC 2136 §1.1.1): a client that only changes a
/// TTL does not make the operator's records its own. Of an RRset the clients' TTL holds, unless the operator has changed
/// theirs.
pub fn rebase(source: &Zone, old: &Zone, current: &Zone, serial: u32) -> (Zone, Vec<Unfit>) {
    let mut zone = source.clone();
    let changed = Delta::between(old, current);
    let touched: BTreeSet<(&[u8], u16)> =
        changed.removed.iter().chain(&changed.added).map(|record| (record.owner.as_wire(), record.rtype)).collect();
    let mut delta = Delta::default();
    for (owner, rtype) in touched {
        merge(Versions::of([source, old, current], owner, rtype), owner, rtype, &mut delta);
    }
    let mut left_out = zone.apply_what_fits(&delta);
    let soas = [source, old, current].map(|zone| zone.soa_record().map(|soa| with_serial(&soa.rdata, 0)));
    if soas[0] == soas[1]
        && soas[1] != soas[2]
        && let (Some(ours), Some(theirs)) = (zone.soa_record(), current.soa_record())
    {
        left_out.extend(zone.apply(&Delta { removed: vec![ours], added: vec![theirs] }).err());
    }
    left_out.extend(zone.set_serial(serial).err());
    (zone, left_out)
}

/// One RRset as it was and is.
struct Versions {
    source: Option<Rrset>,
    old: Option<Rrset>,
    current: Option<Rrset>,
}

/// A TTL, and RDATA.
type Rrset = (u32, Vec<Box<[u8]>>);

impl Versions {
    fn of(zones: [&Zone; 3], owner: &[u8], rtype: u16) -> Self {
        let [source, old, current] = zones.map(|zone| zone.rrset(owner, rtype));
        Self { source, old, current }
    }
}

/// Adds what has to be changed of the source's RRset to have the clients' changes in it.
fn merge(versions: Versions, owner: &[u8], rtype: u16, delta: &mut Delta) {
    let Versions { source, old, current } = versions;
    let Some(owner) = Name::from_wire(owner) else { return };
    let known = |rrset: &Option<Rrset>| -> HashSet<Box<[u8]>> {
        let rdata = rrset.iter().flat_map(|(_, rdata)| rdata);
        rdata.map(|rdata| canonical(rtype, rdata).into()).collect()
    };
    let (in_source, in_old, in_current) = (known(&source), known(&old), known(&current));
    let is_in = |set: &HashSet<Box<[u8]>>, rdata: &[u8]| set.contains(&*canonical(rtype, rdata));
    let record =
        |ttl: u32, rdata: &[u8]| Record { owner: owner.clone(), rtype, ttl, rdata: rdata.into(), position: None };
    let ttl = match (&source, &old, &current) {
        (Some((ttl, _)), Some((before, _)), Some((theirs, _))) if ttl == before => *theirs,
        (Some((ttl, _)), ..) => *ttl,
        (None, _, Some((theirs, _))) => *theirs,
        (None, _, None) => return,
    };
    let stays = |rdata: &[u8]| !is_in(&in_old, rdata) || is_in(&in_current, rdata);
    if let Some((before, rdata)) = &source {
        for rdata in rdata {
            match stays(rdata) {
                false => delta.removed.push(record(*before, rdata)),
                true if *before != ttl => {
                    delta.removed.push(record(*before, rdata));
                    delta.added.push(record(ttl, rdata));
                }
                true => {}
            }
        }
    }
    for rdata in current.iter().flat_map(|(_, rdata)| rdata) {
        if !is_in(&in_old, rdata) && !is_in(&in_source, rdata) {
            delta.added.push(record(ttl, rdata));
        }
    }
}

/// The RDATA of an SOA with another serial.
pub fn with_serial(rdata: &[u8], serial: u32) -> Box<[u8]> {
    let mut rdata: Box<[u8]> = rdata.into();
    if let Some(at) = rdata.len().checked_sub(SOA_TAIL_OCTETS) {
        put_u32(&mut rdata, at, serial);
    }
    rdata
}

#[cfg(test)]
mod tests {
    use super::super::tests::{name, records, zone};
    use super::*;

    fn delta(removed: &str, added: &str) -> Delta {
        Delta { removed: records(removed), added: records(added) }
    }

    fn texts(zone: &Zone) -> Vec<(String, u16, u32, Vec<u8>)> {
        let text = |record: Record| (record.owner.to_string(), record.rtype, record.ttl, record.rdata.to_vec());
        let mut texts: Vec<_> = zone.iter().filter(|record| record.rtype != rtype::SOA).map(text).collect();
        texts.sort();
        texts
    }

    #[test]
    fn what_the_operator_did_and_what_clients_did_are_both_kept() {
        let old = "a.corp A 192.0.2.1\nb.corp A 192.0.2.2\nc.corp A 192.0.2.3\nc.corp A 192.0.2.4";
        let updates = delta("b.corp A 192.0.2.2\nc.corp A 192.0.2.3", "new.corp 60 A 192.0.2.9\nc.corp 60 A 192.0.2.5");
        for (case, new, expected) in [
            (
                "nothing",
                old,
                "a.corp A 192.0.2.1\nc.corp 60 A 192.0.2.4\nc.corp 60 A 192.0.2.5\nnew.corp 60 A 192.0.2.9",
            ),
            (
                "one more, one less",
                "b.corp A 192.0.2.2\nc.corp A 192.0.2.3\nc.corp A 192.0.2.4\nd.corp A 192.0.2.7",
                "d.corp A 192.0.2.7\nc.corp 60 A 192.0.2.4\nc.corp 60 A 192.0.2.5\nnew.corp 60 A 192.0.2.9",
            ),
            (
                "the address that a client gave another TTL, and beside it another",
                "c.corp A 192.0.2.44\nb.corp A 192.0.2.2",
                "c.corp 60 A 192.0.2.44\nc.corp 60 A 192.0.2.5\nnew.corp 60 A 192.0.2.9",
            ),
            (
                "a TTL of the operator's",
                "a.corp A 192.0.2.1\nc.corp 900 A 192.0.2.3\nc.corp 900 A 192.0.2.4",
                "a.corp A 192.0.2.1\nc.corp 900 A 192.0.2.4\nc.corp 900 A 192.0.2.5\nnew.corp 60 A 192.0.2.9",
            ),
            ("what clients added", "new.corp A 192.0.2.9", "c.corp 60 A 192.0.2.5\nnew.corp 300 A 192.0.2.9"),
        ] {
            let old = zone("corp", old);
            let mut current = old.clone();
            current.apply(&updates).expect("it fits");
            let (rebased, left_out) = rebase(&zone("corp", new), &old, &current, 77);
            assert_eq!((left_out, rebased.serial()), (vec![], 77), "{case}");
            assert_eq!(texts(&rebased), texts(&zone("corp", expected)), "{case}");
        }
    }

    #[test]
    fn the_operators_word_holds_and_what_is_left_out_is_told() {
        let old = zone("corp", "a.corp A 192.0.2.1");
        let mut current = old.clone();
        current.apply(&delta("", "x.corp A 192.0.2.8\ny.corp A 192.0.2.9")).expect("it fits");
        let (rebased, left_out) = rebase(&zone("corp", "x.corp CNAME a.corp"), &old, &current, 8);
        assert_eq!(left_out, [Unfit::Misplaced(name("x.corp"), rtype::A)]);
        assert_eq!(texts(&rebased), texts(&zone("corp", "x.corp CNAME a.corp\ny.corp A 192.0.2.9")));
    }

    #[test]
    fn a_fingerprint_is_of_records_in_any_order_but_not_of_the_serial() {
        let first = zone("corp", "a.corp A 192.0.2.1\nb.corp A 192.0.2.2");
        let mut second = zone("corp", "b.corp A 192.0.2.2\na.corp A 192.0.2.1");
        second.set_serial(99).expect("it has an SOA");
        assert_eq!((second.serial(), second.fingerprint()), (99, first.fingerprint()));
        for other in ["a.corp A 192.0.2.1", "a.corp 9 A 192.0.2.1\nb.corp A 192.0.2.2", "a.corp A 192.0.2.2"] {
            assert_ne!(zone("corp", other).fingerprint(), first.fingerprint(), "{other}");
        }
    }
}
