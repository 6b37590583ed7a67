//! What is wrong with zones, and where it says so.

use super::*;
use crate::zone::tests::{build, name, records};

/// SOA and NS that every zone has, on the first two lines.
const HEAD: &str = "corp SOA 7 60\ncorp NS ns.elsewhere\n";

/// What is told of a zone of these records behind [`HEAD`], and whether it can be used.
fn told(text: &str) -> (bool, Vec<String>) {
    match build("corp", records(&format!("{HEAD}{text}"))) {
        Ok((_, warnings)) => (true, warnings),
        Err(faults) => (false, faults),
    }
}

#[test]
fn faults_say_what_is_wrong_and_where() {
    let beside = "CNAME and other data (an alias has no records of its own; at the apex it cannot stand)";
    for (case, text, expected) in [
        (
            "a name of another zone",
            "www.example A 192.0.2.1",
            "corp.zone:3: 'www.example' is out of zone (it is neither corp nor below it)",
        ),
        (
            "two SOAs",
            "corp SOA 8 60",
            "corp.zone:3: corp: multiple RRs of singleton type SOA (one of them is too many)",
        ),
        (
            "an SOA below the apex",
            "a.corp SOA 8 60",
            "corp.zone:3: a.corp: SOA record not at top of zone (a zone has one SOA, at its apex)",
        ),
        (
            "other data at an alias",
            "a.corp CNAME b.corp\na.corp A 192.0.2.1",
            &format!("corp.zone:4: a.corp: {beside}"),
        ),
        (
            "an alias at other data, with another name between",
            "a.corp A 192.0.2.1\nb.corp A 192.0.2.1\na.corp CNAME b.corp",
            &format!("corp.zone:5: a.corp: {beside}"),
        ),
        ("an alias at the apex", "corp CNAME b.corp", &format!("corp.zone:3: corp: {beside}")),
        (
            "two aliases",
            "a.corp CNAME b.corp\na.corp CNAME c.corp",
            "corp.zone:4: a.corp: multiple RRs of singleton type CNAME (one of them is too many)",
        ),
        (
            "two DNAMEs",
            "a.corp DNAME b.corp\nx.corp TXT x\na.corp DNAME c.corp",
            "corp.zone:5: a.corp: multiple RRs of singleton type DNAME (one of them is too many)",
        ),
        (
            "names below a DNAME",
            "x.y.a.corp TXT x\na.corp DNAME b.corp",
            "corp.zone:4: a.corp: DNAME and names below it (such as x.y.a.corp)",
        ),
        ("a type that no zone has", "a.corp ANY 00", "corp.zone:3: no zone holds records of type ANY"),
        (
            "data of another type",
            "a.corp DNAME b.corp\na.corp TYPE17 01",
            "corp.zone:4: the data of a.corp RP cannot be read",
        ),
    ] {
        assert_eq!(told(text), (false, vec![expected.to_owned()]), "{case}");
    }
}

#[test]
fn warnings_leave_the_zone_usable() {
    let ttl = "TTL set to prior TTL (300) (all records of one name and type have one TTL)";
    let lost = "has no address records (A or AAAA) (without them nobody finds it)";
    let alias = "is a CNAME (illegal) (the target owns its addresses itself)";
    let undefined = "(RFC 4592 section 4.2 leaves open what it would mean; named refuses it)";
    for (case, text, expected) in [
        ("nothing", "a.corp A 192.0.2.1\na.corp RRSIG 00 01 08 02 0 0 1 2c 0 0 0 0 0 0 0 0 0 1 0 7", None),
        ("twice the same", "a.corp NS B.corp.example\na.corp NS b.CORP.example", None),
        ("a signature beside an alias", "a.corp CNAME b.example\na.corp NSEC 00 00 01 40", None),
        ("another TTL", "a.corp A 192.0.2.1\na.corp 60 A 192.0.2.2", Some(format!("corp.zone:4: warning: {ttl}"))),
        (
            "another TTL, later",
            "a.corp A 192.0.2.1\nb.corp A 192.0.2.1\na.corp 60 A 192.0.2.2",
            Some(format!("corp.zone:5: warning: {ttl}")),
        ),
        ("glue missing", "a.corp NS ns.a.corp", Some(format!("corp.zone:3: warning: a.corp/NS 'ns.a.corp' {lost}"))),
        ("glue of one kind", "a.corp NS ns.a.corp\nns.a.corp AAAA 2001:db8::1", None),
        ("a server delegated elsewhere", "a.corp NS ns.b.corp\nb.corp NS ns.example", None),
        ("an unknown server", "corp NS ns.corp", Some(format!("corp.zone:3: warning: corp/NS 'ns.corp' {lost}"))),
        (
            "the apex' server below a delegation",
            "corp NS ns.b.corp\nb.corp NS ns.example",
            Some(format!("corp.zone:3: warning: corp/NS 'ns.b.corp' {lost}")),
        ),
        ("a server by a wildcard", "corp NS ns.corp\n*.corp AAAA 2001:db8::1", None),
        (
            "a server that is an alias",
            "corp NS ns.corp\nns.corp CNAME a.example",
            Some(format!("corp.zone:3: warning: corp/NS 'ns.corp' {alias}")),
        ),
        (
            "a mail server that is an alias",
            "corp MX 10 Mail.corp\nmail.corp CNAME a.example",
            Some(format!("corp.zone:3: warning: corp/MX 'mail.corp' {alias}")),
        ),
        (
            "a service that is renamed",
            "corp SRV 0 0 1 x.d.corp\nd.corp DNAME a.example",
            Some(format!("corp.zone:3: warning: corp/SRV 'x.d.corp' {alias}")),
        ),
        ("glue by a wildcard", "a.corp NS ns.a.corp\n*.a.corp A 192.0.2.1", None),
        (
            "a wildcard that delegates",
            "*.corp NS ns.example",
            Some(format!("corp.zone:3: warning: *.corp: a wildcard delegates nothing but itself {undefined}")),
        ),
        ("no mail at all", "a.corp MX 0 .", None),
        ("a mail server that nobody knows", "a.corp MX 0 b.corp", None),
    ] {
        assert_eq!(told(text), (true, Vec::from_iter(expected)), "{case}");
    }
}

