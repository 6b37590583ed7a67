//! `named` as a process: its arguments, going into the background, giving up root, who is told what and when.
//!
//! Beside the real named where that ends by itself. Not here: what named.conf means (`tests/conf.rs`,
//! `tests/named_conf.rs`), reloads of `tandem serve`, which are the same (`tests/lifecycle.rs`).

mod common;

use std::fs::{self, File, Permissions};
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use common::packet::{Message, Question, exchange_udp, receive_udp};
use common::{Process, Scripted, fresh_address, named_conf, program, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, chown, geteuid};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(15);
const SLOW: Duration = Duration::from_millis(900);

/// A directory with `named`, a link to the program under test, and `named.conf`.
struct Place {
    directory: TempDir,
}

impl Place {
    fn new(conf: &str) -> Place {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).expect("it is ours");
        symlink(env!("CARGO_BIN_EXE_tandem"), directory.path().join("named")).expect("a link can be made");
        let place = Place { directory };
        place.write(conf);
        place
    }

    fn write(&self, conf: &str) {
        let text = conf.replace("{directory}", &self.directory.path().to_string_lossy());
        fs::write(self.path("named.conf"), text).expect("a configuration can be written");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// `named -c named.conf ARGUMENTS`, not yet started.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.path("named"));
        command.arg("-c").arg(self.path("named.conf")).args(arguments).stdin(Stdio::null());
        command
    }

    /// Runs it until it has gone into the background, or not.
    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("it can be started")
    }

    /// Starts it in the foreground, its words in the file `said`.
    fn start(&self, arguments: &[&str]) -> Process {
        self.start_command(self.command(arguments))
    }

    fn start_command(&self, mut command: Command) -> Process {
        let said = File::options().create(true).append(true).open(self.path("said")).expect("a file can be made");
        command.stdout(said.try_clone().expect("a handle can be doubled")).stderr(said);
        Process::new(command.spawn().expect("it can be started"))
    }

    /// Starts it in the background: what it is by its pid file.
    fn daemon(&self, arguments: &[&str]) -> Background {
        let output = self.run(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let pid = self.text("pid").trim().parse().expect("a process ID");
        Background { pid: Pid::from_raw(pid) }
    }
}

/// A process that is nobody's child; ended when dropped.
struct Background {
    pid: Pid,
}

impl Background {
    fn runs(&self) -> bool {
        kill(self.pid, None).is_ok()
    }

    fn ends(&self) -> bool {
        wait_until(PATIENCE, || !self.runs())
    }

    /// A line of /proc/PID/status, without its name.
    fn status(&self, name: &str) -> String {
        let text = fs::read_to_string(format!("/proc/{}/status", self.pid)).expect("it runs");
        let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("the kernel tells it");
        line.trim_start_matches(':').split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if self.runs() {
            let _ = kill(self.pid, Signal::SIGTERM);
            if !self.ends() {
                let _ = kill(self.pid, Signal::SIGKILL);
            }
        }
    }
}

fn upstream() -> Scripted {
    Scripted::start(|query| {
        let reply = query.reply().address(0, [192, 0, 2, 1]);
        if query.name().starts_with("slow") { reply.send_after(SLOW) } else { reply.send() }
    })
}

fn question(label: &str) -> Vec<u8> {
    Question::new(&format!("{label}.example.org"), "A").octets()
}

fn answers(server: SocketAddr) -> bool {
    let answer = exchange_udp(server, &question("a"), Duration::from_millis(500));
    answer.is_some_and(|answer| answer.rcode() == 0 && answer.counts[1] == 1)
}

fn last_line(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).lines().last().unwrap_or_default().to_owned()
}

#[test]
fn in_the_background_it_is_there_when_the_first_process_ends() {
    let upstream = upstream();
    let address = fresh_address();
    let place = Place::new(&named_conf(address, upstream.address(), "").replace("/pid\"", "/run/pid\""));
    let output = place.run(&[]);
    assert!(output.status.success(), "{output:?}");
    let pid = place.text("run/pid").trim().parse().expect("a process ID");
    let server = Background { pid: Pid::from_raw(pid) };
    // It says nothing, as named; but a host without syslog is worth a word.
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.lines().all(|line| line.contains("'default_syslog'")) && output.stdout.is_empty(), "{said}");
    assert!(answers(address), "at once, without waiting");
    assert_eq!(fs::metadata(place.path("run/pid")).expect("it is there").mode() & 0o777, 0o644);
    assert_eq!(server.status("Name"), "named");
    assert_eq!(server.status("NSsid"), pid.to_string(), "a session of its own");
    for descriptor in 0..3 {
        let target = fs::read_link(format!("/proc/{pid}/fd/{descriptor}")).expect("it is open");
        assert_eq!(target, Path::new("/dev/null"));
    }
    for signal in [Signal::SIGUSR1, Signal::SIGUSR2] {
        kill(server.pid, signal).expect("it runs");
    }
    assert!(answers(address), "these two mean nothing");

    kill(server.pid, Signal::SIGINT).expect("it runs");
    assert!(server.ends());
    assert!(!place.path("run/pid").exists(), "the pid file goes with it");
}

