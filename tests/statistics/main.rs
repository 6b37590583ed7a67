//! Statistics over HTTP, beside those of the real named: the same places, the same types, the same numbers.
//!
//! Both servers get one configuration and the same questions. What named tells and we do not is listed with the reason.
//! Not here: programs that read statistics (`tests/monitoring.rs`), counting by itself (`src/metrics`).

#[path = "../common/mod.rs"]
mod common;
mod pair;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::process::Command;
use std::time::Duration;

use common::packet::{Question, header};
use common::{Scripted, Tandem, fresh_localhost_address, program, wait_until};
use pair::{Excuses, FILES, PATIENCE, Pair, by_tcp, by_udp, conf, get, request, upstream};
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;
use socket2::{Domain, Socket, Type};

fn json(server: SocketAddr, path: &str) -> Value {
    let (status, body) = get(server, path);
    assert_eq!(status, 200, "{path}");
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
}

/// Where numbers, texts, lists and tables are. Names that the operator or the traffic chooses are left out.
fn places(value: &Value, at: &str, found: &mut BTreeMap<String, &'static str>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(elements) => {
            elements.iter().for_each(|element| places(element, &format!("{at}[]"), found));
            "list"
        }
        Value::Object(members) => {
            let by_traffic = ["/qtypes", "/cache"].iter().any(|end| at.ends_with(end)) || at.contains("-sizes-");
            for (name, member) in members {
                let name = if by_traffic { "*" } else { name };
                places(member, &format!("{at}/{name}"), found);
            }
            "table"
        }
    };
    found.insert(at.to_owned(), kind);
}

/// Elements by name and `type` or `name` attribute.
fn elements(text: &str) -> BTreeSet<String> {
    let mut reader = Reader::from_str(text);
    let (mut path, mut found): (Vec<String>, BTreeSet<String>) = (Vec::new(), BTreeSet::new());
    loop {
        let event = reader.read_event().unwrap_or_else(|error| panic!("{error}: {text}"));
        match &event {
            Event::Eof => return found,
            Event::End(_) => _ = path.pop(),
            Event::Start(element) | Event::Empty(element) => {
                let mut name = String::from_utf8_lossy(element.name().as_ref()).into_owned();
                let by_traffic = path.last().is_some_and(|parent| {
                    ["counters[qtype]", "counters[resqtype]", "counters[request-size]", "counters[response-size]"]
                        .contains(&parent.as_str())
                });
                for attribute in element.attributes().flatten().filter(|_| !by_traffic) {
                    if [&b"type"[..], b"name"].contains(&attribute.key.as_ref()) {
                        name += &format!("[{}]", String::from_utf8_lossy(&attribute.value));
                    }
                }
                path.push(name);
                found.insert(path.join("/"));
                if matches!(event, Event::Empty(_)) {
                    path.pop();
                }
            }
            _ => {}
        }
    }
}

