//! What the service manager hears, and the sockets that it hands over.

use std::fs;
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::common::packet::{Connection, receive_udp};
use crate::common::{fresh_address, named_conf, program, wait_until};
use crate::place::{PATIENCE, Place, answers, question, upstream};

/// What a service manager hears.
struct Manager {
    socket: UnixDatagram,
}

impl Manager {
    fn new(path: &Path) -> Manager {
        let socket = UnixDatagram::bind(path).expect("a socket can be made");
        socket.set_read_timeout(Some(PATIENCE)).expect("it is ours");
        Manager { socket }
    }

    /// The next message.
    fn next(&self) -> String {
        let mut room = [0; 4096];
        let length = self.socket.recv(&mut room).unwrap_or_else(|error| panic!("no message: {error}"));
        String::from_utf8_lossy(&room[..length]).into_owned()
    }

    /// The next message that begins so, of all that come.
    fn hears(&self, beginning: &str) -> String {
        std::iter::repeat_with(|| self.next()).find(|text| text.starts_with(beginning)).expect("they never end")
    }

    /// Whether a message that begins so comes before one that begins otherwise.
    fn hears_before(&self, beginning: &str, other: &str) -> bool {
        let either = |text: &String| text.starts_with(beginning) || text.starts_with(other);
        std::iter::repeat_with(|| self.next()).find(either).is_some_and(|text| text.starts_with(beginning))
    }
}

#[test]
fn the_service_manager_hears_of_start_reload_life_and_stop() {
    let upstream = upstream();
    let address = fresh_address();
    for program in ["named", "serve"] {
        let place = Place::new(&named_conf(address, upstream.address(), ""));
        let manager = Manager::new(&place.path("notify"));
        let mut command = match program {
            "named" => place.command(&["-f"]),
            _ => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
                command.arg("serve").arg("-c").arg(place.path("named.conf"));
                command
            }
        };
        command.env("NOTIFY_SOCKET", place.path("notify")).env("WATCHDOG_USEC", "400000");
        let mut server = place.start_command(command);
        let ready = manager.hears("READY=1\n");
        assert!(answers(address), "{program}: at once when it is ready");
        let (pid, on) = (server.pid(), format!("{} port {}", address.ip(), address.port()));
        assert!(ready.contains(&format!("\nMAINPID={pid}\n")) && ready.contains(&on), "{program}: {ready}");
        assert_eq!(manager.hears("WATCHDOG=1"), "WATCHDOG=1\n", "{program}");

        server.signal(Signal::SIGHUP);
        let reloading = manager.hears("RELOADING=1\n");
        let since = reloading.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC=")).expect("since when");
        assert!(since.parse::<u64>().is_ok_and(|microseconds| microseconds > 0), "{program}: {reloading}");
        manager.hears("READY=1\n");
        place.write("options { nonsense; };");
        server.signal(Signal::SIGHUP);
        manager.hears("RELOADING=1\n");
        manager.hears("READY=1\n");
        assert!(answers(address), "{program}: a reload that failed is over, too");

        // While it reads for long it lives, and ends when it is told to.
        let lines = if cfg!(debug_assertions) { 4_000_000 } else { 10_000_000 };
        let zone =
            "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 10.0.0.1\n".to_owned() + &"a A 10.0.0.1\n".repeat(lines);
        fs::write(place.path("slow"), zone).expect("a file can be written");
        let zone = format!("zone slow {{ type primary; file \"{}\"; }};\n", place.path("slow").display());
        place.write(&(named_conf(address, upstream.address(), "") + &zone));
        server.signal(Signal::SIGHUP);
        manager.hears("RELOADING=1\n");
        assert_eq!(manager.next(), "WATCHDOG=1\n", "{program}");
        assert_eq!(manager.next(), "WATCHDOG=1\n", "{program}");
        server.signal(Signal::SIGTERM);
        assert!(manager.hears_before("STOPPING=1\n", "READY=1\n"), "{program}: nothing waits for what it reads");
        assert!(server.terminate(PATIENCE).is_some_and(|status| status.success()), "{program}");
    }
}

