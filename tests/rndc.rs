//! The control channel beside named's, by the real rndc and by frames that no rndc would send.
//!
//! Not here: the protocol's own faults without a socket (`control::session`), health checks and overrides (`tests/ctl.rs`).

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::packet::{Question, exchange_udp};
use common::{
    Named, Query, Scripted, Tandem, fresh_address, fresh_localhost_address, named_conf, program, rndc, rndc_by,
    wait_until,
};
use tandem::control::auth;
use tandem::control::message::{Message, frame};
use tandem::tsig::{Algorithm, Key};

const PATIENCE: Duration = Duration::from_secs(15);
const SECRET: &str = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0IQ==";
/// Of the keys of each algorithm.
const ANOTHER: &str = "YW5vdGhlci1zZWNyZXQtYW5vdGhlci1zZWNyZXQ=";
const SECRET_OCTETS: &[u8] = b"secret-secret-secret-secret!";
/// As many take seconds to read.
const SLOW_LINES: usize = if cfg!(debug_assertions) { 4_000_000 } else { 10_000_000 };
const ZONE: &str = "$TTL 60\n@ SOA ns admin 7 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\nwww A 10.0.0.1\n";

fn key(name: &str, algorithm: &str, secret: &str) -> String {
    format!("key \"{name}\" {{ algorithm {algorithm}; secret \"{secret}\"; }};\n")
}

/// A key of each algorithm, called as it is; `rndc-key` is hmac-sha256's.
fn keys() -> String {
    let each = Algorithm::ALL.map(|algorithm| key(algorithm.name(), algorithm.name(), ANOTHER));
    each.concat() + &key("rndc-key", "hmac-sha256", SECRET)
}

/// What stands in both servers' named.conf beside the options.
fn statements(control: SocketAddr) -> String {
    let (ip, port) = (control.ip(), control.port());
    let all = Algorithm::ALL.map(Algorithm::name).join("; ");
    // As many channels as there are kinds, on ports behind each other.
    format!(
        "{}controls {{\n inet {ip} port {port} allow {{ 127.0.0.0/8; }} keys {{ rndc-key; {all}; }};\n \
         inet {ip} port {} allow {{ 127.0.0.0/8; }} keys {{ rndc-key; }} read-only yes;\n \
         inet {ip} port {} allow {{ 10.0.0.0/8; }} keys {{ rndc-key; }};\n}};\n\
         zone \"corp.example\" {{ type primary; file \"{{directory}}/corp\"; }};\n",
        keys(),
        port + 1,
        port + 2
    )
}

/// A Tandem with its channels, before a scripted upstream.
struct Stand {
    address: SocketAddr,
    control: SocketAddr,
    text: String,
    server: Tandem,
    upstream: Scripted,
}

impl Stand {
    fn new(options: &str, more: &str) -> Stand {
        Stand::before(Scripted::start(script), options, more)
    }

    fn before(upstream: Scripted, options: &str, more: &str) -> Stand {
        let (address, control) = (fresh_address(), fresh_address());
        let text = named_conf(address, upstream.address(), options) + &statements(control) + more;
        let server = Tandem::start_with_files(address, &text, &[("corp", ZONE)]);
        fs::write(server.path("key"), key("rndc-key", "hmac-sha256", SECRET)).expect("a key file");
        Stand { address, control, text, server, upstream }
    }

    /// The real rndc: its exit code, and what it said.
    fn rndc(&self, command: &str) -> (i32, String) {
        rndc(&self.server.path("key"), self.control, command)
    }

    fn ok(&self, command: &str) -> String {
        let (code, said) = self.rndc(command);
        assert_eq!(code, 0, "{command}: {said}\n{}", self.server.said());
        said
    }

    fn ask(&self, name: &str) -> Option<u8> {
        let message = exchange_udp(self.address, &Question::new(name, "A").octets(), PATIENCE)?;
        message.records.iter().rev().find(|record| record.rtype == 1)?.data.last().copied()
    }
}

/// `alias.…` leads to `www.…`, `nx.…` is not there, `slow.…` comes late, all else is 192.0.2.1.
fn script(query: &Query) -> Vec<common::Action> {
    let name = query.name();
    let (first, rest) = name.split_once('.').unwrap_or((&name, ""));
    match first {
        "alias" => {
            let target = format!("www.{rest}");
            query.reply().alias(&name, 300, &target).answer(&target, "A", 300, &[192, 0, 2, 1]).send()
        }
        "nx" => query.reply().rcode(3).start_of_authority(rest, 300, 300).send(),
        "slow" => query.reply().address(300, [192, 0, 2, 1]).send_after(Duration::from_millis(1500)),
        _ => query.reply().address(300, [192, 0, 2, 1]).send(),
    }
}

/// Runs ours by its name.
fn own_rndc(key: &Path, server: SocketAddr, command: &str) -> (i32, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_tandem"));
    program.arg("rndc");
    rndc_by(program, key, server, command)
}

/// A named with the same channels.
struct RealNamed {
    server: Named,
    control: SocketAddr,
}

impl RealNamed {
    fn start() -> RealNamed {
        RealNamed::with("")
    }

    fn with(more: &str) -> RealNamed {
        let (address, control) = (fresh_localhost_address(), fresh_address());
        let options = format!(
            "options {{ directory \"{{directory}}\"; pid-file none; session-keyfile none; listen-on port {} {{ 127.0.0.1; }};\n \
             listen-on-v6 {{ none; }}; dnssec-validation no; forwarders {{ 127.0.0.1 port 9; }}; forward only;\n \
             empty-zones-enable no; }};\n",
            address.port()
        );
        let text = options + &statements(control) + more;
        let key = key("rndc-key", "hmac-sha256", SECRET);
        let files = [("corp", ZONE), ("key", key.as_str())];
        let serve = if more.is_empty() { Named::serve } else { Named::serve_logging };
        let named = RealNamed { server: serve(address, &text, &files), control };
        assert!(wait_until(PATIENCE, || named.rndc("null").0 == 0), "named does not take commands");
        named
    }

