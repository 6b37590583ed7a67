//! Starting, reloading and stopping the server, under questions.
//!
//! Not here: what a broken file's errors look like (`tests/conf.rs`), 200 reloads under load (`tests/acceptance`).

mod common;

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use common::packet::{Connection, Message, Question, exchange_udp, exchange_udp_from, receive_udp};
use common::{Scripted, Tandem, fresh_address, named_conf, nsupdate, program, wait_until};
use nix::sys::signal::Signal;

const PATIENCE: Duration = Duration::from_secs(5);
const SLOW: Duration = Duration::from_millis(900);

/// An upstream that answers with this address at TTL 0; after [`SLOW`] for `slow.…`.
fn upstream(last: u8) -> Scripted {
    Scripted::start(move |query| {
        let reply = query.reply().address(0, [192, 0, 2, last]);
        if query.name().starts_with("slow") { reply.send_after(SLOW) } else { reply.send() }
    })
}

fn question(label: &str) -> Vec<u8> {
    Question::new(&format!("{label}.example.org"), "A").octets()
}

/// The last octet of the only address.
fn last_octet(message: &Message) -> Option<u8> {
    message.records.iter().find(|record| record.rtype == 1)?.data.last().copied()
}

fn ask(server: SocketAddr) -> Option<u8> {
    exchange_udp(server, &question("a"), Duration::from_millis(500)).as_ref().and_then(last_octet)
}

/// Sends a slow question by UDP and by TCP without waiting for the answers.
fn ask_slowly(server: SocketAddr) -> (UdpSocket, Connection) {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a UDP socket");
    socket.connect(server).expect("a UDP socket can be connected");
    socket.send(&question("slow1")).expect("sent");
    let mut connection = Connection::open(None, server).expect("it listens by TCP");
    connection.send(&question("slow2")).expect("sent");
    (socket, connection)
}

/// Reloads, and waits until the server has said how it went.
fn reload(server: &Tandem, text: &str) -> String {
    let count = |said: &str| said.matches("reloading configuration ").count();
    let (before, from) = (count(&server.said()), server.said().len());
    server.rewrite(text);
    server.hang_up();
    assert!(wait_until(PATIENCE, || count(&server.said()) > before), "no word about the reload: {}", server.said());
    server.said()[from..].to_owned()
}

#[test]
fn a_reload_changes_where_it_listens_whom_it_answers_and_whom_it_asks() {
    let (old, new) = (upstream(1), upstream(2));
    let (first, second) = (fresh_address(), fresh_address());
    let server = Tandem::start(first, &named_conf(first, old.address(), ""));
    assert_eq!((ask(first), ask(second)), (Some(1), None));

    let (socket, mut connection) = ask_slowly(first);
    assert!(old.wait_for(3, PATIENCE), "both questions are under way");
    let said = reload(&server, &named_conf(second, new.address(), ""));
    assert!(said.contains("succeeded"), "{said}");
    assert!(wait_until(PATIENCE, || ask(second) == Some(2)), "the new address and the new forwarder: {said}");
    assert!(wait_until(PATIENCE, || Connection::open(None, first).is_err()), "the old address is left by TCP");
    assert_eq!(receive_udp(&socket, PATIENCE).as_ref().and_then(last_octet), Some(1), "a question under way by UDP");
    assert_eq!(connection.receive(PATIENCE).as_ref().and_then(last_octet), Some(1), "a question under way by TCP");
    assert!(wait_until(PATIENCE, || ask(first).is_none()), "the old address is left by UDP");

    let friend: IpAddr = "127.0.0.77".parse().expect("an address");
    let text = named_conf(second, new.address(), "").replace("{ any; }", &format!("{{ {friend}; }}"));
    reload(&server, &text);
    let rcode = |client| {
        let message = exchange_udp_from(client, second, &question("a"), PATIENCE);
        message.map(|message| message.rcode())
    };
    assert_eq!((rcode(None), rcode(Some(friend))), (Some(5), Some(0)), "only the friend is answered");
    assert!(server.stop().success());
}