/// What named tells and we do not, by what its place contains, and why.
const NOT_TOLD: &[(&str, &str)] = &[
    ("_bind", "names of class CH are answered without a view of their own"),
    ("adb", "there is no database of addresses: forwarders are few, and known"),
    ("BucketSize", "a tuning of named's own table"),
    ("CoveringNSEC", "no denial is synthesised"),
    ("CacheNSECNodes", "no denial is synthesised"),
    ("CacheBuckets", "the cache is built otherwise"),
    ("TreeMemMax", "no high-water mark is kept"),
    ("HeapMem", "there is no heap beside the entries"),
    ("taskmgr/tasks", "there are no tasks"),
    ("default-quantum", "there are no tasks"),
    ("memory/Malloced", "the allocator is the system's"),
    ("memory/ContextSize", "the allocator is the system's"),
    ("memory/Lost", "the allocator is the system's"),
    ("memory/summary", "the allocator is the system's"),
    ("memory/contexts", "of one pool, the cache: what it may have and what it has"),
    ("counters[gluecache]", "glue is found with the delegation"),
    ("counters[dnssec-sign]", "nothing is signed"),
    ("counters[dnssec-refresh]", "nothing is signed"),
    ("counters[resstat]", "resolvers are views', there is none beside them"),
    ("counter[ReqSIG0]", "SIG(0) is not looked at"),
    ("counter[UpdateQuota]", "updates that find no place fail, and are counted so"),
    ("counter[QryTryStale]", "only what was given out is counted"),
    ("counter[NSIDOpt]", "of options, cookies alone are looked at"),
    ("counter[ExpireOpt]", "of options, cookies alone are looked at"),
    ("counter[KeepAliveOpt]", "of options, cookies alone are looked at"),
    ("counter[PadOpt]", "of options, cookies alone are looked at"),
    ("counter[OtherOpt]", "of options, cookies alone are looked at"),
    ("counter[ECSOpt]", "of options, cookies alone are looked at"),
    ("counter[KeyTagOpt]", "of options, cookies alone are looked at"),
    ("counter[Unix", "none is counted"),
    ("counter[Raw", "there is none"),
    ("counter[FD", "there is none"),
    ("counter[Fd", "there is none"),
    ("BindFail]", "told as OpenFail"),
    ("counter[TCP4OpenFail]", "told as ConnFail"),
    ("counter[TCP6OpenFail]", "told as ConnFail"),
    ("counter[UDP4ConnFail]", "told as OpenFail"),
    ("counter[UDP6ConnFail]", "told as OpenFail"),
    ("SendErr]", "a batch is one system call, of which the first error is seen"),
    ("RecvErr]", "a batch is one system call, of which the first error is seen"),
    ("Clients]", "the control channel's status tells them"),
    ("counter[Mismatch]", "told in the log, by upstream"),
    ("counter[QueryCur", "told as NumFetch, over both"),
    ("counter[NextItem]", "the next server is asked: Retry"),
];

/// What we tell and named 9.18 does not.
const TOLD_MORE: &[&str] = &["worker-threads"];

#[test]
fn everything_is_where_named_has_it() {
    let pair = Pair::start();
    pair.ask(|server| {
        by_udp(server, &Question::new("a.up.example", "A").edns(1232, true, b"").octets());
        by_tcp(server, &Question::new("nx.up.example", "AAAA").octets());
        by_udp(server, &Question::new("a.up.example", "MX").octets());
        by_udp(server, &Question::new("a.local.example", "A").octets());
        by_udp(server, &Question::new("bad.up.example", "A").octets());
    });
    let mut not_told = Excuses::new(NOT_TOLD.iter().map(|(part, _)| *part));
    let mut told_more = Excuses::new(TOLD_MORE.iter().copied());
    let parts = ["", "/status", "/server", "/zones", "/net", "/tasks", "/mem", "/traffic"];
    for path in parts.map(|part| format!("/json/v1{part}")) {
        let (mut theirs, mut ours) = (BTreeMap::new(), BTreeMap::new());
        places(&json(pair.named.1, &path), "", &mut theirs);
        places(&json(pair.tandem.1, &path), "", &mut ours);
        // Counters that are zero are left out, by either: XML has them all.
        let counted = |place: &str| place.contains("stats/");
        for (place, kind) in &ours {
            let expected = theirs.get(place);
            let mut more = || told_more.excuse(place) || counted(place);
            assert!(expected == Some(kind) || (expected.is_none() && more()), "{path}: {place} {kind}: {expected:?}");
        }
        let missing = theirs.keys().filter(|place| !ours.contains_key(*place));
        let missing: Vec<_> = missing.filter(|place| !not_told.excuse(place) && !counted(place)).collect();
        assert!(missing.is_empty(), "{path}: {missing:#?}");
    }
    for path in parts.map(|part| format!("/xml/v3{part}")) {
        let [theirs, ours] = [pair.named.1, pair.tandem.1].map(|server| elements(&get(server, &path).1));
        let more: Vec<_> = ours.difference(&theirs).filter(|place| !told_more.excuse(place)).collect();
        assert!(more.is_empty(), "{path}: {more:#?}");
        let missing: Vec<_> = theirs.difference(&ours).filter(|place| !not_told.excuse(place)).collect();
        assert!(missing.is_empty(), "{path}: {missing:#?}");
    }
    assert_eq!([not_told.unused(), told_more.unused()], [[""; 0]; 2], "what is excused is not there to be excused");
    // Without the version, as with it.
    for (short, long) in [("/json", "/json/v1"), ("/xml", "/xml/v3"), ("/", "/xml/v3")] {
        let [(short, one), (long, other)] = [get(pair.tandem.1, short), get(pair.tandem.1, long)];
        assert_eq!((short, long, &one[..16]), (200, 200, &other[..16]));
    }
}

