//! An upstream that behaves as it is told: loses, delays, refuses, or is stopped by a signal.
//!
//! It is a process of its own, so that SIGSTOP makes it as silent as a host that hangs: packets still arrive, nothing
//! comes back, no ICMP tells of it; once it goes on, it answers what has piled up. The kernel notes when each packet
//! arrived, so that those of the silence are told apart by their second too.
//! It is spoken to by lines: `calm`, `lose PERCENT`, `late PERCENT MS`, `rcode N`, `ttl SECONDS`, `cached SECONDS` (TTLs
//! count down from that since a name was first asked, and begin anew, as those of a resolver do that answers from its
//! cache), and `report`, which is answered with the times of arrival since the last report, in milliseconds since 1970.
//! By TCP it only heeds `rcode`.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io::{self, BufRead, BufReader, IoSliceMut, Read, Write};
use std::net::{SocketAddr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use std::process::{ChildStdin, ChildStdout};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use tandem::sys::sockets::{tcp_listener, udp_listener};
use tandem::wire::Query;

use super::message::{answer, ttl_at};
use super::place::Place;
use super::process::Process;

/// Names whose first label begins so take [`SLOW`] from their first arrival, however often they are asked.
pub(crate) const SLOW_PREFIX: &str = "slow";
/// As long as a recursion takes whose servers do not answer at first.
pub(crate) const SLOW: Duration = Duration::from_secs(3);

const DATAGRAM_OCTETS: usize = 1500;

/// Our end of a running upstream.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    process: Process,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Upstream {
    pub(crate) fn start(place: &Place) -> io::Result<Self> {
        let address = place.address();
        let mut process = Process::stand_in(place, place.load_core, "upstream", &[address], true)?;
        let (to, from) = process.pipes().expect("a stand-in that is spoken to has pipes");
        let limit = Duration::from_secs(10);
        if process.await_answer(address, place.client(0), limit).is_none() {
            return Err(io::Error::other(format!("the upstream does not answer: {}", process.last_words())));
        }
        let mut upstream = Self { address, process, to, from: BufReader::new(from) };
        upstream.arrivals()?;
        Ok(upstream)
    }

    /// Tells it how to behave from now on.
    pub(crate) fn tell(&mut self, words: &str) -> io::Result<()> {
        writeln!(self.to, "{words}")
    }

    /// When packets arrived since the last call, in milliseconds since 1970. It must not be frozen.
    pub(crate) fn arrivals(&mut self) -> io::Result<Vec<u64>> {
        self.tell("report")?;
        let mut line = String::new();
        self.from.read_line(&mut line)?;
        Ok(line.split_whitespace().filter_map(|word| word.parse().ok()).collect())
    }

    pub(crate) fn freeze(&self) -> io::Result<()> {
        self.process.signal(Signal::SIGSTOP)
    }

    pub(crate) fn thaw(&self) -> io::Result<()> {
        self.process.signal(Signal::SIGCONT)
    }
}

/// How it behaves.
#[derive(Clone, Copy, Default)]
struct Manner {
    lose_percent: u64,
    late_percent: u64,
    late: Duration,
    rcode: u16,
    ttl: Option<Ttl>,
}

#[derive(Clone, Copy)]
enum Ttl {
    /// Seconds.
    Whole(u32),
    /// Seconds from which it is counted down.
    Cached(u32),
}

#[derive(Default)]
struct Told {
    manner: Manner,
    arrivals: Vec<u64>,
}

/// An answer that waits for its time.
struct Late {
    due: Instant,
    to: SocketAddr,
    octets: Vec<u8>,
}

