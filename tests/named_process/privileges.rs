//! Giving up root: `-u` and `-t` of who has none to give up.
//!
//! Not here: what root alone can see (`tests/giving_up_root.rs`).

use std::path::Path;
use std::process::{Command, Stdio};

use nix::unistd::geteuid;

use crate::common::{fresh_address, named_conf, program};
use crate::last_line;
use crate::place::Place;

/// The last line of standard error of a command that somebody else than root runs.
fn said_to_a_user(program_and_arguments: &[&str]) -> String {
    let mut command = match geteuid().is_root() {
        true => {
            let mut command = Command::new(program("setpriv", "util-linux"));
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).args(program_and_arguments);
            command
        }
        false => {
            let mut command = Command::new(program_and_arguments[0]);
            command.args(&program_and_arguments[1..]);
            command
        }
    };
    let output = command.stdin(Stdio::null()).output().expect("it can be started");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    last_line(&output.stderr)
}

#[test]
fn who_is_not_root_cannot_become_somebody_else_and_is_told_so_as_by_named() {
    let place = Place::new(&named_conf(fresh_address(), fresh_address(), ""));
    let (own, conf) = (place.copy_of_the_program(), place.path("named.conf"));
    let words = |path: &Path| path.to_string_lossy().into_owned();
    let (own, conf, real) = (words(&own), words(&conf), words(&program("named", "bind9")));
    for (arguments, expected) in [
        (&["-u", "root"][..], "named: setgid(): Operation not permitted"),
        (&["-t", "/"], "named: chroot(): Operation not permitted"),
    ] {
        let with = |program: &[&str]| said_to_a_user(&[program, arguments, &["-f", "-c", &conf]].concat());
        assert_eq!(with(&[&own, "named"]), expected);
        assert_eq!(with(&[&real]), expected, "the real one");
    }
}