/// Numbers that differ, and why.
const DIFFERENCES: &[(&str, &str)] =
    &[("QryRecursion", "answers for DO and for CD are kept by themselves, as upstreams gave them")];
/// Numbers that may.
const OF_THE_MOMENT: &[(&str, &str)] = &[
    ("RecursClients", "who waits just now"),
    ("TCPConnHighWater", "a connection is seen to have closed sooner or later"),
];

#[test]
fn the_same_questions_are_the_same_numbers() {
    let pair = Pair::start();
    let [before, own_before] = [pair.named.1, pair.tandem.1].map(|server| json(server, "/json/v1/server"));
    let cookie = |octets: &[u8]| [&[0, 10, 0, octets.len() as u8], octets].concat();
    let plain = |name: &str, rtype: &str| Question::new(name, rtype);
    let asked: Vec<Vec<u8>> = vec![
        plain("a.up.example", "A").octets(),
        plain("a.up.example", "A").octets(),
        plain("A.UP.example", "A").edns(1232, true, b"").octets(),
        plain("a.up.example", "A").edns(512, false, &cookie(b"client!!")).octets(),
        plain("a.up.example", "A").edns(512, false, &cookie(b"client!!server!!server!!")).octets(),
        plain("a.up.example", "A").edns(512, false, &cookie(b"short")).octets(),
        plain("b.up.example", "AAAA").octets(),
        plain("nx.up.example", "A").octets(),
        plain("nx.up.example", "TXT").octets(),
        plain("a.local.example", "A").octets(),
        plain("a.local.example", "MX").octets(),
        plain("nx.local.example", "A").octets(),
        plain("long.local.example", "TXT").octets(),
        plain("bad.up.example", "A").octets(),
        plain("version.bind", "TXT").class(3).octets(),
        plain("nothing.bind", "TXT").class(3).octets(),
        plain("a.up.example", "A").class(4).octets(),
        plain("a.up.example", "A").flags(0).octets(),
        plain("a.up.example", "A").flags(0x0110).octets(),
        plain("a.up.example", "TYPE254").octets(),
        plain("a.up.example", "TYPE65280").octets(),
        plain("a.up.example", "TYPE257").octets(),
        // STATUS, NOTIFY, an opcode without a name.
        plain("a.up.example", "A").flags(0x1000).octets(),
        plain("a.up.example", "SOA").flags(0x2000).octets(),
        plain("a.up.example", "A").flags(0x3800).octets(),
        // No question; a record that is not there.
        header(7, 0x0100, [0, 0, 0, 0]),
        [header(7, 0x0100, [1, 0, 0, 1]), b"\x01a\0\0\x01\0\x01".to_vec()].concat(),
        // EDNS version 1.
        [header(7, 0x0100, [1, 0, 0, 1]), b"\x01a\0\0\x01\0\x01\0\0\x29\x04\xd0\0\x01\0\0\0\0".to_vec()].concat(),
    ];
    pair.ask(|server| {
        asked.iter().for_each(|octets| by_udp(server, octets));
        by_tcp(server, &plain("a.up.example", "A").octets());
        by_tcp(server, &plain("long.local.example", "TXT").edns(1232, false, b"").octets());
        by_tcp(server, &plain("local.example", "TYPE252").octets());
        by_tcp(server, &plain("a.local.example", "TYPE252").octets());
        update(server, "prereq nxdomain a.local.example\nupdate add n.local.example 60 A 10.0.0.9");
        update(server, "update add n.local.example 60 A 10.0.0.9");
    });
    let [after, own_after] = [pair.named.1, pair.tandem.1].map(|server| json(server, "/json/v1/server"));
    let mut differences: BTreeSet<&str> = DIFFERENCES.iter().map(|(name, _)| *name).collect();
    for group in ["/opcodes", "/rcodes", "/qtypes", "/nsstats"] {
        let names = [&before, &own_before, &after, &own_after].map(|document| {
            document.pointer(group).and_then(Value::as_object).expect("a table").keys().cloned().collect::<Vec<_>>()
        });
        let wrong: Vec<String> = names
            .concat()
            .into_iter()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .filter_map(|name| {
                let number = |document: &Value| document.pointer(&format!("{group}/{name}")).and_then(Value::as_u64);
                let grown = |from, to| number(to).unwrap_or(0) - number(from).unwrap_or(0);
                let (theirs, ours) = (grown(&before, &after), grown(&own_before, &own_after));
                let is_of_the_moment = OF_THE_MOMENT.iter().any(|(known, _)| *known == name);
                if theirs == ours || is_of_the_moment {
                    return None;
                }
                let is_known = DIFFERENCES.iter().any(|(known, _)| *known == name);
                differences.remove(name.as_str());
                (!is_known).then(|| format!("{name}: named {theirs}, here {ours}"))
            })
            .collect();
        assert!(wrong.is_empty(), "{group}: {wrong:#?}");
    }
    assert!(differences.is_empty(), "these do not differ: {differences:?}");
    let sum = |sizes: &Value| sizes.as_object().expect("a table").values().filter_map(Value::as_u64).sum::<u64>();
    let traffic = json(pair.tandem.1, "/json/v1/traffic");
    let of = |kind: &str| sum(&traffic["traffic"][format!("dns-{kind}-ipv4")]);
    let stats = json(pair.tandem.1, "/json/v1/server");
    let stat = |name: &str| stats["nsstats"][name].as_u64().expect("counted");
    assert_eq!(of("udp-requests-sizes-received") + of("tcp-requests-sizes-received"), stat("Requestv4"));
    assert_eq!(of("udp-responses-sizes-sent") + of("tcp-responses-sizes-sent"), stat("Response"));
}