#[test]
fn what_keeps_it_from_starting_is_said_and_the_exit_code_is_1() {
    let upstream = upstream();
    let (address, other) = (fresh_address(), UdpSocket::bind("127.0.0.1:0").expect("a socket"));
    let good = named_conf(address, upstream.address(), "");
    let taken = other.local_addr().expect("it is bound");
    let cases: [(&str, String, &[&str], &str); 6] = [
        ("an unknown option", good.replace(" forward only;", " forwards only;"), &[], "named.conf:8: unknown option"),
        ("a port in use", named_conf(taken, upstream.address(), ""), &[], "another server listens there"),
        ("a missing file", good.clone(), &["-c", "/no/where"], "open: /no/where"),
        ("a missing user", good.clone(), &["-u", "no-such-user"], "named: user 'no-such-user' unknown"),
        ("a missing root", good.clone(), &["-t", "/no/where"], "named: chroot(): "),
        ("a lock file nowhere", good.clone(), &["-X", "/no/where/lock"], "cannot use lock-file '/no/where/lock'"),
    ];
    for (case, conf, arguments, expected) in cases {
        for mode in [&[][..], &["-f"], &["-g"]] {
            let place = Place::new(&conf);
            let output = place.run(&[arguments, mode].concat());
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(1), "{case}, {mode:?}: {said}");
            assert!(said.contains(expected), "{case}, {mode:?}: {said}");
            assert!(!place.path("pid").exists(), "{case}, {mode:?}: nothing is left behind");
        }
    }
}

#[test]
fn wrong_arguments_get_nameds_exit_code_and_words() {
    let ours = Place::new("");
    let lines = [
        "-Z",
        "-h",
        "-?",
        "-F",
        "-c",
        "-L",
        "-D",
        "extra",
        "-f extra",
        "-n x",
        "-nx -v",
        "-p 99999",
        "-p 0",
        "-p x",
        "-p foo=1",
        "-d x",
        "-d -1",
        "-m bogus",
        "-M bogus",
        "-M external",
        "-A x",
        "-4 -6",
        "-u no-such-user -f",
        "-c /no/where -f",
        "-c /no/where",
        "-v",
        "-V",
        "-4 -v",
        "-d 3 -v",
        "-E x -v",
        "-M fill -v",
        "-U 4 -v",
    ];
    for line in lines {
        let run = |named: &Path| {
            let output = Command::new(named).args(line.split(' ')).stdin(Stdio::null()).output();
            output.expect("it can be started")
        };
        let (real, own) = (run(&program("named", "bind9")), run(&ours.path("named")));
        assert_eq!(own.status.code(), real.status.code(), "named {line}: {own:?}");
        // Of a file that is missing named speaks to syslog alone, and its usage names what it has more.
        if line != "-?" && !line.contains("/no/where") {
            assert_eq!(last_line(&own.stderr), last_line(&real.stderr), "named {line}");
        }
        assert_eq!(own.stdout.is_empty(), real.stdout.is_empty(), "named {line}");
    }
    let version = String::from_utf8(ours.command(&["-V"]).output().expect("it runs").stdout).expect("UTF-8");
    assert!(version.starts_with("Tandem ") && version.contains("\n  named configuration:  /etc/"), "{version}");
}

