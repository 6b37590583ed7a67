//! An upstream whose replies are a function of the query.
//!
//! UDP and TCP on one address, a thread for each packet, so that a delayed reply holds up no other. Everything that
//! arrives is kept, in order, to be counted.
//! Invariant: once a query is in [`Scripted::seen`], the function is called with it exactly once.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::packet::{Message, WireRecord, encode_name, header, record};
use super::{fresh_address, wait_until};

/// How a packet came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Udp,
    Tcp,
}

/// A query as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub(crate) message: Message,
    pub(crate) protocol: Protocol,
    /// The sender.
    pub(crate) from: SocketAddr,
    pub(crate) arrived: Instant,
    /// How many with the same name (any case) and type came before: `0..`
    pub(crate) earlier: usize,
}

/// What the upstream does, one after the other; none at all: it stays silent.
#[derive(Debug, Clone)]
pub(crate) enum Action {
    /// Sends these octets back.
    Send(Vec<u8>),
    /// Sends these octets from a port that was not asked (UDP alone).
    SendFromAnotherPort(Vec<u8>),
    /// Waits before what follows.
    Wait(Duration),
    /// Ends the connection (TCP alone).
    Close,
}

impl Query {
    /// The name in lower case, without the final dot.
    pub(crate) fn name(&self) -> String {
        self.message.question.as_ref().map(|(name, ..)| name.to_ascii_lowercase()).unwrap_or_default()
    }

    pub(crate) fn qtype(&self) -> u16 {
        self.message.question.as_ref().map_or(0, |&(_, qtype, _)| qtype)
    }

    /// A reply in the making: QR, RA, the question, no record, EDNS if asked with it.
    pub(crate) fn reply(&self) -> Reply {
        Reply {
            id: self.message.id,
            flags: 0x8080 | self.message.flags & 0x7910,
            question: self.message.question.clone(),
            sections: [const { Vec::new() }; 3],
            opt: self.message.opt().map(|opt| WireRecord { class: 1232, data: Vec::new(), ..opt.clone() }),
        }
    }
}

/// A reply in the making.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    id: u16,
    flags: u16,
    question: Option<(String, u16, u16)>,
    sections: [Vec<Vec<u8>>; 3],
    opt: Option<WireRecord>,
}

impl Reply {
    /// The wrong ID, if it is not the query's.
    pub(crate) fn id(self, id: u16) -> Reply {
        Reply { id, ..self }
    }

    /// Another question than the one asked.
    pub(crate) fn question(self, name: &str, qtype: u16) -> Reply {
        Reply { question: Some((name.to_owned(), qtype, 1)), ..self }
    }

    pub(crate) fn rcode(self, rcode: u16) -> Reply {
        Reply { flags: self.flags & !0x000F | rcode, ..self }
    }

    /// AA.
    pub(crate) fn authoritative(self) -> Reply {
        Reply { flags: self.flags | 0x0400, ..self }
    }

    /// AD.
    pub(crate) fn authentic(self) -> Reply {
        Reply { flags: self.flags | 0x0020, ..self }
    }

    /// TC, with whatever records it has.
    pub(crate) fn truncated(self) -> Reply {
        Reply { flags: self.flags | 0x0200, ..self }
    }

    /// As a server without EDNS answers.
    pub(crate) fn without_edns(self) -> Reply {
        Reply { opt: None, ..self }
    }

    /// An EDNS option in the reply's OPT (ignored without one).
    pub(crate) fn option(mut self, code: u16, data: &[u8]) -> Reply {
        if let Some(opt) = &mut self.opt {
            let length = u16::try_from(data.len()).expect("an option of at most 65535 octets");
            opt.data.extend([&code.to_be_bytes(), &length.to_be_bytes(), data].concat());
        }
        self
    }

    pub(crate) fn answer(self, name: &str, rtype: &str, ttl: u32, data: &[u8]) -> Reply {
        self.add(0, name, rtype, ttl, data)
    }

    pub(crate) fn authority(self, name: &str, rtype: &str, ttl: u32, data: &[u8]) -> Reply {
        self.add(1, name, rtype, ttl, data)
    }

    pub(crate) fn additional(self, name: &str, rtype: &str, ttl: u32, data: &[u8]) -> Reply {
        self.add(2, name, rtype, ttl, data)
    }

    /// An A record for the name asked.
    pub(crate) fn address(self, ttl: u32, address: [u8; 4]) -> Reply {
        let name = self.question.as_ref().map(|(name, ..)| name.clone()).unwrap_or_default();
        self.answer(&name, "A", ttl, &address)
    }

    /// A CNAME record.
    pub(crate) fn alias(self, name: &str, ttl: u32, target: &str) -> Reply {
        self.answer(name, "CNAME", ttl, &encode_name(target))
    }

