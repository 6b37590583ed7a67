//! Signatures and updates against the programs people use: dig and nsupdate ask, named judges the same packets.
//!
//! The server here is a loop of the test around what the crate works out without I/O: [`tandem::tsig`] judges and
//! signs, [`tandem::zone::update`] says what changes.
//! Not here: the tables of RFC 2136 and RFC 8945, which stand beside the code.

mod common;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::packet::{Connection, Question};
use common::{Named, fresh_address, nsupdate, program};
use tandem::tsig::{Algorithm, Key, Keys, Refused, Signer, sign, verify};
use tandem::wire::header::{HEADER_OCTETS, class, rcode, rtype};
use tandem::wire::query::{Fault, Query};
use tandem::wire::reply::{self, Reply};
use tandem::wire::walk::{NameBuf, Record as Place};
use tandem::wire::{Name, Update, rdata, whole};
use tandem::zone::update::{Grants, Names, Rule, Sender, Types, Who, apply};
use tandem::zone::{Builder, Record, Zone};

const SECRET: &[u8] = b"secretsecretsecret";
const SECRET_BASE64: &str = "c2VjcmV0c2VjcmV0c2VjcmV0";
const OTHER_BASE64: &str = "b3RoZXJvdGhlcm90aGVyb3RoZXI=";
const SECOND: Duration = Duration::from_secs(1);

fn name(text: &str) -> Name {
    text.parse().expect("a name of the test")
}

fn wire(text: &str) -> Vec<u8> {
    name(text).as_wire().to_vec()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_secs()
}

fn soa_rdata(serial: u32) -> Vec<u8> {
    let numbers = [serial, 3600, 600, 86_400, 60];
    [wire("ns.corp"), wire("h.corp"), numbers.iter().flat_map(|n| n.to_be_bytes()).collect()].concat()
}

const MASTER: &str = "$ORIGIN corp.
$TTL 60
@ SOA ns h 7 3600 600 86400 60
@ NS ns
@ TXT apex
ns A 10.0.0.2
a A 10.0.0.1
a TXT a
alias CNAME a
x.ent TXT x
";

/// The zone of [`MASTER`].
fn zone() -> Zone {
    let mut builder = Builder::new(name("corp"));
    for (owner, rtype, rdata) in [
        ("corp", rtype::SOA, soa_rdata(7)),
        ("corp", rtype::NS, wire("ns.corp")),
        ("corp", rtype::TXT, b"\x04apex".to_vec()),
        ("ns.corp", rtype::A, vec![10, 0, 0, 2]),
        ("a.corp", rtype::A, vec![10, 0, 0, 1]),
        ("a.corp", rtype::TXT, b"\x01a".to_vec()),
        ("alias.corp", rtype::CNAME, wire("a.corp")),
        ("x.ent.corp", rtype::TXT, b"\x01x".to_vec()),
    ] {
        builder.add(Record { owner: name(owner), rtype, ttl: 60, rdata: rdata.into(), position: None });
    }
    builder.finish().expect("a zone").0
}

fn everything(key: &str) -> Grants {
    let rule = Rule { deny: false, who: Who::Key(name(key)), names: Names::Zone, types: Types::Every };
    Grants { rules: vec![rule] }
}

/// What a loop of the test serves.
struct Served {
    keys: Keys,
    grants: Grants,
    zone: Mutex<Zone>,
    /// Seconds that its clock is ahead.
    ahead: u64,
}

impl Served {
    /// The reply to a packet: verified, answered, signed.
    fn answer(&self, packet: &[u8]) -> Vec<u8> {
        let unix = now() + self.ahead;
        let mut out = vec![0; 65_535];
        let (rcode, signer) = match verify(packet, &self.keys, unix) {
            Ok(None) => (rcode::NOERROR, None),
            Ok(Some(verified)) => (rcode::NOERROR, Some(verified.signer)),
            Err(Refused::Malformed) => (rcode::FORMERR, None),
            Err(Refused::NotAuthorised(signer)) => (rcode::NOTAUTH, Some(signer)),
        };
        let length = match Query::read(packet) {
            Ok(query) if rcode == rcode::NOERROR => self.find(&query, &mut out),
            Ok(query) => refuse(&query, rcode, &mut out),
            Err(Fault::Opcode(5, Some(end))) => {
                let update = Update::read(packet, end).expect("a whole update");
                let key = signer.as_ref().and_then(|signer| signer.key().cloned());
                let rcode = if rcode == 0 { self.update(&update, key.as_ref().map(|key| key.name())) } else { rcode };
                refuse(&update.query, rcode, &mut out)
            }
            Err(fault) => panic!("{fault:?}"),
        };
        let length = signer.map_or(length, |signer| sign(&mut out, length, &signer, unix).expect("there is room"));
        out.truncate(length);
        out
    }

