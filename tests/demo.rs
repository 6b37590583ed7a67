//! Running the demos as a newcomer does: the program, its servers as processes, a second terminal.
//!
//! Where the first port is in use, by another demo among others, the next free one is taken; so tests run side by side.

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use common::{Process, wait_until};
use nix::sys::signal::Signal;

/// The demo's first port when none is named.
const FIRST_PORT: u16 = 5300;
/// How long processes may take to end on a loaded machine; forwarders wait for questions that are in flight.
const END: Duration = Duration::from_secs(15);

fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    command.arg("demo").args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit());
    command
}

/// A second terminal's line to the demo at `port`: what it shows.
fn tell(port: u16, line: &str) -> String {
    tell_story(&[], port, line)
}

/// The same for a story beside that of the forwarders.
fn tell_story(story: &[&str], port: u16, line: &str) -> String {
    let port = port.to_string();
    let arguments = [story, &["--port", &port, line]].concat();
    let Output { status, stdout, .. } = demo(&arguments).output().expect("tandem runs");
    let text = String::from_utf8(stdout).expect("the demo writes UTF-8");
    assert!(status.success(), "'{line}' ends with {status}: {text}");
    text
}

/// What the first lines say of one demo.
#[derive(Debug)]
struct Parts {
    port: u16,
    /// Of both forwarders.
    pids: Vec<u32>,
    /// Where the forwarders' files are.
    directory: PathBuf,
}

impl Parts {
    /// Reads `  the forwarder in AZ 1  127.0.1.53 port 5300, PID 77, /tmp/…/az1/named.conf`, and its neighbour; or
    /// `  the DNS server  127.0.0.1 port 5300, PID 77, /tmp/…/failover.toml`.
    fn read(text: &str) -> Parts {
        let of = |start: &str| text.lines().filter(|line| line.starts_with(start)).collect::<Vec<_>>();
        let (rows, depth) = match &of("  the DNS server ")[..] {
            [] => (of("  the forwarder in AZ "), 2),
            server => (server.to_vec(), 1),
        };
        assert_eq!(rows.len(), depth, "two forwarders, or one server, in:\n{text}");
        let behind = |row: &str, word: &str| {
            let rest = row.split_once(word).unwrap_or_else(|| panic!("'{word}' in: {row}")).1;
            rest.split(',').next().and_then(|number| number.trim().parse::<u32>().ok()).expect("a number")
        };
        let file = Path::new(rows[0].rsplit(", ").next().expect("a last part"));
        Parts {
            port: u16::try_from(behind(rows[0], " port ")).expect("a port"),
            pids: rows.iter().map(|row| behind(row, " PID ")).collect(),
            directory: file.ancestors().nth(depth).expect("a file in the demo's directory").to_owned(),
        }
    }

    fn assert_ended(&self, how: &str) {
        for &pid in &self.pids {
            assert!(wait_until(END, || !is_alive(pid)), "{how} leaves the forwarder with PID {pid}");
        }
    }

    fn assert_nothing_left(&self, how: &str) {
        self.assert_ended(how);
        assert!(!self.directory.exists(), "{how} leaves {}", self.directory.display());
    }
}

/// Whether a process with this PID is there and no zombie.
fn is_alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// A demo without a terminal, driven by second ones.
struct Running {
    process: Process,
    parts: Parts,
    /// All lines up to `quit`, the last of the help.
    said: String,
    // Kept: a demo whose reader is gone has nobody to talk to.
    _stdout: BufReader<ChildStdout>,
}

impl Running {
    fn start(arguments: &[&str]) -> Running {
        let mut child: Child = demo(arguments).stdout(Stdio::piped()).spawn().expect("tandem runs");
        let mut stdout = BufReader::new(child.stdout.take().expect("it was piped"));
        let process = Process::new(child);
        let mut said = String::new();
        while !said.contains("\n  quit ") {
            let count = stdout.read_line(&mut said).expect("the demo writes UTF-8");
            assert!(count > 0, "the demo ended, having said:\n{said}");
        }
        Running { process, parts: Parts::read(&said), said, _stdout: stdout }
    }
}

