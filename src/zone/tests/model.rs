//! Look-ups held against a plain reading of RFC 1034 §4.3.2: label by label from the apex, over a list of records.

use proptest::prelude::*;

use super::*;

/// Owners by their labels, the topmost first, and what they own.
type Names = Vec<(Vec<&'static str>, Vec<u16>)>;

/// What a walk ends with: owners by their labels.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Rrset(Vec<&'static str>, u16),
    Alias(Vec<&'static str>),
    Renamed(Vec<&'static str>),
    Referral(Vec<&'static str>),
    Every(Vec<&'static str>),
    NoData,
    NxDomain,
}

const DS: u16 = rtype::DS;
const TYPES: [u16; 8] = [rtype::A, rtype::TXT, rtype::CNAME, rtype::NS, rtype::DNAME, DS, rtype::SOA, rtype::ANY];

fn owned<'n>(names: &'n Names, name: &[&str]) -> Option<&'n [u16]> {
    names.iter().find(|(owner, _)| owner == name).map(|(_, types)| &types[..])
}

fn exists(names: &Names, name: &[&str]) -> bool {
    name.is_empty() || names.iter().any(|(owner, _)| owner.starts_with(name))
}

/// What a name that is not hidden says; `owner` is the wildcard that stands for it or the name itself.
fn say(names: &Names, owner: &[&'static str], qtype: u16) -> End {
    let types = owned(names, owner).unwrap_or(&[]);
    match qtype {
        rtype::ANY if types.is_empty() => End::NoData,
        rtype::ANY => End::Every(owner.to_vec()),
        _ if types.contains(&qtype) => End::Rrset(owner.to_vec(), qtype),
        _ if types.contains(&rtype::CNAME) => End::Alias(owner.to_vec()),
        _ => End::NoData,
    }
}

/// RFC 1034 §4.3.2 step 3, with RFC 6672 §3.2 and RFC 4592 §3.3.
fn walk(names: &Names, name: &[&'static str], qtype: u16) -> End {
    for depth in 0..=name.len() {
        let (here, is_last) = (&name[..depth], depth == name.len());
        if !exists(names, here) {
            let star = [&name[..depth - 1], &["*"]].concat();
            return if exists(names, &star) { say(names, &star, qtype) } else { End::NxDomain };
        }
        let has = |rtype: u16| owned(names, here).is_some_and(|types| types.contains(&rtype));
        if depth > 0 && has(rtype::NS) && !(is_last && qtype == DS) {
            return End::Referral(here.to_vec());
        }
        if !is_last && has(rtype::DNAME) {
            return End::Renamed(here.to_vec());
        }
    }
    say(names, name, qtype)
}

/// The name in text, below the apex.
fn text(name: &[&str]) -> String {
    name.iter().rev().map(|label| format!("{label}.")).collect::<String>() + "z"
}

/// Data that tell the owner.
fn records_of(names: &Names) -> Vec<Record> {
    let mut all = String::from("z SOA 1 60\n");
    for (owner, types) in names {
        let (own, mark) = (text(owner), text(owner).replace('*', "star").replace('.', "-"));
        for rtype in types {
            all += &match *rtype {
                rtype::A | rtype::TXT => format!("{own} TYPE{rtype} "),
                DS => format!(
                    "{own} DS 0 1 8 2 {}\n",
                    mark.bytes().map(|octet| format!("{octet:x} ")).collect::<String>()
                ),
                rtype::SOA => String::new(),
                _ => format!("{own} {} {mark}.example\n", type_name(*rtype)),
            };
            if matches!(*rtype, rtype::A | rtype::TXT) {
                let octet = names.iter().position(|(name, _)| name == owner).unwrap_or_default();
                let data = if *rtype == rtype::A { format!("192.0.2.{octet}") } else { mark.clone() };
                all += &format!("{data}\n");
            }
        }
    }
    let mut records = records(&all);
    records.iter_mut().for_each(|record| record.position = None);
    records
}

/// The RDATA that a name owns.
fn data(zone: &Zone, owner: &[&str], rtype: u16) -> Vec<Box<[u8]>> {
    zone.rrset(name(&text(owner)).as_wire(), rtype).expect("the model has it").1
}

fn agrees(zone: &Zone, question: &[&'static str], qtype: u16, end: &End) -> bool {
    let wire = name(&text(question));
    let read = |segment: &Segment<'_>| rrset::rdata(segment).map(Box::from).collect::<Vec<Box<[u8]>>>();
    let octets = |owner: &[&str]| name(&text(owner)).as_wire().len();
    match (zone.find(wire.as_wire(), qtype), end) {
        (Found::Rrset(Rrset::Fixed(segment)), End::Rrset(owner, rtype)) => read(&segment) == data(zone, owner, *rtype),
        (Found::Alias(Rrset::Fixed(segment)), End::Alias(owner)) => {
            read(&segment) == data(zone, owner, rtype::CNAME) && *segment.next() == *read(&segment)[0]
        }
        (Found::Renamed(renamed), End::Renamed(owner)) => {
            read(&renamed.dname) == data(zone, owner, rtype::DNAME) && renamed.owner_octets == octets(owner)
        }
        (Found::Referral(referral), End::Referral(owner)) => {
            read(&referral.ns) == data(zone, owner, rtype::NS) && referral.owner_octets == octets(owner)
        }
        (Found::Every(every), End::Every(owner)) => {
            let mut types: Vec<u16> = every.rrsets().map(|(rtype, _)| rtype).collect();
            types.sort_unstable();
            types == zone.types(name(&text(owner)).as_wire())
                && every.rrsets().all(|(rtype, rrset)| matches!(rrset, Rrset::Fixed(segment) if read(&segment) == data(zone, owner, rtype)))
        }
        (Found::NoData, End::NoData) | (Found::NxDomain, End::NxDomain) => true,
        _ => false,
    }
}

fn label(with_unknown: bool) -> impl Strategy<Value = &'static str> {
    let labels: &[&str] = if with_unknown { &["a", "b", "*", "q"] } else { &["a", "b", "*"] };
    prop::sample::select(labels)
}

/// What a name may own together.
fn types() -> impl Strategy<Value = Vec<u16>> {
    prop_oneof![
        6 => prop::sample::subsequence(vec![rtype::A, rtype::TXT], 1..=2),
        2 => Just(vec![rtype::CNAME]),
        1 => Just(vec![rtype::NS]),
        1 => Just(vec![rtype::NS, DS]),
        1 => Just(vec![rtype::NS, rtype::A]),
        1 => Just(vec![rtype::DNAME, rtype::TXT]),
        1 => Just(vec![rtype::DNAME]),
    ]
}

/// A zone of a few names; the apex may have a DNAME.
fn names() -> impl Strategy<Value = Names> {
    let owner = prop::collection::vec(label(false), 1..5);
    let below = prop::collection::vec((owner, types()), 0..10);
    (below, prop::bool::weighted(0.1)).prop_map(|(mut names, has_dname)| {
        names.sort_by(|one, other| one.0.cmp(&other.0));
        names.dedup_by(|one, other| one.0 == other.0);
        let apex = if has_dname { vec![rtype::NS, rtype::SOA, rtype::DNAME] } else { vec![rtype::NS, rtype::SOA] };
        names.push((Vec::new(), apex));
        names
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn look_ups_agree_with_a_walk_label_by_label(
        names in names(),
        questions in prop::collection::vec(prop::collection::vec(label(true), 0..6), 40),
    ) {
        let (zone, _) = build("z", records_of(&names)).expect("the names of the model make a zone");
        let owners = names.iter().map(|(owner, _)| owner.clone());
        for question in questions.into_iter().chain(owners) {
            for qtype in TYPES {
                let end = walk(&names, &question, qtype);
                let agrees = agrees(&zone, &question, qtype, &end);
                let asked = format!("{} TYPE{qtype}", text(&question));
                prop_assert!(agrees, "{asked}: {end:?}, {}", told(&zone, &asked));
            }
        }
    }
}
