//! What is bounded: upstream questions for one name, and what a flood of new names does to the others and to memory.

use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::time::Instant;

use stand::message::{QUERY_OCTETS, TTL, is_right, ttl_at};
use stand::upstream::Upstream;
use tandem::sys::batch::{BATCH, Receiver, Sender};
use tandem::sys::sockets::udp_to;

use super::*;

/// Clients that ask at once.
const CLIENTS: usize = 1000;
/// Names that they ask, one after the other.
const SHARED_NAMES: u64 = 5;
/// How long the upstream takes, so that all have asked before it answers; soon enough that no question to an upstream whose
/// time is known is taken for lost.
const UPSTREAM_TIME: &str = "late 100 60";
/// Questions that make the upstream's time known.
const KNOWN_AFTER: u64 = 200;
const PATIENCE: Duration = Duration::from_secs(2);

/// Of the cache that is flooded.
const FLOODED_MIB: usize = 8;
/// New names after which the cache is full several times over.
const FILL: u64 = 1_000_000;
/// One question in so many is for a name that is asked often.
const ONE_IN: u64 = 10;
/// Questions that wait for an answer.
const WINDOW: usize = BATCH;
const HOT_PREFIX: &str = "hot";

impl Bench {
    /// Many clients ask for a new name at once: how often is the upstream asked?
    pub(super) fn flight(&mut self) -> io::Result<()> {
        let mut rows = Vec::new();
        for peer in peers::installed(&self.args.only) {
            table::note(&format!("flight: {}", peer.name));
            let mut upstream = Upstream::start(&self.place)?;
            let address = peer.address(&self.place)?;
            let command = peers::prepare(&self.place, peer, address, &[upstream.address], Amounts::default())?;
            let process = Process::start(&self.place, peer.name, &command)?;
            let Some((_process, ..)) = self.await_start(peer.name, process, address)? else { continue };
            upstream.tell(UPSTREAM_TIME)?;
            let mut each = Questions::new("each", Order::New);
            load::run(&self.place, address, &mut each, START, KNOWN_AFTER)?;
            let mut questions = Questions::new("shared", Order::New);
            let (mut answered, mut most) = (0, 0);
            for _ in 0..SHARED_NAMES {
                upstream.arrivals()?;
                answered += self.ask_together(address, &mut questions)?;
                most = most.max(upstream.arrivals()?.len());
            }
            let asked = SHARED_NAMES as usize * CLIENTS;
            if is_ours(peer.name) {
                let met = most == 1 && answered == asked;
                let what = format!("{CLIENTS} clients ask the same new name at once: upstream questions");
                self.report.judge(&what, most.to_string(), "1", Some(met));
            }
            rows.push(vec![peer.name.to_owned(), asked.to_string(), answered.to_string(), most.to_string()]);
        }
        let title = format!("One new name asked by {CLIENTS} clients at once, {SHARED_NAMES} times");
        self.report.table(&title, &["server", "asked", "answered", "upstream questions, at most"], &rows);
        Ok(())
    }

