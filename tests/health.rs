//! The thread that probes, over real sockets: servers that die, freeze, come back; reloads and overrides meanwhile.
//!
//! Not here: what a single probe makes of an answer and what follows from outcomes, which are told beside the code.
//! The long forms, named in `tests/acceptance`, are ignored here.

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, killpg};

use common::{Process, fresh_address, program, wait_until};
use tandem::config::HealthCheck;
use tandem::config::health::{Address, Endpoint, Monitored, Protocol, Request, Thresholds};
use tandem::health::probe::Resolved;
use tandem::health::{Override, Prober, Resolve, Row, Table};
use tandem::wire::Name;

/// For what must come at some time.
const PATIENCE: Duration = Duration::from_secs(30);

/// Nothing here has a name.
struct Nameless;

impl Resolve for Nameless {
    fn resolve<'a>(&'a self, _: &'a Name) -> Resolved<'a> {
        Box::pin(async { Err("no name is known".to_owned()) })
    }
}

/// A check every 200 ms, two in a row. Its timeouts are a loaded machine's.
fn check(name: &str, server: SocketAddr) -> HealthCheck {
    let request = Request { resource_path: "/".to_owned(), search_string: None, user_agent: None };
    HealthCheck {
        name: name.to_owned(),
        monitored: Monitored::Endpoint(Endpoint {
            address: Address::Fixed { ip_address: server.ip(), fully_qualified_domain_name: None },
            port: server.port(),
            protocol: Protocol::Http(request),
            request_interval: Duration::from_millis(200),
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(5),
            source_address: None,
        }),
        thresholds: Thresholds { failure: 2, success: 2 },
        inverted: false,
        disabled: false,
        position: None,
    }
}

/// The same check with other times.
fn every(interval: Duration, timeout: Duration, mut check: HealthCheck) -> HealthCheck {
    if let Monitored::Endpoint(endpoint) = &mut check.monitored {
        endpoint.request_interval = interval;
        (endpoint.connect_timeout, endpoint.response_timeout) = (timeout, timeout);
    }
    check
}

