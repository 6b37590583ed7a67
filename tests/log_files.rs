//! Writing log files under questions: rolled as configured, and never in the way of an answer.
//!
//! Questions from outside the ACL each give a line of the category security, so they are the load. Channels, categories and
//! lines are held against named's, but for `buffered`: here lines are written as they come.
//! Not here: lines, channels and rotation without a server (`tests/logging.rs`); disks in trouble (`tests/log_trouble.rs`).

mod common;

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use common::dig::Dig;
use common::packet::{Connection, Question, exchange_udp_from, receive_udp};
use common::{Named, Scripted, Tandem, fresh_address, fresh_localhost_address, named_conf, wait_until};

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

/// The lines of a log without what differs from run to run: where a client is in memory, its port, the server's own
/// messages; `at FILE:LINE` of named's sources ends where why begins here.
fn comparable(text: &str, category: &str) -> Vec<String> {
    let is_one = |line: &&str| line.starts_with(&format!("{category}: "));
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines().filter(is_one) {
        let line = line.split(" at query.c:").next().unwrap_or(line);
        let line = line.split(" at tandem: ").next().unwrap_or(line);
        let words = line.split(' ').map(|word| match word.split_once('#') {
            Some((address, rest)) => {
                let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
                format!("{address}#PORT{rest}")
            }
            None if word.starts_with("@0x") => "@0xMEMORY".to_owned(),
            None => word.to_owned(),
        });
        lines.push(words.collect::<Vec<_>>().join(" "));
    }
    lines
}

const KEY: &str = "key \"log-key\" { algorithm hmac-sha256; secret \"c3dvcmRmaXNoIHN3b3JkZmlzaA==\"; };\n";

/// Both servers, with files in their directories, asked the same.
fn beside_named(options: &str, rest: &str, files: &[(&str, &str)], ask: impl Fn(SocketAddr)) -> (Named, Tandem) {
    let upstream = Scripted::start(|query| match query.name().as_str() {
        "bad.example.org" => query.reply().rcode(5).send(),
        _ => query.reply().address(60, [192, 0, 2, 1]).send(),
    });
    let conf = |address: SocketAddr| {
        let conf = named_conf(address, upstream.address(), options);
        conf.replace("pid-file \"{directory}/pid\"", "pid-file none; session-keyfile none") + "controls { };\n" + rest
    };
    let (theirs, ours) = (fresh_localhost_address(), fresh_localhost_address());
    let named = Named::serve_logging(theirs, &conf(theirs), files);
    let tandem = Tandem::start_with_files(ours, &conf(ours), files);
    ask(theirs);
    ask(ours);
    (named, tandem)
}

/// Both servers log by this; asked the same, they shall write the same.
fn logs_beside_named(options: &str, rest: &str, ask: impl Fn(SocketAddr)) -> [String; 2] {
    let logging = "logging { channel all { file \"{directory}/all.log\"; print-category yes; print-severity yes; severity info; \
                   };\n category default { all; }; category queries { all; }; category security { all; };\n \
                   category query-errors { all; }; category lame-servers { null; }; };\n";
    let (named, tandem) = beside_named(options, &(logging.to_owned() + rest), &[], ask);
    let whole = |text: String| text.matches("last.example.org").count() >= 2;
    assert!(wait_until(PATIENCE, || whole(named.file("all.log"))), "{}", named.file("all.log"));
    assert!(wait_until(PATIENCE, || whole(tandem.file("all.log"))), "{}", tandem.file("all.log"));
    [named.file("all.log"), tandem.file("all.log")]
}

