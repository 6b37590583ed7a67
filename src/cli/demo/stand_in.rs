//! Standing in for the VPC's resolver: the scenario's private hosted zones, answered from memory.
//!
//! Everything runs in this process on loopback, by UDP and TCP. Names are the scenario's; the one that fails over can be
//! given another address, which is seen by the next question. Nobody's speed depends on this server.
//! Not here: recursion. Unlike the VPC's resolver it answers an alias into another zone with the alias alone, so that
//! the forwarders have to follow it.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{LowerName, Name, RData, Record, RecordSet, RecordType, RrKey};
use hickory_proto::serialize::txt::Parser;
use hickory_server::Server;
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, Catalog, ZoneType};
use tokio::net::{TcpListener, UdpSocket};

use super::Error;

/// The name that fails over.
pub(super) const SERVICE: &str = "myservice.awslab.mycompany.corp.";
/// An alias in the same zone whose target lies in the other one.
pub(super) const ALIAS: &str = "primary.awslab.mycompany.corp.";
/// The alias's target.
pub(super) const INSTANCE: &str = "ip-10-1-1-10.us-east-1.compute.internal.";
/// A name with more addresses than fit into a UDP answer.
pub(super) const FLEET: &str = "fleet.awslab.mycompany.corp.";
/// A name outside the VPC: it takes the global forwarders.
pub(super) const PUBLIC: &str = "www.example.com.";
/// The reverse name of the first server, which named would answer from an empty zone of its own.
pub(super) const REVERSE: &str = "10.1.1.10.in-addr.arpa.";
/// A name that does not exist.
pub(super) const MISSING: &str = "nobody.awslab.mycompany.corp.";

/// The address of the first application server.
pub(super) const PRIMARY: Ipv4Addr = Ipv4Addr::new(10, 1, 1, 10);
/// The address of the second application server.
pub(super) const SECONDARY: Ipv4Addr = Ipv4Addr::new(10, 1, 2, 10);
/// The address of the public name (TEST-NET-1, RFC 5737).
pub(super) const PUBLIC_ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 80);
/// How many addresses [`FLEET`] has: 16 octets each, 1600 in all.
pub(super) const FLEET_SIZE: u8 = 100;
/// The TTL of [`SERVICE`].
pub(super) const SERVICE_TTL: Duration = Duration::from_secs(10);

const SERVICE_ZONE: &str = "awslab.mycompany.corp.";

/// The zones in master-file form, without SOA and NS, which all have alike.
const ZONES: [(&str, &str); 4] = [
    (
        SERVICE_ZONE,
        "myservice 10 A 10.1.1.10\n\
         primary 60 CNAME ip-10-1-1-10.us-east-1.compute.internal.\n\
         secondary 60 CNAME ip-10-1-2-10.us-east-1.compute.internal.\n",
    ),
    ("us-east-1.compute.internal.", "ip-10-1-1-10 60 A 10.1.1.10\nip-10-1-2-10 60 A 10.1.2.10\n"),
    (
        "1.10.in-addr.arpa.",
        "10.1 60 PTR ip-10-1-1-10.us-east-1.compute.internal.\n10.2 60 PTR ip-10-1-2-10.us-east-1.compute.internal.\n",
    ),
    ("example.com.", "www 300 A 192.0.2.80\n"),
];

/// How long a TCP connection of a forwarder may stay silent.
const TCP_TIMEOUT: Duration = Duration::from_secs(30);
/// Answers that may wait in one TCP connection.
const TCP_ANSWERS: usize = 64;

/// The running server. Its tasks end with it.
pub(super) struct StandIn {
    service_zone: Arc<InMemoryZoneHandler>,
    // Owned for its tasks alone: dropping it ends them.
    _server: Server<Catalog>,
}

impl StandIn {
    /// Serves the zones on sockets that are bound and non-blocking. Must be called inside the runtime.
    pub(super) fn start(udp: std::net::UdpSocket, tcp: std::net::TcpListener) -> Result<Self, Error> {
        let mut catalog = Catalog::new();
        let mut service_zone = None;
        for (origin, text) in ZONES {
            let zone = Arc::new(zone(origin, text));
            catalog.upsert(LowerName::new(&name(origin)), vec![zone.clone()]);
            if origin == SERVICE_ZONE {
                service_zone = Some(zone);
            }
        }
        let mut server = Server::new(catalog);
        let socket = |fault: io::Error| Error::Socket { what: "the stand-in for the VPC's resolver", fault };
        server.register_socket(UdpSocket::from_std(udp).map_err(socket)?);
        server.register_listener(TcpListener::from_std(tcp).map_err(socket)?, TCP_TIMEOUT, TCP_ANSWERS);
        let service_zone = service_zone.expect("SERVICE_ZONE is a row of ZONES");
        Ok(Self { service_zone, _server: server })
    }

    /// Gives [`SERVICE`] this one address, as Route 53's UPSERT does: whatever was there is replaced.
    pub(super) async fn upsert(&self, address: Ipv4Addr) {
        // The handler's own upsert would add an address to the set.
        let ttl = SERVICE_TTL.as_secs() as u32;
        let rrset = RecordSet::from(Record::from_rdata(name(SERVICE), ttl, RData::A(A(address))));
        let key = RrKey::new(LowerName::new(&name(SERVICE)), RecordType::A);
        self.service_zone.records_mut().await.insert(key, Arc::new(rrset));
    }
}

fn zone(origin: &str, text: &str) -> InMemoryZoneHandler {
    let records = parse(origin, text);
    InMemoryZoneHandler::new(name(origin), records, ZoneType::Primary, AxfrPolicy::Deny)
        .expect("every zone gets an SOA in `parse`")
}

fn parse(origin: &str, text: &str) -> BTreeMap<RrKey, RecordSet> {
    let mut master = format!(
        "$ORIGIN {origin}\n\
         @ 900 SOA ns-0.{origin} hostmaster.{origin} 1 7200 900 1209600 10\n\
         @ 900 NS ns-0.{origin}\n\
         ns-0 900 A {}\n",
        super::place::STAND_IN
    );
    master.push_str(text);
    if origin == SERVICE_ZONE {
        (1..=FLEET_SIZE).for_each(|host| master.push_str(&format!("fleet 60 A 10.1.3.{host}\n")));
    }
    let parsed = Parser::new(master, None, Some(name(origin))).parse();
    parsed.expect("the embedded zones are well-formed").1
}

/// A name out of this file's constants.
pub(super) fn name(text: &str) -> Name {
    Name::from_ascii(text).expect("the demo's names are well-formed")
}
