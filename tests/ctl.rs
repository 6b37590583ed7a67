//! `tandem ctl` and `tandem explain` against a running server: health checks, overrides, local zones.
//!
//! Not here: how fast a name moves (`tests/acceptance`), the protocol's own faults (`control`'s tests).

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use common::packet::{Question, exchange_udp};
use common::{Tandem, Web, fresh_address, wait_until};
use nix::sys::signal::Signal;

const PATIENCE: Duration = Duration::from_secs(10);

/// `www.example` is 192.0.2.1 while its check is healthy, else 192.0.2.2; `alias.example` leads there, `many.example`
/// has weights, `broken.example` is a zone whose file is wrong.
fn toml(address: SocketAddr, web: SocketAddr, state: &Path) -> String {
    let record = |name: &str, rtype: &str, value: &str, more: &str| {
        format!("[[zone.record]]\nname = \"{name}.example\"\ntype = \"{rtype}\"\nvalue = \"{value}\"\n{more}")
    };
    let primary = "failover = \"PRIMARY\"\nhealth_check = \"first\"\n";
    [
        format!(
            "[options]\nlisten = [\"{address}\"]\nallow_query = [\"any\"]\nstate_directory = \"{}\"\n",
            state.display()
        ),
        format!(
            "[[health_check]]\nname = \"first\"\ntype = \"HTTP\"\nip_address = \"{}\"\nport = {}\n\
             request_interval = \"200ms\"\nfailure_threshold = 2\n",
            web.ip(),
            web.port(),
        ),
        "[[zone]]\nname = \"broken.example\"\nfile = \"{directory}/broken\"\n".to_owned(),
        "[[zone]]\nname = \"example\"\nttl = 10\n".to_owned(),
        record("www", "A", "192.0.2.1", primary),
        record("www", "A", "192.0.2.2", "failover = \"SECONDARY\"\n"),
        record("alias", "CNAME", "www.example", ""),
        record("many", "A", "192.0.2.3", "set_identifier = \"blue\"\nweight = 1\n"),
        record("many", "A", "192.0.2.4", "set_identifier = \"green\"\nweight = 3\n"),
        "[[zone.record]]\nname = \"top.example\"\ntype = \"A\"\nfailover = \"PRIMARY\"\n\
         alias_target = { name = \"www.example\", evaluate_target_health = true }\n"
            .to_owned(),
        record("top", "A", "192.0.2.5", "failover = \"SECONDARY\"\n"),
    ]
    .concat()
}

/// A server with what it needs, and a state directory that outlives it.
struct Stand {
    address: SocketAddr,
    text: String,
    state: tempfile::TempDir,
    _web: Web,
}

impl Stand {
    fn new() -> Self {
        let (address, at) = (fresh_address(), fresh_address());
        let state = tempfile::tempdir().expect("a directory");
        let text = toml(address, at, &state.path().join("state"));
        Self { address, text, state, _web: Web::start(at) }
    }

    fn start(&self) -> Tandem {
        Tandem::start(self.address, &self.text)
    }

    fn socket(&self) -> PathBuf {
        self.state.path().join("state/control")
    }

    /// `tandem ctl` with these words; whether it said yes, and what it said.
    fn ctl(&self, words: &[&str]) -> (bool, String) {
        let socket = self.socket();
        tandem(&[&["ctl", "--socket", socket.to_str().expect("a path")], words].concat())
    }

    fn ok(&self, words: &[&str]) -> String {
        let (is_ok, said) = self.ctl(words);
        assert!(is_ok, "{words:?}: {said}");
        said
    }

    /// The last octet of the address that a name has now.
    fn follow(&self, name: &str) -> Option<u8> {
        let message = exchange_udp(self.address, &Question::new(name, "A").octets(), Duration::from_secs(1))?;
        message.records.iter().find(|record| record.rtype == 1)?.data.last().copied()
    }

    fn follows(&self, name: &str, last: u8) -> bool {
        wait_until(PATIENCE, || self.follow(name) == Some(last))
    }
}

/// Runs the program; whether it said yes, and what it said.
fn tandem(words: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tandem")).args(words).output().expect("it runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).expect("text"))
}

