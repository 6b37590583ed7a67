//! What the host is: its name, its addresses, and when these change.

use std::io;
use std::net::IpAddr;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;

use ipnet::IpNet;
use nix::ifaddrs::getifaddrs;

/// The host's name; empty where the system does not tell it.
pub fn name() -> String {
    nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// An address of the host and the network it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HostAddress {
    /// The address.
    pub ip: IpAddr,
    /// Its network; the address alone where the system tells no mask.
    pub network: IpNet,
    /// The interface, for link-local IPv6 addresses; else 0.
    pub scope_id: u32,
}

/// The addresses of the interfaces that are up.
///
/// # Errors
/// When the system does not tell them.
pub fn addresses() -> io::Result<Vec<HostAddress>> {
    let mut found = Vec::new();
    for interface in getifaddrs()? {
        if !interface.flags.contains(nix::net::if_::InterfaceFlags::IFF_UP) {
            continue;
        }
        let Some(address) = interface.address else { continue };
        let mask = interface.netmask.as_ref();
        let host = if let Some(v4) = address.as_sockaddr_in() {
            let mask = mask.and_then(|mask| mask.as_sockaddr_in()).map(|mask| IpAddr::V4(mask.ip()));
            host_address(IpAddr::V4(v4.ip()), mask, 0)
        } else if let Some(v6) = address.as_sockaddr_in6() {
            let mask = mask.and_then(|mask| mask.as_sockaddr_in6()).map(|mask| IpAddr::V6(mask.ip()));
            let link_local = v6.ip().segments()[0] & 0xffc0 == 0xfe80;
            host_address(IpAddr::V6(v6.ip()), mask, if link_local { v6.scope_id() } else { 0 })
        } else {
            continue;
        };
        if !found.contains(&host) {
            found.push(host);
        }
    }
    Ok(found)
}

fn host_address(ip: IpAddr, mask: Option<IpAddr>, scope_id: u32) -> HostAddress {
    let network = mask.and_then(|mask| IpNet::with_netmask(ip, mask).ok()).unwrap_or(IpNet::from(ip)).trunc();
    HostAddress { ip, network, scope_id }
}

/// A netlink socket that receives a message when an address of the host comes or goes (rtnetlink(7)).
///
/// It is given as a datagram socket, as which it can be received from; nothing is ever sent by it.
///
/// # Errors
/// Where netlink is not available; addresses are then found by the periodic scan alone.
pub fn address_changes() -> io::Result<UnixDatagram> {
    use nix::sys::socket::{AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, socket};
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let fd = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkRoute)?;
    let groups = (libc::RTMGRP_IPV4_IFADDR | libc::RTMGRP_IPV6_IFADDR) as u32;
    bind(fd.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
    Ok(UnixDatagram::from(fd))
}
