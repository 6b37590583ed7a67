//! A load at a fixed rate that notes what became of every question, whatever the server does meanwhile.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::message::{QUERY_OCTETS, Questions};
use super::place::Place;

/// Ports that questions come from.
const SOCKETS: usize = 16;
/// IDs of a socket before one is used again: long after its first question was given up.
const IDS: usize = 1 << 16;

/// An OPT record: 1232 octets, no options.
const OPT: [u8; 11] = [0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0];
/// The option of an extended error (RFC 8914 §2).
const EXTENDED_ERROR: u16 = 15;

/// A question and what became of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Since the load's beginning.
    pub(crate) at: Duration,
    /// How long the answer took; `None`: none came in time.
    pub(crate) took: Option<Duration>,
    /// The answer's RCODE.
    pub(crate) rcode: u8,
    /// An answer without records has an extended error (RFC 8914).
    pub(crate) explained: bool,
    /// It was not the question that was asked, or an answer without an address.
    pub(crate) wrong: bool,
}

/// What is asked.
pub(crate) struct Plan {
    pub(crate) questions: Questions,
    /// Those whose answer takes long.
    pub(crate) slow: Questions,
    /// Questions a second.
    pub(crate) rate: f64,
    pub(crate) time: Duration,
    /// How long a client waits.
    pub(crate) patience: Duration,
    /// Moments at which a question is asked whose answer takes long.
    pub(crate) slow_at: Vec<Duration>,
}

/// What came of it.
pub(crate) struct Outcome {
    pub(crate) samples: Vec<Sample>,
    /// When the load began, in milliseconds since 1970.
    pub(crate) began_ms: u64,
    /// How much later than planned a question was sent, at worst: the load's own fault.
    pub(crate) behind: Duration,
}

struct Loop<'p> {
    sockets: Vec<UdpSocket>,
    /// Which sample each socket's IDs belong to.
    by_id: Vec<Vec<u32>>,
    samples: Vec<Sample>,
    /// The octets of each question with its header, and the query.
    queries: Vec<(usize, [u8; QUERY_OCTETS])>,
    questions: Questions,
    slow: Questions,
    start: Instant,
    plan: &'p Plan,
    unanswered: usize,
    behind: Duration,
}

/// Asks as planned; `at_times` are done once the load has run so long, in order.
pub(crate) fn run(
    place: &Place,
    to: SocketAddr,
    plan: &Plan,
    at_times: &mut dyn FnMut(Duration) -> io::Result<()>,
) -> io::Result<Outcome> {
    let open = |number: usize| {
        let socket = UdpSocket::bind((place.client(number), 0))?;
        socket.connect(to)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    };
    let mut this = Loop {
        sockets: (0..SOCKETS).map(open).collect::<io::Result<_>>()?,
        by_id: vec![vec![u32::MAX; IDS]; SOCKETS],
        samples: Vec::new(),
        queries: Vec::new(),
        questions: plan.questions.clone(),
        slow: plan.slow.clone(),
        start: Instant::now(),
        plan,
        unanswered: 0,
        behind: Duration::ZERO,
    };
    let began_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64);
    let (mut planned, mut slow) = (0u64, 0);
    loop {
        let now = this.start.elapsed();
        at_times(now)?;
        if now >= plan.time && (this.unanswered == 0 || now >= plan.time + plan.patience) {
            break;
        }
        while now < plan.time && planned as f64 / plan.rate <= now.as_secs_f64() {
            this.ask(false, Duration::from_secs_f64(planned as f64 / plan.rate))?;
            planned += 1;
        }
        while plan.slow_at.get(slow).is_some_and(|at| *at <= now) {
            this.ask(true, plan.slow_at[slow])?;
            slow += 1;
        }
        this.wait();
        this.take_answers();
    }
    Ok(Outcome { samples: this.samples, began_ms, behind: this.behind })
}

impl Loop<'_> {
    fn ask(&mut self, slow: bool, planned: Duration) -> io::Result<()> {
        let index = self.samples.len();
        let (socket, id) = (index % SOCKETS, (index / SOCKETS) as u16);
        let mut query = [0; QUERY_OCTETS];
        let length = if slow { self.slow.next(&mut query) } else { self.questions.next(&mut query) };
        query[..2].copy_from_slice(&id.to_be_bytes());
        // Extended errors need EDNS.
        query[11] = 1;
        let whole = length + OPT.len();
        query[length..whole].copy_from_slice(&OPT);
        self.by_id[socket][usize::from(id)] = index as u32;
        let at = self.start.elapsed();
        self.behind = self.behind.max(at.saturating_sub(planned));
        // A refusal (the server is not there) is told by the answer that does not come.
        let _ = self.sockets[socket].send(&query[..whole]);
        self.samples.push(Sample { at, took: None, rcode: 0, explained: false, wrong: false });
        self.queries.push((length, query));
        self.unanswered += 1;
        Ok(())
    }

    /// Until an answer comes; a millisecond at most.
    fn wait(&self) {
        let entry = |socket| PollFd::new(UdpSocket::as_fd(socket), PollFlags::POLLIN);
        let mut entries: Vec<_> = self.sockets.iter().map(entry).collect();
        // Interrupted or not, the sockets are looked at next.
        let _ = poll(&mut entries, PollTimeout::from(1u8));
    }

    fn take_answers(&mut self) {
        let mut buffer = [0; 1500];
        for socket in 0..SOCKETS {
            while let Ok(octets) = self.sockets[socket].recv(&mut buffer) {
                self.take(socket, &buffer[..octets]);
            }
        }
    }

    fn take(&mut self, socket: usize, response: &[u8]) {
        let now = self.start.elapsed();
        let [high, low, _, flags, ..] = *response else { return };
        let index = self.by_id[socket][usize::from(u16::from_be_bytes([high, low]))] as usize;
        let Some(sample) = self.samples.get_mut(index).filter(|sample| sample.took.is_none()) else { return };
        let took = now.saturating_sub(sample.at);
        if took > self.plan.patience {
            return;
        }
        let (length, query) = &self.queries[index];
        let same = response.get(12..*length).is_some_and(|question| question == &query[12..*length]);
        sample.took = Some(took);
        sample.rcode = flags & 0x0f;
        sample.explained = has_extended_error(response, *length);
        sample.wrong = !same || (sample.rcode == 0 && response[6..8] == [0, 0]);
        self.unanswered -= 1;
    }
}

/// Whether the OPT record behind the question of a response without other records has an extended error.
fn has_extended_error(response: &[u8], question_end: usize) -> bool {
    let number = |at: usize| response.get(at..at + 2).map(|two| u16::from_be_bytes([two[0], two[1]]));
    if response.get(question_end..question_end + 3) != Some(&OPT[..3]) {
        return false;
    }
    let mut at = question_end + OPT.len();
    while let Some((code, octets)) = number(at).zip(number(at + 2)) {
        if code == EXTENDED_ERROR {
            return true;
        }
        at += 4 + usize::from(octets);
    }
    false
}