    fn rndc(&self, command: &str) -> (i32, String) {
        rndc(&self.server.path("key"), self.control, command)
    }
}

#[test]
fn commands_say_what_named_says() {
    let (named, stand) = (RealNamed::start(), Stand::new("", ""));
    let mut differing = Vec::new();
    for command in [
        "null",
        "reload",
        "reload corp.example",
        "reload corp.example IN _default",
        "reload corp.example XX",
        "reload corp.example IN other",
        "reload other.example",
        "reconfig",
        "refresh",
        "refresh corp.example",
        "refresh other.example",
        "flush",
        "flush _default",
        "flush other",
        "flushname",
        "flushname a.example",
        "flushname a..b",
        "flushtree",
        "flushtree a.example _default",
        "trace",
        "trace 5",
        "trace x",
        "trace -1",
        "notrace",
        "serve-stale",
        "serve-stale status",
        "serve-stale on",
        "serve-stale reset",
        "serve-stale bogus",
        "serve-stale on other",
        "validation",
        "validation status",
        "validation off",
        "validation bogus",
        "dumpdb",
        "dumpdb -all",
        "dumpdb -cache _default",
        "recursing",
        "tsig-list",
        "zonestatus",
        "zonestatus other.example",
        "zonestatus corp.example IN other",
        "freeze corp.example",
        "sync",
        "sync corp.example",
        "notify other.example",
        "addzone x.example { type primary; file \"x\"; };",
        "scan",
        "bogus",
        "querylog enable",
        "querylog FALSE",
        "querylog 1",
        "querylog",
        "tcp-timeouts",
        "tcp-timeouts 300",
        "tcp-timeouts 300 200 100",
        "tcp-timeouts 250 200 100 50",
        "tcp-timeouts 251 200 100 50 60",
        "tcp-timeouts 1 200 100 50",
        "tcp-timeouts 250 0 100 50",
        "tcp-timeouts 250 20 65536 50",
        "tcp-timeouts 250 20 65535 0",
        "tcp-timeouts x 20 100 1",
    ] {
        let (theirs, ours) = (named.rndc(command), stand.rndc(command));
        let first = |said: &str| said.lines().next().unwrap_or_default().to_owned();
        if (theirs.0, first(&theirs.1)) != (ours.0, first(&ours.1)) {
            differing.push(format!("{command}: named {theirs:?}, ours {ours:?}"));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    // What is named's first line by line, and in its order: the words before a colon.
    for command in ["status", "zonestatus corp.example", "tcp-timeouts"] {
        let words = |said: &str| -> Vec<String> {
            let word = |line: &str| line.split([':', '=']).next().unwrap_or_default().trim().to_owned();
            let word = |line: &str| if line.starts_with("running on") { "running on".to_owned() } else { word(line) };
            said.lines().map(word).collect()
        };
        let (theirs, ours) = (words(&named.rndc(command).1), words(&stand.ok(command)));
        let mut rest = ours.iter();
        let missing: Vec<_> = theirs.iter().filter(|word| !rest.any(|own| own == *word)).collect();
        assert_eq!(missing, Vec::<&String>::new(), "{command}: {theirs:?}, {ours:?}");
    }
    assert_eq!(named.rndc("tcp-timeouts").1, stand.ok("tcp-timeouts"), "what was set is in force");
    for command in ["tcp-timeouts 100 111 122 133", "serve-stale on", "scan", "serve-stale reset", "reconfig"] {
        assert_eq!(named.rndc(command).0, stand.rndc(command).0, "{command}");
        let (theirs, ours) = (named.rndc("tcp-timeouts").1, stand.ok("tcp-timeouts"));
        assert_eq!(theirs, ours, "after {command}");
        assert_eq!(ours.contains("=111\n"), command != "reconfig", "after {command}: {ours}");
    }
    assert!(stand.ok("status").ends_with("server is up and running\n"));
    for (option, expected) in [
        ("", " <id:>"),
        ("version \"own words\";", " <id:> (own words)"),
        ("version none;", " <id:> (version.bind/txt/ch disabled)"),
    ] {
        stand.server.rewrite(&stand.text.replace("forward only;", &format!("forward only; {option}")));
        stand.ok("reconfig");
        let status = stand.ok("status");
        assert!(status.lines().next().is_some_and(|line| line.ends_with(expected)), "{option}: {status}");
    }
}

#[test]
fn every_command_of_rndc_is_known() {
    let told = Command::new(program("rndc", "bind9-utils")).output().expect("it can be run");
    let text = String::from_utf8_lossy(&[told.stdout, told.stderr].concat()).into_owned();
    let theirs = text.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    let theirs: Vec<&str> = theirs.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(theirs.len() > 40 && theirs.contains(&"flushtree"), "{text}");
    let ours = tandem::control::commands::help();
    let is_known = |word: &&&str| ours.lines().any(|line| line.split(' ').next() == Some(**word));
    let unknown: Vec<_> = theirs.iter().filter(|word| !is_known(word)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn every_command_is_done_or_fails_with_its_reason() {
    let stand = Stand::new("", "");
    for line in stand.ok("help").lines() {
        let (command, what) = line.split_at(line.find("  ").expect("two columns"));
        let word = command.split(' ').next().expect("a word");
        if ["stop", "halt", "health", "zone", "explain"].contains(&word) {
            continue;
        }
        let (code, said) = match command {
            // Of a zone that takes no updates they fail, as with named.
            _ if ["freeze", "thaw"].contains(&word) => stand.rndc(word),
            _ if command.contains("ZONE") => stand.rndc(&format!("{word} corp.example")),
            _ if command.contains(" NAME") => stand.rndc(&format!("{word} a.example")),
            _ if command.contains("|status") => stand.rndc(&format!("{word} status")),
            _ => stand.rndc(word),
        };
        let fails = what.trim().starts_with("fails");
        // What it is about is not there: that is no failure of the command.
        assert_eq!(code != 0, fails, "{command}: {said}");
        assert!(!fails || said.starts_with(&format!("rndc: '{word}' failed: ")), "{command}: {said}");
        assert!(!fails || said.lines().count() > 1, "{command} says why: {said}");
        // Those that scripts ask every minute leave theirs at a debug level, as with named.
        if !["status", "null"].contains(&word) {
            stand.server.says(&format!("received control channel command '{word}"));
            let audit = format!("control channel command '{word}");
            let is_audit = |line: &&str| line.contains(&audit) && !line.contains("received");
            let line = || stand.server.said().lines().find(is_audit).map(str::to_owned);
            assert!(wait_until(PATIENCE, || line().is_some()), "{word} leaves no line");
            let line = line().expect("it is there");
            let (who, result) = (" from 127.", if fails { ", key rndc-key: not " } else { ", key rndc-key: success" });
            assert!(line.contains(who) && (line.contains(result) || code != 0), "{line}");
        }
    }
    for expected in [
        "received control channel command 'reload corp.example'",
        "control channel command 'flushname a.example' from 127.",
        ", key rndc-key: success",
        ", key rndc-key: not implemented: no zone is signed here",
    ] {
        stand.server.says(expected);
    }
}

#[test]
fn why_a_zone_is_not_loaded_is_told_whatever_its_file_is_called() {
    let zone = "zone odd.example { type primary; file \"{directory}/odd: warning: file\"; };\n";
    let stand = Stand::new("", zone);
    stand.server.write("odd: warning: file", &(ZONE.to_owned() + "late 60 A 10.0.0.\n"));
    let said = stand.ok("reload");
    assert!(said.contains("\nzone odd.example/IN not loaded: ") && said.contains(": bad A"), "{said}");
}

#[test]
fn scripts_that_freeze_copy_edit_and_thaw_go_on() {
    let zone = "zone \"dyn.example\" { type primary; file \"{directory}/dyn\"; allow-update { any; }; };\n";
    let stand = Stand::new("", zone);
    stand.server.write("dyn", ZONE);
    stand.ok("reload");
    assert_eq!(stand.ask("www.dyn.example"), Some(1));
    for command in ["freeze", "freeze dyn.example"] {
        assert!(stand.ok(command).starts_with("updates go on: "), "{command}");
    }
    for (command, last) in [("thaw", 2), ("thaw dyn.example", 3)] {
        stand.server.write(
            "dyn",
            &ZONE.replace(" 7 ", &format!(" {} ", last + 7)).replace("10.0.0.1", &format!("10.0.0.{last}")),
        );
        assert!(stand.ok(command).contains("were read again"), "{command}");
        assert_eq!(stand.ask("www.dyn.example"), Some(last), "{command}");
    }
    for command in ["sync", "sync -clean", "sync -clean dyn.example"] {
        assert!(stand.ok(command).starts_with("updates are on the disk already"), "{command}");
    }
    assert_eq!(stand.rndc("thaw corp.example").0, 1, "it takes no updates");
}

#[test]
fn wrong_arguments_get_nameds_words_and_the_commands() {
    for arguments in [&[][..], &["-Z", "status"]] {
        let of = |mut command: Command| {
            let output = command.args(arguments).output().expect("it runs");
            (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
        };
        let mut own = Command::new(env!("CARGO_BIN_EXE_tandem"));
        own.arg("rndc");
        let (theirs, ours) = (of(Command::new(program("rndc", "bind9-utils"))), of(own));
        let first = |said: &str| said.lines().next().unwrap_or_default().to_owned();
        assert_eq!((ours.0, first(&ours.1)), (theirs.0, first(&theirs.1)), "{arguments:?}");
        assert!(ours.1.contains("\nreload [ZONE") && !ours.1.contains("tip:"), "{}", ours.1);
    }
}

#[test]
fn each_algorithm_is_believed_and_no_other_key() {
    let stand = Stand::new("", "");
    let file = stand.server.path("other-key");
    let with = |text: String, port: u16| {
        fs::write(&file, text).expect("a key file");
        let server = SocketAddr::new(stand.control.ip(), stand.control.port() + port);
        (rndc(&file, server, "status"), own_rndc(&file, server, "status"))
    };
    for algorithm in Algorithm::ALL.map(Algorithm::name) {
        let (theirs, ours) = with(key(algorithm, algorithm, ANOTHER), 0);
        assert_eq!((theirs.0, ours.0), (0, 0), "{algorithm}: {theirs:?} {ours:?}");
        let wrong = with(key(algorithm, algorithm, "d3Jvbmc="), 0);
        assert_eq!((wrong.0.0, wrong.1.0), (1, 1), "{algorithm}: {wrong:?}");
        assert!(wrong.0.1.contains("connection to remote host closed"), "{wrong:?}");
        assert!(wrong.1.1.contains("connection to remote host closed"), "{wrong:?}");
    }
    let elsewhere = with(key("hmac-sha512", "hmac-sha512", ANOTHER), 1);
    assert_eq!((elsewhere.0.0, elsewhere.1.0), (1, 1), "a key of another channel: {elsewhere:?}");
    let not_allowed = with(key("rndc-key", "hmac-sha256", SECRET), 2);
    assert_eq!((not_allowed.0.0, not_allowed.1.0), (1, 1), "an address that may not connect: {not_allowed:?}");
    for expected in ["invalid command from 127.", ": bad auth", "rejected command channel message from 127."] {
        stand.server.says(expected);
    }
}

#[test]
fn a_read_only_channel_lets_look_and_nothing_more() {
    let (named, stand) = (RealNamed::start(), Stand::new("", ""));
    let read_only = |control: SocketAddr| SocketAddr::new(control.ip(), control.port() + 1);
    let file = stand.server.path("key");
    for command in [
        "status",
        "null",
        "zonestatus corp.example",
        "reload",
        "flush",
        "flushname a.example",
        "trace",
        "stop",
        "halt",
        "dumpdb",
        "recursing",
        "tcp-timeouts",
        "tsig-list",
        "serve-stale status",
        "bogus",
    ] {
        let (theirs, _) = rndc(&file, read_only(named.control), command);
        let (ours, said) = rndc(&file, read_only(stand.control), command);
        assert_eq!(theirs, ours, "{command}: {said}");
    }
    stand.server.says("rejecting restricted control channel command 'stop'");
    stand.server.says("control channel command 'stop' from 127.");
    assert_eq!(stand.ask("a.example"), Some(1), "it runs");
}

/// What a client of 40 lines can do: a connection, frames, replies.
struct Client {
    stream: TcpStream,
    key: Key,
}

impl Client {
    fn connect(stand: &Stand) -> Client {
        let stream = TcpStream::connect(stand.control).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket option");
        let key = Key::new("rndc-key".parse().expect("a name"), Algorithm::HmacSha256, SECRET_OCTETS);
        Client { stream, key }
    }

    fn message(line: &str, serial: u32, nonce: u32) -> Message {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let data = vec![("type".to_owned(), line.to_owned())];
        Message { serial, time: now, expires: now + 60, nonce, is_reply: false, data }
    }

    fn signed(&self, message: &Message) -> Vec<u8> {
        let covered = message.encode();
        frame(Some(&auth::sign(&self.key, &covered)), &covered)
    }

    /// Sends octets; the reply, or `None` if the connection is closed.
    fn send(&mut self, octets: &[u8]) -> Option<Message> {
        self.stream.write_all(octets).ok()?;
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).ok()?;
        let mut octets = vec![0; u32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut octets).ok()?;
        let (message, envelope) = Message::decode(&octets).expect("a message");
        assert!(auth::is_by(&self.key, &envelope), "signed by our key");
        Some(message)
    }

    /// Opens the connection: the nonce.
    fn open(&mut self, serial: u32) -> u32 {
        let opening = self.signed(&Client::message("null", serial, 0));
        self.send(&opening).expect("it is opened").nonce
    }
}

#[test]
fn frames_that_no_rndc_would_send_end_the_connection_and_nothing_else() {
    let stand = Stand::new("", "");
    let mut client = Client::connect(&stand);
    let nonce = client.open(1);
    let flush = client.signed(&Client::message("flush", 2, nonce));
    let reply = client.send(&flush).expect("it is done");
    assert_eq!((reply.text("type"), reply.text("result"), reply.nonce), (Some("flush"), Some("0"), nonce));
    let again = client.signed(&Client::message("status", 3, nonce));
    assert!(
        client.send(&again).expect("the connection stays").text("text").is_some_and(|text| text.contains("version:"))
    );
    assert_eq!(client.send(&flush), None, "the same frame again");
    let opening = Client::connect(&stand).signed(&Client::message("null", 77, 0));
    assert!(Client::connect(&stand).send(&opening).is_some());
    assert_eq!(Client::connect(&stand).send(&opening), None, "recorded elsewhere");
    let made = |change: &dyn Fn(&mut Message)| {
        let mut message = Client::message("null", 9, 0);
        change(&mut message);
        Client::connect(&stand).signed(&message)
    };
    let whole = made(&|_| ());
    let mut flipped = whole.clone();
    *flipped.last_mut().expect("octets") ^= 1;
    let unsigned = frame(None, &Client::message("null", 4, 0).encode());
    for (case, octets) in [
        ("a clock that is slow", made(&|message| message.time -= 400)),
        ("a clock that is fast", made(&|message| message.time += 400)),
        ("over", made(&|message| message.expires = message.time - 1)),
        ("a reply", made(&|message| message.is_reply = true)),
        ("a bit flipped", flipped),
        ("no signature", unsigned),
        ("garbage", b"\0\0\0\x10GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("nothing", vec![0; 4]),
        ("32 KiB and one octet", vec![0, 0, 0x80, 1]),
        ("4 GiB", vec![0xff; 4]),
    ] {
        assert_eq!(Client::connect(&stand).send(&octets), None, "{case}");
    }
    for (case, nonce_of) in [("no nonce", 0), ("another nonce", 1)] {
        let mut client = Client::connect(&stand);
        let nonce = client.open(20 + nonce_of);
        let wrong = if nonce_of == 0 { 0 } else { nonce.wrapping_add(1).max(1) };
        let stop = client.signed(&Client::message("stop", 30 + nonce_of, wrong));
        assert_eq!(client.send(&stop), None, "{case}");
    }
    for why in ["clock skew", "expired", "bad auth", "duplicate message", "message too long"] {
        stand.server.says(&format!(": {why}\n"));
    }
    let long = format!("flushname {}", "x".repeat(30_000));
    let mut client = Client::connect(&stand);
    let nonce = client.open(40);
    let long = client.signed(&Client::message(&long, 41, nonce));
    assert!(client.send(&long).expect("an answer").text("err").is_some());
    let control = client.signed(&Client::message("flush\x1b[2J", 42, nonce));
    assert_eq!(client.send(&control).expect("an answer").text("err"), Some("syntax error"));
    assert_eq!(stand.ask("a.example"), Some(1));
}

#[test]
fn clients_that_say_nothing_make_room_and_hold_up_no_query() {
    let stand = Stand::new("", "");
    let silent: Vec<TcpStream> = (0..200).filter_map(|_| TcpStream::connect(stand.control).ok()).collect();
    // Some begin a frame.
    silent.iter().step_by(2).for_each(|mut stream| drop(stream.write_all(&[0, 0, 0])));
    assert!(stand.ok("status").contains("server is up and running"));
    assert_eq!(stand.ask("a.example"), Some(1));
    thread::scope(|scope| {
        let asked: Vec<_> = (0..40).map(|_| scope.spawn(|| stand.rndc("status").0)).collect();
        let codes: Vec<i32> = asked.into_iter().map(|thread| thread.join().expect("it ends")).collect();
        let served = codes.iter().filter(|code| **code == 0).count();
        assert!(served >= 32, "{codes:?}");
    });
    drop(silent);
    assert_eq!(stand.rndc("null").0, 0);
}

#[test]
fn who_has_a_key_and_is_silent_makes_room_too() {
    let stand = Stand::new("", "");
    let open = |serial| {
        let mut client = Client::connect(&stand);
        let nonce = client.open(serial);
        (client, nonce)
    };
    let mut silent: Vec<(Client, u32)> = (0..32).map(open).collect();
    // The first of them says something now and then.
    let (first, nonce) = &mut silent[0];
    let again = first.signed(&Client::message("null", 40, *nonce));
    assert!(first.send(&again).is_some());
    assert_eq!(stand.rndc("null").0, 0, "there is a place for whoever else has the key");
    let mut answers = |place: usize| {
        let (client, nonce) = &mut silent[place];
        let again = client.signed(&Client::message("null", 50, *nonce));
        client.send(&again).is_some()
    };
    assert_eq!([answers(0), answers(1), answers(31)], [true, false, true], "it was who was silent longest");
}

#[test]
fn what_is_flushed_is_asked_again_and_nothing_else() {
    let views = "view internal { match-clients { any; }; zone \"corp.example\" { type primary; file \"{directory}/corp\"; }; };\n";
    let upstream = Scripted::start(script);
    let (address, control) = (fresh_address(), fresh_address());
    let text = named_conf(address, upstream.address(), "")
        + statements(control).split("zone \"corp").next().expect("the rest")
        + views;
    let server = Tandem::start_with_files(address, &text, &[("corp", ZONE)]);
    fs::write(server.path("key"), key("rndc-key", "hmac-sha256", SECRET)).expect("a key file");
    let stand = Stand { address, control, text, server, upstream };
    let names = ["www.a.example", "alias.a.example", "nx.a.example", "www.b.example", "x.www.a.example", "a.example"];
    let ask_all = || {
        for name in names {
            stand.ask(name);
        }
    };
    // How often each was asked for upstream, since the last time.
    let mut before = vec![0; names.len()];
    let mut asked_again = |command: &str| -> Vec<&str> {
        if !command.is_empty() {
            stand.ok(command);
        }
        ask_all();
        let now: Vec<usize> = names.iter().map(|name| stand.upstream.count(name)).collect();
        let more = |at: usize| now[at] > before[at];
        let again = names.iter().enumerate().filter(|(at, _)| more(*at)).map(|(_, name)| *name).collect();
        before.clone_from(&now);
        again
    };
    assert_eq!(asked_again(""), names);
    assert!(asked_again("").is_empty(), "all are cached");
    for (command, expected) in [
        ("flushname www.a.example", &["www.a.example", "alias.a.example"][..]),
        ("flushname WWW.b.EXAMPLE internal", &["www.b.example"]),
        ("flushname nx.a.example", &["nx.a.example"]),
        ("flushname other.example", &[]),
        ("flushname a.example", &["a.example"]),
        ("flushtree www.a.example", &["www.a.example", "alias.a.example", "x.www.a.example"]),
        ("flushtree b.example internal", &["www.b.example"]),
        ("flush internal", &names),
        ("flush", &names),
        ("reload", &[]),
    ] {
        assert_eq!(asked_again(command), expected, "{command}");
    }
    assert_eq!(stand.rndc("flush other").0, 1);
    assert!(asked_again("").is_empty(), "a view that there is not");
}

#[test]
fn a_dump_shows_what_is_cached_and_no_query_waits_for_it() {
    let stand = Stand::new("dump-file \"{directory}/dump\";", "");
    for name in ["www.a.example", "alias.a.example", "nx.a.example"] {
        stand.ask(name);
    }
    stand.ok("dumpdb -all");
    let dump = stand.server.file("dump");
    let lines: Vec<String> = dump.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let without_ttl = |line: &String| {
        let mut words: Vec<&str> = line.split(' ').collect();
        if words.len() > 2 && words[1].parse::<u32>().is_ok() {
            words.remove(1);
        }
        words.join(" ")
    };
    let lines: Vec<String> = lines.iter().map(without_ttl).collect();
    for expected in [
        "; Start view _default",
        "; Cache dump of view '_default' (cache _default)",
        "www.a.example. IN A 192.0.2.1",
        "alias.a.example. IN CNAME www.a.example.",
        "nx.a.example. IN \\-ANY ;-$NXDOMAIN",
        "; Zone dump of 'corp.example/IN'",
        "www.corp.example. IN A 10.0.0.1",
        "; Dump complete",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected}: {dump}");
    }
    // Many answers, dumps one after the other, and questions meanwhile.
    for number in 0..3000 {
        stand.ask(&format!("n{number}.a.example"));
    }
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let (mut asked, mut lost) = (0, 0);
            while !is_over.load(Ordering::Relaxed) {
                asked += 1;
                lost += u32::from(stand.ask(&format!("n{}.a.example", asked % 3000)).is_none());
            }
            (asked, lost)
        });
        for _ in 0..5 {
            stand.ok("dumpdb -cache");
        }
        is_over.store(true, Ordering::Relaxed);
        let (asked, lost) = asking.join().expect("it ends");
        assert!(asked > 0 && lost == 0, "{lost} of {asked} lost");
    });
    let dump = stand.server.file("dump");
    assert_eq!(dump.lines().filter(|line| line.starts_with('n') && line.ends_with("192.0.2.1")).count(), 3000);
    assert!(dump.ends_with("; Dump complete\n"));
    // What is left in the way is neither followed nor waited for.
    let (partial, victim) = (stand.server.path("dump.tmp"), stand.server.path("victim"));
    stand.server.write("victim", "as before");
    std::os::unix::fs::symlink(&victim, &partial).expect("a link can be made");
    stand.ok("dumpdb -cache");
    assert_eq!(stand.server.file("victim"), "as before");
    assert!(fs::symlink_metadata(stand.server.path("dump")).expect("it is there").is_file(), "no link");
    nix::unistd::mkfifo(&partial, nix::sys::stat::Mode::S_IRWXU).expect("a pipe can be made");
    stand.ok("dumpdb -cache");
    // What cannot be written is told, and the file before stays.
    stand.server.rewrite(&stand.text.replace("{directory}/dump", "/nonexistent/dump"));
    stand.ok("reload");
    let (code, said) = stand.rndc("dumpdb");
    assert!(code == 1 && said.contains("cannot write '/nonexistent/dump'"), "{said}");
}

