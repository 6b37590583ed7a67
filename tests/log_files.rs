//! Writing log files under questions: rolled as configured, and never in the way of an answer.
//!
//! Questions from outside the ACL each give a line of the category security, so they are the load.
//! Not here: lines, channels and rotation without a server (`tests/logging.rs`).

mod common;

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use common::packet::{Question, exchange_udp_from, receive_udp};
use common::{Scripted, Tandem, fresh_address, named_conf, wait_until};

const PATIENCE: Duration = Duration::from_secs(5);

/// The forwarder's `logging` statement with another file, size and severity.
fn logging(file: &str, rest: &str) -> String {
    format!(
        "logging {{\n channel simple_log {{\n  file \"{file}\" {rest};\n  severity info;\n  print-time yes;\n  \
         print-severity yes;\n  print-category yes;\n }};\n category default {{ simple_log; }};\n \
         category client {{ simple_log; }};\n}};\n"
    )
}

/// A server that answers 127.0.0.7 alone.
fn server(logging: &str) -> (SocketAddr, Tandem, Scripted) {
    let upstream = Scripted::start(|query| query.reply().address(60, [192, 0, 2, 1]).send());
    let address = fresh_address();
    let text = named_conf(address, upstream.address(), "").replace("{ any; }", "{ 127.0.0.7; }") + logging;
    (address, Tandem::start(address, &text), upstream)
}

/// Asks `count` times from an address that is refused, 32 questions at a time; each must get its answer.
fn load(server: SocketAddr, count: u16) {
    let socket = UdpSocket::bind(("127.0.0.99", 0)).expect("a UDP socket");
    socket.connect(server).expect("a UDP socket can be connected");
    for first in (0..count).step_by(32) {
        let batch = first..(first + 32).min(count);
        for id in batch.clone() {
            socket.send(&Question::new("www.example.org", "A").id(id).octets()).expect("sent");
        }
        for id in batch {
            let message = receive_udp(&socket, PATIENCE).unwrap_or_else(|| panic!("question {id} gets no answer"));
            assert_eq!(message.rcode(), 5);
        }
    }
}

/// How long an allowed client waits for an answer.
fn ask(server: SocketAddr) -> Duration {
    let from = Instant::now();
    let client = "127.0.0.7".parse().expect("an address");
    let message = exchange_udp_from(Some(client), server, &Question::new("www.example.org", "A").octets(), PATIENCE);
    assert_eq!(message.map(|message| message.rcode()), Some(0));
    from.elapsed()
}

#[test]
fn the_file_is_rolled_at_its_size_while_questions_are_answered() {
    let (address, server, _upstream) = server(&logging("{directory}/bind.log", "versions 3 size 100k"));
    load(address, 5000);
    ask(address);
    let names = ["bind.log", "bind.log.0", "bind.log.1", "bind.log.2"];
    assert!(wait_until(PATIENCE, || names.iter().all(|name| !server.file(name).is_empty())), "three versions");
    assert!(!wait_until(Duration::from_millis(200), || !server.file("bind.log.3").is_empty()), "and no fourth");
    for name in &names[1..] {
        let text = server.file(name);
        let longest = text.lines().map(str::len).max().unwrap_or(0);
        assert!((100 << 10..(100 << 10) + longest + 2).contains(&text.len()), "{name} has {} octets", text.len());
        let whole = |line: &str| line.contains(" security: info: client @0x") && line.ends_with(" did not match)");
        let odd: Vec<_> = text.lines().filter(|line| !whole(line) && !line.contains("starting")).collect();
        assert!(odd.len() <= 8, "{name}: {odd:?}");
        assert!(text.ends_with('\n'), "{name} ends in the middle of a line");
    }
    assert!(server.stop().success());
}

#[test]
fn a_file_that_cannot_be_written_is_told_once_and_costs_no_answer() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let file = directory.path().join("file");
    fs::write(&file, "no directory").expect("a file can be written");
    let below = file.join("bind.log").to_string_lossy().into_owned();
    let missing = directory.path().join("missing/bind.log").to_string_lossy().into_owned();
    let cases = [
        ("no space left", "/dev/full", "versions 3 size 5m", "No space left"),
        ("no directory", missing.as_str(), "versions 3 size 5m", "No such file or directory"),
        ("a file where a directory should be", below.as_str(), "", "Not a directory"),
    ];
    for (what, file, rest, reason) in cases {
        let (address, server, _upstream) = server(&logging(file, rest));
        ask(address);
        load(address, 2000);
        let slowest = (0..50).map(|_| ask(address)).max().expect("fifty times");
        assert!(slowest < Duration::from_secs(1), "{what}: an answer took {slowest:?}");
        let complaints = || server.said().matches(reason).count();
        assert!(wait_until(PATIENCE, || complaints() > 0), "{what}: not told: {}", server.said());
        load(address, 1000);
        assert_eq!(complaints(), 1, "{what}: told once: {}", server.said());
        assert!(server.said().contains(file), "{what}: the file is named: {}", server.said());
        assert!(server.stop().success(), "{what}");
    }
}

#[test]
fn a_log_goes_on_when_its_file_can_be_written_again() {
    let (address, server, _upstream) = server(&logging("{directory}/sub/bind.log", "versions 3 size 5m"));
    load(address, 100);
    server.says("sub/bind.log");
    fs::create_dir(server.path("sub")).expect("our directory");
    let written = || {
        load(address, 32);
        !server.file("sub/bind.log").is_empty()
    };
    assert!(wait_until(2 * PATIENCE, written), "it is not tried again: {}", server.said());
    assert!(server.stop().success());
}