#[test]
fn a_name_moves_with_an_override_and_back_with_its_end() {
    let stand = Stand::new();
    let server = stand.start();
    assert!(stand.follows("www.example", 1), "{}", server.said());
    let said = stand.ok(&["health", "down", "first", "--reason", "new disks"]);
    assert!(said.contains("first: healthy to unhealthy: override down: new disks"), "{said}");
    // The answer to the operator comes after the change.
    assert_eq!(stand.follow("www.example"), Some(2));
    let said = stand.ok(&["health", "down", "first", "--reason", "new disks"]);
    assert_eq!(said, "first: override down: new disks; unhealthy as before\n");
    let listed = stand.ok(&["health"]);
    let row = listed.lines().nth(1).expect("a row");
    assert!(
        row.starts_with("first  unhealthy  20") && row.contains("override down: new disks (last probe: "),
        "{listed}"
    );
    let shown = stand.ok(&["health", "show", "first"]);
    for expected in ["type          HTTP", "state         unhealthy", "override      override down: new disks"] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    let said = stand.ok(&["health", "clear", "first"]);
    assert!(said.contains("first: unhealthy to healthy: override taken back"), "{said}");
    assert_eq!(stand.follow("www.example"), Some(1));
    // One with an end is over by itself.
    let said = stand.ok(&["health", "down", "first", "--for", "2s"]);
    assert!(said.contains("override down until 20"), "{said}");
    assert_eq!(stand.follow("www.example"), Some(2));
    assert!(stand.follows("www.example", 1), "{}", server.said());
    for expected in [
        "received control channel command 'health down first - \"new disks\"'",
        "control channel command 'health down first - \"new disks\"' from user ID",
        "first: unhealthy to healthy: override expired",
    ] {
        server.says(expected);
    }
    assert!(server.stop().success());
    assert!(!stand.socket().exists(), "the socket goes with the server");
}

#[test]
fn an_override_survives_kill_9_and_so_does_its_end() {
    let stand = Stand::new();
    let mut server = stand.start();
    assert!(stand.follows("www.example", 1), "{}", server.said());
    stand.ok(&["health", "down", "first", "--for", "1h", "--reason", "new disks"]);
    for _ in 0..3 {
        server.signal(Signal::SIGKILL);
        assert!(wait_until(PATIENCE, || !server.runs()));
        assert!(stand.socket().exists(), "left behind");
        server = stand.start();
        assert_eq!(stand.follow("www.example"), Some(2), "from the first answer on: {}", server.said());
        let listed = stand.ok(&["health"]);
        assert!(listed.contains("override down until 20") && listed.contains("Z: new disks"), "{listed}");
    }
    stand.ok(&["health", "clear", "first"]);
    server.signal(Signal::SIGKILL);
    assert!(wait_until(PATIENCE, || !server.runs()));
    let server = stand.start();
    assert!(stand.follows("www.example", 1), "{}", server.said());
}

#[test]
fn a_broken_file_of_overrides_is_kept_aside_and_told() {
    let stand = Stand::new();
    let state = stand.state.path().join("state");
    fs::create_dir(&state).expect("a directory");
    fs::write(state.join("health-overrides"), "first\tdown\t-\tdisks\nfirst\tdo").expect("a file");
    let server = stand.start();
    assert_eq!(stand.follow("www.example"), Some(2), "what could be read counts: {}", server.said());
    assert!(
        server.said().contains("health-overrides: line 2: four words between tabs are expected"),
        "{}",
        server.said()
    );
    let aside = fs::read_to_string(state.join("health-overrides.bad")).expect("kept aside");
    assert!(aside.ends_with("first\tdo"), "{aside}");
}

#[test]
fn what_is_wrong_is_told_with_what_would_be_right() {
    let stand = Stand::new();
    let (is_ok, said) = stand.ctl(&["health"]);
    assert!(!is_ok && said.contains("no server with this control_socket runs"), "{said}");
    let server = stand.start();
    for (words, expected) in [
        (&["health", "down", "frist"][..], "no health check is called 'frist' (did you mean 'first'?)"),
        (&["health", "show", "other"], "no health check is called 'other' ('health' lists them)"),
        (&["health", "up", "first", "--for", "soon"], "expected a time of a second and more"),
        (&["health", "up", "first", "--reason", "a\nb"], "'a\\nb' has a control character"),
        (&["zone", "status", "exampel"], "no local zone is called 'exampel' (did you mean 'example'?)"),
    ] {
        let (is_ok, said) = stand.ctl(words);
        assert!(!is_ok && said.contains(expected), "{words:?}: {said}");
    }
    let mode = fs::metadata(stand.socket()).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "nobody else may");
    let (is_ok, said) = tandem(&["ctl", "--config", server.path("tandem.conf").to_str().expect("a path"), "status"]);
    assert!(is_ok && said.contains("health checks: 1, 1 of them healthy"), "found by the configuration: {said}");
    server.rewrite(&format!("[options]\nlisten = [\"{}\"]\n", stand.address));
    let (is_ok, said) = tandem(&["ctl", "-c", server.path("tandem.conf").to_str().expect("a path"), "status"]);
    assert!(!is_ok && said.contains("sets no control_socket"), "{said}");
}

