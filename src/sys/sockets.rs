//! Sockets with the options that std does not set.

#![allow(unsafe_code)]

use std::io;
use std::mem;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::AsRawFd;

use socket2::{Domain, Protocol, Socket, Type};

/// Octets asked for each UDP socket's buffers: a burst of some ten thousand small packets.
const UDP_BUFFER_OCTETS: usize = 4 << 20;
/// Connections that may wait to be accepted.
const TCP_BACKLOG: i32 = 1024;
/// Connections of operators' programs that may wait to be accepted.
const OPERATORS_BACKLOG: i32 = 16;

/// A UDP socket for clients, one of several on the same address (SO_REUSEPORT): the kernel spreads clients over them.
///
/// # Errors
/// What the system says: in use, not permitted, no such address.
pub fn udp_listener(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    prepare(&socket, address)?;
    keep_families_apart(&socket, address)?;
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
    keep_families_apart(&socket, address)?;
    // A restart must not wait for connections of the last run to time out.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    socket.listen(TCP_BACKLOG)?;
    Ok(socket.into())
}

/// A TCP socket for operators' programs, alone on its address.
///
/// # Errors
/// What the system says: in use, not permitted, no such address.
pub fn operators_listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    keep_families_apart(&socket, address)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(OPERATORS_BACKLOG)?;
    Ok(socket.into())
}

/// Prepares a UDP socket for clients that somebody else has bound and handed over.
///
/// # Errors
/// What the system says.
pub fn adopt_udp(socket: UdpSocket) -> io::Result<UdpSocket> {
    let address = socket.local_addr()?;
    let socket = Socket::from(socket);
    prepare(&socket, address)?;
    Ok(socket.into())
}

/// Prepares a listening TCP socket that somebody else has bound and handed over.
///
/// # Errors
/// What the system says.
pub fn adopt_tcp(socket: TcpListener) -> io::Result<TcpListener> {
    socket.set_nonblocking(true)?;
    let socket = Socket::from(socket);
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
    keep_families_apart(&socket, peer)?;
    socket.bind(&source.into())?;
    socket.connect(&peer.into())?;
    Ok(socket.into())
}

/// An IPv6 socket takes no IPv4; said before it is bound.
fn keep_families_apart(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    if address.is_ipv6() { socket.set_only_v6(true) } else { Ok(()) }
}

fn prepare(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    // The kernel caps this at net.core.rmem_max; less is no reason not to serve.
    let _ = socket.set_recv_buffer_size(UDP_BUFFER_OCTETS);
    let _ = socket.set_send_buffer_size(UDP_BUFFER_OCTETS);
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

/// Lets a TCP socket that is bound to an address without a port draw the port when it connects (Linux 4.2): then only
/// connections to the same peer must have different ports, and a host that makes many does not run out of them.
pub fn choose_port_late(socket: &impl AsRawFd) {
    let on: libc::c_int = 1;
    // SAFETY: the option's value is a c_int, whose address and size are passed; the descriptor is open. It is an option
    // of IPv6 sockets too. Kernels without it answer with an error, which changes nothing.
    unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_BIND_ADDRESS_NO_PORT,
            (&raw const on).cast(),
            mem::size_of::<libc::c_int>() as libc::socklen_t,
        );
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
        keep_families_apart(socket, address)?;
        socket.bind(&address.into())?;
    }
    tcp.listen(1)
}
