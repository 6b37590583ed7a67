//! What queries get that need no upstream: refusals, faults, texts about the server, explanations; and what is asked.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use super::explain::{Health, explain};
use super::walk::{Keys, Walk};
use super::{Client, Context, Decision, decide, fail};
use crate::access::Host;
use crate::cache::{Cache, Key, Parts};
use crate::config::files::NoFiles;
use crate::config::named_conf::parse;
use crate::metrics::Meter;
use crate::state::{Snapshot, State, Zones};
use crate::wire::edns::option;
use crate::wire::header::{class, ede, flag, rcode, rtype, u16_at};
use crate::wire::mnemonic::type_number;
use crate::wire::walk::Record;
use crate::wire::{Meta, segment};
use crate::wire::{Name, Transport};

const CONF: &str = r#"
    acl inside { 10.0.0.0/8; };
    options {
        version "not currently available"; hostname none; server-id "az1";
        blackhole { 192.0.2.66; };
        forwarders { 192.0.2.1; };
    };
    view "guests" {
        match-clients { 172.16.0.0/12; };
        allow-query-cache { any; }; allow-recursion { 172.16.1.0/24; };
        zone "none.corp" { type forward; forwarders { }; };
    };
    view "inside" {
        match-clients { inside; 192.0.2.66; 198.51.100.0/24; };
        allow-query { inside; };
        zone "corp" { type forward; forwarders { 192.0.2.2; 192.0.2.3; }; };
        zone "none.corp" { type forward; forwarders { }; };
    };
"#;

const INSIDE: &str = "10.9.9.9";
const OWN: &str = "10.1.1.53";

fn snapshot() -> Arc<Snapshot> {
    let config = parse(CONF, "test", &NoFiles).expect("the configuration is right").config;
    State::new(&config, Arc::new(Host::default()), [1; 16], &Zones::default()).present()
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// A query with RD and this OPT record, if it is not empty.
fn query(name: &str, (qtype, qclass): (u16, u16), opt: &[u8]) -> Vec<u8> {
    let name: Name = name.parse().expect("a name");
    let header = [0x12, 0x34, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(!opt.is_empty())];
    [&header[..], name.as_wire(), &qtype.to_be_bytes(), &qclass.to_be_bytes(), opt].concat()
}

const OPT: &[u8] = b"\0\0\x29\x04\xd0\0\0\0\0\0\0";

fn context<'a>(snapshot: &'a Snapshot, cache: &'a Cache, meter: &'a Meter, now: Instant) -> Context<'a> {
    Context { snapshot, cache, now, unix: 0, rotation: 0, meter, query_log: None }
}

/// What a packet gets, in words: `drop`, `forward APEX`, or the RCODE with the extended error's number.
fn told(snapshot: &Snapshot, packet: &[u8], from: &str) -> String {
    let cache = Cache::new(0, Instant::now());
    let meter = Meter::default();
    let context = context(snapshot, &cache, &meter, Instant::now());
    let client = Client { address: address(from), port: 4000, destination: address(OWN), transport: Transport::Udp };
    let mut out = vec![0xee; 4096];
    match decide(context, packet, client, &mut out) {
        Decision::Drop => "drop".to_owned(),
        Decision::Update(_) => "update".to_owned(),
        Decision::Forward(forward) => format!("forward {}", forward.route.rule().apex),
        Decision::Reply(length) | Decision::ReplyAndRefresh(length, _) => spell(&out[..length]),
    }
}

fn spell(reply: &[u8]) -> String {
    let mut at = 12;
    if u16_at(reply, 4) == 1 {
        at = crate::wire::walk::plain_name_end(reply, 12).expect("the question is echoed") + 4;
    }
    let mut words = vec![(u16_at(reply, 2) & flag::RCODE).to_string()];
    for _ in 0..u16_at(reply, 6) {
        let record = Record::read(reply, at).expect("a record");
        words.push(format!("'{}'", String::from_utf8_lossy(&reply[record.rdata() + 1..record.end])));
        at = record.end;
    }
    if u16_at(reply, 10) == 1 {
        let record = Record::read(reply, at).expect("an OPT record");
        let options = &reply[record.rdata()..record.end];
        let extended = u16::from(reply[record.fixed + 4]) << 4 | u16_at(reply, 2) & flag::RCODE;
        words[0] = extended.to_string();
        if !options.is_empty() && u16_at(options, 0) == option::EDE {
            words.push(format!("ede {}", u16_at(options, 4)));
        }
    }
    words.join(" ")
}

