//! BIND's rndc, the client of the control channel.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use super::program;

/// Sends a command by the real rndc with a key file: its exit code, and what it said.
pub(crate) fn rndc(key: &Path, server: SocketAddr, command: &str) -> (i32, String) {
    rndc_by(Command::new(program("rndc", "bind9-utils")), key, server, command)
}

/// The same by a program that takes rndc's arguments.
pub(crate) fn rndc_by(mut program: Command, key: &Path, server: SocketAddr, command: &str) -> (i32, String) {
    let output = program
        .arg("-k")
        .arg(key)
        .args(["-s", &server.ip().to_string(), "-p", &server.port().to_string()])
        .args(command.split(' '))
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code().unwrap_or(-1), said)
}
