//! `tandem compare` between two servers: scripted ones, of which every answer is known, and named beside Tandem.

mod common;

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

use common::{Action, Named, Query, Scripted, Tandem, fresh_localhost_address};

const PATIENCE: Duration = Duration::from_secs(15);

/// Runs it on these questions with more arguments.
fn compare(against: SocketAddr, with: SocketAddr, questions: &str, more: &[&str]) -> (Option<i32>, String) {
    let directory = tempfile::tempdir().expect("a directory of the test");
    let file = directory.path().join("questions");
    fs::write(&file, questions).expect("the test's directory is writable");
    let output = Command::new(env!("CARGO_BIN_EXE_tandem"))
        .args(["compare", "--against", &against.to_string(), "--with", &with.to_string(), "--qps", "1000"])
        .args(more)
        .arg(&file)
        .output();
    said(output.expect("the program was built"))
}

fn said(output: Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// A server that has one address for every name.
fn usual() -> Scripted {
    Scripted::start(|query| query.reply().address(300, [192, 0, 2, 1]).send())
}

/// The same but for the names that say what is else.
fn odd(query: &Query) -> Vec<Action> {
    let reply = query.reply();
    match query.name().split('.').next().unwrap_or_default() {
        "rcode" => reply.rcode(5).send(),
        "other" => reply.address(300, [192, 0, 2, 2]).send(),
        "ttl" => reply.address(200, [192, 0, 2, 1]).send(),
        "aa" => reply.authoritative().address(300, [192, 0, 2, 1]).send(),
        "ad" => reply.authentic().address(300, [192, 0, 2, 1]).send(),
        "silent" => Vec::new(),
        "opt" => reply.without_edns().address(300, [192, 0, 2, 1]).send(),
        // Wrong at first: what changes is no difference.
        "once" if query.earlier == 0 => reply.rcode(2).send(),
        _ => reply.address(300, [192, 0, 2, 1]).send(),
    }
}

#[test]
fn what_differs_is_told_by_kind_and_what_may_differ_is_not() {
    let (against, with) = (usual(), Scripted::start(odd));
    let ask = |questions: &str, more: &[&str]| {
        let more = [&["--timeout", "0.5"], more].concat();
        compare(against.address(), with.address(), questions, &more)
    };
    let (code, said) = ask("a.example A\nttl.example A\naa.example A\nonce.example A\n", &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("4 answered alike, 0 differ") && said.contains("1 differed at first"), "{said}");
    for (question, kind, line) in [
        ("rcode.example A", "rcode: 1", "B  REFUSED"),
        ("other.example A", "answer: 1", "B  other.example. A 192.0.2.2"),
        ("ad.example A", "ad: 1", "B  yes"),
        ("silent.example A", "no-answer: 1", "B  no answer in time"),
        ("opt.example A", "edns: 1", "B  no"),
    ] {
        let (code, said) = ask(&format!("a.example A\n{question}\n"), &[]);
        assert_eq!(code, Some(1), "{question}: {said}");
        let count = said.matches(": 1\n").count();
        let is_rcode_too = question.starts_with("rcode") && said.contains("answer: 1");
        assert!(count == 1 || is_rcode_too, "{question}: {said}");
        assert!(said.contains(&format!("\n{kind}\n")) && said.contains(line), "{question}: {said}");
    }
    let (code, said) = ask("ttl.example A\naa.example A\n", &["--ttl", "10", "--also", "aa", "--json"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("\"kind\":\"ttl\"") && said.contains("\"kind\":\"aa\""), "{said}");
    let (code, said) = ask("rcode.example A\na.example A\n", &["--ignore", "rcode,answer"]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn what_is_asked_is_what_the_line_and_the_arguments_say() {
    let (against, with) = (usual(), usual());
    let log = "21-Nov-2026 00:53:04.849 queries: info: client @0x7f 127.0.0.1#42631 (foo.example): query: foo.example \
               IN A -E(0)TDC (127.0.0.1)\nplain.example A\n";
    let (code, said) = compare(against.address(), with.address(), log, &["--bufsize", "4096"]);
    assert_eq!(code, Some(0), "{said}");
    for server in [&against, &with] {
        let seen = server.seen();
        let query = |name: &str| seen.iter().find(|query| query.name() == name).expect("it was asked");
        let (logged, plain) = (query("foo.example"), query("plain.example"));
        assert_eq!(logged.protocol, common::Protocol::Tcp);
        assert_eq!(logged.message.flags & 0x0110, 0x0010, "CD without RD");
        assert_eq!(logged.message.opt().map(|opt| opt.ttl), Some(0x8000), "DO");
        assert_eq!(plain.protocol, common::Protocol::Udp);
        assert_eq!(plain.message.flags & 0x0110, 0x0100, "RD without CD");
        assert_eq!(plain.message.opt().map(|opt| (opt.class, opt.ttl)), Some((4096, 0)));
    }
}

#[test]
fn what_is_cut_is_compared_whole() {
    let cut_by_udp = |last: u8| {
        move |query: &Query| match query.protocol {
            common::Protocol::Udp => query.reply().truncated().send(),
            common::Protocol::Tcp => query.reply().address(300, [192, 0, 2, last]).send(),
        }
    };
    let (one, same, other) =
        (Scripted::start(cut_by_udp(1)), Scripted::start(cut_by_udp(1)), Scripted::start(cut_by_udp(2)));
    assert_eq!(compare(one.address(), same.address(), "a.example A\n", &[]).0, Some(0));
    let (code, said) = compare(one.address(), other.address(), "a.example A\n", &[]);
    assert!(code == Some(1) && said.contains("answer: 1"), "{said}");
    let (code, said) = compare(one.address(), usual().address(), "a.example A\n", &[]);
    assert!(code == Some(1) && said.contains("tc: 1") && !said.contains("answer: 1"), "{said}");
}

#[test]
fn who_does_not_answer_at_all_ends_it_with_2() {
    let (against, nobody) = (usual(), common::fresh_address());
    let many = "a.example A\n".repeat(1000);
    let (code, said) = compare(against.address(), nobody, &many, &["--again", "0", "--timeout", "0.2"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains(&format!("{nobody} has answered none of")), "{said}");
    assert!(against.seen().len() < 200, "it goes on asking: {}", against.seen().len());
}

#[test]
fn a_file_without_questions_or_none_at_all_is_2() {
    let (against, with) = (usual(), usual());
    let (code, said) = compare(against.address(), with.address(), "# nothing\n", &[]);
    assert!(code == Some(2) && said.contains("no question in it"), "{said}");
    let (code, said) = compare(against.address(), with.address(), "a..b A\nx y z\n", &[]);
    assert!(code == Some(2) && said.contains("no question in its 2 lines"), "{said}");
    let missing = Command::new(env!("CARGO_BIN_EXE_tandem"))
        .args(["compare", "--against", "127.0.0.1", "--with", "127.0.0.1", "/nonexistent/questions"])
        .output();
    let (code, said) = self::said(missing.expect("the program was built"));
    assert!(code == Some(2) && said.contains("/nonexistent/questions"), "{said}");
}

/// Answers each query with its own octets, and with these flags for `cut.…`; takes them when it is told to.
struct Echo {
    socket: UdpSocket,
    flags: u8,
}

impl Echo {
    fn new(flags: u8) -> Echo {
        Echo { socket: UdpSocket::bind(common::fresh_address()).expect("it is free"), flags }
    }

    fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("it is bound")
    }

    /// `None`: nothing came in time.
    fn next(&self, patience: Duration) -> Option<(Vec<u8>, SocketAddr)> {
        self.socket.set_read_timeout(Some(patience)).expect("it is ours");
        let mut room = [0; 512];
        let (length, from) = self.socket.recv_from(&mut room).ok()?;
        Some((room[..length].to_vec(), from))
    }

    fn answer(&self, (mut octets, from): (Vec<u8>, SocketAddr)) {
        let is_cut = octets.get(13..16) == Some(b"cut");
        octets[2] |= 0x80 | if is_cut { self.flags } else { 0 };
        self.socket.send_to(&octets, from).expect("sent");
    }

    /// For as long as the test lasts.
    fn run(self) -> SocketAddr {
        let address = self.address();
        thread::spawn(move || {
            loop {
                if let Some(query) = self.next(PATIENCE) {
                    self.answer(query);
                }
            }
        });
        address
    }
}

#[test]
fn what_is_cut_and_cannot_be_had_by_tcp_is_told_so() {
    let (whole, cut) = (Echo::new(0).run(), Echo::new(2).run());
    let (code, said) = compare(whole, cut, "a.example A\ncut.example A\n", &["--again", "0"]);
    assert!(code == Some(1) && said.contains("cut by UDP, and by TCP refused: nobody listens there"), "{said}");
}

#[test]
fn as_many_are_under_way_as_said_and_no_more() {
    let (slow, quick) = (Echo::new(0), Echo::new(0).run());
    let address = slow.address();
    let serving = thread::spawn(move || {
        for round in 0..15 {
            // Nobody is answered before all of them wait.
            let next = || slow.next(PATIENCE).unwrap_or_else(|| panic!("four are not under way in round {round}"));
            let waiting: Vec<_> = (0..4).map(|_| next()).collect();
            assert!(slow.next(Duration::from_millis(50)).is_none(), "a fifth is under way in round {round}");
            waiting.into_iter().for_each(|query| slow.answer(query));
        }
    });
    let questions: String = (0..60).map(|number| format!("n{number}.example A\n")).collect();
    let (code, said) = compare(address, quick, &questions, &["--parallel", "4", "--timeout", "15"]);
    serving.join().expect("four at a time");
    assert_eq!(code, Some(0), "{said}");
}

const ZONE: &str = "$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 192.0.2.53
www A 192.0.2.1
www A 192.0.2.2
alias CNAME www
text TXT \"some text\" \"and more\"
mail MX 10 www
_ldap._tcp SRV 0 0 389 www
";

#[test]
fn named_and_tandem_are_alike_on_the_same_zone_and_a_changed_record_is_found() {
    let named = Named::start("corp.example", ZONE, "", "");
    let serve = |zone: &str| {
        let address = fresh_localhost_address();
        let text = format!(
            "options {{ directory \"{{directory}}\"; listen-on port {} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
             allow-query {{ any; }}; recursion no; }};
             zone \"corp.example\" {{ type primary; file \"zone\"; }};",
            address.port()
        );
        (Tandem::start_with_files(address, &text, &[("zone", zone)]), address)
    };
    let questions = "www.corp.example A\nwww.corp.example AAAA\nalias.corp.example A\ntext.corp.example TXT\n\
                     mail.corp.example MX\n_ldap._tcp.corp.example SRV\nabsent.corp.example A\ncorp.example SOA\n\
                     corp.example NS\nwww.elsewhere.example A\n";
    let (_same, address) = serve(ZONE);
    let (code, said) = compare(named.address(), address, questions, &[]);
    assert_eq!(code, Some(0), "{said}");
    let (_changed, address) = serve(&ZONE.replace("192.0.2.2", "192.0.2.3"));
    let (code, said) = compare(named.address(), address, questions, &["--json"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("\"differing\":2") && said.contains("192.0.2.3"), "{said}");
}

#[test]
fn a_configuration_is_tried_beside_the_server_in_service_and_leaves_nothing() {
    let address = fresh_localhost_address();
    let conf = |zone: &str| {
        format!(
            "options {{ directory \"{{directory}}\"; pid-file \"{{directory}}/{zone}.pid\"; recursion no;
             listen-on port {} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; allow-query {{ 127.0.0.0/8; }}; }};
             logging {{ channel c {{ file \"{{directory}}/{zone}.log\"; }}; category default {{ c; }}; }};
             controls {{ }};
             zone \"corp.example\" {{ type primary; file \"{zone}\"; allow-update {{ 127.0.0.1; }}; }};",
            address.port()
        )
    };
    let named = Named::serve(address, &conf("zone"), &[("zone", ZONE)]);
    let directory = tempfile::tempdir().expect("a directory of the test");
    let at = directory.path();
    fs::write(at.join("zone"), ZONE).expect("the test's directory is writable");
    let tried = |zone: &str| {
        let text = conf(zone).replace("{directory}", &at.to_string_lossy());
        fs::write(at.join("named.conf"), text).expect("the test's directory is writable");
        fs::write(at.join("questions"), "www.corp.example A\nabsent.corp.example MX\n").expect("it is writable");
        let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
        command.args(["compare", "--against", &named.address().to_string(), "-c"]);
        command.arg(at.join("named.conf")).arg(at.join("questions"));
        said(command.output().expect("the program was built"))
    };
    let (code, said) = tried("zone");
    assert!(code == Some(0) && said.contains("2 answered alike"), "{said}");
    let names = || {
        let entries = fs::read_dir(at).expect("the directory is there");
        let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(), ["named.conf", "questions", "zone"], "the trial has left something");
    let (code, said) = tried("zone\"; nonsense \"");
    assert!(code == Some(2) && said.contains("does not start") && said.contains("unknown option 'nonsense'"), "{said}");
}
