//! Choosing where the demo's parts stand: loopback addresses, one free port, a directory.
//!
//! 10.1.x.y of the scenario's VPC is 127.0.x.y here, so that a reader finds its addresses again. All parts use the same
//! port; the sockets of the stand-in and of the control line are bound here and kept, which also reserves the port
//! against a second demo. Not here: what is served on them.

use std::fs::DirBuilder;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, UdpSocket};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::Error;

/// The VPC's resolver (10.1.0.2 in the scenario).
pub(super) const STAND_IN: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// The forwarders in availability zone 1 and 2 (10.1.1.53 and 10.1.2.53).
pub(super) const FORWARDERS: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 0, 1, 53), Ipv4Addr::new(127, 0, 2, 53)];
/// Where a second terminal sends its lines.
pub(super) const CONTROL: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 1);
/// A client inside `goodclients`; also the source that the system chooses for loopback destinations.
pub(super) const ALLOWED_CLIENT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 1);
/// A client outside `goodclients`.
pub(super) const REFUSED_CLIENT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 200);
/// The port that is tried first.
pub(super) const FIRST_PORT: u16 = 5300;
/// How many ports are tried.
pub(super) const PORTS_TRIED: u16 = 100;

/// The chosen port, with the sockets that are already bound to it.
pub(super) struct Place {
    /// The port of all parts: `first..first + PORTS_TRIED`.
    pub port: u16,
    /// The stand-in's UDP socket, non-blocking.
    pub stand_in_udp: UdpSocket,
    /// The stand-in's TCP socket, non-blocking.
    pub stand_in_tcp: TcpListener,
    /// The control line's socket, non-blocking.
    pub control: TcpListener,
}

impl Place {
    /// Takes `first`, or the next port that is free on every address of the demo.
    pub(super) fn find(first: u16) -> Result<Self, Error> {
        let last = first.saturating_add(PORTS_TRIED - 1);
        let mut fault = io::Error::from(io::ErrorKind::AddrInUse);
        for port in first..=last {
            match Self::bind(port) {
                Ok(place) => return Ok(place),
                Err(error) => fault = error,
            }
        }
        Err(Error::NoPort { first, last, fault })
    }

    fn bind(port: u16) -> io::Result<Self> {
        let (stand_in_udp, stand_in_tcp) = bind_both(STAND_IN, port)?;
        let control = TcpListener::bind((CONTROL, port))?;
        control.set_nonblocking(true)?;
        for address in FORWARDERS {
            bind_both(address, port)?;
        }
        Ok(Self { port, stand_in_udp, stand_in_tcp, control })
    }
}

fn bind_both(address: Ipv4Addr, port: u16) -> io::Result<(UdpSocket, TcpListener)> {
    let udp = UdpSocket::bind((address, port))?;
    let tcp = TcpListener::bind((address, port))?;
    udp.set_nonblocking(true)?;
    tcp.set_nonblocking(true)?;
    Ok((udp, tcp))
}

/// The forwarders' addresses with their port.
pub(super) fn forwarders(port: u16) -> [SocketAddrV4; 2] {
    FORWARDERS.map(|address| SocketAddrV4::new(address, port))
}

/// A directory of the demo's own, removed with all it holds when dropped.
pub(super) struct Directory(PathBuf);

impl Directory {
    /// Makes a new directory that only this user can enter. An existing one is never used: somebody else may own it.
    pub(super) fn create() -> Result<Self, Error> {
        let parent = std::env::temp_dir();
        let base = format!("tandem-demo-{}", std::process::id());
        let mut fault = (parent.clone(), io::Error::from(io::ErrorKind::AlreadyExists));
        for attempt in 0..100 {
            let path = parent.join(format!("{base}-{attempt}"));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fault = (path, error),
                Err(error) => return Err(Error::File { path, fault: error }),
            }
        }
        Err(Error::File { path: fault.0, fault: fault.1 })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What cannot be removed is only litter in the temporary directory, and there is nobody left to tell.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_passed_over_on_any_of_the_addresses() {
        let mut first = 6300;
        for address in [STAND_IN, CONTROL, FORWARDERS[0], FORWARDERS[1]] {
            let _taken = TcpListener::bind((address, first)).unwrap();
            let place = Place::find(first).unwrap();
            assert!(place.port > first, "{address} was taken at {first}, yet {} was chosen", place.port);
            first += 10;
        }
    }

    #[test]
    fn the_last_port_does_not_wrap_around() {
        let _taken = UdpSocket::bind((STAND_IN, u16::MAX)).unwrap();
        assert!(matches!(Place::find(u16::MAX), Err(Error::NoPort { first: u16::MAX, last: u16::MAX, .. })));
    }

    #[test]
    fn a_directory_is_private_unique_and_gone_after_use() {
        use std::os::unix::fs::PermissionsExt;
        let (one, two) = (Directory::create().unwrap(), Directory::create().unwrap());
        assert_ne!(one.path(), two.path());
        assert_eq!(one.path().metadata().unwrap().permissions().mode() & 0o777, 0o700);
        std::fs::write(one.path().join("bind.log"), "x").unwrap();
        let path = one.path().to_owned();
        drop(one);
        assert!(!path.exists());
    }
}