/// An HTTP server that answers each connection at once and counts them; gone when dropped.
struct Site {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Site {
    fn start(address: SocketAddr, answer: &'static str) -> Site {
        let listener = TcpListener::bind(address).expect("the address is free");
        let (asked, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, end) = (Arc::clone(&asked), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                count.fetch_add(1, Ordering::Relaxed);
                let _ = stream.read(&mut [0; 1024]).and_then(|_| stream.write_all(answer.as_bytes()));
            }
        });
        Site { address, asked, stop, thread: Some(thread) }
    }

    fn well(address: SocketAddr) -> Site {
        Site::start(address, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A table that follows these checks and the thread that probes them.
fn probing(checks: &[HealthCheck]) -> (Arc<Table>, Prober) {
    let table = Arc::new(Table::default());
    table.follow(checks, SystemTime::now());
    let prober = Prober::start(Arc::clone(&table), Arc::new(Nameless)).expect("a thread");
    (table, prober)
}

fn row(table: &Table, name: &str) -> Row {
    table.find(name).expect("the check is known").row()
}

/// Waits until a check counts as this.
fn await_state(table: &Table, name: &str, healthy: bool) {
    let mark = table.find(name).expect("the check is known");
    assert!(wait_until(PATIENCE, || mark.mark.is_healthy() == healthy), "{:?}", mark.row());
}

#[test]
fn the_first_round_finds_out_who_is_well_before_serving_begins() {
    let (up, down) = (Site::well(fresh_address()), fresh_address());
    let unavailable = Site::start(fresh_address(), "HTTP/1.1 503 No\r\n\r\n");
    let checks = [check("up", up.address), check("down", down), check("unavailable", unavailable.address)];
    let (table, prober) = probing(&checks);
    assert!(prober.first_round(PATIENCE));
    let found: Vec<_> = table.report().iter().map(|row| row.healthy).collect();
    assert_eq!(found, [true, false, false]);
    assert_eq!(row(&table, "down").reason, "connect: refused (the first probe)");
    assert_eq!(row(&table, "unavailable").reason, "status 503 (the first probe)");
    assert!(prober.first_round(Duration::ZERO), "once it is over it stays over");
}

#[test]
fn a_silent_server_keeps_the_first_round_no_longer_than_its_deadline() {
    let silent = TcpListener::bind(fresh_address()).expect("the address is free");
    let minute = Duration::from_secs(60);
    let slow = every(minute, minute, check("silent", silent.local_addr().expect("bound")));
    let (table, prober) = probing(&[slow]);
    assert!(!prober.first_round(Duration::from_millis(200)));
    assert!(row(&table, "silent").healthy, "until it is found out");
    prober.stop();
}

#[test]
fn without_checks_there_is_no_round_to_wait_for() {
    let (_, prober) = probing(&[]);
    assert!(prober.first_round(PATIENCE));
}

#[test]
fn a_server_that_dies_and_returns_is_followed() {
    let site = Site::well(fresh_address());
    let address = site.address;
    let (table, prober) = probing(&[check("site", address)]);
    assert!(prober.first_round(PATIENCE));
    await_state(&table, "site", true);
    drop(site);
    await_state(&table, "site", false);
    assert_eq!(row(&table, "site").reason, "connect: refused (2 in a row)");
    let site = Site::well(address);
    await_state(&table, "site", true);
    assert!(row(&table, "site").reason.starts_with("status 200 after "), "{:?}", row(&table, "site"));
    drop(site);
}

#[test]
fn a_frozen_server_is_found_out_and_its_thaw_too() {
    let address = fresh_address();
    let python = program("python3", "python3");
    let words = ["-m", "http.server", "--bind", &address.ip().to_string(), &address.port().to_string()];
    let directory = tempfile::tempdir().expect("a directory");
    let child = Command::new(python).args(words).current_dir(directory.path()).stderr(Stdio::null()).spawn();
    let server = Process::new(child.expect("python3 starts"));
    assert!(wait_until(PATIENCE, || TcpStream::connect(address).is_ok()), "it listens");
    let (table, prober) = probing(&[check("site", address)]);
    assert!(prober.first_round(PATIENCE));
    await_state(&table, "site", true);
    server.signal(Signal::SIGSTOP);
    await_state(&table, "site", false);
    assert_eq!(row(&table, "site").reason, "no status within 5.000 s (2 in a row)");
    server.signal(Signal::SIGCONT);
    await_state(&table, "site", true);
}

#[test]
fn a_reload_changes_who_is_probed() {
    let (first, second) = (Site::well(fresh_address()), Site::well(fresh_address()));
    let (table, prober) = probing(&[check("first", first.address)]);
    assert!(prober.first_round(PATIENCE));
    table.follow(&[check("second", second.address)], SystemTime::now());
    prober.follow();
    assert!(wait_until(PATIENCE, || second.asked() > 3));
    // What was under way when the order came has ended long since.
    let before = first.asked();
    assert!(wait_until(PATIENCE, || second.asked() > 10));
    assert_eq!(first.asked(), before);
    let disabled = HealthCheck { disabled: true, ..check("second", second.address) };
    table.follow(&[disabled, check("first", first.address)], SystemTime::now());
    prober.follow();
    assert!(wait_until(PATIENCE, || first.asked() > before + 3));
    let at_rest = second.asked();
    assert!(wait_until(PATIENCE, || first.asked() > before + 10));
    assert_eq!(second.asked(), at_rest);
}

#[test]
fn an_override_holds_until_it_expires() {
    let site = Site::well(fresh_address());
    let (table, prober) = probing(&[check("site", site.address)]);
    assert!(prober.first_round(PATIENCE));
    let ends = SystemTime::now() + Duration::from_secs(3);
    let unix = ends.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    let down = Override { healthy: false, reason: "new disks".to_owned(), expires: Some(unix) };
    let changes = table.set_override("site", Some(down), SystemTime::now()).expect("a check");
    assert_eq!(changes.len(), 1);
    let asked = site.asked();
    await_state(&table, "site", true);
    assert!(SystemTime::now() >= SystemTime::UNIX_EPOCH + Duration::from_secs(unix), "not before its end");
    assert!(site.asked() > asked, "it is probed all the same");
    assert!(row(&table, "site").reason.starts_with("override expired"), "{:?}", row(&table, "site"));
    assert_eq!(table.overrides(), []);
}

/// The value of an environment variable as a number.
fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// The loop of a well-known article on failover, word for word but for `nc`, which names a variant of it.
fn nc_loop(nc: &str) -> String {
    let text = r#"#!/usr/bin/env bash
srvnum=1 # edit for each server
port=8888
while true; do
    echo -e "HTTP/1.1 200 OK\n\n $(date) on server #$srvnum" | nc -l -p $port -q 1
done
"#;
    text.replace("| nc ", &format!("| {nc} "))
}

/// Port 8888 of every address is bound: run it in a network namespace of its own, as `tests/acceptance` does.
#[test]
#[ignore = "takes minutes: tests/acceptance nc"]
fn an_nc_loop_every_2_s_and_3_in_a_row_does_not_flap() {
    let nc = std::env::var("TANDEM_TEST_NC").unwrap_or_else(|_| "nc".to_owned());
    let seconds = from_environment("TANDEM_TEST_SECONDS", 300);
    let directory = tempfile::tempdir().expect("a directory");
    let script = directory.path().join("loop");
    fs::write(&script, nc_loop(&nc)).expect("a file");
    let mut bash = Command::new(program("bash", "bash"));
    // A group of its own: the loop's children end with it.
    let bash = bash.arg(&script).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    let server = Process::new(bash.spawn().expect("bash starts"));
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 8888));
    thread::sleep(Duration::from_secs(1));
    let two = Duration::from_secs(2);
    let patient = Thresholds { failure: 3, success: 3 };
    let check = HealthCheck { thresholds: patient, ..every(two, two, check("primary", address)) };
    let (table, prober) = probing(&[check]);
    assert!(prober.first_round(PATIENCE));
    let (mut passed, mut failed, mut changes, mut was) = (0, 0, 0, true);
    let (mut last, mut longest, mut in_a_row) = (None, 0, 0);
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        thread::sleep(Duration::from_millis(20));
        let row = row(&table, "primary");
        changes += usize::from(row.healthy != was);
        was = row.healthy;
        if row.last != last {
            let passes = row.last.as_ref().is_some_and(|last| last.outcome.passed() == Some(true));
            in_a_row = if passes { 0 } else { in_a_row + 1 };
            longest = longest.max(in_a_row);
            if passes {
                passed += 1;
            } else {
                failed += 1;
                println!("{:?}", row.last);
            }
            last = row.last;
        }
    }
    killpg(server.pid(), Signal::SIGTERM).expect("its group");
    println!(
        "{nc}: {passed} probes passed, {failed} failed, at most {longest} in a row; {changes} changes in {seconds} s"
    );
    assert!(passed > seconds / 4, "{passed} of about {} probes passed", seconds / 2);
    assert_eq!(changes, 0, "it flapped");
}

