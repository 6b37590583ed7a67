//! Raw packets: building questions, reading messages, sending octets.
//!
//! Written apart from `tandem::wire` on purpose, so that one mistake cannot hide in both.
//! Not here: compression when writing.

use std::io::{Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

const TYPES: [(&str, u16); 17] = [
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("SOA", 6),
    ("PTR", 12),
    ("MX", 15),
    ("TXT", 16),
    ("AAAA", 28),
    ("SRV", 33),
    ("DNAME", 39),
    ("OPT", 41),
    ("DS", 43),
    ("RRSIG", 46),
    ("NSEC", 47),
    ("SVCB", 64),
    ("HTTPS", 65),
    ("ANY", 255),
];

/// The number of a type's name; `TYPE65280` for any other.
pub(crate) fn type_number(name: &str) -> u16 {
    let known = TYPES.iter().find(|(known, _)| *known == name).map(|&(_, number)| number);
    let generic = || name.strip_prefix("TYPE").and_then(|number| number.parse().ok());
    known.or_else(generic).unwrap_or_else(|| panic!("no number known for type {name}"))
}

/// A name in wire form, uncompressed; case is kept, no escapes.
pub(crate) fn encode_name(name: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        octets.push(u8::try_from(label.len()).expect("a label of at most 63 octets"));
        octets.extend_from_slice(label.as_bytes());
    }
    octets.push(0);
    octets
}

/// A question in the making. Default: RD, class IN, ID 4660, no EDNS.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    name: String,
    qtype: u16,
    qclass: u16,
    id: u16,
    flags: u16,
    /// The OPT record's sender size, TTL field and options.
    opt: Option<(u16, u32, Vec<u8>)>,
}

impl Question {
    pub(crate) fn new(name: &str, rtype: &str) -> Question {
        Question { name: name.to_owned(), qtype: type_number(rtype), qclass: 1, id: 0x1234, flags: 0x0100, opt: None }
    }

    pub(crate) fn id(self, id: u16) -> Question {
        Question { id, ..self }
    }

    pub(crate) fn class(self, qclass: u16) -> Question {
        Question { qclass, ..self }
    }

    /// The header's second 16 bits: QR, opcode, flags, RCODE.
    pub(crate) fn flags(self, flags: u16) -> Question {
        Question { flags, ..self }
    }

    /// EDNS version 0 with this sender size, DO as told, and raw options.
    pub(crate) fn edns(self, udp_bytes: u16, dnssec_ok: bool, options: &[u8]) -> Question {
        let ttl = if dnssec_ok { 0x8000 } else { 0 };
        Question { opt: Some((udp_bytes, ttl, options.to_vec())), ..self }
    }

    pub(crate) fn octets(&self) -> Vec<u8> {
        let additional = u16::from(self.opt.is_some());
        let mut octets = header(self.id, self.flags, [1, 0, 0, additional]);
        octets.extend(encode_name(&self.name));
        octets.extend(self.qtype.to_be_bytes());
        octets.extend(self.qclass.to_be_bytes());
        if let Some((udp_bytes, ttl, options)) = &self.opt {
            octets.extend(record("", "OPT", *udp_bytes, *ttl, options));
        }
        octets
    }
}

/// The twelve octets in front.
pub(crate) fn header(id: u16, flags: u16, counts: [u16; 4]) -> Vec<u8> {
    [id, flags].iter().chain(&counts).flat_map(|number| number.to_be_bytes()).collect()
}

/// A record in wire form.
pub(crate) fn record(name: &str, rtype: &str, class: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("at most 65535 octets of data");
    let mut octets = encode_name(name);
    octets.extend(type_number(rtype).to_be_bytes());
    octets.extend(class.to_be_bytes());
    octets.extend(ttl.to_be_bytes());
    octets.extend(length.to_be_bytes());
    octets.extend(data);
    octets
}

