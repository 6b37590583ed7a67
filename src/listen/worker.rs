//! A worker: one thread, one core, one current-thread runtime; it lends its sockets and its clock to a [`Desk`].
//!
//! Every task of a worker runs on its thread, so its state is in cells, borrowed only between awaits. A batch of queries
//! is decided, what came of it carried out, and everything sent, before the task waits again.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;

use super::mailbox::{Letter, Mailbox};
use super::tcp::Connection;
use super::udp::Port;
use super::upstreams::Upstream;
use crate::access::Quota;
use crate::answer::desk::Waits;
use crate::answer::update::Request;
use crate::answer::{Decision, Desk, Driver, Forward, Moment, desk, walk};
use crate::config::bounds::UDP_SIZE;
use crate::keeper::Keeper;
use crate::metrics::Meter;
use crate::sys::batch::{Datagram, Receiver};
use crate::upstream::{FlightId, Path, Server};
use crate::wire::Transport;
use crate::wire::header::MAX_MESSAGE_OCTETS;

/// What all workers share.
pub struct Shared {
    /// What their desks share.
    pub desks: desk::Common,
    /// Places for connections (`tcp-clients`).
    pub connections: Arc<Quota>,
    /// One a worker.
    pub mailboxes: Box<[Mailbox]>,
    /// Who changes local zones.
    pub keeper: Keeper,
}

/// Where a reply goes.
#[derive(Clone)]
pub(super) enum Back {
    /// By a UDP socket to an address.
    Udp(Rc<Port>, SocketAddr),
    /// By a connection.
    Tcp(Rc<Connection>),
}

/// See the module.
pub(super) struct Worker {
    /// Its number.
    pub(super) number: u16,
    pub(super) shared: Arc<Shared>,
    pub(super) inner: RefCell<Inner>,
    /// The desk wants to be looked at earlier than it said before.
    pub(super) earlier: Notify,
    /// What it counts by.
    pub(super) meter: Rc<Meter>,
}

/// What changes while a worker runs.
pub(super) struct Inner {
    pub(super) desk: Desk<Back>,
    pub(super) sockets: Sockets,
    /// What comes back from upstreams by UDP; used by one task at a time.
    pub(super) responses: Receiver,
    /// What a few datagrams have asked, by those that wait for it; `None`: an answer to be fetched anew.
    to_ask: Vec<(Option<usize>, Forward)>,
    /// Updates among a few datagrams, with who sent them.
    to_submit: Vec<(SocketAddr, Box<Request>)>,
    /// When the timer is set to.
    pub(super) armed: Option<Instant>,
}

/// What a worker sends by, and what waits to be sent.
pub(super) struct Sockets {
    pub(super) upstreams: HashMap<u32, Upstream, foldhash::fast::RandomState>,
    /// Sockets with something to send.
    ports_to_send: Vec<Rc<Port>>,
    pub(super) paths_to_send: Vec<Path>,
    /// Sockets that, when they sent, were told that nobody listens at the other side.
    pub(super) refused: Vec<Path>,
    /// Where replies for connections are written.
    long_reply: Box<[u8]>,
}

/// Lends a worker's sockets to its desk.
struct Lent<'w> {
    worker: &'w Rc<Worker>,
    sockets: &'w mut Sockets,
}

/// Octets of the buffers for datagrams from clients and upstreams: the longest that are announced or sent.
pub(super) const DATAGRAM_OCTETS: usize = *UDP_SIZE.end() as usize;

impl Worker {
    /// A worker without sockets; `seed` comes from the system's CSPRNG.
    pub(super) fn new(number: u16, shared: Arc<Shared>, seed: [u8; 32]) -> Rc<Self> {
        let sockets = Sockets {
            upstreams: HashMap::default(),
            ports_to_send: Vec::new(),
            paths_to_send: Vec::new(),
            refused: Vec::new(),
            long_reply: vec![0; MAX_MESSAGE_OCTETS].into_boxed_slice(),
        };
        let desk = Desk::new(number, seed, shared.desks.clone());
        let meter = Rc::clone(desk.meter());
        let inner = Inner {
            desk,
            sockets,
            responses: Receiver::new(DATAGRAM_OCTETS),
            to_ask: Vec::new(),
            to_submit: Vec::new(),
            armed: None,
        };
        Rc::new(Self { number, shared, inner: RefCell::new(inner), earlier: Notify::new(), meter })
    }

    /// Takes over what a new snapshot changes for the machine.
    pub(super) fn reconfigure(self: &Rc<Self>) {
        let mut inner = self.inner.borrow_mut();
        inner.desk.reconfigure();
        self.carry_out(&mut inner, present());
    }