/// Sends an update of the zone; whatever comes of it.
fn update(server: SocketAddr, lines: &str) {
    common::nsupdate(server, &[], &format!("zone local.example\n{lines}"));
}

/// What is told of each zone of the default view: results, then types.
fn zones(server: SocketAddr) -> BTreeMap<String, [BTreeMap<String, u64>; 2]> {
    let document = json(server, "/json/v1/zones");
    let zones = document["views"]["_default"]["zones"].as_array().expect("zones").clone();
    let counters = |zone: &Value, name: &str| -> BTreeMap<String, u64> {
        let table = zone[name].as_object().into_iter().flatten();
        table.map(|(name, count)| (name.clone(), count.as_u64().expect("a number"))).collect()
    };
    let told = |zone: &Value| {
        let name = zone["name"].as_str().expect("a name").to_owned();
        (name, [counters(zone, "rcodes"), counters(zone, "qtypes")])
    };
    zones.iter().map(told).collect()
}

#[test]
fn a_zone_is_counted_as_named_counts_it() {
    let pair = Pair::start();
    let plain = |name: &str, rtype: &str| Question::new(&format!("{name}local.example"), rtype).octets();
    type Step<'a> = (&'a str, Box<dyn Fn(SocketAddr) + 'a>);
    let ask = |name: &'static str, rtype: &'static str| -> Step<'_> {
        (name, Box::new(move |server| by_udp(server, &plain(name, rtype))))
    };
    let mut steps: Vec<Step<'_>> = [
        ("a.", "A"),
        ("a.", "MX"),
        ("nx.", "A"),
        ("", "SOA"),
        ("a.", "TYPE65280"),
        ("alias.", "A"),
        ("alias.", "CNAME"),
        ("gone.", "A"),
        ("d.", "DNAME"),
        ("x.d.", "A"),
        ("x.w.", "A"),
        ("x.w.", "AAAA"),
        ("out.", "A"),
        ("out.", "A"),
        ("sub.", "DS"),
        ("a.", "ANY"),
    ]
    .map(|(name, rtype)| ask(name, rtype))
    .into();
    let referral = Question::new("x.sub.local.example", "A").flags(0).octets();
    steps.push(("a delegation", Box::new(move |server| by_udp(server, &referral))));
    steps.push(("by TCP", Box::new(|server| by_tcp(server, &plain("long.", "TXT")))));
    steps.push(("cut", Box::new(|server| by_udp(server, &plain("long.", "TXT")))));
    steps.push(("AXFR", Box::new(|server| by_tcp(server, &plain("", "TYPE252")))));
    steps.push(("an update", Box::new(|server| update(server, "update add n.local.example 60 A 10.0.0.9"))));
    steps.push((
        "one whose prerequisite fails",
        Box::new(|server| update(server, "prereq nxdomain a.local.example\nupdate add n.local.example 60 A 10.0.0.9")),
    ));
    let mut before = [zones(pair.named.1), zones(pair.tandem.1)];
    let names = |zones: &BTreeMap<String, [BTreeMap<String, u64>; 2]>| zones.keys().cloned().collect::<Vec<_>>();
    assert_eq!([names(&before[0]), names(&before[1])], [["local.example", "terse.example"]; 2]);
    for (what, step) in steps {
        pair.ask(step);
        let now = [zones(pair.named.1), zones(pair.tandem.1)];
        let grown = [0, 1].map(|server| {
            let [earlier, later] = [&before[server], &now[server]].map(|zones| &zones["local.example"]);
            let grown = |kind: usize| {
                let by = |(name, count): (&String, &u64)| (name.clone(), count - earlier[kind].get(name).unwrap_or(&0));
                later[kind].iter().map(by).filter(|(_, by)| *by > 0).collect::<Vec<_>>()
            };
            [grown(0), grown(1)]
        });
        assert_eq!(grown[0], grown[1], "{what}: named's, then ours");
        assert!(!grown[1][0].is_empty(), "{what}");
        before = now;
    }
    let terse = &before[1]["terse.example"];
    assert!(terse.iter().all(BTreeMap::is_empty), "{terse:?}");
}

