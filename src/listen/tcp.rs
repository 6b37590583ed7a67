//! Connections from clients: pipelined, answered in any order, bounded in number, octets and time (RFC 7766).
//!
//! A client may send the next message before the answer to the last one; not more than [`MAX_WAITING`] wait at once, and
//! no message is taken up, though it was read, while [`MAX_UNSENT_OCTETS`] wait to be sent, so that a client that does
//! not read cannot fill our memory. A message that does not become whole, or a reply that is not taken, within the idle
//! time ends the connection.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::frames::{self, Frames};
use super::worker::{Worker, present};
use crate::access::{Exceeded, Permit, Source};
use crate::answer::Client;
use crate::logging::{self, Category, Severity};
use crate::metrics::Socket;
use crate::wire::header::HEADER_OCTETS;
use crate::wire::{Query, Transport};

/// Questions of one connection that wait at once.
const MAX_WAITING: u32 = 256;
/// While more octets wait to be sent, no message is taken up.
const MAX_UNSENT_OCTETS: usize = 256 * 1024;
/// Questions taken up before may be answered all the same, up to this; beyond, the connection is closed.
const MAX_HELD_OCTETS: usize = 1024 * 1024;
/// So many messages are taken up before other connections get their turn.
const MESSAGES_IN_A_ROW: usize = 64;
/// A connection is not read from any more after this time, however busy it is.
const MAX_LIFETIME: Duration = Duration::from_secs(3600);
/// When no connection can be accepted (no descriptors left), how long until the next try.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A connection as those see it who reply by it.
pub(super) struct Connection {
    /// Who asks.
    pub(super) client: Client,
    /// Replies that wait to be sent, each behind its length.
    unsent: RefCell<Vec<u8>>,
    /// Questions that wait for an upstream.
    waiting: Cell<u32>,
    /// More waited to be sent than is kept.
    overrun: Cell<bool>,
    /// The client speaks edns-tcp-keepalive (RFC 7828).
    keeps_alive: Cell<bool>,
    /// There is something to send, or fewer wait.
    changed: Notify,
}

impl Connection {
    /// Adds a reply. A client that does not read, and so lets too much pile up, loses the connection.
    pub(super) fn reply(&self, message: &[u8]) {
        let mut unsent = self.unsent.borrow_mut();
        if unsent.len() + message.len() > MAX_HELD_OCTETS {
            self.overrun.set(true);
        } else {
            frames::put(&mut unsent, message);
        }
        self.changed.notify_one();
    }

    /// A question of it begins to wait.
    pub(super) fn begins(&self) {
        self.waiting.set(self.waiting.get() + 1);
    }

    /// Whether another message may be taken up while `sending` octets are on their way.
    fn has_room(&self, sending: usize) -> bool {
        self.waiting.get() < MAX_WAITING && self.unsent.borrow().len() + sending < MAX_UNSENT_OCTETS
    }

    /// A question of it no longer waits.
    pub(super) fn ends(&self) {
        self.waiting.set(self.waiting.get().saturating_sub(1));
        self.changed.notify_one();
    }
}