#[test]
fn a_reload_with_a_bad_file_says_where_and_keeps_everything() {
    let (old, other) = (upstream(1), upstream(2));
    let address = fresh_address();
    let good = named_conf(address, old.address(), "");
    let server = Tandem::start(address, &good);
    let own = named_conf(address, address, "");
    let cases = [
        ("an unknown option", good.replace(" forward only;", " forwards only;"), "tandem.conf:8: "),
        ("a missing semicolon", named_conf(fresh_address(), other.address(), "recursion yes"), "tandem.conf:11: "),
        ("an undefined ACL", good.replace("{ any; }", "{ friends; }"), "tandem.conf:6: "),
        ("itself as forwarder", own, "this server's own address"),
        ("a directory that is missing", good.replace("directory \"", "directory \"/no/where"), "create it, let the"),
    ];
    for (what, text, expected) in cases {
        let said = reload(&server, &text);
        assert!(said.contains(expected), "{what}: {expected:?} is missing in: {said}");
        assert!(
            said.contains("reloading configuration failed: the old configuration stays in force"),
            "{what}: {said}"
        );
        assert_eq!(ask(address), Some(1), "{what}");
    }
    let said = reload(&server, &named_conf(address, other.address(), ""));
    assert!(said.contains("reloading configuration succeeded"), "{said}");
    assert_eq!(ask(address), Some(2), "and a good file is taken again");
    assert!(server.stop().success());
}

#[test]
fn a_stop_answers_what_is_under_way() {
    let upstream = upstream(1);
    let address = fresh_address();
    let mut server = Tandem::start(address, &named_conf(address, upstream.address(), ""));
    assert!(!server.file("pid").is_empty());
    let (socket, mut connection) = ask_slowly(address);
    let mut idle = Connection::open(None, address).expect("it listens by TCP");
    assert!(upstream.wait_for(2, PATIENCE), "both questions are under way");
    let from = Instant::now();
    server.tell_to_stop();
    assert_eq!(receive_udp(&socket, PATIENCE).as_ref().and_then(last_octet), Some(1), "by UDP");
    assert_eq!(connection.receive(PATIENCE).as_ref().and_then(last_octet), Some(1), "by TCP");
    assert!(idle.is_closed_within(PATIENCE), "an idle connection is closed");
    assert!(wait_until(PATIENCE, || !server.runs()), "it ends when the last answer is out");
    assert!(from.elapsed() < SLOW + Duration::from_secs(2), "the stop took {:?}", from.elapsed());
    assert_eq!(server.file("pid"), "", "the pid file is removed");
    assert!(server.stop().success(), "exit status 0");
}

#[test]
fn an_address_that_another_server_has_is_refused() {
    let forwarder = fresh_address();
    let running = fresh_address();
    let _server = Tandem::start(running, &named_conf(running, forwarder, ""));
    let (udp, tcp) = (fresh_address(), fresh_address());
    let _udp = UdpSocket::bind(udp).expect("a free UDP port");
    let _tcp = TcpListener::bind(tcp).expect("a free TCP port");
    for (what, address) in [("another instance", running), ("UDP in use", udp), ("TCP in use", tcp)] {
        let (status, said) = Tandem::start_failing(&named_conf(address, forwarder, ""));
        assert_eq!(status.code(), Some(1), "{what}: {said}");
        let expected = format!("cannot listen on {} port {}: ", address.ip(), address.port());
        assert!(said.contains(&expected), "{what}: {expected:?} is missing in: {said}");
        assert!(said.contains("another server listens there: find it with 'ss "), "{what}: {said}");
    }
    assert!(exchange_udp(running, &Question::new("version.bind", "TXT").class(3).octets(), PATIENCE).is_some());
}

#[test]
fn with_one_address_of_another_server_the_rest_is_served_and_that_one_won_later() {
    let (upstream, first, second) = (upstream(1), fresh_address(), fresh_address());
    let other = UdpSocket::bind(second).expect("a fresh address is free");
    let both = format!("listen-on port {} {{ {}; }}; listen-on-v6", second.port(), second.ip());
    let text = named_conf(first, upstream.address(), "interface-interval 0;").replacen("listen-on-v6", &both, 1);
    let server = Tandem::start(first, &text);
    let shown = format!("{} port {}", second.ip(), second.port());
    server.says(&format!("cannot listen on {shown}: Address already in use"));
    server.says(&format!("tandem listens on {} port {}\n", first.ip(), first.port()));
    assert_eq!((ask(first), ask(second)), (Some(1), None));
    drop(other);
    assert!(wait_until(2 * PATIENCE, || ask(second) == Some(1)), "{}", server.said());
    server.says(&format!("listening on {shown} at last"));
    assert_eq!(server.said().matches("cannot listen on").count(), 1, "said once: {}", server.said());
    assert!(server.stop().success());
}