#[test]
fn who_waits_is_written_as_named_does() {
    let stand = Stand::new("recursing-file \"{directory}/waiting\";", "");
    thread::scope(|scope| {
        scope.spawn(|| stand.ask("slow.a.example"));
        assert!(wait_until(PATIENCE, || {
            stand.ok("recursing");
            stand.server.file("waiting").contains("'slow.a.example/A/IN' requesttime ")
        }));
    });
    let waiting = stand.server.file("waiting");
    assert!(waiting.starts_with(";\n; Recursing Queries\n;\n; client 127."), "{waiting}");
    stand.ok("recursing");
    assert_eq!(stand.server.file("waiting"), ";\n; Recursing Queries\n;\n; Dump complete\n");
}

#[test]
fn a_reload_tells_its_true_outcome() {
    let stand = Stand::new("", "");
    assert_eq!(stand.ok("reload"), "server reload successful\n");
    stand.server.rewrite(&stand.text.replace("forward only;", "forward onyl;"));
    let (code, said) = stand.rndc("reload");
    assert!(code == 1 && said.starts_with("rndc: 'reload' failed: ") && said.contains("tandem.conf:"), "{said}");
    let status = stand.ok("status");
    assert!(status.contains("\nreload/reconfig failed\n") && status.contains(" GMT\nconfiguration file: "), "{status}");
    assert_eq!(stand.rndc("reconfig").0, 1);
    assert_eq!(stand.ask("a.example"), Some(1), "the old configuration stays in force");
    stand.server.rewrite(&stand.text);
    stand.ok("reconfig");
    assert!(!stand.ok("status").contains("reload/reconfig failed"));
    // One zone alone.
    assert_eq!(stand.ok("reload corp.example"), "zone reload up-to-date\n");
    stand.server.write("corp", &ZONE.replace("admin 7", "admin 8").replace("10.0.0.1", "10.0.0.2"));
    assert_eq!(stand.ok("reload corp.example"), "zone reload successful\n");
    assert_eq!(stand.ask("www.corp.example"), Some(2));
    stand.server.write("corp", "broken");
    let (code, said) = stand.rndc("reload corp.example");
    assert!(code == 1 && said.contains("corp:1: "), "{said}");
    assert_eq!(stand.ask("www.corp.example"), Some(2), "the version before is served");
    let said = stand.ok("reload");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!((lines[0], lines.len()), ("server reload successful", 2), "scripts read the first line: {said}");
    assert!(lines[1].starts_with("zone corp.example/IN not loaded: ") && lines[1].contains("corp:1: "), "{said}");
    assert!(stand.ok("reconfig").starts_with("zone corp.example/IN not loaded: "));
    assert!(stand.server.said().contains("key rndc-key: success, 1 zone not loaded\n"), "{}", stand.server.said());
    stand.server.write("corp", ZONE);
    let other = UdpSocket::bind(fresh_address()).expect("it is free");
    let taken = other.local_addr().expect("it is bound");
    let both = format!("listen-on port {} {{ {}; }}; listen-on-v6", taken.port(), taken.ip());
    stand.server.rewrite(&stand.text.replacen("listen-on-v6", &both, 1));
    let expected = format!("server reload successful\nnot listening on {} port {}\n", taken.ip(), taken.port());
    assert_eq!(stand.ok("reload"), expected);
    assert!(stand.server.said().contains("key rndc-key: success, not listening on 1 address\n"));
    drop(other);
    // Channels follow a reload.
    let moved = fresh_address();
    let (ip, port) = (stand.control.ip(), stand.control.port());
    let line = format!("inet {ip} port {port} allow");
    stand.server.rewrite(&stand.text.replace(&line, &format!("inet {} port {} allow", moved.ip(), moved.port())));
    stand.ok("reconfig");
    let file = stand.server.path("key");
    assert!(wait_until(PATIENCE, || rndc(&file, moved, "null").0 == 0), "{}", stand.server.said());
    assert_ne!(stand.rndc("null").0, 0, "nobody listens there any more");
}