/// The task of a listening socket.
pub(super) async fn listen(worker: Rc<Worker>, local: SocketAddr, listener: TcpListener, stop: Rc<Notify>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.notified() => {
                worker.meter.socket(local.is_ipv6(), Socket::TCP4Close, Socket::TCP6Close);
                return;
            }
        };
        match accepted {
            Ok((stream, from)) => {
                let (address, port) = (from.ip(), from.port());
                worker.meter.socket(address.is_ipv6(), Socket::TCP4Accept, Socket::TCP6Accept);
                match worker.shared.connections.take(Source::of(address), true) {
                    Ok(permit) => {
                        let client = Client { address, port, destination: local.ip(), transport: Transport::Tcp };
                        tokio::task::spawn_local(serve(Rc::clone(&worker), stream, client, permit));
                    }
                    // Closed at once, before anything is read.
                    Err(exceeded) => {
                        worker.meter.socket(address.is_ipv6(), Socket::TCP4Close, Socket::TCP6Close);
                        complain(&worker, exceeded);
                    }
                }
            }
            Err(_) => {
                worker.meter.socket(local.is_ipv6(), Socket::TCP4AcceptFail, Socket::TCP6AcceptFail);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Counts a connection that got no place, and says so once a second.
fn complain(worker: &Worker, exceeded: Exceeded) {
    let connections = &worker.shared.connections;
    connections.count_refused();
    if connections.may_complain(present().unix) {
        let (used, limit) = (connections.used(), connections.limit());
        logging::event!(Category::Client, Severity::Warning, "no more TCP clients ({used}/{limit}): {exceeded}");
    }
}

/// The task of a connection.
async fn serve(worker: Rc<Worker>, stream: TcpStream, client: Client, _permit: Permit) {
    let _ = stream.set_nodelay(true);
    let connection = Rc::new(Connection {
        client,
        unsent: RefCell::default(),
        waiting: Cell::new(0),
        overrun: Cell::new(false),
        keeps_alive: Cell::new(false),
        changed: Notify::new(),
    });
    // Whatever ends it, the client sees the connection close; there is nobody else to tell.
    let _ = converse(&worker, stream, &connection).await;
    worker.meter.socket(client.address.is_ipv6(), Socket::TCP4Close, Socket::TCP6Close);
}

async fn converse(worker: &Rc<Worker>, mut stream: TcpStream, connection: &Rc<Connection>) -> io::Result<()> {
    let (mut reader, mut writer) = stream.split();
    let mut frames = Frames::default();
    let (mut sending, mut sent) = (Vec::new(), 0);
    let (born, mut readable, mut asked) = (Instant::now(), true, false);
    let mut progress = born;
    loop {
        let taken = take_up(worker, connection, &mut frames, sending.len() - sent)?;
        if taken > 0 {
            (progress, asked) = (Instant::now(), true);
        }
        let more = taken == MESSAGES_IN_A_ROW;
        if more {
            tokio::task::yield_now().await;
        }
        if sent == sending.len() {
            sending.clear();
            std::mem::swap(&mut sending, &mut connection.unsent.borrow_mut());
            sent = 0;
            if !sending.is_empty() {
                // The client's time to take them begins now, however long they were awaited.
                progress = Instant::now();
            }
        }
        if connection.overrun.get() {
            return Ok(());
        }
        let (unsent, waiting) = (sending.len() - sent, connection.waiting.get());
        readable &= born.elapsed() < MAX_LIFETIME;
        if !readable && unsent == 0 && waiting == 0 && !more {
            return Ok(());
        }
        let (room, patience) = (connection.has_room(unsent), patience(worker, connection, asked));
        // While answers are awaited from upstreams, their own deadlines bound the wait.
        let idle = unsent > 0 || waiting == 0 || (room && frames.is_partial());
        tokio::select! {
            read = reader.read_buf(frames.room()), if readable && room && !more => {
                readable &= read? > 0;
            }
            written = writer.write(&sending[sent..]), if unsent > 0 => {
                sent += written?;
                progress = Instant::now();
            }
            () = connection.changed.notified() => {}
            () = tokio::time::sleep_until(progress + patience), if idle => return Ok(()),
            () = std::future::ready(()), if more => {}
        }
    }
}

/// Decides whole messages while there is room for their replies; returns how many.
fn take_up(worker: &Rc<Worker>, connection: &Rc<Connection>, frames: &mut Frames, sending: usize) -> io::Result<usize> {
    let mut taken = 0;
    while taken < MESSAGES_IN_A_ROW && connection.has_room(sending) {
        let Some(message) = frames.next() else { break };
        if message.len() < HEADER_OCTETS {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if !connection.keeps_alive.get() && asks_to_keep_alive(message) {
            connection.keeps_alive.set(true);
        }
        worker.take_message(connection, message);
        taken += 1;
    }
    Ok(taken)
}

/// How long a connection may be idle: until its first message, and between messages.
fn patience(worker: &Worker, connection: &Connection, asked: bool) -> Duration {
    worker.shared.desks.state.present().timers.patience(asked, connection.keeps_alive.get())
}

/// Whether a message asks to keep the connection.
fn asks_to_keep_alive(message: &[u8]) -> bool {
    Query::read(message).is_ok_and(|query| query.edns.is_some_and(|edns| edns.version == 0 && edns.keepalive))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_that_nobody_reads_end_the_connection_before_they_fill_memory() {
        let address = std::net::IpAddr::from([127, 0, 0, 1]);
        let client = Client { address, port: 1, destination: address, transport: Transport::Tcp };
        let connection = Connection {
            client,
            unsent: RefCell::default(),
            waiting: Cell::new(0),
            overrun: Cell::new(false),
            keeps_alive: Cell::new(false),
            changed: Notify::new(),
        };
        for count in 1..=256 {
            connection.reply(&[0; 60_000]);
            let held = connection.unsent.borrow().len();
            assert!(held <= MAX_HELD_OCTETS + 2, "{held} octets");
            assert_eq!(connection.overrun.get(), count * 60_000 > held, "after {count} replies");
        }
        assert!(connection.overrun.get());
    }
}
