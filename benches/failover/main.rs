//! What clients notice when upstreams die, lose packets, are late or answer with errors.
//!
//! `cargo bench --bench failover -- --help`. Each scene asks new names at a fixed rate, whatever becomes of them, while its
//! upstreams do as they are told; the time of every answer is noted, and every packet that arrives at an upstream.
//! A frozen upstream is a process that got SIGSTOP: it is silent, and answers what has piled up once it goes on.

mod fresh;
mod judge;
mod scenes;
#[path = "../stand/mod.rs"]
mod stand;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use judge::Phase;
use scenes::{Act, SCENES, Scene, Target};
use stand::message::{Order, Questions};
use stand::open_loop::{self, Outcome, Plan, Sample};
use stand::peers::{self, PEERS, Peer};
use stand::place::Place;
use stand::process::Process;
use stand::table::{self, Report, number, percentile};
use stand::upstream::{SLOW, SLOW_PREFIX, Upstream};

/// What clients notice when upstreams die, lose packets, are late or answer with errors
#[derive(Parser)]
#[command(name = "failover")]
struct Args {
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
    /// How often each scene is played
    #[arg(long, default_value_t = 1, value_name = "N")]
    rounds: usize,
    /// How long the trouble of a scene lasts: longer than clients wait, or nothing can be lost; a quarter of that comes
    /// before it, half of it after
    #[arg(long, default_value_t = 5.5, value_name = "SECONDS")]
    seconds: f64,
    /// Questions a second
    #[arg(long, default_value_t = 500.0, value_name = "N")]
    rate: f64,
    /// How long a client waits for an answer
    #[arg(long, default_value_t = 5.0, value_name = "SECONDS")]
    patience: f64,
    /// Only these servers, in every scene; else tandem in every scene, the others where the first of two is frozen
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    only: Vec<String>,
    /// Only these scenes
    #[arg(long, value_delimiter = ',', value_name = "SCENE,…")]
    scenes: Vec<String>,
    /// Tandem alone, with short trouble: whether everything works, not how well
    #[arg(long)]
    quick: bool,
    /// Also write the report and its plots to docs/bench
    #[arg(long)]
    docs: bool,
}

/// An answer that took longer is one that somebody notices.
const SLOW_ANSWER: Duration = Duration::from_millis(100);
const START: Duration = Duration::from_secs(30);

struct Bench {
    args: Args,
    place: Place,
    report: Report,
    runs: u64,
}

/// The moments of a scene.
struct Times {
    begin: Duration,
    end: Duration,
    all: Duration,
}

/// What a server did in a scene.
struct Played {
    outcome: Outcome,
    /// Milliseconds since 1970, of packets at all upstreams.
    arrivals: Vec<u64>,
    /// How long questions were asked.
    time: Duration,
}

fn main() -> ExitCode {
    if let Some(code) = stand::play_stand_in() {
        return code;
    }
    if !std::env::args().any(|word| word == "--bench") {
        table::note("failover measures under `cargo bench` only");
        return ExitCode::SUCCESS;
    }
    let mut args = Args::parse();
    if args.quick {
        args.seconds = 1.6;
        args.only = if args.only.is_empty() { vec!["tandem".into()] } else { args.only };
    }
    let scenes: Vec<&str> =
        SCENES.iter().map(|scene| scene.name).chain(fresh::SCENES.map(|scene| scene.name)).collect();
    let known = |name: &String| scenes.contains(&name.as_str());
    let fault = match (peers::unknown(&args.only).first(), args.scenes.iter().find(|name| !known(name))) {
        (Some(name), _) => Some(format!("--only: no server is called {name}")),
        (None, Some(name)) => Some(format!("--scenes: {name} is none of {}", scenes.join(", "))),
        (None, None) => run(args).err().map(|error| format!("failover: {error}")),
    };
    let Some(fault) = fault else { return ExitCode::SUCCESS };
    table::note(&fault);
    ExitCode::FAILURE
}

fn run(args: Args) -> io::Result<()> {
    let place = Place::new()?;
    tandem::sys::cores::stay_on(place.load_core);
    let mut bench = Bench { args, place, report: Report::default(), runs: 0 };
    bench.head();
    for scene in &SCENES {
        if bench.wants(scene.name) {
            bench.play_scene(scene)?;
        }
    }
    for scene in &fresh::SCENES {
        if bench.wants(scene.name) {
            bench.play_fresh(scene)?;
        }
    }
    bench.report.write("failover", bench.args.docs)
}

impl Bench {
    fn head(&mut self) {
        let args = &self.args;
        let versions: Vec<String> =
            peers::installed(&args.only).iter().map(|peer| format!("{} {}", peer.name, peer.version())).collect();
        let load = format!(
            "{} new names a second; clients wait {} s; trouble lasts {} s. «normal after» is the moment, from the beginning \
             of the phase, of the last question that was lost, failed or took over 100 ms. «extra» are upstream packets \
             beyond one for each question: in the whole phase, and in its worst second after the first.",
            args.rate, args.patience, args.seconds
        );
        self.report.say(&format!("## Failover\n\n    {}\n", table::command("failover")));
        self.report.say(&format!("{}. {}.\n{load}", table::machine(), versions.join(", ")));
    }

    fn wants(&self, scene: &str) -> bool {
        self.args.scenes.is_empty() || self.args.scenes.iter().any(|name| name == scene)
    }

    fn times(&self, scene: &Scene) -> Times {
        let quarter = Duration::from_secs_f64(self.args.seconds / 4.0);
        let trouble = scene.seconds.filter(|_| !self.args.quick).map_or(4 * quarter, Duration::from_secs_f64);
        let end = quarter + trouble;
        Times { begin: quarter, end, all: end + 2 * quarter }
    }