    /// Asks the next name from many ports of many addresses; returns how many were answered well.
    fn ask_together(&self, to: SocketAddr, questions: &mut Questions) -> io::Result<usize> {
        let open = |number| udp_to(SocketAddr::new(self.place.client(number), 0), to);
        let sockets = (0..CLIENTS).map(open).collect::<io::Result<Vec<UdpSocket>>>()?;
        let mut query = [0; QUERY_OCTETS];
        let octets = questions.next(&mut query);
        for socket in &sockets {
            socket.send(&query[..octets])?;
        }
        let (start, mut waiting, mut buffer) = (Instant::now(), sockets, [0; 1500]);
        while !waiting.is_empty() && start.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(1));
            waiting.retain(|socket| !socket.recv(&mut buffer).is_ok_and(|octets| is_right(&buffer[..octets])));
        }
        Ok(CLIENTS - waiting.len())
    }

    /// New names flood a small cache while some names are asked again and again: are those still answered from it?
    pub(super) fn flood(&mut self) -> io::Result<()> {
        let mut rows = Vec::new();
        for peer in self.ours_or_chosen() {
            table::note(&format!("flood: {}", peer.name));
            let amounts = Amounts { cache_mib: FLOODED_MIB, ..Amounts::default() };
            let Some((process, address, _)) = self.start(peer, amounts)? else { continue };
            let mut hot = Questions::new(HOT_PREFIX, Order::Turn(HOT_NAMES));
            load::run(&self.place, address, &mut hot, Duration::from_secs(5), 2 * HOT_NAMES)?;
            // By now what is kept says less than the whole TTL.
            std::thread::sleep(Duration::from_millis(1100));
            self.pour(&process, address, START, FILL)?;
            let flooded = self.pour(&process, address, 10 * self.seconds(), u64::MAX)?;
            let share = (flooded.hot > 0).then(|| 100.0 * flooded.hits as f64 / flooded.hot as f64);
            let [first, last] = flooded.resident.map(|octets| octets / 1e6);
            if is_ours(peer.name) {
                let what = format!(
                    "hits of {HOT_NAMES} names asked often while {} new ones pass a cache of {FLOODED_MIB} MiB",
                    flooded.new
                );
                let met = share.map(|share| share >= 99.0);
                self.report.judge(&what, format!("{} %", number(share, 2)), "≥ 99 %", met);
                let grown = 100.0 * (last / first - 1.0);
                self.report.judge_most("resident memory meanwhile, last third over first", Some(grown), 3.0, "%", 1);
            }
            let mut row = vec![peer.name.to_owned(), flooded.new.to_string(), flooded.hot.to_string()];
            row.extend([number(share, 2), number(Some(first), 1), number(Some(last), 1)]);
            row.extend([flooded.lost.to_string()]);
            rows.push(row);
        }
        let head = ["server", "new names", "asked often", "hits %", "MB, first third", "MB, last third", "lost"];
        let title =
            format!("Flood: one question in {ONE_IN} is for one of {HOT_NAMES} names, {FLOODED_MIB} MiB of cache");
        self.report.table(&title, &head, &rows);
        Ok(())
    }

    /// Asks new and hot names as fast as they are answered, for `limit` or until so many new ones were answered.
    fn pour(&mut self, process: &Process, to: SocketAddr, limit: Duration, most: u64) -> io::Result<Flooded> {
        /// Between two looks at the memory.
        const LOOK: Duration = Duration::from_millis(50);
        self.runs += 1;
        let socket = udp_to(SocketAddr::new(self.place.client(0), 0), to)?;
        let (mut receiver, mut sender) = (Receiver::new(1500), Sender::new(QUERY_OCTETS));
        let mut new = Questions::new(&format!("flood{}-", self.runs), Order::New);
        let mut hot = Questions::new(HOT_PREFIX, Order::Random(HOT_NAMES));
        let (mut flooded, mut resident, mut waiting, mut turn) = (Flooded::default(), Vec::new(), 0, 0u64);
        let (start, mut heard, mut looked) = (Instant::now(), Instant::now(), Duration::ZERO);
        while start.elapsed() < limit && flooded.new < most {
            let count = receiver.receive(socket.as_fd()).unwrap_or(0);
            (0..count).for_each(|index| flooded.take(receiver.octets(index)));
            waiting -= count.min(waiting);
            if count > 0 {
                heard = Instant::now();
            } else if heard.elapsed() > Duration::from_millis(500) {
                (flooded.lost, waiting, heard) = (flooded.lost + waiting as u64, 0, Instant::now());
            }
            if waiting + WINDOW / 4 > WINDOW {
                std::thread::yield_now();
                continue;
            }
            for _ in waiting..WINDOW {
                turn += 1;
                let questions = if turn.is_multiple_of(ONE_IN) { &mut hot } else { &mut new };
                let octets = questions.next(sender.buffer());
                sender.push(octets, None);
            }
            waiting = WINDOW - sender.send(socket.as_fd()).lost;
            if start.elapsed() >= looked + LOOK {
                looked = start.elapsed();
                resident.push(process.resident_octets() as f64);
            }
        }
        let third = resident.len() / 3;
        let middle = |part: &[f64]| median(part).unwrap_or(f64::NAN);
        flooded.resident = [middle(&resident[..third]), middle(&resident[resident.len() - third..])];
        Ok(flooded)
    }
}

#[derive(Default)]
struct Flooded {
    /// Answers for new names.
    new: u64,
    /// Answers for names asked often.
    hot: u64,
    /// Those of them that came out of the cache: their TTL is counted down.
    hits: u64,
    lost: u64,
    /// Octets, median of the first and of the last third.
    resident: [f64; 2],
}

impl Flooded {
    fn take(&mut self, response: &[u8]) {
        if !response.get(13..).is_some_and(|name| name.starts_with(HOT_PREFIX.as_bytes())) {
            self.new += 1;
            return;
        }
        let ttl = ttl_at(response).and_then(|at| response.get(at..at + 4)?.try_into().ok()).map(u32::from_be_bytes);
        self.hot += 1;
        self.hits += u64::from(ttl.is_some_and(|ttl| ttl < TTL));
    }
}