/// A connection from this address.
fn connect_from(client: [u8; 4], server: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from((client, 0)).into()).expect("loopback is ours");
    socket.connect(&server.into()).expect("the channel is open");
    socket.into()
}

#[test]
fn clients_are_chosen_and_bounded_and_cost_no_answer() {
    let upstream = upstream();
    let (address, http) = (fresh_localhost_address(), fresh_localhost_address());
    let conf = conf(address, http, upstream.address());
    let server = Tandem::start_with_files(address, &conf, FILES);
    let mut stranger = connect_from([127, 0, 0, 2], http);
    stranger.set_read_timeout(Some(PATIENCE)).expect("a socket option");
    let _ = stranger.write_all(b"GET /json HTTP/1.1\r\nHost: x\r\n\r\n");
    let mut said = Vec::new();
    let _ = stranger.read_to_end(&mut said);
    assert_eq!(said, b"", "who is not allowed is told nothing");
    server.says("rejected statistics connection from 127.0.0.2#");

    let head = |line: &str, more: &str| format!("{line}\r\nHost: x\r\nConnection: close\r\n{more}\r\n");
    for (what, text, expected) in [
        ("a method that changes things", head("POST /json HTTP/1.1", "Content-Length: 0\r\n"), 405),
        ("no HTTP", "nonsense\r\n\r\n".to_owned(), 400),
        ("a head that is too long", head("GET /json HTTP/1.1", &format!("X: {}\r\n", "x".repeat(100_000))), 431),
        ("HTTP of old", "GET /json/v1/status HTTP/1.0\r\n\r\n".to_owned(), 200),
        ("a head alone", head("HEAD /json HTTP/1.1", ""), 200),
    ] {
        assert_eq!(request(http, &text).0, expected, "{what}");
    }
    // Who never says what it wants makes room.
    let idle: Vec<TcpStream> = (0..40).map(|_| TcpStream::connect(http).expect("the channel is open")).collect();
    by_udp(address, &Question::new("a.up.example", "A").octets());
    assert_eq!(get(http, "/json/v1/status").0, 200);
    drop(idle);

    let other = fresh_localhost_address();
    server.rewrite(&conf.replace(&format!("port {} allow", http.port()), &format!("port {} allow", other.port())));
    server.hang_up();
    assert!(server.reloads(1), "{}", server.said());
    assert_eq!(get(other, "/json").0, 200);
    assert!(TcpStream::connect(http).is_err(), "the channel of before is closed");
    server.says(&format!("stopping statistics channel on 127.0.0.1#{}", http.port()));
    assert!(server.stop().success());
}

