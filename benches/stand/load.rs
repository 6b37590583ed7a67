//! A load that saturates a server from one core: a closed loop with a window a socket, in batches.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tandem::sys::batch::{BATCH, Receiver, Sender};
use tandem::sys::sockets::udp_to;

use super::message::{QUERY_OCTETS, Questions, is_right};
use super::place::Place;

/// Sockets, each from an address of its own. With the window: as many questions as fit into a socket's buffer of the
/// default size, which holds about 218 small packets, lest servers that leave it so lose what no client sends at once.
const SOCKETS: usize = 3;
/// Questions that wait for an answer, a socket.
const WINDOW: usize = BATCH;
/// A socket refills its window once so many answers have come.
const REFILL: usize = 32;
/// A question without an answer is lost after this time.
const LOST: Duration = Duration::from_millis(500);
/// Octets of the longest answer.
const ANSWER_OCTETS: usize = 1500;

/// What came of a load.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) sent: u64,
    /// Answers with an address.
    pub(crate) right: u64,
    /// Other answers.
    pub(crate) wrong: u64,
    /// Questions without an answer.
    pub(crate) lost: u64,
    pub(crate) time: Duration,
}

impl Tally {
    pub(crate) fn per_second(&self) -> f64 {
        self.right as f64 / self.time.as_secs_f64().max(1e-9)
    }
}

struct Lane {
    socket: UdpSocket,
    waiting: usize,
    heard: Instant,
}

/// Asks for `limit`, or until `most` were asked, then waits for what is still to come.
pub(crate) fn run(
    place: &Place,
    to: SocketAddr,
    questions: &mut Questions,
    limit: Duration,
    most: u64,
) -> io::Result<Tally> {
    let open = |number| udp_to(SocketAddr::new(place.client(number), 0), to);
    let start = Instant::now();
    let lane = |socket| Lane { socket, waiting: 0, heard: start };
    let mut lanes = (0..SOCKETS).map(|number| open(number).map(lane)).collect::<io::Result<Vec<_>>>()?;
    let (mut receiver, mut sender) = (Receiver::new(ANSWER_OCTETS), Sender::new(QUERY_OCTETS));
    let mut tally = Tally::default();
    loop {
        let now = Instant::now();
        let asking = now - start < limit && tally.sent < most;
        let mut idle = true;
        for lane in &mut lanes {
            idle &= !lane.take(&mut receiver, now, &mut tally);
            if asking && lane.waiting + REFILL <= WINDOW {
                lane.ask(&mut sender, questions, now, &mut tally);
                idle = false;
            }
        }
        if !asking && lanes.iter().all(|lane| lane.waiting == 0) {
            tally.time = start.elapsed();
            return Ok(tally);
        }
        if idle {
            wait(&lanes);
        }
    }
}

impl Lane {
    /// Takes the answers that are there; whether there were some.
    fn take(&mut self, receiver: &mut Receiver, now: Instant, tally: &mut Tally) -> bool {
        let count = receiver.receive(self.socket.as_fd()).unwrap_or(0);
        for index in 0..count {
            *(if is_right(receiver.octets(index)) { &mut tally.right } else { &mut tally.wrong }) += 1;
        }
        if count > 0 {
            self.waiting = self.waiting.saturating_sub(count);
            self.heard = now;
        } else if self.waiting > 0 && now - self.heard > LOST {
            tally.lost += self.waiting as u64;
            self.waiting = 0;
        }
        count > 0
    }

    fn ask(&mut self, sender: &mut Sender, questions: &mut Questions, now: Instant, tally: &mut Tally) {
        let room = WINDOW - self.waiting;
        for _ in 0..room {
            let octets = questions.next(sender.buffer());
            sender.push(octets, None);
        }
        let unsent = sender.send(self.socket.as_fd()).lost;
        if self.waiting == 0 {
            self.heard = now;
        }
        self.waiting += room - unsent;
        tally.sent += (room - unsent) as u64;
    }
}

fn wait(lanes: &[Lane]) {
    let mut entries: Vec<_> = lanes.iter().map(|lane| PollFd::new(lane.socket.as_fd(), PollFlags::POLLIN)).collect();
    // Interrupted or not, the sockets are looked at next.
    let _ = poll(&mut entries, PollTimeout::from(1u8));
}

/// Asks `rate` questions a second for `limit`, from many ports, whatever the server does; then waits for what is still to
/// come. It is far from what the server can do: meant for what a question costs when there is room.
pub(crate) fn paced(
    place: &Place,
    to: SocketAddr,
    questions: &mut Questions,
    rate: f64,
    limit: Duration,
) -> io::Result<Tally> {
    /// So many that the workers that the kernel spreads them over get alike.
    const PORTS: usize = 64;
    /// Between two looks at the clock.
    const STEP: Duration = Duration::from_micros(500);
    let open = |number| udp_to(SocketAddr::new(place.client(number), 0), to);
    let sockets = (0..PORTS).map(open).collect::<io::Result<Vec<_>>>()?;
    let mut receiver = Receiver::new(ANSWER_OCTETS);
    let (mut tally, start, mut query) = (Tally::default(), Instant::now(), [0; QUERY_OCTETS]);
    loop {
        let passed = start.elapsed();
        let due = (passed.min(limit).as_secs_f64() * rate) as u64;
        while tally.sent < due {
            let octets = questions.next(&mut query);
            // What the system does not take is lost.
            let _ = sockets[tally.sent as usize % PORTS].send(&query[..octets]);
            tally.sent += 1;
        }
        for socket in &sockets {
            for index in 0..receiver.receive(socket.as_fd()).unwrap_or(0) {
                *(if is_right(receiver.octets(index)) { &mut tally.right } else { &mut tally.wrong }) += 1;
            }
        }
        let missing = tally.sent - tally.right - tally.wrong;
        if passed >= limit && (missing == 0 || passed >= limit + LOST) {
            (tally.lost, tally.time) = (missing, limit);
            return Ok(tally);
        }
        std::thread::sleep(STEP);
    }
}

/// How long single answers take while the server has nothing else to do, in ascending order.
pub(crate) fn one_at_a_time(
    place: &Place,
    to: SocketAddr,
    questions: &mut Questions,
    limit: Duration,
) -> io::Result<Vec<Duration>> {
    /// Between an answer and the next question: long enough that the server goes to sleep.
    const PAUSE: Duration = Duration::from_micros(300);
    let socket = UdpSocket::bind((place.client(0), 0))?;
    socket.connect(to)?;
    socket.set_read_timeout(Some(LOST))?;
    let (start, mut times) = (Instant::now(), Vec::new());
    let (mut query, mut response) = ([0; QUERY_OCTETS], [0; ANSWER_OCTETS]);
    while start.elapsed() < limit {
        let octets = questions.next(&mut query);
        let sent = Instant::now();
        socket.send(&query[..octets])?;
        let received = socket.recv(&mut response).unwrap_or(0);
        if is_right(&response[..received]) {
            times.push(sent.elapsed());
        }
        std::thread::sleep(PAUSE);
    }
    times.sort_unstable();
    Ok(times)
}