#[test]
fn each_query_gets_what_its_view_list_and_rule_say() {
    let snapshot = snapshot();
    let refused = |code: u16| format!("{} ede {code}", rcode::REFUSED);
    let (prohibited, nowhere) = (refused(ede::PROHIBITED), refused(ede::NOT_AUTHORITATIVE));
    let cases: [(&str, &str, &str, &str); 12] = [
        ("a name of a zone", "a.corp", INSIDE, "forward corp"),
        ("the apex itself", "corp", INSIDE, "forward corp"),
        ("a name outside the zones", "www.example", INSIDE, "forward ."),
        ("a name that only ends like a zone", "xcorp", INSIDE, "forward ."),
        ("a name in a zone without forwarders", "x.none.corp", INSIDE, &nowhere),
        ("a client of no view", "a.corp", "203.0.113.1", &prohibited),
        ("a client of a view that may not ask", "a.corp", "198.51.100.7", &prohibited),
        ("a client of the other view: its rules are others", "a.corp", "172.16.1.1", "forward ."),
        ("a client that may only ask the cache", "a.corp", "172.16.2.1", &prohibited),
        ("a client in the black hole", "a.corp", "192.0.2.66", "drop"),
        ("an IPv4 client by an IPv6 socket", "a.corp", "::ffff:10.9.9.9", "forward corp"),
        ("an IPv6 client of no list", "a.corp", "2001:db8::1", &prohibited),
    ];
    for (case, name, from, expected) in cases {
        assert_eq!(told(&snapshot, &query(name, (rtype::A, class::IN), OPT), from), expected, "{case}");
    }
}

#[test]
fn what_is_not_forwarded_gets_the_rcode_that_named_gives() {
    let snapshot = snapshot();
    let kind = |qtype, qclass| query("a.corp", (qtype, qclass), OPT);
    let flagged = |at: usize, octet: u8| {
        let mut packet = kind(rtype::A, class::IN);
        packet[at] = octet;
        packet
    };
    let mut update = query("corp", (rtype::SOA, class::IN), b"");
    update[2] = 0x28;
    let version_1 = b"\0\0\x29\x04\xd0\0\x01\0\0\0\0";
    let half_cookie = b"\0\0\x29\x04\xd0\0\0\0\0\0\x07\0\x0a\0\x03abc";
    let tsig = b"\0\0\xfa\0\xff\0\0\0\0\0\0";
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("without RD, and not in the cache", flagged(2, 0), "5 ede 20"),
        ("a response", flagged(2, 0x81), "drop"),
        ("NOTIFY", flagged(2, 0x20), "9"),
        ("UPDATE of no zone", flagged(2, 0x28), "1"),
        ("UPDATE of a zone that is another's", update, "9"),
        ("STATUS", flagged(2, 0x10), "4"),
        ("two questions announced", flagged(5, 2), "1"),
        ("AXFR", kind(rtype::AXFR, class::IN), "9 ede 20"),
        ("IXFR", kind(rtype::IXFR, class::IN), "9 ede 20"),
        ("MAILA", kind(rtype::MAILA, class::IN), "4"),
        ("TKEY", kind(rtype::TKEY, class::IN), "1"),
        ("QTYPE OPT", kind(rtype::OPT, class::IN), "1"),
        ("QTYPE 0", kind(0, class::IN), "1"),
        ("HS", kind(rtype::A, class::HS), "5 ede 18"),
        ("QCLASS ANY", kind(rtype::A, class::ANY), "1"),
        ("an unknown class", kind(rtype::A, 77), "4"),
        ("EDNS version 1", query("a.corp", (1, 1), version_1), "16"),
        ("a cookie of three octets", query("a.corp", (1, 1), half_cookie), "1"),
        ("TSIG that cannot be read", query("a.corp", (1, 1), tsig), "1"),
    ];
    for (case, packet, expected) in cases {
        assert_eq!(told(&snapshot, &packet, INSIDE), expected, "{case}");
    }
}

/// A name in wire form of so many octets, 3 or more.
fn name_of(octets: usize) -> Vec<u8> {
    let (mut name, mut left) = (Vec::new(), octets - 1);
    while left > 0 {
        let label = (left - 1).min(63);
        name.push(label as u8);
        name.resize(name.len() + label, b'k');
        left -= label + 1;
    }
    name.push(0);
    name
}