#[test]
fn without_any_address_it_is_ready_and_listens_on_the_one_that_comes() {
    let late = "10.77.0.1:5300".parse().expect("an address");
    let conf = named_conf(late, "127.0.0.1:5301".parse().expect("an address"), "interface-interval 0;");
    let place = Place::new(&conf);
    let manager = Manager::new(&place.path("notify"));
    // In a network of its own, where addresses may come and go.
    let mut command = Command::new(program("unshare", "util-linux"));
    command.args(["--map-root-user", "--net", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh"]);
    command.arg(place.path("named")).arg("-c").arg(place.path("named.conf")).args(["-g", "-n", "1"]);
    command.stdin(Stdio::null()).env("NOTIFY_SOCKET", place.path("notify"));
    let mut server = place.start_command(command);
    let ready = manager.hears("READY=1\n");
    assert!(ready.contains("listening on no address yet"), "{ready}");

    let pid = server.pid().to_string();
    let inside = |words: &str| {
        let mut command = Command::new(program("nsenter", "util-linux"));
        command.args(["--target", &pid, "--user", "--preserve-credentials", "--net"]).args(words.split(' '));
        command.output().expect("it can be started")
    };
    let count = |text: &str| place.text("said").matches(text).count();
    let says = |text: &str, times| {
        assert!(wait_until(PATIENCE, || count(text) == times), "{text:?}, {times}: {}", place.text("said"));
    };
    let answers = || inside("dig @10.77.0.1 -p 5300 +tries=1 +time=1 CH TXT version.bind").status.success();
    let idle = "not listening on any address: ";
    says(idle, 1);
    for round in 1..=2 {
        let output = inside("ip address add 10.77.0.1/32 dev lo");
        assert!(output.status.success(), "{output:?}");
        says("listening on IPv4 address 10.77.0.1#5300", round);
        assert!(wait_until(PATIENCE, answers), "{}", place.text("said"));
        inside("ip address del 10.77.0.1/32 dev lo");
        says("no longer listening on 10.77.0.1#5300", round);
        says(idle, 1 + round);
        place.write(&conf.replace("allow-query { any; }", "allow-query { localhost; }"));
        server.signal(Signal::SIGHUP);
        says("reloading configuration succeeded", round);
    }
    assert_eq!(count(idle), 3, "said once each time: {}", place.text("said"));
    assert!(server.terminate(PATIENCE).is_some_and(|status| status.success()));
}

#[test]
fn a_watchdog_of_another_process_is_not_fed() {
    let upstream = upstream();
    let address = fresh_address();
    let place = Place::new(&named_conf(address, upstream.address(), ""));
    let manager = Manager::new(&place.path("notify"));
    let mut command = place.command(&["-f", "-n", "2"]);
    command.env("NOTIFY_SOCKET", place.path("notify")).env("WATCHDOG_USEC", "200000").env("WATCHDOG_PID", "1");
    let mut server = place.start_command(command);
    manager.hears("READY=1\n");
    manager.socket.set_read_timeout(Some(Duration::from_millis(600))).expect("it is ours");
    assert!(manager.socket.recv(&mut [0; 64]).is_err(), "the watchdog is another process's");
    server.terminate(PATIENCE).expect("it ends");
}

#[test]
fn sockets_that_were_bound_by_somebody_else_are_taken_over() {
    let upstream = upstream();
    let address = fresh_address();
    let place = Place::new(&named_conf(address, upstream.address(), ""));
    let mut command = Command::new(program("systemd-socket-activate", "systemd"));
    command.arg("--datagram").arg(format!("--listen={address}"));
    command
        .arg(place.path("named"))
        .arg("-c")
        .arg(place.path("named.conf"))
        .args(["-g", "-n", "2"])
        .stdin(Stdio::null());
    let mut server = place.start_command(command);
    // The first datagram starts the server, which finds it in the socket.
    let client = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    client.connect(address).expect("it can be connected");
    let answer = || {
        let _ = client.send(&question("first"));
        receive_udp(&client, Duration::from_millis(500)).is_some()
    };
    assert!(wait_until(PATIENCE, answer), "{}", place.text("said"));
    assert!(answers(address));
    let by_tcp = Connection::open(None, address).is_ok();
    assert!(by_tcp, "what was not handed over is bound as ever");

    // Once more, at an address that nobody wants.
    let stranger = fresh_address();
    place.write(&named_conf(stranger, upstream.address(), ""));
    server.signal(Signal::SIGHUP);
    assert!(wait_until(PATIENCE, || answers(stranger)), "{}", place.text("said"));
    place.write(&named_conf(address, upstream.address(), ""));
    server.signal(Signal::SIGHUP);
    assert!(wait_until(PATIENCE, || answers(address)), "its socket is still there: {}", place.text("said"));
    assert!(server.terminate(PATIENCE).is_some_and(|status| status.success()));
}

#[test]
fn a_socket_that_matches_no_listen_on_is_told() {
    let upstream = upstream();
    let (address, stranger) = (fresh_address(), fresh_address());
    let place = Place::new(&named_conf(address, upstream.address(), ""));
    let mut command = Command::new(program("systemd-socket-activate", "systemd"));
    command.arg("--datagram").arg(format!("--listen={stranger}"));
    command.arg(place.path("named")).arg("-c").arg(place.path("named.conf")).arg("-g").stdin(Stdio::null());
    let mut server = place.start_command(command);
    let client = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    let knock = || {
        let _ = client.send_to(b"anybody?", stranger);
        answers(address)
    };
    assert!(wait_until(PATIENCE, knock), "{}", place.text("said"));
    let expected = format!("a socket for {} port {} was handed over, and no listen-on", stranger.ip(), stranger.port());
    assert!(place.text("said").contains(&expected), "{}", place.text("said"));
    server.terminate(PATIENCE).expect("it ends");
}