#[test]
fn channels_have_places_of_their_own() {
    let (upstream, address) = (upstream(), fresh_localhost_address());
    let channels: Vec<SocketAddr> = (0..17).map(|_| fresh_localhost_address()).collect();
    let also = |channel: &SocketAddr| format!("inet 127.0.0.1 port {} allow {{ any; }};", channel.port());
    let all: String = channels[1..].iter().map(also).collect();
    let conf = conf(address, channels[0], upstream.address())
        .replace("127.0.0.1; }; };\n", &format!("127.0.0.1; }}; {all} }};\n"));
    let _server = Tandem::start_with_files(address, &conf, FILES);
    let idle = |channel: &SocketAddr| TcpStream::connect(channel).expect("the channel is open");
    let _idle: Vec<TcpStream> = (0..16).flat_map(|_| channels[1..16].iter().map(idle)).collect();
    for place in [16, 0, 7] {
        assert_eq!(get(channels[place], "/json/v1/status").0, 200, "{place}");
    }
}

/// A connection that stays for one request after the other.
struct Visitor(TcpStream);

impl Visitor {
    fn connect(channel: SocketAddr) -> Self {
        let stream = TcpStream::connect(channel).expect("the channel is open");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket option");
        Self(stream)
    }

    /// One that has room for little, so that a page waits at the server until it is read.
    fn narrow(channel: SocketAddr) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a socket option");
        socket.set_tcp_mss(536).expect("a socket option");
        socket.connect(&channel.into()).expect("the channel is open");
        socket.set_read_timeout(Some(PATIENCE)).expect("a socket option");
        Self(socket.into())
    }

    /// The status of a page; `None`: the connection is closed.
    fn status(&mut self, path: &str) -> Option<u16> {
        let (status, octets) = self.begin(path)?;
        self.0.read_exact(&mut vec![0; octets]).ok()?;
        Some(status)
    }

    /// Asks for a page and reads its head: the status, and the octets that follow.
    fn begin(&mut self, path: &str) -> Option<(u16, usize)> {
        self.0.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).ok()?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut octet = [0];
            self.0.read_exact(&mut octet).ok()?;
            head.push(octet[0]);
        }
        let head = String::from_utf8(head).expect("it is ASCII").to_lowercase();
        let (_, length) = head.split_once("content-length: ").expect("it is told");
        let octets = length.lines().next()?.parse().expect("a number");
        Some((head.split(' ').nth(1)?.parse().ok()?, octets))
    }
}

/// Zones whose names make a page that no socket takes at once.
fn many_zones() -> String {
    let label = "x".repeat(60);
    let zone = |n| format!("zone \"z{n}.{label}.{label}.{label}.example\" {{ type primary; file \"terse\"; }};\n");
    (0..5000).map(zone).collect()
}

#[test]
fn who_reads_a_page_slowly_gets_all_of_it() {
    let (upstream, address) = (upstream(), fresh_localhost_address());
    let (http, other) = (fresh_localhost_address(), fresh_localhost_address());
    let text = conf(address, http, upstream.address()) + &many_zones();
    let server = Tandem::start_with_files(address, &text, FILES);
    let reads_all = |reader: &mut Visitor, octets: usize| {
        let mut body = vec![0; octets];
        reader.0.read_exact(&mut body).is_ok() && serde_json::from_slice::<Value>(&body).is_ok()
    };
    // As long as another has to say what it wants, and more.
    let mut slow = Visitor::narrow(http);
    let (status, octets) = slow.begin("/json/v1").expect("it is told");
    assert!(status == 200 && octets > 1_000_000, "{status}, {octets}");
    std::thread::sleep(Duration::from_secs(6));
    let others: Vec<_> =
        (0..20).map(|_| Visitor::connect(http)).map(|mut other| (other.status("/json/v1/status"), other)).collect();
    assert!(others.iter().all(|(status, _)| *status == Some(200)), "newcomers get the places of who asks nothing");
    assert!(reads_all(&mut slow, octets), "who came later put it out");
    // It is idle now: the first of those who make room, but for nobody so far.
    assert_eq!(slow.status("/json/v1/status"), Some(200));
    drop(others);

    let (_, octets) = slow.begin("/json/v1").expect("it is told");
    server.rewrite(&text.replace(&format!("port {} allow", http.port()), &format!("port {} allow", other.port())));
    server.hang_up();
    assert!(server.reloads(1), "{}", server.said());
    assert!(wait_until(PATIENCE, || TcpStream::connect(http).is_err()), "the channel is closed");
    assert!(reads_all(&mut slow, octets), "who is being served when a channel closes is served");
    assert_eq!(slow.status("/json/v1/status"), None, "and then closed");
}

