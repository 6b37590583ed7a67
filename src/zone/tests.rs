//! Zones written as text, and what they say.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use hickory_proto::op::Message;
use hickory_proto::serialize::binary::BinDecodable;

use super::*;
use crate::wire::header::HEADER_OCTETS;
use crate::wire::mnemonic::{type_name, type_number};
use crate::wire::segment::pointer_to;

mod model;

pub(super) fn name(text: &str) -> Name {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A name in the case it is written in.
fn cased(text: &str) -> Vec<u8> {
    let labels = text.trim_end_matches('.').split('.').filter(|label| !label.is_empty());
    let labels: Vec<u8> = labels.flat_map(|label| [&[label.len() as u8][..], label.as_bytes()].concat()).collect();
    [&labels[..], &[0]].concat()
}

fn numbers<T: std::str::FromStr>(words: &[&str]) -> Vec<T> {
    words.iter().map(|word| word.parse().ok().unwrap_or_else(|| panic!("a number: {word}"))).collect()
}

/// RDATA of a few types; `SOA serial minimum`, others in hexadecimal.
fn rdata(rtype: u16, words: &[&str]) -> Vec<u8> {
    let be16 = |words: &[&str]| numbers::<u16>(words).into_iter().flat_map(u16::to_be_bytes).collect::<Vec<_>>();
    match rtype {
        rtype::A => words[0].parse::<Ipv4Addr>().expect("an address").octets().to_vec(),
        rtype::AAAA => words[0].parse::<Ipv6Addr>().expect("an address").octets().to_vec(),
        rtype::NS | rtype::CNAME | rtype::DNAME => cased(words[0]),
        rtype::TXT => [&[words[0].len() as u8][..], words[0].as_bytes()].concat(),
        15 => [be16(&words[..1]), cased(words[1])].concat(),
        33 => [be16(&words[..3]), cased(words[3])].concat(),
        rtype::SOA => {
            let numbers = numbers::<u32>(words);
            let all = [numbers[0], 3600, 600, 86_400, numbers[1]];
            [cased("ns.corp"), cased("host.corp"), all.into_iter().flat_map(u32::to_be_bytes).collect()].concat()
        }
        _ => words.iter().map(|word| u8::from_str_radix(word, 16).expect("hexadecimal")).collect(),
    }
}

/// A record a line: `owner [ttl] type data`; TTL 300 if none is written.
pub(super) fn records(text: &str) -> Vec<Record> {
    let file: Arc<str> = "corp.zone".into();
    let mut records = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (ttl, rest) = words[1].parse().map_or((300, &words[1..]), |ttl| (ttl, &words[2..]));
        let rtype = type_number(rest[0]).unwrap_or_else(|| panic!("a type: {}", rest[0]));
        let position = Some(Position { file: file.clone(), line: index as u32 + 1, column: 0 });
        records.push(Record { owner: name(words[0]), rtype, ttl, rdata: rdata(rtype, &rest[1..]).into(), position });
    }
    records
}

pub(super) fn build(apex: &str, records: Vec<Record>) -> Result<(Zone, Vec<String>), Vec<String>> {
    let shown = |all: Vec<crate::config::Diagnostic>| all.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut builder = Builder::new(name(apex));
    records.into_iter().for_each(|record| builder.add(record));
    builder.finish().map(|(zone, warnings)| (zone, shown(warnings))).map_err(shown)
}

