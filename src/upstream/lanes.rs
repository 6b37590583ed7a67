//! The sockets to each upstream, as the machine sees them: which to use, with which ID, and when to part with it.
//!
//! Spoofing (RFC 5452): a forger who cannot see the question has to hit its socket's port and its ID. For each worker
//! and upstream there are [`SOCKETS`] connected sockets on ports that the driver draws from the whole unprivileged range,
//! one drawn at random for each batch of questions, each left after [`MAX_QUESTIONS`] questions or [`MAX_AGE`]. So a
//! forged answer for one outstanding question hits with a chance of about 1 in 64,512 × 65,536 for each packet (32 bits);
//! with n different questions in flight on a socket, n times that. Identical questions share one ID (see `in_flight`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;

use super::server::Server;

/// UDP sockets that a worker uses for an upstream at one time.
pub const SOCKETS: usize = 4;
/// A UDP socket is left after so many questions.
pub const MAX_QUESTIONS: u32 = 16_384;
/// A UDP socket is left after this time.
pub const MAX_AGE: Duration = Duration::from_secs(60);

/// How a message travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A connection, each message behind its length.
    Tcp,
}

/// Names a socket of the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// Its place in the table of sockets.
    pub slot: u32,
    /// Tells it from others that had the same place.
    pub generation: u32,
}

/// A socket as the machine sees it.
#[derive(Debug)]
pub struct Socket {
    /// Whom it is connected to.
    pub server: Arc<Server>,
    /// How.
    pub transport: Transport,
    /// When a message was last received by it, or when it was opened.
    pub heard: Instant,
    opened: Instant,
    questions: u32,
    /// Questions that may still be answered by it.
    live: u32,
    /// It gets no new questions.
    left: bool,
}

#[derive(Default)]
struct Lane {
    udp: [Option<Path>; SOCKETS],
    tcp: Option<Path>,
    /// The batch, and the socket that was drawn for it.
    drawn: (u64, usize),
}

/// What came of asking for a path.
pub struct Chosen {
    /// The socket to use.
    pub path: Path,
    /// The driver has to open it first.
    pub open: bool,
    /// A socket that is no longer needed.
    pub close: Option<Path>,
}

/// Every socket of one worker.
pub struct Lanes {
    sockets: Vec<(u32, Option<Socket>)>,
    free: Vec<u32>,
    /// By [`Server::id`].
    lanes: Vec<Lane>,
    batch: u64,
}

impl Default for Lanes {
    fn default() -> Self {
        Self { sockets: Vec::new(), free: Vec::new(), lanes: Vec::new(), batch: 1 }
    }
}

impl Lanes {
    /// The next question begins a new batch: sockets are drawn anew.
    pub fn end_batch(&mut self) {
        self.batch += 1;
    }

    /// The socket by which the next question to `server` goes.
    pub fn choose(&mut self, server: &Arc<Server>, transport: Transport, now: Instant, rng: &mut StdRng) -> Chosen {
        let id = server.id as usize;
        if self.lanes.len() <= id {
            self.lanes.resize_with(id + 1, Lane::default);
        }
        let known = match transport {
            Transport::Tcp => self.lanes[id].tcp,
            Transport::Udp => self.draw(id, rng),
        };
        let (mut close, mut usable) = (None, None);
        if let Some(path) = known {
            match self.get_mut(path) {
                Some(socket) if socket.is_worn(now) => {
                    socket.left = true;
                    close = (socket.live == 0).then_some(path);
                }
                Some(_) => usable = Some(path),
                None => {}
            }
        }
        if let Some(path) = close {
            self.forget(path);
        }
        let path = usable.unwrap_or_else(|| self.open(server, transport, now));
        Chosen { path, open: usable.is_none(), close }
    }

    fn draw(&mut self, id: usize, rng: &mut StdRng) -> Option<Path> {
        let lane = &mut self.lanes[id];
        if lane.drawn.0 != self.batch {
            lane.drawn = (self.batch, rng.random_range(0..SOCKETS));
        }
        lane.udp[lane.drawn.1]
    }

    fn open(&mut self, server: &Arc<Server>, transport: Transport, now: Instant) -> Path {
        let socket = Socket {
            server: Arc::clone(server),
            transport,
            heard: now,
            opened: now,
            questions: 0,
            live: 0,
            left: false,
        };
        let slot = self.free.pop().unwrap_or_else(|| {
            self.sockets.push((0, None));
            (self.sockets.len() - 1) as u32
        });
        let (generation, place) = &mut self.sockets[slot as usize];
        *generation = generation.wrapping_add(1);
        *place = Some(socket);
        let path = Path { slot, generation: *generation };
        let lane = &mut self.lanes[server.id as usize];
        match transport {
            Transport::Tcp => lane.tcp = Some(path),
            Transport::Udp => lane.udp[lane.drawn.1] = Some(path),
        }
        path
    }

    /// The socket that a path names, if it is still there.
    pub fn get_mut(&mut self, path: Path) -> Option<&mut Socket> {
        let (generation, socket) = self.sockets.get_mut(path.slot as usize)?;
        socket.as_mut().filter(|_| *generation == path.generation)
    }

    /// Counts a question that was sent.
    pub fn asked(&mut self, path: Path) {
        if let Some(socket) = self.get_mut(path) {
            socket.questions += 1;
            socket.live += 1;
        }
    }

    /// A question no longer waits for its answer; returns whether the socket is to be closed.
    pub fn released(&mut self, path: Path) -> bool {
        let Some(socket) = self.get_mut(path) else { return false };
        socket.live = socket.live.saturating_sub(1);
        let done = socket.left && socket.live == 0;
        if done {
            self.forget(path);
        }
        done
    }

    /// The socket is gone.
    pub fn forget(&mut self, path: Path) {
        let Some(socket) = self.get_mut(path) else { return };
        let id = socket.server.id as usize;
        self.sockets[path.slot as usize].1 = None;
        self.free.push(path.slot);
        let lane = &mut self.lanes[id];
        let places = lane.udp.iter_mut().chain(std::iter::once(&mut lane.tcp));
        places.filter(|place| **place == Some(path)).for_each(|place| *place = None);
    }

    /// Parts with every socket to servers that `keep` does not name: those without questions are returned for closing,
    /// the others get no new ones.
    pub fn leave_unless(&mut self, keep: impl Fn(&Server) -> bool) -> Vec<Path> {
        let mut idle = Vec::new();
        for (slot, (generation, socket)) in self.sockets.iter_mut().enumerate() {
            if let Some(socket) = socket.as_mut().filter(|socket| !keep(&socket.server)) {
                socket.left = true;
                if socket.live == 0 {
                    idle.push(Path { slot: slot as u32, generation: *generation });
                }
            }
        }
        idle.iter().for_each(|&path| self.forget(path));
        idle
    }
}

impl Socket {
    /// Whether something was received by it.
    pub fn is_proven(&self) -> bool {
        self.heard != self.opened
    }

    fn is_worn(&self, now: Instant) -> bool {
        let worn = self.questions >= MAX_QUESTIONS || now.saturating_duration_since(self.opened) >= MAX_AGE;
        self.left || (worn && self.transport == Transport::Udp)
    }
}
