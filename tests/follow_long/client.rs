//! A client that asks for one name every 10 ms and remembers what it was told, and when.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::common::packet::{Question, receive_udp};
use crate::common::wait_until;

/// From question to question.
const PACE: Duration = Duration::from_millis(10);
/// How long a question waits for its answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Answers in a row that had the same address; `None`: that had none, or did not come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) address: Option<Ipv4Addr>,
    /// When the first of them came.
    pub(crate) first: Instant,
    pub(crate) answers: usize,
}

/// Asks until it is dropped.
pub(crate) struct Client {
    runs: Arc<Mutex<Vec<Run>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Client {
    pub(crate) fn start(server: SocketAddr, name: &str) -> Client {
        let (runs, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (seen, end) = (Arc::clone(&runs), Arc::clone(&stop));
        let name = name.to_owned();
        let thread = thread::spawn(move || ask_on(server, &name, &seen, &end));
        Client { runs, stop, thread: Some(thread) }
    }

    /// All that it saw.
    pub(crate) fn runs(&self) -> Vec<Run> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the name has this address: since when it has.
    pub(crate) fn wait_for(&self, address: Ipv4Addr, limit: Duration) -> Option<Instant> {
        let mut since = None;
        wait_until(limit, || {
            since = self.runs().last().filter(|run| run.address == Some(address)).map(|run| run.first);
            since.is_some()
        });
        since
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn ask_on(server: SocketAddr, name: &str, runs: &Mutex<Vec<Run>>, end: &AtomicBool) {
    let mut next = Instant::now();
    let mut id = 0_u16;
    while !end.load(Ordering::Relaxed) {
        id = id.wrapping_add(1);
        let address = ask(server, name, id);
        note(&mut runs.lock().unwrap_or_else(PoisonError::into_inner), address, Instant::now());
        next = (next + PACE).max(Instant::now());
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

/// The one address of the answer, by a socket of its own: what comes late is nobody's.
fn ask(server: SocketAddr, name: &str, id: u16) -> Option<Ipv4Addr> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a UDP socket on loopback");
    socket.connect(server).expect("a UDP socket can be connected");
    socket.send(&Question::new(name, "A").id(id).octets()).ok()?;
    let answer = receive_udp(&socket, PATIENCE).filter(|answer| answer.id == id && answer.rcode() == 0)?;
    let mut addresses = answer.records.iter().filter(|record| record.rtype == 1);
    let address = <[u8; 4]>::try_from(addresses.next()?.data.as_slice()).ok()?;
    addresses.next().is_none().then(|| address.into())
}

fn note(runs: &mut Vec<Run>, address: Option<Ipv4Addr>, now: Instant) {
    match runs.last_mut().filter(|run| run.address == address) {
        Some(run) => run.answers += 1,
        None => runs.push(Run { address, first: now, answers: 1 }),
    }
}
