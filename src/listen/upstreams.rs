//! The driver of the upstream machine: opens, sends, receives and closes what it names.

use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::frames::Frames;
use super::udp::receive;
use super::worker::{Sockets, Worker, present};
use crate::metrics::Socket;
use crate::sys::batch::{Receiver, Sender, is_unreachable};
use crate::sys::sockets;
use crate::upstream::{Path, Server};
use crate::wire::Transport;

/// Octets of the longest question: header, name, OPT with a cookie of 40 octets.
const QUESTION_OCTETS: usize = 512;
/// Ports that questions are sent from: all that need no privilege.
const PORTS: std::ops::RangeInclusive<u16> = 1024..=65535;
/// How many ports are tried before it is left to the system.
const PORT_DRAWS: usize = 16;
/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Questions that an upstream has not taken yet, in octets, for each connection; and as many that are being sent.
const MAX_UNSENT_OCTETS: usize = 1 << 20;
/// A connection on which nothing comes for so long is closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// An open socket of the machine.
pub(super) struct Upstream {
    generation: u32,
    kind: Kind,
    task: AbortHandle,
    v6: bool,
}

enum Kind {
    Udp(Rc<UdpPath>),
    Tcp(Rc<TcpPath>),
}

struct UdpPath {
    socket: UdpSocket,
    sender: RefCell<Sender>,
}

#[derive(Default)]
struct TcpPath {
    unsent: RefCell<Vec<u8>>,
    changed: Notify,
}

impl Worker {
    /// Opens a socket; says whether it could.
    pub(super) fn open_upstream(
        self: &Rc<Self>,
        sockets: &mut Sockets,
        path: Path,
        server: &Arc<Server>,
        transport: Transport,
    ) -> bool {
        let peer = server.forwarder.address;
        let source = server.source();
        let opened = match transport {
            Transport::Udp => open_udp(source, peer).map(|socket| {
                let mut sender = Sender::new(QUESTION_OCTETS);
                // Questions that came together leave by one socket: the kernel routes those of one length together.
                sender.merge_by_length_for(socket.as_fd());
                let opened = Rc::new(UdpPath { socket, sender: RefCell::new(sender) });
                let task = tokio::task::spawn_local(Rc::clone(self).hear_udp(path, Rc::clone(&opened)));
                (Kind::Udp(opened), task.abort_handle())
            }),
            Transport::Tcp => {
                let opened = Rc::new(TcpPath::default());
                let task = tokio::task::spawn_local(Rc::clone(self).hold_tcp(path, Rc::clone(&opened), source, peer));
                Ok((Kind::Tcp(opened), task.abort_handle()))
            }
        };
        let v6 = peer.is_ipv6();
        let Ok((kind, task)) = opened else {
            self.meter.socket(v6, Socket::UDP4OpenFail, Socket::UDP6OpenFail);
            return false;
        };
        match kind {
            Kind::Udp(_) => {
                self.meter.socket(v6, Socket::UDP4Open, Socket::UDP6Open);
                self.meter.socket(v6, Socket::UDP4Conn, Socket::UDP6Conn);
            }
            Kind::Tcp(_) => self.meter.socket(v6, Socket::TCP4Open, Socket::TCP6Open),
        }
        sockets.upstreams.insert(path.slot, Upstream { generation: path.generation, kind, task, v6 });
        true
    }

    /// Adds a question to what leaves by a path.
    pub(super) fn add_question(&self, sockets: &mut Sockets, path: Path, octets: &[u8]) {
        let of_path = |found: &&Upstream| found.generation == path.generation;
        let Some(upstream) = sockets.upstreams.get(&path.slot).filter(of_path) else { return };
        match &upstream.kind {
            Kind::Udp(udp) => {
                let mut sender = udp.sender.borrow_mut();
                if sender.is_full() && sender.send(udp.socket.as_fd()).unreachable {
                    sockets.refused.push(path);
                }
                if sender.is_empty() {
                    sockets.paths_to_send.push(path);
                }
                let Some(room) = sender.buffer().get_mut(..octets.len()) else { return };
                room.copy_from_slice(octets);
                sender.push(octets.len(), None);
            }
            Kind::Tcp(tcp) => {
                let mut unsent = tcp.unsent.borrow_mut();
                // Lost, as a datagram would be: in time the question is asked elsewhere.
                if unsent.len() + octets.len() > MAX_UNSENT_OCTETS {
                    return;
                }
                unsent.extend_from_slice(octets);
                tcp.changed.notify_one();
            }
        }
    }

    /// Sends the questions that wait.
    pub(super) fn send_to_upstreams(&self, sockets: &mut Sockets) {
        for path in sockets.paths_to_send.drain(..) {
            if let Some(Upstream { kind: Kind::Udp(udp), .. }) = sockets.upstreams.get(&path.slot) {
                let mut sender = udp.sender.borrow_mut();
                if !sender.is_empty() && sender.send(udp.socket.as_fd()).unreachable {
                    sockets.refused.push(path);
                }
            }
        }
    }

    /// Closes a socket.
    pub(super) fn close_upstream(&self, sockets: &mut Sockets, path: Path) {
        if sockets.upstreams.get(&path.slot).is_some_and(|found| found.generation == path.generation)
            && let Some(upstream) = sockets.upstreams.remove(&path.slot)
        {
            upstream.task.abort();
            match upstream.kind {
                Kind::Udp(_) => self.meter.socket(upstream.v6, Socket::UDP4Close, Socket::UDP6Close),
                Kind::Tcp(_) => self.meter.socket(upstream.v6, Socket::TCP4Close, Socket::TCP6Close),
            }
        }
    }

