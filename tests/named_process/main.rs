//! `named` as a process: its arguments, going into the background, giving up root, who is told what and when.
//!
//! Beside the real named where that ends by itself. Not here: what named.conf means (`tests/conf.rs`,
//! `tests/named_conf.rs`), reloads of `tandem serve`, which are the same (`tests/lifecycle.rs`).

#[path = "../common/mod.rs"]
mod common;
mod place;
mod privileges;
mod service;

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

use common::packet::{Message, receive_udp};
use common::{fresh_address, named_conf, program, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use place::{PATIENCE, Place, answers, question, upstream};

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
    let server = place.background("run/pid");
    let pid = server.pid;
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
        "-C",
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
