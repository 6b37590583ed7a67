//! A name that fails over: real HTTP servers are stopped and started, a client follows the name.
//!
//! Not here: how fast it is, which `tests/acceptance` measures; what each probe finds (`health`'s own tests).

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::packet::{Message, Question, exchange_udp};
use common::{Tandem, Web, fresh_address, wait_until};

const PATIENCE: Duration = Duration::from_secs(10);

/// The zone of two levels of failover, each with a check of its own.
fn toml(address: SocketAddr, servers: [SocketAddr; 3]) -> String {
    let check = |name: &str, server: SocketAddr| {
        format!(
            "[[health_check]]\nname = \"{name}\"\ntype = \"HTTP\"\nip_address = \"{}\"\nport = {}\n\
             request_interval = \"100ms\"\nfailure_threshold = 2\n",
            server.ip(),
            server.port(),
        )
    };
    let record = |name: &str, rtype: &str, value: &str, more: &str| {
        format!("[[zone.record]]\nname = \"{name}.example\"\ntype = \"{rtype}\"\nvalue = \"{value}\"\n{more}")
    };
    [
        format!("[options]\nlisten = [\"{address}\"]\nallow_query = [\"any\"]\n"),
        check("first", servers[0]),
        check("second", servers[1]),
        "[[zone]]\nname = \"example\"\nttl = 10\n".to_owned(),
        record("first", "A", "192.0.2.1", ""),
        record("second", "A", "192.0.2.2", ""),
        record("third", "A", "192.0.2.3", ""),
        record("rest", "CNAME", "second.example", "failover = \"PRIMARY\"\nhealth_check = \"second\"\n"),
        record("rest", "CNAME", "third.example", "failover = \"SECONDARY\"\n"),
        record("www", "CNAME", "first.example", "failover = \"PRIMARY\"\nhealth_check = \"first\"\n"),
        record("www", "CNAME", "rest.example", "failover = \"SECONDARY\"\n"),
    ]
    .concat()
}

fn ask(server: SocketAddr) -> Option<Message> {
    exchange_udp(server, &Question::new("www.example", "A").octets(), Duration::from_secs(1))
}

/// The last octet of the address at the end of the chain.
fn follow(server: SocketAddr) -> Option<u8> {
    let message = ask(server)?;
    message.records.iter().find(|record| record.rtype == 1)?.data.last().copied()
}

#[test]
fn a_name_goes_to_the_next_server_that_is_well_and_back() {
    let servers = [fresh_address(), fresh_address(), fresh_address()];
    let mut webs = servers.map(|address| Some(Web::start(address)));
    let address = fresh_address();
    let server = Tandem::start(address, &toml(address, servers));
    assert_eq!(follow(address), Some(1), "{}", server.said());
    let message = ask(address).expect("an answer");
    assert_eq!((message.rcode(), message.records.len()), (0, 2), "the whole chain");
    for (what, stopped, started, expected) in [
        ("the first is stopped", Some(0), None, 2),
        ("the second too", Some(1), None, 3),
        ("the second is back", None, Some(1), 2),
        ("the first is back", None, Some(0), 1),
    ] {
        if let Some(index) = stopped {
            webs[index] = None;
        }
        if let Some(index) = started {
            webs[index] = Some(Web::start(servers[index]));
        }
        let moved = wait_until(PATIENCE, || follow(address) == Some(expected));
        assert!(moved, "{what}: {expected} expected, {:?} seen; {}", follow(address), server.said());
    }
    drop(webs);
    // The log names the checks and why they changed.
    for expected in ["first", "second", "refused"] {
        server.says(expected);
    }
    assert!(server.stop().success());
}

#[test]
fn every_answer_is_of_a_server_that_is_well_at_its_time() {
    let servers = [fresh_address(), fresh_address(), fresh_address()];
    let _third = Web::start(servers[2]);
    // The first two are down from the beginning: the first round of probes finds that out before anybody is answered.
    let address = fresh_address();
    let server = Tandem::start(address, &toml(address, servers));
    assert_eq!(follow(address), Some(3), "{}", server.said());
    assert!(server.stop().success());
}
