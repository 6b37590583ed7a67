//! Responses and what is kept of them.

use super::*;
use crate::wire::header::{flag, put_u16, rcode};
use crate::wire::name::{Name, is_within};
use crate::wire::segment::Segment;
use crate::wire::walk::RECORD_FIXED_OCTETS;

const TTL: TtlBounds = TtlBounds { cache: (0, 1000), ncache: (0, 100) };
const MX: u16 = 15;

fn wire(name: &str) -> Vec<u8> {
    name.parse::<Name>().expect("a name").as_wire().to_vec()
}

/// A record: owner, type, TTL, RDATA.
type Rr<'r> = (&'r str, u16, u32, Vec<u8>);

fn address(owner: &str, ttl: u32, last: u8) -> Rr<'_> {
    (owner, rtype::A, ttl, vec![192, 0, 2, last])
}

fn alias<'r>(owner: &'r str, target: &str) -> Rr<'r> {
    (owner, rtype::CNAME, 300, wire(target))
}

/// An SOA with TTL 90 and MINIMUM 60.
fn soa(owner: &str) -> Rr<'_> {
    (owner, rtype::SOA, 90, [&[0, 0][..], &[9; 16], &[0, 0, 0, 60]].concat())
}

fn signature(owner: &str, covered: u16) -> Rr<'_> {
    (owner, rtype::RRSIG, 300, [&covered.to_be_bytes()[..], &[7; 16], &[0], &[1; 8]].concat())
}

fn message(qname: &str, qtype: u16, flags: u16, answers: &[Rr<'_>], authority: &[Rr<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for value in [1, flag::QR | flags, 1, answers.len() as u16, authority.len() as u16, 0] {
        out.extend(value.to_be_bytes());
    }
    out.extend(wire(qname));
    out.extend([qtype.to_be_bytes(), [0, 1]].concat());
    for (owner, rtype, ttl, rdata) in answers.iter().chain(authority) {
        out.extend(wire(owner));
        out.extend([rtype.to_be_bytes(), [0, 1]].concat());
        out.extend(ttl.to_be_bytes());
        out.extend((rdata.len() as u16).to_be_bytes());
        out.extend(rdata);
    }
    out
}

/// Reads under a rule for `corp` alone.
fn read(message: &[u8], qname: &str, qtype: u16, dnssec_ok: bool) -> Result<(Kept, Vec<u8>), Unusable> {
    let (qname, corp) = (wire(qname), wire("corp"));
    let asked = Asked {
        qname: &qname,
        qtype,
        qclass: 1,
        dnssec_ok,
        trust_ad: false,
        layout: 0,
        ttl: TTL,
        apex_of: &|name| is_within(name, &corp).then_some(&corp[..]),
    };
    let mut out = Vec::new();
    Reader::default().read(message, &asked, &mut out).map(|kept| (kept, out))
}

/// What a segment keeps: `owner TYPE ttl`, the authority section behind `|`, the next name behind `->`.
fn told(qname: &str, octets: &[u8]) -> String {
    let segment = Segment::new(octets);
    let message = [&[0; HEADER_OCTETS][..], &wire(qname), &[0; 4], segment.body()].concat();
    let meta = segment.meta();
    let (mut at, mut words) = (message.len() - segment.body().len(), Vec::new());
    for index in 0..meta.answers + meta.authority {
        if index == meta.answers {
            words.push("|".to_owned());
        }
        let record = Record::read(&message, at).expect("a kept record");
        let mut owner = NameBuf::default();
        owner.read(&message, record.owner).expect("a kept name");
        let owner = Name::from_wire(owner.as_wire()).expect("a name");
        words.push(format!("{owner} {} {}", crate::wire::mnemonic::type_name(record.rtype), record.ttl));
        at = record.end;
    }
    assert_eq!(at, message.len());
    if !segment.next().is_empty() {
        words.push(format!("-> {}", Name::from_wire(segment.next()).expect("a name")));
    }
    words.join(" ")
}

