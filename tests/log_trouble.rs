//! The query log when its disk is full, its directory closed or gone, or its disk dead: each query is answered, and each
//! is a line or is told as lost.
//!
//! Not here: rolling, reopening and what lines say (`tests/log_files.rs`); channels without a server (`tests/logging.rs`).

mod common;

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use common::packet::{Question, receive_udp};
use common::{Scripted, Tandem, fresh_address, named_conf, wait_until};
use nix::sys::ptrace;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

const PATIENCE: Duration = Duration::from_secs(20);

/// A server that logs queries to `file`, everything else to `all.log`, behind a script.
fn server(script: &str, file: &str) -> (SocketAddr, Tandem, Scripted) {
    let upstream = Scripted::start(|query| query.reply().address(3600, [192, 0, 2, 1]).send());
    let address = fresh_address();
    let logging = format!(
        "logging {{ channel q {{ file \"{{directory}}/{file}\"; }}; channel all {{ file \"{{directory}}/all.log\"; }};\n \
         category default {{ all; }}; category queries {{ q; }}; }};\n"
    );
    let text = named_conf(address, upstream.address(), "") + &logging;
    (address, Tandem::start_behind(script, address, &text), upstream)
}

/// Asks so many times, 20 questions at a time; each must be answered.
fn ask(server: SocketAddr, count: usize) {
    let socket = UdpSocket::bind(("127.0.0.7", 0)).expect("a UDP socket");
    socket.connect(server).expect("a UDP socket can be connected");
    for first in (0..count).step_by(20) {
        let batch = first..(first + 20).min(count);
        for id in batch.clone() {
            let question = Question::new("www.example.org", "A").id((id % 65_536) as u16);
            socket.send(&question.octets()).expect("sent");
        }
        for id in batch {
            assert!(receive_udp(&socket, PATIENCE).is_some(), "question {id} gets no answer");
        }
    }
}

/// Whole lines of our queries.
fn lines(file: &Path) -> usize {
    let text = fs::read(file).map(|octets| String::from_utf8_lossy(&octets).into_owned()).unwrap_or_default();
    let is_line = |line: &&str| line.contains(": query: www.example.org IN A + (") && line.ends_with(')');
    text.lines().filter(is_line).count()
}

/// Lines that the log tells as lost.
fn lost(log: &str) -> usize {
    let told = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let number = match words.as_slice() {
            [.., number, "message" | "messages", "was" | "were", "lost"] => number,
            [number, "query" | "queries", "was" | "were", "answered", "but", "not", "logged"] => number,
            _ => return 0,
        };
        number.parse().expect("a number")
    };
    log.lines().map(told).sum()
}

#[test]
fn a_full_disk_loses_lines_but_no_query_and_counts_them() {
    let script = "mkdir {directory}/disk\nmount -t tmpfs -o size=256k none {directory}/disk\n\
                  dd if=/dev/zero of={directory}/disk/other bs=4096 count=32 2>{directory}/dd";
    let (address, server, _upstream) = server(script, "disk/q.log");
    let log = server.inside("disk/q.log");
    // Some 100 octets each, into 128 KiB.
    ask(address, 4000);
    let full = || server.file("all.log").contains("disk/q.log cannot be written: No space left on device");
    assert!(wait_until(PATIENCE, full), "{}{}", server.file("all.log"), server.said());
    ask(address, 1000);
    fs::remove_file(server.inside("disk/other")).expect("it is there");
    let back = || server.file("all.log").contains("disk/q.log can be written again");
    assert!(wait_until(PATIENCE, back), "{}", server.file("all.log"));
    let before = lines(&log);
    ask(address, 100);
    assert!(wait_until(PATIENCE, || lines(&log) == before + 100), "{} after {before}", lines(&log));
    let accounted = || lines(&log) + lost(&server.file("all.log"));
    // A line that lacks but its newline counts as lost, and is read as one.
    assert!(
        wait_until(PATIENCE, || (5100..=5101).contains(&accounted())),
        "{}: {}",
        accounted(),
        server.file("all.log")
    );
    assert!(lines(&log) > 1000 && lost(&server.file("all.log")) > 1000);
    assert!(server.stop().success());
}