    fn update(&self, update: &Update<'_>, signer: Option<&Name>) -> u16 {
        let mut zone = self.zone.lock().expect("no test has panicked in it");
        let sender = Sender { signer, client: Ipv4Addr::LOCALHOST.into() };
        match apply(&*zone, update, &self.grants, sender) {
            Ok(None) => rcode::NOERROR,
            Ok(Some(delta)) => {
                zone.apply(&delta).expect("what comes of it is a zone");
                rcode::NOERROR
            }
            Err(refusal) => refusal.rcode,
        }
    }

    /// The RRset of a question, or the SOA behind NXDOMAIN.
    fn find(&self, query: &Query<'_>, out: &mut [u8]) -> usize {
        let zone = self.zone.lock().expect("no test has panicked in it");
        let mut end = reply::begin(out, query);
        let rrset = zone.rrset(&query.qname().to_ascii_lowercase(), query.qtype);
        let is_there = rrset.is_some();
        let (owner, rtype, records) = match rrset {
            Some((_, records)) => (b"\xc0\x0c".to_vec(), query.qtype, records),
            None => (wire("corp"), rtype::SOA, zone.rrset(&wire("corp"), rtype::SOA).expect("SOA").1),
        };
        for rdata in &records {
            let fixed =
                [rtype.to_be_bytes(), class::IN.to_be_bytes(), [0; 2], [0, 60], (rdata.len() as u16).to_be_bytes()];
            let record = [&owner[..], &fixed.concat(), rdata].concat();
            out[end..end + record.len()].copy_from_slice(&record);
            end += record.len();
        }
        let count = records.len() as u16;
        let (rcode, answers, authority) = if is_there { (0, count, 0) } else { (rcode::NXDOMAIN, 0, count) };
        let reply = Reply { rcode, authoritative: true, answers, authority, ..Reply::default() };
        reply::finish(out, query, end, 65_535, &reply)
    }
}

fn refuse(query: &Query<'_>, rcode: u16, out: &mut [u8]) -> usize {
    let end = reply::begin(out, query);
    reply::finish(out, query, end, 65_535, &Reply { rcode, ..Reply::default() })
}

