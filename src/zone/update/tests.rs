use std::net::Ipv4Addr;

use super::*;
use crate::wire::header::u32_at;
use crate::wire::query::{Fault, Query};
use crate::zone::{Record, serial};

mod random;

const A: u16 = rtype::A;
const NS: u16 = rtype::NS;
const CNAME: u16 = rtype::CNAME;
const SOA: u16 = rtype::SOA;
const TXT: u16 = rtype::TXT;
const DNAME: u16 = rtype::DNAME;
const ANY: u16 = rtype::ANY;

fn name(text: &str) -> Name {
    text.parse().expect("a name of the test")
}

fn wire(text: &str) -> Vec<u8> {
    name(text).as_wire().to_vec()
}

fn soa_rdata(serial: u32) -> Vec<u8> {
    [
        &wire("ns.corp")[..],
        &wire("h.corp"),
        &serial.to_be_bytes(),
        &[0, 0, 14, 16, 0, 0, 2, 88, 0, 1, 0, 0, 0, 0, 0, 60],
    ]
    .concat()
}

/// A record of an update: owner, type, class, TTL, RDATA.
type Row = (&'static str, u16, u16, u32, Vec<u8>);

fn add(owner: &'static str, rtype: u16, rdata: &[u8]) -> Row {
    (owner, rtype, class::IN, 60, rdata.to_vec())
}

fn remove(owner: &'static str, rtype: u16, rdata: &[u8]) -> Row {
    (owner, rtype, class::NONE, 0, rdata.to_vec())
}

fn remove_all(owner: &'static str, rtype: u16) -> Row {
    (owner, rtype, class::ANY, 0, vec![])
}

fn exists(owner: &'static str, rtype: u16) -> Row {
    (owner, rtype, class::ANY, 0, vec![])
}

fn absent(owner: &'static str, rtype: u16) -> Row {
    (owner, rtype, class::NONE, 0, vec![])
}

fn equals(owner: &'static str, rtype: u16, rdata: &[u8]) -> Row {
    (owner, rtype, class::IN, 0, rdata.to_vec())
}

fn packet(zone: (&str, u16, u16), prerequisites: &[Row], changes: &[Row]) -> Vec<u8> {
    let mut packet = vec![0x12, 0x34, 0x28, 0, 0, 1];
    for count in [prerequisites.len(), changes.len(), 0] {
        packet.extend((count as u16).to_be_bytes());
    }
    packet.extend(wire(zone.0));
    packet.extend(zone.1.to_be_bytes());
    packet.extend(zone.2.to_be_bytes());
    for (owner, rtype, class, ttl, rdata) in prerequisites.iter().chain(changes) {
        packet.extend(wire(owner));
        packet.extend(rtype.to_be_bytes());
        packet.extend(class.to_be_bytes());
        packet.extend(ttl.to_be_bytes());
        packet.extend((rdata.len() as u16).to_be_bytes());
        packet.extend(rdata);
    }
    packet
}

const ZONE: (&str, u16, u16) = ("corp", SOA, class::IN);

/// A zone with an RRset that a policy chooses: `www.corp A`.
struct WithPolicy(Plain);

impl Present for WithPolicy {
    fn apex(&self) -> &Name {
        self.0.apex()
    }

    fn types(&self, owner: &Name) -> Vec<u16> {
        if *owner == name("www.corp") { [self.0.types(owner), vec![A]].concat() } else { self.0.types(owner) }
    }

    fn is_chosen(&self, owner: &Name, rtype: u16) -> bool {
        *owner == name("www.corp") && rtype == A
    }

    fn rrset(&self, owner: &Name, rtype: u16) -> Option<(u32, Vec<Box<[u8]>>)> {
        self.0.rrset(owner, rtype)
    }
}

fn zone() -> WithPolicy {
    let record = |owner: &str, rtype, rdata: &[u8]| Record {
        owner: name(owner),
        rtype,
        ttl: 60,
        rdata: rdata.into(),
        position: None,
    };
    WithPolicy(Plain::new(
        name("corp"),
        [
            record("corp", SOA, &soa_rdata(7)),
            record("corp", NS, &wire("ns.corp")),
            record("corp", TXT, b"\x04apex"),
            record("ns.corp", A, &[10, 0, 0, 2]),
            record("a.corp", A, &[10, 0, 0, 1]),
            record("a.corp", A, &[10, 0, 0, 3]),
            record("a.corp", TXT, b"\x01a"),
            record("alias.corp", CNAME, &wire("a.corp")),
            record("mx.corp", rtype::MX, b"\0\x0a\x02Mx\x04corp\0"),
            record("moved.corp", DNAME, &wire("a.corp")),
            record("x.ent.corp", TXT, b"\x01x"),
            record("*.wild.corp", A, &[10, 0, 0, 9]),
        ],
    ))
}

/// A key `k` that may change everything, and `www` that may change the addresses of `www.corp` and below alone.
fn grants() -> Grants {
    let rule = |key, names, types| Rule { deny: false, who: Who::Key(name(key)), names, types };
    Grants {
        rules: vec![
            rule("k", Names::Zone, Types::Every),
            rule("www", Names::Subdomain(name("www.corp")), Types::Usual),
            rule("a", Names::Name(name("a.corp")), Types::These([A].into())),
        ],
    }
}

fn apply_packet(zone: &dyn Present, key: Option<&str>, packet: &[u8]) -> Result<Option<Delta>, Refusal> {
    let Err(Fault::Opcode(5, Some(end))) = Query::read(packet) else { panic!("an update") };
    let update = Update::read(packet, end).expect("it can be read");
    let signer = key.map(name);
    let sender = Sender { signer: signer.as_ref(), client: Ipv4Addr::LOCALHOST.into() };
    apply(zone, &update, &grants(), sender)
}

fn outcome(prerequisites: &[Row], changes: &[Row]) -> Result<Option<Delta>, u16> {
    apply_packet(&zone(), Some("k"), &packet(ZONE, prerequisites, changes)).map_err(|refusal| refusal.rcode)
}

fn rcode_of(prerequisites: &[Row], changes: &[Row]) -> u16 {
    outcome(prerequisites, changes).err().unwrap_or(rcode::NOERROR)
}

#[test]
fn the_zone_section_names_a_zone_of_ours() {
    for (case, section, expected) in [
        ("the zone", ZONE, rcode::NOERROR),
        ("the zone in another case", ("CoRP", SOA, class::IN), rcode::NOERROR),
        ("another type", ("corp", A, class::IN), rcode::FORMERR),
        ("another class", ("corp", SOA, class::CH), rcode::NOTAUTH),
        ("a name in the zone", ("a.corp", SOA, class::IN), rcode::NOTAUTH),
        ("another zone", ("example", SOA, class::IN), rcode::NOTAUTH),
    ] {
        let outcome = apply_packet(&zone(), Some("k"), &packet(section, &[], &[]));
        assert_eq!(outcome.err().map_or(0, |refusal| refusal.rcode), expected, "{case}");
    }
}

#[test]
fn prerequisites_must_hold() {
    let cases: Vec<(&str, Vec<Row>, u16)> = vec![
        ("a name in use", vec![exists("a.corp", ANY)], 0),
        ("a name in use, in another case", vec![exists("A.CORP", ANY)], 0),
        ("a name that is not there", vec![exists("b.corp", ANY)], rcode::NXDOMAIN),
        ("an empty name above others is not in use", vec![exists("ent.corp", ANY)], rcode::NXDOMAIN),
        ("a wildcard is not matched", vec![exists("b.wild.corp", ANY)], rcode::NXDOMAIN),
        ("the asterisk itself is a name", vec![exists("*.wild.corp", ANY)], 0),
        ("an RRset", vec![exists("a.corp", A)], 0),
        ("an alias is not followed", vec![exists("alias.corp", A)], rcode::NXRRSET),
        ("another type", vec![exists("a.corp", NS)], rcode::NXRRSET),
        ("what a policy chooses is there", vec![exists("www.corp", A)], 0),
        ("a free name", vec![absent("b.corp", ANY)], 0),
        ("an empty name is free", vec![absent("ent.corp", ANY)], 0),
        ("a name that is not free", vec![absent("a.corp", ANY)], rcode::YXDOMAIN),
        ("no such RRset", vec![absent("a.corp", NS)], 0),
        ("there is one", vec![absent("a.corp", A)], rcode::YXRRSET),
        ("an RRset", vec![equals("a.corp", A, &[10, 0, 0, 3]), equals("a.corp", A, &[10, 0, 0, 1])], 0),
        (
            "an RRset, one record twice",
            vec![
                equals("a.corp", A, &[10, 0, 0, 3]),
                equals("a.corp", A, &[10, 0, 0, 1]),
                equals("a.corp", A, &[10, 0, 0, 3]),
            ],
            0,
        ),
        ("a part of an RRset", vec![equals("a.corp", A, &[10, 0, 0, 3])], rcode::NXRRSET),
        ("another RRset", vec![equals("ns.corp", A, &[10, 0, 0, 3])], rcode::NXRRSET),
        ("names in RDATA have no case", vec![equals("mx.corp", rtype::MX, b"\0\x0a\x02mX\x04Corp\0")], 0),
        ("text has", vec![equals("a.corp", TXT, b"\x01A")], rcode::NXRRSET),
        ("no name", vec![equals("b.corp", A, &[10, 0, 0, 3])], rcode::NXRRSET),
        ("two names", vec![equals("ns.corp", A, &[10, 0, 0, 2]), equals("a.corp", TXT, b"\x01a")], 0),
        ("outside", vec![exists("example", ANY)], rcode::NOTZONE),
        ("a TTL", vec![("a.corp", A, class::ANY, 1, vec![])], rcode::FORMERR),
        ("the greatest TTL", vec![("a.corp", A, class::ANY, 1 << 31, vec![])], rcode::FORMERR),
        ("class ANY with RDATA", vec![("a.corp", A, class::ANY, 0, vec![10, 0, 0, 1])], rcode::FORMERR),
        ("class NONE with RDATA", vec![("a.corp", A, class::NONE, 0, vec![10, 0, 0, 1])], rcode::FORMERR),
        ("class CH", vec![("a.corp", A, class::CH, 0, vec![10, 0, 0, 1])], rcode::FORMERR),
        ("an RRset of type ANY", vec![equals("a.corp", ANY, b"")], rcode::FORMERR),
        ("RDATA that is none", vec![equals("a.corp", A, &[10, 0, 0])], rcode::FORMERR),
        ("the first that does not hold is told", vec![absent("a.corp", A), exists("b.corp", ANY)], rcode::YXRRSET),
        ("RRsets are compared last", vec![equals("a.corp", A, &[10, 0, 0, 9]), exists("b.corp", ANY)], rcode::NXDOMAIN),
    ];
    for (case, prerequisites, expected) in cases {
        assert_eq!(rcode_of(&prerequisites, &[]), expected, "{case}");
        let change = add("new.corp", A, &[10, 0, 0, 8]);
        assert_eq!(rcode_of(&prerequisites, &[change]), expected, "{case}, with a change");
    }
}

#[test]
fn changes_are_looked_over_before_the_first_is_made() {
    let good = add("new.corp", A, &[10, 0, 0, 8]);
    let cases: Vec<(&str, Row, u16)> = vec![
        ("outside", add("example", A, &[10, 0, 0, 1]), rcode::NOTZONE),
        ("above", add(".", A, &[10, 0, 0, 1]), rcode::NOTZONE),
        ("a name that ends alike", add("xcorp", A, &[10, 0, 0, 1]), rcode::NOTZONE),
        ("ANY", add("a.corp", ANY, b""), rcode::FORMERR),
        ("AXFR", add("a.corp", rtype::AXFR, b""), rcode::FORMERR),
        ("IXFR", add("a.corp", rtype::IXFR, b""), rcode::FORMERR),
        ("MAILA", add("a.corp", rtype::MAILA, b""), rcode::FORMERR),
        ("MAILB", add("a.corp", rtype::MAILB, b""), rcode::FORMERR),
        ("TKEY", add("a.corp", rtype::TKEY, b""), rcode::FORMERR),
        ("a type of queries that nobody knows", add("a.corp", 200, b""), rcode::FORMERR),
        ("type 0", add("a.corp", 0, b""), rcode::FORMERR),
        ("RDATA that is none", add("a.corp", A, &[10, 0, 0]), rcode::FORMERR),
        ("RDATA that is none, to be removed", remove("a.corp", A, &[10, 0, 0]), rcode::FORMERR),
        ("an RRset with a TTL", ("a.corp", A, class::ANY, 1, vec![]), rcode::FORMERR),
        ("an RRset with RDATA", ("a.corp", A, class::ANY, 0, vec![10, 0, 0, 1]), rcode::FORMERR),
        ("an RRset of AXFR", remove_all("a.corp", rtype::AXFR), rcode::FORMERR),
        ("a record with a TTL", ("a.corp", A, class::NONE, 1, vec![10, 0, 0, 1]), rcode::FORMERR),
        ("a record of type ANY", remove("a.corp", ANY, b""), rcode::FORMERR),
        ("class CH", ("a.corp", A, class::CH, 0, vec![10, 0, 0, 1]), rcode::FORMERR),
        ("what a policy chooses: a record more", add("www.corp", A, &[10, 0, 0, 1]), rcode::REFUSED),
        ("what a policy chooses: a record less", remove("www.corp", A, &[10, 0, 0, 1]), rcode::REFUSED),
        ("what a policy chooses: none", remove_all("www.corp", A), rcode::REFUSED),
        ("what a policy chooses: no name", remove_all("www.corp", ANY), rcode::REFUSED),
        ("beside what a policy chooses", add("www.corp", TXT, b"\x01w"), rcode::NOERROR),
    ];
    for (case, bad, expected) in cases {
        for changes in [vec![bad.clone()], vec![good.clone(), bad.clone()], vec![bad, good.clone()]] {
            assert_eq!(rcode_of(&[], &changes), expected, "{case}");
        }
    }
}

#[test]
fn what_is_not_granted_is_refused_whole() {
    let a = |owner| add(owner, A, &[10, 0, 0, 8]);
    let cases: Vec<(&str, Option<&str>, Vec<Row>, u16)> = vec![
        ("granted", Some("www"), vec![a("x.www.corp")], 0),
        ("unsigned", None, vec![a("x.www.corp")], rcode::REFUSED),
        ("another key", Some("other"), vec![a("x.www.corp")], rcode::REFUSED),
        ("another key, nothing to change", Some("other"), vec![], rcode::REFUSED),
        ("another name", Some("www"), vec![a("b.corp")], rcode::REFUSED),
        ("one of two", Some("www"), vec![a("x.www.corp"), a("b.corp")], rcode::REFUSED),
        ("another type", Some("www"), vec![add("x.www.corp", NS, &wire("a.corp"))], rcode::REFUSED),
        ("a whole name, one of whose types is not granted", Some("a"), vec![remove_all("a.corp", ANY)], rcode::REFUSED),
        ("one RRset of it", Some("a"), vec![remove_all("a.corp", A)], 0),
        ("a whole name that is not there", Some("www"), vec![remove_all("x.www.corp", ANY)], 0),
    ];
    for (case, key, changes, expected) in cases {
        // Who may change nothing does not learn by prerequisites what is there.
        for prerequisites in [vec![], vec![exists("b.corp", ANY)]] {
            let packet = packet(ZONE, &prerequisites, &changes);
            let rcode = apply_packet(&zone(), key, &packet).err().map_or(0, |refusal| refusal.rcode);
            let unmet = if prerequisites.is_empty() { 0 } else { rcode::NXDOMAIN };
            assert_eq!(rcode, if expected == 0 { unmet } else { expected }, "{case}");
        }
    }
}

/// A record as the tests show it: `a.corp 60 1 0a000001`, the serial of SOA alone.
fn show(owner: &str, rtype: u16, ttl: u32, rdata: &[u8]) -> String {
    if rtype == SOA {
        return format!("{owner} {ttl} SOA {}", u32_at(rdata, rdata.len() - 20));
    }
    let hex: String = rdata.iter().map(|octet| format!("{octet:02x}")).collect();
    format!("{owner} {ttl} {rtype} {hex}")
}

fn changed(changes: &[Row]) -> (Vec<String>, Vec<String>) {
    let Some(delta) = outcome(&[], changes).expect("it is granted") else { return (vec![], vec![]) };
    let shown = |records: &[Record]| {
        assert_eq!(records.iter().position(|record| record.rtype == SOA), Some(0), "SOA is first");
        let each = |r: &Record| show(&r.owner.to_string(), r.rtype, r.ttl, &r.rdata);
        records[1..].iter().map(each).collect::<Vec<_>>()
    };
    let mut zone = zone().0;
    zone.apply(&delta);
    (shown(&delta.removed), shown(&delta.added))
}

#[test]
fn each_change_does_what_the_rfc_says() {
    let (a1, a3, a8) = (&[10, 0, 0, 1][..], &[10, 0, 0, 3][..], &[10, 0, 0, 8][..]);
    let later = |mut row: Row| {
        row.3 = 300;
        row
    };
    type Case = (&'static str, Vec<Row>, &'static [&'static str], &'static [&'static str]);
    let cases: Vec<Case> = vec![
        ("nothing", vec![], &[], &[]),
        ("a new name", vec![add("New.corp", A, a8)], &[], &["new.corp 60 1 0a000008"]),
        ("a record that is there", vec![add("a.corp", A, a1)], &[], &[]),
        ("a record more", vec![add("a.corp", A, a8)], &[], &["a.corp 60 1 0a000008"]),
        (
            "another TTL is taken by the whole RRset",
            vec![later(add("a.corp", A, a1))],
            &["a.corp 60 1 0a000001", "a.corp 60 1 0a000003"],
            &["a.corp 300 1 0a000001", "a.corp 300 1 0a000003"],
        ),
        (
            "the TTL of the last counts",
            vec![later(add("a.corp", A, a8)), add("a.corp", A, a8)],
            &[],
            &["a.corp 60 1 0a000008"],
        ),
        (
            "a TTL with its top bit set is 0",
            vec![("b.corp", A, class::IN, 1 << 31, a8.to_vec())],
            &[],
            &["b.corp 0 1 0a000008"],
        ),
        (
            "the case of a name in RDATA changes",
            vec![add("mx.corp", rtype::MX, b"\0\x0a\x02mx\x04corp\0")],
            &["mx.corp 60 15 000a024d7804636f727000"],
            &["mx.corp 60 15 000a026d7804636f727000"],
        ),
        ("CNAME beside others", vec![add("a.corp", CNAME, &wire("b.corp"))], &[], &[]),
        ("others beside CNAME", vec![add("alias.corp", A, a8)], &[], &[]),
        ("KEY beside CNAME", vec![add("alias.corp", 25, b"\0\0\x03\x08")], &[], &["alias.corp 60 25 00000308"]),
        ("CNAME beside what a policy chooses", vec![add("www.corp", CNAME, &wire("b.corp"))], &[], &[]),
        (
            "a second CNAME replaces",
            vec![add("alias.corp", CNAME, &wire("b.corp"))],
            &["alias.corp 60 5 016104636f727000"],
            &["alias.corp 60 5 016204636f727000"],
        ),
        (
            "a second DNAME replaces",
            vec![add("moved.corp", DNAME, &wire("b.corp"))],
            &["moved.corp 60 39 016104636f727000"],
            &["moved.corp 60 39 016204636f727000"],
        ),
        (
            "CNAME where others were removed",
            vec![remove_all("ns.corp", ANY), add("ns.corp", CNAME, &wire("b.corp"))],
            &["ns.corp 60 1 0a000002"],
            &["ns.corp 60 5 016204636f727000"],
        ),
        (
            "WKS replaces by address and protocol",
            vec![
                add("b.corp", 11, &[10, 0, 0, 1, 6, 1]),
                add("b.corp", 11, &[10, 0, 0, 1, 6, 2]),
                add("b.corp", 11, &[10, 0, 0, 1, 17, 3]),
            ],
            &[],
            &["b.corp 60 11 0a0000010602", "b.corp 60 11 0a0000011103"],
        ),
        ("SOA elsewhere", vec![add("a.corp", SOA, &soa_rdata(9))], &[], &[]),
        ("SOA with the same serial", vec![add("corp", SOA, &soa_rdata(7))], &[], &[]),
        ("SOA with a smaller one", vec![add("corp", SOA, &soa_rdata(6))], &[], &[]),
        ("SOA that cannot be compared", vec![add("corp", SOA, &soa_rdata(7 + (1 << 31)))], &[], &[]),
        ("an RRset", vec![remove_all("a.corp", A)], &["a.corp 60 1 0a000001", "a.corp 60 1 0a000003"], &[]),
        ("an RRset that is not there", vec![remove_all("a.corp", NS)], &[], &[]),
        ("an RRset of no name", vec![remove_all("b.corp", A)], &[], &[]),
        ("SOA at the apex stays", vec![remove_all("corp", SOA)], &[], &[]),
        ("NS at the apex stays", vec![remove_all("corp", NS)], &[], &[]),
        (
            "a name",
            vec![remove_all("A.corp", ANY)],
            &["a.corp 60 1 0a000001", "a.corp 60 1 0a000003", "a.corp 60 16 0161"],
            &[],
        ),
        ("the apex but for SOA and NS", vec![remove_all("corp", ANY)], &["corp 60 16 0461706578"], &[]),
        ("what a wildcard stands for", vec![remove_all("b.wild.corp", ANY)], &[], &[]),
        ("a wildcard", vec![remove_all("*.wild.corp", ANY)], &["*.wild.corp 60 1 0a000009"], &[]),
        ("a record", vec![remove("a.corp", A, a3)], &["a.corp 60 1 0a000003"], &[]),
        (
            "a record in another case",
            vec![remove("MX.corp", rtype::MX, b"\0\x0a\x02mX\x04cORP\0")],
            &["mx.corp 60 15 000a024d7804636f727000"],
            &[],
        ),
        ("a record that is not there", vec![remove("a.corp", A, a8)], &[], &[]),
        ("another alias", vec![remove("alias.corp", CNAME, &wire("b.corp"))], &[], &[]),
        ("SOA as a record", vec![remove("corp", SOA, &soa_rdata(7))], &[], &[]),
        ("the last NS of the apex", vec![remove("corp", NS, &wire("ns.corp"))], &[], &[]),
        (
            "the last but one NS of the apex",
            vec![add("corp", NS, &wire("b.corp")), remove("corp", NS, &wire("ns.corp"))],
            &["corp 60 2 026e7304636f727000"],
            &["corp 60 2 016204636f727000"],
        ),
        ("come and gone", vec![add("b.corp", A, a8), remove("b.corp", A, a8)], &[], &[]),
        ("gone and come", vec![remove_all("a.corp", TXT), add("a.corp", TXT, b"\x01a")], &[], &[]),
    ];
    for (case, changes, removed, added) in cases {
        let (was, is) = changed(&changes);
        assert_eq!(
            (was, is),
            (removed.iter().map(|s| (*s).to_owned()).collect(), added.iter().map(|s| (*s).to_owned()).collect()),
            "{case}"
        );
    }
}

/// The serial after these changes to a zone with this one.
fn serial_after(before: u32, changes: &[Row]) -> Option<u32> {
    let soa = Record { owner: name("corp"), rtype: SOA, ttl: 60, rdata: soa_rdata(before).into(), position: None };
    let ns = Record { owner: name("corp"), rtype: NS, ttl: 60, rdata: wire("ns.corp").into(), position: None };
    let zone = Plain::new(name("corp"), [soa, ns]);
    let delta = apply_packet(&zone, Some("k"), &packet(ZONE, &[], changes)).expect("it is granted")?;
    let added = delta.added.iter().find(|record| record.rtype == SOA).expect("the serial changes");
    Some(u32_at(&added.rdata, added.rdata.len() - 20))
}

#[test]
fn the_serial_is_raised_once_by_the_update_or_for_it() {
    let b = || add("b.corp", A, &[10, 0, 0, 8]);
    let soa = |serial| add("corp", SOA, &soa_rdata(serial));
    for (case, before, changes, expected) in [
        ("a change", 7, vec![b()], Some(8)),
        ("no change", 7, vec![], None),
        ("a serial of its own", 7, vec![soa(20)], Some(20)),
        ("a serial of its own and a change", 7, vec![soa(20), b()], Some(20)),
        ("two of its own", 7, vec![soa(20), soa(30), b()], Some(30)),
        ("the second is smaller", 7, vec![soa(20), soa(10), b()], Some(20)),
        ("one that is refused, and a change", 7, vec![soa(7), b()], Some(8)),
        ("never 0", u32::MAX, vec![b()], Some(1)),
        ("over the end by its own", u32::MAX - 1, vec![soa(5), b()], Some(5)),
        ("0 by its own", u32::MAX, vec![soa(0)], Some(0)),
        ("a way round that leads back", 8, vec![soa(8 + i32::MAX as u32), soa(6), soa(7)], Some(9)),
    ] {
        assert_eq!(serial_after(before, &changes), expected, "{case}");
    }
    assert!(serial::is_greater(1, u32::MAX));
}

#[test]
fn an_rrset_cannot_outgrow_a_message() {
    let text = |n: u32| {
        let mut rdata = [&[255][..], &[0; 255]].concat().repeat(4);
        rdata[1..5].copy_from_slice(&n.to_be_bytes());
        add("b.corp", TXT, &rdata)
    };
    let all: Vec<Row> = (0..62).map(text).collect();
    assert_eq!(rcode_of(&[], &all), rcode::NOERROR, "64,232 octets");
    let mut zone = zone().0;
    zone.apply(&outcome(&[], &all).expect("it is granted").expect("it changes"));
    let refusal = apply_packet(&zone, Some("k"), &packet(ZONE, &[], &[text(62)])).expect_err("1,036 more");
    assert_eq!(refusal.to_string(), "b.corp/TXT: the RRset would be too long for an answer (REFUSED)");
}

#[test]
fn a_name_has_a_bounded_number_of_types_and_each_of_records() {
    let address = |n: u16| add("b.corp", A, &[10, 0, (n >> 8) as u8, n as u8]);
    let of_type = |n: u16| add("c.corp", 300 + n, b"");
    for (case, make, why) in [
        ("records", &address as &dyn Fn(u16) -> Row, "b.corp/A: the RRset would have too many records (REFUSED)"),
        ("types", &of_type, "c.corp/TYPE400: the name would have too many types (REFUSED)"),
    ] {
        let most: Vec<Row> = (0..100).map(make).collect();
        let mut zone = zone().0;
        zone.apply(&outcome(&[], &most).expect(case).expect("it changes"));
        let refusal = apply_packet(&zone, Some("k"), &packet(ZONE, &[], &[make(100)])).expect_err(case);
        assert_eq!(refusal.to_string(), why);
        let (owner, rtype, ..) = make(0);
        let exchanged = packet(ZONE, &[], &[remove_all(owner, rtype), make(100)]);
        let changed = apply_packet(&zone, Some("k"), &exchanged).expect("one goes, one comes");
        assert!(changed.is_some(), "{case}");
    }
    // What the operator has written may be more; it shrinks, but does not grow.
    let record = |n: u16| Record {
        owner: name("d.corp"),
        rtype: A,
        ttl: 60,
        rdata: [10, 0, (n >> 8) as u8, n as u8].into(),
        position: None,
    };
    let mut zone = zone().0;
    zone.apply(&Delta { removed: vec![], added: (0..150).map(record).collect() });
    let of_d = |rows: &[Row]| apply_packet(&zone, Some("k"), &packet(ZONE, &[], rows)).is_ok();
    assert!(of_d(&[remove("d.corp", A, &[10, 0, 0, 7])]));
    assert!(of_d(&[remove("d.corp", A, &[10, 0, 0, 7]), add("d.corp", TXT, b"\x01x")]));
    assert!(!of_d(&[add("d.corp", A, &[10, 0, 9, 9])]));
}

#[test]
fn a_refusal_says_what_it_is_about() {
    let packet = packet(ZONE, &[exists("b.corp", A)], &[]);
    let refusal = apply_packet(&zone(), Some("k"), &packet).expect_err("it does not hold");
    assert_eq!(refusal.to_string(), "b.corp/A: there is no such RRset (NXRRSET)");
}
