//! Asking the running server with dig: who is answered, by which upstream, in what form.
//!
//! The configuration is the one the server exists for: clients by an ACL, two conditional zones towards one resolver,
//! everything else towards another. NSD stands for the resolvers where their answers are ordinary, a scripted
//! upstream where they are not.
//! Not here: stories that need no socket.

mod common;

use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::time::{Duration, Instant};

use common::dig::{Dig, Response};
use common::packet::{Connection, Question};
use common::{Nsd, Protocol, Scripted, Tandem, fresh_address, fresh_ipv6_address, program};

const SECOND: Duration = Duration::from_secs(1);

const AWSLAB: &str = "$ORIGIN awslab.mycompany.corp.
$TTL 10
@ 60 SOA ns hostmaster 1 3600 600 86400 5
@ NS ns
ns A 10.1.0.2
myservice A 10.1.1.10
dual A 10.1.1.11
dual AAAA 2001:db8::11
six A 10.1.6.1
six A 10.1.6.2
six A 10.1.6.3
six A 10.1.6.4
six A 10.1.6.5
six A 10.1.6.6
alias CNAME ip-10-1-1-12.us-east-1.compute.internal.
outside CNAME www.example.org.
svc HTTPS 1 . alpn=h2
odd TYPE65280 \\# 3 01ff00
";

const COMPUTE: &str = "$ORIGIN us-east-1.compute.internal.
$TTL 60
@ SOA ns hostmaster 1 3600 600 86400 5
@ NS ns
ns A 10.1.0.2
ip-10-1-1-12 A 10.1.1.12
";

const PUBLIC: &str = "$ORIGIN example.org.
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 5
@ NS ns
ns A 192.0.2.2
www A 192.0.2.80
";

/// The forwarder's named.conf with these addresses.
fn named_conf(listen: SocketAddr, vpc: SocketAddr, public: SocketAddr) -> String {
    let on = |wanted: bool| match (wanted, listen.port(), listen.ip()) {
        (true, port, address) => format!("port {port} {{ {address}; }}"),
        (false, ..) => "{ none; }".to_owned(),
    };
    let (v4, v6) = (on(listen.is_ipv4()), on(listen.is_ipv6()));
    let forwarder = |address: SocketAddr| format!("{} port {};", address.ip(), address.port());
    let (vpc, public) = (forwarder(vpc), forwarder(public));
    format!(
        r#"acl goodclients {{
   127.0.0.0/28;
   ::1;
}};

options {{
   directory "{{directory}}";
   pid-file "{{directory}}/pid";
   version "not currently available";
   listen-on {v4};
   listen-on-v6 {v6};
   allow-query {{ goodclients; }};
   forwarders {{ {public} }};
   forward only;
   dnssec-validation no;
}};

logging {{
   channel simple_log {{
      file "{{directory}}/bind.log" versions 3 size 5m;
      severity warning;
      print-time yes;
      print-severity yes;
      print-category yes;
   }};
   category default {{ simple_log; }};
   category client {{ simple_log; }};
}};

zone "us-east-1.compute.internal" IN {{
   type forward;
   forwarders {{ {vpc} }};
   forward only;
}};

zone "awslab.mycompany.corp." IN {{
   type forward;
   forwarders {{ {vpc} }};
   forward only;
}};
"#
    )
}

/// The server between two NSDs.
struct Forwarder {
    address: SocketAddr,
    _server: Tandem,
    vpc: Nsd,
    _public: Nsd,
}

impl Forwarder {
    fn start_at(address: SocketAddr) -> Forwarder {
        let vpc = Nsd::start(&[("awslab.mycompany.corp", AWSLAB), ("us-east-1.compute.internal", COMPUTE)]);
        let public = Nsd::start(&[("example.org", PUBLIC)]);
        let server = Tandem::start(address, &named_conf(address, vpc.address(), public.address()));
        Forwarder { address, _server: server, vpc, _public: public }
    }

    fn start() -> Forwarder {
        Forwarder::start_at(fresh_address())
    }

    fn dig(&self) -> Dig {
        let dig = Dig::new(self.address);
        if self.address.is_ipv4() { dig.from(client("127.0.0.7")) } else { dig }
    }
}