/// A text without what differs from run to run, of which times keep their form.
fn masked(text: &str) -> String {
    let mask = |word: &str| match word.split_once('#') {
        _ if word.starts_with("@0x") => "@0x".to_owned(),
        Some((address, _)) if address.starts_with("127.") => format!("{address}#"),
        _ if word.chars().filter(char::is_ascii_digit).count() < 6 => word.to_owned(),
        _ => word.replace(|character: char| character.is_ascii_digit(), "N"),
    };
    text.split('\n').map(|line| line.split(' ').map(mask).collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join("\n")
}

/// The files of a channel in a directory, the oldest first: how their names go on, and what is in them.
fn files_of(directory: &Path, channel: &str) -> Vec<(String, String)> {
    let entries = fs::read_dir(directory).expect("a directory").filter_map(Result::ok);
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.retain(|name| name.strip_prefix(channel).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')));
    names.sort();
    let text = |name: &String| {
        let text = fs::read_to_string(directory.join(name)).expect("a text");
        // What a server says of its inner workings is its own.
        let lines = text.split_inclusive('\n').filter(|line| !line.starts_with("debug "));
        masked(&lines.collect::<String>())
    };
    names.iter().map(|name| (masked(name), text(name))).collect()
}

#[test]
fn channels_write_what_nameds_write() {
    // How it goes on behind the file's name; then the other statements. Each is a channel of category security.
    let cases: &[(&str, &str, &str)] = &[
        ("nothing said", "", ""),
        ("print-time yes", "", "print-time yes;"),
        ("print-time local", "", "print-time local;"),
        ("print-time iso8601", "", "print-time iso8601;"),
        ("print-time iso8601-utc", "", "print-time iso8601-utc;"),
        ("print-time no", "", "print-time no;"),
        ("print-category", "", "print-category yes;"),
        ("print-severity", "", "print-severity yes;"),
        ("all of them", "", "print-severity yes; print-time iso8601; print-category yes;"),
        ("severity critical", "", "severity critical;"),
        ("severity error", "", "severity error;"),
        ("severity warning", "", "severity warning;"),
        ("severity notice", "", "severity notice;"),
        ("severity info", "", "severity info;"),
        ("severity debug", "", "severity debug; print-severity yes;"),
        ("severity debug 5", "", "severity debug 5; print-severity yes;"),
        ("severity dynamic", "", "severity dynamic;"),
        ("size alone ends it", "size 2k", ""),
        ("a full file is left", "size 2k", ""),
        ("versions and size roll it", "versions 2 size 2k", ""),
        ("suffix increment", "versions 3 size 2k suffix increment", ""),
        ("suffix timestamp", "versions unlimited size 2k suffix timestamp", ""),
        ("versions unlimited", "versions unlimited size 2K", ""),
        ("versions 0", "versions 0 size 2k", ""),
        ("a size in octets", "versions 2 size 2048", ""),
        ("size 1m", "versions 2 size 1m", ""),
        ("size 1G", "versions 2 size 1G", ""),
        ("size unlimited", "versions 2 size unlimited", ""),
        ("a full one is rolled", "versions 2 size 2k", ""),
        ("an old one is rolled", "versions 2", ""),
        ("an old one is added to", "", ""),
    ];
    let mut statements = String::from("logging {\n");
    for (number, (name, file, rest)) in cases.iter().enumerate() {
        statements += &format!(" channel \"{name}\" {{ file \"c{number}\" {file}; {rest} }};\n");
    }
    let names: Vec<String> = cases.iter().map(|(name, ..)| format!("\"{name}\";")).collect();
    statements += &format!(
        " channel terminal {{ stderr; print-category yes; }};\n channel nothing {{ null; }};\n category security {{ {} \
         terminal; default_stderr; null; nothing; }};\n}};\n",
        names.join(" ")
    );
    let full = "x".repeat(3000) + "\n";
    let numbered = |name: &str| cases.iter().position(|case| case.0 == name).map(|number| format!("c{number}"));
    let old = [
        (numbered("a full file is left"), full.as_str()),
        (numbered("a full one is rolled"), full.as_str()),
        // Without one named would roll an empty file.
        (numbered("size unlimited"), "old\n"),
        (numbered("an old one is rolled"), "old\n"),
        (numbered("an old one is added to"), "old\n"),
    ]
    .map(|(name, text)| (name.expect("a case"), text));
    let old = old.each_ref().map(|(name, text)| (name.as_str(), *text));
    let client = UdpSocket::bind(("127.0.0.9", 0)).expect("a UDP socket");
    let ask = |server: SocketAddr| {
        client.connect(server).expect("a UDP socket can be connected");
        for number in 0..60 {
            client.send(&Question::new(&format!("www{number}.example.org"), "A").octets()).expect("sent");
            assert_eq!(receive_udp(&client, PATIENCE).map(|message| message.rcode()), Some(5));
            // What is rolled is named by the millisecond: of two in one, named keeps the second.
            thread::sleep(Duration::from_millis(1));
        }
    };
    let (named, tandem) = beside_named("allow-query-cache { !127.0.0.9; any; };", &statements, &old, ask);
    let denied = |text: String| {
        let mut lines: Vec<_> = text.lines().filter(|line| line.contains(" denied ")).map(masked).collect();
        // named's channels of a category come the other way round.
        lines.sort();
        lines
    };
    assert!(wait_until(PATIENCE, || denied(named.log()).len() == 120), "{}", named.log());
    assert!(wait_until(PATIENCE, || denied(tandem.said()).len() == 120), "{}", tandem.said());
    assert!(denied(tandem.said()) == denied(named.log()), "stderr:\n{}\nnamed:\n{}", tandem.said(), named.log());
    // The last of them all is behind the others.
    for (number, (name, ..)) in cases.iter().enumerate() {
        let channel = format!("c{number}");
        let theirs = files_of(&named.path(""), &channel);
        assert!(!theirs.is_empty(), "{name}: named has no file");
        let ours = || files_of(&tandem.path(""), &channel);
        assert!(wait_until(PATIENCE, || ours() == theirs), "{name}:\n{:#?}\nnamed:\n{theirs:#?}", ours());
    }
}

#[test]
fn categories_go_where_nameds_go() {
    let channel =
        |name: &str| format!(" channel {name} {{ file \"{name}\"; print-category yes; print-severity yes; }};\n");
    let statements = String::from("logging {\n")
        + &["rest", "secure", "errors"].map(channel).concat()
        + " category default { rest; };\n category security { secure; };\n category query-errors { errors; secure; rest; };\n \
           category queries { null; };\n category lame-servers { default_debug; };\n};\n";
    let ask = |server: SocketAddr| {
        for (from, name, rcode) in [(9, "one", 5), (1, "fine", 0), (9, "two", 5), (1, "other", 0), (9, "last", 5)] {
            let question = Question::new(&format!("{name}.example.org"), "A").octets();
            let message = exchange_udp_from(Some([127, 0, 0, from].into()), server, &question, PATIENCE);
            assert_eq!(message.map(|message| message.rcode()), Some(rcode), "{name}");
        }
    };
    let (named, tandem) = beside_named("querylog yes; allow-query-cache { !127.0.0.9; any; };", &statements, &[], ask);
    for file in ["secure", "errors", "rest"] {
        let lines = |text: String| ["security", "query-errors", "queries"].map(|category| comparable(&text, category));
        let is_whole = || named.file(file).lines().filter(|line| line.contains("last.example.org")).count() > 0;
        assert!(wait_until(PATIENCE, is_whole), "{file}: {}", named.file(file));
        let alike = || lines(tandem.file(file)) == lines(named.file(file));
        assert!(wait_until(PATIENCE, alike), "{file}:\n{}\nnamed:\n{}", tandem.file(file), named.file(file));
    }
    assert!(named.file("secure").contains("security: info: ") && named.file("rest").contains("query-errors: info: "));
}

/// Without what says that a server is ready.
fn without_start(lines: Vec<String>) -> Vec<String> {
    lines.into_iter().filter(|line| !line.contains("version.bind")).collect()
}

#[test]
fn lines_of_queries_and_denials_are_named_s() {
    let ask = |server: SocketAddr| {
        let udp = |question: Question| {
            assert!(exchange_udp_from(None, server, &question.octets(), PATIENCE).is_some());
        };
        let plain = |name: &str, rtype: &str| Question::new(name, rtype);
        udp(plain("www.example.org", "A"));
        udp(plain("WwW.eXample.org", "A").flags(0x0110).edns(1232, true, b""));
        udp(plain("www.example.org", "TYPE65280").flags(0).edns(1232, false, b"\0\x0a\0\x08client!!"));
        udp(plain("www.example.org", "HTTPS").edns(1232, false, b"\0\x0a\0\x18client!!server!!server!!"));
        udp(plain("", "NS"));
        udp(plain("version.server", "TXT").class(3));
        udp(plain("nothing.bind", "TXT").class(3));
        udp(plain("odd name\\with;signs.example.org", "A"));
        udp(plain("www.example.org", "ANY"));
        udp(plain("bad.example.org", "A"));
        udp(plain("other.example.org", "A").class(4));
        let from = Some([127, 0, 0, 9].into());
        let question = plain("denied.example.org", "MX").edns(1232, false, b"");
        assert!(exchange_udp_from(from, server, &question.octets(), PATIENCE).is_some());
        let mut connection = Connection::open(None, server).expect("it takes connections");
        connection.send(&plain("www.example.org", "A").edns(1232, false, b"").octets()).expect("sent");
        assert!(connection.receive(PATIENCE).is_some());
        let key = "hmac-sha256:log-key:c3dvcmRmaXNoIHN3b3JkZmlzaA==";
        Dig::new(server).with(&["-y", key, "+nocookie"]).expect("signed.example.org", "A");
        Dig::new(server).with(&["+tcp"]).expect("cookie.example.org", "A");
        udp(plain("last.example.org", "A"));
    };
    let lists = "allow-recursion { any; }; allow-query-cache { !127.0.0.9; any; }; empty-zones-enable no;";
    let cases = [
        ("without views", lists.to_owned(), KEY.to_owned()),
        (
            "with views",
            lists.to_owned(),
            format!(
                "{KEY} view \"outside\" {{ match-clients {{ 127.0.0.9; }}; }};\n\
                 view \"inside\" {{ match-clients {{ any; }}; }};\n"
            ),
        ),
    ];
    for (what, options, rest) in cases {
        let logs = logs_beside_named(&options, &rest, ask);
        for category in ["queries", "security", "query-errors"] {
            let [theirs, ours] = [0, 1].map(|server: usize| without_start(comparable(&logs[server], category)));
            assert!(!theirs.is_empty(), "{what}: named wrote nothing of {category}: {}", logs[0]);
            // Where the two do not fail alike their lines cannot be alike; what forwarders refuse is a failure to named.
            let alike = |lines: Vec<String>| match category {
                "query-errors" => lines
                    .into_iter()
                    .filter(|line| ["nothing.bind", "bad.", "denied."].iter().any(|name| line.contains(name)))
                    .map(|line| line.replace("(failure)", "(SERVFAIL)"))
                    .collect(),
                _ => lines,
            };
            assert_eq!(alike(ours), alike(theirs), "{what}: {}", logs[1]);
        }
    }
}

#[test]
fn queries_are_logged_as_the_file_says_and_a_reload_changes() {
    let upstream = Scripted::start(|query| query.reply().address(60, [192, 0, 2, 1]).send());
    let address = fresh_address();
    let channel = |category: &str| {
        format!(
            "logging {{ channel c {{ file \"{{directory}}/c.log\"; print-category yes; severity info; }};\n \
             category default {{ c; }};{category} }};\n"
        )
    };
    let text = |option: &str, category: &str| named_conf(address, upstream.address(), option) + &channel(category);
    let server = Tandem::start(address, &text("", ""));
    let lines = || server.file("c.log").lines().filter(|line| line.starts_with("queries: client @0x")).count();
    let said = |text: &str| wait_until(PATIENCE, || server.file("c.log").contains(text));
    ask(address);
    assert_eq!(lines(), 0, "no word, no category");
    for (times, (option, category, logged)) in [
        ("querylog yes;", "", true),
        ("querylog no;", " category queries { c; };", false),
        ("", " category queries { c; };", true),
        ("", "", false),
    ]
    .into_iter()
    .enumerate()
    {
        let before = lines();
        server.rewrite(&text(option, category));
        server.hang_up();
        let reloaded = || server.file("c.log").matches("reloading configuration succeeded").count() > 2 * times;
        assert!(wait_until(PATIENCE, reloaded), "{}", server.said());
        let state = if logged { "query logging is now on" } else { "query logging is now off" };
        assert!(said(state), "{option}{category}: {}", server.file("c.log"));
        ask(address);
        // The reload writes behind whatever was logged.
        server.hang_up();
        let again = || server.file("c.log").matches("received SIGHUP").count() > 2 * times + 1;
        assert!(wait_until(PATIENCE, again));
        let logged = || lines() - before == usize::from(logged);
        assert!(wait_until(PATIENCE, logged), "{option}{category}: {before}: {}", server.file("c.log"));
        let again = || server.file("c.log").matches("reloading configuration succeeded").count() > 2 * times + 1;
        assert!(wait_until(PATIENCE, again));
    }
    assert!(server.stop().success());
}

#[test]
fn each_query_is_a_line_or_is_counted_while_the_log_is_moved_away() {
    let upstream = Scripted::start(|query| query.reply().address(60, [192, 0, 2, 1]).send());
    let address = fresh_address();
    let logging = "logging { channel c { file \"{directory}/q.log\"; severity info; }; category default { c; };\n \
                   category queries { c; }; };\n";
    let server = Tandem::start(address, &(named_conf(address, upstream.address(), "") + logging));
    let socket = UdpSocket::bind(("127.0.0.7", 0)).expect("a UDP socket");
    socket.connect(address).expect("a UDP socket can be connected");
    let rounds = 40;
    for round in 0..rounds {
        for id in 0..100 {
            socket.send(&Question::new("www.example.org", "A").id(id).octets()).expect("sent");
            if id % 20 == 19 {
                (0..20).for_each(|_| assert!(receive_udp(&socket, PATIENCE).is_some(), "each query is answered"));
            }
        }
        // As logrotate does, with and without copytruncate.
        if round % 10 == 4 {
            fs::rename(server.path("q.log"), server.path(&format!("q.log.{round}"))).expect("our directory");
            server.hang_up();
            assert!(wait_until(PATIENCE, || server.path("q.log").exists()), "it is made anew");
        }
        if round % 10 == 9 {
            let all = || (0..rounds).map(|round| server.file(&format!("q.log.{round}"))).collect::<String>();
            let expected = (round + 1) * 100;
            let written = || all().matches("query: www").count() + server.file("q.log").matches("query: www").count();
            assert!(wait_until(PATIENCE, || written() == expected), "{} of {expected}", written());
            fs::copy(server.path("q.log"), server.path(&format!("q.log.{round}"))).expect("our directory");
            let file = fs::OpenOptions::new().write(true).open(server.path("q.log")).expect("our file");
            file.set_len(0).expect("our file");
        }
    }
    let said: String = (0..rounds).map(|round| server.file(&format!("q.log.{round}"))).collect();
    assert!(!said.contains("not logged"), "so few never outrun the writer");
    assert!(!server.file("q.log").contains('\0'), "a file that was cut is appended to");
    assert!(server.stop().success());
}