impl PartialEq for Late {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Late {}

impl PartialOrd for Late {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Late {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.due.cmp(&other.due)
    }
}

fn lock(told: &Mutex<Told>) -> std::sync::MutexGuard<'_, Told> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers until standard input ends.
pub(crate) fn play(listen: SocketAddr) -> io::Result<()> {
    let socket = udp_listener(listen)?;
    setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
    let streams = tcp_listener(listen)?;
    streams.set_nonblocking(false)?;
    let told = Arc::new(Mutex::new(Told::default()));
    let (heard, served) = (Arc::clone(&told), Arc::clone(&told));
    std::thread::spawn(move || {
        listen_to_orders(&heard);
        // Nobody is there any more.
        std::process::exit(0);
    });
    std::thread::spawn(move || {
        serve_tcp(&streams, move |packet, out| {
            let rcode = {
                let mut told = lock(&served);
                told.arrivals.push(unix_ms());
                told.manner.rcode
            };
            answer(packet, rcode, out)
        });
    });
    Player {
        socket,
        told,
        waiting: BinaryHeap::new(),
        slow: HashMap::new(),
        cached: HashMap::new(),
        random: 0x9e37_79b9_7f4a_7c15,
    }
    .run()
}

fn listen_to_orders(told: &Mutex<Told>) {
    for line in io::stdin().lines().map_while(Result::ok) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |index: usize| words.get(index).and_then(|word| word.parse().ok()).unwrap_or(0);
        let mut told = lock(told);
        match words.first().copied() {
            Some("calm") => told.manner = Manner::default(),
            Some("lose") => told.manner.lose_percent = number(1),
            Some("late") => {
                (told.manner.late_percent, told.manner.late) = (number(1), Duration::from_millis(number(2)))
            }
            Some("rcode") => told.manner.rcode = number(1) as u16,
            Some("ttl") => told.manner.ttl = Some(Ttl::Whole(number(1) as u32)),
            Some("cached") => told.manner.ttl = Some(Ttl::Cached(number(1) as u32)),
            _ => {
                let arrivals = std::mem::take(&mut told.arrivals);
                drop(told);
                let text: Vec<String> = arrivals.iter().map(ToString::to_string).collect();
                if writeln!(io::stdout(), "{}", text.join(" ")).is_err() {
                    return;
                }
            }
        }
    }
}

struct Player {
    socket: UdpSocket,
    told: Arc<Mutex<Told>>,
    waiting: BinaryHeap<Reverse<Late>>,
    /// When slow names were asked first.
    slow: HashMap<Vec<u8>, Instant>,
    /// Since when names are in the cache that it plays.
    cached: HashMap<Vec<u8>, Instant>,
    random: u64,
}

impl Player {
    fn run(mut self) -> io::Result<()> {
        loop {
            self.wait()?;
            let now = Instant::now();
            while self.waiting.peek().is_some_and(|Reverse(late)| late.due <= now) {
                if let Some(Reverse(late)) = self.waiting.pop() {
                    let _ = self.socket.send_to(&late.octets, late.to);
                }
            }
            while let Some((arrived, octets, from)) = self.receive() {
                self.take(arrived, &octets, from);
            }
        }
    }