#[test]
fn a_signed_message_that_is_refused_gets_no_more_octets_than_it_may() {
    let snapshot = snapshot();
    let cache = Cache::new(0, Instant::now());
    let meter = Meter::default();
    let context = context(&snapshot, &cache, &meter, Instant::now());
    let small = b"\0\0\x29\x02\0\0\0\0\0\0\0";
    let (notauth, cut) = (rcode::NOTAUTH, flag::TC);
    // Header and question have 24 octets, an OPT record 11, a TSIG record 26 beside its names.
    let cases = [
        ("names as they are", Transport::Udp, &b""[..], (6, 13), (69, notauth)),
        ("as long as is possible", Transport::Udp, b"", (255, 207), (512, notauth)),
        ("one octet too long: the question alone", Transport::Udp, b"", (255, 208), (24, cut)),
        ("the longest", Transport::Udp, b"", (255, 255), (24, cut)),
        ("the longest, by TCP", Transport::Tcp, b"", (255, 255), (560, notauth)),
        ("the longest, where 1232 octets are taken", Transport::Udp, OPT, (255, 255), (571, notauth)),
        ("with OPT as long as is possible", Transport::Udp, small, (255, 196), (512, notauth)),
        ("too long with OPT: question and signature", Transport::Udp, small, (255, 199), (504, cut)),
    ];
    for (case, transport, opt, (key, algorithm), (octets, flags)) in cases {
        let mut packet = query("a.corp", (rtype::A, class::IN), opt);
        packet[11] += 1;
        packet.extend(name_of(key));
        packet.extend(b"\0\xfa\0\xff\0\0\0\0");
        packet.extend(((algorithm + 16) as u16).to_be_bytes());
        packet.extend(name_of(algorithm));
        packet.extend([0; 16]);
        let client = Client { address: address(INSIDE), port: 4000, destination: address(OWN), transport };
        let mut out = vec![0xee; 4096];
        let Decision::Reply(length) = decide(context, &packet, client, &mut out) else { panic!("{case}: a reply") };
        let told = (length, u16_at(&out, 2) & (flag::TC | flag::RCODE));
        assert_eq!(told, (octets, flags), "{case}");
        let records = u16::from(octets > 24) + u16::from(!opt.is_empty() && flags == notauth);
        assert_eq!(u16_at(&out, 10), records, "{case}");
    }
}

#[test]
fn questions_about_the_server_are_answered_in_class_ch_alone() {
    let snapshot = snapshot();
    let cases: [(&str, &str, u16, u16, &str); 9] = [
        ("version.bind", "version.bind", rtype::TXT, class::CH, "0 'not currently available'"),
        ("in another case", "VERSION.Bind", rtype::TXT, class::CH, "0 'not currently available'"),
        ("version.server, RFC 4892's name", "version.server", rtype::TXT, class::CH, "0 'not currently available'"),
        ("as ANY", "version.bind", rtype::ANY, class::CH, "0 'not currently available'"),
        ("another type", "version.bind", rtype::A, class::CH, "0"),
        ("what is withheld", "hostname.bind", rtype::TXT, class::CH, "0"),
        ("id.server", "id.server", rtype::TXT, class::CH, "0 'az1'"),
        ("another name", "www.corp", rtype::TXT, class::CH, "5 ede 18"),
        ("in class IN it is a name like others", "version.bind", rtype::TXT, class::IN, "forward ."),
    ];
    for (case, name, qtype, qclass, expected) in cases {
        assert_eq!(told(&snapshot, &query(name, (qtype, qclass), OPT), INSIDE), expected, "{case}");
    }
}

#[test]
fn a_query_that_cannot_be_taken_on_is_told_why() {
    let snapshot = snapshot();
    let cache = Cache::new(0, Instant::now());
    let meter = Meter::default();
    let context = context(&snapshot, &cache, &meter, Instant::now());
    let client = Client { address: address(INSIDE), port: 4000, destination: address(OWN), transport: Transport::Udp };
    let packet = query("a.corp", (rtype::A, class::IN), OPT);
    let mut out = vec![0; 4096];
    let Decision::Reply(length) = fail(context, &packet, client, (ede::OTHER, "too many wait"), &mut out) else {
        panic!("a reply")
    };
    assert_eq!(spell(&out[..length]), "2 ede 0");
    assert!(matches!(fail(context, &packet[..20], client, (ede::OTHER, ""), &mut out), Decision::Drop));
}

/// An explanation and the decision are made by different code; they must say the same.
#[test]
fn explanations_are_true() {
    let snapshot = snapshot();
    let clients = [INSIDE, "203.0.113.1", "198.51.100.7", "172.16.1.1", "172.16.2.1", "192.0.2.66", "2001:db8::1"];
    for from in clients {
        for (name, qtype) in [("a.corp", "A"), ("corp", "DS"), ("x.none.corp", "A"), ("www.example", "HTTPS")] {
            let qtype = type_number(qtype).expect("a type");
            let qname = name.parse().expect("a name");
            let explained = explain(&snapshot, &qname, qtype, address(from), address(OWN), Health::Unknown);
            let text = explained.to_string();
            let told = told(&snapshot, &query(name, (qtype, class::IN), OPT), from);
            let case = format!("{name} from {from}: {told}\n{text}");
            assert_eq!(explained.forwarded, told.starts_with("forward"), "{case}");
            match told.split_once(' ') {
                None => assert!(text.contains("dropped"), "{case}"),
                Some(("forward", ".")) => assert!(text.contains("rule              the global forwarders"), "{case}"),
                Some(("forward", apex)) => assert!(text.contains(&format!("rule              zone {apex}")), "{case}"),
                Some((_, ede)) => {
                    assert!(text.contains(&format!("REFUSED ({})", ede.to_uppercase())), "{case}");
                }
            }
        }
    }
}