/// A zone that takes seconds to read, and ends in a fault.
fn slow_zone() -> String {
    ZONE.to_owned() + &"a A 10.0.0.1\n".repeat(SLOW_LINES) + "broken\n"
}

#[test]
fn while_a_reload_reads_all_else_is_heard_and_a_further_one_has_its_own_outcome() {
    let stand = Stand::new("", "");
    let counts = |what: &str| stand.server.said().matches(what).count();
    let (read, done) = ("loading configuration from", "reloading configuration succeeded");
    let (slow, resident) = (slow_zone(), stand.server.resident_octets());
    stand.server.write("corp", &slow);
    thread::scope(|scope| {
        let first = scope.spawn(|| stand.rndc("reload"));
        let has_opened = || stand.server.resident_octets() > resident + slow.len() / 2;
        assert!(wait_until(PATIENCE, || counts(read) == 2 && has_opened()), "{}", stand.server.said());
        stand.server.write("other", &ZONE.replace("10.0.0.1", "10.0.0.9"));
        fs::rename(stand.server.path("other"), stand.server.path("corp")).expect("in one directory");
        let further: Vec<_> = (0..3).map(|_| scope.spawn(|| stand.rndc("reload"))).collect();
        assert!(wait_until(PATIENCE, || counts("received control channel command 'reload'") == 4));
        let switched = scope.spawn(|| stand.rndc("serve-stale on"));
        for command in ["status", "serve-stale status", "recursing"] {
            stand.ok(command);
        }
        assert_eq!(stand.ask("a.example"), Some(1));
        assert_eq!(counts(done), 0, "it was over before all was asked: raise SLOW_LINES:\n{}", stand.server.said());
        let (code, said) = first.join().expect("it ends");
        assert!(code == 0 && said.contains("zone corp.example/IN not loaded: "), "of the file that it read: {said}");
        for one in further {
            assert_eq!(one.join().expect("it ends"), (0, "server reload successful\n".to_owned()));
        }
        assert_eq!(switched.join().expect("it ends").0, 0);
    });
    assert_eq!(stand.ask("www.corp.example"), Some(9));
    assert_eq!((counts(read), counts(done)), (3, 2), "those who asked meanwhile share one: {}", stand.server.said());
    assert!(stand.ok("serve-stale status").contains("stale"));
    // An end waits for nothing.
    stand.server.write("corp", &slow);
    stand.server.hang_up();
    assert!(wait_until(PATIENCE, || counts(read) == 4), "{}", stand.server.said());
    let (code, said) = stand.rndc("stop");
    assert_eq!(code, 0, "{said}");
    let Stand { mut server, .. } = stand;
    assert!(wait_until(PATIENCE, || !server.runs()), "{}", server.said());
    assert_eq!(server.said().matches(done).count(), 2, "it has ended before the file was read: {}", server.said());
}

