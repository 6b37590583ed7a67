//! The floors: what it costs to move the packets by the same system calls and do nothing else.
//!
//! An echo for cached answers: a batch in, an address written behind each question, a batch out. A relay for new names:
//! one socket for clients, one connected to the upstream, IDs exchanged through an array; nothing is checked or kept.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tandem::sys::batch::{BATCH, Receiver, Sender};
use tandem::sys::sockets::{udp_listener, udp_to};

use super::message::answer;

/// Octets of a datagram's buffer.
const DATAGRAM_OCTETS: usize = 1500;

/// Waits until a socket can be read, and tells which can.
fn wait<const N: usize>(sockets: [&UdpSocket; N]) -> io::Result<[bool; N]> {
    let mut entries = sockets.map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN));
    match poll(&mut entries, PollTimeout::NONE) {
        Ok(_) => Ok(entries.map(|entry| entry.any().unwrap_or(false))),
        Err(nix::errno::Errno::EINTR) => Ok([false; N]),
        Err(error) => Err(error.into()),
    }
}

/// What is there; nothing also after an ICMP error about something sent before.
fn receive(receiver: &mut Receiver, socket: &UdpSocket) -> usize {
    receiver.receive(socket.as_fd()).unwrap_or(0)
}

/// Answers every query until the process is ended.
pub(crate) fn echo(listen: SocketAddr) -> io::Result<()> {
    let socket = udp_listener(listen)?;
    let (mut receiver, mut sender) = (Receiver::new(DATAGRAM_OCTETS), Sender::new(DATAGRAM_OCTETS));
    loop {
        let count = receive(&mut receiver, &socket);
        for datagram in (0..count).filter_map(|index| receiver.get(index)) {
            if let Some(octets) = answer(datagram.octets, 0, sender.buffer()) {
                sender.push(octets, Some(&datagram.from));
            }
        }
        sender.send(socket.as_fd());
        if count < BATCH {
            wait([&socket])?;
        }
    }
}

/// Passes every query to the upstream and its answer back until the process is ended.
pub(crate) fn relay(listen: SocketAddr, upstream: SocketAddr) -> io::Result<()> {
    let down = udp_listener(listen)?;
    let up = udp_to(SocketAddr::new(listen.ip(), 0), upstream)?;
    let (mut receiver, mut sender) = (Receiver::new(DATAGRAM_OCTETS), Sender::new(DATAGRAM_OCTETS));
    let mut clients = vec![([0; 2], listen); 1 << 16];
    let mut next = 0u16;
    loop {
        let [from_clients, from_upstream] = wait([&down, &up])?;
        if from_clients {
            let count = receive(&mut receiver, &down);
            for datagram in (0..count).filter_map(|index| receiver.get(index)).filter(|d| d.octets.len() >= 2) {
                next = next.wrapping_add(1);
                clients[usize::from(next)] = ([datagram.octets[0], datagram.octets[1]], datagram.from);
                pass_on(&mut sender, datagram.octets, next.to_be_bytes(), None);
            }
            sender.send(up.as_fd());
        }
        if from_upstream {
            let count = receive(&mut receiver, &up);
            for octets in (0..count).map(|index| receiver.octets(index)).filter(|octets| octets.len() >= 2) {
                let (id, client) = &clients[usize::from(u16::from_be_bytes([octets[0], octets[1]]))];
                pass_on(&mut sender, octets, *id, Some(client));
            }
            sender.send(down.as_fd());
        }
    }
}

fn pass_on(sender: &mut Sender, octets: &[u8], id: [u8; 2], to: Option<&SocketAddr>) {
    let buffer = sender.buffer();
    buffer[..octets.len()].copy_from_slice(octets);
    buffer[..2].copy_from_slice(&id);
    sender.push(octets.len(), to);
}
