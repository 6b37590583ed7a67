//! Testing the end-to-end harness itself, without the server: what it reads and counts is right.

mod common;

use std::time::Duration;

use common::dig::{self, Dig};
use common::packet::{Connection, Message, Question, exchange_udp, receive_udp};
use common::{Action, Nsd, Protocol, Scripted, fresh_address, fresh_ipv6_address};

const SECOND: Duration = Duration::from_secs(1);

const ZONE: &str = "$ORIGIN lab.example.\n$TTL 30\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1\n";

#[test]
fn a_text_of_dig_is_read() {
    let text = "
; <<>> DiG 9.18 <<>> x.example
;; global options: +cmd
;; Truncated, retrying in TCP mode.
;; Got answer:
;; ->>HEADER<<- opcode: QUERY, status: NXDOMAIN, id: 7
;; flags: qr aa rd; QUERY: 1, ANSWER: 1, AUTHORITY: 1, ADDITIONAL: 2

;; OPT PSEUDOSECTION:
; EDNS: version: 0, flags: do; udp: 1232
; COOKIE: 0102030405060708010000006a (good)
; EDE: 18 (Prohibited): (not in allow-query)
; EDE: 22 (No Reachable Authority)
;; QUESTION SECTION:
;X.example.\t\t\tIN\tA

;; ANSWER SECTION:
X.example.\t\t10\tIN\tTXT\t\"a b\" \"c\"

;; AUTHORITY SECTION:
example.\t60\tIN\tSOA\tns.example. h.example. 1 2 3 4 5

;; ADDITIONAL SECTION:
ns.example.\t60\tIN\tA\t192.0.2.1

;; Query time: 12 msec
;; SERVER: 127.0.0.2#5300(127.0.0.2) (TCP)
;; WHEN: Sat Nov 21 03:00:00 UTC 2026
;; MSG SIZE  rcvd: 321
";
    let response = dig::parse(text).expect("it shows a response");
    assert_eq!(response.status, "NXDOMAIN");
    assert_eq!(response.flags, ["qr", "aa", "rd"]);
    assert_eq!(response.question, ["X.example. IN A"]);
    assert_eq!((response.answer.len(), response.answer[0].ttl_seconds), (1, 10));
    assert_eq!(response.data("TXT"), ["\"a b\" \"c\""]);
    assert_eq!(response.authority[0].data, "ns.example. h.example. 1 2 3 4 5");
    assert_eq!(response.additional[0].name, "ns.example.");
    let opt = response.opt.expect("it has an OPT");
    assert_eq!((opt.version, opt.udp_bytes), (0, 1232));
    assert_eq!(opt.flags, ["do"]);
    assert_eq!(opt.cookie.as_deref(), Some("0102030405060708010000006a (good)"));
    assert_eq!(
        response.ede,
        [(18, "(Prohibited): (not in allow-query)".into()), (22, "(No Reachable Authority)".into())]
    );
    assert_eq!((response.query_time, response.size_bytes), (Duration::from_millis(12), 321));
    assert_eq!((response.server.as_str(), response.protocol.as_str()), ("127.0.0.2#5300(127.0.0.2)", "TCP"));
    assert!(response.retried_by_tcp);
    assert!(dig::parse(";; communications error to 127.0.0.2#1: timed out\n").is_err());
}

#[test]
fn nsd_serves_the_zones_that_it_is_given() {
    let other = ZONE.replace("lab.example", "other.example").replace("192.0.2.1", "192.0.2.2");
    for address in [fresh_address(), fresh_ipv6_address()] {
        let nsd = Nsd::start_at(address, &[("lab.example", ZONE), ("other.example", &other)]);
        for (arguments, protocol) in [(&["+notcp"], "UDP"), (&["+tcp"], "TCP")] {
            let client = Dig::new(nsd.address()).with(arguments);
            let response = client.expect("ns.lab.example", "A");
            assert_eq!((response.status.as_str(), response.protocol.as_str()), ("NOERROR", protocol));
            assert_eq!(response.data("A"), ["192.0.2.1"]);
            assert!(response.has_flag("aa"));
            assert_eq!(client.expect("ns.other.example", "A").data("A"), ["192.0.2.2"]);
            assert_eq!(client.expect("x.lab.example", "A").status, "NXDOMAIN");
        }
        nsd.replace("lab.example", &ZONE.replace("hostmaster 1", "hostmaster 2").replace("192.0.2.1", "192.0.2.9"));
        assert_eq!(Dig::new(nsd.address()).expect("ns.lab.example", "A").data("A"), ["192.0.2.9"]);
    }
}

