//! Misbehaving on connections: what is bounded, and that nobody else notices.
//!
//! Times are configured short: half a second of idleness, 2.5 s (named's least) until the first message.
//! Not here: pipelining as such (`tests/dig.rs`).

mod common;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use common::packet::{Connection, Question, exchange_udp};
use common::{Query, Scripted, Tandem, fresh_address, named_conf, wait_until};

const PATIENCE: Duration = Duration::from_secs(5);
const IDLE: Duration = Duration::from_millis(500);
const INITIAL: Duration = Duration::from_millis(2500);
/// What a loaded machine may add to a time.
const SLACK: Duration = Duration::from_millis(1500);

const LIMITS: &str = "tcp-idle-timeout 5; tcp-initial-timeout 25;";

/// A server with short times before an upstream that answers everything: by `slow.…` after 1.2 s, by `long.…` with
/// 60,000 octets.
fn server(options: &str) -> (SocketAddr, Tandem, Scripted) {
    let upstream = Scripted::start(|query: &Query| match query.name().split('.').next() {
        Some("slow") => query.reply().address(60, [192, 0, 2, 1]).send_after(Duration::from_millis(1200)),
        Some("long") if query.protocol == common::Protocol::Udp => query.reply().truncated().send(),
        Some("long") => {
            let strings = [&[250][..], &[b'x'; 250]].concat().repeat(240);
            query.reply().answer(&query.name(), "TXT", 60, &strings).send()
        }
        _ => query.reply().address(60, [192, 0, 2, 1]).send(),
    });
    let address = fresh_address();
    let server = Tandem::start(address, &named_conf(address, upstream.address(), &format!("{LIMITS} {options}")));
    (address, server, upstream)
}

fn open(server: SocketAddr) -> Connection {
    Connection::open(None, server).expect("it listens by TCP")
}

fn question(label: &str, id: u16) -> Vec<u8> {
    Question::new(&format!("{label}.example.org"), "A").id(id).octets()
}

/// Asks and is answered, so that from now on the idle time counts.
fn open_and_ask(server: SocketAddr) -> Connection {
    let mut connection = open(server);
    connection.send(&question("first", 1)).expect("sent");
    assert_eq!(connection.receive(PATIENCE).map(|message| message.id), Some(1));
    connection
}

/// How long until the server closes the connection.
fn lifetime(mut connection: Connection) -> Duration {
    let from = Instant::now();
    assert!(connection.is_closed_within(2 * PATIENCE), "the connection stays open");
    from.elapsed()
}

fn assert_near(what: &str, lifetime: Duration, expected: Duration) {
    let earliest = expected.saturating_sub(Duration::from_millis(100));
    assert!((earliest..=expected + SLACK).contains(&lifetime), "{what}: {lifetime:?} instead of {expected:?}");
}

/// The time of others passes: their connection is closed, this one is not, and knows how long it has.
#[test]
fn who_speaks_edns_tcp_keepalive_has_a_time_of_its_own() {
    let (address, _server, _upstream) = server("tcp-keepalive-timeout 600; tcp-advertised-timeout 450;");
    let keeping = Question::new("first.example.org", "A").id(1).edns(1232, false, &[0, 11, 0, 0]).octets();
    let mut kept = open(address);
    kept.send(&keeping).expect("sent");
    let told = kept.receive(PATIENCE).expect("it is answered");
    assert_eq!(told.option(11), Some(450u16.to_be_bytes().to_vec()), "tenths of a second");
    assert!(open_and_ask(address).is_closed_within(PATIENCE), "others have half a second");
    kept.send(&question("first", 2)).expect("sent");
    let told = kept.receive(PATIENCE).expect("it is answered");
    assert_eq!((told.id, told.option(11)), (2, None), "who does not ask is not told");
    let by_udp = exchange_udp(address, &keeping, PATIENCE).expect("it is answered");
    assert_eq!(by_udp.option(11), None, "by UDP there is no connection");
}

