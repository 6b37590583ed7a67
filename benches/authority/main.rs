//! What an answer from a local zone costs, beside one from the cache and beside other servers with the same zone.
//!
//! `cargo bench --bench authority -- --help`. The cached answer is that of `forwarding`: the same load asks the same names
//! of a forwarder that has them all in its cache. Every server has one core, load and upstream another; rounds are
//! interleaved, medians are told. The cost is the CPU time of the server's processes divided by the answers that were
//! right.
//! Not here: what the steps cost by themselves (`micro`).

mod loading;
#[path = "../stand/mod.rs"]
mod stand;

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use stand::authorities::AUTHORITIES;
use stand::load;
use stand::message::{Order, Questions};
use stand::peers::{self, Amounts, PEERS, Peer};
use stand::place::Place;
use stand::process::Process;
use stand::table::{self, Report, median, number};

/// What an answer from a local zone costs, beside one from the cache and beside other servers with the same zone
#[derive(Parser)]
#[command(name = "authority")]
struct Args {
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
    /// Interleaved rounds, of which medians are told
    #[arg(long, default_value_t = 5, value_name = "N")]
    rounds: usize,
    /// How long each load of a round lasts
    #[arg(long, default_value_t = 0.7, value_name = "SECONDS")]
    seconds: f64,
    /// Only these servers: tandem, nsd, gdnsd, knot
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    only: Vec<String>,
    /// Only these measurements
    #[arg(long, value_delimiter = ',', value_name = "MODE,…")]
    modes: Vec<Mode>,
    /// Records of the large zone
    #[arg(long, default_value_t = 1_000_000, value_name = "N")]
    records: u64,
    /// One short round with a smaller zone: whether everything works, not what it costs
    #[arg(long)]
    quick: bool,
    /// Also write the report and its plots to docs/bench
    #[arg(long)]
    docs: bool,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// UDP, names of a zone of 10 records and of a large one
    Answers,
    /// From start to first answer with the large zone, and its memory
    Start,
    /// How long clients wait while the large zone is read again
    Reload,
}

/// Records of the small zone.
const FEW: u64 = 10;
/// How long a server may take until it answers.
const START: Duration = Duration::from_secs(120);
/// The rows of cached answers.
const CACHED: &str = "tandem, cached";

struct Bench {
    args: Args,
    place: Place,
    upstream: SocketAddr,
    report: Report,
}

/// A server under load, and what was read of it.
struct Row {
    name: &'static str,
    records: u64,
    process: Process,
    address: SocketAddr,
    questions: Questions,
    cpu_us: Vec<f64>,
    per_second: Vec<f64>,
    lost: u64,
    wrong: u64,
}

fn main() -> ExitCode {
    if let Some(code) = stand::play_stand_in() {
        return code;
    }
    if !std::env::args().any(|word| word == "--bench") {
        table::note("authority measures under `cargo bench` only");
        return ExitCode::SUCCESS;
    }
    let mut args = Args::parse();
    if args.quick {
        (args.rounds, args.seconds, args.records) = (1, 0.3, args.records.min(50_000));
    }
    if let [first, ..] = peers::unknown_of(&AUTHORITIES, &args.only).as_slice() {
        table::note(&format!("--only: no server is called {first}"));
        return ExitCode::FAILURE;
    }
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            table::note(&format!("authority: {error}"));
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
    let mut bench = Bench { args, place, upstream, report: Report::default() };
    bench.head();
    if bench.wants(Mode::Answers) {
        bench.answers()?;
    }
    if bench.wants(Mode::Start) {
        bench.start_times()?;
    }
    if bench.wants(Mode::Reload) {
        bench.reload()?;
    }
    bench.report.write("authority", bench.args.docs)
}

impl Bench {
    fn wants(&self, mode: Mode) -> bool {
        self.args.modes.is_empty() || self.args.modes.contains(&mode)
    }

    fn seconds(&self) -> Duration {
        Duration::from_secs_f64(self.args.seconds)
    }