/// A thread that answers by UDP and TCP.
struct Server {
    address: SocketAddr,
    served: Arc<Served>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    fn start(served: Served) -> Self {
        let address = fresh_address();
        let (served, stop) = (Arc::new(served), Arc::new(AtomicBool::new(false)));
        let udp = UdpSocket::bind(address).expect("a free address");
        udp.set_read_timeout(Some(Duration::from_millis(20))).expect("a time above zero");
        let tcp = TcpListener::bind(address).expect("a free address");
        tcp.set_nonblocking(true).expect("a listener");
        let over = |stop: &AtomicBool| stop.load(Ordering::Relaxed);
        let (by_udp, stop_udp) = (Arc::clone(&served), Arc::clone(&stop));
        let (by_tcp, stop_tcp) = (Arc::clone(&served), Arc::clone(&stop));
        let threads = vec![
            std::thread::spawn(move || {
                let mut packet = vec![0; 65_535];
                while !over(&stop_udp) {
                    if let Ok((length, client)) = udp.recv_from(&mut packet) {
                        let reply = by_udp.answer(&packet[..length]);
                        udp.send_to(&reply, client).expect("the client is there");
                    }
                }
            }),
            std::thread::spawn(move || {
                while !over(&stop_tcp) {
                    let Ok((mut stream, _)) = tcp.accept() else {
                        std::thread::sleep(Duration::from_millis(5));
                        continue;
                    };
                    stream.set_nonblocking(false).expect("a connection");
                    let mut length = [0; 2];
                    while stream.read_exact(&mut length).is_ok() {
                        let mut packet = vec![0; usize::from(u16::from_be_bytes(length))];
                        stream.read_exact(&mut packet).expect("a whole message");
                        let reply = by_tcp.answer(&packet);
                        let framed = [&(reply.len() as u16).to_be_bytes()[..], &reply].concat();
                        stream.write_all(&framed).expect("the client is there");
                    }
                }
            }),
        ];
        Self { address, served, stop, threads }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

fn key(key: &str, algorithm: Algorithm) -> Key {
    Key::new(name(key), algorithm, SECRET)
}

fn serve(keys: impl IntoIterator<Item = Key>, ahead: u64) -> Server {
    Server::start(Served { keys: Keys::new(keys), grants: everything("ddns"), zone: Mutex::new(zone()), ahead })
}

/// What dig prints, on both outputs.
fn dig(server: SocketAddr, arguments: &[&str]) -> String {
    let output = Command::new(program("dig", "bind9-dnsutils"))
        .args([&format!("@{}", server.ip()), "-p", &server.port().to_string(), "+tries=1", "+time=5", "+norecurse"])
        .args(arguments)
        .output()
        .expect("dig can be started");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn dig_believes_replies_signed_by_each_algorithm() {
    for algorithm in Algorithm::ALL {
        let server = serve([key("ddns", algorithm)], 0);
        for transport in ["+notcp", "+tcp"] {
            let text =
                dig(server.address, &["-y", &format!("{algorithm}:ddns:{SECRET_BASE64}"), transport, "a.corp", "A"]);
            assert!(text.contains("status: NOERROR") && text.contains("10.0.0.1"), "{text}");
            assert!(text.contains("TSIG PSEUDOSECTION") && text.contains(" NOERROR 0"), "{text}");
            assert!(!text.contains("WARNING") && !text.contains("Couldn't"), "{text}");
        }
    }
}

#[test]
fn dig_believes_replies_with_short_macs() {
    let short = key("ddns", Algorithm::HmacSha256).truncated(16).expect("half of the MAC is enough");
    let server = serve([short], 0);
    let text = dig(server.address, &["-y", &format!("hmac-sha256-128:ddns:{SECRET_BASE64}"), "a.corp", "A"]);
    assert!(text.contains("10.0.0.1") && text.contains(" 300 16 "), "{text}");
    assert!(!text.contains("WARNING") && !text.contains("Couldn't"), "{text}");
    let whole = serve([key("ddns", Algorithm::HmacSha256)], 0);
    let text = dig(whole.address, &["-y", &format!("hmac-sha256-128:ddns:{SECRET_BASE64}"), "a.corp", "A"]);
    assert!(text.contains("status: NOTAUTH") && text.contains("BADTRUNC"), "{text}");
}

#[test]
fn dig_is_told_what_is_wrong() {
    let keys = || [key("ddns", Algorithm::HmacSha256)];
    for (case, ahead, argument, expected) in [
        ("another secret", 0, format!("hmac-sha256:ddns:{OTHER_BASE64}"), "BADSIG"),
        ("an unknown key", 0, format!("hmac-sha256:other:{SECRET_BASE64}"), "BADKEY"),
        ("another algorithm", 0, format!("hmac-sha512:ddns:{SECRET_BASE64}"), "BADKEY"),
        ("another time", 1_000, format!("hmac-sha256:ddns:{SECRET_BASE64}"), "BADTIME"),
    ] {
        let server = serve(keys(), ahead);
        let text = dig(server.address, &["-y", &argument, "a.corp", "A"]);
        assert!(text.contains("status: NOTAUTH") && text.contains(expected), "{case}: {text}");
        assert!(!text.contains("10.0.0.1"), "{case}: {text}");
        let wrong_mac = text.contains("tsig verify failure");
        assert!(!wrong_mac, "{case}: a refusal that is signed is signed right: {text}");
    }
}

#[test]
fn nsupdate_changes_the_zone() {
    let server = serve([key("ddns", Algorithm::HmacSha256)], 0);
    let argument = format!("hmac-sha256:ddns:{SECRET_BASE64}");
    let addresses = |owner: &str| {
        let zone = server.served.zone.lock().expect("no test has panicked in it");
        zone.rrset(&wire(owner), rtype::A).map(|(ttl, rdata)| (ttl, rdata.len()))
    };
    for (case, arguments, script, expected) in [
        ("with the zone", vec![], "zone corp\nupdate add b.corp 300 A 10.0.0.8", Some((300, 1))),
        ("without", vec![], "update add b.corp 300 A 10.0.0.9", Some((300, 2))),
        ("by TCP", vec!["-v"], "update delete b.corp A 10.0.0.9", Some((300, 1))),
        ("a prerequisite that holds", vec![], "prereq yxrrset b.corp A\nupdate delete b.corp A", None),
        ("a name", vec![], "prereq nxdomain b.corp\nupdate add b.corp 60 A 10.0.0.8", Some((60, 1))),
        ("all of a name", vec![], "update delete b.corp", None),
    ] {
        let arguments = [arguments, vec!["-y", &argument]].concat();
        let (is_content, text) = nsupdate(server.address, &arguments, script);
        assert!(is_content && text.is_empty(), "{case}: {text}");
        assert_eq!(addresses("b.corp"), expected, "{case}");
    }
    for (case, argument, script, expected) in [
        ("a prerequisite", argument.as_str(), "prereq nxdomain a.corp\nupdate delete a.corp", "YXDOMAIN"),
        ("a value", &argument, "prereq yxrrset a.corp A 10.0.0.9\nupdate delete a.corp", "NXRRSET"),
        ("a secret", &format!("hmac-sha256:ddns:{OTHER_BASE64}"), "zone corp\nupdate delete a.corp", "NOTAUTH(BADSIG)"),
        ("a key", &format!("hmac-sha256:x:{SECRET_BASE64}"), "zone corp\nupdate delete a.corp", "NOTAUTH(BADKEY)"),
    ] {
        let (is_content, text) = nsupdate(server.address, &["-y", argument], script);
        assert!(!is_content && text.contains(expected), "{case}: {text}");
    }
    let (is_content, text) = nsupdate(server.address, &[], "zone corp\nupdate delete a.corp");
    assert!(!is_content && text.contains("REFUSED"), "unsigned: {text}");
    assert_eq!(addresses("a.corp"), Some((60, 1)), "what was refused changed nothing");
}

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

/// Without `ns.corp`: named refuses an update behind which a name server of the apex has no address.
const OWNERS: [&str; 8] = ["corp", "c.corp", "a.corp", "b.corp", "alias.corp", "x.ent.corp", "ent.corp", "*.wild.corp"];

/// Octets of one record of an update.
fn record(owner: &str, rtype: u16, class: u16, ttl: u32, rdata: &[u8]) -> Vec<u8> {
    let fixed =
        [&rtype.to_be_bytes()[..], &class.to_be_bytes(), &ttl.to_be_bytes(), &(rdata.len() as u16).to_be_bytes()];
    [&wire(owner)[..], &fixed.concat(), rdata].concat()
}

/// An owner, a type and RDATA. NS never belongs to a wildcard: named says that it takes it, and does not keep it.
fn any_record(chance: &mut Chance) -> (&'static str, u16, Vec<u8>) {
    let owner = chance.pick(&OWNERS);
    match any_rdata(chance) {
        (rtype::NS, _) if owner.starts_with('*') => (owner, rtype::TXT, b"\x01n".to_vec()),
        (rtype, rdata) => (owner, rtype, rdata),
    }
}

fn any_rdata(chance: &mut Chance) -> (u16, Vec<u8>) {
    let target = wire(chance.pick(&["ns.corp", "a.corp", "c.corp"]));
    let number = chance.below(3) as u8;
    match chance.below(8) {
        0 | 1 => (rtype::A, vec![10, 0, 0, number]),
        2 => (rtype::TXT, vec![1, b'a' + number]),
        3 => (rtype::NS, wire(chance.pick(&["ns.corp", "ns1.example", "ns2.example"]))),
        4 => (rtype::CNAME, target),
        5 => (rtype::MX, [&[0, number][..], &target].concat()),
        6 => (rtype::SOA, soa_rdata(chance.below(60) as u32)),
        _ => (65, [&[0, number + 1][..], &target, b"\0\x01\0\x03\x02h2"].concat()),
    }
}

/// A change; one in twenty-five is against the rules.
fn any_change(chance: &mut Chance) -> Vec<u8> {
    let (owner, rtype, rdata) = any_record(chance);
    match chance.below(50) {
        0 => record("example", rtype, class::IN, 60, &rdata),
        1 => record(owner, chance.pick(&[rtype::ANY, rtype::AXFR, rtype::MAILB]), class::IN, 60, b""),
        2 => record(owner, rtype, class::NONE, 1, &rdata),
        3..28 => record(owner, rtype, class::IN, chance.pick(&[60, 60, 300]), &rdata),
        28..36 => record(owner, rtype, class::NONE, 0, &rdata),
        36..46 => record(owner, rtype, class::ANY, 0, b""),
        _ => record(owner, rtype::ANY, class::ANY, 0, b""),
    }
}

fn any_prerequisite(chance: &mut Chance) -> Vec<u8> {
    let (owner, rtype, rdata) = any_record(chance);
    match chance.below(20) {
        0 => record("example", rtype, class::ANY, 0, b""),
        1 => record(owner, rtype, class::ANY, 1, b""),
        2..6 => record(owner, rtype, class::ANY, 0, b""),
        6..12 => record(owner, rtype, class::NONE, 0, b""),
        12..14 => record(owner, rtype::ANY, class::ANY, 0, b""),
        14..17 => record(owner, rtype::ANY, class::NONE, 0, b""),
        _ => record(owner, rtype, class::IN, 0, &rdata),
    }
}

fn any_update(chance: &mut Chance) -> Vec<u8> {
    let prerequisites: Vec<_> = (0..chance.pick(&[0, 0, 0, 1, 2])).map(|_| any_prerequisite(chance)).collect();
    let changes: Vec<_> = (0..=chance.below(4)).map(|_| any_change(chance)).collect();
    let (id, counts) = (chance.below(65_536) as u16, [1, prerequisites.len() as u16, changes.len() as u16, 0]);
    let header: Vec<u8> = [id, 0x2800].iter().chain(&counts).flat_map(|n| n.to_be_bytes()).collect();
    [&header[..], &wire("corp"), b"\0\x06\0\x01", &prerequisites.concat(), &changes.concat()].concat()
}

/// Owner, type, TTL, RDATA as it is compared.
type Row = (Name, u16, u32, Vec<u8>);

/// The zone as named transfers it.
fn transfer(server: SocketAddr) -> BTreeSet<String> {
    let mut connection = Connection::open(None, server).expect("named takes connections");
    connection.send(&Question::new("corp", "TYPE252").octets()).expect("named reads");
    let (mut rows, mut soa) = (BTreeSet::new(), 0);
    while soa < 2 {
        let message = connection.receive(5 * SECOND).expect("a message of the transfer").octets;
        let questions = u16::from_be_bytes([message[4], message[5]]);
        let answers = u16::from_be_bytes([message[6], message[7]]);
        let mut at = HEADER_OCTETS + usize::from(questions) * (wire("corp").len() + 4);
        for _ in 0..answers {
            let place = Place::read(&message, at).expect("a record");
            at = place.end;
            let (mut owner, mut octets) = (NameBuf::default(), Vec::new());
            owner.read(&message, place.owner).expect("a name");
            whole::append_whole(&message, (place.rtype, place.rdata(), place.end), &mut octets).expect("RDATA");
            soa += u32::from(place.rtype == rtype::SOA);
            let owner = Name::from_wire(owner.as_wire()).expect("a name");
            rows.insert(show((owner, place.rtype, place.ttl, rdata::canonical(place.rtype, &octets).into_owned())));
        }
    }
    rows
}

fn show((owner, rtype, ttl, rdata): Row) -> String {
    format!("{owner} {ttl} {rtype} {}", rdata.iter().map(|octet| format!("{octet:02x}")).collect::<String>())
}

fn contents(zone: &Zone) -> BTreeSet<String> {
    let row = |r: Record| (r.owner, r.rtype, r.ttl, rdata::canonical(r.rtype, &r.rdata).into_owned());
    zone.iter().map(row).map(show).collect()
}

/// Sends the same updates, signed by a key, to named and to us; RCODEs and zones must be the same.
fn compare(named: &Named, served: &Served, signer: &Arc<Key>, seed: u64, updates: usize) -> [usize; 16] {
    let (mut chance, mut told) = (Chance(seed), [0; 16]);
    let mut connection = Connection::open(None, named.address()).expect("named takes connections");
    for number in 0..updates {
        let message = any_update(&mut chance);
        let mut packet = message.clone();
        packet.resize(message.len() + 200, 0);
        let length = sign(&mut packet, message.len(), &Signer::request(Arc::clone(signer)), now());
        packet.truncate(length.expect("there is room"));
        let ours = served.answer(&packet);
        connection.send(&packet).expect("named reads");
        let theirs = connection.receive(10 * SECOND).expect("named answers");
        let hex = || message.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
        let said = || named.log().lines().rev().take(3).collect::<Vec<_>>().join("\n");
        let rcode = u16::from(ours[3] & 0xf);
        assert_eq!(rcode, theirs.rcode(), "update {number} of seed {seed}: {}\n{}", hex(), said());
        told[usize::from(theirs.rcode())] += 1;
        if number % 20 == 19 || number + 1 == updates {
            let zone = served.zone.lock().expect("no test has panicked in it");
            assert_eq!(contents(&zone), transfer(named.address()), "after update {number} of seed {seed}");
        }
    }
    told
}

#[test]
fn named_makes_of_the_same_updates_the_same_zone() {
    let statement = format!("key ddns {{ algorithm hmac-sha256; secret \"{SECRET_BASE64}\"; }};");
    let mut told = [0; 16];
    for seed in 0..3 {
        let named = Named::start("corp", MASTER, &statement, "allow-update { key ddns; };");
        let keys = Keys::new([key("ddns", Algorithm::HmacSha256)]);
        let served = Served { keys, grants: everything("ddns"), zone: Mutex::new(zone()), ahead: 0 };
        let signer = Arc::new(key("ddns", Algorithm::HmacSha256));
        let counts = compare(&named, &served, &signer, seed, 400);
        told.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    for rcode in [rcode::NOERROR, rcode::FORMERR, rcode::NXDOMAIN, rcode::YXDOMAIN, rcode::YXRRSET, rcode::NXRRSET] {
        assert!(told[usize::from(rcode)] > 10, "RCODE {rcode} was told {told:?}");
    }
    assert!(told[usize::from(rcode::NOTZONE)] > 10 && told[0] > 500, "{told:?}");
}

#[test]
fn named_grants_by_the_same_rules() {
    let statement = format!("key b.corp {{ algorithm hmac-sha256; secret \"{SECRET_BASE64}\"; }};");
    let rule = |deny, names, types| Rule { deny, who: Who::Key(name("b.corp")), names, types };
    type Case = (&'static str, fn(&dyn Fn(bool, Names, Types) -> Rule) -> Vec<Rule>);
    let cases: [Case; 6] = [
        ("grant b.corp zonesub;", |rule| vec![rule(false, Names::Zone, Types::Usual)]),
        ("grant b.corp zonesub ANY;", |rule| vec![rule(false, Names::Zone, Types::Every)]),
        ("grant b.corp self . A TXT;", |rule| {
            vec![rule(false, Names::Own, Types::These([rtype::A, rtype::TXT].into()))]
        }),
        ("deny b.corp name a.corp; grant b.corp subdomain corp ANY;", |rule| {
            vec![
                rule(true, Names::Name(name("a.corp")), Types::Usual),
                rule(false, Names::Subdomain(name("corp")), Types::Every),
            ]
        }),
        ("grant b.corp wildcard *.corp A;", |rule| {
            vec![rule(false, Names::Wildcard(name("*.corp")), Types::These([rtype::A].into()))]
        }),
        ("grant *.corp selfsub . ANY;", |_| {
            vec![Rule { deny: false, who: Who::Key(name("*.corp")), names: Names::OwnSubdomain, types: Types::Every }]
        }),
    ];
    for (seed, (text, rules)) in (100..).zip(cases) {
        let named = Named::start("corp", MASTER, &statement, &format!("update-policy {{ {text} }};"));
        let keys = Keys::new([key("b.corp", Algorithm::HmacSha256)]);
        let grants = Grants { rules: rules(&rule) };
        let served = Served { keys, grants, zone: Mutex::new(zone()), ahead: 0 };
        let told = compare(&named, &served, &Arc::new(key("b.corp", Algorithm::HmacSha256)), seed, 150);
        let refuses = text != "grant b.corp zonesub ANY;";
        assert!(told[0] > 0 && (told[usize::from(rcode::REFUSED)] > 0) == refuses, "{text}: {told:?}");
    }
}
