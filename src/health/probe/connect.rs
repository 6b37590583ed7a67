//! Connecting to a server: its address, the source address, the system's word when it fails.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::{TcpSocket, TcpStream};

use super::Resolve;
use crate::config::health::{Address, Endpoint};
use crate::health::{Outcome, Reason};
use crate::sys::sockets;

/// The server's address: the first that the resolver knows of the source address's family.
pub(super) async fn address_of(endpoint: &Endpoint, resolve: &dyn Resolve) -> Result<SocketAddr, Outcome> {
    let name = match &endpoint.address {
        Address::Fixed { ip_address, .. } => return Ok(SocketAddr::new(*ip_address, endpoint.port)),
        Address::Resolved(name) => name,
    };
    let found = tokio::time::timeout(endpoint.connect_timeout, resolve.resolve(name)).await;
    let addresses = match found {
        Ok(Ok(addresses)) => addresses,
        Ok(Err(why)) => return Err(Outcome::Failed(Reason::NotResolved(why))),
        Err(_) => return Err(Outcome::Failed(Reason::ResolveTimeout(endpoint.connect_timeout))),
    };
    let fits = |address: &IpAddr| endpoint.source_address.is_none_or(|source| source.is_ipv4() == address.is_ipv4());
    match addresses.into_iter().find(fits) {
        Some(address) => Ok(SocketAddr::new(address, endpoint.port)),
        None => Err(Outcome::Failed(Reason::NotResolved(format!("{name} has no address")))),
    }
}

/// A connection, within the endpoint's time.
pub(super) async fn connect(endpoint: &Endpoint, server: SocketAddr) -> Result<TcpStream, Outcome> {
    let connected = tokio::time::timeout(endpoint.connect_timeout, open(server, endpoint.source_address)).await;
    match connected {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) if is_ours(&error) => Err(Outcome::Void(error.to_string())),
        Ok(Err(error)) => Err(Outcome::Failed(Reason::Connect(error.kind()))),
        Err(_) => Err(Outcome::Failed(Reason::ConnectTimeout(endpoint.connect_timeout))),
    }
}

async fn open(server: SocketAddr, source: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = if server.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if let Some(source) = source {
        sockets::choose_port_late(&socket);
        socket.bind(SocketAddr::new(source, 0))?;
    }
    other_than_itself(socket.connect(server).await?, server)
}

/// On one host a socket can meet itself, where nobody listens and its own random port is the one that it connects to.
pub(super) fn other_than_itself(stream: TcpStream, server: SocketAddr) -> io::Result<TcpStream> {
    if stream.local_addr()? == server { Err(io::ErrorKind::ConnectionRefused.into()) } else { Ok(stream) }
}

/// Whether this host lacks what a probe needs: that says nothing about the server.
fn is_ours(error: &io::Error) -> bool {
    let lacks = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];
    error.raw_os_error().is_some_and(|code| lacks.contains(&code))
}