/// The server before one scripted upstream that answers for everything.
fn before(upstream: &Scripted) -> (SocketAddr, Tandem, Dig) {
    let address = fresh_address();
    let server = Tandem::start(address, &named_conf(address, upstream.address(), upstream.address()));
    (address, server, Dig::new(address).from(client("127.0.0.7")))
}

fn client(address: &str) -> IpAddr {
    address.parse().expect("an address")
}

/// What a forwarder's answer looks like, whoever gave it.
fn assert_is_forwarded(response: &Response, protocol: &str) {
    let text = format!("{response:?}");
    assert!(response.has_flag("qr") && response.has_flag("rd") && response.has_flag("ra"), "{text}");
    assert!(!response.has_flag("aa"), "the answer is not our own: {text}");
    assert_eq!(response.protocol, protocol);
    assert_eq!(response.opt.as_ref().map(|opt| (opt.version, opt.udp_bytes)), Some((0, 1232)), "{text}");
}

#[test]
fn names_of_each_zone_and_outside_come_from_their_own_upstream() {
    let names: [(&str, &str, &[&str]); 8] = [
        ("myservice.awslab.mycompany.corp", "A", &["10.1.1.10"]),
        ("dual.awslab.mycompany.corp", "AAAA", &["2001:db8::11"]),
        ("ip-10-1-1-12.us-east-1.compute.internal", "A", &["10.1.1.12"]),
        ("www.example.org", "A", &["192.0.2.80"]),
        ("alias.awslab.mycompany.corp", "A", &["10.1.1.12"]),
        ("outside.awslab.mycompany.corp", "A", &["192.0.2.80"]),
        ("svc.awslab.mycompany.corp", "HTTPS", &["1 . alpn=\"h2\""]),
        ("odd.awslab.mycompany.corp", "TYPE65280", &["\\# 3 01FF00"]),
    ];
    for address in [fresh_address(), fresh_ipv6_address()] {
        let forwarder = Forwarder::start_at(address);
        for (flag, protocol) in [("+notcp", "UDP"), ("+tcp", "TCP")] {
            for (name, rtype, data) in names {
                let response = forwarder.dig().with(&[flag]).expect(name, rtype);
                assert_eq!((response.status.as_str(), response.data(rtype)), ("NOERROR", data.to_vec()), "{name}");
                assert_is_forwarded(&response, protocol);
                let server = format!("{}#{}", address.ip(), address.port());
                assert!(response.server.starts_with(&server), "from {} instead of {server}", response.server);
            }
        }
    }
}

#[test]
fn a_client_outside_the_acl_is_refused_and_told_why() {
    let upstream = Scripted::start(|query| query.reply().address(60, [192, 0, 2, 1]).send());
    let (address, _server, allowed) = before(&upstream);
    let name = "myservice.awslab.mycompany.corp";
    assert_eq!(allowed.expect(name, "A").status, "NOERROR");
    let asked = upstream.seen().len();
    for refused in ["127.0.0.16", "127.0.1.1", "127.200.0.1"] {
        for flag in ["+notcp", "+tcp"] {
            let response = Dig::new(address).from(client(refused)).with(&[flag]).expect(name, "A");
            assert_eq!((response.status.as_str(), response.answer.len()), ("REFUSED", 0), "{refused} {flag}");
            assert!(response.ede.iter().any(|(code, _)| *code == 18), "EDE 18 (Prohibited): {response:?}");
            assert!(!response.has_flag("ra"), "no recursion for those it is denied to: {response:?}");
        }
    }
    assert_eq!(upstream.seen().len(), asked, "a refused question goes nowhere");
}

