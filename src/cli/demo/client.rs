//! Asking as a client does: one question from a chosen address, by UDP or TCP; and a client with a resolv.conf.
//!
//! [`ask`] shows what a server sent, so that a story can check it; [`ResolvConf`] shows what a program behind a stub
//! resolver would get. Both are bounded in time. Not here: what ought to come back.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::{Duration, Instant};

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_proto::rr::{DNSClass, Name, RData, RecordType};
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts, ServerOrderingStrategy,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::{Resolver, TokioResolver};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, UdpSocket};

use crate::wire::Transport;

/// What came back, as far as the demo looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// With EDNS's upper bits.
    pub rcode: ResponseCode,
    /// TC.
    pub truncated: bool,
    /// The answer section's data: addresses, alias targets, texts; aliases first, addresses sorted.
    pub data: Vec<String>,
    /// The addresses among `data`, sorted.
    pub addresses: Vec<Ipv4Addr>,
    /// The smallest TTL of the answer section, in seconds.
    pub ttl: Option<u32>,
    /// The first extended DNS error's code (RFC 8914).
    pub ede: Option<u16>,
}

/// Why there is no [`Answer`].
#[derive(Debug)]
pub(super) enum Fault {
    /// Nothing came within this time.
    Silence(Duration),
    /// The system said no.
    Io(io::Error),
    /// Something came that is not the answer.
    Garbled(String),
    /// What the last nameserver of a resolv.conf came to.
    Nameserver(SocketAddrV4, String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silence(time) => write!(f, "no answer within {:.1} s", time.as_secs_f64()),
            Self::Io(error) => write!(f, "{error}"),
            Self::Garbled(what) => write!(f, "a wrong reply: {what}"),
            Self::Nameserver(address, what) => write!(f, "{}: {what}", address.ip()),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// One question to one server.
#[derive(Clone, Debug)]
pub(super) struct Question {
    /// The address that it is sent from.
    pub from: Ipv4Addr,
    /// The server.
    pub to: SocketAddrV4,
    /// How.
    pub by: Transport,
    /// The name.
    pub qname: Name,
    /// The type.
    pub qtype: RecordType,
    /// The class.
    pub qclass: DNSClass,
}

impl Question {
    /// An IN question by UDP.
    pub(super) fn udp(from: Ipv4Addr, to: SocketAddrV4, qname: Name, qtype: RecordType) -> Self {
        Self { from, to, by: Transport::Udp, qname, qtype, qclass: DNSClass::IN }
    }

    fn message(&self, id: u16) -> Message {
        let mut query = Query::query(self.qname.clone(), self.qtype);
        query.set_query_class(self.qclass);
        let mut message = Message::new(id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        message.add_query(query);
        let mut edns = Edns::new();
        edns.set_max_payload(1232);
        message.set_edns(edns);
        message
    }
}

/// Sends the question once and waits at most `patience` for its answer.
pub(super) async fn ask(question: &Question, patience: Duration) -> Result<Answer, Fault> {
    let message = question.message(rand::random());
    let packet = message.to_vec().map_err(|error| Fault::Garbled(error.to_string()))?;
    let exchange = async {
        match question.by {
            Transport::Udp => by_udp(question, &packet).await,
            Transport::Tcp => by_tcp(question, &packet).await,
        }
    };
    let reply = tokio::time::timeout(patience, exchange).await.map_err(|_| Fault::Silence(patience))??;
    read(&message, &reply)
}

async fn by_udp(question: &Question, packet: &[u8]) -> io::Result<Vec<u8>> {
    let socket = UdpSocket::bind((question.from, 0)).await?;
    socket.connect(question.to).await?;
    socket.send(packet).await?;
    let mut reply = vec![0; 4096];
    let length = socket.recv(&mut reply).await?;
    reply.truncate(length);
    Ok(reply)
}

async fn by_tcp(question: &Question, packet: &[u8]) -> io::Result<Vec<u8>> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((question.from, 0)))?;
    let mut stream = socket.connect(question.to.into()).await?;
    let length = u16::try_from(packet.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), packet].concat()).await?;
    let mut reply = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut reply).await?;
    Ok(reply)
}