#[test]
fn a_reload_cuts_off_nobody_but_who_may_no_longer_read() {
    let (upstream, address) = (upstream(), fresh_localhost_address());
    let (http, other) = (fresh_localhost_address(), fresh_localhost_address());
    let taken = std::net::TcpListener::bind(other).expect("the address is free");
    let before = conf(address, http, upstream.address());
    let server = Tandem::start_with_files(address, &before, FILES);
    let mut reader = Visitor::connect(http);
    assert_eq!([reader.status("/json/v1/status"), reader.status("/nothing")], [Some(200), Some(404)]);
    let more = format!("127.0.0.1; }}; inet 127.0.0.1 port {}; }};\n", other.port());
    server.rewrite(&before.replace("127.0.0.1; }; };\n", &more));
    for reload in 1..=2 {
        server.hang_up();
        assert!(server.reloads(reload), "{}", server.said());
        assert_eq!(reader.status("/xml/v3/status"), Some(200), "it goes on beside a channel that cannot be had");
    }
    server.says(&format!("cannot listen for statistics on 127.0.0.1#{}: address in use", other.port()));
    drop(taken);
    server.rewrite(&before.replace("allow { 127.0.0.1; }", "allow { 127.0.0.2; }"));
    server.hang_up();
    assert!(server.reloads(3), "{}", server.said());
    assert_eq!(reader.status("/json/v1/status"), None, "it may read no more");
}

/// Status and headers of what is at a path.
fn head(server: SocketAddr, path: &str, more: &str) -> (u16, BTreeMap<String, String>) {
    let mut stream = TcpStream::connect(server).expect("the channel is open");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket option");
    let text = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n");
    stream.write_all(text.as_bytes()).expect("sent");
    let mut reply = Vec::new();
    let _ = stream.read_to_end(&mut reply);
    let reply = String::from_utf8_lossy(&reply).into_owned();
    let (head, _) = reply.split_once("\r\n\r\n").expect("a head");
    let headers = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    (head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status"), headers)
}

#[test]
fn pages_have_named_s_heads() {
    let pair = Pair::start();
    let paths = ["/", "/json", "/json/v1", "/json/v1/", "/json/v1/mem?x=1", "/json/v2", "/xml/v3/", "/xml/v2", "/JSON"];
    let known = "If-Modified-Since: Sat, 21 Nov 2037 00:00:00 GMT\r\n";
    let cases = paths.iter().map(|path| (*path, ""));
    let cases = cases.chain([("/bind9.xsl", ""), ("/bind9.xsl", known), ("/bind9.ver3.xsl", ""), ("/xml/v3", known)]);
    for (path, more) in cases {
        let [(theirs, their_headers), (ours, our_headers)] =
            [pair.named.1, pair.tandem.1].map(|server| head(server, path, more));
        assert_eq!(theirs, ours, "{path}");
        for name in ["content-type", "cache-control", "pragma"] {
            assert_eq!(their_headers.get(name), our_headers.get(name), "{path}: {name}");
        }
        for name in ["date", "expires", "last-modified", "content-length"] {
            // Nothing follows a 304, whatever named says of its length.
            let is_moot = theirs == 304 && ["content-length", "expires"].contains(&name);
            let [theirs, ours] = [&their_headers, &our_headers].map(|headers| headers.contains_key(name));
            assert!(theirs == ours || is_moot, "{path}: {name}: {theirs}, {ours}");
        }
    }
}

#[test]
fn browsers_can_show_the_xml() {
    let pair = Pair::start();
    by_udp(pair.tandem.0, &Question::new("a.up.example", "A").octets());
    for path in ["", "/zones", "/traffic", "/mem"] {
        let (_, xml) = get(pair.tandem.1, &format!("/xml/v3{path}"));
        let sheet = xml.lines().nth(1).expect("a line").split('"').nth(3).expect("an address");
        let (status, sheet) = get(pair.tandem.1, sheet);
        assert_eq!(status, 200);
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let [xml, sheet] = [("page.xml", xml), ("page.xsl", sheet)].map(|(name, text)| {
            let file = directory.path().join(name);
            std::fs::write(&file, text).expect("a file of the test");
            file
        });
        let shown = Command::new(program("xsltproc", "xsltproc")).arg(sheet).arg(xml).output().expect("it runs");
        let page = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.status.success() && shown.stderr.is_empty(), "{}", String::from_utf8_lossy(&shown.stderr));
        let expected =
            [("", "QryRecursion"), ("/zones", "local.example"), ("/traffic", "request-size"), ("/mem", "cache")];
        let (_, word) = expected.iter().find(|(of, _)| *of == path).expect("each has one");
        assert!(page.contains("<html") && page.contains(word), "{path}: {page}");
    }
}