#[test]
fn a_ttl_counts_down_and_a_change_is_seen_when_it_ends() {
    let forwarder = Forwarder::start();
    let name = "myservice.awslab.mycompany.corp";
    let started = Instant::now();
    let first = forwarder.dig().expect(name, "A");
    assert_eq!(first.answer[0].ttl_seconds, 10);
    forwarder
        .vpc
        .replace("awslab.mycompany.corp", &AWSLAB.replace("ter 1 ", "ter 2 ").replace("10.1.1.10", "10.1.2.10"));
    let mut last = 10;
    let changed = loop {
        std::thread::sleep(Duration::from_millis(200));
        let response = forwarder.dig().expect(name, "A");
        let (ttl, passed) = (response.answer[0].ttl_seconds, started.elapsed());
        if response.data("A") == ["10.1.2.10"] {
            break passed;
        }
        assert!(ttl <= last, "the TTL of the old address grew from {last} to {ttl}");
        let due = 10_u64.saturating_sub(passed.as_secs());
        assert!(u64::from(ttl) <= due + 1, "{ttl} s are left after {passed:?} of 10 s");
        assert!(passed < Duration::from_secs(11), "the old address is served {passed:?} after its TTL of 10 s began");
        last = ttl;
    };
    assert!(changed < Duration::from_secs(11), "the change was seen after {changed:?}");
    assert!(last <= 9, "the TTL was never seen counting down");
}

#[test]
fn negative_answers_bring_the_zones_soa_and_are_remembered() {
    let upstream = Scripted::start(|query| match query.name().as_str() {
        "empty.awslab.mycompany.corp" => query.reply().start_of_authority("awslab.mycompany.corp", 60, 5).send(),
        _ => query.reply().rcode(3).start_of_authority("awslab.mycompany.corp", 60, 5).send(),
    });
    let (_address, _server, dig) = before(&upstream);
    for (name, status) in [("empty.awslab.mycompany.corp", "NOERROR"), ("none.awslab.mycompany.corp", "NXDOMAIN")] {
        for _ in 0..2 {
            let response = dig.expect(name, "A");
            assert_eq!((response.status.as_str(), response.answer.len()), (status, 0), "{name}");
            assert_eq!(response.authority.len(), 1, "{name}: {response:?}");
            assert_eq!(response.authority[0].rtype, "SOA");
            assert!(response.authority[0].ttl_seconds <= 5, "the smaller of the SOA's TTL and MINIMUM (RFC 2308)");
        }
        assert_eq!(upstream.count(name), 1, "{name}: the second answer comes from the cache");
    }
    assert_eq!(dig.expect("none.awslab.mycompany.corp", "TXT").status, "NXDOMAIN");
    assert_eq!(upstream.count("none.awslab.mycompany.corp"), 1, "NXDOMAIN is for all types");
    assert_eq!(dig.expect("empty.awslab.mycompany.corp", "AAAA").status, "NOERROR");
    assert_eq!(upstream.count("empty.awslab.mycompany.corp"), 2, "NODATA is for one type");
}

#[test]
fn an_answer_too_long_for_udp_is_truncated_and_whole_by_tcp() {
    let strings = |count: usize, length: u8| {
        let one = [&[length][..], &vec![b'x'; usize::from(length)]].concat();
        one.repeat(count)
    };
    let upstream = Scripted::start(move |query| match (query.name().as_str(), query.protocol) {
        (_, Protocol::Udp) => query.reply().truncated().send(),
        ("large.example.org", Protocol::Tcp) => {
            query.reply().answer("large.example.org", "TXT", 60, &strings(250, 255)).send()
        }
        _ => query.reply().answer("middle.example.org", "TXT", 60, &strings(5, 200)).send(),
    });
    let (_address, _server, dig) = before(&upstream);

    let cut = dig.clone().with(&["+ignore"]).expect("large.example.org", "TXT");
    assert!(cut.has_flag("tc") && cut.size_bytes <= 1232, "{} octets, flags {:?}", cut.size_bytes, cut.flags);
    let whole = dig.expect("large.example.org", "TXT");
    assert!(whole.retried_by_tcp && !whole.has_flag("tc"));
    assert_eq!((whole.protocol.as_str(), whole.answer.len()), ("TCP", 1));
    assert!(whole.size_bytes > 64_000, "{} octets", whole.size_bytes);
    assert_eq!(upstream.count_by(Protocol::Tcp), 1, "one exchange by TCP, then the cache");

    // 1,005 octets of TXT: too long for 512, short enough for 1232 with its names and header.
    for (size, truncated) in
        [("+bufsize=512", true), ("+noedns", true), ("+bufsize=1232", false), ("+bufsize=4096", false)]
    {
        let response = dig.clone().with(&["+ignore", "+nocookie", size]).expect("middle.example.org", "TXT");
        let limit = if truncated { 512 } else { 1232 };
        assert_eq!(response.has_flag("tc"), truncated, "{size}: {} octets", response.size_bytes);
        assert!(response.size_bytes <= limit, "{size}: {} octets", response.size_bytes);
    }
}