#[test]
fn the_story_holds_and_leaves_nothing_behind() {
    let Output { status, stdout, .. } = demo(&["--once"]).output().expect("tandem runs");
    let text = String::from_utf8(stdout).expect("the demo writes UTF-8");
    assert!(status.success(), "{status}:\n{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("  ok   ")).count(), 37, "{text}");
    assert!(!text.contains("FAIL") && text.contains("\n37 checks, 0 failed, "), "{text}");
    Parts::read(&text).assert_nothing_left("the story");
}

#[test]
fn a_port_in_use_is_passed_over_and_the_choice_said() {
    // Whoever has it, this test or a demo beside it: the first port is in use.
    let _taken = TcpListener::bind(("127.0.0.2", FIRST_PORT));
    let mut demo = Running::start(&[]);
    let port = demo.parts.port;
    assert!(port > FIRST_PORT, "{}", demo.said);
    let choice = format!("port {FIRST_PORT} is in use; every part takes {port} instead\n");
    assert!(demo.said.starts_with(&choice), "{}", demo.said);
    for part in [format!("dig @127.0.1.53 -p {port} "), format!(" demo --port {port} upsert 10.1.2.10 ")] {
        assert!(demo.said.contains(&part), "'{part}' in:\n{}", demo.said);
    }
    let seen = tell(port, "look");
    assert!(seen.starts_with("AZ 1: 10.1.1.10, TTL ") && seen.contains("\nAZ 2: 10.1.1.10, TTL "), "{seen}");
    tell(port, "quit");
    assert!(wait_until(END, || demo.process.ended().is_some()), "'quit' does not end it");
    assert!(demo.process.ended().is_some_and(|status| status.success()));
    demo.parts.assert_nothing_left("'quit'");
}

#[test]
fn no_forwarder_outlives_a_demo_that_is_ended_by_a_signal() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let mut demo = Running::start(&["--port", "5400"]);
        demo.process.signal(signal);
        assert!(wait_until(END, || demo.process.ended().is_some()), "{signal} does not end it");
        demo.parts.assert_nothing_left(signal.as_str());
    }
    // Nobody is left to remove the directory after this one.
    let mut demo = Running::start(&["--port", "5400"]);
    demo.process.signal(Signal::SIGKILL);
    assert!(wait_until(END, || demo.process.ended().is_some()));
    demo.parts.assert_ended("SIGKILL");
    fs::remove_dir_all(&demo.parts.directory).expect("the forwarders' files can be removed");
}

#[test]
fn a_name_follows_its_servers_and_nothing_is_left_behind() {
    let Output { status, stdout, .. } = demo(&["failover", "--once"]).output().expect("tandem runs");
    let text = String::from_utf8(stdout).expect("the demo writes UTF-8");
    assert!(status.success(), "{status}:\n{text}");
    assert!(text.contains("\nThe name followed 1 → 2 → 3 → 2 → 1: ") && !text.contains("FAILED"), "{text}");
    for row in [
        "  server 1 killed           1 → 2  ",
        "  server 2 killed           2 → 3  ",
        "  server 3 killed           stays  ",
        "  server 3 started again    stays  ",
        "  server 2 started again    3 → 2  ",
        "  server 1 started again    2 → 1  ",
        "    request_interval = \"1s\" in place of \"2s\"",
        "    failure_threshold = 2 in place of 3",
        "primary.resilient-site: healthy to unhealthy: connect: refused (2 in a row)",
        "secondary.resilient-site: unhealthy to healthy: status 200 after ",
    ] {
        assert!(text.contains(row), "'{row}' is missing in\n{text}");
    }
    Parts::read(&text).assert_nothing_left("the story");
}

#[test]
fn a_second_terminal_freezes_and_wakes_a_server_behind_the_name() {
    let mut running = Running::start(&["failover", "--port", "5450"]);
    let port = running.parts.port;
    let tell = |line: &str| tell_story(&["failover"], port, line);
    let is = |number: usize| tell("look").contains(&format!(" is 127.0.0.1{number} (server {number})\n"));
    assert!(wait_until(END, || is(1)), "{}", tell("look"));
    assert!(tell("freeze 1").contains("server 1 was frozen"));
    assert!(tell("look").contains(" is frozen\n"), "{}", tell("look"));
    assert!(wait_until(END, || is(2)), "{}", tell("look"));
    assert!(tell("start 1").contains("server 1 was started again"));
    assert!(wait_until(END, || is(1)), "{}", tell("look"));
    let table = tell("look");
    assert!(table.contains("  server 1 frozen           1 → 2 "), "{table}");
    assert!(tell("quit").contains("are stopped"));
    assert!(wait_until(END, || running.process.ended().is_some()), "'quit' does not end it");
    assert!(running.process.ended().is_some_and(|status| status.success()));
    running.parts.assert_nothing_left("'quit'");
}