#[test]
fn a_channel_that_cannot_be_had_costs_a_line_alone() {
    let upstream = upstream();
    let (address, http) = (fresh_localhost_address(), fresh_localhost_address());
    let taken = std::net::TcpListener::bind(http).expect("the address is free");
    let server = Tandem::start_with_files(address, &conf(address, http, upstream.address()), FILES);
    server.says("cannot listen for statistics on 127.0.0.1#");
    by_udp(address, &Question::new("a.up.example", "A").octets());
    drop(taken);
    server.hang_up();
    assert!(server.reloads(1), "{}", server.said());
    assert_eq!(get(http, "/json").0, 200, "it is had at the next reload");
    let loopback: IpAddr = [127, 0, 0, 1].into();
    assert_eq!(http.ip(), loopback);
}

/// What a view's resolver has counted by this name.
fn resolver_stat(http: SocketAddr, name: &str) -> u64 {
    let server = json(http, "/json/v1/server");
    server["views"]["_default"]["resolver"]["stats"][name].as_u64().unwrap_or(0)
}

/// A server before a forwarder that never answers.
fn before_silence(options: &str) -> (SocketAddr, SocketAddr, Tandem, Scripted) {
    let silent = Scripted::start(|_| Vec::new());
    let (address, http) = (fresh_localhost_address(), fresh_localhost_address());
    let conf = conf(address, http, silent.address()).replace("forward only;", &format!("forward only; {options}"));
    (address, http, Tandem::start_with_files(address, &conf, FILES), silent)
}

/// Sends without waiting for replies, which may not come.
fn send_all(server: SocketAddr, names: &[String]) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback is ours");
    for (id, name) in names.iter().enumerate() {
        let octets = Question::new(name, "A").octets();
        let octets = [&(id as u16).to_be_bytes(), &octets[2..]].concat();
        socket.send_to(&octets, server).expect("sent");
    }
    socket
}

#[test]
fn a_message_without_an_answer_is_one_timeout() {
    let (address, http, _server, _silent) = before_silence("");
    let names: Vec<String> = (0..6).map(|number| format!("n{number}.up.example")).collect();
    let _socket = send_all(address, &names);
    let stat = |name| resolver_stat(http, name);
    assert!(wait_until(PATIENCE, || stat("QueryTimeout") >= 6), "each is told: {}", stat("QueryTimeout"));
    // Nothing is in flight any more: each client was told, or has gone.
    assert!(wait_until(6 * PATIENCE, || stat("NumFetch") == 0));
    let (timeouts, sent) = (stat("QueryTimeout"), stat("Queryv4"));
    assert!(sent >= 6 && timeouts <= sent, "{timeouts} of {sent}");
}

#[test]
fn what_is_spilled_is_counted_under_its_bound() {
    let different: Vec<String> = (0..6).map(|number| format!("n{number}.up.example")).collect();
    let same = vec!["n.up.example".to_owned(); 6];
    for (options, names, name, expected) in [
        ("fetches-per-zone 2;", &different, "ZoneQuota", 4),
        ("fetches-per-server 1;", &different, "ServerQuota", 5),
        ("clients-per-query 2; max-clients-per-query 2;", &same, "ClientQuota", 4),
    ] {
        let (address, http, server, _silent) = before_silence(options);
        let _socket = send_all(address, names);
        assert!(wait_until(PATIENCE, || resolver_stat(http, name) >= expected), "{options} {}", server.said());
        let counted = ["ZoneQuota", "ServerQuota", "ClientQuota"].map(|name| (name, resolver_stat(http, name)));
        let others = counted.iter().filter(|(other, _)| *other != name);
        assert_eq!((resolver_stat(http, name), others.map(|(_, count)| count).sum()), (expected, 0u64), "{options}");
    }
}