/// A message taken apart.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) id: u16,
    /// QR, opcode, flags, RCODE.
    pub(crate) flags: u16,
    /// The counts as the header tells them.
    pub(crate) counts: [u16; 4],
    /// Of the first question: name as sent, type, class.
    pub(crate) question: Option<(String, u16, u16)>,
    /// Answer, authority and additional in order, OPT among them.
    pub(crate) records: Vec<WireRecord>,
    pub(crate) octets: Vec<u8>,
}

/// A record taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WireRecord {
    pub(crate) name: String,
    pub(crate) rtype: u16,
    pub(crate) class: u16,
    pub(crate) ttl: u32,
    /// As sent: names inside may be compressed.
    pub(crate) data: Vec<u8>,
}

impl Message {
    /// `None` when the octets are no message.
    pub(crate) fn parse(octets: &[u8]) -> Option<Message> {
        let mut at = 12;
        let counts = [u16_at(octets, 4)?, u16_at(octets, 6)?, u16_at(octets, 8)?, u16_at(octets, 10)?];
        let mut question = None;
        for _ in 0..counts[0] {
            let (name, next) = decode_name(octets, at)?;
            question = question.or(Some((name, u16_at(octets, next)?, u16_at(octets, next + 2)?)));
            at = next + 4;
        }
        let mut records = Vec::new();
        for _ in 0..counts[1..].iter().map(|&count| u32::from(count)).sum::<u32>() {
            let (name, next) = decode_name(octets, at)?;
            let end = next + 10 + usize::from(u16_at(octets, next + 8)?);
            let ttl = u32::from(u16_at(octets, next + 4)?) << 16 | u32::from(u16_at(octets, next + 6)?);
            let data = octets.get(next + 10..end)?.to_vec();
            records.push(WireRecord {
                name,
                rtype: u16_at(octets, next)?,
                class: u16_at(octets, next + 2)?,
                ttl,
                data,
            });
            at = end;
        }
        let (id, flags) = (u16_at(octets, 0)?, u16_at(octets, 2)?);
        Some(Message { id, flags, counts, question, records, octets: octets.to_vec() })
    }

    /// The four bits of the header; EDNS's upper bits apart.
    pub(crate) fn rcode(&self) -> u16 {
        self.flags & 0x000F
    }

    pub(crate) fn is_truncated(&self) -> bool {
        self.flags & 0x0200 != 0
    }

    pub(crate) fn opt(&self) -> Option<&WireRecord> {
        self.records.iter().find(|record| record.rtype == 41)
    }

    /// The data of the EDNS option `code`.
    pub(crate) fn option(&self, code: u16) -> Option<Vec<u8>> {
        let options = &self.opt()?.data;
        let mut at = 0;
        while let (Some(found), Some(length)) = (u16_at(options, at), u16_at(options, at + 2)) {
            let data = options.get(at + 4..at + 4 + usize::from(length))?;
            if found == code {
                return Some(data.to_vec());
            }
            at += 4 + data.len();
        }
        None
    }
}

fn u16_at(octets: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(octets.get(at..at + 2)?.try_into().ok()?))
}

/// The name at `at` without its final dot (the root: ``), and where it ends there.
fn decode_name(octets: &[u8], at: usize) -> Option<(String, usize)> {
    let (mut at, mut end, mut labels, mut jumps) = (at, None, Vec::new(), 0);
    loop {
        let length = usize::from(*octets.get(at)?);
        match length {
            0 => return Some((labels.join("."), end.unwrap_or(at + 1))),
            1..=63 => {
                labels.push(String::from_utf8_lossy(octets.get(at + 1..at + 1 + length)?).into_owned());
                at += 1 + length;
            }
            0xC0.. if jumps < 64 => {
                end = end.or(Some(at + 2));
                at = usize::from(u16_at(octets, at)? & 0x3FFF);
                jumps += 1;
            }
            _ => return None,
        }
    }
}

