//! What an answer costs end to end, beside the floor and beside whichever other forwarders are installed.
//!
//! `cargo bench --bench forwarding -- --help`. Every server runs alone on one core while load and upstream have another;
//! rounds are interleaved, so that a machine that slows down slows all; medians are told, and as ratios to the floor of
//! the same run, since absolute figures move with the machine. The cost is the CPU time of the server's process divided
//! by the answers that were right.
//! Not here: what happens when upstreams fail (`failover`), what the steps cost by themselves (`micro`).

mod bounds;
mod growth;
#[path = "../stand/mod.rs"]
mod stand;
mod workers;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use stand::load::{self, Tally};
use stand::message::{Order, Questions};
use stand::peers::{self, Amounts, PEERS, Peer};
use stand::place::Place;
use stand::process::Process;
use stand::table::{self, Report, median, number, percentile};
use stand::tcp_load::{self, Shape};

/// What an answer costs end to end, beside the floor and the other forwarders that are installed
#[derive(Parser)]
#[command(name = "forwarding")]
struct Args {
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
    /// Interleaved rounds, of which medians are told
    #[arg(long, default_value_t = 3, value_name = "N")]
    rounds: usize,
    /// How long each load of a round lasts
    #[arg(long, default_value_t = 0.7, value_name = "SECONDS")]
    seconds: f64,
    /// Only these servers: tandem, unbound, dnsdist, named, pdns_recursor, kresd, dnsmasq
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    only: Vec<String>,
    /// Only these measurements
    #[arg(long, value_delimiter = ',', value_name = "MODE,…")]
    modes: Vec<Mode>,
    /// Cached answers of `memory`, at most: it stops after 15 times --seconds
    #[arg(long, default_value_t = 1_000_000, value_name = "N")]
    names: u64,
    /// Cached answers of `growth`: each takes about 220 octets
    #[arg(long, default_value_t = 5_000_000, value_name = "N")]
    most_names: u64,
    /// Forward zones, and prefixes, of `growth` and `start`
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    many: usize,
    /// One short round: whether everything works, not what it costs
    #[arg(long)]
    quick: bool,
    /// Also write the report and its plots to docs/bench
    #[arg(long)]
    docs: bool,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
enum Mode {
    /// UDP, 1,000 names, all cached
    Cached,
    /// One cached question at a time: how long a client waits
    Latency,
    /// TCP, cached, 20 connections with 20 questions each
    Tcp,
    /// TCP, cached, a connection for each question
    Connections,
    /// UDP, every name new, one upstream
    New,
    /// Resident octets for each cached answer
    Memory,
    /// What becomes of the cost as zones, prefixes and cached answers grow
    Growth,
    /// From start to first answer with many zones
    Start,
    /// Two workers beside one
    Workers,
    /// Upstream questions when 1,000 clients ask the same new name at once
    Flight,
    /// Hits of names asked often while new names flood a small cache
    Flood,
}

impl Mode {
    const OF_A_ROUND: [Self; 5] = [Self::Cached, Self::Latency, Self::Tcp, Self::Connections, Self::New];

    fn title(self) -> &'static str {
        match self {
            Self::Cached => "Cached, UDP",
            Self::Latency => "Cached, UDP, one question at a time",
            Self::Tcp => "Cached, TCP, 20 connections with 20 questions each",
            Self::Connections => "Cached, TCP, a connection for each question",
            Self::New => "Every name new, UDP, one upstream",
            Self::Memory => "Memory",
            Self::Growth => "Growth",
            Self::Start => "Start",
            Self::Workers => "Workers",
            Self::Flight => "Flight",
            Self::Flood => "Flood",
        }
    }

    /// The stand-in that is this mode's floor.
    fn floor(self) -> Option<&'static str> {
        match self {
            Self::Cached | Self::Latency => Some("echo"),
            Self::New => Some("relay"),
            _ => None,
        }
    }
}

/// A measurement with a table of its own.
type Measurement = fn(&mut Bench) -> io::Result<()>;

/// How long a server may take until it answers.
const START: Duration = Duration::from_secs(60);
/// Names of the cached modes.
const HOT_NAMES: u64 = 1000;
/// Names of `growth` that lie in many zones, so that few and many zones have as many cached answers.
const ZONE_NAMES: u64 = 100_000;

/// One load's figures.
#[derive(Clone, Default)]
struct Reading {
    cpu_us: f64,
    per_second: f64,
    lost: u64,
    wrong: u64,
    /// Median, 99th percentile and longest, in microseconds; of [`Mode::Latency`].
    waits_us: [f64; 3],
}

struct Bench {
    args: Args,
    place: Place,
    upstream: SocketAddr,
    report: Report,
    /// Counts loads of new names, so that no two ask the same.
    runs: u64,
}

