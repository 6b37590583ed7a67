//! A UDP socket for clients: batches in, batches out, one system call each way.

use std::cell::{Cell, RefCell, RefMut};
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::rc::Rc;

use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::worker::{DATAGRAM_OCTETS, Worker};
use crate::answer::Client;
use crate::metrics::Socket;
use crate::sys::batch::{BATCH, Receiver, Sender};
use crate::wire::Transport;

/// See the module. Queries that wait hold it, so that their replies can leave after it stopped listening.
pub(super) struct Port {
    /// The address that clients ask.
    pub(super) local: SocketAddr,
    socket: UdpSocket,
    /// Replies that wait to be sent.
    pub(super) sender: RefCell<Sender>,
    noted: Cell<bool>,
}

/// So many full batches are taken before other sockets get their turn.
const BATCHES_IN_A_ROW: usize = 2;

impl Port {
    /// Takes over a bound socket.
    pub(super) fn new(local: SocketAddr, socket: std::net::UdpSocket) -> io::Result<Rc<Self>> {
        let socket = UdpSocket::from_std(socket)?;
        let mut sender = Sender::new(DATAGRAM_OCTETS);
        sender.merge_for(socket.as_fd());
        let sender = RefCell::new(sender);
        Ok(Rc::new(Self { local, socket, sender, noted: Cell::new(false) }))
    }

    /// A client of this socket.
    pub(super) fn client(&self, from: SocketAddr) -> Client {
        let (address, port) = (from.ip(), from.port());
        Client { address, port, destination: self.local.ip(), transport: Transport::Udp }
    }

    /// Notes, once, that there is something to send.
    pub(super) fn note(self: &Rc<Self>, list: &mut Vec<Rc<Self>>) {
        if !self.noted.replace(true) {
            list.push(Rc::clone(self));
        }
    }

    /// The replies that wait, sent if there is no room for one more.
    #[inline]
    pub(super) fn sender_with_room(&self) -> RefMut<'_, Sender> {
        let mut sender = self.sender.borrow_mut();
        if sender.is_full() {
            self.send(&mut sender);
        }
        sender
    }

    /// Sends what waits.
    pub(super) fn send(&self, sender: &mut Sender) {
        self.noted.set(false);
        if !sender.is_empty() {
            sender.send(self.socket.as_fd());
        }
    }

    /// The task of the socket: answers until it is told to stop, then what has come until then.
    pub(super) async fn serve(self: Rc<Self>, worker: Rc<Worker>, stop: Rc<tokio::sync::Notify>) {
        let mut batch = Receiver::new(DATAGRAM_OCTETS);
        loop {
            tokio::select! {
                biased;
                ready = self.socket.readable() => {
                    if ready.is_err() {
                        break;
                    }
                    self.take_all(&worker, &mut batch, BATCHES_IN_A_ROW);
                    tokio::task::yield_now().await;
                }
                () = stop.notified() => break,
            }
        }
        self.take_all(&worker, &mut batch, usize::MAX);
        worker.meter.socket(self.local.is_ipv6(), Socket::UDP4Close, Socket::UDP6Close);
    }

    /// Takes what is there, up to so many full batches.
    fn take_all(self: &Rc<Self>, worker: &Rc<Worker>, batch: &mut Receiver, most: usize) {
        for _ in 0..most {
            // Of a socket without a peer nobody tells anything.
            let count = receive(&self.socket, Interest::READABLE, batch).unwrap_or(0);
            if count > 0 {
                worker.take_batch(self, batch, count);
            }
            if count < BATCH {
                return;
            }
        }
    }
}

/// Receives a batch, if the socket is ready for this one interest. A batch that is not full has emptied the socket: its
/// readiness is cleared without asking again.
///
/// # Errors
/// What the system says of the socket: an ICMP message about something sent before. Reading it has cleared it, and
/// datagrams may be there all the same.
pub(super) fn receive(socket: &UdpSocket, interest: Interest, batch: &mut Receiver) -> io::Result<usize> {
    let mut count = 0;
    let received = socket.try_io(interest, || {
        count = batch.receive(socket.as_fd())?;
        if count < BATCH { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
    });
    match received {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        _ => Ok(count),
    }
}