fn read(asked: &Message, reply: &[u8]) -> Result<Answer, Fault> {
    let reply = Message::from_vec(reply).map_err(|error| Fault::Garbled(error.to_string()))?;
    if reply.metadata.id != asked.metadata.id || reply.metadata.message_type != MessageType::Response {
        return Err(Fault::Garbled("another ID, or no response".to_owned()));
    }
    if reply.queries != asked.queries {
        return Err(Fault::Garbled("another question than the one asked".to_owned()));
    }
    let mut addresses: Vec<_> = reply.answers.iter().filter_map(|record| address(&record.data)).collect();
    addresses.sort();
    let others = reply.answers.iter().filter(|record| address(&record.data).is_none());
    let data = others.map(|record| text(&record.data)).chain(addresses.iter().map(Ipv4Addr::to_string)).collect();
    Ok(Answer {
        rcode: reply.metadata.response_code,
        truncated: reply.metadata.truncation,
        data,
        addresses,
        ttl: reply.answers.iter().map(|record| record.ttl).min(),
        ede: extended_error(&reply),
    })
}

fn address(data: &RData) -> Option<Ipv4Addr> {
    match data {
        RData::A(address) => Some(address.0),
        _ => None,
    }
}

fn text(data: &RData) -> String {
    match data {
        RData::TXT(text) => text.txt_data.iter().map(|part| String::from_utf8_lossy(part)).collect(),
        other => other.to_string(),
    }
}

fn extended_error(reply: &Message) -> Option<u16> {
    /// RFC 8914 §2.
    const EDE: EdnsCode = EdnsCode::Unknown(15);
    match reply.edns.as_ref()?.option(EDE)? {
        EdnsOption::Unknown(_, value) => Some(u16::from_be_bytes(value.get(..2)?.try_into().ok()?)),
        _ => None,
    }
}

/// A client whose `/etc/resolv.conf` names both forwarders: each is asked in turn, 1 s at a time, two rounds.
pub(super) struct ResolvConf {
    /// One resolver a nameserver: hickory's own pool spends one timeout on all its servers together, so that a silent
    /// first would keep it from ever asking the second.
    resolvers: [(SocketAddrV4, TokioResolver); 2],
}

/// What a [`ResolvConf`] client got.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resolved {
    /// Sorted.
    pub addresses: Vec<Ipv4Addr>,
    /// Which nameserver it came from.
    pub by: SocketAddrV4,
    /// From the call to its return.
    pub took: Duration,
}

impl ResolvConf {
    /// `options timeout:1`.
    pub(super) const TIMEOUT: Duration = Duration::from_secs(1);
    /// `options attempts:2`, the default of resolv.conf.
    const ROUNDS: usize = 2;

    /// The client, with these nameservers in this order.
    pub(super) fn new(nameservers: [SocketAddrV4; 2]) -> Result<Self, Fault> {
        let [first, second] = nameservers;
        Ok(Self { resolvers: [(first, resolver(first)?), (second, resolver(second)?)] })
    }

    /// Looks the addresses of a name up; an error is what the last nameserver came to.
    pub(super) async fn lookup(&self, qname: &Name) -> Result<Resolved, Fault> {
        let begin = Instant::now();
        let mut fault = Fault::Silence(Self::TIMEOUT);
        for (by, resolver) in std::iter::repeat_n(&self.resolvers, Self::ROUNDS).flatten() {
            match tokio::time::timeout(Self::TIMEOUT, resolver.lookup(qname.clone(), RecordType::A)).await {
                Ok(Ok(lookup)) => {
                    let mut addresses: Vec<_> =
                        lookup.answers().iter().filter_map(|record| address(&record.data)).collect();
                    addresses.sort();
                    return Ok(Resolved { addresses, by: *by, took: begin.elapsed() });
                }
                Ok(Err(error)) => fault = Fault::Nameserver(*by, error.to_string()),
                Err(_) => fault = Fault::Nameserver(*by, "no answer".to_owned()),
            }
        }
        Err(fault)
    }
}

fn resolver(nameserver: SocketAddrV4) -> Result<TokioResolver, Fault> {
    let with_port = |mut connection: ConnectionConfig| {
        connection.port = nameserver.port();
        connection
    };
    let connections = vec![with_port(ConnectionConfig::udp()), with_port(ConnectionConfig::tcp())];
    let servers = vec![NameServerConfig::new((*nameserver.ip()).into(), true, connections)];
    let config = ResolverConfig::from_parts(None, Vec::new(), servers);
    let mut builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
    *builder.options_mut() = options();
    builder.build().map_err(|error| Fault::Garbled(error.to_string()))
}

/// No cache and no hosts file: every lookup is seen by a forwarder.
fn options() -> ResolverOpts {
    let mut options = ResolverOpts::default();
    options.timeout = ResolvConf::TIMEOUT;
    options.attempts = 0;
    options.cache_size = 0;
    options.num_concurrent_reqs = 1;
    options.use_hosts_file = ResolveHosts::Never;
    options.server_ordering_strategy = ServerOrderingStrategy::UserProvidedOrder;
    options
}