/// A zone with the SOA and NS that every zone has, and these records.
pub(super) fn zone(apex: &str, text: &str) -> Zone {
    let text = format!("{apex} SOA 7 60\n{apex} NS ns.elsewhere\n{text}");
    build(apex, records(&text)).map(|(zone, _)| zone).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn shown(rtype: u16, rdata: &[u8]) -> String {
    let name_at = |at: usize| Name::from_wire(&rdata[at..]).expect("a name").to_string();
    match rtype {
        rtype::A => <[u8; 4]>::try_from(rdata).map(Ipv4Addr::from).expect("four octets").to_string(),
        rtype::AAAA => <[u8; 16]>::try_from(rdata).map(Ipv6Addr::from).expect("sixteen octets").to_string(),
        rtype::NS | rtype::CNAME | rtype::DNAME => name_at(0),
        15 => name_at(2),
        33 => name_at(6),
        rtype::TXT => String::from_utf8_lossy(&rdata[1..]).into_owned(),
        _ => format!("{} octets", rdata.len()),
    }
}

fn all_of(segment: &Segment<'_>, rtype: u16) -> String {
    rrset::rdata(segment).map(|rdata| shown(rtype, rdata)).collect::<Vec<_>>().join(" ")
}

/// The name that stands uncompressed at the beginning of `octets`.
fn name_in(octets: &[u8]) -> String {
    let end = crate::wire::walk::plain_name_end(octets, 0).expect("a name");
    Name::from_wire(&octets[..end]).expect("a name").to_string()
}

/// A look-up in words.
pub(super) fn told(zone: &Zone, question: &str) -> String {
    let (qname, qtype) = question.split_once(' ').expect("a name and a type");
    let (qname, qtype) = (name(qname), type_number(qtype).expect("a type"));
    let wire = qname.as_wire();
    let owner = |octets: usize| name_in(&wire[wire.len() - octets..]);
    match zone.find(wire, qtype) {
        Found::Rrset(Rrset::Fixed(segment)) => format!("{} {}", type_name(qtype), all_of(&segment, qtype)),
        Found::Rrset(Rrset::Chosen(_)) | Found::Alias(Rrset::Chosen(_)) => "chosen".to_owned(),
        Found::Alias(Rrset::Fixed(segment)) => format!("alias {}", name_in(segment.next())),
        Found::Renamed(renamed) => {
            let next = renamed.next(wire).map_or("too long".to_owned(), |next| name_in(next.as_wire()));
            format!("{} renames to {next}", owner(renamed.owner_octets))
        }
        Found::Referral(referral) => {
            let servers = all_of(&referral.ns, rtype::NS);
            let glue = referral.glue().map(|glue| {
                let of = name_in(&referral.ns.body()[glue.owner_at..]);
                let rtype = u16::from_be_bytes([glue.addresses.body()[2], glue.addresses.body()[3]]);
                let mark = if glue.is_required { "" } else { "?" };
                format!("; {of}{mark} {}", all_of(&glue.addresses, rtype))
            });
            format!("{} is at {servers}{}", owner(referral.owner_octets), glue.collect::<String>())
        }
        Found::Every(every) => {
            let types: Vec<String> = every.rrsets().map(|(rtype, _)| type_name(rtype).to_string()).collect();
            format!("every {}", types.join(" "))
        }
        Found::NoData => "no data".to_owned(),
        Found::NxDomain => "no name".to_owned(),
    }
}

fn check(zone: &Zone, cases: &[(&str, &str, &str)]) {
    for (case, question, expected) in cases {
        assert_eq!(told(zone, question), *expected, "{case}: {question}");
    }
}

#[test]
fn names_say_what_they_own() {
    let zone = zone(
        "corp",
        "www.corp A 192.0.2.1
         www.corp A 192.0.2.2
         www.corp AAAA 2001:db8::1
         deep.a.b.corp TXT x
         alias.corp CNAME WWW.Corp
         away.corp CNAME www.example
         corp DS 01 02 03 04 05 06",
    );
    check(
        &zone,
        &[
            ("an RRset", "www.corp A", "A 192.0.2.1 192.0.2.2"),
            ("another type of the name", "www.corp AAAA", "AAAA 2001:db8::1"),
            ("a type that it has not", "www.corp MX", "no data"),
            ("an empty non-terminal", "b.corp A", "no data"),
            ("ANY of an empty non-terminal", "a.b.corp ANY", "no data"),
            ("a name that is not there", "nowhere.corp A", "no name"),
            ("a name below one that is", "x.www.corp A", "no name"),
            ("a name beside an empty non-terminal's", "x.b.corp A", "no name"),
            ("an alias", "alias.corp A", "alias www.corp"),
            ("an alias to another zone's name", "away.corp TXT", "alias www.example"),
            ("the alias itself", "alias.corp CNAME", "CNAME www.corp"),
            ("the alias by ANY", "alias.corp ANY", "every CNAME"),
            ("a name by ANY", "www.corp ANY", "every A AAAA"),
            ("the apex", "corp NS", "NS ns.elsewhere"),
            ("the apex' SOA", "corp SOA", "SOA 40 octets"),
            ("a type that the apex has not", "corp A", "no data"),
            ("DS at the apex, if it is asked here at all", "corp DS", "DS 6 octets"),
        ],
    );
    let answer = zone.find(name("www.corp").as_wire(), rtype::A);
    let Found::Rrset(Rrset::Fixed(addresses)) = answer else { panic!("it has addresses") };
    let mut out = [0; 64];
    assert_eq!(addresses.copy_into(&mut out, 0, 1), Some(32));
    assert_eq!([out[15], out[31]], [2, 1], "addresses go round");
}

/// RFC 4592 §2.2.1, every question of it.
#[test]
fn wildcards_are_those_of_their_example() {
    let zone = zone(
        "example",
        "*.example TXT wildcard
         *.example MX 10 host1.example
         sub.*.example TXT not-a-wildcard
         host1.example A 192.0.2.1
         _ssh._tcp.host1.example SRV 0 0 22 host1.example
         _ssh._tcp.host2.example SRV 0 0 22 host1.example
         subdel.example NS ns.example.com
         subdel.example NS ns.example.net",
    );
    check(
        &zone,
        &[
            ("synthesised", "host3.example MX", "MX host1.example"),
            ("no such type at the wildcard", "host3.example A", "no data"),
            ("several labels are covered", "foo.bar.example TXT", "TXT wildcard"),
            ("the name exists", "host1.example MX", "no data"),
            ("the name exists, though it looks odd", "sub.*.example MX", "no data"),
            ("its closest encloser exists", "_telnet._tcp.host1.example SRV", "no name"),
            ("below a delegation", "host.subdel.example A", "subdel.example is at ns.example.com ns.example.net"),
            ("the asterisk itself is the closest encloser", "ghost.*.example MX", "no name"),
            // Beyond the example.
            ("the wildcard's own name", "*.example TXT", "TXT wildcard"),
            ("an empty non-terminal hides it", "_tcp.host2.example TXT", "no data"),
            ("and what is below that", "x.host2.example TXT", "no name"),
            ("every type", "host3.example ANY", "every MX TXT"),
        ],
    );
}

#[test]
fn wildcards_may_be_aliases_empty_or_deep() {
    let zone = zone(
        "corp",
        "*.a.corp CNAME www.corp
         x.*.e.corp TXT x
         a.e.corp TXT x
         y.d.corp TXT x
         *.*.s.corp TXT two",
    );
    check(
        &zone,
        &[
            ("an alias", "any.a.corp A", "alias www.corp"),
            ("an alias of several labels", "very.any.a.corp AAAA", "alias www.corp"),
            ("the alias itself", "any.a.corp CNAME", "CNAME www.corp"),
            ("a wildcard that is an empty non-terminal", "b.e.corp TXT", "no data"),
            ("the name exists", "a.e.corp A", "no data"),
            ("no wildcard there", "b.d.corp TXT", "no name"),
            ("a wildcard below a wildcard's name", "b.*.s.corp TXT", "TXT two"),
            ("not for names beside that", "b.c.s.corp TXT", "no data"),
        ],
    );
}

#[test]
fn delegations_refer_and_hide() {
    let zone = zone(
        "corp",
        "sub.corp NS NS.Sub.Corp
         sub.corp NS ns.other.corp
         sub.corp NS host.corp
         sub.corp NS ns.example
         sub.corp DS 01 02 03 04 05 06
         ns.sub.corp A 192.0.2.1
         ns.sub.corp AAAA 2001:db8::1
         *.sub.corp A 192.0.2.99
         deep.sub.corp NS ns.deep.sub.corp
         d.sub.corp DNAME example
         other.corp NS ns.other.corp
         ns.other.corp A 192.0.2.2
         host.corp A 192.0.2.3
         bare.corp NS ns.bare.corp
         wild.corp NS ns.wild.corp
         *.wild.corp A 192.0.2.4
         *.star.corp NS ns.example",
    );
    let at = "sub.corp is at ns.sub.corp ns.other.corp host.corp ns.example; ns.sub.corp 192.0.2.1; \
              ns.sub.corp 2001:db8::1; ns.other.corp? 192.0.2.2; host.corp? 192.0.2.3";
    check(
        &zone,
        &[
            ("below", "www.sub.corp A", at),
            ("at it", "sub.corp A", at),
            ("its NS", "sub.corp NS", at),
            ("ANY", "sub.corp ANY", at),
            ("its glue", "ns.sub.corp A", at),
            ("a wildcard below is hidden", "any.sub.corp A", at),
            ("a delegation below is hidden", "x.deep.sub.corp A", at),
            ("DS below", "deep.sub.corp DS", at),
            ("a DNAME below is hidden", "x.d.sub.corp A", at),
            ("DS at it is ours", "sub.corp DS", "DS 6 octets"),
            ("DS that is not there too", "other.corp DS", "no data"),
            ("no glue at all", "x.bare.corp A", "bare.corp is at ns.bare.corp"),
            ("glue by a wildcard", "x.wild.corp A", "wild.corp is at ns.wild.corp; ns.wild.corp 192.0.2.4"),
            ("a wildcard delegates nothing", "x.star.corp NS", "NS ns.example"),
            ("a wildcard's own name does", "x.*.star.corp A", "*.star.corp is at ns.example"),
            ("a name beside them", "host.corp A", "A 192.0.2.3"),
        ],
    );
}

#[test]
fn dnames_rename_what_is_below_them() {
    let long = "x".repeat(60);
    let zone = zone(
        "corp",
        &format!(
            "d.corp DNAME Target.Example
             d.corp A 192.0.2.1
             l.corp DNAME {long}.{long}.{long}.{long}
             r.corp DNAME .
             e.m.corp DNAME m.example
             m.corp NS ns.example"
        ),
    );
    let longest = format!("d.{long}.{long}.{long}.{long}");
    check(
        &zone,
        &[
            ("below", "a.b.d.corp A", "d.corp renames to a.b.target.example"),
            ("a CNAME below", "a.d.corp CNAME", "d.corp renames to a.target.example"),
            ("ANY below", "a.d.corp ANY", "d.corp renames to a.target.example"),
            ("DS below", "a.d.corp DS", "d.corp renames to a.target.example"),
            ("another type at its owner", "d.corp A", "A 192.0.2.1"),
            ("a type that its owner has not", "d.corp TXT", "no data"),
            ("the DNAME", "d.corp DNAME", "DNAME target.example"),
            ("the longest name", "d.l.corp A", &format!("l.corp renames to {longest}")),
            ("a name too long", "12345678.d.l.corp A", "l.corp renames to too long"),
            ("to the root", "a.r.corp A", "r.corp renames to a"),
            ("a delegation above hides it", "x.e.m.corp A", "m.corp is at ns.example"),
        ],
    );
    let apex = super::tests::zone("corp", "corp DNAME corp.example\ncorp A 192.0.2.1");
    check(
        &apex,
        &[
            ("at the apex, for what is below", "a.b.corp A", "corp renames to a.b.corp.example"),
            ("not for itself", "corp A", "A 192.0.2.1"),
        ],
    );
}

/// A message of a question and records, as they are written behind it.
fn message(qname: &str, counts: [u8; 3], records: &[u8]) -> Message {
    let mut octets = vec![0, 1, 0x84, 0, 0, 1, 0, counts[0], 0, counts[1], 0, counts[2]];
    octets.extend(name(qname).as_wire());
    octets.extend([0, 1, 0, 1]);
    octets.extend(records);
    Message::from_bytes(&octets).unwrap_or_else(|error| panic!("{qname}: {error}"))
}

fn lines<'m>(records: impl IntoIterator<Item = &'m hickory_proto::rr::Record>) -> Vec<String> {
    records.into_iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_owned_by_names_above_is_written_behind_the_question() {
    let zone = zone(
        "corp",
        "d.corp 30 DNAME Target.Example
         sub.corp NS NS.Sub.Corp
         ns.sub.corp A 192.0.2.1",
    );
    let question = name("a.b.corp");
    let mut out = [0; 512];
    let owner = owner_pointer(question.as_wire(), zone.apex().as_wire().len());
    let end = zone.soa().copy_owned(&mut out, 0, owner).expect("there is room");
    let negative = message("a.b.corp", [0, 1, 0], &out[..end]);
    assert_eq!(lines(&negative.authorities), ["corp. 60 IN SOA ns.corp. host.corp. 7 3600 600 86400 60"]);

    let question = name("a.d.corp");
    let Found::Renamed(renamed) = zone.find(question.as_wire(), rtype::A) else { panic!("it is renamed") };
    let mut link = Vec::new();
    renamed.encode(question.as_wire(), &mut link).expect("it is short");
    let link = Segment::new(&link);
    assert_eq!((link.next(), link.meta().answers), (&b"\x01a\x06target\x07example\0"[..], 2));
    let end = link.copy_into(&mut out, 0, 0).expect("there is room");
    let answer = message("a.d.corp", [2, 0, 0], &out[..end]);
    let expected = ["d.corp. 30 IN DNAME Target.Example.", "a.d.corp. 30 IN CNAME a.target.example."];
    assert!(lines(&answer.answers)[0].starts_with("d.corp. 30 IN "), "{:?}", answer.answers);
    assert_eq!(lines(&answer.answers)[1], expected[1]);

    let question = name("www.sub.corp");
    let Found::Referral(referral) = zone.find(question.as_wire(), rtype::A) else { panic!("it is delegated") };
    let owner = owner_pointer(question.as_wire(), referral.owner_octets);
    let ns_at = HEADER_OCTETS + question.as_wire().len() + 4;
    let ns_end = referral.ns.copy_owned(&mut out, 0, owner).expect("there is room");
    let glue = referral.glue().next().expect("there is glue");
    let end = glue.addresses.copy_owned(&mut out[ns_end..], 0, pointer_to(ns_at + glue.owner_at));
    let referral = message("www.sub.corp", [0, 1, 1], &out[..ns_end + end.expect("there is room")]);
    assert_eq!(lines(&referral.authorities), ["sub.corp. 300 IN NS NS.Sub.Corp."]);
    assert_eq!(lines(&referral.additionals), ["NS.Sub.Corp. 300 IN A 192.0.2.1"]);
}

#[test]
fn the_soa_of_negative_answers_has_the_lesser_ttl() {
    for (soa, expected) in [("corp 300 SOA 7 60", 60), ("corp 30 SOA 7 60", 30)] {
        let (zone, _) = build("corp", records(&format!("{soa}\ncorp NS ns.example"))).expect(soa);
        let meta = zone.soa().meta();
        assert_eq!((rrset::ttl(&zone.soa()), meta.answers, meta.authority), (expected, 0, 1), "{soa}");
        assert_eq!(zone.serial(), 7);
    }
}

#[test]
fn the_longest_names_are_found() {
    // 127 labels of one octet: 255 octets.
    let deepest = vec!["x"; 127].join(".");
    let below = |labels: usize| vec!["x"; labels].join(".");
    let deep = zone("x", &format!("{deepest} A 192.0.2.1"));
    assert_eq!(deep.names(), 127);
    for labels in 2..127 {
        assert_eq!(told(&deep, &format!("{} A", below(labels))), "no data", "{labels} labels");
        assert_eq!(told(&deep, &format!("y.{} A", below(labels.min(125)))), "no name", "{labels} labels");
    }
    assert_eq!(told(&deep, &format!("{deepest} A")), "A 192.0.2.1");
    let starred = zone("x", &format!("*.{} A 192.0.2.2", below(126)));
    assert_eq!(told(&starred, &format!("y.{} A", below(126))), "A 192.0.2.2");
    let above = zone("x", &format!("{deepest} A 192.0.2.1\n*.x TXT y"));
    assert_eq!(told(&above, &format!("{}.y.x TXT", below(125))), "TXT y", "as deep as it goes");
}

#[test]
fn records_are_counted_listed_and_told_apart() {
    let text = "www.corp A 192.0.2.1\nwww.corp 300 A 192.0.2.2\nWWW.corp TXT Mixed\na.b.corp CNAME Www.corp";
    let zone = zone("corp", text);
    assert_eq!((zone.records(), zone.names()), (6, 4));
    let mut all: Vec<Record> = zone.iter().collect();
    assert_eq!((all[0].rtype, all.len()), (rtype::SOA, 6), "the SOA comes first");
    let strip = |record: Record| Record { position: None, ..record };
    let mut given: Vec<Record> =
        records(&format!("corp SOA 7 60\ncorp NS ns.elsewhere\n{text}")).into_iter().map(strip).collect();
    let key = |record: &Record| (record.owner.as_wire().to_vec(), record.rtype, record.rdata.clone());
    all.sort_by_key(key);
    given.sort_by_key(key);
    assert_eq!(all, given, "case of data is kept");
    let www = name("www.corp");
    assert_eq!(zone.types(www.as_wire()), [rtype::A, rtype::TXT]);
    assert_eq!(zone.types(name("b.corp").as_wire()), [0_u16; 0]);
    let (ttl, rdata) = zone.rrset(www.as_wire(), rtype::A).expect("it is there");
    assert_eq!((ttl, rdata.len(), &*rdata[1]), (300, 2, &[192, 0, 2, 2][..]));
    assert_eq!(zone.rrset(www.as_wire(), rtype::AAAA), None);
}

#[test]
fn a_handle_shows_one_version_whole() {
    let handle = Handle::new(name("corp"));
    assert!(handle.load().is_none(), "nothing could be read yet");
    let first = Arc::new(zone("corp", "a.corp A 192.0.2.1"));
    assert!(handle.publish(first.clone()).is_none());
    let reader = handle.load();
    let mut second = Zone::clone(&first);
    let removed = records("a.corp A 192.0.2.1");
    second.apply(&Delta { removed, added: records("b.corp A 192.0.2.1") }).expect("it fits");
    let before = handle.publish(Arc::new(second)).expect("there was one");
    assert!(Arc::ptr_eq(&before, &first));
    let seen = |zone: Option<&Arc<Zone>>| zone.map(|zone| told(zone, "a.corp A"));
    assert_eq!(seen(reader.as_ref()).as_deref(), Some("A 192.0.2.1"), "a look-up that has begun");
    drop(first);
    assert_eq!(Arc::strong_count(&before), 2, "the look-up holds it");
    drop(reader);
    assert_eq!(Arc::strong_count(&before), 1, "nobody does");
    assert_eq!(seen(handle.load().as_ref()).as_deref(), Some("no name"), "one that begins");
}