/// Sends `octets` by UDP and takes the first message that comes back, if one does within `limit`.
pub(crate) fn exchange_udp(server: SocketAddr, octets: &[u8], limit: Duration) -> Option<Message> {
    exchange_udp_from(None, server, octets, limit)
}

/// The same from a given address.
pub(crate) fn exchange_udp_from(
    client: Option<IpAddr>,
    server: SocketAddr,
    octets: &[u8],
    limit: Duration,
) -> Option<Message> {
    let unspecified = if server.is_ipv4() { "0.0.0.0" } else { "::" };
    let client = client.unwrap_or_else(|| unspecified.parse().expect("an address"));
    let socket = UdpSocket::bind((client, 0)).expect("a UDP socket on loopback");
    socket.connect(server).expect("a UDP socket can be connected");
    // A server that does not run yet makes the next call fail: no answer, just the same.
    socket.send(octets).ok()?;
    receive_udp(&socket, limit)
}

/// The next message on a connected socket.
pub(crate) fn receive_udp(socket: &UdpSocket, limit: Duration) -> Option<Message> {
    socket.set_read_timeout(Some(limit.max(Duration::from_millis(1)))).expect("a time above zero");
    let mut buffer = vec![0; 65_535];
    let length = socket.recv(&mut buffer).ok()?;
    Message::parse(&buffer[..length])
}

/// A TCP connection to a server.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
}

impl Connection {
    /// From any address of the system's choice, or a given one.
    pub(crate) fn open(client: Option<IpAddr>, server: SocketAddr) -> std::io::Result<Connection> {
        let socket = Socket::new(Domain::for_address(server), Type::STREAM, None)?;
        if let Some(client) = client {
            socket.bind(&SocketAddr::new(client, 0).into())?;
        }
        socket.connect_timeout(&server.into(), Duration::from_secs(5))?;
        Ok(Connection { stream: socket.into() })
    }

    /// Octets as they are, without a length.
    pub(crate) fn send_raw(&mut self, octets: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(octets)
    }

    /// One message behind its length.
    pub(crate) fn send(&mut self, message: &[u8]) -> std::io::Result<()> {
        let length = u16::try_from(message.len()).expect("a message of at most 65535 octets");
        self.send_raw(&[&length.to_be_bytes(), message].concat())
    }

    /// The next message; `None` when the connection ends or `limit` passes before it is whole.
    pub(crate) fn receive(&mut self, limit: Duration) -> Option<Message> {
        let end = Instant::now() + limit;
        let length = self.read(2, end)?;
        let message = self.read(usize::from(u16::from_be_bytes([length[0], length[1]])), end)?;
        Message::parse(&message)
    }

    /// Ends our half of the connection: nothing more will be sent.
    pub(crate) fn shut_down_sending(&self) {
        self.stream.shutdown(Shutdown::Write).expect("an open connection has a half to close");
    }

    /// Whether the server has given the connection up: what it did not get read is thrown away (RST).
    pub(crate) fn has_been_reset(&self) -> bool {
        self.stream.take_error().expect("a socket tells its error").is_some()
    }

    /// Whether the server closes the connection within `limit`; octets that come before are discarded.
    pub(crate) fn is_closed_within(&mut self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let mut buffer = [0; 1024];
        while self.limit_reads(end) {
            match self.stream.read(&mut buffer) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
            }
        }
        false
    }

    fn read(&mut self, length: usize, end: Instant) -> Option<Vec<u8>> {
        let (mut octets, mut filled) = (vec![0; length], 0);
        while filled < length {
            if !self.limit_reads(end) {
                return None;
            }
            match self.stream.read(&mut octets[filled..]) {
                Ok(0) | Err(_) => return None,
                Ok(count) => filled += count,
            }
        }
        Some(octets)
    }

    /// Lets reads wait until `end`; false when it has passed.
    fn limit_reads(&self, end: Instant) -> bool {
        let left = end.saturating_duration_since(Instant::now());
        !left.is_zero() && self.stream.set_read_timeout(Some(left)).is_ok()
    }
}