    fn servers(&self) -> Vec<&'static Peer> {
        peers::installed_of(&AUTHORITIES, &self.args.only)
    }

    fn head(&mut self) {
        let place = &self.place;
        let cores = if place.server_core == place.load_core {
            "server and load share one core: figures are of no use".to_owned()
        } else {
            format!("server on core {}, load and upstream on core {}", place.server_core, place.load_core)
        };
        let versions: Vec<String> =
            self.servers().iter().map(|peer| format!("{} {}", peer.name, peer.version())).collect();
        let rounds = format!("{} interleaved rounds of {} s, medians", self.args.rounds, self.args.seconds);
        self.report.say(&format!("## Local zones\n\n    {}\n", table::command("authority")));
        self.report.say(&format!("{}; {cores}.\n{rounds}. {}.", table::machine(), versions.join(", ")));
    }

    /// Starts a server; `None`, said in the report, if it does not answer.
    fn start(&mut self, peer: &Peer, amounts: Amounts) -> io::Result<Option<(Process, SocketAddr, Duration)>> {
        let address = peer.address(&self.place)?;
        let command = peers::prepare(&self.place, peer, address, &[self.upstream], amounts)?;
        let mut process = Process::start(&self.place, peer.name, &command)?;
        match process.await_answer(address, self.place.client(0), START) {
            Some(took) => Ok(Some((process, address, took))),
            None => {
                self.report.say(&format!("\n{} does not answer: {}", peer.name, process.last_words()));
                Ok(None)
            }
        }
    }

    /// What an answer costs: cached, and from zones of both sizes.
    fn answers(&mut self) -> io::Result<()> {
        let mut rows = Vec::new();
        for records in [FEW, self.args.records] {
            rows.extend(self.start_row(CACHED, &PEERS[0], records, Amounts::default())?);
            for peer in self.servers() {
                rows.extend(self.start_row(peer.name, peer, records, Amounts { records, ..Amounts::default() })?);
            }
        }
        for round in 1..=self.args.rounds {
            table::note(&format!("round {round}"));
            for row in &mut rows {
                row.load(&self.place, self.seconds())?;
            }
        }
        self.tell_answers(&rows);
        Ok(())
    }

    fn start_row(
        &mut self,
        name: &'static str,
        peer: &Peer,
        records: u64,
        amounts: Amounts,
    ) -> io::Result<Option<Row>> {
        table::note(&format!("{name}: {records} names"));
        let Some((process, address, _)) = self.start(peer, amounts)? else { return Ok(None) };
        let order = if records == FEW { Order::Turn(records) } else { Order::Random(records) };
        let questions = Questions::new("h", order);
        // Caches are filled; the pages of zones are touched as well.
        let (mut each_once, names) = questions.each_once();
        load::run(&self.place, address, &mut each_once, START, names)?;
        let (cpu_us, per_second) = (Vec::new(), Vec::new());
        Ok(Some(Row { name, records, process, address, questions, cpu_us, per_second, lost: 0, wrong: 0 }))
    }

    fn tell_answers(&mut self, rows: &[Row]) {
        let cached = |records| {
            let row = rows.iter().find(|row| row.name == CACHED && row.records == records)?;
            median(&row.cpu_us)
        };
        let cells = |row: &Row| {
            let cpu = median(&row.cpu_us);
            let ratio = cpu.zip(cached(row.records)).map(|(cpu, base)| cpu / base);
            let mut cells = vec![row.name.to_owned(), row.records.to_string(), number(cpu, 2), number(ratio, 2)];
            cells.extend([number(median(&row.per_second), 0), row.lost.to_string(), row.wrong.to_string()]);
            cells
        };
        let head = ["server", "names", "cpu us/answer", "x cached", "answers/s", "lost", "wrong"];
        self.report.table("Answers by UDP", &head, &rows.iter().map(cells).collect::<Vec<_>>());
        let mut bars = Vec::new();
        for records in [FEW, self.args.records] {
            let of = |name: &str| {
                let row = rows.iter().find(|row| row.name == name && row.records == records)?;
                median(&row.cpu_us)
            };
            let ratio = of(AUTHORITIES[0].name).zip(cached(records)).map(|(own, cached)| own / cached);
            let what = format!("an answer from a zone of {records} records: CPU time");
            self.report.judge_most(&what, ratio, 1.0, "x cached", 2);
            let here = rows.iter().filter(|row| row.records == records);
            let bar = |row: &Row| Some((row.name.to_owned(), median(&row.cpu_us)? / cached(records)?));
            bars.push((format!("{records} names: CPU time of an answer, x cached"), here.filter_map(bar).collect()));
        }
        self.report.plot("authority.svg", stand::plot::bars(&bars, ""));
    }
}

impl Row {
    fn load(&mut self, place: &Place, seconds: Duration) -> io::Result<()> {
        let before = self.process.cpu();
        let tally = load::run(place, self.address, &mut self.questions, seconds, u64::MAX)?;
        let cpu = self.process.cpu() - before;
        self.cpu_us.push(if tally.right > 0 { cpu.as_secs_f64() * 1e6 / tally.right as f64 } else { f64::NAN });
        self.per_second.push(tally.per_second());
        (self.lost, self.wrong) = (self.lost + tally.lost, self.wrong + tally.wrong);
        Ok(())
    }
}