    /// The SOA of a negative answer, with its TTL and its MINIMUM.
    pub(crate) fn start_of_authority(self, zone: &str, ttl: u32, minimum: u32) -> Reply {
        let mut data = [encode_name(&format!("ns.{zone}")), encode_name(&format!("hostmaster.{zone}"))].concat();
        data.extend([1, 3600, 600, 86_400, minimum].iter().flat_map(|number: &u32| number.to_be_bytes()));
        self.authority(zone, "SOA", ttl, &data)
    }

    fn add(mut self, section: usize, name: &str, rtype: &str, ttl: u32, data: &[u8]) -> Reply {
        self.sections[section].push(record(name, rtype, 1, ttl, data));
        self
    }

    pub(crate) fn octets(&self) -> Vec<u8> {
        let count = |section: usize| u16::try_from(self.sections[section].len()).expect("at most 65535 records");
        let additional = count(2) + u16::from(self.opt.is_some());
        let questions = u16::from(self.question.is_some());
        let mut octets = header(self.id, self.flags, [questions, count(0), count(1), additional]);
        if let Some((name, qtype, qclass)) = &self.question {
            octets.extend(encode_name(name));
            octets.extend(qtype.to_be_bytes());
            octets.extend(qclass.to_be_bytes());
        }
        octets.extend(self.sections.iter().flatten().flatten());
        if let Some(opt) = &self.opt {
            octets.extend(record("", "OPT", opt.class, opt.ttl, &opt.data));
        }
        octets
    }

    /// Sends it.
    pub(crate) fn send(&self) -> Vec<Action> {
        vec![Action::Send(self.octets())]
    }

    /// Sends it after a while.
    pub(crate) fn send_after(&self, delay: Duration) -> Vec<Action> {
        vec![Action::Wait(delay), Action::Send(self.octets())]
    }
}

/// The function that the upstream is.
type Script = dyn Fn(&Query) -> Vec<Action> + Send + Sync;

/// What the threads share.
struct Shared {
    script: Box<Script>,
    seen: Mutex<Seen>,
    stopping: AtomicBool,
}

#[derive(Default)]
struct Seen {
    queries: Vec<Query>,
    counts: HashMap<(String, u16), usize>,
    /// Octets that were no message.
    malformed: usize,
    /// TCP connections accepted.
    connections: usize,
}

/// A running scripted upstream.
pub(crate) struct Scripted {
    address: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Scripted {
    /// Starts on an address of its own.
    pub(crate) fn start(script: impl Fn(&Query) -> Vec<Action> + Send + Sync + 'static) -> Scripted {
        // Whatever leaves this host may have got the port meanwhile.
        let sockets = (0..20).find_map(|_| bind(fresh_address()).ok()).expect("a free address");
        Scripted::serve(sockets, script)
    }

    pub(crate) fn start_at(
        address: SocketAddr,
        script: impl Fn(&Query) -> Vec<Action> + Send + Sync + 'static,
    ) -> Scripted {
        Scripted::serve(bind(address).unwrap_or_else(|error| panic!("{address} is not free: {error}")), script)
    }

    fn serve(
        (socket, listener): (UdpSocket, TcpListener),
        script: impl Fn(&Query) -> Vec<Action> + Send + Sync + 'static,
    ) -> Scripted {
        let address = socket.local_addr().expect("it is bound");
        let shared =
            Arc::new(Shared { script: Box::new(script), seen: Mutex::default(), stopping: AtomicBool::new(false) });
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a time above zero");
        listener.set_nonblocking(true).expect("a listener may be non-blocking");
        let (for_udp, for_tcp) = (shared.clone(), shared.clone());
        let threads = vec![
            thread::spawn(move || serve_udp(&for_udp, &Arc::new(socket))),
            thread::spawn(move || serve_tcp(&for_tcp, &listener)),
        ];
        Scripted { address, shared, threads }
    }

    /// Where it listens by UDP and TCP.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every query so far, in order of arrival.
    pub(crate) fn seen(&self) -> Vec<Query> {
        self.shared.seen().queries.clone()
    }

    /// How many queries came for a name (in lower case, without the final dot), of any type.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.shared.seen().queries.iter().filter(|query| query.name() == name).count()
    }

    /// How many queries came by a protocol.
    pub(crate) fn count_by(&self, protocol: Protocol) -> usize {
        self.shared.seen().queries.iter().filter(|query| query.protocol == protocol).count()
    }

    /// How many packets were no messages.
    pub(crate) fn malformed(&self) -> usize {
        self.shared.seen().malformed
    }

    /// How many TCP connections were opened.
    pub(crate) fn connections(&self) -> usize {
        self.shared.seen().connections
    }

