//! Asking one server one question, by UDP from a socket of its own, or by TCP.
//!
//! An answer that was cut is fetched by TCP too, so that what it holds can be compared. Every wait is bounded.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_proto::rr::{DNSClass, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, UdpSocket};
use tokio::time::{Instant, timeout_at};

use super::questions::Question;
use super::response::{Outcome, Response};

/// How questions are asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    /// The address that they come from; of the other family, the system chooses.
    pub source: Option<IpAddr>,
    pub patience: Duration,
    /// What EDNS tells, in octets. `512..`
    pub udp_payload_bytes: u16,
}

impl Client {
    /// What this server says to the question.
    pub(super) async fn ask(&self, server: SocketAddr, question: &Question) -> Outcome {
        let first = self.exchange(server, question, question.tcp).await;
        let Outcome::Answered(cut) = &first else { return first };
        if !cut.truncated || question.tcp {
            return first;
        }
        match self.exchange(server, question, true).await {
            Outcome::Answered(whole) => Outcome::Answered(Response { truncated: true, ..whole }),
            // That it cannot be had by TCP is what a client would meet.
            Outcome::Failed(why) => Outcome::Failed(format!("cut by UDP, and by TCP {why}")),
            other => other,
        }
    }

    async fn exchange(&self, server: SocketAddr, question: &Question, tcp: bool) -> Outcome {
        let message = self.message(question);
        let Ok(packet) = message.to_vec() else { return Outcome::Failed("cannot be asked".to_owned()) };
        let end = Instant::now() + self.patience;
        let exchange = async {
            if tcp {
                self.by_tcp(server, &packet).await.map(|reply| Response::read(&message, &reply))
            } else {
                self.by_udp(server, &packet, &message).await
            }
        };
        match timeout_at(end, exchange).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => Outcome::Failed(short(&error)),
            Err(_) => Outcome::Silent,
        }
    }

    fn message(&self, question: &Question) -> Message {
        let mut query = Query::query(question.qname.clone(), RecordType::from(question.qtype));
        query.set_query_class(DNSClass::from(question.qclass));
        let mut message = Message::new(rand::random(), MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = question.recursion;
        message.metadata.checking_disabled = question.checking_disabled;
        message.metadata.authentic_data = question.authentic_data;
        message.add_query(query);
        if question.edns {
            let mut edns = Edns::new();
            edns.set_max_payload(self.udp_payload_bytes).set_dnssec_ok(question.dnssec_ok);
            message.set_edns(edns);
        }
        message
    }

    async fn by_udp(&self, server: SocketAddr, packet: &[u8], asked: &Message) -> io::Result<Outcome> {
        let socket = UdpSocket::bind((self.source_towards(server), 0)).await?;
        socket.connect(server).await?;
        socket.send(packet).await?;
        let mut reply = vec![0; 65_535];
        loop {
            let length = socket.recv(&mut reply).await?;
            // A late answer to another question, or somebody's guess: the wait goes on.
            let is_ours = reply.get(..2) == packet.get(..2);
            if is_ours && length >= 12 {
                return Ok(Response::read(asked, &reply[..length]));
            }
        }
    }

    async fn by_tcp(&self, server: SocketAddr, packet: &[u8]) -> io::Result<Vec<u8>> {
        let socket = if server.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.bind(SocketAddr::new(self.source_towards(server), 0))?;
        let mut stream = socket.connect(server).await?;
        let length = u16::try_from(packet.len()).map_err(io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes(), packet].concat()).await?;
        let mut reply = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut reply).await?;
        Ok(reply)
    }

    fn source_towards(&self, server: SocketAddr) -> IpAddr {
        let any = if server.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
        self.source.filter(|source| source.is_ipv4() == server.is_ipv4()).unwrap_or(any)
    }
}

/// The same words whatever the socket, so that two servers that are not there are alike.
fn short(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "refused: nobody listens there".to_owned(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => "closed the connection".to_owned(),
        io::ErrorKind::AddrNotAvailable => "the source address is not of this host".to_owned(),
        _ => error.to_string(),
    }
}