#[test]
fn a_stop_answers_what_is_under_way_in_each_mode() {
    let upstream = upstream();
    for mode in ["", "-f", "-g"] {
        let address = fresh_address();
        let place = Place::new(&named_conf(address, upstream.address(), ""));
        let arguments: Vec<&str> = mode.split_whitespace().collect();
        let (mut child, background) = match mode {
            "" => (None, Some(place.daemon(&arguments))),
            _ => (Some(place.start(&arguments)), None),
        };
        assert!(wait_until(PATIENCE, || answers(address)), "{mode}: {}", place.text("said"));
        let client = UdpSocket::bind("0.0.0.0:0").expect("a socket");
        client.connect(address).expect("it can be connected");
        let before = upstream.count("slow.example.org");
        client.send(&question("slow")).expect("sent");
        assert!(wait_until(PATIENCE, || upstream.count("slow.example.org") > before), "{mode}: it is under way");
        let pid = place.text("pid").trim().parse().expect("a process ID");
        kill(Pid::from_raw(pid), Signal::SIGTERM).expect("it runs");
        let answer = receive_udp(&client, PATIENCE);
        assert_eq!(answer.as_ref().map(Message::rcode), Some(0), "{mode}");
        assert!(wait_until(PATIENCE, || !place.path("pid").exists()), "{mode}: the pid file goes");
        if let Some(child) = &mut child {
            assert_eq!(child.terminate(PATIENCE).and_then(|status| status.code()), Some(0), "{mode}");
        }
        assert!(background.is_none_or(|background| background.ends()), "{mode}");
    }
}

#[test]
fn the_log_goes_where_the_arguments_and_the_statement_say() {
    let upstream = upstream();
    let logging =
        "logging { channel own { file \"{directory}/own\"; severity dynamic; }; category default { own; }; };";
    let plain = |address| named_conf(address, upstream.address(), "");
    let written = |address| plain(address) + logging;
    let file = "-L {directory}/other";
    for (case, arguments, with_statement, place_of_log) in [
        ("-g: standard error, whatever the statement says", "-g", true, "said"),
        ("-f: the statement", "-f", true, "own"),
        ("-L: the statement's default comes first", file, true, "own"),
        ("-L: a file instead of syslog", file, false, "other"),
        ("a word about what does nothing", "-f -U 4 -S 4096", true, "own"),
    ] {
        let address = fresh_address();
        let conf = if with_statement { written(address) } else { plain(address) };
        let place = Place::new(&conf);
        let arguments = arguments.replace("{directory}", &place.directory.path().to_string_lossy());
        let mut arguments: Vec<&str> = arguments.split(' ').collect();
        if !arguments.contains(&"-g") && !arguments.contains(&"-f") {
            arguments.push("-f");
        }
        let mut server = place.start(&arguments);
        assert!(
            wait_until(PATIENCE, || place.text(place_of_log).contains("running")),
            "{case}: {}",
            place.text("said")
        );
        for other in ["said", "own", "other"].into_iter().filter(|&other| other != place_of_log) {
            assert!(!place.text(other).contains("running"), "{case}: also in {other}");
        }
        if arguments.contains(&"-U") {
            for flag in ["'-U' is ignored: ", "'-S' is ignored: "] {
                assert!(place.text("own").contains(flag), "{flag}: {}", place.text("own"));
            }
        }
        assert!(server.terminate(PATIENCE).is_some_and(|status| status.success()), "{case}");
    }
}

#[test]
fn port_family_and_workers_are_those_of_the_arguments() {
    let upstream = upstream();
    let address = fresh_address();
    let conf = format!(
        "options {{ directory \"{{directory}}\"; pid-file \"{{directory}}/pid\"; port 1; listen-on {{ {}; }};
         listen-on-v6 port {} {{ ::1; }}; forwarders {{ {} port {}; }}; forward only; }};",
        address.ip(),
        address.port(),
        upstream.address().ip(),
        upstream.address().port()
    );
    let place = Place::new(&conf);
    let port = address.port().to_string();
    let server = place.daemon(&["-4", "-p", &port, "-n", "3"]);
    assert!(answers(address), "the port of the arguments, not that of the options");
    let tasks = fs::read_dir(format!("/proc/{}/task", server.pid)).expect("it runs");
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    assert_eq!(names.filter(|name| name.starts_with("worker ")).count(), 3);
    let on_v6 = SocketAddr::new("::1".parse().expect("an address"), address.port());
    assert!(UdpSocket::bind(on_v6).is_ok(), "-4: nobody listens on ::1");
    drop(server);
    let output = place.run(&["-6", "-f"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("no forwarder has an IPv6 address"), "{said}");
}