#[test]
fn only_the_questions_own_chain_is_kept() {
    let glue = || vec![address("ns.corp", 300, 53)];
    let proof = || vec![("a.corp", rtype::NSEC, 80, vec![0, 0]), signature("a.corp", rtype::NSEC)];
    type Case<'c> = (&'c str, u16, u16, bool, Vec<Rr<'c>>, Vec<Rr<'c>>, &'c str, u32);
    let cases: Vec<Case<'_>> = vec![
        ("an address", 1, 0, false, vec![address("w.corp", 300, 1)], vec![], "w.corp A 300", 300),
        ("in another case", 1, 0, false, vec![address("W.Corp", 300, 1)], vec![], "w.corp A 300", 300),
        ("a TTL above the bound", 1, 0, false, vec![address("w.corp", 5000, 1)], vec![], "w.corp A 1000", 1000),
        ("a TTL with the top bit", 1, 0, false, vec![address("w.corp", 1 << 31, 1)], vec![], "w.corp A 0", 0),
        (
            "a set whose TTLs differ lives as long as the shortest",
            1,
            0,
            false,
            vec![address("w.corp", 300, 1), address("w.corp", 20, 2)],
            vec![],
            "w.corp A 20 w.corp A 20",
            20,
        ),
        (
            "ANY gets sets that each have their TTL",
            rtype::ANY,
            0,
            false,
            vec![address("w.corp", 300, 1), ("w.corp", MX, 20, vec![0, 1, 0])],
            vec![],
            "w.corp A 300 w.corp MX 20",
            20,
        ),
        (
            "another name's address beside it",
            1,
            0,
            false,
            vec![address("x.corp", 5, 9), address("w.corp", 300, 1)],
            glue(),
            "w.corp A 300",
            300,
        ),
        (
            "another type of the name, which is no answer",
            1,
            0,
            false,
            vec![("w.corp", rtype::TXT, 300, vec![0])],
            vec![],
            "",
            0,
        ),
        (
            "a chain in the wrong order",
            1,
            0,
            false,
            vec![address("y.corp", 40, 1), alias("x.corp", "y.corp"), alias("w.corp", "x.corp")],
            vec![],
            "w.corp CNAME 300 x.corp CNAME 300 y.corp A 40",
            40,
        ),
        (
            "a chain that leaves the rule, and what the upstream claims of the other's name",
            1,
            rcode::NXDOMAIN,
            false,
            vec![alias("w.corp", "victim.example"), address("victim.example", 300, 66)],
            vec![soa("corp")],
            "w.corp CNAME 300 -> victim.example",
            300,
        ),
        (
            "a chain whose end the upstream does not tell",
            1,
            0,
            false,
            vec![alias("w.corp", "x.corp")],
            vec![],
            "w.corp CNAME 300 -> x.corp",
            300,
        ),
        (
            "a DNAME above the name, one elsewhere, and the CNAME made from the first",
            1,
            0,
            false,
            vec![
                ("old.corp", rtype::DNAME, 300, wire("corp")),
                ("corp", rtype::DNAME, 300, wire("new.corp")),
                alias("w.corp", "w.new.corp"),
                address("w.new.corp", 300, 1),
            ],
            vec![],
            "corp DNAME 300 w.corp CNAME 300 w.new.corp A 300",
            300,
        ),
        ("no such name", 1, rcode::NXDOMAIN, false, vec![], vec![soa("corp")], "| corp SOA 60", 60),
        ("no such type", 1, 0, false, vec![], vec![soa("corp")], "| corp SOA 60", 60),
        ("no such type, and no SOA", 1, 0, false, vec![], glue(), "", 0),
        (
            "an alias to a name that does not exist",
            1,
            rcode::NXDOMAIN,
            false,
            vec![alias("w.corp", "x.corp")],
            vec![soa("corp")],
            "w.corp CNAME 300 | corp SOA 60",
            60,
        ),
        (
            "signatures and proofs, without DO",
            1,
            0,
            false,
            vec![address("w.corp", 300, 1), signature("w.corp", 1)],
            proof(),
            "w.corp A 300",
            300,
        ),
        (
            "signatures and proofs, for DO",
            1,
            0,
            true,
            vec![address("w.corp", 300, 1), signature("w.corp", 1), signature("w.corp", MX)],
            proof(),
            "w.corp A 300 w.corp RRSIG 300 | a.corp NSEC 80 a.corp RRSIG 300",
            80,
        ),
        (
            "a proof from outside the rule, for DO",
            1,
            rcode::NXDOMAIN,
            true,
            vec![],
            vec![soa("corp"), ("a.example", rtype::NSEC, 80, vec![0, 0])],
            "| corp SOA 60",
            60,
        ),
    ];
    for (case, qtype, flags, dnssec_ok, answers, authority, expected, ttl) in cases {
        let message = message("w.corp", qtype, flags, &answers, &authority);
        let (kept, segment) = read(&message, "w.corp", qtype, dnssec_ok).expect(case);
        assert_eq!((told("w.corp", &segment).as_str(), kept.ttl), (expected, ttl), "{case}");
    }
}