#[test]
fn a_zone_has_an_soa_and_name_servers() {
    let no_soa = "zone corp has no SOA record (a zone begins with one: '@ SOA ...')";
    let no_ns = "zone corp has no NS records (name the zone's servers: '@ NS ...')";
    for (case, text, expected) in [
        ("neither", "", vec![no_soa, no_ns]),
        ("no SOA", "corp NS ns.example", vec![no_soa]),
        ("no NS at the apex", "corp SOA 7 60\na.corp NS ns.example", vec![no_ns]),
    ] {
        assert_eq!(
            build("corp", records(text)).map(|_| ()),
            Err(expected.iter().map(|&line| line.into()).collect()),
            "{case}"
        );
    }
}

#[test]
fn every_fault_is_told_up_to_a_hundred() {
    let faults = |count: usize| (0..count).map(|index| format!("h{index}.example A 192.0.2.1\n")).collect::<String>();
    let (usable, all) = told(&format!("a.corp A 192.0.2.1\na.corp 5 A 192.0.2.2\n{}", faults(99)));
    assert_eq!((usable, all.len()), (false, 100));
    assert!(all[0].contains("h0.example") && all[98].contains("h98.example") && all[99].contains("TTL set"), "{all:?}");
    let (_, all) = told(&faults(150));
    assert_eq!((all.len(), all[99].as_str()), (100, "51 more faults or warnings are not shown"));
}

#[test]
fn what_no_message_can_hold_is_a_fault() {
    let text: String = (0..300).map(|index| format!("a.corp TXT {index}{}\n", "x".repeat(240))).collect();
    let (usable, all) = told(&text);
    let expected = "corp.zone:302: a.corp TXT: too many records for a message (together they may have 65000 octets)";
    assert_eq!((usable, all), (false, vec![expected.to_owned()]));
}

#[test]
fn records_of_one_name_may_stand_apart() {
    let apart = "a.corp A 192.0.2.1\nb.corp A 192.0.2.9\nA.corp A 192.0.2.2\nb.corp TXT b\na.corp A 192.0.2.1";
    let (zone, warnings) = build("corp", records(&format!("{HEAD}{apart}"))).expect("nothing is wrong");
    assert_eq!((warnings, zone.records()), (vec![], 6));
    let (_, rdata) = zone.rrset(name("a.corp").as_wire(), rtype::A).expect("it is there");
    assert_eq!(rdata.iter().map(|rdata| rdata[3]).collect::<Vec<_>>(), [1, 2]);
}

/// What came by updates is hidden below a DNAME, and can be read back.
#[test]
fn names_below_a_dname_are_no_fault_without_a_place() {
    let mut all = records(&format!("{HEAD}a.corp DNAME b.corp\nx.a.corp TXT x"));
    all.iter_mut().for_each(|record| record.position = None);
    let (zone, warnings) = build("corp", all).expect("nothing is wrong");
    assert_eq!((zone.records(), warnings), (4, vec![]));
}
