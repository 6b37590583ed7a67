//! Giving up root: `-u`, `-t`, and what is kept without them.
//!
//! Root alone can see it, so this is no part of `cargo test`: `tests/run` runs it as root, or says that it could not.

mod common;
#[path = "named_process/place.rs"]
mod place;

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Command, Stdio};

use common::{Scripted, fresh_address, named_conf, program, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{User, chown};
use place::{PATIENCE, Place, answers, upstream};

fn low() -> SocketAddr {
    SocketAddr::new(fresh_address().ip(), 53)
}

/// A file of a place, or its directory itself, for the user whom every system has.
fn given_to_nobody(place: &Place, name: &str) -> User {
    let nobody = User::from_name("nobody").expect("tables").expect("every system has it");
    chown(&place.path(name), Some(nobody.uid), Some(nobody.gid)).expect("we are root");
    nobody
}

/// A place of nobody's whose server listens on the first of two addresses that root alone may bind.
struct Stand {
    first: SocketAddr,
    second: SocketAddr,
    place: Place,
    nobody: User,
    upstream: Scripted,
}

impl Stand {
    fn new() -> Stand {
        let (upstream, first) = (upstream(), low());
        let place = Place::new(&named_conf(first, upstream.address(), ""));
        let nobody = given_to_nobody(&place, "");
        Stand { first, second: low(), place, nobody, upstream }
    }

    /// Has the server listen on the second address from its next reload on.
    fn move_to_second(&self) {
        self.place.write(&named_conf(self.second, self.upstream.address(), ""));
    }
}

#[test]
fn root_is_given_up_but_for_low_ports_which_a_reload_still_binds() {
    let stand = Stand::new();
    let (place, nobody) = (&stand.place, &stand.nobody);
    let server = place.daemon(&["-u", "nobody"]);
    assert!(answers(stand.first), "on port 53");
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

    stand.move_to_second();
    kill(server.pid, Signal::SIGHUP).expect("it runs");
    assert!(wait_until(PATIENCE, || answers(stand.second)), "a new address on port 53");
}

#[test]
fn root_that_stays_root_keeps_no_capability_that_named_gives_up() {
    let upstream = upstream();
    let (address, below) = (low(), fresh_address());
    let place = Place::new(&named_conf(address, upstream.address(), ""));
    fs::create_dir(place.path("etc")).expect("a directory");
    let conf = named_conf(below, upstream.address(), "").replace("{directory}", "/etc");
    fs::write(place.path("etc/named.conf"), conf).expect("a configuration can be written");
    let root = place.directory.path().to_string_lossy().into_owned();
    let root = ["named", "-t", &root, "-c", "/etc/named.conf"];
    let confined = Command::new(env!("CARGO_BIN_EXE_tandem")).args(root).stdin(Stdio::null()).output();
    let confined = confined.expect("it can be started");
    assert!(confined.status.success(), "{confined:?}");
    let confined = place.background("etc/pid");
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
    let stand = Stand::new();
    let (place, nobody) = (&stand.place, &stand.nobody);
    let own = place.copy_of_the_program();
    // As User= and AmbientCapabilities= of the units have it.
    let mut command = Command::new(program("setpriv", "util-linux"));
    command.args(["--reuid=nobody", "--init-groups", "--inh-caps=-all,+net_bind_service"]);
    command.arg(format!("--regid={}", nobody.gid)).arg("--ambient-caps=-all,+net_bind_service");
    command.arg(own).args(["named", "-f", "-u", "nobody", "-c"]).arg(place.path("named.conf"));
    let mut server = place.start_command(command);
    assert!(wait_until(PATIENCE, || answers(stand.first)), "{}", place.text("said"));
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("it runs");
    for set in ["CapPrm:\t0000000000000400", "CapEff:\t0000000000000400", "CapAmb:\t0000000000000000"] {
        assert!(status.contains(set), "{set}: {status}");
    }
    stand.move_to_second();
    server.signal(Signal::SIGHUP);
    assert!(wait_until(PATIENCE, || answers(stand.second)), "a new address on port 53: {}", place.text("said"));
    assert!(server.terminate(PATIENCE).is_some_and(|status| status.success()));
}

#[test]
fn a_configuration_that_the_user_cannot_read_is_refused_at_the_start_as_by_named() {
    let place = Place::new(&named_conf(fresh_address(), fresh_address(), ""));
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
    fs::create_dir(place.path("etc")).expect("a directory");
    fs::create_dir(place.path("state")).expect("a directory");
    let conf = named_conf(address, upstream.address(), "").replace("{directory}", "/state");
    fs::write(place.path("etc/named.conf"), conf).expect("a configuration can be written");
    given_to_nobody(&place, "state");
    // Without -c: the usual place, below the new root.
    let root = place.directory.path().to_string_lossy().into_owned();
    let output = Command::new(place.path("named")).args(["-t", &root, "-u", "nobody"]).stdin(Stdio::null()).output();
    let output = output.expect("it can be started");
    assert!(output.status.success(), "{output:?}");
    let server = place.background("state/pid");
    assert!(answers(address));
    let seen = fs::read_link(format!("/proc/{}/root", server.pid)).expect("we are root");
    assert_eq!(seen, fs::canonicalize(place.directory.path()).expect("it is there"));
    kill(server.pid, Signal::SIGHUP).expect("it runs");
    assert!(answers(address), "a reload finds the file again");
}
