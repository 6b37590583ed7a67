//! Sockets that the service manager has bound for this server: which address each has.
//!
//! A socket stays open while the process lives: an address that a reload leaves and a later one wants again is still
//! bound by whoever handed it over. Not here: taking them from the environment (`sys::inherited`).

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;

use socket2::{Socket, Type};

use crate::listen::Handed;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Inherited {
    udp: BTreeMap<SocketAddr, UdpSocket>,
    tcp: BTreeMap<SocketAddr, TcpListener>,
    /// Descriptors that are no sockets for queries.
    strange: usize,
}

impl Inherited {
    /// Looks at what each is.
    pub(super) fn new(descriptors: Vec<OwnedFd>) -> Self {
        let mut all = Self::default();
        for descriptor in descriptors {
            let socket = Socket::from(descriptor);
            let address = socket.local_addr().ok().and_then(|address| address.as_socket());
            match (address, socket.r#type()) {
                (Some(address), Ok(Type::DGRAM)) => drop(all.udp.insert(address, socket.into())),
                (Some(address), Ok(Type::STREAM)) if socket.is_listener().unwrap_or(false) => {
                    drop(all.tcp.insert(address, socket.into()));
                }
                _ => all.strange += 1,
            }
        }
        all
    }

    /// What there is of an address; `None` if nothing.
    pub(super) fn at(&self, address: SocketAddr) -> Option<Handed> {
        let udp = self.udp.get(&address).and_then(|socket| socket.try_clone().ok());
        let tcp = self.tcp.get(&address).and_then(|socket| socket.try_clone().ok());
        (udp.is_some() || tcp.is_some()).then_some(Handed { udp, tcp })
    }

    /// What is wrong with those that nobody listens by: a line each.
    pub(super) fn left_over(&self, wanted: &BTreeSet<SocketAddr>) -> Vec<String> {
        let addresses: BTreeSet<&SocketAddr> = self.udp.keys().chain(self.tcp.keys()).collect();
        let left = addresses.into_iter().filter(|address| !wanted.contains(address)).map(|address| {
            format!(
                "a socket for {} port {} was handed over, and no listen-on names that address: it is not used",
                address.ip(),
                address.port()
            )
        });
        let strange = (self.strange > 0)
            .then(|| format!("{} descriptors were handed over that are no sockets for queries", self.strange));
        left.chain(strange).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_found_by_their_addresses_and_others_are_told() {
        let udp = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let tcp = TcpListener::bind("127.0.0.1:0").expect("a socket");
        let connected = std::net::TcpStream::connect(tcp.local_addr().expect("bound")).expect("it listens");
        let (by_udp, by_tcp) = (udp.local_addr().expect("bound"), tcp.local_addr().expect("bound"));
        let file = std::fs::File::open("/dev/null").expect("it is there");
        let all = Inherited::new(vec![udp.into(), tcp.into(), connected.into(), file.into()]);
        let found = all.at(by_udp).expect("handed over");
        assert!(found.udp.is_some() && found.tcp.is_none());
        assert!(all.at(by_tcp).expect("handed over").tcp.is_some());
        assert!(all.at("192.0.2.1:53".parse().expect("an address")).is_none());
        let told = all.left_over(&BTreeSet::from([by_tcp]));
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains(&format!("127.0.0.1 port {}", by_udp.port())), "{told:?}");
        assert!(told[1].starts_with("2 descriptors"), "{told:?}");
    }
}
