//! Asking all workers at once: each listens for itself, and together they are one server.
//!
//! Not here: what a single question gets (`tests/dig.rs`), connections that misbehave (`tests/connections.rs`).

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use common::packet::{Connection, Message, Question, exchange_udp, receive_udp};
use common::{Scripted, Tandem, fresh_address, fresh_ipv6_address, named_conf, wait_until};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

const PATIENCE: Duration = Duration::from_secs(5);

/// The address of the only A record.
fn address_in(message: &Message) -> Option<Vec<u8>> {
    message.records.iter().find(|record| record.rtype == 1).map(|record| record.data.clone())
}

/// Sockets for clients, each with a port of its own, spread over a few addresses.
fn clients(server: SocketAddr, count: usize) -> Vec<UdpSocket> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("the limit of open files can be read");
    let wanted = 2 * count as u64;
    if soft < wanted {
        setrlimit(Resource::RLIMIT_NOFILE, wanted.min(hard), hard).expect("the soft limit may rise to the hard one");
    }
    let client = |index: usize| {
        let last = u8::try_from(1 + index % 10).expect("1..=10");
        let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, last), 0)).expect("a UDP socket");
        socket.connect(server).expect("a UDP socket can be connected");
        socket
    };
    (0..count).map(client).collect()
}

/// For each worker's thread: how often it has waited so far, which a thread that does nothing leaves unchanged.
fn waits_of_workers(server: &Tandem) -> BTreeMap<String, u64> {
    let tasks = fs::read_dir(format!("/proc/{}/task", server.pid())).expect("a process has threads");
    let threads = tasks.filter_map(|entry| {
        let status = fs::read_to_string(entry.ok()?.path().join("status")).ok()?;
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let waits = field("voluntary_ctxt_switches:")?.parse().ok()?;
        Some((field("Name:")?.to_owned(), waits))
    });
    threads.filter(|(name, _)| name.starts_with("worker ")).collect()
}

/// How many sockets of a table in /proc/net are bound to `address` (listening, for TCP).
fn sockets_bound_to(table: &str, address: SocketAddr) -> usize {
    let IpAddr::V4(ip) = address.ip() else { panic!("an IPv4 address is expected") };
    let local = format!("{:08X}:{:04X}", u32::from_ne_bytes(ip.octets()), address.port());
    let text = fs::read_to_string(format!("/proc/net/{table}")).expect("/proc/net can be read");
    let state = if table == "tcp" { "0A" } else { "07" };
    let fields = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    fields.filter(|fields| fields[1] == local && fields[3] == state).count()
}

#[test]
fn a_thousand_clients_with_one_new_question_cost_one_upstream_query() {
    let upstream =
        Scripted::start(|query| query.reply().address(60, [192, 0, 2, 7]).send_after(Duration::from_millis(150)));
    let address = fresh_address();
    let mut server = Tandem::start(address, &named_conf(address, upstream.address(), "recursive-clients 2000;"));
    let clients = clients(address, 1000);
    for (id, client) in (0..).zip(&clients) {
        client.send(&Question::new("New.example.org", "A").id(id).octets()).expect("sent");
    }
    for (id, client) in (0..).zip(&clients) {
        let message = receive_udp(client, PATIENCE).unwrap_or_else(|| panic!("client {id} gets no answer"));
        assert_eq!((message.id, address_in(&message)), (id, Some(vec![192, 0, 2, 7])));
    }
    assert_eq!(upstream.count("new.example.org"), 1);
    assert!(server.runs());
}

#[test]
fn every_worker_listens_and_answers() {
    let upstream = Scripted::start(|query| query.reply().address(60, [192, 0, 2, 7]).send());
    let address = fresh_address();
    let server = Tandem::start(address, &named_conf(address, upstream.address(), ""));
    let workers = sockets_bound_to("udp", address);
    assert!(workers > 0);
    assert_eq!(sockets_bound_to("tcp", address), workers, "as many listening sockets by TCP as by UDP");
    // A thread gives itself its name, which may be after the first worker has answered.
    wait_until(PATIENCE, || waits_of_workers(&server).len() == workers);
    let before = waits_of_workers(&server);
    assert_eq!(before.len(), workers, "a worker for each socket: {before:?}");
    // The system spreads clients over the sockets by their addresses and ports.
    let clients = clients(address, 256);
    for round in 0..4 {
        for (index, client) in clients.iter().enumerate() {
            let question = Question::new(&format!("n{index}.example.org"), "A").id(round).octets();
            client.send(&question).expect("sent");
            let message = receive_udp(client, PATIENCE).unwrap_or_else(|| panic!("client {index} gets no answer"));
            assert_eq!(message.id, round);
        }
    }
    for (worker, waits) in waits_of_workers(&server) {
        let share = waits - before[&worker];
        assert!(share >= 20, "{worker} woke {share} times for {} questions", 4 * clients.len());
    }
    assert_eq!(upstream.seen().len(), clients.len(), "workers share the cache");
}