#[test]
fn a_reload_that_leaves_no_address_counts_like_any_other() {
    let upstream = upstream(1);
    let address = fresh_address();
    let good = named_conf(address, upstream.address(), "");
    let server = Tandem::start(address, &good);
    let said = reload(&server, &named_conf("192.0.2.53:53".parse().expect("an address"), upstream.address(), ""));
    assert!(said.contains("reloading configuration succeeded"), "{said}");
    assert!(said.contains("not listening on any address: listen-on and listen-on-v6 match none"), "{said}");
    // Workers leave it when they are told.
    assert!(wait_until(PATIENCE, || ask(address).is_none()), "{}", server.said());
    reload(&server, &good);
    assert!(wait_until(PATIENCE, || ask(address) == Some(1)), "{}", server.said());
    assert!(server.stop().success());
}

#[test]
fn an_address_that_a_reload_cannot_have_is_said_and_won_as_soon_as_it_is_free() {
    let (upstream, first, second) = (upstream(1), fresh_address(), fresh_address());
    let text = |address| named_conf(address, upstream.address(), "interface-interval 0;");
    let both = format!("listen-on port {} {{ {}; }}; listen-on-v6", second.port(), second.ip());
    let server = Tandem::start(first, &text(first));
    server.says(&format!("tandem listens on {} port {}", first.ip(), first.port()));
    let other = UdpSocket::bind(second).expect("a fresh address is free");
    let said = reload(&server, &text(first).replacen("listen-on-v6", &both, 1));
    let shown = format!("{} port {}", second.ip(), second.port());
    for expected in [format!("cannot listen on {shown}"), format!("but not listening on {shown}")] {
        assert!(said.contains(&expected), "{expected:?} is missing in: {said}");
    }
    assert_eq!((ask(first), ask(second)), (Some(1), None));
    drop(other);
    assert!(wait_until(2 * PATIENCE, || ask(second) == Some(1)), "{}", server.said());
    server.says(&format!("listening on {shown} at last"));
    assert_eq!(server.said().matches("cannot listen on").count(), 1, "said once: {}", server.said());
}

#[test]
fn a_reload_that_comes_while_the_configuration_is_read_is_done_afterwards() {
    let (upstream, address) = (upstream(1), fresh_address());
    let zones: String = (0..50_000)
        .map(|n| format!("zone \"z{n}.example\" {{ type forward; forwarders {{ 192.0.2.1; }}; }};\n"))
        .collect();
    let text = named_conf(address, upstream.address(), "") + &zones;
    let server = Tandem::start_while(address, &text, |server| {
        assert!(wait_until(PATIENCE, || server.catches(Signal::SIGHUP)), "SIGHUP would end it");
        server.hang_up();
        assert!(!server.said().contains("listens on"), "it has not read its configuration yet");
    });
    server.says("reloading configuration succeeded");
    assert_eq!(ask(address), Some(1));
}

#[test]
fn signals_that_mean_nothing_end_nothing() {
    let (upstream, address) = (upstream(1), fresh_address());
    let mut server = Tandem::start(address, &named_conf(address, upstream.address(), ""));
    server.says("running");
    for (signal, name) in [(Signal::SIGUSR1, "SIGUSR1"), (Signal::SIGUSR2, "SIGUSR2")] {
        server.signal(signal);
        assert!(wait_until(PATIENCE, || server.said().contains(name) || !server.runs()), "{name} is not told");
        assert_eq!((server.runs(), ask(address)), (true, Some(1)), "after {name}");
    }
}

#[test]
fn itself_as_forwarder_is_refused_at_the_start() {
    let address = fresh_address();
    let zone = |own: SocketAddr| {
        let forwarders = format!("forwarders {{ 127.0.0.1 port 9; {} port {}; }};", own.ip(), own.port());
        format!("zone \"corp\" {{ type forward; {forwarders} }};\n")
    };
    let cases = [
        ("globally", named_conf(address, address, "")),
        ("for a zone", named_conf(address, "127.0.0.1:9".parse().expect("an address"), "") + &zone(address)),
    ];
    for (what, text) in cases {
        let (status, said) = Tandem::start_failing(&text);
        assert_eq!(status.code(), Some(1), "{what}: {said}");
        let expected = format!("forwarder {} port {} is this server's own address", address.ip(), address.port());
        assert!(said.contains(&expected), "{what}: {said}");
    }
}

