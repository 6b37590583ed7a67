//! Sockets with the options that std does not set, and the host's addresses.

#![allow(unsafe_code)]

use std::io;
use std::mem;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;

use ipnet::IpNet;
use nix::ifaddrs::getifaddrs;
use socket2::{Domain, Protocol, Socket, Type};

/// Octets asked for each UDP socket's buffers: a burst of some ten thousand small packets.
const UDP_BUFFER_OCTETS: usize = 4 << 20;
/// Connections that may wait to be accepted.
const TCP_BACKLOG: i32 = 1024;

/// A UDP socket for clients, one of several on the same address (SO_REUSEPORT): the kernel spreads clients over them.
///
/// # Errors
/// What the system says: in use, not permitted, no such address.
pub fn udp_listener(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    prepare(&socket, address)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// A TCP socket for clients, one of several on the same address.
///
/// # Errors
/// What the system says: in use, not permitted, no such address.
pub fn tcp_listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A restart must not wait for connections of the last run to time out.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    socket.listen(TCP_BACKLOG)?;
    Ok(socket.into())
}

/// A UDP socket for questions to `peer`, bound to `source` and connected, so that the kernel drops what others send.
///
/// # Errors
/// What the system says: the port in use, no route.
pub fn udp_to(source: SocketAddr, peer: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(peer), Type::DGRAM, Some(Protocol::UDP))?;
    prepare(&socket, peer)?;
    socket.bind(&source.into())?;
    socket.connect(&peer.into())?;
    Ok(socket.into())
}

fn prepare(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    // The kernel caps this at net.core.rmem_max; less is no reason not to serve.
    let _ = socket.set_recv_buffer_size(UDP_BUFFER_OCTETS);
    let _ = socket.set_send_buffer_size(UDP_BUFFER_OCTETS);
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    ignore_path_mtu(socket, address);
    Ok(())
}

/// Forged ICMP must not make us fragment (RFC 9471, RFC 8900): path MTU discovery's results are left out of account.
fn ignore_path_mtu(socket: &Socket, address: SocketAddr) {
    let (level, name, value): (_, _, libc::c_int) = match address {
        SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_OMIT),
        SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_OMIT),
    };
    // SAFETY: the option's value is a c_int, whose address and size are passed; the descriptor is open. Kernels
    // without this value answer with an error, which changes nothing.
    unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            mem::size_of::<libc::c_int>() as libc::socklen_t,
        );
    }
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
pub fn host_addresses() -> io::Result<Vec<HostAddress>> {
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

/// The cores that this process may run on, in order; at least one.
pub fn usable_cores() -> Vec<usize> {
    let set = nix::sched::sched_getaffinity(nix::unistd::Pid::from_raw(0));
    let cores: Vec<usize> = set
        .map(|set| (0..nix::sched::CpuSet::count()).filter(|&core| set.is_set(core).unwrap_or(false)).collect())
        .unwrap_or_default();
    if cores.is_empty() { vec![0] } else { cores }
}

/// Keeps the calling thread on one core; where the system does not allow it, the thread stays free.
pub fn stay_on_core(core: usize) {
    let mut set = nix::sched::CpuSet::new();
    if set.set(core).is_ok() {
        let _ = nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &set);
    }
}

/// Finds out whether an address can be listened on by nobody but the caller: binds sockets that share it with no one,
/// and closes them.
///
/// # Errors
/// What the system says: in use, not permitted, no such address.
pub fn probe(address: SocketAddr) -> io::Result<()> {
    let udp = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    let tcp = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Old connections in TIME_WAIT are no reason to refuse; a listening socket still is.
    tcp.set_reuse_address(true)?;
    for socket in [&udp, &tcp] {
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.bind(&address.into())?;
    }
    tcp.listen(1)
}