    /// Plays a scene with every server that it is for.
    fn play_scene(&mut self, scene: &Scene) -> io::Result<()> {
        let everyone = !self.args.only.is_empty() || scene.for_all;
        let ours = ["tandem".to_owned()];
        let who = if everyone { peers::installed(&self.args.only) } else { peers::installed(&ours) };
        let (mut rows, mut strips) = (Vec::new(), Vec::new());
        let (mut behind, times) = (Duration::ZERO, self.times(scene));
        for peer in who {
            for _ in 0..self.args.rounds {
                table::note(&format!("{}: {}", scene.name, peer.name));
                let Some(played) = self.play(scene, peer)? else { continue };
                behind = behind.max(played.outcome.behind);
                let bounds = [(Duration::ZERO, times.begin), (times.begin, times.end), (times.end, Duration::MAX)];
                let phases = bounds.map(|(from, to)| Phase::of(&played, from, to.min(played.time)));
                let names = ["before", "trouble", "after"];
                rows.extend(phases.iter().zip(names).map(|(phase, of)| phase.cells(peer.name, of)));
                if peer.name == PEERS[0].name {
                    judge::judge(&mut self.report, scene, &phases);
                }
                strips.push((peer.name.to_owned(), worst_of_moments(&played.outcome.samples)));
            }
        }
        let head = [
            "server",
            "phase",
            "sent",
            "lost",
            "failed",
            "wrong",
            "p50 ms",
            "p99 ms",
            "max ms",
            "normal after s",
            "extra %",
            "worst s %",
        ];
        self.report.table(scene.title, &head, &rows);
        if behind > Duration::from_millis(10) {
            let text = format!("\nThe load was up to {} ms behind its plan: the machine is busy.", behind.as_millis());
            self.report.say(&text);
        }
        let marks = [(times.begin.as_secs_f64(), "trouble"), (times.end.as_secs_f64(), "over")];
        let title = format!("{}: the longest wait of each 20 ms", scene.title);
        let svg = stand::plot::strips(&title, &strips, times.all.as_secs_f64(), &marks);
        self.report.plot(&format!("failover-{}.svg", scene.name), svg);
        Ok(())
    }

    /// Plays a scene with one server; `None`, said in the report, if it does not answer.
    fn play(&mut self, scene: &Scene, peer: &Peer) -> io::Result<Option<Played>> {
        let mut upstreams =
            (0..scene.upstreams).map(|_| Upstream::start(&self.place)).collect::<io::Result<Vec<_>>>()?;
        let (listen, times) = (peer.address(&self.place)?, self.times(scene));
        let addresses: Vec<_> = upstreams.iter().map(|upstream| upstream.address).collect();
        let command = peers::prepare(&self.place, peer, listen, &addresses, peers::Amounts::default())?;
        let mut process = Process::start(&self.place, peer.name, &command)?;
        if process.await_answer(listen, self.place.client(0), START).is_none() {
            self.report.say(&format!("\n{} does not answer: {}", peer.name, process.last_words()));
            return Ok(None);
        }
        // Some are still busy with their start when they answer first.
        std::thread::sleep(Duration::from_millis(500));
        do_all(scene.always, &mut upstreams)?;
        for upstream in &mut upstreams {
            upstream.arrivals()?;
        }
        let slow_at = if scene.slow_question { vec![times.begin] } else { Vec::new() };
        // A quiet forwarder is asked once, and then the slow question alone.
        let rate = if scene.quiet { 1.0 / times.all.as_secs_f64() } else { self.args.rate };
        let all = if scene.slow_question { times.all.max(times.begin + SLOW) } else { times.all };
        self.runs += 1;
        let questions = Questions::new(&format!("f{}-", self.runs), Order::New);
        let slow = Questions::new(&format!("{SLOW_PREFIX}{}-", self.runs), Order::New);
        let patience = Duration::from_secs_f64(self.args.patience);
        let plan = Plan { questions, slow, rate, time: all, patience, slow_at };
        let mut acts = [(times.begin, scene.begin), (times.end, scene.end)].into_iter().peekable();
        let mut at_times = |now: Duration| match acts.next_if(|(at, _)| *at <= now) {
            Some((_, acts)) => do_all(acts, &mut upstreams),
            None => Ok(()),
        };
        let outcome = open_loop::run(&self.place, listen, &plan, &mut at_times)?;
        let mut arrivals = Vec::new();
        for upstream in &mut upstreams {
            arrivals.extend(upstream.arrivals()?);
        }
        Ok(Some(Played { outcome, arrivals, time: all }))
    }
}

fn do_all(acts: &[Act], upstreams: &mut [Upstream]) -> io::Result<()> {
    acts.iter().try_for_each(|act| match *act {
        Act::Freeze(index) => upstreams[index].freeze(),
        Act::Thaw(index) => upstreams[index].thaw(),
        Act::Tell(index, words) => upstreams[index].tell(words),
    })
}

/// For the plot: the longest wait of each 20 ms, in milliseconds; what was lost or failed stands at the top.
fn worst_of_moments(samples: &[Sample]) -> Vec<(f64, f64)> {
    const MOMENT: f64 = 0.02;
    let mut points: Vec<(f64, f64)> = Vec::new();
    for sample in samples {
        let good = sample.rcode == 0 && !sample.wrong;
        let ms = sample.took.filter(|_| good).map_or(f64::INFINITY, |took| took.as_secs_f64() * 1e3);
        let at = (sample.at.as_secs_f64() / MOMENT).floor() * MOMENT;
        match points.last_mut() {
            Some((last, worst)) if *last == at => *worst = worst.max(ms),
            _ => points.push((at, ms)),
        }
    }
    points
}
