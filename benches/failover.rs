//! What clients notice when upstreams die, lose packets, are late or answer with errors.
//!
//! `cargo bench --bench failover -- --help`. Each scene asks new names at a fixed rate, whatever becomes of them, while its
//! upstreams do as they are told; the time of every answer is noted, and every packet that arrives at an upstream.
//! A frozen upstream is a process that got SIGSTOP: it is silent, and answers what has piled up once it goes on.

mod stand;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use stand::open_loop::{self, Outcome, Plan, Sample};
use stand::peers::{self, Peer};
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

/// What is done to an upstream.
#[derive(Clone, Copy)]
enum Act {
    Freeze(usize),
    Thaw(usize),
    Tell(usize, &'static str),
}

/// A story of trouble.
struct Scene {
    name: &'static str,
    title: &'static str,
    upstreams: usize,
    /// How the upstreams behave from the beginning to the end.
    always: &'static [Act],
    begin: &'static [Act],
    end: &'static [Act],
    /// A question whose answer takes three seconds is asked when the trouble begins.
    slow_question: bool,
    /// Only that question and a first one are asked.
    quiet: bool,
    /// Every installed server plays it.
    for_all: bool,
}

const SCENE: Scene = Scene {
    name: "",
    title: "",
    upstreams: 2,
    always: &[],
    begin: &[],
    end: &[],
    slow_question: false,
    quiet: false,
    for_all: false,
};

/// One answer in ten late is a server whose cache misses.
const BIMODAL: [Act; 2] = [Act::Tell(0, "late 10 200"), Act::Tell(1, "late 10 200")];

const SCENES: [Scene; 16] = [
    Scene {
        name: "first-frozen",
        title: "The first of two upstreams frozen",
        begin: &[Act::Freeze(0)],
        end: &[Act::Thaw(0)],
        for_all: true,
        ..SCENE
    },
    Scene {
        name: "second-frozen",
        title: "The second of two upstreams frozen",
        begin: &[Act::Freeze(1)],
        end: &[Act::Thaw(1)],
        ..SCENE
    },
    Scene {
        name: "both-frozen",
        title: "Both upstreams frozen",
        begin: &[Act::Freeze(0), Act::Freeze(1)],
        end: &[Act::Thaw(0), Act::Thaw(1)],
        ..SCENE
    },
    Scene { name: "bimodal", title: "Both upstreams 200 ms late for one answer in ten", always: &BIMODAL, ..SCENE },
    Scene {
        name: "bimodal-frozen",
        title: "Both 200 ms late for one answer in ten, and the first frozen",
        always: &BIMODAL,
        begin: &[Act::Freeze(0)],
        end: &[Act::Thaw(0)],
        ..SCENE
    },
    Scene {
        name: "single-lossy",
        title: "A single upstream that loses 10 % of packets",
        upstreams: 1,
        begin: &[Act::Tell(0, "lose 10")],
        end: &[Act::Tell(0, "calm")],
        ..SCENE
    },
    Scene {
        name: "single-slow-answer",
        title: "A single upstream, one answer of which takes 3 s",
        upstreams: 1,
        slow_question: true,
        ..SCENE
    },
    Scene {
        name: "single-frozen",
        title: "A single upstream frozen",
        upstreams: 1,
        begin: &[Act::Freeze(0)],
        end: &[Act::Thaw(0)],
        ..SCENE
    },
    Scene {
        name: "quiet-slow",
        title: "A quiet forwarder whose one question takes 3 s upstream",
        slow_question: true,
        quiet: true,
        ..SCENE
    },
    Scene {
        name: "one-servfail",
        title: "One of two answers SERVFAIL",
        begin: &[Act::Tell(0, "rcode 2")],
        end: &[Act::Tell(0, "calm")],
        ..SCENE
    },
    Scene {
        name: "other-servfail",
        title: "The other of two answers SERVFAIL",
        begin: &[Act::Tell(1, "rcode 2")],
        end: &[Act::Tell(1, "calm")],
        ..SCENE
    },
    Scene {
        name: "one-refused",
        title: "One of two answers REFUSED",
        begin: &[Act::Tell(0, "rcode 5")],
        end: &[Act::Tell(0, "calm")],
        ..SCENE
    },
    Scene {
        name: "one-lossy",
        title: "One of two loses 10 % of packets",
        begin: &[Act::Tell(0, "lose 10")],
        end: &[Act::Tell(0, "calm")],
        ..SCENE
    },
    Scene {
        name: "other-lossy",
        title: "The other of two loses 10 % of packets",
        begin: &[Act::Tell(1, "lose 10")],
        end: &[Act::Tell(1, "calm")],
        ..SCENE
    },
    Scene {
        name: "one-late",
        title: "One of two is 200 ms late",
        begin: &[Act::Tell(0, "late 100 200")],
        end: &[Act::Tell(0, "calm")],
        ..SCENE
    },
    Scene {
        name: "other-late",
        title: "The other of two is 200 ms late",
        begin: &[Act::Tell(1, "late 100 200")],
        end: &[Act::Tell(1, "calm")],
        ..SCENE
    },
];

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
    let known = |name: &String| SCENES.iter().any(|scene| scene.name == name);
    let scenes: Vec<&str> = SCENES.iter().map(|scene| scene.name).collect();
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
        if bench.args.scenes.is_empty() || bench.args.scenes.iter().any(|name| name == scene.name) {
            bench.play_scene(scene)?;
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

    fn times(&self) -> Times {
        let quarter = Duration::from_secs_f64(self.args.seconds / 4.0);
        Times { begin: quarter, end: 5 * quarter, all: 7 * quarter }
    }

    /// Plays a scene with every server that it is for.
    fn play_scene(&mut self, scene: &Scene) -> io::Result<()> {
        let everyone = !self.args.only.is_empty() || scene.for_all;
        let ours = ["tandem".to_owned()];
        let who = if everyone { peers::installed(&self.args.only) } else { peers::installed(&ours) };
        let (mut rows, mut strips) = (Vec::new(), Vec::new());
        let mut behind = Duration::ZERO;
        for peer in who {
            for _ in 0..self.args.rounds {
                table::note(&format!("{}: {}", scene.name, peer.name));
                let Some(played) = self.play(scene, peer)? else { continue };
                behind = behind.max(played.outcome.behind);
                rows.extend(phases(peer.name, &self.times(), &played));
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
        let times = self.times();
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
        let (listen, times) = (peer.address(&self.place)?, self.times());
        let addresses: Vec<_> = upstreams.iter().map(|upstream| upstream.address).collect();
        let command = peers::prepare(&self.place, peer, listen, &addresses, (0, 0))?;
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
        let plan = Plan { rate, time: all, patience: Duration::from_secs_f64(self.args.patience), slow_at };
        self.runs += 1;
        let mut acts = [(times.begin, scene.begin), (times.end, scene.end)].into_iter().peekable();
        let mut at_times = |now: Duration| match acts.next_if(|(at, _)| *at <= now) {
            Some((_, acts)) => do_all(acts, &mut upstreams),
            None => Ok(()),
        };
        let run = format!("f{}-", self.runs);
        let outcome = open_loop::run(&self.place, listen, &run, SLOW_PREFIX, &plan, &mut at_times)?;
        let mut arrivals = Vec::new();
        for upstream in &mut upstreams {
            arrivals.extend(upstream.arrivals()?);
        }
        Ok(Some(Played { outcome, arrivals }))
    }
}

fn do_all(acts: &[Act], upstreams: &mut [Upstream]) -> io::Result<()> {
    acts.iter().try_for_each(|act| match *act {
        Act::Freeze(index) => upstreams[index].freeze(),
        Act::Thaw(index) => upstreams[index].thaw(),
        Act::Tell(index, words) => upstreams[index].tell(words),
    })
}

/// A row for each phase.
fn phases(name: &str, times: &Times, played: &Played) -> Vec<Vec<String>> {
    let bounds = [
        ("before", Duration::ZERO, times.begin),
        ("trouble", times.begin, times.end),
        ("after", times.end, times.all.max(times.end + Duration::from_millis(1))),
    ];
    bounds.map(|(phase, from, to)| row(name, phase, (from, to), played)).to_vec()
}

fn row(name: &str, phase: &str, (from, to): (Duration, Duration), played: &Played) -> Vec<String> {
    let of_phase = |sample: &&Sample| sample.at >= from && sample.at < to;
    let samples: Vec<&Sample> = played.outcome.samples.iter().filter(of_phase).collect();
    let is_good = |sample: &Sample| sample.rcode == 0 && !sample.wrong;
    let lost = samples.iter().filter(|sample| sample.took.is_none()).count();
    let failed = samples.iter().filter(|sample| sample.rcode != 0).count();
    let wrong = samples.iter().filter(|sample| sample.rcode == 0 && sample.wrong).count();
    let mut times: Vec<Duration> = samples.iter().filter(|s| is_good(s)).filter_map(|s| s.took).collect();
    times.sort_unstable();
    let ms = |share| number(percentile(&times, share).map(|time| time.as_secs_f64() * 1e3), 1);
    let noticed = |sample: &&&Sample| !is_good(sample) || sample.took.is_none_or(|took| took > SLOW_ANSWER);
    let last = samples.iter().filter(noticed).map(|sample| (sample.at - from).as_secs_f64()).fold(None, later);
    let (whole, worst) = extra_packets(played, from, to);
    let mut cells = vec![name.to_owned(), phase.to_owned(), samples.len().to_string()];
    cells.extend([lost, failed, wrong].map(|count| count.to_string()));
    cells.extend([ms(0.5), ms(0.99), ms(1.0), number(last.or(Some(0.0)), 2), number(whole, 1), number(worst, 1)]);
    cells
}

fn later(latest: Option<f64>, at: f64) -> Option<f64> {
    Some(latest.map_or(at, |latest| latest.max(at)))
}

/// Upstream packets beyond one for each question, in per cent: of the phase, and of its worst whole second after the
/// first, which is when a change is found out.
fn extra_packets(played: &Played, from: Duration, to: Duration) -> (Option<f64>, Option<f64>) {
    let sent = |from: Duration, to: Duration| {
        played.outcome.samples.iter().filter(|sample| sample.at >= from && sample.at < to).count() as f64
    };
    let arrived = |from: Duration, to: Duration| {
        let since = |at: Duration| played.outcome.began_ms + at.as_millis() as u64;
        played.arrivals.iter().filter(|ms| **ms >= since(from) && **ms < since(to)).count() as f64
    };
    let extra = |from: Duration, to: Duration| {
        let questions = sent(from, to);
        (questions > 0.0).then(|| (arrived(from, to) - questions) / questions * 100.0)
    };
    let second = Duration::from_secs(1);
    let seconds = (1..).map(|number| from + number * second).take_while(|start| *start + second <= to);
    let worst = seconds.filter_map(|start| extra(start, start + second)).fold(None, later);
    (extra(from, to), worst)
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
