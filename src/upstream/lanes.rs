//! The sockets to each upstream, as the machine sees them: which to use, with which ID, and when to part with it.
//!
//! Spoofing (RFC 5452): a forger who cannot see the question has to hit its socket's port and its ID. For each worker
//! and upstream there are [`SOCKETS`] connected sockets on ports that the driver draws from the whole unprivileged range,
//! one drawn at random for each batch of questions, each left after [`MAX_QUESTIONS`] questions or [`MAX_AGE`]. So a
//! forged answer for one outstanding question hits with a chance of about 1 in 64,512 × 65,536 for each packet (32 bits);
//! with n different questions in flight on a socket, n times that. Identical questions share one ID (see `in_flight`).

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;

use super::server::Server;
use crate::wire::Transport;

/// UDP sockets that a worker uses for an upstream at one time.
pub const SOCKETS: usize = 4;
/// A UDP socket is left after so many questions, a connection while so many wait for their answers.
pub const MAX_QUESTIONS: u32 = 16_384;
/// A UDP socket is left after this time.
pub const MAX_AGE: Duration = Duration::from_secs(60);

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
            socket.server.outstanding.fetch_add(1, Relaxed);
        }
    }

    /// A question no longer waits for its answer; returns whether the socket is to be closed.
    pub fn released(&mut self, path: Path) -> bool {
        let Some(socket) = self.get_mut(path) else { return false };
        if socket.live > 0 {
            socket.live -= 1;
            socket.server.outstanding.fetch_sub(1, Relaxed);
        }
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
        socket.server.outstanding.fetch_sub(socket.live, Relaxed);
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

    /// Whether it gets no new questions. A connection may be old, but an ID for one more must be found at once.
    fn is_worn(&self, now: Instant) -> bool {
        let worn = match self.transport {
            Transport::Udp => self.questions >= MAX_QUESTIONS || now.saturating_duration_since(self.opened) >= MAX_AGE,
            Transport::Tcp => self.live >= MAX_QUESTIONS,
        };
        self.left || worn
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::config::Forwarder;

    fn server(id: u32) -> Arc<Server> {
        Arc::new(Server::new(id, Forwarder::new(([192, 0, 2, id as u8], 53).into())))
    }

    struct Table {
        lanes: Lanes,
        rng: StdRng,
        now: Instant,
    }

    impl Table {
        fn new() -> Self {
            Self { lanes: Lanes::default(), rng: StdRng::from_seed([5; 32]), now: Instant::now() }
        }

        fn choose(&mut self, server: &Arc<Server>, transport: Transport) -> Chosen {
            self.lanes.choose(server, transport, self.now, &mut self.rng)
        }

        /// Sends so many questions by one socket; returns its path.
        fn ask(&mut self, server: &Arc<Server>, transport: Transport, questions: u32) -> Path {
            let path = self.choose(server, transport).path;
            (0..questions).for_each(|_| self.lanes.asked(path));
            path
        }
    }

    #[test]
    fn a_batch_goes_by_one_socket_and_batches_by_several() {
        let (mut table, server) = (Table::new(), server(3));
        let mut paths = std::collections::HashSet::new();
        for _ in 0..100 {
            let first = table.choose(&server, Transport::Udp).path;
            let second = table.choose(&server, Transport::Udp);
            assert_eq!((second.path, second.open), (first, false), "one batch, one socket");
            paths.insert(first);
            table.lanes.end_batch();
        }
        assert_eq!(paths.len(), SOCKETS);
    }

    #[test]
    fn servers_and_transports_have_sockets_of_their_own() {
        let (mut table, servers) = (Table::new(), [server(0), server(1)]);
        let mut paths = std::collections::HashSet::new();
        for server in &servers {
            for transport in [Transport::Udp, Transport::Tcp] {
                let chosen = table.choose(server, transport);
                assert!(chosen.open && paths.insert(chosen.path));
                let socket = table.lanes.get_mut(chosen.path).expect("it is there");
                assert_eq!((socket.server.id, socket.transport), (server.id, transport));
            }
        }
    }

    #[test]
    fn a_worn_socket_gets_no_new_questions_and_is_closed_after_the_last_answer() {
        let (later, never) = (MAX_AGE, Duration::ZERO);
        for (case, transport, questions, age, worn) in [
            ("a UDP socket after its last question", Transport::Udp, MAX_QUESTIONS, never, true),
            ("a UDP socket before it", Transport::Udp, MAX_QUESTIONS - 1, never, false),
            ("an old UDP socket", Transport::Udp, 2, later, true),
            ("an old connection", Transport::Tcp, 2, later, false),
            ("a connection on which too many questions wait", Transport::Tcp, MAX_QUESTIONS, never, true),
        ] {
            let (mut table, server) = (Table::new(), server(0));
            let path = table.ask(&server, transport, questions);
            table.now += age;
            let next = table.choose(&server, transport);
            assert_eq!((next.open, next.path != path, next.close), (worn, worn, None), "{case}");
            for left in (0..questions).rev() {
                assert_eq!(table.lanes.released(path), worn && left == 0, "{case}: {left} questions left");
            }
            assert_eq!(table.lanes.get_mut(path).is_none(), worn, "{case}");
        }
    }

    #[test]
    fn connections_are_used_for_any_number_of_answered_questions() {
        let (mut table, server) = (Table::new(), server(0));
        let path = table.choose(&server, Transport::Tcp).path;
        for _ in 0..2 * MAX_QUESTIONS {
            assert_eq!(table.choose(&server, Transport::Tcp).path, path);
            table.lanes.asked(path);
            assert!(!table.lanes.released(path));
        }
    }

    #[test]
    fn a_worn_socket_without_questions_is_closed_at_once() {
        let (mut table, server) = (Table::new(), server(0));
        let path = table.ask(&server, Transport::Udp, 1);
        assert!(!table.lanes.released(path));
        table.now += MAX_AGE;
        let next = table.choose(&server, Transport::Udp);
        assert_eq!((next.open, next.close), (true, Some(path)));
        assert_eq!((next.path.slot, next.path.generation), (path.slot, path.generation + 1), "its place is used again");
        assert!(table.lanes.get_mut(path).is_none(), "its path names nothing any more");
        assert!(!table.lanes.released(path), "nor does an answer to it");
    }

    #[test]
    fn a_lost_socket_is_opened_anew() {
        let (mut table, server) = (Table::new(), server(0));
        for transport in [Transport::Udp, Transport::Tcp] {
            let path = table.ask(&server, transport, 1);
            table.lanes.forget(path);
            let next = table.choose(&server, transport);
            assert!(next.open && next.path != path);
        }
    }

    #[test]
    fn servers_that_are_no_longer_named_lose_their_sockets() {
        let (mut table, kept, gone) = (Table::new(), server(0), server(1));
        let stays = table.ask(&kept, Transport::Tcp, 0);
        let idle = table.ask(&gone, Transport::Tcp, 0);
        let busy = table.ask(&gone, Transport::Udp, 1);
        assert_eq!(table.lanes.leave_unless(|server| server.id == 0), [idle]);
        assert!(table.lanes.get_mut(stays).is_some() && table.lanes.get_mut(busy).is_some());
        assert_eq!(table.choose(&kept, Transport::Tcp).path, stays);
        assert_ne!(table.choose(&gone, Transport::Udp).path, busy, "named again, it gets a new one");
        assert!(table.lanes.released(busy), "closed after its last answer");
    }
}
