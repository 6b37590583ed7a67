//! Asking for more than can be answered: what others notice of it, over real sockets.
//!
//! Not here: whose question makes room (`tests/scenarios/overload.scn`), clients that do not read (`tests/attacks.rs`).

mod common;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::packet::{Message, Question, exchange_udp_from, receive_udp};
use common::{Scripted, Tandem, fresh_address, named_conf, wait_until};

const PATIENCE: Duration = Duration::from_secs(5);
const SERVFAIL: u16 = 2;

/// Names under `slow.` are never answered, all others at once.
fn half_dead() -> Scripted {
    Scripted::start(|query| match query.name().ends_with("slow.example") {
        true => Vec::new(),
        false => query.reply().address(60, [192, 0, 2, 7]).send(),
    })
}

fn ask(server: SocketAddr, from: Ipv4Addr, name: &str) -> Option<Message> {
    exchange_udp_from(Some(IpAddr::V4(from)), server, &Question::new(name, "A").octets(), PATIENCE)
}

/// Sends questions for new names that nobody answers, some thousands a second, until told to stop; counts what comes.
fn flood(server: SocketAddr, from: Ipv4Addr, stop: &AtomicBool, sent: &AtomicUsize, failed: &AtomicUsize) {
    let socket = UdpSocket::bind((from, 0)).expect("a UDP socket");
    socket.connect(server).expect("a UDP socket can be connected");
    while !stop.load(Ordering::Relaxed) {
        for _ in 0..20 {
            let number = sent.fetch_add(1, Ordering::Relaxed);
            let name = format!("n{number}.slow.example");
            let _ = socket.send(&Question::new(&name, "A").id(number as u16).octets());
        }
        while let Some(message) = receive_udp(&socket, Duration::from_millis(1)) {
            assert_eq!(message.rcode(), SERVFAIL);
            failed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn two_clients_floods_of_new_names_cost_others_nothing() {
    let (upstream, address) = (half_dead(), fresh_address());
    let mut server = Tandem::start(address, &named_conf(address, upstream.address(), "recursive-clients 200;"));
    let other = Ipv4Addr::new(127, 0, 0, 9);
    assert!(ask(address, other, "known.example").is_some());
    let before = server.resident_octets();
    let (stop, sent, failed) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for last in [7, 8] {
            let from = Ipv4Addr::new(127, 0, 0, last);
            let (stop, sent, failed) = (&stop, &sent, &failed);
            scope.spawn(move || flood(address, from, stop, sent, failed));
        }
        let until = Instant::now() + PATIENCE;
        let mut asked = 0;
        // Longer than the table takes to fill, whatever the machine does beside.
        while (sent.load(Ordering::Relaxed) < 2000 || asked < 200) && Instant::now() < until {
            let name = format!("new{asked}.example");
            for (what, from, name) in [
                ("from the cache", other, "known.example"),
                ("from the cache, to one who floods", Ipv4Addr::new(127, 0, 0, 7), "known.example"),
                ("from the upstream", other, name.as_str()),
            ] {
                let message = ask(address, from, name);
                let Some(message) = message else { panic!("{what}: no answer while {asked} were") };
                assert_eq!((message.rcode(), message.counts[1]), (0, 1), "{what}: after {asked} answers");
            }
            asked += 1;
        }
        stop.store(true, Ordering::Relaxed);
    });
    let (sent, failed) = (sent.into_inner(), failed.into_inner());
    assert!(sent >= 1000, "the flood was {sent} questions");
    assert!(failed + 200 >= sent / 2, "of {sent} questions {failed} made room");
    let grown = server.resident_octets().saturating_sub(before);
    assert!(grown < 20 << 20, "{sent} questions cost {grown} octets");
    let names = |line: &str| ["7", "8"].iter().any(|last| line.contains(&format!("): 127.0.0.{last} has its share")));
    let complaint = |line: &str| line.contains("no more recursive clients (") && names(line);
    let is_told = wait_until(PATIENCE, || server.said().lines().any(complaint));
    assert!(is_told, "it is logged, and who it is:\n{}", server.said());
    assert!(server.said().lines().count() < 40, "not for every question:\n{}", server.said());
    assert!(server.runs());
}