#[test]
fn two_servers_share_neither_state_nor_socket() {
    let stand = Stand::new();
    let server = stand.start();
    let other = stand.text.replace(&stand.address.to_string(), &fresh_address().to_string());
    let (status, said) = Tandem::start_failing(&other);
    let expected = format!("another server, process {}, keeps its state there", server.pid());
    assert!(!status.success() && said.contains(&expected), "{said}");
    let state = format!("state_directory = \"{}\"", stand.state.path().join("state").display());
    let socket = format!("control_socket = \"{}\"", stand.socket().display());
    let (status, said) = Tandem::start_failing(&other.replace(&state, &socket));
    assert!(!status.success() && said.contains("another server answers there (stop that one"), "{said}");
    assert!(stand.ok(&["status"]).contains(&format!("process: {}\n", server.pid())));
}

#[test]
fn a_reload_moves_the_socket_but_not_the_state() {
    let stand = Stand::new();
    let server = stand.start();
    let reload = |text: &str| {
        let count = |said: &str| said.matches("reloading configuration ").count();
        let before = count(&server.said());
        server.rewrite(text);
        server.hang_up();
        assert!(wait_until(PATIENCE, || count(&server.said()) > before), "{}", server.said());
    };
    reload(&stand.text.replace("/state\"", "/elsewhere\""));
    server.says("a reload cannot move it (restart the server)");
    assert!(stand.ok(&["status"]).contains("last reload failed: at 20"), "and it is seen later");
    let moved = stand.state.path().join("moved");
    let line = format!("control_socket = \"{}\"\n[[health_check]]", moved.display());
    reload(&stand.text.replacen("[[health_check]]", &line, 1));
    let (is_ok, said) = tandem(&["ctl", "--socket", moved.to_str().expect("a path"), "status"]);
    assert!(is_ok && !said.contains("reload failed"), "{said}");
    assert!(!stand.socket().exists());
    // What cannot be had leaves things as they are.
    reload(&stand.text.replacen("[[health_check]]", "control_socket = \"/none/control\"\n[[health_check]]", 1));
    assert!(server.said().contains("create its directory): the control channel stays as it was"), "{}", server.said());
    assert!(tandem(&["ctl", "--socket", moved.to_str().expect("a path"), "status"]).0);
}

#[test]
fn zones_tell_where_they_are_from_and_what_is_wrong() {
    let stand = Stand::new();
    let server = stand.start();
    let listed = stand.ok(&["zone", "status"]);
    assert!(listed.contains("broken (not loaded, 1 fault: answered SERVFAIL)"), "{listed}");
    assert!(listed.contains("records at ") && listed.contains("tandem.conf:"), "{listed}");
    let shown = stand.ok(&["zone", "status", "broken.example"]);
    assert!(shown.contains("fault ") && shown.contains("file not found"), "{shown}");
    assert!(stand.ok(&["status"]).contains("local zones: 2, 1 of them not loaded"), "{}", server.said());
}