#[test]
fn what_forwarders_do_wrong_is_in_the_log() {
    let refusing = Scripted::start(|query| query.reply().rcode(5).send());
    let (silent, address) = (fresh_address(), fresh_address());
    let zone = format!("forwarders {{ {} port {}; }};", silent.ip(), silent.port());
    let text = named_conf(address, refusing.address(), "");
    let server = Tandem::start(address, &format!("{text}zone \"corp\" {{ type forward; {zone} }};\n"));
    let says = |what: &str| {
        let found = wait_until(2 * PATIENCE, || server.said().contains(what));
        assert!(found, "{what:?} is missing in: {}", server.said());
    };
    let shown = |address: SocketAddr| format!("{}#{}", address.ip(), address.port());
    let rcode = exchange_udp(address, &question("a"), PATIENCE).map(|message| message.rcode());
    assert_eq!(rcode, Some(2));
    says(&format!("REFUSED unexpected RCODE resolving 'a.example.org/A/IN': {}", shown(refusing.address())));
    let in_corp = |label: &str| Question::new(&format!("{label}.corp"), "A").octets();
    assert!(exchange_udp(address, &in_corp("a"), Duration::from_millis(10)).is_none(), "nobody is there yet");
    says(&format!("forwarder {} has not answered for ", shown(silent)));
    let _back = Scripted::start_at(silent, |query| query.reply().address(0, [192, 0, 2, 1]).send());
    assert!(exchange_udp(address, &in_corp("b"), PATIENCE).is_some());
    says(&format!("forwarder {} answers again, after ", shown(silent)));
    assert_eq!(server.said().matches("has not answered").count(), 1, "{}", server.said());
    assert!(server.stop().success());
}

#[test]
fn a_warning_is_called_so_once() {
    let address = fresh_address();
    let logging =
        "logging { channel l { file \"{directory}/log\"; print-severity yes; }; category default { l; }; };\n";
    let forwarder = "127.0.0.1:9".parse().expect("an address");
    let server = Tandem::start(address, &(named_conf(address, forwarder, "memstatistics-file \"x\";") + logging));
    let logged = || fs::read_to_string(server.path("log")).unwrap_or_default();
    assert!(wait_until(PATIENCE, || logged().contains("'memstatistics-file' is ignored")), "{}", logged());
    let lines: Vec<_> =
        logged().lines().filter(|line| line.contains("memstatistics-file")).map(str::to_owned).collect();
    assert!(lines.len() == 1 && lines[0].matches("warning: ").count() == 1, "{lines:?}");
    assert!(server.stop().success());
}

/// Ports below this are for the privileged.
fn first_free_port() -> u16 {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").expect("the system tells it");
    text.trim().parse().expect("a port")
}

#[test]
fn a_port_for_the_privileged_is_refused_with_what_to_do() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let at = |name: &str| directory.path().join(name);
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("our directory");
    // Where the build is, others may not reach.
    fs::copy(env!("CARGO_BIN_EXE_tandem"), at("tandem")).expect("the program can be copied");
    let address = SocketAddr::new(fresh_address().ip(), 53);
    let text = named_conf(address, "127.0.0.1:9".parse().expect("an address"), "")
        .replace(" pid-file \"{directory}/pid\";\n", "")
        .replace("{directory}", "/");
    fs::write(at("named.conf"), text).expect("a configuration can be written");
    let mut command = Command::new(at("tandem"));
    if nix::unistd::geteuid().is_root() {
        command = Command::new(program("setpriv", "util-linux"));
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]);
        command.arg(at("tandem"));
    }
    let log = fs::File::create(at("log")).expect("a log can be made");
    command.args(["serve", "-c"]).arg(at("named.conf")).stdout(log.try_clone().expect("a handle")).stderr(log);
    let mut process = common::Process::new(command.spawn().expect("the server can be started"));
    let said = || fs::read_to_string(at("log")).unwrap_or_default();
    if first_free_port() <= 53 {
        // Nothing is privileged here: then it must run.
        assert!(wait_until(PATIENCE, || said().contains("running")), "{}", said());
        return;
    }
    assert!(wait_until(PATIENCE, || process.ended().is_some()), "it runs: {}", said());
    assert_eq!(process.ended().and_then(|status| status.code()), Some(1), "{}", said());
    let expected = format!("cannot listen on {} port 53: Permission denied", address.ip());
    assert!(said().contains(&expected) && said().contains("CAP_NET_BIND_SERVICE"), "{}", said());
}