#[test]
fn a_scripted_upstream_answers_by_its_function() {
    let upstream = Scripted::start(|query| match (query.name().as_str(), query.protocol) {
        ("silent.example", _) => vec![],
        ("late.example", _) => query.reply().address(5, [192, 0, 2, 1]).send_after(Duration::from_millis(300)),
        ("big.example", Protocol::Udp) => query.reply().truncated().send(),
        ("gone.example", _) => query.reply().rcode(3).start_of_authority("example", 60, 30).send(),
        ("twice.example", _) => query.reply().address(5, [192, 0, 2, u8::try_from(query.earlier).expect("few")]).send(),
        _ => query.reply().authoritative().option(15, &[0, 22, b'x']).address(7, [192, 0, 2, 3]).send(),
    });
    let client = Dig::new(upstream.address()).with(&["+time=1"]);

    let plain = client.expect("PLAIN.example", "A");
    assert_eq!((plain.status.as_str(), plain.answer[0].ttl_seconds), ("NOERROR", 7));
    assert_eq!(plain.question, ["PLAIN.example. IN A"], "the case comes back");
    assert_eq!(plain.ede, [(22, "(No Reachable Authority): (x)".into())]);
    assert!(plain.has_flag("aa") && plain.has_flag("rd") && !plain.has_flag("tc"));

    assert!(client.ask("silent.example", "A").is_err());
    assert!(client.expect("late.example", "A").query_time >= Duration::from_millis(290));
    let big = client.expect("big.example", "A");
    assert_eq!((big.retried_by_tcp, big.protocol.as_str()), (true, "TCP"));
    let gone = client.expect("gone.example", "A");
    assert_eq!((gone.status.as_str(), gone.authority[0].rtype.as_str()), ("NXDOMAIN", "SOA"));
    assert_eq!(client.expect("twice.example", "A").data("A"), ["192.0.2.0"]);
    assert_eq!(client.expect("twice.example", "A").data("A"), ["192.0.2.1"]);

    assert_eq!((upstream.count("plain.example"), upstream.count("big.example")), (1, 2));
    assert_eq!((upstream.count_by(Protocol::Tcp), upstream.connections()), (1, 1));
    assert_eq!(upstream.seen().len(), 8);
    assert!(upstream.wait_for(8, Duration::ZERO) && !upstream.wait_for(9, Duration::ZERO));
}

#[test]
fn a_scripted_upstream_lies_where_it_is_told_to() {
    let upstream = Scripted::start(|query| {
        let good = query.reply().address(5, [192, 0, 2, 1]);
        let (name, id) = (query.name(), query.message.id);
        let wrong = match name.as_str() {
            "id.example" => Action::Send(good.clone().id(!id).octets()),
            "question.example" => Action::Send(good.clone().question("other.example", 1).octets()),
            "octets.example" => Action::Send(vec![1, 2, 3]),
            _ => Action::SendFromAnotherPort(good.octets()),
        };
        vec![wrong, Action::Wait(Duration::from_millis(100)), Action::Send(good.octets())]
    });
    let ask = |name: &str| exchange_udp(upstream.address(), &Question::new(name, "A").id(77).octets(), SECOND);
    assert_eq!(ask("id.example").map(|message| message.id), Some(!77));
    let question = ask("question.example").and_then(|message| message.question);
    assert_eq!(question, Some(("other.example".to_owned(), 1, 1)));
    assert!(ask("octets.example").is_none(), "three octets are no message");
    let connected = std::net::UdpSocket::bind("0.0.0.0:0").expect("a socket");
    connected.connect(upstream.address()).expect("a connected socket");
    connected.send(&Question::new("port.example", "A").octets()).expect("sent");
    assert!(receive_udp(&connected, Duration::from_millis(50)).is_none(), "another port does not reach it");
    assert!(receive_udp(&connected, SECOND).is_some());
    exchange_udp(upstream.address(), &[0; 5], Duration::from_millis(50));
    assert_eq!((upstream.malformed(), upstream.seen().len()), (1, 4));
}

#[test]
fn a_connection_carries_questions_one_behind_the_other() {
    let upstream = Scripted::start(|query| match query.name().as_str() {
        "close.example" => vec![Action::Close],
        "slow.example" => query.reply().send_after(Duration::from_millis(200)),
        _ => query.reply().rcode(5).send(),
    });
    let mut connection = Connection::open(Some("127.0.0.9".parse().expect("an address")), upstream.address())
        .expect("the upstream listens by TCP");
    let framed = |name: &str, id: u16| {
        let message = Question::new(name, "A").id(id).octets();
        [&u16::try_from(message.len()).expect("short").to_be_bytes(), message.as_slice()].concat()
    };
    let both = [framed("slow.example", 1), framed("fast.example", 2)].concat();
    connection.send_raw(&both[..10]).expect("sent");
    connection.send_raw(&both[10..]).expect("sent");
    let ids: Vec<_> = (0..2).filter_map(|_| connection.receive(SECOND)).map(|m| (m.id, m.rcode())).collect();
    assert_eq!(ids, [(2, 5), (1, 0)], "the fast one comes first");
    assert!(!connection.is_closed_within(Duration::from_millis(50)));
    connection.send(&Question::new("close.example", "A").octets()).expect("sent");
    assert!(connection.is_closed_within(SECOND));
    assert_eq!(upstream.seen()[0].from.ip().to_string(), "127.0.0.9");
}

#[test]
fn a_message_is_taken_apart() {
    let question = Question::new("a.example", "TYPE65280").class(3).flags(0x0010).edns(1400, true, &[0, 10, 0, 1, 9]);
    let message = Message::parse(&question.octets()).expect("it is a message");
    assert_eq!((message.id, message.flags, message.counts), (0x1234, 0x0010, [1, 0, 0, 1]));
    assert_eq!(message.question, Some(("a.example".to_owned(), 65280, 3)));
    let opt = message.opt().expect("it has an OPT");
    assert_eq!((opt.class, opt.ttl), (1400, 0x8000));
    assert_eq!((message.option(10), message.option(8)), (Some(vec![9]), None));
    let octets = question.octets();
    for length in 0..octets.len() {
        assert!(Message::parse(&octets[..length]).is_none(), "cut at {length}");
    }
    let looping = [common::packet::header(1, 0, [1, 0, 0, 0]), vec![0xC0, 12, 0, 1, 0, 1]].concat();
    assert!(Message::parse(&looping).is_none(), "a pointer to itself");
}