#[test]
fn last_loaded_is_the_time_of_the_file_that_is_served() {
    let (named, stand) = (RealNamed::start(), Stand::new("", ""));
    let second = || SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    // named reads a file again only if it is younger, and shows seconds.
    let write = |text: &str| {
        let before = second();
        assert!(wait_until(PATIENCE, || second() > before));
        let now = SystemTime::now();
        for path in [named.server.path("corp"), stand.server.path("corp")] {
            let mut file = fs::File::create(path).expect("a zone");
            file.write_all(text.as_bytes()).expect("a zone");
            file.set_modified(now).expect("it is ours");
        }
        let before = second();
        assert!(wait_until(PATIENCE, || second() > before));
    };
    let last = |said: String| said.lines().find(|line| line.starts_with("last loaded: ")).map(str::to_owned);
    let shown = || {
        let theirs = || last(named.rndc("zonestatus corp.example").1);
        (theirs(), last(stand.ok("zonestatus corp.example")))
    };
    let is_new = |before: &Option<String>| {
        let is_so = || shown().0 == shown().1 && shown().0 != *before;
        assert!(wait_until(PATIENCE, is_so), "{before:?}: {:?}", shown());
        shown().0
    };
    let reload = |command: &str| drop((named.rndc(command), stand.rndc(command)));
    write(&ZONE.replace("admin 7", "admin 8"));
    reload("reload");
    let first = is_new(&None);
    reload("reload");
    assert_eq!(shown(), (first.clone(), first.clone()), "the same file again");
    write("broken");
    reload("reload corp.example");
    reload("reload");
    assert_eq!(shown(), (first.clone(), first.clone()), "what could not be read is not what is served");
    write(&ZONE.replace("admin 7", "admin 9"));
    reload("reload corp.example");
    is_new(&first);
}