#[test]
fn reloads_under_questions_lose_none() {
    let upstream = Scripted::start(|query| query.reply().address(1, [192, 0, 2, 1]).send());
    let address = fresh_address();
    let text = named_conf(address, upstream.address(), "");
    let server = Tandem::start(address, &text);
    let client = thread::spawn(move || {
        let from = Instant::now();
        let mut lost = Vec::new();
        let mut asked = 0_u32;
        while from.elapsed() < Duration::from_secs(2) {
            let name = if asked.is_multiple_of(2) { "hot".to_owned() } else { format!("new{asked}") };
            if exchange_udp(address, &question(&name), PATIENCE).as_ref().and_then(last_octet) != Some(1) {
                lost.push(name);
            }
            asked += 1;
        }
        (asked, lost)
    });
    while !client.is_finished() {
        reload(&server, &text);
    }
    let (asked, lost) = client.join().expect("the client runs through");
    assert!(asked > 100, "only {asked} questions in 2 s");
    assert!(lost.is_empty(), "of {asked} questions {lost:?} got no answer");
}

/// A master file whose `secret` has this address.
fn corp(serial: u32, address: &str) -> String {
    format!("$TTL 60\n@ SOA ns h {serial} 3600 600 86400 60\n@ NS ns\nns A 10.0.0.2\nsecret A {address}\n")
}

/// A server with these zones, and its configuration with other ones.
fn with_zones(zones: &str) -> (SocketAddr, impl Fn(&str) -> String + use<>, Tandem) {
    let address = fresh_address();
    let text = move |zones: &str| {
        format!(
            "options {{ directory \"{{directory}}\"; listen-on port {} {{ {}; }}; listen-on-v6 {{ none; }}; recursion no; \
             allow-query {{ any; }}; }};\n{zones}",
            address.port(),
            address.ip()
        )
    };
    let files = [
        ("old", corp(1, "192.0.2.1")),
        ("open", corp(1, "192.0.2.1")),
        ("new", corp(2, "192.0.2.66")),
        ("big", corp(1, "10.0.0.3")),
    ];
    let files = files.each_ref().map(|(name, text)| (*name, &**text));
    (address, text, Tandem::start_with_files(address, &text(zones), &files))
}

const LARGE: &str = "zone large { type primary; file \"big\"; };\n";
/// The only client that may see what `corp` says after a reload.
const INSIDER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 99, 99, 99));

/// RCODE and last octet of the address of a name in `corp`, for a client.
fn look_up(server: SocketAddr, name: &str, client: Option<IpAddr>) -> (u16, Option<u8>) {
    let question = Question::new(name, "A").octets();
    let answer = exchange_udp_from(client, server, &question, PATIENCE).expect("an answer");
    (answer.rcode(), last_octet(&answer))
}

/// Reloads with `text`, in which [`LARGE`] stands last, and makes that large: what `ask` gives from when the log has `read` until the reload has ended. The first comes before.
fn while_reading<T>(server: &Tandem, text: &str, read: &str, mut ask: impl FnMut() -> T) -> Vec<T> {
    let is_over = || server.said().contains("reloading configuration succeeded");
    let hosts: String = (0..100_000).map(|host| format!("h{host} A 10.0.0.1\n")).collect();
    server.write("big", &(corp(2, "10.0.0.3") + &hosts));
    server.rewrite(text);
    server.hang_up();
    server.says(read);
    let mut given = vec![ask()];
    assert!(!is_over(), "nothing was asked while it read: {}", server.said());
    while !is_over() {
        given.push(ask());
    }
    given
}

#[test]
fn what_a_zone_says_after_a_reload_is_never_told_by_the_rules_before() {
    let in_views = |inside: &str, outside: &str| {
        format!(
            "view inside {{ match-clients {{ {INSIDER}; }}; zone other {{ type primary; file \"old\"; }};\n{inside} }};\n\
             view outside {{ match-clients {{ any; }};\n{outside}{LARGE} }};\n"
        )
    };
    let zone = |file: &str, more: &str| format!("zone corp {{ type primary; file \"{file}\"; {more} }};\n");
    let lists = format!("allow-query {{ {INSIDER}; }};");
    for (case, before, after, read) in [
        (
            "another view",
            in_views("", &zone("old", "")),
            in_views(&zone("new", ""), ""),
            "corp/IN/inside: loaded serial 2",
        ),
        ("a list", zone("old", "") + LARGE, zone("new", &lists) + LARGE, "corp/IN: loaded serial 2"),
        (
            "no view shares it any more",
            in_views(&zone("old", ""), "zone corp { in-view inside; };\n"),
            in_views(&zone("new", ""), ""),
            "corp/IN/inside: loaded serial 2",
        ),
    ] {
        let (address, text, server) = with_zones(&before);
        assert_eq!(look_up(address, "secret.corp", None), (0, Some(1)), "{case}");
        let given = while_reading(&server, &text(&after), read, || look_up(address, "secret.corp", None));
        assert_eq!(given[0], (0, Some(1)), "{case}: as before until all is read");
        let right = |given: &(u16, Option<u8>)| [(0, Some(1)), (5, None)].contains(given);
        assert!(given.iter().all(right), "{case}: {given:?}");
        assert_eq!(look_up(address, "secret.corp", None), (5, None), "{case}");
        assert_eq!(look_up(address, "secret.corp", Some(INSIDER)), (0, Some(66)), "{case}");
    }
}