#[test]
fn one_lock_file_is_one_server_be_it_named_or_tandem() {
    let upstream = upstream();
    let (first, second) = (fresh_address(), fresh_address());
    let (ours, other) = (
        Place::new(&named_conf(first, upstream.address(), "")),
        Place::new(&named_conf(second, upstream.address(), "")),
    );
    let lock = ours.path("lock").to_string_lossy().into_owned();
    let refused = |place: &Place| {
        let output = place.run(&["-f", "-X", &lock]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        last_line(&output.stderr)
    };
    let expected = format!("could not lock {lock}; another named process may be running");
    let server = ours.daemon(&["-X", &lock]);
    assert_eq!(refused(&other), expected);
    drop(server);

    let conf = format!(
        "options {{ directory \"{}\"; pid-file none; session-keyfile none; listen-on {{ none; }}; listen-on-v6 {{ none; }};
         dnssec-validation no; }}; controls {{ }};",
        other.directory.path().display()
    );
    fs::write(other.path("real.conf"), conf).expect("a configuration can be written");
    let mut real = Command::new(program("named", "bind9"));
    real.arg("-c").arg(other.path("real.conf")).args(["-g", "-n", "1", "-X", &lock]).stdin(Stdio::null());
    let mut real = other.start_command(real);
    assert!(wait_until(PATIENCE, || other.text("said").contains("running")), "{}", other.text("said"));
    assert_eq!(refused(&other), expected, "the real named has it");
    real.terminate(PATIENCE).expect("it ends");
    let server = ours.daemon(&["-X", &lock]);
    assert!(server.runs(), "nobody has it");
}

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
    let by_tcp = common::packet::Connection::open(None, address).is_ok();
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

/// Of root alone; others are told so, in named's words, and that is what they see here.
fn is_root(place: &Place) -> bool {
    if geteuid().is_root() {
        return true;
    }
    let output = place.run(&["-u", "root", "-f"]);
    assert_eq!(last_line(&output.stderr), "named: setgid(): Operation not permitted");
    false
}

#[test]
fn root_is_given_up_but_for_low_ports_which_a_reload_still_binds() {
    let upstream = upstream();
    let low = || SocketAddr::new(fresh_address().ip(), 53);
    let (first, second) = (low(), low());
    let place = Place::new(&named_conf(first, upstream.address(), ""));
    if !is_root(&place) {
        return;
    }
    let nobody = User::from_name("nobody").expect("tables").expect("every system has it");
    chown(place.directory.path(), Some(nobody.uid), Some(nobody.gid)).expect("we are root");
    let server = place.daemon(&["-u", "nobody"]);
    assert!(answers(first), "on port 53");
    let four = |id: u32| [id.to_string(), id.to_string(), id.to_string(), id.to_string()].join(" ");
    assert_eq!(server.status("Uid"), four(nobody.uid.as_raw()));
    assert_eq!(server.status("Gid"), four(nobody.gid.as_raw()));
    assert_eq!(server.status("Groups"), nobody.gid.to_string(), "none of root's");
    for set in ["CapPrm", "CapEff", "CapBnd"] {
        assert_eq!(server.status(set), "0000000000000400", "{set}: CAP_NET_BIND_SERVICE alone");
    }
    for set in ["CapInh", "CapAmb"] {
        assert_eq!(server.status(set), "0000000000000000", "{set}");
    }
    assert_eq!(server.status("NoNewPrivs"), "1");
    let tasks = fs::read_dir(format!("/proc/{}/task", server.pid)).expect("it runs").flatten();
    for status in tasks.map(|task| fs::read_to_string(task.path().join("status")).unwrap_or_default()) {
        assert!(status.contains("CapEff:\t0000000000000400"), "each thread: {status}");
    }
    let owner = fs::metadata(place.path("pid")).expect("it is there").uid();
    assert_eq!(owner, nobody.uid.as_raw(), "who runs the server wrote the pid file");

    place.write(&named_conf(second, upstream.address(), ""));
    kill(server.pid, Signal::SIGHUP).expect("it runs");
    assert!(wait_until(PATIENCE, || answers(second)), "a new address on port 53");
}

#[test]
fn root_that_stays_root_keeps_no_capability_that_named_gives_up() {
    let upstream = upstream();
    let (address, below) = (SocketAddr::new(fresh_address().ip(), 53), fresh_address());
    let place = Place::new(&named_conf(address, upstream.address(), ""));
    if !is_root(&place) {
        return;
    }
    fs::create_dir(place.path("etc")).expect("a directory");
    let conf = named_conf(below, upstream.address(), "").replace("{directory}", "/etc");
    fs::write(place.path("etc/named.conf"), conf).expect("a configuration can be written");
    let root = place.directory.path().to_string_lossy().into_owned();
    let root = ["named", "-t", &root, "-c", "/etc/named.conf"];
    let confined = Command::new(env!("CARGO_BIN_EXE_tandem")).args(root).stdin(Stdio::null()).output();
    let confined = confined.expect("it can be started");
    assert!(confined.status.success(), "{confined:?}");
    let confined = Background { pid: Pid::from_raw(place.text("etc/pid").trim().parse().expect("a process ID")) };
    let server = place.daemon(&[]);
    assert!(answers(address) && answers(below));
    for (case, server) in [("without -u", server), ("with -t alone", confined)] {
        assert_eq!(server.status("Uid"), "0 0 0 0", "{case}");
        for set in ["CapPrm", "CapEff", "CapBnd"] {
            assert_eq!(server.status(set), "0000000000000400", "{case}, {set}: CAP_NET_BIND_SERVICE alone");
        }
        assert_eq!(server.status("NoNewPrivs"), "1", "{case}");
    }
}

