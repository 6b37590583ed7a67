//! The real named and Tandem with one configuration, asked the same, and what is read of their statistics.

// Each program of tests takes a part of it.
#![allow(dead_code)]

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::common::packet::{Connection, exchange_udp};
use crate::common::{Named, Scripted, Tandem, fresh_localhost_address};

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

const ZONE: &str = "$TTL 60\n@ SOA ns hostmaster 7 3600 600 86400 60\n@ NS ns\nns A 10.0.0.1\na A 10.0.0.2\n\
    alias CNAME a\nout CNAME a.up.example.\ngone CNAME nx\nd DNAME a\n*.w A 10.0.0.3\nsub NS ns.sub\nns.sub A 10.0.0.4\n\
    long TXT \"1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111\" \
    \"2222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222\" \
    \"3333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333\" \
    \"4444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444\" \
    \"5555555555555555555555555555555555555555555555555555555555555555555555555555555555555555555555555555\"\n";

/// The files of the zones.
pub(crate) const FILES: &[(&str, &str)] = &[("zone", ZONE), ("terse", ZONE), ("none", ZONE)];

/// What both servers are told, but for addresses.
pub(crate) fn conf(address: SocketAddr, http: SocketAddr, forwarder: SocketAddr) -> String {
    format!(
        "options {{ directory \"{{directory}}\"; pid-file none; listen-on port {} {{ {}; }}; listen-on-v6 {{ none; }};
           allow-transfer {{ none; }}; allow-query {{ any; }}; allow-recursion {{ any; }}; allow-query-cache {{ !127.0.0.9; any; }};
           forwarders {{ {} port {}; }}; forward only; dnssec-validation no; minimal-any yes; empty-zones-enable no;
           rrset-order {{ order cyclic; }}; session-keyfile none; }};
         controls {{ }};
         zone \"local.example\" {{ type primary; file \"zone\"; zone-statistics full; allow-update {{ any; }}; }};
         zone \"terse.example\" {{ type primary; file \"terse\"; }};
         zone \"none.example\" {{ type primary; file \"none\"; zone-statistics none; }};
         statistics-channels {{ inet {} port {} allow {{ 127.0.0.1; }}; }};\n",
        address.port(),
        address.ip(),
        forwarder.ip(),
        forwarder.port(),
        http.ip(),
        http.port(),
    )
}

pub(crate) fn upstream() -> Scripted {
    Scripted::start(|query| {
        let reply = query.reply();
        let reply = match (query.name().as_str(), query.qtype()) {
            ("nx.up.example", _) => reply.rcode(3).start_of_authority("up.example", 60, 60),
            ("bad.up.example", _) => reply.rcode(5),
            (_, 1) => reply.address(300, [192, 0, 2, 1]),
            _ => reply.start_of_authority("up.example", 60, 60),
        };
        reply.send()
    })
}

/// The two servers, asked the same.
pub(crate) struct Pair {
    pub(crate) named: (SocketAddr, SocketAddr),
    pub(crate) tandem: (SocketAddr, SocketAddr),
    _running: (Named, Tandem, Scripted),
}

impl Pair {
    pub(crate) fn start() -> Self {
        let upstream = upstream();
        let addresses = || (fresh_localhost_address(), fresh_localhost_address());
        let (named, tandem) = (addresses(), addresses());
        let files = FILES;
        let running = (
            Named::serve(named.0, &conf(named.0, named.1, upstream.address()), files),
            Tandem::start_with_files(tandem.0, &conf(tandem.0, tandem.1, upstream.address()), files),
            upstream,
        );
        Self { named, tandem, _running: running }
    }

    /// Asks both, one after the other.
    pub(crate) fn ask(&self, ask: impl Fn(SocketAddr)) {
        ask(self.named.0);
        ask(self.tandem.0);
    }
}

pub(crate) fn by_udp(server: SocketAddr, octets: &[u8]) {
    assert!(exchange_udp(server, octets, PATIENCE).is_some(), "no reply from {server} to {octets:02x?}");
}

pub(crate) fn by_tcp(server: SocketAddr, octets: &[u8]) {
    let mut connection = Connection::open(None, server).expect("it takes connections");
    connection.send(octets).expect("sent");
    assert!(connection.receive(PATIENCE).is_some());
}

/// Status and body of what is at a path.
pub(crate) fn get(server: SocketAddr, path: &str) -> (u16, String) {
    request(server, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
}

pub(crate) fn request(server: SocketAddr, text: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(server).expect("the channel is open");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket option");
    stream.write_all(text.as_bytes()).expect("sent");
    let mut reply = Vec::new();
    // A connection that is reset has said what it had to say.
    let _ = stream.read_to_end(&mut reply);
    let reply = String::from_utf8_lossy(&reply).into_owned();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap_or((&reply, ""));
    (head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0), body.to_owned())
}

/// Places that are excused, by what they contain; every excuse has to be needed.
pub(crate) struct Excuses {
    parts: Vec<&'static str>,
    used: BTreeSet<&'static str>,
}

impl Excuses {
    pub(crate) fn new(parts: impl IntoIterator<Item = &'static str>) -> Self {
        Self { parts: parts.into_iter().collect(), used: BTreeSet::new() }
    }

    pub(crate) fn excuse(&mut self, place: &str) -> bool {
        let found: Vec<_> = self.parts.iter().copied().filter(|part| place.contains(part)).collect();
        self.used.extend(&found);
        !found.is_empty()
    }

    pub(crate) fn unused(&self) -> Vec<&'static str> {
        self.parts.iter().copied().filter(|part| !self.used.contains(part)).collect()
    }
}
