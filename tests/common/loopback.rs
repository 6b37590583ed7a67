//! Handing out loopback addresses, so that no two servers meet.
//!
//! Linux answers on all of 127.0.0.0/8: each server gets an address that no other test, thread or process uses. Of IPv6
//! there is `::1` alone, where ports are handed out once.
//! Ports lie below 32768, where the system's own choice for clients starts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

/// `::1`.
pub(crate) const IPV6_LOOPBACK: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// Below: ports that services of the machine may have.
const FIRST_PORT: u16 = 20_000;
const PORTS: u16 = 12_000;

/// Counts what this process has handed out.
static NEXT: AtomicU16 = AtomicU16::new(0);

/// An address in 127.64.0.0/10 with a port that is free for UDP and TCP.
pub(crate) fn fresh_address() -> SocketAddr {
    let pid = std::process::id();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let [.., high, low] = pid.to_be_bytes();
    let last = u8::try_from(number % 254 + 1).expect("1..=254");
    free_port(IpAddr::V4(Ipv4Addr::new(127, 64 + high % 64, low, last)))
}

/// `::1` with a port that is free for UDP and TCP and was not handed out before.
pub(crate) fn fresh_ipv6_address() -> SocketAddr {
    free_port(IPV6_LOOPBACK)
}

/// 127.0.0.1 with a port that is free for UDP and TCP: for servers that listen on addresses of interfaces alone.
pub(crate) fn fresh_localhost_address() -> SocketAddr {
    free_port(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

/// Starts at a port that follows from the process and the count, so that processes seldom try the same.
fn free_port(address: IpAddr) -> SocketAddr {
    let spread = u16::try_from(std::process::id() % u32::from(PORTS)).expect("below PORTS");
    for _ in 0..PORTS {
        let count = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST_PORT + (spread.wrapping_mul(7) ^ count) % PORTS;
        let candidate = SocketAddr::new(address, port);
        if UdpSocket::bind(candidate).is_ok() && TcpListener::bind(candidate).is_ok() {
            return candidate;
        }
    }
    panic!("no free port on {address}: is the address configured on lo?");
}