/// A connection, all of what is sent by it, and when the server closes it.
type Silence = (&'static str, bool, Vec<u8>, Duration);

#[test]
fn what_does_not_become_a_message_ends_the_connection() {
    let (address, _server, _upstream) = server("");
    let framed = |length: u16, octets: &[u8]| [&length.to_be_bytes(), octets].concat();
    let whole = question("half", 2);
    let half = framed(whole.len() as u16, &whole[..10]);
    let cases: Vec<Silence> = vec![
        ("silence from the start", false, vec![], INITIAL),
        ("half a length and silence", false, vec![0], INITIAL),
        ("half a first message and silence", false, half.clone(), INITIAL),
        ("silence after an answer", true, vec![], IDLE),
        ("half a second message and silence", true, half, IDLE),
        ("a length of 0", true, framed(0, &[]), Duration::ZERO),
        ("a length of 0 at the start", false, framed(0, &[]), Duration::ZERO),
        ("a message shorter than a header", true, framed(11, &[0; 11]), Duration::ZERO),
    ];
    let threads = cases.into_iter().map(|(what, answered, octets, expected)| {
        thread::spawn(move || {
            let mut connection = if answered { open_and_ask(address) } else { open(address) };
            connection.send_raw(&octets).expect("sent");
            (what, lifetime(connection), expected)
        })
    });
    for thread in threads.collect::<Vec<_>>() {
        let (what, lifetime, expected) = thread.join().expect("the case runs through");
        assert_near(what, lifetime, expected);
    }
}

#[test]
fn a_connection_that_waits_for_an_answer_is_not_idle() {
    let (address, _server, _upstream) = server("");
    let mut connection = open_and_ask(address);
    connection.send(&question("slow", 2)).expect("sent");
    connection.send(&question("fast", 3)).expect("sent");
    let ids: Vec<_> = (0..2).filter_map(|_| connection.receive(PATIENCE)).map(|message| message.id).collect();
    assert_eq!(ids, [3, 2], "the fast answer overtakes, the slow one comes after more than the idle time");
    assert_near("idle after the slow answer", lifetime(connection), IDLE);
}

#[test]
fn who_sends_no_more_still_gets_the_answers() {
    let (address, _server, _upstream) = server("");
    let mut connection = open(address);
    connection.send(&question("slow", 1)).expect("sent");
    connection.send(&question("fast", 2)).expect("sent");
    connection.shut_down_sending();
    let ids: Vec<_> = (0..2).filter_map(|_| connection.receive(PATIENCE)).map(|message| message.id).collect();
    assert_eq!(ids, [2, 1]);
    assert!(connection.is_closed_within(PATIENCE), "nothing is left to say");
}

#[test]
fn too_many_connections_are_closed_and_the_others_go_on() {
    let (address, _server, _upstream) = server("tcp-clients 6;");
    let from = |last: u8| Some(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)));
    let ask = |connection: &mut Connection| {
        connection.send(&question("first", 7)).is_ok() && connection.receive(PATIENCE).is_some()
    };
    let mut open: Vec<_> = (1..=6).map(|last| Connection::open(from(last), address).expect("a connection")).collect();
    assert!(open.iter_mut().all(ask), "as many as tcp-clients allows are served");
    let mut seventh = Connection::open(from(7), address).expect("the system accepts it");
    assert!(!ask(&mut seventh), "one more is closed");
    assert!(open.iter_mut().all(ask), "the others are still served");
    assert!(exchange_udp(address, &question("first", 8), PATIENCE).is_some(), "UDP does not count");
    open.remove(0);
    let again = || Connection::open(from(8), address).is_ok_and(|mut connection| ask(&mut connection));
    assert!(wait_until(PATIENCE, again), "a place that was left is given away");
}

#[test]
fn a_message_in_drips_is_cut_off_and_costs_others_nothing() {
    let (address, _server, _upstream) = server("");
    let dripping = thread::spawn(move || {
        let mut connection = open_and_ask(address);
        let from = Instant::now();
        let whole = question(&"x".repeat(60), 2);
        let framed = [&(whole.len() as u16).to_be_bytes(), whole.as_slice()].concat();
        for octet in framed {
            if connection.send_raw(&[octet]).is_err() || connection.is_closed_within(Duration::from_millis(50)) {
                return from.elapsed();
            }
        }
        panic!("90 octets in {:?} were taken as a message", from.elapsed());
    });
    let mut normal = open_and_ask(address);
    while !dripping.is_finished() {
        let from = Instant::now();
        normal.send(&question("first", 9)).expect("sent");
        assert!(normal.receive(PATIENCE).is_some());
        assert!(exchange_udp(address, &question("first", 9), PATIENCE).is_some());
        assert!(from.elapsed() < Duration::from_secs(1), "a normal client waited {:?}", from.elapsed());
        thread::sleep(Duration::from_millis(20));
    }
    assert_near("the drips", dripping.join().expect("the client runs through"), IDLE);
}

#[test]
fn a_client_that_does_not_read_is_cut_off_and_costs_others_nothing() {
    let (address, mut server, upstream) = server("");
    let question = Question::new("long.example.org", "TXT");
    let mut deaf = open(address);
    deaf.send(&question.clone().octets()).expect("sent");
    assert!(deaf.receive(PATIENCE).is_some_and(|message| message.octets.len() > 60_000));
    // 2,000 answers are 120 MB: more than the buffers of both ends hold.
    let from = Instant::now();
    let mut sent = 0;
    while sent < 2000 && deaf.send(&question.clone().id(sent).octets()).is_ok() {
        sent += 1;
    }
    let mut normal = open_and_ask(address);
    let gone = wait_until(2 * PATIENCE, || {
        normal.send(&Question::new("first.example.org", "A").octets()).expect("sent");
        assert!(normal.receive(PATIENCE).is_some(), "a normal client is answered");
        deaf.has_been_reset()
    });
    assert!(gone, "the client that does not read is kept after {:?}", from.elapsed());
    assert_eq!(upstream.count("long.example.org"), 2, "once by UDP, once by TCP");
    assert!(server.runs());
}