    /// Waits until `count` queries have come; false after `limit`.
    pub(crate) fn wait_for(&self, count: usize, limit: Duration) -> bool {
        wait_until(limit, || self.shared.seen().queries.len() >= count)
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A script that panicked has printed why; the test fails by what it did not get.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Notes a packet; the query it is, if it is one.
    fn note(&self, octets: &[u8], protocol: Protocol, from: SocketAddr) -> Option<Query> {
        let mut seen = self.seen();
        let Some(message) = Message::parse(octets) else {
            seen.malformed += 1;
            return None;
        };
        let mut query = Query { message, protocol, from, arrived: Instant::now(), earlier: 0 };
        let count = seen.counts.entry((query.name(), query.qtype())).or_default();
        query.earlier = *count;
        *count += 1;
        seen.queries.push(query.clone());
        Some(query)
    }
}

fn bind(address: SocketAddr) -> std::io::Result<(UdpSocket, TcpListener)> {
    Ok((UdpSocket::bind(address)?, TcpListener::bind(address)?))
}

fn serve_udp(shared: &Arc<Shared>, socket: &Arc<UdpSocket>) {
    let mut buffer = vec![0; 65_535];
    while !shared.is_stopping() {
        // The read times out so that the end is seen.
        let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
        let Some(query) = shared.note(&buffer[..length], Protocol::Udp, from) else { continue };
        let (shared, socket) = (shared.clone(), socket.clone());
        thread::spawn(move || {
            for action in (shared.script)(&query) {
                act_by_udp(&socket, from, &action);
            }
        });
    }
}

/// The client may be gone: what cannot be sent is lost, as on any network.
fn act_by_udp(socket: &UdpSocket, to: SocketAddr, action: &Action) {
    match action {
        Action::Send(octets) => drop(socket.send_to(octets, to)),
        Action::SendFromAnotherPort(octets) => {
            let own = socket.local_addr().expect("a bound socket has an address");
            let other = UdpSocket::bind((own.ip(), 0)).expect("a free UDP port");
            drop(other.send_to(octets, to));
        }
        Action::Wait(time) => thread::sleep(*time),
        Action::Close => panic!("a UDP script has no connection to close"),
    }
}

fn serve_tcp(shared: &Arc<Shared>, listener: &TcpListener) {
    while !shared.is_stopping() {
        match listener.accept() {
            Ok((stream, from)) => {
                shared.seen().connections += 1;
                let shared = shared.clone();
                thread::spawn(move || serve_connection(&shared, stream, from));
            }
            Err(_) => thread::sleep(Duration::from_millis(5)),
        }
    }
}

fn serve_connection(shared: &Arc<Shared>, mut stream: TcpStream, from: SocketAddr) {
    stream.set_nonblocking(false).expect("a stream may block");
    stream.set_read_timeout(Some(Duration::from_millis(50))).expect("a time above zero");
    let writer = Arc::new(Mutex::new(stream.try_clone().expect("a stream can be doubled")));
    let mut pending = Vec::new();
    let mut buffer = vec![0; 65_535];
    while !shared.is_stopping() {
        match stream.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => pending.extend_from_slice(&buffer[..length]),
            Err(error) if is_timeout(&error) => continue,
            Err(_) => return,
        }
        while let Some(message) = take_framed(&mut pending) {
            let Some(query) = shared.note(&message, Protocol::Tcp, from) else { continue };
            let (shared, writer) = (shared.clone(), writer.clone());
            thread::spawn(move || {
                for action in (shared.script)(&query) {
                    act_by_tcp(&writer, &action);
                }
            });
        }
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

/// The first whole message behind its length, taken out of `pending`.
fn take_framed(pending: &mut Vec<u8>) -> Option<Vec<u8>> {
    let length = usize::from(u16::from_be_bytes([*pending.first()?, *pending.get(1)?]));
    if pending.len() < 2 + length {
        return None;
    }
    let message = pending[2..2 + length].to_vec();
    pending.drain(..2 + length);
    Some(message)
}

fn act_by_tcp(writer: &Mutex<TcpStream>, action: &Action) {
    let stream = || writer.lock().unwrap_or_else(PoisonError::into_inner);
    match action {
        Action::Send(octets) => {
            let length = u16::try_from(octets.len()).expect("a message of at most 65535 octets");
            drop(stream().write_all(&[&length.to_be_bytes(), octets.as_slice()].concat()));
        }
        Action::Wait(time) => thread::sleep(*time),
        Action::Close => drop(stream().shutdown(std::net::Shutdown::Both)),
        Action::SendFromAnotherPort(_) => panic!("a TCP script answers on its connection"),
    }
}
