//! Attacks that need real sockets: what a client can do by TCP to take more than its share.
//!
//! Not here: what packets alone can do (`tests/scenarios/attacks.scn`).

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::packet::{Connection, Question, exchange_udp};
use common::{Protocol, Scripted, Tandem, fresh_address, wait_until};

const SECOND: Duration = Duration::from_secs(1);

/// An upstream whose every answer is some 60,000 octets of text, by TCP as they must be.
fn long_winded() -> Scripted {
    Scripted::start(|query| {
        let text: Vec<u8> = std::iter::once(250).chain([b'x'; 250]).collect();
        let reply = match query.protocol {
            Protocol::Udp => query.reply().truncated(),
            Protocol::Tcp => (0..228).fold(query.reply(), |reply, _| reply.answer(&query.name(), "TXT", 600, &text)),
        };
        reply.send()
    })
}

fn start(address: SocketAddr, upstream: SocketAddr, options: &str) -> Tandem {
    let text = format!(
        "options {{ listen-on port {} {{ {}; }}; listen-on-v6 {{ none; }}; allow-query {{ any; }}; \
         forwarders {{ {} port {}; }}; max-cache-size 8m; {options} }};\n",
        address.port(),
        address.ip(),
        upstream.ip(),
        upstream.port()
    );
    Tandem::start(address, &text)
}

/// Asks once, so that the answer is in the cache.
fn fill(address: SocketAddr, query: &[u8]) {
    let mut connection = Connection::open(None, address).expect("the server accepts");
    connection.send(query).expect("the query is sent");
    let answer = connection.receive(10 * SECOND).expect("an answer");
    assert_eq!(answer.counts[1], 228);
}

#[test]
fn a_client_that_asks_for_much_and_reads_nothing_gets_no_more_memory_than_its_share() {
    let (upstream, address) = (long_winded(), fresh_address());
    let server = start(address, upstream.address(), "");
    let query = Question::new("long.example", "TXT").octets();
    fill(address, &query);
    let before = server.resident_octets();

    let mut greedy = Connection::open(None, address).expect("the server accepts");
    // One message as long as can be makes the buffer of the connection large, so that much is read at once.
    greedy.send(&vec![0; 65_535]).expect("the message is sent");
    greedy.receive(10 * SECOND).expect("FORMERR");
    let framed = [&(query.len() as u16).to_be_bytes()[..], &query].concat();
    let sent = greedy.send_raw(&framed.repeat(4000));
    sent.expect("the socket takes as much as its buffers hold");
    let grown = || server.resident_octets().saturating_sub(before);
    assert!(!wait_until(2 * SECOND, || grown() > 30 << 20), "4000 × 60 kB were to be read: {} octets", grown());

    assert!(exchange_udp(address, &Question::new("version.bind", "TXT").class(3).octets(), SECOND).is_some());
    for _ in 0..4000 {
        greedy.receive(10 * SECOND).expect("every answer comes once they are read");
    }
}