fn main() -> ExitCode {
    if let Some(code) = stand::play_stand_in() {
        return code;
    }
    if !std::env::args().any(|word| word == "--bench") {
        table::note("forwarding measures under `cargo bench` only");
        return ExitCode::SUCCESS;
    }
    let mut args = Args::parse();
    if args.quick {
        (args.rounds, args.seconds) = (1, 0.3);
        (args.names, args.most_names) = (args.names.min(100_000), args.most_names.min(200_000));
    }
    if let [first, ..] = peers::unknown(&args.only).as_slice() {
        table::note(&format!("--only: no server is called {first}"));
        return ExitCode::FAILURE;
    }
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            table::note(&format!("forwarding: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> io::Result<()> {
    let place = Place::new()?;
    tandem::sys::cores::stay_on(place.load_core);
    let upstream = place.address();
    let mut process = Process::stand_in(&place, place.load_core, "fast-upstream", &[upstream], false)?;
    process.await_answer(upstream, place.client(0), START).ok_or(io::ErrorKind::TimedOut)?;
    let mut bench = Bench { args, place, upstream, report: Report::default(), runs: 0 };
    bench.head();
    bench.rounds()?;
    let others: [(Mode, Measurement); 6] = [
        (Mode::Memory, Bench::memory),
        (Mode::Growth, Bench::growth),
        (Mode::Start, Bench::start_times),
        (Mode::Flight, Bench::flight),
        (Mode::Flood, Bench::flood),
        (Mode::Workers, Bench::workers),
    ];
    for (mode, measure) in others {
        if bench.wants(mode) {
            measure(&mut bench)?;
        }
    }
    bench.report.write("forwarding", bench.args.docs)
}

impl Bench {
    fn wants(&self, mode: Mode) -> bool {
        self.args.modes.is_empty() || self.args.modes.contains(&mode)
    }

    fn seconds(&self) -> Duration {
        Duration::from_secs_f64(self.args.seconds)
    }

    fn head(&mut self) {
        let place = &self.place;
        let cores = if place.server_core == place.load_core {
            "server, load and upstream share one core: figures are of no use".to_owned()
        } else {
            format!("server on core {}, load and upstream on core {}", place.server_core, place.load_core)
        };
        let peers = peers::installed(&self.args.only);
        let versions: Vec<String> = peers.iter().map(|peer| format!("{} {}", peer.name, peer.version())).collect();
        let rounds = format!("{} interleaved rounds of {} s, medians", self.args.rounds, self.args.seconds);
        self.report.say(&format!("## Forwarding\n\n    {}\n", table::command("forwarding")));
        self.report.say(&format!("{}; {cores}.\n{rounds}. {}.", table::machine(), versions.join(", ")));
    }

    /// Starts a server before the fast upstream; `None`, said in the report, if it does not answer.
    fn start(&mut self, peer: &Peer, amounts: Amounts) -> io::Result<Option<(Process, SocketAddr, Duration)>> {
        let address = peer.address(&self.place)?;
        let command = peers::prepare(&self.place, peer, address, &[self.upstream], amounts)?;
        let process = Process::start(&self.place, peer.name, &command)?;
        self.await_start(peer.name, process, address)
    }

    /// Ours, or those of `--only`, as far as they heed [`Amounts`].
    fn ours_or_chosen(&self) -> Vec<&'static Peer> {
        let ours = [PEERS[0].name.to_owned()];
        let names = if self.args.only.is_empty() { &ours } else { &self.args.only[..] };
        peers::installed(names).into_iter().filter(|peer| peer.grows).collect()
    }

    fn start_floor(&mut self, kind: &str) -> io::Result<Option<(Process, SocketAddr, Duration)>> {
        let address = self.place.address();
        let addresses = if kind == "relay" { vec![address, self.upstream] } else { vec![address] };
        let process = Process::stand_in(&self.place, self.place.server_core, kind, &addresses, false)?;
        self.await_start(kind, process, address)
    }

    fn await_start(
        &mut self,
        name: &str,
        mut process: Process,
        address: SocketAddr,
    ) -> io::Result<Option<(Process, SocketAddr, Duration)>> {
        match process.await_answer(address, self.place.client(0), START) {
            Some(took) => Ok(Some((process, address, took))),
            None => {
                self.report.say(&format!("\n{name} does not answer: {}", process.last_words()));
                Ok(None)
            }
        }
    }

    /// The interleaved rounds and their tables.
    fn rounds(&mut self) -> io::Result<()> {
        let modes: Vec<Mode> = Mode::OF_A_ROUND.into_iter().filter(|mode| self.wants(*mode)).collect();
        let mut readings: HashMap<(Mode, &'static str), Vec<Reading>> = HashMap::new();
        for round in 1..=self.args.rounds {
            for floor in ["echo", "relay"] {
                let modes: Vec<Mode> = modes.iter().copied().filter(|mode| mode.floor() == Some(floor)).collect();
                if modes.is_empty() {
                    continue;
                }
                table::note(&format!("round {round}: {floor}"));
                let Some((process, address, _)) = self.start_floor(floor)? else { continue };
                for mode in modes {
                    readings.entry((mode, floor)).or_default().push(self.measure(&process, address, mode)?);
                }
            }
            for peer in peers::installed(&self.args.only) {
                table::note(&format!("round {round}: {}", peer.name));
                let Some((process, address, _)) = self.start(peer, Amounts::default())? else { continue };
                for mode in modes.iter().copied() {
                    if matches!(mode, Mode::Tcp | Mode::Connections) && !peer.tcp {
                        continue;
                    }
                    readings.entry((mode, peer.name)).or_default().push(self.measure(&process, address, mode)?);
                }
            }
        }
        let mut bars = Vec::new();
        for mode in modes {
            bars.extend(self.table_of(mode, &readings));
        }
        if !bars.is_empty() {
            self.report.plot("forwarding.svg", stand::plot::bars(&bars, ""));
        }
        Ok(())
    }

    /// Loads a server in one way.
    fn measure(&mut self, process: &Process, address: SocketAddr, mode: Mode) -> io::Result<Reading> {
        let (seconds, place) = (self.seconds(), &self.place);
        let hot = || Questions::new("h", Order::Turn(HOT_NAMES));
        if mode != Mode::New {
            load::run(place, address, &mut hot(), Duration::from_secs(5), 2 * HOT_NAMES)?;
        }
        if mode == Mode::Latency {
            let times = load::one_at_a_time(place, address, &mut hot(), seconds)?;
            let us = |share| percentile(&times, share).map_or(f64::NAN, |time| time.as_secs_f64() * 1e6);
            return Ok(Reading { waits_us: [us(0.5), us(0.99), us(1.0)], ..Reading::default() });
        }
        self.runs += 1;
        let before = process.cpu();
        let tally = match mode {
            Mode::Tcp => tcp_load::run(place, address, &mut hot(), seconds, Shape::Pipelined)?,
            Mode::Connections => tcp_load::run(place, address, &mut hot(), seconds, Shape::OneEach)?,
            Mode::New => {
                let mut questions = Questions::new(&format!("m{}-", self.runs), Order::New);
                load::run(place, address, &mut questions, seconds, u64::MAX)?
            }
            _ => load::run(place, address, &mut hot(), seconds, u64::MAX)?,
        };
        Ok(reading(process.cpu() - before, &tally))
    }

    /// Tells what was measured in a mode; returns it as bars.
    fn table_of(
        &mut self,
        mode: Mode,
        readings: &HashMap<(Mode, &'static str), Vec<Reading>>,
    ) -> Option<(String, Vec<(String, f64)>)> {
        let names = mode.floor().into_iter().chain(PEERS.iter().map(|peer| peer.name));
        let of = |name| Some((name, readings.get(&(mode, name))?));
        let rows: Vec<(&str, &Vec<Reading>)> = names.filter_map(of).collect();
        if mode == Mode::Latency {
            let wait = |all: &[Reading], index: usize| {
                number(median(&all.iter().map(|one| one.waits_us[index]).collect::<Vec<_>>()), 0)
            };
            let cells = |(name, all): &(&str, &Vec<Reading>)| {
                vec![(*name).to_owned(), wait(all, 0), wait(all, 1), wait(all, 2)]
            };
            let rows: Vec<_> = rows.iter().map(cells).collect();
            self.report.table(mode.title(), &["server", "p50 us", "p99 us", "max us"], &rows);
            return None;
        }
        let cpu = |all: &[Reading]| median(&all.iter().map(|one| one.cpu_us).collect::<Vec<_>>());
        let floor = mode.floor().and_then(|name| cpu(readings.get(&(mode, name))?));
        let base = floor.or_else(|| cpu(readings.get(&(mode, PEERS[0].name))?));
        let cells = |(name, all): &(&str, &Vec<Reading>)| {
            let rate = median(&all.iter().map(|one| one.per_second).collect::<Vec<_>>());
            let ratio = cpu(all).zip(base).map(|(cpu, base)| cpu / base);
            let (lost, wrong) = all.iter().fold((0, 0), |sum, one| (sum.0 + one.lost, sum.1 + one.wrong));
            let mut row = vec![(*name).to_owned(), number(cpu(all), 2), number(ratio, 2), number(rate, 0)];
            row.extend([lost.to_string(), wrong.to_string()]);
            row
        };
        let against = if floor.is_some() { "x floor" } else { "x tandem" };
        let head = ["server", "cpu us/answer", against, "answers/s", "lost", "wrong"];
        self.report.table(mode.title(), &head, &rows.iter().map(cells).collect::<Vec<_>>());
        self.judge_cost(mode, &rows, floor);
        let bar = |(name, all): &(&str, &Vec<Reading>)| Some(((*name).to_owned(), cpu(all)? / base?));
        Some((format!("{}: CPU time, {against}", mode.title()), rows.iter().filter_map(bar).collect()))
    }

    /// Holds our cost against the floor's, or against the best of the others.
    fn judge_cost(&mut self, mode: Mode, rows: &[(&str, &Vec<Reading>)], floor: Option<f64>) {
        let cpu = |all: &[Reading]| median(&all.iter().map(|one| one.cpu_us).collect::<Vec<_>>());
        let Some(ours) = rows.iter().find(|(name, _)| is_ours(name)).and_then(|(_, all)| cpu(all)) else { return };
        let what = format!("{}: CPU time", mode.title());
        match (mode, floor) {
            (Mode::Cached, Some(floor)) => self.report.judge_most(&what, Some(ours / floor), 1.12, "x floor", 2),
            (Mode::New, Some(floor)) => self.report.judge_most(&what, Some(ours / floor), 1.4, "x floor", 2),
            (Mode::Tcp | Mode::Connections, _) => {
                let others = rows.iter().filter(|(name, _)| !is_ours(name));
                let others = others.filter_map(|(name, all)| Some((cpu(all)?, *name)));
                let best = others.min_by(|(one, _), (other, _)| one.total_cmp(other));
                let target = best.map_or("the best of the others".to_owned(), |(cost, name)| {
                    format!("< {cost:.2} us, the best of the others ({name})")
                });
                self.report.judge(&what, format!("{ours:.2} us"), &target, best.map(|(cost, _)| ours < cost));
            }
            _ => {}
        }
    }

    /// What a server's memory grows by while it caches new names.
    fn memory(&mut self) -> io::Result<()> {
        let mut rows = Vec::new();
        for peer in peers::installed(&self.args.only).into_iter().filter(|peer| peer.large_cache) {
            table::note(&format!("memory: {}", peer.name));
            let Some((process, address, _)) = self.start(peer, Amounts::default())? else { continue };
            let before = process.resident_octets();
            let mut questions = Questions::new("h", Order::New);
            let tally = load::run(&self.place, address, &mut questions, 15 * self.seconds(), self.args.names)?;
            let grown = process.resident_octets().saturating_sub(before);
            let each = (tally.right > 0).then(|| grown as f64 / tally.right as f64);
            let before_mb = before as f64 / 1e6;
            if is_ours(peer.name) {
                let what = format!("resident octets for each of {} cached A answers", tally.right);
                self.report.judge_most(&what, each, 220.0, "", 0);
            }
            rows.push(vec![peer.name.to_owned(), number(each, 0), tally.right.to_string(), number(Some(before_mb), 1)]);
        }
        let head = ["server", "octets/answer", "answers", "MB at start"];
        self.report.table("Memory: resident octets for each cached A answer", &head, &rows);
        Ok(())
    }

    fn start_times(&mut self) -> io::Result<()> {
        let mut rows = Vec::new();
        let amounts = Amounts { zones: self.args.many, ..Amounts::default() };
        for peer in peers::installed(&self.args.only).into_iter().filter(|peer| peer.grows) {
            table::note(&format!("start: {}", peer.name));
            let Some((process, _, took)) = self.start(peer, amounts)? else { continue };
            let memory = process.resident_octets() as f64 / 1e6;
            if is_ours(peer.name) {
                let what = format!("start to first answer with {} zones", self.args.many);
                self.report.judge_most(&what, Some(took.as_secs_f64()), 1.0, "s", 2);
            }
            rows.push(vec![peer.name.to_owned(), number(Some(took.as_secs_f64()), 2), number(Some(memory), 0)]);
        }
        let title = format!("Start with {} forward zones", self.args.many);
        self.report.table(&title, &["server", "s to the first answer", "MB resident"], &rows);
        Ok(())
    }
}

fn is_ours(name: &str) -> bool {
    name == PEERS[0].name
}

fn reading(cpu: Duration, tally: &Tally) -> Reading {
    let cpu_us = if tally.right > 0 { cpu.as_secs_f64() * 1e6 / tally.right as f64 } else { f64::NAN };
    Reading { cpu_us, per_second: tally.per_second(), lost: tally.lost, wrong: tally.wrong, ..Reading::default() }
}