#[test]
fn explain_is_the_running_servers_word_while_it_runs() {
    let stand = Stand::new();
    let server = stand.start();
    assert!(stand.follows("www.example", 1), "{}", server.said());
    let file = server.path("tandem.conf");
    let explain = |more: &[&str], name: &str| {
        let (is_ok, said) = tandem(&[&["explain", "-c", file.to_str().expect("a path"), name], more].concat());
        assert!(is_ok, "{said}");
        said
    };
    let said = explain(&[], "alias.example");
    for expected in [
        "alias             alias.example: the chain goes on at www.example",
        "policy            www.example A: failover",
        "  PRIMARY         chosen: A 192.0.2.1; healthy since 20",
        "(check 'first': status 200",
        "  SECONDARY       not chosen: A 192.0.2.2; no health check",
        "answer            A 192.0.2.1",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    stand.ok(&["health", "down", "first", "--reason", "new disks"]);
    let said = explain(&[], "top.example");
    for expected in [
        "policy            top.example A: failover",
        // Its target has a record that is well.
        "  PRIMARY         chosen: alias of www.example, evaluated; no health check",
        "  SECONDARY       not chosen: A 192.0.2.5; no health check",
        "policy            www.example A: failover",
        "  PRIMARY         not chosen: A 192.0.2.1; unhealthy since 20",
        "(check 'first': override down: new disks)",
        "  SECONDARY       chosen: A 192.0.2.2; no health check",
        "answer            A 192.0.2.2",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let said = explain(&[], "many.example");
    assert!(said.contains("  weight 1 'blue' chosen 1 times of 4: A 192.0.2.3"), "{said}");
    let said = explain(&["--offline"], "www.example");
    for expected in [
        "running server    not asked (--offline)",
        "  PRIMARY         A 192.0.2.1; check 'first'",
        "health            not known: above, every check counts as healthy",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let socket = stand.socket();
    let (is_ok, said) = tandem(&["explain", "--socket", socket.to_str().expect("a path"), "none.example"]);
    assert!(is_ok && said.contains("NXDOMAIN: the zone has no name none.example"), "{said}");
    let text = stand.text.replace("{directory}", &stand.state.path().to_string_lossy());
    let copy = stand.state.path().join("copy");
    fs::write(&copy, text).expect("a file");
    assert!(server.stop().success());
    let (_, said) = tandem(&["explain", "-c", copy.to_str().expect("a path"), "www.example"]);
    assert!(said.contains("running server    not reached: control socket '"), "{said}");
}

#[test]
fn clients_that_say_nothing_keep_nobody_out() {
    let stand = Stand::new();
    let server = stand.start();
    // More than are served at once: those that have waited longest make room.
    let silent: Vec<_> = (0..100).filter_map(|_| UnixStream::connect(stand.socket()).ok()).collect();
    assert_eq!(silent.len(), 100);
    assert!(stand.ok(&["status"]).contains("server is up and running"));
    // One that says too much is not listened to.
    let mut talkative = UnixStream::connect(stand.socket()).expect("it is reached");
    talkative.set_read_timeout(Some(PATIENCE)).expect("a socket option");
    let _ = talkative.write_all(&[b'x'; 5000]);
    assert!(matches!(talkative.read(&mut [0; 10]), Ok(0) | Err(_)), "closed");
    server.says("message too long");
}

#[test]
fn programs_get_json() {
    let stand = Stand::new();
    let server = stand.start();
    assert!(stand.follows("www.example", 1), "{}", server.said());
    let socket = stand.socket();
    let json = |words: &[&str]| -> (bool, serde_json::Value) {
        let ctl = ["ctl", "--socket", socket.to_str().expect("a path"), "--json"];
        let (is_ok, said) = tandem(&[&ctl[..], words].concat());
        (is_ok, serde_json::from_str(&said).unwrap_or_else(|error| panic!("{words:?}: {error}: {said}")))
    };
    let (is_ok, status) = json(&["status"]);
    assert!(is_ok && status["result"] == "success", "{status}");
    assert_eq!(status["data"]["process"], server.pid().to_string());
    assert!(status["text"].as_str().is_some_and(|text| text.contains("server is up and running")), "{status}");
    let (_, health) = json(&["health"]);
    assert_eq!((&health["data"][0]["name"], &health["data"][0]["state"]), (&"first".into(), &"healthy".into()));
    let (_, zones) = json(&["zone", "status"]);
    assert_eq!((&zones["data"][0]["zone"], &zones["data"][0]["loaded"]), (&"broken.example".into(), &false.into()));
    let (_, flushed) = json(&["flushname", "www.example"]);
    assert_eq!(flushed["data"]["forgotten"], 0, "{flushed}");
    let (is_ok, bogus) = json(&["bogus"]);
    assert!(!is_ok && bogus["error"] == "unknown command" && bogus["result"] == "failed", "{bogus}");
    assert!(server.stop().success());
    let (is_ok, gone) = json(&["status"]);
    assert!(!is_ok && gone["result"] == "unreachable", "{gone}");
}