    /// The queries that wait here.
    pub(super) fn waits(&self) -> Vec<Waits> {
        self.inner.borrow_mut().desk.waits(present().now)
    }

    /// Decides the datagrams of a batch, and sends what there is to send.
    pub(super) fn take_batch(self: &Rc<Self>, port: &Rc<Port>, batch: &Receiver, count: usize) {
        let moment = present();
        let mut inner = self.inner.borrow_mut();
        for first in (0..count).step_by(walk::MOST) {
            self.take_few(&mut inner, port, batch, first..count.min(first + walk::MOST), moment);
        }
        port.send(&mut port.sender.borrow_mut());
        inner.desk.end_batch();
        self.carry_out(&mut inner, moment);
    }

    /// Decides at most [`walk::MOST`] datagrams.
    fn take_few(
        self: &Rc<Self>,
        inner: &mut Inner,
        port: &Rc<Port>,
        batch: &Receiver,
        range: Range<usize>,
        moment: Moment,
    ) {
        let Inner { desk, sockets, to_ask, to_submit, .. } = inner;
        let first = range.start;
        let mut walk = desk.walk(moment);
        for index in range.clone() {
            let Some(Datagram { octets, from }) = batch.get(index) else { continue };
            let mut sender = port.sender_with_room();
            match walk.read(index - first, octets, port.client(from), sender.buffer()) {
                Some(Decision::Reply(octets)) => sender.push(octets, Some(&from)),
                Some(Decision::ReplyAndRefresh(octets, forward)) => {
                    sender.push(octets, Some(&from));
                    to_ask.push((None, *forward));
                }
                Some(Decision::Forward(forward)) => to_ask.push((Some(index), forward)),
                Some(Decision::Update(request)) => to_submit.push((from, request)),
                Some(Decision::Drop) | None => {}
            }
        }
        if range.len() > 1 {
            walk.prefetch();
        }
        for index in range {
            let Some(Datagram { from, .. }) = batch.get(index) else { continue };
            let mut sender = port.sender_with_room();
            match walk.decide(index - first, sender.buffer()) {
                Some(Decision::Reply(octets)) => sender.push(octets, Some(&from)),
                Some(Decision::ReplyAndRefresh(octets, forward)) => {
                    sender.push(octets, Some(&from));
                    to_ask.push((None, *forward));
                }
                Some(Decision::Forward(forward)) => to_ask.push((Some(index), forward)),
                Some(Decision::Drop | Decision::Update(_)) | None => {}
            }
        }
        for (index, forward) in to_ask.drain(..) {
            let Some(Datagram { octets, from }) = index.and_then(|index| batch.get(index)) else {
                desk.refresh(moment, forward);
                continue;
            };
            let back = Back::Udp(Rc::clone(port), from);
            desk.forward(moment, octets, port.client(from), back, forward, &mut Lent { worker: self, sockets });
        }
        for (from, request) in to_submit.drain(..) {
            desk.update(moment, Back::Udp(Rc::clone(port), from), request, &mut Lent { worker: self, sockets });
        }
    }

    /// Decides a message from a connection.
    pub(super) fn take_message(self: &Rc<Self>, connection: &Rc<Connection>, message: &[u8]) {
        let moment = present();
        let mut inner = self.inner.borrow_mut();
        let Inner { desk, sockets, .. } = &mut *inner;
        match desk.decide(moment, message, connection.client, &mut sockets.long_reply) {
            Decision::Reply(octets) => connection.reply(&sockets.long_reply[..octets]),
            Decision::ReplyAndRefresh(octets, forward) => {
                connection.reply(&sockets.long_reply[..octets]);
                desk.refresh(moment, *forward);
            }
            Decision::Drop => {}
            Decision::Update(request) => {
                let back = Back::Tcp(Rc::clone(connection));
                desk.update(moment, back, request, &mut Lent { worker: self, sockets });
            }
            Decision::Forward(forward) => {
                let back = Back::Tcp(Rc::clone(connection));
                desk.forward(moment, message, connection.client, back, forward, &mut Lent { worker: self, sockets });
            }
        }
        desk.end_batch();
        self.carry_out(&mut inner, moment);
    }