    /// The task of a UDP socket: hands responses to the machine, and what the upstream's host says of it.
    async fn hear_udp(self: Rc<Self>, path: Path, udp: Rc<UdpPath>) {
        while udp.socket.ready(Interest::READABLE | Interest::ERROR).await.is_ok() {
            self.take_responses(path, &udp);
            // One batch at a time: a flood by one socket must not keep the others waiting.
            tokio::task::yield_now().await;
        }
    }

    fn take_responses(self: &Rc<Self>, path: Path, udp: &UdpPath) {
        let moment = present();
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        match hear(&udp.socket, &mut inner.responses) {
            Ok(0) => return,
            Ok(count) => {
                for index in 0..count {
                    inner.desk.received(path, inner.responses.octets(index), moment.now);
                }
            }
            Err(error) if is_unreachable(&error) => inner.desk.refused(path, moment.now),
            Err(_) => return,
        }
        inner.desk.end_batch();
        self.carry_out(inner, moment);
    }

    /// The task of a connection: makes it, sends questions, hands responses to the machine.
    async fn hold_tcp(self: Rc<Self>, path: Path, tcp: Rc<TcpPath>, source: IpAddr, peer: SocketAddr) {
        match tokio::time::timeout(CONNECT_TIMEOUT, connect(source, peer)).await {
            Ok(Ok(stream)) => {
                self.meter.socket(peer.is_ipv6(), Socket::TCP4Conn, Socket::TCP6Conn);
                // However it ends, the machine asks otherwise.
                let _ = self.converse(path, &tcp, stream).await;
            }
            _ => self.meter.socket(peer.is_ipv6(), Socket::TCP4ConnFail, Socket::TCP6ConnFail),
        }
        let moment = present();
        let mut inner = self.inner.borrow_mut();
        self.close_upstream(&mut inner.sockets, path);
        inner.desk.closed(path, moment.now);
        self.carry_out(&mut inner, moment);
    }

    async fn converse(self: &Rc<Self>, path: Path, tcp: &TcpPath, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let (mut reader, mut writer) = stream.split();
        let mut frames = Frames::default();
        let (mut sending, mut sent) = (Vec::new(), 0);
        loop {
            if sent == sending.len() {
                sending.clear();
                std::mem::swap(&mut sending, &mut tcp.unsent.borrow_mut());
                sent = 0;
            }
            tokio::select! {
                read = tokio::time::timeout(IDLE_TIMEOUT, reader.read_buf(frames.room())) => {
                    if read.map_err(io::Error::other)?? == 0 {
                        return Ok(());
                    }
                    self.take_frames(path, &mut frames);
                }
                written = writer.write(&sending[sent..]), if sent < sending.len() => sent += written?,
                () = tcp.changed.notified() => {}
            }
        }
    }

    fn take_frames(self: &Rc<Self>, path: Path, frames: &mut Frames) {
        let moment = present();
        let mut inner = self.inner.borrow_mut();
        while let Some(message) = frames.next() {
            inner.desk.received(path, message, moment.now);
        }
        inner.desk.end_batch();
        self.carry_out(&mut inner, moment);
    }
}

/// Receives a batch, or reads the error that made a socket ready. tokio takes one interest at a time here.
fn hear(socket: &UdpSocket, batch: &mut Receiver) -> io::Result<usize> {
    match receive(socket, Interest::READABLE, batch)? {
        0 => receive(socket, Interest::ERROR, batch),
        count => Ok(count),
    }
}

/// A socket on a random port of the whole range; if none is free among those drawn, on one that the system draws.
fn open_udp(source: IpAddr, peer: SocketAddr) -> io::Result<UdpSocket> {
    let mut rng = rand::rng();
    for _ in 0..PORT_DRAWS {
        match sockets::udp_to(SocketAddr::new(source, rng.random_range(PORTS)), peer) {
            Ok(socket) => return UdpSocket::from_std(socket),
            Err(error) if matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied) => {}
            Err(error) => return Err(error),
        }
    }
    UdpSocket::from_std(sockets::udp_to(SocketAddr::new(source, 0), peer)?)
}

async fn connect(source: IpAddr, peer: SocketAddr) -> io::Result<TcpStream> {
    let socket = if peer.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if !source.is_unspecified() {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    socket.connect(peer).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::batch::BATCH;

    #[tokio::test]
    async fn a_socket_whose_peer_is_gone_wakes_its_task_and_hears_what_comes_after() {
        let there = std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback");
        let peer = there.local_addr().expect("bound");
        let here = open_udp([127, 0, 0, 1].into(), peer).expect("a free port");
        let mut batch = Receiver::new(100);
        drop(there);
        for round in 0..3 {
            here.send(b"to nobody").await.expect("what was told before is read");
            here.ready(Interest::READABLE | Interest::ERROR).await.expect("it is open");
            let error = hear(&here, &mut batch).expect_err("nobody listens");
            assert!(is_unreachable(&error), "round {round}: {error}");
            assert_eq!(hear(&here, &mut batch).expect("told once"), 0);
        }
        let there = std::net::UdpSocket::bind(peer).expect("nobody else has it");
        for _ in 0..BATCH + 1 {
            there.send_to(b"a reply", here.local_addr().expect("bound")).expect("sent");
        }
        let mut heard = 0;
        while heard < BATCH + 1 {
            here.ready(Interest::READABLE | Interest::ERROR).await.expect("it is open");
            heard += hear(&here, &mut batch).expect("nothing is wrong any more");
        }
        assert_eq!(heard, BATCH + 1);
    }
}