/// CPU time of the probing thread so far, in seconds.
fn cpu_of_probing() -> f64 {
    let tasks = fs::read_dir("/proc/self/task").expect("proc is mounted");
    let is_probing =
        |task: &fs::DirEntry| fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name == "health\n");
    let task = tasks.flatten().find(is_probing).expect("the thread runs");
    let times = fs::read_to_string(task.path().join("schedstat")).expect("its times");
    let nanoseconds: f64 = times.split(' ').next().and_then(|word| word.parse().ok()).expect("a number");
    nanoseconds / 1e9
}

#[test]
#[ignore = "measures, alone on its machine: tests/acceptance probes"]
fn ten_thousand_checks_are_a_tenth_of_a_core() {
    let seconds = from_environment("TANDEM_TEST_SECONDS", 60);
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    setrlimit(Resource::RLIMIT_NOFILE, most, most).expect("the soft limit may be raised");
    let sites: Vec<_> = (1..=100).map(|last| Site::well(SocketAddr::from(([127, 63, 2, last], 8888)))).collect();
    let ten = Duration::from_secs(10);
    let of = |number: usize| every(ten, ten, check(&number.to_string(), sites[number % 100].address));
    let checks: Vec<_> = (0..10_000).map(of).collect();
    let begin = Instant::now();
    let (table, prober) = probing(&checks);
    assert!(prober.first_round(PATIENCE));
    println!("first round of 10,000: {:.2} s, {:.2} s of CPU", begin.elapsed().as_secs_f64(), cpu_of_probing());
    let asked = || sites.iter().map(Site::asked).sum::<usize>();
    let (cpu, before, begin) = (cpu_of_probing(), asked(), Instant::now());
    thread::sleep(Duration::from_secs(seconds));
    let (cpu, probes, time) = (cpu_of_probing() - cpu, asked() - before, begin.elapsed().as_secs_f64());
    let rate = probes as f64 / time;
    println!(
        "10,000 checks every 10 s: {rate:.0} probes a second, {:.1} % of a core, {:.0} us of CPU a probe",
        cpu / time * 100.0,
        cpu / probes as f64 * 1e6
    );
    assert!(rate > 1000.0 && rate < 1112.0, "an interval is 9 to 10 s: {rate}");
    assert!(table.report().iter().all(|row| row.healthy));
}