#[test]
fn what_cannot_be_believed_is_of_no_use() {
    let names: Vec<String> = (0..=MAX_LINKS).map(|link| format!("n{link}.corp")).collect();
    let owner = |link: usize| if link == 0 { "w.corp" } else { names[link - 1].as_str() };
    let long: Vec<Rr<'_>> = (0..=MAX_LINKS).map(|link| alias(owner(link), &names[link])).collect();
    let followed = long[..MAX_LINKS].to_vec();
    type Case<'c> = (&'c str, Vec<Rr<'c>>, Vec<Rr<'c>>, Option<Unusable>);
    let cases: Vec<Case<'_>> = vec![
        ("a loop", vec![alias("w.corp", "x.corp"), alias("x.corp", "w.corp")], vec![], Some(Unusable::BrokenChain)),
        ("an alias of itself", vec![alias("w.corp", "w.corp")], vec![], Some(Unusable::BrokenChain)),
        ("one link more than named follows", long, vec![], Some(Unusable::BrokenChain)),
        ("as many links as named follows", followed, vec![], None),
        ("the SOA of a zone beside the name", vec![], vec![soa("x.corp")], Some(Unusable::SoaOutside)),
        ("the SOA of a zone above the rule", vec![], vec![soa(".")], Some(Unusable::SoaAbove { rcode: 0 })),
        (
            "the SOA of a zone above the rule, behind an alias",
            vec![alias("w.corp", "x.corp")],
            vec![soa(".")],
            Some(Unusable::SoaOutside),
        ),
        (
            "an alias with octets behind its target",
            vec![("w.corp", rtype::CNAME, 300, b"\x01x\0\0".to_vec())],
            vec![],
            Some(Unusable::Malformed),
        ),
        ("an alias without a target", vec![("w.corp", rtype::CNAME, 300, vec![])], vec![], Some(Unusable::Malformed)),
    ];
    for (case, answers, authority, expected) in cases {
        let message = message("w.corp", 1, 0, &answers, &authority);
        assert_eq!(read(&message, "w.corp", 1, false).err(), expected, "{case}");
    }
    let whole = message("w.corp", 1, 0, &[address("w.corp", 300, 1)], &[]);
    for length in HEADER_OCTETS + 8 + 4..whole.len() {
        assert_eq!(read(&whole[..length], "w.corp", 1, false).err(), Some(Unusable::Malformed), "cut at {length}");
    }
}

