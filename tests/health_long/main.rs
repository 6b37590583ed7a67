//! The thread that probes, for minutes: a server that is a loop around nc, and what 10,000 checks cost.
//!
//! `tests/acceptance nc` and `tests/acceptance probes` build and run them, each where it can tell something; `cargo test`
//! does not know this target.

#[path = "../common/mod.rs"]
mod common;
#[path = "../health/stand.rs"]
mod stand;

use std::fmt::Write;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use common::packet::Question;
use common::{Process, Tandem, fresh_address, program};
use stand::{PATIENCE, Site, check, every, probing, row};
use tandem::config::HealthCheck;
use tandem::config::health::Thresholds;

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

/// Lets this thread, and what it starts, run on these cores alone.
fn stay_on(cores: &[usize]) {
    let mut set = CpuSet::new();
    cores.iter().for_each(|&core| set.set(core).expect("a core"));
    sched_setaffinity(Pid::from_raw(0), &set).expect("a core of ours");
}

/// A zone of one name, and 10,000 checks of these sites.
fn with_checks(address: SocketAddr, sites: &[Site], disabled: bool) -> String {
    let mut text = format!(
        "[options]\nlisten = [\"{address}\"]\nallow_query = [\"any\"]\nhealth_start_deadline = \"30s\"\n\
         state_directory = \"{{directory}}/state\"\n[[zone]]\nname = \"example\"\n[[zone.record]]\n\
         name = \"www.example\"\ntype = \"A\"\nvalue = \"192.0.2.1\"\n"
    );
    for number in 0..10_000 {
        let site = sites[number % sites.len()].address;
        write!(
            text,
            "[[health_check]]\nname = \"{number}\"\ntype = \"HTTP\"\nip_address = \"{}\"\nport = {}\n\
             request_interval = \"10s\"\ndisabled = {disabled}\n",
            site.ip(),
            site.port()
        )
        .expect("a string takes it");
    }
    text
}

/// How long answers took, sorted; a question every 2 ms. `None` stands at the end for each that never came.
fn waits(address: SocketAddr, seconds: u64) -> Vec<Option<Duration>> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    socket.connect(address).expect("a socket can be connected");
    socket.set_read_timeout(Some(Duration::from_secs(1))).expect("a socket option");
    let query = Question::new("www.example", "A").octets();
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut waits = Vec::new();
    while Instant::now() < end {
        let begin = Instant::now();
        socket.send(&query).expect("sent");
        waits.push(socket.recv(&mut [0; 512]).ok().map(|_| begin.elapsed()));
        thread::sleep(Duration::from_millis(2));
    }
    waits.sort_by_key(|wait| wait.unwrap_or(Duration::MAX));
    waits
}

/// The server has one core to itself, with its only worker and the thread that probes; sites and client have the others.
#[test]
fn ten_thousand_checks_delay_no_answer() {
    let seconds = from_environment("TANDEM_TEST_SECONDS", 60);
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    setrlimit(Resource::RLIMIT_NOFILE, most, most).expect("the soft limit may be raised");
    let ours = sched_getaffinity(Pid::from_raw(0)).expect("an affinity");
    let cores: Vec<usize> = (0..CpuSet::count()).filter(|&core| ours.is_set(core).unwrap_or(false)).collect();
    let (first, others) = cores.split_first().expect("at least one core");
    assert!(!others.is_empty(), "two cores are needed");
    stay_on(others);
    let sites: Vec<_> = (1..=100).map(|last| Site::well(SocketAddr::from(([127, 63, 3, last], 8888)))).collect();
    let mut worst = Vec::new();
    for disabled in [true, false] {
        let address = fresh_address();
        stay_on(&[*first]);
        let begin = Instant::now();
        let server = Tandem::start_while(address, &with_checks(address, &sites, disabled), |_| stay_on(others));
        let started = begin.elapsed().as_secs_f64();
        let waits = waits(address, seconds);
        let at = |share: usize| waits[(waits.len() - 1) * share / 1000].unwrap_or(Duration::MAX);
        let lost = waits.iter().filter(|wait| wait.is_none()).count();
        println!(
            "10,000 checks {}: first answer after {started:.2} s; then {} answers: half within {:.0?}, 99 of 100 within {:.0?}, \
             999 of 1000 within {:.0?}, the worst {:.0?}; {lost} lost",
            if disabled { "disabled" } else { "every 10 s" },
            waits.len(),
            at(500),
            at(990),
            at(999),
            at(1000),
        );
        assert_eq!(lost, 0);
        worst.push(at(990));
        assert!(server.stop().success());
    }
    assert!(worst[1] < worst[0] + Duration::from_millis(2), "99 of 100 within {worst:?}");
}