/// As named: a version stays where its own file is broken, but not for other eyes than it was written for.
#[test]
fn what_a_zone_said_is_not_told_in_its_new_place_when_that_cannot_be_read() {
    let in_views = |inside: &str, outside: &str| {
        format!(
            "view inside {{ match-clients {{ {INSIDER}; }};\n{inside} zone other {{ type primary; file \"old\"; }}; }};\n\
             view outside {{ match-clients {{ any; }};\n{outside} zone other {{ type primary; file \"old\"; }}; }};\n"
        )
    };
    let zone = |file: &str, more: &str| format!("zone corp {{ type primary; file \"{file}\"; {more} }};\n");
    let lists = format!("allow-query {{ {INSIDER}; }};");
    for (case, before, after, expected) in [
        ("another view", in_views(&zone("old", ""), ""), in_views("", &zone("missing", "")), (2, None)),
        ("another file, and a list less", zone("old", &lists), zone("missing", ""), (2, None)),
        ("the same file, and a list less", zone("old", &lists), zone("old", ""), (0, Some(1))),
    ] {
        let (address, text, server) = with_zones(&before);
        assert_eq!(look_up(address, "secret.corp", None), (5, None), "{case}");
        server.write("old", "broken");
        server.rewrite(&text(&after));
        server.hang_up();
        server.says("reloading configuration succeeded");
        assert_eq!(look_up(address, "secret.corp", None), expected, "{case}: {}", server.said());
    }
}

#[test]
fn who_may_no_more_update_a_zone_changes_nothing_while_a_reload_reads() {
    let zones = |corp: &str| {
        format!(
            "zone open {{ type primary; file \"open\"; journal \"open.journal\"; allow-update {{ any; }}; }};\n{corp}{LARGE}"
        )
    };
    let before = "zone corp { type primary; file \"old\"; journal \"corp.journal\"; allow-update { any; }; };\n";
    let after = format!(
        "zone corp {{ type primary; file \"new\"; journal \"corp.journal\"; allow-query {{ {INSIDER}; }}; allow-update \
         {{ {INSIDER}; }}; }};\n"
    );
    let (address, text, server) = with_zones(&zones(before));
    let add = |name: &str| nsupdate(address, &[], &format!("update add {name} 60 A 192.0.2.9")).0;
    assert!(add("early.corp"));
    let taken = while_reading(&server, &text(&zones(&after)), "corp/IN: loaded serial 3", || {
        (add("late.corp"), add("late.open"))
    });
    assert!(taken.iter().all(|taken| *taken == (false, true)), "{taken:?}");
    assert!(!add("later.corp"));
    for (name, expected) in [
        ("secret.corp", (0, Some(66))),
        ("early.corp", (0, Some(9))),
        ("late.corp", (3, None)),
        ("later.corp", (3, None)),
        ("late.open", (0, Some(9))),
    ] {
        assert_eq!(look_up(address, name, Some(INSIDER)), expected, "{name}: {}", server.said());
    }
    let (is_content, said) = nsupdate(address, &[], &format!("local {INSIDER}\nupdate add new.corp 60 A 192.0.2.9"));
    assert!(is_content, "{said}");
    assert_eq!(look_up(address, "new.corp", Some(INSIDER)), (0, Some(9)), "its updates go on");
    let mut server = server;
    server.write("big", &corp(3, "10.0.0.3"));
    server.crash_and_restart(address);
    for (name, expected) in [("early.corp", (0, Some(9))), ("late.corp", (3, None)), ("new.corp", (0, Some(9)))] {
        assert_eq!(look_up(address, name, Some(INSIDER)), expected, "{name} after a crash: {}", server.said());
    }
}