#[test]
fn nxdomain_is_for_the_whole_name_only_if_it_is_the_questions_own() {
    let nxdomain = message("w.corp", 1, rcode::NXDOMAIN, &[], &[soa("corp")]);
    assert!(read(&nxdomain, "w.corp", 1, false).expect("usable").0.whole_name);
    let of_target = message("w.corp", 1, rcode::NXDOMAIN, &[alias("w.corp", "x.corp")], &[soa("corp")]);
    assert!(!read(&of_target, "w.corp", 1, false).expect("usable").0.whole_name);
}

#[test]
fn the_opt_record_of_a_response_is_found_in_the_additional_section_only() {
    let opt: &[u8] = b"\0\0\x29\x04\xd0\x01\0\0\0";
    let with = |additional: u16, records: &[u8]| {
        let mut octets = message("w.corp", 1, 0, &[address("w.corp", 300, 1)], &[]);
        octets[10..12].copy_from_slice(&additional.to_be_bytes());
        octets.extend(records);
        octets
    };
    let found = |cookie| Ok(Some((1, cookie)));
    type Case<'c> = (&'c str, Vec<u8>, Result<Option<(u8, Option<&'c [u8]>)>, Malformed>);
    let cases: Vec<Case<'_>> = vec![
        ("none", with(0, b""), Ok(None)),
        ("one without options", with(1, &[opt, b"\0\0"].concat()), found(None)),
        (
            "a cookie behind another option",
            with(1, &[opt, b"\0\x09\0\x03\0\0\0\x0a\0\x01c"].concat()),
            found(Some(b"c")),
        ),
        ("a cookie", with(1, &[opt, b"\0\x05\0\x0a\0\x01c"].concat()), found(Some(b"c"))),
        ("an option that is cut off", with(1, &[opt, b"\0\x05\0\x0a\0\x09c"].concat()), Err(Malformed)),
        ("announced but missing", with(1, b""), Err(Malformed)),
        ("another record alone", with(1, b"\0\0\x01\0\x01\0\0\0\0\0\0"), Ok(None)),
    ];
    for (case, octets, expected) in cases {
        let opt = find_opt(&octets, HEADER_OCTETS + 8 + 4);
        assert_eq!(opt.map(|opt| opt.map(|opt| (opt.extended_rcode, opt.cookie))), expected, "{case}");
    }
}

#[test]
fn a_message_whose_owners_are_all_at_the_end_of_long_ways_is_not_walked() {
    let qname = wire("a.example");
    let mut packet = message("a.example", rtype::A, 0, &[], &[]);
    // In the RDATA of a record of an unknown type: labels, each with a pointer to the one before.
    let mut rdata = Vec::new();
    let start = packet.len() + 2 + RECORD_FIXED_OCTETS;
    for step in 0..110 {
        let before = if step == 0 { HEADER_OCTETS } else { start + 4 * (step - 1) };
        rdata.extend([1, b'x', 0xc0 | (before >> 8) as u8, before as u8]);
    }
    let owner = start + 4 * 109;
    packet.extend([0xc0, 12, 0xff, 0, 0, 1, 0, 0, 0, 9, (rdata.len() >> 8) as u8, rdata.len() as u8]);
    packet.extend(&rdata);
    let record = [0xc0 | (owner >> 8) as u8, owner as u8, 0, 1, 0, 1, 0, 0, 0, 9, 0, 0];
    for (count, expected) in [(5, None), (4000, Some(Unusable::Malformed))] {
        let mut packet = packet.clone();
        put_u16(&mut packet, 6, count + 1);
        packet.extend(record.repeat(usize::from(count)));
        let asked = Asked {
            qname: &qname,
            qtype: rtype::A,
            qclass: 1,
            dnssec_ok: false,
            trust_ad: false,
            layout: 0,
            ttl: TTL,
            apex_of: &|_| Some(&[0]),
        };
        let outcome = Reader::default().read(&packet, &asked, &mut Vec::new());
        assert_eq!(outcome.err(), expected, "{count} records");
    }
}
