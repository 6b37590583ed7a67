//! Which addresses to listen on, and holding them: named's `listen-on` over the host's interfaces.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixDatagram};
use std::sync::Arc;

use crate::access::{Acl, Host};
use crate::config::{Config, Diagnostic, Level, Listen, Match, MatchList};
use crate::sys::host::{self, HostAddress};
use crate::sys::sockets;

/// The host as a snapshot needs it.
pub(super) fn for_snapshot(host: &[HostAddress]) -> Arc<Host> {
    Arc::new(Host {
        name: host::name(),
        addresses: host.iter().map(|address| address.ip).collect(),
        networks: host.iter().map(|address| address.network).collect(),
    })
}

/// The addresses that a configuration listens on, of those that the host has.
pub(super) fn wanted(config: &Config, host: &[HostAddress]) -> BTreeSet<SocketAddr> {
    let lists = for_snapshot(host);
    let mut found = BTreeSet::new();
    for (listens, v4) in [(&config.listen_v4, true), (&config.listen_v6, false)] {
        for Listen { port, addresses } in listens {
            let list = Acl::compile(addresses, &lists);
            let family = host.iter().filter(|address| address.ip.is_ipv4() == v4);
            found
                .extend(family.filter(|address| list.allows(address.ip)).map(|address| socket_address(address, *port)));
            let loopback = named_loopback(addresses).into_iter().map(IpAddr::V4);
            found.extend(loopback.filter(|&ip| v4 && list.allows(ip)).map(|ip| SocketAddr::new(ip, *port)));
        }
    }
    found
}

fn socket_address(address: &HostAddress, port: u16) -> SocketAddr {
    match address.ip {
        IpAddr::V4(ip) => SocketAddr::new(IpAddr::V4(ip), port),
        IpAddr::V6(ip) => SocketAddr::V6(SocketAddrV6::new(ip, port, 0, address.scope_id)),
    }
}

/// Single addresses of 127.0.0.0/8 that a list names: all of them are the host's, though interfaces show only one.
fn named_loopback(list: &MatchList) -> Vec<Ipv4Addr> {
    let mut found = Vec::new();
    for element in list.elements.iter().filter(|element| !element.negated) {
        match &element.what {
            Match::Prefix(prefix) if prefix.prefix_len() == 32 => match prefix.addr() {
                IpAddr::V4(ip) if ip.is_loopback() => found.push(ip),
                _ => {}
            },
            Match::List(nested) => found.extend(named_loopback(nested)),
            Match::Acl(acl) => found.extend(named_loopback(&acl.list)),
            _ => {}
        }
    }
    found
}

/// Forwarders that are this server itself: each question to them would come back.
pub(super) fn own_forwarders(config: &Config, listening: &BTreeSet<SocketAddr>) -> Vec<Diagnostic> {
    let own = config.upstream_addresses().into_iter().filter(|address| listening.contains(address));
    own.map(|address| Diagnostic {
        position: None,
        level: Level::Error,
        message: format!("forwarder {} port {} is this server's own address", address.ip(), address.port()),
        hint: Some("it would ask itself for ever: name the resolver behind it".to_owned()),
        topic: None,
    })
    .collect()
}

/// Proof that no other instance listens on an address of this network namespace, for as long as it lives.
///
/// The sockets of our workers share their address (SO_REUSEPORT), and so would those of a second instance, each getting
/// a part of the queries. A socket of the abstract namespace, which belongs to the network namespace as ports do, is
/// the lock; a short-lived socket that does not share finds other servers.
#[derive(Debug)]
pub(super) struct Lock {
    _held: UnixDatagram,
}

impl Lock {
    /// Takes the lock of an address.
    ///
    /// # Errors
    /// `AddrInUse` when somebody listens there, else what the system says.
    pub(super) fn take(address: SocketAddr) -> io::Result<Self> {
        let lock = Self::take_bound(address)?;
        sockets::probe(address)?;
        Ok(lock)
    }

    /// The same for an address that this process has a socket of already.
    ///
    /// # Errors
    /// `AddrInUse` when another instance listens there, else what the system says.
    pub(super) fn take_bound(address: SocketAddr) -> io::Result<Self> {
        let name = format!("tandem-dns listens on {address}");
        Ok(Self { _held: UnixDatagram::bind_addr(&UnixAddress::from_abstract_name(name)?)? })
    }
}

/// What to do about an address that cannot be listened on.
pub(super) fn advice(address: SocketAddr, error: &io::Error) -> String {
    let port = address.port();
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!(
                "another server listens there: find it with 'ss -lnptu sport = :{port}', stop it or choose another port"
            )
        }
        io::ErrorKind::PermissionDenied => format!(
            "port {port} needs a privilege: start as root, give the program CAP_NET_BIND_SERVICE \
             (setcap cap_net_bind_service=+ep), or choose a port from 1024"
        ),
        io::ErrorKind::AddrNotAvailable => "no interface has this address".to_owned(),
        _ => "see the system's message".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> Vec<HostAddress> {
        ["127.0.0.1/8", "10.1.1.53/24", "::1/128", "2001:db8::53/64"]
            .into_iter()
            .map(|text| {
                let net: ipnet::IpNet = text.parse().expect("an address");
                HostAddress { ip: net.addr(), network: net.trunc(), scope_id: 0 }
            })
            .collect()
    }

    fn list(prefixes: &[&str]) -> MatchList {
        let element = |text: &&str| crate::config::MatchElement {
            negated: false,
            what: Match::Prefix(text.parse().expect("a prefix")),
            position: None,
        };
        MatchList { elements: prefixes.iter().map(element).collect() }
    }

    fn texts(config: &Config) -> Vec<String> {
        wanted(config, &host()).into_iter().map(|address| address.to_string()).collect()
    }

    #[test]
    fn the_lists_choose_among_the_hosts_addresses() {
        let listen = |port, addresses| vec![Listen { port, addresses }];
        let config = |v4, v6| Config { listen_v4: v4, listen_v6: v6, ..Config::default() };
        assert_eq!(
            texts(&Config::default()),
            ["10.1.1.53:53", "127.0.0.1:53", "[::1]:53", "[2001:db8::53]:53"],
            "every address by default"
        );
        let one = config(listen(5300, list(&["10.1.0.0/16"])), listen(53, MatchList::none()));
        assert_eq!(texts(&one), ["10.1.1.53:5300"]);
        let loopback = config(listen(53, list(&["127.0.1.53/32", "192.0.2.1/32"])), vec![]);
        assert_eq!(texts(&loopback), ["127.0.1.53:53"], "an address of 127.0.0.0/8 is there, 192.0.2.1 is not");
    }

    #[test]
    fn an_address_has_one_holder() {
        // Of its own, so that nobody is given the port while nobody holds it.
        let [.., high, low] = std::process::id().to_be_bytes();
        let socket = std::net::UdpSocket::bind((std::net::Ipv4Addr::new(127, 3, high, low), 0)).expect("loopback");
        let address = socket.local_addr().expect("bound");
        let in_use = |result: io::Result<Lock>| result.map(|_| ()).map_err(|error| error.kind());
        assert_eq!(in_use(Lock::take(address)), Err(io::ErrorKind::AddrInUse), "another server");
        drop(socket);
        let held = Lock::take(address).expect("free now");
        assert_eq!(in_use(Lock::take(address)), Err(io::ErrorKind::AddrInUse), "another instance");
        drop(held);
        Lock::take(address).expect("free again");
    }
}