#[test]
fn a_reply_leaves_from_the_address_that_was_asked() {
    let upstream = Scripted::start(|query| query.reply().address(60, [192, 0, 2, 7]).send());
    let first = fresh_address();
    let IpAddr::V4(ip) = first.ip() else { panic!("an IPv4 address is expected") };
    let [_, b, c, d] = ip.octets();
    let beside = |offset: u8| SocketAddr::new(Ipv4Addr::new(127, b + offset, c, d).into(), first.port());
    let (second, not_listed) = (beside(64), beside(128));
    let v6 = fresh_ipv6_address();
    let text = named_conf(first, upstream.address(), &format!("listen-on-v6 port {} {{ ::1; }};", v6.port()))
        .replace(&format!("{{ {}; }};", first.ip()), &format!("{{ {}; {}; }};", first.ip(), second.ip()))
        .replace("listen-on-v6 { none; };", "");
    let _server = Tandem::start(first, &text);
    for server in [first, second, v6] {
        let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { "::".parse().expect("any") };
        let client = UdpSocket::bind((any, 0)).expect("a UDP socket");
        client.set_read_timeout(Some(PATIENCE)).expect("a time above zero");
        // Twice: from the upstream, then from the cache.
        for _ in 0..2 {
            let name = format!("{}.example.org", server.ip().to_string().replace([':', '.'], "-"));
            client.send_to(&Question::new(&name, "A").octets(), server).expect("sent");
            let (_, from) = client.recv_from(&mut [0; 1232]).unwrap_or_else(|error| panic!("from {server}: {error}"));
            assert_eq!(from, server, "the reply's source");
        }
        let mut connection = Connection::open(None, server).expect("it listens by TCP");
        connection.send(&Question::new("tcp.example.org", "A").octets()).expect("sent");
        assert!(connection.receive(PATIENCE).is_some(), "{server} by TCP");
    }
    let question = Question::new("tcp.example.org", "A").octets();
    assert!(exchange_udp(not_listed, &question, Duration::from_millis(200)).is_none(), "{not_listed} is not listed");
    assert!(Connection::open(None, not_listed).is_err());
}

#[test]
fn ipv6_clients_and_an_ipv6_upstream_are_served() {
    let upstream = Scripted::start_at(fresh_ipv6_address(), |query| {
        let whole = query.protocol == common::Protocol::Tcp || query.name() != "long.example.org";
        let reply = query.reply().address(60, [192, 0, 2, 7]);
        if whole { reply.send() } else { query.reply().truncated().send() }
    });
    let address = fresh_ipv6_address();
    let _server = Tandem::start(address, &named_conf(address, upstream.address(), ""));
    for name in ["short.example.org", "long.example.org"] {
        let question = Question::new(name, "A").edns(1232, false, &[]).octets();
        let message = exchange_udp(address, &question, PATIENCE).unwrap_or_else(|| panic!("{name}: no answer"));
        assert_eq!(address_in(&message), Some(vec![192, 0, 2, 7]), "{name}");
        let mut connection = Connection::open(None, address).expect("it listens by TCP");
        connection.send(&question).expect("sent");
        assert_eq!(connection.receive(PATIENCE).as_ref().and_then(address_in), Some(vec![192, 0, 2, 7]), "{name}");
    }
    assert!(wait_until(PATIENCE, || upstream.seen().len() == 3));
    assert!(upstream.seen().iter().all(|query| query.from.is_ipv6()));
}

#[test]
fn an_upstream_that_refuses_is_left_at_once_and_taken_back_when_it_listens() {
    let (refusing, silent, address) = (fresh_address(), fresh_address(), fresh_address());
    let alive = Scripted::start(|query| query.reply().address(60, [192, 0, 2, 7]).send());
    let _holds = UdpSocket::bind(silent).expect("a free UDP port");
    let rule = |name: &str, first: SocketAddr| {
        let second = alive.address();
        format!(
            "[[forward]]\nname = \"{name}\"\nforwarders = [\"{first}\", \"{second}\"]\nforwarder_order = \"first\"\n"
        )
    };
    let listen = format!("[options]\npid_file = \"none\"\nlisten = [\"{address}\"]\nallow_query = [\"any\"]\n");
    let _server = Tandem::start(address, &format!("{listen}{}{}", rule("silent", silent), rule("refused", refusing)));
    // The first question is answered when its answer has become late.
    let client = &clients(address, 1)[0];
    for (id, name) in [(1, "a.silent"), (2, "a.refused")] {
        client.send(&Question::new(name, "A").id(id).octets()).expect("sent");
    }
    let ids = [(); 2].map(|()| receive_udp(client, PATIENCE).expect("both are answered").id);
    assert_eq!(ids, [2, 1], "who refuses is left earlier than who is silent");
    for id in 0..50 {
        client.send(&Question::new(&format!("n{id}.refused"), "A").id(id).octets()).expect("sent");
        assert_eq!(receive_udp(client, PATIENCE).expect("it is answered").id, id);
    }
    let back = Scripted::start_at(refusing, |query| query.reply().address(60, [192, 0, 2, 8]).send());
    assert!(back.wait_for(1, PATIENCE), "it is probed");
    assert_eq!(back.seen()[0].name(), "", "and asked nothing else until it answers");
    let answer_of = |name: String| {
        let message = exchange_udp(address, &Question::new(&name, "A").octets(), PATIENCE).expect("it is answered");
        address_in(&message)
    };
    let mut names = (0..).map(|number| format!("back{number}.refused"));
    assert!(
        wait_until(PATIENCE, || answer_of(names.next().expect("endless")) == Some(vec![192, 0, 2, 8])),
        "it is the first again"
    );
}