#[test]
fn an_explanation_names_lists_rule_and_forwarders() {
    let explained = explain(
        &snapshot(),
        &"www.corp".parse().expect("a name"),
        rtype::A,
        address(INSIDE),
        address(OWN),
        Health::Unknown,
    );
    let text = explained.to_string();
    for line in [
        "view              inside",
        "rule              zone corp",
        "forwarders        192.0.2.2:53 192.0.2.3:53",
        "forwarder-order   fastest: the one that answers soonest",
        "kept              answers 0–604800 s, negative answers 0–10800 s",
        "answer            from the cache if it is there, else from the forwarders",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

/// The key of a question by the view `inside`, below the root's rule.
fn key(snapshot: &Snapshot, name: &str, qtype: u16) -> Key {
    let view = &snapshot.views[1];
    let rule = view.rules.get(0).id;
    let parts = Parts { view: view.id, rule, qtype, qclass: 1, dnssec_ok: false, checking_disabled: false };
    Key::new(&parts, name.parse::<Name>().expect("a name").as_wire())
}

#[test]
fn packets_that_walk_together_get_what_each_gets_alone() {
    let (snapshot, now) = (snapshot(), Instant::now());
    let cache = Cache::new(0, now);
    let mut absent = Vec::new();
    let meta = Meta { rcode: rcode::NXDOMAIN as u8, ..Meta::default() };
    segment::encode(&mut absent, &meta, &[], &[], b"").expect("short");
    for key in [key(&snapshot, "kept.example", 1), key(&snapshot, "gone.example", 1).whole_name()] {
        cache.insert(cache.hash(&key), &key, &absent, 60, now);
    }
    let of_type = |name, qtype| query(name, (qtype, 1), b"");
    let packets: [(&str, Vec<u8>, &str); 9] = [
        ("kept", of_type("kept.example", 1), INSIDE),
        ("kept, of another type", of_type("KEPT.example", 28), INSIDE),
        ("a name that is known not to be there", of_type("gone.example", 28), INSIDE),
        ("not kept", of_type("a.corp", 1), INSIDE),
        ("from a client of no view", of_type("a.corp", 1), "203.0.113.1"),
        ("from the blackhole", of_type("a.corp", 1), "192.0.2.66"),
        ("malformed", of_type("a.corp", 1)[..16].to_vec(), INSIDE),
        ("a response", [&[0, 0, 0x80, 0][..], &[0; 8]].concat(), INSIDE),
        ("kept, again", of_type("kept.example", 1), INSIDE),
    ];
    let meter = Meter::default();
    let context = context(&snapshot, &cache, &meter, now);
    let client =
        |from| Client { address: address(from), port: 1, destination: address(OWN), transport: Transport::Udp };
    let spelt = |decision: Decision, out: &[u8]| match decision {
        Decision::Drop => "drop".to_owned(),
        Decision::Update(_) => "update".to_owned(),
        Decision::Forward(forward) => format!("forward {} {:?}", forward.hash, forward.key.as_octets()),
        Decision::Reply(length) | Decision::ReplyAndRefresh(length, _) => format!("{:?}", &out[..length]),
    };
    let (mut keys, mut rotation, mut out) = (Keys::default(), 0, vec![0; 4096]);
    for round in 0..2 {
        let mut walk = Walk::new(context, &mut keys, &mut rotation);
        let mut together = Vec::new();
        for (index, (_, packet, from)) in packets.iter().enumerate() {
            let refused = walk.read(index, packet, client(from), &mut out);
            let refused = refused.filter(|decision| !matches!(decision, Decision::Drop));
            together.push(refused.map(|decision| spelt(decision, &out)));
        }
        walk.prefetch();
        for (index, (case, packet, from)) in packets.iter().enumerate() {
            let decided = walk.decide(index, &mut out).map(|decision| spelt(decision, &out));
            assert!(together[index].is_none() || decided.is_none(), "{case}: one reply");
            let alone = decide(context, packet, client(from), &mut out);
            let alone = Some(spelt(alone, &out)).filter(|alone| alone != "drop");
            assert_eq!(together[index].take().or(decided), alone, "{case}, round {round}");
        }
    }
    assert_eq!(rotation, 18, "each packet is counted");
}