#[test]
fn a_unit_may_begin_as_the_user_that_u_names() {
    let upstream = upstream();
    let low = || SocketAddr::new(fresh_address().ip(), 53);
    let (first, second) = (low(), low());
    let place = Place::new(&named_conf(first, upstream.address(), ""));
    if !is_root(&place) {
        return;
    }
    let nobody = User::from_name("nobody").expect("tables").expect("every system has it");
    chown(place.directory.path(), Some(nobody.uid), Some(nobody.gid)).expect("we are root");
    // Where the build is, others may not reach.
    fs::copy(env!("CARGO_BIN_EXE_tandem"), place.path("tandem")).expect("the program can be copied");
    // As User= and AmbientCapabilities= of the units have it.
    let mut command = Command::new(program("setpriv", "util-linux"));
    command.args(["--reuid=nobody", "--init-groups", "--inh-caps=-all,+net_bind_service"]);
    command.arg(format!("--regid={}", nobody.gid)).arg("--ambient-caps=-all,+net_bind_service");
    command.arg(place.path("tandem")).args(["named", "-f", "-u", "nobody", "-c"]).arg(place.path("named.conf"));
    let mut server = place.start_command(command);
    assert!(wait_until(PATIENCE, || answers(first)), "{}", place.text("said"));
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("it runs");
    for set in ["CapPrm:\t0000000000000400", "CapEff:\t0000000000000400", "CapAmb:\t0000000000000000"] {
        assert!(status.contains(set), "{set}: {status}");
    }
    place.write(&named_conf(second, upstream.address(), ""));
    server.signal(Signal::SIGHUP);
    assert!(wait_until(PATIENCE, || answers(second)), "a new address on port 53: {}", place.text("said"));
    assert!(server.terminate(PATIENCE).is_some_and(|status| status.success()));
}

#[test]
fn a_configuration_that_the_user_cannot_read_is_refused_at_the_start_as_by_named() {
    let place = Place::new(&named_conf(fresh_address(), fresh_address(), ""));
    if !is_root(&place) {
        return;
    }
    fs::set_permissions(place.path("named.conf"), Permissions::from_mode(0o600)).expect("we are root");
    let output = place.run(&["-u", "nobody"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("permission denied"), "a reload could not read it either: {said}");
    let mut real = Command::new(program("named", "bind9"));
    real.args(["-f", "-u", "nobody", "-c"]).arg(place.path("named.conf")).stdin(Stdio::null());
    let output = real.output().expect("it can be started");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[test]
fn with_t_every_path_is_below_the_new_root() {
    let upstream = upstream();
    let address = fresh_address();
    let place = Place::new("");
    if !is_root(&place) {
        return;
    }
    fs::create_dir(place.path("etc")).expect("a directory");
    fs::create_dir(place.path("state")).expect("a directory");
    let conf = named_conf(address, upstream.address(), "").replace("{directory}", "/state");
    fs::write(place.path("etc/named.conf"), conf).expect("a configuration can be written");
    let nobody = User::from_name("nobody").expect("tables").expect("every system has it");
    chown(&place.path("state"), Some(nobody.uid), Some(nobody.gid)).expect("we are root");
    // Without -c: the usual place, below the new root.
    let root = place.directory.path().to_string_lossy().into_owned();
    let output = Command::new(place.path("named")).args(["-t", &root, "-u", "nobody"]).stdin(Stdio::null()).output();
    let output = output.expect("it can be started");
    assert!(output.status.success(), "{output:?}");
    let server = Background { pid: Pid::from_raw(place.text("state/pid").trim().parse().expect("a process ID")) };
    assert!(answers(address));
    let seen = fs::read_link(format!("/proc/{}/root", server.pid)).expect("we are root");
    assert_eq!(seen, fs::canonicalize(place.directory.path()).expect("it is there"));
    kill(server.pid, Signal::SIGHUP).expect("it runs");
    assert!(answers(address), "a reload finds the file again");
}
