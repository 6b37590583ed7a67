//! How soon: three deaths and returns, repeated, each held to its bound.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::client::Client;
use crate::common::{Process, Tandem, program, wait_until};
use crate::network::Host;
use crate::{CONFIGURATION, NAME, Times, from_environment};

/// What the name is while the first server is well, and else.
const FIRST: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 11);
const SECOND: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 12);
/// Failures, and successes, in a row.
const THRESHOLD: u32 = 2;
/// Beyond all bounds: it does not come any more.
const LIMIT: Duration = Duration::from_secs(60);

/// An HTTP server: port 8888 of the address that it is given. It says so just before it listens.
const SERVER: &str = r#"
import http.server, socketserver, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"well\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words):
        pass
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    def handle_error(self, *words):
        pass
    request_queue_size = 128
server = Server((sys.argv[1], 8888), Handler, bind_and_activate=False)
server.server_bind()
print("bound", flush=True)
server.server_activate()
server.serve_forever()
"#;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Death {
    Killed,
    Frozen,
    CutOff,
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Killed => "killed: refused",
            Self::Frozen => "frozen: taken, silent",
            Self::CutOff => "cut off: no packet back",
        })
    }
}

/// What is measured.
#[derive(Clone, Copy, Debug)]
struct Scene {
    death: Death,
    /// Of the probes.
    interval: Duration,
    /// The check's own patience, for the connection and for the response.
    timeout: Duration,
    /// Asked through a cache: the longest TTL of what follows from a check, which is part of the bound.
    cached_for: Option<Duration>,
}

impl Scene {
    /// The latest after the event that a client may see the old address, going away and coming back.
    fn bounds(&self) -> [Duration; 2] {
        let probes = self.interval * THRESHOLD + Duration::from_millis(100);
        let silence = if self.death == Death::Killed { Duration::ZERO } else { self.timeout };
        [probes + silence, probes].map(|bound| bound + self.cached_for.unwrap_or_default())
    }

    /// `conf/failover.toml` with these times; the first server is where it can be cut off.
    fn configuration(&self, listen: SocketAddr, first: Ipv4Addr) -> String {
        let seconds = |time: Duration| format!("{}ms", time.as_millis());
        let (interval, timeout) = (seconds(self.interval), seconds(self.timeout));
        let own = "allow_query = [\"localhost\"]".to_owned();
        let most = self.cached_for.map_or(own.clone(), |ttl| format!("{own}\nmonitored_ttl = {}", ttl.as_secs()));
        let checks = format!(
            "request_interval = \"{interval}\"\nconnect_timeout = \"{timeout}\"\nresponse_timeout = \"{timeout}\""
        );
        [
            ("127.0.0.1:5300".to_owned(), listen.to_string()),
            ("ip_address = \"127.0.0.11\"".to_owned(), format!("ip_address = \"{first}\"")),
            ("request_interval = \"2s\"".to_owned(), checks),
            ("failure_threshold = 3".to_owned(), format!("failure_threshold = {THRESHOLD}")),
            (own, most),
        ]
        .into_iter()
        .fold(CONFIGURATION.to_owned(), |text, (own, by)| {
            assert!(text.contains(&own), "{own}");
            text.replace(&own, &by)
        })
    }
}

/// A server that is started, and dies, in a network of its own.
struct Site {
    host: Host,
    process: Option<Process>,
}

impl Site {
    fn start(host: Host) -> Site {
        let mut site = Site { host, process: None };
        site.launch();
        site
    }

    /// Starts the server: when it began to listen, or a moment before.
    fn launch(&mut self) -> Instant {
        let (command, address) = (self.host.command("python3", "python3"), self.host.address);
        let (process, listens) = serve(command, address);
        self.process = Some(process);
        listens
    }

    /// Lets it die: the last moment at which it lived.
    fn die(&mut self, death: Death) -> Instant {
        let now = Instant::now();
        match (death, &self.process) {
            (Death::CutOff, _) => self.host.cut_off(),
            (Death::Frozen, Some(process)) => process.signal(Signal::SIGSTOP),
            (Death::Killed, Some(process)) => process.signal(Signal::SIGKILL),
            (_, None) => panic!("it is dead"),
        }
        now
    }

    /// Lets it return: the last moment at which it was away.
    fn revive(&mut self, death: Death) -> Instant {
        let now = Instant::now();
        match (death, &self.process) {
            (Death::CutOff, _) => self.host.join(),
            (Death::Frozen, Some(process)) => process.signal(Signal::SIGCONT),
            (Death::Killed, _) => return self.launch(),
            (_, None) => panic!("it is dead"),
        }
        now
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // One that is stopped would not see that it is to end.
        let Some(process) = &mut self.process else { return };
        if process.ended().is_none() {
            process.signal(Signal::SIGCONT);
        }
    }
}

fn serve(mut command: Command, address: Ipv4Addr) -> (Process, Instant) {
    let command = command.args(["-c", SERVER]).arg(address.to_string()).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("python3 starts");
    let mut said = BufReader::new(child.stdout.take().expect("it was piped"));
    let mut line = String::new();
    said.read_line(&mut line).expect("it says that it listens");
    let listens = Instant::now();
    assert_eq!(line, "bound\n");
    (Process::new(child), listens)
}

