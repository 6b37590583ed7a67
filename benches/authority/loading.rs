//! How long a large zone takes to be read, what it takes of memory, and what clients notice when it is read again.

use std::net::UdpSocket;
use std::time::Instant;

use nix::sys::signal::Signal;
use stand::authorities::{ZONE_FILE, write_zone};
use stand::message::{QUERY_OCTETS, is_right};
use stand::table::percentile;

use super::*;

/// Of a record of the large zone, with a name of its own.
const MOST_OCTETS: f64 = 160.0;
/// From start to first answer, in seconds.
const MOST_SECONDS: f64 = 2.0;
/// A client that waits longer notices.
const MOST_WAIT_MS: f64 = 20.0;

impl Bench {
    pub(super) fn start_times(&mut self) -> io::Result<()> {
        let (few, many) = (Amounts { records: FEW, ..Amounts::default() }, self.args.records);
        let mut rows = Vec::new();
        for peer in self.servers() {
            table::note(&format!("start: {}", peer.name));
            let Some((small, ..)) = self.start(peer, few)? else { continue };
            let empty = small.octets_together();
            drop(small);
            let Some((process, _, took)) = self.start(peer, Amounts { records: many, ..few })? else { continue };
            let octets = process.octets_together().saturating_sub(empty) as f64 / many as f64;
            let seconds = took.as_secs_f64();
            if peer.name == AUTHORITIES[0].name {
                let what = format!("start to first answer with a zone of {many} records");
                self.report.judge_most(&what, Some(seconds), MOST_SECONDS, "s", 2);
                let what = format!("octets of memory for each of {many} records");
                self.report.judge_most(&what, Some(octets), MOST_OCTETS, "", 0);
            }
            let cpu = process.cpu().as_secs_f64();
            let numbers = [number(Some(seconds), 2), number(Some(cpu), 2), number(Some(octets), 0)];
            rows.push([vec![peer.name.to_owned()], numbers.to_vec()].concat());
        }
        let head = ["server", "s to the first answer", "cpu s until then", "octets/record"];
        self.report.table(&format!("Start with a zone of {many} records"), &head, &rows);
        Ok(())
    }

    /// One question at a time, before, while and after the zone is read again. The server has one core for both.
    pub(super) fn reload(&mut self) -> io::Result<()> {
        let (records, peer) = (self.args.records, &AUTHORITIES[0]);
        table::note("reload: tandem");
        let Some((process, address, _)) = self.start(peer, Amounts { records, ..Amounts::default() })? else {
            return Ok(());
        };
        let file = self.place.directory(&format!("{}-{}-{}", peer.name, address.ip(), address.port()))?.join(ZONE_FILE);
        write_zone(&file, records, 2)?;
        let mut client = Client::new(&self.place, address)?;
        let before = client.ask_for(self.seconds())?;
        process.signal(Signal::SIGHUP)?;
        let begin = Instant::now();
        let mut meanwhile = Vec::new();
        let new = Questions::new("new", Order::New);
        let mut query = [0; QUERY_OCTETS];
        let length = new.write(2, 7, &mut query);
        while client.ask(&query[..length])?.is_none() && begin.elapsed() < START {
            meanwhile.extend(client.ask_for(Duration::from_millis(20))?);
        }
        let took = begin.elapsed();
        // What was replaced is freed now.
        let after = client.ask_for(self.seconds())?;
        let row = |when: &str, mut waits: Vec<Duration>| {
            waits.sort_unstable();
            let ms = |share| percentile(&waits, share).map(|wait| wait.as_secs_f64() * 1e3);
            let cells = [ms(0.5), ms(0.99), ms(1.0)].map(|wait| number(wait, 2));
            [vec![when.to_owned(), waits.len().to_string()], cells.to_vec()].concat()
        };
        let longest = meanwhile.iter().chain(&after).max().map(|wait| wait.as_secs_f64() * 1e3);
        let rows = [row("before", before), row("while it is read", meanwhile), row("for a while after", after)];
        let head = ["when", "answers", "p50 ms", "p99 ms", "max ms"];
        let title = format!("Reading a zone of {records} records again, on one core: what one client waits");
        self.report.table(&title, &head, &rows);
        self.report.say(&format!("\nThe new version was served {:.2} s after SIGHUP.", took.as_secs_f64()));
        self.report.judge_most("longest wait while a large zone is read again", longest, MOST_WAIT_MS, "ms", 1);
        Ok(())
    }
}

/// Asks one question at a time.
struct Client {
    socket: UdpSocket,
    questions: Questions,
}

impl Client {
    fn new(place: &Place, to: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind((place.client(0), 0))?;
        socket.connect(to)?;
        socket.set_read_timeout(Some(Duration::from_secs(2)))?;
        Ok(Self { socket, questions: Questions::new("h", Order::Turn(FEW)) })
    }

    /// How long a right answer takes; `None`: it was another, or none.
    fn ask(&mut self, query: &[u8]) -> io::Result<Option<Duration>> {
        let (begin, mut response) = (Instant::now(), [0; 1500]);
        self.socket.send(query)?;
        let received = self.socket.recv(&mut response).unwrap_or(0);
        Ok(is_right(&response[..received]).then(|| begin.elapsed()))
    }

    /// How long right answers take, for a time.
    fn ask_for(&mut self, limit: Duration) -> io::Result<Vec<Duration>> {
        let (begin, mut waits, mut query) = (Instant::now(), Vec::new(), [0; QUERY_OCTETS]);
        while begin.elapsed() < limit {
            let length = self.questions.next(&mut query);
            // No answer is a long wait too.
            let asked = Instant::now();
            let wait = self.ask(&query[..length])?;
            waits.push(wait.unwrap_or_else(|| asked.elapsed()));
            std::thread::sleep(Duration::from_micros(300));
        }
        Ok(waits)
    }
}
