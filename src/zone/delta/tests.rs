//! Deltas, alone and in a row.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::zone::tests::{build, name, records, told, zone};

fn delta(removed: &str, added: &str) -> Delta {
    Delta { removed: records(removed), added: records(added) }
}

/// What is kept of a name and type: TTL and last octets.
fn kept(zone: &Zone, owner: &str, rtype: u16) -> Option<(u32, Vec<u8>)> {
    let (ttl, rdata) = zone.rrset(name(owner).as_wire(), rtype)?;
    Some((ttl, rdata.iter().filter_map(|rdata| rdata.last().copied()).collect()))
}

#[test]
fn what_goes_is_compared_by_data_and_what_comes_sets_the_ttl() {
    let base = zone("corp", "a.corp A 192.0.2.1\na.corp A 192.0.2.2\nm.corp MX 5 Mail.Corp");
    let cases = [
        ("one goes", "a.corp 9 A 192.0.2.1", "", "a.corp", rtype::A, Some((300, vec![2]))),
        ("all go", "a.corp A 192.0.2.1\na.corp A 192.0.2.2", "", "a.corp", rtype::A, None),
        ("what is not there", "a.corp A 192.0.2.9\nz.corp TXT x", "", "a.corp", rtype::A, Some((300, vec![1, 2]))),
        ("names without regard to case", "m.corp MX 5 mail.corp", "", "m.corp", 15, None),
        ("other data", "m.corp MX 6 mail.corp", "", "m.corp", 15, Some((300, vec![0]))),
        ("one comes", "", "a.corp 60 A 192.0.2.3", "a.corp", rtype::A, Some((60, vec![1, 2, 3]))),
        (
            "the last TTL holds",
            "",
            "b.corp 60 A 192.0.2.3\nb.corp 70 A 192.0.2.4",
            "b.corp",
            rtype::A,
            Some((70, vec![3, 4])),
        ),
        ("it is there already", "", "a.corp 60 A 192.0.2.1", "a.corp", rtype::A, Some((60, vec![2, 1]))),
        ("twice", "", "b.corp A 192.0.2.1\nb.corp A 192.0.2.1", "b.corp", rtype::A, Some((300, vec![1]))),
        ("one for another", "a.corp A 192.0.2.1", "a.corp A 192.0.2.7", "a.corp", rtype::A, Some((300, vec![2, 7]))),
    ];
    for (case, removed, added, owner, rtype, expected) in cases {
        let mut zone = base.clone();
        zone.apply(&delta(removed, added)).expect(case);
        assert_eq!(kept(&zone, owner, rtype), expected, "{case}");
    }
    assert_eq!(kept(&base, "a.corp", rtype::A), Some((300, vec![1, 2])), "the version that was cloned stays");
}

#[test]
fn the_serial_and_negative_answers_follow_the_soa() {
    let mut zone = zone("corp", "");
    zone.apply(&delta("corp SOA 7 60", "corp 20 SOA 9 30")).expect("it fits");
    assert_eq!((zone.serial(), rrset::ttl(&zone.soa()), zone.records()), (9, 20, 2));
}

#[test]
fn what_would_be_no_zone_is_not_applied() {
    let long: String = (0..300).map(|index| format!("l.corp TXT {index}{}\n", "x".repeat(240))).collect();
    let short = Record { rdata: Box::from([1]), ..records("b.corp A 192.0.2.1").remove(0) };
    let cases = [
        ("another zone's name", delta("", "a.example A 192.0.2.1"), Unfit::OutOfZone(name("a.example"))),
        ("removed from another zone", delta("a.example A 192.0.2.1", ""), Unfit::OutOfZone(name("a.example"))),
        (
            "data of no address",
            Delta { added: vec![short], ..Delta::default() },
            Unfit::Rdata(name("b.corp"), rtype::A),
        ),
        ("too long an RRset", delta("", &long), Unfit::TooLong(name("l.corp"), rtype::TXT)),
        ("no SOA", delta("corp SOA 7 60", ""), Unfit::NoSoa),
        ("two SOAs", delta("", "corp SOA 8 60"), Unfit::Misplaced(name("corp"), rtype::SOA)),
        ("an SOA below", delta("", "a.corp SOA 8 60"), Unfit::Misplaced(name("a.corp"), rtype::SOA)),
        ("an alias beside data", delta("", "a.corp CNAME b.corp"), Unfit::Misplaced(name("a.corp"), rtype::A)),
        ("data beside an alias", delta("", "c.corp TXT x"), Unfit::Misplaced(name("c.corp"), rtype::TXT)),
        ("two aliases", delta("", "c.corp CNAME b.corp"), Unfit::Misplaced(name("c.corp"), rtype::CNAME)),
        ("a type that no zone has", delta("", "d.corp ANY 00"), Unfit::Misplaced(name("d.corp"), rtype::ANY)),
    ];
    let base = zone("corp", "a.corp A 192.0.2.1\nc.corp CNAME a.corp");
    for (case, mut delta, expected) in cases {
        // Something that fits comes and goes too, before and behind it.
        delta.added.extend(records("0.corp TXT x\nzz.corp TXT x"));
        delta.removed.extend(records("corp NS ns.elsewhere"));
        let mut zone = base.clone();
        assert_eq!(zone.apply(&delta), Err(expected), "{case}");
        let all =
            |zone: &Zone| zone.iter().map(|record| (record.owner.to_string(), record.rtype)).collect::<HashSet<_>>();
        assert_eq!((all(&zone), zone.serial()), (all(&base), 7), "{case}: nothing is changed");
    }
}