/// named's lines that scripts wait for, of a log: in order, without their time and category.
fn awaited(log: &str) -> Vec<String> {
    const LINES: [&str; 10] = [
        "loading configuration from ",
        "reloading configuration succeeded",
        "reloading zones succeeded",
        "scheduled loading new zones",
        "any newly configured zones are now loaded",
        "all zones loaded",
        "running",
        "no longer listening on ",
        "shutting down",
        "stopping command channel on ",
    ];
    let line = |line: &str| {
        let found = LINES.iter().find(|text| line.contains(&format!(": {text}")) && !line.contains(": running "))?;
        let [category, severity, _] = line.splitn(3, ": ").collect::<Vec<_>>()[..] else { return None };
        Some(format!("{category}: {severity}: {found}"))
    };
    log.lines().filter_map(line).collect()
}

#[test]
fn the_lines_that_scripts_wait_for_are_nameds_in_nameds_order() {
    let logging = "logging { channel all { file \"{directory}/all\"; severity info; print-category yes; \
                   print-severity yes; }; category default { all; }; };";
    let (named, stand) = (RealNamed::with(logging), Stand::new("", logging));
    let read = || {
        let text = |path| fs::read_to_string(path).unwrap_or_default();
        (awaited(&text(named.server.path("all"))), awaited(&text(stand.server.path("all"))))
    };
    let running = |lines: &[String]| lines.iter().filter(|line| line.ends_with(": running")).count();
    for (times, command) in (1..).zip(["reload", "reconfig", "reload", "stop"]) {
        let runs = || running(&read().0) == times && running(&read().1) == times;
        assert!(wait_until(PATIENCE, runs), "before {command}: {:?}", read());
        let done = (named.rndc(command), stand.rndc(command));
        assert_eq!((done.0.0, done.1.0), (0, 0), "{command}: {done:?}");
    }
    let ended = |lines: &[String]| lines.last().is_some_and(|line| line.contains("stopping command channel"));
    assert!(wait_until(PATIENCE, || ended(&read().0) && ended(&read().1)), "{:?}", read());
    let (theirs, mut ours) = read();
    // named begins its file behind this line.
    if theirs.first() != ours.first() {
        ours.remove(0);
    }
    assert_eq!(ours, theirs);
}

