//! Where the parts of the failover demo stand: loopback addresses, a port for DNS, one for HTTP.
//!
//! The servers have the addresses that `conf/failover.toml` gives them, and its port unless somebody else has that.
//! Not here: what is served there.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, UdpSocket};

use super::super::Error;
use super::super::place::PORTS_TRIED;

/// The name that fails over.
pub(super) const NAME: &str = "resilient-site.techotom.com";
/// What stands behind it, the first choice first.
pub(super) const SERVERS: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 0, 0, 11), Ipv4Addr::new(127, 0, 0, 12), Ipv4Addr::new(127, 0, 0, 13)];
/// Where the DNS server listens.
const SERVER: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// Where a second terminal sends its lines: the server has its port on 127.0.0.1 for itself.
const CONTROL: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 10);
/// The servers' port in `conf/failover.toml`.
pub(super) const HTTP_PORT: u16 = 8888;

/// What was found free.
pub(super) struct Place {
    /// Where the DNS server is to listen.
    pub server: SocketAddrV4,
    /// The port of all HTTP servers.
    pub http_port: u16,
    /// The control line's socket, non-blocking.
    pub control: TcpListener,
}

impl Place {
    /// Takes the port `first` for DNS and [`HTTP_PORT`] for HTTP, or for each the next that is free on every address.
    pub(super) fn find(first: u16) -> Result<Self, Error> {
        let (port, control) = first_free(first, |port| {
            let control = TcpListener::bind((CONTROL, port))?;
            control.set_nonblocking(true)?;
            UdpSocket::bind((SERVER, port))?;
            TcpListener::bind((SERVER, port))?;
            Ok(control)
        })?;
        let (http_port, ()) = first_free(HTTP_PORT, |port| {
            SERVERS.iter().try_for_each(|server| TcpListener::bind((*server, port)).map(|_| ()))
        })?;
        Ok(Self { server: SocketAddrV4::new(SERVER, port), http_port, control })
    }
}

/// Where the demo on this port takes lines.
pub(super) fn control(port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(CONTROL, port)
}

fn first_free<T>(first: u16, take: impl Fn(u16) -> io::Result<T>) -> Result<(u16, T), Error> {
    let last = first.saturating_add(PORTS_TRIED - 1);
    let mut fault = io::Error::from(io::ErrorKind::AddrInUse);
    for port in first..=last {
        match take(port) {
            Ok(taken) => return Ok((port, taken)),
            Err(error) => fault = error,
        }
    }
    Err(Error::NoPort { first, last, fault })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_passed_over_on_any_of_the_addresses() {
        let mut first = 7300;
        for address in [CONTROL, SERVER] {
            let _taken = TcpListener::bind((address, first)).unwrap();
            let place = Place::find(first).unwrap();
            assert!(place.server.port() > first, "{address} was taken at {first}, yet {} was chosen", place.server);
            first += 10;
        }
        // Whoever has it, this test or a demo beside it: the port is in use.
        let _taken = TcpListener::bind((SERVERS[2], HTTP_PORT));
        assert!(Place::find(first).unwrap().http_port > HTTP_PORT);
    }
}