/// A zone as a list: TTL and RDATA by owner and type.
type Model = BTreeMap<(String, u16), (u32, Vec<u8>)>;

/// One change: an owner, a type, the last octet, whether it comes, the TTL.
type Step = (u8, bool, u8, bool, u32);

const OWNERS: [&str; 7] = ["a.corp", "b.a.corp", "c.b.a.corp", "*.a.corp", "d.corp", "e.d.corp", "x.y.z.corp"];

fn model_of(zone: &Zone) -> Model {
    let mut model = Model::new();
    for record in zone.iter() {
        let rrset = model.entry((record.owner.to_string(), record.rtype)).or_insert((record.ttl, Vec::new()));
        assert_eq!(rrset.0, record.ttl, "one TTL in an RRset");
        rrset.1.extend(record.rdata.last());
    }
    model.values_mut().for_each(|(_, rdata)| rdata.sort_unstable());
    model
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn deltas_in_a_row_make_the_zone_that_their_records_make(
        steps in prop::collection::vec(prop::collection::vec(
            (0..7u8, any::<bool>(), 0..6u8, any::<bool>(), 1..4u32), 1..6), 0..40),
    ) {
        let mut changed = zone("corp", "");
        let mut model = model_of(&changed);
        let mut versions = Vec::new();
        for (index, step) in steps.into_iter().enumerate() {
            versions.push((changed.clone(), model.clone()));
            let mut delta = Delta::default();
            let serial = index as u32 + 7;
            delta.removed.extend(records(&format!("corp SOA {serial} 60")));
            delta.added.extend(records(&format!("corp SOA {} 60", serial + 1)));
            change(&mut delta, &mut model, &step);
            changed.apply(&delta).expect("it fits");
            prop_assert_eq!(changed.serial(), serial + 1);
        }
        versions.push((changed, model));
        for (version, model) in versions {
            prop_assert_eq!(&model_of(&version), &model);
            prop_assert_eq!(version.records(), model.values().map(|(_, rdata)| rdata.len()).sum::<usize>());
            // The same records read anew: the same names, and the same answer to everything.
            let (rebuilt, _) = build("corp", version.iter().collect()).expect("it is a zone");
            prop_assert_eq!(version.names(), rebuilt.names());
            for owner in OWNERS.iter().flat_map(|owner| [owner.to_string(), format!("q.{owner}")]) {
                let question = format!("{owner} A");
                prop_assert_eq!(told(&version, &question), told(&rebuilt, &question), "{}", question);
            }
        }
    }
}

/// Adds steps to a delta, first those that remove, and does the same to a model.
fn change(delta: &mut Delta, model: &mut Model, steps: &[Step]) {
    let record = |&(owner, is_text, last, _, ttl): &Step| {
        let data = if is_text { format!("TXT t{last}") } else { format!("A 192.0.2.{last}") };
        records(&format!("{} {ttl} {data}", OWNERS[usize::from(owner)])).remove(0)
    };
    let (come, gone): (Vec<_>, Vec<_>) = steps.iter().partition(|step| step.3);
    for step in gone {
        let record = record(step);
        if let Some((_, rdata)) = model.get_mut(&(record.owner.to_string(), record.rtype)) {
            rdata.retain(|last| Some(last) != record.rdata.last());
        }
        delta.removed.push(record);
    }
    for step in come {
        let record = record(step);
        let rrset = model.entry((record.owner.to_string(), record.rtype)).or_default();
        let last = record.rdata.last().copied().unwrap_or_default();
        rrset.1.retain(|other| *other != last);
        rrset.1.push(last);
        rrset.1.sort_unstable();
        rrset.0 = record.ttl;
        delta.added.push(record);
    }
    model.retain(|_, (_, rdata)| !rdata.is_empty());
}
