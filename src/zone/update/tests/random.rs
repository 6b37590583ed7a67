//! Random updates, beside RFC 2136's words read as they stand.

use super::*;

/// Numbers from a seed (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

const OWNERS: [&str; 6] = ["corp", "ns.corp", "a.corp", "b.corp", "alias.corp", "x.ent.corp"];

fn any_record(chance: &mut Chance) -> (&'static str, u16, Vec<u8>) {
    let owner = chance.pick(&OWNERS);
    let target = wire(chance.pick(&["ns.corp", "a.corp", "NS2.corp"]));
    let number = chance.below(3) as u8;
    let (rtype, rdata) = match chance.below(7) {
        0 | 1 => (A, vec![10, 0, 0, number]),
        2 => (TXT, vec![1, b'a' + number]),
        3 => (NS, target),
        4 => (CNAME, target),
        5 => (DNAME, target),
        _ => (SOA, soa_rdata(number.into())),
    };
    (owner, rtype, rdata)
}

fn any_change(chance: &mut Chance) -> Row {
    let (owner, rtype, rdata) = any_record(chance);
    match chance.below(6) {
        0..3 => (owner, rtype, class::IN, chance.pick(&[60, 300]), rdata),
        3 => remove(owner, rtype, &rdata),
        4 => remove_all(owner, rtype),
        _ => remove_all(owner, ANY),
    }
}

/// RFC 2136 §3.4.2.7, read as it stands, on a list of records: owner in lower case, type, TTL, RDATA.
fn naive(records: &mut Vec<(String, u16, u32, Vec<u8>)>, row: &Row) {
    let (owner, rtype, class, ttl, rdata) = row;
    let owner = owner.to_lowercase();
    let lower = |rtype: u16, rdata: &[u8]| crate::wire::rdata::canonical(rtype, rdata).into_owned();
    let at_apex = owner == "corp";
    let serial = |rdata: &[u8]| u32_at(rdata, rdata.len() - 20);
    match *class {
        class::IN => {
            let at_owner =
                |wanted: &dyn Fn(u16) -> bool| records.iter().any(|(name, there, ..)| *name == owner && wanted(*there));
            if *rtype == CNAME && at_owner(&|there| there != CNAME)
                || *rtype != CNAME && at_owner(&|there| there == CNAME)
            {
                return;
            }
            if *rtype == SOA {
                let present = records.iter().find(|(_, there, ..)| *there == SOA).expect("a zone has SOA");
                if !at_apex || !serial::is_greater(serial(rdata), serial(&present.3)) {
                    return;
                }
            }
            for record in records.iter_mut().filter(|(name, there, ..)| *name == owner && there == rtype) {
                record.2 = *ttl;
            }
            let single = matches!(*rtype, SOA | CNAME | DNAME);
            records.retain(|(name, there, _, old)| {
                *name != owner || there != rtype || !(single || lower(*rtype, old) == lower(*rtype, rdata))
            });
            records.push((owner, *rtype, *ttl, rdata.clone()));
        }
        class::ANY if *rtype == ANY => {
            records.retain(|(name, there, ..)| *name != owner || at_apex && matches!(*there, SOA | NS));
        }
        class::ANY => {
            records
                .retain(|(name, there, ..)| *name != owner || there != rtype || at_apex && matches!(*there, SOA | NS));
        }
        _ => {
            let name_servers = records.iter().filter(|(name, there, ..)| *name == owner && *there == NS).count();
            if *rtype == SOA || at_apex && *rtype == NS && name_servers == 1 {
                return;
            }
            records.retain(|(name, there, _, old)| {
                *name != owner || there != rtype || lower(*rtype, old) != lower(*rtype, rdata)
            });
        }
    }
}

fn sorted(mut records: Vec<(String, u16, u32, Vec<u8>)>) -> Vec<(String, u16, u32, Vec<u8>)> {
    records.sort();
    records
}

#[test]
fn random_updates_do_what_a_naive_reading_does() {
    let seen = |zone: &Plain| -> Vec<(String, u16, u32, Vec<u8>)> {
        let shown = |owner| Name::from_wire(owner).expect("a name").to_string();
        zone.records().map(|(owner, rtype, ttl, rdata)| (shown(owner), rtype, ttl, rdata.to_vec())).collect()
    };
    let mut changes_made = 0;
    for seed in 0..200 {
        let mut chance = Chance(seed);
        let mut zone = zone().0;
        let mut model = seen(&zone);
        let mut real = real_zone(&zone);
        for step in 0..30 {
            let rows: Vec<Row> = (0..=chance.below(5)).map(|_| any_change(&mut chance)).collect();
            let before = sorted(model.clone());
            for row in &rows {
                naive(&mut model, row);
            }
            let delta = apply_packet(&zone, Some("k"), &packet(ZONE, &[], &rows)).expect("all is granted");
            let is_changed = sorted(model.clone()) != before;
            assert_eq!(delta.is_some(), is_changed, "seed {seed}, step {step}: {rows:?}");
            let Some(delta) = delta else { continue };
            changes_made += 1;
            zone.apply(&delta);
            assert_eq!(apply_packet(&real, Some("k"), &packet(ZONE, &[], &rows)), Ok(Some(delta.clone())));
            real.apply(&delta).expect("what comes of it is a zone");
            // The serial alone may differ: raised for the update, not by it.
            let soa = model.iter_mut().find(|record| record.1 == SOA).expect("a zone has SOA");
            let at = soa.3.len() - 20;
            let old = before.iter().find(|record| record.1 == SOA).expect("a zone has SOA");
            if soa.3[at..at + 4] == old.3[at..at + 4] {
                let raised = serial::next(u32_at(&soa.3, at));
                soa.3[at..at + 4].copy_from_slice(&raised.to_be_bytes());
            }
            assert_eq!(seen(&zone), sorted_as_the_zone(model.clone()), "seed {seed}, step {step}: {rows:?}");
        }
        assert_eq!(Plain::new(name("corp"), real.iter()), zone, "seed {seed}");
    }
    assert!(changes_made > 3_000, "{changes_made} updates changed something");
}

/// The same zone as workers are answered from.
fn real_zone(zone: &Plain) -> crate::zone::Zone {
    let mut builder = crate::zone::Builder::new(name("corp"));
    for (owner, rtype, ttl, rdata) in zone.records() {
        let owner = Name::from_wire(owner).expect("a name");
        builder.add(Record { owner, rtype, ttl, rdata: rdata.into(), position: None });
    }
    builder.finish().expect("a zone").0
}

/// In the order of a [`Plain`]: by the owner's octets, type, RDATA.
fn sorted_as_the_zone(mut records: Vec<(String, u16, u32, Vec<u8>)>) -> Vec<(String, u16, u32, Vec<u8>)> {
    records.sort_by_key(|(owner, rtype, _, rdata)| (wire(owner), *rtype, rdata.clone()));
    records
}