#[test]
fn a_directory_that_is_closed_and_then_gone_costs_no_query() {
    // Root without the right to write everywhere, as any user is.
    let script = "mkdir -m 555 {directory}/logs\n\
                  exec setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-all \"$0\" \"$@\"";
    let (address, server, _upstream) = server(script, "logs/q.log");
    let (logs, log) = (server.path("logs"), server.path("logs/q.log"));
    let told = |text: &str| wait_until(PATIENCE, || server.file("all.log").contains(text));
    ask(address, 300);
    assert!(told("Permission denied (os error 13) (may the server's user write there?)"), "{}", server.file("all.log"));
    assert!(!log.exists());
    fs::set_permissions(&logs, fs::Permissions::from_mode(0o755)).expect("our directory");
    assert!(told("logs/q.log can be written again"), "{}", server.file("all.log"));
    assert!(lost(&server.file("all.log")) >= 300, "{}", server.file("all.log"));
    ask(address, 100);
    assert!(wait_until(PATIENCE, || lines(&log) == 100), "{}", lines(&log));

    fs::remove_dir_all(&logs).expect("our directory");
    let missed = || {
        ask(address, 20);
        server.file("all.log").contains("No such file or directory (os error 2) (does its directory exist?)")
    };
    assert!(wait_until(PATIENCE, missed), "{}", server.file("all.log"));
    fs::create_dir(&logs).expect("our directory");
    let written = || {
        ask(address, 20);
        lines(&log) > 0
    };
    assert!(wait_until(PATIENCE, written), "{}", server.file("all.log"));
    assert!(server.stop().success());
}

/// The thread that writes the log, held as a dead disk holds it: it alone, in whatever it does.
struct Held(Pid);

impl Held {
    fn hold(server: &Tandem) -> Held {
        let tasks = fs::read_dir(format!("/proc/{}/task", server.pid())).expect("the process lives");
        let writer = tasks.filter_map(Result::ok).find(|task| {
            fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim_end() == "log-writer")
        });
        let name = writer.expect("there is such a thread").file_name();
        let writer = Pid::from_raw(name.to_string_lossy().parse().expect("its ID"));
        ptrace::attach(writer).expect("a child's thread can be held");
        waitpid(writer, Some(WaitPidFlag::__WALL)).expect("it stops");
        Held(writer)
    }

    fn release(self) {
        ptrace::detach(self.0, None).expect("it was held");
    }
}

#[test]
fn a_dead_disk_holds_no_query_and_no_more_memory_than_the_books() {
    const HELD: usize = 60_000;
    let (address, server, _upstream) = server("true", "q.log");
    let log = server.path("q.log");
    ask(address, 100);
    assert!(wait_until(PATIENCE, || lines(&log) == 100), "{}", server.said());
    let before = server.resident_octets();
    let held = Held::hold(&server);
    ask(address, HELD / 2);
    // A reload waits a while for the log, queries do not.
    server.hang_up();
    ask(address, HELD / 2);
    let grown = server.resident_octets().saturating_sub(before);
    // Two MiB of lines a worker, some for what the queries themselves take.
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    assert!(grown < (8 + 2 * workers) << 20, "{grown} octets more");
    assert!(lines(&log) < 200, "it was held: {}", lines(&log));
    held.release();
    let accounted = || lines(&log) + lost(&server.file("all.log"));
    let all = 100 + HELD;
    assert!(wait_until(PATIENCE, || accounted() == all), "{} of {all}: {}", accounted(), server.file("all.log"));
    assert!(lost(&server.file("all.log")) > 0 && lines(&log) > 10_000, "{}", server.file("all.log"));
    ask(address, 100);
    assert!(wait_until(PATIENCE, || accounted() == all + 100), "it goes on: {}", server.file("all.log"));
    assert!(server.stop().success());
}
