//! Loads over TCP: a few connections with many questions each, or a connection for every question.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Protocol, Socket, Type};

use super::load::Tally;
use super::message::{QUERY_OCTETS, Questions, is_right};
use super::place::Place;

/// How questions come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Connections that stay, with so many questions waiting on each.
    Pipelined,
    /// A new connection for each question.
    OneEach,
}

impl Shape {
    /// Connections at a time.
    fn connections(self) -> usize {
        if self == Self::Pipelined { 20 } else { 32 }
    }

    /// Questions that wait on each.
    fn depth(self) -> usize {
        if self == Self::Pipelined { 20 } else { 1 }
    }
}

/// What is not answered in this time is lost; the kernel tries a connection a second time after a second.
const LOST: Duration = Duration::from_secs(2);

struct Connection {
    stream: TcpStream,
    waiting: usize,
    heard: Instant,
    unsent: Vec<u8>,
    received: Vec<u8>,
}

/// Asks for `limit`, then waits for what is still to come.
pub(crate) fn run(
    place: &Place,
    to: SocketAddr,
    questions: &mut Questions,
    limit: Duration,
    shape: Shape,
) -> io::Result<Tally> {
    let start = Instant::now();
    let (mut tally, mut opened) = (Tally::default(), 0);
    let mut slots: Vec<Option<Connection>> = (0..shape.connections()).map(|_| None).collect();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let now = Instant::now();
        let asking = now - start < limit;
        let mut idle = true;
        for slot in &mut slots {
            if slot.is_none() && asking {
                opened += 1;
                *slot = Some(Connection::open(place, opened, to)?);
            }
            let Some(connection) = slot else { continue };
            if asking {
                connection.ask(questions, shape.depth(), now, &mut tally);
            }
            let before = tally.right + tally.wrong;
            let lives = connection.exchange(&mut buffer, now, &mut tally).is_ok();
            idle &= tally.right + tally.wrong == before;
            let done = connection.waiting == 0 && (shape == Shape::OneEach || !asking);
            let late = connection.waiting > 0 && now - connection.heard > LOST;
            if !lives || late {
                tally.lost += connection.waiting as u64;
            }
            if !lives || late || done {
                *slot = None;
            }
        }
        if !asking && slots.iter().all(Option::is_none) {
            tally.time = start.elapsed();
            return Ok(tally);
        }
        if idle {
            wait(&slots);
        }
    }
}

impl Connection {
    /// Begins to connect. The loads' addresses take turns: ports of one would run out while closed connections wait for
    /// their end.
    fn open(place: &Place, number: usize, to: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        socket.bind(&SocketAddr::new(place.client(number), 0).into())?;
        socket.set_tcp_nodelay(true)?;
        socket.set_nonblocking(true)?;
        // Whether it succeeds is told by the first write.
        let _ = socket.connect(&to.into());
        let (unsent, received) = (Vec::with_capacity(4096), Vec::with_capacity(4096));
        Ok(Self { stream: socket.into(), waiting: 0, heard: Instant::now(), unsent, received })
    }

    fn ask(&mut self, questions: &mut Questions, depth: usize, now: Instant, tally: &mut Tally) {
        if self.waiting == 0 {
            self.heard = now;
        }
        let mut query = [0; QUERY_OCTETS];
        for _ in self.waiting..depth {
            let octets = questions.next(&mut query);
            self.unsent.extend_from_slice(&(octets as u16).to_be_bytes());
            self.unsent.extend_from_slice(&query[..octets]);
            self.waiting += 1;
            tally.sent += 1;
        }
    }

    /// Writes what is to be sent and reads what has come; an error when the connection is of no use any more.
    fn exchange(&mut self, buffer: &mut [u8], now: Instant, tally: &mut Tally) -> io::Result<()> {
        if !self.unsent.is_empty() {
            let written = or_nothing(self.stream.write(&self.unsent))?;
            self.unsent.drain(..written);
        }
        match self.stream.read(buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            other => self.received.extend_from_slice(&buffer[..or_nothing(other)?]),
        }
        let mut at = 0;
        while let Some((length, rest)) = self.received[at..].split_first_chunk::<2>() {
            let Some(message) = rest.get(..usize::from(u16::from_be_bytes(*length))) else { break };
            *(if is_right(message) { &mut tally.right } else { &mut tally.wrong }) += 1;
            at += 2 + message.len();
            self.waiting = self.waiting.saturating_sub(1);
            self.heard = now;
        }
        self.received.drain(..at);
        Ok(())
    }
}

fn or_nothing(result: io::Result<usize>) -> io::Result<usize> {
    result.or_else(|error| if error.kind() == ErrorKind::WouldBlock { Ok(0) } else { Err(error) })
}

fn wait(slots: &[Option<Connection>]) {
    let mut entries: Vec<_> =
        slots.iter().flatten().map(|connection| PollFd::new(connection.stream.as_fd(), PollFlags::POLLIN)).collect();
    // Interrupted or not, the connections are looked at next.
    let _ = poll(&mut entries, PollTimeout::from(1u8));
}