#[test]
fn a_cached_address_set_is_handed_out_in_turn_and_whole() {
    let forwarder = Forwarder::start();
    let mut first = std::collections::BTreeSet::new();
    for _ in 0..24 {
        let response = forwarder.dig().expect("six.awslab.mycompany.corp", "A");
        assert_eq!(response.data("A").len(), 6);
        first.insert(response.answer[0].data.clone());
    }
    assert!(first.len() >= 3, "24 answers started with {first:?} alone");
}

#[test]
fn forged_replies_are_passed_over_for_the_right_one() {
    let upstream = Scripted::start(|query| {
        let bad = query.reply().address(60, [203, 0, 113, 66]);
        let good = query.reply().address(60, [192, 0, 2, 1]);
        let mut actions = match query.name().as_str() {
            "id.example.org" => bad.id(!query.message.id).send(),
            "question.example.org" => bad.question("victim.example.org", 1).send(),
            "type.example.org" => bad.question("type.example.org", 28).send(),
            "port.example.org" => vec![common::Action::SendFromAnotherPort(bad.octets())],
            _ => vec![common::Action::Send(bad.octets()[..11].to_vec())],
        };
        actions.extend(good.send_after(Duration::from_millis(20)));
        actions
    });
    let (_address, _server, dig) = before(&upstream);
    for name in ["id", "question", "type", "port", "short"].map(|label| format!("{label}.example.org")) {
        for _ in 0..2 {
            assert_eq!(dig.expect(&name, "A").data("A"), ["192.0.2.1"], "{name}");
        }
        assert_eq!(upstream.count(&name), 1, "{name}: one question, and the answer is cached");
    }
}

#[test]
fn records_off_the_chain_are_neither_served_nor_cached() {
    let vpc = Scripted::start(|query| {
        let bad = [203, 0, 113, 66];
        query
            .reply()
            .alias("alias.awslab.mycompany.corp", 60, "www.example.org")
            .answer("www.example.org", "A", 60, &bad)
            .answer("victim.example.org", "A", 60, &bad)
            .authority("example.org", "NS", 60, &common::packet::encode_name("evil.awslab.mycompany.corp"))
            .additional("victim.example.org", "A", 60, &bad)
            .send()
    });
    let public = Nsd::start(&[("example.org", &format!("{PUBLIC}victim A 192.0.2.81\n"))]);
    let address = fresh_address();
    let _server = Tandem::start(address, &named_conf(address, vpc.address(), public.address()));
    let dig = Dig::new(address).from(client("127.0.0.7"));
    for _ in 0..2 {
        let response = dig.expect("alias.awslab.mycompany.corp", "A");
        assert_eq!(response.data("A"), ["192.0.2.80"], "the target is asked under its own rule");
        assert_eq!(response.data("CNAME"), ["www.example.org."]);
        assert!(response.authority.is_empty() && response.additional.is_empty(), "{response:?}");
    }
    assert_eq!(dig.expect("www.example.org", "A").data("A"), ["192.0.2.80"]);
    assert_eq!(dig.expect("victim.example.org", "A").data("A"), ["192.0.2.81"]);
}

#[test]
fn one_question_from_many_clients_goes_upstream_once() {
    let upstream = Scripted::start(|query| query.reply().address(60, [192, 0, 2, 1]).send_after(SECOND / 6));
    let (address, _server, _dig) = before(&upstream);
    let clients: Vec<_> = (0..8)
        .map(|number| {
            std::thread::spawn(move || {
                let flag = if number % 2 == 0 { "+notcp" } else { "+tcp" };
                let from = client(&format!("127.0.0.{}", 1 + number));
                Dig::new(address).from(from).with(&[flag]).expect("hot.example.org", "A").data("A") == ["192.0.2.1"]
            })
        })
        .collect();
    assert!(clients.into_iter().all(|client| client.join().expect("a client does not panic")));
    assert_eq!(upstream.count("hot.example.org"), 1);
}