#[test]
fn stop_answers_what_is_in_flight_and_halt_does_not() {
    for (command, is_answered) in [("stop -p", true), ("halt -p", false)] {
        let mut stand = Stand::new("", "");
        let pid = stand.server.pid();
        let answered = thread::scope(|scope| {
            let asking = scope.spawn(|| {
                exchange_udp(stand.address, &Question::new("slow.a.example", "A").octets(), Duration::from_secs(4))
            });
            assert!(stand.upstream.wait_for(1, PATIENCE));
            assert_eq!(stand.ok(command), format!("pid: {pid}\n"));
            asking.join().expect("it ends").is_some()
        });
        assert_eq!(answered, is_answered, "{command}: {}", stand.server.said());
        assert!(wait_until(PATIENCE, || !stand.server.runs()), "{command}");
        stand.server.says(&format!("control channel command '{command}' from"));
    }
}

#[test]
fn stale_answers_are_switched_at_run_time_and_over_reloads() {
    let stand = Stand::new("stale-cache-enable yes; stale-answer-enable no;", "");
    let status = || stand.ok("serve-stale status");
    let enabled = "_default: stale cache enabled; stale answers enabled (stale-answer-ttl=30 max-stale-ttl=86400 \
                   stale-refresh-time=30)\n";
    let disabled = enabled.replace("answers enabled", "answers disabled");
    assert_eq!(status(), disabled);
    for (command, expected) in [
        ("serve-stale on", enabled),
        ("reload", enabled),
        ("serve-stale off", &disabled),
        ("serve-stale on _default", enabled),
        ("serve-stale reset", &disabled),
    ] {
        stand.ok(command);
        assert_eq!(status(), expected, "{command}");
    }
}