/// A named that forwards to `server` and caches; also its directory.
fn caching_named(listen: SocketAddr, server: SocketAddr) -> (Process, TempDir) {
    let directory = tempfile::tempdir().expect("a directory");
    let at = directory.path();
    let conf = format!(
        "options {{ directory \"{}\"; pid-file none; session-keyfile none; listen-on port {} {{ {}; }}; \
         listen-on-v6 {{ none; }}; dnssec-validation no; forwarders {{ {} port {}; }}; forward only; }};\ncontrols {{ }};\n",
        at.display(),
        listen.port(),
        listen.ip(),
        server.ip(),
        server.port()
    );
    let file = at.join("named.conf");
    std::fs::write(&file, conf).expect("a file");
    let log = std::fs::File::create(at.join("log")).expect("a file");
    let mut command = Command::new(program("named", "bind9"));
    let command = command.args(["-g", "-n", "1", "-c"]).arg(&file).stdin(Stdio::null()).stdout(Stdio::null());
    (Process::new(command.stderr(log).spawn().expect("named starts")), directory)
}

/// A row of the table.
struct Row {
    scene: Scene,
    way: &'static str,
    times: Times,
}

impl Row {
    fn head() -> String {
        let (head, rule) = (Times::HEAD, Times::RULE);
        format!("| the server was | probes | their patience | the name | {head}\n|---|---|---:|---|{rule}")
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { scene: Scene { death, interval, timeout, cached_for }, way, times } = self;
        let behind =
            cached_for.map_or(String::new(), |ttl| format!("; asked through named, monitored_ttl {} s", ttl.as_secs()));
        let (interval, timeout) = (interval.as_millis(), timeout.as_millis());
        write!(f, "| {death}{behind} | {interval} ms × {THRESHOLD} | {timeout} ms | {way} | {times}")
    }
}

/// Lets the first server die and return so many times.
fn play(scene: Scene, number: u8, repetitions: u32) -> [Row; 2] {
    let mut site = Site::start(Host::link(number));
    let (server, named) = (address(5300 + u16::from(number)), address(5400 + u16::from(number)));
    let tandem = Tandem::start(server, &scene.configuration(server, site.host.address));
    let cache = scene.cached_for.map(|_| caching_named(named, server));
    let asked = if cache.is_some() { named } else { server };
    assert!(wait_until(LIMIT, || Client::start(asked, NAME).wait_for(FIRST, Duration::from_secs(3)).is_some()));
    let client = Client::start(asked, NAME);
    let moves = |to: Ipv4Addr, since: Instant| {
        let seen = client.wait_for(to, LIMIT).unwrap_or_else(|| panic!("the name does not become {to}: {scene:?}"));
        seen.saturating_duration_since(since)
    };
    moves(FIRST, Instant::now());
    let (mut away, mut back) = (Vec::new(), Vec::new());
    for repetition in 0..repetitions {
        // Wherever it meets the probes, and the life of a cached answer.
        let pause = scene.interval / 2 + scene.cached_for.unwrap_or(scene.interval) * repetition / repetitions;
        thread::sleep(pause);
        away.push(moves(SECOND, site.die(scene.death)));
        thread::sleep(pause);
        back.push(moves(FIRST, site.revive(scene.death)));
    }
    thread::sleep(scene.interval * 3);
    let runs = client.runs();
    let seen: Vec<_> = runs.iter().map(|run| run.address).collect();
    assert_eq!(runs.len() as u32, 2 * repetitions + 1, "it flaps, or answers are lost: {scene:?}: {seen:?}");
    drop(tandem);
    let [to_second, to_first] = scene.bounds();
    [("moved on", away, to_second), ("came back", back, to_first)].map(|(way, times, bound)| Row {
        scene,
        way,
        times: Times::new(&times, bound),
    })
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

#[test]
fn a_name_moves_within_its_bound() {
    let repetitions = from_environment("TANDEM_TEST_REPETITIONS", 10).max(1) as u32;
    let (second, _) = serve(Command::new(program("python3", "python3")), SECOND);
    let scene = |death, interval, timeout| {
        let [interval, timeout] = [interval, timeout].map(Duration::from_millis);
        Scene { death, interval, timeout, cached_for: None }
    };
    let scenes = [
        // Refused is a failure at once, however long the check would wait.
        scene(Death::Killed, 1000, 10_000),
        scene(Death::Killed, 200, 10_000),
        scene(Death::Frozen, 1000, 500),
        scene(Death::Frozen, 200, 100),
        scene(Death::CutOff, 1000, 500),
        scene(Death::CutOff, 200, 100),
        Scene { cached_for: Some(Duration::from_secs(5)), ..scene(Death::Killed, 1000, 10_000) },
    ];
    println!("{}", Row::head());
    let mut rows = Vec::new();
    for (number, scene) in (1..).zip(scenes) {
        for row in play(scene, number, repetitions) {
            println!("{row}");
            rows.push(row);
        }
    }
    let late: Vec<_> = rows.iter().filter(|row| !row.times.are_held()).map(Row::to_string).collect();
    assert!(late.is_empty(), "later than the bound:\n{}", late.join("\n"));
    drop(second);
}