#[test]
fn one_connection_carries_many_questions_and_fast_answers_come_first() {
    let upstream = Scripted::start(|query| {
        let delay = if query.name() == "slow.example.org" { SECOND / 2 } else { Duration::ZERO };
        query.reply().address(60, [192, 0, 2, 1]).send_after(delay)
    });
    let (address, _server, _dig) = before(&upstream);
    let mut connection = Connection::open(Some(client("127.0.0.7")), address).expect("the server listens by TCP");
    connection.send(&Question::new("slow.example.org", "A").id(0).octets()).expect("sent");
    for id in 1..=30 {
        connection.send(&Question::new(&format!("n{id}.example.org"), "A").id(id).octets()).expect("sent");
    }
    let mut ids: Vec<_> = (0..31).filter_map(|_| connection.receive(5 * SECOND)).map(|message| message.id).collect();
    assert_eq!(ids.last(), Some(&0), "the slow answer comes last: {ids:?}");
    ids.sort_unstable();
    assert_eq!(ids, (0..=30).collect::<Vec<_>>());
}

#[test]
fn a_client_written_by_others_finds_every_message_in_order() {
    let forwarder = Forwarder::start();
    let output = Command::new(python())
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/strict.py"))
        .args([forwarder.address.ip().to_string(), forwarder.address.port().to_string(), "127.0.0.7".to_owned()])
        .output()
        .expect("Python can be run");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

/// The interpreter whose environment has tests/requirements.txt.
fn python() -> std::path::PathBuf {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/venv/bin/python3");
    let path = std::env::var_os("TANDEM_TEST_PYTHON").unwrap_or_else(|| own.into());
    let path = std::path::PathBuf::from(path);
    assert!(path.is_file(), "{} is missing: tests/run makes it from tests/requirements.txt", path.display());
    path
}

#[test]
fn questions_about_the_server_and_odd_ones_get_their_rcode() {
    let upstream = Scripted::start(|query| match query.qtype() {
        6 => query.reply().start_of_authority("example.org", 60, 60).send(),
        _ => query.reply().address(60, [192, 0, 2, 1]).send(),
    });
    let (_address, _server, dig) = before(&upstream);
    let version = dig.clone().with(&["-c", "CH"]).expect("version.bind", "TXT");
    assert_eq!(version.data("TXT"), ["\"not currently available\""]);
    let cases: [(&str, &[&str], &str); 7] = [
        ("EDNS of a later version", &["+edns=1", "+noednsneg"], "BADVERS"),
        ("a status query", &["+opcode=status"], "NOTIMP"),
        ("a notice about a forwarded name", &["+opcode=notify", "+aaflag"], "NOTAUTH"),
        ("an update of a forwarded zone", &["+opcode=update"], "NOTAUTH"),
        ("another name of class CH", &["-c", "CH"], "REFUSED"),
        ("class HS", &["-c", "HS"], "REFUSED"),
        ("an unknown EDNS option is ignored", &["+ednsopt=65001:0102"], "NOERROR"),
    ];
    for (what, arguments, status) in cases {
        assert_eq!(dig.clone().with(arguments).expect("example.org", "SOA").status, status, "{what}");
    }
    let cold = dig.clone().with(&["+norecurse"]).expect("cold.example.org", "A");
    assert_eq!(cold.status, "REFUSED", "what is not cached is not fetched without RD");
    dig.expect("warm.example.org", "A");
    assert_eq!(dig.clone().with(&["+norecurse"]).expect("warm.example.org", "A").data("A"), ["192.0.2.1"]);
    assert_eq!((upstream.count("cold.example.org"), upstream.count("warm.example.org")), (0, 1));
}

#[test]
fn cookies_are_answered_unless_they_are_turned_off() {
    let upstream = Scripted::start(|query| query.reply().address(60, [192, 0, 2, 1]).send());
    for (option, answered) in [("", true), ("answer-cookie no;", false)] {
        let address = fresh_address();
        let _server = Tandem::start(address, &common::named_conf(address, upstream.address(), option));
        let response = Dig::new(address).with(&["+cookie=0123456789abcdef"]).expect("a.example.org", "A");
        assert_eq!(response.data("A"), ["192.0.2.1"], "{option}");
        let cookie = response.opt.and_then(|opt| opt.cookie);
        assert_eq!(cookie.is_some_and(|cookie| cookie.ends_with("(good)")), answered, "{option}");
    }
}

#[test]
fn questions_about_the_server_are_for_allowed_clients() {
    let upstream = Scripted::start(|_| vec![]);
    let (address, _server, allowed) = before(&upstream);
    let version = |dig: &Dig| dig.clone().with(&["-c", "CH"]).expect("version.bind", "TXT").status;
    assert_eq!(version(&allowed), "NOERROR");
    assert_eq!(version(&Dig::new(address).from(client("127.0.0.99"))), "REFUSED");
}

#[test]
fn questions_about_the_server_are_asked_where_allow_query_on_says() {
    let address = fresh_address();
    for (on, expected) in [("any", "NOERROR"), ("192.0.2.1", "REFUSED")] {
        let _server = Tandem::start(
            address,
            &format!(
                "options {{ listen-on port {} {{ {}; }}; listen-on-v6 {{ none; }}; allow-query {{ any; }}; recursion no;\n\
                 allow-query-on {{ {on}; }}; }};",
                address.port(),
                address.ip()
            ),
        );
        let version = Dig::new(address).with(&["-c", "CH"]).expect("version.bind", "TXT");
        assert_eq!(version.status, expected, "{on}");
    }
}

#[test]
fn a_dead_upstream_ends_in_servfail_that_says_so() {
    let upstream = Scripted::start(|_| vec![]);
    let (_address, _server, dig) = before(&upstream);
    let response = dig.with(&["+time=15"]).expect("a.awslab.mycompany.corp", "A");
    assert_eq!(response.status, "SERVFAIL");
    assert!(response.ede.iter().any(|(code, _)| [22, 23].contains(code)), "EDE 22 or 23: {response:?}");
    assert!(response.query_time <= Duration::from_secs(11), "{:?}", response.query_time);
    assert!(upstream.count("a.awslab.mycompany.corp") >= 2, "one lost packet is not a dead server");
}

#[test]
fn a_reload_changes_the_rules_and_a_broken_file_changes_nothing() {
    let old = Scripted::start(|query| query.reply().address(0, [192, 0, 2, 1]).send());
    let new = Scripted::start(|query| query.reply().address(0, [192, 0, 2, 2]).send());
    let (address, mut server, dig) = before(&old);
    let current = || dig.expect("a.example.org", "A").data("A").join(" ");
    assert_eq!(current(), "192.0.2.1");

    server.rewrite("options { forwarderz { 127.0.0.1; }; };\n");
    server.hang_up();
    let told = || format!("{}{}", server.said(), server.file("bind.log"));
    assert!(common::wait_until(5 * SECOND, || told().contains("forwarderz")), "the error is told: {}", told());
    assert_eq!(current(), "192.0.2.1");

    server.rewrite(&named_conf(address, new.address(), new.address()));
    server.hang_up();
    assert!(
        common::wait_until(5 * SECOND, || current() == "192.0.2.2"),
        "the new rules count; it said {}",
        server.said()
    );
    assert!(server.runs());
    assert!(server.stop().success(), "SIGTERM ends it with exit status 0");
}

#[test]
fn a_file_that_cannot_be_served_ends_the_start_with_its_line() {
    let cases = [
        ("an unknown statement", "options { forwarderz { 127.0.0.1; }; };\n", "forwarderz"),
        ("no semicolon", "options {\n recursion yes\n};\n", ":3: "),
        ("host bits in a prefix", "acl a { 10.0.0.1/8; };\n", ":1: "),
        ("an ACL that is not defined", "options { allow-query { nobody; }; };\n", "nobody"),
    ];
    for (what, text, expected) in cases {
        let (status, said) = Tandem::start_failing(text);
        assert_eq!(status.code(), Some(1), "{what}: {said}");
        assert!(said.contains(expected), "{what}: {expected:?} is missing in: {said}");
    }
    let (upstream, taken) = (fresh_address(), Scripted::start_at(fresh_address(), |_| vec![]));
    let (status, said) = Tandem::start_failing(&named_conf(taken.address(), upstream, upstream));
    assert_eq!(status.code(), Some(1), "a port in use: {said}");
    assert!(said.contains(&taken.address().port().to_string()), "the port is named: {said}");
    // What the messages tell operators to use must exist.
    assert!(program("named-checkconf", "bind9-utils").is_file());
}