#[test]
fn our_rndc_and_ctl_do_as_rndc_does() {
    let stand = Stand::new("", "");
    let file = stand.server.path("key");
    for command in [
        "null",
        "flush",
        "flush other",
        "bogus",
        "zonestatus corp.example",
        "tsig-list",
        "flushname",
        "-r null",
        "-r flush other",
        "-r bogus",
        "-r flushname",
        "-r flushname a..b",
        "-r trace x",
        "-r freeze corp.example",
        "-r reload corp.example XX",
        "-r serve-stale bogus",
        "-r addzone x",
        "-r sign corp.example",
    ] {
        assert_eq!(own_rndc(&file, stand.control, command), stand.rndc(command), "{command}");
    }
    let conf = stand.server.path("rndc.conf");
    let (ip, port) = (stand.control.ip(), stand.control.port());
    let text = format!(
        "{}options {{ default-key \"rndc-key\"; default-server here; }};\nserver here {{ key \"rndc-key\"; addresses {{ {ip} port {port}; }}; }};\n",
        key("rndc-key", "hmac-sha256", SECRET)
    );
    fs::write(&conf, text).expect("rndc.conf");
    for mut program in [Command::new(program("rndc", "bind9-utils")), own()] {
        let output = program.arg("-c").arg(&conf).args(["-r", "status"]).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && said.contains("server is up and running"), "{program:?}: {said}");
    }
    let mut ctl = Command::new(env!("CARGO_BIN_EXE_tandem"));
    ctl.args(["ctl", "--json", "--server", &ip.to_string(), "--port", &port.to_string(), "--key-file"]).arg(&file);
    let output = ctl.args(["flushname", "a.example"]).output().expect("it runs");
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&said["result"], &said["data"]["forgotten"]), (&"success".into(), &0.into()));
}

fn own() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_tandem"));
    program.arg("rndc");
    program
}

#[test]
fn a_channel_that_cannot_be_had_is_told_and_keeps_nobody_from_starting() {
    let upstream = Scripted::start(script);
    let (address, control) = (fresh_address(), fresh_address());
    let taken = std::net::TcpListener::bind(control).expect("a free port");
    let text = named_conf(address, upstream.address(), "") + &statements(control);
    let server = Tandem::start_with_files(address, &text, &[("corp", ZONE)]);
    let told = format!("couldn't add command channel {}#{}: address in use", control.ip(), control.port());
    server.says(&told);
    drop(taken);
    let path: PathBuf = server.path("key");
    fs::write(&path, key("rndc-key", "hmac-sha256", SECRET)).expect("a key file");
    // Another test's child may hold the port for a moment, until it is another program.
    let mut reloads = 0;
    let is_open = wait_until(PATIENCE, || {
        server.hang_up();
        reloads += 1;
        server.reloads(reloads) && rndc(&path, control, "null").0 == 0
    });
    assert!(is_open, "a reload tries again: {}", server.said());
}