    /// Until a packet comes or an answer is due.
    fn wait(&self) -> io::Result<()> {
        let due = self.waiting.peek().map(|Reverse(late)| late.due.saturating_duration_since(Instant::now()));
        let timeout = due.map_or(PollTimeout::NONE, |due| {
            PollTimeout::try_from(due.as_micros().div_ceil(1000) as i32).unwrap_or(PollTimeout::ZERO)
        });
        match poll(&mut [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// A packet, when it arrived and from whom; `None` when there is none.
    fn receive(&self) -> Option<(u64, Vec<u8>, SocketAddr)> {
        let mut buffer = [0; DATAGRAM_OCTETS];
        let mut control = nix::cmsg_space!(TimeSpec);
        let mut vectors = [IoSliceMut::new(&mut buffer)];
        let flags = MsgFlags::MSG_DONTWAIT;
        let message = recvmsg::<SockaddrIn>(self.socket.as_raw_fd(), &mut vectors, Some(&mut control), flags).ok()?;
        let from = message.address.map(|from| SocketAddrV4::new(from.ip(), from.port()))?;
        let stamp = message.cmsgs().ok()?.find_map(|control| match control {
            ControlMessageOwned::ScmTimestampns(time) => Some(Duration::from(time).as_millis() as u64),
            _ => None,
        });
        let octets = message.bytes;
        Some((stamp.unwrap_or_else(unix_ms), buffer[..octets].to_vec(), from.into()))
    }

    fn take(&mut self, arrived: u64, packet: &[u8], from: SocketAddr) {
        let manner = {
            let mut told = lock(&self.told);
            told.arrivals.push(arrived);
            told.manner
        };
        if self.percent() < manner.lose_percent {
            return;
        }
        let mut octets = vec![0; DATAGRAM_OCTETS];
        let Some(length) = answer(packet, manner.rcode, &mut octets) else { return };
        octets.truncate(length);
        let now = Instant::now();
        if let (Some(ttl), Some(at)) = (manner.ttl, ttl_at(&octets)) {
            let seconds = self.seconds(ttl, packet, now);
            octets[at..at + 4].copy_from_slice(&seconds.to_be_bytes());
        }
        let late = if self.percent() < manner.late_percent { manner.late } else { Duration::ZERO };
        let due = self.slow_until(packet, now).unwrap_or(now + late);
        if due <= now {
            let _ = self.socket.send_to(&octets, from);
        } else {
            self.waiting.push(Reverse(Late { due, to: from, octets }));
        }
    }

    /// `0..100`
    fn percent(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % 100
    }

    /// A TTL for the name of a query.
    fn seconds(&mut self, ttl: Ttl, packet: &[u8], now: Instant) -> u32 {
        let from = match ttl {
            Ttl::Whole(seconds) => return seconds,
            Ttl::Cached(seconds) => seconds,
        };
        let since = self.cached.entry(question(packet).unwrap_or_default()).or_insert(now);
        if now.duration_since(*since).as_secs() >= u64::from(from) {
            *since = now;
        }
        from - now.duration_since(*since).as_secs() as u32
    }

    fn slow_until(&mut self, packet: &[u8], now: Instant) -> Option<Instant> {
        let name = question(packet)?;
        let is_slow = name[1..].starts_with(SLOW_PREFIX.as_bytes());
        is_slow.then(|| *self.slow.entry(name).or_insert(now) + SLOW)
    }
}

/// The question of a query, its name in lower case.
fn question(packet: &[u8]) -> Option<Vec<u8>> {
    Some(packet.get(12..Query::read(packet).ok()?.question_end)?.to_ascii_lowercase())
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
}

/// Answers each message of each connection, on a thread a connection: forwarders keep few.
fn serve_tcp<A>(listener: &TcpListener, answer: A)
where
    A: Fn(&[u8], &mut [u8]) -> Option<usize> + Clone + Send + 'static,
{
    for stream in listener.incoming().flatten() {
        let answer = answer.clone();
        // An error is a connection that has ended.
        std::thread::spawn(move || serve_connection(stream, &answer).is_ok());
    }
}

fn serve_connection(mut stream: TcpStream, answer: impl Fn(&[u8], &mut [u8]) -> Option<usize>) -> io::Result<()> {
    loop {
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut packet = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut packet)?;
        let mut octets = vec![0; DATAGRAM_OCTETS];
        let Some(length) = answer(&packet, &mut octets[2..]) else { return Ok(()) };
        octets[..2].copy_from_slice(&(length as u16).to_be_bytes());
        stream.write_all(&octets[..2 + length])?;
    }
}

/// An upstream that answers as fast as it can, by UDP in batches: for measuring what forwarders cost.
pub(crate) fn play_fast(listen: SocketAddr) -> io::Result<()> {
    let streams = tcp_listener(listen)?;
    streams.set_nonblocking(false)?;
    std::thread::spawn(move || serve_tcp(&streams, |packet, out| answer(packet, 0, out)));
    super::floor::echo(listen)
}