    /// Does what the desk wants done; then sends everything.
    pub(super) fn carry_out(self: &Rc<Self>, inner: &mut Inner, moment: Moment) {
        let Inner { desk, sockets, .. } = &mut *inner;
        desk.carry_out(moment, &mut Lent { worker: self, sockets });
        self.send_to_upstreams(sockets);
        // Ends: only the first refusal of a server that is doubted has questions sent, and not to that one.
        while let Some(path) = sockets.refused.pop() {
            desk.refused(path, moment.now);
            desk.carry_out(moment, &mut Lent { worker: self, sockets });
            self.send_to_upstreams(sockets);
        }
        for port in sockets.ports_to_send.drain(..) {
            port.send(&mut port.sender.borrow_mut());
        }
        self.arm(inner);
    }

    /// Wakes the timer's task if the desk wants to be looked at earlier.
    fn arm(&self, inner: &mut Inner) {
        let next = inner.desk.next_at();
        let earlier = match (next, inner.armed) {
            (Some(next), Some(armed)) => next < armed,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if earlier {
            inner.armed = next;
            self.earlier.notify_one();
        }
    }

    /// The task of the timer.
    pub(super) async fn keep_time(self: Rc<Self>) {
        loop {
            let next = {
                let mut inner = self.inner.borrow_mut();
                inner.armed = inner.desk.next_at();
                inner.armed
            };
            match next {
                None => self.earlier.notified().await,
                Some(at) => {
                    tokio::select! {
                        () = self.earlier.notified() => continue,
                        () = tokio::time::sleep_until(at.into()) => {}
                    }
                    let moment = present();
                    let mut inner = self.inner.borrow_mut();
                    inner.desk.fire(moment.now);
                    self.carry_out(&mut inner, moment);
                }
            }
        }
    }

    /// The task of the letter box.
    pub(super) async fn read_mail(self: Rc<Self>) {
        loop {
            let letters = self.shared.mailboxes[usize::from(self.number)].take().await;
            let mut inner = self.inner.borrow_mut();
            let moment = present();
            let Inner { desk, sockets, .. } = &mut *inner;
            for letter in letters {
                match letter {
                    Letter::Segment(flight, segment) => desk.told(flight, &segment),
                    Letter::Updated(number, request, outcome) => {
                        desk.updated(moment, number, &request, outcome, &mut Lent { worker: &self, sockets });
                    }
                }
            }
            self.carry_out(&mut inner, moment);
        }
    }

    /// Whether some query still waits.
    pub(super) fn is_idle(&self) -> bool {
        self.inner.borrow().desk.waiting() == 0
    }
}

impl Driver for Lent<'_> {
    type Back = Back;

    /// Writes a reply where it goes; it leaves with the next [`Worker::carry_out`].
    fn reply(&mut self, back: &Back, write: impl FnOnce(&mut [u8]) -> Option<usize>) {
        match back {
            Back::Udp(port, to) => {
                let mut sender = port.sender_with_room();
                if let Some(octets) = write(sender.buffer()) {
                    sender.push(octets, Some(to));
                    port.note(&mut self.sockets.ports_to_send);
                }
            }
            Back::Tcp(connection) => {
                if let Some(octets) = write(&mut self.sockets.long_reply) {
                    connection.reply(&self.sockets.long_reply[..octets]);
                }
            }
        }
    }

    fn begins(&mut self, back: &Back) {
        if let Back::Tcp(connection) = back {
            connection.begins();
        }
    }

    fn ends(&mut self, back: &Back) {
        if let Back::Tcp(connection) = back {
            connection.ends();
        }
    }

    fn open(&mut self, path: Path, server: &Arc<Server>, transport: Transport) -> bool {
        self.worker.open_upstream(self.sockets, path, server, transport)
    }

    fn send(&mut self, path: Path, octets: &[u8]) {
        self.worker.add_question(self.sockets, path, octets);
    }

    fn close(&mut self, path: Path) {
        self.worker.close_upstream(self.sockets, path);
    }

    fn tell(&mut self, flight: FlightId, segment: Arc<[u8]>) {
        if let Some(mailbox) = self.worker.shared.mailboxes.get(usize::from(flight.worker)) {
            mailbox.put(Letter::Segment(flight, segment));
        }
    }

    fn submit(&mut self, number: u64, request: Box<Request>) -> Result<(), Box<Request>> {
        let (shared, worker) = (Arc::clone(&self.worker.shared), usize::from(self.worker.number));
        let answer = move |request, outcome| shared.mailboxes[worker].put(Letter::Updated(number, request, outcome));
        self.worker.shared.keeper.submit(request, Box::new(answer))
    }
}

/// The moment that it is.
pub(super) fn present() -> Moment {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Moment { now: Instant::now(), unix }
}
